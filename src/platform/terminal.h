// What stands behind stdout and stderr. `file` is 1 or 2.
#ifndef SRC_PLATFORM_TERMINAL_H
#define SRC_PLATFORM_TERMINAL_H

#include <stdbool.h>

bool terminal_is(int file);
// Columns: the terminal's, else COLUMNS, else 80; always 20..1000.
int terminal_width(int file);
// A terminal that takes colours, unless NO_COLOR is set or TERM is "dumb".
bool terminal_has_color(int file);

#endif
