// IEEE 754 half precision on the CPU. Inline, so that loops over them vectorise. Private to the
// engine.
#ifndef ENGINE_HALF_H
#define ENGINE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float half_to_float(uint16_t half)
{
    // The exponent is moved by a multiplication, which also makes subnormals right; infinities and
    // NaNs need their exponent filled up. No branch, so that the compiler can vectorise.
    uint32_t magnitude = (half & 0x7fffu) << 13;
    float scaled;
    memcpy(&scaled, &magnitude, sizeof(scaled));
    scaled *= 0x1p112f;
    uint32_t bits;
    memcpy(&bits, &scaled, sizeof(bits));
    bits |= magnitude >= 0x7c00u << 13 ? 0x7f800000u : 0;
    bits |= (half & 0x8000u) << 16;
    float result;
    memcpy(&result, &bits, sizeof(result));
    return result;
}

// To the nearest, ties to even, as the shaders round; what is too large becomes infinite.
static inline uint16_t half_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    const uint32_t sign = bits >> 16 & 0x8000u;
    bits &= 0x7fffffffu;
    if (bits > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u); // NaN
    if (bits >= 0x477ff000u)               // 65520: halfway to what would follow the largest half
        return (uint16_t)(sign | 0x7c00u);
    uint32_t mantissa = bits - 0x38000000u, shift = 13;
    if (bits < 0x38800000u) { // below 2^-14, the smallest normal half
        if (bits < 0x33000000u)
            return (uint16_t)sign; // below half of the smallest subnormal
        mantissa = (bits & 0x7fffffu) | 0x800000u;
        shift = 126 - (bits >> 23);
    }
    const uint32_t rest = mantissa & ((1u << shift) - 1), tie = 1u << (shift - 1);
    const uint32_t half = mantissa >> shift;
    return (uint16_t)(sign | (half + (rest > tie || (rest == tie && (half & 1)))));
}

#endif
