#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "../temporary.h"
#include "learn/items.h"

#define MAX_PHOTOS 4000u
#define DIMS 512u

static struct temporary_messages messages;
static const struct cubby_log test_log = {.write = temporary_log_write, .user = &messages};

static struct labelled_photo photos[MAX_PHOTOS];
static size_t photo_count;

static void forget(void)
{
    for (size_t i = 0; i < photo_count; i++)
        free(photos[i].path);
    photo_count = 0;
    messages.count = 0;
}

static void add(const char *relative, uint32_t class_index, const char *captured)
{
    struct labelled_photo *photo = &photos[photo_count];
    char path[256];
    snprintf(path, sizeof(path), "set/%s", relative);
    *photo = (struct labelled_photo){.path = strdup(path),
                                     .class_index = class_index,
                                     .hash = {.low = ++photo_count, .high = 5}};
    photo->relative = photo->path + 4;
    snprintf(photo->captured, sizeof(photo->captured), "%s", captured);
}

static struct items_params params_of(uint32_t classes)
{
    return (struct items_params){.photos = photos,
                                 .count = photo_count,
                                 .class_count = classes,
                                 .dims = DIMS,
                                 .threads = 2,
                                 .log = &test_log};
}

// Groups as "0 0 1 2": photos of one group have one number.
static void expect_groups(const struct items_params *params, const char *expected)
{
    struct items items;
    char text[512] = "";
    assert_int_equal(items_find(&items, params), CUBBY_OK);
    for (size_t i = 0; i < params->count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u", i ? " " : "",
                 items.group[i]);
    assert_string_equal(text, expected);
    items_fini(&items);
}

static void test_folders(void **state)
{
    (void)state;
    forget();
    add("table/a.jpg", 0, "");
    add("table/b.jpg", 0, "");
    add("table/job 1/c.jpg", 0, "");
    add("table/job 1/left/d.jpg", 0, "");
    add("table/job 2/c.jpg", 0, "");
    add("chair/job 1/c.jpg", 1, "");
    struct items_params params = params_of(2);
    expect_groups(&params, "0 1 2 2 3 4");
}

// Years are no items: what lies in them is.
static void test_large_folders(void **state)
{
    (void)state;
    forget();
    for (int i = 0; i < 12; i++) {
        char path[64];
        snprintf(path, sizeof(path), "table/2021/job %d/%d.jpg", i / 3, i);
        add(path, 0, "");
    }
    add("table/2022/x/1.jpg", 0, "");
    add("table/2022/y/2.jpg", 0, "");
    struct items_params params = params_of(1);
    expect_groups(&params, "0 0 0 1 1 1 2 2 2 3 3 3 4 4");
}

static void test_bursts(void **state)
{
    (void)state;
    forget();
    add("table/IMG_1.jpg", 0, "2021-07-03 14:05:09");
    add("table/IMG_2.jpg", 0, "2021-07-03 14:05:12");
    add("table/IMG_3.jpg", 0, "2021-07-03 14:05:22");
    add("table/IMG_4.jpg", 0, "2021-07-03 14:05:40"); // too late
    add("table/IMG_5.jpg", 0, "");
    add("table/IMG_6.jpg", 0, "2021-07-03 14:05:44"); // names: only those with a time count
    add("table/IMG_7.jpg", 0, "2021-12-31 23:59:58");
    add("table/IMG_8.jpg", 0, "2022-01-01 00:00:03"); // over the year's end
    add("chair/IMG_9.jpg", 1, "2022-01-01 00:00:04"); // another folder
    add("table/IMG_9.jpg", 0, "2022-13-x1 00:00:04"); // no time
    struct items_params params = params_of(2);
    expect_groups(&params, "0 0 0 1 2 1 3 3 4 5");

    forget(); // one photo every five seconds for hours: not one item
    for (int i = 0; i < 100; i++) {
        char path[64], captured[32];
        snprintf(path, sizeof(path), "table/%03d.jpg", i);
        snprintf(captured, sizeof(captured), "2021-07-03 14:%02d:%02d", i * 5 / 60, i * 5 % 60);
        add(path, 0, captured);
    }
    struct items items;
    params = params_of(1);
    assert_int_equal(items_find(&items, &params), CUBBY_OK);
    assert_in_range(items.count, 4, 5);
    items_fini(&items);

    forget(); // a clock that stands still
    for (int i = 0; i < 100; i++) {
        char path[64];
        snprintf(path, sizeof(path), "table/%03d.jpg", i);
        add(path, 0, "2000-01-01 00:00:00");
    }
    params = params_of(1);
    assert_int_equal(items_find(&items, &params), CUBBY_OK);
    assert_int_equal(items.count, 100);
    items_fini(&items);
}

