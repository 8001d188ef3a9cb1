// The pipeline with a network that tells colours apart, so that every answer can be checked: a
// photo named c5_... is one colour, and its class is 5.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <uv.h>

#include "hash.h"
#include "pipeline/decide.h"
#include "pipeline/pipeline.h"

#define CLASSES 8u
#define SIDE 8u
#define NEVER UINT32_MAX
#define CLASS_NAN 7u // the fake answers NaN for it, if asked to

static const struct cubby_preprocess preprocess = {.rule = CUBBY_RESIZE_SHORTER,
                                                   .filter = CUBBY_FILTER_BILINEAR,
                                                   .resize_width = SIDE,
                                                   .resize_height = SIDE,
                                                   .crop_width = SIDE,
                                                   .crop_height = SIDE,
                                                   .mean = {0.5f, 0.5f, 0.5f},
                                                   .std = {0.5f, 0.5f, 0.5f}};

// ---- a network that answers with the photo's colour

struct fake {
    struct classifier base;
    uint8_t *pixels[CUBBY_NET_MAX_SLOTS]; // owned, made anew by rebuild
    uint32_t count[CUBBY_NET_MAX_SLOTS];  // 0: not submitted
    struct photo_hash submitted[CUBBY_NET_MAX_SLOTS];
    float *probabilities; // owned
    float features[64];   // an image: its colour, twice that
    uint32_t submits, waits, rebuilds;
    uint32_t lose_submit, lose_wait, lose_wait_again; // the n-th call, from 0
    uint32_t images;                                  // classified
    uint32_t delay_ms;                                // of each wait
    enum cubby_status submit_status;
    bool nan;
};

static size_t slot_bytes(const struct classifier *classifier)
{
    return classifier->max_batch * classifier->image_bytes;
}

static uint8_t *fake_input(struct classifier *classifier, uint32_t slot)
{
    return ((struct fake *)classifier)->pixels[slot];
}

static enum cubby_status fake_submit(struct classifier *classifier, uint32_t slot, uint32_t count)
{
    struct fake *fake = (struct fake *)classifier;
    assert_true(count >= 1 && count <= classifier->max_batch);
    assert_int_equal(fake->count[slot], 0);
    if (fake->submits++ == fake->lose_submit)
        return CUBBY_DEVICE_LOST;
    fake->count[slot] = count;
    fake->submitted[slot] = photo_hash_bytes(fake->pixels[slot], count * classifier->image_bytes);
    return fake->submit_status;
}

static enum cubby_status fake_wait(struct classifier *classifier, uint32_t slot,
                                   struct cubby_net_output *output)
{
    struct fake *fake = (struct fake *)classifier;
    uint32_t count = fake->count[slot];
    assert_true(count > 0);
    if (fake->delay_ms)
        uv_sleep(fake->delay_ms);
    uint32_t wait = fake->waits++;
    if (wait == fake->lose_wait || wait == fake->lose_wait_again)
        return CUBBY_DEVICE_LOST;
    // Nobody may have touched the slot meanwhile.
    struct photo_hash now = photo_hash_bytes(fake->pixels[slot], count * classifier->image_bytes);
    assert_true(photo_hash_equal(now, fake->submitted[slot]));
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *image = fake->pixels[slot] + i * classifier->image_bytes;
        uint32_t class_index = image[3 * (SIDE * SIDE / 2)] / 32;
        for (uint32_t k = 0; k < CLASSES; k++)
            fake->probabilities[i * CLASSES + k] = k == class_index ? 0.93f : 0.01f;
        if (fake->base.feature_count == 2) {
            assert_true(i < 32);
            fake->features[2 * i] = (float)class_index;
            fake->features[2 * i + 1] = (float)(2 * class_index);
        }
        if (fake->nan && class_index == CLASS_NAN)
            fake->probabilities[i * CLASSES + 2] = 0.0f / (float)(fake->probabilities[0] < 0);
    }
    fake->images += count;
    fake->count[slot] = 0;
    *output = (struct cubby_net_output){.logits = fake->probabilities,
                                        .probabilities = fake->probabilities,
                                        .features = fake->features};
    return CUBBY_OK;
}

