// UTF-16, which Windows and libraries there keep names in. Nothing of this exists elsewhere.
#ifndef SRC_PLATFORM_WIDE_H
#define SRC_PLATFORM_WIDE_H

#ifdef _WIN32
#include <wchar.h>

// Both malloc'd; NULL: out of memory, or (the first) not UTF-8. A lone surrogate, which UTF-8
// cannot hold, becomes U+FFFD.
wchar_t *wide_from_utf8(const char *text);
char *wide_to_utf8(const wchar_t *wide);
#endif

#endif
