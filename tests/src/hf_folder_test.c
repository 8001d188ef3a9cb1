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
    assert_int_equal(hf_folder_is(fs_real(), *state), config != NULL);
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
    assert_int_equal(folder.class_count, 2);
    assert_string_equal(folder.classes[0], "cat");
    assert_string_equal(folder.classes[1], "dog");
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
    assert_int_equal(folder.class_count, 0);
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
    assert_string_equal(folder.classes[1], "b");
    hf_folder_free(&folder);
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
         CUBBY_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct hf_folder folder;
        assert_int_equal(
            read_folder(state, cases[i].config, cases[i].processor, cases[i].weights, &folder),
            cases[i].status);
        assert_null(folder.weights);
        assert_null(folder.classes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_transformers, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_timm, temporary_setup, temporary_teardown),
        cmocka_unit_test_setup_teardown(test_refused, temporary_setup, temporary_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
