#include <stdlib.h>
#include <string.h>

#include "model/model_private.h"

static uint32_t output_count(const struct network *network)
{
    return network->head[network->head_count - 1].out;
}

// What the file says of itself must be what its tensors say.
static enum cubby_status check_claims(const struct cubby_model *model,
                                      const struct cubby_checkpoint *checkpoint,
                                      const struct cubby_log *log)
{
    const char *version = cubby_checkpoint_metadata(checkpoint, "cubby.version");
    const char *network = cubby_checkpoint_metadata(checkpoint, "cubby.network");
    const char *head = cubby_checkpoint_metadata(checkpoint, "cubby.head");
    if (version && strcmp(version, MODEL_VERSION) != 0) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "the model was written by a newer cubby (its format is not " MODEL_VERSION
                  "); update cubby");
        return CUBBY_UNSUPPORTED;
    }
    if ((network && strcmp(network, model->network_name) != 0) ||
        (head && strcmp(head, cubby_model_head(model)) != 0)) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "the model's metadata contradicts its tensors, which are those of a %s with the "
                  "head '%s'",
                  model->network_name, cubby_model_head(model));
        return CUBBY_BAD_DATA;
    }
    return CUBBY_OK;
}

static enum cubby_status read_classes(struct cubby_model *model,
                                      const struct cubby_checkpoint *checkpoint,
                                      const struct cubby_model_params *params,
                                      const struct cubby_log *log)
{
    uint32_t outputs = output_count(&model->network);
    const char *json = cubby_checkpoint_metadata(checkpoint, "cubby.classes");
    enum cubby_status status;
    if (params->class_names) {
        status = class_names_copy(&model->classes, params->class_names, params->class_count, log);
    } else if (json) {
        status = class_names_parse(&model->classes, json, log);
    } else if (cubby_checkpoint_class_obstacle(checkpoint)) {
        cubby_log(log, CUBBY_LOG_ERROR, "the file's class names cannot be taken over: %s",
                  cubby_checkpoint_class_obstacle(checkpoint));
        return CUBBY_UNSUPPORTED;
    } else {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "the file carries no class names; the network has %u classes, give a list of "
                  "their names in the order of training",
                  outputs);
        return CUBBY_BAD_DATA;
    }
    if (!status && model->classes.count != outputs) {
        cubby_log(log, CUBBY_LOG_ERROR, "there are %u class names, but the network has %u classes",
                  model->classes.count, outputs);
        status = CUBBY_BAD_DATA;
    }
    return status;
}

static enum cubby_status read_preprocess(struct cubby_model *model,
                                         const struct cubby_checkpoint *checkpoint,
                                         const struct cubby_model_params *params,
                                         const struct cubby_log *log)
{
    const char *json = cubby_checkpoint_metadata(checkpoint, "cubby.preprocessing");
    if (params->preprocess) {
        model->preprocess = *params->preprocess;
        return preprocess_check(&model->preprocess, log);
    }
    if (json)
        return preprocess_parse(&model->preprocess, json, log);
    if (cubby_checkpoint_obstacle(checkpoint)) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "the file's preprocessing cannot be taken over: %s; say how photos are resized "
                  "when importing the file",
                  cubby_checkpoint_obstacle(checkpoint));
        return CUBBY_UNSUPPORTED;
    }
    cubby_log(log, CUBBY_LOG_ERROR,
              "the file does not say how photos are resized and normalised for its network; say it "
              "when importing the file");
    return CUBBY_BAD_DATA;
}

static enum cubby_status read_scores(struct cubby_model *model,
                                     const struct cubby_checkpoint *checkpoint,
                                     const struct cubby_model_params *params,
                                     const struct cubby_log *log)
{
    const char *text = cubby_checkpoint_metadata(checkpoint, "cubby.scores");
    if (params->scores)
        model->scores = *params->scores;
    else if (text && strcmp(text, MODEL_SIGMOID) == 0)
        model->scores = CUBBY_SCORES_SIGMOID;
    else if (text && strcmp(text, "softmax") != 0) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "the model's metadata is damaged: cubby.scores is neither \"softmax\" nor "
                  "\"" MODEL_SIGMOID "\"");
        return CUBBY_BAD_DATA;
    }
    return CUBBY_OK;
}

// A number within limits, or `missing` where the file has none.
static enum cubby_status read_number(double *out, const struct cubby_checkpoint *checkpoint,
                                     const char *key, double least, double most, double missing,
                                     const struct cubby_log *log)
{
    const char *text = cubby_checkpoint_metadata(checkpoint, key);
    *out = missing;
    if (!text)
        return CUBBY_OK;
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= least && value <= most)) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "the model's metadata is damaged: %s is no number from %g to %g", key, least,
                  most);
        return CUBBY_BAD_DATA;
    }
    *out = value;
    return CUBBY_OK;
}

