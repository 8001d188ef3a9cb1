// What a checkpoint says to people besides its tensors.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/container.h"

#define MAX_NOTE_BYTES 1000u

static enum cubby_status format_text(struct arena *arena, const char **out, const char *format,
                                     va_list arguments)
{
    char text[MAX_NOTE_BYTES];
    vsnprintf(text, sizeof(text), format, arguments);
    *out = arena_copy(arena, text, strlen(text));
    return *out ? CUBBY_OK : CUBBY_NO_MEMORY;
}

enum cubby_status checkpoint_add_note(struct cubby_checkpoint *checkpoint, const char *format, ...)
{
    if (checkpoint->note_count == CHECKPOINT_MAX_NOTES)
        return CUBBY_OK;
    va_list arguments;
    va_start(arguments, format);
    enum cubby_status status = format_text(
        &checkpoint->arena, &checkpoint->notes[checkpoint->note_count], format, arguments);
    va_end(arguments);
    checkpoint->note_count += status == CUBBY_OK;
    return status;
}

enum cubby_status checkpoint_set_obstacle(struct cubby_checkpoint *checkpoint, const char *format,
                                          ...)
{
    if (checkpoint->obstacle)
        return CUBBY_OK;
    va_list arguments;
    va_start(arguments, format);
    enum cubby_status status =
        format_text(&checkpoint->arena, &checkpoint->obstacle, format, arguments);
    va_end(arguments);
    return status;
}

enum cubby_status checkpoint_set_class_obstacle(struct cubby_checkpoint *checkpoint,
                                                const char *format, ...)
{
    if (checkpoint->class_obstacle)
        return CUBBY_OK;
    va_list arguments;
    va_start(arguments, format);
    enum cubby_status status =
        format_text(&checkpoint->arena, &checkpoint->class_obstacle, format, arguments);
    va_end(arguments);
    return status;
}

enum cubby_status checkpoint_set_foreign(struct cubby_checkpoint *checkpoint, const char *format,
                                         ...)
{
    va_list arguments;
    va_start(arguments, format);
    enum cubby_status status =
        format_text(&checkpoint->arena, &checkpoint->foreign, format, arguments);
    va_end(arguments);
    return status;
}

size_t cubby_checkpoint_note_count(const struct cubby_checkpoint *checkpoint)
{
    return checkpoint->note_count;
}

const char *cubby_checkpoint_note(const struct cubby_checkpoint *checkpoint, size_t index)
{
    return checkpoint->notes[index];
}

const char *cubby_checkpoint_obstacle(const struct cubby_checkpoint *checkpoint)
{
    return checkpoint->obstacle;
}

const char *cubby_checkpoint_class_obstacle(const struct cubby_checkpoint *checkpoint)
{
    return checkpoint->class_obstacle;
}
