#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check/html.h"
#include "src/check/example.h"

static char *ended(struct text *text)
{
    text_add(text, "", 1);
    assert_false(text->failed);
    return text->bytes;
}

static void expect_text(const char *name, const char *expected)
{
    struct text text = {0};
    html_add_text(&text, name);
    assert_string_equal(ended(&text), expected);
    text_free(&text);
}

static void test_escapes(void **state)
{
    (void)state;
    expect_text("table", "table");
    expect_text("<script>alert('1')</script>", "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;");
    expect_text("\" onload=\"x&amp;", "&quot; onload=&quot;x&amp;amp;");
    expect_text("a\xff\xc0\xafz", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
    expect_text("\xe2\x80\xaegpj.exe\xe2\x81\xa9", "\\u{202e}gpj.exe\\u{2069}");
    expect_text("a\nb\x7f\xc2\x85", "a\\u{a}b\\u{7f}\\u{85}");
    // Cut short, and what a lenient reader would take for "<" in two bytes.
    expect_text("\xc0\xbc"
                "script",
                "\xef\xbf\xbd\xef\xbf\xbdscript");
    expect_text("\xe6\xa4", "\xef\xbf\xbd\xef\xbf\xbd");
    expect_text("\xe6\xa4\x85", "\xe6\xa4\x85");
}

static void expect_short(const char *name, unsigned columns, const char *expected)
{
    struct text text = {0};
    html_add_short(&text, name, columns);
    assert_string_equal(ended(&text), expected);
    text_free(&text);
}

static void test_shortens_between_characters(void **state)
{
    (void)state;
    expect_short("table", 5, "table");
    expect_short("tables", 5, "tabl…");
    expect_short("<<<<<<", 5, "&lt;&lt;&lt;&lt;…");
    expect_short("椅子椅子", 5, "椅子…");
}

static void test_base64(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="}, // RFC 4648
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xff\xfe\xfd", "//79"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        struct text text = {0};
        html_add_base64(&text, (const uint8_t *)pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(ended(&text), pairs[i][1]);
        text_free(&text);
    }
}

static unsigned count(const char *text, const char *what)
{
    unsigned found = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        found++;
    return found;
}

// The photos that the cells' titles tell of.
static unsigned long sum_of_cells(const char *svg)
{
    unsigned long sum = 0;
    while ((svg = strstr(svg, "<g><title>"))) {
        svg += strlen("<g><title>");
        sum += strtoul(svg, NULL, 10);
    }
    return sum;
}

static void test_matrix(void **state)
{
    (void)state;
    static const char *const names[] = {"table", "<chair>", "stool"};
    struct check_report report;
    struct text text = {0};
    example_fill(&report, names, 10);
    html_add_matrix(&text, &report);
    ended(&text);
    assert_int_equal(sum_of_cells(text.bytes), 5);
    assert_non_null(strstr(text.bytes, "<title>1 (50.0&nbsp;%) of table taken for &lt;chair&gt;"));
    assert_non_null(strstr(text.bytes, "<title>2 (100.0&nbsp;%) of &lt;chair&gt;: right"));
    assert_int_equal(count(text.bytes, "class=\"right\""), 2);
    assert_int_equal(count(text.bytes, "class=\"wrong\""), 2);
    assert_null(strstr(text.bytes, "<chair>"));
    text_free(&text);
    check_report_fini(&report);
}

static void test_matrix_of_many_classes_sums_up(void **state)
{
    (void)state;
    enum { CLASSES = 90, PHOTOS = 700 };
    static char texts[CLASSES][16];
    static const char *names[CLASSES];
    for (int i = 0; i < CLASSES; i++) {
        snprintf(texts[i], sizeof(texts[i]), "class %d", i);
        names[i] = texts[i];
    }
    struct check_report report = {.class_names = names, .class_count = CLASSES};
    struct check_tally tally;
    enum check_added added;
    uint32_t as;
    assert_int_equal(check_tally_init(&tally, &report, false, 0), CUBBY_OK);
    for (uint32_t i = 0; i < PHOTOS; i++) {
        // Classes from 60 on are always right, so they are among the others.
        const uint32_t truth = i % CLASSES, best = truth < 60 ? (truth + i / 60) % 60 : truth;
        const struct photo photo = {.hash = {i, 0}, .top = {{best, 0.8f}}, .top_count = 1};
        assert_int_equal(check_tally_add(&tally, &photo, NULL, truth, "x/1.jpg", &added, &as),
                         CUBBY_OK);
    }
    assert_int_equal(check_tally_finish(&tally), CUBBY_OK);
    struct text text = {0};
    html_add_matrix(&text, &report);
    ended(&text);
    assert_int_equal(sum_of_cells(text.bytes), PHOTOS);
    assert_int_equal(count(text.bytes, "class=\"label\""), 2 * (HTML_MATRIX_CLASSES + 1));
    assert_non_null(strstr(text.bytes, ">all others<"));
    assert_null(strstr(text.bytes, ">class 75<"));
    text_free(&text);
    check_tally_fini(&tally);
    check_report_fini(&report);
}

static void test_calibration_has_a_point_for_each_bin(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c"};
    struct check_report report;
    struct text text = {0};
    example_fill(&report, names, 10);
    html_add_calibration(&text, &report);
    ended(&text);
    assert_int_equal(count(text.bytes, "<circle"), 5);
    assert_non_null(strstr(text.bytes, "1 photos: 95.0&nbsp;% sure, 0.0&nbsp;% right"));
    assert_null(strstr(text.bytes, "nan"));
    text_free(&text);
    check_report_fini(&report);
}

static void test_page_with_hostile_names(void **state)
{
    (void)state;
    static const char *const names[] = {"</title><script>x</script>", "\" onclick=\"x", "\xff"};
    struct check_report report;
    struct text text = {0};
    example_fill(&report, names, 10);
    report.model = "</style><img src=http://x>";
    free(report.mistakes[0].path);
    report.mistakes[0].path = strdup("c/<img src=x onerror=alert(1)>.jpg");
    report.failures[0] = (struct check_left_out){.name = strdup("<b>"), .reason = strdup("<i>")};
    report.failure_count = 1;
    report.failed = 1;
    check_report_html(&text, &report);
    ended(&text);
    static const char *const never[] = {"<script", "<img", "onclick=\"", "<b>b", "<i>", "\xff"};
    for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
        if (strstr(text.bytes, never[i]))
            fail_msg("the page holds %s", never[i]);
    assert_int_equal(count(text.bytes, "</title>") - count(text.bytes, "<title>"), 0);
    text_free(&text);
    check_report_fini(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_shortens_between_characters),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_matrix_of_many_classes_sums_up),
        cmocka_unit_test(test_calibration_has_a_point_for_each_bin),
        cmocka_unit_test(test_page_with_hostile_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
