// A photo that an earlier run filed is decided anew: at another threshold, by another model, or
// because a process died half-way. Its file in the output is renamed, never copied a second time,
// and never touched if a person has changed it.
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "platform/path.h"
#include "sink/group.h"

// The newest filing of this file of the photo that is in place; out->id 0 if there is none.
//   source  of a member; NULL: the photo itself
static enum cubby_status find_filing(const struct folder_sink *sink, const struct photo *photo,
                                     const char *source, struct filing *out)
{
    const struct catalogue_filings which = {
        .run = CATALOGUE_ANY, .photo = photo->id, .archive = 0, .state = FILING_DONE};
    if (source)
        return catalogue_member_filing(sink->params.catalogue, &which, source, out);
    int64_t before = 0;
    for (;;) {
        enum cubby_status status =
            catalogue_next_filing(sink->params.catalogue, &which, before, true, out);
        if (status || !out->id || !out->member)
            return status;
        before = out->id;
        filing_fini(out);
    }
}

// Whether a filed file is still what it was.
static bool is_untouched(const struct folder_sink *sink, const struct filing *filing)
{
    char *path = folder_sink_path(sink, filing->target);
    const struct photo as_filed = {.size_bytes = filing->size_bytes, .hash = filing->hash};
    int error;
    bool same =
        path && sink_look(sink->params.fs, path, &as_filed, sink->hasher, &error) == SINK_SAME;
    free(path);
    return same;
}

// Whether what a person placed is where it was seen: a link is, whatever it leads to.
static bool is_where_placed(const struct folder_sink *sink, const struct filing *filing)
{
    struct fs_stat stat;
    if (filing->how != FILING_SYMLINK)
        return is_untouched(sink, filing);
    char *path = folder_sink_path(sink, filing->target);
    bool there = path && sink->params.fs->lstat(sink->params.fs, path, &stat) == 0;
    free(path);
    return there && stat.is_symlink;
}

// Whether `target`, below the output, lies in `folder`, a path.
static bool lies_in(const struct folder_sink *sink, const char *target, const char *folder)
{
    char *path = folder_sink_path(sink, target);
    char *parent = path ? path_parent(path) : NULL;
    bool result = parent && !strcmp(parent, folder);
    free(parent);
    free(path);
    return result;
}

static enum cubby_status begin_relocation(struct folder_sink *sink, struct staged *staged,
                                          const struct filing *filed, uint32_t member)
{
    struct placing *placing = &staged->placings[staged->count++];
    *placing = (struct placing){.file = -1, .filing = *filed};
    struct filing *filing = &placing->filing;
    filing->id = 0;
    filing->run = sink->params.run;
    filing->how = FILING_RELOCATE;
    filing->state = FILING_INTENDED;
    filing->replaces = filed->id;
    filing->member = member;
    filing->target = filing->temporary = NULL;
    filing->source = strdup(filed->target);
    char *path = folder_sink_path(sink, filed->target);
    struct fs_stat stat;
    if (!filing->source || !path) {
        free(path);
        return CUBBY_NO_MEMORY;
    }
    int result = sink->params.fs->lstat(sink->params.fs, path, &stat);
    filing->device = stat.device;
    filing->inode = stat.inode;
    enum cubby_status status =
        result ? sink_target_failed(sink->params.log, path, result) : CUBBY_OK;
    free(path);
    return status;
}

// A member goes where its photo goes, unless a person has changed it.
static enum cubby_status add_member(struct folder_sink *sink, struct staged *staged,
                                    uint32_t member, bool relocate)
{
    struct filing filed;
    enum cubby_status status =
        find_filing(sink, staged->photo, staged->photo->members[member - 1].path, &filed);
    if (status)
        return status;
    if (!filed.id) // new since, or lost when a process died
        status = folder_begin_placing(sink, staged, member);
    else if (relocate && is_untouched(sink, &filed))
        status = begin_relocation(sink, staged, &filed, member);
    filing_fini(&filed);
    return status;
}

