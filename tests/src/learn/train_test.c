// Training on features that are made up, where it is known what can be learned and what is only
// known by heart.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "engine/metrics.h"
#include "learn/train.h"

#define DIMS 256u
#define CLASSES 3u
#define MOST 1200u

static double random_normal(uint64_t *seed)
{
    double sum = 0;
    for (int i = 0; i < 12; i++) {
        *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        sum += (double)(*seed >> 11) / 9007199254740992.0;
    }
    return sum - 6;
}

// An item looks like its class, and more like itself; a photo (a row) a little differently.
struct world {
    double class_part, item_part, photo_part;
    uint32_t items, each; // photos of an item
    uint32_t first_item;
};

static void make_row(const struct world *world, uint64_t row, float *out)
{
    uint64_t item = world->first_item + row / world->each;
    uint64_t of_class = item % CLASSES * 7919 + 11, of_item = item * 104729 + 5,
             of_photo = (row + 1) * 15485863 + world->first_item;
    for (uint32_t k = 0; k < DIMS; k++)
        out[k] = (float)(world->class_part * random_normal(&of_class) +
                         world->item_part * random_normal(&of_item) +
                         world->photo_part * random_normal(&of_photo));
}

static uint64_t rows[MOST];
static struct train_photo photos[MOST];
static float features[MOST][DIMS];

static enum cubby_status read_row(const void *source, uint64_t row, float *out)
{
    (void)source;
    memcpy(out, features[row], sizeof(features[row]));
    return CUBBY_OK;
}

static struct train_params params_of(const struct world *world, bool grouped)
{
    uint32_t count = world->items * world->each;
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = i;
        make_row(world, i, features[i]);
        photos[i] = (struct train_photo){.rows = &rows[i],
                                         .views = 1,
                                         .label = i / world->each % CLASSES,
                                         .group = grouped ? i / world->each : i,
                                         .weight = 1};
    }
    return (struct train_params){.photos = photos,
                                 .count = count,
                                 .class_count = CLASSES,
                                 .dims = DIMS,
                                 .read = read_row,
                                 .threads = 2};
}

// The part of photos of other items that a head gets right.
static double accuracy_on_others(const struct train_result *result, struct world world)
{
    world.first_item = 3000;
    world.items = 300;
    uint32_t right = 0, count = world.items * world.each;
    for (uint32_t i = 0; i < count; i++) {
        float other[DIMS], logits[CLASSES];
        make_row(&world, i, other);
        cubby_head_apply(&result->head, other, logits);
        right += cubby_largest(logits, CLASSES) == i / world.each % CLASSES;
    }
    return (double)right / count;
}

// Eight photos of each item: who splits them at random sees the items again.
static const struct world leaky = {
    .class_part = 0.18, .item_part = 1, .photo_part = 0.3, .items = 90, .each = 8};

static void test_honest(void **state)
{
    (void)state;
    struct train_params params = params_of(&leaky, true);
    params.careless = true;
    params.seed = 3;
    struct train_result result;
    assert_int_equal(train_run(&result, &params), CUBBY_OK);
    double truth = accuracy_on_others(&result, leaky);
    assert_int_equal(result.honest.photos, 720);
    assert_int_equal(result.honest.groups, 90);
    assert_true(result.careless.accuracy > 0.97);
    assert_true(result.honest.accuracy < 0.9);
    assert_true(result.honest.low < truth && truth < result.honest.high);
    assert_true(result.honest.low < result.honest.accuracy &&
                result.honest.accuracy < result.honest.high);
    train_result_fini(&result);

    // Without the groups the same photos tell the careless story.
    params = params_of(&leaky, false);
    assert_int_equal(train_run(&result, &params), CUBBY_OK);
    assert_true(result.honest.accuracy > 0.97);
    assert_int_equal(result.careless.photos, 0);
    train_result_fini(&result);
}

static void test_same_bytes(void **state)
{
    (void)state;
    struct train_result first, second;
    struct train_params params = params_of(&leaky, true);
    params.target_precision = 0.6;
    assert_int_equal(train_run(&first, &params), CUBBY_OK);
    params.threads = 1;
    assert_int_equal(train_run(&second, &params), CUBBY_OK);
    assert_memory_equal(first.head.weight, second.head.weight, CLASSES * DIMS * sizeof(float));
    assert_memory_equal(first.head.bias, second.head.bias, CLASSES * sizeof(float));
    assert_true(first.temperature == second.temperature);
    assert_true(first.threshold.reachable && second.threshold.reachable &&
                first.threshold.threshold == second.threshold.threshold);
    train_result_fini(&first);
    train_result_fini(&second);
}

