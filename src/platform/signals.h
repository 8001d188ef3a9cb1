// Ctrl-C and its relatives, turned into a flag that the run looks at between photos.
#ifndef SRC_PLATFORM_SIGNALS_H
#define SRC_PLATFORM_SIGNALS_H

// From now on SIGINT, SIGTERM and SIGHUP only set the flag; the second one ends the process at once
// with 128 + its number. On Windows Ctrl-C and Ctrl-Break are SIGINT; a closed window, logging off
// and shutting down are SIGTERM, after which Windows leaves a few seconds. A signal that was
// ignored (nohup) stays ignored. A file over the size limit becomes a failed write instead of
// SIGXFSZ.
void platform_catch_interrupts(void);

// The first signal's number, or 0. Any thread.
int platform_interrupted(void);

#endif
