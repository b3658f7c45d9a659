/* numpy's arrays and scalars inside pickles. */
#include <string.h>
#include <utf8proc.h>

#include "host/base/mem.h"
#include "src/format/npy.h"
#include "src/format/pyobject.h"

static const char *const allowed[] = {VMG_NUMPY_GLOBALS, NULL};

static int wrong(const char *name, const char *what)
{
    return vmg_fail(VMG_E_FORMAT, "numpy array \"%s\" has no proper %s", name, what);
}

/* The called name without its module ("_reconstruct"), which moved between numpy's versions. */
static const char *called(const vmg_pickle_value *call)
{
    const char *dot = strrchr(call->items[0]->text, '.');
    return dot ? dot + 1 : call->items[0]->text;
}

/* numpy.dtype("f4", ...) whose state says the byte order: (3, "<", ...). */
static int read_dtype(const char *name, const vmg_pickle_value *v, vmg_npy_array *a)
{
    const vmg_pickle_value *code = NULL;
    if (v && v->kind == VMG_PICKLE_CALL &&
        vmg_pickle_is(v->items[0], VMG_PICKLE_GLOBAL, "numpy.dtype"))
        code = vmg_pyobject_argument(v, 0);
    if (!code || code->kind != VMG_PICKLE_STRING)
        return wrong(name, "dtype");
    int rc = vmg_npy_parse_descr(code->text, code->text_bytes, &a->dtype, &a->big_endian);
    if (rc == VMG_OK && v->n_items == 3) {
        const vmg_pickle_value *state = v->items[2];
        if (state->kind != VMG_PICKLE_TUPLE || state->n_items < 2)
            return wrong(name, "dtype");
        a->big_endian = vmg_pickle_is(state->items[1], VMG_PICKLE_STRING, ">");
    }
    return rc;
}

/* Raw bytes: as such, or (protocol 2) as _codecs.encode(text, "latin1"), or bytes() when empty. */
static int read_bytes(vmg_source *s, const char *name, const vmg_pickle_value *v,
                      const uint8_t **data, size_t *size)
{
    /* Python 2's strings are bytes too */
    if (v && (v->kind == VMG_PICKLE_BYTES || v->kind == VMG_PICKLE_STRING)) {
        *data = (const uint8_t *)v->text;
        *size = v->text_bytes;
        return VMG_OK;
    }
    if (v && v->kind == VMG_PICKLE_CALL && !strcmp(v->items[0]->text, "__builtin__.bytes") &&
        v->items[1]->n_items == 0) {
        *data = (const uint8_t *)"";
        *size = 0;
        return VMG_OK;
    }
    const vmg_pickle_value *text = NULL, *codec = NULL;
    if (v && v->kind == VMG_PICKLE_CALL && !strcmp(v->items[0]->text, "_codecs.encode")) {
        text = vmg_pyobject_argument(v, 0);
        codec = vmg_pyobject_argument(v, 1);
    }
    if (!text || text->kind != VMG_PICKLE_STRING || !codec ||
        !vmg_pickle_is(codec, VMG_PICKLE_STRING, "latin1"))
        return wrong(name, "bytes");
    void *copy;
    int rc = vmg_source_alloc_copy(s, name, text->text_bytes, &copy);
    if (rc != VMG_OK)
        return rc;
    uint8_t *out = copy;
    for (size_t at = 0; at < text->text_bytes;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n =
            utf8proc_iterate((const utf8proc_uint8_t *)text->text + at,
                             (utf8proc_ssize_t)VMG_MIN(text->text_bytes - at, (size_t)4), &c);
        if (n <= 0 || c > 255)
            return wrong(name, "bytes");
        *out++ = (uint8_t)c;
        at += (size_t)n;
    }
    *data = copy;
    *size = (size_t)(out - (uint8_t *)copy);
    return VMG_OK;
}

static int add_array(vmg_source *s, const char *name, const vmg_npy_array *a,
                     const vmg_pickle_value *bytes)
{
    const uint8_t *data = NULL;
    size_t size = 0;
    int rc = read_bytes(s, name, bytes, &data, &size);
    return rc == VMG_OK ? vmg_npy_add(s, name, strlen(name), a, data, size) : rc;
}

/* _reconstruct(ndarray, (0,), b"b") with the state (version, shape, dtype, fortran, bytes). */
static int add_reconstructed(vmg_source *s, const char *name, const vmg_pickle_value *call)
{
    vmg_npy_array a = {0};
    const vmg_pickle_value *state = call->n_items == 3 ? call->items[2] : NULL;
    if (!state || state->kind != VMG_PICKLE_TUPLE || state->n_items != 5 ||
        !vmg_pyobject_shape(state->items[1], &a.rank, a.dim) ||
        state->items[3]->kind != VMG_PICKLE_BOOL)
        return wrong(name, "state");
    int rc = read_dtype(name, state->items[2], &a);
    a.fortran = state->items[3]->integer != 0;
    return rc == VMG_OK ? add_array(s, name, &a, state->items[4]) : rc;
}

/* _frombuffer(bytes, dtype, shape, order) */
static int add_from_buffer(vmg_source *s, const char *name, const vmg_pickle_value *call)
{
    vmg_npy_array a = {0};
    const vmg_pickle_value *order = vmg_pyobject_argument(call, 3);
    if (!order || order->kind != VMG_PICKLE_STRING ||
        !vmg_pyobject_shape(vmg_pyobject_argument(call, 2), &a.rank, a.dim))
        return wrong(name, "shape");
    int rc = read_dtype(name, vmg_pyobject_argument(call, 1), &a);
    a.fortran = vmg_pickle_is(order, VMG_PICKLE_STRING, "F");
    return rc == VMG_OK ? add_array(s, name, &a, vmg_pyobject_argument(call, 0)) : rc;
}

/* scalar(dtype, bytes): a tensor of rank 0. */
static int add_scalar(vmg_source *s, const char *name, const vmg_pickle_value *call)
{
    vmg_npy_array a = {0};
    int rc = read_dtype(name, vmg_pyobject_argument(call, 0), &a);
    return rc == VMG_OK ? add_array(s, name, &a, vmg_pyobject_argument(call, 1)) : rc;
}

int vmg_numpy_call(void *user, vmg_source *s, const char *name, const vmg_pickle_value *call,
                   const vmg_pickle_value **plain)
{
    static const struct {
        const char *called;
        int (*add)(vmg_source *s, const char *name, const vmg_pickle_value *call);
    } known[] = {{"_reconstruct", add_reconstructed},
                 {"_frombuffer", add_from_buffer},
                 {"scalar", add_scalar}};
    (void)user;
    *plain = NULL;
    for (size_t i = 0; i < VMG_COUNT(known); i++)
        if (!strcmp(called(call), known[i].called))
            return known[i].add(s, name, call);
    if (!strcmp(called(call), "encode")) {
        const vmg_pickle_value *text = vmg_pyobject_argument(call, 0);
        *plain = text && text->kind == VMG_PICKLE_STRING ? text : NULL;
        return *plain ? VMG_OK : wrong(name, "bytes");
    }
    return vmg_fail(VMG_E_UNSUPPORTED, "\"%s\" is a %s, which is not read", name,
                    call->items[0]->text);
}

int vmg_pickle_file_read(vmg_source *s)
{
    return vmg_pyobject_read(s, "pickle", allowed, vmg_numpy_call);
}
