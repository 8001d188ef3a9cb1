#include "pipeline/gate.h"

int gate_init(struct gate *gate, uint64_t limit_bytes)
{
    *gate = (struct gate){.limit_bytes = limit_bytes};
    int error = uv_mutex_init(&gate->lock);
    if (error)
        return error;
    error = uv_cond_init(&gate->room);
    if (error)
        uv_mutex_destroy(&gate->lock);
    return error;
}

void gate_fini(struct gate *gate)
{
    uv_cond_destroy(&gate->room);
    uv_mutex_destroy(&gate->lock);
}

uint64_t gate_enter(struct gate *gate, uint64_t bytes)
{
    if (bytes <= GATE_FREE_BYTES)
        return 0;
    uv_mutex_lock(&gate->lock);
    while (gate->held_bytes > 0 &&
           (gate->held_bytes >= gate->limit_bytes || bytes > gate->limit_bytes - gate->held_bytes))
        uv_cond_wait(&gate->room, &gate->lock);
    gate->held_bytes += bytes;
    uv_mutex_unlock(&gate->lock);
    return bytes;
}

void gate_leave(struct gate *gate, uint64_t held_bytes)
{
    if (!held_bytes)
        return;
    uv_mutex_lock(&gate->lock);
    gate->held_bytes -= held_bytes;
    uv_cond_broadcast(&gate->room);
    uv_mutex_unlock(&gate->lock);
}
