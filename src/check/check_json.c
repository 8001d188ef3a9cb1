#include "check/check_report.h"

#include <inttypes.h>
#include <math.h>

// JSON has no NaN.
static void add_number(struct text *out, double value)
{
    if (isfinite(value))
        text_add_format(out, "%.6f", value);
    else
        text_add_string(out, "null");
}

static void add_member(struct text *out, const char *key, double value)
{
    text_add_format(out, ", \"%s\": ", key);
    add_number(out, value);
}

static void add_count(struct text *out, const char *key, uint64_t value)
{
    text_add_format(out, ", \"%s\": %" PRIu64, key, value);
}

static void add_name(struct text *out, const char *key, const char *value)
{
    text_add_format(out, "\"%s\": ", key);
    text_add_json_string(out, value);
}

static void add_files(struct text *out, const struct check_report *report)
{
    text_add_format(out, ", \"files\": {\"found\": %" PRIu64, report->found);
    add_count(out, "checked", report->metrics.count);
    add_count(out, "failed", report->failed);
    add_count(out, "copies", report->copies);
    add_count(out, "outside", report->outside);
    add_count(out, "not_photos", report->not_photos);
    text_add_string(out, "}");
    add_count(out, "unreadable_folders", report->unreadable_folders);
}

static void add_figures(struct text *out, const struct check_report *report)
{
    const struct cubby_metrics *metrics = &report->metrics;
    add_member(out, "accuracy", metrics->accuracy);
    text_add_string(out, ", \"accuracy_interval\": [");
    add_number(out, report->interval.low);
    text_add_string(out, ", ");
    add_number(out, report->interval.high);
    text_add_string(out, "]");
    add_count(out, "items", report->items);
    add_count(out, "right", metrics->right);
    add_member(out, "mean_p", report->mean_p);
    add_member(out, "calibration_error", metrics->calibration_error);
    add_member(out, "log_loss", metrics->log_loss);
    add_member(out, "threshold", report->threshold);
    add_count(out, "above", report->above);
    add_count(out, "above_right", report->above_right);
    add_member(out, "above_share", check_ratio(report->above, metrics->count));
    add_member(out, "above_accuracy", check_ratio(report->above_right, report->above));
}

static void add_classes(struct text *out, const struct check_report *report)
{
    text_add_string(out, ", \"classes\": [");
    for (uint32_t i = 0; i < report->class_count; i++) {
        const struct cubby_class_metrics *class = &report->metrics.per_class[i];
        text_add_string(out, i ? ", {" : "{");
        add_name(out, "class", report->class_names[i]);
        add_count(out, "photos", class->count);
        add_count(out, "predicted", class->answered);
        add_count(out, "right", class->right);
        add_member(out, "recall", class->recall);
        add_member(out, "precision", class->precision);
        text_add_string(out, "}");
    }
    text_add_string(out, "], \"confusion\": [");
    for (size_t i = 0; i < report->pair_count; i++) {
        const struct check_pair *pair = &report->pairs[i];
        text_add_string(out, i ? ", {" : "{");
        add_name(out, "class", report->class_names[pair->truth]);
        text_add_string(out, ", ");
        add_name(out, "predicted", report->class_names[pair->predicted]);
        add_count(out, "photos", pair->photos);
        text_add_string(out, "}");
    }
    text_add_string(out, "]");
}

static void add_bins(struct text *out, const struct check_report *report)
{
    text_add_string(out, ", \"calibration\": [");
    for (uint32_t i = 0; i < CUBBY_CALIBRATION_BINS; i++) {
        const struct cubby_bin *bin = &report->metrics.bins[i];
        text_add_format(out, "%s{\"up_to\": %.6f", i ? ", " : "",
                        (double)(i + 1) / CUBBY_CALIBRATION_BINS);
        add_count(out, "photos", bin->count);
        add_count(out, "right", bin->right);
        add_member(out, "mean_p", bin->count ? bin->confidence : (double)NAN);
        text_add_string(out, "}");
    }
    text_add_string(out, "]");
}

static void add_lists(struct text *out, const struct check_report *report)
{
    text_add_string(out, ", \"mistakes\": [");
    for (uint32_t i = 0; i < report->mistake_count; i++) {
        const struct check_mistake *mistake = &report->mistakes[i];
        text_add_string(out, i ? ", {" : "{");
        add_name(out, "path", mistake->path);
        text_add_string(out, ", ");
        add_name(out, "class", report->class_names[mistake->truth]);
        text_add_string(out, ", ");
        add_name(out, "predicted", report->class_names[mistake->predicted]);
        add_member(out, "p", (double)mistake->p);
        text_add_string(out, "}");
    }
    text_add_string(out, "], \"failures\": [");
    for (uint32_t i = 0; i < report->failure_count; i++) {
        text_add_string(out, i ? ", {" : "{");
        add_name(out, "path", report->failures[i].name);
        text_add_string(out, ", ");
        add_name(out, "reason", report->failures[i].reason);
        text_add_string(out, "}");
    }
    text_add_string(out, "], \"outside\": [");
    for (uint32_t i = 0; i < report->outsider_count; i++) {
        text_add_string(out, i ? ", {" : "{");
        add_name(out, "folder", report->outsiders[i].name);
        add_count(out, "files", report->outsiders[i].files);
        text_add_string(out, "}");
    }
    text_add_string(out, "]");
}

void check_report_json(struct text *out, const struct check_report *report)
{
    text_add_string(out, "{");
    add_name(out, "model", report->model);
    text_add_string(out, ", ");
    add_name(out, "folder", report->folder);
    add_files(out, report);
    add_figures(out, report);
    add_classes(out, report);
    add_bins(out, report);
    add_lists(out, report);
    text_add_string(out, "}\n");
}
