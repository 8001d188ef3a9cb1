#ifndef _WIN32

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <uv.h>

#include "platform/process.h"

void process_host(char text[PROCESS_TEXT_BYTES])
{
    if (gethostname(text, PROCESS_TEXT_BYTES))
        text[0] = '\0';
    text[PROCESS_TEXT_BYTES - 1] = '\0';
}

// The first line of a file; "" if there is none.
static void read_line(const char *path, char text[PROCESS_TEXT_BYTES])
{
    memset(text, 0, PROCESS_TEXT_BYTES);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    if (!fgets(text, PROCESS_TEXT_BYTES, file))
        text[0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    fclose(file);
}

void process_boot(char text[PROCESS_TEXT_BYTES])
{
    read_line("/proc/sys/kernel/random/boot_id", text);
}

void process_machine(char text[PROCESS_TEXT_BYTES])
{
    read_line("/etc/machine-id", text);
    if (!text[0])
        read_line("/var/lib/dbus/machine-id", text);
    if (!text[0])
        process_host(text);
}

uint64_t process_user(void)
{
    return (uint64_t)getuid();
}

int64_t process_own(void)
{
    return (int64_t)getpid();
}

uint64_t process_started(int64_t process)
{
    char path[64], line[1024];
    snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)process);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    size_t length = fread(line, 1, sizeof(line) - 1, file);
    fclose(file);
    line[length] = '\0';
    // The second field is the program's name in brackets, which may hold anything; the start time
    // is the 20th after it.
    char *at = strrchr(line, ')');
    for (int i = 0; at && i < 20; i++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at + 1, NULL, 10) : 0;
}

bool process_runs(int64_t process)
{
    if (process <= 0 || process > INT32_MAX)
        return false;
    return kill((pid_t)process, 0) == 0 || errno != ESRCH;
}

int process_lock_file(int file)
{
    if (flock(file, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK || errno == EINTR ? UV_EBUSY : UV_ENOTSUP;
}

#else
typedef int process_posix_is_not_built_here; // an empty file is not C
#endif
