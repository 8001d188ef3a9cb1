#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "commands/command.h"
#include "commands/output.h"
#include "commands/run_settings.h"
#include "platform/path.h"
#include "platform/signals.h"
#include "report.h"
#include "stream.h"
#include "text.h"
#include "undo.h"

#define MOST_NAMED 20u // kept files that are named on the screen

struct undoing {
    const struct command *command;
    struct text line;
    uint64_t named;
};

static enum cubby_status print_line(struct undoing *undoing)
{
    fwrite(undoing->line.bytes, 1, undoing->line.length, stdout);
    return stream_flush(stdout, undoing->command->log);
}

static enum cubby_status told(void *user, const struct filing *filing, const char *done,
                              const char *reason)
{
    struct undoing *undoing = user;
    if (!strcmp(done, "kept") && undoing->named++ < MOST_NAMED)
        messages_line(undoing->command->messages, "Kept %s: %s", filing->target, reason);
    if (!undoing->command->options->json)
        return CUBBY_OK;
    struct text *line = &undoing->line;
    line->length = 0;
    text_add_string(line, "{\"filed_as\": ");
    text_add_json_string(line, filing->target);
    text_add_format(line, ", \"done\": \"%s\"", done);
    if (filing->source[0]) {
        text_add_string(line, ", \"path\": ");
        text_add_json_string(line, filing->source);
    }
    if (reason[0]) {
        text_add_string(line, ", \"reason\": ");
        text_add_json_string(line, reason);
    }
    text_add_string(line, "}\n");
    return line->failed ? CUBBY_NO_MEMORY : print_line(undoing);
}

static bool interrupted(void *user)
{
    (void)user;
    return platform_interrupted() != 0;
}

static enum cubby_status summarize(struct undoing *undoing, const struct undo_counts *counts)
{
    const struct command *command = undoing->command;
    const char *would = command->options->dry_run ? "would be " : "";
    messages_line(command->messages,
                  "%llu files %sremoved, %llu %sput back where they were, %llu %srenamed back, "
                  "%llu %skept",
                  (unsigned long long)counts->removed, would, (unsigned long long)counts->restored,
                  would, (unsigned long long)counts->renamed, would,
                  (unsigned long long)counts->kept, would);
    if (!command->options->json)
        return CUBBY_OK;
    undoing->line.length = 0;
    text_add_format(&undoing->line, "{\"summary\": {\"removed\": %llu, \"restored\": %llu, ",
                    (unsigned long long)counts->removed, (unsigned long long)counts->restored);
    text_add_format(&undoing->line, "\"renamed\": %llu, \"kept\": %llu}}\n",
                    (unsigned long long)counts->renamed, (unsigned long long)counts->kept);
    return print_line(undoing);
}

// What is cubby's in DIR/.cubby, but for the lock; what is not stays, and the folder with it.
static void remove_own_files(const struct command *command, const char *path)
{
    static const char *const names[] = {CATALOGUE_FILE, CATALOGUE_FILE "-wal",
                                        CATALOGUE_FILE "-shm", "report.csv", "report.jsonl"};
    char *folder = path_join(path, CATALOGUE_FOLDER);
    for (size_t i = 0; folder && i < sizeof(names) / sizeof(*names); i++) {
        char *file = path_join(folder, names[i]);
        if (file)
            command->fs->unlink(command->fs, file);
        free(file);
    }
    free(folder);
}

// Once the lock is gone, too. Another run that has begun meanwhile has its own in there.
static void remove_own_folder(const struct command *command, const char *path)
{
    char *folder = path_join(path, CATALOGUE_FOLDER);
    if (folder)
        command->fs->remove_folder(command->fs, folder);
    free(folder);
}

// What a person said of photos outlives all runs: then the catalogue stays.
static enum cubby_status keep_placed(const struct command *command, const char *path,
                                     struct catalogue *catalogue, bool *forget)
{
    struct catalogue_correction placed;
    enum cubby_status status = catalogue_next_correction(catalogue, 0, &placed);
    *forget = !status && !placed.id;
    if (placed.id)
        messages_line(command->messages,
                      "%s/%s stays: it remembers where photos were placed, for the next sort", path,
                      CATALOGUE_FOLDER);
    catalogue_correction_fini(&placed);
    return status;
}

static int undo_last(struct undoing *undoing, const char *path, struct output *output,
                     const struct catalogue_run *run, const struct undo_params *params)
{
    const struct command *command = undoing->command;
    struct undo_folders folders = {0};
    struct undo_counts counts = {0};
    bool last = false;
    enum cubby_status status = undo_list_folders(&folders, run->id, params);
    if (!status)
        status = undo_run(run, params, &counts, &last);
    // The files before the folders that hold them, and the times last of all.
    bool forget = !status && !params->dry_run && last;
    if (forget)
        status = keep_placed(command, path, output->catalogue, &forget);
    if (!status && !params->dry_run && !forget)
        status = report_write(output->catalogue, path, NULL, command->fs, command->log);
    catalogue_close(&output->catalogue);
    if (forget) // still locked: the next run makes its own
        remove_own_files(command, path);
    output_close(output);
    if (forget)
        remove_own_folder(command, path);
    if (!status && !params->dry_run)
        undo_restore_folders(&folders, run, params);
    undo_folders_fini(&folders);
    if (!status && counts.left && !params->dry_run)
        messages_line(command->messages,
                      "What was kept is not forgotten: cubby undo tries it again");
    enum cubby_status told_status = summarize(undoing, &counts);
    if (!status)
        status = told_status;
    if (status)
        return command_failed(command, status);
    return counts.kept ? EXIT_CODE_SOME_FAILED : EXIT_CODE_OK;
}

int command_undo(const struct command *command)
{
    struct undoing undoing = {.command = command};
    struct output output = {0};
    struct catalogue_run run = {0};
    char *path = path_absolute(command->options->arguments[0]);
    if (!path)
        return command_failed(command, CUBBY_NO_MEMORY);
    const struct output_params params = {.sync = !command->options->no_fsync,
                                         .as_it_is = command->options->dry_run};
    int code = output_open(&output, command, path, &params);
    const struct undo_params undo = {.output = path,
                                     .catalogue = output.catalogue,
                                     .fs = command->fs,
                                     .log = command->log,
                                     .sync = params.sync,
                                     .dry_run = command->options->dry_run,
                                     .origin = run_settings_origin(),
                                     .trust = command->options->trust,
                                     .told = told,
                                     .user = &undoing,
                                     .interrupted = interrupted};
    if (code == EXIT_CODE_OK && output.catalogue) {
        enum cubby_status status = undo_find(&run, &undo);
        code = status ? command_failed(command, status) : EXIT_CODE_OK;
    }
    if (code == EXIT_CODE_OK && !run.id) {
        cubby_log(command->log, CUBBY_LOG_ERROR,
                  "%s holds nothing that could be taken back: name the folder that photos were "
                  "sorted into",
                  path);
        code = EXIT_CODE_STOPPED;
    } else if (code == EXIT_CODE_OK) {
        code = undo_last(&undoing, path, &output, &run, &undo);
    }
    catalogue_run_fini(&run);
    output_close(&output);
    text_free(&undoing.line);
    free(path);
    return code;
}
