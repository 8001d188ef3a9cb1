#include "model/torch_tensor.h"

#include <string.h>

struct type {
    const char *name;
    enum cubby_dtype dtype;
    uint32_t bytes;
};

// Classes torch.*Storage and torch.cuda.*Storage.
static const struct type storage_types[] = {
    {"FloatStorage", CUBBY_F32, 4},          {"HalfStorage", CUBBY_F16, 2},
    {"BFloat16Storage", CUBBY_BF16, 2},      {"DoubleStorage", CUBBY_F64, 8},
    {"LongStorage", CUBBY_I64, 8},           {"IntStorage", CUBBY_OTHER, 4},
    {"ShortStorage", CUBBY_OTHER, 2},        {"CharStorage", CUBBY_OTHER, 1},
    {"ByteStorage", CUBBY_OTHER, 1},         {"BoolStorage", CUBBY_OTHER, 1},
    {"ComplexFloatStorage", CUBBY_OTHER, 8}, {"ComplexDoubleStorage", CUBBY_OTHER, 16},
};

// Types without a storage class, which _rebuild_tensor_v3 names beside an UntypedStorage.
static const struct type untyped_types[] = {
    {"uint16", CUBBY_OTHER, 2},          {"uint32", CUBBY_OTHER, 4},
    {"uint64", CUBBY_OTHER, 8},          {"float8_e4m3fn", CUBBY_OTHER, 1},
    {"float8_e5m2", CUBBY_OTHER, 1},     {"float8_e4m3fnuz", CUBBY_OTHER, 1},
    {"float8_e5m2fnuz", CUBBY_OTHER, 1}, {"float8_e8m0fnu", CUBBY_OTHER, 1},
};

enum version { NOT_A_TENSOR, TENSOR_ROW, TENSOR_V1, TENSOR_V2, TENSOR_V3 };

// A call of one of torch's rebuild functions, out of its wrappings.
struct rebuild {
    enum version version;
    const uint32_t *arguments; // storage, offset, size, stride, requires_grad, hooks, ...
                               // TENSOR_ROW: the key alone
    uint32_t count;
};

static enum version rebuild_version(const struct pickle *pickle, uint32_t callable)
{
    if (pickle_is_global(pickle, callable, "torch._utils", "_rebuild_tensor_v2"))
        return TENSOR_V2;
    if (pickle_is_global(pickle, callable, "torch._utils", "_rebuild_tensor"))
        return TENSOR_V1;
    if (pickle_is_global(pickle, callable, "torch._utils", "_rebuild_tensor_v3"))
        return TENSOR_V3;
    return NOT_A_TENSOR;
}

static bool is_parameter(const struct pickle *pickle, uint32_t callable)
{
    return pickle_is_global(pickle, callable, "torch._utils", "_rebuild_parameter") ||
           pickle_is_global(pickle, callable, "torch._utils", "_rebuild_parameter_with_state") ||
           pickle_is_global(pickle, callable, "torch.nn.parameter", "Parameter");
}

// func, type, arguments, state: a tensor subclass around the arguments of func.
static bool is_subclass(const struct pickle *pickle, uint32_t callable)
{
    return pickle_is_global(pickle, callable, "torch._tensor", "_rebuild_from_type_v2") ||
           pickle_is_global(pickle, callable, "torch._tensor", "_rebuild_from_type") ||
           pickle_is_global(pickle, callable, "fastai.torch_core", "_rebuild_from_type");
}

// A persistent id that is a text names a whole tensor (torch 0.1); storages have tuples.
static bool is_row(const struct pickle *pickle, uint32_t index, struct rebuild *rebuild)
{
    const struct pickle_node *node = pickle_node(pickle, index);
    if (node->kind != PICKLE_PERSISTENT ||
        pickle_node(pickle, node->persistent)->kind != PICKLE_STRING)
        return false;
    *rebuild = (struct rebuild){TENSOR_ROW, &node->persistent, 1};
    return true;
}

static struct rebuild unwrap(const struct pickle *pickle, uint32_t index)
{
    const struct rebuild none = {0};
    struct rebuild row;
    if (is_row(pickle, index, &row))
        return row;
    const struct pickle_object *object = pickle_object(pickle, index);
    uint32_t callable = object ? object->callable : PICKLE_ABSENT;
    uint32_t arguments = object ? object->arguments : PICKLE_ABSENT;

