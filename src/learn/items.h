// Which photos show the same item: they stay on one side of every split, or a network that has
// learned one table by heart would seem to know tables.
//
// Photos of one class are joined when they
//   - lie in the same folder below the class folder ("table/job 12/left/1.jpg": job 12): one
//   folder,
//     one item. Where such a folder holds a large part of the class and has folders itself (years,
//     say), those are the items. Photos directly in the class folder are not joined by this;
//   - were taken within seconds of each other in one folder, and follow each other in the order of
//     names: a burst;
//   - have the same content;
//   - look the same: the cosine of their features, less the mean of all, reaches a limit.
// What a person says (a file of path and group) replaces all of these for the photos it names.
// Groups by looks are kept below a part of the class, since chains of like photos could swallow it.
#ifndef SRC_LEARN_ITEMS_H
#define SRC_LEARN_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "learn/labelled.h"

enum items_reason {
    ITEMS_NAMED,
    ITEMS_FOLDER,
    ITEMS_BURST,
    ITEMS_CONTENT,
    ITEMS_LOOK,
    ITEMS_REASONS
};

struct items_params {
    const struct labelled_photo *photos; // borrowed
    size_t count;
    uint32_t class_count;
    // The groups that a person gave, see items_read_names(), [count]; UINT32_MAX: not named. NULL:
    // none.
    const uint32_t *named;
    // Features of photo `index` into out [dims]; NULL: looks are not compared.
    enum cubby_status (*read)(void *user, size_t index, float *out);
    void *user;
    uint32_t dims;
    uint32_t threads; // 0: 1
    const struct cubby_log *log;
    bool (*interrupted)(void *user); // NULL, or asked now and then
};

struct items {
    uint32_t *group;                // owned [count], numbered in the order of their first photos
    uint32_t count;                 // of groups
    uint64_t joined[ITEMS_REASONS]; // photos that joined another's group for that reason
    uint64_t refused;               // joins by look that would have made a group too large
};

//   CUBBY_NO_MEMORY, CUBBY_INTERRUPTED, or what read() gave
CUBBY_NODISCARD enum cubby_status items_find(struct items *out, const struct items_params *params);
void items_fini(struct items *items); // takes a zeroed one

// Reads a groups file: lines of PATH and GROUP, separated by a comma or a tab (fields may be quoted
// as in CSV), blank lines and a first line "path,group" passed over. Paths are relative to the
// folder of the photos, or absolute, or as they were named. Writes the groups' numbers to named
// [count]: UINT32_MAX where the file does not name a photo.
//   CUBBY_BAD_DATA  the file is no such table; the log says in which line. Paths of no photo are a
//                   warning.
CUBBY_NODISCARD enum cubby_status items_read_names(uint32_t *named, const char *file,
                                                   const struct labelled_photo *photos,
                                                   size_t count, const struct fs *fs,
                                                   const struct cubby_log *log);

#endif
