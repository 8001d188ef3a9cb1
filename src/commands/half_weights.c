#include "commands/half_weights.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_BYTES 8u
#define HALF_INFINITY 0x7c00u

uint16_t half_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return (uint16_t)(sign | 0x7e00); // NaN
    if (magnitude >= 0x477ff000)          // rounds to 65536 or more
        return (uint16_t)(sign | HALF_INFINITY);
    if (magnitude < 0x38800000) {
        // Subnormal: a multiple of 2^-24; nearbyintf rounds ties to even.
        float absolute;
        memcpy(&absolute, &magnitude, sizeof(absolute));
        return (uint16_t)(sign | (uint32_t)nearbyintf(absolute * 16777216.0f));
    }
    uint32_t odd = magnitude >> 13 & 1;
    return (uint16_t)(sign | ((magnitude - 0x38000000 + 0xfff + odd) >> 13));
}

// Moves one tensor's data down to *end, halved if it is a float matrix, and updates its entry.
static enum cubby_status move_tensor(uint8_t *data, size_t data_bytes, json_t *entry, size_t *end,
                                     const struct cubby_log *log)
{
    json_t *offsets = json_object_get(entry, "data_offsets");
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    json_int_t from = json_integer_value(json_array_get(offsets, 0));
    json_int_t to = json_integer_value(json_array_get(offsets, 1));
    if (!dtype || from < (json_int_t)*end || to < from || (uint64_t)to > data_bytes)
        return CUBBY_INTERNAL; // our own writer lists tensors in the order of their data
    size_t begin = *end, bytes = (size_t)(to - from);
    bool matrix = json_array_size(json_object_get(entry, "shape")) >= 2;
    if (!matrix || strcmp(dtype, "F32") != 0) {
        memmove(data + begin, data + from, bytes);
        *end += bytes;
    } else {
        for (size_t i = 0; i < bytes / 4; i++) {
            float value;
            memcpy(&value, data + from + 4 * i, sizeof(value));
            uint16_t half = half_from_float(value);
            if (isfinite(value) && (half & 0x7fff) == HALF_INFINITY) {
                cubby_log(log, CUBBY_LOG_ERROR,
                          "a weight of %g is too large for 16 bits: import without --fp16",
                          (double)value);
                return CUBBY_UNSUPPORTED;
            }
            data[begin + 2 * i] = (uint8_t)(half & 0xff);
            data[begin + 2 * i + 1] = (uint8_t)(half >> 8);
        }
        *end += bytes / 2;
        json_object_set_new(entry, "dtype", json_string("F16"));
    }
    json_array_set_new(offsets, 0, json_integer((json_int_t)begin));
    json_array_set_new(offsets, 1, json_integer((json_int_t)*end));
    return CUBBY_OK;
}

enum cubby_status half_weights(uint8_t *file, size_t *size_bytes, const struct cubby_log *log)
{
    uint64_t header_bytes = 0;
    if (*size_bytes < LENGTH_BYTES)
        return CUBBY_INTERNAL;
    for (size_t i = 0; i < LENGTH_BYTES; i++)
        header_bytes |= (uint64_t)file[i] << 8 * i;
    if (header_bytes > *size_bytes - LENGTH_BYTES)
        return CUBBY_INTERNAL;
    char *header = (char *)file + LENGTH_BYTES;
    uint8_t *data = file + LENGTH_BYTES + header_bytes;
    size_t data_bytes = *size_bytes - LENGTH_BYTES - (size_t)header_bytes, end = 0;

    json_t *entries = json_loadb(header, (size_t)header_bytes, 0, NULL);
    enum cubby_status status = entries ? CUBBY_OK : CUBBY_INTERNAL;
    const char *name;
    json_t *entry;
    json_object_foreach(entries, name, entry)
    {
        if (!status && strcmp(name, "__metadata__") != 0)
            status = move_tensor(data, data_bytes, entry, &end, log);
    }
    // Offsets have become smaller, so the header still fits; spaces fill what is left.
    char *text = status ? NULL : json_dumps(entries, JSON_COMPACT);
    size_t length = text ? strlen(text) : 0;
    if (!status && (!text || length > header_bytes))
        status = text ? CUBBY_INTERNAL : CUBBY_NO_MEMORY;
    if (!status) {
        memset(header, ' ', (size_t)header_bytes);
        memcpy(header, text, length);
        *size_bytes = LENGTH_BYTES + (size_t)header_bytes + end;
    }
    free(text);
    json_decref(entries);
    return status;
}
