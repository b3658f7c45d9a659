/* Reads PyTorch's archives: finds each tensor's storage and checks that it lies inside. */
#include "src/format/torch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/format/pyobject.h"
#include "src/format/strided.h"

/* Plain types as torch calls them: storage class and dtype. */
static const struct {
    const char *storage, *dtype;
    vmg_dtype type;
} types[] = {
    {"FloatStorage", "torch.float32", VMG_F32},  {"HalfStorage", "torch.float16", VMG_F16},
    {"BFloat16Storage", "torch.bfloat16", VMG_BF16}, {"DoubleStorage", "torch.float64", VMG_F64},
    {"LongStorage", "torch.int64", VMG_I64},     {"IntStorage", "torch.int32", VMG_I32},
    {"ShortStorage", "torch.int16", VMG_I16},    {"CharStorage", "torch.int8", VMG_I8},
    {"ByteStorage", "torch.uint8", VMG_U8},      {"BoolStorage", "torch.bool", VMG_BOOL},
    {NULL, "torch.uint16", VMG_U16},             {NULL, "torch.uint32", VMG_U32},
    {NULL, "torch.uint64", VMG_U64},
};

static const char *const allowed[] = {
    "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_tensor", "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state", "torch._tensor._rebuild_from_type_v2",
    "torch.nn.parameter.Parameter", "torch.Tensor", "torch.Size", "torch.device",
    "torch.FloatStorage", "torch.HalfStorage", "torch.BFloat16Storage", "torch.DoubleStorage",
    "torch.LongStorage", "torch.IntStorage", "torch.ShortStorage", "torch.CharStorage",
    "torch.ByteStorage", "torch.BoolStorage", "torch.storage.UntypedStorage",
    "torch.float32", "torch.float16", "torch.bfloat16", "torch.float64", "torch.int64",
    "torch.int32", "torch.int16", "torch.int8", "torch.uint8", "torch.bool", "torch.uint16",
    "torch.uint32", "torch.uint64", VMG_NUMPY_GLOBALS, NULL};

/* The opened archive, as the call handler sees it. */
typedef struct archive {
    vmg_zip zip;
    const char *prefix; /* "NAME/" of "NAME/data.pkl", not terminated */
    size_t prefix_bytes;
} archive;

typedef struct storage {
    const uint8_t *data;
    size_t bytes;
    bool typed;
    vmg_dtype dtype;
} storage;

const char *vmg_torch_storage_name(vmg_dtype dtype)
{
    for (size_t i = 0; i < VMG_COUNT(types); i++)
        if (types[i].type == dtype)
            return types[i].storage;
    return NULL;
}

static const vmg_zip_entry *find_pickle(const vmg_zip *zip)
{
    static const char tail[] = "/data.pkl";
    const size_t n = sizeof tail - 1;
    for (size_t i = 0; i < zip->n; i++) {
        const vmg_zip_entry *e = &zip->entries[i];
        if (e->name_bytes > n && !memcmp(e->name + e->name_bytes - n, tail, n))
            return e;
    }
    return NULL;
}

bool vmg_torch_recognise(const vmg_zip *zip)
{
    return find_pickle(zip) != NULL;
}

static int wrong(const char *name, const char *what)
{
    return vmg_fail(VMG_E_FORMAT, "tensor \"%s\" has no proper %s", name, what);
}

/* The archive's entry PREFIXdir/key; NULL if absent. */
static const vmg_zip_entry *find_record(const archive *a, const char *dir, const char *key,
                                        size_t n)
{
    const vmg_zip_entry *e = NULL;
    vmg_buf path = {0};
    vmg_buf_append(&path, a->prefix, a->prefix_bytes);
    vmg_buf_puts(&path, dir);
    vmg_buf_append(&path, key, n);
    if (!path.failed)
        e = vmg_zip_find(&a->zip, path.data);
    vmg_buf_free(&path);
    return e;
}

