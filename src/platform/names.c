#include "platform/names.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "hash_table.h"

// The extension is what tells programs the kind of a file; longer ones are no extensions.
#define MAX_EXTENSION_BYTES 32u
// The longest that one byte of input becomes: a three-byte look-alike.
#define MAX_GROWTH 3u

#ifdef _WIN32
static const bool names_are_bytes = false;
#else
static const bool names_are_bytes = true;
#endif

size_t names_utf8_length(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    if (p[0] == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    // Overlong forms, surrogates and what lies beyond U+10FFFF.
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return length;
}

static uint32_t decode_utf8(const char *text, size_t length)
{
    const unsigned char *p = (const unsigned char *)text;
    if (length == 1)
        return p[0];
    uint32_t code = p[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++)
        code = code << 6 | (p[i] & 0x3fu);
    return code;
}

// Writes 1 to 4 bytes, returns how many.
static size_t encode_utf8(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

// The look-alike of a byte that some system refuses, or the byte itself.
static uint32_t look_alike(unsigned char c)
{
    if (c < 0x20)
        return 0x2400u + c;
    if (c == 0x7f)
        return 0x2421;
    // Every ASCII character has a full-width form at this distance.
    return strchr("<>:\"/\\|?*", c) ? 0xff00u + c - 0x20 : c;
}

// Writes the text with what is refused replaced; returns the length.
static size_t replace_refused(const char *text, enum names_kind kind, char *out)
{
    size_t length = 0;
    while (*text) {
        size_t bytes = names_utf8_length(text);
        unsigned char c = (unsigned char)*text;
        if (bytes == 1) {
            length += encode_utf8(look_alike(c), out + length);
        } else if (bytes > 1) {
            memcpy(out + length, text, bytes);
            length += bytes;
        } else if (kind == NAMES_FILE && names_are_bytes) {
            out[length++] = *text;
        } else {
            static const char digits[] = "0123456789ABCDEF";
            out[length++] = '%';
            out[length++] = digits[c >> 4];
            out[length++] = digits[c & 15];
        }
        text += bytes ? bytes : 1;
    }
    return length;
}

static bool same_letters(const char *text, const char *upper, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((text[i] >= 'a' && text[i] <= 'z' ? text[i] - 32 : text[i]) != upper[i])
            return false;
    return true;
}

// Windows looks at the name up to its first dot, without spaces before it.
static bool is_reserved(const char *name, size_t *stem_bytes)
{
    static const char *const devices[] = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"};
    size_t length = strcspn(name, ".");
    *stem_bytes = length;
    while (length > 0 && name[length - 1] == ' ')
        length--;
    for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++)
        if (length == strlen(devices[i]) && same_letters(name, devices[i], length))
            return true;
    if (length < 4 || !(same_letters(name, "COM", 3) || same_letters(name, "LPT", 3)))
        return false;
    if (length == 4)
        return name[3] >= '0' && name[3] <= '9';
    // Superscript 1, 2 and 3 count as digits there.
    return length == 5 && (unsigned char)name[3] == 0xc2 &&
           ((unsigned char)name[4] == 0xb9 || (unsigned char)name[4] == 0xb2 ||
            (unsigned char)name[4] == 0xb3);
}

static void insert(char *text, size_t at, const char *what, size_t replaced)
{
    size_t bytes = strlen(what);
    memmove(text + at + bytes, text + at + replaced, strlen(text + at + replaced) + 1);
    memcpy(text + at, what, bytes);
}

static const char *extension_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (!dot || dot == name || strlen(dot) > MAX_EXTENSION_BYTES)
        return name + strlen(name);
    return dot;
}

// The longest prefix of at most `limit` bytes that does not end within a character.
static size_t cut_at(const char *text, size_t length, size_t limit)
{
    if (length <= limit)
        return length;
    size_t cut = limit;
    while (cut > 0 && limit - cut < 3 && ((unsigned char)text[cut] & 0xc0) == 0x80)
        cut--;
    return names_utf8_length(text + cut) > 0 ? cut : limit; // loose bytes can be cut anywhere
}

// stem (cut as needed) + middle + extension, at most NAMES_MAX_BYTES.
static char *assemble(const char *name, const char *middle)
{
    const char *extension = extension_of(name);
    size_t stem = (size_t)(extension - name);
    size_t rest = strlen(middle) + strlen(extension);
    size_t whole = stem;
    stem = cut_at(name, stem, NAMES_MAX_BYTES - rest);
    // A space or dot that the cut laid bare is as unwelcome as one that was there before.
    if (stem < whole)
        while (stem > 1 && (name[stem - 1] == ' ' || name[stem - 1] == '.'))
            stem--;
    char *result = malloc(stem + rest + 1);
    if (result)
        snprintf(result, stem + rest + 1, "%.*s%s%s", (int)stem, name, middle, extension);
    return result;
}

