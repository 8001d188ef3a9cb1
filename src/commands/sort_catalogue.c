// Sorting anew by the probabilities of an earlier sort: no photo is decoded, no device is needed.
// Inside the same folder, copies are renamed; into another one, photos are copied from where they
// were found, or, if they were moved from there, from where they went.
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "commands/sort_internal.h"
#include "platform/names.h"
#include "platform/path.h"
#include "platform/signals.h"

struct again {
    struct sort *sort;
    struct output source;        // another folder's catalogue; closed if it is the output's own
    struct catalogue *catalogue; // borrowed, whose photos are sorted
    char *folder;                // owned, the output folder that it belongs to
    bool in_place;
};

// Whether the file at `path` is as large and old as it was.
static bool is_as_before(const struct fs *fs, const char *path, uint64_t size_bytes,
                         int64_t mtime_ns)
{
    struct fs_stat stat;
    return fs->stat(fs, path, &stat) == 0 && stat.is_file && stat.size_bytes == size_bytes &&
           stat.mtime_ns == mtime_ns;
}

// What travels with the photo, by the filings of the earlier sort.
static enum cubby_status add_member(struct again *again, struct photo *photo,
                                    const struct filing *filing)
{
    char *source;
    enum cubby_status status = catalogue_first_source(again->catalogue, filing, &source);
    if (status || !source)
        return status;
    struct photo_member *member = photo_add_member(photo);
    if (!member) {
        free(source);
        return CUBBY_NO_MEMORY;
    }
    *member = (struct photo_member){.size_bytes = filing->size_bytes,
                                    .mtime_ns = filing->mtime_ns,
                                    .atime_ns = filing->atime_ns,
                                    .mode = filing->mode,
                                    .hash = filing->hash,
                                    .name = path_base(source)};
    const struct fs *fs = again->sort->command->fs;
    bool there = again->in_place || is_as_before(fs, source, filing->size_bytes, filing->mtime_ns);
    member->path = there ? source : path_join(again->folder, filing->target);
    if (!there)
        free(source);
    return member->name && member->path ? CUBBY_OK : CUBBY_NO_MEMORY;
}

static enum cubby_status add_members(struct again *again, struct photo *photo)
{
    const struct catalogue_filings which = {
        .run = CATALOGUE_ANY, .photo = photo->id, .archive = 0, .state = FILING_DONE};
    int64_t after = 0;
    enum cubby_status status = CUBBY_OK;
    while (!status) {
        struct filing filing;
        status = catalogue_next_filing(again->catalogue, &which, after, false, &filing);
        if (status || !filing.id)
            break;
        after = filing.id;
        if (filing.member)
            status = add_member(again, photo, &filing);
        filing_fini(&filing);
    }
    return status;
}

// Where a photo of another folder's catalogue is today; settled as failed if nowhere.
static enum cubby_status find_source(struct again *again, struct photo *photo)
{
    const struct fs *fs = again->sort->command->fs;
    char *copy = photo->filed_as ? path_join(again->folder, photo->filed_as) : NULL;
    if (!is_as_before(fs, photo->path, photo->size_bytes, photo->mtime_ns) && copy &&
        is_as_before(fs, copy, photo->size_bytes, photo->mtime_ns)) {
        free(photo->path);
        photo->path = copy;
        copy = NULL;
    } else if (!is_as_before(fs, photo->path, photo->size_bytes, photo->mtime_ns)) {
        photo_settle(photo, PHOTO_FAILED, "not where it was, or changed since it was classified");
    }
    free(copy);
    // Numbers of devices change when the system starts again.
    struct fs_stat stat;
    if (photo->status != PHOTO_FAILED && fs->stat(fs, photo->path, &stat) == 0)
        photo_set_stat(photo, &stat);
    return CUBBY_OK;
}

