// The one table of commands and options. Private to src/cli/options*.c; the tests look at it too.
#ifndef SRC_CLI_OPTIONS_TABLE_H
#define SRC_CLI_OPTIONS_TABLE_H

#include "cli/options.h"

enum cli_type {
    CLI_ACTION,     // --help and the like: handled by the parser itself
    CLI_FLAG,       // bool
    CLI_TEXT,       // const char *, not empty
    CLI_COUNT,      // uint32_t within minimum..maximum
    CLI_REAL,       // double within minimum..maximum
    CLI_PERCENT,    // double within minimum..maximum: 5 or 5%
    CLI_SIZE,       // uint64_t bytes: 500K, 20M, 2G; K is 1024
    CLI_MEGAPIXELS, // uint64_t pixels, given in millions
    CLI_CHOICE,     // an enum: index into `choices`
    CLI_THREE,      // float[3]: 0.485,0.456,0.406
    CLI_SIDES,      // uint32_t[2], width and height within minimum..maximum: 304x200, or 224
    CLI_RESAMPLE,   // struct cli_resample: as CLI_SIDES, or same,224
};

// What a value names, for completions.
enum cli_hint { CLI_HINT_NONE, CLI_HINT_FILE, CLI_HINT_FOLDER };

struct cli_option {
    const char *name; // without "--"
    char letter;      // 0: none
    enum cli_type type;
    const char *argument;       // "DIR"; NULL for flags
    const char *help;           // one sentence without full stop
    unsigned commands;          // bits 1 << enum cli_command; 0: before any command
    size_t offset;              // of its member of struct cli_options
    size_t given_offset;        // of a bool that tells that it was given; 0: none
    double minimum, maximum;    // of numbers
    const char *const *choices; // NULL-terminated, in the enum's order
    const char *default_text;   // parsed before all else, shown in help; NULL: none
    enum cli_hint hint;
};

struct cli_command_info {
    const char *name;
    const char *arguments; // "PHOTOS..."
    const char *help;      // one line
    const char *long_help; // a paragraph
    size_t min_arguments, max_arguments;
    const char *missing; // what to say when there are too few
};

extern const struct cli_option cli_option_table[];
extern const size_t cli_option_count;
// Indexed by enum cli_command, up to CLI_VERSION.
extern const struct cli_command_info cli_command_table[];
extern const size_t cli_command_count;

#define CLI_VARIABLE_BYTES 64u
// CUBBY_MAX_PIXELS for max-pixels.
void cli_variable_name(const struct cli_option *option, char name[CLI_VARIABLE_BYTES]);
bool cli_option_applies(const struct cli_option *option, enum cli_command command);

#endif
