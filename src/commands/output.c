#include "commands/output.h"

#include <stdlib.h>
#include <uv.h>

#include "platform/path.h"
#include "sink/naming.h"
#include "sink/recover.h"

// What a process that died left undone is finished or taken back.
static enum cubby_status recover(const struct output *out, const struct command *command,
                                 const char *path, bool sync)
{
    struct catalogue_run last = {0};
    enum cubby_status status = catalogue_last_run(out->catalogue, &last);
    if (status)
        return status;
    const struct sink_recover_params params = {.output = path,
                                               .fs = command->fs,
                                               .log = command->log,
                                               .catalogue = out->catalogue,
                                               .sync = sync,
                                               .sweep = last.id && !last.clean};
    catalogue_run_fini(&last);
    return sink_recover(&params);
}

// Makes DIR/.cubby, which the lock lies in. False: there is none, and none is to be made.
static enum cubby_status make_folder(const struct command *command, const char *path,
                                     const struct output_params *params, bool *there)
{
    const struct fs *fs = command->fs;
    char *folder = path_join(path, CATALOGUE_FOLDER);
    char *above = path_parent(path);
    struct fs_stat stat;
    int result = folder && above ? fs->stat(fs, folder, &stat) : UV_ENOMEM;
    *there = result == 0;
    if (result == UV_ENOENT && params->create) {
        result = fs_make_folders(fs, folder);
        *there = !result;
        if (!result && params->sync)
            result = fs->sync_folder(fs, path);
        int higher = !result && params->sync ? fs->sync_folder(fs, above) : 0;
        if (!result && higher != UV_EACCES) // a folder that we may enter, but not read
            result = higher;
    } else if (result == UV_ENOENT || result == UV_ENOTDIR) {
        result = 0;
    }
    enum cubby_status status = CUBBY_OK;
    if (result == UV_ENOMEM)
        status = CUBBY_NO_MEMORY;
    else if (result)
        status = sink_target_failed(command->log, path, result);
    free(folder);
    free(above);
    return status;
}

int output_open(struct output *out, const struct command *command, const char *path,
                const struct output_params *params)
{
    *out = (struct output){0};
    const struct catalogue_params catalogue = {.output = path,
                                               .fs = command->fs,
                                               .log = command->log,
                                               .create = params->create,
                                               .sync = params->sync,
                                               .vfs = command->hooks ? command->hooks->vfs : NULL};
    bool there = false;
    enum cubby_status status = make_folder(command, path, params, &there);
    if (status || !there)
        return status ? command_failed(command, status) : EXIT_CODE_OK;
    status = output_lock_take(&out->lock, path, command->fs, command->log);
    if (!status)
        status = catalogue_open(&out->catalogue, &catalogue);
    if (!status && out->catalogue && !params->as_it_is)
        status = recover(out, command, path, params->sync);
    return status ? command_failed(command, status) : EXIT_CODE_OK;
}

void output_close(struct output *out)
{
    catalogue_close(&out->catalogue);
    output_lock_release(&out->lock);
}