static void make_slots(struct fake *fake)
{
    for (uint32_t i = 0; i < fake->base.slots; i++) {
        free(fake->pixels[i]); // a decoder that still writes here is seen by the sanitizer
        fake->pixels[i] = malloc(slot_bytes(&fake->base));
        assert_non_null(fake->pixels[i]);
        memset(fake->pixels[i], 0xee, slot_bytes(&fake->base));
        fake->count[i] = 0;
    }
}

static enum cubby_status fake_rebuild(struct classifier *classifier)
{
    struct fake *fake = (struct fake *)classifier;
    fake->rebuilds++;
    make_slots(fake);
    return CUBBY_OK;
}

static const struct classifier_ops fake_ops = {fake_input, fake_submit, fake_wait, fake_rebuild,
                                               NULL};

static void fake_init(struct fake *fake, uint32_t batch, uint32_t slots)
{
    *fake = (struct fake){.base = {&fake_ops, batch, slots, CLASSES, SIDE * SIDE * 3, 0},
                          .lose_submit = NEVER,
                          .lose_wait = NEVER,
                          .lose_wait_again = NEVER};
    make_slots(fake);
    fake->probabilities = calloc(batch * CLASSES, sizeof(float));
    assert_non_null(fake->probabilities);
}

static void fake_fini(struct fake *fake)
{
    for (uint32_t i = 0; i < fake->base.slots; i++)
        free(fake->pixels[i]);
    free(fake->probabilities);
}

// ---- photos on disk

static char folder[512];

static void write_file(const char *name, const void *bytes, size_t size_bytes)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size_bytes, file), size_bytes);
    fclose(file);
}

// A PPM of one colour. `cut`: bytes left out at the end.
static void write_photo(const char *name, uint32_t class_index, uint32_t side, size_t cut)
{
    uint8_t bytes[64 + 100 * 100 * 3];
    int header = snprintf((char *)bytes, 64, "P6\n%u %u\n255\n", side, side);
    size_t size = (size_t)header + (size_t)side * side * 3;
    assert_true(size <= sizeof(bytes) && cut < size);
    memset(bytes + header, (int)(class_index * 32 + 16), size - (size_t)header);
    write_file(name, bytes, size - cut);
}

static int make_photos(void **state)
{
    (void)state;
    size_t bytes = sizeof(folder) - 16;
    char parent[480];
    bytes = sizeof(parent);
    if (uv_os_tmpdir(parent, &bytes))
        return -1;
    char pattern[512];
    snprintf(pattern, sizeof(pattern), "%s/cubby-XXXXXX", parent);
    uv_fs_t request;
    if (uv_fs_mkdtemp(NULL, &request, pattern, NULL))
        return -1;
    snprintf(folder, sizeof(folder), "%s", request.path);
    uv_fs_req_cleanup(&request);
    for (uint32_t i = 0; i < CLASSES; i++) {
        char name[32];
        snprintf(name, sizeof(name), "c%u.ppm", i);
        write_photo(name, i, 10 + 9 * i, 0);
    }
    write_photo("cut.ppm", 1, 40, 2000);
    write_file("empty.jpg", "", 0);
    write_file("empty.txt", "", 0);
    write_file("notes.txt", "just words", 10);
    write_file("words.jpg", "just words", 10);
    write_photo("photo.dat", 3, 20, 0); // found by its content
    return 0;
}

static int remove_photos(void **state)
{
    (void)state;
    uv_fs_t list, request;
    uv_dirent_t entry;
    uv_fs_scandir(NULL, &list, folder, 0, NULL);
    while (uv_fs_scandir_next(&list, &entry) != UV_EOF) {
        char path[1024];
        snprintf(path, sizeof(path), "%s/%s", folder, entry.name);
        uv_fs_unlink(NULL, &request, path, NULL);
        uv_fs_req_cleanup(&request);
    }
    uv_fs_req_cleanup(&list);
    uv_fs_rmdir(NULL, &request, folder, NULL);
    uv_fs_req_cleanup(&request);
    return 0;
}

// ---- a run: photos chosen by name, everything that comes out checked

struct run {
    struct fake fake;
    struct pipeline_params params;
    struct pipeline_stats stats;
    const char *const *names; // cycled
    uint32_t name_count, total;
    uint64_t next_sequence; // to come out
    _Atomic uint32_t given;
    uint32_t most_in_flight;
    uint32_t classified, failed, skipped, with_bytes;
    uint32_t fail_settle_at, fail_next_at, interrupt_at;
    _Atomic uint32_t settled;
    uint32_t settle_delay_ms;
};

