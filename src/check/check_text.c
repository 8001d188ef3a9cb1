#include "check/check_report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/character.h"

#define COLUMNS 80u
#define NAME_COLUMNS 22u  // of a class in the table
#define LABEL_COLUMNS 14u // of a class in the matrix
#define MOST_OUTSIDERS 10u
#define MOST_PAIRS 20u // confusions that are listed where the matrix is too wide

// "92.9 %", or a dash for 0 of 0.
static void add_percent(struct text *out, double share)
{
    if (isnan(share))
        text_add_string(out, "      -");
    else
        text_add_format(out, "%5.1f %%", 100 * share);
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void add_head(struct text *out, const struct check_report *report)
{
    const struct cubby_metrics *metrics = &report->metrics;
    text_add_format(out, "%" PRIu64 " photo%s of ", metrics->count, plural(metrics->count));
    character_add_name(out, report->folder);
    text_add_string(out, "\nchecked with ");
    character_add_name(out, report->model);
    text_add_format(out,
                    "\n\naccuracy     %.1f %% (%" PRIu64 " of %" PRIu64
                    " right), 95 %% interval %.1f to %.1f %%\n",
                    100 * metrics->accuracy, metrics->right, metrics->count,
                    100 * report->interval.low, 100 * report->interval.high);
    if (report->items)
        text_add_format(out,
                        "             it counts items, by folder and burst, instead of photos: "
                        "%" PRIu64 "\n",
                        report->items);
    else
        text_add_string(out, "             it takes each photo for another item: with several of "
                             "each, it is\n             too narrow\n");
    text_add_format(out,
                    "calibration  %.1f %% sure on average; expected calibration error %.1f %%\n",
                    100 * report->mean_p, 100 * metrics->calibration_error);
    text_add_format(out, "threshold    %g: %" PRIu64 " photo%s (%.1f %%) reach%s it",
                    report->threshold, report->above, plural(report->above),
                    100 * check_ratio(report->above, metrics->count),
                    report->above == 1 ? "es" : "");
    if (report->above)
        text_add_format(out, ", %.1f %% of them right",
                        100 * check_ratio(report->above_right, report->above));
    text_add_string(out, "\n");
}

static void add_classes(struct text *out, const struct check_report *report)
{
    text_add_string(out, "\n");
    character_add_cell(out, "class", NAME_COLUMNS, false);
    text_add_string(out, "  photos   recall  precision  most often taken for\n");
    for (uint32_t i = 0; i < report->class_count; i++) {
        const struct cubby_class_metrics *class = &report->metrics.per_class[i];
        if (!class->count && !class->answered)
            continue;
        character_add_cell(out, report->class_names[i], NAME_COLUMNS, false);
        text_add_format(out, " %7" PRIu64 "  ", class->count);
        add_percent(out, class->recall);
        text_add_string(out, "    ");
        add_percent(out, class->precision);
        const struct check_pair *worst = check_report_worst(report, i);
        if (worst) {
            char count[32];
            int digits = snprintf(count, sizeof(count), " (%" PRIu64 ")", worst->photos);
            text_add_string(out, "  ");
            // What is left of the line.
            character_add_cell(out, report->class_names[worst->predicted],
                               COLUMNS - NAME_COLUMNS - 30 - (unsigned)digits, false);
            while (out->length && out->bytes[out->length - 1] == ' ')
                out->length--;
            text_add_string(out, count);
        }
        text_add_string(out, "\n");
    }
}

static int more_photos(const void *a, const void *b)
{
    const struct check_pair *x = a, *y = b;
    if (x->photos != y->photos)
        return x->photos > y->photos ? -1 : 1;
    if (x->truth != y->truth)
        return x->truth < y->truth ? -1 : 1;
    return (x->predicted > y->predicted) - (x->predicted < y->predicted);
}

static void add_pairs(struct text *out, const struct check_report *report)
{
    struct check_pair *wrong = malloc((report->pair_count + 1) * sizeof(*wrong));
    if (!wrong) {
        out->failed = true;
        return;
    }
    size_t count = 0;
    for (size_t i = 0; i < report->pair_count; i++)
        if (report->pairs[i].truth != report->pairs[i].predicted)
            wrong[count++] = report->pairs[i];
    if (count) {
        qsort(wrong, count, sizeof(*wrong), more_photos);
        text_add_string(out, "\nmost frequent confusions (--json has all)\n");
    }
    for (size_t i = 0; i < count && i < MOST_PAIRS; i++) {
        text_add_format(out, "%8" PRIu64 "  ", wrong[i].photos);
        character_add_cell(out, report->class_names[wrong[i].truth], 30, false);
        text_add_string(out, " taken for ");
        character_add_name(out, report->class_names[wrong[i].predicted]);
        text_add_string(out, "\n");
    }
    free(wrong);
}

static void add_matrix(struct text *out, const struct check_report *report, int width)
{
    text_add_string(out,
                    "\nconfusion: rows are what the photos are, columns what the model says\n");
    character_add_cell(out, "", LABEL_COLUMNS + 4, false);
    for (uint32_t i = 0; i < report->class_count; i++)
        text_add_format(out, "%*u", width, (unsigned)i + 1);
    text_add_string(out, "\n");
    size_t at = 0;
    for (uint32_t row = 0; row < report->class_count; row++) {
        text_add_format(out, "%3u ", (unsigned)row + 1);
        character_add_cell(out, report->class_names[row], LABEL_COLUMNS, false);
        for (uint32_t column = 0; column < report->class_count; column++) {
            const struct check_pair *pair = at < report->pair_count ? &report->pairs[at] : NULL;
            bool here = pair && pair->truth == row && pair->predicted == column;
            if (here)
                text_add_format(out, "%*" PRIu64, width, pair->photos);
            else
                text_add_format(out, "%*s", width, ".");
            at += here;
        }
        text_add_string(out, "\n");
    }
}

static void add_confusion(struct text *out, const struct check_report *report)
{
    uint64_t most = report->class_count;
    for (size_t i = 0; i < report->pair_count; i++)
        most = report->pairs[i].photos > most ? report->pairs[i].photos : most;
    int width = 2;
    for (; most >= 10; most /= 10)
        width++;
    if (width < 4)
        width = 4;
    if (report->class_count <= (COLUMNS - LABEL_COLUMNS - 4) / (unsigned)width)
        add_matrix(out, report, width);
    else
        add_pairs(out, report);
}

static void add_mistakes(struct text *out, const struct check_report *report)
{
    if (report->mistake_count)
        text_add_string(out, "\nmost confident mistakes\n");
    for (uint32_t i = 0; i < report->mistake_count; i++) {
        const struct check_mistake *mistake = &report->mistakes[i];
        add_percent(out, (double)mistake->p);
        text_add_string(out, "  ");
        character_add_name(out, report->class_names[mistake->predicted]);
        text_add_string(out, ", but it is in ");
        character_add_name(out, mistake->path);
        text_add_string(out, "\n");
    }
}

static void add_outsiders(struct text *out, const struct check_report *report)
{
    uint64_t more = report->outside;
    for (uint32_t i = 0; i < report->outsider_count && i < MOST_OUTSIDERS; i++) {
        const struct check_left_out *folder = &report->outsiders[i];
        text_add_format(out, "%16" PRIu64 "  ", folder->files);
        text_add_string(out, folder->name[0] ? "in " : "beside the folders");
        character_add_name(out, folder->name);
        text_add_string(out, "\n");
        more -= folder->files;
    }
    if (more)
        text_add_format(out, "%16" PRIu64 "  in other folders\n", more);
}

static void add_left_out(struct text *out, const struct check_report *report)
{
    const struct {
        uint64_t count;
        const char *what;
    } rows[] = {
        {report->failed, "could not be read; the messages name each"},
        {report->copies, "with the content of another photo, which was counted once"},
        {report->not_photos, "not photos"},
        {report->outside, "in no folder of a class, and so not looked at:"},
    };
    uint64_t all = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        all += rows[i].count;
    if (!all && !report->unreadable_folders)
        return;
    text_add_format(out, "\nleft out, of %" PRIu64 " file%s found\n", report->found,
                    plural(report->found));
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (rows[i].count)
            text_add_format(out, "%8" PRIu64 "  %s\n", rows[i].count, rows[i].what);
    add_outsiders(out, report);
    if (report->unreadable_folders)
        text_add_format(out, "and what is in %" PRIu64 " folder%s that could not be read\n",
                        report->unreadable_folders, plural(report->unreadable_folders));
}

void check_report_text(struct text *out, const struct check_report *report)
{
    add_head(out, report);
    add_classes(out, report);
    add_confusion(out, report);
    add_mistakes(out, report);
    add_left_out(out, report);
}
