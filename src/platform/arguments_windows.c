#ifdef _WIN32

#include "platform/arguments.h"

#include <stdlib.h>
#include <uv.h>
#include <windows.h>

#include <shellapi.h> // after windows.h

#include "platform/wide.h"

char **arguments_utf8(int *argc, char **argv)
{
    uv_setup_args(*argc, argv);
    int count;
    wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), &count);
    char **list = wide ? calloc((size_t)count + 1, sizeof(*list)) : NULL;
    for (int i = 0; list && i < count; i++) {
        list[i] = wide_to_utf8(wide[i]);
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
