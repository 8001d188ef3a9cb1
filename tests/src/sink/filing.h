// A sink with a catalogue of its own, in a temporary folder. Include after temporary.h.
#ifndef TESTS_SRC_SINK_FILING_H
#define TESTS_SRC_SINK_FILING_H

#include "../temporary.h"
#include "catalogue/catalogue.h"
#include "sink/recover.h"
#include "sink/sink.h"

struct filing_bench {
    void **state;
    const struct fs *fs;
    const struct cubby_log *log;
    enum filing_how how;
    struct catalogue *catalogue;
    struct catalogue_run run;
    struct sink *sink;
    char outcome[512]; // how the last photo was settled
    unsigned settled;
};

static inline enum cubby_status bench_settled(void *user, const struct photo *photo)
{
    struct filing_bench *bench = user;
    bench->settled++;
    bool filed = photo->status == PHOTO_FILED || photo->status == PHOTO_UNSURE;
    snprintf(bench->outcome, sizeof(bench->outcome), filed ? "%s %s" : "%s: %s",
             photo_status_text(photo->status), filed ? photo->filed_as : photo->reason);
    return CUBBY_OK;
}

// The output is "out", its catalogue lies beside it.
static inline void bench_open_catalogue(struct filing_bench *bench)
{
    const struct catalogue_params params = {
        .output = *bench->state, .fs = fs_real(), .create = true};
    assert_int_equal(catalogue_open(&bench->catalogue, &params), CUBBY_OK);
}

static inline void bench_begin_run(struct filing_bench *bench)
{
    bench->run = (struct catalogue_run){.settings = strdup("{}"), .model_name = strdup("m")};
    bench->run.classes = calloc(1, sizeof(char *));
    bench->run.roots = calloc(1, sizeof(char *));
    assert_int_equal(catalogue_add_run(bench->catalogue, &bench->run), CUBBY_OK);
    assert_int_equal(catalogue_commit(bench->catalogue), CUBBY_OK);
}

static inline void bench_open_sink(struct filing_bench *bench)
{
    struct sink_params params = {.output = temporary_path(bench->state, "out"),
                                 .fs = bench->fs ? bench->fs : fs_real(),
                                 .log = bench->log,
                                 .sync = true,
                                 .catalogue = bench->catalogue,
                                 .run = bench->run.id,
                                 .how = bench->how,
                                 .settled = bench_settled,
                                 .user = bench};
    assert_int_equal(sink_folder_create(&bench->sink, &params), CUBBY_OK);
}

static inline void bench_open(struct filing_bench *bench, void **state)
{
    bench->state = state;
    bench_open_catalogue(bench);
    bench_begin_run(bench);
    bench_open_sink(bench);
}

static inline void bench_close(struct filing_bench *bench)
{
    sink_destroy(&bench->sink);
    catalogue_run_fini(&bench->run);
    catalogue_close(&bench->catalogue);
}

static inline void bench_forget(void **state)
{
    temporary_remove(temporary_path(state, ".cubby"));
}

// Files one photo as a group of its own and says how it ended: "filed table/a.jpg",
// "skipped: ...", "failed: ...", or "stopped: ..." if the run ended with it.
static inline const char *bench_file(struct filing_bench *bench, struct photo *photo,
                                     const char *folder)
{
    unsigned before = bench->settled;
    photo->status = PHOTO_FILED;
    enum cubby_status status = sink_file(bench->sink, &photo, folder);
    assert_null(photo);
    if (!status)
        status = sink_finish(bench->sink, true);
    assert_int_equal(bench->settled, before + 1);
    if (status)
        snprintf(bench->outcome, sizeof(bench->outcome), "stopped: %s", cubby_status_text(status));
    return bench->outcome;
}

#endif
