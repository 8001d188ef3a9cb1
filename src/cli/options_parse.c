#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options_table.h"
#include "cli/options_value.h"

enum source { SOURCE_NONE, SOURCE_ENVIRONMENT, SOURCE_COMMAND_LINE };

struct parser {
    struct cli_options *options;
    char *error; // CLI_ERROR_BYTES
    enum source sources[128];
    bool help;
};

static const char *get_from_process(void *user, const char *name)
{
    (void)user;
    return getenv(name);
}

const struct cli_environment cli_process_environment = {.get = get_from_process};

static enum cubby_status complain(struct parser *parser, const char *format, ...)
    CUBBY_PRINTF(2, 3);
static enum cubby_status complain(struct parser *parser, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parser->error, CLI_ERROR_BYTES, format, arguments);
    va_end(arguments);
    return CUBBY_BAD_DATA;
}

// Edits (insert, delete, replace, swap neighbours) from a to b; both are cut at 31 bytes.
static unsigned distance(const char *a, const char *b)
{
    enum { LIMIT = 31 };
    unsigned table[LIMIT + 1][LIMIT + 1];
    size_t n = strlen(a) < LIMIT ? strlen(a) : LIMIT;
    size_t m = strlen(b) < LIMIT ? strlen(b) : LIMIT;
    for (size_t i = 0; i <= n; i++) {
        for (size_t j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                table[i][j] = (unsigned)(i + j);
                continue;
            }
            unsigned best = table[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (table[i - 1][j] + 1 < best)
                best = table[i - 1][j] + 1;
            if (table[i][j - 1] + 1 < best)
                best = table[i][j - 1] + 1;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && table[i - 2][j - 2] + 1 < best)
                best = table[i - 2][j - 2] + 1;
            table[i][j] = best;
        }
    }
    return table[n][m];
}

// Farther than this is no slip of the finger.
static unsigned max_distance(const char *text)
{
    size_t length = strlen(text);
    return length <= 3 ? 1 : length <= 6 ? 2 : 3;
}

static enum cubby_status unknown_command(struct parser *parser, const char *text)
{
    const char *nearest = NULL;
    unsigned best = max_distance(text) + 1;
    for (size_t i = CLI_SORT; i < cli_command_count; i++) {
        unsigned far = distance(text, cli_command_table[i].name);
        if (far < best) {
            best = far;
            nearest = cli_command_table[i].name;
        }
    }
    if (nearest)
        return complain(parser, "\"%.100s\" is not a command; did you mean \"%s\"?", text, nearest);
    return complain(parser,
                    "\"%.100s\" is not a command; to sort photos: cubby sort FOLDER; for all "
                    "commands: cubby help",
                    text);
}

static bool takes(const struct cli_option *option, enum cli_command command)
{
    return command == CLI_NONE ? option->type == CLI_ACTION : cli_option_applies(option, command);
}

static enum cubby_status unknown_option(struct parser *parser, const char *name, size_t length)
{
    enum cli_command command = parser->options->command;
    char text[64];
    snprintf(text, sizeof(text), "%.*s", (int)(length < 60 ? length : 60), name);
    const char *nearest = NULL;
    unsigned best = max_distance(text) + 1;
    for (size_t i = 0; i < cli_option_count; i++) {
        const struct cli_option *option = &cli_option_table[i];
        if (strcmp(option->name, text) == 0) {
            // It exists, only not here. Say where.
            for (size_t j = CLI_SORT; j < cli_command_count; j++)
                if (cli_option_applies(option, (enum cli_command)j))
                    return complain(
                        parser, "--%s is an option of \"cubby %s\", not of \"cubby%s%s\"", text,
                        cli_command_table[j].name, command ? " " : "", cli_command_name(command));
        }
        unsigned far = distance(text, option->name);
        if (takes(option, command) && far < best) {
            best = far;
            nearest = option->name;
        }
    }
    const char *space = command ? " " : "";
    if (nearest)
        return complain(parser, "there is no option --%s; did you mean --%s?", text, nearest);
    return complain(parser, "there is no option --%s; for all options: cubby help%s%s", text, space,
                    cli_command_name(command));
}

