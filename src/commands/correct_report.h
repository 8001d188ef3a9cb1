// What `cubby correct` says about the moves that it found. Private to src/commands/correct*.c.
#ifndef SRC_COMMANDS_CORRECT_REPORT_H
#define SRC_COMMANDS_CORRECT_REPORT_H

#include "commands/command.h"
#include "corrections.h"

// Writes to stdout: counts for each pair of classes, with --verbose each photo by name, with
// --json an object for each photo that was not left where it was sorted, and the counts.
CUBBY_NODISCARD enum cubby_status correct_report(const struct command *command,
                                                 const struct moved *moved,
                                                 const struct corrections *corrections);

#endif
