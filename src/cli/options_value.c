#include "cli/options_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_find_choice(const char *const *choices, const char *text)
{
    for (int i = 0; choices[i]; i++)
        if (strcmp(choices[i], text) == 0)
            return i;
    return -1;
}

void cli_list_choices(const char *const *choices, char *text, size_t bytes)
{
    size_t length = 0;
    for (size_t i = 0; choices[i] && length < bytes; i++) {
        const char *before = i == 0 ? "" : choices[i + 1] ? ", " : " or ";
        length += (size_t)snprintf(text + length, bytes - length, "%s%s", before, choices[i]);
    }
}

// Reads a plain decimal number; what follows it begins at *end. strtod alone would also take
// "inf", "nan" and hexadecimal.
static bool read_number(const char *text, double *value, const char **end)
{
    size_t sign = text[0] == '-' || text[0] == '+';
    bool digit = text[sign] >= '0' && text[sign] <= '9';
    if (!digit && !(text[sign] == '.' && text[sign + 1] >= '0' && text[sign + 1] <= '9'))
        return false;
    if (text[sign] == '0' && (text[sign + 1] | 0x20) == 'x')
        return false;
    char *stop;
    *value = strtod(text, &stop);
    *end = stop;
    return isfinite(*value);
}

static bool read_plain_number(const char *text, double *value)
{
    const char *end;
    return read_number(text, value, &end) && *end == '\0';
}

static bool read_size(const char *text, double *value)
{
    const char *end;
    if (!read_number(text, value, &end))
        return false;
    static const char units[] = "KMGT";
    const char *unit = *end ? strchr(units, *end & ~0x20) : NULL;
    if (unit) {
        *value = ldexp(*value, 10 * (int)(unit - units + 1));
        end++;
        if (*end == 'i')
            end++;
    }
    if (*end == 'B')
        end++;
    return *end == '\0';
}

static bool within(const struct cli_option *option, double value)
{
    return value >= option->minimum && value <= option->maximum;
}

static bool read_three(const struct cli_option *option, const char *text, float out[3])
{
    for (int i = 0; i < 3; i++) {
        double value;
        const char *end;
        if (!read_number(text, &value, &end) || !within(option, value))
            return false;
        if (*end != (i < 2 ? ',' : '\0'))
            return false;
        out[i] = (float)value;
        text = end + 1;
    }
    return true;
}

// "304x200", or "224" for 224x224.
static bool read_sides(const struct cli_option *option, const char *text, uint32_t out[2])
{
    for (int i = 0; i < 2; i++) {
        double value;
        const char *end;
        // Digits only, for strtod would read 0x200 as a hexadecimal number.
        size_t digits = strspn(text, "0123456789");
        char side[16];
        if (digits == 0 || digits >= sizeof(side))
            return false;
        snprintf(side, sizeof(side), "%.*s", (int)digits, text);
        if (!read_number(side, &value, &end) || !within(option, value))
            return false;
        out[i] = (uint32_t)value;
        text += digits;
        if (i == 0 && *text == '\0') {
            out[1] = out[0];
            return true;
        }
        if (*text != (i == 0 ? 'x' : '\0'))
            return false;
        text++;
    }
    return true;
}

// "same,224", or what read_sides() takes.
static bool read_resample(const struct cli_option *option, const char *text,
                          struct cli_resample *out)
{
    static const char same[] = "same,";
    out->same_first = strncmp(text, same, strlen(same)) == 0;
    return read_sides(option, out->same_first ? text + strlen(same) : text, out->sides);
}

static bool read_flag(const char *text, bool *value)
{
    static const char *const no[] = {"0", "false", "no", "off", NULL};
    static const char *const yes[] = {"1", "true", "yes", "on", NULL};
    *value = cli_find_choice(yes, text) >= 0;
    return *value || cli_find_choice(no, text) >= 0;
}

