#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include <cmocka.h>

#include "../temporary.h"
#include "sink/archive_writer.h"

#define MTIME INT64_C(1500000001999999999) // 2017-07-14 02:40:01.99

static const enum archive_kind kinds[] = {ARCHIVE_ZIP, ARCHIVE_TAR_ZST, ARCHIVE_7Z};

// Gathers what is written, or fails at the n-th write.
struct memory {
    uint8_t *bytes;
    size_t length, capacity;
    int countdown, code;
};

static int memory_write(void *user, const void *bytes, size_t size_bytes)
{
    struct memory *memory = user;
    if (memory->code && --memory->countdown <= 0)
        return memory->code;
    if (memory->capacity - memory->length < size_bytes) {
        memory->capacity = 2 * (memory->length + size_bytes);
        memory->bytes = realloc(memory->bytes, memory->capacity);
        assert_non_null(memory->bytes);
    }
    memcpy(memory->bytes + memory->length, bytes, size_bytes);
    memory->length += size_bytes;
    return 0;
}

static struct archive_writer *open_writer(enum archive_kind kind, struct memory *memory)
{
    struct archive_output output = {memory_write, memory};
    struct archive_failure failure;
    struct archive_writer *writer;
    assert_int_equal(archive_writer_create(&writer, kind, &output, &failure), CUBBY_OK);
    return writer;
}

static void add(struct archive_writer *writer, const char *name, const char *content,
                int64_t mtime_ns)
{
    struct archive_entry_info info = {
        .name = name, .size_bytes = strlen(content), .mtime_ns = mtime_ns};
    struct archive_failure failure;
    assert_int_equal(archive_writer_add(writer, &info, content, &failure), CUBBY_OK);
}

static void finish(struct archive_writer *writer, const struct memory *memory)
{
    struct archive_failure failure;
    assert_int_equal(archive_writer_finish(writer, &failure), CUBBY_OK);
    assert_int_equal(archive_writer_size(writer), memory->length);
    archive_writer_destroy(&writer);
    assert_null(writer);
}

static void write_samples(enum archive_kind kind, struct memory *memory)
{
    struct archive_writer *writer = open_writer(kind, memory);
    add(writer, "a.jpg", "aaa", MTIME);
    add(writer, "été 写.jpg", "0123456789", MTIME);
    char name[256] = "x/";
    memset(name + 2, 'n', 200); // over ustar's 100
    add(writer, name, "long", MTIME);
    add(writer, "empty", "", MTIME);
    finish(writer, memory);
}

static const char *save(void **state, const char *name, const void *bytes, size_t size_bytes)
{
    const char *path = temporary_path(state, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size_bytes, file), size_bytes);
    assert_int_equal(fclose(file), 0);
    return path;
}

static const char *archive_name(enum archive_kind kind)
{
    static char name[64];
    snprintf(name, sizeof(name), "t%s", archive_extension(kind));
    return name;
}

struct seen {
    char text[4096];
    uint64_t count, bytes;
};

static enum cubby_status see(void *user, const char *name, uint64_t size_bytes,
                             struct photo_hash hash)
{
    struct seen *seen = user;
    size_t length = strlen(seen->text);
    snprintf(seen->text + length, sizeof(seen->text) - length, "%s%s:%u:%08x", length ? "|" : "",
             name, (unsigned)size_bytes, (unsigned)hash.low);
    seen->count++;
    seen->bytes += size_bytes;
    return CUBBY_OK;
}

static enum cubby_status read_back(const char *path, enum archive_kind kind, struct seen *seen)
{
    char reason[200];
    *seen = (struct seen){0};
    enum cubby_status status =
        archive_read(fs_real(), path, kind, see, seen, NULL, NULL, reason, sizeof(reason));
    assert_true(status == CUBBY_OK || reason[0]);
    return status;
}

#ifndef _WIN32
static bool has_program(const char *name)
{
    char command[128];
    snprintf(command, sizeof(command), "command -v %s >/dev/null", name);
    return system(command) == 0;
}
#endif

// Runs `command` with the path in $FILE, if its program is installed.
static void agree(const char *program, const char *command, const char *path)
{
#ifndef _WIN32
    if (!has_program(program))
        return;
    assert_int_equal(uv_os_setenv("FILE", path), 0);
    if (system(command) != 0)
        fail_msg("%s does not agree about %s", program, path);
#else
    (void)program, (void)command, (void)path;
#endif
}