    // Real files wrap once or twice; the bound also ends a wrapping around itself.
    for (int i = 0; i < 8; ++i) {
        const struct pickle_list *list = pickle_sequence(pickle, arguments);
        if (!list)
            return none;
        enum version version = rebuild_version(pickle, callable);
        if (version != NOT_A_TENSOR)
            return (struct rebuild){version, list->items, list->count};
        if (pickle_is_global(pickle, callable, "fastai.torch_core", "_fa_rebuild_tensor"))
            return list->count ? (struct rebuild){TENSOR_V2, list->items + 1, list->count - 1}
                               : none;
        if (is_parameter(pickle, callable)) {
            index = pickle_item(pickle, arguments, 0);
            if (is_row(pickle, index, &row))
                return row;
            object = pickle_object(pickle, index);
            if (!object)
                return none;
            callable = object->callable;
            arguments = object->arguments;
        } else if (is_subclass(pickle, callable)) {
            callable = pickle_item(pickle, arguments, 0);
            arguments = pickle_item(pickle, arguments, 2);
        } else {
            return none;
        }
    }
    return none;
}

bool torch_is_tensor(const struct pickle *pickle, uint32_t index)
{
    return unwrap(pickle, index).version != NOT_A_TENSOR;
}

struct reader {
    const struct pickle *pickle;
    const char *name;
    const struct cubby_log *log;
    struct cubby_tensor *tensor;
    uint32_t element_bytes;
    int64_t elements; // of the storage
};

static enum cubby_status bad(const struct reader *r, const char *what)
{
    cubby_log(r->log, CUBBY_LOG_ERROR, "tensor %.200s %s: the file is damaged", r->name, what);
    return CUBBY_BAD_DATA;
}

static const struct type *find_type(const struct type *types, size_t count, const char *name)
{
    for (size_t i = 0; i < count; ++i) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    }
    return NULL;
}

// A class torch.*Storage of one element type; NULL if it is none.
static const struct type *typed_storage(const struct pickle_node *global)
{
    bool torch =
        global->kind == PICKLE_GLOBAL && (strcmp(global->global.module, "torch") == 0 ||
                                          strcmp(global->global.module, "torch.cuda") == 0);
    return torch ? find_type(storage_types, sizeof(storage_types) / sizeof(storage_types[0]),
                             global->global.name)
                 : NULL;
}

bool torch_storage_class_read(const struct pickle *pickle, uint32_t index, enum cubby_dtype *dtype,
                              uint32_t *element_bytes)
{
    const struct type *type = typed_storage(pickle_node(pickle, index));
    if (!type)
        return false;
    *dtype = type->dtype;
    *element_bytes = type->bytes;
    return true;
}

static const struct type *storage_type(const struct reader *r, uint32_t class,
                                       const struct rebuild *rebuild)
{
    const struct pickle_node *global = pickle_node(r->pickle, class);
    if (global->kind != PICKLE_GLOBAL)
        return NULL;
    if (rebuild->version != TENSOR_V3)
        return typed_storage(global);
    if (rebuild->count < 7 || strcmp(global->global.name, "UntypedStorage") != 0)
        return NULL;
    const struct pickle_node *dtype = pickle_node(r->pickle, rebuild->arguments[6]);
    if (dtype->kind != PICKLE_GLOBAL || strcmp(dtype->global.module, "torch") != 0)
        return NULL;
    return find_type(untyped_types, sizeof(untyped_types) / sizeof(untyped_types[0]),
                     dtype->global.name);
}

