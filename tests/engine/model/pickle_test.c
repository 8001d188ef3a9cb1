#include "fixture.h"

#include "model/pickle.h"

// A pickle from a string literal, which may hold zero bytes.
#define PICKLE(literal) (const uint8_t *)(literal), sizeof(literal) - 1

static struct pickle *parse(const uint8_t *data, size_t size)
{
    struct messages messages = {0};
    const struct cubby_log log = {messages_write, &messages};
    struct pickle *pickle;
    if (pickle_parse(&pickle, data, size, NULL, &log))
        fail_msg("%s", messages.error);
    return pickle;
}

static enum cubby_status parse_copy(const uint8_t *data, size_t size, struct messages *messages)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    *messages = (struct messages){0};
    const struct cubby_log log = {messages_write, messages};
    struct pickle *pickle;
    enum cubby_status status = pickle_parse(&pickle, copy, size, NULL, &log);
    assert_true((status == CUBBY_OK) == (pickle != NULL));
    pickle_destroy(&pickle);
    free(copy);
    return status;
}

static void test_numbers(void **state)
{
    (void)state;
    struct pickle *p = parse(PICKLE("\x80\2(K\xffM\xff\xffJ\xfe\xff\xff\xff\x8a\0\x8a\1\x80"
                                    "\x8a\x08\0\0\0\0\0\0\0\x80\x8b\3\0\0\0\1\2\3"
                                    "\x8a\x09\1\1\1\1\1\1\1\1\1"
                                    "G\x3f\xf8\0\0\0\0\0\0N\x88\x89t."));
    const int64_t expected[] = {255, 65535, -2, 0, -128, INT64_MIN, 0x030201};
    uint32_t root = pickle_root(p);
    for (uint32_t i = 0; i < 7; ++i) {
        int64_t value;
        assert_true(pickle_integer(p, pickle_item(p, root, i), &value));
        assert_true(value == expected[i]);
    }
    assert_int_equal(pickle_node(p, pickle_item(p, root, 7))->kind, PICKLE_BIGINT);
    assert_true(pickle_node(p, pickle_item(p, root, 8))->real == 1.5);
    assert_int_equal(pickle_node(p, pickle_item(p, root, 9))->kind, PICKLE_NONE);
    assert_true(pickle_node(p, pickle_item(p, root, 10))->boolean);
    assert_false(pickle_node(p, pickle_item(p, root, 11))->boolean);
    assert_int_equal(pickle_item(p, root, 12), PICKLE_ABSENT);
    pickle_destroy(&p);
}

static void test_containers(void **state)
{
    (void)state;
    // {'a': [1, 2, 3], 'b': (1,), 'a': {4}}: the last 'a' wins, as in Python
    struct pickle *p = parse(PICKLE("\x80\4\x95\x05\0\0\0\0\0\0\0}\x94(X\1\0\0\0a]q\1(K\1K\2eK\3a"
                                    "\x8c\1bK\1\x85\x8c\1a\x8f(K\4\x90u."));
    uint32_t root = pickle_root(p), item = pickle_lookup(p, root, "a");
    assert_int_equal(pickle_node(p, item)->kind, PICKLE_SET);
    assert_int_equal(pickle_node(p, item)->list.count, 1);
    const struct pickle_list *pairs = pickle_pairs(p, root);
    assert_int_equal(pairs->count, 6);
    assert_int_equal(pickle_sequence(p, pairs->items[1])->count, 3);
    assert_int_equal(pickle_sequence(p, pickle_lookup(p, root, "b"))->count, 1);
    assert_int_equal(pickle_lookup(p, root, "c"), PICKLE_ABSENT);
    assert_int_equal(pickle_lookup(p, item, "a"), PICKLE_ABSENT);
    assert_int_equal(pickle_node(p, PICKLE_ABSENT)->kind, PICKLE_NONE);
    pickle_destroy(&p);
}

