#include "sink/sink.h"

enum cubby_status sink_file(struct sink *sink, struct photo **photo, const char *folder)
{
    return sink->ops->file(sink, photo, folder);
}

enum cubby_status sink_pass(struct sink *sink, struct photo **photo)
{
    return sink->ops->pass(sink, photo);
}

enum cubby_status sink_tick(struct sink *sink)
{
    return sink->ops->tick ? sink->ops->tick(sink) : CUBBY_OK;
}

enum cubby_status sink_finish(struct sink *sink, bool complete)
{
    return sink->ops->finish(sink, complete);
}

void sink_destroy(struct sink **sink)
{
    if (*sink)
        (*sink)->ops->destroy(*sink);
    *sink = NULL;
}
