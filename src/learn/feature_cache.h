// Features of photos that were computed before, in the user's cache folder: features/KEY-*.rows,
// where KEY stands for what features depend on besides the photo (network, preprocessing, decoder).
//
// Each process writes a file of its own and reads those of all, so that several can work at once
// and none sees a half-written row: a row counts only if its checksum is right. What is damaged, of
// another format, or cut short by a crash is not used, and computed again. A cache that cannot be
// written is one warning; the rows of this run are then kept in memory. When all files together
// exceed the limit, those that were not used for the longest time are removed.
//
// Rows are kept as 16-bit floats, scaled by a power of two for each row so that its largest value
// fits: half the size and time of 32 bits. What is computed in this run is read back in the same
// way, so that a second run, from the cache, gives the same numbers.
#ifndef SRC_LEARN_FEATURE_CACHE_H
#define SRC_LEARN_FEATURE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/log.h"
#include "engine/status.h"
#include "photo.h"
#include "platform/fs.h"

#define FEATURE_CACHE_NONE UINT64_MAX
#define FEATURE_CACHE_MAX_DIMS 65536u

struct feature_cache_params {
    struct photo_hash key; // of network, preprocessing and decoder
    uint32_t dims;         // of a row
    uint64_t limit_bytes;  // of all files together, once it is closed
    const struct fs *fs;
    const struct cubby_log *log;
};

struct feature_cache;
// Opens it, creates the folder if need be and reads what is there once, to check it.
//   CUBBY_NO_MEMORY
//   CUBBY_TOO_LARGE  dims
CUBBY_NODISCARD enum cubby_status feature_cache_open(struct feature_cache **out,
                                                     const struct feature_cache_params *params);
// Removes what is over the limit.
void feature_cache_close(struct feature_cache **cache); // takes NULL

// The row of a photo's view; FEATURE_CACHE_NONE: not there.
//   captured  NULL, or written: when the photo was taken, "" if it does not say
uint64_t feature_cache_find(const struct feature_cache *cache, struct photo_hash photo,
                            uint32_t view, char captured[20]);
// Adds a row, or gives the one that is there. One thread at a time.
//   captured  when it was taken; of more than 19 bytes the first
//   features  [dims]
//   CUBBY_BAD_DATA   a value is not a finite number
//   CUBBY_NO_MEMORY
CUBBY_NODISCARD enum cubby_status feature_cache_add(struct feature_cache *cache,
                                                    struct photo_hash photo, uint32_t view,
                                                    const char *captured, const float *features,
                                                    uint64_t *row);
// A row's values, into features [dims]. Any thread, while none adds.
//   CUBBY_IO  it cannot be read any more; the log says why
CUBBY_NODISCARD enum cubby_status feature_cache_read(const struct feature_cache *cache,
                                                     uint64_t row, float *features);
uint32_t feature_cache_dims(const struct feature_cache *cache);

// Removes all that is kept for any network; *removed files.
CUBBY_NODISCARD enum cubby_status feature_cache_clear(const struct fs *fs,
                                                      const struct cubby_log *log, size_t *removed);

#endif
