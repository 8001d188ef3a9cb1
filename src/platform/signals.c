#include "platform/signals.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#ifdef _WIN32
#include <windows.h>
#else
#include <unistd.h>
#endif

// The one global that may change: a signal handler can reach nothing else.
static volatile _Atomic sig_atomic_t caught; // atomic, because any thread may look

int platform_interrupted(void)
{
    return caught;
}

#ifdef _WIN32

// Windows ends the process when the handler of a closed window, a log-off or a shutdown returns,
// and after 5 to 20 seconds in any case: until then what is in hand is finished.
#define LAST_WAIT_MS 20000u

static BOOL WINAPI on_event(DWORD event)
{
    bool is_key = event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT;
    int number = is_key ? SIGINT : SIGTERM;
    if (caught && is_key)
        ExitProcess(128u + (unsigned)number);
    caught = number;
    // The main thread's exit ends this wait.
    if (!is_key)
        Sleep(LAST_WAIT_MS);
    return TRUE;
}

void platform_catch_interrupts(void)
{
    SetConsoleCtrlHandler(on_event, TRUE);
}

#else

static void on_signal(int number)
{
    if (caught)
        _exit(128 + number);
    caught = number;
}

void platform_catch_interrupts(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART; // the flag is looked at often; nothing need fail with EINTR
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        struct sigaction before;
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN); // a reader of our results that leaves is an error, not the end
}

#endif
