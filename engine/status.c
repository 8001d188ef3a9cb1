#include "engine/status.h"

const char *cubby_status_text(enum cubby_status status)
{
    switch (status) {
    case CUBBY_OK:
        return "success";
    case CUBBY_BAD_DATA:
        return "damaged data";
    case CUBBY_UNSUPPORTED:
        return "not supported";
    case CUBBY_TOO_LARGE:
        return "too large";
    case CUBBY_NO_MEMORY:
        return "out of memory";
    case CUBBY_NO_DEVICE:
        return "no Vulkan device";
    case CUBBY_DEVICE_LOST:
        return "the device stopped working";
    case CUBBY_IO:
        return "input or output failed";
    case CUBBY_NO_SPACE:
        return "no space left";
    case CUBBY_EXISTS:
        return "already there";
    case CUBBY_BUSY:
        return "in use, or not answering";
    case CUBBY_INTERRUPTED:
        return "interrupted";
    case CUBBY_INTERNAL:
        return "internal error";
    }
    return "unknown error";
}
