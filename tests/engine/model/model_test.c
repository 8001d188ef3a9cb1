#include "fixture.h"

#include <math.h>

#include "engine/imagenet.h"
#include "model/network.h"

static const char *const names[] = {"table", "h\xc3\xb6rse & \"cow\"", "c"};
static const struct cubby_preprocess preprocess = {
    .rule = CUBBY_RESIZE_SHORTER,
    .filter = CUBBY_FILTER_BICUBIC,
    .resize_width = 256,
    .resize_height = 256,
    .crop_width = 224,
    .crop_height = 192,
    .mean = {0.485f, 0.456f, 0.406f},
    .std = {0.229f, 0.224f, 0.1f},
    .exif_orientation = true,
};
static const struct cubby_model_params given = {
    .class_names = names,
    .class_count = 3,
    .preprocess = &preprocess,
    .provenance_json = "{\"from\":\"here\"}",
};

static struct dict *resnet18(bool fastai)
{
    struct dict *dict = dict_create(21);
    int64_t features = dict_add_resnet(dict, &resnets[0], 2, 1, fastai ? "0." : "", fastai);
    if (fastai) {
        dict_add_norm(dict, "1.2", 2 * features);
        dict_add_linear(dict, "1.4", 8, 2 * features, false);
        dict_add_norm(dict, "1.6", 8);
        dict_add_linear(dict, "1.8", 3, 8, false);
    } else {
        dict_add_linear(dict, "fc", 3, features, true);
    }
    return dict;
}

static void assert_same_conv(const struct network_conv *a, const struct network_conv *b)
{
    assert_int_equal(a->weight != NULL, b->weight != NULL);
    if (!a->weight)
        return;
    size_t count = (size_t)cubby_tensor_elements(a->weight);
    float *x = malloc(2 * sizeof(float) * (count + a->out_channels));
    assert_non_null(x);
    float *y = x + count + a->out_channels;
    assert_int_equal(network_conv_fold(a, x, x + count), CUBBY_OK);
    assert_int_equal(network_conv_fold(b, y, y + count), CUBBY_OK);
    assert_memory_equal(x, y, sizeof(float) * (count + a->out_channels));
    free(x);
}

