// The folders of a labelled folder, and which class of a model each one stands for.
#ifndef SRC_CHECK_CLASS_FOLDERS_H
#define SRC_CHECK_CLASS_FOLDERS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/log.h"
#include "engine/status.h"
#include "platform/fs.h"

#define CLASS_FOLDERS_NONE UINT32_MAX

struct class_folder {
    char *name;           // owned
    uint32_t class_index; // CLASS_FOLDERS_NONE: no class of the model
};

struct class_folders {
    struct class_folder *folders; // owned, sorted by the bytes of their names
    size_t count;
};

// A folder stands for the class whose name it has, or to which a sort would give its name. The log
// warns of those that stand for none. Hidden ones are passed over. Afterwards any thread may look.
//   CUBBY_IO        the folder cannot be read
//   CUBBY_BAD_DATA  none of its folders stands for a class; the log names some of both
CUBBY_NODISCARD enum cubby_status class_folders_init(struct class_folders *out, const char *folder,
                                                     const char *const *class_names,
                                                     uint32_t class_count, const struct fs *fs,
                                                     const struct cubby_log *log);
void class_folders_fini(struct class_folders *folders); // takes a zeroed one

// The class of "table/job 12/IMG_1.jpg"; CLASS_FOLDERS_NONE also for files in no folder.
uint32_t class_folders_class(const struct class_folders *folders, const char *relative);

#endif
