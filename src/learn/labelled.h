// Photos in a folder that has one folder per class: what `learn` trains on and `check` judges by.
//
//     FOLDER/table/any/depth/IMG_1.jpg    a photo of the class "table"
//
// Class folders are those directly in FOLDER, links to folders included; hidden ones and .cubby are
// passed over, as is `unsure` where FOLDER is the output of a sort. What lies in a class folder is
// found as scan.h finds it. Contents are hashed, on several threads, so that the same photo is
// known wherever it lies.
#ifndef SRC_LEARN_LABELLED_H
#define SRC_LEARN_LABELLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/log.h"
#include "engine/status.h"
#include "photo.h"
#include "platform/fs.h"

#define LABELLED_NO_CLASS UINT32_MAX // of folders that are none of the wanted classes

struct labelled_photo {
    char *path;           // owned, opens the file
    const char *relative; // into path: below the folder, "table/any/depth/IMG_1.jpg"
    uint32_t class_index;
    uint64_t size_bytes;
    int64_t mtime_ns;
    struct photo_hash hash;
    char captured[20]; // by the camera's clock; "" until features.h has seen the photo, or unknown
};

struct labelled {
    char **classes; // owned, as each name; sorted by their bytes, or in the order of params.classes
    uint32_t class_count;
    struct labelled_photo *photos; // owned; in scan order, class by class
    size_t count;
    uint64_t failed;     // files that could not be read, each named by a warning
    uint64_t skipped;    // files that are no photos
    uint64_t duplicates; // left out: the same class has the same content already
    uint64_t outside;    // files beside the class folders
    uint64_t unknown_folders, unreadable_folders; // each named by a warning
};

struct labelled_params {
    const char *folder;
    // NULL: every folder with photos is a class. Else those of a model or of other photos: a folder
    // belongs to a class by its name, or by the name that a sort gives its folder.
    const char *const *classes;
    uint32_t class_count;
    // Files whose content is there twice in one class come twice, and in two classes is no error.
    bool keep_duplicates;
    bool online;             // as in struct scan_params; else placeholders fail, see away.h
    uint64_t max_file_bytes; // 0: no limit
    uint32_t threads;        // that read and hash; 0: 1
    const struct fs *fs;
    const struct cubby_log *log;
    bool (*interrupted)(void *user); // NULL, or asked now and then
    void *user;
};

// Fills *out; call labelled_fini() whatever the result. Warned of, and left out: files that cannot
// be read, folders without photos, class folders that are none of params.classes.
//   CUBBY_IO           the folder cannot be read
//   CUBBY_BAD_DATA     no class has a photo; a class has an impossible name; the same content lies
//                      in two classes (each pair named, up to a few); the log says what and where
//   CUBBY_INTERRUPTED
CUBBY_NODISCARD enum cubby_status labelled_read(struct labelled *out,
                                                const struct labelled_params *params);
void labelled_fini(struct labelled *labelled); // takes a zeroed one

// Photos of each class into counts [class_count].
void labelled_count(const struct labelled *labelled, uint32_t *counts);
// Whether there is enough to learn from: two classes or more, each with two photos or more. The
// log says what is missing, and warns of classes with so few photos that little can be learned.
//   CUBBY_BAD_DATA  not enough
CUBBY_NODISCARD enum cubby_status labelled_check_enough(const struct labelled *labelled,
                                                        const struct cubby_log *log);
// Takes out classes that have no photos, with a warning each; the others are numbered anew.
CUBBY_NODISCARD enum cubby_status labelled_drop_empty(struct labelled *labelled,
                                                      const struct cubby_log *log);
// Takes out photos whose flag in `remove` [count] is set; order stays.
void labelled_remove(struct labelled *labelled, const bool *remove);

#endif
