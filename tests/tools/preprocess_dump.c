// Shows Python tests what cubby makes of a photo: raw RGB8 on stdout.
//   preprocess_dump FILE decode exact|scaled|upright    WIDTH HEIGHT\n, then the decoded pixels
//                                                       (upright: exact, and turned as EXIF says)
//   preprocess_dump FILE resize FILTER WIDTH HEIGHT     decoded exactly, then cubby_resize()
//   preprocess_dump FILE preprocess exact|scaled FILTER RESIZE CROP   shorter side, centre crop
//   preprocess_dump FILE rule exact|scaled|torch RULE FILTER WIDTH HEIGHT PAD CROP_WIDTH
//   CROP_HEIGHT
//                   CENTRE [RESAMPLE...]   with RESAMPLE: WIDTH HEIGHT align|centres and either
//                   whole, or MIN_RATIO,MAX_RATIO,SCALE; with one the output is floats;
//                   torch: exact, and resampled in torch's arithmetic
//   preprocess_dump FILE time COUNT RESIZE CROP         ms per photo, exact and scaled
// FILTER is bilinear or bicubic. Exit code 1 with the reason on stderr if the photo fails.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "decode/decode.h"
#include "engine/image.h"

static uint8_t *read_file(const char *path, size_t *size_bytes)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    uint8_t *bytes = NULL;
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    rewind(file);
    if (size >= 0)
        bytes = malloc((size_t)size + 1);
    if (bytes && fread(bytes, 1, (size_t)size, file) != (size_t)size) {
        free(bytes);
        bytes = NULL;
    }
    fclose(file);
    *size_bytes = (size_t)size;
    return bytes;
}

struct dump {
    uint8_t *bytes; // owned
    size_t size_bytes;
    struct decoder *decoder;       // owned
    struct cubby_resizer *resizer; // owned
    struct cubby_preprocess preprocess;
    struct decode_image image;
};

static bool decode(struct dump *dump, bool exact)
{
    decoder_destroy(&dump->decoder);
    struct decode_params params = {.exact = exact};
    if (decoder_create(&dump->decoder, &params))
        return false;
    char reason[256];
    if (decode_run(dump->decoder, dump->bytes, dump->size_bytes, "", &dump->preprocess,
                   &dump->image, reason, sizeof(reason)) == CUBBY_OK)
        return true;
    fprintf(stderr, "%s\n", reason);
    return false;
}

static bool write_pixels(const uint8_t *rgb, size_t size_bytes)
{
    return fwrite(rgb, 1, size_bytes, stdout) == size_bytes && fflush(stdout) == 0;
}

static enum cubby_filter filter_of(const char *text)
{
    return strcmp(text, "bicubic") == 0 ? CUBBY_FILTER_BICUBIC : CUBBY_FILTER_BILINEAR;
}

static bool dump_resized(struct dump *dump, char **arguments)
{
    if (!decode(dump, true))
        return false;
    uint32_t width = (uint32_t)strtoul(arguments[1], NULL, 10);
    uint32_t height = (uint32_t)strtoul(arguments[2], NULL, 10);
    size_t size_bytes = (size_t)width * height * 3;
    uint8_t *out = malloc(size_bytes);
    bool written =
        out &&
        cubby_resize(dump->resizer, dump->image.rgb, dump->image.width, dump->image.height,
                     filter_of(arguments[0]), out, width, height) == CUBBY_OK &&
        write_pixels(out, size_bytes);
    free(out);
    return written;
}

static void set_sizes(struct dump *dump, const char *resize, const char *crop)
{
    dump->preprocess.resize_width = (uint32_t)strtoul(resize, NULL, 10);
    dump->preprocess.crop_width = dump->preprocess.crop_height = (uint32_t)strtoul(crop, NULL, 10);
}

static bool write_preprocessed(struct dump *dump, bool exact)
{
    if (!decode(dump, exact))
        return false;
    size_t size_bytes = cubby_preprocess_output_bytes(&dump->preprocess);
    uint8_t *out = malloc(size_bytes);
    bool written = out &&
                   cubby_preprocess_run(dump->resizer, &dump->preprocess, dump->image.rgb,
                                        dump->image.width, dump->image.height, out) == CUBBY_OK &&
                   write_pixels(out, size_bytes);
    free(out);
    return written;
}

static bool dump_preprocessed(struct dump *dump, char **arguments)
{
    dump->preprocess.filter = filter_of(arguments[1]);
    set_sizes(dump, arguments[2], arguments[3]);
    return write_preprocessed(dump, strcmp(arguments[0], "exact") == 0);
}

static int choice(const char *const *names, const char *text)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], text) == 0)
            return i;
    fprintf(stderr, "%s?\n", text);
    exit(2);
}

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 10);
}

