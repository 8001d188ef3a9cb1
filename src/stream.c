#include "stream.h"

#include <errno.h>

bool stream_is_full(int code)
{
#ifdef EDQUOT
    if (code == EDQUOT)
        return true;
#endif
    return code == ENOSPC || code == EFBIG;
}

enum cubby_status stream_flush(FILE *stream, const struct cubby_log *log)
{
    bool failed = ferror(stream) != 0;
    errno = 0;
    bool flushed = fflush(stream) == 0;
    if (flushed && !failed)
        return CUBBY_OK;
    // What an earlier write failed of is forgotten by now: one more byte fails of the same.
    if (flushed && fputc('\n', stream) != EOF)
        (void)fflush(stream);
    int code = errno;
    cubby_log(log, CUBBY_LOG_ERROR, "the results cannot be written to standard output: %s",
              stream_is_full(code) ? "no space left"
              : code == EPIPE      ? "nobody reads them any more"
                                   : "writing failed");
    return stream_is_full(code) ? CUBBY_NO_SPACE : CUBBY_IO;
}
