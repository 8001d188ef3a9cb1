#include "verify.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "hash.h"
#include "platform/parallel.h"
#include "platform/path.h"
#include "scan.h"
#include "sink/archive_rows.h"
#include "sink/naming.h"
#include "text.h"
#include "verify_moved.h"

#define BATCH 64u // files that are compared side by side

struct verify {
    const struct verify_params *params;
    struct verify_counts *counts;
    struct parallel *threads; // owned
    struct verify_moved moved;
};

static enum cubby_status say(struct verify *v, enum verify_kind kind, const char *path,
                             const char *what)
{
    if (kind == VERIFY_DAMAGE)
        v->counts->damaged++;
    else
        v->counts->notes++;
    return v->params->told(v->params->user, kind, path, what);
}

static bool is_interrupted(const struct verify *v)
{
    return v->params->interrupted && v->params->interrupted(v->params->user);
}

// The same ones each time, spread evenly.
static bool is_sampled(const struct verify *v, int64_t id)
{
    if (v->params->percent >= 100)
        return true;
    uint64_t number = photo_hash_bytes(&id, sizeof(id)).low % 1000000;
    return (double)number < v->params->percent * 10000;
}

// ---- files in class folders

struct check {
    const struct verify *verify;
    struct filing filing;
    char *path; // owned
    bool compare;
    const char *wrong; // NULL: all is well
};

static const char *compare_content(const struct fs *fs, const char *path,
                                   const struct filing *filing)
{
    struct photo_hasher *hasher;
    uint64_t size_bytes;
    if (photo_hasher_create(&hasher))
        return "cannot be compared: out of memory";
    int error = sink_read_pieces(fs, path, hasher, NULL, NULL, &size_bytes);
    bool same = !error && size_bytes == filing->size_bytes &&
                photo_hash_equal(photo_hasher_result(hasher), filing->hash);
    photo_hasher_destroy(&hasher);
    return error ? "cannot be read" : same ? NULL : "its content is not that of its original";
}

static const char *check_link(const struct fs *fs, const struct check *check)
{
    char *content = NULL;
    bool ours =
        fs->read_link(fs, check->path, &content) == 0 && !strcmp(content, check->filing.source);
    free(content);
    return ours ? NULL : "it is not the link that was made";
}

static void check_one(void *user, size_t index)
{
    struct check *check = &((struct check *)user)[index];
    const struct fs *fs = check->verify->params->fs;
    struct fs_stat stat;
    if (fs->lstat(fs, check->path, &stat)) {
        check->wrong = "it is missing";
        return;
    }
    if (check->filing.how == FILING_SYMLINK) {
        check->wrong = stat.is_symlink ? check_link(fs, check) : "it is not a link any more";
        if (!check->wrong && fs->stat(fs, check->path, &stat))
            check->wrong = "what it links to is missing";
    } else if (!stat.is_file) {
        check->wrong = "it is not a file any more";
    }
    if (!check->wrong && stat.size_bytes != check->filing.size_bytes)
        check->wrong = "its size is not that of its original";
    if (!check->wrong && check->compare)
        check->wrong = compare_content(fs, check->path, &check->filing);
}

// A file that a person moved is not lost, if its content lies elsewhere in the output.
static enum cubby_status tell_file(struct verify *v, int64_t filing, int64_t photo,
                                   const char *path, const char *wrong)
{
    const char *place;
    enum cubby_status status = verify_find_moved(&v->moved, v->params, filing, photo, &place);
    if (status || !place)
        return status ? status : say(v, VERIFY_DAMAGE, path, wrong);
    struct text what = {0};
    text_add_string(&what, "it was moved to ");
    text_add_printable(&what, place);
    text_add_string(&what, " since: cubby correct takes note of that");
    text_add(&what, "", 1);
    status = what.failed ? CUBBY_NO_MEMORY : say(v, VERIFY_NOTE, path, what.bytes);
    text_free(&what);
    return status;
}

static enum cubby_status run_checks(struct verify *v, struct check *checks, size_t count)
{
    parallel_run(v->threads, count, check_one, checks);
    enum cubby_status status = CUBBY_OK;
    for (size_t i = 0; i < count; i++) {
        v->counts->checked++;
        v->counts->compared += checks[i].compare;
        if (!status && checks[i].wrong)
            status = tell_file(v, checks[i].filing.id, 0, checks[i].path, checks[i].wrong);
        filing_fini(&checks[i].filing);
        free(checks[i].path);
    }
    return status;
}

