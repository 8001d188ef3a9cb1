// fastai's heads: folded, and layer by layer in double.
#include "fixture.h"

#include <math.h>

#include "model/head.h"
#include "model/network.h"

enum layer { BN, LINEAR, LINEAR_BIAS, END };

struct variant {
    const char *option;
    bool concat;
    struct {
        uint32_t position;
        enum layer layer;
        int64_t out; // of a linear layer
    } layers[10];
};

// As create_head makes them; positions skip Dropout, ReLU, pooling and flattening.
static const struct variant variants[] = {
    {"default", true, {{2, BN, 0}, {4, LINEAR, 12}, {6, BN, 0}, {8, LINEAR, 5}, {0, END, 0}}},
    {"ps=0", true, {{2, BN, 0}, {3, LINEAR, 12}, {5, BN, 0}, {6, LINEAR, 5}, {0, END, 0}}},
    {"lin_ftrs=[]", true, {{2, BN, 0}, {4, LINEAR, 5}, {0, END, 0}}},
    {"lin_ftrs=[256,128]",
     true,
     {{2, BN, 0},
      {4, LINEAR, 12},
      {6, BN, 0},
      {8, LINEAR, 7},
      {10, BN, 0},
      {12, LINEAR, 5},
      {0, END, 0}}},
    {"concat_pool=False",
     false,
     {{2, BN, 0}, {4, LINEAR, 12}, {6, BN, 0}, {8, LINEAR, 5}, {0, END, 0}}},
    {"first_bn=False", true, {{3, LINEAR_BIAS, 12}, {5, BN, 0}, {7, LINEAR, 5}, {0, END, 0}}},
    {"bn_final=True",
     true,
     {{2, BN, 0}, {4, LINEAR, 12}, {6, BN, 0}, {8, LINEAR, 5}, {9, BN, 0}, {0, END, 0}}},
    {"lin_first=True", true, {{3, LINEAR, 12}, {5, BN, 0}, {7, LINEAR_BIAS, 5}, {0, END, 0}}},
    {"fastai v1",
     true,
     {{2, BN, 0}, {4, LINEAR_BIAS, 12}, {6, BN, 0}, {8, LINEAR_BIAS, 5}, {0, END, 0}}},
};

static void add_head(struct dict *dict, const struct variant *variant, int64_t width,
                     const char *prefix)
{
    for (size_t i = 0; variant->layers[i].layer != END; ++i) {
        char base[64];
        snprintf(base, sizeof(base), "%s%u", prefix, variant->layers[i].position);
        if (variant->layers[i].layer == BN) {
            dict_add_norm(dict, base, width);
            continue;
        }
        dict_add_linear(dict, base, variant->layers[i].out, width,
                        variant->layers[i].layer == LINEAR_BIAS);
        width = variant->layers[i].out;
    }
}

static const float *values_of(struct dict *dict, const char *prefix, uint32_t position,
                              const char *part)
{
    char name[96];
    snprintf(name, sizeof(name), "%s%u.%s", prefix, position, part);
    return (const float *)(const void *)dict_find(dict, name)->data;
}

// Runs the unfolded head on x in place.
static void run_layers(struct dict *dict, const struct variant *variant, const char *prefix,
                       int64_t width, double *x)
{
    for (size_t i = 0; variant->layers[i].layer != END; ++i) {
        uint32_t at = variant->layers[i].position;
        const float *weight = values_of(dict, prefix, at, "weight");
        if (variant->layers[i].layer == BN) {
            const float *bias = values_of(dict, prefix, at, "bias");
            const float *mean = values_of(dict, prefix, at, "running_mean");
            const float *var = values_of(dict, prefix, at, "running_var");
            for (int64_t c = 0; c < width; ++c)
                x[c] = (x[c] - mean[c]) / sqrt(var[c] + 1e-5) * weight[c] + bias[c];
            continue;
        }
        bool last = true;
        for (size_t k = i + 1; variant->layers[k].layer != END; ++k)
            last &= variant->layers[k].layer == BN;
        double y[64];
        int64_t out = variant->layers[i].out;
        for (int64_t o = 0; o < out; ++o) {
            y[o] = variant->layers[i].layer == LINEAR_BIAS ? values_of(dict, prefix, at, "bias")[o]
                                                           : 0;
            for (int64_t k = 0; k < width; ++k)
                y[o] += weight[o * width + k] * x[k];
            y[o] = last || y[o] > 0 ? y[o] : 0;
        }
        memcpy(x, y, sizeof(*x) * (size_t)out);
        width = out;
    }
}

