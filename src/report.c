#include "report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "engine/log.h"
#include "platform/names.h"
#include "platform/path.h"
#include "stream.h"
#include "text.h"

#define FOLDER ".cubby"
#define BUFFER_BYTES 65536u

struct report_file {
    const char *name; // below DIR/.cubby
    char *temporary;  // owned
    char *final;      // owned
    int number;       // < 0: not open
    struct text buffer;
};

struct report {
    char *folder;                   // owned, DIR/.cubby; NULL: no files
    const char *const *class_names; // borrowed
    uint32_t class_count;
    FILE *json;                    // borrowed
    enum cubby_status json_status; // once it failed
    const struct fs *fs;           // borrowed
    const struct cubby_log *log;   // borrowed
    struct report_totals totals;
    struct text line;
    struct report_file jsonl, csv;
    bool begun;
    enum cubby_status files_status; // once one of the files failed
};

static void add_json_member(struct text *text, const char *key, const char *value)
{
    text_add_format(text, ", \"%s\": ", key);
    text_add_json_string(text, value);
}

// The class that the account names: what was decided, for unsure what was nearest. NULL: none.
static const char *class_of(const struct report *report, const struct photo *photo)
{
    bool decided = photo->status == PHOTO_FILED || photo->status == PHOTO_UNSURE;
    if (!decided || photo->top_count == 0 || photo->top[0].class_index >= report->class_count)
        return NULL;
    return report->class_names[photo->top[0].class_index];
}

// "0.9731", whatever the locale's decimal point is.
static void format_probability(const struct photo *photo, char text[16])
{
    double p = (double)photo->top[0].probability;
    unsigned units = p >= 1 ? 10000 : p > 0 ? (unsigned)(p * 10000 + 0.5) : 0; // NaN: 0
    snprintf(text, 16, "%u.%04u", units / 10000, units % 10000);
}

static void write_json_line(struct report *report, const struct photo *photo)
{
    struct text *line = &report->line;
    line->length = 0;
    text_add_string(line, "{\"path\": ");
    text_add_json_string(line, photo->path);
    add_json_member(line, "status", photo_status_text(photo->status));
    const char *class_name = class_of(report, photo);
    if (class_name) {
        char p[16];
        format_probability(photo, p);
        add_json_member(line, "class", class_name);
        text_add_format(line, ", \"p\": %s", p);
    }
    if (photo->filed_as)
        add_json_member(line, "filed_as", photo->filed_as);
    if (photo->reason[0])
        add_json_member(line, "reason", photo->reason);
    text_add_string(line, "}\n");
}

static void write_csv_line(struct report *report, const struct photo *photo)
{
    struct text *line = &report->line;
    line->length = 0;
    text_add_csv_field(line, photo->path);
    text_add_format(line, ",%s,", photo_status_text(photo->status));
    const char *class_name = class_of(report, photo);
    char p[16] = "";
    if (class_name) {
        format_probability(photo, p);
        text_add_csv_field(line, class_name);
    }
    text_add_format(line, ",%s,", p);
    text_add_csv_field(line, photo->filed_as ? photo->filed_as : "");
    text_add_string(line, ",");
    text_add_csv_field(line, photo->reason);
    text_add_string(line, "\r\n");
}

static enum cubby_status failed(const struct report *report, const char *path, int code)
{
    cubby_log(report->log, CUBBY_LOG_ERROR, "the report \"%s\" cannot be written: %s", path,
              fs_error_text(code));
    return fs_status(code);
}

static enum cubby_status file_flush(struct report *report, struct report_file *file)
{
    int result = fs_write_all(report->fs, file->number, file->buffer.bytes, file->buffer.length);
    file->buffer.length = 0;
    return result ? failed(report, file->final, result) : CUBBY_OK;
}

// Moves the finished line into the file.
static enum cubby_status file_add_line(struct report *report, struct report_file *file)
{
    if (report->line.failed)
        return CUBBY_NO_MEMORY;
    text_add(&file->buffer, report->line.bytes, report->line.length);
    if (file->buffer.failed)
        return CUBBY_NO_MEMORY;
    return file->buffer.length >= BUFFER_BYTES ? file_flush(report, file) : CUBBY_OK;
}

