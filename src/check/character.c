#include "check/character.h"

#include <stdio.h>
#include <string.h>

#include "platform/names.h"

#define MAX_COLUMNS 4096u // where counting ends: nothing is that wide
#define ELLIPSIS "\xe2\x80\xa6"

struct range {
    uint32_t first, last;
};

static bool is_in(uint32_t code, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}
#define IS_IN(code, ranges) is_in(code, ranges, sizeof(ranges) / sizeof(*(ranges)))

static enum character_kind kind_of(uint32_t code)
{
    // Unicode's Bidi_Control, and the characters that only end lines.
    static const struct range bidi[] = {
        {0x061c, 0x061c}, {0x200e, 0x200f}, {0x202a, 0x202e}, {0x2066, 0x2069}};
    static const struct range control[] = {{0, 0x1f}, {0x7f, 0x9f}, {0x2028, 0x2029}};
    if (IS_IN(code, control))
        return CHARACTER_CONTROL;
    return IS_IN(code, bidi) ? CHARACTER_BIDI : CHARACTER_PLAIN;
}

// The blocks that matter; a rare character may put its line a column out.
static unsigned columns_of(uint32_t code)
{
    static const struct range none[] = {{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd},
                                        {0x064b, 0x065f}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
                                        {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f},
                                        {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0000, 0xe0fff}};
    static const struct range wide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},
                                        {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
                                        {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
                                        {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff},
                                        {0x20000, 0x3fffd}};
    return IS_IN(code, none) ? 0 : IS_IN(code, wide) ? 2 : 1;
}

struct character character_read(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    if (!*p)
        return (struct character){0};
    size_t length = names_utf8_length(text);
    if (!length)
        return (struct character){CHARACTER_INVALID, *p, 1, 1};
    uint32_t code = length == 1 ? *p : *p & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++)
        code = code << 6 | (p[i] & 0x3fu);
    return (struct character){kind_of(code), code, (unsigned)length, columns_of(code)};
}

// The character as it is shown, in `shown`; returns its columns.
static unsigned show(const struct character *character, const char *text, char shown[16])
{
    if (character->kind == CHARACTER_PLAIN) {
        memcpy(shown, text, character->bytes);
        shown[character->bytes] = '\0';
        return character->columns;
    }
    const bool byte = character->kind == CHARACTER_INVALID || character->code < 0x80;
    return (unsigned)snprintf(shown, 16, byte ? "\\x%02x" : "\\u{%x}", (unsigned)character->code);
}

unsigned character_columns(const char *name)
{
    char shown[16];
    unsigned width = 0;
    for (struct character c; (c = character_read(name)).bytes && width < MAX_COLUMNS;
         name += c.bytes)
        width += show(&c, name, shown);
    return width;
}

void character_add_name(struct text *out, const char *name)
{
    char shown[16];
    for (struct character c; (c = character_read(name)).bytes; name += c.bytes) {
        if (c.kind == CHARACTER_INVALID) {
            text_add(out, name, 1);
            continue;
        }
        show(&c, name, shown);
        text_add_string(out, shown);
    }
}

static void add_spaces(struct text *out, unsigned count)
{
    while (count--)
        text_add(out, " ", 1);
}

void character_add_cell(struct text *out, const char *name, unsigned columns, bool right)
{
    const unsigned width = character_columns(name);
    // With an ellipsis at the end if it does not fit.
    const unsigned room = width > columns ? columns - 1 : columns;
    char shown[16];
    unsigned used = 0;
    if (right && width < columns)
        add_spaces(out, columns - width);
    for (struct character c; (c = character_read(name)).bytes; name += c.bytes) {
        unsigned wide = show(&c, name, shown);
        if (used + wide > room)
            break;
        text_add_string(out, shown);
        used += wide;
    }
    if (width > columns) {
        text_add_string(out, ELLIPSIS);
        used++;
    }
    if (!right || width > columns)
        add_spaces(out, columns - used);
}
