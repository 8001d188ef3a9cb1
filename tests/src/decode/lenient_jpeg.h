// What libjpeg-turbo makes of a JPEG at 1/8 if its warnings are not heeded: pixels for damaged
// files too.
#ifndef TESTS_SRC_DECODE_LENIENT_JPEG_H
#define TESTS_SRC_DECODE_LENIENT_JPEG_H

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "decode/decoders.h"

static inline void lenient_stop(j_common_ptr info)
{
    longjmp(*(jmp_buf *)info->client_data, 1);
}

static inline void lenient_say_nothing(j_common_ptr info, int level)
{
    (void)info;
    (void)level;
}

// RGB, for the caller to free; NULL if libjpeg gives up or memory runs out.
static inline uint8_t *lenient_jpeg(const uint8_t *bytes, size_t size_bytes)
{
    jmp_buf recover;
    struct jpeg_error_mgr errors;
    struct jpeg_decompress_struct info = {.err = jpeg_std_error(&errors), .client_data = &recover};
    errors.error_exit = lenient_stop;
    errors.emit_message = lenient_say_nothing;
    uint8_t *volatile rgb = NULL, *volatile row = NULL;
    volatile bool done = false;
    if (setjmp(recover) == 0) {
        jpeg_create_decompress(&info);
        jpeg_mem_src(&info, bytes, (unsigned long)size_bytes);
        jpeg_read_header(&info, TRUE);
        info.scale_num = 1;
        info.scale_denom = 8;
        info.do_fancy_upsampling = FALSE;
        bool cmyk = info.num_components == 4;
        info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
        jpeg_start_decompress(&info);
        size_t width = info.output_width;
        rgb = malloc(width * info.output_height * 3);
        row = malloc(width * 4);
        while (rgb && row && info.output_scanline < info.output_height) {
            uint8_t *to = rgb + width * 3 * info.output_scanline, *rows = cmyk ? row : to;
            jpeg_read_scanlines(&info, &rows, 1);
            if (cmyk)
                jpeg_cmyk_to_rgb(row, (uint32_t)width, to);
        }
        done = rgb && row;
    }
    jpeg_destroy_decompress(&info);
    free(row);
    if (done)
        return rgb;
    free(rgb);
    return NULL;
}

#endif
