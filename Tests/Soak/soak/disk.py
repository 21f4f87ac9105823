"""Disks that fail: small ones that are really mounted, and a shim that makes the system calls of one process fail or wait."""

import contextlib
import ctypes
import os
import shutil
import subprocess
import tempfile

from . import Skipped

FOLDER = os.path.dirname(os.path.abspath(__file__))


class Shim:
    """The preloaded library, compiled once."""

    def __init__(self):
        compiler = next((found for name in ("clang", "cc", "gcc") if (found := shutil.which(name))), None)
        if compiler is None:
            raise Skipped("no C compiler: disks that fail cannot be played")
        self.folder = tempfile.mkdtemp(prefix="soak-shim-")
        self.library = os.path.join(self.folder, "shim.so")
        command = [compiler, "-shared", "-fPIC", "-O1", "-o", self.library, os.path.join(FOLDER, "shim.c"), "-ldl"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(self.folder)
            raise Skipped(f"the shim does not compile: {done.stderr[:500]}")

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def faults(self):
        """The faults of one process."""
        handle, path = tempfile.mkstemp(prefix="faults-", dir=self.folder)
        os.close(handle)
        return Faults(self.library, path)


class Faults:
    def __init__(self, library, path):
        self.path, self.environment = path, {"LD_PRELOAD": library, "SOAK_FAULTS": path}

    def set(self, *lines):
        """`MODE PATH` each; none for a sound disk."""
        # Written beside and renamed: no call sees a part of it.
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))
        os.rename(self.path + ".new", self.path)


class Disk:
    """A small disk of its own, really mounted. Needs root."""

    def __init__(self, path, size="3m"):
        self.path, self.size, self.is_mounted = path, size, False

    def __enter__(self):
        os.makedirs(self.path, exist_ok=True)
        self.mount("-t", "tmpfs", "-o", f"size={self.size}", "soak")
        self.is_mounted = True
        return self

    def mount(self, *arguments):
        done = subprocess.run(["mount", *arguments, self.path], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Skipped(f"no disk can be mounted here: {done.stderr.strip()}")

    def __exit__(self, *_):
        if self.is_mounted:
            # Lazily: the gateway may have files open.
            subprocess.run(["umount", "-l", self.path], check=False, capture_output=True)

    @property
    def ballast(self):
        return os.path.join(self.path, "ballast")

    def fill(self):
        """Leaves no byte free."""
        with open(self.ballast, "ab") as file, contextlib.suppress(OSError):
            while True:
                os.write(file.fileno(), b"\0" * 4096)

    def free(self):
        os.remove(self.ballast)

    def read_only(self, is_so):
        self.mount("-o", f"remount,{'ro' if is_so else 'rw'}")


def can_mount():
    """Whether this process may mount disks: it has root's rights."""
    return os.geteuid() == 0 and shutil.which("mount") is not None


def own_mounts():
    """Keeps the mounts of this process from all others, and ends them with it."""
    clone_newns, ms_rec, ms_private = 0x00020000, 0x4000, 1 << 18
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.unshare(clone_newns) == 0 and libc.mount(b"none", b"/", None, ms_rec | ms_private, None) == 0
