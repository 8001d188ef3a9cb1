#include <string.h>

#include "cli/options_table.h"
#include "cli/options_value.h"

#define WIDTH 80
#define HELP_COLUMN 26

// Writes text in lines of at most WIDTH, all but the first indented by `indent`; the first begins
// at `column`.
static void write_wrapped(FILE *stream, const char *text, int indent, int column)
{
    while (*text) {
        size_t word = strcspn(text, " ");
        if (column + (int)word > WIDTH && column > indent) {
            fprintf(stream, "\n%*s", indent, "");
            column = indent;
        }
        fwrite(text, 1, word, stream);
        column += (int)word + 1;
        text += word;
        if (*text) {
            text++;
            if (column + (int)strcspn(text, " ") <= WIDTH)
                fputc(' ', stream);
        }
    }
    fputc('\n', stream);
}

static void write_option(FILE *stream, const struct cli_option *option)
{
    char head[64];
    int length =
        snprintf(head, sizeof(head), "  %c%c%s --%s%s%s", option->letter ? '-' : ' ',
                 option->letter ? option->letter : ' ', option->letter ? "," : " ", option->name,
                 option->argument ? " " : "", option->argument ? option->argument : "");
    char text[512], choices[128] = "";
    if (option->choices)
        cli_list_choices(option->choices, choices, sizeof(choices));
    snprintf(text, sizeof(text), "%s%s%s%s%s%s", option->help, *choices ? ": " : "", choices,
             option->default_text ? " (default " : "",
             option->default_text ? option->default_text : "", option->default_text ? ")" : "");
    if (length > HELP_COLUMN - 2)
        fprintf(stream, "%s\n%*s", head, HELP_COLUMN, "");
    else
        fprintf(stream, "%-*s", HELP_COLUMN, head);
    write_wrapped(stream, text, HELP_COLUMN, HELP_COLUMN);
}

static void write_overview(FILE *stream)
{
    fprintf(stream,
            "cubby sorts photos: a neural network looks at each one, on any Vulkan device,\n"
            "and it is copied into a folder named after what it shows.\n\n"
            "Usage: cubby COMMAND ...\n\nCommands:\n");
    for (size_t i = CLI_SORT; i < cli_command_count; i++)
        fprintf(stream, "  %-10s %s\n", cli_command_table[i].name, cli_command_table[i].help);
    fprintf(stream, "\nOptions:\n");
    for (size_t i = 0; i < cli_option_count; i++)
        if (cli_option_table[i].type == CLI_ACTION)
            write_option(stream, &cli_option_table[i]);
    fprintf(stream,
            "\nTo begin: cubby sort FOLDER. For the options of a command: cubby help sort.\n");
}

static void write_command(FILE *stream, enum cli_command command)
{
    const struct cli_command_info *info = &cli_command_table[command];
    bool any = false;
    for (size_t i = 0; i < cli_option_count; i++)
        any |= cli_option_applies(&cli_option_table[i], command);
    fprintf(stream, "Usage: cubby %s%s%s%s\n\n", info->name, any ? " [OPTIONS]" : "",
            info->arguments[0] ? " " : "", info->arguments);
    write_wrapped(stream, info->long_help, 0, 0);
    if (!any)
        return;
    fprintf(stream, "\nOptions:\n");
    for (size_t i = 0; i < cli_option_count; i++)
        if (cli_option_applies(&cli_option_table[i], command))
            write_option(stream, &cli_option_table[i]);
    fprintf(stream, "\nEvery long option can be set in the environment too: CUBBY_LOG_FILE for\n"
                    "--log-file.\n");
}

void cli_write_help(FILE *stream, enum cli_command about)
{
    if (about == CLI_NONE || about >= cli_command_count)
        write_overview(stream);
    else
        write_command(stream, about);
}