// What the option would take, for the error sentence.
static void describe(const struct cli_option *option, char *text, size_t bytes)
{
    char choices[128];
    switch (option->type) {
    case CLI_ACTION:
        snprintf(text, bytes, "no value");
        break;
    case CLI_FLAG:
        snprintf(text, bytes, "yes or no");
        break;
    case CLI_TEXT:
        snprintf(text, bytes, "a value");
        break;
    case CLI_COUNT:
        snprintf(text, bytes, "a whole number from %.0f to %.0f", option->minimum, option->maximum);
        break;
    case CLI_PERCENT:
        snprintf(text, bytes, "a percentage, such as 5%%");
        break;
    case CLI_REAL:
    case CLI_MEGAPIXELS:
        snprintf(text, bytes, "a number from %g to %g", option->minimum, option->maximum);
        break;
    case CLI_SIZE:
        snprintf(text, bytes, "a size such as 500K, 20M or 2G, at most 1024G");
        break;
    case CLI_CHOICE:
        cli_list_choices(option->choices, choices, sizeof(choices));
        snprintf(text, bytes, "%s", choices);
        break;
    case CLI_RESAMPLE:
        snprintf(text, bytes,
                 "a whole number from %.0f to %.0f, width and height as in 304x200, or one of them "
                 "behind same, as in same,224",
                 option->minimum, option->maximum);
        break;
    case CLI_SIDES:
        snprintf(text, bytes, "a whole number from %.0f to %.0f, or width and height as in 304x200",
                 option->minimum, option->maximum);
        break;
    case CLI_THREE:
        snprintf(text, bytes, "three numbers from %g to %g, such as 0.5,0.5,0.5", option->minimum,
                 option->maximum);
        break;
    }
}

static bool read_percent(const char *text, double *number)
{
    char plain[32];
    size_t length = strlen(text);
    if (length && text[length - 1] == '%')
        length--;
    if (!length || length >= sizeof(plain))
        return false;
    memcpy(plain, text, length);
    plain[length] = '\0';
    return read_plain_number(plain, number);
}

// Stores the value; false if the option does not take it.
static bool store(struct cli_options *options, const struct cli_option *option, const char *text)
{
    void *member = (char *)options + option->offset;
    double number = 0;
    switch (option->type) {
    case CLI_ACTION:
        return false;
    case CLI_FLAG:
        return read_flag(text, member);
    case CLI_TEXT:
        *(const char **)member = text;
        return text[0] != '\0';
    case CLI_COUNT:
        if (!read_plain_number(text, &number) || !within(option, number) || floor(number) != number)
            return false;
        *(uint32_t *)member = (uint32_t)number;
        return true;
    case CLI_REAL:
        if (!read_plain_number(text, &number) || !within(option, number))
            return false;
        *(double *)member = number;
        return true;
    case CLI_PERCENT:
        if (!read_percent(text, &number) || !within(option, number))
            return false;
        *(double *)member = number;
        return true;
    case CLI_SIZE:
        if (!read_size(text, &number) || !within(option, number))
            return false;
        *(uint64_t *)member = (uint64_t)number;
        return true;
    case CLI_MEGAPIXELS:
        if (!read_plain_number(text, &number) || !within(option, number))
            return false;
        *(uint64_t *)member = (uint64_t)llround(number * 1e6);
        return true;
    case CLI_CHOICE: {
        // Enums have the size of an int here; asserted below.
        int choice = cli_find_choice(option->choices, text);
        if (choice >= 0)
            memcpy(member, &choice, sizeof(choice));
        return choice >= 0;
    }
    case CLI_THREE:
        return read_three(option, text, member);
    case CLI_SIDES:
        return read_sides(option, text, member);
    case CLI_RESAMPLE:
        return read_resample(option, text, member);
    }
    return false;
}

_Static_assert(sizeof(enum cli_pack) == sizeof(int), "choices are stored as int");
_Static_assert(sizeof(enum cubby_precision) == sizeof(int), "choices are stored as int");
_Static_assert(sizeof(enum cli_names) == sizeof(int), "choices are stored as int");
_Static_assert(sizeof(enum cubby_kernels) == sizeof(int), "choices are stored as int");
_Static_assert(sizeof(enum cubby_resize_rule) == sizeof(int), "choices are stored as int");
_Static_assert(sizeof(enum cubby_pad) == sizeof(int), "choices are stored as int");
_Static_assert(sizeof(enum cubby_scores) == sizeof(int), "choices are stored as int");
_Static_assert(sizeof(enum cubby_filter) == sizeof(int), "choices are stored as int");

enum cubby_status cli_set_value(struct cli_options *options, const struct cli_option *option,
                                const char *shown, const char *text, char error[CLI_ERROR_BYTES])
{
    if (store(options, option, text)) {
        if (option->given_offset)
            *(bool *)((char *)options + option->given_offset) = true;
        return CUBBY_OK;
    }
    char wanted[160];
    describe(option, wanted, sizeof(wanted));
    if (text[0])
        snprintf(error, CLI_ERROR_BYTES, "%s takes %s, not \"%.100s\"", shown, wanted, text);
    else
        snprintf(error, CLI_ERROR_BYTES, "%s takes %s, and nothing was given", shown, wanted);
    return CUBBY_BAD_DATA;
}
