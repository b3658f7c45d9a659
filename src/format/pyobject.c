/* Flattens pickled Python objects into named tensors and metadata. */
#include "src/format/pyobject.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/format/bytes.h"

enum { MAX_DEPTH = 64, MAX_STEPS = 8 << 20 };

typedef struct walk {
    vmg_source *s;
    vmg_pyobject_call_fn *call;
    void *user;
    vmg_buf path;
    int depth;
    size_t n_steps;
} walk;

const vmg_pickle_value *vmg_pyobject_argument(const vmg_pickle_value *call, size_t i)
{
    const vmg_pickle_value *arguments = call->items[1];
    return i < arguments->n_items ? arguments->items[i] : NULL;
}

bool vmg_pyobject_shape(const vmg_pickle_value *v, int *rank, int64_t *dim)
{
    if (!v || v->kind != VMG_PICKLE_TUPLE || v->n_items > VMG_WEIGHT_MAX_RANK)
        return false;
    for (size_t i = 0; i < v->n_items; i++) {
        if (v->items[i]->kind != VMG_PICKLE_INT || v->items[i]->integer < 0)
            return false;
        dim[i] = v->items[i]->integer;
    }
    *rank = (int)v->n_items;
    return true;
}

static const char *current_name(const walk *w)
{
    return w->path.len ? w->path.data : VMG_WEIGHT_UNNAMED;
}

static int add_meta(walk *w, const vmg_meta *m)
{
    const char *name = current_name(w);
    return vmg_source_add_meta(w->s, name, strlen(name), m);
}

static bool is_number(const vmg_pickle_value *v)
{
    return v->kind == VMG_PICKLE_INT || v->kind == VMG_PICKLE_FLOAT || v->kind == VMG_PICKLE_BOOL;
}

static bool all_are(const vmg_pickle_value *v, bool (*is)(const vmg_pickle_value *))
{
    for (size_t i = 0; i < v->n_items; i++)
        if (!is(v->items[i]))
            return false;
    return true;
}

static bool is_string(const vmg_pickle_value *v)
{
    return v->kind == VMG_PICKLE_STRING;
}

static bool is_integer(const vmg_pickle_value *v)
{
    return v->kind == VMG_PICKLE_INT;
}

/* Integers stay integers; as soon as one is a float, all are f64. */
static int add_numbers(walk *w, const vmg_pickle_value *v)
{
    bool integers = all_are(v, is_integer);
    vmg_meta m = {.kind = VMG_META_NUMBERS, .n = (int64_t)v->n_items, .data_bytes = 8 * v->n_items,
                  .dtype = integers ? VMG_I64 : VMG_F64};
    uint8_t *data = vmg_source_alloc(w->s, m.data_bytes);
    if (!data)
        return VMG_E_NOMEM;
    for (size_t i = 0; i < v->n_items; i++) {
        const vmg_pickle_value *item = v->items[i];
        double real = item->kind == VMG_PICKLE_FLOAT ? item->real : (double)item->integer;
        uint64_t bits;
        memcpy(&bits, &real, sizeof bits);
        vmg_le_store(data + 8 * i, integers ? (uint64_t)item->integer : bits, 8);
    }
    m.data = data;
    return add_meta(w, &m);
}

static int add_strings(walk *w, const vmg_pickle_value *v)
{
    vmg_meta m = {.kind = VMG_META_STRINGS, .n = (int64_t)v->n_items};
    for (size_t i = 0; i < v->n_items; i++)
        m.data_bytes += 8 + v->items[i]->text_bytes;
    /* Strings recalled from the memo are copied once each; the same limit as names have holds. */
    if (m.data_bytes > VMG_SOURCE_MAX_NAME_BYTES - w->s->name_bytes)
        return vmg_fail(VMG_E_FORMAT, "the strings of \"%s\" are longer than %d bytes",
                        current_name(w), VMG_SOURCE_MAX_NAME_BYTES);
    w->s->name_bytes += m.data_bytes;
    uint8_t *data = vmg_source_alloc(w->s, m.data_bytes), *at = data;
    if (!data)
        return VMG_E_NOMEM;
    for (size_t i = 0; i < v->n_items; i++) {
        vmg_le_store(at, v->items[i]->text_bytes, 8);
        memcpy(at + 8, v->items[i]->text, v->items[i]->text_bytes);
        at += 8 + v->items[i]->text_bytes;
    }
    m.data = data;
    return add_meta(w, &m);
}

static int flatten(walk *w, const vmg_pickle_value *v);

/* Flattens `v` under the name path.part. */
static int flatten_below(walk *w, const char *part, size_t n, const vmg_pickle_value *v)
{
    size_t before = w->path.len;
    if (before)
        vmg_buf_append(&w->path, ".", 1);
    vmg_buf_append(&w->path, part, n);
    if (w->path.failed)
        return VMG_E_NOMEM;
    int rc = w->path.len > 4096 ? vmg_fail(VMG_E_FORMAT, "a name is longer than 4096 bytes")
                                : flatten(w, v);
    w->path.len = before;
    if (w->path.data)
        w->path.data[before] = 0;
    return rc;
}

