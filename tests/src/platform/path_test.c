#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../temporary.h"
#include "platform/path.h"

static void is(char *result, const char *expected)
{
    assert_non_null(result);
    assert_string_equal(result, expected);
    free(result);
}

static void test_parts(void **state)
{
    (void)state;
    is(path_join("a", "b"), "a/b");
    is(path_join("a/", "b"), "a/b");
    is(path_join("", "b"), "b");
    is(path_join("/", "b"), "/b");
    is(path_parent("a/b"), "a");
    is(path_parent("a/b/"), "a");
    is(path_parent("a//b"), "a");
    is(path_parent("a"), ".");
    is(path_parent("/a"), "/");
    is(path_parent("/"), "/");
    is(path_base("a/b//"), "b");
    is(path_base("/"), "");
    is(path_base("b"), "b");
    assert_string_equal(path_extension("a.b/c.tar.gz"), ".gz");
    assert_string_equal(path_extension("a.b/c"), "");
    assert_string_equal(path_extension("a/.hidden"), "");
    char text[] = "a/b///";
    path_trim(text);
    assert_string_equal(text, "a/b");
#ifndef _WIN32
    char root[] = "//";
    path_trim(root);
    assert_string_equal(root, "/");
#endif
}

#ifdef _WIN32
static void test_windows(void **state)
{
    (void)state;
    is(path_absolute("C:\\a\\.\\b/..\\c\\"), "C:/a/c");
    is(path_absolute("d:/.."), "d:/");
    is(path_absolute("\\\\server\\share\\a\\..\\.."), "//server/share/");
    is(path_parent("C:\\a"), "C:\\");
    is(path_parent("C:\\"), "C:\\");
    is(path_parent("\\\\server\\share\\a"), "\\\\server\\share\\");
    is(path_base("C:\\"), "");
    is(path_base("C:\\photos\\"), "photos");
    assert_true(path_is_absolute("C:\\a") && path_is_absolute("\\\\server\\share"));
    assert_false(path_is_absolute("C:a") || path_is_absolute("\\a") || path_is_absolute("a"));
    assert_true(path_is_inside("c:/Photos/a", "C:\\photos"));
    assert_false(path_is_inside("C:/photos-sorted", "C:\\photos"));
    is(path_for_library("C:/a/b"), "\\\\?\\C:\\a\\b");
    is(path_for_library("//server/share/a"), "\\\\?\\UNC\\server\\share\\a");
    is(path_for_library("\\\\?\\C:\\a"), "\\\\?\\C:\\a");
}
#else
static void test_absolute(void **state)
{
    (void)state;
    is(path_absolute("/a/./b//../c/"), "/a/c");
    is(path_absolute("/../.."), "/");
    is(path_absolute("/a/.."), "/");
    char *here = path_absolute(".");
    char *expected = path_join(here, "x");
    is(path_absolute("y/../x"), expected);
    free(expected);
    free(here);
}
#endif

static void test_inside(void **state)
{
    (void)state;
    assert_true(path_is_inside("/a/b", "/a"));
    assert_true(path_is_inside("/a", "/a"));
    assert_true(path_is_inside("/a", "/a/"));
    assert_true(path_is_inside("/a", "/"));
    assert_false(path_is_inside("/ab", "/a"));
    assert_false(path_is_inside("/a", "/a/b"));
    assert_string_equal(path_below("/a/b/c", "/a/"), "b/c");
    assert_string_equal(path_below("/a", "/a"), "");
    assert_null(path_below("/b", "/a"));
}

#ifndef _WIN32 // only administrators make links there
static void test_real(void **state)
{
    char *base = path_real(*state);
    assert_int_equal(fs_make_folders(fs_real(), temporary_path(state, "deep/folder")), 0);
    uv_fs_t request;
    assert_int_equal(
        uv_fs_symlink(NULL, &request, "deep/folder", temporary_path(state, "link"), 0, NULL), 0);
    uv_fs_req_cleanup(&request);
    char *expected = path_join(base, "deep/folder/not/yet");
    is(path_real(temporary_path(state, "link/not/./yet/")), expected);
    free(expected);
    // The folder above the link's target, not the one that holds the link.
    expected = path_join(base, "deep");
    is(path_real(temporary_path(state, "link/..")), expected);
    free(expected);
    is(path_real("/"), "/");
    free(base);
}
#endif

static void test_system_folders(void **state)
{
    (void)state;
    uv_os_setenv("CUBBY_CACHE_DIR", "/some/cache");
    is(path_cache_folder(), "/some/cache");
    uv_os_unsetenv("CUBBY_CACHE_DIR");
#ifndef _WIN32
    uv_os_setenv("XDG_CACHE_HOME", "/x");
    is(path_cache_folder(), "/x/cubby");
    uv_os_setenv("XDG_CACHE_HOME", "relative"); // to be ignored
    uv_os_setenv("HOME", "/home/me");
    is(path_cache_folder(), "/home/me/.cache/cubby");
    uv_os_unsetenv("XDG_CONFIG_HOME");
    is(path_config_folder(), "/home/me/.config/cubby");
#endif
    char *program = path_program_folder();
    assert_non_null(program);
    assert_true(path_is_absolute(program));
    free(program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
#ifdef _WIN32
        cmocka_unit_test(test_windows),
#else
        cmocka_unit_test(test_absolute),
        cmocka_unit_test_setup_teardown(test_real, temporary_setup, temporary_teardown),
#endif
        cmocka_unit_test(test_inside),
        cmocka_unit_test(test_system_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
