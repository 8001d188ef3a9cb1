#include "check/html.h"

#include <inttypes.h>
#include <math.h>

#define MAX_ROWS 1000u // of the table of classes
#define OPEN_ROWS 40u  // up to which it is shown at once

// Nothing is loaded from anywhere, and a browser is told so, too. Colours follow the system's dark
// mode; blue and orange differ for colour-blind eyes as well.
static const char head[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
    "style-src 'unsafe-inline'\">\n";

static const char style[] =
    "<style>\n"
    ":root { --ink: #1c2024; --soft: #5c636a; --line: #d8dce0; --back: #ffffff; --panel: #f4f6f8;\n"
    "  --right: #2f6fd0; --wrong: #d9661f; --strong: #ffffff; }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "  :root { --ink: #e4e7ea; --soft: #9aa3ab; --line: #3a4148; --back: #16191c; --panel: "
    "#1f2428;\n"
    "    --right: #5b95ee; --wrong: #ee8544; --strong: #101214; } }\n"
    "body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back);\n"
    "  max-width: 1060px; margin: 0 auto; padding: 24px 20px 60px; }\n"
    "h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 40px 0 8px; }\n"
    "p { margin: 4px 0; max-width: 75ch; overflow-wrap: anywhere; } .soft { color: var(--soft); }\n"
    ".figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr));\n"
    "  gap: 12px; margin: 20px 0; }\n"
    ".figure { background: var(--panel); border-radius: 8px; padding: 12px 16px; }\n"
    ".figure b { display: block; font-size: 28px; line-height: 1.25; font-weight: 600; }\n"
    ".wide { overflow-x: auto; }\n"
    "summary { cursor: pointer; color: var(--soft); }\n"
    "table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }\n"
    "th, td { text-align: right; padding: 4px 10px; border-bottom: 1px solid var(--line);\n"
    "  white-space: nowrap; }\n"
    "th { font-weight: 600; color: var(--soft); }\n"
    "td.name, th.name { text-align: left; white-space: normal; overflow-wrap: anywhere;\n"
    "  min-width: 9em; }\n"
    ".bar { display: inline-block; width: 90px; height: 8px; margin-left: 8px; border-radius: "
    "4px;\n"
    "  background: var(--line); overflow: hidden; vertical-align: middle; }\n"
    ".bar i { display: block; height: 100%; background: var(--right); }\n"
    "svg.calibration { max-width: 100%; height: auto; }\n"
    "svg text { font-family: system-ui, sans-serif; fill: var(--ink); }\n"
    "svg .label, svg .tick { font-size: 12px; } svg .tick { fill: var(--soft); }\n"
    "svg .frame { fill: var(--panel); } svg .number { text-anchor: middle; }\n"
    "svg .number.strong { fill: var(--strong); }\n"
    "svg .right { fill: var(--right); } svg .wrong { fill: var(--wrong); }\n"
    "svg .others, svg .count { fill: var(--soft); }\n"
    "svg .grid { stroke: var(--line); } svg .ideal { stroke: var(--soft); stroke-dasharray: 5 4; "
    "}\n"
    "svg .curve { fill: none; stroke: var(--right); stroke-width: 2; }\n"
    "svg .point { fill: var(--right); } svg .chance { stroke: var(--right); stroke-opacity: 0.45;\n"
    "  stroke-width: 2; }\n"
    ".mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr));\n"
    "  gap: 14px; padding: 0; list-style: none; }\n"
    ".mistakes li { background: var(--panel); border-radius: 8px; overflow: hidden; }\n"
    ".picture { height: 192px; display: flex; align-items: center; justify-content: center;\n"
    "  background: var(--line); color: var(--soft); }\n"
    ".picture img { max-width: 100%; max-height: 192px; }\n"
    ".caption { padding: 8px 12px 12px; overflow-wrap: anywhere; }\n"
    ".caption small { display: block; color: var(--soft); }\n"
    "@media print { body { max-width: none; } .mistakes li, .figure { break-inside: avoid; } }\n"
    "</style>\n";

// A name in running text keeps its own direction.
static void add_name(struct text *out, const char *name)
{
    text_add_string(out, "<bdi>");
    html_add_text(out, name);
    text_add_string(out, "</bdi>");
}

static void add_figure(struct text *out, double share, const char *what)
{
    text_add_string(out, "<div class=\"figure\"><b>");
    html_add_percent(out, share);
    text_add_string(out, "</b>");
    text_add_string(out, what);
}

static void add_figures(struct text *out, const struct check_report *report)
{
    const struct cubby_metrics *metrics = &report->metrics;
    text_add_string(out, "<div class=\"figures\">\n");
    add_figure(out, metrics->accuracy, "accuracy<br><span class=\"soft\">");
    text_add_format(out, "%" PRIu64 " of %" PRIu64 " right; 95&nbsp;%% interval ", metrics->right,
                    metrics->count);
    html_add_percent(out, report->interval.low);
    text_add_string(out, " to ");
    html_add_percent(out, report->interval.high);
    text_add_string(out, "</span></div>\n");
    add_figure(out, metrics->calibration_error,
               "expected calibration error<br><span class=\"soft\">");
    html_add_percent(out, report->mean_p);
    text_add_string(out, " sure on average</span></div>\n");
    add_figure(out, check_ratio(report->above, metrics->count), "reach the threshold of ");
    text_add_format(out, "%g<br><span class=\"soft\">", report->threshold);
    html_add_percent(out, check_ratio(report->above_right, report->above));
    text_add_string(out, " of them right; the others go to unsure</span></div>\n</div>\n");
    text_add_string(out, "<p class=\"soft\">");
    if (report->items)
        text_add_format(
            out, "The interval counts items instead of photos: %" PRIu64 ", by folder and burst.",
            report->items);
    else
        text_add_string(out, "The interval takes each photo for another item: with several photos "
                             "of each item it is too narrow.");
    text_add_string(out, "</p>\n");
}

static void add_bar(struct text *out, double share)
{
    text_add_string(out, "<td>");
    html_add_percent(out, share);
    text_add_format(out, "<span class=\"bar\"><i style=\"width:%.1f%%\"></i></span></td>",
                    isnan(share) ? 0 : 100 * share);
}

static void add_class(struct text *out, const struct check_report *report, uint32_t index)
{
    const struct cubby_class_metrics *class = &report->metrics.per_class[index];
    const struct check_pair *worst = check_report_worst(report, index);
    text_add_string(out, "<tr><td class=\"name\">");
    add_name(out, report->class_names[index]);
    text_add_format(out, "</td><td>%" PRIu64 "</td><td>%" PRIu64 "</td>", class->count,
                    class->answered);
    add_bar(out, class->recall);
    add_bar(out, class->precision);
    text_add_string(out, "<td class=\"name\">");
    if (worst) {
        add_name(out, report->class_names[worst->predicted]);
        text_add_format(out, " (%" PRIu64 ")", worst->photos);
    }
    text_add_string(out, "</td></tr>\n");
}

// Whether the class has photos, or photos that were put there.
static bool is_present(const struct check_report *report, uint32_t index)
{
    const struct cubby_class_metrics *class = &report->metrics.per_class[index];
    return class->count || class->answered;
}

static void add_classes(struct text *out, const struct check_report *report)
{
    uint32_t present = 0, rows = 0;
    for (uint32_t i = 0; i < report->class_count; i++)
        present += is_present(report, i);
    text_add_string(out,
                    "<h2>Classes</h2>\n"
                    "<p class=\"soft\">Recall: of the photos of a class, those that the model "
                    "finds. Precision: of the photos that the model puts into a class, those that "
                    "belong there.</p>\n");
    // A long table would hide what comes after it.
    text_add_format(out, "<details%s><summary>%u classes</summary>\n",
                    present > OPEN_ROWS ? "" : " open", (unsigned)present);
    text_add_string(out,
                    "<div class=\"wide\"><table>\n"
                    "<tr><th class=\"name\">class</th><th>photos</th><th>put there</th>"
                    "<th>recall</th><th>precision</th><th class=\"name\">most often taken for</th>"
                    "</tr>\n");
    for (uint32_t i = 0; i < report->class_count && rows < MAX_ROWS; i++) {
        if (!is_present(report, i))
            continue;
        add_class(out, report, i);
        rows++;
    }
    text_add_string(out, "</table></div>\n");
    if (present > rows)
        text_add_format(out, "<p class=\"soft\">and %u more: --json lists all.</p>\n",
                        (unsigned)(present - rows));
    text_add_string(out, "</details>\n");
}

static void add_pictures(struct text *out, const struct check_report *report)
{
    text_add_string(out, "<h2>What is taken for what</h2>\n"
                         "<p class=\"soft\">Rows are what the photos are, columns what the model "
                         "says; the stronger, the larger a part of the row.</p>\n"
                         "<div class=\"wide\">\n");
    html_add_matrix(out, report);
    text_add_string(out,
                    "</div>\n<h2>Can its probabilities be believed?</h2>\n"
                    "<p class=\"soft\">On the dashed line, what is said to be 80&nbsp;% sure is "
                    "right 80&nbsp;% of the time; below it the model is too sure of itself. "
                    "Upright lines: how far chance may have moved a point (95&nbsp;%). "
                    "Bars: how many photos there are.</p>\n<div class=\"wide\">\n");
    html_add_calibration(out, report);
    text_add_string(out, "</div>\n");
}

static void add_mistake(struct text *out, const struct check_report *report,
                        const struct check_mistake *mistake)
{
    const struct thumbnail *thumbnail = &mistake->thumbnail;
    text_add_string(out, "<li><div class=\"picture\">");
    if (thumbnail->jpeg) {
        text_add_format(out, "<img alt=\"\" width=\"%u\" height=\"%u\" ",
                        (unsigned)thumbnail->width, (unsigned)thumbnail->height);
        text_add_string(out, "src=\"data:image/jpeg;base64,");
        html_add_base64(out, thumbnail->jpeg, thumbnail->jpeg_bytes);
        text_add_string(out, "\">");
    } else {
        text_add_string(out, "no picture");
    }
    text_add_string(out, "</div><div class=\"caption\"><b>");
    add_name(out, report->class_names[mistake->predicted]);
    text_add_string(out, "</b>, ");
    html_add_percent(out, (double)mistake->p);
    text_add_string(out, " sure<br>but it is <b>");
    add_name(out, report->class_names[mistake->truth]);
    text_add_string(out, "</b><small>");
    add_name(out, mistake->path);
    text_add_string(out, "</small></div></li>\n");
}

static void add_mistakes(struct text *out, const struct check_report *report)
{
    const uint64_t all = report->metrics.count - report->metrics.right;
    if (!report->mistake_count)
        return;
    text_add_format(out, "<h2>Most confident mistakes</h2>\n<p class=\"soft\">%u of %" PRIu64 ". ",
                    (unsigned)report->mistake_count, all);
    text_add_string(out, "Look whether the photo or its folder is wrong.</p>\n"
                         "<ul class=\"mistakes\">\n");
    for (uint32_t i = 0; i < report->mistake_count; i++)
        add_mistake(out, report, &report->mistakes[i]);
    text_add_string(out, "</ul>\n");
}

static void add_list(struct text *out, const struct check_left_out *list, uint32_t count,
                     uint64_t all)
{
    text_add_string(out, "<ul>\n");
    for (uint32_t i = 0; i < count; i++) {
        text_add_string(out, "<li>");
        add_name(out, list[i].name[0] ? list[i].name : "in no folder");
        if (list[i].reason) {
            text_add_string(out, ": ");
            html_add_text(out, list[i].reason);
        } else {
            text_add_format(out, ": %" PRIu64, list[i].files);
        }
        text_add_string(out, "</li>\n");
        all -= list[i].reason ? 1 : list[i].files;
    }
    if (all)
        text_add_format(out, "<li>and %" PRIu64 " more</li>\n", all);
    text_add_string(out, "</ul>\n");
}

static void add_left_out(struct text *out, const struct check_report *report)
{
    text_add_format(out,
                    "<h2>What was left out</h2>\n<p>%" PRIu64 " files found, %" PRIu64
                    " photos checked.</p>\n",
                    report->found, report->metrics.count);
    if (report->failed) {
        text_add_format(out, "<p>Could not be read: %" PRIu64 "</p>\n", report->failed);
        add_list(out, report->failures, report->failure_count, report->failed);
    }
    if (report->outside) {
        text_add_format(out, "<p>In no folder of a class: %" PRIu64 "</p>\n", report->outside);
        add_list(out, report->outsiders, report->outsider_count, report->outside);
    }
    if (report->copies)
        text_add_format(
            out, "<p>With the content of another photo, which was counted once: %" PRIu64 "</p>\n",
            report->copies);
    if (report->not_photos)
        text_add_format(out, "<p>Not photos: %" PRIu64 "</p>\n", report->not_photos);
    if (report->unreadable_folders)
        text_add_format(out, "<p>Folders that could not be read: %" PRIu64 "</p>\n",
                        report->unreadable_folders);
}

void check_report_html(struct text *out, const struct check_report *report)
{
    text_add_string(out, head);
    text_add_string(out, "<title>");
    html_add_text(out, report->model);
    text_add_string(out, " on ");
    html_add_text(out, report->folder);
    text_add_string(out, "</title>\n");
    text_add_string(out, style);
    text_add_string(out, "</head>\n<body>\n<h1>How good is it?</h1>\n<p>");
    add_name(out, report->model);
    text_add_string(out, " on the photos of ");
    add_name(out, report->folder);
    text_add_string(out, "</p>\n");
    add_figures(out, report);
    add_classes(out, report);
    add_pictures(out, report);
    add_mistakes(out, report);
    add_left_out(out, report);
    text_add_string(out, "</body>\n</html>\n");
}