static void assert_same_network(const struct network *a, const struct network *b)
{
    assert_int_equal(a->depth, b->depth);
    assert_int_equal(a->pool, b->pool);
    assert_int_equal(a->block_count, b->block_count);
    assert_int_equal(a->head_count, b->head_count);
    assert_same_conv(&a->stem, &b->stem);
    for (uint32_t i = 0; i < a->block_count; ++i) {
        for (uint32_t k = 0; k < a->blocks[i].conv_count; ++k)
            assert_same_conv(&a->blocks[i].conv[k], &b->blocks[i].conv[k]);
        assert_same_conv(&a->blocks[i].downsample, &b->blocks[i].downsample);
    }
    for (uint32_t i = 0; i < a->head_count; ++i) {
        const struct network_linear *x = &a->head[i], *y = &b->head[i];
        assert_int_equal(x->relu, y->relu);
        assert_memory_equal(x->weight, y->weight, sizeof(float) * x->in * x->out);
        assert_memory_equal(x->bias, y->bias, sizeof(float) * x->out);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    for (int fastai = 0; fastai < 2; ++fastai) {
        struct dict *dict = resnet18(fastai);
        struct file file = {0};
        file_open(&file, dict, NULL, 0);
        struct cubby_model *model, *again;
        assert_int_equal(cubby_model_create(&model, file.checkpoint, &given, NULL), CUBBY_OK);
        void *data, *data_again;
        size_t size, size_again;
        assert_int_equal(cubby_model_write(model, &data, &size, NULL), CUBBY_OK);

        struct cubby_checkpoint *checkpoint;
        assert_int_equal(cubby_checkpoint_open(&checkpoint, data, size, NULL), CUBBY_OK);
        assert_string_equal(cubby_checkpoint_metadata(checkpoint, "cubby.preprocessing"),
                            "{\"resize\":\"shorter\",\"size\":[256,256],\"crop\":[224,192],"
                            "\"interpolation\":\"bicubic\",\"mean\":[0.485,0.456,0.406],"
                            "\"std\":[0.229,0.224,0.1],\"exif\":true}");
        assert_non_null(cubby_checkpoint_find(checkpoint, fastai ? "head.4.weight" : "fc.bias"));
        assert_null(cubby_checkpoint_find(checkpoint, "bn1.num_batches_tracked"));
        assert_int_equal(cubby_model_create(&again, checkpoint, NULL, NULL), CUBBY_OK);
        assert_same_network(model_network(model), model_network(again));
        assert_int_equal(cubby_model_class_count(again), 3);
        for (uint32_t i = 0; i < 3; ++i)
            assert_string_equal(cubby_model_class_name(again, i), names[i]);
        assert_string_equal(cubby_model_network(again), "resnet18");
        assert_string_equal(cubby_model_head(again), fastai ? "fastai" : "fc");
        assert_string_equal(cubby_model_provenance(again), given.provenance_json);
        assert_int_equal(cubby_model_feature_count(again), fastai ? 32 : 16);
        const struct cubby_preprocess *p = cubby_model_preprocess(again);
        assert_memory_equal(p->mean, preprocess.mean, sizeof(p->mean));
        assert_memory_equal(p->std, preprocess.std, sizeof(p->std));
        assert_true(p->rule == preprocess.rule && p->filter == preprocess.filter &&
                    p->resize_width == 256 && p->crop_width == 224 && p->crop_height == 192 &&
                    p->exif_orientation);

        assert_int_equal(cubby_model_write(again, &data_again, &size_again, NULL), CUBBY_OK);
        assert_int_equal(size, size_again);
        assert_memory_equal(data, data_again, size);
        free(data_again);

        // Without its weights the model still says what it is, but cannot be written.
        cubby_model_drop_weights(again);
        cubby_checkpoint_close(&checkpoint);
        free(data);
        assert_string_equal(cubby_model_head(again), fastai ? "fastai" : "fc");
        assert_string_equal(cubby_model_class_name(again, 0), "table");
        assert_int_equal(cubby_model_write(again, &data, &size, NULL), CUBBY_INTERNAL);
        assert_null(data);
        cubby_model_destroy(&again);
        assert_null(again);
        cubby_model_destroy(&model);
        file_close(&file);
        dict_destroy(dict);
    }
}

static void test_new_head(void **state)
{
    (void)state;
    static const char *const new_names[] = {"stool", "lamp"};
    static const char *const twice[] = {"stool", "stool"};
    for (int fastai = 0; fastai < 2; ++fastai) {
        struct dict *dict = resnet18(fastai);
        struct file file = {0};
        file_open(&file, dict, NULL, 0);
        struct cubby_model *model, *learned;
        assert_int_equal(cubby_model_create(&model, file.checkpoint, &given, NULL), CUBBY_OK);
        assert_true(cubby_model_threshold(model) < 0);
        uint32_t features = cubby_model_feature_count(model);
        float weight[2 * 32], bias[2] = {0.25f, -3};
        for (uint32_t i = 0; i < 2 * features; ++i)
            weight[i] = (float)i / 7;
        struct cubby_new_head head = {weight, bias, new_names, 2, 0.83, 1.75, "{\"learned\":1}"};
        void *data, *again;
        size_t size, size_again;
        assert_int_equal(cubby_model_write_head(model, &head, &data, &size, NULL), CUBBY_OK);

        struct cubby_checkpoint *checkpoint;
        assert_int_equal(cubby_checkpoint_open(&checkpoint, data, size, NULL), CUBBY_OK);
        assert_int_equal(cubby_model_create(&learned, checkpoint, NULL, NULL), CUBBY_OK);
        assert_int_equal(cubby_model_class_count(learned), 2);
        assert_string_equal(cubby_model_class_name(learned, 1), "lamp");
        assert_int_equal(cubby_model_feature_count(learned), features);
        assert_string_equal(cubby_model_provenance(learned), "{\"learned\":1}");
        assert_true(cubby_model_threshold(learned) == 0.83);
        assert_true(cubby_model_temperature(learned) == 1.75);
        const struct network *network = model_network(learned);
        assert_int_equal(network->pool, model_network(model)->pool);
        assert_int_equal(network->head_count, 1);
        assert_memory_equal(network->head[0].weight, weight, sizeof(float) * 2 * features);
        assert_memory_equal(network->head[0].bias, bias, sizeof(bias));
        assert_same_conv(&network->stem, &model_network(model)->stem);

        // Written again, it says the same of itself.
        assert_int_equal(cubby_model_write(learned, &again, &size_again, NULL), CUBBY_OK);
        assert_int_equal(size, size_again);
        assert_memory_equal(data, again, size);
        free(again);

        head.class_names = twice;
        assert_int_equal(cubby_model_write_head(model, &head, &again, &size, NULL), CUBBY_BAD_DATA);
        head.class_names = new_names;
        head.provenance_json = "no JSON";
        assert_int_equal(cubby_model_write_head(model, &head, &again, &size, NULL), CUBBY_BAD_DATA);
        assert_null(again);
        cubby_model_drop_weights(model);
        assert_int_equal(cubby_model_write_head(model, &head, &again, &size, NULL), CUBBY_INTERNAL);
        cubby_model_destroy(&learned);
        cubby_checkpoint_close(&checkpoint);
        free(data);
        cubby_model_destroy(&model);
        file_close(&file);
        dict_destroy(dict);
    }
}

static enum cubby_status create(const struct safetensors_text *texts, size_t count,
                                const struct cubby_model_params *params, struct messages *messages)
{
    struct dict *dict = resnet18(false);
    struct file file = {0};
    file_open(&file, dict, texts, count);
    *messages = (struct messages){0};
    const struct cubby_log log = {messages_write, messages};
    struct cubby_model *model;
    enum cubby_status status = cubby_model_create(&model, file.checkpoint, params, &log);
    assert_true((status == CUBBY_OK) == (model != NULL));
    cubby_model_destroy(&model);
    file_close(&file);
    dict_destroy(dict);
    return status;
}

#define GOOD                                                                                       \
    "{\"resize\":\"squish\",\"size\":[256,200],\"crop\":[224,200],\"interpolation\":\"bilinear\"," \
    "\"mean\":[0,0,0],\"std\":[1,1,1],\"exif\":false}"
#define CLASSES "[\"a\",\"b\",\"c\"]"

static void test_metadata(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *error;
    } cases[] = {
        {"cubby.classes", "[\"a\",\"b\"]", "2 class names, but the network has 3"},
        {"cubby.classes", "[\"a\",\"b\",\"a\"]", "two classes are named a"},
        {"cubby.classes", "[\"a\",\"\",\"c\"]", "class 2 is empty"},
        {"cubby.classes", "[\"a\",\"b\",\"\\u001b[2J\"]", "class 3"},
        {"cubby.classes", "[\"a\",1,\"c\"]", "something else than names"},
        {"cubby.classes", "{\"a\":1}", "not a list"},
        {"cubby.classes", "[]", "0 classes"},
        {"cubby.classes", "[[\"a\"]]", "levels deep"},
        {"cubby.classes", "[\"a\"", "not valid JSON"},
        {"cubby.version", "2", "newer cubby"},
        {"cubby.network", "resnet50", "contradicts its tensors"},
        {"cubby.head", "fastai", "contradicts its tensors"},
        {"cubby.provenance", "[]", "not a JSON object"},
        {"cubby.provenance", "{", "not valid JSON"},
        {"cubby.preprocessing", "[]", "resize is neither"},
        {"cubby.preprocessing", "{}", "resize is neither"},
        {"cubby.threshold", "1.5", "cubby.threshold is no number from 0 to 1"},
        {"cubby.threshold", "nan", "cubby.threshold is no number"},
        {"cubby.threshold", "", "cubby.threshold is no number"},
        {"cubby.threshold", "0.5x", "cubby.threshold is no number"},
        {"cubby.temperature", "0", "cubby.temperature is no number"},
        {"cubby.temperature", "inf", "cubby.temperature is no number"},
    };
    struct messages messages;
    struct safetensors_text texts[3] = {{"cubby.classes", CLASSES}, {"cubby.preprocessing", GOOD}};
    if (create(texts, 2, NULL, &messages))
        fail_msg("%s", messages.error);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        texts[0] = (struct safetensors_text){"cubby.classes", CLASSES};
        texts[1] = (struct safetensors_text){"cubby.preprocessing", GOOD};
        size_t place = strcmp(cases[i].key, texts[0].key) == 0   ? 0
                       : strcmp(cases[i].key, texts[1].key) == 0 ? 1
                                                                 : 2;
        texts[place] = (struct safetensors_text){cases[i].key, cases[i].value};
        if (!create(texts, place == 2 ? 3 : 2, NULL, &messages))
            fail_msg("%s: accepted", cases[i].value);
        assert_error(&messages, cases[i].error);
    }
    texts[0] = (struct safetensors_text){"cubby.preprocessing", GOOD};
    assert_int_equal(create(texts, 1, NULL, &messages), CUBBY_BAD_DATA);
    assert_error(&messages, "no class names; the network has 3");
    texts[0] = (struct safetensors_text){"cubby.classes", CLASSES};
    assert_int_equal(create(texts, 1, NULL, &messages), CUBBY_BAD_DATA);
    assert_error(&messages, "how photos are resized");
}

