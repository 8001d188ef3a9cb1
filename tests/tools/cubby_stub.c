// The whole program with a classifier that needs no device (stub_classifier.h) and with file
// operations that can be told to fail (faulty_fs.h).
#include "faulty_fs.h"
#include "platform/arguments.h"
#include "platform/terminal.h"
#include "stub_classifier.h"

int main(int argc, char **argv)
{
    terminal_prepare();
    argv = arguments_utf8(&argc, argv);
    if (!argv)
        return EXIT_CODE_STOPPED;
    struct faulty_fs faulty;
    faulty_from_environment(&faulty);
    const struct command_hooks hooks = {.fs = &faulty.fs, .open_classifier = stub_open};
    int code = cubby_main_with(argc, (const char *const *)argv, &hooks);
    if (getenv("CUBBY_STUB_COUNT"))
        fprintf(stderr, "%u operations\n", (unsigned)faulty.operations);
    return code;
}
