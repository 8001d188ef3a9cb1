#include "commands/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"

#define MOST_CLASSES 8u // named on the screen

enum cubby_status summary_init(struct summary *summary, uint32_t class_count)
{
    *summary = (struct summary){.per_class = calloc(class_count, sizeof(uint64_t))};
    return summary->per_class ? CUBBY_OK : CUBBY_NO_MEMORY;
}

void summary_fini(struct summary *summary)
{
    for (uint32_t i = 0; i < summary->failure_count; i++)
        free(summary->failures[i]);
    free(summary->per_class);
    *summary = (struct summary){0};
}

void summary_add(struct summary *summary, const struct photo *photo,
                 const struct shown_paths *shown)
{
    if (photo_is_placed(photo))
        summary->placed++;
    else if (photo->status == PHOTO_FILED)
        summary->per_class[photo->top[0].class_index]++;
    if (photo->status != PHOTO_FAILED || summary->failure_count == SUMMARY_FAILURES)
        return;
    char *path = shown_path(shown, photo->path);
    if (!path)
        return;
    size_t bytes = strlen(path) + strlen(photo->reason) + 3;
    char *text = malloc(bytes);
    if (text)
        snprintf(text, bytes, "%s: %s", path, photo->reason);
    free(path);
    if (text)
        summary->failures[summary->failure_count++] = text;
}

static void print_totals(struct messages *messages, const struct summary_facts *facts)
{
    const struct report_totals *totals = facts->totals;
    const uint64_t counts[] = {totals->found, totals->filed, totals->unsure, totals->failed,
                               totals->skipped};
    char n[5][32], time[64];
    for (int i = 0; i < 5; i++)
        progress_format_count(n[i], sizeof(n[i]), counts[i]);
    progress_format_duration(time, sizeof(time), facts->seconds);
    messages_line(messages, "%s file%s found: %s filed, %s unsure, %s failed, %s skipped, in %s",
                  n[0], totals->found == 1 ? "" : "s", n[1], n[2], n[3], n[4], time);
}

// The classes with the most photos, the largest first: "table 12, chair 4".
static void print_classes(const struct summary *summary, struct messages *messages,
                          const struct summary_facts *facts)
{
    char text[1024] = "";
    uint64_t ceiling = UINT64_MAX, shown = 0;
    uint32_t after = UINT32_MAX;
    for (uint32_t named = 0; named < MOST_CLASSES; named++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t i = 0; i < facts->class_count; i++) {
            uint64_t n = summary->per_class[i];
            bool later = n < ceiling || (n == ceiling && after != UINT32_MAX && i > after);
            if (n && later && (best == UINT32_MAX || n > summary->per_class[best]))
                best = i;
        }
        if (best == UINT32_MAX)
            break;
        ceiling = summary->per_class[best];
        after = best;
        shown += ceiling;
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%s%.60s %" PRIu64, used ? ", " : "",
                 facts->class_names[best], ceiling);
    }
    if (text[0])
        messages_line(messages, "  %s%s", text, shown < facts->totals->filed ? ", ..." : "");
}

static void print_failures(const struct summary *summary, struct messages *messages,
                           const struct summary_facts *facts)
{
    if (summary->failure_count)
        messages_line(messages, "Failed:");
    for (uint32_t i = 0; i < summary->failure_count; i++)
        messages_line(messages, "  %s", summary->failures[i]);
    if (facts->totals->failed <= summary->failure_count)
        return;
    uint64_t more = facts->totals->failed - summary->failure_count;
    if (facts->dry_run)
        messages_line(messages, "  and %" PRIu64 " more", more);
    else
        messages_line(messages, "  and %" PRIu64 " more, see %s/.cubby/report.csv", more,
                      facts->output);
}

void summary_print(const struct summary *summary, struct messages *messages,
                   const struct summary_facts *facts)
{
    print_totals(messages, facts);
    print_classes(summary, messages, facts);
    if (facts->travelling)
        messages_line(messages, "  and %" PRIu64 " file%s that belong%s to them", facts->travelling,
                      facts->travelling == 1 ? "" : "s", facts->travelling == 1 ? "s" : "");
    if (summary->placed)
        messages_line(messages, "  and %" PRIu64 " where a person placed %s", summary->placed,
                      summary->placed == 1 ? "it" : "them");
    if (facts->dry_run)
        messages_line(messages, "Dry run: nothing was written; %s would be the folder",
                      facts->output);
    else if (facts->totals->filed || facts->totals->unsure)
        messages_line(messages, "Look in %s", facts->output);
    print_failures(summary, messages, facts);
    if (facts->unreadable_folders)
        messages_line(messages, "%" PRIu64 " folder%s could not be read, see the warnings",
                      facts->unreadable_folders, facts->unreadable_folders == 1 ? "" : "s");
    if (facts->waiting)
        messages_line(messages,
                      "%" PRIu64 " more classified: their archives are finished next time",
                      facts->waiting);
    if (facts->stopped)
        messages_line(messages, "Stopped early: run the same command again to continue");
}
