#include "commands/import_source.h"

#include <string.h>

enum cubby_status import_source_read(struct import_source *out, const char *path,
                                     const char *prefix, const struct fs *fs,
                                     const struct cubby_log *log)
{
    *out = (struct import_source){0};
    if (!hf_folder_is(fs, path))
        return model_file_read(&out->file, path, prefix, fs, log);
    enum cubby_status status = hf_folder_read(&out->folder, path, fs, log);
    return status ? status : model_file_read(&out->file, out->folder.weights, prefix, fs, log);
}

enum cubby_status import_source_recognise(struct import_source *source, const struct cubby_log *log)
{
    return cubby_model_recognise(source->file.checkpoint, &source->class_count, log);
}

enum cubby_status import_source_compare(const struct import_source *source,
                                        const struct cubby_log *log)
{
    const char *named = source->folder.network;
    const char *found = cubby_model_network(source->file.model);
    if (!named[0] || strcmp(named, found) == 0)
        return CUBBY_OK;
    cubby_log(log, CUBBY_LOG_ERROR,
              "the config.json beside %s describes a %s, but the weights are those of a %s",
              source->file.path, named, found);
    return CUBBY_BAD_DATA;
}

void import_source_close(struct import_source *source)
{
    model_file_close(&source->file);
    hf_folder_free(&source->folder);
}
