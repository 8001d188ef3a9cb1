// The instructions of the stack machine. Opcodes as in Python's Lib/pickletools.py; those that only
// protocols 0 and 1 write, and those that need a registry of the reading process, are refused.
#include "model/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "model/pickle_machine.h"

static bool do_integer(struct machine *m, int64_t value)
{
    struct pickle_node *node = machine_push_node(m, PICKLE_INT);
    if (node)
        node->integer = value;
    return node != NULL;
}

static bool do_unsigned(struct machine *m, size_t width)
{
    uint64_t value = 0;
    return machine_number(m, width, &value) && do_integer(m, (int64_t)value);
}

static bool do_signed(struct machine *m)
{
    uint64_t value = 0;
    return machine_number(m, 4, &value) && do_integer(m, (int32_t)(uint32_t)value);
}

// Two's complement of any length; only what fits 64 bits is kept.
static bool do_long(struct machine *m, size_t width)
{
    uint64_t size = 0;
    const uint8_t *bytes = NULL;
    if (!machine_number(m, width, &size))
        return false;
    if (width == 4 && size > INT32_MAX)
        return machine_bad(m, "a number has a negative length");
    if (!machine_take(m, (size_t)size, &bytes))
        return false;
    if (size > 8)
        return machine_push_node(m, PICKLE_BIGINT) != NULL;
    uint64_t value = size > 0 && bytes[size - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = (size_t)size; i-- > 0;)
        value = value << 8 | bytes[i];
    return do_integer(m, (int64_t)value);
}

static bool do_float(struct machine *m)
{
    const uint8_t *bytes = NULL;
    if (!machine_take(m, 8, &bytes))
        return false;
    uint64_t bits = 0; // the one big-endian number of the format
    for (size_t i = 0; i < 8; ++i)
        bits = bits << 8 | bytes[i];
    struct pickle_node *node = machine_push_node(m, PICKLE_FLOAT);
    if (node)
        memcpy(&node->real, &bits, sizeof(bits));
    return node != NULL;
}

static bool do_text(struct machine *m, enum pickle_kind kind, size_t width)
{
    uint64_t size = 0;
    const uint8_t *bytes = NULL;
    if (!machine_number(m, width, &size))
        return false;
    if (size > (uint64_t)(m->end - m->at))
        return machine_bad(m, "a string is cut short");
    if (size > PICKLE_MAX_STRING)
        return machine_fail(m, CUBBY_TOO_LARGE, "a string exceeds %zu bytes", PICKLE_MAX_STRING);
    if (!machine_take(m, (size_t)size, &bytes))
        return false;
    struct pickle_node *node = machine_push_node(m, kind);
    if (!node)
        return false;
    node->text.data = (const char *)bytes;
    node->text.size_bytes = (size_t)size;
    return true;
}

static bool make_global(struct machine *m, const char *module, size_t module_bytes,
                        const char *name, size_t name_bytes)
{
    if (module_bytes > PICKLE_MAX_GLOBAL || name_bytes > PICKLE_MAX_GLOBAL)
        return machine_fail(m, CUBBY_TOO_LARGE, "a name exceeds %u bytes", PICKLE_MAX_GLOBAL);
    if (memchr(module, 0, module_bytes) || memchr(name, 0, name_bytes))
        return machine_bad(m, "a name holds a zero byte");
    struct pickle_node *node = machine_push_node(m, PICKLE_GLOBAL);
    char *text = node ? machine_alloc(m, module_bytes + name_bytes + 2) : NULL;
    if (!text)
        return false;
    memcpy(text, module, module_bytes);
    text[module_bytes] = '\0';
    node->global.module = text;
    text += module_bytes + 1;
    memcpy(text, name, name_bytes);
    text[name_bytes] = '\0';
    node->global.name = text;
    return true;
}

static bool take_line(struct machine *m, const char **line, size_t *size)
{
    size_t left = (size_t)(m->end - m->at);
    size_t limit = left < PICKLE_MAX_GLOBAL ? left : PICKLE_MAX_GLOBAL;
    const uint8_t *newline = limit ? memchr(m->at, '\n', limit) : NULL;
    if (!newline)
        return machine_bad(m, "a name has no end");
    *line = (const char *)m->at;
    *size = (size_t)(newline - m->at);
    m->at = newline + 1;
    return true;
}