static enum cubby_status offer(struct again *again, struct photo **row)
{
    struct sort *sort = again->sort;
    struct photo *photo = *row;
    bool decided = photo->status == PHOTO_FILED || photo->status == PHOTO_UNSURE ||
                   photo->status == PHOTO_PENDING;
    // Failed and skipped ones have no answer; those of this run have been here before, but one that
    // was given up in it is still to be filed; what is packed stays packed.
    bool done = photo->run == sort->run.id && photo->status != PHOTO_PENDING;
    if (!decided || !photo->relative || !photo->top_count ||
        photo->top[0].class_index >= sort->class_count ||
        (again->in_place && (done || photo->archive)))
        return CUBBY_OK;
    enum cubby_status status = add_members(again, photo);
    if (!status && !again->in_place)
        status = find_source(again, photo);
    if (status)
        return status;
    photo->archive = 0;
    free(photo->filed_as);
    photo->filed_as = NULL;
    if (photo->status != PHOTO_FAILED)
        photo_settle(photo, PHOTO_PENDING, "%s", "");
    if (!again->in_place) {
        photo->id = 0;
        status = known_apply(&sort->known, photo); // this may have been done before
    }
    return status ? status : sort_settle(sort, row);
}

static enum cubby_status run(struct again *again)
{
    static const struct catalogue_photos all = {CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY};
    int64_t after = 0;
    while (!platform_interrupted()) {
        struct photo *photo = NULL;
        enum cubby_status status = catalogue_next_photo(again->catalogue, &all, after, &photo);
        if (status || !photo)
            return status;
        after = photo->id;
        status = offer(again, &photo);
        photo_free(&photo);
        if (status)
            return status;
    }
    return CUBBY_INTERRUPTED;
}

static int open_catalogues(struct again *again)
{
    struct sort *sort = again->sort;
    const struct command *command = sort->command;
    again->folder = path_absolute(command->options->from_catalogue);
    if (!again->folder)
        return command_failed(command, CUBBY_NO_MEMORY);
    again->in_place = !strcmp(again->folder, sort->path);
    const struct output_params existing = {.sync = !command->options->no_fsync};
    struct output *source = again->in_place ? &sort->output : &again->source;
    int code = output_open(source, command, again->folder, &existing);
    if (code == EXIT_CODE_OK && !source->catalogue) {
        cubby_log(command->log, CUBBY_LOG_ERROR, "%s is no folder that photos were sorted into",
                  again->folder);
        code = EXIT_CODE_STOPPED;
    }
    again->catalogue = source->catalogue;
    sort->source = source->catalogue;
    sort->existed = true;
    bool opens = code == EXIT_CODE_OK && !again->in_place && !command->options->dry_run;
    return opens ? sort_open_output(sort) : code;
}

static int sort_again(struct again *again, const struct catalogue_run *last)
{
    struct sort *sort = again->sort;
    sort->class_names = (const char *const *)last->classes;
    sort->class_count = last->class_count;
    sort->threshold = classifying_threshold(sort->command->options, last->threshold);
    enum cubby_status status =
        names_make_folders(&sort->folders, sort->class_names, sort->class_count);
    if (status)
        return command_failed(sort->command, status);
    const struct run_settings settings = {.model = last->model,
                                          .model_name = last->model_name,
                                          .model_path = last->model_path,
                                          .classes = sort->class_names,
                                          .class_count = sort->class_count,
                                          .threshold = sort->threshold,
                                          // No roots: nobody looks through the folders now, the
                                          // sort that did speaks for them.
                                          .again = again->in_place,
                                          .from_catalogue = true,
                                          .exact = catalogue_run_setting(last, "exact")};
    int code = sort_begin(sort, &settings);
    return code == EXIT_CODE_OK ? sort_finish(sort, run(again)) : code;
}

int sort_from_catalogue(struct sort *sort)
{
    struct again again = {.sort = sort};
    struct catalogue_run last = {0};
    const struct cli_options *options = sort->command->options;
    if (options->argument_count) {
        cubby_log(sort->command->log, CUBBY_LOG_ERROR,
                  "--from-catalogue names its photos itself: leave out %s", options->arguments[0]);
        return EXIT_CODE_USAGE;
    }
    int code = open_catalogues(&again);
    if (code == EXIT_CODE_OK) {
        enum cubby_status status = catalogue_last_run(again.catalogue, &last);
        if (status)
            code = command_failed(sort->command, status);
    }
    if (code == EXIT_CODE_OK && (!last.id || !last.class_count)) {
        cubby_log(sort->command->log, CUBBY_LOG_ERROR, "%s holds no photos that were sorted",
                  again.folder);
        code = EXIT_CODE_STOPPED;
    }
    if (code == EXIT_CODE_OK)
        code = sort_again(&again, &last);
    sink_destroy(&sort->sink); // before the catalogue that it writes to
    catalogue_run_fini(&last);
    output_close(&again.source);
    free(again.folder);
    return code;
}
