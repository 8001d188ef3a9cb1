// Tells a running cubby what Windows tells programs when the user logs off.
#include <windows.h>

int main(void)
{
    HWND window = FindWindowW(L"cubby", NULL);
    return window && PostMessageW(window, WM_ENDSESSION, TRUE, 0) ? 0 : 1;
}
