#include "fixture.h"

#include <math.h>

#include "model/network.h"

static enum cubby_status recognise(struct dict *dict, struct network *network, struct file *file,
                                   struct messages *messages)
{
    file_open(file, dict, NULL, 0);
    *messages = (struct messages){0};
    const struct cubby_log log = {messages_write, messages};
    return network_recognise(network, NULL, file->checkpoint, &log);
}

static void test_every_depth(void **state)
{
    (void)state;
    static const struct {
        const char *prefix, *head;
        bool fastai_names, fastai_head, hugging_face;
    } styles[] = {
        {"", "fc", false, false, false},
        {"module.", "module.fc", false, false, false},
        {"model.", "model.fc", false, false, false},
        {"module.model.", "module.model.fc", false, false, false},
        {"", "head.2", false, true, false},
        {"0.", "1.2", true, true, false},
        {"module.0.", "module.1.2", true, true, false},
        {"0.model.", "1.2", false, true, false},
        {"resnet.", "classifier.1", false, false, true},
        {"module.resnet.", "module.classifier.1", false, false, true},
    };
    for (size_t d = 0; d < sizeof(resnets) / sizeof(resnets[0]); ++d) {
        for (size_t s = 0; s < sizeof(styles) / sizeof(styles[0]); ++s) {
            struct dict *dict = dict_create(d * 10 + s);
            int64_t features =
                dict_add_resnet(dict, &resnets[d], 2, 1, styles[s].prefix, styles[s].fastai_names);
            dict_add_linear(dict, styles[s].head, 3, features, true);
            if (styles[s].hugging_face)
                dict_rename_to_hugging_face(dict, styles[s].prefix);
            struct network network;
            struct file file = {0};
            struct messages messages;
            if (recognise(dict, &network, &file, &messages))
                fail_msg("resnet%u as %s: %s", resnets[d].depth, styles[s].prefix, messages.error);
            assert_int_equal(network.depth, resnets[d].depth);
            assert_memory_equal(network.layers, resnets[d].layers, sizeof(network.layers));
            assert_int_equal(network.head_count, 1);
            assert_int_equal(network.head[0].in, features);
            assert_int_equal(network.head[0].out, 3);
            char name[64], expected[64];
            network_name(&network, name, sizeof(name));
            snprintf(expected, sizeof(expected), "resnet%u", resnets[d].depth);
            assert_string_equal(name, expected);

            uint32_t block = 0;
            for (uint32_t layer = 0; layer < 4; ++layer) {
                for (uint32_t i = 0; i < network.layers[layer]; ++i, ++block) {
                    const struct network_block *b = &network.blocks[block];
                    uint32_t stride = layer > 0 && i == 0 ? 2 : 1;
                    bool bottleneck = resnets[d].bottleneck;
                    assert_int_equal(b->conv_count, bottleneck ? 3 : 2);
                    assert_int_equal(b->conv[0].stride, bottleneck ? 1 : stride);
                    assert_int_equal(b->conv[1].stride, bottleneck ? stride : 1);
                    assert_int_equal(b->conv[1].pad, 1);
                    assert_int_equal(b->conv[0].pad, bottleneck ? 0 : 1);
                    bool shortcut = i == 0 && (layer > 0 || bottleneck);
                    assert_int_equal(b->downsample.weight != NULL, shortcut);
                    if (shortcut)
                        assert_int_equal(b->downsample.stride, stride);
                }
            }
            assert_int_equal(block, network.block_count);
            network_fini(&network);
            file_close(&file);
            dict_destroy(dict);
        }
    }
}

static void test_wide(void **state)
{
    (void)state;
    struct dict *dict = dict_create(1);
    int64_t features = dict_add_resnet(dict, &resnets[2], 3, 2, "", false);
    dict_add_linear(dict, "fc", 3, features, false); // no bias: zeros
    struct network network;
    struct file file = {0};
    struct messages messages;
    assert_int_equal(recognise(dict, &network, &file, &messages), CUBBY_OK);
    char name[64];
    network_name(&network, name, sizeof(name));
    assert_string_equal(name, "wide_resnet50_2");
    assert_true(network.head[0].bias[0] == 0 && network.head[0].bias[2] == 0);
    network_fini(&network);
    file_close(&file);
    dict_destroy(dict);
}

