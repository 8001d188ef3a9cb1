#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../temporary.h"
#include "commands/summary.h"

enum { CLASSES = 10 };
static const char *const names[CLASSES] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};

static void add(struct summary *summary, struct report_totals *totals, enum photo_status status,
                uint32_t class_index, const char *path)
{
    struct photo photo = {.path = (char *)(uintptr_t)path, .top = {{class_index, 1}}};
    photo_settle(&photo, status, "%s", status == PHOTO_FAILED ? "cut short" : "");
    totals->found++;
    totals->filed += status == PHOTO_FILED;
    totals->failed += status == PHOTO_FAILED;
    summary_add(summary, &photo, NULL);
}

// The summary as the log file has it, without the times before the lines.
static const char *printed(void **state, const struct summary *summary,
                           const struct summary_facts *facts)
{
    static char text[8192];
    temporary_remove(temporary_path(state, "log"));
    struct messages_params params = {
        .quiet = true, .log_file = temporary_path(state, "log"), .fs = fs_real()};
    struct messages *messages;
    assert_int_equal(messages_create(&messages, &params), CUBBY_OK);
    summary_print(summary, messages, facts);
    messages_destroy(&messages);
    char *log = temporary_content(state, "log");
    text[0] = '\0';
    for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(strlen(line) > 21);
        strcat(strcat(text, line + 21), "\n");
    }
    free(log);
    return text;
}

static struct summary_facts facts_of(const struct report_totals *totals)
{
    return (struct summary_facts){.totals = totals,
                                  .class_names = names,
                                  .class_count = CLASSES,
                                  .output = "out",
                                  .seconds = 12};
}

static void test_small(void **state)
{
    struct summary summary;
    struct report_totals totals = {0};
    assert_int_equal(summary_init(&summary, CLASSES), CUBBY_OK);
    add(&summary, &totals, PHOTO_FILED, 3, "1.jpg");
    struct summary_facts facts = facts_of(&totals);
    assert_string_equal(printed(state, &summary, &facts),
                        "1 file found: 1 filed, 0 unsure, 0 failed, 0 skipped, in 12 s\n"
                        "  d 1\n"
                        "Look in out\n");
    add(&summary, &totals, PHOTO_FAILED, 0, "2.jpg");
    facts.stopped = true;
    facts.unreadable_folders = 1;
    assert_string_equal(printed(state, &summary, &facts),
                        "2 files found: 1 filed, 0 unsure, 1 failed, 0 skipped, in 12 s\n"
                        "  d 1\n"
                        "Look in out\n"
                        "Failed:\n"
                        "  2.jpg: cut short\n"
                        "1 folder could not be read, see the warnings\n"
                        "Stopped early: run the same command again to continue\n");
    facts = facts_of(&totals);
    facts.dry_run = true;
    facts.unreadable_folders = 2;
    assert_string_equal(printed(state, &summary, &facts),
                        "2 files found: 1 filed, 0 unsure, 1 failed, 0 skipped, in 12 s\n"
                        "  d 1\n"
                        "Dry run: nothing was written; out would be the folder\n"
                        "Failed:\n"
                        "  2.jpg: cut short\n"
                        "2 folders could not be read, see the warnings\n");
    summary_fini(&summary);
}

// The largest classes first, equal ones in their order, each once; the rest is "...".
static void test_classes(void **state)
{
    struct summary summary;
    struct report_totals totals = {0};
    assert_int_equal(summary_init(&summary, CLASSES), CUBBY_OK);
    static const int counts[CLASSES] = {2, 5, 2, 0, 9, 2, 1, 5, 2, 2};
    for (uint32_t i = 0; i < CLASSES; i++)
        for (int n = 0; n < counts[i]; n++)
            add(&summary, &totals, PHOTO_FILED, i, "x.jpg");
    struct summary_facts facts = facts_of(&totals);
    assert_non_null(strstr(printed(state, &summary, &facts),
                           "\n  e 9, b 5, h 5, a 2, c 2, f 2, i 2, j 2, ...\n"));
    summary_fini(&summary);
}

static void test_many_failures(void **state)
{
    struct summary summary;
    struct report_totals totals = {0};
    assert_int_equal(summary_init(&summary, CLASSES), CUBBY_OK);
    char path[32];
    for (unsigned i = 0; i < SUMMARY_FAILURES + 5; i++) {
        snprintf(path, sizeof(path), "%u.jpg", i);
        add(&summary, &totals, PHOTO_FAILED, 0, path);
    }
    struct summary_facts facts = facts_of(&totals);
    const char *text = printed(state, &summary, &facts);
    assert_non_null(strstr(text, "\n  0.jpg: cut short\n"));
    assert_non_null(
        strstr(text, "\n  9.jpg: cut short\n  and 5 more, see out/.cubby/report.csv\n"));
    assert_null(strstr(text, "10.jpg"));
    assert_null(strstr(text, "Look in")); // nothing is there
    facts.dry_run = true;
    assert_non_null(strstr(printed(state, &summary, &facts), "\n  and 5 more\n"));
    summary_fini(&summary);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_small),
        IN_FOLDER(test_classes),
        IN_FOLDER(test_many_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
