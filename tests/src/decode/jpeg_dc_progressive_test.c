#include "src/decode/jpeg_dc_fixture.h"
#include "src/decode/lenient_jpeg.h"

#define MOST_TEST_SCANS 200

struct script {
    jpeg_scan_info scans[MOST_TEST_SCANS];
    int count;
};

// How much of a photo the script has said.
struct said {
    int components, low[4], bands[4]; // missing bits of the means, -1: none said
    struct {
        int first, last, low; // as above
    } band[4][4];
};

static void say(struct script *script, int component, int first, int last, int high, int low)
{
    assert_true(script->count < MOST_TEST_SCANS);
    script->scans[script->count++] = (jpeg_scan_info){.comps_in_scan = 1,
                                                      .component_index = {component},
                                                      .Ss = first,
                                                      .Se = last,
                                                      .Ah = high,
                                                      .Al = low};
}

// Means of one component, or of all that are as far as it is.
static void say_means(struct fixture *fixture, struct script *script, struct said *said,
                      int component)
{
    int high = said->low[component];
    int low = high < 0 ? (int)next_random(fixture, 4) : high - 1;
    say(script, component, 0, 0, high < 0 ? 0 : high, low);
    said->low[component] = low;
    jpeg_scan_info *scan = &script->scans[script->count - 1];
    for (int other = component + 1; next_random(fixture, 3) && other < said->components; other++)
        if (said->low[other] == high) {
            scan->component_index[scan->comps_in_scan++] = other;
            said->low[other] = low;
        }
}

static bool say_more(struct fixture *fixture, struct script *script, struct said *said)
{
    int component = (int)next_random(fixture, (uint32_t)said->components);
    int band = (int)next_random(fixture, (uint32_t)said->bands[component] + 1) - 1;
    if (band < 0 || said->low[component] < 0) {
        if (said->low[component] != 0)
            say_means(fixture, script, said, component);
    } else if (said->band[component][band].low != 0) {
        int *now = &said->band[component][band].low, high = *now;
        *now = high < 0 ? (int)next_random(fixture, 3) : high - 1;
        say(script, component, said->band[component][band].first, said->band[component][band].last,
            high < 0 ? 0 : high, *now);
    }
    for (int i = 0; i < said->components; i++) {
        if (said->low[i] != 0)
            return true;
        for (int k = 0; k < said->bands[i]; k++)
            if (said->band[i][k].low != 0)
                return true;
    }
    return false;
}

// Some order of layers that the standard allows.
static struct script random_script(struct fixture *fixture, int components)
{
    struct said said = {.components = components};
    for (int i = 0; i < components; i++) {
        said.low[i] = -1;
        for (int first = 1; first < 64;) {
            int k = said.bands[i]++;
            int last = k == 3 ? 63 : first + (int)next_random(fixture, (uint32_t)(64 - first));
            said.band[i][k].first = first;
            said.band[i][k].last = last;
            said.band[i][k].low = -1;
            first = last + 1;
        }
    }
    struct script script = {0};
    while (say_more(fixture, &script, &said))
        continue;
    return script;
}

static struct sample random_photo(struct fixture *fixture, size_t kind)
{
    struct sample_jpeg_params params = random_params(fixture, kind);
    struct script script = random_script(fixture, params.channels);
    params.progressive = true;
    if (next_random(fixture, 3)) {
        params.scans = script.scans;
        params.scan_count = script.count;
    }
    return sample_jpeg(&params);
}

static void test_kinds(void **state)
{
    struct fixture *fixture = *state;
    for (size_t kind = 0; kind < KINDS; kind++)
        for (int i = 0; i < 60; i++) {
            struct sample jpeg = random_photo(fixture, kind);
            assert_same(fixture, &jpeg, "progressive");
            if (!takes(fixture, &jpeg))
                fail_msg("kind %zu, seed %u: not taken", kind, fixture->seed);
            sample_free(&jpeg);
        }
}