static void test_content(void **state)
{
    (void)state;
    forget();
    add("table/a.jpg", 0, "");
    add("table/b.jpg", 0, "");
    add("chair/c.jpg", 1, "");
    photos[2].hash = photos[0].hash;
    struct items_params params = params_of(2);
    expect_groups(&params, "0 1 0");
}

// ---- looks

static double noise_of_item = 0.1; // of a photo, beside what its item looks like

static double random_normal(uint64_t *seed)
{
    double sum = 0;
    for (int i = 0; i < 12; i++) {
        *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        sum += (double)(*seed >> 11) / 9007199254740992.0;
    }
    return sum - 6;
}

// Photos of an item in a row (photo->mtime_ns says which) are alike; all have the same large part.
static enum cubby_status read_features(void *user, size_t index, float *out)
{
    (void)user;
    uint64_t item = (uint64_t)photos[index].mtime_ns * 7919 + 1, own = index * 104729 + 3;
    for (uint32_t k = 0; k < DIMS; k++)
        out[k] = (float)(5 + random_normal(&item) + noise_of_item * random_normal(&own));
    return CUBBY_OK;
}

static void add_items(uint32_t classes, uint32_t items, uint32_t each)
{
    for (uint32_t i = 0; i < classes * items * each; i++) {
        char path[64];
        snprintf(path, sizeof(path), "%u/%u.jpg", i / (items * each), i);
        add(path, i / (items * each), "");
        photos[i].mtime_ns = i / each;
    }
}

static void test_looks(void **state)
{
    (void)state;
    forget();
    add_items(3, 20, 5);
    struct items_params params = params_of(3);
    params.read = read_features;
    struct items items;
    assert_int_equal(items_find(&items, &params), CUBBY_OK);
    for (uint32_t i = 0; i < photo_count; i++)
        assert_int_equal(items.group[i], i / 5);
    assert_int_equal(items.joined[ITEMS_LOOK], 3 * 20 * 4);
    assert_int_equal(items.refused, 0);
    items_fini(&items);

    noise_of_item = 0.7; // cosines of 0.67: other photos of the like, not of the same
    assert_int_equal(items_find(&items, &params), CUBBY_OK);
    assert_int_equal(items.count, photo_count);
    items_fini(&items);
    noise_of_item = 0.1;
}

// Photos that are all alike do not become one group.
static void test_chains(void **state)
{
    (void)state;
    forget();
    for (uint32_t i = 0; i < 200; i++) {
        char path[64];
        snprintf(path, sizeof(path), "%u/%u.jpg", i / 100, i);
        add(path, i / 100, "");
        photos[i].mtime_ns = i < 100 ? 1 : i;
    }
    struct items_params params = params_of(2);
    params.read = read_features;
    struct items items;
    assert_int_equal(items_find(&items, &params), CUBBY_OK);
    uint32_t sizes[200] = {0};
    for (uint32_t i = 0; i < 200; i++)
        sizes[items.group[i]]++;
    for (uint32_t i = 0; i < items.count; i++)
        assert_in_range(sizes[i], 1, 25);
    assert_true(items.refused > 0);
    assert_int_equal(sizes[items.group[199]], 1);
    items_fini(&items);
}