static enum cubby_status check_filings(struct verify *v)
{
    const struct catalogue_filings which = {CATALOGUE_ANY, CATALOGUE_ANY, 0, FILING_DONE};
    struct check *checks = calloc(BATCH, sizeof(*checks));
    if (!checks)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = CUBBY_OK;
    int64_t after = 0;
    bool more = true;
    while (!status && more) {
        size_t count = 0;
        while (!status && more && count < BATCH) {
            struct check *check = &checks[count];
            *check = (struct check){.verify = v};
            status =
                catalogue_next_filing(v->params->catalogue, &which, after, false, &check->filing);
            more = !status && check->filing.id;
            if (!more)
                break;
            after = check->filing.id;
            check->compare = is_sampled(v, after);
            check->path = path_join(v->params->output, check->filing.target);
            if (check->path)
                count++;
            else
                status = CUBBY_NO_MEMORY;
        }
        enum cubby_status checked = run_checks(v, checks, count);
        if (!status)
            status = checked;
        if (!status && is_interrupted(v))
            status = CUBBY_INTERRUPTED;
    }
    free(checks);
    return status;
}

// ---- archives

static enum cubby_status compare_archive(struct verify *v, const char *path,
                                         const struct catalogue_archive *archive)
{
    struct photo_hash whole = {0};
    uint64_t size_bytes;
    const char *wrong;
    char reason[160];
    enum archive_kind kind;
    if (!archive_kind_of(archive->name, &kind))
        return say(v, VERIFY_DAMAGE, path, "it is no archive of a kind that is known here");
    v->counts->compared++;
    enum cubby_status status =
        archive_rows_compare(v->params->catalogue, archive->id, kind, v->params->fs, path, &whole,
                             &size_bytes, &wrong, reason);
    if (!status && !wrong && !photo_hash_equal(whole, archive->hash))
        wrong = "its bytes are not those that were written";
    return status || !wrong ? status : say(v, VERIFY_DAMAGE, path, wrong);
}

static enum cubby_status check_archive(struct verify *v, const struct catalogue_archive *archive)
{
    char *path = path_join(v->params->output, archive->name);
    struct fs_stat stat;
    if (!path)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = CUBBY_OK;
    v->counts->checked++;
    if (archive->state != ARCHIVE_DONE)
        status = say(v, VERIFY_DAMAGE, path, "it was not finished: sort again");
    else if (v->params->fs->lstat(v->params->fs, path, &stat))
        status = say(v, VERIFY_DAMAGE, path, "it is missing");
    else if (!stat.is_file || stat.size_bytes != archive->size_bytes)
        status = say(v, VERIFY_DAMAGE, path, "its size is not what was written");
    else if (is_sampled(v, archive->id))
        status = compare_archive(v, path, archive);
    free(path);
    return status;
}

static enum cubby_status check_archives(struct verify *v)
{
    int64_t after = 0;
    for (;;) {
        struct catalogue_archive archive;
        enum cubby_status status =
            catalogue_next_archive(v->params->catalogue, CATALOGUE_ANY, after, &archive);
        if (status || !archive.id)
            return status;
        after = archive.id;
        status = check_archive(v, &archive);
        catalogue_archive_fini(&archive);
        if (!status && is_interrupted(v))
            status = CUBBY_INTERRUPTED;
        if (status)
            return status;
    }
}

// ---- rows

// Whether the photo has a file in the output that was put there for it.
static enum cubby_status has_filing(const struct verify *v, int64_t photo, bool *result)
{
    const struct catalogue_filings which = {CATALOGUE_ANY, photo, CATALOGUE_ANY, FILING_DONE};
    struct filing filing;
    enum cubby_status status =
        catalogue_next_filing(v->params->catalogue, &which, 0, false, &filing);
    *result = filing.id != 0;
    filing_fini(&filing);
    return status;
}