static void test_preprocessing_text(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *error;
    } cases[] = {
        {"squish", "stretch", "resize is neither"},
        {"bilinear", "nearest", "interpolation is neither"},
        {"[256,200]", "[0,200]", "size and crop"},
        {"[256,200]", "[256]", "size and crop"},
        {"[256,200]", "[256,200.5]", "size and crop"},
        {"[224,200]", "[1025,200]", "size and crop"},
        {"[224,200]", "[-1,200]", "size and crop"},
        {"[0,0,0]", "[0,0]", "mean and std"},
        {"[0,0,0]", "[0,0,\"0\"]", "mean and std"},
        {"[0,0,0]", "[0,0,1e300]", "not finite"},
        {"[1,1,1]", "[1,1,0]", "std is not greater"},
        {"[1,1,1]", "[1,-1,1]", "std is not greater"},
        {"[1,1,1]", "[1,1e-45,1]", "std is not greater"},
        {"false", "0", "exif is neither"},
        {"\"exif\"", "\"gamma\":2,\"exif\"", "does not know"},
        {"\"exif\"", "\"mean\":[0,0,0],\"exif\"", "not valid JSON"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char text[400];
        const char *at = strstr(GOOD, cases[i].from);
        assert_non_null(at);
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - GOOD), GOOD, cases[i].to,
                 at + strlen(cases[i].from));
        const struct safetensors_text texts[] = {{"cubby.classes", CLASSES},
                                                 {"cubby.preprocessing", text}};
        struct messages messages;
        if (!create(texts, 2, NULL, &messages))
            fail_msg("%s: accepted", text);
        assert_error(&messages, cases[i].error);
    }
}

