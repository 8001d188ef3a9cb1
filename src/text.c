#include "text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/names.h"

void text_free(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}

void text_add(struct text *text, const char *bytes, size_t length)
{
    if (length > text->capacity - text->length) {
        size_t capacity = text->capacity ? text->capacity : 1024;
        while (capacity - text->length < length && capacity < SIZE_MAX / 2)
            capacity *= 2;
        char *grown = capacity - text->length < length ? NULL : realloc(text->bytes, capacity);
        if (!grown) {
            text->failed = true;
            return;
        }
        text->bytes = grown;
        text->capacity = capacity;
    }
    if (length) // there may be no memory yet
        memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

void text_add_string(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

void text_add_format(struct text *text, const char *format, ...)
{
    char piece[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(piece, sizeof(piece), format, arguments);
    va_end(arguments);
    text_add_string(text, piece);
}

// U+0080 to U+009F in UTF-8: terminals that know them take them for commands, as they do escapes.
static bool is_c1(const char *string)
{
    const unsigned char second = (unsigned char)string[1];
    return (unsigned char)string[0] == 0xc2 && second >= 0x80 && second < 0xa0;
}

void text_add_printable(struct text *text, const char *string)
{
    for (; *string; string++) {
        const unsigned char byte = (unsigned char)*string;
        if (is_c1(string))
            text_add_format(text, "\\xc2\\x%02x", (unsigned char)*++string);
        else if (byte < ' ' || byte == 0x7f)
            text_add_format(text, "\\x%02x", byte);
        else
            text_add(text, string, 1);
    }
}

void text_add_json_string(struct text *text, const char *string)
{
    text_add(text, "\"", 1);
    while (*string) {
        size_t length = names_utf8_length(string);
        unsigned char c = (unsigned char)*string;
        if (length == 0)
            text_add_format(text, "\\udc%02x", c);
        else if (c == '"' || c == '\\')
            text_add_format(text, "\\%c", c);
        else if (c == '\n')
            text_add_string(text, "\\n");
        else if (c == '\t')
            text_add_string(text, "\\t");
        else if (c < 0x20 || c == 0x7f)
            text_add_format(text, "\\u%04x", c);
        else if (is_c1(string))
            text_add_format(text, "\\u%04x", (unsigned char)string[1]);
        else
            text_add(text, string, length);
        string += length ? length : 1;
    }
    text_add(text, "\"", 1);
}

void text_add_json(struct text *text, const char *json)
{
    for (; *json; json++) {
        if (is_c1(json))
            text_add_format(text, "\\u%04x", (unsigned char)*++json);
        else if (*json == 0x7f)
            text_add_string(text, "\\u007f");
        else
            text_add(text, json, 1);
    }
}

void text_add_csv_field(struct text *text, const char *value)
{
    bool quoted = strpbrk(value, "\",\r\n") != NULL;
    if (quoted)
        text_add(text, "\"", 1);
    while (*value) {
        size_t length = names_utf8_length(value);
        if (length == 0)
            text_add_string(text, "\xef\xbf\xbd"); // U+FFFD
        else
            text_add(text, value, length);
        if (*value == '"')
            text_add(text, "\"", 1);
        value += length ? length : 1;
    }
    if (quoted)
        text_add(text, "\"", 1);
}