// What was found in the output and taken for a photo's copy has no filing.
static enum cubby_status check_found(struct verify *v, const struct photo *photo)
{
    const struct filing filing = {.size_bytes = photo->size_bytes, .hash = photo->hash};
    char *path = path_join(v->params->output, photo->filed_as);
    if (!path)
        return CUBBY_NO_MEMORY;
    const char *wrong = compare_content(v->params->fs, path, &filing);
    v->counts->checked++;
    v->counts->compared++;
    enum cubby_status status = wrong ? tell_file(v, 0, photo->id, path, wrong) : CUBBY_OK;
    free(path);
    return status;
}

// A duplicate is left out because its content is there under another name.
static enum cubby_status check_duplicate(struct verify *v, const struct photo *photo)
{
    char *path;
    enum cubby_status status =
        catalogue_find_content(v->params->catalogue, photo->hash, photo->size_bytes, &path);
    if (!status && !path)
        status = say(v, VERIFY_DAMAGE, photo->path,
                     "what it was a duplicate of is not in the output any more: sort again");
    free(path);
    return status;
}

static enum cubby_status check_row(struct verify *v, const struct photo *photo)
{
    bool filed = photo->status == PHOTO_FILED || photo->status == PHOTO_UNSURE, found = true;
    if (photo->status == PHOTO_PENDING)
        return say(v, VERIFY_DAMAGE, photo->path, "it is not filed yet: sort again");
    if (photo->status == PHOTO_FAILED) {
        v->counts->failed++;
        return say(v, VERIFY_NOTE, photo->path, photo->reason);
    }
    if (photo->status == PHOTO_SKIPPED && photo->filed_as)
        return check_found(v, photo);
    if (photo_is_duplicate(photo))
        return check_duplicate(v, photo);
    enum cubby_status status = filed ? has_filing(v, photo->id, &found) : CUBBY_OK;
    if (!status && !found)
        status = say(v, VERIFY_DAMAGE, photo->path, "the catalogue knows of no copy of it");
    return status;
}

static enum cubby_status check_rows(struct verify *v)
{
    const struct catalogue_photos all = {CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY};
    int64_t after = 0;
    for (;;) {
        struct photo *photo = NULL;
        enum cubby_status status = catalogue_next_photo(v->params->catalogue, &all, after, &photo);
        if (status || !photo)
            return status;
        after = photo->id;
        status = check_row(v, photo);
        photo_free(&photo);
        if (status)
            return status;
    }
}

// ---- sources

// What belongs to a photo that was filed has to be there with it.
static enum cubby_status check_members(struct verify *v, const struct catalogue_run *run,
                                       const struct photo *photo, const struct photo *row)
{
    const struct catalogue_filings which = {CATALOGUE_ANY, row->id, CATALOGUE_ANY, FILING_DONE};
    enum cubby_status status = CUBBY_OK;
    if (row->status != PHOTO_FILED && row->status != PHOTO_UNSURE)
        return CUBBY_OK;
    for (uint32_t i = 0; i < photo->member_count && !status; i++) {
        const struct photo_member *member = &photo->members[i];
        struct filing filing;
        status = catalogue_member_filing(v->params->catalogue, &which, member->path, &filing);
        bool missing = !filing.id;
        bool changed = !missing && (filing.size_bytes != member->size_bytes ||
                                    filing.mtime_ns != member->mtime_ns);
        filing_fini(&filing);
        v->counts->found++;
        if (status)
            break;
        bool later = run->finished_ns && member->mtime_ns > run->finished_ns;
        if (missing && (later || row->archive))
            status =
                say(v, VERIFY_NOTE, member->path,
                    row->archive ? "it is not packed with its photo: finished archives stay as "
                                   "they are"
                                 : "it was added since: sort again");
        else if (missing)
            status = say(v, VERIFY_DAMAGE, member->path,
                         "it belongs to a photo, and is not with it in the output: sort again");
        else if (changed)
            status = say(v, VERIFY_NOTE, member->path, "it was changed since it was filed");
    }
    return status;
}

