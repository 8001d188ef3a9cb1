// Photos to features: what the network's last pooling gives, the input of a head. Through the
// same pipeline as a sort, or from the cache.
//
// A photo has several views: 0 is the photo as the network sees it when it classifies; others are
// flipped or cut out, for training only. Which part a view shows follows from the photo's content
// alone, so that every run trains on the same pictures. Each view of a photo is read and decoded by
// itself: twice the decoding is little beside a second run of the network, and a device that is
// lost on the way loses no more than a batch.
#ifndef SRC_LEARN_FEATURES_H
#define SRC_LEARN_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#include "commands/classifying.h"
#include "learn/feature_cache.h"
#include "engine/image.h"
#include "learn/labelled.h"

#define FEATURES_PLAIN 1u     // views of a photo without augmentation
#define FEATURES_AUGMENTED 3u // the photo, mirrored, and a part of it

struct features_params {
    const struct command *command; // options, messages, hooks
    uint64_t cache_bytes;          // limit of the cache
    const char *model;             // file; NULL: the built-in one
};

// Which part of the photo a view shows.
void features_view(struct photo_hash photo, uint32_t view, struct cubby_view *out);

struct features;
// Opens the model (its weights only to know them again) and the cache; no device yet.
CUBBY_NODISCARD enum cubby_status features_open(struct features **out,
                                                const struct features_params *params);
void features_close(struct features **features); // takes NULL; keeps the cache

// Computes what the cache lacks of views 0..views-1 of each photo, and writes the photos' capture
// times. Opens the device when it is needed first. Photos that cannot be decoded are warned of by
// name and marked in `failed` [count]; they have no rows.
//   rows  written [count * views]: a photo's views one after the other
//   CUBBY_INTERRUPTED  what was computed so far is in the cache
CUBBY_NODISCARD enum cubby_status features_compute(struct features *features,
                                                   struct labelled_photo *photos, size_t count,
                                                   uint32_t views, uint64_t *rows, bool *failed);
// A row's values into out [dims]. Any thread, while nothing is computed.
CUBBY_NODISCARD enum cubby_status features_read(const struct features *features, uint64_t row,
                                                float *out);
uint32_t features_dims(const struct features *features);
// The model that they are of, without its weights; borrowed.
const struct cubby_model *features_model(const struct features *features); // NULL in some tests
struct photo_hash features_model_hash(const struct features *features);    // of the file
const char *features_model_path(const struct features *features);
struct photo_hash features_key(const struct features *features); // of the cache
uint64_t features_computed(const struct features *features);     // views that were not in the cache

#endif