static enum cubby_status add_members(struct folder_sink *sink, struct staged *staged, bool relocate)
{
    enum cubby_status status = CUBBY_OK;
    for (uint32_t member = 1; member <= staged->photo->member_count && !status; member++)
        status = add_member(sink, staged, member, relocate);
    return status;
}

enum cubby_status folder_name_member(struct folder_sink *sink, struct staged *staged, uint32_t i,
                                     const char *photo_name)
{
    char *path = folder_placing_path(staged, i, photo_name);
    char *wanted = path ? path_base(path) : NULL;
    free(path);
    enum cubby_status status = wanted ? CUBBY_OK : CUBBY_NO_MEMORY;
    for (unsigned number = 1; !status; number++) {
        char *name = names_numbered(wanted, number);
        path = name ? path_join(staged->folder, name) : NULL;
        free(name);
        int error = 0;
        enum sink_place place =
            path ? folder_look_for_member(sink, &staged->placings[i], path, &error) : SINK_UNUSABLE;
        if (place == SINK_FREE)
            status = folder_take_name(sink, &staged->placings[i], path);
        else if (place == SINK_UNUSABLE)
            status = path ? sink_target_failed(sink->params.log, path, error) : CUBBY_NO_MEMORY;
        free(path);
        if (place == SINK_FREE)
            break;
    }
    free(wanted);
    return status;
}

// It is where a person has put it, or changed: nobody moves it from there.
static enum cubby_status leave_alone(struct photo *photo, const struct filing *filed)
{
    photo_settle(photo, PHOTO_SKIPPED, "left alone: %s was changed or moved since it was filed",
                 filed->target);
    free(photo->filed_as);
    photo->filed_as = strdup(filed->target);
    return photo->filed_as ? CUBBY_OK : CUBBY_NO_MEMORY;
}

// The photo stays; members that are not there yet join it.
static enum cubby_status stay(struct folder_sink *sink, struct staged *staged,
                              const struct filing *filed)
{
    struct photo *photo = staged->photo;
    free(photo->filed_as);
    photo->filed_as = strdup(filed->target);
    char *base = path_base(filed->target);
    enum cubby_status status = base && photo->filed_as ? CUBBY_OK : CUBBY_NO_MEMORY;
    if (!status)
        status = add_members(sink, staged, false);
    for (uint32_t i = 0; i < staged->count && !status; i++)
        status = folder_name_member(sink, staged, i, base);
    free(base);
    if (!status)
        status = folder_prepare(sink, staged);
    if (status)
        folder_drop_placings(sink, staged);
    return status;
}

// The same in whatever folder below the output that is.
static enum cubby_status stay_in_folder(struct folder_sink *sink, struct staged *staged,
                                        const struct filing *filed)
{
    char *path = folder_sink_path(sink, filed->target);
    char *folder = path ? path_parent(path) : NULL;
    free(path);
    if (!folder)
        return CUBBY_NO_MEMORY;
    free(staged->folder);
    staged->folder = folder;
    return stay(sink, staged, filed);
}

enum cubby_status folder_stage_again(struct folder_sink *sink, struct staged *staged, bool *known)
{
    struct photo *photo = staged->photo;
    struct filing filed;
    *known = false;
    enum cubby_status status = find_filing(sink, photo, NULL, &filed);
    if (status || !filed.id || !photo_hash_equal(filed.hash, photo->hash))
        goto out;
    *known = true;
    staged->placings = calloc(photo->member_count + 1u, sizeof(*staged->placings));
    if (!staged->placings) {
        status = CUBBY_NO_MEMORY;
    } else if (photo_is_placed(photo) && is_where_placed(sink, &filed)) {
        status = stay_in_folder(sink, staged, &filed);
    } else if (!photo_is_placed(photo) && lies_in(sink, filed.target, staged->folder)) {
        status = stay(sink, staged, &filed);
    } else if (photo_is_placed(photo) || !is_untouched(sink, &filed)) {
        status = leave_alone(photo, &filed);
    } else {
        status = begin_relocation(sink, staged, &filed, 0);
        if (!status)
            status = add_members(sink, staged, true);
        if (!status)
            status = folder_finish_staging(sink, staged);
    }

out:
    filing_fini(&filed);
    return status;
}
