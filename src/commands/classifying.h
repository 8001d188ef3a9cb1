// Model, device and thread count, as the options say: what sort, classify and bench begin with.
#ifndef SRC_COMMANDS_CLASSIFYING_H
#define SRC_COMMANDS_CLASSIFYING_H

#include "commands/command.h"
#include "model_file.h"
#include "pipeline/pipeline.h"

struct classifying {
    struct model_file model;
    struct classifier *classifier;             // owned
    uint32_t threads;                          // that read and decode
    bool shares_cores;                         // the network runs on the same cores as those
    const struct cubby_preprocess *preprocess; // borrowed, as the next
    const char *model_name;                    // its file
    struct photo_hash model_hash;
    const char **class_names; // owned; the names are the model's
    uint32_t class_count;
    double threshold; // the model's; negative: it has none
};

// From which probability on a photo is filed: what the options say, else the model, else 0.5.
double classifying_threshold(const struct cli_options *options, double of_model);

// The log says what went wrong; *out can be closed whatever the result.
enum cubby_status classifying_open(struct classifying *out, const struct command *command);
// The same with this model; NULL: the built-in one.
enum cubby_status classifying_open_model(struct classifying *out, const struct command *command,
                                         const char *model);
void classifying_close(struct classifying *classifying);

// What the options say about the pipeline; source, settle and tick are left to the caller.
struct pipeline_params classifying_pipeline(const struct classifying *classifying,
                                            const struct command *command);

#endif
