#include "sink/archive_name.h"

#include <stdlib.h>
#include <string.h>

#include "platform/wide.h"

#ifdef _WIN32

bool archive_name_set(struct archive_entry *entry, const char *name)
{
    wchar_t *wide = wide_from_utf8(name);
    if (wide)
        archive_entry_copy_pathname_w(entry, wide);
    free(wide);
    return wide != NULL;
}

char *archive_name_get(struct archive_entry *entry)
{
    const wchar_t *wide = archive_entry_pathname_w(entry);
    return wide ? wide_to_utf8(wide) : NULL;
}

#else

bool archive_name_set(struct archive_entry *entry, const char *name)
{
    archive_entry_set_pathname_utf8(entry, name);
    return true;
}

char *archive_name_get(struct archive_entry *entry)
{
    const char *name = archive_entry_pathname_utf8(entry);
    return name ? strdup(name) : NULL;
}

#endif
