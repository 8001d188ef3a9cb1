// A model file's matrices as 16-bit floats: half the size. Vectors (biases, batch norm) stay as
// they are: they are small, and variances may be out of range.
#ifndef SRC_COMMANDS_HALF_WEIGHTS_H
#define SRC_COMMANDS_HALF_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/log.h"
#include "engine/status.h"

// Converts a safetensors file in memory, as cubby_model_write() makes it, in place.
//   size_bytes  in: of the file; out: of what is left of it
//   CUBBY_UNSUPPORTED  a weight is too large for 16 bits
enum cubby_status half_weights(uint8_t *file, size_t *size_bytes, const struct cubby_log *log);

// The nearest IEEE half (ties to even); beyond 65504 an infinity.
uint16_t half_from_float(float value);

#endif
