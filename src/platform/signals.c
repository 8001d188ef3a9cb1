#include "platform/signals.h"

#include <signal.h>
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

static BOOL WINAPI on_event(DWORD event)
{
    // Ctrl-C and Ctrl-Break are SIGINT; a closed window, logging off and shutting down SIGTERM.
    int number = event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT ? SIGINT : SIGTERM;
    if (caught)
        ExitProcess(128u + (unsigned)number);
    caught = number;
    // Windows ends the process when the handler of such an event returns, so leave it time.
    if (number == SIGTERM)
        Sleep(10000);
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
