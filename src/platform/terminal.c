#include "platform/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#ifdef _WIN32
#include <io.h>
#include <windows.h>
#else
#include <sys/ioctl.h>
#endif

#define DEFAULT_WIDTH 80
#define MIN_WIDTH 20
#define MAX_WIDTH 1000

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