static const struct cli_option *find_long(enum cli_command command, const char *name, size_t length)
{
    for (size_t i = 0; i < cli_option_count; i++) {
        const struct cli_option *option = &cli_option_table[i];
        if (strlen(option->name) == length && memcmp(option->name, name, length) == 0 &&
            takes(option, command))
            return option;
    }
    return NULL;
}

static const struct cli_option *find_letter(enum cli_command command, char letter)
{
    for (size_t i = 0; i < cli_option_count; i++)
        if (cli_option_table[i].letter == letter && takes(&cli_option_table[i], command))
            return &cli_option_table[i];
    return NULL;
}

static enum cubby_status set(struct parser *parser, const struct cli_option *option,
                             const char *shown, const char *text, enum source source)
{
    if (option->type == CLI_ACTION) { // within a command only --help is left
        parser->help = true;
        return CUBBY_OK;
    }
    parser->sources[option - cli_option_table] = source;
    return cli_set_value(parser->options, option, shown, text, parser->error);
}

// One "--name", "--name=value" or "--name value"; *used tells whether `next` was taken.
static enum cubby_status parse_long(struct parser *parser, const char *argument, const char *next,
                                    bool *used)
{
    const char *name = argument + 2;
    size_t length = strcspn(name, "=");
    const struct cli_option *option = find_long(parser->options->command, name, length);
    if (!option)
        return unknown_option(parser, name, length);

    char shown[64];
    snprintf(shown, sizeof(shown), "--%s", option->name);
    if (name[length] == '=') {
        if (option->type == CLI_ACTION)
            return complain(parser, "%s takes no value", shown);
        return set(parser, option, shown, name + length + 1, SOURCE_COMMAND_LINE);
    }
    if (!option->argument)
        return set(parser, option, shown, "yes", SOURCE_COMMAND_LINE);
    *used = true;
    return set(parser, option, shown, next ? next : "", SOURCE_COMMAND_LINE);
}

// "-nv", "-o FILE", "-oFILE".
static enum cubby_status parse_short(struct parser *parser, const char *argument, const char *next,
                                     bool *used)
{
    for (const char *p = argument + 1; *p; p++) {
        const struct cli_option *option = find_letter(parser->options->command, *p);
        if (!option) {
            // A letter that is not ASCII would cut its character in two: show the whole word.
            return complain(parser,
                            "there is no option -%c (in \"%.60s\"); for all options: cubby help %s",
                            *p > ' ' && *p < 0x7f ? *p : '?', argument,
                            cli_command_name(parser->options->command));
        }
        char shown[4] = {'-', *p, '\0'};
        if (!option->argument) {
            enum cubby_status status = set(parser, option, shown, "yes", SOURCE_COMMAND_LINE);
            if (status)
                return status;
            continue;
        }
        if (p[1])
            return set(parser, option, shown, p + 1, SOURCE_COMMAND_LINE);
        *used = true;
        return set(parser, option, shown, next ? next : "", SOURCE_COMMAND_LINE);
    }
    return CUBBY_OK;
}

static enum cubby_status parse_arguments(struct parser *parser, int argc, const char *const *argv)
{
    struct cli_options *options = parser->options;
    bool only_arguments = false;
    for (int i = 2; i < argc; i++) {
        const char *argument = argv[i];
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        bool used = false;
        enum cubby_status status = CUBBY_OK;
        if (!only_arguments && strcmp(argument, "--") == 0)
            only_arguments = true;
        else if (!only_arguments && strncmp(argument, "--", 2) == 0)
            status = parse_long(parser, argument, next, &used);
        else if (!only_arguments && argument[0] == '-' && argument[1])
            status = parse_short(parser, argument, next, &used);
        else
            options->arguments[options->argument_count++] = argument;
        if (status)
            return status;
        i += used;
    }
    return CUBBY_OK;
}

