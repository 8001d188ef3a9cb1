// Rewrites SPIR-V from SPV_NV_cooperative_matrix to SPV_KHR_cooperative_matrix:
//   matrix_words IN.spv OUT.spv ARRAY_NAME OUT.h
// Debian 12's glslang (12.0) compiles the first and does not know the second, which is the one that
// drivers have; the two differ in numbers, one more operand of the type, and the order of the
// operands of a load and a store. What a newer compiler made for KHR passes through unchanged, so
// this program can go once Debian 12 is forgotten. OUT.h holds the words as a C array.
//
// matrix.length() becomes an OpSpecConstantOp, which Mesa (26.2) does not translate: it and what is
// computed from it move to the beginning of main(), as ordinary instructions.
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// From the SPIR-V specification and the two extensions.
enum {
    MAGIC = 0x07230203,
    HEADER_WORDS = 5,
    OP_EXTENSION = 10,
    OP_CAPABILITY = 17,
    OP_TYPE_INT = 21,
    OP_CONSTANT_TRUE = 41,
    OP_CONSTANT = 43,
    OP_SPEC_CONSTANT_OP = 52,
    OP_VARIABLE = 59,
    OP_LOAD = 61,
    OP_F_CONVERT = 115,
    OP_LABEL = 248,
    CAPABILITY_NV = 5357,
    CAPABILITY_KHR = 6022,
    OP_TYPE_NV = 5358,
    OP_LOAD_NV,
    OP_STORE_NV,
    OP_MUL_ADD_NV,
    OP_LENGTH_NV,
    OP_TYPE_KHR = 4456,
    OP_LOAD_KHR,
    OP_STORE_KHR,
    OP_MUL_ADD_KHR,
    OP_LENGTH_KHR,
};
enum { USE_A, USE_B, USE_SUM, USES, UNUSED = USES }; // also: row major 0, column major 1

struct words {
    uint32_t *at; // owned
    size_t count, room;
};

static _Noreturn void stop(const char *what)
{
    fprintf(stderr, "matrix_words: %s\n", what);
    exit(1);
}

static void append(struct words *words, uint32_t word)
{
    if (words->count == words->room) {
        words->room = words->room ? words->room * 2 : 4096;
        words->at = realloc(words->at, words->room * sizeof(*words->at));
        if (!words->at)
            stop("out of memory");
    }
    words->at[words->count++] = word;
}

static struct words read_words(const char *path)
{
    struct words words = {0};
    FILE *file = fopen(path, "rb");
    if (!file)
        stop("cannot open the input");
    uint32_t word;
    while (fread(&word, sizeof(word), 1, file) == 1)
        append(&words, word);
    fclose(file);
    if (words.count < HEADER_WORDS || words.at[0] != MAGIC)
        stop("the input is not SPIR-V of this machine's byte order");
    return words;
}

struct module {
    struct words in;
    uint32_t bound;
    uint32_t *type_of; // owned, [bound]: of results that may be matrices
    uint8_t *use_of;   // owned, [bound]: of matrix types, or UNUSED
    bool *is_true;     // owned, [bound]
    bool *is_late;     // owned, [bound]: of constants that become ordinary instructions
    uint32_t uint_type;
    bool is_nv;
};

// Instructions one after another; *at starts at HEADER_WORDS.
static const uint32_t *next(const struct module *module, size_t *at, uint32_t *op, uint32_t *count)
{
    if (*at >= module->in.count)
        return NULL;
    const uint32_t *words = module->in.at + *at;
    *op = words[0] & 0xffff;
    *count = words[0] >> 16;
    if (!*count || *count > module->in.count - *at)
        stop("an instruction is cut short");
    *at += *count;
    return words;
}

static void set_use(struct module *module, uint32_t type, uint8_t use)
{
    if (module->use_of[type] != UNUSED && module->use_of[type] != use)
        stop("one matrix type has two uses: give M, N and K specialization constants of their own");
    module->use_of[type] = use;
}

