// One character of a name at a time: how it may be shown, and how wide it is. Names come from file
// systems and model files, and some were made to mislead.
#ifndef SRC_CHECK_CHARACTER_H
#define SRC_CHECK_CHARACTER_H

#include <stdint.h>

#include "text.h"

enum character_kind {
    CHARACTER_PLAIN,
    CHARACTER_CONTROL, // C0, DEL, C1, line and paragraph separators: obeyed, not shown
    CHARACTER_BIDI,    // turns the direction of what follows, so that it reads as another name
    CHARACTER_INVALID, // a byte that is not UTF-8
};

struct character {
    enum character_kind kind;
    uint32_t code;    // the byte itself if invalid
    unsigned bytes;   // that it takes; 0 at the end of the text
    unsigned columns; // of a terminal: 0 for combining marks, 2 for East Asian and emoji
};

struct character character_read(const char *text);

// Columns that the name takes where what is not plain is shown as \xNN or \u{NNNN}.
unsigned character_columns(const char *name);

// For text on a terminal: controls become \xNN, what turns the direction \u{NNNN}; bytes that are
// not UTF-8 stay, so that the name can be copied.
void character_add_name(struct text *out, const char *name);
// For a table on a terminal: exactly `columns` wide, spaces added (before it if `right`), or cut
// with an ellipsis.
void character_add_cell(struct text *out, const char *name, unsigned columns, bool right);

#endif
