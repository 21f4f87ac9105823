#include "CVocabularies.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char cl100k_base[] = {
#embed "cl100k_base.tokens"
};

static const unsigned char o200k_base[] = {
#embed "o200k_base.tokens"
};

static const unsigned char unicode_classes[] = {
#embed "unicode.classes"
};

EmbeddedBytes embedded_cl100k_base(void) { return (EmbeddedBytes){cl100k_base, sizeof cl100k_base}; }

EmbeddedBytes embedded_o200k_base(void) { return (EmbeddedBytes){o200k_base, sizeof o200k_base}; }

EmbeddedBytes embedded_unicode_classes(void) { return (EmbeddedBytes){unicode_classes, sizeof unicode_classes}; }
