#ifndef _WIN32

#include "platform/arguments.h"

#include <uv.h>

char **arguments_utf8(int *argc, char **argv)
{
    // Bytes are bytes here: a name that is not UTF-8 has to open its file all the same.
    return uv_setup_args(*argc, argv);
}

#else
typedef int arguments_posix_is_not_built_here; // an empty file is not C
#endif
