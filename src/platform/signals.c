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

// More than the thread with the window needs to end, even while it still makes the window.
#define THREAD_END_MS 2000u

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

// The window's data is the event that the watch is over.
static LRESULT CALLBACK on_message(HWND window, UINT message, WPARAM first, LPARAM second)
{
    if (message == WM_NCCREATE)
        SetWindowLongPtrW(window, GWLP_USERDATA,
                          (LONG_PTR)((const CREATESTRUCTW *)second)->lpCreateParams);
    if (message == WM_CLOSE) { // taskkill without /f; by itself it would only destroy the window
        caught = SIGTERM;
        return 0;
    }
    if (message != WM_ENDSESSION)
        return DefWindowProcW(window, message, first, second);
    if (first) { // not when somebody else has refused it
        caught = SIGTERM;
        WaitForSingleObject((HANDLE)GetWindowLongPtrW(window, GWLP_USERDATA), LAST_WAIT_MS);
    }
    return 0;
}

// Until `ended` is set. Other than a WM_QUIT, it may be set before there is a window or a queue.
static void answer_messages(HANDLE ended)
{
    MSG message;
    while (MsgWaitForMultipleObjects(1, &ended, FALSE, INFINITE, QS_ALLINPUT) == WAIT_OBJECT_0 + 1)
        while (PeekMessageW(&message, NULL, 0, 0, PM_REMOVE))
            DispatchMessageW(&message);
}

// Programs that have loaded user32.dll, as graphics drivers do, are told of logging off and
// shutting down by messages only, and only to a window: one that is never shown.
static DWORD WINAPI wait_for_session_end(void *ended)
{
    const WNDCLASSW class = {
        .lpfnWndProc = on_message, .hInstance = GetModuleHandleW(NULL), .lpszClassName = L"cubby"};
    if (!RegisterClassW(&class))
        return 0;
    HWND window = CreateWindowExW(0, class.lpszClassName, L"cubby", WS_OVERLAPPED, 0, 0, 0, 0, NULL,
                                  NULL, class.hInstance, ended);
    if (window) {
        answer_messages(ended);
        DestroyWindow(window);
    }
    UnregisterClassW(class.lpszClassName, class.hInstance);
    return 0;
}

void platform_catch_interrupts(struct interrupt_watch *watch)
{
    *watch = (struct interrupt_watch){0};
    SetConsoleCtrlHandler(on_event, TRUE);
    watch->ended = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (watch->ended)
        watch->thread = CreateThread(NULL, 0, wait_for_session_end, watch->ended, 0, NULL);
}

void platform_end_watch(struct interrupt_watch *watch)
{
    bool over = true;
    if (watch->thread) {
        SetEvent(watch->ended);
        over = WaitForSingleObject(watch->thread, THREAD_END_MS) == WAIT_OBJECT_0;
        CloseHandle(watch->thread);
    }
    if (watch->ended && over) // a thread that is stuck may still look at it
        CloseHandle(watch->ended);
    *watch = (struct interrupt_watch){0};
}

#else

static void on_signal(int number)
{
    if (caught)
        _exit(128 + number);
    caught = number;
}

void platform_catch_interrupts(struct interrupt_watch *watch)
{
    *watch = (struct interrupt_watch){0};
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

void platform_end_watch(struct interrupt_watch *watch)
{
    *watch = (struct interrupt_watch){0};
}

#endif
