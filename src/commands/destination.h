// Where a sort puts its photos.
#ifndef SRC_COMMANDS_DESTINATION_H
#define SRC_COMMANDS_DESTINATION_H

#include "commands/command.h"

// The output folder, absolute (malloc'd): --into, or "<folder>-sorted" beside the first folder
// that is sorted. Returns an exit code; on failure the log has said what is wrong.
int destination_choose(char **output, const struct command *command);

#endif
