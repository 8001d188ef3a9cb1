#include "platform/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <windows.h>
#else
#include <sys/ioctl.h>
#endif

#define DEFAULT_WIDTH 80
#define MIN_WIDTH 20
#define MAX_WIDTH 1000

#ifdef _WIN32

static UINT code_page_before; // the console outlives this program, and has it back

static void give_code_page_back(void)
{
    SetConsoleOutputCP(code_page_before);
}

void terminal_prepare(void)
{
    static char buffer[8192];
    _setmode(1, _O_BINARY);
    _setmode(2, _O_BINARY);
    // Without a buffer each byte is a call of its own, and a console shows half characters. All who
    // write to stderr flush it.
    setvbuf(stderr, buffer, _IOFBF, sizeof(buffer));
    code_page_before = GetConsoleOutputCP();
    if (code_page_before && code_page_before != CP_UTF8 && SetConsoleOutputCP(CP_UTF8))
        atexit(give_code_page_back);
}

const char *terminal_wipe(void)
{
    // Not every console knows the sequence that others have for it. Progress lines are ASCII, at
    // most this long, and shorter than the line, or there would be two to wipe.
    static char wipe[2 + MAX_WIDTH + 1];
    int width = terminal_width(2) - 1;
    snprintf(wipe, sizeof(wipe), "\r%*s\r", width, "");
    return wipe;
}

bool terminal_is_own_window(void)
{
    DWORD processes[2];
    return GetConsoleProcessList(processes, 2) == 1;
}

void terminal_wait_for_key(void)
{
    HANDLE keys = GetStdHandle(STD_INPUT_HANDLE);
    INPUT_RECORD record;
    DWORD count;
    FlushConsoleInputBuffer(keys); // what was typed meanwhile is no answer
    while (ReadConsoleInputW(keys, &record, 1, &count) && count == 1)
        if (record.EventType == KEY_EVENT && record.Event.KeyEvent.bKeyDown)
            break;
}

#else

void terminal_prepare(void)
{
}

const char *terminal_wipe(void)
{
    return "\r\033[K";
}

bool terminal_is_own_window(void)
{
    return false;
}

void terminal_wait_for_key(void)
{
}

#endif

bool terminal_is(int file)
{
    return uv_guess_handle(file) == UV_TTY;
}

// 0 if the terminal does not say.
static long system_width(int file)
{
#ifdef _WIN32
    CONSOLE_SCREEN_BUFFER_INFO info;
    HANDLE handle = (HANDLE)_get_osfhandle(file);
    if (!GetConsoleScreenBufferInfo(handle, &info))
        return 0;
    return info.srWindow.Right - info.srWindow.Left + 1;
#else
    // uv_tty_get_winsize wants a loop and changes the terminal's mode on the way.
    struct winsize size;
    return ioctl(file, TIOCGWINSZ, &size) ? 0 : size.ws_col;
#endif
}

int terminal_width(int file)
{
    long width = terminal_is(file) ? system_width(file) : 0;
    if (width <= 0) {
        const char *columns = getenv("COLUMNS");
        width = columns ? strtol(columns, NULL, 10) : 0;
    }
    if (width <= 0)
        width = DEFAULT_WIDTH;
    return (int)(width < MIN_WIDTH ? MIN_WIDTH : width > MAX_WIDTH ? MAX_WIDTH : width);
}

bool terminal_has_color(int file)
{
    const char *refused = getenv("NO_COLOR"); // no-color.org: set and not empty
    const char *kind = getenv("TERM");
    return terminal_is(file) && !(refused && refused[0]) && !(kind && strcmp(kind, "dumb") == 0);
}
