#include "sink/sink.h"

#include <stddef.h>

enum cubby_status sink_file(struct sink *sink, struct photo *photo, const char *folder)
{
    return sink->ops->file(sink, photo, folder);
}

enum cubby_status sink_finish(struct sink *sink)
{
    return sink->ops->finish(sink);
}

bool sink_settles_late(const struct sink *sink)
{
    return sink->ops->confirm != NULL;
}

enum cubby_status sink_confirm(struct sink *sink, struct photo *photo)
{
    return sink->ops->confirm ? sink->ops->confirm(sink, photo) : CUBBY_OK;
}

void sink_destroy(struct sink **sink)
{
    if (*sink)
        (*sink)->ops->destroy(*sink);
    *sink = NULL;
}
