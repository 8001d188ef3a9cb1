#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scan.h"
#include "temporary.h"

#ifndef _WIN32
#include <sys/stat.h>
#include <unistd.h>
#endif

// "a.jpg+a.xmp|b/c.jpg(skipped: ...)": what the scan finds, in order, "+" before members.
static char found[8192];

static enum cubby_status collect(const struct scan_params *params, uint64_t *unreadable)
{
    struct scan *scan;
    found[0] = '\0';
    enum cubby_status status = scan_create(&scan, params);
    if (status) {
        assert_null(scan);
        return status;
    }
    struct photo *photo;
    uint64_t sequence = 0;
    while ((status = scan_next(scan, &photo)) == CUBBY_OK && photo) {
        assert_int_equal(photo->sequence, sequence++);
        size_t length = strlen(found);
        snprintf(found + length, sizeof(found) - length, "%s%s", length ? "|" : "",
                 photo->relative);
        if (photo->status != PHOTO_PENDING) {
            length = strlen(found);
            snprintf(found + length, sizeof(found) - length, "(%s: %s)",
                     photo_status_text(photo->status), photo->reason);
        }
        for (uint32_t i = 0; i < photo->member_count; i++) {
            length = strlen(found);
            snprintf(found + length, sizeof(found) - length, "+%s", photo->members[i].name);
        }
        photo_free(&photo);
    }
    if (unreadable)
        *unreadable = scan_unreadable_folders(scan);
    scan_destroy(&scan);
    return status;
}

static void finds(const char *const *roots, size_t root_count, const char *output,
                  const char *expected)
{
    struct scan_params params = {
        .roots = roots, .root_count = root_count, .output = output, .fs = fs_real()};
    assert_int_equal(collect(&params, NULL), CUBBY_OK);
    assert_string_equal(found, expected);
}

