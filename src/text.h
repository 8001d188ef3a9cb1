// Text that grows: lines of JSON and CSV. Kept between photos, so that nothing is allocated per
// photo after a while.
#ifndef SRC_TEXT_H
#define SRC_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/status.h"

// Starts zeroed; set length to 0 to begin anew.
struct text {
    char *bytes; // owned, not terminated
    size_t length, capacity;
    bool failed; // memory ran out: what was added since is missing
};

void text_free(struct text *text);
void text_add(struct text *text, const char *bytes, size_t length);
void text_add_string(struct text *text, const char *string);
// At most 127 bytes.
void text_add_format(struct text *text, const char *format, ...) CUBBY_PRINTF(2, 3);
// For people: control characters, which could drive a terminal or forge a line, become \xNN.
void text_add_printable(struct text *text, const char *string);
// Quoted and escaped. jansson refuses bytes that are not UTF-8, and file names may hold them: each
// becomes \udcXX, which is what Python reads back with surrogateescape.
void text_add_json_string(struct text *text, const char *string);
// Whole JSON from elsewhere, which may hold control characters as they are (DEL, U+0080 to U+009F)
// where a terminal would obey them: they become \u00XX.
void text_add_json(struct text *text, const char *json);
// RFC 4180: quoted where needed, quotes doubled. CSV has no escapes: a byte that is not
// UTF-8 becomes U+FFFD, so that programs that read the file do not stumble over it.
void text_add_csv_field(struct text *text, const char *value);

#endif
