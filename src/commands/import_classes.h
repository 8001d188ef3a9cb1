// Class names for `cubby import`: those of the options, of the file, or ImageNet's.
#ifndef SRC_COMMANDS_IMPORT_CLASSES_H
#define SRC_COMMANDS_IMPORT_CLASSES_H

#include "commands/command.h"
#include "commands/import_source.h"
#include "labels.h"

// Sets class_names and class_count of `params`; they stay NULL if the file's own are to be used.
// The source must have been recognised.
//   labels  filled, and borrowed by `params`; free it whatever the result
//   CUBBY_BAD_DATA     there are no names, or not as many as the network has classes
//   CUBBY_UNSUPPORTED  the file has names that cannot be shown
CUBBY_NODISCARD enum cubby_status import_classes_choose(struct cubby_model_params *params,
                                                        struct labels *labels,
                                                        const struct import_source *source,
                                                        const struct command *command);

#endif
