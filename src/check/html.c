#include "check/html.h"

#include <math.h>
#include <string.h>

#include "check/character.h"

#define ELLIPSIS "\xe2\x80\xa6"
#define REPLACEMENT "\xef\xbf\xbd" // U+FFFD

static void add_plain(struct text *out, const struct character *character, const char *bytes)
{
    switch (character->code) {
    case '&':
        text_add_string(out, "&amp;");
        break;
    case '<':
        text_add_string(out, "&lt;");
        break;
    case '>':
        text_add_string(out, "&gt;");
        break;
    case '"':
        text_add_string(out, "&quot;");
        break;
    case '\'':
        text_add_string(out, "&#39;");
        break;
    default:
        text_add(out, bytes, character->bytes);
    }
}

static void add_character(struct text *out, const struct character *character, const char *bytes)
{
    if (character->kind == CHARACTER_PLAIN)
        add_plain(out, character, bytes);
    else if (character->kind == CHARACTER_INVALID)
        text_add_string(out, REPLACEMENT);
    else
        text_add_format(out, "\\u{%x}", (unsigned)character->code);
}

void html_add_text(struct text *out, const char *name)
{
    for (struct character c; (c = character_read(name)).bytes; name += c.bytes)
        add_character(out, &c, name);
}

void html_add_short(struct text *out, const char *name, unsigned columns)
{
    unsigned used = 0;
    for (struct character c; (c = character_read(name)).bytes; name += c.bytes) {
        used += c.kind == CHARACTER_PLAIN || c.kind == CHARACTER_INVALID ? c.columns : 8;
        if (used > columns || (used == columns && name[c.bytes])) {
            text_add_string(out, ELLIPSIS);
            return;
        }
        add_character(out, &c, name);
    }
}

void html_add_base64(struct text *out, const uint8_t *bytes, size_t size_bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size_bytes; i += 3) {
        const size_t here = size_bytes - i < 3 ? size_bytes - i : 3;
        const uint32_t word = (uint32_t)bytes[i] << 16 |
                              (here > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                              (here > 2 ? bytes[i + 2] : 0);
        const char group[4] = {digits[word >> 18], digits[word >> 12 & 63],
                               here > 1 ? digits[word >> 6 & 63] : '=',
                               here > 2 ? digits[word & 63] : '='};
        text_add(out, group, sizeof(group));
    }
}

void html_add_percent(struct text *out, double share)
{
    if (isnan(share))
        text_add_string(out, "\xe2\x80\x93");
    else
        text_add_format(out, "%.1f&nbsp;%%", 100 * share);
}
