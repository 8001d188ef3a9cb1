// Outcome of every engine and product call that can fail.
//
// Zero is success. Each other code tells the caller what it can do; the detail (which tensor, how
// many bytes) is logged once, where it happened, through `struct cubby_log`.
#ifndef ENGINE_STATUS_H
#define ENGINE_STATUS_H

#if defined(__GNUC__)
#define CUBBY_NODISCARD __attribute__((warn_unused_result))
#define CUBBY_PRINTF(string, first) __attribute__((format(gnu_printf, string, first)))
#else
#define CUBBY_NODISCARD
#define CUBBY_PRINTF(string, first)
#endif

enum cubby_status {
    CUBBY_OK = 0,
    CUBBY_BAD_DATA,    // damaged, cut short or not what it claims to be: skip it
    CUBBY_UNSUPPORTED, // sound, but of a kind that cubby does not handle: skip it, say which kind
    CUBBY_TOO_LARGE,   // over a stated limit: skip it, or raise the limit
    CUBBY_NO_MEMORY,   // host or device memory ran out: a smaller batch may do
    CUBBY_NO_DEVICE,   // no Vulkan loader, driver or fitting device: nothing can be classified
    CUBBY_DEVICE_LOST, // the device stopped working: destroy gpu and net, rebuild once
    CUBBY_IO,          // reading or writing a file failed: errno-like detail in the message
    CUBBY_NO_SPACE,    // disk full, quota or file-size limit: stop, running again continues
    CUBBY_EXISTS,      // the name is taken: choose another
    CUBBY_BUSY,        // another process has it, or the network does not answer: later it may do
    CUBBY_INTERRUPTED, // the user asked to stop
    CUBBY_INTERNAL,    // a driver refused something valid, or a bug of ours: stop
};

// A short English phrase, such as "out of memory". Never NULL; static storage.
const char *cubby_status_text(enum cubby_status status);

#endif