/* ("storage", torch.FloatStorage, key, device, number of values) */
static int find_storage(const archive *a, const char *name, const vmg_pickle_value *v, storage *out)
{
    if (!v || v->kind != VMG_PICKLE_PERSISTENT || v->items[0]->kind != VMG_PICKLE_TUPLE)
        return wrong(name, "storage");
    const vmg_pickle_value *id = v->items[0];
    if (id->n_items < 5 || !vmg_pickle_is(id->items[0], VMG_PICKLE_STRING, "storage") ||
        id->items[1]->kind != VMG_PICKLE_GLOBAL || id->items[2]->kind != VMG_PICKLE_STRING ||
        id->items[4]->kind != VMG_PICKLE_INT || id->items[4]->integer < 0)
        return wrong(name, "storage");
    const vmg_pickle_value *type = id->items[1], *key = id->items[2];
    *out = (storage){.dtype = VMG_U8};
    for (size_t i = 0; i < VMG_COUNT(types) && !out->typed; i++)
        if (types[i].storage && !strncmp(type->text, "torch.", 6) &&
            !strcmp(type->text + 6, types[i].storage)) {
            out->typed = true;
            out->dtype = types[i].type;
        }
    if (!out->typed && strcmp(type->text, "torch.storage.UntypedStorage"))
        return wrong(name, "storage");
    const vmg_zip_entry *e = find_record(a, "data/", key->text, key->text_bytes);
    if (!e)
        return vmg_fail(VMG_E_FORMAT,
                        "tensor \"%s\" lies in the storage \"data/%.*s\", which the archive "
                        "does not hold",
                        name, (int)VMG_MIN(key->text_bytes, (size_t)60), key->text);
    int rc = vmg_dtype_bytes(out->dtype, id->items[4]->integer, &out->bytes);
    if (rc != VMG_OK || out->bytes > e->size)
        return vmg_fail(VMG_E_FORMAT,
                        "the storage of tensor \"%s\" has %zu bytes, expected %" PRId64
                        " values of %s",
                        name, e->size, id->items[4]->integer, vmg_dtype_name(out->dtype));
    out->data = e->data;
    return VMG_OK;
}

/* True when every index of the shape lies below `limit`; strides are not negative. */
static bool indices_fit(int64_t offset, int rank, const int64_t *dim, const int64_t *stride,
                        int64_t limit)
{
    int64_t left = limit - 1 - offset;
    for (int i = 0; i < rank && left >= 0; i++) {
        if (dim[i] > 1 && stride[i] > left / (dim[i] - 1))
            return false;
        left -= dim[i] > 1 ? (dim[i] - 1) * stride[i] : 0;
    }
    return left >= 0;
}

/* (storage, offset, size, stride, ...) */
static int add_tensor(const archive *a, vmg_source *s, const char *name,
                      const vmg_pickle_value *call, bool v3)
{
    const vmg_pickle_value *offset = vmg_pyobject_argument(call, 1);
    int64_t dim[VMG_WEIGHT_MAX_RANK], stride[VMG_WEIGHT_MAX_RANK], n;
    int rank, stride_rank;
    size_t bytes;
    storage st;
    int rc = find_storage(a, name, vmg_pyobject_argument(call, 0), &st);
    if (rc != VMG_OK)
        return rc;
    if (v3) {
        const vmg_pickle_value *dtype = vmg_pyobject_argument(call, 6);
        st.typed = false;
        for (size_t i = 0; dtype && i < VMG_COUNT(types) && !st.typed; i++)
            if (vmg_pickle_is(dtype, VMG_PICKLE_GLOBAL, types[i].dtype)) {
                st.typed = true;
                st.dtype = types[i].type;
            }
    }
    if (!st.typed)
        return wrong(name, "element type");
    if (!offset || offset->kind != VMG_PICKLE_INT || offset->integer < 0 ||
        !vmg_pyobject_shape(vmg_pyobject_argument(call, 2), &rank, dim) ||
        !vmg_pyobject_shape(vmg_pyobject_argument(call, 3), &stride_rank, stride) ||
        rank != stride_rank)
        return wrong(name, "offset, size and stride");
    rc = vmg_source_tensor_bytes(name, st.dtype, rank, dim, &n, &bytes);
    if (rc != VMG_OK)
        return rc;
    size_t elem = (size_t)vmg_dtype_get(st.dtype).block_bytes;
    if (n == 0)
        return vmg_source_add(s, name, strlen(name), st.dtype, rank, dim, st.data, 0);
    if (!indices_fit(offset->integer, rank, dim, stride, (int64_t)(st.bytes / elem))) {
        char shape[160];
        return vmg_fail(VMG_E_FORMAT,
                        "tensor \"%s\" of shape %s, from value %" PRId64 " on, reaches "
                        "beyond its storage of %zu values",
                        name, vmg_shape_text(rank, dim, shape, sizeof shape), offset->integer,
                        st.bytes / elem);
    }
    size_t start = (size_t)offset->integer * elem;
    if (vmg_strided_is_dense(rank, dim, stride))
        return vmg_source_add(s, name, strlen(name), st.dtype, rank, dim, st.data + start,
                              st.bytes - start);
    void *copy;
    rc = vmg_source_alloc_copy(s, name, bytes, &copy);
    if (rc != VMG_OK)
        return rc;
    vmg_strided_copy(st.data + start, rank, dim, stride, elem, false, copy);
    return vmg_source_add(s, name, strlen(name), st.dtype, rank, dim, copy, bytes);
}

