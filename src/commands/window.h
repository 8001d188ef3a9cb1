// A person who has no command line: the program was started with the mouse, in a window of its own
// that closes with it.
#ifndef SRC_COMMANDS_WINDOW_H
#define SRC_COMMANDS_WINDOW_H

#include <stdio.h>

// How to use the program with the mouse; the window closes with a key, here too.
void window_explain(FILE *stream);
// What an exit code means, in plain words, and that a key closes the window.
void window_say_goodbye(FILE *stream, int code);

#endif
