// The layers behind the pooled features, as they lie in the file: what is written back, and what is
// folded into struct network_linear.
#ifndef ENGINE_MODEL_HEAD_H
#define ENGINE_MODEL_HEAD_H

#include "model/network.h"

#define HEAD_MAX_MODULES 24u

struct head_module {
    uint32_t position;                        // in fastai's Sequential
    const struct cubby_tensor *weight, *bias; // a linear layer may have no bias
    const struct cubby_tensor *mean, *var;    // NULL for a linear layer
};

struct head {
    bool fastai; // otherwise one linear layer, `fc`
    struct head_module modules[HEAD_MAX_MODULES];
    uint32_t count;
};

// Folds the batch norms and sets network->head, network->head_count and network->pool.
//   features  channels that the last block gives
//   CUBBY_UNSUPPORTED  the layers do not follow fastai's rule
CUBBY_NODISCARD enum cubby_status head_fold(const struct head *head, uint32_t features,
                                            struct network *network, const struct cubby_log *log);

#endif
