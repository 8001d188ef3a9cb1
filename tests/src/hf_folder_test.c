#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hf_folder.h"
#include "temporary.h"

#define RESNET "\"model_type\": \"resnet\", \"hidden_act\": \"relu\""

// Reads a folder with these files; NULL: without it.
static enum cubby_status read_folder(void **state, const char *config, const char *processor,
                                     const char *weights, struct hf_folder *out)
{
    static const char *const names[] = {"config.json", "preprocessor_config.json",
                                        "model.safetensors", "pytorch_model.bin"};
    for (size_t i = 0; i < 4; i++)
        remove(temporary_path(state, names[i]));
    if (config)
        temporary_file(state, "config.json", config);
    if (processor)
        temporary_file(state, "preprocessor_config.json", processor);
    if (weights)
        temporary_file(state, weights, "?");
    assert_true(hf_folder_is(fs_real(), *state));
    return hf_folder_read(out, *state, fs_real(), NULL);
}

static void test_transformers(void **state)
{
    struct hf_folder folder;
    // As microsoft/resnet-50 has it.
    assert_int_equal(
        read_folder(state, "{" RESNET ", \"id2label\": {\"1\": \"dog\", \"0\": \"cat\"}}",
                    "{\"crop_pct\": 0.875, \"do_normalize\": true, \"do_resize\": true,"
                    "\"feature_extractor_type\": \"ConvNextFeatureExtractor\","
                    "\"image_mean\": [0.1, 0.2, 0.3], \"image_std\": [1, 2, 3],"
                    "\"resample\": 3, \"size\": 224}",
                    "pytorch_model.bin", &folder),
        CUBBY_OK);
    assert_non_null(strstr(folder.weights, "pytorch_model.bin"));
    assert_int_equal(folder.labels.count, 2);
    assert_string_equal(folder.labels.names[0], "cat");
    assert_string_equal(folder.labels.names[1], "dog");
    assert_false(folder.assumed);
    assert_int_equal(folder.preprocess.rule, CUBBY_RESIZE_SHORTER);
    assert_int_equal(folder.preprocess.filter, CUBBY_FILTER_BICUBIC);
    assert_int_equal(folder.preprocess.resize_width, 256);
    assert_int_equal(folder.preprocess.crop_height, 224);
    assert_int_equal(folder.preprocess.centre, CUBBY_CENTRE_DOWN);
    assert_true(folder.preprocess.mean[1] == 0.2f && folder.preprocess.std[2] == 3.0f);
    hf_folder_free(&folder);

    // Newer sizes; without a processor, what the library does by default.
    assert_int_equal(read_folder(state, "{" RESNET "}",
                                 "{\"image_processor_type\": \"ViTImageProcessor\","
                                 "\"size\": {\"height\": 200, \"width\": 304}, \"resample\": 2,"
                                 "\"do_normalize\": false}",
                                 "model.safetensors", &folder),
                     CUBBY_OK);
    assert_int_equal(folder.labels.count, 0);
    assert_int_equal(folder.preprocess.rule, CUBBY_RESIZE_SQUISH);
    assert_int_equal(folder.preprocess.resize_width, 304);
    assert_int_equal(folder.preprocess.crop_height, 200);
    assert_true(folder.preprocess.mean[0] == 0.0f && folder.preprocess.std[0] == 1.0f);
    hf_folder_free(&folder);
    assert_int_equal(
        read_folder(state, "{" RESNET "}",
                    "{\"size\": {\"shortest_edge\": 236}, \"crop_size\": {\"height\": 224,"
                    "\"width\": 224}, \"do_center_crop\": true}",
                    "model.safetensors", &folder),
        CUBBY_OK);
    assert_int_equal(folder.preprocess.resize_width, 236);
    assert_int_equal(folder.preprocess.crop_width, 224);
    hf_folder_free(&folder);
    assert_int_equal(read_folder(state, "{" RESNET "}", NULL, "model.safetensors", &folder),
                     CUBBY_OK);
    assert_true(folder.assumed);
    assert_int_equal(folder.preprocess.resize_width, 256);
    hf_folder_free(&folder);
}

