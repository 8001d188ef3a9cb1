#include "learn/feature_cache.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "commands/half_weights.h"
#include "hash.h"
#include "hash_table.h"
#include "learn/feature_files.h"
#include "platform/path.h"

#define MERGE_AT 24u         // files of one key that become one
#define LARGEST_EXPONENT 15  // of a scaled row's largest value: halves end at 65504
#define MEMORY_ROWS 64u      // that are allocated at once where no file can be written
#define IN_MEMORY UINT32_MAX // the "file" of rows that are in memory

struct feature_cache {
    struct feature_cache_params params;
    char *folder;               // owned; NULL: there is none
    struct feature_files files; // that are read
    struct feature_writer own;  // that this process writes
    bool unwritable;            // told, and rows are kept in memory
    struct hash_table rows;     // photo and view to row
    uint8_t **memory;           // owned, blocks of MEMORY_ROWS
    uint32_t memory_rows;
    uint8_t *record; // owned, one row as it is written
    size_t record_bytes;
};

static uint64_t row_number(uint32_t file, uint32_t index)
{
    return (uint64_t)file << 32 | index;
}

static struct photo_hash row_key(struct photo_hash photo, uint32_t view)
{
    // Far apart for each view; who makes two photos collide only cheats himself.
    photo.low += view * UINT64_C(0x9e3779b97f4a7c15);
    photo.high ^= view * UINT64_C(0xc2b2ae3d27d4eb4f);
    return photo;
}

static const struct cubby_log *log_of(const struct feature_cache *cache)
{
    return cache->params.log;
}

// ---- rows

// Packs a row into cache->record. False: a value is not finite.
static bool pack(struct feature_cache *cache, struct photo_hash photo, uint32_t view,
                 const char *captured, const float *features)
{
    uint32_t dims = cache->params.dims;
    float largest = 0;
    for (uint32_t i = 0; i < dims; i++) {
        if (!isfinite(features[i]))
            return false;
        largest = fmaxf(largest, fabsf(features[i]));
    }
    int exponent = 0;
    if (largest > 0) {
        frexp((double)largest, &exponent);
        exponent -= LARGEST_EXPONENT;
    }
    memset(cache->record, 0, cache->record_bytes);
    struct feature_row *row = (struct feature_row *)(void *)cache->record;
    *row = (struct feature_row){
        .low = photo.low, .high = photo.high, .view = view, .exponent = exponent};
    memcpy(row->captured, captured, strnlen(captured, sizeof(row->captured) - 1));
    uint16_t *halves = (uint16_t *)(row + 1);
    const double scale = ldexp(1, -exponent);
    for (uint32_t i = 0; i < dims; i++)
        halves[i] = half_from_float((float)(features[i] * scale));
    row->checksum = feature_row_checksum(cache->record, cache->record_bytes);
    return true;
}

// Values of a packed row. There are no infinities in it, so that a half becomes a float by moving
// its bits and a multiplication, subnormal ones too.
static void unpack(const uint8_t *record, uint32_t dims, float *out)
{
    const struct feature_row *row = (const struct feature_row *)(const void *)record;
    const uint16_t *halves = (const uint16_t *)(row + 1);
    // 2^112 moves the bias of the exponents. In one step, both factors might overflow.
    const float scale = (float)ldexp(1, row->exponent);
    for (uint32_t i = 0; i < dims; i++) {
        uint32_t bits = (uint32_t)(halves[i] & 0x7fffu) << 13;
        float value;
        memcpy(&value, &bits, sizeof(value));
        value = value * 0x1p112f * scale;
        out[i] = halves[i] & 0x8000u ? -value : value;
    }
}

static uint8_t *memory_row(const struct feature_cache *cache, uint32_t index)
{
    return cache->memory[index / MEMORY_ROWS] + index % MEMORY_ROWS * cache->record_bytes;
}

