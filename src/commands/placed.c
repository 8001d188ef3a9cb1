#include "commands/placed.h"

#include <stdlib.h>
#include <string.h>

#include "platform/names.h"

static enum cubby_status find(const struct placed *placed, const struct photo *photo,
                              struct catalogue_correction *out)
{
    *out = (struct catalogue_correction){0};
    for (size_t i = 0; i < 2 && !out->id; i++) {
        if (!placed->catalogues[i])
            continue;
        enum cubby_status status =
            catalogue_find_correction(placed->catalogues[i], photo->hash, photo->size_bytes, out);
        if (status)
            return status;
    }
    return CUBBY_OK;
}

// The folder of a class that the model does not know: as the person called it. malloc'd.
static char *own_folder(const struct catalogue_correction *correction)
{
    size_t length = strcspn(correction->place, "/");
    bool below = correction->place[length] == '/';
    char *name = strdup(below ? correction->place : correction->class_name);
    if (name && below)
        name[length] = '\0';
    // Who knows who wrote the catalogue: not into cubby's own folder, not out of the output.
    char *folder = name ? names_component(name, NAMES_LABEL) : NULL;
    free(name);
    return folder;
}

// malloc'd.
static char *folder_of(const struct placed *placed, const struct catalogue_correction *correction)
{
    if (!correction->class_name)
        return strdup(NAMES_UNSURE);
    for (uint32_t i = 0; i < placed->class_count; i++)
        if (!strcmp(placed->class_names[i], correction->class_name))
            return strdup(placed->folders[i]);
    return own_folder(correction);
}

enum cubby_status placed_apply(const struct placed *placed, struct photo *photo, char **folder)
{
    struct catalogue_correction correction;
    *folder = NULL;
    enum cubby_status status = find(placed, photo, &correction);
    if (!status && correction.id) {
        *folder = folder_of(placed, &correction);
        if (!*folder)
            status = CUBBY_NO_MEMORY;
        photo_settle(photo, correction.class_name ? PHOTO_FILED : PHOTO_UNSURE, PHOTO_PLACED);
        if (correction.class_name) {
            free(photo->class_name);
            photo->class_name = correction.class_name;
            correction.class_name = NULL;
        }
    }
    catalogue_correction_fini(&correction);
    return status;
}