// A reader that never seeks, as strict as Java's: sizes and CRC before the content.
static const char stream_reader[] =
    "python3 -c '\n"
    "import os, struct, sys, zlib\n"
    "f = open(os.environ[\"FILE\"], \"rb\")\n"
    "found = 0\n"
    "while True:\n"
    "    sign = f.read(4)\n"
    "    if sign != b\"PK\\3\\4\": break\n"
    "    need, flags, how, time, date, crc, packed, size, name, extra = "
    "struct.unpack(\"<5H3L2H\", f.read(26))\n"
    "    name = f.read(name); extra = f.read(extra)\n"
    "    assert not flags & ~0x800 and how == 0 and packed == size\n"
    "    assert bool(flags & 0x800) == (not name.isascii()), name\n"
    "    name.decode()\n"
    "    fields = {}\n"
    "    while extra:\n"
    "        tag, n = struct.unpack(\"<HH\", extra[:4])\n"
    "        fields[tag] = extra[4:4 + n]; assert len(fields[tag]) == n; extra = extra[4 + n:]\n"
    "    assert len(fields[0x5455]) == 5 and fields[0x5455][0] == 1\n"
    "    assert need == (45 if 1 in fields else 10)\n"
    "    if 1 in fields:\n"
    "        assert size == 0xffffffff\n"
    "        size, packed = struct.unpack(\"<QQ\", fields[1]); assert size == packed\n"
    "    else: assert size < 0xffffffff\n"
    "    sum, left = 0, size\n"
    "    while left:\n"
    "        piece = f.read(min(left, 1 << 22)); assert piece\n"
    "        sum = zlib.crc32(piece, sum); left -= len(piece)\n"
    "    assert sum == crc\n"
    "    found += 1\n"
    "assert sign in (b\"PK\\1\\2\", b\"PK\\5\\6\"), sign\n"
    "assert found > 0\n"
    "'";

static const char python_zip[] =
    "python3 -c '\n"
    "import os, zipfile\n"
    "z = zipfile.ZipFile(os.environ[\"FILE\"])\n"
    "assert z.testzip() is None\n"
    "for i in z.infolist():\n"
    "    assert i.external_attr == 0o100644 << 16 and i.create_system == 3, i\n"
    "    assert i.compress_type == 0 and not i.flag_bits & 8, i\n"
    "    assert i.date_time == (2017, 7, 14, 2, 40, 0), i.date_time\n"
    "'";

static void test_round_trip(void **state)
{
    char expected[4096] = "";
    static const char *const contents[] = {"aaa", "0123456789", "long", ""};
    char long_name[256] = "x/";
    memset(long_name + 2, 'n', 200);
    const char *const names[] = {"a.jpg", "été 写.jpg", long_name, "empty"};
    for (int i = 0; i < 4; i++) {
        struct photo_hash hash = photo_hash_bytes(contents[i], strlen(contents[i]));
        size_t length = strlen(expected);
        snprintf(expected + length, sizeof(expected) - length, "%s%s:%u:%08x", i ? "|" : "",
                 names[i], (unsigned)strlen(contents[i]), (unsigned)hash.low);
    }
    for (size_t k = 0; k < 3; k++) {
        struct memory memory = {0};
        write_samples(kinds[k], &memory);
        const char *path = save(state, archive_name(kinds[k]), memory.bytes, memory.length);
        char reason[200];
        struct seen seen = {0};
        struct photo_hash whole;
        uint64_t size_bytes;
        assert_int_equal(archive_read(fs_real(), path, kinds[k], see, &seen, &whole, &size_bytes,
                                      reason, sizeof(reason)),
                         CUBBY_OK);
        assert_string_equal(seen.text, expected);
        assert_int_equal(size_bytes, memory.length);
        assert_true(photo_hash_equal(whole, photo_hash_bytes(memory.bytes, memory.length)));
        free(memory.bytes);
    }
    const char *zip = temporary_path(state, "t.zip"), *seven = temporary_path(state, "t.7z");
    const char *tar = temporary_path(state, "t.tar.zst");
    agree("python3", stream_reader, zip);
    agree("python3", python_zip, zip);
    agree("unzip", "unzip -tqq \"$FILE\" >/dev/null", zip);
    agree("7z", "7z t \"$FILE\" >/dev/null", zip);
    agree("7z",
          "7z t \"$FILE\" >/dev/null && LC_ALL=C.UTF-8 7z l -slt -sccUTF-8 \"$FILE\" | "
          "grep -qF 'Path = été 写.jpg'",
          seven);
    agree("zstd", "zstd -tq \"$FILE\"", tar);
    agree("zstd",
          "zstd -dcq \"$FILE\" | LC_ALL=C.UTF-8 TZ=UTC tar --full-time -tvf - | "
          "grep -q '^-rw-r--r-- 0/0 *10 2017-07-14 02:40:01 été 写.jpg$'",
          tar);
}

