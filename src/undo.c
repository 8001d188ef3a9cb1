#include "undo.h"

#include <stdlib.h>
#include <string.h>

#include "platform/names.h"
#include "platform/path.h"
#include "sink/naming.h"
#include "undo_files.h"

#define BATCH 256u // filings between two commits

// All that was changed is durable; then the catalogue may forget it.
static enum cubby_status commit(struct undo *u)
{
    enum cubby_status status = undo_sync_folders(u);
    return status ? status : catalogue_commit(u->params->catalogue);
}

static void count(struct undo *u, const struct outcome *outcome)
{
    u->counts->removed += !strcmp(outcome->done, "removed");
    u->counts->restored += !strcmp(outcome->done, "restored");
    u->counts->renamed += !strcmp(outcome->done, "renamed");
    u->counts->kept += !strcmp(outcome->done, "kept");
    u->counts->left += outcome->later;
}

// ---- the catalogue

// The photo is what an earlier run made of it.
static enum cubby_status restore_photo(struct undo *u, int64_t id, const struct filing *earlier)
{
    struct catalogue *catalogue = u->params->catalogue;
    struct photo *photo = NULL;
    enum cubby_status status = catalogue_get_photo(catalogue, id, &photo);
    if (!status && photo && !earlier->member) {
        status = sink_settle_filed(photo, earlier->target);
        photo->run = earlier->run;
        // As it was then: what was changed since is sorted anew, and not by an answer that was
        // given for other content.
        if (!photo_hash_equal(photo->hash, earlier->hash))
            photo->top_count = 0;
        photo->hash = earlier->hash;
        photo->size_bytes = earlier->size_bytes;
        photo->mtime_ns = earlier->mtime_ns;
        photo->atime_ns = earlier->atime_ns;
        if (!status)
            status = catalogue_put_photo(catalogue, photo);
    }
    photo_free(&photo);
    return status;
}

// A person put the photo where it is: what an earlier run made of it is only that it is there.
static enum cubby_status note_placed(struct undo *u, const struct filing *filing,
                                     struct catalogue_correction *correction)
{
    struct catalogue *catalogue = u->params->catalogue;
    struct photo *photo = NULL;
    enum cubby_status status = catalogue_get_photo(catalogue, filing->photo, &photo);
    if (!status && photo && !filing->member && photo_hash_equal(photo->hash, filing->hash)) {
        photo_settle(photo, correction->class_name ? PHOTO_FILED : PHOTO_UNSURE, PHOTO_PLACED);
        if (correction->class_name) {
            free(photo->class_name);
            photo->class_name = correction->class_name;
            correction->class_name = NULL;
        }
        status = catalogue_put_photo(catalogue, photo);
    }
    photo_free(&photo);
    return status;
}

// The filing that a relocation took its file from is in place again.
static enum cubby_status revive(struct undo *u, const struct filing *filing)
{
    struct catalogue *catalogue = u->params->catalogue;
    struct filing earlier;
    enum cubby_status status = catalogue_find_filing(catalogue, filing->replaces, &earlier);
    if (!status && earlier.id) {
        status = catalogue_set_filing_state(catalogue, earlier.id, FILING_DONE);
        if (!status)
            status = restore_photo(u, filing->photo, &earlier);
    }
    filing_fini(&earlier);
    return status;
}

// Whether a later run has taken the filing's file elsewhere, and that could not be taken back yet:
// then it is not gone.
static enum cubby_status is_elsewhere(struct undo *u, const struct filing *filing, bool *result)
{
    const struct catalogue_filings which = {CATALOGUE_ANY, filing->photo, CATALOGUE_ANY,
                                            CATALOGUE_ANY};
    int64_t after = filing->id;
    *result = false;
    while (filing->state == FILING_REPLACED && !*result) {
        struct filing later;
        enum cubby_status status =
            catalogue_next_filing(u->params->catalogue, &which, after, false, &later);
        after = later.id;
        *result = !status && after && later.replaces == filing->id;
        filing_fini(&later);
        if (status || !after)
            return status;
    }
    return CUBBY_OK;
}

