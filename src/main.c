#include "commands/command.h"

#include <stdio.h>

#include "platform/arguments.h"

int main(int argc, char **argv)
{
    argv = arguments_utf8(&argc, argv);
    if (!argv) {
        fprintf(stderr, "cubby: error: out of memory\n");
        return EXIT_CODE_STOPPED;
    }
    return cubby_main(argc, (const char *const *)argv);
}