static enum cubby_status keep_in_memory(struct feature_cache *cache, uint64_t *row)
{
    uint32_t index = cache->memory_rows;
    if (index % MEMORY_ROWS == 0) {
        uint8_t **blocks =
            realloc(cache->memory, (index / MEMORY_ROWS + 1) * sizeof(*cache->memory));
        if (!blocks)
            return CUBBY_NO_MEMORY;
        cache->memory = blocks;
        blocks[index / MEMORY_ROWS] = malloc(MEMORY_ROWS * cache->record_bytes);
        if (!blocks[index / MEMORY_ROWS])
            return CUBBY_NO_MEMORY;
    }
    memcpy(memory_row(cache, index), cache->record, cache->record_bytes);
    cache->memory_rows++;
    *row = row_number(IN_MEMORY, index);
    return CUBBY_OK;
}

// Says once that the cache is of no use, and goes on without it.
static void give_up_writing(struct feature_cache *cache, int error)
{
    cache->unwritable = true;
    cubby_log(log_of(cache), CUBBY_LOG_WARNING,
              "features cannot be kept in %s (%s): they take memory now, and are computed again "
              "next time",
              cache->folder ? cache->folder : "a cache folder, there is none",
              error ? fs_error_text(error) : "set CUBBY_CACHE_DIR");
}

static enum cubby_status keep(struct feature_cache *cache, uint64_t *row)
{
    if (!cache->unwritable) {
        uint32_t file, index;
        int error = !cache->folder ? 0
                                   : feature_writer_add(&cache->own, &cache->files, cache->record,
                                                        &file, &index);
        if (cache->folder && !error) {
            *row = row_number(file, index);
            return CUBBY_OK;
        }
        give_up_writing(cache, error);
    }
    return keep_in_memory(cache, row);
}

uint64_t feature_cache_find(const struct feature_cache *cache, struct photo_hash photo,
                            uint32_t view, char captured[20])
{
    uint64_t row;
    if (!hash_table_find(&cache->rows, row_key(photo, view), &row))
        return FEATURE_CACHE_NONE;
    if (captured) {
        struct feature_row head = {0};
        if (row >> 32 == IN_MEMORY)
            memcpy(&head, memory_row(cache, (uint32_t)row), sizeof(head));
        else if (feature_files_read(&cache->files, (uint32_t)(row >> 32), (uint32_t)row, &head,
                                    sizeof(head)))
            return FEATURE_CACHE_NONE;
        memcpy(captured, head.captured, sizeof(head.captured));
        captured[19] = '\0';
    }
    return row;
}

enum cubby_status feature_cache_add(struct feature_cache *cache, struct photo_hash photo,
                                    uint32_t view, const char *captured, const float *features,
                                    uint64_t *row)
{
    *row = feature_cache_find(cache, photo, view, NULL);
    if (*row != FEATURE_CACHE_NONE)
        return CUBBY_OK;
    if (!pack(cache, photo, view, captured, features))
        return CUBBY_BAD_DATA;
    enum cubby_status status = keep(cache, row);
    return status ? status : hash_table_add(&cache->rows, row_key(photo, view), *row);
}

enum cubby_status feature_cache_read(const struct feature_cache *cache, uint64_t row,
                                     float *features)
{
    uint32_t dims = cache->params.dims, index = (uint32_t)row;
    if (row >> 32 == IN_MEMORY) {
        unpack(memory_row(cache, index), dims, features);
        return CUBBY_OK;
    }
    // On the stack, since many threads read: rows of up to 4096 features, else allocated.
    _Alignas(8) uint8_t small[FEATURE_ROW_BYTES(4096)];
    uint8_t *record = cache->record_bytes <= sizeof(small) ? small : malloc(cache->record_bytes);
    if (!record)
        return CUBBY_NO_MEMORY;
    int error = feature_files_read(&cache->files, (uint32_t)(row >> 32), index, record,
                                   cache->record_bytes);
    if (!error)
        unpack(record, dims, features);
    else
        cubby_log(log_of(cache), CUBBY_LOG_ERROR,
                  "the features in %s cannot be read any more (%s): run the same command again",
                  cache->folder, fs_error_text(error));
    if (record != small)
        free(record);
    return error ? CUBBY_IO : CUBBY_OK;
}

