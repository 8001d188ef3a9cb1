// Which samples are held out together. Private.
#ifndef ENGINE_LEARN_FOLDS_H
#define ENGINE_LEARN_FOLDS_H

#include "engine/learn.h"

enum { FOLD_NONE = 255 };

struct folds {
    uint8_t *fold;          // owned, [samples->count]: FOLD_NONE for those never held out
    uint32_t *judged;       // owned, [judged_count]: samples that judge, ascending
    uint32_t *judged_group; // owned, [judged_count]: below group_count
    uint32_t judged_count;
    uint32_t count; // folds: as asked for, or as many as groups; 1 if no group of them trains too
    uint32_t group_count;  // with samples that judge
    uint32_t lone_classes; // classes whose samples that judge are all of one group
};

// Groups are photos if `careless`. To be passed to folds_fini() in any case.
//   CUBBY_BAD_DATA  nothing can be held out; logged. CUBBY_NO_MEMORY
CUBBY_NODISCARD enum cubby_status folds_make(struct folds *folds,
                                             const struct cubby_samples *samples, uint32_t count,
                                             uint64_t seed, bool careless,
                                             const struct cubby_log *log);
void folds_fini(struct folds *folds);

#endif