// Channels as the library's network of that name has them, unless something is changed.
static void make_widths(struct network *network, const struct shape_of *resnet, uint32_t wide)
{
    *network = (struct network){.depth = resnet->depth, .stem = {.out_channels = 64}};
    memcpy(network->layers, resnet->layers, sizeof(network->layers));
    for (uint32_t layer = 0; layer < 4; ++layer) {
        for (uint32_t i = 0; i < resnet->layers[layer]; ++i) {
            struct network_block *block = &network->blocks[network->block_count++];
            block->conv_count = resnet->bottleneck ? 3 : 2;
            for (uint32_t k = 0; k < block->conv_count; ++k)
                block->conv[k].out_channels = (64u << layer) * (k == 2 ? 4 : wide);
        }
    }
}

static void test_usual_widths(void **state)
{
    (void)state;
    struct network network;
    for (size_t i = 0; i < sizeof(resnets) / sizeof(resnets[0]); ++i) {
        make_widths(&network, &resnets[i], 1);
        assert_true(network_has_usual_widths(&network));
        make_widths(&network, &resnets[i], 2);
        assert_true(network_has_usual_widths(&network) == (i == 2 || i == 3));
        make_widths(&network, &resnets[i], 1);
        network.stem.out_channels = 32;
        assert_false(network_has_usual_widths(&network));
        make_widths(&network, &resnets[i], 1);
        network.blocks[network.block_count - 1].conv[1].out_channels = 100;
        assert_false(network_has_usual_widths(&network));
    }
}

static struct dict *resnet50(void)
{
    struct dict *dict = dict_create(3);
    int64_t features = dict_add_resnet(dict, &resnets[2], 2, 1, "", false);
    dict_add_linear(dict, "fc", 3, features, true);
    return dict;
}

static void expect_refusal(struct dict *dict, enum cubby_status expected, const char *error)
{
    struct network network;
    struct file file = {0};
    struct messages messages;
    assert_int_equal(recognise(dict, &network, &file, &messages), expected);
    assert_error(&messages, error);
    network_fini(&network);
    file_close(&file);
    dict_destroy(dict);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *error;
    } renames[] = {
        {"conv1.weight", "conv1.0.weight", "conv1.0.weight shows a deep stem"},
        {"layer2.0.bn1.bias", "layer2.0.se.fc.bias", "squeeze-and-excitation"},
        {"layer1.0.downsample.1.weight", "layer1.0.downsample.2.weight", "pooled downsampling"},
        {"bn1.running_mean", "bn1.mean", "no tensor bn1.running_mean"},
        {"layer3.5.conv2.weight", "layer3.5.conv7.weight", "no tensor layer3.5.conv2.weight"},
        {"layer2.0.downsample.0.weight", "x", "no tensor layer2.0.downsample.0.weight"},
        {"layer3.5.conv1.weight", "layer3.7.conv1.weight", "3, 4, 5 and 3 bottleneck blocks"},
        {"fc.weight", "classifier.weight", "no tensor fc.weight"},
        {"fc.bias", "aux.bias", "aux.bias has no place"},
        {"layer1.0.conv1.weight", "features.0.weight", "VGG"},
        {"layer1.0.conv1.weight", "other", "no tensor layer1.0.conv1.weight"},
    };
    for (size_t i = 0; i < sizeof(renames) / sizeof(renames[0]); ++i) {
        struct dict *dict = resnet50();
        dict_rename(dict, renames[i].from, renames[i].to);
        expect_refusal(dict, CUBBY_UNSUPPORTED, renames[i].error);
    }

    struct dict *dict = resnet50();
    dict_find(dict, "layer1.0.conv2.weight")->shape[1] = 1;
    expect_refusal(dict, CUBBY_UNSUPPORTED, "ResNeXt 2x1d");

    dict = resnet50();
    dict_find(dict, "conv1.weight")->shape[1] = 1;
    expect_refusal(dict, CUBBY_UNSUPPORTED, "conv1.weight has the shape [2, 1, 7, 7]");

    dict = resnet50();
    dict_find(dict, "layer4.2.bn3.bias")->shape[0] = 3;
    expect_refusal(dict, CUBBY_UNSUPPORTED, "layer4.2.bn3.bias has the shape [3]");

    dict = resnet50();
    dict_find(dict, "fc.weight")->shape[1] -= 1;
    expect_refusal(dict, CUBBY_BAD_DATA, "fc.weight takes 63 features");

    dict = resnet50();
    ((float *)(uintptr_t)dict_find(dict, "layer2.1.conv2.weight")->data)[5] = NAN;
    expect_refusal(dict, CUBBY_BAD_DATA, "layer2.1.conv2.weight holds NaN");

    dict = resnet50();
    ((float *)(uintptr_t)dict_find(dict, "fc.bias")->data)[1] = -INFINITY;
    expect_refusal(dict, CUBBY_BAD_DATA, "fc.bias holds NaN");

    dict = resnet50();
    ((float *)(uintptr_t)dict_find(dict, "bn1.running_var")->data)[1] = -1;
    expect_refusal(dict, CUBBY_BAD_DATA, "bn1.running_var holds a negative variance");

    dict = resnet50();
    dict_find(dict, "bn1.weight")->dtype = CUBBY_I64;
    dict_find(dict, "bn1.weight")->strides[0] = 0; // stays within its bytes
    expect_refusal(dict, CUBBY_UNSUPPORTED, "bn1.weight is not made of floating-point");
}

