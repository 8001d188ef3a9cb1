#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options_table.h"

#define MAX_WORDS 12

struct variable {
    const char *name, *value;
};

static const char *get_variable(void *user, const char *name)
{
    for (const struct variable *v = user; v->name; v++)
        if (strcmp(v->name, name) == 0)
            return v->value;
    return NULL;
}

// Splits at single spaces ("" for two in a row) and parses.
static enum cubby_status parse_with(struct cli_options *options, const char *line,
                                    struct variable *variables, char *error)
{
    static char words[512]; // options borrow from it
    const char *argv[MAX_WORDS] = {"cubby"};
    int argc = 1;
    snprintf(words, sizeof(words), "%s", line);
    for (char *p = words; p && *line;) {
        assert_true(argc < MAX_WORDS);
        argv[argc++] = p;
        p = strchr(p, ' ');
        if (p)
            *p++ = '\0';
    }
    struct cli_environment environment = {get_variable, variables};
    return cli_parse(options, argc, argv, variables ? &environment : NULL, error);
}

static void accepts(struct cli_options *options, const char *line)
{
    char error[CLI_ERROR_BYTES];
    if (parse_with(options, line, NULL, error))
        fail_msg("'%s' was refused: %s", line, error);
    assert_string_equal(error, "");
}

static void test_commands(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum cli_command command, about;
    } cases[] = {
        {"", CLI_HELP, CLI_NONE},
        {"help", CLI_HELP, CLI_NONE},
        {"--help", CLI_HELP, CLI_NONE},
        {"-h", CLI_HELP, CLI_NONE},
        {"help sort", CLI_HELP, CLI_SORT},
        {"sort --help", CLI_HELP, CLI_SORT},
        {"bench -h", CLI_HELP, CLI_BENCH},
        {"version", CLI_VERSION, CLI_NONE},
        {"--version", CLI_VERSION, CLI_NONE},
        {"-V", CLI_VERSION, CLI_NONE},
        {"devices", CLI_DEVICES, CLI_NONE},
        {"bench", CLI_BENCH, CLI_NONE},
        {"info m.safetensors", CLI_INFO, CLI_NONE},
        {"classify a b", CLI_CLASSIFY, CLI_NONE},
        {"--generate man", CLI_GENERATE, CLI_NONE},
        {"version -h", CLI_HELP, CLI_VERSION},
        {"sort -", CLI_SORT, CLI_NONE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct cli_options options;
        accepts(&options, cases[i].line);
        assert_int_equal(options.command, cases[i].command);
        assert_int_equal(options.help_about, cases[i].about);
        cli_options_fini(&options);
    }
}

static void test_defaults(void **state)
{
    (void)state;
    struct cli_options options;
    accepts(&options, "sort photos");
    assert_true(!options.threshold_given);
    assert_int_equal(options.top, 5);
    assert_int_equal(options.max_file_size_bytes, UINT64_C(1) << 30);
    assert_int_equal(options.max_pixels, 512000000);
    assert_int_equal(options.kernels, CUBBY_KERNELS_AUTO);
    assert_int_equal(options.pack, CLI_PACK_FOLDERS);
    assert_null(options.into);
    assert_int_equal(options.argument_count, 1);
    assert_string_equal(options.arguments[0], "photos");
    cli_options_fini(&options);
}