static void test_order_and_hidden(void **state)
{
    static const char *const files[] = {"b.jpg",      "B2.jpg",   "a/z.jpg",
                                        "a/y/x.jpg",  "a.jpg",    ".hidden.jpg",
                                        ".git/c.jpg", "é/写.jpg", "a-b/1.jpg"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        temporary_file(state, files[i], files[i]);
    const char *root = *state;
    finds(&root, 1, NULL, "B2.jpg|a/y/x.jpg|a/z.jpg|a-b/1.jpg|a.jpg|b.jpg|é/写.jpg");
    // A trailing separator, or a link to the root, changes nothing.
    const char *slash = temporary_path(state, "");
    finds(&slash, 1, NULL, "B2.jpg|a/y/x.jpg|a/z.jpg|a-b/1.jpg|a.jpg|b.jpg|é/写.jpg");
}

static void test_photo_members(void **state)
{
    const char *path = temporary_file(state, "p/a.jpg", "12345");
    struct scan_params params = {.roots = &path, .root_count = 1, .fs = fs_real()};
    struct scan *scan;
    struct photo *photo;
    assert_int_equal(scan_create(&scan, &params), CUBBY_OK);
    assert_int_equal(scan_next(scan, &photo), CUBBY_OK);
    struct fs_stat stat;
    assert_int_equal(fs_real()->stat(fs_real(), path, &stat), 0);
    assert_string_equal(photo->path, path);
    assert_string_equal(photo->relative, "a.jpg");
    assert_int_equal(photo->size_bytes, 5);
    assert_int_equal(photo->mtime_ns, stat.mtime_ns);
    assert_int_equal(photo->inode, stat.inode);
    assert_int_equal(photo->status, PHOTO_PENDING);
    photo_free(&photo);
    assert_int_equal(scan_next(scan, &photo), CUBBY_OK);
    assert_null(photo);
    assert_int_equal(scan_next(scan, &photo), CUBBY_OK); // the end stays the end
    assert_null(photo);
    scan_destroy(&scan);
}

static void test_several_roots(void **state)
{
    temporary_file(state, "x/photos/a.jpg", "");
    temporary_file(state, "y/photos/a.jpg", "");
    temporary_file(state, "z/.b.jpg", "");
    const char *roots[] = {temporary_path(state, "x/photos/"), temporary_path(state, "y/photos"),
                           temporary_path(state, "z/.b.jpg")};
    finds(roots, 3, NULL, "photos/a.jpg|photos (2)/a.jpg|.b.jpg");
}

static void test_outputs_are_passed_over(void **state)
{
    temporary_file(state, "a.jpg", "");
    temporary_file(state, "old/.cubby/report.csv", "");
    temporary_file(state, "old/table/b.jpg", "");
    temporary_file(state, "out/table/c.jpg", "");
    temporary_file(state, "output/d.jpg", "");
    temporary_file(state, "not/.cubby", "a file of that name means nothing");
    temporary_file(state, "not/e.jpg", "");
    const char *root = *state;
    finds(&root, 1, temporary_path(state, "./not-yet/../out/"), "a.jpg|not/e.jpg|output/d.jpg");
    const char *out = temporary_path(state, "out");
    finds(&out, 1, temporary_path(state, "out"), "");
    const char *old = temporary_path(state, "old"); // named by the user: as it is
    finds(&old, 1, NULL, "table/b.jpg");
}

static void test_missing_root(void **state)
{
    const char *roots[] = {*state, temporary_path(state, "none")};
    struct temporary_messages messages = {0};
    struct cubby_log log = {temporary_log_write, &messages};
    struct scan_params params = {.roots = roots, .root_count = 2, .fs = fs_real(), .log = &log};
    assert_int_equal(collect(&params, NULL), CUBBY_IO);
    assert_non_null(strstr(messages.last, "none\" cannot be looked at: no such file"));
}

#ifndef _WIN32
static void make_link(void **state, const char *target, const char *name)
{
    assert_int_equal(symlink(target, temporary_path(state, name)), 0);
}

static void test_links_and_loops(void **state)
{
    temporary_file(state, "a/1.jpg", "");
    temporary_file(state, "b/2.jpg", "");
    make_link(state, "..", "a/up");            // the root itself, which is open
    make_link(state, ".", "a/here");           // the folder itself
    make_link(state, "../b", "a/to-b");        // another folder: once
    make_link(state, "../a", "b/to-a");        // a loop of two
    make_link(state, "../b", "a/to-b-again");  // seen
    make_link(state, "1.jpg", "a/2-link.jpg"); // a link to a file counts
    make_link(state, "none", "a/broken.jpg");
    make_link(state, "round", "a/round"); // a link to itself
    const char *root = *state;
    finds(&root, 1, NULL,
          "a/1.jpg|a/2-link.jpg|a/broken.jpg(skipped: a link that leads nowhere)|"
          "a/round(skipped: a link that leads nowhere)|a/to-b/2.jpg");
}

// Whichever way comes first in order, and whether it is the folder itself or a link to it.
static void test_each_folder_once(void **state)
{
    temporary_file(state, "m/x/1.jpg", "");
    temporary_file(state, "n/2.jpg", "");
    make_link(state, "m", "a-link");
    make_link(state, "n", "z-link");
    make_link(state, "m/x", "b-link"); // seen inside a-link
    const char *root = *state;
    finds(&root, 1, NULL, "a-link/x/1.jpg|n/2.jpg");
    // Roots, too: in one another, twice, or a link to one.
    const char *roots[] = {temporary_path(state, "m/x"), temporary_path(state, "m"),
                           temporary_path(state, "n/"), temporary_path(state, "z-link"),
                           temporary_path(state, "n")};
    finds(roots, 5, NULL, "x/1.jpg|n/2.jpg");
}

// Some network file systems have no inode numbers, or the same for many folders.
static int lstat_no_inode(const struct fs *fs, const char *path, struct fs_stat *out)
{
    int result = fs_real()->lstat(fs, path, out);
    out->device = out->inode = 0;
    return result;
}

static void test_folders_without_inodes(void **state)
{
    temporary_file(state, "a/b/1.jpg", "");
    temporary_file(state, "c/2.jpg", "");
    struct fs fs = *fs_real();
    fs.lstat = lstat_no_inode;
    const char *root = *state;
    struct scan_params params = {.roots = &root, .root_count = 1, .fs = &fs};
    assert_int_equal(collect(&params, NULL), CUBBY_OK);
    assert_string_equal(found, "a/b/1.jpg|c/2.jpg");
}

static void test_odd_files_and_names(void **state)
{
    assert_int_equal(mkfifo(temporary_path(state, "fifo.jpg"), 0600), 0);
    temporary_file(state, "caf\xe9.jpg", "");
    temporary_file(state, "new\nline.jpg", "");
    temporary_file(state, "-n", "");
    const char *root = *state;
    finds(&root, 1, NULL, "-n|caf\xe9.jpg|fifo.jpg(skipped: not a regular file)|new\nline.jpg");
}

static void test_unreadable_folder(void **state)
{
    if (geteuid() == 0)
        skip(); // root reads everything; the next test covers the rest
    temporary_file(state, "locked/a.jpg", "");
    temporary_file(state, "z.jpg", "");
    assert_int_equal(chmod(temporary_path(state, "locked"), 0), 0);
    const char *root = *state;
    finds(&root, 1, NULL, "z.jpg");
}
#endif

static int list_failing(const struct fs *fs, const char *path, struct fs_names *out)
{
    *out = (struct fs_names){0};
    return strstr(path, "locked") ? UV_EACCES : fs_real()->list(fs, path, out);
}

static int lstat_failing(const struct fs *fs, const char *path, struct fs_stat *out)
{
    return strstr(path, "gone") ? UV_ENOENT : fs_real()->lstat(fs, path, out);
}

static int lstat_no_sidecar(const struct fs *fs, const char *path, struct fs_stat *out)
{
    return strstr(path, ".pp3") ? UV_EACCES : fs_real()->lstat(fs, path, out);
}

static bool heic_is_hidden(const struct fs *fs, const char *path)
{
    return strstr(path, ".HEIC") || fs_real()->is_hidden(fs, path);
}

static void test_failing_file_system(void **state)
{
    temporary_file(state, "gone.jpg", "");
    temporary_file(state, "locked/a.jpg", "");
    temporary_file(state, "z.jpg", "");
    struct fs fs = *fs_real();
    fs.list = list_failing;
    fs.lstat = lstat_failing;
    struct temporary_messages messages = {0};
    struct cubby_log log = {temporary_log_write, &messages};
    const char *root = *state;
    uint64_t unreadable;
    struct scan_params params = {.roots = &root, .root_count = 1, .fs = &fs, .log = &log};
    assert_int_equal(collect(&params, &unreadable), CUBBY_OK);
    assert_string_equal(found,
                        "gone.jpg(failed: cannot be looked at: no such file or directory)|z.jpg");
    assert_int_equal(unreadable, 1);
    assert_int_equal(messages.count, 1);
    assert_non_null(strstr(messages.last, "permission denied"));

    const char *locked = temporary_path(state, "locked");
    params.roots = &locked;
    assert_int_equal(collect(&params, NULL), CUBBY_IO);
}

static void test_deep_folders_end(void **state)
{
    // Deeper than any path can be named: the scan must stop by itself and lose nothing else.
    char name[4096] = "";
    for (int i = 0; i < 300; i++)
        strcat(name, "d/");
    strcat(name, "x.jpg");
    temporary_file(state, name, "");
    temporary_file(state, "e.jpg", "");
    const char *root = *state;
    struct scan_params params = {.roots = &root, .root_count = 1, .fs = fs_real()};
    assert_int_equal(collect(&params, NULL), CUBBY_OK);
    assert_non_null(strstr(found, "/x.jpg|e.jpg"));
}

static void finds_groups(const struct fs *fs, const char *root, const char *expected)
{
    struct scan_params params = {.roots = &root, .root_count = 1, .groups = true, .fs = fs};
    assert_int_equal(collect(&params, NULL), CUBBY_OK);
    assert_string_equal(found, expected);
}

static void test_groups(void **state)
{
    static const char *const files[] = {"a.CR2",   "a.jpg",       "a.jpg.xmp",   "a.xmp", "b.xmp",
                                        "b/a.aae", "b/a.heic",    "b/a.mov",     "c.jpg", ".c.xmp",
                                        "d/a.mov", "e.jpg/x.png", "e.jpg/x.xmp", "e.CR2"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        temporary_file(state, files[i], files[i]);
    const char *root = *state;
    // e.jpg is a folder, so e.CR2 comes by itself, after it.
    finds_groups(fs_real(), root,
                 "a.jpg+a.CR2+a.jpg.xmp+a.xmp|b/a.heic+a.aae+a.mov|b.xmp|c.jpg|d/a.mov|"
                 "e.jpg/x.png+x.xmp|e.CR2");
    finds(&root, 1, NULL,
          "a.CR2|a.jpg|a.jpg.xmp|a.xmp|b/a.aae|b/a.heic|b/a.mov|b.xmp|c.jpg|d/a.mov|e.CR2|"
          "e.jpg/x.png|e.jpg/x.xmp");
    finds_groups(fs_real(), temporary_path(state, "a.jpg"), "a.jpg"); // named alone, comes alone
}

static void test_group_members(void **state)
{
    temporary_file(state, "a.jpg", "photo");
    const char *path = temporary_file(state, "a.xmp", "sidecar");
    const char *root = *state;
    struct scan_params params = {.roots = &root, .root_count = 1, .groups = true, .fs = fs_real()};
    struct scan *scan;
    struct photo *photo;
    struct fs_stat stat;
    assert_int_equal(fs_real()->lstat(fs_real(), path, &stat), 0);
    assert_int_equal(scan_create(&scan, &params), CUBBY_OK);
    assert_int_equal(scan_next(scan, &photo), CUBBY_OK);
    assert_int_equal(photo->member_count, 1);
    const struct photo_member *member = &photo->members[0];
    assert_string_equal(member->path, path);
    assert_string_equal(member->name, "a.xmp");
    assert_null(member->filed_as);
    assert_int_equal(member->size_bytes, 7);
    assert_int_equal(member->mtime_ns, stat.mtime_ns);
    assert_int_equal(member->atime_ns, stat.atime_ns);
    assert_int_equal(member->device, stat.device);
    assert_int_equal(member->inode, stat.inode);
    assert_int_equal(member->mode, stat.mode & 07777);
    photo_free(&photo);
    scan_destroy(&scan);
}

#ifndef _WIN32
static void test_groups_of_odd_files(void **state)
{
    temporary_file(state, "a.jpg", "");
    temporary_file(state, "a.vrd/inside.txt", ""); // a folder
    make_link(state, "a.jpg", "a.acr");            // a link
    make_link(state, "a.jpg", "a.xmp");
    assert_int_equal(mkfifo(temporary_path(state, "a.aae"), 0600), 0);
    temporary_file(state, "a.on1", "");
    temporary_file(state, "m.cr2", "");
    make_link(state, "none", "m.jpg"); // the photo is none
    temporary_file(state, "m.xmp", "");
    temporary_file(state, "n.cr2", "");
    make_link(state, "a.jpg", "n.jpg"); // a link to a photo is a photo
    finds_groups(fs_real(), *state,
                 "a.jpg+a.on1|a.aae(skipped: not a regular file)|a.acr|a.vrd/inside.txt|a.xmp|"
                 "m.jpg(skipped: a link that leads nowhere)|m.cr2|m.xmp|n.jpg+n.cr2");
}
#endif

static void test_groups_when_files_vanish(void **state)
{
    temporary_file(state, "a.aae", "");
    temporary_file(state, "a.gone.xmp", ""); // "gone": see lstat_failing
    temporary_file(state, "a.jpg", "");
    temporary_file(state, "b-gone.acr", "");
    temporary_file(state, "b-gone.jpg", "");
    temporary_file(state, "c.cr2", "");
    temporary_file(state, "c.jpg", "");
    temporary_file(state, "c_gone.jpg", "");
    temporary_file(state, "d.cr2.gone.jpg", "");
    struct fs fs = *fs_real();
    fs.lstat = lstat_failing;
    finds_groups(&fs, *state,
                 "a.gone.xmp(failed: cannot be looked at: no such file or directory)|a.jpg+a.aae|"
                 "b-gone.jpg(failed: cannot be looked at: no such file or directory)|"
                 "b-gone.acr(failed: cannot be looked at: no such file or directory)|"
                 "c.jpg+c.cr2|"
                 "c_gone.jpg(failed: cannot be looked at: no such file or directory)|"
                 "d.cr2.gone.jpg(failed: cannot be looked at: no such file or directory)");
    // Only the member is gone.
    temporary_file(state, "x/p.jpg", "");
    temporary_file(state, "x/p.jpg.pp3", "");
    temporary_file(state, "x/p_01gone.xmp", "");
    fs.lstat = lstat_no_sidecar;
    finds_groups(&fs, temporary_path(state, "x"),
                 "p.jpg|p.jpg.pp3(failed: cannot be looked at: permission denied)|p_01gone.xmp");
}

// Hidden by an attribute, as on Windows: passed over, and its sidecars come by themselves.
static bool hidden_by_attribute(const struct fs *fs, const char *path)
{
    return strstr(path, "secret") || fs_real()->is_hidden(fs, path);
}

static void test_groups_and_hidden_files(void **state)
{
    temporary_file(state, "a-secret.aae", "");
    temporary_file(state, "b-secret.jpg", "");
    temporary_file(state, "b.jpg", "");
    temporary_file(state, "b.jpg.xmp", "");
    temporary_file(state, "x/c.jpg", "");
    struct fs fs = *fs_real();
    fs.is_hidden = hidden_by_attribute;
    finds_groups(&fs, *state, "b.jpg+b.jpg.xmp|x/c.jpg");
    temporary_file(state, "y/IMG_E1234.secret.jpg", "");
    temporary_file(state, "y/p.HEIC", "");
    temporary_file(state, "y/p.aae", "");
    fs.is_hidden = heic_is_hidden;
    finds_groups(&fs, temporary_path(state, "y"), "IMG_E1234.secret.jpg|p.aae");
}

// A tree of random names: with groups or without, every file is there exactly once.
static void test_groups_lose_nothing(void **state)
{
    static const char *const ends[] = {".jpg",  ".CR2",      ".xmp", ".jpg.xmp", ".mov", ".heic",
                                       ".json", ".jpg.json", ".aae", ".thm",     ".png", ".mp4"};
    uint32_t seed = 5;
    size_t written = 0;
    for (int i = 0; i < 200; i++) {
        char name[64];
        seed = seed * 1664525u + 1013904223u;
        snprintf(name, sizeof(name), "%u/IMG_%04u%s", seed >> 30, (seed >> 20) % 12,
                 ends[(seed >> 8) % (sizeof(ends) / sizeof(*ends))]);
        struct fs_stat stat;
        written += fs_real()->lstat(fs_real(), temporary_path(state, name), &stat) != 0;
        temporary_file(state, name, "");
    }
    const char *root = *state;
    struct scan_params params = {.roots = &root, .root_count = 1, .groups = true, .fs = fs_real()};
    assert_int_equal(collect(&params, NULL), CUBBY_OK);
    size_t seen = 1, members = 0;
    for (const char *p = found; *p; p++) {
        seen += *p == '|' || *p == '+';
        members += *p == '+';
    }
    assert_int_equal(seen, written);
    assert_true(members > 10);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_order_and_hidden),
        IN_FOLDER(test_photo_members),
        IN_FOLDER(test_several_roots),
        IN_FOLDER(test_outputs_are_passed_over),
        IN_FOLDER(test_missing_root),
#ifndef _WIN32
        IN_FOLDER(test_links_and_loops),
        IN_FOLDER(test_odd_files_and_names),
        IN_FOLDER(test_unreadable_folder),
        IN_FOLDER(test_each_folder_once),
        IN_FOLDER(test_folders_without_inodes),
        IN_FOLDER(test_groups_of_odd_files),
#endif
        IN_FOLDER(test_groups),
        IN_FOLDER(test_group_members),
        IN_FOLDER(test_groups_when_files_vanish),
        IN_FOLDER(test_groups_and_hidden_files),
        IN_FOLDER(test_groups_lose_nothing),
        IN_FOLDER(test_failing_file_system),
        IN_FOLDER(test_deep_folders_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
