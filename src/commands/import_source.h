// What `cubby import` reads: a model file, or a folder as Hugging Face has it.
#ifndef SRC_COMMANDS_IMPORT_SOURCE_H
#define SRC_COMMANDS_IMPORT_SOURCE_H

#include "hf_folder.h"
#include "model_file.h"

struct import_source {
    struct hf_folder folder; // zero: a file was named
    struct model_file file;  // without a model
    uint32_t class_count;    // that its network gives; 0 until it was recognised
};

// Reads all of it and opens the checkpoint. Close it whatever the result.
//   prefix  --weights-prefix, or NULL
CUBBY_NODISCARD enum cubby_status import_source_read(struct import_source *out, const char *path,
                                                     const char *prefix, const struct fs *fs,
                                                     const struct cubby_log *log);
// Recognises the network.
//   CUBBY_UNSUPPORTED, CUBBY_BAD_DATA  none that cubby knows; the log says why
CUBBY_NODISCARD enum cubby_status import_source_recognise(struct import_source *source,
                                                          const struct cubby_log *log);
// Whether the folder's config names the network that the weights are.
CUBBY_NODISCARD enum cubby_status import_source_compare(const struct import_source *source,
                                                        const struct cubby_log *log);
void import_source_close(struct import_source *source); // takes a zeroed one

#endif
