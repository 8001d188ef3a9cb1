// fastai's head: batch norms and linear layers in turn, a ReLU behind every linear layer but the
// last (options of create_head change the order and the number, never this rule). In inference a
// batch norm is a scale and a shift per channel, so each joins the linear layer behind it; a last
// one joins the layer before it.
#include "model/head.h"

#include <math.h>
#include <stdlib.h>

#include "model/container.h"

// Scale and shift per channel.
struct affine {
    double *scale, *shift; // owned, one block
    uint32_t count;
};

static enum cubby_status no_head(const struct cubby_log *log, const struct head_module *module,
                                 const char *what)
{
    cubby_log(log, CUBBY_LOG_ERROR,
              "tensor %.200s %s; cubby knows torchvision's fc and fastai's "
              "standard heads",
              module->weight->name, what);
    return CUBBY_UNSUPPORTED;
}

static enum cubby_status affine_init(struct affine *affine, uint32_t count)
{
    *affine = (struct affine){.count = count};
    affine->scale = malloc(2 * sizeof(double) * count);
    if (!affine->scale)
        return CUBBY_NO_MEMORY;
    affine->shift = affine->scale + count;
    for (uint32_t i = 0; i < count; ++i) {
        affine->scale[i] = 1;
        affine->shift[i] = 0;
    }
    return CUBBY_OK;
}

// Puts a batch norm behind what `affine` does already.
static enum cubby_status affine_add(struct affine *affine, const struct head_module *norm)
{
    uint32_t count = affine->count;
    float *values = malloc(4 * sizeof(float) * count);
    if (!values)
        return CUBBY_NO_MEMORY;
    const struct cubby_tensor *tensors[] = {norm->weight, norm->bias, norm->mean, norm->var};
    enum cubby_status status = CUBBY_OK;
    for (uint32_t i = 0; i < 4 && !status; ++i)
        status = cubby_tensor_read_f32(tensors[i], values + (size_t)i * count);
    const float *gamma = values, *beta = gamma + count, *mean = beta + count, *var = mean + count;
    for (uint32_t i = 0; i < count && !status; ++i) {
        double factor = gamma[i] / sqrt((double)var[i] + NETWORK_BN_EPSILON);
        affine->scale[i] *= factor;
        affine->shift[i] = (affine->shift[i] - mean[i]) * factor + beta[i];
    }
    free(values);
    return status;
}

// Makes the linear layer of `module` with `before` folded in: W (s x + t) + b.
static enum cubby_status make_linear(struct network_linear *linear,
                                     const struct head_module *module, const struct affine *before)
{
    linear->out = (uint32_t)module->weight->shape[0];
    linear->in = (uint32_t)module->weight->shape[1];
    linear->weight = malloc(sizeof(float) * linear->out * linear->in);
    linear->bias = calloc(linear->out, sizeof(float));
    if (!linear->weight || !linear->bias)
        return CUBBY_NO_MEMORY;
    enum cubby_status status = cubby_tensor_read_f32(module->weight, linear->weight);
    if (!status && module->bias)
        status = cubby_tensor_read_f32(module->bias, linear->bias);
    for (uint32_t o = 0; o < linear->out && !status; ++o) {
        float *row = linear->weight + (size_t)o * linear->in;
        double sum = linear->bias[o];
        for (uint32_t i = 0; i < linear->in; ++i) {
            sum += row[i] * before->shift[i];
            row[i] = (float)(row[i] * before->scale[i]);
        }
        linear->bias[o] = (float)sum;
    }
    return status;
}

// Folds what comes behind the last linear layer: s (W x + b) + t.
static void fold_behind(struct network_linear *linear, const struct affine *behind)
{
    for (uint32_t o = 0; o < linear->out; ++o) {
        float *row = linear->weight + (size_t)o * linear->in;
        for (uint32_t i = 0; i < linear->in; ++i)
            row[i] = (float)(row[i] * behind->scale[o]);
        linear->bias[o] = (float)(linear->bias[o] * behind->scale[o] + behind->shift[o]);
    }
}

