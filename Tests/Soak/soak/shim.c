// Disks that fail on request: preloaded into the gateway. While the file that SOAK_FAULTS names is there, each of its lines,
// `MODE PATH`, holds for every file below PATH: EROFS, ENOSPC or EIO for what would change it, or a number of milliseconds
// by which each such call is delayed.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int open_really(const char *path) {
    static int (*real)(const char *, int, ...);
    if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    return real(path, O_RDONLY | O_CLOEXEC);
}

// 0 when a change of the path may go on; else -1 with errno. A full disk stops only what `grows`.
static int fault(const char *path, int grows) {
    const char *faults = getenv("SOAK_FAULTS");
    if (!faults || !path || path[0] != '/') return 0;
    int file = open_really(faults);
    if (file < 0) return 0;
    char text[8192];
    ssize_t count = read(file, text, sizeof text - 1);
    close(file);
    if (count <= 0) return 0;
    text[count] = 0;
    char *rest = text, *line;
    while ((line = strsep(&rest, "\n"))) {
        char *below = strchr(line, ' ');
        if (!below) continue;
        *below++ = 0;
        if (strncmp(path, below, strlen(below))) continue;
        if (!strcmp(line, "EROFS")) { errno = EROFS; return -1; }
        if (!strcmp(line, "ENOSPC")) { if (!grows) continue; errno = ENOSPC; return -1; }
        if (!strcmp(line, "EIO")) { errno = EIO; return -1; }
        long milliseconds = atol(line);
        struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000};
        nanosleep(&pause, NULL);
    }
    return 0;
}

static int fault_at(int file, int grows) {
    if (!getenv("SOAK_FAULTS")) return 0;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t count = readlink(link, path, sizeof path - 1);
    if (count < 0) return 0;
    path[count] = 0;
    return fault(path, grows);
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        static int (*real)(const char *, int, ...); \
        if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
        va_list arguments; \
        va_start(arguments, flags); \
        mode_t mode = va_arg(arguments, mode_t); \
        va_end(arguments); \
        if ((flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) && fault(path, (flags & O_CREAT) && access(path, F_OK))) return -1; \
        return real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

ssize_t write(int file, const void *bytes, size_t count) { REAL(write); return file > 2 && fault_at(file, 1) ? -1 : real(file, bytes, count); }
ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) { REAL(pwrite); return fault_at(file, 1) ? -1 : real(file, bytes, count, at); }
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) { REAL(pwrite64); return fault_at(file, 1) ? -1 : real(file, bytes, count, at); }
int ftruncate(int file, off_t size) { REAL(ftruncate); return fault_at(file, 0) ? -1 : real(file, size); }
int ftruncate64(int file, off64_t size) { REAL(ftruncate64); return fault_at(file, 0) ? -1 : real(file, size); }
int fsync(int file) { REAL(fsync); return fault_at(file, 0) ? -1 : real(file); }
int fdatasync(int file) { REAL(fdatasync); return fault_at(file, 0) ? -1 : real(file); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); return access(path, F_OK) && fault(path, 1) ? -1 : real(path, mode); }
int rename(const char *from, const char *to) { REAL(rename); return fault(to, 0) ? -1 : real(from, to); }
int unlink(const char *path) { REAL(unlink); return fault(path, 0) ? -1 : real(path); }
