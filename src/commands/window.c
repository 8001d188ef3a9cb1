#include "commands/window.h"

#include "commands/command.h"

#define LAST_LINE "\nPress any key to close this window.\n"

void window_explain(FILE *stream)
{
    fputs("cubby sorts photos into folders by what they show.\n\n"
          "Drag a folder of photos onto cubby.exe. The sorted copies appear beside\n"
          "that folder, in one of the same name with \"-sorted\" at the end. The\n"
          "photos themselves stay as they are.\n\n"
          "If you have a model of your own, select it together with the folder, and\n"
          "drag both.\n\n"
          "Everything else is done on a command line: cubby help\n" LAST_LINE,
          stream);
}

void window_say_goodbye(FILE *stream, int code)
{
    const char *text;
    switch (code) {
    case EXIT_CODE_OK:
        text = "Done: every file is accounted for.";
        break;
    case EXIT_CODE_SOME_FAILED:
        text = "Done, but the photos named above could not be sorted. They are untouched.";
        break;
    case EXIT_CODE_PASSING:
        text = "It had to stop, as said above. What is sorted stays sorted: when that is\n"
               "mended, do the same again, and it goes on.";
        break;
    default:
        text = code >= EXIT_CODE_SIGNAL
                   ? "Stopped. What is sorted stays sorted: do the same again, and it goes on."
                   : "It could not go on, for the reason above.";
    }
    fprintf(stream, "\n%s\n" LAST_LINE, text);
}
