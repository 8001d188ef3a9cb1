#include "commands/held_photos.h"

#include <stdlib.h>
#include <string.h>

struct held_photo {
    struct photo_hash hash;
    uint64_t size_bytes;
    struct photo_guess guess;
    enum photo_status status;
    bool has_guess, is_filed;
    char text[]; // path, reason and, if filed, filed_as, each with its NUL
};

void held_photos_fini(struct held_photos *held)
{
    for (size_t i = 0; i < held->count; i++)
        free(held->list[i]);
    free(held->list);
    *held = (struct held_photos){0};
}

static char *append(char *end, const char *text)
{
    size_t bytes = strlen(text) + 1;
    memcpy(end, text, bytes);
    return end + bytes;
}

static struct held_photo *packed(const struct photo *photo)
{
    const char *filed_as = photo->filed_as ? photo->filed_as : "";
    size_t bytes = strlen(photo->path) + strlen(photo->reason) + strlen(filed_as) + 3;
    struct held_photo *one = malloc(sizeof(*one) + bytes);
    if (!one)
        return NULL;
    *one = (struct held_photo){.hash = photo->hash,
                               .size_bytes = photo->size_bytes,
                               .guess = photo->top[0],
                               .status = photo->status,
                               .has_guess = photo->top_count > 0,
                               .is_filed = photo->filed_as != NULL};
    append(append(append(one->text, photo->path), photo->reason), filed_as);
    return one;
}

enum cubby_status held_photos_add(struct held_photos *held, const struct photo *photo)
{
    if (held->count == held->capacity) {
        size_t capacity = held->capacity ? held->capacity * 2 : 256;
        struct held_photo **list = realloc(held->list, capacity * sizeof(struct held_photo *));
        if (!list)
            return CUBBY_NO_MEMORY;
        held->list = list;
        held->capacity = capacity;
    }
    struct held_photo *one = packed(photo);
    if (!one)
        return CUBBY_NO_MEMORY;
    held->list[held->count++] = one;
    return CUBBY_OK;
}

enum cubby_status held_photos_get(const struct held_photos *held, size_t index, struct photo **out)
{
    const struct held_photo *one = held->list[index];
    const char *reason = one->text + strlen(one->text) + 1;
    const char *filed_as = reason + strlen(reason) + 1;
    *out = NULL;
    struct photo *photo = calloc(1, sizeof(*photo));
    if (!photo)
        return CUBBY_NO_MEMORY;
    photo->path = strdup(one->text);
    photo->filed_as = one->is_filed ? strdup(filed_as) : NULL;
    if (!photo->path || (one->is_filed && !photo->filed_as)) {
        photo_free(&photo);
        return CUBBY_NO_MEMORY;
    }
    photo->hash = one->hash;
    photo->size_bytes = one->size_bytes;
    photo->top[0] = one->guess;
    photo->top_count = one->has_guess;
    photo_settle(photo, one->status, "%s", reason);
    *out = photo;
    return CUBBY_OK;
}