static void test_calls_are_not_made(void **state)
{
    (void)state;
    // os.system('...'), and an object of m.C with attributes, items and elements
    struct pickle *p = parse(PICKLE("\x80\2(cos\nsystem\nX\5\0\0\0false\x85R"
                                    "cm\nC\n)\x81}X\1\0\0\0kK\7sb(X\1\0\0\0dK\x08uK\x09"
                                    "a"
                                    "\x8c\1m\x8c\1D\x93)}\x92t."));
    uint32_t call = pickle_item(p, pickle_root(p), 0), object = pickle_item(p, pickle_root(p), 1);
    int64_t value;
    char text[300];
    assert_true(pickle_is_call(p, call, "os", "system"));
    assert_false(pickle_object(p, call)->constructed);
    assert_true(pickle_is_text(p, pickle_item(p, pickle_object(p, call)->arguments, 0), "false"));
    pickle_describe(p, call, text, sizeof(text));
    assert_string_equal(text, "a os.system");
    assert_true(pickle_is_call(p, object, "m", "C"));
    assert_true(pickle_object(p, object)->constructed);
    assert_true(pickle_integer(p, pickle_attribute(p, object, "k"), &value) && value == 7);
    assert_true(pickle_integer(p, pickle_lookup(p, object, "d"), &value) && value == 8);
    assert_int_equal(pickle_object(p, object)->list.count, 1);
    uint32_t third = pickle_item(p, pickle_root(p), 2);
    assert_true(pickle_is_call(p, third, "m", "D"));
    assert_int_not_equal(pickle_object(p, third)->keywords, PICKLE_ABSENT);
    pickle_destroy(&p);
}

