// Tells a running cubby what Windows tells programs when the user logs off, or with "close" what
// taskkill tells them.
#include <string.h>
#include <windows.h>

int main(int argc, char **argv)
{
    HWND window = FindWindowW(L"cubby", NULL);
    if (argc > 1 && !strcmp(argv[1], "close"))
        return window && PostMessageW(window, WM_CLOSE, 0, 0) ? 0 : 1;
    return window && PostMessageW(window, WM_ENDSESSION, TRUE, 0) ? 0 : 1;
}