static void test_values(void **state)
{
    (void)state;
    struct cli_options options;
    accepts(&options, "sort -nv --into=out a --threshold 0.75 --kernels lane -- --into -x");
    assert_true(options.dry_run && options.verbose && !options.quiet);
    assert_string_equal(options.into, "out");
    assert_true(options.threshold_given && options.threshold == 0.75);
    assert_int_equal(options.kernels, CUBBY_KERNELS_LANE);
    assert_int_equal(options.argument_count, 3);
    assert_string_equal(options.arguments[1], "--into");
    assert_string_equal(options.arguments[2], "-x");
    cli_options_fini(&options);

    accepts(&options, "sort a --pack zip --max-pixels 0.5 --max-file-size 1.5MiB --json=no");
    assert_int_equal(options.pack, CLI_PACK_ZIP);
    assert_int_equal(options.max_pixels, 500000);
    assert_int_equal(options.max_file_size_bytes, 3 << 19);
    assert_false(options.json);
    cli_options_fini(&options);

    accepts(&options, "import m.pth -om.st --mean 0.1,0.2,0.3 --interpolation bicubic --crop 224");
    assert_string_equal(options.output, "m.st");
    assert_true(options.mean_given && !options.std_given && options.interpolation_given);
    assert_true(options.mean[0] == 0.1f && options.mean[2] == 0.3f);
    assert_int_equal(options.interpolation, CUBBY_FILTER_BICUBIC);
    assert_true(options.crop[0] == 224 && options.crop[1] == 224 && !options.resize[0]);
    assert_true(!options.resize_rule_given && !options.pad_mode_given);
    cli_options_fini(&options);
    accepts(&options, "import m.pth -om.st --resize-rule pad --resize 304x200 --pad-mode border");
    assert_true(options.resize_rule_given && options.resize_rule == CUBBY_RESIZE_PAD);
    assert_true(options.pad_mode_given && options.pad_mode == CUBBY_PAD_BORDER);
    assert_true(options.resize[0] == 304 && options.resize[1] == 200 && !options.crop[0]);
    cli_options_fini(&options);

    accepts(&options, "import m.pth -om.st --resample 64x48 --scores sigmoid");
    assert_true(options.resample.sides[0] == 64 && options.resample.sides[1] == 48);
    assert_true(!options.resample.same_first);
    assert_true(options.scores_given && options.scores == CUBBY_SCORES_SIGMOID);
    cli_options_fini(&options);
    accepts(&options, "import m.pth -om.st --resample same,224");
    assert_true(options.resample.sides[0] == 224 && options.resample.sides[1] == 224);
    assert_true(options.resample.same_first && !options.scores_given);
    cli_options_fini(&options);

    accepts(&options, "--generate=complete-fish");
    assert_int_equal(options.generate, CLI_GENERATE_COMPLETE_FISH);
    cli_options_fini(&options);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"srot a", "did you mean \"sort\"?"},
        {"Pictures", "cubby sort FOLDER"},
        {"sort", "name the folders"},
        {"sort ", "empty name"},
        {"sort a --threshhold 1", "did you mean --threshold?"},
        {"sort a --wurble", "cubby help sort"},
        {"sort a --crop 3", "option of \"cubby import\""},
        {"sort a -x", "no option -x"},
        {"sort a --threshold", "nothing was given"},
        {"sort a --threshold 1.5", "0 to 1, not \"1.5\""},
        {"sort a --threshold nan", "not \"nan\""},
        {"sort a --threshold 0x1", "not \"0x1\""},
        {"sort a --threshold 0.5,", "not \"0.5,\""},
        {"sort a --batch 0", "from 1 to 512"},
        {"sort a --batch 600", "from 1 to 512"},
        {"sort a --batch 1.5", "whole number"},
        {"sort a --batch -1", "not \"-1\""},
        {"sort a --max-file-size 2X", "20M"},
        {"sort a --max-file-size 9999T", "at most 1024G"},
        {"sort a --max-file-size 0", "20M"},
        {"sort a --pack rar", "tar.zst or 7z, not \"rar\""},
        {"sort a --into=", "nothing was given"},
        {"sort a --json=maybe", "yes or no"},
        {"sort a -qv", "exclude each other"},
        {"sort a --help=x", "takes no value"},
        {"classify a --json --csv", "exclude each other"},
        {"classify a --top 6", "from 1 to 5"},
        {"import a", "--output FILE"},
        {"import a b -o c", "\"b\" is one too many"},
        {"import a -o c --mean 1,2", "three numbers"},
        {"import a -o c --resize 0", "a whole number from 1 to 1024, or width and height"},
        {"import a -o c --resize 1025", "as in 304x200"},
        {"import a -o c --resize 0x200", "as in 304x200"},
        {"import a -o c --resize 304x", "as in 304x200"},
        {"import a -o c --resize x200", "as in 304x200"},
        {"import a -o c --resize 304x200x3", "as in 304x200"},
        {"import a -o c --crop 3.5", "as in 304x200"},
        {"import a -o c --crop -3", "as in 304x200"},
        {"import a -o c --crop 00000000000000000000000000000224", "as in 304x200"},
        {"import a -o c --resample same", "as in same,224"},
        {"import a -o c --resample same,", "as in same,224"},
        {"import a -o c --resample 224,same", "as in same,224"},
        {"import a -o c --resample same,same,3", "as in same,224"},
        {"import a -o c --labels x --labels-from y", "exclude each other"},
        {"import a -o c --scores linear", "softmax or sigmoid"},
        {"import a -o c --resize-rule fit", "shorter, squish, crop or pad"},
        {"import a -o c --pad-mode wrap", "zeros, border or reflection"},
        {"import a -o c --mean 1,2,3,4", "three numbers"},
        {"import a -o c --std 1,0,1", "three numbers"},
        {"devices x", "takes no names"},
        {"undo", "nothing to work on"},
        {"verify a b", "one too many"},
        {"check a", "name the model and a folder"},
        {"check a b c", "\"c\" is one too many: cubby check takes two names"},
        {"check a b --top 61", "from 0 to 60"},
        {"verify a --sample 101%", "a percentage"},
        {"verify a --sample x%", "a percentage"},
        {"sort a --move --link", "exclude each other"},
        {"sort a --symlink --link", "exclude each other"},
        {"sort a --pack zip --move", "archives are made of copies"},
        {"sort a --pack zip --pack-size 10", "a size such as"},
        {"help wurble", "not a command"},
        {"--generate pdf", "man, complete-bash"},
        {"--generate", "man, complete-bash"},
        {"--into x sort", "\"cubby sort\""},
        {"-n sort a", "give the command before"},
        {"--version=3", "takes no value"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct cli_options options;
        char error[CLI_ERROR_BYTES];
        // "sort " stands for an empty argument.
        enum cubby_status status = parse_with(&options, cases[i].line, NULL, error);
        if (status != CUBBY_BAD_DATA || !strstr(error, cases[i].says))
            fail_msg("'%s' gave %d: %s", cases[i].line, status, error);
        // The style of all messages: a lower-case start (or a name), one sentence, no full stop.
        if ((error[0] >= 'A' && error[0] <= 'Z') || strstr(error, ". ") ||
            error[strlen(error) - 1] == '.')
            fail_msg("not in style: %s", error);
        cli_options_fini(&options);
    }
}