/* A wrapper whose tensor is its argument number i: flatten goes on with that. */
static int unwrap(const char *name, const vmg_pickle_value *call, size_t i,
                  const vmg_pickle_value **plain)
{
    *plain = vmg_pyobject_argument(call, i);
    return *plain ? VMG_OK : wrong(name, "argument");
}

/* _rebuild_from_type_v2(function, type, arguments, state): a call within a call. */
static int add_from_type(const archive *a, vmg_source *s, const char *name,
                         const vmg_pickle_value *call)
{
    const vmg_pickle_value *function = vmg_pyobject_argument(call, 0);
    const vmg_pickle_value *arguments = vmg_pyobject_argument(call, 2);
    if (!function || !arguments || arguments->kind != VMG_PICKLE_TUPLE ||
        !vmg_pickle_is(function, VMG_PICKLE_GLOBAL, "torch._utils._rebuild_tensor_v2"))
        return wrong(name, "way to be rebuilt");
    vmg_pickle_value inner = *call;
    vmg_pickle_value *items[2] = {call->items[0], call->items[1]->items[2]};
    inner.items = items;
    inner.n_items = 2;
    return add_tensor(a, s, name, &inner, false);
}

static int torch_call(void *user, vmg_source *s, const char *name, const vmg_pickle_value *call,
                      const vmg_pickle_value **plain)
{
    const archive *a = user;
    const char *called = call->items[0]->text;
    *plain = NULL;
    if (strncmp(called, "torch.", 6))
        return vmg_numpy_call(NULL, s, name, call, plain);
    called += 6;
    if (!strcmp(called, "_utils._rebuild_tensor_v2") || !strcmp(called, "_utils._rebuild_tensor"))
        return add_tensor(a, s, name, call, false);
    if (!strcmp(called, "_utils._rebuild_tensor_v3"))
        return add_tensor(a, s, name, call, true);
    if (!strcmp(called, "_tensor._rebuild_from_type_v2"))
        return add_from_type(a, s, name, call);
    if (!strncmp(called, "_utils._rebuild_parameter", 25) || !strcmp(called, "Size") ||
        !strcmp(called, "device"))
        return unwrap(name, call, 0, plain);
    return vmg_fail(VMG_E_UNSUPPORTED, "\"%s\" is a torch.%s, which is not read", name, called);
}

/* Archives from big-endian machines say so; old ones say nothing and are little-endian. */
static int check_byte_order(const archive *a)
{
    const vmg_zip_entry *e = find_record(a, "byteorder", "", 0);
    if (e && (e->size < 6 || memcmp(e->data, "little", 6)))
        return vmg_fail(VMG_E_UNSUPPORTED,
                        "the tensors are stored in the byte order \"%.*s\", expected "
                        "\"little\"",
                        (int)VMG_MIN(e->size, (size_t)20), (const char *)e->data);
    return VMG_OK;
}

int vmg_torch_read(vmg_source *s)
{
    archive a = {0};
    vmg_pickle p = {0};
    s->base.format = "torch";
    int rc = vmg_zip_open(s->map.data, s->map.size, &a.zip);
    if (rc != VMG_OK)
        return rc;
    const vmg_zip_entry *e = find_pickle(&a.zip);
    if (!e) {
        rc = vmg_fail(VMG_E_FORMAT, "the archive holds no data.pkl");
    } else {
        a.prefix = e->name;
        a.prefix_bytes = e->name_bytes - strlen("data.pkl");
        rc = check_byte_order(&a);
    }
    if (rc == VMG_OK)
        rc = vmg_pickle_read(e->data, e->size, allowed, &p);
    if (rc == VMG_OK)
        rc = vmg_pyobject_flatten(s, p.root, torch_call, &a);
    vmg_pickle_free(&p);
    vmg_zip_close(&a.zip);
    return rc;
}

bool vmg_torch_is_legacy(const uint8_t *data, size_t size)
{
    /* Protocol 2, then torch's magic number as a ten-byte integer. */
    static const uint8_t magic[] = {0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c,
                                    0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    return size >= sizeof magic && !memcmp(data, magic, sizeof magic);
}
