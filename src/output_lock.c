#include "output_lock.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "platform/clock.h"
#include "platform/path.h"
#include "platform/process.h"

#define MAX_LOCK_BYTES 4096u
#define MAX_TRIES 100 // of taking over: each means that another process was quicker

struct output_lock {
    const struct fs *fs; // borrowed
    char *path;          // owned
    int file;
};

// What a lock file says about who made it; all zero if it says nothing that makes sense.
struct holder {
    char host[PROCESS_TEXT_BYTES], boot[PROCESS_TEXT_BYTES];
    int64_t process, since_s;
    uint64_t started;
    bool valid;
};

static void copy_text(char to[PROCESS_TEXT_BYTES], const char *from)
{
    snprintf(to, PROCESS_TEXT_BYTES, "%s", from ? from : "");
}

static void parse_holder(const char *bytes, size_t length, struct holder *holder)
{
    *holder = (struct holder){0};
    json_t *object = json_loadb(bytes, length, JSON_DISABLE_EOF_CHECK, NULL);
    if (json_is_object(object)) {
        copy_text(holder->host, json_string_value(json_object_get(object, "host")));
        copy_text(holder->boot, json_string_value(json_object_get(object, "boot")));
        holder->process = json_integer_value(json_object_get(object, "process"));
        holder->started = (uint64_t)json_integer_value(json_object_get(object, "started"));
        holder->since_s = json_integer_value(json_object_get(object, "since"));
        holder->valid = holder->process > 0;
    }
    json_decref(object);
}

static void read_holder(const struct fs *fs, const char *path, struct holder *holder)
{
    char bytes[MAX_LOCK_BYTES];
    *holder = (struct holder){0};
    struct fs_stat stat;
    int file = fs->lstat(fs, path, &stat) || !stat.is_file ? -1 : fs->open(fs, path, FS_READ);
    if (file < 0)
        return;
    int64_t got = fs->read(fs, file, bytes, sizeof(bytes));
    fs->close(fs, file);
    if (got > 0)
        parse_holder(bytes, (size_t)got, holder);
}

static char *own_text(void)
{
    char host[PROCESS_TEXT_BYTES], boot[PROCESS_TEXT_BYTES];
    process_host(host);
    process_boot(boot);
    json_t *object =
        json_pack("{s:s, s:s, s:I, s:I, s:I}", "host", host, "boot", boot, "process",
                  (json_int_t)process_own(), "started", (json_int_t)process_started(process_own()),
                  "since", (json_int_t)(clock_wall_ns() / 1000000000));
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return text;
}

static bool is_of_this_host(const struct holder *holder)
{
    char host[PROCESS_TEXT_BYTES];
    process_host(host);
    return !strcmp(holder->host, host);
}

// Whether the process that made a lock is gone, as far as its file tells. `locked`: the system's
// own lock is ours, which says more than the file.
static bool is_stale(const struct holder *holder, bool locked)
{
    char boot[PROCESS_TEXT_BYTES];
    process_boot(boot);
    // Cut short when its process died; but without the system's lock it could as well be a moment
    // old, and its text still on the way.
    if (!holder->valid)
        return locked;
    if (!is_of_this_host(holder))
        return false;
    if (strcmp(holder->boot, boot) != 0 || !process_runs(holder->process))
        return true;
    uint64_t started = process_started(holder->process);
    return started && holder->started && started != holder->started; // its number was given again
}

static enum cubby_status refuse(const struct cubby_log *log, const char *output, const char *path,
                                const struct holder *holder)
{
    char since[64] = "a while ago";
    time_t seconds = (time_t)holder->since_s;
    struct tm local;
#ifdef _WIN32
    bool known = holder->since_s > 0 && localtime_s(&local, &seconds) == 0;
#else
    bool known = holder->since_s > 0 && localtime_r(&seconds, &local);
#endif
    if (known)
        strftime(since, sizeof(since), "%Y-%m-%d %H:%M", &local);
    if (holder->valid && !is_of_this_host(holder))
        cubby_log(log, CUBBY_LOG_ERROR,
                  "%s is in use by process %lld on the computer %.60s since %s; if that is surely "
                  "over, remove \"%s\" and run it again",
                  output, (long long)holder->process, holder->host, since, path);
    else if (holder->valid)
        cubby_log(log, CUBBY_LOG_ERROR,
                  "%s is in use by process %lld since %s: wait until it has ended and run it again",
                  output, (long long)holder->process, since);
    else
        cubby_log(log, CUBBY_LOG_ERROR,
                  "%s is in use by another process: wait until it has ended and run it again; if "
                  "there is surely none, remove \"%s\"",
                  output, path);
    return CUBBY_BUSY;
}