// fc replaced: by a Sequential of one linear layer and what has no tensors, and by something else.
static void test_nested_linear(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second, *error; // names instead of fc.weight and fc.bias
    } cases[] = {
        {"fc.1.weight", "fc.1.bias", NULL},
        {"fc.12.weight", "fc.12.bias", NULL},
        {"fc.0.weight", "fc.2.weight", "no tensor fc.weight, but fc.0.weight: the classes come"},
        {"fc.1.weight", "fc.11.bias", "no tensor fc.weight, but fc.1"},
        {"fc.1.weight", "fc.1.running_mean", "no tensor fc.weight, but fc.1"},
        {"fc.weight_orig", "fc.weight_mask", "but fc.weight_mask: the network was pruned"},
        {"fc.scale", "fc._packed_params._packed_params", "the network was quantized"},
        {"fc.linear.weight", "fc.linear.bias", "but fc.linear.bias: the classes come"},
        {"fc2.1.weight", "fc2.1.bias", "without a layer that gives classes"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct dict *dict = resnet50();
        dict_rename(dict, "fc.weight", cases[i].first);
        dict_rename(dict, "fc.bias", cases[i].second);
        if (cases[i].error) {
            expect_refusal(dict, CUBBY_UNSUPPORTED, cases[i].error);
            continue;
        }
        struct network network;
        struct file file = {0};
        struct messages messages;
        if (recognise(dict, &network, &file, &messages))
            fail_msg("%s: %s", cases[i].first, messages.error);
        assert_int_equal(network.head[0].out, 3);
        assert_int_equal(cubby_checkpoint_note_count(file.checkpoint), 1);
        network_fini(&network);
        file_close(&file);
        dict_destroy(dict);
    }
}

static void test_hugging_face_refusals(void **state)
{
    (void)state;
    struct dict *dict = dict_create(4);
    dict_add_resnet(dict, &resnets[0], 2, 1, "", false); // a ResNetModel: the features alone
    dict_rename_to_hugging_face(dict, "");
    expect_refusal(dict, CUBBY_UNSUPPORTED,
                   "no tensor classifier.1.weight: it is a ResNet without "
                   "a layer that gives classes; in transformers, save");

    static const struct {
        const char *from, *to, *error;
    } renames[] = {
        {"resnet.encoder.stages.2.layers.5.layer.1.convolution.weight", "x",
         "no tensor resnet.encoder.stages.2.layers.5.layer.1.convolution.weight"},
        {"resnet.encoder.stages.1.layers.0.shortcut.normalization.bias", "x",
         "no tensor resnet.encoder.stages.1.layers.0.shortcut.normalization.bias"},
        {"resnet.encoder.stages.3.layers.2.layer.0.convolution.weight", "x",
         "(resnet.encoder.stages.0.layers.0.layer.0.convolution.weight is the first"},
        {"classifier.1.bias", "classifier.2.bias", "classifier.2.bias has no place"},
        {"classifier.1.bias", "criterion.weight", "criterion.weight has no place"},
    };
    for (size_t i = 0; i < sizeof(renames) / sizeof(renames[0]); ++i) {
        dict = dict_create(5);
        int64_t features = dict_add_resnet(dict, &resnets[2], 2, 1, "resnet.", false);
        dict_add_linear(dict, "classifier.1", 3, features, true);
        dict_rename_to_hugging_face(dict, "resnet.");
        dict_rename(dict, renames[i].from, renames[i].to);
        expect_refusal(dict, CUBBY_UNSUPPORTED, renames[i].error);
    }
}

