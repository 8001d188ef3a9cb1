#include "away.h"

#include "decode/decode.h"

void away_settle(struct photo *photo)
{
    if (!photo->is_away || photo->status != PHOTO_PENDING)
        return;
    if (decode_name_is_photo(photo->path))
        photo_settle(
            photo, PHOTO_FAILED,
            "it is in the cloud (OneDrive), not on this disk: choose \"Always keep on this "
            "device\" for its folder, or let it be downloaded with --online");
    else
        photo_settle(photo, PHOTO_SKIPPED, "not on this disk, and not a photo by its name");
}