static struct cubby_resample resample_of(char **arguments)
{
    struct cubby_resample resample = {.width = number(arguments[0]),
                                      .height = number(arguments[1]),
                                      .align_corners = strcmp(arguments[2], "align") == 0,
                                      .crop = strcmp(arguments[3], "whole") != 0};
    if (resample.crop && sscanf(arguments[3], "%f,%f,%f", &resample.min_ratio, &resample.max_ratio,
                                &resample.scale) != 3)
        exit(2);
    return resample;
}

static bool dump_rule(struct dump *dump, int count, char **arguments)
{
    static const char *const rules[] = {"shorter", "squish", "crop", "pad", NULL};
    static const char *const pads[] = {"zeros", "border", "reflection", NULL};
    static const char *const centres[] = {"even", "down", NULL};
    struct cubby_preprocess *p = &dump->preprocess;
    p->rule = (enum cubby_resize_rule)choice(rules, arguments[1]);
    p->filter = filter_of(arguments[2]);
    p->resize_width = number(arguments[3]);
    p->resize_height = number(arguments[4]);
    p->pad = (enum cubby_pad)choice(pads, arguments[5]);
    p->crop_width = number(arguments[6]);
    p->crop_height = number(arguments[7]);
    p->centre = (enum cubby_centre)choice(centres, arguments[8]);
    for (int i = 9; i + 4 <= count && p->resample_count < CUBBY_MAX_RESAMPLES; i += 4)
        p->resamples[p->resample_count++] = resample_of(arguments + i);
    cubby_resizer_set_exact(dump->resizer, strcmp(arguments[0], "torch") == 0);
    return write_preprocessed(dump, strcmp(arguments[0], "scaled") != 0);
}

static bool print_times(struct dump *dump, char **arguments)
{
    long count = strtol(arguments[0], NULL, 10);
    set_sizes(dump, arguments[1], arguments[2]);
    uint8_t *out = malloc(cubby_preprocess_output_bytes(&dump->preprocess));
    if (!out)
        return false;
    bool done = true;
    for (int exact = 0; done && exact < 2; exact++) {
        double best[2] = {1e9, 1e9};
        done = decode(dump, exact);
        for (long i = 0; done && i < count; i++) {
            char reason[256];
            clock_t start = clock();
            done = decode_run(dump->decoder, dump->bytes, dump->size_bytes, "", &dump->preprocess,
                              &dump->image, reason, sizeof(reason)) == CUBBY_OK;
            clock_t middle = clock();
            done = done &&
                   cubby_preprocess_run(dump->resizer, &dump->preprocess, dump->image.rgb,
                                        dump->image.width, dump->image.height, out) == CUBBY_OK;
            double ms[2] = {(double)(middle - start) * 1e3 / CLOCKS_PER_SEC,
                            (double)(clock() - middle) * 1e3 / CLOCKS_PER_SEC};
            for (int k = 0; k < 2; k++)
                best[k] = ms[k] < best[k] ? ms[k] : best[k];
        }
        printf("%s: %u x %u, decode %.2f ms, resize %.2f ms\n", exact ? "exact" : "scaled",
               dump->image.width, dump->image.height, best[0], best[1]);
    }
    free(out);
    return done;
}

static bool run(struct dump *dump, int count, char **arguments)
{
    const char *what = count > 0 ? arguments[0] : "";
    dump->preprocess = (struct cubby_preprocess){.rule = CUBBY_RESIZE_SHORTER,
                                                 .filter = CUBBY_FILTER_BILINEAR,
                                                 .resize_width = 256,
                                                 .crop_width = 224,
                                                 .crop_height = 224};
    if (strcmp(what, "decode") == 0 && count == 2) {
        dump->preprocess.exif_orientation = strcmp(arguments[1], "upright") == 0;
        if (!decode(dump, strcmp(arguments[1], "scaled") != 0))
            return false;
        printf("%u %u\n", dump->image.width, dump->image.height);
        return write_pixels(dump->image.rgb, (size_t)dump->image.width * dump->image.height * 3);
    }
    if (strcmp(what, "resize") == 0 && count == 4)
        return dump_resized(dump, arguments + 1);
    if (strcmp(what, "preprocess") == 0 && count == 5)
        return dump_preprocessed(dump, arguments + 1);
    if (strcmp(what, "rule") == 0 && count >= 10)
        return dump_rule(dump, count - 1, arguments + 1);
    if (strcmp(what, "time") == 0 && count == 4)
        return print_times(dump, arguments + 1);
    fprintf(stderr, "wrong usage, see the head of preprocess_dump.c\n");
    return false;
}

int main(int argc, char **argv)
{
    struct dump dump = {0};
    if (argc > 1)
        dump.bytes = read_file(argv[1], &dump.size_bytes);
    bool done = false;
    if (!dump.bytes)
        fprintf(stderr, "no file, or it cannot be read\n");
    else if (cubby_resizer_create(&dump.resizer) == CUBBY_OK)
        done = run(&dump, argc - 2, argv + 2);
    cubby_resizer_destroy(&dump.resizer);
    decoder_destroy(&dump.decoder);
    free(dump.bytes);
    return done ? 0 : 1;
}
