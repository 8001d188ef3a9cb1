#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "corrections.h"
#include "sorted_output.h"

struct seen {
    struct moved moved;
    struct corrections corrections;
};

static struct seen look(void **state, struct catalogue *catalogue)
{
    struct seen seen;
    struct moved_params params = sorted_params(state, catalogue);
    assert_int_equal(moved_find(&seen.moved, &params), CUBBY_OK);
    assert_int_equal(corrections_find(&seen.corrections, &seen.moved, &params), CUBBY_OK);
    return seen;
}

// Takes note of it, too.
static uint64_t forget(struct seen *seen, struct catalogue *catalogue)
{
    uint64_t noted = 0;
    if (catalogue) {
        assert_int_equal(corrections_note(&seen->corrections, &seen->moved, catalogue, &noted),
                         CUBBY_OK);
        assert_int_equal(catalogue_commit(catalogue), CUBBY_OK);
    }
    corrections_fini(&seen->corrections);
    moved_fini(&seen->moved);
    return noted;
}

static void assert_kind(const struct seen *seen, uint32_t index, enum correction_kind kind,
                        const char *label)
{
    const struct correction *c = &seen->corrections.list[index];
    const char *name =
        c->label == CORRECTIONS_NO_CLASS ? "none" : seen->corrections.classes[c->label].name;
    if (c->kind != kind || strcmp(name, label) != 0)
        fail_msg("photo %u is %s (%s), not %s (%s)", index, correction_kind_text(c->kind), name,
                 correction_kind_text(kind), label);
}

static void test_kinds(void **state)
{
    static const char *const targets[] = {"bench/a.jpg",  "bench/b.jpg",  "bench/c.jpg",
                                          "unsure/d.jpg", "unsure/e.jpg", "chair/f.jpg",
                                          "bench/g.jpg",  "chair/h.jpg"};
    struct catalogue *catalogue = opened(state);
    int64_t run = sorted_run(catalogue);
    for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++)
        sorted_file(state, catalogue, run, targets[i], targets[i], 0);
    sorted_move(state, "bench/a.jpg", "CHAIR/oak/a.jpg");         // the case does not count
    sorted_move(state, "bench/b.jpg", "bench/oak/b renamed.jpg"); // the same class
    sorted_move(state, "bench/c.jpg", "Unsure/c.jpg");
    sorted_move(state, "unsure/d.jpg",
                "a\xef\xbc\x8f"
                "b/d.jpg"); // as the class a/b is filed
    temporary_file(state, "out/bench/copy.jpg", "chair/f.jpg");
    sorted_move(state, "chair/h.jpg", "caf\xe9/h.jpg"); // a name that is no UTF-8
    struct seen seen = look(state, catalogue);
    assert_kind(&seen, 0, CORRECTION_MOVED, "chair");
    assert_kind(&seen, 1, CORRECTION_CONFIRMED, "bench");
    assert_kind(&seen, 2, CORRECTION_DOUBTED, "none");
    assert_kind(&seen, 3, CORRECTION_MOVED, "a/b");
    assert_kind(&seen, 4, CORRECTION_UNSURE, "none");
    assert_kind(&seen, 5, CORRECTION_SEVERAL, "none");
    assert_kind(&seen, 6, CORRECTION_AGREED, "bench");
    assert_kind(&seen, 7, CORRECTION_MOVED, "caf%E9");
    assert_int_equal(seen.corrections.kinds[CORRECTION_MOVED], 3);
    assert_int_equal(seen.corrections.class_count, 4);
    assert_true(seen.corrections.classes[3].added);
    assert_int_equal(forget(&seen, catalogue), 5);

    // What was noted stays so, until it is moved once more.
    seen = look(state, catalogue);
    assert_kind(&seen, 0, CORRECTION_EARLIER, "chair");
    assert_kind(&seen, 1, CORRECTION_EARLIER, "bench");
    assert_kind(&seen, 2, CORRECTION_UNSURE, "none");
    assert_kind(&seen, 3, CORRECTION_EARLIER, "a/b");
    assert_kind(&seen, 5, CORRECTION_SEVERAL, "none");
    assert_kind(&seen, 7, CORRECTION_EARLIER, "caf%E9");
    assert_int_equal(forget(&seen, catalogue), 0);
    sorted_move(state, "CHAIR/oak/a.jpg", "bench/a.jpg"); // it was right after all
    sorted_move(state, "Unsure/c.jpg", "chair/c.jpg");
    assert_int_equal(remove(temporary_path(state, "out/bench/copy.jpg")), 0);
    seen = look(state, catalogue);
    assert_kind(&seen, 0, CORRECTION_MOVED, "bench");
    assert_kind(&seen, 2, CORRECTION_MOVED, "chair");
    assert_kind(&seen, 5, CORRECTION_AGREED, "chair");
    assert_int_equal(forget(&seen, catalogue), 2);
    catalogue_close(&catalogue);
}