static enum cubby_status parse_defaults(struct parser *parser)
{
    for (size_t i = 0; i < cli_option_count; i++) {
        const struct cli_option *option = &cli_option_table[i];
        if (!option->default_text)
            continue;
        enum cubby_status status = cli_set_value(parser->options, option, option->name,
                                                 option->default_text, parser->error);
        if (status)
            return status;
    }
    return CUBBY_OK;
}

static enum cubby_status parse_environment(struct parser *parser,
                                           const struct cli_environment *environment)
{
    for (size_t i = 0; environment && i < cli_option_count; i++) {
        const struct cli_option *option = &cli_option_table[i];
        if (option->type == CLI_ACTION || !cli_option_applies(option, parser->options->command))
            continue;
        char name[CLI_VARIABLE_BYTES];
        cli_variable_name(option, name);
        const char *value = environment->get(environment->user, name);
        if (!value || !value[0])
            continue;
        enum cubby_status status = set(parser, option, name, value, SOURCE_ENVIRONMENT);
        if (status)
            return status;
    }
    return CUBBY_OK;
}

// Whether a flag is on, or a text was given.
static bool is_set(const struct cli_options *options, const struct cli_option *option)
{
    const char *member = (const char *)options + option->offset;
    return option->type == CLI_TEXT ? *(const char *const *)(const void *)member != NULL
                                    : *(const bool *)member;
}

static void unset(struct cli_options *options, const struct cli_option *option)
{
    void *member = (char *)options + option->offset;
    if (option->type == CLI_TEXT)
        *(const char **)member = NULL;
    else
        *(bool *)member = false;
}

// Two flags or texts that contradict each other: an error if both come from the same place, else
// the command line's counts.
static enum cubby_status exclude(struct parser *parser, const char *first, const char *second)
{
    enum cli_command command = parser->options->command;
    const struct cli_option *a = find_long(command, first, strlen(first));
    const struct cli_option *b = find_long(command, second, strlen(second));
    if (!a || !b || !is_set(parser->options, a) || !is_set(parser->options, b))
        return CUBBY_OK;
    enum source from_a = parser->sources[a - cli_option_table];
    enum source from_b = parser->sources[b - cli_option_table];
    if (from_a == from_b)
        return complain(parser, "--%s and --%s exclude each other; give one of them", first,
                        second);
    unset(parser->options, from_a < from_b ? a : b);
    return CUBBY_OK;
}

static enum cubby_status check(struct parser *parser)
{
    struct cli_options *options = parser->options;
    const struct cli_command_info *info = &cli_command_table[options->command];
    // A catalogue knows its photos by itself, and a cache is cleared without any.
    if (options->argument_count < info->min_arguments && !options->from_catalogue &&
        !options->clear_cache)
        return complain(parser, "nothing to work on: %s", info->missing);
    if (options->argument_count > info->max_arguments)
        return complain(parser, "\"%.100s\" is one too many: cubby %s takes %s",
                        options->arguments[info->max_arguments], info->name,
                        info->max_arguments == 2 ? "two names"
                        : info->max_arguments    ? "one name"
                                                 : "no names");
    for (size_t i = 0; i < options->argument_count; i++)
        if (!options->arguments[i][0])
            return complain(parser, "an empty name was given; perhaps a variable is not set");
    bool writes = options->command == CLI_EXPORT ||
                  (options->command == CLI_IMPORT && !options->inspect) ||
                  (options->command == CLI_LEARN && !options->clear_cache && !options->dry_run);
    if (options->command == CLI_IMPORT && options->json && !options->inspect)
        return complain(parser, "--json shows what a model file holds: add --inspect");
    if (writes && !options->output)
        return complain(parser, "say where the model goes: --output FILE");
    if ((options->link || options->symlink || options->move) && options->pack != CLI_PACK_FOLDERS)
        return complain(parser, "archives are made of copies: leave out --%s",
                        options->link      ? "link"
                        : options->symlink ? "symlink"
                                           : "move");
    static const char *const pairs[][2] = {
        {"quiet", "verbose"},      {"json", "csv"},     {"labels", "labels-from"}, {"move", "link"},
        {"augment", "no-augment"}, {"move", "symlink"}, {"link", "symlink"}};
    enum cubby_status status = CUBBY_OK;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs) && !status; i++)
        status = exclude(parser, pairs[i][0], pairs[i][1]);
    return status;
}

