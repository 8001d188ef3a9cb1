// Ctrl-C and its relatives, turned into a flag that the run looks at between photos.
#ifndef SRC_PLATFORM_SIGNALS_H
#define SRC_PLATFORM_SIGNALS_H

// On Windows a thread with a hidden window, which learns of logging off; elsewhere nothing.
struct interrupt_watch {
    void *thread; // owned HANDLE
    void *ended;  // owned HANDLE: the event that it is over
};

// From now on SIGINT, SIGTERM and SIGHUP only set the flag; the second one ends the process at once
// with 128 + its number. On Windows Ctrl-C and Ctrl-Break are SIGINT; a closed window, logging off
// and shutting down are SIGTERM, after which Windows leaves a few seconds. A signal that was
// ignored (nohup) stays ignored. A file over the size limit becomes a failed write instead of
// SIGXFSZ.
// Fills *watch with what has to be ended before the process ends; signals are caught even if that
// could not be made.
void platform_catch_interrupts(struct interrupt_watch *watch);

// When nothing is in hand any more, on the thread that began it: a log-off need not wait from now
// on. Waits for the watch's thread, at most two seconds; a process that ends while a thread has a
// window may hang under Wine, which then kills it. Signals still only set the flag. Safe on zeroes.
void platform_end_watch(struct interrupt_watch *watch);

// The first signal's number, or 0. Any thread.
int platform_interrupted(void);

#endif