static const char *const good[] = {"c0.ppm", "c1.ppm", "c2.ppm", "c3.ppm",
                                   "c4.ppm", "c5.ppm", "c6.ppm", "c7.ppm"};
static const char *const mixed[] = {"c4.ppm",    "cut.ppm",   "c1.ppm",    "notes.txt", "c6.ppm",
                                    "c7.ppm",    "empty.jpg", "words.jpg", "c2.ppm",    "photo.dat",
                                    "empty.txt", "c0.ppm",    "gone.jpg",  "c5.ppm"};

static enum cubby_status next(void *user, struct photo **out)
{
    struct run *run = user;
    *out = NULL;
    if (run->given == run->fail_next_at)
        return CUBBY_IO;
    if (run->given == run->total)
        return CUBBY_OK;
    struct photo *photo = calloc(1, sizeof(*photo));
    assert_non_null(photo);
    const char *name = run->names[run->given % run->name_count];
    photo->sequence = run->given++;
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    photo->path = strdup(path);
    photo->relative = strdup(name);
    struct fs_stat stat;
    if (fs_real()->stat(fs_real(), path, &stat))
        photo_settle(photo, PHOTO_FAILED, "vanished");
    else
        photo->size_bytes = stat.size_bytes;
    *out = photo;
    return CUBBY_OK;
}

static void check_photo(struct run *run, const struct photo *photo)
{
    const char *name = photo->relative;
    unsigned class_index = 0;
    bool is_good = sscanf(name, "c%u.ppm", &class_index) == 1;
    if (!strcmp(name, "photo.dat")) {
        is_good = true;
        class_index = 3;
    }
    bool spoilt = run->fake.nan && class_index == CLASS_NAN;
    if (is_good && !spoilt) {
        assert_int_equal(photo->status, PHOTO_PENDING);
        assert_int_equal(photo->top_count, PHOTO_TOP);
        assert_int_equal(photo->top[0].class_index, class_index);
        assert_int_equal(decide(photo, 0.9), PHOTO_FILED);
        assert_int_equal(decide(photo, 0.95), PHOTO_UNSURE);
        run->classified++;
        return;
    }
    assert_int_equal(photo->top_count, 0);
    assert_true(photo->reason[0]);
    bool words = strstr(name, ".txt") != NULL;
    assert_int_equal(photo->status, words ? PHOTO_SKIPPED : PHOTO_FAILED);
    if (words)
        assert_string_equal(photo->reason, "not a photo");
    if (!strcmp(name, "empty.jpg"))
        assert_string_equal(photo->reason, "empty file");
    run->failed += !words;
    run->skipped += words;
}

static enum cubby_status settle(void *user, struct photo **settled, const float *logits)
{
    struct run *run = user;
    struct photo *photo = *settled;
    assert_int_equal(photo->sequence, run->next_sequence);
    uint32_t in_flight = run->given - (uint32_t)run->next_sequence;
    run->next_sequence++;
    if (in_flight > run->most_in_flight)
        run->most_in_flight = in_flight;
    check_photo(run, photo);
    assert_int_equal(logits != NULL, run->params.keep_logits && photo->status == PHOTO_PENDING);
    if (photo->bytes) {
        struct photo_hash hash = photo_hash_bytes(photo->bytes, (size_t)photo->size_bytes);
        assert_true(photo_hash_equal(hash, photo->hash));
        run->with_bytes++;
    }
    if (run->settle_delay_ms)
        uv_sleep(run->settle_delay_ms);
    return run->settled++ == run->fail_settle_at ? CUBBY_NO_SPACE : CUBBY_OK;
}

static bool interrupted(void *user)
{
    const struct run *run = user;
    return run->settled >= run->interrupt_at;
}

static void run_init(struct run *run, uint32_t batch, uint32_t slots, uint32_t total)
{
    *run = (struct run){.names = good,
                        .name_count = CLASSES,
                        .total = total,
                        .fail_settle_at = NEVER,
                        .fail_next_at = NEVER,
                        .interrupt_at = NEVER};
    fake_init(&run->fake, batch, slots);
    run->params = (struct pipeline_params){.next = next,
                                           .settle = settle,
                                           .interrupted = interrupted,
                                           .user = run,
                                           .classifier = &run->fake.base,
                                           .preprocess = &preprocess,
                                           .fs = fs_real(),
                                           .threads = 4};
}

