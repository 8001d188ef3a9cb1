#include "pipeline/stages.h"

#include <stdlib.h>
#include <string.h>

#include "decode/decode.h"
#include "hash.h"
#include "platform/read_file.h"

#define SNIFF_BYTES 64u

// What the first bytes say, without reading the rest: among the photos may lie a film of 40 GB.
// Returns 0 or a libuv error.
static int sniff_file(const struct fs *fs, const char *path, enum decode_kind *kind)
{
    *kind = DECODE_UNKNOWN;
    uint8_t head[SNIFF_BYTES];
    struct fs_stat stat;
    int file = fs->open(fs, path, FS_READ);
    if (file < 0)
        return file;
    // Opening a fifo does not wait, reading one would.
    int64_t got =
        fs->fstat(fs, file, &stat) || !stat.is_file ? 0 : fs->read(fs, file, head, sizeof(head));
    fs->close(fs, file);
    if (got > 0)
        *kind = decode_sniff(head, (size_t)got);
    return got < 0 ? (int)got : 0;
}

bool pipeline_worth_reading(const struct fs *fs, uint64_t max_file_bytes, struct photo *photo)
{
    if (!decode_name_is_photo(photo->path)) {
        enum decode_kind kind = DECODE_UNKNOWN;
        int error = photo->size_bytes ? sniff_file(fs, photo->path, &kind) : 0;
        if (error) // it may well be a photo: nobody knows
            photo_settle(photo, PHOTO_FAILED, "cannot be read: %s", fs_error_text(error));
        else if (kind == DECODE_UNKNOWN)
            photo_settle(photo, PHOTO_SKIPPED, "not a photo");
        if (error || kind == DECODE_UNKNOWN)
            return false;
    }
    if (!photo->size_bytes) {
        photo_settle(photo, PHOTO_FAILED, "empty file");
        return false;
    }
    if (max_file_bytes && photo->size_bytes > max_file_bytes) {
        photo_settle(photo, PHOTO_FAILED, "too large: %.1f MB, --max-file-size allows %.1f MB",
                     (double)photo->size_bytes / 1e6, (double)max_file_bytes / 1e6);
        return false;
    }
    return true;
}

bool read_photo(const struct pipeline_params *params, struct photo *photo)
{
    if (!pipeline_worth_reading(params->fs, params->max_file_bytes, photo))
        return false;

    size_t size_bytes = 0;
    struct fs_stat stat;
    char reason[PHOTO_REASON_BYTES] = "cannot be read";
    enum cubby_status status = read_file(params->fs, photo->path, params->max_file_bytes,
                                         &photo->bytes, &size_bytes, &stat, reason, sizeof(reason));
    if (!status && !size_bytes) {
        // Emptied since the scan.
        free(photo->bytes);
        photo->bytes = NULL;
        status = CUBBY_BAD_DATA;
        strcpy(reason, "empty file");
    }
    if (status) {
        photo_settle(photo, PHOTO_FAILED, "%s", reason);
        return false;
    }
    photo_set_stat(photo, &stat); // it may have been replaced since the scan looked at it
    photo->hash = photo_hash_bytes(photo->bytes, size_bytes);
    return true;
}
