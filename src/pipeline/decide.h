// From probabilities to a decision.
#ifndef SRC_PIPELINE_DECIDE_H
#define SRC_PIPELINE_DECIDE_H

#include <stdint.h>

#include "photo.h"

// Fills photo->top with the most probable classes (equal ones: the lower index first). If any
// probability is not a number between 0 and 1, the photo is settled as failed instead.
void decide_top(struct photo *photo, const float *probabilities, uint32_t class_count);

// PHOTO_FILED if the best guess reaches the threshold, else PHOTO_UNSURE.
enum photo_status decide(const struct photo *photo, double threshold);

#endif
