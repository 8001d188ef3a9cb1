// Turns any class label or file name into one path component that every system takes.
//
// What Windows or POSIX refuse is replaced by a character that looks like it, so that a person
// still reads the same name and it can be turned back: < > : " / \ | ? * by their full-width forms,
// control characters by the control pictures (U+2400...), a trailing dot or space by U+FF0E and
// U+2420. Reserved device names get "_" before their first dot ("nul.txt" -> "nul_.txt"). Names
// over NAMES_MAX_BYTES are cut at a character's boundary, keeping the extension. Safe names are
// unchanged.
#ifndef SRC_PLATFORM_NAMES_H
#define SRC_PLATFORM_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/status.h"
#include "hash_table.h"

#define NAMES_MAX_BYTES 255u
#define NAMES_UNSURE "unsure" // the folder of photos that no class claims

enum names_kind {
    NAMES_FILE,  // bytes that are not UTF-8 stay on systems where names are bytes
    NAMES_ENTRY, // archive entry: always UTF-8, other bytes become %XX
    NAMES_LABEL, // folder: as NAMES_ENTRY, and a leading dot is replaced, "unsure" gets "_"
};

// malloc'd; NULL when memory ran out. An empty text gives "_".
char *names_component(const char *text, enum names_kind kind);

// The name for the number-th taker of a name: 1 is the name itself, 2 "name (2).jpg". malloc'd.
char *names_numbered(const char *name, unsigned number);

// The first of name, "name (2)", "name (3)" ... that is not in `taken` yet, and enters it there.
// With ignore_case, names that differ in case only count as the same. malloc'd; NULL: out of
// memory.
char *names_claim(struct hash_table *taken, const char *name, bool ignore_case);

// Folder names for all labels, in their order, distinct even where case is ignored ("Table" and
// "table" -> "Table", "table (2)"), never unsure/ or .cubby/. *folders is malloc'd, as is each
// name.
CUBBY_NODISCARD enum cubby_status names_make_folders(char ***folders, const char *const *labels,
                                                     size_t count);
void names_free_folders(char ***folders, size_t count);

// The length of the well-formed UTF-8 character at text (NUL-terminated), 0 if there is none.
size_t names_utf8_length(const char *text);

// The text in lower case, as far as case-insensitive file systems fold it (Latin, Greek, Cyrillic):
// two names that fold alike must not share a folder. malloc'd.
char *names_fold(const char *text);

#endif
