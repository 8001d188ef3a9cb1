// cubby.preprocessing as text: what is read, what is refused, what is written again.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/metadata.h"

#define COMMON                                                                                     \
    "\"interpolation\":\"bilinear\",\"mean\":[0.485,0.456,0.406],\"std\":[0.229,0.224,0.225],"     \
    "\"exif\":false"
#define OLD "{\"resize\":\"shorter\",\"size\":[256,256],\"crop\":[224,224]," COMMON "}"
#define FULL                                                                                       \
    "{\"resize\":\"pad\",\"size\":[304,200],\"crop\":[304,200]," COMMON ",\"pad\":\"reflection\"," \
    "\"centre\":\"down\",\"resamples\":[{\"size\":[304,200],\"align_corners\":false},"             \
    "{\"size\":[224,128],\"align_corners\":true,\"crop\":{\"ratio\":[0.6666667,1.5],"              \
    "\"scale\":0.9}}]}"

struct messages {
    char text[1024];
};

static void keep(void *user, enum cubby_log_level level, const char *message)
{
    (void)level;
    struct messages *messages = user;
    snprintf(messages->text, sizeof(messages->text), "%s", message);
}

static void assert_round_trip(const char *json)
{
    struct cubby_preprocess preprocess;
    assert_int_equal(preprocess_parse(&preprocess, json, NULL), CUBBY_OK);
    char *text = preprocess_print(&preprocess);
    assert_non_null(text);
    assert_string_equal(text, json);
    free(text);
}

static void test_read(void **state)
{
    (void)state;
    struct cubby_preprocess p;
    assert_int_equal(preprocess_parse(&p, FULL, NULL), CUBBY_OK);
    assert_true(p.rule == CUBBY_RESIZE_PAD && p.pad == CUBBY_PAD_REFLECTION);
    assert_true(p.centre == CUBBY_CENTRE_DOWN && p.resample_count == 2);
    assert_true(p.resize_width == 304 && p.resize_height == 200);
    assert_true(p.resamples[0].width == 304 && p.resamples[0].height == 200);
    assert_true(!p.resamples[0].align_corners && !p.resamples[0].crop);
    assert_true(p.resamples[1].align_corners && p.resamples[1].crop);
    assert_true(p.resamples[1].min_ratio == 2.0f / 3 && p.resamples[1].max_ratio == 1.5f);
    assert_true(p.resamples[1].scale == 0.9f);

    // Files from before these keys.
    assert_int_equal(preprocess_parse(&p, OLD, NULL), CUBBY_OK);
    assert_true(p.pad == CUBBY_PAD_ZEROS && p.centre == CUBBY_CENTRE_EVEN && !p.resample_count);
    // The other way to say the same.
    assert_int_equal(preprocess_parse(&p,
                                      "{\"resize\":\"crop\",\"size\":[9,8],\"crop\":[9,8],"
                                      "\"centre\":\"even\"," COMMON "}",
                                      NULL),
                     CUBBY_OK);
    assert_true(p.rule == CUBBY_RESIZE_CROP && p.centre == CUBBY_CENTRE_EVEN);
}

static void test_written_as_read(void **state)
{
    (void)state;
    assert_round_trip(OLD);
    assert_round_trip(FULL);
    assert_round_trip("{\"resize\":\"crop\",\"size\":[224,100],\"crop\":[224,100]," COMMON "}");
    assert_round_trip("{\"resize\":\"pad\",\"size\":[224,100],\"crop\":[224,100]," COMMON
                      ",\"pad\":\"zeros\"}");
    assert_round_trip("{\"resize\":\"squish\",\"size\":[256,200],\"crop\":[224,200]," COMMON
                      ",\"resamples\":[{\"size\":[1,1024],\"align_corners\":true}]}");
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *error;
    } cases[] = {
        {"\"reflection\"", "\"wrap\"", "pad is neither"},
        {"\"reflection\"", "2", "pad is neither"},
        {"\"down\"", "\"up\"", "centre is neither"},
        {"\"down\"", "[]", "centre is neither"},
        {"\"resamples\":[", "\"resample\":[", "does not know"},
        {"{\"size\":[304,200],\"align_corners\":false}", "7", "a resample is not"},
        {"{\"size\":[304,200],\"align_corners\":false}", "[]", "a resample is not"},
        {"{\"size\":[304,200],", "{", "a resample is not"},
        {"\"align_corners\":false", "\"align_corners\":0", "a resample is not"},
        {"\"align_corners\":false", "\"align_corners\":false,\"mode\":1", "a resample is not"},
        {"[224,128]", "[1025,128]", "a resample is not"},
        {"[224,128]", "[0,128]", "a resample is not"},
        {"[224,128]", "[4294967297,128]", "a resample is not"},
        {"\"scale\":0.9", "\"scale\":0", "a crop's ratios"},
        {"\"scale\":0.9", "\"scale\":1.5", "a crop's ratios"},
        {"\"scale\":0.9", "\"scale\":\"1\"", "a resample is not"},
        {"\"scale\":0.9", "\"scale\":0.9,\"x\":1", "a resample is not"},
        {"[0.6666667,1.5]", "[1.5,0.5]", "a crop's ratios"},
        {"[0.6666667,1.5]", "[0,1.5]", "a crop's ratios"},
        {"[0.6666667,1.5]", "[0.5,1e300]", "a crop's ratios"},
        {"[0.6666667,1.5]", "[0.5]", "a resample is not"},
        {"[{\"size\":[304", "[{\"size\":[1,1],\"align_corners\":true},{\"size\":[304",
         "resamples is not a list"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char text[600];
        const char *at = strstr(FULL, cases[i].from);
        assert_non_null(at);
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - FULL), FULL, cases[i].to,
                 at + strlen(cases[i].from));
        struct messages messages = {""};
        const struct cubby_log log = {keep, &messages};
        struct cubby_preprocess preprocess;
        if (preprocess_parse(&preprocess, text, &log) != CUBBY_BAD_DATA)
            fail_msg("%s: not refused", text);
        if (!strstr(messages.text, cases[i].error))
            fail_msg("%s: %s", text, messages.text);
    }
    static const char *const lists[] = {"[]", "{}", "3", "null"};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); ++i) {
        char text[600];
        snprintf(text, sizeof(text),
                 "{\"resize\":\"crop\",\"size\":[9,8],\"crop\":[9,8]," COMMON ",\"resamples\":%s}",
                 lists[i]);
        struct cubby_preprocess preprocess;
        assert_int_equal(preprocess_parse(&preprocess, text, NULL), CUBBY_BAD_DATA);
    }
}