static bool do_global(struct machine *m)
{
    const char *module = NULL, *name = NULL;
    size_t module_bytes = 0, name_bytes = 0;
    return take_line(m, &module, &module_bytes) && take_line(m, &name, &name_bytes) &&
           make_global(m, module, module_bytes, name, name_bytes);
}

static bool do_stack_global(struct machine *m)
{
    if (!machine_need(m, 2))
        return false;
    const struct pickle_node *name = machine_node(m, machine_pop(m)),
                             *module = machine_node(m, machine_pop(m));
    if (name->kind != PICKLE_STRING || module->kind != PICKLE_STRING)
        return machine_bad(m, "a name is not a string");
    return make_global(m, module->text.data, module->text.size_bytes, name->text.data,
                       name->text.size_bytes);
}

static bool do_tuple(struct machine *m, uint32_t count)
{
    uint32_t items[3];
    if (!machine_need(m, count))
        return false;
    for (uint32_t i = count; i-- > 0;)
        items[i] = machine_pop(m);
    struct pickle_node *node = machine_push_node(m, PICKLE_TUPLE);
    return node && machine_append(m, &node->list, items, count);
}

// TUPLE, FROZENSET: everything above the mark.
static bool do_collect(struct machine *m, enum pickle_kind kind)
{
    const uint32_t *items = NULL;
    uint32_t count = 0;
    struct pickle_list list = {0};
    // Copied before the push, which may overwrite or move the popped entries.
    if (!machine_pop_mark(m, &items, &count) || !machine_append(m, &list, items, count))
        return false;
    struct pickle_node *node = machine_push_node(m, kind);
    if (node)
        node->list = list;
    return node != NULL;
}

static bool extend(struct machine *m, enum pickle_kind kind, const uint32_t *items, uint32_t count)
{
    if (!machine_need(m, 1))
        return false;
    struct pickle_node *node = machine_node(m, machine_top(m));
    if (node->kind == PICKLE_OBJECT)
        return machine_append(m, kind == PICKLE_DICT ? &node->object->pairs : &node->object->list,
                              items, count);
    if (node->kind != kind)
        return machine_bad(m, "elements are added to something that cannot hold them");
    return machine_append(m, &node->list, items, count);
}

static bool do_append(struct machine *m)
{
    if (!machine_need(m, 2))
        return false;
    uint32_t item = machine_pop(m);
    return extend(m, PICKLE_LIST, &item, 1);
}

static bool do_set_item(struct machine *m)
{
    if (!machine_need(m, 3))
        return false;
    m->stack.count -= 2; // nothing is pushed before they are read
    return extend(m, PICKLE_DICT, m->stack.items + m->stack.count, 2);
}

// APPENDS, ADDITEMS, SETITEMS
static bool do_extend(struct machine *m, enum pickle_kind kind)
{
    const uint32_t *items = NULL;
    uint32_t count = 0;
    if (!machine_pop_mark(m, &items, &count))
        return false;
    if (kind == PICKLE_DICT && count % 2)
        return machine_bad(m, "a key has no value");
    return extend(m, kind, items, count);
}

// REDUCE and NEWOBJ look alike here: nothing is called, and what would be called is kept.
static bool do_call(struct machine *m, bool constructed, bool keywords)
{
    if (!machine_need(m, keywords ? 3 : 2))
        return false;
    uint32_t keyword_node = keywords ? machine_pop(m) : PICKLE_ABSENT;
    uint32_t arguments = machine_pop(m), callable = machine_pop(m);
    enum pickle_kind kind = machine_node(m, callable)->kind;
    if (kind != PICKLE_GLOBAL && kind != PICKLE_OBJECT && kind != PICKLE_PERSISTENT)
        return machine_bad(m, "something is called that is not a function");
    if (machine_node(m, arguments)->kind != PICKLE_TUPLE)
        return machine_bad(m, "a function is called without arguments");
    if (keywords && machine_node(m, keyword_node)->kind != PICKLE_DICT)
        return machine_bad(m, "a function is called without named arguments");

    struct pickle_node *node = machine_push_node(m, PICKLE_OBJECT);
    struct pickle_object *object = node ? machine_alloc(m, sizeof(*object)) : NULL;
    if (!object)
        return false;
    node->object = object;
    *object = (struct pickle_object){
        .callable = callable,
        .arguments = arguments,
        .keywords = keyword_node,
        .state = PICKLE_ABSENT,
        .constructed = constructed,
    };
    return true;
}