static enum cli_command find_command(const char *name)
{
    for (size_t i = CLI_SORT; i < cli_command_count; i++)
        if (strcmp(name, cli_command_table[i].name) == 0)
            return (enum cli_command)i;
    return CLI_NONE;
}

static enum cubby_status parse_generate(struct parser *parser, const struct cli_option *option,
                                        const char *text)
{
    char choices[128];
    int choice = text ? cli_find_choice(option->choices, text) : -1;
    if (choice < 0) {
        cli_list_choices(option->choices, choices, sizeof(choices));
        return complain(parser, "--generate takes %s", choices);
    }
    parser->options->command = CLI_GENERATE;
    parser->options->generate = (enum cli_generate)choice;
    return CUBBY_OK;
}

// `cubby --version` and the like: options where the command should be.
static enum cubby_status parse_first_option(struct parser *parser, int argc,
                                            const char *const *argv)
{
    const char *text = argv[1];
    size_t length = strcspn(text, "=");
    const struct cli_option *option = NULL;
    if (strncmp(text, "--", 2) == 0)
        option = find_long(CLI_NONE, text + 2, length - 2);
    else if (text[0] == '-' && text[1] && !text[2])
        option = find_letter(CLI_NONE, text[1]);
    if (!option && strncmp(text, "--", 2) == 0 && length > 2)
        return unknown_option(parser, text + 2, length - 2);
    if (!option)
        return complain(parser, "give the command before \"%.60s\", such as: cubby sort FOLDER",
                        text);

    if (option->argument)
        return parse_generate(parser, option,
                              text[length] ? text + length + 1
                              : argc > 2   ? argv[2]
                                           : NULL);
    if (text[length])
        return complain(parser, "--%s takes no value", option->name);
    parser->options->command = option->letter == 'V' ? CLI_VERSION : CLI_HELP;
    return CUBBY_OK;
}

static enum cubby_status parse_help(struct parser *parser)
{
    struct cli_options *options = parser->options;
    if (options->argument_count == 0)
        return CUBBY_OK;
    options->help_about = find_command(options->arguments[0]);
    if (!options->help_about)
        return unknown_command(parser, options->arguments[0]);
    return CUBBY_OK;
}

enum cubby_status cli_parse(struct cli_options *out, int argc, const char *const *argv,
                            const struct cli_environment *environment, char error[CLI_ERROR_BYTES])
{
    memset(out, 0, sizeof(*out));
    error[0] = '\0';
    struct parser parser = {.options = out, .error = error};
    _Static_assert(sizeof(parser.sources) / sizeof(*parser.sources) >= 96, "room for the table");
    out->command = CLI_HELP;
    if (argc < 2)
        return CUBBY_OK;
    out->command = CLI_NONE;
    if (argv[1][0] == '-')
        return parse_first_option(&parser, argc, argv);
    out->command = find_command(argv[1]);
    if (!out->command)
        return unknown_command(&parser, argv[1]);

    out->arguments = calloc((size_t)argc, sizeof(*out->arguments));
    if (!out->arguments) {
        snprintf(error, CLI_ERROR_BYTES, "out of memory");
        return CUBBY_NO_MEMORY;
    }
    enum cubby_status status = parse_defaults(&parser);
    if (!status)
        status = parse_environment(&parser, environment);
    if (!status)
        status = parse_arguments(&parser, argc, argv);
    if (status)
        return status;
    if (parser.help) {
        out->help_about = out->command;
        out->command = CLI_HELP;
        return CUBBY_OK;
    }
    status = check(&parser);
    return status || out->command != CLI_HELP ? status : parse_help(&parser);
}

void cli_options_fini(struct cli_options *options)
{
    free(options->arguments);
    options->arguments = NULL;
    options->argument_count = 0;
}