static void test_every_quality(void **state)
{
    for (int quality = 1; quality <= 100; quality++) {
        struct sample_jpeg_params params = {
            .width = 177, .height = 131, .quality = quality, .progressive = true};
        check(*state, &params, true);
    }
}

static void test_large(void **state)
{
    struct sample_jpeg_params params = {
        .width = 2999, .height = 2001, .quality = 92, .progressive = true};
    check(*state, &params, true);
    params.restart_rows = 1;
    check(*state, &params, true);
}

// A mark for each byte: whether it belongs to a scan that is passed over, because it adds nothing
// to the picture at 1/8: to its code table, its header or its codes.
static uint8_t *find_passed(const struct sample *jpeg)
{
    uint8_t *passed = calloc(jpeg->size_bytes, 1);
    assert_non_null(passed);
    const uint8_t *bytes = jpeg->bytes, *frame = NULL;
    for (size_t at = 2, after_scan = 0; bytes[at + 1] != 0xd9;) {
        const uint8_t *body = bytes + at + 4;
        if (bytes[at + 1] == 0xc2)
            frame = body;
        bool scan = bytes[at + 1] == 0xda, pass = false;
        if (scan && body[3] > 0) {
            int components = frame[5], most_across = 1, most_down = 1, across = 1, down = 1;
            for (int i = 0; i < components; i++) {
                int x = frame[7 + 3 * i] >> 4, y = frame[7 + 3 * i] & 15;
                most_across = x > most_across ? x : most_across;
                most_down = y > most_down ? y : most_down;
                if (frame[6 + 3 * i] == body[1]) {
                    across = x;
                    down = y;
                }
            }
            pass = components == 1 || most_across / across % 2 || most_down / down % 2;
        }
        at += 2u + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]);
        if (!scan)
            continue;
        while (bytes[at] != 0xff || bytes[at + 1] == 0 || (bytes[at + 1] & 0xf8) == 0xd0)
            at++;
        memset(passed + after_scan, pass, at - after_scan);
        after_scan = at;
    }
    return passed;
}

// As assert_same(), but a file that libjpeg calls damaged may be taken if something has been
// changed that is passed over. Its pixels must still be those that libjpeg makes of it. Returns
// whether that happened.
static bool assert_same_or_passed(struct fixture *fixture, const struct sample *jpeg, bool passed,
                                  const char *what)
{
    struct outcome want = decode(fixture->libjpeg, jpeg), got = decode(fixture->both, jpeg);
    if (!want.status || got.status || !passed) {
        assert_same(fixture, jpeg, what);
        return false;
    }
    uint8_t *pixels = lenient_jpeg(jpeg->bytes, jpeg->size_bytes);
    assert_non_null(pixels);
    assert_memory_equal(pixels, got.image.rgb, (size_t)got.image.width * got.image.height * 3);
    free(pixels);
    return true;
}

static void test_truncation(void **state)
{
    struct fixture *fixture = *state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct sample jpeg = random_photo(fixture, kind), cut = jpeg;
        uint8_t *passed = find_passed(&jpeg);
        size_t whole = jpeg.size_bytes, step = whole / 600 + 1;
        for (cut.size_bytes = 3; cut.size_bytes < whole;
             cut.size_bytes += cut.size_bytes + 60 < whole ? step : 1) {
            assert_false(takes(fixture, &cut));
            assert_same(fixture, &cut, "cut short");
        }
        // Cut short, but with an end.
        for (size_t at = whole / 3; at + 2 < whole; at += step) {
            cut = (struct sample){0};
            sample_add(&cut, jpeg.bytes, at);
            sample_add(&cut, "\xff\xd9", 2);
            assert_same_or_passed(fixture, &cut, passed[at], "ends early");
            sample_free(&cut);
        }
        free(passed);
        sample_free(&jpeg);
    }
}

