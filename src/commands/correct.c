// `cubby correct DIR`: what a person placed is found, noted, and with -o learned from.
#include <stdlib.h>

#include "commands/command.h"
#include "commands/correct_report.h"
#include "commands/correct_train.h"
#include "commands/output.h"
#include "corrections.h"
#include "platform/memory.h"
#include "platform/path.h"
#include "platform/signals.h"
#include "report.h"

struct correcting {
    const struct command *command;
    char *path; // owned, the output folder
    struct output output;
    struct catalogue_run run; // the newest
    struct moved moved;
    struct corrections corrections;
};

static bool interrupted(void *user)
{
    (void)user;
    return platform_interrupted() != 0;
}

static int refuse(const struct command *command, const char *path, const char *why)
{
    cubby_log(command->log, CUBBY_LOG_ERROR, "%s %s", path, why);
    return EXIT_CODE_STOPPED;
}

// Whether the catalogue and the folder agree as far as cubby is concerned: what differs then is a
// person's doing.
static int check_state(struct correcting *c)
{
    const struct command *command = c->command;
    const struct catalogue_filings intended = {CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY,
                                               FILING_INTENDED};
    struct filing filing;
    if (!c->output.catalogue)
        return refuse(command, c->path, "is no folder that photos were sorted into");
    enum cubby_status status = catalogue_last_run(c->output.catalogue, &c->run);
    if (!status)
        status = catalogue_next_filing(c->output.catalogue, &intended, 0, false, &filing);
    if (status)
        return command_failed(command, status);
    bool unfinished = filing.id != 0;
    filing_fini(&filing);
    if (!c->run.id)
        return refuse(command, c->path, "holds no photos that were sorted");
    if (c->run.state == RUN_UNDOING)
        return refuse(command, c->path, "is half taken back: run cubby undo on it again first");
    if (unfinished)
        return refuse(command, c->path,
                      "was left in the middle of a sort: run that again first, it goes on");
    if (c->run.state == RUN_OPEN)
        cubby_log(command->log, CUBBY_LOG_WARNING,
                  "the last sort into %s is not finished: only what it filed counts", c->path);
    return EXIT_CODE_OK;
}

static enum cubby_status find(struct correcting *c)
{
    const struct moved_params params = {.output = c->path,
                                        .catalogue = c->output.catalogue,
                                        .fs = c->command->fs,
                                        .log = c->command->log,
                                        .threads = memory_cpu_count(),
                                        .interrupted = interrupted};
    enum cubby_status status = moved_find(&c->moved, &params);
    return status ? status : corrections_find(&c->corrections, &c->moved, &params);
}

// Before anything is learned: what a person did is kept whatever comes of that.
static enum cubby_status note(struct correcting *c)
{
    uint64_t noted;
    if (c->command->options->dry_run)
        return CUBBY_OK;
    enum cubby_status status =
        corrections_note(&c->corrections, &c->moved, c->output.catalogue, &noted);
    if (!status)
        status = catalogue_commit(c->output.catalogue);
    if (!status && noted)
        status = report_write(c->output.catalogue, c->path, NULL, c->command->fs, c->command->log);
    return status;
}

int command_correct(const struct command *command)
{
    struct correcting c = {.command = command};
    c.path = path_absolute(command->options->arguments[0]);
    if (!c.path)
        return command_failed(command, CUBBY_NO_MEMORY);
    int code = output_open(&c.output, command, c.path,
                           &(struct output_params){.as_it_is = true, .sync = true});
    if (code == EXIT_CODE_OK)
        code = check_state(&c);
    if (code == EXIT_CODE_OK) {
        enum cubby_status status = find(&c);
        if (!status)
            status = note(&c);
        if (!status)
            status = correct_report(command, &c.moved, &c.corrections);
        code = status ? command_failed(command, status) : EXIT_CODE_OK;
    }
    if (code == EXIT_CODE_OK && command->options->output) {
        const struct correct_input input = {.output = c.path,
                                            .catalogue = c.output.catalogue,
                                            .run = &c.run,
                                            .moved = &c.moved,
                                            .corrections = &c.corrections};
        code = correct_train(command, &input);
    }
    if (code == EXIT_CODE_OK)
        code = command_finish_output(command, code);
    corrections_fini(&c.corrections);
    moved_fini(&c.moved);
    catalogue_run_fini(&c.run);
    output_close(&c.output);
    free(c.path);
    return code;
}
