// What every command gets, and the commands themselves. Each returns the process's exit code.
#ifndef SRC_COMMANDS_COMMAND_H
#define SRC_COMMANDS_COMMAND_H

#include "cli/options.h"
#include "messages.h"
#include "platform/fs.h"

enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_STOPPED = 1,     // the run could not go on
    EXIT_CODE_USAGE = 2,       // the command line is wrong
    EXIT_CODE_SOME_FAILED = 3, // finished, but some photos failed
    EXIT_CODE_DAMAGE = 4,      // verify found that something is not as it should be
    EXIT_CODE_PASSING = 5,     // disk full, in use, lost device: running it again continues
    EXIT_CODE_SIGNAL = 128,    // plus the signal's number
};

struct classifying;

// What tests put in the place of the real things; all may be NULL.
struct command_hooks {
    const struct fs *fs; // file operations
    const char *vfs;     // SQLite's
    // Fills *out instead of a model and a device.
    enum cubby_status (*open_classifier)(void *user, struct classifying *out);
    void *user;
};

struct command {
    const struct cli_options *options; // borrowed, as the rest
    struct messages *messages;
    const struct cubby_log *log; // of messages
    const struct fs *fs;
    const struct command_hooks *hooks; // NULL: none
};

// The whole program behind main().
int cubby_main(int argc, const char *const *argv);
int cubby_main_with(int argc, const char *const *argv, const struct command_hooks *hooks);

int command_sort(const struct command *command);
int command_classify(const struct command *command);
int command_import(const struct command *command);
// `cubby import --inspect`.
int command_inspect(const struct command *command);
int command_info(const struct command *command);
int command_devices(const struct command *command);
int command_bench(const struct command *command);
int command_undo(const struct command *command);
int command_verify(const struct command *command);
int command_export(const struct command *command);
int command_tune(const struct command *command);
int command_learn(const struct command *command);
int command_check(const struct command *command);
int command_correct(const struct command *command);

// The exit code for a call that failed. Logs a sentence if nothing has been logged so far, so that
// no command ends without saying why.
int command_failed(const struct command *command, enum cubby_status status);
// What a status alone says, without a message.
int command_exit_code(enum cubby_status status);
// Flushes stdout: results that did not arrive are an error. Returns `code`, or that error's.
int command_finish_output(const struct command *command, int code);

#endif
