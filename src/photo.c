#include "photo.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/fs.h"
#include "platform/names.h"

void photo_set_stat(struct photo *photo, const struct fs_stat *stat)
{
    photo->size_bytes = stat->size_bytes;
    photo->mtime_ns = stat->mtime_ns;
    photo->atime_ns = stat->atime_ns;
    photo->birthtime_ns = stat->birthtime_ns;
    photo->is_away = stat->is_away;
    photo->device = stat->device;
    photo->inode = stat->inode;
    photo->mode = stat->mode & 07777;
}

const char *photo_status_text(enum photo_status status)
{
    switch (status) {
    case PHOTO_PENDING:
        return "pending";
    case PHOTO_FILED:
        return "filed";
    case PHOTO_UNSURE:
        return "unsure";
    case PHOTO_FAILED:
        return "failed";
    case PHOTO_SKIPPED:
        return "skipped";
    }
    return "unknown";
}

// Takes away the beginning of a character whose end was cut off.
static void mend_end(char *text)
{
    size_t start = strlen(text);
    for (int i = 0; i < 3 && start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80; i++)
        start--;
    if (start > 0 && (unsigned char)text[start - 1] >= 0xc0 && !names_utf8_length(text + start - 1))
        text[start - 1] = '\0';
}

struct photo_member *photo_add_member(struct photo *photo)
{
    struct photo_member *members =
        realloc(photo->members, (photo->member_count + 1) * sizeof(*members));
    if (!members)
        return NULL;
    photo->members = members;
    members[photo->member_count] = (struct photo_member){0};
    return &members[photo->member_count++];
}

bool photo_is_duplicate(const struct photo *photo)
{
    return photo->status == PHOTO_SKIPPED && photo->top_count && !photo->filed_as;
}

bool photo_is_placed(const struct photo *photo)
{
    return (photo->status == PHOTO_FILED || photo->status == PHOTO_UNSURE) &&
           !strcmp(photo->reason, PHOTO_PLACED);
}

void photo_settle(struct photo *photo, enum photo_status status, const char *format, ...)
{
    photo->status = status;
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(photo->reason, sizeof(photo->reason), format, arguments);
    va_end(arguments);
    if (wanted >= (int)sizeof(photo->reason))
        mend_end(photo->reason);
}

void photo_free(struct photo **photo)
{
    struct photo *p = *photo;
    if (!p)
        return;
    free(p->path);
    free(p->relative);
    free(p->bytes);
    free(p->features);
    free(p->filed_as);
    free(p->class_name);
    for (uint32_t i = 0; i < p->member_count; i++) {
        free(p->members[i].path);
        free(p->members[i].name);
        free(p->members[i].filed_as);
    }
    free(p->members);
    free(p);
    *photo = NULL;
}
