// An entry's name as UTF-8, in whichever form libarchive keeps names: on Windows it loses all but
// UTF-16, elsewhere what the locale does not have.
#ifndef SRC_SINK_ARCHIVE_NAME_H
#define SRC_SINK_ARCHIVE_NAME_H

#include <archive_entry.h>
#include <stdbool.h>

// Between utf8_locale_begin() and utf8_locale_end().
bool archive_name_set(struct archive_entry *entry, const char *name); // false: out of memory
char *archive_name_get(struct archive_entry *entry);                  // malloc'd; NULL: it has none

#endif
