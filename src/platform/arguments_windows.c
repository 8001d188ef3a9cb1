#ifdef _WIN32

#include "platform/arguments.h"

#include <stdlib.h>
#include <uv.h>
#include <windows.h>

#include <shellapi.h> // after windows.h

// malloc'd. A lone surrogate, which UTF-8 cannot hold, becomes U+FFFD.
static char *to_utf8(const wchar_t *wide)
{
    int bytes = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    char *text = bytes > 0 ? malloc((size_t)bytes) : NULL;
    if (text && WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, bytes, NULL, NULL) != bytes) {
        free(text);
        return NULL;
    }
    return text;
}

char **arguments_utf8(int *argc, char **argv)
{
    uv_setup_args(*argc, argv);
    int count;
    wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), &count);
    char **list = wide ? calloc((size_t)count + 1, sizeof(*list)) : NULL;
    for (int i = 0; list && i < count; i++) {
        list[i] = to_utf8(wide[i]);
        if (!list[i]) {
            while (i > 0)
                free(list[--i]);
            free(list);
            list = NULL;
        }
    }
    LocalFree(wide);
    if (list)
        *argc = count;
    return list;
}

#else
typedef int arguments_windows_is_not_built_here; // an empty file is not C
#endif
