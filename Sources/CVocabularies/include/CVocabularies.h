#pragma once

#include <stddef.h>

/// Bytes that are part of the executable.
typedef struct {
    const unsigned char *_Nonnull bytes;
    size_t count;
} EmbeddedBytes;

/// The tokens of an encoding, in the order of their numbers: for each its length, in one byte, and its bytes.
EmbeddedBytes embedded_cl100k_base(void);
EmbeddedBytes embedded_o200k_base(void);

/// Where the class of Unicode scalars changes: for each run its first scalar (three bytes, the lowest first) and its class (one byte; see ScalarClasses).
EmbeddedBytes embedded_unicode_classes(void);