// Makes the lock file, or opens the one that is there to lock it. Negative: a libuv code.
static int open_file(const struct fs *fs, const char *path, bool *made)
{
    int file = fs->open(fs, path, FS_CREATE);
    *made = file >= 0;
    return file == UV_EEXIST ? fs->open(fs, path, FS_APPEND) : file;
}

// Whether the file that we have open still is the one of that name.
static bool is_still_there(const struct fs *fs, int file, const char *path)
{
    struct fs_stat ours, named;
    return fs->fstat(fs, file, &ours) == 0 && fs->lstat(fs, path, &named) == 0 &&
           ours.inode == named.inode && ours.device == named.device;
}

enum attempt { ATTEMPT_TAKEN, ATTEMPT_HELD, ATTEMPT_AGAIN, ATTEMPT_FAILED };

// Once. On ATTEMPT_FAILED *error says why.
static enum attempt attempt(struct output_lock *lock, struct holder *holder, int *error)
{
    const struct fs *fs = lock->fs;
    bool made;
    int file = open_file(fs, lock->path, &made);
    if (file == UV_ENOENT)
        return ATTEMPT_AGAIN; // removed between the two
    if (file < 0) {
        *error = file;
        return ATTEMPT_FAILED;
    }
    int locked = process_lock_file(file);
    enum attempt result = ATTEMPT_TAKEN;
    if (!made)
        read_holder(fs, lock->path, holder);
    bool same = is_still_there(fs, file, lock->path);
    if (!same)
        result = ATTEMPT_AGAIN;
    else if (locked == UV_EBUSY)
        result = ATTEMPT_HELD;
    else if (!made && !is_stale(holder, !locked) && (locked || !is_of_this_host(holder)))
        result = ATTEMPT_HELD;
    if (result == ATTEMPT_TAKEN && !made) {
        // A new file says who has it now; the old one is ours to remove while it is locked.
        *error = fs->unlink(fs, lock->path);
        result = *error ? ATTEMPT_FAILED : ATTEMPT_AGAIN;
    }
    if (result == ATTEMPT_TAKEN) {
        char *text = own_text();
        *error = text ? fs_write_all(fs, file, text, strlen(text)) : UV_ENOMEM;
        free(text);
        // So that other computers see it, and no power cut leaves an empty one.
        if (!*error)
            *error = fs->sync(fs, file);
        result = *error ? ATTEMPT_FAILED : ATTEMPT_TAKEN;
    }
    if (result == ATTEMPT_TAKEN)
        lock->file = file;
    else
        fs->close(fs, file);
    if (result == ATTEMPT_FAILED && made)
        fs->unlink(fs, lock->path);
    return result;
}

enum cubby_status output_lock_take(struct output_lock **out, const char *output,
                                   const struct fs *fs, const struct cubby_log *log)
{
    *out = NULL;
    enum cubby_status status = CUBBY_NO_MEMORY;
    struct holder holder = {0};
    int error = UV_EBUSY;
    enum attempt result = ATTEMPT_AGAIN;
    struct output_lock *lock = calloc(1, sizeof(*lock));
    char *folder = path_join(output, ".cubby");
    if (!lock || !folder)
        goto out;
    lock->fs = fs;
    lock->file = -1;
    lock->path = path_join(folder, "lock");
    if (!lock->path)
        goto out;
    for (int i = 0; i < MAX_TRIES && result == ATTEMPT_AGAIN; i++)
        result = attempt(lock, &holder, &error);
    if (result == ATTEMPT_TAKEN) {
        *out = lock;
        lock = NULL;
        status = CUBBY_OK;
    } else if (result == ATTEMPT_FAILED) {
        cubby_log(log, CUBBY_LOG_ERROR, "\"%s\" cannot be written: %s", folder,
                  fs_error_text(error));
        status = fs_status(error);
    } else {
        status = refuse(log, output, lock->path, &holder);
    }

out:
    free(folder);
    if (lock) {
        free(lock->path);
        free(lock);
    }
    return status;
}

void output_lock_release(struct output_lock **lock)
{
    struct output_lock *l = *lock;
    if (!l)
        return;
    // Removed while it is still locked, so that nobody locks a file that is about to go; unless a
    // person has removed ours, and another run has made its own.
    if (is_still_there(l->fs, l->file, l->path))
        l->fs->unlink(l->fs, l->path);
    l->fs->close(l->fs, l->file);
    free(l->path);
    free(l);
    *lock = NULL;
}
