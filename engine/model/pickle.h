// A reader of Python pickles that never runs anything.
//
// A pickle is a program for a small stack machine whose instructions can import and call any Python
// function. Here a name is only a name: GLOBAL becomes a node that holds two strings, and REDUCE,
// NEWOBJ and BUILD become a node that says "this would be called with those". What such a node
// means is decided afterwards, by whoever reads the graph, against a short list of names
// (torch_tensor.h). A persistent id that names a module's class is that class.
//
// The graph may share nodes and may be cyclic: walk it with a bound or with a visited set.
#ifndef ENGINE_MODEL_PICKLE_H
#define ENGINE_MODEL_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/log.h"
#include "engine/status.h"

// Ten to a hundred times what real files have: a fastai Learner has 125 KB, a stack of 727 (the
// state of Python's random numbers) and 7083 memoised values.
#define PICKLE_MAX_BYTES ((size_t)64 << 20)
#define PICKLE_MAX_STACK 1000000u
#define PICKLE_MAX_NODES 4000000u
#define PICKLE_MAX_REFERENCES 16000000u // elements of all tuples, lists, dicts together
#define PICKLE_MAX_STRING ((size_t)16 << 20)
#define PICKLE_MAX_GLOBAL 4096u
// What all nodes, elements, objects and names may take. An instruction of two bytes can make an
// object of a hundred, or a name of eight thousand, so that the file's size is no bound.
#define PICKLE_MAX_MEMORY ((size_t)128 << 20)
// What the questions below may cost altogether: elements looked at or handed out. Millions of
// references to one list, and a list of millions, would otherwise be walked for years. A Learner
// takes 200,000 steps, a state dict of 100,000 tensors three million.
#define PICKLE_MAX_STEPS 20000000u

#define PICKLE_ABSENT UINT32_MAX // no node

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_BIGINT, // beyond 64 bits; the value is not kept
    PICKLE_FLOAT,
    PICKLE_STRING, // UTF-8 as claimed by the file, not checked; also Python 2's byte strings
    PICKLE_BYTES,
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_SET,
    PICKLE_DICT,
    PICKLE_GLOBAL,
    PICKLE_OBJECT,     // the result of a call that was not made
    PICKLE_PERSISTENT, // a persistent id: torch's way to name a storage
};

struct pickle_list {
    uint32_t *items; // nodes
    uint32_t count, capacity;
};

struct pickle_object {
    uint32_t callable;        // REDUCE: what would be called; NEWOBJ: the class
    uint32_t arguments;       // a tuple
    uint32_t keywords;        // NEWOBJ_EX: a dict, otherwise PICKLE_ABSENT
    uint32_t state;           // BUILD: usually a dict of attributes, otherwise PICKLE_ABSENT
    struct pickle_list list;  // APPEND, ADDITEMS: for subclasses of list and set
    struct pickle_list pairs; // SETITEM: key, value, key, value, ...
    bool constructed;         // by NEWOBJ or NEWOBJ_EX
};

struct pickle_node {
    enum pickle_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct {
            const char *data; // borrowed from the pickle's bytes
            size_t size_bytes;
        } text;                  // STRING, BYTES
        struct pickle_list list; // TUPLE, LIST, SET; DICT: key, value, key, value, ...
        struct {
            const char *module, *name; // terminated; owned by the pickle
        } global;
        struct pickle_object *object;
        uint32_t persistent; // the node of the id
    };
};

struct pickle; // owned by the caller of pickle_parse; borrows the bytes

// Runs the pickle at the start of `data` up to its STOP.
//   used_bytes  where the STOP was, for files that go on (may be NULL)
//   CUBBY_BAD_DATA   not a pickle that Python could have written
//   CUBBY_TOO_LARGE  over a limit above
CUBBY_NODISCARD enum cubby_status pickle_parse(struct pickle **out, const uint8_t *data,
                                               size_t size_bytes, size_t *used_bytes,
                                               const struct cubby_log *log);
void pickle_destroy(struct pickle **pickle);

uint32_t pickle_root(const struct pickle *pickle);
// Nodes are 0 to this number less one, whether the root reaches them or not.
uint32_t pickle_node_count(const struct pickle *pickle);
// `index` is a node of this pickle, or PICKLE_ABSENT: then the answer is a None.
const struct pickle_node *pickle_node(const struct pickle *pickle, uint32_t index);

// ---- questions about a node; each may be asked of any node, PICKLE_ABSENT included
//
// All of them together are answered PICKLE_MAX_STEPS deep; from then on there is nothing anywhere,
// so that whoever walks the graph comes to an end by himself.

// Whether an answer was denied: then all that was found out since is worth nothing.
bool pickle_is_spent(const struct pickle *pickle);
// Logs that it is, and returns CUBBY_TOO_LARGE.
enum cubby_status pickle_refuse_spent(const struct cubby_log *log);

bool pickle_is_text(const struct pickle *pickle, uint32_t index, const char *text);
bool pickle_is_global(const struct pickle *pickle, uint32_t index, const char *module,
                      const char *name);
// Whether it is an object made by calling this function or class.
bool pickle_is_call(const struct pickle *pickle, uint32_t index, const char *module,
                    const char *name);
bool pickle_integer(const struct pickle *pickle, uint32_t index, int64_t *value);
// The object behind an OBJECT node, otherwise NULL.
const struct pickle_object *pickle_object(const struct pickle *pickle, uint32_t index);
// Elements of a tuple or list, otherwise NULL.
const struct pickle_list *pickle_sequence(const struct pickle *pickle, uint32_t index);
// Keys and values of a dict, or of an object that SETITEM filled or that is an OrderedDict;
// otherwise NULL.
const struct pickle_list *pickle_pairs(const struct pickle *pickle, uint32_t index);
// Value of a text key in pickle_pairs(), the last one as in Python; otherwise PICKLE_ABSENT.
uint32_t pickle_lookup(const struct pickle *pickle, uint32_t index, const char *key);
// Attribute of an object: looks into the state that BUILD gave it.
uint32_t pickle_attribute(const struct pickle *pickle, uint32_t index, const char *key);
// Element of a tuple or list; PICKLE_ABSENT outside.
uint32_t pickle_item(const struct pickle *pickle, uint32_t index, uint32_t position);
// In words, for messages: "a fastai.learner.Learner", "a list". Printable ASCII only.
void pickle_describe(const struct pickle *pickle, uint32_t index, char *text, size_t text_bytes);

#endif
