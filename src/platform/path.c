#include "platform/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "platform/fs_system.h"

#ifdef _WIN32
static const bool windows = true;
#else
static const bool windows = false;
#endif

bool path_is_separator(char c)
{
    return c == '/' || (windows && c == '\\');
}

static bool has_drive(const char *path)
{
    char letter = (char)(path[0] | 0x20);
    return windows && letter >= 'a' && letter <= 'z' && path[1] == ':';
}

static size_t part_length(const char *path)
{
    size_t length = 0;
    while (path[length] && !path_is_separator(path[length]))
        length++;
    return length;
}

// Bytes of "/", "C:", "C:/" or "//server/share/" at the start; 0 for a relative path.
static size_t root_length(const char *path)
{
    if (has_drive(path))
        return path_is_separator(path[2]) ? 3 : 2;
    if (!path_is_separator(path[0]))
        return 0;
    if (!windows || !path_is_separator(path[1]) || path_is_separator(path[2]))
        return 1;
    size_t length = 2 + part_length(path + 2);
    if (path[length])
        length += 1 + part_length(path + length + 1);
    return path[length] ? length + 1 : length;
}

bool path_is_absolute(const char *path)
{
    size_t root = root_length(path);
    return windows ? root > 2 : root > 0;
}

static char *copy(const char *text, size_t length)
{
    char *result = malloc(length + 1);
    if (result) {
        memcpy(result, text, length);
        result[length] = '\0';
    }
    return result;
}

char *path_join(const char *folder, const char *name)
{
    size_t length = strlen(folder);
    bool separator = length > 0 && !path_is_separator(folder[length - 1]);
    size_t bytes = length + separator + strlen(name) + 1;
    char *result = malloc(bytes);
    if (result)
        snprintf(result, bytes, "%s%s%s", folder, separator ? "/" : "", name);
    return result;
}

// The length without trailing separators.
static size_t trimmed_length(const char *path)
{
    size_t root = root_length(path), length = strlen(path);
    while (length > root && path_is_separator(path[length - 1]))
        length--;
    return length;
}

void path_trim(char *path)
{
    path[trimmed_length(path)] = '\0';
}

// Where the last part begins.
static size_t base_start(const char *path, size_t length)
{
    size_t root = root_length(path);
    while (length > root && !path_is_separator(path[length - 1]))
        length--;
    return length;
}

char *path_parent(const char *path)
{
    size_t root = root_length(path);
    size_t length = base_start(path, trimmed_length(path));
    while (length > root && path_is_separator(path[length - 1]))
        length--;
    return length > 0 ? copy(path, length) : copy(".", 1);
}

char *path_base(const char *path)
{
    size_t length = trimmed_length(path);
    size_t start = base_start(path, length);
    return copy(path + start, length - start);
}

const char *path_extension(const char *path)
{
    const char *name = path + base_start(path, strlen(path));
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? dot : path + strlen(path);
}

// Folds "." and ".." and repeated separators of an absolute path, in place.
static void fold(char *path)
{
    size_t root = root_length(path), end = root, at = root;
    for (size_t i = 0; i < root; i++)
        if (path_is_separator(path[i]))
            path[i] = '/';
    while (path[at]) {
        size_t length = part_length(path + at);
        bool up = length == 2 && path[at] == '.' && path[at + 1] == '.';
        if (up) {
            while (end > root && path[end - 1] != '/')
                end--;
            if (end > root)
                end--;
        } else if (length > 0 && !(length == 1 && path[at] == '.')) {
            if (end > root)
                path[end++] = '/';
            memmove(path + end, path + at, length);
            end += length;
        }
        at += length;
        if (path[at])
            at++;
    }
    path[end] = '\0';
}

static char *current_folder(void)
{
    size_t bytes = 1024;
    for (;;) {
        char *folder = malloc(bytes);
        if (!folder)
            return NULL;
        int result = uv_cwd(folder, &bytes); // says how many bytes it wants
        if (result == 0)
            return folder;
        free(folder);
        if (result != UV_ENOBUFS)
            return NULL; // the folder was removed under our feet
    }
}

// Absolute, but nothing folded yet.
static char *anchored(const char *path)
{
    if (path_is_absolute(path))
        return copy(path, strlen(path));
    char *folder = current_folder();
    if (!folder)
        return NULL;
    if (has_drive(path)) {
        // "C:name" is relative to that drive's own current folder; ours if it is the same drive.
        if ((folder[0] | 0x20) != (path[0] | 0x20))
            snprintf(folder, strlen(folder) + 1, "%c:/", path[0]);
        path += 2;
    } else if (path_is_separator(path[0])) {
        folder[root_length(folder)] = '\0';
    }
    char *result = path_join(folder, path);
    free(folder);
    return result;
}