static bool is_key(const struct pickle_node *node)
{
    if (node->kind != PICKLE_STRING || node->text.size_bytes == 0 || node->text.size_bytes > 256)
        return false;
    for (size_t i = 0; i < node->text.size_bytes; ++i) {
        char c = node->text.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return true;
}

// The persistent id ('storage', class, key, location, elements); files of torch's old format have
// a sixth item, the part of the storage that is meant. NULL if it is something else.
static const struct pickle_list *storage_id(const struct pickle *pickle, uint32_t index)
{
    const struct pickle_node *node = pickle_node(pickle, index);
    const struct pickle_list *id =
        node->kind == PICKLE_PERSISTENT ? pickle_sequence(pickle, node->persistent) : NULL;
    bool known =
        id && (id->count == 5 || id->count == 6) && pickle_is_text(pickle, id->items[0], "storage");
    return known ? id : NULL;
}

bool torch_storage_id_read(const struct pickle *pickle, uint32_t index, struct torch_storage_id *id)
{
    const struct pickle_list *list = storage_id(pickle, index);
    const struct type *type = list ? typed_storage(pickle_node(pickle, list->items[1])) : NULL;
    if (!type)
        return false;
    const struct pickle_node *key = pickle_node(pickle, list->items[2]);
    int64_t elements = 0;
    if (!is_key(key) || !pickle_integer(pickle, list->items[4], &elements) || elements < 0)
        return false;
    *id = (struct torch_storage_id){key->text.data, key->text.size_bytes, elements, type->bytes};
    return true;
}

// Narrows the storage to the part (key, offset, elements) that torch before 1.0 could name.
static enum cubby_status take_view(struct reader *r, const struct pickle_list *id)
{
    if (id->count == 5 || pickle_node(r->pickle, id->items[5])->kind == PICKLE_NONE)
        return CUBBY_OK;
    int64_t offset = 0, elements = 0;
    if (!pickle_integer(r->pickle, pickle_item(r->pickle, id->items[5], 1), &offset) ||
        !pickle_integer(r->pickle, pickle_item(r->pickle, id->items[5], 2), &elements) ||
        offset < 0 || elements < 0 || offset > r->elements || elements > r->elements - offset)
        return bad(r, "names an impossible part of its storage");
    r->elements = elements;
    r->tensor->data += (size_t)offset * r->element_bytes;
    r->tensor->available_bytes = (size_t)elements * r->element_bytes;
    return CUBBY_OK;
}

// The persistent id of the storage, and the bytes that it names.
static enum cubby_status read_storage(struct reader *r, const struct rebuild *rebuild,
                                      const struct torch_storages *storages)
{
    const struct pickle_list *id = storage_id(r->pickle, rebuild->arguments[0]);
    if (!id)
        return bad(r, "names no storage");
    const struct type *type = storage_type(r, id->items[1], rebuild);
    if (!type)
        return bad(r, "has an unknown type");
    const struct pickle_node *key = pickle_node(r->pickle, id->items[2]);
    if (!is_key(key))
        return bad(r, "names a storage that cannot be");
    int64_t elements = 0;
    if (!pickle_integer(r->pickle, id->items[4], &elements) || elements < 0)
        return bad(r, "has a storage of no sensible size");
    if (rebuild->version == TENSOR_V3)
        elements /= type->bytes; // an untyped storage counts bytes

    size_t size_bytes = 0;
    enum cubby_status status = storages->find(storages->user, key->text.data, key->text.size_bytes,
                                              &r->tensor->data, &size_bytes, r->log);
    if (status == CUBBY_BAD_DATA)
        return bad(r, "lies in a storage that the file does not have");
    if (status)
        return status;
    // torch itself does not compare these two.
    if ((uint64_t)elements > size_bytes / type->bytes)
        return bad(r, "claims more values than its storage has bytes for");
    r->tensor->dtype = type->dtype;
    r->tensor->available_bytes = (size_t)elements * type->bytes;
    r->element_bytes = type->bytes;
    r->elements = elements;
    return take_view(r, id);
}

// A tuple, or torch.Size(tuple).
static const struct pickle_list *read_sizes(const struct reader *r, uint32_t index)
{
    if (pickle_is_call(r->pickle, index, "torch", "Size"))
        index = pickle_item(r->pickle, pickle_object(r->pickle, index)->arguments, 0);
    return pickle_sequence(r->pickle, index);
}

static enum cubby_status refuse_rank(const struct reader *r, uint32_t rank)
{
    cubby_log(r->log, CUBBY_LOG_ERROR, "tensor %.200s has %u dimensions, the limit is %u", r->name,
              rank, CUBBY_MAX_RANK);
    return CUBBY_TOO_LARGE;
}

static enum cubby_status read_shape(struct reader *r, const struct rebuild *rebuild)
{
    struct cubby_tensor *tensor = r->tensor;
    const struct pickle_list *sizes = read_sizes(r, rebuild->arguments[2]);
    const struct pickle_list *strides = read_sizes(r, rebuild->arguments[3]);
    if (!sizes || !strides || sizes->count != strides->count)
        return bad(r, "has no shape");
    if (sizes->count > CUBBY_MAX_RANK)
        return refuse_rank(r, sizes->count);
    tensor->rank = sizes->count;
    for (uint32_t i = 0; i < tensor->rank; ++i) {
        if (!pickle_integer(r->pickle, sizes->items[i], &tensor->shape[i]) ||
            !pickle_integer(r->pickle, strides->items[i], &tensor->strides[i]) ||
            tensor->shape[i] < 0 || tensor->strides[i] < 0)
            return bad(r, "has a shape or stride that is not made of whole numbers");
    }
    if (!tensor_shape_is_sane(tensor))
        return bad(r, "has an impossible shape");
    return CUBBY_OK;
}

// The last element that the strides reach must lie in the storage.
static enum cubby_status place(struct reader *r, int64_t offset)
{
    struct cubby_tensor *tensor = r->tensor;
    if (cubby_tensor_elements(tensor) == 0) {
        // Nothing will be read; torch puts such tensors anywhere.
        tensor->available_bytes = 0;
        return CUBBY_OK;
    }
    if (offset < 0 || offset >= r->elements)
        return bad(r, "lies outside its storage");
    int64_t left = r->elements - 1 - offset;
    for (uint32_t i = 0; i < tensor->rank; ++i) {
        int64_t steps = tensor->shape[i] - 1, stride = tensor->strides[i];
        if (steps > 0 && stride > left / steps)
            return bad(r, "reaches beyond its storage");
        left -= steps * stride;
    }
    tensor->data += (size_t)offset * r->element_bytes;
    tensor->available_bytes -= (size_t)offset * r->element_bytes;
    return CUBBY_OK;
}

// {'conj': True} and such: values that differ from the bytes.
static bool has_metadata(const struct reader *r, const struct rebuild *rebuild)
{
    uint32_t position = rebuild->version == TENSOR_V3 ? 7 : 6;
    if (rebuild->count <= position)
        return false;
    const struct pickle_node *node = pickle_node(r->pickle, rebuild->arguments[position]);
    const struct pickle_list *pairs = pickle_pairs(r->pickle, rebuild->arguments[position]);
    return node->kind != PICKLE_NONE && !(pairs && pairs->count == 0);
}

static enum cubby_status read_row(struct reader *r, uint32_t index,
                                  const struct torch_storages *storages)
{
    const struct pickle_node *key = pickle_node(r->pickle, index);
    struct cubby_tensor *tensor = r->tensor;
    struct torch_row row = {0};
    if (!storages->find_row ||
        !storages->find_row(storages->user, key->text.data, key->text.size_bytes, &row))
        return bad(r, "is not in the file");
    if (row.rank > CUBBY_MAX_RANK)
        return refuse_rank(r, row.rank);
    r->elements = row.elements;
    r->element_bytes = row.element_bytes;
    tensor->dtype = row.dtype;
    tensor->data = row.data;
    tensor->available_bytes = (size_t)row.elements * row.element_bytes;
    tensor->rank = row.rank;
    for (uint32_t i = 0; i < row.rank; ++i) {
        tensor->shape[i] = row.shape[i];
        tensor->strides[i] = row.strides[i];
        if (row.shape[i] < 0 || row.strides[i] < 0)
            return bad(r, "has a negative size or stride");
    }
    if (!tensor_shape_is_sane(tensor))
        return bad(r, "has an impossible shape");
    return place(r, row.offset);
}

enum cubby_status torch_tensor_read(const struct pickle *pickle, uint32_t index, const char *name,
                                    const struct torch_storages *storages,
                                    struct cubby_tensor *tensor, const struct cubby_log *log)
{
    struct reader r = {.pickle = pickle, .name = name, .log = log, .tensor = tensor};
    struct rebuild rebuild = unwrap(pickle, index);
    int64_t offset = 0;
    if (rebuild.version == TENSOR_ROW)
        return read_row(&r, rebuild.arguments[0], storages);
    if (rebuild.version == NOT_A_TENSOR || rebuild.count < 4)
        return bad(&r, "is incomplete");
    if (has_metadata(&r, &rebuild)) {
        cubby_log(log, CUBBY_LOG_ERROR,
                  "tensor %.200s is a conjugate or negative view; save it after "
                  ".resolve_conj().resolve_neg()",
                  name);
        return CUBBY_UNSUPPORTED;
    }
    enum cubby_status status = read_storage(&r, &rebuild, storages);
    if (!status)
        status = read_shape(&r, &rebuild);
    if (status)
        return status;
    if (!pickle_integer(pickle, rebuild.arguments[1], &offset))
        return bad(&r, "has no offset");
    return place(&r, offset);
}
