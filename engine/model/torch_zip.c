// The zip container of torch.save, torch 1.6 and later: PREFIX/data.pkl and PREFIX/data/KEY.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/container.h"
#include "model/crc32.h"
#include "model/torch_tensor.h"
#include "model/zip.h"

#define MAX_PREFIX_BYTES 4096u
#define MAX_KEY_BYTES 256u

struct reader {
    struct zip zip;
    char *name; // owned: the prefix with its slash, then room for a record's name
    size_t prefix_bytes;
    struct crc32_table table;
    bool *checked; // owned, one an entry: its checksum has been compared
    size_t wrong;  // how many checksums were wrong
    const struct cubby_log *log;
};

static const struct zip_entry *find_record(struct reader *reader, const char *record,
                                           size_t record_bytes)
{
    memcpy(reader->name + reader->prefix_bytes, record, record_bytes);
    return zip_find(&reader->zip, reader->name, reader->prefix_bytes + record_bytes);
}

static const struct zip_entry *find_named(struct reader *reader, const char *record)
{
    return find_record(reader, record, strlen(record));
}

static enum cubby_status check_stored(struct reader *reader, const struct zip_entry *entry)
{
    if (entry->method != 0) {
        cubby_log(reader->log, CUBBY_LOG_ERROR,
                  "the records of the zip container are compressed, which torch.save never does; "
                  "load the file with torch.load and save it again with torch.save");
        return CUBBY_UNSUPPORTED;
    }
    bool *checked = &reader->checked[entry - reader->zip.entries];
    if (!*checked)
        reader->wrong += crc32_of(&reader->table, entry->data, entry->size_bytes) != entry->crc;
    *checked = true;
    return CUBBY_OK;
}

static enum cubby_status find_storage(void *user, const char *key, size_t key_bytes,
                                      const uint8_t **data, size_t *size_bytes,
                                      const struct cubby_log *log)
{
    (void)log;
    struct reader *reader = user;
    char record[sizeof("data/") + MAX_KEY_BYTES];
    if (key_bytes > MAX_KEY_BYTES)
        return CUBBY_BAD_DATA;
    int length = snprintf(record, sizeof(record), "data/%.*s", (int)key_bytes, key);
    const struct zip_entry *entry = find_record(reader, record, (size_t)length);
    if (!entry)
        return CUBBY_BAD_DATA;
    *data = entry->data;
    *size_bytes = entry->size_bytes;
    return check_stored(reader, entry);
}

static enum cubby_status not_torch(const struct reader *reader)
{
    cubby_log(reader->log, CUBBY_LOG_ERROR,
              "the file is a zip archive, but not one that torch.save wrote (it has no data.pkl); "
              "if a model was packed in it, unpack it first");
    return CUBBY_UNSUPPORTED;
}

// Every record lies in one folder, named after the file that torch first saved to.
static enum cubby_status read_prefix(struct reader *reader)
{
    const char *slash = memchr(reader->zip.first_name, '/', reader->zip.first_name_bytes);
    size_t bytes = slash ? (size_t)(slash - reader->zip.first_name) + 1 : 0;
    if (!slash || bytes > MAX_PREFIX_BYTES)
        return not_torch(reader);
    reader->name = malloc(bytes + sizeof("data/") + MAX_KEY_BYTES);
    reader->checked = calloc(reader->zip.count, sizeof(*reader->checked));
    if (!reader->name || !reader->checked)
        return CUBBY_NO_MEMORY;
    memcpy(reader->name, reader->zip.first_name, bytes);
    reader->prefix_bytes = bytes;
    return CUBBY_OK;
}

static enum cubby_status check_kind(struct reader *reader)
{
    if (find_named(reader, "constants.pkl")) {
        cubby_log(reader->log, CUBBY_LOG_ERROR,
                  "the file is a TorchScript program (torch.jit.save); save the weights instead, "
                  "with torch.save(model.state_dict(), 'weights.pth')");
        return CUBBY_UNSUPPORTED;
    }
    const struct zip_entry *order = find_named(reader, "byteorder");
    if (order && order->size_bytes >= 3 && memcmp(order->data, "big", 3) == 0)
        return checkpoint_refuse_big_endian(reader->log);
    return find_named(reader, "data.pkl") ? CUBBY_OK : not_torch(reader);
}

static enum cubby_status read_pickle(struct reader *reader, struct cubby_checkpoint *checkpoint)
{
    const struct zip_entry *entry = find_named(reader, "data.pkl");
    enum cubby_status status = check_stored(reader, entry);
    if (status)
        return status;
    struct pickle *pickle;
    status = pickle_parse(&pickle, entry->data, entry->size_bytes, NULL, reader->log);
    if (status)
        return status;
    const struct torch_storages storages = {.find = find_storage, .user = reader};
    status = torch_state_dict_read(checkpoint, pickle, &storages, reader->log);
    pickle_destroy(&pickle);
    return status;
}

enum cubby_status torch_zip_read(struct cubby_checkpoint *checkpoint, const uint8_t *data,
                                 size_t size_bytes, const struct cubby_log *log)
{
    checkpoint->container = "torch zip";
    struct reader *reader = calloc(1, sizeof(*reader));
    if (!reader)
        return CUBBY_NO_MEMORY;
    reader->log = log;
    crc32_table_init(&reader->table);

    enum cubby_status status = zip_init(&reader->zip, data, size_bytes, log);
    if (!status)
        status = read_prefix(reader);
    if (!status)
        status = check_kind(reader);
    if (!status)
        status = read_pickle(reader, checkpoint);
    // Not an error: torch never compares checksums, and can be told to write wrong ones.
    if (!status && reader->wrong > 0)
        cubby_log(log, CUBBY_LOG_WARNING,
                  "%zu checksums in the file are wrong: it is damaged, or was saved with checksums "
                  "turned off",
                  reader->wrong);

    zip_fini(&reader->zip);
    free(reader->name);
    free(reader->checked);
    free(reader);
    return status;
}
