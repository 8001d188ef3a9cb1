#include "sink/archive_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "platform/path.h"

static struct catalogue_filings filings_of(int64_t archive)
{
    return (struct catalogue_filings){CATALOGUE_ANY, CATALOGUE_ANY, archive, CATALOGUE_ANY};
}

static struct catalogue_photos photos_of(int64_t archive)
{
    return (struct catalogue_photos){CATALOGUE_ANY, archive, CATALOGUE_ANY};
}

// All filings of the archive become done, or go.
static enum cubby_status change_filings(struct catalogue *catalogue, int64_t archive, bool done)
{
    const struct catalogue_filings which = filings_of(archive);
    int64_t after = 0;
    for (;;) {
        struct filing filing;
        enum cubby_status status = catalogue_next_filing(catalogue, &which, after, false, &filing);
        after = filing.id;
        filing_fini(&filing);
        if (status || !after)
            return status;
        status = done ? catalogue_set_filing_state(catalogue, after, FILING_DONE)
                      : catalogue_remove_filing(catalogue, after);
        if (status)
            return status;
    }
}

enum cubby_status archive_rows_done(struct catalogue *catalogue, int64_t archive,
                                    archive_rows_visit visit, void *user)
{
    const struct catalogue_photos which = photos_of(archive);
    enum cubby_status status = change_filings(catalogue, archive, true);
    int64_t after = 0;
    while (!status && visit) {
        struct photo *photo = NULL;
        status = catalogue_next_photo(catalogue, &which, after, &photo);
        if (status || !photo)
            break;
        after = photo->id;
        status = catalogue_load_members(catalogue, photo);
        if (!status)
            status = visit(user, photo);
        photo_free(&photo);
    }
    return status;
}

enum cubby_status archive_rows_doubt(struct catalogue *catalogue, int64_t archive,
                                     const char *reason, archive_rows_visit visit, void *user)
{
    const struct catalogue_photos which = photos_of(archive);
    int64_t after = 0;
    for (;;) {
        struct photo *photo = NULL;
        enum cubby_status status = catalogue_next_photo(catalogue, &which, after, &photo);
        if (status || !photo)
            return status;
        after = photo->id;
        free(photo->filed_as);
        photo->filed_as = NULL;
        photo_settle(photo, PHOTO_FAILED, "%s", reason);
        status = visit(user, photo);
        photo_free(&photo);
        if (status)
            return status;
    }
}

enum cubby_status archive_rows_drop(struct catalogue *catalogue, int64_t archive,
                                    const char *reason, archive_rows_visit visit, void *user)
{
    const struct catalogue_photos which = photos_of(archive);
    enum cubby_status status = change_filings(catalogue, archive, false);
    int64_t after = 0;
    while (!status) {
        struct photo *photo = NULL;
        status = catalogue_next_photo(catalogue, &which, after, &photo);
        if (status || !photo)
            break;
        after = photo->id;
        free(photo->filed_as);
        photo->filed_as = NULL;
        photo->archive = 0;
        photo_settle(photo, reason ? PHOTO_FAILED : PHOTO_PENDING, "%s", reason ? reason : "");
        status = catalogue_put_photo(catalogue, photo);
        if (!status && visit)
            status = visit(user, photo);
        photo_free(&photo);
    }
    return status ? status : catalogue_remove_archive(catalogue, archive);
}

enum cubby_status archive_rows_rename(struct catalogue *catalogue, int64_t archive,
                                      const char *name)
{
    const struct catalogue_photos which = photos_of(archive);
    int64_t after = 0;
    for (;;) {
        struct photo *photo = NULL;
        enum cubby_status status = catalogue_next_photo(catalogue, &which, after, &photo);
        if (status || !photo)
            return status;
        after = photo->id;
        const char *slash = photo->filed_as ? strchr(photo->filed_as, '/') : NULL;
        if (slash) {
            char *filed_as = path_join(name, slash + 1);
            free(photo->filed_as);
            photo->filed_as = filed_as;
            status = filed_as ? catalogue_put_photo(catalogue, photo) : CUBBY_NO_MEMORY;
        }
        photo_free(&photo);
        if (status)
            return status;
    }
}

// ---- comparing

struct comparison {
    struct catalogue *catalogue;
    struct catalogue_filings which;
    int64_t after;
    bool skips_empty; // 7z keeps empty files behind all others
    const char *wrong;
    enum cubby_status status; // of the catalogue
};

// The next filing that the archive should hold; out->id 0 at the end.
static enum cubby_status next_filing(struct comparison *c, struct filing *out)
{
    for (;;) {
        c->status = catalogue_next_filing(c->catalogue, &c->which, c->after, false, out);
        if (c->status || !out->id)
            return c->status;
        c->after = out->id;
        if (!c->skips_empty || out->size_bytes)
            return CUBBY_OK;
        filing_fini(out);
    }
}

static enum cubby_status compare_entry(void *user, const char *name, uint64_t size_bytes,
                                       struct photo_hash hash)
{
    struct comparison *c = user;
    struct filing filing;
    if (c->skips_empty && !size_bytes)
        return CUBBY_OK;
    enum cubby_status status = next_filing(c, &filing);
    if (status)
        return status;
    if (!filing.id)
        c->wrong = "it holds more than was put in";
    else if (strcmp(filing.target, name) != 0)
        c->wrong = "a name in it is not the one that was given";
    else if (filing.size_bytes != size_bytes || !photo_hash_equal(filing.hash, hash))
        c->wrong = "a photo in it differs from its source";
    filing_fini(&filing);
    return c->wrong ? CUBBY_BAD_DATA : CUBBY_OK;
}

enum cubby_status archive_rows_compare(struct catalogue *catalogue, int64_t archive,
                                       enum archive_kind kind, const struct fs *fs,
                                       const char *path, struct photo_hash *whole,
                                       uint64_t *size_bytes, const char **wrong, char reason[160])
{
    struct comparison c = {
        .catalogue = catalogue, .which = filings_of(archive), .skips_empty = kind == ARCHIVE_7Z};
    reason[0] = '\0';
    enum cubby_status status =
        archive_read(fs, path, kind, compare_entry, &c, whole, size_bytes, reason, 160);
    *wrong = c.wrong;
    if (c.status || status == CUBBY_NO_MEMORY)
        return c.status ? c.status : status;
    if (status && !*wrong)
        *wrong = reason[0] ? reason : "it cannot be read back";
    struct filing rest = {0};
    if (!status && next_filing(&c, &rest))
        return c.status;
    if (rest.id)
        *wrong = "it holds less than was put in";
    filing_fini(&rest);
    return CUBBY_OK;
}

bool archive_kind_of(const char *name, enum archive_kind *kind)
{
    static const enum archive_kind kinds[] = {ARCHIVE_ZIP, ARCHIVE_TAR_ZST, ARCHIVE_7Z};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        const char *extension = archive_extension(kinds[i]);
        size_t length = strlen(name), end = strlen(extension);
        *kind = kinds[i];
        if (length > end && !strcmp(name + length - end, extension))
            return true;
    }
    return false;
}
