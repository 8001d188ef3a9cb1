// What this user's earlier runs compiled and measured for a device, in the cache folder: files
// KEY.pipelines and KEY.tuning under devices/. All of it may be deleted at any time: a cache that
// cannot be read or written costs time, never an answer, and is only a note in the log.
#ifndef SRC_DEVICE_CACHE_H
#define SRC_DEVICE_CACHE_H

#include <stddef.h>

#include "engine/gpu.h"
#include "engine/log.h"
#include "engine/tuning.h"
#include "platform/fs.h"

struct device_cache {
    const struct fs *fs;         // borrowed
    const struct cubby_log *log; // borrowed
    char *folder;                // owned; NULL: there is no cache folder
    size_t pipeline_bytes;       // of the pipelines that were read, 0: none
};

void device_cache_init(struct device_cache *cache, const struct fs *fs,
                       const struct cubby_log *log);
void device_cache_fini(struct device_cache *cache);

// Gives the device its pipelines of earlier runs. To be called before nets are made.
void device_cache_load_pipelines(struct device_cache *cache, struct cubby_gpu *gpu);
// Keeps those of this run, if there are others than were read.
void device_cache_save_pipelines(struct device_cache *cache, const struct cubby_gpu *gpu);

// The tuning of earlier runs, or an empty one. CUBBY_NO_MEMORY only.
CUBBY_NODISCARD enum cubby_status device_cache_load_tuning(struct device_cache *cache,
                                                           const struct cubby_gpu *gpu,
                                                           struct cubby_tuning **tuning);
//   CUBBY_IO, CUBBY_NO_SPACE ...  it could not be written; the log says why
CUBBY_NODISCARD enum cubby_status device_cache_save_tuning(struct device_cache *cache,
                                                           const struct cubby_gpu *gpu,
                                                           const struct cubby_tuning *tuning);

// Where this device's tuning lies; malloc'd, NULL without a cache folder.
char *device_cache_tuning_path(const struct device_cache *cache, const struct cubby_gpu *gpu);
// Removes what is kept for all devices; *removed files.
CUBBY_NODISCARD enum cubby_status device_cache_clear(struct device_cache *cache, size_t *removed);

#endif