static enum cubby_status run_all(struct run *run)
{
    enum cubby_status status = pipeline_run(&run->params, &run->stats);
    assert_int_equal(run->stats.settled, run->next_sequence);
    assert_int_equal(run->classified + run->failed + run->skipped, run->stats.settled);
    fake_fini(&run->fake);
    return status;
}

static void use_mixed(struct run *run)
{
    run->names = mixed;
    run->name_count = sizeof(mixed) / sizeof(*mixed);
}

// ---- tests

static void test_order_and_answers(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, 5, 3, 700);
    use_mixed(&run);
    run.params.keep_logits = true;
    assert_int_equal(run_all(&run), CUBBY_OK);
    assert_int_equal(run.next_sequence, 700);
    // 50 rounds of 14: 8 photos, 4 that fail, 2 that are none.
    assert_int_equal(run.classified, 400);
    assert_int_equal(run.failed, 200);
    assert_int_equal(run.skipped, 100);
    assert_int_equal(run.fake.images, 400); // failed ones took no place
}

static void test_nothing_at_all(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, 4, 2, 0);
    assert_int_equal(run_all(&run), CUBBY_OK);
    assert_int_equal(run.fake.submits, 0);
}

static void test_only_failures(void **state)
{
    (void)state;
    static const char *const names[] = {"cut.ppm", "words.jpg", "notes.txt"};
    struct run run;
    run_init(&run, 4, 2, 90);
    run.names = names;
    run.name_count = 3;
    assert_int_equal(run_all(&run), CUBBY_OK);
    assert_int_equal(run.fake.submits, 0);
    assert_int_equal(run.failed, 60);
}

static void test_batches_are_full(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, 8, 3, 67);
    run.params.in_flight = 100;
    assert_int_equal(run_all(&run), CUBBY_OK);
    assert_int_equal(run.fake.submits, 9);
    assert_int_equal(run.stats.batches, 9);
}

static void test_window_smaller_than_a_batch(void **state)
{
    (void)state;
    for (uint32_t in_flight = 1; in_flight <= 9; in_flight += 2) {
        struct run run;
        run_init(&run, 8, 3, 50);
        use_mixed(&run);
        run.params.in_flight = in_flight;
        assert_int_equal(run_all(&run), CUBBY_OK);
        assert_int_equal(run.next_sequence, 50);
        assert_true(run.most_in_flight <= in_flight);
    }
}

static void test_everything_one(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, 1, 1, 40);
    use_mixed(&run);
    run.params.threads = 1;
    run.params.in_flight = 1;
    assert_int_equal(run_all(&run), CUBBY_OK);
    assert_int_equal(run.next_sequence, 40);
}

static void test_memory_is_bounded(void **state)
{
    (void)state;
    static const char *const one[] = {"c5.ppm"};
    struct run run;
    run_init(&run, 8, 3, 2000);
    run.names = one;
    run.name_count = 1;
    run.settle_delay_ms = 0;
    run.params.keep_bytes = true;
    assert_int_equal(run_all(&run), CUBBY_OK);
    // Three batches, four threads, their queue, one batch of slack.
    assert_true(run.most_in_flight <= 3 * 8 + 4 + 8 + 8);
    assert_int_equal(run.with_bytes, 2000);
    assert_int_equal(run.stats.rereads, 0);
}

static void test_budget(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, 8, 3, 200);
    run.params.keep_bytes = true;
    run.params.budget_bytes = 1;
    assert_int_equal(run_all(&run), CUBBY_OK);
    assert_int_equal(run.with_bytes, 0);
    assert_int_equal(run.stats.rereads, 200);

    // Room for a few only: as photos leave, others get it.
    run_init(&run, 8, 3, 200);
    run.params.keep_bytes = true;
    run.params.budget_bytes = 60000;
    assert_int_equal(run_all(&run), CUBBY_OK);
    assert_true(run.with_bytes > 0);
    assert_int_equal(run.with_bytes + run.stats.rereads, 200);

    run_init(&run, 8, 3, 20);
    assert_int_equal(run_all(&run), CUBBY_OK);
    assert_int_equal(run.with_bytes, 0); // nobody asked for them
    assert_int_equal(run.stats.rereads, 0);
}

