// torch_zip.c, torch_state_dict.c and torch_tensor.c, through files as torch writes them.
#include "zip_fixture.h"

struct tensor_text {
    const char *call;    // module\nname\n of the rebuild function
    const char *storage; // class
    const char *key;
    int64_t numel, offset;
    const char *size, *stride; // pickled tuples; Z stands for the integer 0
};

static void put_string(struct bytes *pickle, const char *text)
{
    put_text(pickle, "X");
    put_number(pickle, strlen(text), 4);
    put_text(pickle, text);
}

static void put_long(struct bytes *pickle, int64_t value)
{
    put_text(pickle, "\x8a\x08");
    put_number(pickle, (uint64_t)value, 8);
}

#define V2 "torch._utils\n_rebuild_tensor_v2\n"

static void put_shape(struct bytes *pickle, const char *shape)
{
    for (; *shape; ++shape)
        put_bytes(pickle, *shape == 'Z' ? "K" : shape, *shape == 'Z' ? 2 : 1);
}

static const struct tensor_text plain = {V2, "FloatStorage", "0", 4, 0, "K\4\x85", "K\1\x85"};

static void put_tensor(struct bytes *pickle, const struct tensor_text *t)
{
    put_text(pickle, "c");
    put_text(pickle, t->call);
    put_text(pickle, "((");
    put_string(pickle, "storage");
    put_text(pickle, "ctorch\n");
    put_text(pickle, t->storage);
    put_text(pickle, "\n");
    put_string(pickle, t->key);
    put_string(pickle, "cuda:0");
    put_long(pickle, t->numel);
    put_text(pickle, "tQ");
    put_long(pickle, t->offset);
    put_shape(pickle, t->size);
    put_shape(pickle, t->stride);
    put_text(pickle, "\x89"
                     "ccollections\nOrderedDict\n)RtR");
}

// {'w': tensor} in an OrderedDict with attributes, as state_dict() gives it.
static void put_state_dict(struct bytes *pickle, const char *name, const struct tensor_text *t)
{
    put_text(pickle, "ccollections\nOrderedDict\n)R(");
    put_string(pickle, name);
    put_tensor(pickle, t);
    put_text(pickle, "u}");
    put_string(pickle, "_metadata");
    put_text(pickle, "Nsb");
}

static const float storage[4] = {1, 2, 3, 4};

static enum cubby_status open_zip(const struct zip_member *members, size_t count,
                                  struct messages *messages, float *values, size_t *elements)
{
    struct bytes archive = zip_build(members, count, true, NULL);
    uint8_t *copy = malloc(archive.size);
    assert_non_null(copy);
    memcpy(copy, archive.data, archive.size);
    *messages = (struct messages){0};
    const struct cubby_log log = {messages_write, messages};
    struct cubby_checkpoint *checkpoint;
    enum cubby_status status = cubby_checkpoint_open(&checkpoint, copy, archive.size, &log);
    if (!status) {
        assert_string_equal(cubby_checkpoint_container(checkpoint), "torch zip");
        assert_int_equal(cubby_checkpoint_tensor_count(checkpoint), 1);
        const struct cubby_tensor *tensor = cubby_checkpoint_find(checkpoint, "w");
        assert_non_null(tensor);
        *elements = (size_t)cubby_tensor_elements(tensor);
        assert_true(*elements <= 64);
        if (tensor->dtype != CUBBY_OTHER)
            assert_int_equal(cubby_tensor_read_f32(tensor, values), CUBBY_OK);
    } else {
        assert_true(messages->error[0]);
    }
    cubby_checkpoint_close(&checkpoint);
    free(copy);
    free(archive.data);
    return status;
}

static enum cubby_status open_pickle(struct bytes *pickle, struct messages *messages, float *values,
                                     size_t *elements)
{
    put_text(pickle, ".");
    const struct zip_member members[] = {
        {"m/data.pkl", pickle->data, pickle->size, 0, 0},
        {"m/data/0", storage, sizeof(storage), 0, 0},
        {"m/version", "3\n", 2, 0, 0},
        {"m/byteorder", "little", 6, 0, 0},
    };
    enum cubby_status status = open_zip(members, 4, messages, values, elements);
    free(pickle->data);
    *pickle = (struct bytes){0};
    return status;
}

