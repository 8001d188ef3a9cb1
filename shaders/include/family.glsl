// How each kernel family reads its tensors; every kernel of a family has the same four bindings.
//
// Activations of lane and tile are NC4HW4: texel [block][image][y][x] holds channels 4*block ..
// 4*block+3, with zeros in the channels that pad the last block. Those of the matrix family (PIXELS)
// are NHWC, texel [image][y][x][block], with zeros up to a multiple of 32 channels; its bindings are
// the tile family's. engine/graph/layout.c says the same in C.
//
//   binding  lane                                  tile, matrix
//   0        texel buffer over the whole arena     the input tensor
//   1        texel buffer over all weights         all weights of this layer
//   2        the output tensor                     the output tensor
//   3        other: input bytes                    other: input bytes, or the tensor to add
//
// HALF: texels are four 16-bit floats in memory and vec4 in registers. The bias
// stays in 32 bits, and so do values that only leave the device (engine/graph/layout.h).
//
// The lane family uses storage texel buffers because Mesa's CPU driver turns their loads into one
// gather (1.1 ns for 8 floats) and every other kind into eight serial, bounds-checked accesses.
// Texel 0 of the arena is always zero: lanes that fall into the padding read it.
// It writes 64 bits at a time: that driver stores each lane's each component by itself, and half as
// many stores are half the time.
#ifdef LANE
#extension GL_ARB_gpu_shader_int64 : require
#define TEXEL u64vec2
#define PACK(v)                                                                                    \
    u64vec2(packUint2x32(floatBitsToUint((v).xy)), packUint2x32(floatBitsToUint((v).zw)))
layout(binding = 0, rgba32f) uniform readonly imageBuffer src_texels;
layout(binding = 1, rgba32f) uniform readonly imageBuffer weight_texels;
#define LOAD_SRC(i) imageLoad(src_texels, int(i))
#define LOAD_WEIGHT(i) imageLoad(weight_texels, int(i))
#define LOAD_BIAS(i) imageLoad(weight_texels, int(i))
#define LOAD_SRC_OR_ZERO(inside, i) LOAD_SRC((inside) ? int(i) : 0)
#define LOAD_RESIDUAL(i) LOAD_SRC(i)
#else
#ifdef HALF
#extension GL_EXT_shader_16bit_storage : require
#define TEXEL f16vec4
#define PACK(v) f16vec4(clamp(v, -65504.0, 65504.0)) // the largest half, rather than infinity
#else
#define TEXEL vec4
#define PACK(v) (v)
#endif
layout(binding = 0, std430) readonly buffer Src {
    TEXEL src_values[];
};
layout(binding = 1, std430) readonly buffer Weights {
    TEXEL weight_values[];
};
layout(binding = 1, std430) readonly buffer Bias {
    vec4 bias_values[]; // floats in every family, counted from the start of the binding
};
#define LOAD_SRC(i) vec4(src_values[i])
#define LOAD_WEIGHT(i) vec4(weight_values[i])
#define LOAD_BIAS(i) bias_values[i]
#define LOAD_SRC_OR_ZERO(inside, i) ((inside) ? LOAD_SRC(i) : vec4(0.0))
#define LOAD_RESIDUAL(i) residual_values[i]
#endif

// Index of a block (of `blocks`) of a pixel of a value; `plane` is the pixels of all its images.
#ifdef PIXELS
#define AT(block, blocks, pixel, plane) ((pixel) * (blocks) + (block))
#else
#define AT(block, blocks, pixel, plane) ((block) * (plane) + (pixel))
#endif