// The same calls, in other places of the world: the same bytes.
static void test_same_bytes_everywhere(void **state)
{
    (void)state;
    static const char *const places[][2] = {
        {"UTC", "C"}, {"Asia/Tokyo", "C.UTF-8"}, {"America/St_Johns", "C"}};
    for (size_t k = 0; k < 3; k++) {
        struct memory first = {0};
        for (size_t p = 0; p < 3; p++) {
            assert_int_equal(uv_os_setenv("TZ", places[p][0]), 0);
            assert_int_equal(uv_os_setenv("LC_ALL", places[p][1]), 0);
            tzset();
            setlocale(LC_ALL, "");
            struct memory memory = {0};
            write_samples(kinds[k], &memory);
            assert_true(p == 0 || memory.length == first.length);
            assert_true(p == 0 || memcmp(memory.bytes, first.bytes, first.length) == 0);
            free(p ? memory.bytes : NULL);
            if (p == 0)
                first = memory;
        }
        free(first.bytes);
    }
    uv_os_unsetenv("TZ");
    uv_os_unsetenv("LC_ALL");
    tzset();
    setlocale(LC_ALL, "C");
}

// "date time seconds" of the first entry's local header.
static const char *zip_times(int64_t seconds)
{
    static char text[64];
    struct memory memory = {0};
    struct archive_writer *writer = open_writer(ARCHIVE_ZIP, &memory);
    add(writer, "a", "", seconds * 1000000000);
    finish(writer, &memory);
    const uint8_t *b = memory.bytes;
    unsigned time = b[10] | b[11] << 8, date = b[12] | b[13] << 8;
    // 30 bytes, the name, the field's head and flag
    const uint8_t *ut = b + 30 + 1 + 5;
    uint32_t unix_time = ut[0] | ut[1] << 8 | ut[2] << 16 | (uint32_t)ut[3] << 24;
    snprintf(text, sizeof(text), "%u-%02u-%02u %02u:%02u:%02u %u", (date >> 9) + 1980,
             date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, (time & 31) * 2, unix_time);
    free(memory.bytes);
    return text;
}

static void test_zip_times(void **state)
{
    (void)state;
    assert_string_equal(zip_times(1500000001), "2017-07-14 02:40:00 1500000001");
    assert_string_equal(zip_times(951782399), "2000-02-28 23:59:58 951782399");
    assert_string_equal(zip_times(951782400), "2000-02-29 00:00:00 951782400");
    assert_string_equal(zip_times(951868800), "2000-03-01 00:00:00 951868800");
    assert_string_equal(zip_times(1735689599), "2024-12-31 23:59:58 1735689599");
    assert_string_equal(zip_times(157766400), "1980-01-01 00:00:00 157766400"); // 1975
    assert_string_equal(zip_times(-1), "1980-01-01 00:00:00 0");
    assert_string_equal(zip_times(-9000000000), "1980-01-01 00:00:00 0");
    assert_string_equal(zip_times(2208988800), "2040-01-01 00:00:00 2147483647");
    assert_string_equal(zip_times(4107542400), "2100-03-01 00:00:00 2147483647");
    assert_string_equal(zip_times(4354819199), "2107-12-31 23:59:58 2147483647");
    assert_string_equal(zip_times(9000000000), "2107-12-31 23:59:58 2147483647");
}

#ifdef _WIN32
#define SEEK _fseeki64
#else
#define SEEK fseeko
#endif

