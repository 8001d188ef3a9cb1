// Push constants of shaders/conv_lane.comp and conv_tile.comp, included by GLSL and by
// engine/ops/conv.c.
#ifndef CONV_PUSH_H
#define CONV_PUSH_H

#ifndef GL_core_profile
#include <stdint.h>
#define uint uint32_t
#endif

struct conv_push {
    uint src_base;      // first texel of the input within binding 0
    uint weight_base;   // first texel of the packed weights within binding 1
    uint bias_base;     // first texel of the bias within binding 1
    uint residual_base; // first texel of the tensor to add (lane: binding 0, tile: binding 3)
    uint in_height, in_width;
    uint in_blocks; // ceil(input channels / 4)
    uint in_plane;  // batch * in_height * in_width: texels from one channel block to the next
    uint out_height, out_width;
    uint out_blocks; // ceil(output channels / 4)
    uint out_plane;  // batch * out_height * out_width
    uint kernel, stride, pad;
    uint flags; // CONV_*
    // lane, SECOND: another input, whose 1x1 convolution is added. Its base, and that of its weights,
    // in place of the residual's and the step between positions, which it excludes.
    uint second_blocks, second_plane, second_image, second_width, second_stride;
    // Texels from one position of a Winograd product to the next (gl_WorkGroupID.z).
    uint src_step, weight_step, dst_step;
    uint ascending[8]; // lane: 0 .. 7 (shaders/include/lane.glsl)
};

#define CONV_RELU 1u
#define CONV_RESIDUAL 2u
#define CONV_BIAS 4u
#define CONV_CHANNELS_FIRST 8u // lane: workgroups count output channels in x and pixels in y
#define CONV_FLOATS 16u        // HALF: the output is f32 all the same

#ifndef GL_core_profile
#undef uint
_Static_assert(sizeof(struct conv_push) <= 128, "push constants are promised 128 bytes");
#endif

#endif
