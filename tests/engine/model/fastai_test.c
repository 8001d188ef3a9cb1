// Trees of modules and Learners that no Python wrote. Real ones: tests/python/fastai_test.py.
#include "zip_fixture.h"

#define SEQUENTIAL "torch.nn.modules.container\nSequential"
#define LINEAR "torch.nn.modules.linear\nLinear"

static void put_string(struct bytes *pickle, const char *text)
{
    put_text(pickle, "X");
    put_number(pickle, strlen(text), 4);
    put_text(pickle, text);
}

static void put_key(struct bytes *pickle, const char *key, const char *value)
{
    put_string(pickle, key);
    put_text(pickle, value);
}

// An object of a class, and the mark for its attributes; put_end() closes it.
static void put_begin(struct bytes *pickle, const char *class)
{
    put_text(pickle, "c");
    put_text(pickle, class);
    put_text(pickle, "\n)\x81}(");
}

static void put_end(struct bytes *pickle)
{
    put_text(pickle, "ub");
}

// A module up to the mark of its _modules' dict.
static void put_module(struct bytes *pickle, const char *class)
{
    put_begin(pickle, class);
    put_key(pickle, "_parameters", "}");
    put_key(pickle, "_buffers", "}");
    put_key(pickle, "_modules", "}(");
}

static void put_module_end(struct bytes *pickle)
{
    put_text(pickle, "u");
    put_end(pickle);
}