static enum cubby_status read_badly(void *user, size_t index, float *out)
{
    (void)user, (void)out;
    return index == 3 ? CUBBY_IO : read_features(user, index, out);
}

static bool at_once(void *user)
{
    (void)user;
    return true;
}

static void test_errors(void **state)
{
    (void)state;
    forget();
    add_items(1, 5, 2);
    struct items_params params = params_of(1);
    struct items items;
    params.read = read_badly;
    assert_int_equal(items_find(&items, &params), CUBBY_IO);
    params.read = read_features;
    params.interrupted = at_once;
    assert_int_equal(items_find(&items, &params), CUBBY_INTERRUPTED);
    assert_null(items.group);
}

// ---- the file

static uint32_t named[MAX_PHOTOS];

static enum cubby_status read_names(void **state, const char *content)
{
    const char *path = temporary_file(state, "groups.csv", content);
    messages.count = 0;
    messages.last[0] = '\0';
    return items_read_names(named, path, photos, photo_count, fs_real(), &test_log);
}

static void test_names(void **state)
{
    forget();
    add("table/a.jpg", 0, "");
    add("table/b, c.jpg", 0, "");
    add("table/job 1/d.jpg", 0, "");
    add("table/job 1/e.jpg", 0, "");
    add("table/job 1/f.jpg", 0, "");
    assert_int_equal(read_names(state, "path,group\n\ntable/a.jpg,left\r\n"
                                       "\"table/b, c.jpg\",\"le\"\"ft\"\n"
                                       "set/table/job 1/d.jpg\tleft"),
                     CUBBY_OK);
    assert_int_equal(messages.count, 0);
    assert_int_equal(named[0], 0);
    assert_int_equal(named[1], 1);
    assert_int_equal(named[2], 0);
    assert_int_equal(named[3], UINT32_MAX);
    struct items_params params = params_of(1);
    params.named = named;
    expect_groups(&params, "0 1 0 2 2"); // d is not with its folder any more

    assert_int_equal(read_names(state, "\xef\xbb\xbf./table/a.jpg,x\ngone.jpg,y\n"), CUBBY_OK);
    assert_non_null(strstr(messages.last, "names 1 photos that are not there, such as gone.jpg"));
}

static void test_bad_names(void **state)
{
    static const struct {
        const char *content, *said;
    } cases[] = {
        {"table/a.jpg\n", "line 1: there is one field only"},
        {"table/a.jpg,x\ntable/a.jpg,y\n", "line 2: the photo is in another group already"},
        {"table/a.jpg,x,y\n", "more than two fields"},
        {"\"table/a.jpg,x\n", "a quoted field does not end"},
        {"\"table/a.jpg\"b,x\n", "a quoted field does not end"},
        {"table/a.jpg,\n", "a field is empty"},
        {"", "names no photos"},
        {"nothing.jpg,x\n", "names 1 photos that are not there"},
    };
    forget();
    add("table/a.jpg", 0, "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(read_names(state, cases[i].content), CUBBY_BAD_DATA);
        if (!strstr(messages.last, cases[i].said))
            fail_msg("\"%s\" was said, not \"%s\"", messages.last, cases[i].said);
    }
    assert_int_equal(items_read_names(named, "not there.csv", photos, 1, fs_real(), &test_log),
                     CUBBY_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folders),   cmocka_unit_test(test_large_folders),
        cmocka_unit_test(test_bursts),    cmocka_unit_test(test_content),
        cmocka_unit_test(test_looks),     cmocka_unit_test(test_chains),
        cmocka_unit_test(test_errors),    cmocka_unit_test(test_names),
        cmocka_unit_test(test_bad_names),
    };
    int failed = cmocka_run_group_tests(tests, temporary_setup, temporary_teardown);
    forget();
    return failed;
}