static void test_file_size_limit(void **state)
{
    (void)state;
    static const char *const names[] = {"c0.ppm", "cut.ppm"};
    struct run run;
    run_init(&run, 4, 2, 10);
    run.names = names;
    run.name_count = 2;
    run.params.max_file_bytes = 1000; // c0 has 313, cut 2813
    assert_int_equal(run_all(&run), CUBBY_OK);
    assert_int_equal(run.classified, 5);
    assert_int_equal(run.failed, 5);
}

static void test_not_a_number(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, 6, 3, 80);
    run.fake.nan = true;
    assert_int_equal(run_all(&run), CUBBY_OK);
    assert_int_equal(run.failed, 10);
    assert_int_equal(run.classified, 70);
}

static void test_device_lost_once(void **state)
{
    (void)state;
    for (uint32_t when = 0; when < 12; when++) {
        struct run run;
        run_init(&run, 5, 3, 120);
        use_mixed(&run);
        run.params.keep_bytes = when % 2;
        if (when % 3)
            run.fake.lose_wait = when / 2;
        else
            run.fake.lose_submit = when / 2;
        assert_int_equal(run_all(&run), CUBBY_OK);
        assert_int_equal(run.fake.rebuilds, 1);
        assert_int_equal(run.next_sequence, 120);
    }
}

static void test_device_lost_twice(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, 5, 3, 120);
    run.fake.lose_wait = 2;
    run.fake.lose_wait_again = 6;
    assert_int_equal(run_all(&run), CUBBY_DEVICE_LOST);
    assert_int_equal(run.fake.rebuilds, 1);
    assert_true(run.next_sequence <= 5 * 5);
}

static void test_network_fails(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, 5, 3, 120);
    run.fake.submit_status = CUBBY_INTERNAL;
    assert_int_equal(run_all(&run), CUBBY_INTERNAL);
    assert_int_equal(run.next_sequence, 0);
}

static void test_interruption(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, 4, 2, 100000);
    run.interrupt_at = 50;
    run.fake.delay_ms = 1;
    assert_int_equal(run_all(&run), CUBBY_INTERRUPTED);
    assert_true(run.next_sequence >= 50 && run.next_sequence < 300);
    assert_int_equal(run.next_sequence, run.given); // what was in flight has been settled
}

static void test_filing_fails(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, 4, 2, 500);
    run.fail_settle_at = 30;
    assert_int_equal(run_all(&run), CUBBY_NO_SPACE);
    assert_int_equal(run.next_sequence, 31);
}

static void test_scan_fails(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, 4, 2, 500);
    run.fail_next_at = 30;
    assert_int_equal(run_all(&run), CUBBY_IO);
    assert_true(run.next_sequence <= 30);
}

static void test_slow_stages(void **state)
{
    (void)state;
    struct run run;
    run_init(&run, 4, 2, 60);
    run.fake.delay_ms = 10;
    assert_int_equal(run_all(&run), CUBBY_OK);
    assert_int_equal(pipeline_limit(&run.stats), STAGE_NETWORK);
    assert_true(run.stats.first_result_seconds >= 0.01);
    assert_true(run.stats.busy[STAGE_NETWORK] >= 0.13);

    run_init(&run, 4, 2, 60);
    run.settle_delay_ms = 4;
    assert_int_equal(run_all(&run), CUBBY_OK);
    assert_int_equal(pipeline_limit(&run.stats), STAGE_FILE);
}

// Anything goes, many times: whatever the timing and the sizes, the answers stay the same.
static void test_random_runs(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    const char *given = getenv("CUBBY_TEST_SEED");
    if (given)
        seed = (unsigned)strtoul(given, NULL, 10);
    print_message("CUBBY_TEST_SEED=%u\n", seed);
    srand(seed);
    for (int i = 0; i < 40; i++) {
        struct run run;
        run_init(&run, 1 + rand() % 9, 1 + rand() % CUBBY_NET_MAX_SLOTS, rand() % 150);
        use_mixed(&run);
        run.params.threads = 1 + rand() % 6;
        run.params.in_flight = rand() % 3 ? 0 : 1 + rand() % 20;
        run.params.keep_bytes = rand() % 2;
        run.params.budget_bytes = 1 + rand() % 100000;
        run.fake.delay_ms = rand() % 4 ? 0 : 1;
        run.settle_delay_ms = rand() % 8 ? 0 : 1;
        if (rand() % 2)
            run.fake.lose_wait = rand() % 8;
        assert_int_equal(run_all(&run), CUBBY_OK);
        assert_int_equal(run.next_sequence, run.total);
    }
}