// A file that a later run renamed and a person then placed stays there; it is the earlier run's
// again. *stays: it was so.
static enum cubby_status leave_placed(struct undo *u, const struct filing *filing, bool *stays)
{
    struct catalogue_correction correction = {0};
    enum cubby_status status = CUBBY_OK;
    *stays = false;
    if (filing->how == FILING_RELOCATE && filing->state == FILING_DONE)
        status = undo_find_placed(u, filing, &correction);
    if (!status && correction.id) {
        *stays = true;
        u->counts->kept++;
        status = u->params->told(u->params->user, filing, "kept", "a person put it there");
    }
    if (!status && *stays && !u->params->dry_run) {
        status =
            catalogue_set_filing_target(u->params->catalogue, filing->replaces, filing->target);
        if (!status)
            status = revive(u, filing);
        if (!status)
            status = note_placed(u, filing, &correction);
        if (!status)
            status = catalogue_remove_filing(u->params->catalogue, filing->id);
    }
    catalogue_correction_fini(&correction);
    return status;
}

static enum cubby_status undo_filing(struct undo *u, const struct filing *filing)
{
    bool elsewhere;
    enum cubby_status found = is_elsewhere(u, filing, &elsewhere);
    if (found || elsewhere) {
        u->counts->left += elsewhere;
        return found;
    }
    bool stays;
    found = leave_placed(u, filing, &stays);
    if (found || stays)
        return found;
    struct outcome outcome = undo_file(u, filing);
    if (outcome.error)
        return fs_status(outcome.error);
    count(u, &outcome);
    enum cubby_status status = CUBBY_OK;
    if (strcmp(outcome.done, "gone") != 0)
        status = u->params->told(u->params->user, filing, outcome.done, outcome.reason);
    if (u->params->dry_run || status || outcome.later)
        return status;
    if (filing->how == FILING_RELOCATE && strcmp(outcome.done, "kept") != 0)
        status = revive(u, filing);
    return status ? status : catalogue_remove_filing(u->params->catalogue, filing->id);
}

// Whether the run was this user's on this computer, or is said to be sound.
static bool is_trusted(const struct undo_params *params, const struct catalogue_run *run)
{
    return params->trust || photo_hash_equal(run->origin, params->origin);
}

static void set_run(struct undo *u, const struct catalogue_run *run)
{
    u->run = run;
    u->trusted = is_trusted(u->params, run);
}

// A filing that is left of any of the runs that were taken back.
static enum cubby_status undo_leftover(struct undo *u, const struct filing *filing)
{
    const struct catalogue_run *before = u->run;
    struct catalogue_run run;
    enum cubby_status status = catalogue_find_run(u->params->catalogue, filing->run, &run);
    set_run(u, &run);
    if (!status)
        status = undo_filing(u, filing);
    set_run(u, before);
    catalogue_run_fini(&run);
    return status;
}

static enum cubby_status undo_filings(struct undo *u, int64_t run)
{
    const struct catalogue_filings which = {run, CATALOGUE_ANY, 0, CATALOGUE_ANY};
    const struct undo_params *params = u->params;
    int64_t before = 0;
    for (unsigned i = 1;; i++) {
        struct filing filing;
        enum cubby_status status =
            catalogue_next_filing(params->catalogue, &which, before, true, &filing);
        if (status || !filing.id)
            return status;
        before = filing.id;
        status = run == CATALOGUE_ANY ? undo_leftover(u, &filing) : undo_filing(u, &filing);
        filing_fini(&filing);
        if (!status && i % BATCH == 0)
            status = commit(u);
        if (!status && params->interrupted && params->interrupted(params->user)) {
            status = commit(u);
            return status ? status : CUBBY_INTERRUPTED;
        }
        if (status)
            return status;
    }
}

// ---- archives

static enum cubby_status forget_entries(struct undo *u, int64_t archive, bool *originals)
{
    const struct catalogue_filings which = {CATALOGUE_ANY, CATALOGUE_ANY, archive, CATALOGUE_ANY};
    int64_t after = 0;
    for (;;) {
        struct filing filing;
        enum cubby_status status =
            catalogue_next_filing(u->params->catalogue, &which, after, false, &filing);
        if (status || !filing.id)
            return status;
        after = filing.id;
        if (originals)
            *originals = *originals && undo_has_original(u, &filing);
        else
            status = catalogue_remove_filing(u->params->catalogue, filing.id);
        filing_fini(&filing);
        if (status)
            return status;
    }
}

