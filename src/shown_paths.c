#include "shown_paths.h"

#include <stdlib.h>
#include <stdbool.h>
#include <string.h>

#include "platform/path.h"

// Whether a part of the path is "..".
static bool climbs(const char *path)
{
    for (const char *at = path; (at = strstr(at, "..")); at += 2) {
        bool begins = at == path || path_is_separator(at[-1]);
        if (begins && (!at[2] || path_is_separator(at[2])))
            return true;
    }
    return false;
}

enum cubby_status shown_paths_init(struct shown_paths *paths, const char *const *typed,
                                   size_t count)
{
    *paths = (struct shown_paths){.typed = calloc(count ? count : 1, sizeof(char *)),
                                  .absolute = calloc(count ? count : 1, sizeof(char *)),
                                  .count = count};
    bool good = paths->typed && paths->absolute;
    for (size_t i = 0; good && i < count; i++) {
        paths->typed[i] = strdup(typed[i]);
        paths->absolute[i] = climbs(typed[i]) ? path_real(typed[i]) : path_absolute(typed[i]);
        good = paths->typed[i] && paths->absolute[i];
        if (good)
            path_trim(paths->typed[i]);
    }
    if (good)
        return CUBBY_OK;
    shown_paths_fini(paths);
    return CUBBY_NO_MEMORY;
}

void shown_paths_fini(struct shown_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        if (paths->typed)
            free(paths->typed[i]);
        if (paths->absolute)
            free(paths->absolute[i]);
    }
    free(paths->typed);
    free(paths->absolute);
    *paths = (struct shown_paths){0};
}

char *shown_path(const struct shown_paths *paths, const char *path)
{
    for (size_t i = 0; paths && i < paths->count; i++) {
        const char *below = path_below(path, paths->absolute[i]);
        if (below)
            return below[0] ? path_join(paths->typed[i], below) : strdup(paths->typed[i]);
    }
    return strdup(path);
}