// ---- views: of a photo that is 1 on its left half and 5 on its right one

struct views {
    struct fake fake;
    uint32_t given, settled, total;
};

static const struct cubby_view all_views[] = {
    {0, 0, 1, 1, false},
    {0, 0, 1, 1, true},
    {0, 0, 0.5f, 1, true},
    {0.5f, 0, 0.5f, 1, false},
    {0.5f, 0.9f, 0.01f, 0.1f, false},
    {0.3f, 0.1f, 0.6f, 0.6f, true},
};
static const float colour_of_view[] = {1, 5, 1, 5, 5, 5};
enum { VIEWS = sizeof(all_views) / sizeof(*all_views) };

static enum cubby_status next_view(void *user, struct photo **out)
{
    struct views *views = user;
    *out = NULL;
    if (views->given == views->total)
        return CUBBY_OK;
    struct photo *photo = calloc(1, sizeof(*photo));
    assert_non_null(photo);
    char path[1024];
    snprintf(path, sizeof(path), "%s/halves.ppm", folder);
    photo->path = strdup(path);
    photo->size_bytes = 1;
    photo->view = views->given++ % VIEWS;
    *out = photo;
    return CUBBY_OK;
}

static void choose_view(void *user, const struct photo *photo, struct cubby_view *view)
{
    (void)user;
    *view = all_views[photo->view];
}

static enum cubby_status settle_view(void *user, struct photo **settled, const float *logits)
{
    (void)logits;
    struct views *views = user;
    const struct photo *photo = *settled;
    float colour = colour_of_view[views->settled % VIEWS];
    assert_int_equal(photo->view, views->settled++ % VIEWS);
    assert_int_equal(photo->status, PHOTO_PENDING);
    assert_non_null(photo->features);
    assert_true(photo->features[0] == colour && photo->features[1] == 2 * colour);
    return CUBBY_OK;
}

static void test_views(void **state)
{
    (void)state;
    uint8_t bytes[64 + 100 * 60 * 3];
    int header = snprintf((char *)bytes, 64, "P6\n100 60\n255\n");
    for (int i = 0; i < 100 * 60; i++)
        memset(bytes + header + i * 3, i % 100 < 50 ? 1 * 32 + 16 : 5 * 32 + 16, 3);
    write_file("halves.ppm", bytes, (size_t)header + 100 * 60 * 3);
    // Without and with a device that is lost on the way.
    for (uint32_t lost = 0; lost < 2; lost++) {
        struct views views = {.total = 100};
        fake_init(&views.fake, 4, 3);
        views.fake.base.feature_count = 2;
        views.fake.lose_wait = lost ? 7 : NEVER;
        const struct pipeline_params params = {.next = next_view,
                                               .settle = settle_view,
                                               .view = choose_view,
                                               .user = &views,
                                               .classifier = &views.fake.base,
                                               .preprocess = &preprocess,
                                               .fs = fs_real(),
                                               .threads = 3,
                                               .keep_features = true};
        struct pipeline_stats stats;
        assert_int_equal(pipeline_run(&params, &stats), CUBBY_OK);
        assert_int_equal(views.settled, 100);
        assert_int_equal(views.fake.rebuilds, lost);
        fake_fini(&views.fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_answers),
        cmocka_unit_test(test_nothing_at_all),
        cmocka_unit_test(test_only_failures),
        cmocka_unit_test(test_batches_are_full),
        cmocka_unit_test(test_window_smaller_than_a_batch),
        cmocka_unit_test(test_everything_one),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_file_size_limit),
        cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_device_lost_once),
        cmocka_unit_test(test_device_lost_twice),
        cmocka_unit_test(test_network_fails),
        cmocka_unit_test(test_interruption),
        cmocka_unit_test(test_filing_fails),
        cmocka_unit_test(test_scan_fails),
        cmocka_unit_test(test_slow_stages),
        cmocka_unit_test(test_random_runs),
        cmocka_unit_test(test_views),
    };
    return cmocka_run_group_tests(tests, make_photos, remove_photos);
}
