// Which run a sort belongs to: a new one, or one that was interrupted and goes on.
#ifndef SRC_COMMANDS_RUN_SETTINGS_H
#define SRC_COMMANDS_RUN_SETTINGS_H

#include "catalogue/catalogue.h"
#include "commands/command.h"

// What a sort is about to do, as far as a later one must know.
struct run_settings {
    struct photo_hash model;    // of the model file
    const char *model_name;     // borrowed, the file's path or name
    const char *model_path;     // borrowed, where it lies; NULL: not known
    const char *const *classes; // borrowed
    uint32_t class_count;
    double threshold;   // from which on a photo is filed
    char *const *roots; // borrowed, absolute
    uint32_t root_count;
    bool again;          // decide anew, whether --again is given or not
    bool from_catalogue; // photos come from a catalogue, not from the roots, and were classified
    bool exact;          // so (--exact)
};

struct run_begun {
    bool again, continued;
};

// Makes *run the run of this sort, in the catalogue and durable: the newest one continues if it was
// not finished, else a new one begins.
//   begun->again      whether photos that were decided by an earlier run are decided anew
//   begun->continued  whether the run had begun before
// An exit code: EXIT_CODE_OK, or after the log has said what is in the way (another model or
// threshold without --again, other options while a run is unfinished, a half-finished undo).
int run_settings_begin(struct catalogue_run *run, struct run_begun *begun,
                       const struct command *command, struct catalogue *catalogue,
                       const struct run_settings *settings);

// Who sorts: a number for this computer and this user.
struct photo_hash run_settings_origin(void);

#endif
