// What a device can do at most, as far as a small program can find out: the limits that a network's
// speed is compared with. The caller keeps the time:
//
//     create; multiply_add(n) with growing n until it takes long enough to be timed; destroy
#ifndef ENGINE_PEAK_H
#define ENGINE_PEAK_H

#include "engine/gpu.h"

struct cubby_peak;

// Takes 256 MB of device memory. Borrows `gpu`, which nobody else may use meanwhile.
CUBBY_NODISCARD enum cubby_status cubby_peak_create(struct cubby_peak **out, struct cubby_gpu *gpu);
void cubby_peak_destroy(struct cubby_peak **peak);

// Independent multiply-adds of 32-bit floats in registers, on all of the device; returns when they
// are done. *operations: how many, a multiply-add being two. Grows linearly with `rounds` (from 1).
CUBBY_NODISCARD enum cubby_status cubby_peak_multiply_add(struct cubby_peak *peak, uint32_t rounds,
                                                          double *operations);
// The same of products of matrices, 16-bit floats with 32-bit sums, on the device's matrix units.
//   CUBBY_UNSUPPORTED  the device was not opened with matrix kernels
CUBBY_NODISCARD enum cubby_status cubby_peak_matrices(struct cubby_peak *peak, uint32_t rounds,
                                                      double *operations);
// Copies device memory `rounds` times. *bytes: read and written.
CUBBY_NODISCARD enum cubby_status cubby_peak_copy(struct cubby_peak *peak, uint32_t rounds,
                                                  double *bytes);

#endif