static int flatten_dict(walk *w, const vmg_pickle_value *v)
{
    int rc = VMG_OK;
    for (size_t i = 0; rc == VMG_OK && i + 1 < v->n_items; i += 2) {
        const vmg_pickle_value *key = v->items[i];
        char digits[32];
        if (key->kind == VMG_PICKLE_STRING) {
            rc = flatten_below(w, key->text, key->text_bytes, v->items[i + 1]);
        } else if (key->kind == VMG_PICKLE_INT || key->kind == VMG_PICKLE_BOOL) {
            int n = snprintf(digits, sizeof digits, "%" PRId64, key->integer);
            rc = flatten_below(w, digits, (size_t)n, v->items[i + 1]);
        } else {
            rc = vmg_fail(VMG_E_UNSUPPORTED,
                          "\"%s\" has a key that is neither a string nor an integer",
                          current_name(w));
        }
    }
    return rc;
}

static int flatten_list(walk *w, const vmg_pickle_value *v)
{
    w->n_steps += v->n_items;
    if (all_are(v, is_number))
        return add_numbers(w, v);
    if (all_are(v, is_string))
        return add_strings(w, v);
    int rc = VMG_OK;
    for (size_t i = 0; rc == VMG_OK && i < v->n_items; i++) {
        char digits[32];
        int n = snprintf(digits, sizeof digits, "%zu", i);
        rc = flatten_below(w, digits, (size_t)n, v->items[i]);
    }
    return rc;
}

static int flatten_call(walk *w, const vmg_pickle_value *v)
{
    const vmg_pickle_value *plain = NULL;
    int rc = w->call(w->user, w->s, current_name(w), v, &plain);
    return rc == VMG_OK && plain ? flatten(w, plain) : rc;
}

/* A number beyond 64 bits has no other simple form than its digits. */
static int add_bigint(walk *w, const vmg_pickle_value *v)
{
    size_t n = VMG_MIN(v->text_bytes, (size_t)64);
    char *hex = vmg_source_alloc(w->s, 2 * n + 3);
    if (!hex)
        return VMG_E_NOMEM;
    strcpy(hex, "0x");
    for (size_t i = 0; i < n; i++)
        snprintf(hex + 2 + 2 * i, 3, "%02x", (uint8_t)v->text[n - 1 - i]);
    return add_meta(w, &(vmg_meta){.kind = VMG_META_STRING, .data = hex, .n = (int64_t)(2 * n + 2),
                                   .data_bytes = 2 * n + 2});
}

static int flatten_value(walk *w, const vmg_pickle_value *v)
{
    switch (v->kind) {
    case VMG_PICKLE_NONE: return add_meta(w, &(vmg_meta){.kind = VMG_META_NONE});
    case VMG_PICKLE_BOOL:
        return add_meta(w, &(vmg_meta){.kind = VMG_META_BOOL, .integer = v->integer,
                                       .dtype = VMG_BOOL});
    case VMG_PICKLE_INT:
        return add_meta(w, &(vmg_meta){.kind = VMG_META_INT, .integer = v->integer,
                                       .real = (double)v->integer, .dtype = VMG_I64});
    case VMG_PICKLE_FLOAT:
        return add_meta(w, &(vmg_meta){.kind = VMG_META_REAL, .real = v->real, .dtype = VMG_F64});
    case VMG_PICKLE_STRING:
    case VMG_PICKLE_BYTES:
    case VMG_PICKLE_GLOBAL:
        return add_meta(w, &(vmg_meta){.kind = VMG_META_STRING, .data = v->text,
                                       .n = (int64_t)v->text_bytes, .data_bytes = v->text_bytes});
    case VMG_PICKLE_BIGINT: return add_bigint(w, v);
    case VMG_PICKLE_LIST:
    case VMG_PICKLE_TUPLE:
    case VMG_PICKLE_SET: return flatten_list(w, v);
    case VMG_PICKLE_DICT: return flatten_dict(w, v);
    case VMG_PICKLE_CALL: return flatten_call(w, v);
    case VMG_PICKLE_PERSISTENT: break;
    }
    return vmg_fail(VMG_E_UNSUPPORTED, "\"%s\" is a bare storage, not a tensor", current_name(w));
}

static int flatten(walk *w, const vmg_pickle_value *v)
{
    if (w->depth == MAX_DEPTH)
        return vmg_fail(VMG_E_FORMAT,
                        "objects are nested deeper than %d levels, or contain themselves",
                        MAX_DEPTH);
    if (w->n_steps++ >= MAX_STEPS)
        return vmg_fail(VMG_E_FORMAT,
                        "objects share their parts so often that they have more than %d",
                        MAX_STEPS);
    w->depth++;
    int rc = flatten_value(w, v);
    w->depth--;
    return rc;
}

int vmg_pyobject_flatten(vmg_source *s, const vmg_pickle_value *root, vmg_pyobject_call_fn *call,
                         void *user)
{
    walk w = {.s = s, .call = call, .user = user};
    int rc = flatten(&w, root);
    vmg_buf_free(&w.path);
    return rc;
}

int vmg_pyobject_read(vmg_source *s, const char *format, const char *const *allowed, vmg_pyobject_call_fn *call)
{
    vmg_pickle p;
    s->base.format = format;
    int rc = vmg_pickle_read(s->map.data, s->map.size, allowed, &p);
    if (rc == VMG_OK)
        rc = vmg_pyobject_flatten(s, p.root, call, NULL);
    vmg_pickle_free(&p);
    return rc;
}