uint32_t feature_cache_dims(const struct feature_cache *cache)
{
    return cache->params.dims;
}

// ---- opening and closing

static enum cubby_status index_row(void *user, const struct feature_row *row, uint32_t file,
                                   uint32_t index)
{
    struct feature_cache *cache = user;
    const struct photo_hash photo = {.low = row->low, .high = row->high};
    return hash_table_add(&cache->rows, row_key(photo, row->view), row_number(file, index));
}

enum cubby_status feature_cache_open(struct feature_cache **out,
                                     const struct feature_cache_params *params)
{
    *out = NULL;
    if (!params->dims || params->dims > FEATURE_CACHE_MAX_DIMS)
        return CUBBY_TOO_LARGE;
    struct feature_cache *cache = calloc(1, sizeof(*cache));
    if (!cache)
        return CUBBY_NO_MEMORY;
    cache->params = *params;
    cache->record_bytes = FEATURE_ROW_BYTES(params->dims);
    cache->record = malloc(cache->record_bytes);
    cache->folder = feature_files_folder();
    const struct feature_files_params files = {.folder = cache->folder,
                                               .key = params->key,
                                               .dims = params->dims,
                                               .fs = params->fs,
                                               .log = params->log};
    enum cubby_status status = cache->record ? CUBBY_OK : CUBBY_NO_MEMORY;
    feature_files_init(&cache->files, &files);
    if (!status && cache->folder)
        status = feature_files_open(&cache->files, index_row, cache);
    if (status) {
        feature_cache_close(&cache);
        return status;
    }
    *out = cache;
    return CUBBY_OK;
}

// All rows into one file, in place of many. Whatever fails, the old ones are still there.
static void merge(struct feature_cache *cache)
{
    struct feature_writer merged = {0};
    uint32_t before = cache->files.count, file, index;
    int error = 0;
    for (size_t i = 0; i < cache->rows.capacity && !error; i++) {
        const struct hash_table_slot *slot = &cache->rows.slots[i];
        if (!slot->taken || slot->value >> 32 == IN_MEMORY)
            continue;
        error = feature_files_read(&cache->files, (uint32_t)(slot->value >> 32),
                                   (uint32_t)slot->value, cache->record, cache->record_bytes);
        if (!error)
            error = feature_writer_add(&merged, &cache->files, cache->record, &file, &index);
    }
    feature_writer_close(&merged, &cache->files);
    feature_files_remove(&cache->files, error ? before : 0, error ? cache->files.count : before);
}

void feature_cache_close(struct feature_cache **cache)
{
    struct feature_cache *c = *cache;
    if (!c)
        return;
    feature_writer_close(&c->own, &c->files);
    if (c->files.count >= MERGE_AT)
        merge(c);
    feature_files_fini(&c->files);
    if (c->folder)
        feature_files_limit(c->params.fs, c->folder, c->params.limit_bytes, NULL);
    for (uint32_t i = 0; i * MEMORY_ROWS < c->memory_rows; i++)
        free(c->memory[i]);
    free(c->memory);
    hash_table_fini(&c->rows);
    free(c->folder);
    free(c->record);
    free(c);
    *cache = NULL;
}

enum cubby_status feature_cache_clear(const struct fs *fs, const struct cubby_log *log,
                                      size_t *removed)
{
    *removed = 0;
    char *folder = feature_files_folder();
    if (!folder) {
        cubby_log(log, CUBBY_LOG_ERROR, "there is no cache folder");
        return CUBBY_IO;
    }
    int error = feature_files_limit(fs, folder, 0, removed);
    if (error)
        cubby_log(log, CUBBY_LOG_ERROR, "%s cannot be cleared: %s", folder, fs_error_text(error));
    free(folder);
    return error ? fs_status(error) : CUBBY_OK;
}