static void test_noted_in_the_catalogue(void **state)
{
    struct catalogue *catalogue = opened(state);
    int64_t run = sorted_run(catalogue);
    int64_t photo = sorted_file(state, catalogue, run, "bench/a.jpg", "AAAA", 0);
    sorted_file(state, catalogue, run, "bench/a.xmp", "<a/>", photo);
    sorted_move(state, "bench/a.jpg", "stool/a.jpg");
    sorted_move(state, "bench/a.xmp", "stool/a.xmp");
    struct seen seen = look(state, catalogue);
    assert_int_equal(forget(&seen, catalogue), 1);
    struct catalogue_correction row;
    assert_int_equal(catalogue_next_correction(catalogue, 0, &row), CUBBY_OK);
    assert_string_equal(row.class_name, "stool");
    assert_string_equal(row.before, "bench");
    assert_string_equal(row.place, "stool/a.jpg");
    assert_true(row.seen_ns > 0 && row.size_bytes == 4);
    catalogue_correction_fini(&row);
    struct photo *out;
    assert_int_equal(catalogue_get_photo(catalogue, photo, &out), CUBBY_OK);
    assert_true(photo_is_placed(out));
    assert_string_equal(out->class_name, "stool");
    assert_string_equal(out->filed_as, "stool/a.jpg");
    assert_int_equal(out->top_count, 1); // what the model saw is kept
    photo_free(&out);
    const struct catalogue_filings all = {CATALOGUE_ANY, photo, CATALOGUE_ANY, FILING_DONE};
    static const char *const targets[] = {"stool/a.jpg", "stool/a.xmp"};
    int64_t after = 0;
    for (int i = 0; i < 2; i++) {
        struct filing filing;
        assert_int_equal(catalogue_next_filing(catalogue, &all, after, false, &filing), CUBBY_OK);
        assert_string_equal(filing.target, targets[i]);
        after = filing.id;
        filing_fini(&filing);
    }
    catalogue_close(&catalogue);
}

static void test_renamed_class(void **state)
{
    struct catalogue *catalogue = opened(state);
    int64_t run = sorted_run(catalogue);
    sorted_file(state, catalogue, run, "bench/a.jpg", "AAAA", 0);
    sorted_file(state, catalogue, run, "bench/b.jpg", "BBBB", 0);
    sorted_file(state, catalogue, run, "chair/c.jpg", "CCCC", 0);
    sorted_move(state, "bench/a.jpg", "Bank/a.jpg");
    sorted_move(state, "bench/b.jpg", "Bank/b.jpg");
    // As long as the old folder is there, the photos were moved one by one.
    struct seen seen = look(state, catalogue);
    assert_kind(&seen, 0, CORRECTION_MOVED, "Bank");
    forget(&seen, NULL);
    assert_int_equal(remove(temporary_path(state, "out/bench")), 0);
    seen = look(state, catalogue);
    assert_kind(&seen, 0, CORRECTION_RENAMED, "Bank");
    assert_kind(&seen, 1, CORRECTION_RENAMED, "Bank");
    assert_kind(&seen, 2, CORRECTION_AGREED, "chair");
    assert_int_equal(seen.corrections.classes[3].renamed_from, 0);
    assert_int_equal(forget(&seen, catalogue), 2);
    // Known again, and a photo more of the old class's elsewhere is none of that.
    seen = look(state, catalogue);
    assert_kind(&seen, 1, CORRECTION_RENAMED, "Bank");
    forget(&seen, NULL);
    sorted_move(state, "Bank/b.jpg", "chair/b.jpg");
    seen = look(state, catalogue);
    assert_kind(&seen, 0, CORRECTION_EARLIER, "Bank");
    assert_kind(&seen, 1, CORRECTION_MOVED, "chair");
    forget(&seen, NULL);
    catalogue_close(&catalogue);
}

static void test_same_content_in_two_classes(void **state)
{
    struct catalogue *catalogue = opened(state);
    int64_t run = sorted_run(catalogue);
    sorted_file(state, catalogue, run, "bench/a.jpg", "AAAA", 0);
    sorted_file(state, catalogue, run, "chair/b.jpg", "AAAA", 0);
    struct seen seen = look(state, catalogue);
    assert_kind(&seen, 0, CORRECTION_SEVERAL, "none");
    assert_kind(&seen, 1, CORRECTION_SEVERAL, "none");
    forget(&seen, NULL);
    catalogue_close(&catalogue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kinds, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_noted_in_the_catalogue, temporary_setup,
                                        temporary_teardown),
        cmocka_unit_test_setup_teardown(test_renamed_class, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_same_content_in_two_classes, temporary_setup,
                                        temporary_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