static enum cubby_status file_open(struct report *report, struct report_file *file)
{
    char temporary[64];
    snprintf(temporary, sizeof(temporary), "%s.%ld.tmp", file->name, (long)uv_os_getpid());
    file->temporary = path_join(report->folder, temporary);
    file->final = path_join(report->folder, file->name);
    if (!file->temporary || !file->final)
        return CUBBY_NO_MEMORY;
    int number = report->fs->open(report->fs, file->temporary, FS_CREATE);
    if (number == UV_EEXIST) {
        // Our own process number, so what lies there is from a dead process.
        report->fs->unlink(report->fs, file->temporary);
        number = report->fs->open(report->fs, file->temporary, FS_CREATE);
    }
    if (number < 0)
        return failed(report, file->temporary, number);
    file->number = number;
    report->fs->set_mode(report->fs, number, 0644); // a report that only we can read is still one
    return CUBBY_OK;
}

static enum cubby_status begin(struct report *report)
{
    report->begun = true;
    int result = fs_make_folders(report->fs, report->folder);
    if (result)
        return failed(report, report->folder, result);
    enum cubby_status status = file_open(report, &report->jsonl);
    if (!status)
        status = file_open(report, &report->csv);
    if (!status) {
        report->line.length = 0;
        text_add_string(&report->line, "path,status,class,p,filed_as,reason\r\n");
        status = file_add_line(report, &report->csv);
    }
    return status;
}

enum cubby_status report_create(struct report **out, const struct report_params *params)
{
    *out = NULL;
    struct report *report = calloc(1, sizeof(*report));
    if (!report)
        return CUBBY_NO_MEMORY;
    report->class_names = params->class_names;
    report->class_count = params->class_count;
    report->json = params->json;
    report->fs = params->fs;
    report->log = params->log;
    report->jsonl = (struct report_file){.name = "report.jsonl", .number = -1};
    report->csv = (struct report_file){.name = "report.csv", .number = -1};
    if (params->output) {
        report->folder = path_join(params->output, FOLDER);
        if (!report->folder) {
            report_destroy(&report);
            return CUBBY_NO_MEMORY;
        }
    }
    *out = report;
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
    fwrite(report->line.bytes, 1, report->line.length, report->json);
    // One object as soon as it is known: the reader may be waiting for it.
    report->json_status = stream_flush(report->json, report->log);
    return report->json_status;
}

// The JSON line is made already.
static enum cubby_status add_to_files(struct report *report, const struct photo *photo)
{
    enum cubby_status status = CUBBY_OK;
    if (!report->begun) {
        status = begin(report);
        write_json_line(report, photo);
    }
    if (!status)
        status = file_add_line(report, &report->jsonl);
    if (status)
        return status;
    write_csv_line(report, photo);
    return file_add_line(report, &report->csv);
}

enum cubby_status report_add(struct report *report, const struct photo *photo)
{
    count(&report->totals, photo->status);
    write_json_line(report, photo);
    enum cubby_status status = report->json ? write_stream(report) : CUBBY_OK;
    if (report->folder && !report->files_status)
        report->files_status = add_to_files(report, photo);
    return status ? status : report->files_status;
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

static void file_drop(struct report *report, struct report_file *file)
{
    if (file->number >= 0) {
        report->fs->close(report->fs, file->number);
        report->fs->unlink(report->fs, file->temporary);
        file->number = -1;
    }
    free(file->temporary);
    free(file->final);
    file->temporary = file->final = NULL;
    free(file->buffer.bytes);
    file->buffer = (struct text){0};
}

static enum cubby_status file_publish(struct report *report, struct report_file *file)
{
    enum cubby_status status = file_flush(report, file);
    if (status)
        return status;
    int result = report->fs->sync(report->fs, file->number);
    if (result)
        return failed(report, file->final, result);
    result = report->fs->close(report->fs, file->number);
    file->number = -1;
    if (!result)
        result = report->fs->replace(report->fs, file->temporary, file->final);
    if (result) {
        report->fs->unlink(report->fs, file->temporary);
        return failed(report, file->final, result);
    }
    return CUBBY_OK;
}

enum cubby_status report_finish(struct report *report, double seconds)
{
    enum cubby_status status = report->files_status;
    if (!status && report->begun && report->jsonl.number >= 0 && report->csv.number >= 0) {
        status = file_publish(report, &report->jsonl);
        if (!status) // else both stay as an earlier run left them
            status = file_publish(report, &report->csv);
        int result = report->fs->sync_folder(report->fs, report->folder);
        if (result && !status)
            status = failed(report, report->folder, result);
    }
    // The summary comes whatever happened to the files: it is what scripts wait for.
    enum cubby_status summary = report->json ? write_summary(report, seconds) : CUBBY_OK;
    return status ? status : summary;
}

void report_destroy(struct report **report)
{
    struct report *r = *report;
    if (!r)
        return;
    file_drop(r, &r->jsonl);
    file_drop(r, &r->csv);
    free(r->line.bytes);
    free(r->folder);
    free(r);
    *report = NULL;
}
