// How long each op of an executor takes, by the device's own clock. For tools, not the hot path.
#ifndef ENGINE_GRAPH_PROFILE_H
#define ENGINE_GRAPH_PROFILE_H

#include "graph/executor.h"

struct op_profile {
    const struct graph_op *op; // borrowed from the executor, as is the rest
    const struct graph_value *input, *output, *shortcut; // NULL where the op has none
    const struct conv_choice *choice;                    // of convolutions
    double seconds;                                      // the least of all rounds
    double flops,
        bytes; // for `count` images; bytes: input, output, shortcut and weights, once each
};

// Runs `count` images of slot 0 `rounds` times, with a time stamp behind each op, which therefore
// cannot overlap; the barriers of a real run hardly let them.
//   profiles  written: *profile_count entries, owned by the caller (free())
//   CUBBY_UNSUPPORTED  the device's queue has no time stamps
CUBBY_NODISCARD enum cubby_status executor_profile(struct executor *executor, uint32_t count,
                                                   uint32_t rounds, struct op_profile **profiles,
                                                   uint32_t *profile_count);

#endif
