// Push constants of shaders/conv_matrix.comp, included by GLSL and by engine/ops/conv_matrix.c.
// A chunk is 16 bytes: eight halves, channels of one pixel.
#ifndef CONV_MATRIX_PUSH_H
#define CONV_MATRIX_PUSH_H

#ifndef GL_core_profile
#include <stdint.h>
#define uint uint32_t
#endif

struct conv_matrix_push {
    uint tiles;   // workgroups that have something to do
    uint tiles_n; // of them, side by side along the output channels
    uint pixels;  // batch * out_height * out_width
    uint out_height, out_width;
    uint out_chunks; // of an output pixel
    uint in_height, in_width;
    uint stride, pad;        // what the window's edges are tested with
    uint origin;             // chunks from the input's first to the first window's corner, may wrap
    uint image_pitch;        // chunks from one image to the next
    uint y_step, x_step;     // chunks from one output row, pixel to the next
    uint tap_chunks;         // chunks of one tap, and to the next one
    uint row_jump;           // chunks to add behind a row of taps
    uint weight_channels;    // output channels as the weights are packed
    uint bias_base;          // first float of the bias within binding 1
    uint flags;              // CONV_* of conv_push.h
    // Of the second tensor, in chunks: a pixel, an image, and from one output row, pixel to the next.
    uint second_chunks, second_pitch, second_y_step, second_x_step;
};

#ifndef GL_core_profile
#undef uint
_Static_assert(sizeof(struct conv_matrix_push) <= 128, "push constants are promised 128 bytes");
#endif

#endif
