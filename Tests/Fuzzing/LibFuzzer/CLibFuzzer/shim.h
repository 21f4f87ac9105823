#include <stddef.h>
#include <stdint.h>

// libFuzzer as a library: runs until it has found a crash or is told to stop, and returns the process's exit code.
int LLVMFuzzerRunDriver(int *argumentCount, char ***arguments, int (*test)(const uint8_t *bytes, size_t count));