// The head's temperature is divided out: its answers are as sure as they are right.
static void test_calibrated(void **state)
{
    (void)state;
    static const struct world plain = {
        .class_part = 0.15, .item_part = 1, .photo_part = 0, .items = 900, .each = 1};
    struct train_params params = params_of(&plain, true);
    params.target_precision = 0.8;
    struct train_result result;
    assert_int_equal(train_run(&result, &params), CUBBY_OK);
    assert_true(result.temperature > 0);
    assert_true(result.ece_after < 0.06 && result.ece_after <= result.ece_before + 0.01);
    assert_true(result.threshold.reachable && result.threshold.precision >= 0.8);
    struct cubby_metrics metrics;
    assert_int_equal(cubby_metrics_init(&metrics, CLASSES), CUBBY_OK);
    struct world others = plain;
    others.first_item = 3000;
    uint32_t kept = 0, right = 0;
    for (uint32_t i = 0; i < 3000; i++) {
        float other[DIMS], p[CLASSES];
        make_row(&others, i, other);
        cubby_head_apply(&result.head, other, p);
        cubby_softmax(p, CLASSES, 1, p);
        assert_int_equal(cubby_metrics_add(&metrics, i % CLASSES, p), CUBBY_OK);
        uint32_t best = cubby_largest(p, CLASSES);
        kept += p[best] >= (float)result.threshold.threshold;
        right += p[best] >= (float)result.threshold.threshold && best == i % CLASSES;
    }
    cubby_metrics_finish(&metrics);
    assert_true(metrics.calibration_error < 0.06);
    assert_true(kept > 500 && right > 0.77 * kept);
    cubby_metrics_fini(&metrics);
    train_result_fini(&result);
}

// Photos to judge by are the only ones that judge, and are not learned from.
static void test_judges(void **state)
{
    (void)state;
    struct train_params params = params_of(&leaky, true);
    for (uint32_t i = 0; i < params.count; i++)
        photos[i].judge_only = i >= 480;
    struct train_result result, without;
    assert_int_equal(train_run(&result, &params), CUBBY_OK);
    assert_int_equal(result.honest.photos, 240);
    assert_int_equal(result.honest.groups, 30);
    assert_int_equal(result.held_out_count, 240);
    for (uint32_t i = 0; i < 240; i++)
        assert_int_equal(result.held_out[i], 480 + i);
    // At the same strength, the head of the others alone has the same bytes but for temperature.
    params.count = 480;
    assert_int_equal(train_run(&without, &params), CUBBY_OK);
    if (without.l2 == result.l2)
        for (uint32_t i = 0; i < CLASSES * DIMS; i++)
            assert_true(fabs(result.head.weight[i] * result.temperature -
                             without.head.weight[i] * without.temperature) < 1e-5);
    train_result_fini(&result);
    train_result_fini(&without);
}

// More views of a photo do not make more photos.
static void test_views(void **state)
{
    (void)state;
    struct train_params params = params_of(&leaky, true);
    params.count = 0;
    for (uint32_t i = 0; i + 4 <= 720; i += 4) { // four rows as views of one photo
        photos[params.count] = photos[i];
        photos[params.count++].views = 4;
    }
    struct train_result result;
    params.careless = true;
    assert_int_equal(train_run(&result, &params), CUBBY_OK);
    assert_int_equal(result.honest.photos, 180);
    assert_int_equal(result.careless.photos, 180);
    assert_int_equal(result.held_out_count, 180);
    for (uint32_t i = 0; i < 180; i++)
        assert_int_equal(result.held_out[i], i);
    train_result_fini(&result);
}

static enum cubby_status read_nothing(const void *source, uint64_t row, float *out)
{
    (void)source, (void)row, (void)out;
    return CUBBY_IO;
}

static bool at_once(void *user)
{
    (void)user;
    return true;
}

static void test_errors(void **state)
{
    (void)state;
    struct train_result result;
    struct train_params params = params_of(&leaky, true);
    params.read = read_nothing;
    assert_int_equal(train_run(&result, &params), CUBBY_IO);
    params = params_of(&leaky, true);
    params.interrupted = at_once;
    assert_int_equal(train_run(&result, &params), CUBBY_INTERRUPTED);
    params = params_of(&leaky, true);
    params.class_count = TRAIN_MOST_CLASSES + 1;
    assert_int_equal(train_run(&result, &params), CUBBY_BAD_DATA);
    params = params_of(&leaky, true);
    for (uint32_t i = 0; i < params.count; i++)
        photos[i].group = 1;
    assert_int_equal(train_run(&result, &params), CUBBY_BAD_DATA);
    assert_null(result.head.weight);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_honest),     cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_calibrated), cmocka_unit_test(test_judges),
        cmocka_unit_test(test_views),      cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