static bool do_build(struct machine *m)
{
    if (!machine_need(m, 2))
        return false;
    uint32_t state = machine_pop(m);
    struct pickle_node *node = machine_node(m, machine_top(m));
    if (node->kind != PICKLE_OBJECT)
        return machine_bad(m, "attributes are given to something that has none");
    node->object->state = state;
    return true;
}

// The class that a persistent id stands for; otherwise PICKLE_ABSENT. torch's containers before the
// zip keep a module's source code beside its class: ('module', class, file, source), in 0.1 (class,
// file, source). Here it is the class that counts.
static uint32_t module_class(struct machine *m, uint32_t id)
{
    const struct pickle *pickle = m->pickle;
    const struct pickle_node *node = machine_node(m, id);
    if (node->kind != PICKLE_TUPLE || node->list.count < 3)
        return PICKLE_ABSENT;
    const uint32_t *items = node->list.items;
    bool tagged = pickle_is_text(pickle, items[0], "module");
    uint32_t class = items[tagged ? 1 : 0];
    return machine_node(m, class)->kind == PICKLE_GLOBAL ? class : PICKLE_ABSENT;
}

static bool do_persistent(struct machine *m)
{
    if (!machine_need(m, 1))
        return false;
    uint32_t id = machine_pop(m), class = module_class(m, id);
    if (class != PICKLE_ABSENT)
        return machine_push(m, class);
    struct pickle_node *node = machine_push_node(m, PICKLE_PERSISTENT);
    if (node)
        node->persistent = id;
    return node != NULL;
}

static bool do_pop(struct machine *m)
{
    if (!machine_need(m, 1))
        return false;
    machine_pop(m);
    return true;
}

static bool do_pop_mark(struct machine *m)
{
    const uint32_t *items = NULL;
    uint32_t count = 0;
    return machine_pop_mark(m, &items, &count);
}

static bool do_bool(struct machine *m, bool value)
{
    struct pickle_node *node = machine_push_node(m, PICKLE_BOOL);
    if (node)
        node->boolean = value;
    return node != NULL;
}

static bool do_protocol(struct machine *m)
{
    uint64_t protocol = 0;
    if (!machine_number(m, 1, &protocol))
        return false;
    return protocol <= 5 ||
           machine_fail(m, CUBBY_UNSUPPORTED, "protocol %u is newer than 5", (unsigned)protocol);
}

static bool do_frame(struct machine *m)
{
    uint64_t size = 0;
    if (!machine_number(m, 8, &size))
        return false;
    return size <= (uint64_t)(m->end - m->at) || machine_bad(m, "a frame is cut short");
}

static bool do_stop(struct machine *m)
{
    m->stopped = true;
    return (m->stack.count == 1 && m->marks.count == 0) ||
           machine_bad(m, "it does not end with one value");
}

static bool do_put(struct machine *m, size_t width)
{
    uint64_t index = 0;
    return machine_number(m, width, &index) && machine_put(m, index);
}

static bool do_get(struct machine *m, size_t width)
{
    uint64_t index = 0;
    return machine_number(m, width, &index) && machine_get(m, index);
}