// Its photos are all still where they came from: sorting never moves photos into archives.
static enum cubby_status undo_archive(struct undo *u, const struct catalogue_archive *archive)
{
    bool originals = true;
    enum cubby_status status = forget_entries(u, archive->id, &originals);
    if (status)
        return status;
    struct outcome outcome = undo_archive_file(u, archive, originals);
    if (outcome.error)
        return fs_status(outcome.error);
    count(u, &outcome);
    const struct filing as_filing = {.source = (char *)"", .target = archive->name};
    if (strcmp(outcome.done, "gone") != 0)
        status = u->params->told(u->params->user, &as_filing, outcome.done, outcome.reason);
    if (u->params->dry_run || status || outcome.later)
        return status;
    status = forget_entries(u, archive->id, NULL);
    return status ? status : catalogue_remove_archive(u->params->catalogue, archive->id);
}

static enum cubby_status undo_archives(struct undo *u, int64_t run)
{
    int64_t after = 0;
    for (;;) {
        struct catalogue_archive archive;
        enum cubby_status status =
            catalogue_next_archive(u->params->catalogue, run, after, &archive);
        if (status || !archive.id)
            return status;
        after = archive.id;
        status = undo_archive(u, &archive);
        catalogue_archive_fini(&archive);
        if (!status && !u->params->dry_run)
            status = commit(u);
        if (status)
            return status;
    }
}

// ---- the run

// What the run decided about a photo without moving its file: it is the earlier run's again. *found
// false: no other run filed it.
static enum cubby_status give_back(struct undo *u, const struct photo *photo, bool *found)
{
    const struct catalogue_filings which = {CATALOGUE_ANY, photo->id, CATALOGUE_ANY, FILING_DONE};
    int64_t before = 0;
    *found = false;
    while (!*found) {
        struct filing filing;
        enum cubby_status status =
            catalogue_next_filing(u->params->catalogue, &which, before, true, &filing);
        before = filing.id;
        *found = !status && before && !filing.member;
        if (*found && filing.run != photo->run) // else it is still what this run made of it
            status = restore_photo(u, photo->id, &filing);
        filing_fini(&filing);
        if (status || !before)
            return status;
    }
    return CUBBY_OK;
}

// What the run alone knew of is forgotten.
static enum cubby_status forget_photos(struct undo *u, int64_t run)
{
    const struct catalogue_photos which = {run, CATALOGUE_ANY, CATALOGUE_ANY};
    int64_t after = 0;
    for (;;) {
        struct photo *photo = NULL;
        enum cubby_status status =
            catalogue_next_photo(u->params->catalogue, &which, after, &photo);
        if (status || !photo)
            return status;
        after = photo->id;
        bool found;
        status = give_back(u, photo, &found);
        if (!status && !found)
            status = catalogue_remove_photo(u->params->catalogue, photo->id);
        photo_free(&photo);
        if (status)
            return status;
    }
}

// The newest filing that is still there; id 0: none.
static enum cubby_status last_filing(const struct undo_params *params, struct filing *out)
{
    const struct catalogue_filings any = {CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY,
                                          CATALOGUE_ANY};
    return catalogue_next_filing(params->catalogue, &any, 0, true, out);
}

enum cubby_status undo_find(struct catalogue_run *run, const struct undo_params *params)
{
    enum cubby_status status = catalogue_last_run(params->catalogue, run);
    if (status || run->id)
        return status;
    // All were taken back, but of one something was left.
    struct filing filing;
    status = last_filing(params, &filing);
    if (!status && filing.id)
        status = catalogue_find_run(params->catalogue, filing.run, run);
    filing_fini(&filing);
    return status;
}

static enum cubby_status mark(const struct catalogue_run *run, struct undo *u, enum run_state state)
{
    struct catalogue_run marked = *run; // its texts stay the caller's
    marked.state = state;
    marked.clean = state != RUN_UNDOING;
    enum cubby_status status = catalogue_update_run(u->params->catalogue, &marked);
    return status ? status : commit(u);
}

