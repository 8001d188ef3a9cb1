// Bytes to normalised floats: (byte / 255 - mean) / std, as torchvision's ToTensor + Normalize.
//   bytes  u8 [n][h][w][3], packed, in words    dst  NC4HW4 [1][n][h][w] = (r, g, b, 0)
// One invocation converts four pixels: three words.
// PIXELS: dst is f16 NHWC [n][stored_height][stored_width][blocks], the image inside a border.
// FLOATS: the input is f32 [n][h][w][3] instead, 0..255 like bytes, but not rounded.
#version 450
#extension GL_GOOGLE_include_directive : require

#include "family.glsl"
#include "normalize_push.h"

layout(local_size_x = 64) in;
layout(binding = 2, std430) writeonly buffer Dst {
    TEXEL dst[];
};
layout(binding = 3, std430) readonly buffer Bytes {
#ifdef FLOATS
    float values[];
#else
    uint words[];
#endif
};
layout(push_constant) uniform Push {
    normalize_push p;
};

vec4 texel(float r, float g, float b)
{
    const vec3 mean = vec3(p.mean_r, p.mean_g, p.mean_b), std = vec3(p.std_r, p.std_g, p.std_b);
    return vec4((vec3(r, g, b) / 255.0 - mean) / std, 0.0);
}

#ifdef PIXELS
vec4 pixel(uint i)
{
#ifdef FLOATS
    return texel(values[i * 3], values[i * 3 + 1], values[i * 3 + 2]);
#else
    const uint at = i * 3, shift = at % 4 * 8;
    uint rgb = words[at / 4] >> shift;
    if (shift > 8) // its bytes go on in the next word
        rgb |= words[at / 4 + 1] << (32 - shift);
    return texel(float(rgb & 255), float(rgb >> 8 & 255), float(rgb >> 16 & 255));
#endif
}

void main()
{
    for (uint k = 0; k < 4; k++) {
        const uint i = gl_GlobalInvocationID.x * 4 + k;
        if (i >= p.stored_pixels)
            return;
        const uint row = i / p.stored_width, n = row / p.stored_height;
        const uint x = i - row * p.stored_width - p.left, y = row - n * p.stored_height - p.top;
        const bool inside = x < p.width && y < p.height;
        dst[i * p.blocks] = PACK(inside ? pixel((n * p.height + y) * p.width + x) : vec4(0.0));
        for (uint block = 1; block < p.blocks; block++)
            dst[i * p.blocks + block] = PACK(vec4(0.0));
    }
}
#elif defined(FLOATS)
void main()
{
    const uint first = gl_GlobalInvocationID.x * 4, end = min(first + 4, p.pixels);
    for (uint i = first; i < end; i++)
        dst[i] = PACK(texel(values[i * 3], values[i * 3 + 1], values[i * 3 + 2]));
}
#else
float byte_of(uint word, int index)
{
    return float(bitfieldExtract(word, index * 8, 8));
}

void main()
{
    const uint group = gl_GlobalInvocationID.x, first = group * 4;
    if (first >= p.pixels)
        return;
    const uint a = words[group * 3], b = words[group * 3 + 1], c = words[group * 3 + 2];
    dst[first] = PACK(texel(byte_of(a, 0), byte_of(a, 1), byte_of(a, 2)));
    if (first + 1 < p.pixels)
        dst[first + 1] = PACK(texel(byte_of(a, 3), byte_of(b, 0), byte_of(b, 1)));
    if (first + 2 < p.pixels)
        dst[first + 2] = PACK(texel(byte_of(b, 2), byte_of(b, 3), byte_of(c, 0)));
    if (first + 3 < p.pixels)
        dst[first + 3] = PACK(texel(byte_of(c, 1), byte_of(c, 2), byte_of(c, 3)));
}
#endif