static void run_folded(const struct network *network, double *x)
{
    for (uint32_t i = 0; i < network->head_count; ++i) {
        const struct network_linear *linear = &network->head[i];
        double y[64];
        for (uint32_t o = 0; o < linear->out; ++o) {
            y[o] = linear->bias[o];
            for (uint32_t k = 0; k < linear->in; ++k)
                y[o] += linear->weight[o * linear->in + k] * x[k];
            y[o] = !linear->relu || y[o] > 0 ? y[o] : 0;
        }
        memcpy(x, y, sizeof(*x) * linear->out);
    }
}

static void test_variants(void **state)
{
    (void)state;
    for (size_t v = 0; v < sizeof(variants) / sizeof(variants[0]); ++v) {
        const struct variant *variant = &variants[v];
        struct dict *dict = dict_create(100 + v);
        int64_t features = dict_add_resnet(dict, &resnets[0], 2, 1, "0.", true);
        int64_t width = variant->concat ? 2 * features : features;
        add_head(dict, variant, width, "1.");
        struct file file = {0};
        file_open(&file, dict, NULL, 0);
        struct messages messages = {0};
        const struct cubby_log log = {messages_write, &messages};
        struct network network;
        struct head head;
        if (network_recognise(&network, &head, file.checkpoint, &log))
            fail_msg("%s: %s", variant->option, messages.error);
        assert_int_equal(network.pool,
                         variant->concat ? CUBBY_POOL_MAX_AVERAGE : CUBBY_POOL_AVERAGE);
        assert_true(head.fastai);
        assert_false(network.head[network.head_count - 1].relu);
        for (int round = 0; round < 20; ++round) {
            double x[64], y[64];
            for (int64_t i = 0; i < width; ++i)
                x[i] = y[i] = random_float(&dict->seed, -1, 2);
            run_layers(dict, variant, "1.", width, x);
            run_folded(&network, y);
            for (int i = 0; i < 5; ++i) {
                if (fabs(x[i] - y[i]) > 1e-5 * (1 + fabs(x[i])))
                    fail_msg("%s, seed %zu: output %d is %g, layer by layer %g", variant->option,
                             100 + v, i, y[i], x[i]);
            }
        }
        network_fini(&network);
        file_close(&file);
        dict_destroy(dict);
    }
}

static void expect_refusal(struct dict *dict, const char *error)
{
    struct file file = {0};
    file_open(&file, dict, NULL, 0);
    struct messages messages = {0};
    const struct cubby_log log = {messages_write, &messages};
    struct network network;
    assert_int_not_equal(network_recognise(&network, NULL, file.checkpoint, &log), CUBBY_OK);
    assert_error(&messages, error);
    network_fini(&network);
    file_close(&file);
    dict_destroy(dict);
}

static struct dict *begin(int64_t *features)
{
    struct dict *dict = dict_create(5);
    *features = dict_add_resnet(dict, &resnets[0], 2, 1, "0.", true);
    return dict;
}