static enum cubby_status read_calibration(struct cubby_model *model,
                                          const struct cubby_checkpoint *checkpoint,
                                          const struct cubby_log *log)
{
    enum cubby_status status =
        read_number(&model->threshold, checkpoint, "cubby.threshold", 0, 1, -1, log);
    if (!status)
        status =
            read_number(&model->temperature, checkpoint, "cubby.temperature", 1e-6, 1e6, 0, log);
    return status;
}

static enum cubby_status read_provenance(struct cubby_model *model,
                                         const struct cubby_checkpoint *checkpoint,
                                         const struct cubby_model_params *params,
                                         const struct cubby_log *log)
{
    const char *json = params->provenance_json;
    if (!json)
        json = cubby_checkpoint_metadata(checkpoint, "cubby.provenance");
    if (!json)
        json = "{}";
    enum cubby_status status = provenance_check(json, log);
    if (status)
        return status;
    size_t bytes = strlen(json) + 1;
    model->provenance = malloc(bytes);
    if (!model->provenance)
        return CUBBY_NO_MEMORY;
    memcpy(model->provenance, json, bytes);
    return CUBBY_OK;
}

static enum cubby_status read_selftest(struct cubby_model *model,
                                       const struct cubby_checkpoint *checkpoint)
{
    const char *json = cubby_checkpoint_metadata(checkpoint, "cubby.selftest");
    // Checked when it is run: a model with a damaged self-test can still be used.
    if (!json || strlen(json) > METADATA_MAX_PROVENANCE_BYTES)
        return CUBBY_OK;
    size_t bytes = strlen(json) + 1;
    model->selftest = malloc(bytes);
    if (!model->selftest)
        return CUBBY_NO_MEMORY;
    memcpy(model->selftest, json, bytes);
    return CUBBY_OK;
}

enum cubby_status cubby_model_recognise(const struct cubby_checkpoint *checkpoint,
                                        uint32_t *class_count, const struct cubby_log *log)
{
    struct network network;
    enum cubby_status status = network_recognise(&network, NULL, checkpoint, log);
    *class_count = status ? 0 : output_count(&network);
    network_fini(&network);
    return status;
}

enum cubby_status cubby_model_create(struct cubby_model **out,
                                     const struct cubby_checkpoint *checkpoint,
                                     const struct cubby_model_params *params,
                                     const struct cubby_log *log)
{
    *out = NULL;
    static const struct cubby_model_params no_params = {0};
    if (!params)
        params = &no_params;
    struct cubby_model *model = calloc(1, sizeof(*model));
    if (!model)
        return CUBBY_NO_MEMORY;

    enum cubby_status status = network_recognise(&model->network, &model->head, checkpoint, log);
    if (status)
        goto fail;
    network_name(&model->network, model->network_name, sizeof(model->network_name));
    model->feature_count = model->network.head[0].in;
    status = check_claims(model, checkpoint, log);
    if (!status)
        status = read_classes(model, checkpoint, params, log);
    if (!status)
        status = read_preprocess(model, checkpoint, params, log);
    if (!status)
        status = read_scores(model, checkpoint, params, log);
    if (!status)
        status = read_calibration(model, checkpoint, log);
    if (!status)
        status = read_provenance(model, checkpoint, params, log);
    if (!status)
        status = read_selftest(model, checkpoint);
    if (status)
        goto fail;
    *out = model;
    return CUBBY_OK;

fail:
    cubby_model_destroy(&model);
    return status;
}

void cubby_model_destroy(struct cubby_model **model)
{
    struct cubby_model *m = *model;
    if (!m)
        return;
    network_fini(&m->network);
    class_names_fini(&m->classes);
    free(m->provenance);
    free(m->selftest);
    free(m);
    *model = NULL;
}

void cubby_model_drop_weights(struct cubby_model *model)
{
    network_fini(&model->network);
    bool fastai = model->head.fastai;
    model->head = (struct head){.fastai = fastai};
}

const struct network *model_network(const struct cubby_model *model)
{
    return &model->network;
}

uint32_t cubby_model_class_count(const struct cubby_model *model)
{
    return model->classes.count;
}

const char *cubby_model_class_name(const struct cubby_model *model, uint32_t index)
{
    return model->classes.names[index];
}

uint32_t cubby_model_feature_count(const struct cubby_model *model)
{
    return model->feature_count;
}

const struct cubby_preprocess *cubby_model_preprocess(const struct cubby_model *model)
{
    return &model->preprocess;
}

enum cubby_scores cubby_model_scores(const struct cubby_model *model)
{
    return model->scores;
}

const char *cubby_model_network(const struct cubby_model *model)
{
    return model->network_name;
}

bool cubby_model_has_usual_widths(const struct cubby_model *model)
{
    return network_has_usual_widths(&model->network);
}

const char *cubby_model_head(const struct cubby_model *model)
{
    return model->head.fastai ? "fastai" : "fc";
}

const char *cubby_model_provenance(const struct cubby_model *model)
{
    return model->provenance;
}

double cubby_model_threshold(const struct cubby_model *model)
{
    return model->threshold;
}

double cubby_model_temperature(const struct cubby_model *model)
{
    return model->temperature;
}
