// How long one core takes from a JPEG's bytes to the network's input: decode_bench FILE...
// libjpeg-turbo alone at the scale that cubby chooses, against cubby with its own decoder where
// that takes the file. The contestants take turns, so that noise hits both; medians of the
// processor's time in ms.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "decode/decode.h"
#include "engine/image.h"
#include "platform/fs.h"
#include "platform/read_file.h"

#define ROUNDS 21
#define CROP 224u

// As the built-in model wants it.
static const struct cubby_preprocess preprocess = {.rule = CUBBY_RESIZE_SHORTER,
                                                   .filter = CUBBY_FILTER_BILINEAR,
                                                   .resize_width = 256,
                                                   .crop_width = CROP,
                                                   .crop_height = CROP,
                                                   .exif_orientation = true};

enum contestant { LIBJPEG, OWN, CONTESTANTS };

struct bench {
    struct decoder *decoder[CONTESTANTS]; // owned
    struct cubby_resizer *resizer;        // owned
    uint8_t out[CONTESTANTS][CROP * CROP * 3];
};

struct times {
    double decode[ROUNDS], all[ROUNDS];
};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_ms(double *times)
{
    qsort(times, ROUNDS, sizeof(*times), compare);
    return times[ROUNDS / 2] * 1e3;
}

// Not the clock on the wall: other programs may be running.
static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static enum cubby_status run(struct bench *bench, enum contestant who, const uint8_t *bytes,
                             size_t size_bytes, double *decode, double *all)
{
    char reason[256];
    struct decode_image image;
    double start = seconds();
    enum cubby_status status = decode_run(bench->decoder[who], bytes, size_bytes, "", &preprocess,
                                          &image, reason, sizeof(reason));
    *decode = seconds() - start;
    if (!status)
        status = cubby_preprocess_run(bench->resizer, &preprocess, image.rgb, image.width,
                                      image.height, bench->out[who]);
    *all = seconds() - start;
    if (status)
        fprintf(stderr, "%s\n", reason);
    return status;
}

static enum cubby_status run_photo(struct bench *bench, const char *path)
{
    uint8_t *bytes = NULL;
    size_t size_bytes = 0;
    char reason[256];
    static struct times times[CONTESTANTS];
    enum cubby_status status =
        read_file(fs_real(), path, 0, &bytes, &size_bytes, NULL, reason, sizeof(reason));
    if (status)
        fprintf(stderr, "%s: %s\n", path, reason);
    for (int round = 0; !status && round < ROUNDS; round++)
        for (int who = 0; !status && who < CONTESTANTS; who++)
            status = run(bench, who, bytes, size_bytes, &times[who].decode[round],
                         &times[who].all[round]);
    if (!status) {
        double decode[CONTESTANTS], all[CONTESTANTS];
        for (int who = 0; who < CONTESTANTS; who++) {
            decode[who] = median_ms(times[who].decode);
            all[who] = median_ms(times[who].all);
        }
        const char *slash = strrchr(path, '/');
        printf("%-24.24s %6.2f %9.2f %8.2f %6.2f %9.2f %8.2f %6.2f%s\n", slash ? slash + 1 : path,
               (double)size_bytes / 1e6, decode[LIBJPEG], decode[OWN],
               decode[LIBJPEG] / decode[OWN], all[LIBJPEG], all[OWN], all[LIBJPEG] / all[OWN],
               memcmp(bench->out[0], bench->out[1], sizeof(bench->out[0])) ? " DIFFERENT" : "");
        fflush(stdout);
    }
    free(bytes);
    return status;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    if (argc < 2) {
        fprintf(stderr, "usage: decode_bench FILE...\n");
        return 2;
    }
    enum cubby_status status =
        decoder_create(&bench.decoder[LIBJPEG], &(struct decode_params){.libjpeg_only = true});
    if (!status)
        status = decoder_create(&bench.decoder[OWN], NULL);
    if (!status)
        status = cubby_resizer_create(&bench.resizer);
    if (!status)
        printf("%-24s %6s | decode: %s %s %s | to input: %s %s %s\n", "photo", "MB", "libjpeg",
               "own", "x", "libjpeg", "own", "x");
    for (int i = 1; !status && i < argc; i++)
        status = run_photo(&bench, argv[i]);
    cubby_resizer_destroy(&bench.resizer);
    for (int who = 0; who < CONTESTANTS; who++)
        decoder_destroy(&bench.decoder[who]);
    return status != CUBBY_OK;
}