// What lies beside the network in a wrapper that trained it.
static void test_bystanders(void **state)
{
    (void)state;
    static const struct {
        const char *name, *error;
        uint32_t rank;
    } others[] = {
        {"criterion.weight", NULL, 1},
        {"n_averaged", NULL, 0},
        {"train_acc.confmat", NULL, 2},
        {"val_metrics.total", NULL, 0},
        {"loss_fn.alpha", NULL, 1},
        {"arcface.centres", "arcface.centres has no place", 2},
        {"ema.layer1.0.conv1.weight", "two networks, under ", 4},
        // ArcFace and its like: what the network gives are no classes yet.
        {"criterion.weight", "criterion.weight has no place", 2},
        {"criterion.pos_weight", "criterion.pos_weight has no place", 1},
        {"model.criterion.weight", "model.criterion.weight has no place", 1},
        {"classifier.weight", "classifier.weight has no place", 1},
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); ++i) {
        struct dict *dict = dict_create(6);
        int64_t features = dict_add_resnet(dict, &resnets[0], 2, 1, "model.", false);
        dict_add_linear(dict, "model.fc", 3, features, true);
        dict_add(dict, others[i].name, others[i].rank, (int64_t[]){3, 3, 3, 3}, 0, 1);
        if (others[i].error) {
            expect_refusal(dict, CUBBY_UNSUPPORTED, others[i].error);
            continue;
        }
        struct network network;
        struct file file = {0};
        struct messages messages;
        assert_int_equal(recognise(dict, &network, &file, &messages), CUBBY_OK);
        network_fini(&network);
        file_close(&file);
        dict_destroy(dict);
    }
}

static void test_conv_fold(void **state)
{
    (void)state;
    enum { OUT = 5, IN = 3, ROW = IN * 9 };
    struct dict *dict = dict_create(17);
    dict_add_conv(dict, "c", OUT, IN, 3);
    dict_add_norm(dict, "n", OUT);
    const struct network_conv conv = {
        .weight = dict_find(dict, "c.weight"),
        .bn_weight = dict_find(dict, "n.weight"),
        .bn_bias = dict_find(dict, "n.bias"),
        .bn_mean = dict_find(dict, "n.running_mean"),
        .bn_var = dict_find(dict, "n.running_var"),
        .in_channels = IN,
        .out_channels = OUT,
        .kernel = 3,
    };
    float weight[OUT * ROW], bias[OUT];
    assert_int_equal(network_conv_fold(&conv, weight, bias), CUBBY_OK);

    const float *w = (const float *)(const void *)conv.weight->data;
    const float *gamma = (const float *)(const void *)conv.bn_weight->data;
    const float *beta = (const float *)(const void *)conv.bn_bias->data;
    const float *mean = (const float *)(const void *)conv.bn_mean->data;
    const float *var = (const float *)(const void *)conv.bn_var->data;
    // Applied to an input: folded, and convolution then batch norm.
    for (int round = 0; round < 50; ++round) {
        double x[ROW];
        for (int i = 0; i < ROW; ++i)
            x[i] = random_float(&dict->seed, -2, 2);
        for (int o = 0; o < OUT; ++o) {
            double folded = bias[o], sum = 0;
            for (int i = 0; i < ROW; ++i) {
                folded += weight[o * ROW + i] * x[i];
                sum += w[o * ROW + i] * x[i];
            }
            double direct = (sum - mean[o]) / sqrt(var[o] + 1e-5) * gamma[o] + beta[o];
            if (fabs(folded - direct) > 1e-6 * (1 + fabs(direct)))
                fail_msg("seed 17, channel %d: %g, expected %g", o, folded, direct);
        }
    }
    ((float *)(uintptr_t)conv.bn_var->data)[2] = -1;
    assert_int_equal(network_conv_fold(&conv, weight, bias), CUBBY_BAD_DATA);
    dict_destroy(dict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_depth),
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_usual_widths),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_hugging_face_refusals),
        cmocka_unit_test(test_nested_linear),
        cmocka_unit_test(test_bystanders),
        cmocka_unit_test(test_conv_fold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
