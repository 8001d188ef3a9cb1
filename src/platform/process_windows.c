#ifdef _WIN32

#include <io.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>
#include <windows.h>

#include "platform/process.h"

void process_host(char text[PROCESS_TEXT_BYTES])
{
    size_t bytes = PROCESS_TEXT_BYTES;
    if (uv_os_gethostname(text, &bytes))
        text[0] = '\0';
}

void process_boot(char text[PROCESS_TEXT_BYTES])
{
    // Start times below tell processes of different boots apart by themselves.
    text[0] = '\0';
}

void process_machine(char text[PROCESS_TEXT_BYTES])
{
    DWORD bytes = PROCESS_TEXT_BYTES;
    memset(text, 0, PROCESS_TEXT_BYTES);
    if (RegGetValueA(HKEY_LOCAL_MACHINE, "SOFTWARE\\Microsoft\\Cryptography", "MachineGuid",
                     RRF_RT_REG_SZ | RRF_SUBKEY_WOW6464KEY, NULL, text, &bytes)) {
        memset(text, 0, PROCESS_TEXT_BYTES);
        process_host(text);
    }
}

uint64_t process_user(void)
{
    uv_passwd_t user;
    uint64_t number = 1469598103934665603u; // FNV-1a of the name: there are no numbers of users
    if (uv_os_get_passwd(&user))
        return 0;
    for (const char *c = user.username; *c; c++)
        number = (number ^ (unsigned char)*c) * 1099511628211u;
    uv_os_free_passwd(&user);
    return number;
}

int64_t process_own(void)
{
    return (int64_t)GetCurrentProcessId();
}

uint64_t process_started(int64_t process)
{
    HANDLE handle = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, (DWORD)process);
    FILETIME created, ended, kernel, user;
    uint64_t started = 0;
    if (handle && GetProcessTimes(handle, &created, &ended, &kernel, &user))
        started = (uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime;
    if (handle)
        CloseHandle(handle);
    return started;
}

bool process_runs(int64_t process)
{
    if (process <= 0 || process > UINT32_MAX)
        return false;
    HANDLE handle = OpenProcess(SYNCHRONIZE, FALSE, (DWORD)process);
    if (!handle)
        return GetLastError() == ERROR_ACCESS_DENIED;
    bool runs = WaitForSingleObject(handle, 0) == WAIT_TIMEOUT;
    CloseHandle(handle);
    return runs;
}

int process_lock_file(int file)
{
    HANDLE handle = (HANDLE)_get_osfhandle(file);
    // A byte far behind the text, so that others can still read who has it.
    OVERLAPPED at = {.OffsetHigh = 1};
    if (LockFileEx(handle, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at))
        return 0;
    DWORD error = GetLastError();
    return error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING ? UV_EBUSY : UV_ENOTSUP;
}

#else
typedef int process_windows_is_not_built_here; // an empty file is not C
#endif