static bool step(struct machine *m, uint8_t opcode)
{
    switch (opcode) {
    case 0x80: // PROTO
        return do_protocol(m);
    case 0x95: // FRAME
        return do_frame(m);
    case '.': // STOP
        return do_stop(m);
    case '(': // MARK
        return machine_push_mark(m);
    case '0': // POP
        return do_pop(m);
    case '1': // POP_MARK
        return do_pop_mark(m);

    case 'q': // BINPUT
        return do_put(m, 1);
    case 'r': // LONG_BINPUT
        return do_put(m, 4);
    case 0x94: // MEMOIZE
        return machine_put(m, m->memo.count);
    case 'h': // BINGET
        return do_get(m, 1);
    case 'j': // LONG_BINGET
        return do_get(m, 4);

    case 'N': // NONE
        return machine_push_node(m, PICKLE_NONE) != NULL;
    case 0x88: // NEWTRUE
        return do_bool(m, true);
    case 0x89: // NEWFALSE
        return do_bool(m, false);
    case 'J': // BININT
        return do_signed(m);
    case 'K': // BININT1
        return do_unsigned(m, 1);
    case 'M': // BININT2
        return do_unsigned(m, 2);
    case 0x8a: // LONG1
        return do_long(m, 1);
    case 0x8b: // LONG4
        return do_long(m, 4);
    case 'G': // BINFLOAT
        return do_float(m);

    case 0x8c: // SHORT_BINUNICODE
    case 'U':  // SHORT_BINSTRING: Python 2's str, which torch reads as UTF-8
        return do_text(m, PICKLE_STRING, 1);
    case 'X': // BINUNICODE
    case 'T': // BINSTRING: its length is signed, but over the limit when negative
        return do_text(m, PICKLE_STRING, 4);
    case 0x8d: // BINUNICODE8
        return do_text(m, PICKLE_STRING, 8);
    case 'C': // SHORT_BINBYTES
        return do_text(m, PICKLE_BYTES, 1);
    case 'B': // BINBYTES
        return do_text(m, PICKLE_BYTES, 4);
    case 0x8e: // BINBYTES8
    case 0x96: // BYTEARRAY8
        return do_text(m, PICKLE_BYTES, 8);

    case ')': // EMPTY_TUPLE
        return machine_push_node(m, PICKLE_TUPLE) != NULL;
    case 0x85: // TUPLE1
        return do_tuple(m, 1);
    case 0x86: // TUPLE2
        return do_tuple(m, 2);
    case 0x87: // TUPLE3
        return do_tuple(m, 3);
    case 't': // TUPLE
        return do_collect(m, PICKLE_TUPLE);
    case ']': // EMPTY_LIST
        return machine_push_node(m, PICKLE_LIST) != NULL;
    case 'a': // APPEND
        return do_append(m);
    case 'e': // APPENDS
        return do_extend(m, PICKLE_LIST);
    case '}': // EMPTY_DICT
        return machine_push_node(m, PICKLE_DICT) != NULL;
    case 's': // SETITEM
        return do_set_item(m);
    case 'u': // SETITEMS
        return do_extend(m, PICKLE_DICT);
    case 0x8f: // EMPTY_SET
        return machine_push_node(m, PICKLE_SET) != NULL;
    case 0x90: // ADDITEMS
        return do_extend(m, PICKLE_SET);
    case 0x91: // FROZENSET
        return do_collect(m, PICKLE_SET);

    case 'c': // GLOBAL
        return do_global(m);
    case 0x93: // STACK_GLOBAL
        return do_stack_global(m);
    case 'R': // REDUCE
        return do_call(m, false, false);
    case 0x81: // NEWOBJ
        return do_call(m, true, false);
    case 0x92: // NEWOBJ_EX
        return do_call(m, true, true);
    case 'b': // BUILD
        return do_build(m);
    case 'Q': // BINPERSID
        return do_persistent(m);
    default:
        return machine_fail(m, CUBBY_BAD_DATA, "instruction 0x%02x is unknown or not allowed",
                            opcode);
    }
}

enum cubby_status pickle_parse(struct pickle **out, const uint8_t *data, size_t size_bytes,
                               size_t *used_bytes, const struct cubby_log *log)
{
    *out = NULL;
    struct machine m = {.begin = data, .at = data, .end = data + size_bytes, .log = log};
    if (size_bytes > PICKLE_MAX_BYTES) {
        machine_fail(&m, CUBBY_TOO_LARGE, "it has %zu bytes, the limit is %zu", size_bytes,
                     PICKLE_MAX_BYTES);
        return m.status;
    }
    const uint8_t *opcode = NULL;
    m.status = CUBBY_NO_MEMORY;
    m.pickle = calloc(1, sizeof(*m.pickle));
    if (m.pickle)
        m.pickle->steps_left = malloc(sizeof(*m.pickle->steps_left));
    if (!m.pickle || !m.pickle->steps_left)
        goto out;
    *m.pickle->steps_left = PICKLE_MAX_STEPS;
    m.status = CUBBY_OK;
    while (!m.stopped && machine_take(&m, 1, &opcode) && step(&m, *opcode)) {
    }
    if (m.status)
        goto out;
    m.pickle->root = machine_top(&m);
    if (used_bytes)
        *used_bytes = (size_t)(m.at - m.begin);
    *out = m.pickle;
    m.pickle = NULL;

out:
    pickle_destroy(&m.pickle);
    free(m.stack.items);
    free(m.marks.items);
    free(m.memo.items);
    return m.status;
}