static void test_refusals(void **state)
{
    (void)state;
    int64_t features;
    struct dict *dict = begin(&features);
    expect_refusal(dict, "no head");

    dict = begin(&features);
    dict_add_norm(dict, "1.2", 2 * features);
    expect_refusal(dict, "without a linear layer");

    dict = begin(&features);
    dict_add_linear(dict, "1.2", 5, 3 * features, true);
    expect_refusal(dict, "takes 48 features");

    dict = begin(&features);
    dict_add_linear(dict, "1.2", 5, features, true);
    dict_add_linear(dict, "1.4", 5, 6, true);
    expect_refusal(dict, "1.4.weight does not fit");

    dict = begin(&features);
    dict_add_vector(dict, "1.2", "weight", features, 0, 1); // a LayerNorm
    dict_add_vector(dict, "1.2", "bias", features, 0, 1);
    dict_add_linear(dict, "1.4", 5, features, true);
    expect_refusal(dict, "1.2 of the head");

    dict = begin(&features);
    dict_add_conv(dict, "1.2", 5, features, 1);
    expect_refusal(dict, "1.2.weight does not belong");

    dict = begin(&features);
    dict_add_linear(dict, "1.2.0", 5, features, true);
    expect_refusal(dict, "does not belong to a head");

    dict = begin(&features);
    dict_add_linear(dict, "1.99999", 5, features, true);
    expect_refusal(dict, "does not belong");

    dict = begin(&features);
    for (int i = 2; i < 20; ++i) {
        char base[16];
        snprintf(base, sizeof(base), "1.%d", 2 * i - 2);
        dict_add_linear(dict, base, features, features, false);
    }
    expect_refusal(dict, "too many linear layers");

    dict = begin(&features);
    dict_add_norm(dict, "1.2", features);
    dict_add_linear(dict, "1.4", 5, features, true);
    ((float *)(uintptr_t)dict_find(dict, "1.2.running_var")->data)[3] = -0.1f;
    expect_refusal(dict, "1.2.running_var holds a negative variance");

    dict = begin(&features);
    dict_add_norm(dict, "1.2", features);
    dict_add_linear(dict, "1.4", 5, features, true);
    ((float *)(uintptr_t)dict_find(dict, "1.2.weight")->data)[3] = 3e38f;
    ((float *)(uintptr_t)dict_find(dict, "1.2.running_var")->data)[3] = 0;
    expect_refusal(dict, "beyond float32");
}

// Layers without tensors are told by the places that they take.
static void test_positions(void **state)
{
    (void)state;
    static const struct {
        struct {
            uint32_t position;
            enum layer layer;
        } layers[4];
        const char *error; // NULL: as create_head() makes them
    } cases[] = {
        {{{2, LINEAR}, {0, END}}, NULL},
        {{{3, LINEAR}, {0, END}}, NULL},
        {{{4, LINEAR}, {0, END}}, "1.4 of the head"}, // another layer in front of it
        {{{1, LINEAR}, {0, END}}, "1.1 of the head"}, // not flattened
        {{{2, BN}, {3, LINEAR}, {0, END}}, NULL},
        {{{3, BN}, {4, LINEAR}, {0, END}}, "1.3 of the head"},
        {{{2, BN}, {5, LINEAR}, {0, END}}, "1.5 of the head"}, // an activation and dropout
        {{{2, LINEAR}, {3, BN}, {0, END}}, NULL},              // bn_final
        {{{2, LINEAR}, {3, BN}, {5, LINEAR}, {0, END}}, "1.3 of the head"}, // no activation
        {{{2, LINEAR}, {3, LINEAR}, {0, END}}, "1.3 of the head"},
        {{{2, LINEAR}, {4, LINEAR}, {0, END}}, NULL},
        {{{2, LINEAR}, {6, LINEAR}, {0, END}}, "1.6 of the head"},
        {{{2, BN}, {3, BN}, {4, LINEAR}, {0, END}}, "1.3 of the head"},
    };
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); ++k) {
        int64_t features;
        struct dict *dict = begin(&features);
        for (size_t i = 0; i < 4 && cases[k].layers[i].layer != END; ++i) {
            char base[16];
            snprintf(base, sizeof(base), "1.%u", cases[k].layers[i].position);
            if (cases[k].layers[i].layer == BN)
                dict_add_norm(dict, base, features);
            else
                dict_add_linear(dict, base, features, features, true);
        }
        if (cases[k].error) {
            expect_refusal(dict, cases[k].error);
            continue;
        }
        struct file file = {0};
        file_open(&file, dict, NULL, 0);
        struct messages messages = {0};
        const struct cubby_log log = {messages_write, &messages};
        struct network network;
        if (network_recognise(&network, NULL, file.checkpoint, &log))
            fail_msg("case %zu: %s", k, messages.error);
        assert_int_equal(cubby_checkpoint_note_count(file.checkpoint), 1);
        network_fini(&network);
        file_close(&file);
        dict_destroy(dict);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