static void study(struct module *module)
{
    size_t at = HEADER_WORDS;
    uint32_t op, count;
    for (const uint32_t *w; (w = next(module, &at, &op, &count));) {
        if (op == OP_CAPABILITY && w[1] == CAPABILITY_NV)
            module->is_nv = true;
        else if (op == OP_TYPE_INT && w[2] == 32 && w[3] == 0)
            module->uint_type = w[1];
        else if (op == OP_CONSTANT_TRUE)
            module->is_true[w[2]] = true;
        else if (op == OP_LOAD || op == OP_F_CONVERT || op == OP_LOAD_NV || op == OP_MUL_ADD_NV)
            module->type_of[w[2]] = w[1];
    }
    at = HEADER_WORDS;
    for (const uint32_t *w; (w = next(module, &at, &op, &count));) {
        if (op != OP_MUL_ADD_NV)
            continue;
        set_use(module, module->type_of[w[3]], USE_A);
        set_use(module, module->type_of[w[4]], USE_B);
        set_use(module, w[1], USE_SUM);
    }
    // Sums as halves are never multiplied, only converted.
    at = HEADER_WORDS;
    for (const uint32_t *w; (w = next(module, &at, &op, &count));) {
        if (op != OP_F_CONVERT)
            continue;
        const uint32_t from = module->type_of[w[3]];
        if (module->use_of[w[1]] == USE_SUM)
            set_use(module, from, USE_SUM);
        else if (module->use_of[from] == USE_SUM)
            set_use(module, w[1], USE_SUM);
    }
}

static void append_op(struct words *out, uint32_t op, uint32_t count)
{
    append(out, count << 16 | op);
}

// The constants 0, 1 and 2, under ids that were free; needed before the first matrix type.
static void append_constants(struct words *out, const struct module *module)
{
    for (uint32_t value = 0; value < USES; value++) {
        append_op(out, OP_CONSTANT, 4);
        append(out, module->uint_type);
        append(out, module->bound + value);
        append(out, value);
    }
}

static void append_rewritten(struct words *out, const struct module *module, const uint32_t *w,
                             uint32_t op, uint32_t count)
{
    static const char extension[] = "SPV_NV_cooperative_matrix";
    static const char khr[28] = "SPV_KHR_cooperative_matrix"; // padded to words with zeros
    uint32_t text[7];
    switch (op) {
    case OP_EXTENSION:
        if (memcmp(w + 1, extension, sizeof(extension)) != 0)
            break;
        memcpy(text, khr, sizeof(text));
        append_op(out, OP_EXTENSION, 8);
        for (int i = 0; i < 7; i++)
            append(out, text[i]);
        return;
    case OP_CAPABILITY:
        append_op(out, op, count);
        append(out, w[1] == CAPABILITY_NV ? CAPABILITY_KHR : w[1]);
        return;
    case OP_TYPE_NV:
        append_op(out, OP_TYPE_KHR, count + 1);
        for (uint32_t i = 1; i < count; i++)
            append(out, w[i]);
        if (module->use_of[w[1]] == UNUSED)
            stop("a matrix type is neither multiplied nor converted from or to a sum");
        append(out, module->bound + module->use_of[w[1]]);
        return;
    case OP_LOAD_NV: // type, result, pointer, stride, column major, ...
        append_op(out, OP_LOAD_KHR, count);
        append(out, w[1]);
        append(out, w[2]);
        append(out, w[3]);
        append(out, module->bound + module->is_true[w[5]]);
        append(out, w[4]);
        for (uint32_t i = 6; i < count; i++)
            append(out, w[i]);
        return;
    case OP_STORE_NV: // pointer, matrix, stride, column major, ...
        append_op(out, OP_STORE_KHR, count);
        append(out, w[1]);
        append(out, w[2]);
        append(out, module->bound + module->is_true[w[4]]);
        append(out, w[3]);
        for (uint32_t i = 5; i < count; i++)
            append(out, w[i]);
        return;
    case OP_MUL_ADD_NV:
    case OP_LENGTH_NV:
        append_op(out, op == OP_MUL_ADD_NV ? OP_MUL_ADD_KHR : OP_LENGTH_KHR, count);
        for (uint32_t i = 1; i < count; i++)
            append(out, w[i]);
        return;
    default:
        break;
    }
    for (uint32_t i = 0; i < count; i++)
        append(out, w[i]);
}

