#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../catalogue/opened.h"
#include "commands/placed.h"

static const char *const names[] = {"bench", "a/b"};
static char *const folders[] = {"bench", "a_b"};

static struct placed make_placed(struct catalogue *first, struct catalogue *second)
{
    return (struct placed){
        .catalogues = {first, second}, .class_names = names, .folders = folders, .class_count = 2};
}

static void add(struct catalogue *catalogue, uint64_t content, const char *class_name,
                const char *place)
{
    struct catalogue_correction row = {.hash = {content, ~content},
                                       .size_bytes = content,
                                       .class_name = (char *)class_name,
                                       .place = (char *)place};
    assert_int_equal(catalogue_put_correction(catalogue, &row), CUBBY_OK);
}

// Asserts what becomes of a photo of that content; folder NULL: nobody placed it.
static void assert_placed(const struct placed *placed, uint64_t content, const char *folder,
                          enum photo_status status, const char *class_name)
{
    struct photo photo = {.hash = {content, ~content},
                          .size_bytes = content,
                          .status = PHOTO_PENDING,
                          .class_name = strdup("guess")};
    char *own;
    assert_int_equal(placed_apply(placed, &photo, &own), CUBBY_OK);
    if (folder) {
        assert_non_null(own);
        assert_string_equal(own, folder);
        assert_true(photo_is_placed(&photo));
    } else {
        assert_null(own);
        assert_false(photo_is_placed(&photo));
    }
    assert_int_equal(photo.status, status);
    assert_string_equal(photo.class_name, class_name);
    free(photo.class_name);
    free(own);
}

static void test_folders(void **state)
{
    struct catalogue *catalogue = opened(state);
    struct placed placed = make_placed(catalogue, NULL);
    add(catalogue, 1, "a/b", "A_B/deep/1.jpg");    // the model's class has the model's folder
    add(catalogue, 2, "stool", "Stool old/2.jpg"); // one that it does not know the person's
    add(catalogue, 3, NULL, "unsure/3.jpg");
    add(catalogue, 4, "stool", "4.jpg"); // the folder is not known
    assert_placed(&placed, 1, "a_b", PHOTO_FILED, "a/b");
    assert_placed(&placed, 2, "Stool old", PHOTO_FILED, "stool");
    assert_placed(&placed, 3, "unsure", PHOTO_UNSURE, "guess");
    assert_placed(&placed, 4, "stool", PHOTO_FILED, "stool");
    assert_placed(&placed, 5, NULL, PHOTO_PENDING, "guess");
    struct placed nothing = make_placed(NULL, NULL);
    assert_placed(&nothing, 1, NULL, PHOTO_PENDING, "guess");
    struct placed second = make_placed(NULL, catalogue);
    assert_placed(&second, 2, "Stool old", PHOTO_FILED, "stool");
    catalogue_close(&catalogue);
}

// A catalogue that somebody made cannot lead elsewhere.
static void test_hostile_places(void **state)
{
    struct catalogue *catalogue = opened(state);
    struct placed placed = make_placed(catalogue, NULL);
    add(catalogue, 1, "stool", ".cubby/1.jpg");
    add(catalogue, 2, "../../elsewhere", "2.jpg");
    add(catalogue, 3, "stool", "unsure/3.jpg");
    char *own;
    for (uint64_t content = 1; content <= 3; content++) {
        struct photo photo = {.hash = {content, ~content}, .size_bytes = content};
        assert_int_equal(placed_apply(&placed, &photo, &own), CUBBY_OK);
        assert_non_null(own);
        assert_null(strchr(own, '/'));
        assert_true(own[0] != '.');
        assert_true(strcmp(own, "unsure") != 0);
        free(own);
        free(photo.class_name);
    }
    catalogue_close(&catalogue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_folders, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_hostile_places, temporary_setup, temporary_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
