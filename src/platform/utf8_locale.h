// libarchive turns names into the locale's charset and back, and loses or crashes on what that
// cannot hold; cubby itself runs in the C locale. Between begin and end this thread's characters
// are UTF-8; other threads and the process's own locale are not touched.
#ifndef SRC_PLATFORM_UTF8_LOCALE_H
#define SRC_PLATFORM_UTF8_LOCALE_H

#include <stdbool.h>

struct utf8_locale {
    void *mine;   // owned
    void *before; // borrowed
};

// False where the system has no locale with UTF-8; then end() does nothing. Nothing is needed, and
// done, on Windows, where libarchive keeps names as UTF-16.
bool utf8_locale_begin(struct utf8_locale *locale);
void utf8_locale_end(struct utf8_locale *locale);

#endif
