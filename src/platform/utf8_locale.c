#include "platform/utf8_locale.h"

#include <stddef.h>

#ifdef _WIN32

bool utf8_locale_begin(struct utf8_locale *locale)
{
    *locale = (struct utf8_locale){0};
    return true;
}

void utf8_locale_end(struct utf8_locale *locale)
{
    (void)locale;
}

#else

#include <locale.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

bool utf8_locale_begin(struct utf8_locale *locale)
{
    // glibc since 2.35 and musl need no file for the first; macOS has the second.
    static const char *const names[] = {"C.UTF-8", "UTF-8", "en_US.UTF-8"};
    *locale = (struct utf8_locale){0};
    locale_t made = (locale_t)0;
    for (size_t i = 0; !made && i < sizeof(names) / sizeof(*names); i++)
        made = newlocale(LC_CTYPE_MASK, names[i], (locale_t)0);
    if (!made)
        return false;
    locale->before = (void *)uselocale(made);
    locale->mine = (void *)made;
    return true;
}

void utf8_locale_end(struct utf8_locale *locale)
{
    if (!locale->mine)
        return;
    uselocale((locale_t)locale->before);
    freelocale((locale_t)locale->mine);
    *locale = (struct utf8_locale){0};
}

#endif