static bool is_finite(const struct network_linear *linear)
{
    bool finite = true;
    size_t count = (size_t)linear->out * linear->in;
    for (size_t i = 0; i < count; ++i)
        finite &= isfinite(linear->weight[i]) != 0;
    for (uint32_t i = 0; i < linear->out; ++i)
        finite &= isfinite(linear->bias[i]) != 0;
    return finite;
}

static bool is_vector(const struct cubby_tensor *tensor, int64_t count)
{
    return tensor->rank == 1 && tensor->shape[0] == count;
}

// Widths must chain from the pooled features to the classes.
static enum cubby_status check_widths(const struct head *head, uint32_t features,
                                      enum cubby_pool *pool, const struct cubby_log *log)
{
    const struct head_module *first = &head->modules[0];
    int64_t width = first->weight->shape[first->weight->rank - 1];
    if (width == features) {
        *pool = CUBBY_POOL_AVERAGE;
    } else if (head->fastai && width == 2 * (int64_t)features) {
        *pool = CUBBY_POOL_MAX_AVERAGE;
    } else {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "tensor %.200s takes %lld features, but the network gives %u%s",
                  first->weight->name, (long long)width, features,
                  head->fastai ? " (or twice that with fastai's concat pooling)" : "");
        return CUBBY_BAD_DATA;
    }
    uint32_t linears = 0;
    for (uint32_t i = 0; i < head->count; ++i) {
        const struct head_module *module = &head->modules[i];
        int64_t takes = width;
        bool fits = true;
        if (module->mean) {
            fits = is_vector(module->weight, width) && is_vector(module->bias, width) &&
                   is_vector(module->mean, width) && is_vector(module->var, width);
        } else {
            fits = module->weight->shape[1] == width && module->weight->shape[0] > 0;
            width = module->weight->shape[0];
            fits = fits && width <= CUBBY_MAX_CLASSES &&
                   (!module->bias || is_vector(module->bias, width));
            ++linears;
        }
        if (!fits) {
            cubby_log(log, CUBBY_LOG_ERROR,
                      "the layer of tensor %.200s does not fit the one before it: it should take "
                      "%lld values",
                      module->weight->name, (long long)takes);
            return CUBBY_BAD_DATA;
        }
    }
    if (linears == 0 || linears > NETWORK_MAX_HEAD)
        return no_head(log, first,
                       linears ? "begins a head with too many linear layers"
                               : "begins a head without a linear layer");
    return CUBBY_OK;
}

static enum cubby_status fold_modules(const struct head *head, struct network *network,
                                      struct affine *pending, uint32_t width)
{
    enum cubby_status status = affine_init(pending, width);
    for (uint32_t i = 0; i < head->count && !status; ++i) {
        const struct head_module *module = &head->modules[i];
        if (module->mean) {
            status = affine_add(pending, module);
            continue;
        }
        if (network->head_count > 0)
            network->head[network->head_count - 1].relu = true;
        struct network_linear *linear = &network->head[network->head_count++];
        status = make_linear(linear, module, pending);
        free(pending->scale);
        *pending = (struct affine){0};
        if (!status)
            status = affine_init(pending, linear->out);
    }
    if (!status && head->modules[head->count - 1].mean)
        fold_behind(&network->head[network->head_count - 1], pending);
    return status;
}

enum cubby_status head_fold(const struct head *head, uint32_t features, struct network *network,
                            const struct cubby_log *log)
{
    enum cubby_status status = check_widths(head, features, &network->pool, log);
    if (status)
        return status;
    uint32_t width = network->pool == CUBBY_POOL_MAX_AVERAGE ? 2 * features : features;
    struct affine pending = {0};
    status = fold_modules(head, network, &pending, width);
    free(pending.scale);
    for (uint32_t i = 0; i < network->head_count && !status; ++i) {
        if (!is_finite(&network->head[i])) {
            cubby_log(log, CUBBY_LOG_ERROR,
                      "linear layer %u of the head has values beyond float32 once its batch norm "
                      "is folded in (a negative variance?): the file is damaged",
                      i);
            status = CUBBY_BAD_DATA;
        }
    }
    return status;
}