// Whether the value, of an OpSpecConstantOp (type, result, operation, ...), is or needs a length.
static bool needs_length(const struct module *module, const uint32_t *w, uint32_t count)
{
    bool needs = w[3] == OP_LENGTH_NV;
    for (uint32_t i = 4; i < count; i++)
        needs |= w[i] < module->bound && module->is_late[w[i]];
    return needs;
}

static void append_late(struct words *late, const uint32_t *w, uint32_t count)
{
    append_op(late, w[3] == OP_LENGTH_NV ? OP_LENGTH_KHR : w[3], count - 1);
    append(late, w[1]);
    append(late, w[2]);
    for (uint32_t i = 4; i < count; i++)
        append(late, w[i]);
}

static struct words rewrite(const struct module *module)
{
    struct words out = {0}, late = {0};
    for (uint32_t i = 0; i < HEADER_WORDS; i++)
        append(&out, i == 3 ? module->bound + USES : module->in.at[i]);
    size_t at = HEADER_WORDS;
    uint32_t op, count;
    bool constants = false, in_main = false;
    for (const uint32_t *w; (w = next(module, &at, &op, &count));) {
        if (op == OP_SPEC_CONSTANT_OP && needs_length(module, w, count)) {
            module->is_late[w[2]] = true;
            append_late(&late, w, count);
            continue;
        }
        // Behind the variables of the first function, which is glslang's main().
        if (in_main && op != OP_VARIABLE) {
            for (size_t i = 0; i < late.count; i++)
                append(&out, late.at[i]);
            late.count = 0;
        }
        in_main |= op == OP_LABEL;
        if (op == OP_TYPE_NV && !constants) {
            append_constants(&out, module);
            constants = true;
        }
        append_rewritten(&out, module, w, op, count);
    }
    free(late.at);
    return out;
}

static void write_words(const struct words *words, const char *path)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(words->at, sizeof(*words->at), words->count, file) != words->count ||
        fclose(file))
        stop("cannot write the module");
}

static void write_header(const struct words *words, const char *path, const char *name)
{
    FILE *file = fopen(path, "w");
    if (!file)
        stop("cannot write the header");
    fprintf(file, "const uint32_t %s[] = {", name);
    for (size_t i = 0; i < words->count; i++)
        fprintf(file, "%s0x%08" PRIx32 ",", i % 8 ? "" : "\n    ", words->at[i]);
    fprintf(file, "\n};\n");
    if (fclose(file))
        stop("cannot write the header");
}

int main(int argc, char **argv)
{
    if (argc != 5)
        stop("usage: matrix_words IN.spv OUT.spv ARRAY_NAME OUT.h");
    struct module module = {.in = read_words(argv[1])};
    module.bound = module.in.at[3];
    module.type_of = calloc(module.bound, sizeof(*module.type_of));
    module.use_of = malloc(module.bound);
    module.is_true = calloc(module.bound, sizeof(*module.is_true));
    module.is_late = calloc(module.bound, sizeof(*module.is_late));
    if (!module.type_of || !module.use_of || !module.is_true || !module.is_late)
        stop("out of memory");
    memset(module.use_of, UNUSED, module.bound);
    study(&module);
    struct words rewritten = {0};
    if (module.is_nv)
        rewritten = rewrite(&module);
    const struct words *out = module.is_nv ? &rewritten : &module.in;
    write_words(out, argv[2]);
    write_header(out, argv[4], argv[3]);
    free(rewritten.at);
    free(module.in.at);
    free(module.type_of);
    free(module.use_of);
    free(module.is_true);
    free(module.is_late);
    return 0;
}