// A run of which something could be taken back, and something not yet, is still there, so that the
// next undo tries the rest; one that gets no further gives it up, for the run before.
static enum run_state state_after(const struct catalogue_run *run, const struct undo_counts *counts)
{
    bool further = counts->removed + counts->restored + counts->renamed > 0;
    if (!counts->left || !further || run->state == RUN_UNDONE)
        return RUN_UNDONE;
    return run->finished_ns ? RUN_FINISHED : RUN_OPEN;
}

static enum cubby_status is_last(const struct undo_params *params, bool *last)
{
    struct catalogue_run earlier = {0};
    struct filing filing = {0};
    enum cubby_status status = catalogue_last_run(params->catalogue, &earlier);
    if (!status && !earlier.id)
        status = last_filing(params, &filing);
    *last = !status && !earlier.id && !filing.id;
    catalogue_run_fini(&earlier);
    filing_fini(&filing);
    return status;
}

enum cubby_status undo_run(const struct catalogue_run *run, const struct undo_params *params,
                           struct undo_counts *counts, bool *last)
{
    *counts = (struct undo_counts){0};
    *last = false;
    struct undo u = {.params = params, .counts = counts};
    set_run(&u, run);
    // All runs were taken back, but of some something is left: it is tried all at once.
    int64_t which = run->state == RUN_UNDONE ? CATALOGUE_ANY : run->id;
    enum cubby_status status = photo_hasher_create(&u.hasher);
    if (!status && !params->dry_run)
        status = mark(run, &u, RUN_UNDOING);
    if (!status)
        status = undo_filings(&u, which);
    if (!status)
        status = undo_archives(&u, which);
    if (!status && !params->dry_run)
        status = forget_photos(&u, which);
    if (!status && !params->dry_run)
        status = mark(run, &u, state_after(run, counts));
    if (!status)
        status = is_last(params, last);
    photo_hasher_destroy(&u.hasher);
    undo_forget_folders(&u);
    hash_table_fini(&u.swept);
    free(u.folders);
    return status;
}

// ---- folders

void undo_folders_fini(struct undo_folders *folders)
{
    for (size_t i = 0; i < folders->count; i++)
        catalogue_folder_fini(&folders->list[i]);
    free(folders->list);
    *folders = (struct undo_folders){0};
}

enum cubby_status undo_list_folders(struct undo_folders *out, int64_t run,
                                    const struct undo_params *params)
{
    *out = (struct undo_folders){0};
    int64_t before = 0;
    for (;;) {
        struct catalogue_folder folder;
        enum cubby_status status =
            catalogue_previous_folder(params->catalogue, run, before, &folder);
        if (status || !folder.id)
            return status;
        before = folder.id;
        struct catalogue_folder *list =
            realloc(out->list, (out->count + 1) * sizeof(struct catalogue_folder));
        if (!list) {
            catalogue_folder_fini(&folder);
            return CUBBY_NO_MEMORY;
        }
        out->list = list;
        out->list[out->count++] = folder;
    }
}

// Whether a folder is ours to remove or to give its times back: any, if the run was this user's on
// this computer; else somebody may have written anything there.
static bool is_ours(const struct undo_params *params, const struct catalogue_run *run,
                    const char *path)
{
    const char *below = path_below(path, params->output);
    return is_trusted(params, run) || !strcmp(path, params->output) ||
           (below && catalogue_is_below(below) &&
            sink_folders_are_real(params->fs, params->output, below));
}

void undo_restore_folders(const struct undo_folders *folders, const struct catalogue_run *run,
                          const struct undo_params *params)
{
    const struct fs *fs = params->fs;
    for (size_t i = 0; i < folders->count; i++)
        if (folders->list[i].made && is_ours(params, run, folders->list[i].path))
            fs->remove_folder(fs, folders->list[i].path); // one that is not empty stays
    // After all that changes them.
    for (size_t i = 0; i < folders->count; i++)
        if (!folders->list[i].made && is_ours(params, run, folders->list[i].path))
            fs->set_path_times(fs, folders->list[i].path, folders->list[i].atime_ns,
                               folders->list[i].mtime_ns);
}
