#include "model/text.h"

#include <stdint.h>

#include "engine/json.h"

// Length of the UTF-8 sequence at `text`, 0 if it is not one.
static size_t utf8_length(const uint8_t *text, size_t left, uint32_t *code)
{
    uint8_t first = text[0];
    size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first > 0xf4 || length == 0 || length > left)
        return 0;
    *code = length == 1 ? first : first & (0x7fu >> length);
    for (size_t i = 1; i < length; ++i) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (text[i] & 0x3fu);
    }
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    bool surrogate = *code >= 0xd800 && *code <= 0xdfff;
    return *code < least[length] || *code > 0x10ffff || surrogate ? 0 : length;
}

bool text_is_clean(const char *text, size_t size_bytes)
{
    const uint8_t *bytes = (const uint8_t *)text;
    for (size_t at = 0; at < size_bytes;) {
        uint32_t code = 0;
        size_t length = utf8_length(bytes + at, size_bytes - at, &code);
        if (length == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0))
            return false;
        at += length;
    }
    return true;
}

enum cubby_status cubby_json_check_cost(const char *text, size_t size_bytes, size_t max_values,
                                        size_t max_depth, const char *what,
                                        const struct cubby_log *log)
{
    size_t values = 1, depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < size_bytes; ++i) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            ++values;
            if (++depth > max_depth) {
                cubby_log(log, CUBBY_LOG_ERROR, "%s is nested more than %zu levels deep", what,
                          max_depth);
                return CUBBY_TOO_LARGE;
            }
        } else if (c == ']' || c == '}') {
            depth -= depth > 0;
        } else if (c == ',' || c == ':') { // the key costs more than many a value
            ++values;
        }
    }
    if (values > max_values) {
        cubby_log(log, CUBBY_LOG_ERROR, "%s has %zu values and keys, more than the limit of %zu",
                  what, values, max_values);
        return CUBBY_TOO_LARGE;
    }
    return CUBBY_OK;
}

enum cubby_status text_load_json(json_t **root, const char *text, size_t size_bytes,
                                 size_t max_values, size_t max_depth, const char *what,
                                 const struct cubby_log *log)
{
    *root = NULL;
    enum cubby_status status =
        cubby_json_check_cost(text, size_bytes, max_values, max_depth, what, log);
    if (status)
        return status;

    json_error_t error;
    *root = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, &error);
    if (*root)
        return CUBBY_OK;
    if (json_error_code(&error) == json_error_out_of_memory)
        return CUBBY_NO_MEMORY;
    // error.text may quote the file, so only the place is told.
    cubby_log(log, CUBBY_LOG_ERROR, "%s is not valid JSON (byte %d)", what, error.position);
    return CUBBY_BAD_DATA;
}
