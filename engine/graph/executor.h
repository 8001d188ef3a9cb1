// A graph on a device: memory, descriptors, command buffers recorded once per slot and batch size.
// Private to the engine; engine/net.c is its public face, and the tests run single ops through it.
#ifndef ENGINE_GRAPH_EXECUTOR_H
#define ENGINE_GRAPH_EXECUTOR_H

#include "graph/graph.h"
#include "vk/gpu.h"

struct conv_choice;
struct executor; // owned by the caller of create

struct executor_params {
    uint32_t max_batch; // 1..CUBBY_NET_MAX_BATCH
    uint32_t slots;     // 1..CUBBY_NET_MAX_SLOTS
    // One of conv_candidates() for each convolution of the graph, which is lowered accordingly;
    // what stands for ops of other kinds is not read. NULL: the first candidate for each.
    const struct conv_choice *choices; // borrowed, only during executor_create
};

// Packs and uploads the weights, plans the arena, allocates, builds the pipelines. The graph is
// copied; the weights that it points to are read only during the call.
//   CUBBY_NO_MEMORY  also when a tensor is larger than the device can bind at this batch
CUBBY_NODISCARD enum cubby_status executor_create(struct executor **out, struct cubby_gpu *gpu,
                                                  const struct graph *graph,
                                                  const struct executor_params *params);
void executor_destroy(struct executor **executor); // waits for work in flight

// How inputs get to the device; AUTO without GRAPH_NORMALIZE.
enum cubby_upload executor_upload(const struct executor *executor);
// Mapped input of a slot: [max_batch, height, width, 3], bytes or floats as the graph says. NULL
// without GRAPH_NORMALIZE.
uint8_t *executor_input(struct executor *executor, uint32_t slot);
// Rows of an output, valid after executor_wait(): [count, result_channels]. NULL if absent.
const float *executor_output(const struct executor *executor, uint32_t slot,
                             enum graph_output output);
CUBBY_NODISCARD enum cubby_status executor_submit(struct executor *executor, uint32_t slot,
                                                  uint32_t count);
CUBBY_NODISCARD enum cubby_status executor_wait(struct executor *executor, uint32_t slot);

uint64_t executor_device_bytes(const struct executor *executor);
// As it was lowered for the device. Borrowed.
const struct graph *executor_graph(const struct executor *executor);

// For tests and debugging: a value's contents as [count, channels, height, width]. Writing fills
// what a run with `count` images will read; a value's memory is shared with others whose lifetime
// does not overlap, so only inputs that no op writes, and values still alive at the end, make
// sense.
CUBBY_NODISCARD enum cubby_status executor_write_value(struct executor *executor, uint32_t value,
                                                       uint32_t count, const float *nchw);
CUBBY_NODISCARD enum cubby_status executor_read_value(struct executor *executor, uint32_t value,
                                                      uint32_t count, float *nchw);

#endif