char *path_absolute(const char *path)
{
    char *result = anchored(path);
    if (result)
        fold(result);
    return result;
}

char *path_real(const char *path)
{
    char *head = anchored(path);
    char *result = NULL;
    if (!head)
        return NULL;

    // Shorten from the end until the rest exists. Only what follows may be folded as text:
    // "link/.." is not the folder that holds the link.
    size_t full = strlen(head), length = trimmed_length(head);
    for (;;) {
        char cut = head[length];
        head[length] = '\0';
        uv_fs_t request = {0};
        const char *system_path = fs_system_path(head);
        int failed = system_path ? uv_fs_realpath(NULL, &request, system_path, NULL) : UV_ENOMEM;
        fs_system_path_free(system_path, head);
        if (!failed) {
            head[length] = cut;
            result = path_join(request.ptr, length < full ? head + length : "");
        }
        if (system_path)
            uv_fs_req_cleanup(&request);
        if (!failed || !system_path)
            break;
        head[length] = cut;
        size_t start = base_start(head, length);
        while (start > root_length(head) && path_is_separator(head[start - 1]))
            start--;
        if (start == length || start == 0) { // not even the root: keep the text
            result = copy(head, full);
            break;
        }
        length = start;
    }
    free(head);
    if (result)
        fold(result);
    return result;
}

char *path_for_library(const char *path)
{
    const char *system_path = fs_system_path(path);
    char *result = system_path ? copy(system_path, strlen(system_path)) : NULL;
    fs_system_path_free(system_path, path);
    return result;
}

static char comparable(char c)
{
    if (!windows)
        return c;
    if (c == '\\')
        return '/';
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

const char *path_below(const char *inner, const char *outer)
{
    size_t length = trimmed_length(outer);
    for (size_t i = 0; i < length; i++)
        if (!inner[i] || comparable(inner[i]) != comparable(outer[i]))
            return NULL;
    const char *rest = inner + length;
    if (*rest && !path_is_separator(*rest) && !(length > 0 && path_is_separator(rest[-1])))
        return NULL;
    while (path_is_separator(*rest))
        rest++;
    return rest;
}

bool path_is_inside(const char *inner, const char *outer)
{
    return path_below(inner, outer) != NULL;
}

// A malloc'd copy of an environment variable; NULL if unset or empty.
static char *environment(const char *name)
{
    char small[1];
    size_t bytes = sizeof(small);
    int result = uv_os_getenv(name, small, &bytes);
    if (result != UV_ENOBUFS)
        return NULL; // unset, or empty and so as good as unset
    char *value = malloc(bytes);
    if (value && uv_os_getenv(name, value, &bytes)) {
        free(value);
        value = NULL;
    }
    return value;
}

// $variable/suffix, or NULL. XDG asks to ignore relative values.
static char *below_variable(const char *variable, const char *suffix)
{
    char *folder = environment(variable);
    char *result = folder && path_is_absolute(folder) ? path_join(folder, suffix) : NULL;
    free(folder);
    return result;
}

char *path_home(void)
{
    size_t bytes = 1024;
    for (;;) {
        char *home = malloc(bytes);
        if (!home)
            return NULL;
        int result = uv_os_homedir(home, &bytes);
        if (result == 0)
            return home;
        free(home);
        if (result != UV_ENOBUFS)
            return NULL;
    }
}

static char *user_folder(const char *variable, const char *suffix, const char *below_home)
{
    char *result = below_variable(variable, suffix);
    if (result)
        return result;
    char *home = path_home();
    if (home)
        result = path_join(home, below_home);
    free(home);
    return result;
}

char *path_cache_folder(void)
{
    char *own = environment("CUBBY_CACHE_DIR");
    if (own)
        return own;
    if (windows)
        return user_folder("LOCALAPPDATA", "cubby/cache", "AppData/Local/cubby/cache");
    return user_folder("XDG_CACHE_HOME", "cubby", ".cache/cubby");
}

char *path_config_folder(void)
{
    if (windows)
        return user_folder("LOCALAPPDATA", "cubby/config", "AppData/Local/cubby/config");
    return user_folder("XDG_CONFIG_HOME", "cubby", ".config/cubby");
}

char *path_program_folder(void)
{
    for (size_t bytes = 1024; bytes <= 65536; bytes *= 2) {
        char *program = malloc(bytes);
        if (!program)
            return NULL;
        size_t length = bytes;
        int result = uv_exepath(program, &length);
        // libuv cuts a longer path without a word.
        bool whole = result == 0 && length < bytes - 1;
        char *folder = whole ? path_parent(program) : NULL;
        free(program);
        if (result || whole)
            return folder;
    }
    return NULL;
}