static void test_changed_bytes(void **state)
{
    struct fixture *fixture = *state;
    unsigned taken = 0, count = 0;
    for (int i = 0; i < 64; i++) {
        struct sample jpeg = random_photo(fixture, i % KINDS), changed = {0};
        uint8_t *passed = find_passed(&jpeg);
        for (int k = 0; k < 150; k++, count++) {
            sample_add(&changed, jpeg.bytes, jpeg.size_bytes);
            bool any_passed = false;
            for (uint32_t n = 1 + next_random(fixture, 3); n > 0; n--) {
                size_t at = 2 + next_random(fixture, (uint32_t)jpeg.size_bytes - 2);
                any_passed |= passed[at];
                changed.bytes[at] = next_random(fixture, 3) ? (uint8_t)next_random(fixture, 256)
                                                            : (uint8_t)(0xff * (k & 1));
            }
            taken += assert_same_or_passed(fixture, &changed, any_passed, "changed");
            sample_free(&changed);
        }
        free(passed);
        sample_free(&jpeg);
    }
    printf("%u of %u damaged files were taken\n", taken, count);
}

// Bytes that are left out or said twice, inside of scans that are passed over and elsewhere.
static void test_moved_bytes(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 64; i++) {
        struct sample jpeg = random_photo(fixture, i % KINDS), moved = {0};
        uint8_t *passed = find_passed(&jpeg);
        for (int k = 0; k < 40; k++) {
            size_t from = 2 + next_random(fixture, (uint32_t)jpeg.size_bytes - 2);
            size_t to = 2 + next_random(fixture, (uint32_t)jpeg.size_bytes - 2);
            sample_add(&moved, jpeg.bytes, to);
            sample_add(&moved, jpeg.bytes + from, jpeg.size_bytes - from);
            assert_same_or_passed(fixture, &moved, passed[from] || passed[to], "moved");
            sample_free(&moved);
        }
        free(passed);
        sample_free(&jpeg);
    }
}

// What a bad disk leaves in a scan that is passed over: zeros, or some other file.
static void test_holes(void **state)
{
    struct fixture *fixture = *state;
    struct sample_jpeg_params params = {
        .width = 600, .height = 500, .quality = 90, .progressive = true};
    struct sample jpeg = sample_jpeg(&params), other = {0};
    assert_true(takes(fixture, &jpeg));
    for (int i = 0; i < 512; i++) {
        uint8_t random = (uint8_t)next_random(fixture, 256);
        sample_add(&other, &random, 1);
    }
    // Two marks that no scan may hold: of so many bytes the chance of none is one in millions.
    memcpy(other.bytes + 100, "\xff\x42", 2);
    for (int hole = 0; hole < 2; hole++) {
        struct sample damaged = {0};
        sample_add(&damaged, jpeg.bytes, jpeg.size_bytes);
        uint8_t *at = damaged.bytes + damaged.size_bytes - 3000;
        if (hole)
            memcpy(at, other.bytes, 512);
        else
            memset(at, 0, 512);
        assert_false(takes(fixture, &damaged));
        assert_same(fixture, &damaged, "a hole");
        sample_free(&damaged);
    }
    sample_free(&other);
    sample_free(&jpeg);
}

// All of the script but its scan `omitted`; a scan more if that is -1 and `twice` is not.
static struct sample without_scan(const struct script *script, const struct sample *jpeg,
                                  int omitted, int twice)
{
    struct sample out = {0};
    size_t from = 0, at = 2;
    for (int scan = 0; scan < script->count; scan++) {
        size_t start = at;
        while (jpeg->bytes[at + 1] != 0xda)
            at += 2u + ((size_t)jpeg->bytes[at + 2] << 8 | jpeg->bytes[at + 3]);
        // Tables and all from the second scan on; the first is left out with its header.
        start = scan == 0 ? at : start;
        at += 2u + ((size_t)jpeg->bytes[at + 2] << 8 | jpeg->bytes[at + 3]);
        while (jpeg->bytes[at] != 0xff || jpeg->bytes[at + 1] == 0)
            at++;
        if (scan == omitted || scan == twice) {
            sample_add(&out, jpeg->bytes + from, (scan == omitted ? start : at) - from);
            from = scan == omitted ? at : start;
        }
    }
    sample_add(&out, jpeg->bytes + from, jpeg->size_bytes - from);
    return out;
}