// Leaves holes instead of zeros, so that gigabytes cost nothing.
static int sparse_write(void *user, const void *bytes, size_t size_bytes)
{
    FILE *file = user;
    if (size_bytes > 1u << 20)
        return SEEK(file, (int64_t)size_bytes, SEEK_CUR) ? UV_EIO : 0;
    return fwrite(bytes, 1, size_bytes, file) == size_bytes ? 0 : UV_EIO;
}

// One entry over 4 GiB, and one that begins behind it.
static void test_zip64_sizes(void **state)
{
    const uint64_t size_bytes = (UINT64_C(1) << 32) + 5;
    // Pages that are only read cost nothing, but with the sanitizers they do.
#ifdef __SANITIZE_ADDRESS__
    bool possible = false;
#else
    bool possible = sizeof(size_t) > 4;
#endif
    uint8_t *zeros = possible ? calloc(1, (size_t)size_bytes) : NULL;
    if (!zeros)
        skip();
    const char *path = temporary_path(state, "big.zip");
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    struct archive_output output = {sparse_write, file};
    struct archive_failure failure;
    struct archive_writer *writer;
    assert_int_equal(archive_writer_create(&writer, ARCHIVE_ZIP, &output, &failure), CUBBY_OK);
    struct archive_entry_info info = {.name = "big", .size_bytes = size_bytes, .mtime_ns = MTIME};
    assert_int_equal(archive_writer_add(writer, &info, zeros, &failure), CUBBY_OK);
    add(writer, "far", "behind", MTIME);
    info.name = "far too";
    info.size_bytes = 7;
    assert_int_equal(archive_writer_add(writer, &info, zeros, &failure), CUBBY_OK);
    assert_int_equal(archive_writer_finish(writer, &failure), CUBBY_OK);
    uint64_t bound =
        archive_fixed_bytes(ARCHIVE_ZIP) + archive_entry_bytes(ARCHIVE_ZIP, "big", size_bytes) +
        archive_entry_bytes(ARCHIVE_ZIP, "far", 6) + archive_entry_bytes(ARCHIVE_ZIP, "far too", 7);
    assert_in_range(archive_writer_size(writer), size_bytes + 13, bound);
    archive_writer_destroy(&writer);
    assert_int_equal(fclose(file), 0);
    free(zeros);

    struct seen seen;
    assert_int_equal(read_back(path, ARCHIVE_ZIP, &seen), CUBBY_OK);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.bytes, size_bytes + 13);
    agree("python3", stream_reader, path);
    agree("python3",
          "python3 -c 'import os, zipfile\n"
          "z = zipfile.ZipFile(os.environ[\"FILE\"])\n"
          "assert z.getinfo(\"big\").file_size == 2**32 + 5\n"
          "assert z.read(\"far\") == b\"behind\" and z.read(\"far too\") == bytes(7)'",
          path);
    agree("unzip", "unzip -tqq \"$FILE\" far 'far too' >/dev/null", path);
    agree("7z", "7z t \"$FILE\" far >/dev/null", path);
}

// The count in the old end record has 16 bits; above it Zip64 takes over.
static void test_zip64_count(void **state)
{
    static const unsigned counts[] = {65535, 65536, 66000};
    for (size_t c = 0; c < 3; c++) {
        struct memory memory = {0};
        struct archive_writer *writer = open_writer(ARCHIVE_ZIP, &memory);
        for (unsigned i = 0; i < counts[c]; i++) {
            char name[32];
            snprintf(name, sizeof(name), "%u.jpg", i);
            add(writer, name, "x", MTIME);
        }
        finish(writer, &memory);
        const char *path = save(state, "many.zip", memory.bytes, memory.length);
        // The Zip64 end record, its locator and the end record: 98 bytes; else only the last.
        bool zip64 = memcmp(memory.bytes + memory.length - 98, "PK\6\6", 4) == 0;
        assert_int_equal(zip64, counts[c] > archive_max_entries(ARCHIVE_ZIP));
        free(memory.bytes);
        struct seen seen;
        assert_int_equal(read_back(path, ARCHIVE_ZIP, &seen), CUBBY_OK);
        assert_int_equal(seen.count, counts[c]);
        agree("python3", python_zip, path);
        agree("unzip", "unzip -tqq \"$FILE\" >/dev/null", path);
    }
}