static void put_tensor(struct bytes *pickle)
{
    put_text(pickle, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_string(pickle, "storage");
    put_text(pickle, "ctorch\nFloatStorage\n");
    put_string(pickle, "0");
    put_string(pickle, "cpu");
    put_text(pickle, "K\4tQK");
    put_number(pickle, 0, 1);
    put_text(pickle, "K\4\x85K\1\x85\x89}tR");
}

// Opens the pickle in a container with one storage of four floats, and empties it.
static enum cubby_status open_pickle(struct bytes *pickle, struct cubby_checkpoint **checkpoint,
                                     struct bytes *archive, struct messages *messages)
{
    static const float storage[4] = {1, 2, 3, 4};
    put_text(pickle, ".");
    const struct zip_member members[] = {
        {"m/data.pkl", pickle->data, pickle->size, 0, 0},
        {"m/data/0", storage, sizeof(storage), 0, 0},
    };
    *archive = zip_build(members, 2, true, NULL);
    *messages = (struct messages){0};
    const struct cubby_log log = {messages_write, messages};
    enum cubby_status status =
        cubby_checkpoint_open(checkpoint, archive->data, archive->size, &log);
    free(pickle->data);
    *pickle = (struct bytes){0};
    return status;
}

static void expect_refusal(struct bytes *pickle, enum cubby_status expected, const char *error)
{
    struct cubby_checkpoint *checkpoint;
    struct bytes archive;
    struct messages messages;
    assert_int_equal(open_pickle(pickle, &checkpoint, &archive, &messages), expected);
    assert_null(checkpoint);
    assert_error(&messages, error);
    free(archive.data);
}

static void test_names(void **state)
{
    (void)state;
    struct bytes pickle = {0}, archive;
    struct messages messages;
    struct cubby_checkpoint *checkpoint;
    put_text(&pickle, "\x80\2");
    put_module(&pickle, SEQUENTIAL);
    put_key(&pickle, "none", "N");
    put_string(&pickle, "inner");
    put_module(&pickle, SEQUENTIAL);
    put_string(&pickle, "7");
    put_begin(&pickle, LINEAR);
    put_key(&pickle, "_parameters", "}(");
    put_string(&pickle, "weight");
    put_tensor(&pickle);
    put_key(&pickle, "bias", "N");
    put_text(&pickle, "u");
    put_key(&pickle, "_buffers", "}(");
    put_string(&pickle, "extra");
    put_tensor(&pickle);
    put_text(&pickle, "u");
    put_key(&pickle, "_modules", "}");
    put_end(&pickle);
    put_module_end(&pickle);
    put_module_end(&pickle);
    if (open_pickle(&pickle, &checkpoint, &archive, &messages))
        fail_msg("%s", messages.error);
    assert_int_equal(cubby_checkpoint_tensor_count(checkpoint), 2);
    assert_string_equal(cubby_checkpoint_tensor(checkpoint, 0)->name, "inner.7.weight");
    assert_string_equal(cubby_checkpoint_tensor(checkpoint, 1)->name, "inner.7.extra");
    assert_null(cubby_checkpoint_metadata(checkpoint, "cubby.classes"));
    assert_null(cubby_checkpoint_obstacle(checkpoint));
    cubby_checkpoint_close(&checkpoint);
    free(archive.data);
}

// Each module holds the one before it twice: 2^28 paths lead to the innermost.
static void test_shared_modules_end(void **state)
{
    (void)state;
    struct bytes pickle = {0};
    put_text(&pickle, "\x80\2");
    for (uint32_t i = 0; i < 28; ++i) {
        put_module(&pickle, SEQUENTIAL);
        for (uint32_t child = 0; i > 0 && child < 2; ++child) {
            put_string(&pickle, child ? "b" : "a");
            put_text(&pickle, "h");
            put_number(&pickle, i - 1, 1);
        }
        put_module_end(&pickle);
        put_text(&pickle, "q");
        put_number(&pickle, i, 1);
        if (i < 27)
            put_text(&pickle, "0");
    }
    expect_refusal(&pickle, CUBBY_BAD_DATA, "form a tree");
}

static void test_cycle_and_depth(void **state)
{
    (void)state;
    struct bytes pickle = {0};
    put_text(&pickle, "\x80\2"
                      "c" SEQUENTIAL "\n)\x81q\1}(");
    put_key(&pickle, "_parameters", "}");
    put_key(&pickle, "_modules", "}(");
    put_key(&pickle, "again", "h\1");
    put_text(&pickle, "uub");
    expect_refusal(&pickle, CUBBY_BAD_DATA, "form a tree");

    put_text(&pickle, "\x80\2");
    for (uint32_t i = 0; i < 40; ++i) {
        put_module(&pickle, SEQUENTIAL);
        if (i < 39)
            put_string(&pickle, "x");
    }
    for (uint32_t i = 0; i < 40; ++i)
        put_module_end(&pickle);
    expect_refusal(&pickle, CUBBY_BAD_DATA, "form a tree");
}

// A Sequential with one entry under `key`, which `value` puts.
static void put_with_child(struct bytes *pickle, const char *key, const char *value)
{
    put_text(pickle, "\x80\2");
    put_module(pickle, SEQUENTIAL);
    put_key(pickle, key, value);
    put_module_end(pickle);
}

static void test_refusals(void **state)
{
    (void)state;
    struct bytes pickle = {0};
    put_with_child(&pickle, "x", "K\1");
    expect_refusal(&pickle, CUBBY_BAD_DATA, "form a tree");
    put_with_child(&pickle, "x", "c" LINEAR "\n)\x81");
    expect_refusal(&pickle, CUBBY_BAD_DATA, "form a tree");

    put_text(&pickle, "\x80\2");
    put_module(&pickle, SEQUENTIAL);
    put_string(&pickle, "0");
    put_module(&pickle, "evil\x1b[2J\nNet");
    put_module_end(&pickle);
    put_module_end(&pickle);
    expect_refusal(&pickle, CUBBY_UNSUPPORTED, "a evil?[2J.Net at 0; cubby");

    put_text(&pickle, "\x80\2");
    put_module(&pickle, SEQUENTIAL);
    put_string(&pickle, "a\nb");
    put_module(&pickle, SEQUENTIAL);
    put_module_end(&pickle);
    put_module_end(&pickle);
    expect_refusal(&pickle, CUBBY_BAD_DATA, "form a tree");

    put_text(&pickle, "\x80\2");
    put_begin(&pickle, LINEAR);
    put_key(&pickle, "_parameters", "}(");
    put_key(&pickle, "weight", "K\1");
    put_text(&pickle, "u");
    put_key(&pickle, "_modules", "}");
    put_end(&pickle);
    expect_refusal(&pickle, CUBBY_BAD_DATA, "form a tree");

    put_text(&pickle, "\x80\2");
    put_begin(&pickle, "torch.nn.modules.conv\nConv2d");
    put_key(&pickle, "_parameters", "}");
    put_key(&pickle, "dilation", "K\2K\2\x86");
    put_key(&pickle, "_modules", "}");
    put_end(&pickle);
    expect_refusal(&pickle, CUBBY_UNSUPPORTED, "dilation");
}

// A block with one child, in the layers of a ResNet of timm.
static void put_block(struct bytes *pickle, const char *name, const char *class)
{
    put_text(pickle, "\x80\2");
    put_module(pickle, "timm.models.resnet\nResNet");
    put_string(pickle, "layer1");
    put_module(pickle, SEQUENTIAL);
    put_string(pickle, "0");
    put_module(pickle, "timm.models.resnet\nBasicBlock");
    put_string(pickle, name);
    put_module(pickle, class);
    for (int i = 0; i < 4; ++i)
        put_module_end(pickle);
}

// A class that is known computes what it should only where it should be.
static void test_places(void **state)
{
    (void)state;
#define IDENTITY "torch.nn.modules.linear\nIdentity"
#define RELU "torch.nn.modules.activation\nReLU"
#define DROP "timm.layers.drop\nDropPath"
    static const struct {
        const char *name, *class, *error;
    } cases[] = {
        {"act1", RELU, NULL},
        {"act1", IDENTITY, "Identity at layer1.0.act1 where there should be ReLU;"},
        {"aa", IDENTITY, NULL},
        {"drop_path", IDENTITY, NULL},
        {"drop_path", DROP, NULL}, // drops in training only
        {"drop_block", DROP, "DropPath at layer1.0.drop_block where there should be Identity;"},
        {"drop_path", RELU, "where there should be Identity or DropPath;"},
        {"act10", RELU, "ReLU at layer1.0.act10 where there should be nothing;"},
        {"act", RELU, "where there should be nothing;"},
        {"a name of more than thirty characters", RELU, "where there should be nothing;"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct bytes pickle = {0}, archive;
        put_block(&pickle, cases[i].name, cases[i].class);
        if (cases[i].error) {
            expect_refusal(&pickle, CUBBY_UNSUPPORTED, cases[i].error);
            continue;
        }
        struct messages messages;
        struct cubby_checkpoint *checkpoint;
        if (open_pickle(&pickle, &checkpoint, &archive, &messages))
            fail_msg("%s: %s", cases[i].name, messages.error);
        cubby_checkpoint_close(&checkpoint);
        free(archive.data);
    }
}

// ---- Learners

// One whose model is an empty Sequential; `rest` puts more attributes.
static void put_learner(struct bytes *pickle, void (*rest)(struct bytes *pickle))
{
    put_text(pickle, "\x80\2");
    put_begin(pickle, "fastai.learner\nLearner");
    put_string(pickle, "model");
    put_module(pickle, SEQUENTIAL);
    put_module_end(pickle);
    rest(pickle);
    put_end(pickle);
}

static void put_no_loaders(struct bytes *pickle)
{
    put_string(pickle, "dls");
    put_begin(pickle, "m\nDataLoaders");
    put_key(pickle, "loaders", "]");
    put_end(pickle);
}

// An L whose items are itself.
static void put_cyclic_loaders(struct bytes *pickle)
{
    put_string(pickle, "dls");
    put_begin(pickle, "m\nDataLoaders");
    put_string(pickle, "loaders");
    put_text(pickle, "cfastcore.foundation\nL\n)\x81q\1}(");
    put_key(pickle, "items", "h\1");
    put_end(pickle);
    put_end(pickle);
}

static void put_bare_loader(struct bytes *pickle)
{
    put_string(pickle, "dls");
    put_begin(pickle, "m\nDataLoaders");
    put_key(pickle, "loaders",
            "](cm\nLoader\n)\x81"
            "e");
    put_end(pickle);
}

static void test_learners(void **state)
{
    (void)state;
    struct bytes pickle = {0};
    put_learner(&pickle, put_no_loaders);
    expect_refusal(&pickle, CUBBY_UNSUPPORTED, "no data loaders");
    put_learner(&pickle, put_cyclic_loaders);
    expect_refusal(&pickle, CUBBY_UNSUPPORTED, "no data loaders");
    // Whoever gives names and preprocessing gets past what is missing here.
    struct messages messages;
    struct bytes archive;
    struct cubby_checkpoint *checkpoint;
    put_learner(&pickle, put_bare_loader);
    if (open_pickle(&pickle, &checkpoint, &archive, &messages))
        fail_msg("%s", messages.error);
    assert_non_null(strstr(cubby_checkpoint_class_obstacle(checkpoint), "has no list of classes"));
    assert_non_null(strstr(cubby_checkpoint_obstacle(checkpoint), "opens photos with something"));
    assert_null(cubby_checkpoint_metadata(checkpoint, "cubby.classes"));
    assert_null(cubby_checkpoint_metadata(checkpoint, "cubby.preprocessing"));
    cubby_checkpoint_close(&checkpoint);
    free(archive.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),           cmocka_unit_test(test_shared_modules_end),
        cmocka_unit_test(test_cycle_and_depth), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_places),          cmocka_unit_test(test_learners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