// Neither is a photo that libjpeg refuses: it takes what is missing for a photo still on its way,
// and smooths it.
static void test_missing_and_repeated_scans(void **state)
{
    struct fixture *fixture = *state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct sample_jpeg_params params = random_params(fixture, kind);
        struct script script = random_script(fixture, params.channels);
        params.scans = script.scans;
        params.scan_count = script.count;
        params.restart_mcus = 0;
        struct sample jpeg = sample_jpeg(&params);
        assert_true(takes(fixture, &jpeg));
        for (int i = 0; i < 2 * script.count; i++) {
            struct sample other = without_scan(&script, &jpeg, i < script.count ? i : -1,
                                               i < script.count ? -1 : i - script.count);
            assert_int_not_equal(other.size_bytes, jpeg.size_bytes);
            assert_false(takes(fixture, &other));
            assert_same(fixture, &other, "another number of scans");
            sample_free(&other);
        }
        sample_free(&jpeg);
    }
}

// In a scan that is passed over, restart markers are counted.
static void test_restart_markers(void **state)
{
    struct fixture *fixture = *state;
    struct sample_jpeg_params params = {
        .width = 300, .height = 200, .progressive = true, .restart_mcus = 30};
    struct sample jpeg = sample_jpeg(&params);
    uint8_t *passed = find_passed(&jpeg);
    assert_true(takes(fixture, &jpeg));
    unsigned count = 0;
    for (size_t at = 2; at + 1 < jpeg.size_bytes; at++) {
        if (!passed[at] || jpeg.bytes[at] != 0xff || (jpeg.bytes[at + 1] & 0xf8) != 0xd0)
            continue;
        struct sample other = {0};
        sample_add(&other, jpeg.bytes, at);
        sample_add(&other, jpeg.bytes + at + 2, jpeg.size_bytes - at - 2);
        assert_false(takes(fixture, &other));
        assert_same(fixture, &other, "a marker less");
        sample_free(&other);
        count++;
    }
    assert_true(count > 50);
    free(passed);
    sample_free(&jpeg);
}

// As many scans as the standard allows are more than any camera writes.
static void test_too_many_scans(void **state)
{
    struct fixture *fixture = *state;
    static jpeg_scan_info scans[1000];
    int count = 0;
    scans[count++] = (jpeg_scan_info){.comps_in_scan = 1};
    for (int high = 0; high < 10; high++)
        for (int k = 1; k < 64; k++)
            scans[count++] = (jpeg_scan_info){.comps_in_scan = 1,
                                              .Ss = k,
                                              .Se = k,
                                              .Ah = high ? 10 - high : 0,
                                              .Al = high ? 9 - high : 9};
    scans[0].comps_in_scan = 1;
    struct sample_jpeg_params params = {.width = 20,
                                        .height = 20,
                                        .channels = 1,
                                        .progressive = true,
                                        .scans = scans,
                                        .scan_count = count};
    check(fixture, &params, false);
    struct sample jpeg = sample_jpeg(&params);
    assert_int_equal(decode(fixture->both, &jpeg).status, CUBBY_TOO_LARGE);
    sample_free(&jpeg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),           cmocka_unit_test(test_every_quality),
        cmocka_unit_test(test_large),           cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_changed_bytes),   cmocka_unit_test(test_moved_bytes),
        cmocka_unit_test(test_holes),           cmocka_unit_test(test_missing_and_repeated_scans),
        cmocka_unit_test(test_restart_markers), cmocka_unit_test(test_too_many_scans),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
