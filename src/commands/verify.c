#include "verify.h"

#include <stdlib.h>

#include "commands/command.h"
#include "commands/output.h"
#include "platform/memory.h"
#include "platform/path.h"
#include "platform/signals.h"
#include "stream.h"
#include "text.h"

#define MOST_NAMED 20u // findings that are named on the screen

struct verifying {
    const struct command *command;
    struct text line;
    uint64_t named[2]; // of each kind
};

static enum cubby_status told(void *user, enum verify_kind kind, const char *path, const char *what)
{
    struct verifying *verifying = user;
    const struct command *command = verifying->command;
    if (verifying->named[kind]++ < MOST_NAMED)
        messages_line(command->messages, "%s%s: %s", kind == VERIFY_DAMAGE ? "" : "Note: ", path,
                      what);
    if (!command->options->json)
        return CUBBY_OK;
    struct text *line = &verifying->line;
    line->length = 0;
    text_add_format(line, "{\"%s\": ", kind == VERIFY_DAMAGE ? "damage" : "note");
    text_add_json_string(line, what);
    text_add_string(line, ", \"path\": ");
    text_add_json_string(line, path);
    text_add_string(line, "}\n");
    if (line->failed)
        return CUBBY_NO_MEMORY;
    fwrite(line->bytes, 1, line->length, stdout);
    return stream_flush(stdout, command->log);
}

static bool interrupted(void *user)
{
    (void)user;
    return platform_interrupted() != 0;
}

static void summarize(const struct verifying *verifying, const struct verify_counts *counts)
{
    const struct command *command = verifying->command;
    for (int kind = VERIFY_DAMAGE; kind <= VERIFY_NOTE; kind++)
        if (verifying->named[kind] > MOST_NAMED)
            messages_line(command->messages, "... and %llu more",
                          (unsigned long long)(verifying->named[kind] - MOST_NAMED));
    if (counts->failed)
        messages_line(command->messages,
                      "%llu photos could not be sorted: they are only where they were",
                      (unsigned long long)counts->failed);
    messages_line(command->messages,
                  "%llu files in the sorted folders, %llu files in the output, %llu of them "
                  "compared: %s",
                  (unsigned long long)counts->found, (unsigned long long)counts->checked,
                  (unsigned long long)counts->compared,
                  counts->damaged  ? "NOT all is well"
                  : counts->failed ? "all that was sorted is well"
                                   : "all is well");
    if (command->options->json)
        printf("{\"summary\": {\"found\": %llu, \"checked\": %llu, \"compared\": %llu, "
               "\"damaged\": %llu, \"notes\": %llu, \"failed\": %llu}}\n",
               (unsigned long long)counts->found, (unsigned long long)counts->checked,
               (unsigned long long)counts->compared, (unsigned long long)counts->damaged,
               (unsigned long long)counts->notes, (unsigned long long)counts->failed);
}

int command_verify(const struct command *command)
{
    struct verifying verifying = {.command = command};
    struct output output = {0};
    char *path = path_absolute(command->options->arguments[0]);
    if (!path)
        return command_failed(command, CUBBY_NO_MEMORY);
    int code = output_open(&output, command, path,
                           &(struct output_params){.as_it_is = true, .sync = true});
    if (code == EXIT_CODE_OK && !output.catalogue) {
        cubby_log(command->log, CUBBY_LOG_ERROR, "%s is no folder that photos were sorted into",
                  path);
        code = EXIT_CODE_STOPPED;
    } else if (code == EXIT_CODE_OK) {
        const struct verify_params params = {.output = path,
                                             .catalogue = output.catalogue,
                                             .fs = command->fs,
                                             .log = command->log,
                                             .percent = command->options->sample,
                                             .threads = memory_cpu_count(),
                                             .told = told,
                                             .user = &verifying,
                                             .interrupted = interrupted};
        struct verify_counts counts;
        enum cubby_status status = verify_run(&params, &counts);
        if (!status)
            summarize(&verifying, &counts);
        code = status == CUBBY_BAD_DATA ? EXIT_CODE_DAMAGE
               : status                 ? command_failed(command, status)
               : counts.damaged         ? EXIT_CODE_DAMAGE
                                        : EXIT_CODE_OK;
        if (!status)
            code = command_finish_output(command, code);
    }
    output_close(&output);
    text_free(&verifying.line);
    free(path);
    return code;
}