char *names_component(const char *text, enum names_kind kind)
{
    // Room for the look-alikes and for one "_".
    size_t bytes = strlen(text);
    if (bytes > SIZE_MAX / MAX_GROWTH - 16)
        return NULL;
    char *name = malloc(bytes * MAX_GROWTH + 16);
    if (!name)
        return NULL;
    size_t length = replace_refused(text, kind, name);
    name[length] = '\0';
    if (length == 0)
        strcpy(name, "_");

    size_t stem;
    if (is_reserved(name, &stem))
        insert(name, stem, "_", 0);
    if (kind == NAMES_LABEL && strlen(name) == strlen(NAMES_UNSURE) &&
        same_letters(name, "UNSURE", strlen(NAMES_UNSURE)))
        strcat(name, "_");

    length = strlen(name);
    char *result = assemble(name, "");
    free(name);
    if (!result)
        return NULL;
    length = strlen(result);
    char last = result[length - 1];
    bool bad_end = last == '.' || last == ' ';
    bool bad_start = result[0] == '.' && kind == NAMES_LABEL;
    if (!bad_end && !bad_start)
        return result;

    char *fixed = malloc(length + 5);
    if (fixed) {
        memcpy(fixed, result, length + 1);
        if (bad_end)
            insert(fixed, length - 1, last == '.' ? "\xef\xbc\x8e" : "\xe2\x90\xa0", 1);
        if (fixed[0] == '.' && kind == NAMES_LABEL)
            insert(fixed, 0, "\xef\xbc\x8e", 1);
        if (strlen(fixed) > NAMES_MAX_BYTES) {
            size_t cut = cut_at(fixed, strlen(fixed), NAMES_MAX_BYTES);
            while (cut > 1 && (fixed[cut - 1] == '.' || fixed[cut - 1] == ' '))
                cut--;
            fixed[cut] = '\0';
        }
    }
    free(result);
    return fixed;
}

char *names_numbered(const char *name, unsigned number)
{
    char middle[16] = "";
    if (number > 1)
        snprintf(middle, sizeof(middle), " (%u)", number);
    return assemble(name, middle);
}

// Simple case folding of the scripts that have case and turn up in names; the same for all systems,
// which towlower() is not.
static uint32_t fold_character(uint32_t c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) ||
        (c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
        return c + 32;
    if (c >= 0x400 && c <= 0x40f)
        return c + 80;
    bool even_upper = (c >= 0x100 && c <= 0x137 && c != 0x130 && c != 0x131) ||
                      (c >= 0x14a && c <= 0x177) || (c >= 0x460 && c <= 0x481) ||
                      (c >= 0x48a && c <= 0x4bf) || (c >= 0x4d0 && c <= 0x52f) ||
                      (c >= 0x1e00 && c <= 0x1e95) || (c >= 0x1ea0 && c <= 0x1eff);
    if (even_upper)
        return c | 1;
    bool odd_upper = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e);
    if (odd_upper && (c & 1))
        return c + 1;
    return c == 0x178 ? 0xff : c == 0x3c2 ? 0x3c3 : c;
}

char *names_fold(const char *text)
{
    // No letter folds to one with a longer encoding, but 4 bytes are written at once.
    char *result = malloc(strlen(text) + 5);
    if (!result)
        return NULL;
    size_t length = 0;
    while (*text) {
        size_t bytes = names_utf8_length(text);
        if (bytes == 0)
            result[length++] = *text++;
        else
            length += encode_utf8(fold_character(decode_utf8(text, bytes)), result + length);
        text += bytes;
    }
    result[length] = '\0';
    return result;
}

static bool name_key(const char *name, bool ignore_case, struct photo_hash *key)
{
    if (!ignore_case) {
        *key = photo_hash_bytes(name, strlen(name));
        return true;
    }
    char *folded = names_fold(name);
    if (!folded)
        return false;
    *key = photo_hash_bytes(folded, strlen(folded));
    free(folded);
    return true;
}

char *names_claim(struct hash_table *taken, const char *name, bool ignore_case)
{
    // Thousands may ask for one name ("IMG_0001.jpg" from every camera), so the number that was
    // given last is kept with the name itself.
    struct photo_hash first, key;
    if (!name_key(name, ignore_case, &first))
        return NULL;
    uint64_t number = 1;
    bool known = hash_table_find(taken, first, &number);
    for (number += known;; number++) {
        char *candidate = names_numbered(name, (unsigned)number);
        if (!candidate || !name_key(candidate, ignore_case, &key)) {
            free(candidate);
            return NULL;
        }
        if (hash_table_find(taken, key, NULL)) {
            free(candidate);
            continue;
        }
        if (hash_table_add(taken, key, 1) || (known && hash_table_add(taken, first, number))) {
            free(candidate);
            return NULL;
        }
        return candidate;
    }
}

enum cubby_status names_make_folders(char ***folders, const char *const *labels, size_t count)
{
    struct hash_table taken = {0};
    *folders = calloc(count ? count : 1, sizeof(**folders));
    if (!*folders)
        return CUBBY_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        char *name = names_component(labels[i], NAMES_LABEL);
        (*folders)[i] = name ? names_claim(&taken, name, true) : NULL;
        free(name);
        if (!(*folders)[i]) {
            names_free_folders(folders, count);
            hash_table_fini(&taken);
            return CUBBY_NO_MEMORY;
        }
    }
    hash_table_fini(&taken);
    return CUBBY_OK;
}

void names_free_folders(char ***folders, size_t count)
{
    if (!*folders)
        return;
    for (size_t i = 0; i < count; i++)
        free((*folders)[i]);
    free(*folders);
    *folders = NULL;
}
