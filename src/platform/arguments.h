// The command line as UTF-8 on every system.
#ifndef SRC_PLATFORM_ARGUMENTS_H
#define SRC_PLATFORM_ARGUMENTS_H

// Call it first in main(), once. Windows gives main() the arguments in an old code page, in which
// most file names do not exist; there they are fetched anew. What is returned ends with a NULL, as
// argv does, and lives as long as the process; NULL: out of memory.
char **arguments_utf8(int *argc, char **argv);

#endif