static void test_names_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "..",    "a/../b", ".",       "/a",
                                      "a//b", "a/./b", "a/",     "caf\xe9", "\xc0\xaf"};
    for (size_t k = 0; k < 3; k++) {
        struct memory memory = {0};
        struct archive_writer *writer = open_writer(kinds[k], &memory);
        struct archive_failure failure;
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
            struct archive_entry_info info = {.name = bad[i]};
            assert_int_equal(archive_writer_add(writer, &info, "", &failure), CUBBY_BAD_DATA);
            assert_true(failure.text[0] && !failure.error);
        }
        char *name = calloc(1, 65537);
        memset(name, 'a', 65536);
        struct archive_entry_info info = {.name = name};
        assert_int_equal(archive_writer_add(writer, &info, "", &failure), CUBBY_BAD_DATA);
        free(name);
        add(writer, "..a", "", MTIME);
        add(writer, "...", "", MTIME);
        finish(writer, &memory);
        free(memory.bytes);
    }
}

// Whichever write fails: its code, and nothing is written after it.
static void test_every_failing_write(void **state)
{
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        bool clean = false;
        for (int n = 1; !clean; n++) {
            assert_true(n < 100);
            struct memory memory = {.countdown = n, .code = n % 2 ? UV_ENOSPC : UV_EIO};
            struct archive_writer *writer = open_writer(kinds[k], &memory);
            struct archive_failure failure = {0};
            struct archive_entry_info info = {"é.jpg", 3, MTIME};
            enum cubby_status status = CUBBY_OK;
            for (int i = 0; !status && i < 3; i++)
                status = archive_writer_add(writer, &info, "abc", &failure);
            if (!status)
                status = archive_writer_finish(writer, &failure);
            size_t before = memory.length;
            archive_writer_destroy(&writer);
            assert_int_equal(memory.length, before);
            clean = memory.countdown > 0;
            assert_int_equal(failure.error, clean ? 0 : memory.code);
            assert_int_equal(status, clean ? CUBBY_OK : fs_status(memory.code));
            free(memory.bytes);
        }
    }
}

static void test_destroy_writes_nothing(void **state)
{
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        struct memory memory = {0};
        struct archive_writer *writer = open_writer(kinds[k], &memory);
        add(writer, "a", "abc", MTIME);
        size_t before = memory.length;
        archive_writer_destroy(&writer);
        archive_writer_destroy(&writer);
        assert_int_equal(memory.length, before);
        free(memory.bytes);
    }
}

// What the sink decides by must never be too small.
static void test_size_bounds(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    uint8_t *noise = malloc(SIZE);
    uint64_t seed = 1;
    for (size_t i = 0; i < SIZE; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        noise[i] = (uint8_t)(seed >> 56);
    }
    for (size_t k = 0; k < 3; k++) {
        static const size_t sizes[] = {0, 1, 511, 513, 70000, SIZE};
        struct memory memory = {0};
        struct archive_writer *writer = open_writer(kinds[k], &memory);
        uint64_t bound = archive_fixed_bytes(kinds[k]);
        for (size_t i = 0; i < 60; i++) {
            char name[256] = "é";
            memset(name + 2, 'n', i * 4);
            snprintf(name + 2 + i * 4, 8, "%zu", i);
            struct archive_entry_info info = {name, sizes[i % 6], MTIME};
            struct archive_failure failure;
            assert_int_equal(archive_writer_add(writer, &info, noise, &failure), CUBBY_OK);
            bound += archive_entry_bytes(kinds[k], name, sizes[i % 6]);
            assert_int_equal(archive_entry_bytes(kinds[k], name, UINT64_MAX), UINT64_MAX);
        }
        finish(writer, &memory);
        assert_in_range(memory.length, 1, bound);
        free(memory.bytes);
    }
    free(noise);
}

