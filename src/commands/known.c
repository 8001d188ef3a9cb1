#include "commands/known.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"

struct known_run {
    int64_t id;
    struct photo_hash model;
};

// Whether what that run decided is the present model's answer.
static enum cubby_status has_our_model(struct known *known, int64_t run, bool *result)
{
    for (uint32_t i = 0; i < known->run_count; i++) {
        if (known->runs[i].id == run) {
            *result = photo_hash_equal(known->runs[i].model, known->model);
            return CUBBY_OK;
        }
    }
    struct catalogue_run found = {0};
    enum cubby_status status = catalogue_find_run(known->catalogue, run, &found);
    if (status)
        return status;
    struct known_run *runs = realloc(known->runs, (known->run_count + 1) * sizeof(*runs));
    if (runs) {
        known->runs = runs;
        runs[known->run_count++] = (struct known_run){.id = run, .model = found.model};
        *result = found.id && photo_hash_equal(found.model, known->model);
    }
    catalogue_run_fini(&found);
    return runs ? CUBBY_OK : CUBBY_NO_MEMORY;
}

static void move_text(char **to, char **from)
{
    free(*to);
    *to = *from;
    *from = NULL;
}

static void take_answer(struct photo *photo, struct photo *row)
{
    photo->hash = row->hash;
    memcpy(photo->top, row->top, sizeof(photo->top));
    photo->top_count = row->top_count;
    move_text(&photo->class_name, &row->class_name);
}

// Nothing is left to do for the photo.
static void settle_known(struct photo *photo, struct photo *row)
{
    take_answer(photo, row);
    if (row->status == PHOTO_SKIPPED)
        photo_settle(photo, PHOTO_SKIPPED, "%s", row->reason);
    else
        photo_settle(photo, PHOTO_SKIPPED, "already filed as %s",
                     row->filed_as ? row->filed_as : "another name");
    move_text(&photo->filed_as, &row->filed_as);
    photo->recorded = true;
}

// Whether a file that belongs to the photo is not where the photo is: it came later, or could not
// be read then.
static enum cubby_status misses_member(const struct known *known, const struct photo *photo,
                                       bool *result)
{
    const struct catalogue_filings which = {CATALOGUE_ANY, photo->id, 0, FILING_DONE};
    enum cubby_status status = CUBBY_OK;
    *result = false;
    for (uint32_t i = 0; i < photo->member_count && !*result && !status; i++) {
        struct filing filing;
        status = catalogue_member_filing(known->catalogue, &which, photo->members[i].path, &filing);
        *result = !filing.id;
        filing_fini(&filing);
    }
    return status;
}

// Whether a duplicate's content is in the output: the photo that it was a duplicate of may have
// failed since, or be another one today.
static enum cubby_status is_still_duplicate(const struct known *known, const struct photo *row,
                                            bool *result)
{
    char *path;
    enum cubby_status status =
        catalogue_find_content(known->catalogue, row->hash, row->size_bytes, &path);
    *result = path != NULL;
    free(path);
    return status;
}

static enum cubby_status apply_row(struct known *known, struct photo *photo, struct photo *row)
{
    photo->id = row->id;
    bool decided = row->status == PHOTO_FILED || row->status == PHOTO_UNSURE;
    // What is packed stays packed.
    bool anew = known->again && row->run != known->run && !row->archive;
    bool incomplete = false;
    if (decided && !anew && !row->archive && photo->member_count) {
        enum cubby_status status = misses_member(known, photo, &incomplete);
        if (status)
            return status;
    }
    bool skipped = row->status == PHOTO_SKIPPED;
    if (photo_is_duplicate(row)) {
        enum cubby_status status = is_still_duplicate(known, row, &skipped);
        if (status)
            return status;
    }
    if (skipped || (decided && !anew && !incomplete)) {
        settle_known(photo, row);
        return CUBBY_OK;
    }
    if (row->status == PHOTO_FAILED || !row->top_count)
        return CUBBY_OK; // perhaps it can be read today
    bool ours = false;
    enum cubby_status status = has_our_model(known, row->run, &ours);
    for (uint32_t i = 0; i < row->top_count; i++) // who knows who wrote the catalogue
        ours = ours && row->top[i].class_index < known->class_count;
    if (!status && ours)
        take_answer(photo, row);
    return status;
}

enum cubby_status known_apply(struct known *known, struct photo *photo)
{
    if (!known->catalogue || photo->status != PHOTO_PENDING)
        return CUBBY_OK;
    struct photo *row = NULL;
    enum cubby_status status = catalogue_find_photo(known->catalogue, photo->path, &row);
    if (!status && row && row->size_bytes == photo->size_bytes && row->mtime_ns == photo->mtime_ns)
        status = apply_row(known, photo, row);
    photo_free(&row);
    return status;
}

void known_fini(struct known *known)
{
    free(known->runs);
    *known = (struct known){0};
}