static void test_checked(void **state)
{
    (void)state;
    struct cubby_preprocess good, bad;
    assert_int_equal(preprocess_parse(&good, FULL, NULL), CUBBY_OK);
    assert_int_equal(preprocess_check(&good, NULL), CUBBY_OK);
    bad = good;
    bad.resize_height = 0; // read by every rule but SHORTER
    assert_int_equal(preprocess_check(&bad, NULL), CUBBY_BAD_DATA);
    bad.rule = CUBBY_RESIZE_SHORTER;
    assert_int_equal(preprocess_check(&bad, NULL), CUBBY_OK);
    bad = good;
    bad.resample_count = CUBBY_MAX_RESAMPLES + 1;
    assert_int_equal(preprocess_check(&bad, NULL), CUBBY_BAD_DATA);
    bad = good;
    bad.resamples[0].width = CUBBY_MAX_INPUT_SIDE + 1;
    assert_int_equal(preprocess_check(&bad, NULL), CUBBY_BAD_DATA);
    bad = good;
    bad.resamples[1].scale = NAN;
    assert_int_equal(preprocess_check(&bad, NULL), CUBBY_BAD_DATA);
    bad.resamples[1].crop = false; // then nobody reads it
    assert_int_equal(preprocess_check(&bad, NULL), CUBBY_OK);
}

static void test_described(void **state)
{
    (void)state;
    char text[CUBBY_PREPROCESS_TEXT_BYTES];
    struct cubby_preprocess p;
    assert_int_equal(preprocess_parse(&p, FULL, NULL), CUBBY_OK);
    cubby_preprocess_describe(&p, text, sizeof(text));
    assert_string_equal(
        text,
        "padded with reflections to the proportions of 304x200, resized to that (bilinear), "
        "resampled to 304x200 at pixel centres, centre cut to proportions of 0.666667 to 1.5 and "
        "0.9 of its sides, resampled to 224x128 from corner to corner, mean 0.485 0.456 0.406, std "
        "0.229 0.224 0.225, EXIF orientation ignored");
    p.rule = CUBBY_RESIZE_CROP;
    p.resample_count = 0;
    p.crop_height = 100;
    cubby_preprocess_describe(&p, text, sizeof(text));
    assert_non_null(strstr(text, "largest centred part of the proportions of 304x200, resized to "
                                 "that (bilinear), centre crop 304x100 (half pixels dropped), "));
    // The longest there is fits.
    p = (struct cubby_preprocess){.rule = CUBBY_RESIZE_PAD,
                                  .pad = CUBBY_PAD_BORDER,
                                  .centre = CUBBY_CENTRE_DOWN,
                                  .resize_width = 1024,
                                  .resize_height = 1024,
                                  .crop_width = 1023,
                                  .crop_height = 1023,
                                  .resample_count = 2,
                                  .mean = {-1.23456e-30f, -1.23456e-30f, -1.23456e-30f},
                                  .std = {1.23456e-30f, 1.23456e-30f, 1.23456e-30f}};
    for (int i = 0; i < 2; i++)
        p.resamples[i] =
            (struct cubby_resample){1024, 1024, true, true, 0.00123456f, 999.999f, 0.000123456f};
    cubby_preprocess_describe(&p, text, sizeof(text));
    assert_non_null(strstr(text, "EXIF orientation ignored"));
    for (size_t bytes = 1; bytes < 60; bytes++) {
        memset(text, 'x', sizeof(text));
        cubby_preprocess_describe(&p, text, bytes);
        assert_int_equal(strlen(text), bytes - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),      cmocka_unit_test(test_written_as_read),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_checked),
        cmocka_unit_test(test_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
