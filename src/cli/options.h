// The command line: one table of options from which parsing, help, man page and shell completions
// come. Parsing fills a struct and returns an error sentence; it never acts, prints or exits.
//
// Every long option --some-name can also be given as CUBBY_SOME_NAME (for flags: 1, true, yes, on
// or 0, false, no, off); the command line wins. A variable is only looked at by commands that take
// its option; an empty one counts as not set.
#ifndef SRC_CLI_OPTIONS_H
#define SRC_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/gpu.h"
#include "engine/image.h"
#include "engine/model.h"
#include "engine/net.h"
#include "engine/status.h"

enum cli_command {
    CLI_NONE, // only with help: no command in particular
    CLI_SORT,
    CLI_CLASSIFY,
    CLI_IMPORT,
    CLI_INFO,
    CLI_DEVICES,
    CLI_BENCH,
    CLI_UNDO,
    CLI_VERIFY,
    CLI_EXPORT,
    CLI_TUNE,
    CLI_LEARN,
    CLI_CHECK,
    CLI_CORRECT,
    CLI_HELP,    // `help_about` says about what: `cubby help sort`, `cubby sort --help`, `cubby`
    CLI_VERSION, // `cubby version`, `cubby --version`
    CLI_GENERATE // `generate` says what: cubby --generate man
};

enum cli_pack { CLI_PACK_FOLDERS, CLI_PACK_ZIP, CLI_PACK_TAR_ZST, CLI_PACK_7Z };
// The stages as in commands/bench_internal.h.
enum cli_only {
    CLI_ONLY_ALL,
    CLI_ONLY_READING,
    CLI_ONLY_DECODING,
    CLI_ONLY_NETWORK,
    CLI_ONLY_FILING,
    CLI_ONLY_END_TO_END
};
enum cli_names { CLI_NAMES_TORCHVISION, CLI_NAMES_TIMM }; // the same tensors today

enum cli_generate {
    CLI_GENERATE_MAN,
    CLI_GENERATE_COMPLETE_BASH,
    CLI_GENERATE_COMPLETE_ZSH,
    CLI_GENERATE_COMPLETE_FISH,
};

#define CLI_ERROR_BYTES 512u
#define CLI_MAX_THREADS 1024u
#define CLI_MAX_BATCH CUBBY_NET_MAX_BATCH

// fastai's batch transforms that sample photos: to which size, and whether they are sampled in
// place before, cut to a square on the way.
struct cli_resample {
    uint32_t sides[2]; // width, height; 0: not given
    bool same_first;
};

// Strings are borrowed from argv or the environment; NULL: not given.
struct cli_options {
    enum cli_command command;
    enum cli_command help_about;
    enum cli_generate generate;
    const char **arguments; // owned (cli_options_fini); what is not an option, in order
    size_t argument_count;  // checked: sort and classify 1 or more, check 2, import, info, export,
                            // learn 1, others 0

    const char *into;
    const char *model;
    const char *device;
    const char *output;
    const char *labels;
    const char *labels_from;
    const char *weights_prefix;
    const char *check;
    const char *html;
    const char *log_file;
    const char *photos;
    const char *from_catalogue;
    const char *from;
    const char *valid_from;
    const char *groups;
    enum cli_pack pack;
    enum cubby_precision precision;
    enum cli_only only;
    enum cli_names names;
    enum cubby_kernels kernels;
    double threshold;            // 0..1, where threshold_given; else the model's, or 0.5
    double target_precision;     // 0: none
    double seconds;              // 0: bench decides
    double sample;               // percent, 100 by default
    uint32_t batch, threads;     // 0: decided at run time
    uint32_t seed;               // 0 by default
    uint32_t top;                // 1..PHOTO_TOP, 5 by default
    uint32_t mistakes;           // that check names, 0..CHECK_MAX_MISTAKES, 20 by default
    uint32_t resize[2], crop[2]; // width, height; 0: not given
    struct cli_resample resample;
    uint64_t max_pixels;          // pixels (given in megapixels); 0: not given
    uint64_t max_file_size_bytes; // 1 GiB by default
    uint64_t pack_size_bytes;     // 4 GiB by default
    uint64_t cache_size_bytes;    // 2 GiB by default
    enum cubby_resize_rule resize_rule;
    enum cubby_pad pad_mode;
    enum cubby_filter interpolation;
    enum cubby_scores scores;
    float mean[3], std[3];
    bool resize_rule_given, pad_mode_given, interpolation_given, mean_given, std_given,
        scores_given, threshold_given;
    bool dry_run, json, csv, logits, exact, no_fsync, trust, inspect, fp16, verbose, quiet;
    bool again, move, link, symlink, no_groups, online, show, clear;
    bool augment, no_augment, clear_cache, only_corrections;
};

struct cli_environment {
    const char *(*get)(void *user, const char *name); // NULL: not set
    void *user;
};

// The process's own environment (values live until it ends).
extern const struct cli_environment cli_process_environment;

// Fills *out; call cli_options_fini() whatever the result.
//   error  on CUBBY_BAD_DATA: one sentence on what is wrong and what would be right
// `environment` may be NULL: none.
CUBBY_NODISCARD enum cubby_status cli_parse(struct cli_options *out, int argc,
                                            const char *const *argv,
                                            const struct cli_environment *environment,
                                            char error[CLI_ERROR_BYTES]);
void cli_options_fini(struct cli_options *options);

const char *cli_command_name(enum cli_command command); // "sort"

// What does not arrive, the caller finds out by flushing the stream.
void cli_write_help(FILE *stream, enum cli_command about);
void cli_write_generated(FILE *stream, enum cli_generate what);

#endif