// Every cut and every changed byte: an error, or other entries than went in; never a crash.
static void test_damage(void **state)
{
    for (size_t k = 0; k < 3; k++) {
        struct memory memory = {0};
        write_samples(kinds[k], &memory);
        const char *name = archive_name(kinds[k]);
        const char *path = save(state, name, memory.bytes, memory.length);
        struct seen good, seen;
        assert_int_equal(read_back(path, kinds[k], &good), CUBBY_OK);
        for (size_t cut = 0; cut < memory.length; cut++) {
            path = save(state, name, memory.bytes, cut);
            enum cubby_status status = read_back(path, kinds[k], &seen);
            // tar ends in zeros, and cubby compares what was seen with what went in.
            assert_true(status == CUBBY_BAD_DATA || kinds[k] == ARCHIVE_TAR_ZST);
        }
        uint8_t *digits = NULL;
        for (size_t at = 0; at + 10 <= memory.length && !digits; at++)
            if (!memcmp(memory.bytes + at, "0123456789", 10))
                digits = memory.bytes + at;
        for (size_t at = 0; at < memory.length; at++) {
            memory.bytes[at] ^= 0x15;
            path = save(state, name, memory.bytes, memory.length);
            enum cubby_status status = read_back(path, kinds[k], &seen);
            if (digits && memory.bytes + at >= digits && memory.bytes + at < digits + 10)
                assert_true(status || strcmp(seen.text, good.text) != 0);
            memory.bytes[at] ^= 0x15;
        }
        free(memory.bytes);
        assert_int_equal(read_back(temporary_path(state, "none"), kinds[k], &seen), CUBBY_IO);
        assert_int_equal(read_back(*state, kinds[k], &seen), CUBBY_IO);
    }
}

static enum cubby_status stop(void *user, const char *name, uint64_t size_bytes,
                              struct photo_hash hash)
{
    (void)name, (void)size_bytes, (void)hash;
    ++*(int *)user;
    return CUBBY_INTERRUPTED;
}

static int64_t read_nothing(const struct fs *fs, int file, void *buffer, size_t bytes,
                            uint64_t offset)
{
    (void)fs, (void)file, (void)buffer, (void)bytes, (void)offset;
    return UV_EIO;
}

static void test_reading_stops(void **state)
{
    for (size_t k = 0; k < 3; k++) {
        struct memory memory = {0};
        write_samples(kinds[k], &memory);
        const char *path = save(state, archive_name(kinds[k]), memory.bytes, memory.length);
        int count = 0;
        char reason[200];
        assert_int_equal(archive_read(fs_real(), path, kinds[k], stop, &count, NULL, NULL, reason,
                                      sizeof(reason)),
                         CUBBY_INTERRUPTED);
        assert_int_equal(count, 1);
        struct fs fs = *fs_real();
        fs.read_at = read_nothing;
        assert_int_equal(
            archive_read(&fs, path, kinds[k], stop, &count, NULL, NULL, reason, sizeof(reason)),
            CUBBY_IO);
        assert_string_equal(reason, fs_error_text(UV_EIO));
        free(memory.bytes);
    }
}

// libarchive's own temporary goes where it is told.
static void test_7z_folder(void **state)
{
    struct archive_entry_info info = {"a", 3, MTIME};
    for (int there = 0; there < 2; there++) {
        assert_int_equal(archive_use_folder(ARCHIVE_7Z, temporary_path(state, "out")), 0);
        assert_int_equal(archive_use_folder(ARCHIVE_ZIP, "/nowhere"), 0);
        if (there)
            temporary_file(state, "out/x", "");
        struct memory memory = {0};
        struct archive_writer *writer = open_writer(ARCHIVE_7Z, &memory);
        struct archive_failure failure;
        enum cubby_status status = archive_writer_add(writer, &info, "abc", &failure);
        if (!status) // made when its buffer is full, or here
            status = archive_writer_finish(writer, &failure);
        assert_int_equal(status, there ? CUBBY_OK : CUBBY_IO);
        assert_true(there || failure.text[0]);
        archive_writer_destroy(&writer);
        free(memory.bytes);
    }
    assert_string_equal(temporary_names(state, "out"), "x"); // nothing stays of it
    uv_os_unsetenv("TMPDIR");
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, temporary_setup, temporary_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_round_trip),
        cmocka_unit_test(test_same_bytes_everywhere),
        cmocka_unit_test(test_zip_times),
        IN_FOLDER(test_zip64_sizes),
        IN_FOLDER(test_zip64_count),
        cmocka_unit_test(test_names_are_checked),
        cmocka_unit_test(test_every_failing_write),
        cmocka_unit_test(test_destroy_writes_nothing),
        cmocka_unit_test(test_size_bounds),
        IN_FOLDER(test_damage),
        IN_FOLDER(test_reading_stops),
        IN_FOLDER(test_7z_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
