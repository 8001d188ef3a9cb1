#include "commands/command.h"

#include <stdio.h>

#include "commands/window.h"
#include "platform/arguments.h"
#include "platform/terminal.h"

int main(int argc, char **argv)
{
    terminal_prepare();
    argv = arguments_utf8(&argc, argv);
    if (!argv) {
        fprintf(stderr, "cubby: error: out of memory\n");
        return EXIT_CODE_STOPPED;
    }
    bool window = terminal_is_own_window();
    int code = EXIT_CODE_OK;
    if (window && argc < 2) {
        window_explain(stdout);
    } else {
        code = cubby_main(argc, (const char *const *)argv);
        if (window)
            window_say_goodbye(stdout, code);
    }
    if (window) {
        fflush(stdout);
        terminal_wait_for_key();
    }
    return code;
}
