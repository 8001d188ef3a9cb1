// A Vulkan device, loaded at run time: a machine without Vulkan gets CUBBY_NO_DEVICE and an
// explanation, not a loader error.
#ifndef ENGINE_GPU_H
#define ENGINE_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/log.h"
#include "engine/status.h"

enum cubby_device_kind {
    CUBBY_DEVICE_DISCRETE,
    CUBBY_DEVICE_INTEGRATED,
    CUBBY_DEVICE_VIRTUAL,
    CUBBY_DEVICE_CPU, // a software driver such as Mesa's lavapipe
    CUBBY_DEVICE_OTHER,
};

enum cubby_kernels {
    // matrix on GPUs that can, lane on CPU devices that can, tile elsewhere; never one that has not
    // the precision asked for
    CUBBY_KERNELS_AUTO,
    CUBBY_KERNELS_LANE,   // fp32: lanes are pixels, texel-buffer loads, shuffles (CPU drivers)
    CUBBY_KERNELS_TILE,   // fp32 and fp16: shared-memory implicit GEMM (any GPU)
    CUBBY_KERNELS_MATRIX, // fp16: the same on matrix units (VK_KHR_cooperative_matrix)
};

enum cubby_precision {
    CUBBY_PRECISION_AUTO, // fp32, except with kernels that have no other than fp16
    CUBBY_PRECISION_FP32,
    CUBBY_PRECISION_FP16, // activations and weights in 16 bits; sums and logits stay in 32
};

// How pictures get from the CPU to where a net's first kernel reads them.
enum cubby_upload {
    // mapped where the computer and the device share memory, or the CPU can write to the device's
    // own (a resizable BAR, or what is free of the classic window of 256 MB); else queued
    CUBBY_UPLOAD_AUTO,
    // The kernel reads what the CPU writes: over the bus where the CPU cannot reach the device's
    // memory.
    CUBBY_UPLOAD_MAPPED,
    CUBBY_UPLOAD_COPIED, // from the computer's memory to the device's, at the start of each batch
    // Likewise, by a queue for nothing but copies, while the batch before is computed; copied where
    // the device has no such queue.
    CUBBY_UPLOAD_QUEUED,
};

struct cubby_device_info {
    char name[256];   // as the driver says, UTF-8
    char driver[512]; // "llvmpipe Mesa 22.3.6 (LLVM 15.0.6)", may be empty
    enum cubby_device_kind kind;
    uint32_t api_version; // VK_MAKE_API_VERSION
    uint32_t subgroup_size;
    // The CPU driver of Mesa 22, which has convolutions of its own, and is the only one known to be
    // faster with vectors of 512 bits: Mesa 25 is four times slower with them, Mesa 26 crashes.
    bool mesa22;
    uint64_t memory_bytes; // largest device-local heap
    bool usable;           // false: `missing` says what the device lacks
    char missing[128];
};

struct cubby_gpu_params {
    const char *device;         // index ("0") or part of a name, any case; NULL: best kind first
    enum cubby_kernels kernels; // CUBBY_KERNELS_AUTO
    enum cubby_precision precision;
    enum cubby_upload upload; // for tests and measurements; all give the same answers
    bool validation;          // load the Khronos validation layer, sync validation too
};

// "discrete GPU", "CPU", ...; "lane", "tile", "matrix", "auto"; "fp32", ...; "mapped", "copied",
// "queued", "auto"; static storage.
const char *cubby_device_kind_text(enum cubby_device_kind kind);
const char *cubby_kernels_text(enum cubby_kernels kernels);
const char *cubby_precision_text(enum cubby_precision precision);
const char *cubby_upload_text(enum cubby_upload upload);
// What follows "pictures are": "copied to the device at the start of each batch", ...
const char *cubby_upload_phrase(enum cubby_upload upload);

// Lists devices in the order of their index. *infos is malloc'd, the caller frees it.
//   CUBBY_NO_DEVICE  no loader or no driver (a list of only unusable devices is CUBBY_OK)
CUBBY_NODISCARD enum cubby_status cubby_gpu_list(struct cubby_device_info **infos, size_t *count,
                                                 const struct cubby_log *log);

struct cubby_gpu;
// Opens one device. `log` is copied; its user pointer must outlive the gpu. `params` may be NULL.
//   CUBBY_NO_DEVICE    none fits; the log says what to install or which names there are
//   CUBBY_UNSUPPORTED  the chosen device lacks something, or cannot run the chosen kernels with the
//                      chosen precision
CUBBY_NODISCARD enum cubby_status cubby_gpu_create(struct cubby_gpu **out,
                                                   const struct cubby_gpu_params *params,
                                                   const struct cubby_log *log);
void cubby_gpu_destroy(struct cubby_gpu **gpu);

const struct cubby_device_info *cubby_gpu_info(const struct cubby_gpu *gpu);
enum cubby_kernels cubby_gpu_kernels(const struct cubby_gpu *gpu);     // never AUTO
enum cubby_precision cubby_gpu_precision(const struct cubby_gpu *gpu); // never AUTO
// What nets will do while there is memory for it, never AUTO; cubby_net_upload() says what one
// does.
enum cubby_upload cubby_gpu_upload(const struct cubby_gpu *gpu);

// A name for this device, driver, kernels and precision, and for this build's shaders: what was
// measured or compiled under one key holds under no other. Lower-case hexadecimal.
#define CUBBY_GPU_KEY_BYTES 33u
void cubby_gpu_key(const struct cubby_gpu *gpu, char key[CUBBY_GPU_KEY_BYTES]);

// Compiled pipelines of an earlier run under the same key, to be given before nets are made. And
// those of this run: malloc'd, the caller frees *bytes; *bytes is NULL where the driver has nothing
// worth keeping.
//   CUBBY_BAD_DATA   load: not such bytes, or the driver does not want them; they are ignored
//   CUBBY_NO_MEMORY
CUBBY_NODISCARD enum cubby_status cubby_gpu_load_pipelines(struct cubby_gpu *gpu, const void *bytes,
                                                           size_t size_bytes);
CUBBY_NODISCARD enum cubby_status cubby_gpu_save_pipelines(const struct cubby_gpu *gpu,
                                                           void **bytes, size_t *size_bytes);
// Messages of the validation layer so far: errors and warnings. Tests want 0.
uint32_t cubby_gpu_validation_messages(const struct cubby_gpu *gpu);

#endif
