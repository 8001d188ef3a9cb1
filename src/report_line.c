#include "report_line.h"

#include <stdio.h>
#include <stdlib.h>

static void add_json_member(struct text *text, const char *key, const char *value)
{
    text_add_format(text, ", \"%s\": ", key);
    text_add_json_string(text, value);
}

// The class that the account names: what was decided, for unsure what was nearest. NULL: none.
static const char *class_of(const struct photo *photo)
{
    bool decided = photo->status == PHOTO_FILED || photo->status == PHOTO_UNSURE;
    return decided && photo->top_count > 0 ? photo->class_name : NULL;
}

// Whether the class is the model's, so that its probability belongs to it.
static bool is_guess(const struct photo *photo)
{
    return photo->status != PHOTO_FILED || !photo_is_placed(photo);
}

// "0.9731", whatever the locale's decimal point is.
static void format_probability(const struct photo *photo, char text[16])
{
    double p = (double)photo->top[0].probability;
    unsigned units = p >= 1 ? 10000 : p > 0 ? (unsigned)(p * 10000 + 0.5) : 0; // NaN: 0
    snprintf(text, 16, "%u.%04u", units / 10000, units % 10000);
}

// The path as it is written; NULL: out of memory, and the line has failed.
static char *path_of(struct text *line, const char *path, const struct shown_paths *shown)
{
    char *text = shown_path(shown, path);
    if (!text)
        line->failed = true;
    return text;
}

// What travelled with the photo, as far as it arrived.
static void add_members(struct text *line, const struct photo *photo,
                        const struct shown_paths *shown)
{
    bool first = true;
    for (uint32_t i = 0; i < photo->member_count; i++) {
        const struct photo_member *member = &photo->members[i];
        char *path = member->filed_as ? path_of(line, member->path, shown) : NULL;
        if (!path)
            continue;
        text_add_string(line, first ? ", \"with\": [{\"path\": " : ", {\"path\": ");
        text_add_json_string(line, path);
        add_json_member(line, "filed_as", member->filed_as);
        text_add_string(line, "}");
        free(path);
        first = false;
    }
    if (!first)
        text_add_string(line, "]");
}

void report_json_line(struct text *line, const struct photo *photo, const struct shown_paths *shown)
{
    line->length = 0;
    char *path = path_of(line, photo->path, shown);
    if (!path)
        return;
    text_add_string(line, "{\"path\": ");
    text_add_json_string(line, path);
    free(path);
    add_json_member(line, "status", photo_status_text(photo->status));
    const char *class_name = class_of(photo);
    if (class_name) {
        char p[16];
        format_probability(photo, p);
        add_json_member(line, "class", class_name);
        if (is_guess(photo))
            text_add_format(line, ", \"p\": %s", p);
    }
    if (photo->filed_as)
        add_json_member(line, "filed_as", photo->filed_as);
    if (photo->reason[0])
        add_json_member(line, "reason", photo->reason);
    add_members(line, photo, shown);
    text_add_string(line, "}\n");
}

static uint32_t count_members(const struct photo *photo)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < photo->member_count; i++)
        count += photo->members[i].filed_as != NULL;
    return count;
}

void report_csv_line(struct text *line, const struct photo *photo, const struct shown_paths *shown)
{
    line->length = 0;
    char *path = path_of(line, photo->path, shown);
    if (!path)
        return;
    text_add_csv_field(line, path);
    free(path);
    text_add_format(line, ",%s,", photo_status_text(photo->status));
    const char *class_name = class_of(photo);
    char p[16] = "";
    if (class_name) {
        if (is_guess(photo))
            format_probability(photo, p);
        text_add_csv_field(line, class_name);
    }
    text_add_format(line, ",%s,", p);
    text_add_csv_field(line, photo->filed_as ? photo->filed_as : "");
    text_add_string(line, ",");
    text_add_csv_field(line, photo->reason);
    text_add_format(line, ",%u\r\n", (unsigned)count_members(photo));
}
