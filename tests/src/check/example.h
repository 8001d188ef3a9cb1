// A report that can be worked out by hand. Five photos of three classes, two of them in one folder
// below their class's:
//
//     path          truth   says        so sure
//     a/job/1.jpg   a       a  right    0.9
//     a/job/2.jpg   a       b  wrong    0.8
//     b/3.jpg       b       b  right    0.6
//     b/4.jpg       b       b  right    0.4
//     c/5.jpg       c       a  wrong    0.95
#ifndef TESTS_SRC_CHECK_EXAMPLE_H
#define TESTS_SRC_CHECK_EXAMPLE_H

#include "check/tally.h"

static const struct example_photo {
    const char *path;
    uint32_t truth, best;
    float p;
} example_photos[] = {{"a/job/1.jpg", 0, 0, 0.9f},
                      {"a/job/2.jpg", 0, 1, 0.8f},
                      {"b/3.jpg", 1, 1, 0.6f},
                      {"b/4.jpg", 1, 1, 0.4f},
                      {"c/5.jpg", 2, 0, 0.95f}};
#define EXAMPLE_PHOTOS (sizeof(example_photos) / sizeof(*example_photos))

// The other two share the rest, the next one has a little more of it.
static inline struct photo example_photo(const struct example_photo *like, uint64_t content)
{
    const float rest = 1 - like->p;
    return (struct photo){.hash = {content, 1},
                          .top = {{like->best, like->p},
                                  {(like->best + 1) % 3, rest * 0.6f},
                                  {(like->best + 2) % 3, rest * 0.4f}},
                          .top_count = 3};
}

// Fills *report, whose names are set; free it with check_report_fini().
static inline void example_fill(struct check_report *report, const char *const *names,
                                uint32_t most_mistakes)
{
    struct check_tally tally;
    enum check_added added;
    uint32_t counted_as;
    *report = (struct check_report){.model = "m.safetensors",
                                    .folder = "photos",
                                    .class_names = names,
                                    .class_count = 3,
                                    .threshold = 0.5};
    assert_int_equal(check_tally_init(&tally, report, false, most_mistakes), CUBBY_OK);
    for (size_t i = 0; i < EXAMPLE_PHOTOS; i++) {
        const struct photo photo = example_photo(&example_photos[i], i);
        assert_int_equal(check_tally_add(&tally, &photo, NULL, example_photos[i].truth,
                                         example_photos[i].path, &added, &counted_as),
                         CUBBY_OK);
        assert_int_equal(added, CHECK_COUNTED);
    }
    assert_int_equal(check_tally_finish(&tally), CUBBY_OK);
    check_tally_fini(&tally);
    report->found = EXAMPLE_PHOTOS;
}

#endif
