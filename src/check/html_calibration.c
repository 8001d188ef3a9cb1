#include "check/html.h"

#include <inttypes.h>

// The plot, in pixels.
enum {
    LEFT = 64,
    TOP = 12,
    SIDE = 320,
    GAP = 14,
    COUNTS = 60, // height of the bars that say how many photos a bin has
    WIDTH = LEFT + SIDE + 24,
    HEIGHT = TOP + SIDE + GAP + COUNTS + 40
};

static double x_of(double p)
{
    return LEFT + SIDE * p;
}

static double y_of(double share)
{
    return TOP + SIDE * (1 - share);
}

static void add_line(struct text *out, const char *class, double x1, double y1, double x2,
                     double y2)
{
    text_add_format(out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" ", class, x1, y1);
    text_add_format(out, "x2=\"%.1f\" y2=\"%.1f\"/>\n", x2, y2);
}

static void add_axes(struct text *out)
{
    for (int i = 0; i <= 4; i++) {
        const double share = i / 4.0;
        add_line(out, "grid", LEFT, y_of(share), LEFT + SIDE, y_of(share));
        add_line(out, "grid", x_of(share), TOP, x_of(share), TOP + SIDE);
        text_add_format(
            out, "<text class=\"tick\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%d %%</text>\n",
            LEFT - 6, y_of(share) + 4, 25 * i);
        text_add_format(out,
                        "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d %%",
                        x_of(share), TOP + SIDE + GAP + COUNTS + 16, 25 * i);
        text_add_string(out, "</text>\n");
    }
    text_add_format(out, "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
                    LEFT + SIDE / 2, HEIGHT - 6);
    text_add_string(out, "how sure the model is</text>\n");
    text_add_format(out, "<text class=\"tick\" transform=\"translate(14 %d) rotate(-90)\" ",
                    TOP + SIDE / 2);
    text_add_string(out, "text-anchor=\"middle\">how often it is right</text>\n");
    add_line(out, "ideal", LEFT, TOP + SIDE, LEFT + SIDE, TOP);
}

// A point where the mean probability of a bin meets the share of right answers, and how far chance
// alone may have moved it.
static void add_point(struct text *out, const struct cubby_bin *bin)
{
    const double right = check_ratio(bin->right, bin->count);
    const struct cubby_interval interval = cubby_wilson(bin->right, bin->count, 1.96);
    const double x = x_of(bin->confidence);
    text_add_format(out, "<g><title>%" PRIu64 " photos: ", bin->count);
    html_add_percent(out, bin->confidence);
    text_add_string(out, " sure, ");
    html_add_percent(out, right);
    text_add_string(out, " right</title>\n");
    add_line(out, "chance", x, y_of(interval.low), x, y_of(interval.high));
    text_add_format(out, "<circle class=\"point\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/></g>\n", x,
                    y_of(right));
}

static void add_counts(struct text *out, const struct check_report *report)
{
    uint64_t most = 1;
    for (int i = 0; i < CUBBY_CALIBRATION_BINS; i++)
        most = report->metrics.bins[i].count > most ? report->metrics.bins[i].count : most;
    const int bottom = TOP + SIDE + GAP + COUNTS;
    for (int i = 0; i < CUBBY_CALIBRATION_BINS; i++) {
        const uint64_t count = report->metrics.bins[i].count;
        const double height = COUNTS * ((double)count / (double)most);
        if (!count)
            continue;
        text_add_format(out, "<rect class=\"count\" x=\"%.1f\" y=\"%.1f\" ",
                        x_of((double)i / CUBBY_CALIBRATION_BINS) + 1, bottom - height);
        text_add_format(out, "width=\"%.1f\" height=\"%.1f\">",
                        (double)SIDE / CUBBY_CALIBRATION_BINS - 2, height);
        text_add_format(out, "<title>%" PRIu64 " photos</title></rect>\n", count);
    }
    add_line(out, "grid", LEFT, bottom, LEFT + SIDE, bottom);
}

void html_add_calibration(struct text *out, const struct check_report *report)
{
    text_add_format(out, "<svg class=\"calibration\" role=\"img\" width=\"%d\" height=\"%d\" ",
                    WIDTH, HEIGHT);
    text_add_format(out, "viewBox=\"0 0 %d %d\" aria-label=\"Reliability curve\">\n", WIDTH,
                    HEIGHT);
    add_axes(out);
    text_add_string(out, "<polyline class=\"curve\" points=\"");
    for (int i = 0; i < CUBBY_CALIBRATION_BINS; i++) {
        const struct cubby_bin *bin = &report->metrics.bins[i];
        if (bin->count)
            text_add_format(out, "%.1f,%.1f ", x_of(bin->confidence),
                            y_of(check_ratio(bin->right, bin->count)));
    }
    text_add_string(out, "\"/>\n");
    for (int i = 0; i < CUBBY_CALIBRATION_BINS; i++)
        if (report->metrics.bins[i].count)
            add_point(out, &report->metrics.bins[i]);
    add_counts(out, report);
    text_add_string(out, "</svg>\n");
}