static void test_environment(void **state)
{
    (void)state;
    struct variable variables[] = {{"CUBBY_THRESHOLD", "0.9"}, {"CUBBY_NO_FSYNC", "1"},
                                   {"CUBBY_INTO", ""},         {"CUBBY_VERBOSE", "yes"},
                                   {"CUBBY_CROP", "nonsense"}, {NULL, NULL}};
    struct cli_options options;
    char error[CLI_ERROR_BYTES];
    assert_int_equal(parse_with(&options, "sort a --quiet", variables, error), CUBBY_OK);
    assert_true(options.threshold == 0.9);
    assert_true(options.no_fsync);
    assert_null(options.into);
    assert_true(options.quiet && !options.verbose); // the command line wins
    cli_options_fini(&options);

    assert_int_equal(parse_with(&options, "sort a --threshold 0.1 --no-fsync=no", variables, error),
                     CUBBY_OK);
    assert_true(options.threshold == 0.1 && !options.no_fsync);
    cli_options_fini(&options);

    struct variable labels[] = {{"CUBBY_LABELS", "x"}, {NULL, NULL}};
    assert_int_equal(parse_with(&options, "import a -o b --labels-from y", labels, error),
                     CUBBY_OK);
    assert_true(!options.labels && options.labels_from);
    cli_options_fini(&options);

    assert_int_equal(parse_with(&options, "import a -o b", variables, error), CUBBY_BAD_DATA);
    assert_non_null(strstr(error, "CUBBY_CROP takes a whole number"));
    cli_options_fini(&options);
}

