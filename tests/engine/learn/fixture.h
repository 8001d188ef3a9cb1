// Made-up samples. Header only, so that each test stays one program.
#ifndef TESTS_ENGINE_LEARN_FIXTURE_H
#define TESTS_ENGINE_LEARN_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/learn.h"

struct fixture {
    struct cubby_samples samples;
    struct cubby_float_rows rows;
    float *features; // owned, [count, dims]
    uint32_t *labels, *groups, *photos;
    float *weights;
    uint8_t *roles;
    uint64_t random;
};

// splitmix64
static inline uint64_t fixture_next(struct fixture *fixture)
{
    uint64_t z = (fixture->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// About normally distributed, deviation 1.
static inline float fixture_normal(struct fixture *fixture)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += (double)(fixture_next(fixture) >> 11) * 0x1p-53;
    return (float)sum;
}

// Sample i is of class i % classes and its own group and photo; feature d of it is normal, `apart`
// higher for class d % classes.
static inline void fixture_init(struct fixture *fixture, uint64_t seed, uint32_t count,
                                uint32_t dims, uint32_t classes, float apart)
{
    *fixture = (struct fixture){.random = seed};
    fixture->features = malloc((size_t)count * dims * sizeof(float));
    fixture->labels = malloc(count * sizeof(uint32_t));
    fixture->groups = malloc(count * sizeof(uint32_t));
    fixture->photos = malloc(count * sizeof(uint32_t));
    fixture->weights = malloc(count * sizeof(float));
    fixture->roles = calloc(count, 1);
    assert_true(fixture->features && fixture->labels && fixture->groups && fixture->photos &&
                fixture->weights && fixture->roles);
    for (uint32_t i = 0; i < count; i++) {
        fixture->labels[i] = i % classes;
        fixture->groups[i] = fixture->photos[i] = i;
        fixture->weights[i] = 1;
        for (uint32_t d = 0; d < dims; d++)
            fixture->features[(size_t)i * dims + d] =
                fixture_normal(fixture) + (d % classes == fixture->labels[i] ? apart : 0);
    }
    fixture->rows = (struct cubby_float_rows){fixture->features, dims};
    fixture->samples = (struct cubby_samples){
        .row = cubby_float_row,
        .user = &fixture->rows,
        .labels = fixture->labels,
        .weights = fixture->weights,
        .roles = fixture->roles,
        .groups = fixture->groups,
        .photos = fixture->photos,
        .count = count,
        .dims = dims,
        .classes = classes,
    };
}

static inline void fixture_fini(struct fixture *fixture)
{
    free(fixture->features);
    free(fixture->labels);
    free(fixture->groups);
    free(fixture->photos);
    free(fixture->weights);
    free(fixture->roles);
}

static inline uint32_t fixture_right(const struct fixture *fixture, const struct cubby_head *head)
{
    float logits[64];
    uint32_t right = 0;
    for (uint32_t i = 0; i < fixture->samples.count; i++) {
        cubby_head_apply(head, fixture->features + (size_t)i * head->dims, logits);
        uint32_t best = 0;
        for (uint32_t k = 1; k < head->classes; k++)
            best = logits[k] > logits[best] ? k : best;
        right += best == fixture->labels[i];
    }
    return right;
}

// Keeps the last message.
static inline void fixture_keep(void *user, enum cubby_log_level level, const char *message)
{
    if (level == CUBBY_LOG_ERROR)
        snprintf(user, 256, "%s", message);
}

// "Threads" that take their parts backwards, and leave the calling order to nobody.
static inline void fixture_backwards(void *user, size_t count,
                                     void (*task)(void *context, size_t index), void *context)
{
    *(size_t *)user += count;
    for (size_t i = count; i-- > 0;)
        task(context, i);
}

#endif
