// The report files of an output folder, from its catalogue.
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "platform/path.h"
#include "report.h"
#include "report_line.h"

#define BUFFER_BYTES 65536u

struct report_file {
    const char *name; // below DIR/.cubby
    char *temporary;  // owned
    char *final;      // owned
    int number;       // < 0: not open
    struct text buffer;
};

struct report_files {
    char *folder; // owned, DIR/.cubby
    const struct fs *fs;
    const struct cubby_log *log;
    struct text line;
    struct report_file jsonl, csv;
};

static enum cubby_status failed(const struct report_files *report, const char *path, int code)
{
    cubby_log(report->log, CUBBY_LOG_ERROR, "the report \"%s\" cannot be written: %s", path,
              fs_error_text(code));
    return fs_status(code);
}

static enum cubby_status file_flush(struct report_files *report, struct report_file *file)
{
    int result = fs_write_all(report->fs, file->number, file->buffer.bytes, file->buffer.length);
    file->buffer.length = 0;
    return result ? failed(report, file->final, result) : CUBBY_OK;
}

// Moves the finished line into the file.
static enum cubby_status file_add_line(struct report_files *report, struct report_file *file)
{
    if (report->line.failed)
        return CUBBY_NO_MEMORY;
    text_add(&file->buffer, report->line.bytes, report->line.length);
    if (file->buffer.failed)
        return CUBBY_NO_MEMORY;
    return file->buffer.length >= BUFFER_BYTES ? file_flush(report, file) : CUBBY_OK;
}

static enum cubby_status file_open(struct report_files *report, struct report_file *file)
{
    char temporary[64];
    snprintf(temporary, sizeof(temporary), "%s.tmp", file->name);
    file->temporary = path_join(report->folder, temporary);
    file->final = path_join(report->folder, file->name);
    if (!file->temporary || !file->final)
        return CUBBY_NO_MEMORY;
    int number = report->fs->open(report->fs, file->temporary, FS_CREATE);
    if (number == UV_EEXIST) {
        // The folder is locked, so what lies there is from a dead process.
        report->fs->unlink(report->fs, file->temporary);
        number = report->fs->open(report->fs, file->temporary, FS_CREATE);
    }
    if (number < 0)
        return failed(report, file->temporary, number);
    file->number = number;
    report->fs->set_mode(report->fs, number, 0644); // a report that only we can read is still one
    return CUBBY_OK;
}

static void file_drop(struct report_files *report, struct report_file *file)
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

static enum cubby_status file_publish(struct report_files *report, struct report_file *file)
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

static enum cubby_status add_photo(struct report_files *report, const struct photo *photo,
                                   const struct shown_paths *shown)
{
    report_json_line(&report->line, photo, shown);
    enum cubby_status status = file_add_line(report, &report->jsonl);
    if (status)
        return status;
    report_csv_line(&report->line, photo, shown);
    return file_add_line(report, &report->csv);
}

static enum cubby_status add_photos(struct report_files *report, struct catalogue *catalogue,
                                    const struct shown_paths *shown)
{
    static const struct catalogue_photos all = {CATALOGUE_ANY, CATALOGUE_ANY, CATALOGUE_ANY};
    int64_t after = 0;
    for (;;) {
        struct photo *photo = NULL;
        enum cubby_status status = catalogue_next_photo(catalogue, &all, after, &photo);
        if (status || !photo)
            return status;
        after = photo->id;
        status = catalogue_load_members(catalogue, photo);
        if (!status)
            status = add_photo(report, photo, shown);
        photo_free(&photo);
        if (status)
            return status;
    }
}

static enum cubby_status write_files(struct report_files *report, struct catalogue *catalogue,
                                     const struct shown_paths *shown)
{
    enum cubby_status status = file_open(report, &report->jsonl);
    if (!status)
        status = file_open(report, &report->csv);
    if (!status) {
        text_add_string(&report->line, REPORT_CSV_HEADER);
        status = file_add_line(report, &report->csv);
    }
    if (!status)
        status = add_photos(report, catalogue, shown);
    if (!status)
        status = file_publish(report, &report->jsonl);
    if (!status) // else both stay as an earlier run left them
        status = file_publish(report, &report->csv);
    int result = status ? 0 : report->fs->sync_folder(report->fs, report->folder);
    return result ? failed(report, report->folder, result) : status;
}

enum cubby_status report_write(struct catalogue *catalogue, const char *output,
                               const struct shown_paths *shown, const struct fs *fs,
                               const struct cubby_log *log)
{
    struct report_files report = {.folder = path_join(output, CATALOGUE_FOLDER),
                                  .fs = fs,
                                  .log = log,
                                  .jsonl = {.name = "report.jsonl", .number = -1},
                                  .csv = {.name = "report.csv", .number = -1}};
    enum cubby_status status =
        report.folder ? write_files(&report, catalogue, shown) : CUBBY_NO_MEMORY;
    file_drop(&report, &report.jsonl);
    file_drop(&report, &report.csv);
    text_free(&report.line);
    free(report.folder);
    return status;
}
