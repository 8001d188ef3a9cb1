#include "check/check_report.h"

#include <math.h>
#include <stdlib.h>

void check_report_fini(struct check_report *report)
{
    for (uint32_t i = 0; i < report->mistake_count; i++) {
        free(report->mistakes[i].path);
        thumbnail_free(&report->mistakes[i].thumbnail);
    }
    for (uint32_t i = 0; i < report->failure_count; i++) {
        free(report->failures[i].name);
        free(report->failures[i].reason);
    }
    for (uint32_t i = 0; i < report->outsider_count; i++)
        free(report->outsiders[i].name);
    cubby_metrics_fini(&report->metrics);
    free(report->pairs);
    *report = (struct check_report){0};
}

double check_ratio(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : (double)NAN;
}

// The first pair of a class, by bisection: there may be a hundred thousand classes.
static size_t first_of(const struct check_report *report, uint32_t truth)
{
    size_t low = 0, high = report->pair_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (report->pairs[middle].truth < truth)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct check_pair *check_report_worst(const struct check_report *report, uint32_t truth)
{
    const struct check_pair *worst = NULL;
    for (size_t i = first_of(report, truth);
         i < report->pair_count && report->pairs[i].truth == truth; i++) {
        const struct check_pair *pair = &report->pairs[i];
        if (pair->predicted != truth && (!worst || pair->photos > worst->photos))
            worst = pair;
    }
    return worst;
}
