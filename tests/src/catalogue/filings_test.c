#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "opened.h"

static int64_t add(struct catalogue *catalogue, int64_t run, int64_t photo, int64_t archive,
                   enum filing_state state)
{
    struct filing filing = {.run = run,
                            .photo = photo,
                            .archive = archive,
                            .how = archive ? FILING_ARCHIVE : FILING_COPY,
                            .state = state,
                            .source = (char *)"/p/a",
                            .target = (char *)"bench/a"};
    assert_int_equal(catalogue_add_filing(catalogue, &filing), CUBBY_OK);
    return filing.id;
}

static void test_filing_comes_back(void **state)
{
    struct catalogue *catalogue = opened(state);
    struct filing filing = {.run = 2,
                            .photo = 3,
                            .archive = 4,
                            .replaces = 5,
                            .member = 6,
                            .how = FILING_RELOCATE,
                            .state = FILING_REPLACED,
                            .source = (char *)"unsure/\xff",
                            .target = (char *)"bench/\xff",
                            .temporary = (char *)"bench/.cubby-1.tmp",
                            .size_bytes = INT64_MAX - 1,
                            .device = 7,
                            .inode = UINT64_MAX,
                            .mtime_ns = -1,
                            .atime_ns = 8,
                            .mode = 0600,
                            .hash = {.low = 9, .high = 10}};
    assert_int_equal(catalogue_add_filing(catalogue, &filing), CUBBY_OK);
    struct catalogue_filings which = {2, 3, 4, FILING_REPLACED};
    struct filing out;
    assert_int_equal(catalogue_next_filing(catalogue, &which, 0, false, &out), CUBBY_OK);
    assert_int_equal(out.id, filing.id);
    assert_true(out.run == 2 && out.photo == 3 && out.archive == 4 && out.replaces == 5);
    assert_int_equal(out.member, 6);
    assert_int_equal(out.how, FILING_RELOCATE);
    assert_string_equal(out.source, "unsure/\xff");
    assert_string_equal(out.target, "bench/\xff");
    assert_string_equal(out.temporary, "bench/.cubby-1.tmp");
    assert_true(out.size_bytes == INT64_MAX - 1 && out.inode == UINT64_MAX && out.device == 7);
    assert_true(out.mtime_ns == -1 && out.atime_ns == 8 && out.mode == 0600);
    assert_true(out.hash.low == 9 && out.hash.high == 10);
    filing_fini(&out);
    assert_null(out.source);

    assert_int_equal(catalogue_set_filing_target(catalogue, filing.id, "bench/2"), CUBBY_OK);
    assert_int_equal(catalogue_set_filing_state(catalogue, filing.id, FILING_DONE), CUBBY_OK);
    assert_int_equal(catalogue_next_filing(catalogue, &which, 0, false, &out), CUBBY_OK);
    assert_int_equal(out.id, 0);
    which.state = FILING_DONE;
    assert_int_equal(catalogue_next_filing(catalogue, &which, 0, false, &out), CUBBY_OK);
    assert_string_equal(out.target, "bench/2");
    filing_fini(&out);
    assert_int_equal(catalogue_remove_filing(catalogue, filing.id), CUBBY_OK);
    assert_int_equal(catalogue_next_filing(catalogue, &which, 0, false, &out), CUBBY_OK);
    assert_int_equal(out.id, 0);
    catalogue_close(&catalogue);
}

