// The preprocessing of an imported model: what the options say over what the file says over what is
// usual for its kind.
#ifndef SRC_COMMANDS_IMPORT_PREPROCESS_H
#define SRC_COMMANDS_IMPORT_PREPROCESS_H

#include "cli/options.h"
#include "engine/checkpoint.h"
#include "engine/log.h"

// Whether the tensors have the names of fastai's learn.save(): "0.4.0.conv1.weight".
bool import_is_fastai(const struct cubby_checkpoint *checkpoint);
// What is assumed of a file that says nothing; static storage.
const struct cubby_preprocess *import_preprocess_default(const struct cubby_checkpoint *checkpoint);
//   CUBBY_BAD_DATA  an option would do nothing; the log says which
CUBBY_NODISCARD enum cubby_status import_preprocess_choose(struct cubby_preprocess *out,
                                                           const struct cubby_preprocess *base,
                                                           const struct cli_options *options,
                                                           const struct cubby_log *log);

#endif