static void test_timm(void **state)
{
    struct hf_folder folder;
    assert_int_equal(
        read_folder(state,
                    "{\"architecture\": \"resnet50\", \"label_names\": [\"a\", \"b\"],"
                    "\"pretrained_cfg\": {\"input_size\": [3, 176, 176], \"crop_pct\": 0.9,"
                    "\"interpolation\": \"bicubic\", \"crop_mode\": \"center\","
                    "\"mean\": [0.5, 0.5, 0.5], \"std\": [0.2, 0.2, 0.2]}}",
                    NULL, "model.safetensors", &folder),
        CUBBY_OK);
    assert_int_equal(folder.preprocess.resize_width, 195);
    assert_int_equal(folder.preprocess.crop_width, 176);
    assert_int_equal(folder.preprocess.centre, CUBBY_CENTRE_EVEN);
    assert_true(folder.preprocess.mean[0] == 0.5f);
    assert_string_equal(folder.labels.names[1], "b");
    hf_folder_free(&folder);
}

// Before timm 0.9 there was one level.
static void test_flat_timm(void **state)
{
    struct hf_folder folder;
    assert_int_equal(read_folder(state,
                                 "{\"architecture\": \"resnet18\", \"labels\": [\"a\"],"
                                 "\"input_size\": [3, 160, 160], \"interpolation\": \"bilinear\","
                                 "\"crop_pct\": 0.95, \"mean\": [0.5, 0.5, 0.5]}",
                                 NULL, "model.safetensors", &folder),
                     CUBBY_OK);
    assert_int_equal(folder.preprocess.resize_width, 168);
    assert_int_equal(folder.preprocess.filter, CUBBY_FILTER_BILINEAR);
    assert_true(folder.preprocess.mean[2] == 0.5f);
    assert_string_equal(folder.labels.names[0], "a");
    assert_false(folder.assumed);
    hf_folder_free(&folder);
    assert_int_equal(
        read_folder(state, "{\"architecture\": \"resnet18\"}", NULL, "model.safetensors", &folder),
        CUBBY_OK);
    assert_true(folder.assumed);
    hf_folder_free(&folder);
}

