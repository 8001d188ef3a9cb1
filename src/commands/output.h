// An output folder that is being worked on: locked, its catalogue open, and in agreement with what
// lies there.
#ifndef SRC_COMMANDS_OUTPUT_H
#define SRC_COMMANDS_OUTPUT_H

#include "catalogue/catalogue.h"
#include "commands/command.h"
#include "output_lock.h"

struct output_params {
    bool create;   // make folder and catalogue if need be; else, where there is none, *out is zero
    bool sync;     // survive power cuts
    bool as_it_is; // to look only: what a dead process left is not put right
};

struct output {
    struct output_lock *lock;    // owned
    struct catalogue *catalogue; // owned; NULL: there is none
};

// An exit code; the log says what is wrong. *out can be closed whatever the result.
int output_open(struct output *out, const struct command *command, const char *path,
                const struct output_params *params);
void output_close(struct output *out); // takes a zeroed one

#endif
