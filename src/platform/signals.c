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

static LRESULT CALLBACK on_message(HWND window, UINT message, WPARAM first, LPARAM second)
{
    if (message != WM_ENDSESSION)
        return DefWindowProcW(window, message, first, second);
    if (first) { // not when somebody else has refused it
        caught = SIGTERM;
        Sleep(LAST_WAIT_MS);
    }
    return 0;
}

// Programs that have loaded user32.dll, as graphics drivers do, are told of logging off and
// shutting down by messages only, and only to a window: one that is never shown.
static DWORD WINAPI wait_for_session_end(void *nothing)
{
    (void)nothing;
    const WNDCLASSW class = {
        .lpfnWndProc = on_message, .hInstance = GetModuleHandleW(NULL), .lpszClassName = L"cubby"};
    MSG message;
    if (RegisterClassW(&class) && CreateWindowExW(0, class.lpszClassName, L"cubby", WS_OVERLAPPED,
                                                  0, 0, 0, 0, NULL, NULL, class.hInstance, NULL))
        while (GetMessageW(&message, NULL, 0, 0) > 0)
            DispatchMessageW(&message);
    return 0;
}

void platform_catch_interrupts(void)
{
    SetConsoleCtrlHandler(on_event, TRUE);
    HANDLE thread = CreateThread(NULL, 0, wait_for_session_end, NULL, 0, NULL);
    if (thread)
        CloseHandle(thread); // it runs until the process ends
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
