// What the recognition of a network is made of: network.c reads convolutions and blocks,
// network_heads.c the layers behind them, strangers.c says which other network it is.
#ifndef ENGINE_MODEL_RECOGNISER_H
#define ENGINE_MODEL_RECOGNISER_H

#include "model/container.h"
#include "model/head.h"
#include "model/network_names.h"

struct recogniser {
    const struct cubby_checkpoint *checkpoint;
    const struct cubby_log *log;
    struct network *network;
    struct head head;
    struct network_names names;
    bool *used; // owned, one a tensor
    uint64_t elements;
};

// Logs the reason and returns `status`.
enum cubby_status recogniser_refuse(const struct recogniser *r, enum cubby_status status,
                                    const char *format, ...) CUBBY_PRINTF(3, 4);
// NULL: there is none of that name.
const struct cubby_tensor *recogniser_find(const struct recogniser *r, const char *format, ...)
    CUBBY_PRINTF(2, 3);
size_t recogniser_index(const struct recogniser *r, const struct cubby_tensor *tensor);

// What can be said of any weight, whatever its shape must be; marks it as used.
CUBBY_NODISCARD enum cubby_status
recogniser_accept(struct recogniser *r, const struct cubby_tensor *tensor, bool variance);
enum cubby_status recogniser_wrong_shape(const struct recogniser *r,
                                         const struct cubby_tensor *tensor, const int64_t *shape,
                                         uint32_t rank);

// The layers behind the body, which has been read.
CUBBY_NODISCARD enum cubby_status recogniser_take_head(struct recogniser *r);

// No tensor has the name that a ResNet's first block has.
CUBBY_NODISCARD enum cubby_status recogniser_refuse_stranger(const struct recogniser *r);
// A network with all names of a ResNet, and more; or two of them.
CUBBY_NODISCARD enum cubby_status recogniser_refuse_relatives(const struct recogniser *r);
// A tensor that is neither used nor known to be of no account.
CUBBY_NODISCARD enum cubby_status recogniser_refuse_unknown(const struct recogniser *r);

#endif