// The classes of modules in files of torch before 1.6 and of 0.1; a storage's id is another.
static void test_classes_by_persistent_id(void **state)
{
    (void)state;
    struct pickle *p = parse(PICKLE("\x80\2((X\6\0\0\0modulecm\nC\nX\4\0\0\0file"
                                    "X\4\0\0\0codetQ)\x81"
                                    "cm\nD\nNN\x87Q)\x81"
                                    "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                                    "0X\3\0\0\0cpuK\4tQt."));
    uint32_t root = pickle_root(p);
    assert_true(pickle_is_call(p, pickle_item(p, root, 0), "m", "C"));
    assert_true(pickle_is_call(p, pickle_item(p, root, 1), "m", "D"));
    assert_int_equal(pickle_node(p, pickle_item(p, root, 2))->kind, PICKLE_PERSISTENT);
    pickle_destroy(&p);
}

static void test_cycle_and_slots(void **state)
{
    (void)state;
    // x = C(); x.self = x, with the state of a class that has __slots__: (None, {...})
    struct pickle *p = parse(PICKLE("\x80\2cm\nC\n)\x81q\1N}X\4\0\0\0selfh\1s\x86"
                                    "b."));
    assert_int_equal(pickle_attribute(p, pickle_root(p), "self"), pickle_root(p));
    pickle_destroy(&p);
    // a list that holds itself
    p = parse(PICKLE("]\x94h\0a."));
    assert_int_equal(pickle_item(p, pickle_root(p), 0), pickle_root(p));
    pickle_destroy(&p);
}

static void test_several_in_a_row(void **state)
{
    (void)state;
    struct pickle *p;
    size_t used;
    assert_int_equal(pickle_parse(&p, PICKLE("\x80\2K\1.rest"), &used, NULL), CUBBY_OK);
    assert_int_equal(used, 5);
    pickle_destroy(&p);
}

static void test_hostile(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t size;
        const char *error;
    } cases[] = {
#define CASE(literal, error) {literal, sizeof(literal) - 1, error}
        CASE("", "cut short"),
        CASE("\x80\2", "cut short"),
        CASE("\x80\2.", "one value"),
        CASE("\x80\2NN.", "one value"),
        CASE("\x80\2(N.", "one value"),
        CASE("\x80\6N.", "protocol 6"),
        CASE("\x80\4\x95\xff\0\0\0\0\0\0\0N.", "frame"),
        CASE("R.", "too little"),
        CASE("N(R.", "too little"),
        CASE("NN(0.", "too little"),
        CASE("(0.", "too little"),
        CASE("1.", "no mark"),
        CASE("t.", "no mark"),
        CASE("]e.", "no mark"),
        CASE("](NNee.", "no mark"),
        CASE("}(Nu.", "no value"),
        CASE("}(NNu(Nu.", "no value"),
        CASE("(NNu.", "too little"),
        CASE("}Na.", "cannot hold"),
        CASE("]NNs.", "cannot hold"),
        CASE("](N\x90.", "cannot hold"),
        CASE("K\1}b.", "has none"),
        CASE("}}b.", "has none"),
        CASE("K\1)R.", "not a function"),
        CASE("cm\nf\n]R.", "without arguments"),
        CASE("cm\nf\n)N\x92.", "named arguments"),
        CASE("K\1K\2\x93.", "not a string"),
        CASE("\x8c\1\0\x8c\1f\x93.", "zero byte"),
        CASE("cm\0\nf\n.", "zero byte"),
        CASE("cmf", "no end"),
        CASE("cm\nf", "no end"),
        CASE("X\xff\xff\xff\xff", "cut short"),
        CASE("X\2\0\0\0a", "cut short"),
        CASE("T\xff\xff\xff\xff", "cut short"),
        CASE("\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "cut short"),
        CASE("\x96\xff\xff\xff\xff\xff\xff\xff\x7f", "cut short"),
        CASE("\x8b\xff\xff\xff\xff", "negative length"),
        CASE("\x8b\xff\xff\xff\x7f", "cut short"),
        CASE("h\0.", "never stored"),
        CASE("j\xff\xff\xff\xff.", "never stored"),
        CASE("q\0.", "too little"),
        CASE("Nq\7.", "out of range"),
        CASE("Nr\xff\xff\xff\xff.", "out of range"),
        CASE("Nr\1\0\0\0h\0.", "never stored"),
        CASE("Q.", "too little"),
        // of protocols 0 and 1, or with a registry
        CASE("S'a'\n.", "0x53"),
        CASE("I1\n.", "0x49"),
        CASE("L1L\n.", "0x4c"),
        CASE("F1\n.", "0x46"),
        CASE("Va\n.", "0x56"),
        CASE("Np0\n.", "0x70"),
        CASE("g0\n.", "0x67"),
        CASE("Pid\n.", "0x50"),
        CASE("(cm\nf\no.", "0x6f"),
        CASE("(im\nf\n.", "0x69"),
        CASE("(l.", "0x6c"),
        CASE("(d.", "0x64"),
        CASE("N2.", "0x32"),
        CASE("\x82\1.", "0x82"),
        CASE("\x97.", "0x97"),
        CASE("N\x98.", "0x98"),
#undef CASE
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        struct messages messages;
        if (!parse_copy((const uint8_t *)cases[i].data, cases[i].size, &messages))
            fail_msg("case %zu ('%s') was read", i, cases[i].error);
        if (!strstr(messages.error, cases[i].error))
            fail_msg("case %zu: expected '%s', got '%s'", i, cases[i].error, messages.error);
    }
}

// `count` times one instruction behind a beginning, then an end.
static enum cubby_status repeat(const char *begin, size_t begin_bytes, const char *instruction,
                                size_t instruction_bytes, size_t count, const char *end,
                                struct messages *messages)
{
    struct bytes bytes = {0};
    put_bytes(&bytes, begin, begin_bytes);
    for (size_t i = 0; i < count; ++i)
        put_bytes(&bytes, instruction, instruction_bytes);
    put_text(&bytes, end);
    enum cubby_status status = parse_copy(bytes.data, bytes.size, messages);
    free(bytes.data);
    return status;
}

static void test_limits(void **state)
{
    (void)state;
    struct messages messages;
    assert_int_equal(repeat("\x80\2", 2, "(", 1, PICKLE_MAX_STACK + 1, ".", &messages),
                     CUBBY_TOO_LARGE);
    assert_error(&messages, "marks");
    assert_int_equal(repeat("\x80\2", 2, "N", 1, PICKLE_MAX_STACK + 1, ".", &messages),
                     CUBBY_TOO_LARGE);
    assert_error(&messages, "stack");
    assert_int_equal(repeat("\x80\2", 2, "N0", 2, PICKLE_MAX_NODES + 1, "N.", &messages),
                     CUBBY_TOO_LARGE);
    assert_error(&messages, "values");
    assert_int_equal(repeat("\x80\2]q\0", 5, "h\0a", 3, PICKLE_MAX_REFERENCES + 1, ".", &messages),
                     CUBBY_TOO_LARGE);
    assert_error(&messages, "unfolds to more than");
    // Depth costs nothing: nothing recurses.
    assert_int_equal(repeat("\x80\2N", 3, "\x85", 1, 1000000, ".", &messages), CUBBY_OK);
    // Nor do paths through shared lists: 2^200 of them here.
    assert_int_equal(repeat("\x80\2N", 3, "q\0h\0\x86", 5, 200, ".", &messages), CUBBY_OK);

    uint8_t *large = calloc(1, PICKLE_MAX_BYTES + 1);
    assert_non_null(large);
    struct pickle *pickle;
    assert_int_equal(pickle_parse(&pickle, large, PICKLE_MAX_BYTES + 1, NULL, NULL),
                     CUBBY_TOO_LARGE);
    large[0] = 'B';
    large[4] = 2; // 32 MiB
    assert_int_equal(pickle_parse(&pickle, large, PICKLE_MAX_BYTES, NULL, NULL), CUBBY_TOO_LARGE);
    free(large);
}

// Small programs that unfold to something large.
static void test_memory(void **state)
{
    (void)state;
    struct messages messages;
    struct bytes names = {0};
    char a[4097] = "", globals[] = "h\0h\1\x93"
                                   "0";
    memset(a, 'a', 4096);
    for (int i = 0; i < 2; ++i) {
        put_text(&names, "X");
        put_number(&names, 4096, 4);
        put_text(&names, a);
        put_text(&names, i ? "q\1" : "q");
        put_bytes(&names, "", !i);
    }
    // A name of 8 KiB for six bytes, an object for six.
    assert_int_equal(
        repeat((const char *)names.data, names.size, globals, 6, 100000, ".", &messages),
        CUBBY_TOO_LARGE);
    assert_error(&messages, "unfolds to more than");
    free(names.data);
    assert_int_equal(repeat("cm\nC\nq\0)q\1", 10, "h\0h\1R0", 6, 2000000, ".", &messages),
                     CUBBY_TOO_LARGE);
    assert_error(&messages, "unfolds to more than");
}

// However often a large list is asked for, it ends.
static void test_steps(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    put_text(&bytes, "}q");
    put_number(&bytes, 1, 1);
    put_text(&bytes, "(");
    put_text(&bytes, "X");
    put_number(&bytes, 1, 4);
    put_text(&bytes, "kq\2N");
    for (int i = 0; i < 100000; ++i)
        put_text(&bytes, "h\2h\1");
    put_text(&bytes, "u.");
    struct pickle *p = parse(bytes.data, bytes.size);
    uint32_t root = pickle_root(p);
    assert_int_equal(pickle_lookup(p, root, "k"), root);
    uint64_t walked = 0;
    for (int i = 0; i < 1000000; ++i) {
        const struct pickle_list *pairs = pickle_pairs(p, root);
        walked += pairs ? pairs->count : 0;
        pickle_lookup(p, root, "absent");
    }
    assert_true(pickle_is_spent(p));
    assert_true(walked <= PICKLE_MAX_STEPS);
    assert_int_equal(pickle_lookup(p, root, "k"), PICKLE_ABSENT);
    assert_null(pickle_pairs(p, root));
    pickle_destroy(&p);
    free(bytes.data);
}

static void test_random_programs(void **state)
{
    (void)state;
    static const char opcodes[] = "((((.0)]}NKMXqhjtueasbRQcU\x85\x86\x87\x88\x89\x8c\x8f\x90\x91"
                                  "\x92\x93\x94\x81\x8a";
    uint64_t seed = 99;
    size_t read = 0;
    for (int round = 0; round < 30000; ++round) {
        uint8_t program[48];
        size_t size = next_random(&seed) % sizeof(program);
        for (size_t i = 0; i < size; ++i)
            program[i] = next_random(&seed) % 4
                             ? (uint8_t)opcodes[next_random(&seed) % (sizeof(opcodes) - 1)]
                             : (uint8_t)(next_random(&seed) % 4);
        struct messages messages;
        enum cubby_status status = parse_copy(program, size, &messages);
        assert_true(status == CUBBY_OK || messages.error[0]);
        read += status == CUBBY_OK;
    }
    assert_true(read > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_calls_are_not_made),
        cmocka_unit_test(test_classes_by_persistent_id),
        cmocka_unit_test(test_cycle_and_slots),
        cmocka_unit_test(test_several_in_a_row),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_random_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
