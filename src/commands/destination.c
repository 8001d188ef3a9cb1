#include "commands/destination.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "platform/path.h"
#include "scan.h"

static int default_output(char **output, const struct command *command)
{
    const struct cli_options *options = command->options;
    const char *source = options->arguments[0];
    struct fs_stat stat;
    int error = command->fs->stat(command->fs, source, &stat);
    if (error) {
        cubby_log(command->log, CUBBY_LOG_ERROR, "%s cannot be opened: %s", source,
                  fs_error_text(error));
        return EXIT_CODE_STOPPED;
    }

    char *absolute = path_absolute(source);
    char *base = absolute ? path_base(absolute) : NULL;
    int code = EXIT_CODE_STOPPED;
    if (!base) {
        code = command_failed(command, CUBBY_NO_MEMORY);
    } else if (!stat.is_folder || !base[0]) {
        cubby_log(command->log, CUBBY_LOG_ERROR,
                  "where should the photos go? Name a folder with --into DIR (only a folder is "
                  "sorted into FOLDER-sorted beside it by itself)");
        code = EXIT_CODE_USAGE;
    } else {
        size_t bytes = strlen(absolute) + sizeof("-sorted");
        *output = malloc(bytes);
        if (*output) {
            snprintf(*output, bytes, "%s-sorted", absolute);
            code = EXIT_CODE_OK;
        } else {
            code = command_failed(command, CUBBY_NO_MEMORY);
        }
    }
    free(base);
    free(absolute);
    return code;
}

// The source is never written to, so the output must not be one of the folders that are sorted.
static int check_sources(const struct command *command, const char *output, const char *real_output)
{
    const struct cli_options *options = command->options;
    int code = EXIT_CODE_OK;
    for (size_t i = 0; i < options->argument_count && code == EXIT_CODE_OK; i++) {
        char *real_source = path_real(options->arguments[i]);
        if (!real_source) {
            code = command_failed(command, CUBBY_NO_MEMORY);
        } else if (!strcmp(real_source, real_output)) {
            cubby_log(command->log, CUBBY_LOG_ERROR,
                      "--into names %s, the folder that is being sorted: name another one (it may "
                      "lie inside)",
                      output);
            code = EXIT_CODE_USAGE;
        }
        free(real_source);
    }
    return code;
}

// A later run would take what is in another output's class folders for that output's own photos.
static int check_above(const struct command *command, const char *output, const char *real_output)
{
    int code = EXIT_CODE_OK;
    char *above = path_parent(real_output);
    char *below = strdup(real_output);
    while (above && below && strcmp(above, below) != 0) {
        if (scan_is_output(command->fs, above)) {
            cubby_log(command->log, CUBBY_LOG_ERROR,
                      "%s lies in %s, into which cubby sorted photos: name a folder elsewhere with "
                      "--into DIR",
                      output, above);
            code = EXIT_CODE_USAGE;
            break;
        }
        free(below);
        below = above;
        above = path_parent(below);
    }
    if (!above || !below)
        code = command_failed(command, CUBBY_NO_MEMORY);
    free(above);
    free(below);
    return code;
}

static int check_kind(const struct command *command, const char *output)
{
    struct fs_stat stat;
    int error = command->fs->stat(command->fs, output, &stat);
    if (error == UV_ENOENT || (!error && stat.is_folder))
        return EXIT_CODE_OK;
    if (!error) {
        cubby_log(command->log, CUBBY_LOG_ERROR, "%s is a file: name a folder with --into DIR",
                  output);
        return EXIT_CODE_USAGE;
    }
    cubby_log(command->log, CUBBY_LOG_ERROR,
              "%s cannot be used: %s; name another folder with --into DIR", output,
              fs_error_text(error));
    return EXIT_CODE_STOPPED;
}

static int check(const struct command *command, const char *output)
{
    char *real_output = path_real(output);
    if (!real_output)
        return command_failed(command, CUBBY_NO_MEMORY);
    int code = check_sources(command, output, real_output);
    if (code == EXIT_CODE_OK)
        code = check_kind(command, output);
    if (code == EXIT_CODE_OK)
        code = check_above(command, output, real_output);
    free(real_output);
    return code;
}

int destination_choose(char **output, const struct command *command)
{
    *output = NULL;
    int code = EXIT_CODE_OK;
    const struct cli_options *options = command->options;
    const char *named = options->into ? options->into : options->from_catalogue;
    if (named) {
        *output = path_absolute(named);
        if (!*output)
            code = command_failed(command, CUBBY_NO_MEMORY);
    } else {
        code = default_output(output, command);
    }
    if (code == EXIT_CODE_OK)
        code = check(command, *output);
    if (code != EXIT_CODE_OK) {
        free(*output);
        *output = NULL;
    }
    return code;
}
