// Elements of a tensor in a file: types, and gathering them through strides.
#include "model/container.h"

#include <stdlib.h>
#include <string.h>

#include "half.h"

uint16_t load_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

uint32_t load_u32(const uint8_t *bytes)
{
    return (uint32_t)load_u16(bytes) | (uint32_t)load_u16(bytes + 2) << 16;
}

uint64_t load_u64(const uint8_t *bytes)
{
    return (uint64_t)load_u32(bytes) | (uint64_t)load_u32(bytes + 4) << 32;
}

const char *cubby_dtype_name(enum cubby_dtype dtype)
{
    switch (dtype) {
    case CUBBY_F32:
        return "f32";
    case CUBBY_F16:
        return "f16";
    case CUBBY_BF16:
        return "bf16";
    case CUBBY_F64:
        return "f64";
    case CUBBY_I64:
        return "i64";
    case CUBBY_OTHER:
        break;
    }
    return "other";
}

size_t tensor_element_bytes(enum cubby_dtype dtype)
{
    static const size_t bytes[] = {
        [CUBBY_F32] = 4, [CUBBY_F16] = 2, [CUBBY_BF16] = 2,
        [CUBBY_F64] = 8, [CUBBY_I64] = 8, [CUBBY_OTHER] = 0,
    };
    return bytes[dtype];
}

uint64_t cubby_tensor_elements(const struct cubby_tensor *tensor)
{
    uint64_t elements = 1;
    for (uint32_t i = 0; i < tensor->rank; ++i)
        elements *= (uint64_t)tensor->shape[i];
    return elements;
}

bool tensor_shape_is_sane(const struct cubby_tensor *tensor)
{
    uint64_t elements = 1; // with empty sides left out, so that no partial product can overflow
    for (uint32_t i = 0; i < tensor->rank; ++i) {
        int64_t size = tensor->shape[i];
        if (size < 0)
            return false;
        if (size > 0 && (uint64_t)size > CHECKPOINT_MAX_ELEMENTS / elements)
            return false;
        elements *= size > 0 ? (uint64_t)size : 1;
    }
    return true;
}

void tensor_set_contiguous(struct cubby_tensor *tensor)
{
    int64_t stride = 1;
    for (uint32_t i = tensor->rank; i-- > 0;) {
        tensor->strides[i] = stride;
        stride *= tensor->shape[i] > 0 ? tensor->shape[i] : 1;
    }
}

// The tensor as nested loops: sides of 1 dropped, sides that follow each other in memory joined.
// A contiguous tensor becomes one row; so does a channels-last 1x1 convolution.
struct walk {
    uint32_t rank; // of the loops around the row
    int64_t shape[CUBBY_MAX_RANK], strides[CUBBY_MAX_RANK];
    size_t row, rows;
    int64_t row_stride;
};

static struct walk plan(const struct cubby_tensor *tensor)
{
    int64_t shape[CUBBY_MAX_RANK], strides[CUBBY_MAX_RANK];
    uint32_t rank = 0;
    for (uint32_t i = 0; i < tensor->rank; ++i) {
        int64_t size = tensor->shape[i], stride = tensor->strides[i];
        if (size == 1)
            continue;
        if (rank > 0 && strides[rank - 1] == size * stride) {
            shape[rank - 1] *= size;
            strides[rank - 1] = stride;
            continue;
        }
        shape[rank] = size;
        strides[rank++] = stride;
    }

    struct walk walk = {.row = 1, .rows = 1, .row_stride = 1};
    if (rank == 0)
        return walk;
    walk.rank = rank - 1;
    walk.row = (size_t)shape[rank - 1];
    walk.row_stride = strides[rank - 1];
    for (uint32_t i = 0; i < walk.rank; ++i) {
        walk.shape[i] = shape[i];
        walk.strides[i] = strides[i];
        walk.rows *= (size_t)shape[i];
    }
    return walk;
}

