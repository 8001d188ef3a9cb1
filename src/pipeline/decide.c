#include "pipeline/decide.h"

#include <assert.h>

// Inserts a guess into the sorted list; the last one falls off when it is full.
static void insert(struct photo *photo, struct photo_guess guess)
{
    uint32_t at = photo->top_count;
    while (at > 0 && photo->top[at - 1].probability < guess.probability)
        at--;
    if (at == PHOTO_TOP)
        return;
    if (photo->top_count < PHOTO_TOP)
        photo->top_count++;
    for (uint32_t i = photo->top_count - 1; i > at; i--)
        photo->top[i] = photo->top[i - 1];
    photo->top[at] = guess;
}

void decide_top(struct photo *photo, const float *probabilities, uint32_t class_count)
{
    photo->top_count = 0;
    for (uint32_t i = 0; i < class_count; i++) {
        // Softmax may round to a hair over 1.
        if (!(probabilities[i] >= 0.0f && probabilities[i] <= 1.001f)) {
            photo->top_count = 0;
            photo_settle(photo, PHOTO_FAILED,
                         "the network's answer for class %u is not a probability (%g)", (unsigned)i,
                         (double)probabilities[i]);
            return;
        }
        insert(photo, (struct photo_guess){i, probabilities[i]});
    }
}

enum photo_status decide(const struct photo *photo, double threshold)
{
    assert(photo->top_count);
    // Compared as float, so that a threshold of 0.9 is met by a probability printed as 0.9.
    return photo->top[0].probability >= (float)threshold ? PHOTO_FILED : PHOTO_UNSURE;
}
