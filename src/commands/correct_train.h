// Learning from corrections. Private to src/commands/correct*.c.
#ifndef SRC_COMMANDS_CORRECT_TRAIN_H
#define SRC_COMMANDS_CORRECT_TRAIN_H

#include "commands/command.h"
#include "corrections.h"

struct correct_input {
    const char *output; // folder, absolute
    struct catalogue *catalogue;
    const struct catalogue_run *run; // the newest
    const struct moved *moved;
    const struct corrections *corrections;
};

// Makes the model that --output names, and says how it answers for photos that it did not see, and
// how the model before did. With --dry-run only says from what it would learn. An exit code; the
// log says what is wrong.
int correct_train(const struct command *command, const struct correct_input *input);

#endif
