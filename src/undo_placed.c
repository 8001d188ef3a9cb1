#include <stdlib.h>
#include <string.h>

#include "platform/path.h"
#include "undo_files.h"

// Whether two paths below the output lie in one folder.
static bool are_beside(const char *a, const char *b)
{
    char *one = path_parent(a), *other = path_parent(b);
    bool result = one && other && !strcmp(one, other);
    free(one);
    free(other);
    return result;
}

// Of what travels with a photo the photo's place decides.
enum cubby_status undo_find_placed(struct undo *u, const struct filing *filing,
                                   struct catalogue_correction *correction)
{
    struct catalogue *catalogue = u->params->catalogue;
    struct photo *photo = NULL;
    struct photo_hash hash = filing->hash;
    uint64_t size_bytes = filing->size_bytes;
    enum cubby_status status = CUBBY_OK;
    *correction = (struct catalogue_correction){0};
    if (filing->member) {
        status = catalogue_get_photo(catalogue, filing->photo, &photo);
        if (status || !photo)
            return status;
        hash = photo->hash;
        size_bytes = photo->size_bytes;
        photo_free(&photo);
    }
    status = catalogue_find_correction(catalogue, hash, size_bytes, correction);
    if (!status && correction->id && !are_beside(correction->place, filing->target))
        catalogue_correction_fini(correction);
    return status;
}