static void test_timm_names(void **state)
{
    static const char *const cases[][2] = {
        {"resnet18", "resnet18"},      {"resnet50.a1_in1k", "resnet50"},
        {"tv_resnet34", "resnet34"},   {"gluon_resnet152_v1b", "resnet152"},
        {"swsl_resnet50", "resnet50"}, {"wide_resnet101_2.tv_in1k", "wide_resnet101_2"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char config[256];
        struct hf_folder folder;
        // transformers' wrapper of timm has its own names for the classes.
        snprintf(config, sizeof(config),
                 "{\"architecture\": \"%s\", \"global_pool\": \"avg\", \"model_args\": {},"
                 "\"model_type\": \"timm_wrapper\", \"id2label\": {\"0\": \"cat\"}}",
                 cases[i][0]);
        assert_int_equal(read_folder(state, config, NULL, "model.safetensors", &folder), CUBBY_OK);
        assert_string_equal(folder.network, cases[i][1]);
        assert_string_equal(folder.labels.names[0], "cat");
        hf_folder_free(&folder);
    }
}

static void test_scores(void **state)
{
    static const struct {
        const char *problem;
        bool said;
        enum cubby_scores scores;
    } cases[] = {{"null", false, CUBBY_SCORES_SOFTMAX},
                 {"\"single_label_classification\"", true, CUBBY_SCORES_SOFTMAX},
                 {"\"multi_label_classification\"", true, CUBBY_SCORES_SIGMOID}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char config[256];
        struct hf_folder folder;
        snprintf(config, sizeof(config), "{" RESNET ", \"problem_type\": %s}", cases[i].problem);
        assert_int_equal(read_folder(state, config, NULL, "model.safetensors", &folder), CUBBY_OK);
        assert_int_equal(folder.scores_said, cases[i].said);
        assert_int_equal(folder.scores, cases[i].scores);
        hf_folder_free(&folder);
    }
}

// What is missing is what the class does by default, which is not the same for all.
static void test_defaults_of_class(void **state)
{
    static const struct {
        const char *key, *class;
        enum cubby_filter filter;
    } cases[] = {{"image_processor_type", "ConvNextImageProcessor", CUBBY_FILTER_BILINEAR},
                 {"image_processor_type", "ViTImageProcessor", CUBBY_FILTER_BILINEAR},
                 {"image_processor_type", "BitImageProcessor", CUBBY_FILTER_BICUBIC},
                 {"feature_extractor_type", "ConvNextFeatureExtractor", CUBBY_FILTER_BICUBIC}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char processor[256];
        struct hf_folder folder;
        snprintf(processor, sizeof(processor),
                 "{\"%s\": \"%s\", \"size\": 224, \"crop_size\": 224}", cases[i].key,
                 cases[i].class);
        assert_int_equal(
            read_folder(state, "{" RESNET "}", processor, "model.safetensors", &folder), CUBBY_OK);
        assert_int_equal(folder.preprocess.filter, cases[i].filter);
        bool half = cases[i].filter == CUBBY_FILTER_BILINEAR;
        assert_true(folder.preprocess.mean[0] == (half ? 0.5f : 0.485f));
        assert_true(folder.preprocess.std[2] == (half ? 0.5f : 0.225f));
        assert_true(folder.assumed);
        hf_folder_free(&folder);
    }
}

// Little text that would take hundreds of megabytes, and a stack that would overflow.
static void test_costly(void **state)
{
    enum { BYTES = 4 << 20 };
    char *text = malloc(BYTES + 1);
    assert_non_null(text);
    struct hf_folder folder;
    for (int deep = 0; deep < 2; deep++) {
        for (size_t i = 0; i < BYTES; i += 4)
            memcpy(text + i, deep ? "[[[[" : "{}, ", 4);
        memcpy(text, "{\"a\": [ ", 8);
        memcpy(text + BYTES - 4, "{}]}", 5);
        assert_int_equal(read_folder(state, text, NULL, "model.safetensors", &folder),
                         CUBBY_TOO_LARGE);
        assert_int_equal(read_folder(state, "{" RESNET "}", text, "model.safetensors", &folder),
                         CUBBY_TOO_LARGE);
    }
    free(text);
}

static void test_refused(void **state)
{
    static const struct {
        const char *config, *processor, *weights;
        enum cubby_status status;
    } cases[] = {
        {"{\"model_type\": \"vit\"}", NULL, "model.safetensors", CUBBY_UNSUPPORTED},
        {"{" RESNET ", \"downsample_in_bottleneck\": true}", NULL, "model.safetensors",
         CUBBY_UNSUPPORTED},
        {"{\"model_type\": \"resnet\", \"hidden_act\": \"gelu\"}", NULL, "model.safetensors",
         CUBBY_UNSUPPORTED},
        {"{" RESNET ", \"id2label\": {\"0\": \"a\", \"2\": \"b\"}}", NULL, "model.safetensors",
         CUBBY_BAD_DATA},
        {"{" RESNET ", \"id2label\": {\"0\": 7}}", NULL, "model.safetensors", CUBBY_BAD_DATA},
        {"[1]", NULL, "model.safetensors", CUBBY_BAD_DATA},
        {"{" RESNET ", " RESNET "}", NULL, "model.safetensors", CUBBY_BAD_DATA},
        {"{" RESNET "}", NULL, NULL, CUBBY_IO},
        {"{" RESNET "}", "{\"size\": 1e9}", "model.safetensors", CUBBY_UNSUPPORTED},
        {"{" RESNET "}", "{\"size\": -1, \"crop_pct\": 0.9}", "model.safetensors",
         CUBBY_UNSUPPORTED},
        {"{" RESNET "}", "{\"size\": 224, \"crop_pct\": 0}", "model.safetensors",
         CUBBY_UNSUPPORTED},
        {"{" RESNET "}", "{\"size\": 224, \"crop_pct\": 0.9, \"resample\": 1}", "model.safetensors",
         CUBBY_UNSUPPORTED},
        {"{" RESNET "}", "{\"size\": 224, \"crop_pct\": 0.9, \"image_std\": [1, 2]}",
         "model.safetensors", CUBBY_UNSUPPORTED},
        {"{" RESNET "}", "{\"size\": {\"shortest_edge\": 224}}", "model.safetensors",
         CUBBY_UNSUPPORTED},
        {"{" RESNET "}", "not json", "model.safetensors", CUBBY_BAD_DATA},
        {"{\"architecture\": \"resnet50\", \"pretrained_cfg\": {\"input_size\": [3, 224, 200]}}",
         NULL, "model.safetensors", CUBBY_UNSUPPORTED},
        {"{\"architecture\": \"resnet50\", \"pretrained_cfg\": {\"crop_pct\": 1e-9}}", NULL,
         "model.safetensors", CUBBY_UNSUPPORTED},
        {"{\"architecture\": \"resnet50\", \"pretrained_cfg\": {\"interpolation\": \"lanczos\"}}",
         NULL, "model.safetensors", CUBBY_UNSUPPORTED},
        {"{\"architecture\": \"resnet50\", \"label_names\": [1]}", NULL, "model.safetensors",
         CUBBY_BAD_DATA},
        // The same tensors as a plain ResNet, another computation: only the config tells.
        {"{\"architecture\": \"resnetaa50\"}", NULL, "model.safetensors", CUBBY_UNSUPPORTED},
        {"{\"architecture\": \"resnetblur50.bt_in1k\"}", NULL, "model.safetensors",
         CUBBY_UNSUPPORTED},
        {"{\"architecture\": \"gluon_resnet50_v1d\"}", NULL, "model.safetensors",
         CUBBY_UNSUPPORTED},
        {"{\"architecture\": \"tv_resnet50_v1b\"}", NULL, "model.safetensors", CUBBY_UNSUPPORTED},
        {"{\"architecture\": \"resnet5\"}", NULL, "model.safetensors", CUBBY_UNSUPPORTED},
        {"{\"architecture\": \"\"}", NULL, "model.safetensors", CUBBY_UNSUPPORTED},
        {"{\"architecture\": 50}", NULL, "model.safetensors", CUBBY_UNSUPPORTED},
        {"{\"architecture\": \"resnet50\", \"global_pool\": \"max\"}", NULL, "model.safetensors",
         CUBBY_UNSUPPORTED},
        {"{\"architecture\": \"resnet50\", \"pretrained_cfg\": {\"global_pool\": \"\"}}", NULL,
         "model.safetensors", CUBBY_UNSUPPORTED},
        {"{\"architecture\": \"resnet50\", \"model_args\": {\"output_stride\": 16}}", NULL,
         "model.safetensors", CUBBY_UNSUPPORTED},
        {"{" RESNET ", \"problem_type\": \"regression\"}", NULL, "model.safetensors",
         CUBBY_UNSUPPORTED},
        {NULL, NULL, "model.safetensors", CUBBY_IO},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct hf_folder folder;
        assert_int_equal(
            read_folder(state, cases[i].config, cases[i].processor, cases[i].weights, &folder),
            cases[i].status);
        assert_null(folder.weights);
        assert_null(folder.labels.names);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_transformers, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_timm, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_flat_timm, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_timm_names, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_scores, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_defaults_of_class, temporary_setup,
                                        temporary_teardown),
        cmocka_unit_test_setup_teardown(test_costly, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_refused, temporary_setup, temporary_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