// Every option of every command can be given, with the first value that it should take.
static void test_whole_table(void **state)
{
    (void)state;
    for (size_t c = CLI_SORT; c < CLI_HELP; c++) {
        for (size_t i = 0; i < cli_option_count; i++) {
            const struct cli_option *option = &cli_option_table[i];
            if (!cli_option_applies(option, (enum cli_command)c) || option->type == CLI_ACTION)
                continue;
            char value[64] = "yes";
            if (option->choices)
                snprintf(value, sizeof(value), "%s", option->choices[option->choices[1] ? 1 : 0]);
            else if (option->type == CLI_THREE)
                strcpy(value, "1,1,1");
            else if (option->type != CLI_TEXT && option->type != CLI_FLAG)
                snprintf(value, sizeof(value), "%g", option->maximum);
            char line[256];
            bool writes = c == CLI_IMPORT || c == CLI_EXPORT || c == CLI_LEARN;
            const char *output = writes && strcmp(option->name, "output") ? " -o x" : "";
            bool shows = c == CLI_IMPORT && !strcmp(option->name, "json");
            snprintf(line, sizeof(line), "%s%s%s%s --%s=%s", cli_command_table[c].name,
                     cli_command_table[c].min_arguments == 2 ? " a b"
                     : cli_command_table[c].min_arguments    ? " a"
                                                             : "",
                     output, shows ? " --inspect" : "", option->name, value);
            struct cli_options options;
            accepts(&options, line);
            cli_options_fini(&options);
        }
    }
}

static char *written(enum cli_command about, int generate)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    if (generate >= 0)
        cli_write_generated(file, (enum cli_generate)generate);
    else
        cli_write_help(file, about);
    long size = ftell(file);
    char *text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    rewind(file);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    fclose(file);
    return text;
}

static void test_help_and_generated_name_every_option(void **state)
{
    (void)state;
    for (int c = CLI_NONE; c <= CLI_VERSION; c++) {
        char *text = written((enum cli_command)c, -1);
        for (const char *line = text; *line;) {
            size_t length = strcspn(line, "\n");
            if (length > 80)
                fail_msg("help line over 80 columns: %.*s", (int)length, line);
            line += length + (line[length] != '\0');
        }
        for (size_t i = 0; i < cli_option_count; i++) {
            char name[64];
            snprintf(name, sizeof(name), "--%s", cli_option_table[i].name);
            if (cli_option_applies(&cli_option_table[i], (enum cli_command)c))
                assert_non_null(strstr(text, name));
        }
        free(text);
    }
    for (int g = CLI_GENERATE_MAN; g <= CLI_GENERATE_COMPLETE_FISH; g++) {
        char *text = written(CLI_NONE, g);
        for (size_t i = 0; i < cli_option_count; i++) {
            char name[96], *out = name;
            if (g == CLI_GENERATE_COMPLETE_FISH)
                out += sprintf(out, "-l ");
            for (const char *p = cli_option_table[i].name; *p; p++)
                out += sprintf(out, *p == '-' && g == CLI_GENERATE_MAN ? "\\%c" : "%c", *p);
            if (!strstr(text, name))
                fail_msg("%s is missing from generated text %d", name, g);
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_whole_table),
        cmocka_unit_test(test_help_and_generated_name_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
