// A bound on the memory that several threads take at once for decoding. Small photos pass at no
// cost; large ones wait until there is room, and one that is larger than all the room passes alone.
#ifndef SRC_PIPELINE_GATE_H
#define SRC_PIPELINE_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define GATE_FREE_BYTES (UINT64_C(48) << 20) // a photo of up to 12 megapixels, decoded as it is

struct gate {
    uint64_t limit_bytes, held_bytes;
    uv_mutex_t lock;
    uv_cond_t room;
};

// 0 or a libuv error.
int gate_init(struct gate *gate, uint64_t limit_bytes);
void gate_fini(struct gate *gate);

// Waits for room and takes it. Returns what gate_leave() must give back: 0 for a small photo. A
// thread that holds some must not enter again.
uint64_t gate_enter(struct gate *gate, uint64_t bytes);
void gate_leave(struct gate *gate, uint64_t held_bytes);

#endif