static enum cubby_status open_tensor(const struct tensor_text *tensor, struct messages *messages,
                                     float *values, size_t *elements)
{
    struct bytes pickle = {0};
    put_text(&pickle, "\x80\2");
    put_state_dict(&pickle, "w", tensor);
    return open_pickle(&pickle, messages, values, elements);
}

static void test_tensors(void **state)
{
    (void)state;
    static const struct {
        struct tensor_text tensor;
        size_t count;
        float values[8];
    } cases[] = {
        {{V2, "FloatStorage", "0", 4, 0, "K\4\x85", "K\1\x85"}, 4, {1, 2, 3, 4}},
        {{V2, "FloatStorage", "0", 4, 0, "K\2K\2\x86", "K\1K\2\x86"}, 4, {1, 3, 2, 4}},
        {{V2, "FloatStorage", "0", 4, 1, "K\2\x85", "K\2\x85"}, 2, {2, 4}},
        {{V2, "FloatStorage", "0", 4, 3, ")", ")"}, 1, {4}},
        {{V2, "FloatStorage", "0", 4, 1, "K\3\x85", "Z\x85"}, 3, {2, 2, 2}},
        {{V2, "FloatStorage", "0", 4, 4, "K\3Z\x86", "K\1K\1\x86"}, 0, {0}},
        {{V2, "FloatStorage", "0", 2, 0, "K\2\x85", "K\1\x85"}, 2, {1, 2}},
        {{V2, "FloatStorage", "0", 4, 0, "ctorch\nSize\nK\4\x85\x85R", "K\1\x85"}, 4, {1, 2, 3, 4}},
        {{V2, "IntStorage", "0", 4, 0, "K\4\x85", "K\1\x85"}, 4, {0}},
        {{V2, "DoubleStorage", "0", 2, 0, "K\2\x85", "K\1\x85"}, 2, {2.0000004f, 512.00012f}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct messages messages;
        float values[64] = {0};
        size_t elements = 0;
        if (open_tensor(&cases[i].tensor, &messages, values, &elements))
            fail_msg("case %zu: %s", i, messages.error);
        assert_int_equal(elements, cases[i].count);
        for (size_t k = 0; k < elements; ++k) {
            float difference = values[k] - cases[i].values[k];
            if (difference > 1e-4f || difference < -1e-4f)
                fail_msg("case %zu: value %zu is %g", i, k, (double)values[k]);
        }
    }
}

static void test_hostile_tensors(void **state)
{
    (void)state;
    static const struct {
        struct tensor_text tensor;
        const char *error;
    } cases[] = {
        {{V2, "FloatStorage", "0", 5, 0, "K\4\x85", "K\1\x85"}, "more values"},
        {{V2, "FloatStorage", "0", INT64_C(1) << 62, 0, "K\4\x85", "K\1\x85"}, "more values"},
        {{V2, "FloatStorage", "0", -1, 0, "K\4\x85", "K\1\x85"}, "no sensible size"},
        {{V2, "FloatStorage", "0", 4, 0, "K\5\x85", "K\1\x85"}, "reaches beyond"},
        {{V2, "FloatStorage", "0", 4, 1, "K\4\x85", "K\1\x85"}, "reaches beyond"},
        {{V2, "FloatStorage", "0", 4, 4, "K\1\x85", "K\1\x85"}, "outside its storage"},
        {{V2, "FloatStorage", "0", 4, -1, "K\1\x85", "K\1\x85"}, "outside its storage"},
        {{V2, "FloatStorage", "0", 4, INT64_MAX, "K\1\x85", "K\1\x85"}, "outside its storage"},
        {{V2, "FloatStorage", "0", 4, 0, "K\2\x85", "K\4\x85"}, "reaches beyond"},
        {{V2, "FloatStorage", "0", 4, 0, "K\2\x85", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85"},
         "reaches beyond"},
        {{V2, "FloatStorage", "0", 4, 0, "K\2\x85", "J\xff\xff\xff\xff\x85"}, "whole numbers"},
        {{V2, "FloatStorage", "0", 4, 0, "J\xff\xff\xff\xff\x85", "K\1\x85"}, "whole numbers"},
        {{V2, "FloatStorage", "0", 4, 0, "N\x85", "K\1\x85"}, "whole numbers"},
        {{V2, "FloatStorage", "0", 4, 0, "K\2K\2\x86", "K\1\x85"}, "no shape"},
        {{V2, "FloatStorage", "0", 4, 0, "K\2", "K\1"}, "no shape"},
        // 10^10 values of stride 0 over one
        {{V2, "FloatStorage", "0", 4, 0, "\x8a\5\1\xe4\x0b\x54\2\x85", "Z\x85"}, "impossible"},
        {{V2, "FloatStorage", "0", 4, 0, "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t",
          "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t"},
         "9 dimensions"},
        {{V2, "FloatStorage", "7", 4, 0, "K\4\x85", "K\1\x85"}, "does not have"},
        {{V2, "FloatStorage", "../version", 4, 0, "K\4\x85", "K\1\x85"}, "cannot be"},
        {{V2, "FloatStorage", "", 4, 0, "K\4\x85", "K\1\x85"}, "cannot be"},
        {{V2, "EvilStorage", "0", 4, 0, "K\4\x85", "K\1\x85"}, "unknown type"},
        {{"torch._utils\n_rebuild_sparse_tensor\n", "FloatStorage", "0", 4, 0, "K\4\x85",
          "K\1\x85"},
         "no weights of a network"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct messages messages;
        float values[64];
        size_t elements;
        if (!open_tensor(&cases[i].tensor, &messages, values, &elements))
            fail_msg("case %zu ('%s') opened", i, cases[i].error);
        if (!strstr(messages.error, cases[i].error))
            fail_msg("case %zu: expected '%s', got '%s'", i, cases[i].error, messages.error);
    }
}

static void expect_w(struct bytes *pickle)
{
    struct messages messages;
    float values[64] = {0};
    size_t elements = 0;
    if (open_pickle(pickle, &messages, values, &elements))
        fail_msg("%s", messages.error);
    assert_int_equal(elements, 4);
    assert_memory_equal(values, storage, sizeof(storage));
}

static void test_wrappings(void **state)
{
    (void)state;
    struct bytes pickle = {0};
    // {'acc': tensor, 'model': {'state_dict': {...}}, 'opt': {1: a tensor that is not looked at}}
    put_text(&pickle, "\x80\2}(");
    put_string(&pickle, "acc");
    put_tensor(&pickle, &plain);
    put_string(&pickle, "model");
    put_text(&pickle, "}(");
    put_string(&pickle, "state_dict");
    put_state_dict(&pickle, "w", &plain);
    put_text(&pickle, "u");
    put_string(&pickle, "opt");
    put_text(&pickle, "}K\1");
    put_tensor(&pickle, &(struct tensor_text){V2, "Evil", "9", 4, 0, ")", ")"});
    put_text(&pickle, "su");
    expect_w(&pickle);

    // a Parameter
    put_text(&pickle, "\x80\2}");
    put_string(&pickle, "w");
    put_text(&pickle, "ctorch._utils\n_rebuild_parameter\n");
    put_tensor(&pickle, &plain);
    put_text(&pickle, "\x88}\x87Rs");
    expect_w(&pickle);

    // a subclass: function, class, the function's arguments, state
    struct bytes tensor = {0};
    put_tensor(&tensor, &plain);
    size_t name = 1 + strlen(V2);
    put_text(&pickle, "\x80\2}");
    put_string(&pickle, "w");
    put_text(&pickle,
             "ctorch._tensor\n_rebuild_from_type_v2\n(c" V2 "cfastai.torch_core\nTensorBase\n");
    put_bytes(&pickle, tensor.data + name, tensor.size - name - 1); // without the call
    put_text(&pickle, "}tRs");
    expect_w(&pickle);

    // fastai before 2.4: the class first, then the arguments
    put_text(&pickle, "\x80\2}");
    put_string(&pickle, "w");
    put_text(&pickle, "cfastai.torch_core\n_fa_rebuild_tensor\n(cfastai.torch_core\nTensorImage\n");
    put_bytes(&pickle, tensor.data + name + 1, tensor.size - name - 1);
    put_text(&pickle, "s");
    expect_w(&pickle);
    free(tensor.data);
}

static void test_other_pickles(void **state)
{
    (void)state;
    static const struct {
        const char *pickle, *error;
    } cases[] = {
        {"\x80\2N", "None, not the weights"},
        {"\x80\2]", "a list, not the weights"},
        {"\x80\2}", "an empty dict, not the weights"},
        {"\x80\2"
         "cfastai.learner\nLearner\n)\x81}b",
         "no model or no data loaders"},
    };
    struct messages messages;
    float values[64];
    size_t elements;
    struct bytes pickle = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        put_text(&pickle, cases[i].pickle);
        assert_int_equal(open_pickle(&pickle, &messages, values, &elements), CUBBY_UNSUPPORTED);
        assert_error(&messages, cases[i].error);
    }

    put_text(&pickle, "\x80\2"
                      "cm\nNet\n)\x81}(");
    put_string(&pickle, "_modules");
    put_text(&pickle, "}");
    put_string(&pickle, "_parameters");
    put_text(&pickle, "}ub");
    assert_int_equal(open_pickle(&pickle, &messages, values, &elements), CUBBY_UNSUPPORTED);
    assert_error(&messages, "the model has a m.Net; cubby computes");

    // a dict that wraps itself for ever
    put_text(&pickle, "\x80\2}q\1");
    put_string(&pickle, "model");
    put_text(&pickle, "h\1s");
    assert_int_equal(open_pickle(&pickle, &messages, values, &elements), CUBBY_UNSUPPORTED);
}

static void test_containers(void **state)
{
    (void)state;
    struct bytes pickle = {0};
    put_text(&pickle, "\x80\2");
    put_state_dict(&pickle, "w", &plain);
    put_text(&pickle, ".");
    struct zip_member members[] = {
        {"m/data.pkl", pickle.data, pickle.size, 0, 0},
        {"m/data/0", storage, sizeof(storage), 0, 0},
        {"m/byteorder", "little", 6, 0, 0},
    };
    struct messages messages;
    float values[64];
    size_t elements;
    assert_int_equal(open_zip(members, 3, &messages, values, &elements), CUBBY_OK);
    assert_int_equal(messages.warnings, 0);

    members[2].data = "big";
    members[2].size = 3;
    assert_int_equal(open_zip(members, 3, &messages, values, &elements), CUBBY_UNSUPPORTED);
    assert_error(&messages, "big-endian");
    members[2] = (struct zip_member){"m/constants.pkl", "", 0, 0, 0};
    assert_int_equal(open_zip(members, 3, &messages, values, &elements), CUBBY_UNSUPPORTED);
    assert_error(&messages, "TorchScript");
    members[1].name = "n/data/0";
    assert_int_equal(open_zip(members, 2, &messages, values, &elements), CUBBY_BAD_DATA);
    members[1].name = "m/data/0";
    members[1].method = 8;
    assert_int_equal(open_zip(members, 2, &messages, values, &elements), CUBBY_UNSUPPORTED);
    assert_error(&messages, "compressed");
    members[1].method = 0;
    members[0].name = "m/other.pkl";
    assert_int_equal(open_zip(members, 2, &messages, values, &elements), CUBBY_UNSUPPORTED);
    assert_error(&messages, "no data.pkl");
    members[0].name = "data.pkl";
    assert_int_equal(open_zip(members, 1, &messages, values, &elements), CUBBY_UNSUPPORTED);
    free(pickle.data);
}

static void test_checksum_only_warns(void **state)
{
    (void)state;
    struct bytes pickle = {0};
    put_text(&pickle, "\x80\2");
    put_state_dict(&pickle, "w", &plain);
    put_text(&pickle, ".");
    const struct zip_member members[] = {
        {"m/data.pkl", pickle.data, pickle.size, 0, 0},
        {"m/data/0", storage, sizeof(storage), 0, 0},
    };
    struct zip_places places;
    struct bytes archive = zip_build(members, 2, true, &places);
    archive.data[places.central[1] + 16] ^= 1;
    struct messages messages = {0};
    const struct cubby_log log = {messages_write, &messages};
    struct cubby_checkpoint *checkpoint;
    assert_int_equal(cubby_checkpoint_open(&checkpoint, archive.data, archive.size, &log),
                     CUBBY_OK);
    assert_int_equal(messages.warnings, 1);
    cubby_checkpoint_close(&checkpoint);
    free(archive.data);
    free(pickle.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensors),    cmocka_unit_test(test_hostile_tensors),
        cmocka_unit_test(test_wrappings),  cmocka_unit_test(test_other_pickles),
        cmocka_unit_test(test_containers), cmocka_unit_test(test_checksum_only_warns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