static void test_params(void **state)
{
    (void)state;
    struct messages messages;
    struct cubby_preprocess bad = preprocess;
    struct cubby_model_params params = given;
    params.preprocess = &bad;
    bad.std[1] = NAN;
    assert_int_equal(create(NULL, 0, &params, &messages), CUBBY_BAD_DATA);
    bad = preprocess;
    bad.crop_height = CUBBY_MAX_INPUT_SIDE + 1;
    assert_int_equal(create(NULL, 0, &params, &messages), CUBBY_BAD_DATA);
    bad = preprocess;
    bad.resize_height = 0; // not read with SHORTER
    assert_int_equal(create(NULL, 0, &params, &messages), CUBBY_OK);
    params.class_count = 2;
    assert_int_equal(create(NULL, 0, &params, &messages), CUBBY_BAD_DATA);
    const char *const invalid[] = {"a", "b", "\xff"};
    params.class_count = 3;
    params.class_names = invalid;
    assert_int_equal(create(NULL, 0, &params, &messages), CUBBY_BAD_DATA);
    assert_error(&messages, "class 3");
}

static void test_describe(void **state)
{
    (void)state;
    char text[200];
    struct cubby_preprocess p = preprocess;
    cubby_preprocess_describe(&p, text, sizeof(text));
    assert_string_equal(text,
                        "shorter side to 256 (bicubic), centre crop 224x192, mean 0.485 0.456 "
                        "0.406, std 0.229 0.224 0.1, EXIF orientation applied");
    p.rule = CUBBY_RESIZE_SQUISH;
    p.filter = CUBBY_FILTER_BILINEAR;
    p.exif_orientation = false;
    cubby_preprocess_describe(&p, text, sizeof(text));
    assert_non_null(strstr(text, "squished to 256x256 (bilinear)"));
    assert_non_null(strstr(text, "EXIF orientation ignored"));
    cubby_preprocess_describe(&p, text, 10);
    assert_string_equal(text, "squished ");
}

