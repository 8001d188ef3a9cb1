#include "commands/result_line.h"

#include <math.h>

static uint32_t shown(const struct result_params *params, const struct photo *photo)
{
    return photo->top_count < params->top ? photo->top_count : params->top;
}

static void text_line(struct text *text, const struct result_params *params,
                      const struct photo *photo)
{
    if (!photo->top_count)
        return;
    text_add_printable(text, photo->path);
    for (uint32_t i = 0; i < shown(params, photo); i++) {
        const struct photo_guess *guess = &photo->top[i];
        text_add_string(text, i ? ", " : ": ");
        text_add_string(text, params->class_names[guess->class_index]);
        text_add_format(text, " %.1f %%", 100.0 * (double)guess->probability);
    }
    text_add_string(text, "\n");
}

static void json_logits(struct text *text, const float *logits, uint32_t count)
{
    text_add_string(text, ", \"logits\": [");
    for (uint32_t i = 0; i < count; i++) {
        text_add_string(text, i ? ", " : "");
        // Nine digits give back the same float. JSON has no infinity.
        if (isfinite(logits[i]))
            text_add_format(text, "%.9g", (double)logits[i]);
        else
            text_add_string(text, "null");
    }
    text_add_string(text, "]");
}

static void json_line(struct text *text, const struct result_params *params,
                      const struct photo *photo, const float *logits)
{
    text_add_string(text, "{\"path\": ");
    text_add_json_string(text, photo->path);
    if (photo->top_count) {
        text_add_string(text, ", \"top\": [");
        for (uint32_t i = 0; i < shown(params, photo); i++) {
            text_add_string(text, i ? ", {\"class\": " : "{\"class\": ");
            text_add_json_string(text, params->class_names[photo->top[i].class_index]);
            text_add_format(text, ", \"p\": %.6f}", (double)photo->top[i].probability);
        }
        text_add_string(text, "]");
        if (logits)
            json_logits(text, logits, params->class_count);
    } else {
        text_add_format(text,
                        ", \"status\": \"%s\", \"reason\": ", photo_status_text(photo->status));
        text_add_json_string(text, photo->reason);
    }
    text_add_string(text, "}\n");
}

static void csv_line(struct text *text, const struct result_params *params,
                     const struct photo *photo)
{
    text_add_csv_field(text, photo->path);
    text_add_format(text, ",%s,",
                    photo->top_count ? "classified" : photo_status_text(photo->status));
    text_add_csv_field(text, photo->reason);
    for (uint32_t i = 0; i < params->top; i++) {
        text_add_string(text, ",");
        if (i < photo->top_count) {
            text_add_csv_field(text, params->class_names[photo->top[i].class_index]);
            text_add_format(text, ",%.6f", (double)photo->top[i].probability);
        } else {
            text_add_string(text, ",");
        }
    }
    text_add_string(text, "\r\n");
}

void result_header(struct text *text, const struct result_params *params)
{
    if (params->format != RESULT_CSV)
        return;
    text_add_string(text, "path,status,reason");
    for (uint32_t i = 1; i <= params->top; i++)
        text_add_format(text, ",class_%u,p_%u", (unsigned)i, (unsigned)i);
    text_add_string(text, "\r\n");
}

void result_line(struct text *text, const struct result_params *params, const struct photo *photo,
                 const float *logits)
{
    if (params->format == RESULT_JSON)
        json_line(text, params, photo, logits);
    else if (params->format == RESULT_CSV)
        csv_line(text, params, photo);
    else
        text_line(text, params, photo);
}