// Every combination of what may be asked for, in both directions, against the plain answer.
static void test_each_way_to_ask(void **state)
{
    enum { COUNT = 60 };
    struct catalogue *catalogue = opened(state);
    struct {
        int64_t id, run, photo, archive;
        int state;
    } rows[COUNT];
    for (int i = 0; i < COUNT; i++) {
        rows[i].run = 1 + i % 2;
        rows[i].photo = 1 + i / 4;
        rows[i].archive = i % 3;
        rows[i].state = i % 5 < 3 ? i % 5 : FILING_INTENDED;
        rows[i].id = add(catalogue, rows[i].run, rows[i].photo, rows[i].archive,
                         (enum filing_state)rows[i].state);
    }
    static const int64_t runs[] = {CATALOGUE_ANY, 1, 3}, photos[] = {CATALOGUE_ANY, 4, 99},
                         archives[] = {CATALOGUE_ANY, 0, 2};
    unsigned found = 0;
    for (int i = 0; i < 3 * 3 * 3 * 4 * 2; i++) {
        bool backwards = i % 2;
        struct catalogue_filings which = {runs[i / 2 % 3], photos[i / 6 % 3], archives[i / 18 % 3],
                                          i / 54 % 4 - 1};
        int64_t after = 0;
        for (int j = 0; j <= COUNT; j++) {
            int row = backwards ? COUNT - 1 - j : j;
            if (j < COUNT && ((which.run >= 0 && rows[row].run != which.run) ||
                              (which.photo >= 0 && rows[row].photo != which.photo) ||
                              (which.archive >= 0 && rows[row].archive != which.archive) ||
                              (which.state >= 0 && rows[row].state != which.state)))
                continue;
            struct filing out;
            assert_int_equal(catalogue_next_filing(catalogue, &which, after, backwards, &out),
                             CUBBY_OK);
            assert_int_equal(out.id, j < COUNT ? rows[row].id : 0);
            after = out.id;
            found += j < COUNT;
            filing_fini(&out);
        }
    }
    assert_true(found > 300);
    catalogue_close(&catalogue);
}

static void test_iteration_while_states_change(void **state)
{
    struct catalogue *catalogue = opened(state);
    for (int i = 0; i < 50; i++)
        add(catalogue, 1, i + 1, 0, FILING_INTENDED);
    struct catalogue_filings which = {CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY, FILING_INTENDED};
    struct filing out;
    int64_t after = 0;
    unsigned seen = 0;
    for (;; seen++) {
        assert_int_equal(catalogue_next_filing(catalogue, &which, after, false, &out), CUBBY_OK);
        if (!out.id)
            break;
        after = out.id;
        if (seen % 2)
            assert_int_equal(catalogue_set_filing_state(catalogue, out.id, FILING_DONE), CUBBY_OK);
        else
            assert_int_equal(catalogue_remove_filing(catalogue, out.id), CUBBY_OK);
        filing_fini(&out);
    }
    assert_int_equal(seen, 50);
    which.state = FILING_DONE;
    for (after = 0, seen = 0;; seen++) {
        assert_int_equal(catalogue_next_filing(catalogue, &which, after, true, &out), CUBBY_OK);
        if (!out.id)
            break;
        after = out.id;
        assert_int_equal(catalogue_remove_filing(catalogue, out.id), CUBBY_OK);
        filing_fini(&out);
    }
    assert_int_equal(seen, 25);
    catalogue_close(&catalogue);
}

static void test_unsound_rows(void **state)
{
    static const char *const changes[] = {
        "how = 'stolen'",   "state = 'Done'", "target = '../../home/x'", "target = '/x'",
        "temporary = '..'", "member = -1",    "hash = zeroblob(17)",     "replaces = 'a'",
        "source = ''",      "how = 5", // then the source is below the output, too
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
        struct catalogue *catalogue = opened(state);
        add(catalogue, 1, 1, 0, FILING_DONE);
        assert_int_equal(catalogue_commit(catalogue), CUBBY_OK);
        catalogue_close(&catalogue);
        char sql[128];
        snprintf(sql, sizeof(sql), "UPDATE filings SET %s", changes[i]);
        opened_sql(state, sql);
        catalogue = opened(state);
        struct catalogue_filings all = {CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY};
        struct filing out;
        if (catalogue_next_filing(catalogue, &all, 0, false, &out) != CUBBY_BAD_DATA)
            fail_msg("%s was taken", changes[i]);
        assert_true(out.id == 0 && !out.target);
        catalogue_close(&catalogue);
        temporary_remove(temporary_path(state, "out"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_filing_comes_back, temporary_setup,
                                        temporary_teardown),
        cmocka_unit_test_setup_teardown(test_each_way_to_ask, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_iteration_while_states_change, temporary_setup,
                                        temporary_teardown),
        cmocka_unit_test_setup_teardown(test_unsound_rows, temporary_setup, temporary_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
