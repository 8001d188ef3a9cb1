#include "commands/bench_photos.h"

#include <stdlib.h>
#include <string.h>

#include "decode/decode.h"
#include "platform/clock.h"
#include "scan.h"

#define MAX_PHOTOS 100000u // measured; more would say nothing new

static enum cubby_status add(struct bench_photos *photos, struct photo *photo)
{
    if (photo->status != PHOTO_PENDING || !decode_name_is_photo(photo->path)) {
        photo_free(&photo);
        return CUBBY_OK;
    }
    // Grows at powers of two.
    if ((photos->count & (photos->count - 1)) == 0) {
        size_t capacity = photos->count ? photos->count * 2 : 1;
        struct photo **grown = realloc(photos->list, capacity * sizeof(*grown));
        if (!grown) {
            photo_free(&photo);
            return CUBBY_NO_MEMORY;
        }
        photos->list = grown;
    }
    photos->list[photos->count++] = photo;
    return CUBBY_OK;
}

enum cubby_status bench_photos_open(struct bench_photos *photos, const char *folder,
                                    const struct fs *fs, const struct cubby_log *log)
{
    *photos = (struct bench_photos){.folder = strdup(folder)};
    if (!photos->folder)
        return CUBBY_NO_MEMORY;
    struct scan_params params = {.roots = &folder, .root_count = 1, .fs = fs, .log = log};
    struct scan *scan = NULL;
    enum cubby_status status = scan_create(&scan, &params);
    while (!status && photos->count < MAX_PHOTOS) {
        struct photo *photo = NULL;
        status = scan_next(scan, &photo);
        if (!status && !photo)
            break;
        if (!status)
            status = add(photos, photo);
    }
    scan_destroy(&scan);
    if (!status && !photos->count) {
        cubby_log(log, CUBBY_LOG_ERROR, "there are no photos in %s", folder);
        status = CUBBY_BAD_DATA;
    }
    if (status)
        bench_photos_close(photos);
    return status;
}

void bench_photos_close(struct bench_photos *photos)
{
    for (size_t i = 0; i < photos->count; i++)
        photo_free(&photos->list[i]);
    free(photos->list);
    free(photos->folder);
    *photos = (struct bench_photos){0};
}

void bench_photos_start(struct bench_photos *photos, double seconds)
{
    photos->next = photos->end = 0;
    photos->until = clock_seconds() + seconds;
}

void bench_photos_start_one(struct bench_photos *photos, uint64_t number)
{
    photos->next = number;
    photos->end = number + 1;
}

double bench_photos_mean_bytes(const struct bench_photos *photos)
{
    double bytes = 0;
    for (size_t i = 0; i < photos->count; i++)
        bytes += (double)photos->list[i]->size_bytes;
    return photos->count ? bytes / (double)photos->count : 0;
}

enum cubby_status bench_photos_next(struct bench_photos *photos, struct photo **out)
{
    *out = NULL;
    bool over = photos->end ? photos->next >= photos->end : clock_seconds() >= photos->until;
    if (over)
        return CUBBY_OK;
    const struct photo *original = photos->list[photos->next % photos->count];
    struct photo *photo = calloc(1, sizeof(*photo));
    if (!photo)
        return CUBBY_NO_MEMORY;
    *photo = *original;
    photo->path = strdup(original->path);
    photo->relative = strdup(original->relative);
    photo->sequence = photos->next++;
    if (!photo->path || !photo->relative) {
        photo_free(&photo);
        return CUBBY_NO_MEMORY;
    }
    *out = photo;
    return CUBBY_OK;
}
