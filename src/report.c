#include "report.h"

#include <jansson.h>
#include <stdlib.h>

#include "report_line.h"
#include "stream.h"

struct report {
    struct report_params params;
    enum cubby_status json_status; // once it failed
    struct report_totals totals;
    struct text line;
};

enum cubby_status report_create(struct report **out, const struct report_params *params)
{
    *out = calloc(1, sizeof(**out));
    if (!*out)
        return CUBBY_NO_MEMORY;
    (*out)->params = *params;
    return CUBBY_OK;
}

static void count(struct report_totals *totals, enum photo_status status)
{
    totals->found++;
    totals->filed += status == PHOTO_FILED;
    totals->unsure += status == PHOTO_UNSURE;
    totals->failed += status == PHOTO_FAILED;
    totals->skipped += status == PHOTO_SKIPPED;
}

static enum cubby_status write_stream(struct report *report)
{
    if (report->line.failed)
        return CUBBY_NO_MEMORY;
    if (report->json_status) // said already
        return report->json_status;
    fwrite(report->line.bytes, 1, report->line.length, report->params.json);
    // One object as soon as it is known: the reader may be waiting for it.
    report->json_status = stream_flush(report->params.json, report->params.log);
    return report->json_status;
}

enum cubby_status report_add(struct report *report, const struct photo *photo)
{
    count(&report->totals, photo->status);
    if (!report->params.json)
        return CUBBY_OK;
    report_json_line(&report->line, photo, report->params.shown);
    return write_stream(report);
}

const struct report_totals *report_totals(const struct report *report)
{
    return &report->totals;
}

static enum cubby_status write_summary(struct report *report, double seconds)
{
    const struct report_totals *t = &report->totals;
    json_t *object =
        json_pack("{s:{s:I, s:I, s:I, s:I, s:I, s:f}}", "summary", "found", (json_int_t)t->found,
                  "filed", (json_int_t)t->filed, "unsure", (json_int_t)t->unsure, "failed",
                  (json_int_t)t->failed, "skipped", (json_int_t)t->skipped, "seconds", seconds);
    char *text = object ? json_dumps(object, JSON_REAL_PRECISION(6)) : NULL;
    json_decref(object);
    if (!text)
        return CUBBY_NO_MEMORY;
    report->line.length = 0;
    text_add_string(&report->line, text);
    text_add_string(&report->line, "\n");
    free(text);
    return write_stream(report);
}

enum cubby_status report_finish(struct report *report, double seconds)
{
    return report->params.json ? write_summary(report, seconds) : CUBBY_OK;
}

void report_destroy(struct report **report)
{
    if (*report)
        text_free(&(*report)->line);
    free(*report);
    *report = NULL;
}