static enum cubby_status check_source(struct verify *v, const struct catalogue_run *run,
                                      const struct photo *photo)
{
    struct photo *row = NULL;
    enum cubby_status status = catalogue_find_photo(v->params->catalogue, photo->path, &row);
    v->counts->found++;
    if (status)
        return status;
    int64_t born = photo->birthtime_ns > photo->mtime_ns ? photo->birthtime_ns : photo->mtime_ns;
    if (!row && run->finished_ns && born > run->finished_ns)
        status = say(v, VERIFY_NOTE, photo->path, "it was added since: sort again");
    else if (!row)
        status = say(v, VERIFY_DAMAGE, photo->path, "it is not accounted for");
    else if (row->size_bytes != photo->size_bytes || row->mtime_ns != photo->mtime_ns)
        status = say(v, VERIFY_NOTE, photo->path, "it was changed since: sort again");
    if (!status && row)
        status = check_members(v, run, photo, row);
    photo_free(&row);
    return status;
}

static enum cubby_status check_root(struct verify *v, const struct catalogue_run *run,
                                    const char *root)
{
    struct fs_stat stat;
    if (v->params->fs->stat(v->params->fs, root, &stat))
        return say(v, VERIFY_NOTE, root, "it is gone; its copies are compared all the same");
    const struct scan_params params = {.roots = &root,
                                       .root_count = 1,
                                       .output = v->params->output,
                                       .groups = catalogue_run_setting(run, "groups"),
                                       .fs = v->params->fs,
                                       .log = v->params->log};
    struct scan *scan = NULL;
    enum cubby_status status = scan_create(&scan, &params);
    while (!status) {
        struct photo *photo = NULL;
        status = scan_next(scan, &photo);
        if (status || !photo)
            break;
        status = check_source(v, run, photo);
        photo_free(&photo);
        if (!status && is_interrupted(v))
            status = CUBBY_INTERRUPTED;
    }
    if (!status && scan_unreadable_folders(scan))
        status = say(v, VERIFY_DAMAGE, root, "folders in it cannot be read");
    scan_destroy(&scan);
    return status;
}

// Whether a later run, which knows more, has that root too.
static enum cubby_status is_sorted_later(struct verify *v, int64_t id, const char *root,
                                         bool *result)
{
    *result = false;
    for (int64_t after = id; !*result;) {
        struct catalogue_run run;
        enum cubby_status status = catalogue_next_run(v->params->catalogue, after, &run);
        after = run.id;
        for (uint32_t i = 0; run.state != RUN_UNDONE && i < run.root_count; i++)
            *result = *result || !strcmp(run.roots[i], root);
        catalogue_run_fini(&run);
        if (status || !after)
            return status;
    }
    return CUBBY_OK;
}

static enum cubby_status check_run(struct verify *v, const struct catalogue_run *run)
{
    if (run->state == RUN_UNDONE)
        return CUBBY_OK;
    enum cubby_status status = CUBBY_OK;
    if (run->state != RUN_FINISHED)
        status = say(v, VERIFY_DAMAGE, v->params->output,
                     run->state == RUN_OPEN ? "the last sort into it was interrupted: sort again"
                                            : "an undo was interrupted: run cubby undo again");
    for (uint32_t i = 0; i < run->root_count && !status; i++) {
        bool later;
        status = is_sorted_later(v, run->id, run->roots[i], &later);
        if (!status && !later && run->state == RUN_FINISHED && !run->finished_ns)
            status = say(v, VERIFY_DAMAGE, run->roots[i],
                         "the sort of it was given up for another: sort it again");
        if (!status && !later)
            status = check_root(v, run, run->roots[i]);
    }
    return status;
}

static enum cubby_status check_runs(struct verify *v)
{
    int64_t after = 0;
    for (;;) {
        struct catalogue_run run;
        enum cubby_status status = catalogue_next_run(v->params->catalogue, after, &run);
        after = run.id;
        if (!status && after)
            status = check_run(v, &run);
        catalogue_run_fini(&run);
        if (status || !after)
            return status;
    }
}

enum cubby_status verify_run(const struct verify_params *params, struct verify_counts *counts)
{
    *counts = (struct verify_counts){0};
    struct verify v = {.params = params, .counts = counts};
    enum cubby_status status = parallel_create(&v.threads, params->threads ? params->threads : 1);
    if (!status)
        status = catalogue_check(params->catalogue);
    if (!status)
        status = check_runs(&v);
    if (!status)
        status = check_rows(&v);
    if (!status)
        status = check_filings(&v);
    if (!status)
        status = check_archives(&v);
    parallel_destroy(&v.threads);
    verify_moved_fini(&v.moved);
    return status;
}