// Offset of the row after the one at `offset`; counters like an odometer.
static int64_t next_row(const struct walk *walk, int64_t *counters, int64_t offset)
{
    for (uint32_t i = walk->rank; i-- > 0;) {
        offset += walk->strides[i];
        if (++counters[i] < walk->shape[i])
            break;
        offset -= counters[i] * walk->strides[i];
        counters[i] = 0;
    }
    return offset;
}

static float float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static double double_from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

// One loop a type: with the switch inside, no loop would vectorise. step is in bytes.
static void read_row(enum cubby_dtype dtype, const uint8_t *src, ptrdiff_t step, size_t count,
                     float *out)
{
    switch (dtype) {
    case CUBBY_F32:
        for (size_t i = 0; i < count; ++i, src += step)
            out[i] = float_from_bits(load_u32(src));
        break;
    case CUBBY_F16:
        for (size_t i = 0; i < count; ++i, src += step)
            out[i] = half_to_float(load_u16(src));
        break;
    case CUBBY_BF16:
        for (size_t i = 0; i < count; ++i, src += step)
            out[i] = float_from_bits((uint32_t)load_u16(src) << 16);
        break;
    case CUBBY_F64:
        for (size_t i = 0; i < count; ++i, src += step)
            out[i] = (float)double_from_bits(load_u64(src));
        break;
    case CUBBY_I64:
        for (size_t i = 0; i < count; ++i, src += step)
            out[i] = (float)(int64_t)load_u64(src);
        break;
    case CUBBY_OTHER:
        break;
    }
}

enum cubby_status cubby_tensor_read_f32(const struct cubby_tensor *tensor, float *out)
{
    size_t element = tensor_element_bytes(tensor->dtype);
    if (element == 0)
        return CUBBY_UNSUPPORTED;
    if (cubby_tensor_elements(tensor) == 0)
        return CUBBY_OK;

    struct walk walk = plan(tensor);
    ptrdiff_t step = (ptrdiff_t)walk.row_stride * (ptrdiff_t)element;
    int64_t counters[CUBBY_MAX_RANK] = {0}, offset = 0;
    for (size_t row = 0; row < walk.rows; ++row) {
        const uint8_t *src = tensor->data + (size_t)offset * element;
        // With a constant step the compiler sees the plain copy that this is.
        if (walk.row_stride == 1)
            read_row(tensor->dtype, src, (ptrdiff_t)element, walk.row, out);
        else
            read_row(tensor->dtype, src, step, walk.row, out);
        out += walk.row;
        offset = next_row(&walk, counters, offset);
    }
    return CUBBY_OK;
}

void tensor_gather(const struct cubby_tensor *tensor, void *out)
{
    size_t element = tensor_element_bytes(tensor->dtype);
    if (cubby_tensor_elements(tensor) == 0)
        return;

    struct walk walk = plan(tensor);
    int64_t counters[CUBBY_MAX_RANK] = {0}, offset = 0;
    uint8_t *to = out;
    for (size_t row = 0; row < walk.rows; ++row) {
        const uint8_t *src = tensor->data + (size_t)offset * element;
        if (walk.row_stride == 1) {
            memcpy(to, src, walk.row * element);
        } else {
            for (size_t i = 0; i < walk.row; ++i)
                memcpy(to + i * element, src + i * (size_t)walk.row_stride * element, element);
        }
        to += walk.row * element;
        offset = next_row(&walk, counters, offset);
    }
}

enum cubby_status tensor_survey(const struct cubby_tensor *tensor, bool *finite, float *least)
{
    size_t count = (size_t)cubby_tensor_elements(tensor);
    *finite = true;
    *least = 0;
    if (count == 0)
        return CUBBY_OK;
    float *values = malloc(count * sizeof(*values));
    if (!values)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = cubby_tensor_read_f32(tensor, values);
    uint32_t bad = 0;
    float low = values[0];
    for (size_t i = 0; !status && i < count; ++i) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof(bits));
        bad |= (bits & 0x7f800000u) == 0x7f800000u;
        low = values[i] < low ? values[i] : low;
    }
    *finite = bad == 0;
    *least = low;
    free(values);
    return status;
}