// Softmax is what files say without a word, so that they keep their bytes.
static void test_scores(void **state)
{
    (void)state;
    static const struct {
        enum cubby_scores scores;
        const char *text;
    } cases[] = {{CUBBY_SCORES_SOFTMAX, NULL}, {CUBBY_SCORES_SIGMOID, "sigmoid"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct dict *dict = resnet18(false);
        struct file file = {0};
        file_open(&file, dict, NULL, 0);
        struct cubby_model_params params = given;
        params.scores = &cases[i].scores;
        struct cubby_model *model, *again;
        assert_int_equal(cubby_model_create(&model, file.checkpoint, &params, NULL), CUBBY_OK);
        assert_int_equal(cubby_model_scores(model), cases[i].scores);
        void *data;
        size_t size;
        assert_int_equal(cubby_model_write(model, &data, &size, NULL), CUBBY_OK);
        struct cubby_checkpoint *checkpoint;
        assert_int_equal(cubby_checkpoint_open(&checkpoint, data, size, NULL), CUBBY_OK);
        const char *text = cubby_checkpoint_metadata(checkpoint, "cubby.scores");
        assert_int_equal(text != NULL, cases[i].text != NULL);
        if (text)
            assert_string_equal(text, cases[i].text);
        assert_int_equal(cubby_model_create(&again, checkpoint, NULL, NULL), CUBBY_OK);
        assert_int_equal(cubby_model_scores(again), cases[i].scores);
        cubby_model_destroy(&again);
        cubby_checkpoint_close(&checkpoint);
        free(data);
        cubby_model_destroy(&model);
        file_close(&file);
        dict_destroy(dict);
    }
    struct safetensors_text texts[] = {
        {"cubby.classes", CLASSES}, {"cubby.preprocessing", GOOD}, {"cubby.scores", "softmax"}};
    struct messages messages;
    assert_int_equal(create(texts, 3, NULL, &messages), CUBBY_OK);
    texts[2].value = "relu";
    assert_int_equal(create(texts, 3, NULL, &messages), CUBBY_BAD_DATA);
    assert_error(&messages, "cubby.scores is neither");
}

static int compare_texts(const void *a, const void *b)
{
    const char *const *first = a, *const *second = b;
    return strcmp(*first, *second);
}

static void test_imagenet(void **state)
{
    (void)state;
    const char *const *classes = cubby_imagenet_classes();
    assert_string_equal(classes[0], "tench");
    assert_string_equal(classes[517], "crane");
    assert_string_equal(classes[999], "toilet tissue");
    const char *sorted[CUBBY_IMAGENET_CLASSES];
    memcpy(sorted, classes, sizeof(sorted));
    qsort(sorted, CUBBY_IMAGENET_CLASSES, sizeof(sorted[0]), compare_texts);
    for (size_t i = 1; i < CUBBY_IMAGENET_CLASSES; ++i)
        assert_string_not_equal(sorted[i - 1], sorted[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),         cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_preprocessing_text), cmocka_unit_test(test_params),
        cmocka_unit_test(test_describe),           cmocka_unit_test(test_scores),
        cmocka_unit_test(test_imagenet),           cmocka_unit_test(test_new_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
