// What stands behind stdout and stderr. `file` is 1 or 2.
#ifndef SRC_PLATFORM_TERMINAL_H
#define SRC_PLATFORM_TERMINAL_H

#include <stdbool.h>

// Call it once in main(): a Windows console then takes UTF-8, and results have the same bytes as
// elsewhere ("\n", not "\r\n").
void terminal_prepare(void);
// What empties the line that the cursor is in, for the next text to begin at its start.
const char *terminal_wipe(void);
// Whether a console window was opened for this program alone, as when a folder is dragged onto it:
// it closes with the program.
bool terminal_is_own_window(void);
// Waits for a key in that window, or for its end.
void terminal_wait_for_key(void);
bool terminal_is(int file);
// Columns: the terminal's, else COLUMNS, else 80; always 20..1000.
int terminal_width(int file);
// A terminal that takes colours, unless NO_COLOR is set or TERM is "dumb".
bool terminal_has_color(int file);

#endif
