/* Shows weight and array files. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/cli/inspect.h"
#include "src/format/weights_file.h"

enum { N_SHOWN_NUMBERS = 8, N_SHOWN_BYTES = 120, N_WHOLE_LIST = 40, N_SHOWN_STRINGS = 4 };

/* Bytes and number of tensors of each type. */
typedef struct totals {
    size_t bytes[VMG_N_DTYPES], n[VMG_N_DTYPES], all_bytes;
} totals;

static totals count(const vmg_weights *w)
{
    totals t = {0};
    for (size_t i = 0; i < w->n_tensors; i++) {
        t.bytes[w->tensors[i].dtype] += w->tensors[i].bytes;
        t.n[w->tensors[i].dtype]++;
        t.all_bytes += w->tensors[i].bytes;
    }
    return t;
}

/* True for text that may be printed or put into JSON as it is. */
static bool is_text(const char *s, size_t n)
{
    for (size_t at = 0; at < n;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t len = utf8proc_iterate((const utf8proc_uint8_t *)s + at,
                                                (utf8proc_ssize_t)VMG_MIN(n - at, (size_t)4), &c);
        if (len <= 0 || c == 0)
            return false;
        at += (size_t)len;
    }
    return true;
}

/* The first numbers of an array, integers exactly. */
static void first_numbers(const vmg_meta *m, double *out, int64_t *n)
{
    float narrow[N_SHOWN_NUMBERS];
    int size = vmg_dtype_get(m->dtype).block_bytes;
    *n = VMG_MIN(m->n, N_SHOWN_NUMBERS);
    for (int64_t i = 0; i < *n; i++) {
        const uint8_t *p = (const uint8_t *)m->data + i * size;
        int32_t wide;
        if (m->dtype == VMG_F64) {
            memcpy(&out[i], p, sizeof *out);
        } else if (m->dtype == VMG_I32) {
            memcpy(&wide, p, sizeof wide);
            out[i] = wide;
        } else {
            out[i] = vmg_dtype_to_f32(m->dtype, p, 1, narrow) == VMG_OK ? narrow[0] : NAN;
        }
    }
}

/* ---- text ---- */

/* At most N_SHOWN_BYTES, control characters and non-text escaped. */
static void print_string(const char *s, size_t n)
{
    size_t shown = VMG_MIN(n, (size_t)N_SHOWN_BYTES);
    putchar('"');
    for (size_t at = 0; at < shown;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t len = utf8proc_iterate((const utf8proc_uint8_t *)s + at,
                                                (utf8proc_ssize_t)VMG_MIN(n - at, (size_t)4), &c);
        if (len > 0 && c >= 0x20 && !(c >= 0x7f && c < 0xa0)) {
            fwrite(s + at, 1, (size_t)len, stdout);
            at += (size_t)len;
        } else {
            printf("\\x%02x", (unsigned char)s[at++]);
        }
    }
    printf(shown < n ? "\"... (%zu bytes)" : "\"", n);
}

/* Short lists (what a model can do) are shown whole, of long ones (vocabularies) the beginning. */
static int64_t shown_strings(const vmg_meta *m)
{
    return m->n <= N_WHOLE_LIST ? m->n : N_SHOWN_STRINGS;
}

static void print_array(const vmg_meta *m)
{
    if (m->kind == VMG_META_STRINGS) {
        const char *text;
        size_t at = 0, n;
        printf("%" PRId64 " strings", m->n);
        for (int64_t i = 0; i < shown_strings(m) && vmg_meta_next_string(m, &at, &text, &n); i++) {
            printf(i ? ", " : ": ");
            print_string(text, n);
        }
        printf(shown_strings(m) < m->n ? ", ..." : "");
    } else {
        double first[N_SHOWN_NUMBERS];
        int64_t n;
        first_numbers(m, first, &n);
        printf("%" PRId64 " x %s", m->n, vmg_dtype_name(m->dtype));
        for (int64_t i = 0; i < n; i++)
            printf("%s%.9g", i ? ", " : ": ", first[i]);
        printf(n < m->n ? ", ..." : "");
    }
}

static void print_meta(const vmg_meta *m)
{
    printf("  %s = ", m->key);
    switch (m->kind) {
    case VMG_META_NONE: printf("none"); break;
    case VMG_META_BOOL: printf(m->integer ? "true" : "false"); break;
    case VMG_META_INT: printf("%" PRId64, m->integer); break;
    case VMG_META_REAL: printf("%.9g", m->real); break;
    case VMG_META_STRING: print_string(m->data, (size_t)m->n); break;
    case VMG_META_NUMBERS:
    case VMG_META_STRINGS: print_array(m); break;
    }
    printf("\n");
}

static void print_text(const char *path, const vmg_weights *w)
{
    totals t = count(w);
    int width = 0;
    printf("%s: %s, %zu tensors, %.1f MB", path, w->format, w->n_tensors,
           (double)t.all_bytes / 1e6);
    const char *separator = " (";
    for (int i = 0; i < VMG_N_DTYPES; i++)
        if (t.n[i]) {
            printf("%s%zu x %s", separator, t.n[i], vmg_dtype_name((vmg_dtype)i));
            separator = ", ";
        }
    printf("%s\n", w->n_tensors ? ")" : "");
    if (w->n_meta)
        printf("metadata\n");
    for (size_t i = 0; i < w->n_meta; i++)
        print_meta(&w->meta[i]);
    if (w->n_tensors)
        printf("tensors\n");
    for (size_t i = 0; i < w->n_tensors; i++)
        width = VMG_MAX(width, (int)VMG_MIN(strlen(w->tensors[i].name), (size_t)60));
    for (size_t i = 0; i < w->n_tensors; i++) {
        const vmg_weight *x = &w->tensors[i];
        char shape[160];
        printf("  %-*s  %-5s %s\n", width, x->name, vmg_dtype_name(x->dtype),
               vmg_shape_text(x->rank, x->dim, shape, sizeof shape));
    }
}

/* ---- JSON ---- */

/* cJSON's numbers are doubles; raw text keeps integers exact. */
static void add_integer(cJSON *o, const char *key, int64_t v)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, v);
    cJSON_AddRawToObject(o, key, text);
}

static cJSON *string_item(const char *s, size_t n)
{
    if (is_text(s, n)) {
        char *copy = vmg_strndup(s, n);
        cJSON *item = copy ? cJSON_CreateString(copy) : NULL;
        free(copy);
        return item;
    }
    cJSON *o = cJSON_CreateObject();
    cJSON_AddNumberToObject(o, "bytes", (double)n);
    return o;
}

static cJSON *array_item(const vmg_meta *m)
{
    cJSON *o = cJSON_CreateObject(), *first = cJSON_CreateArray();
    cJSON_AddStringToObject(o, "array",
                            m->kind == VMG_META_STRINGS ? "string" : vmg_dtype_name(m->dtype));
    add_integer(o, "n", m->n);
    if (m->kind == VMG_META_STRINGS) {
        const char *text;
        size_t at = 0, n;
        for (int64_t i = 0; i < shown_strings(m) && vmg_meta_next_string(m, &at, &text, &n); i++)
            cJSON_AddItemToArray(first, string_item(text, n));
    } else {
        double numbers[N_SHOWN_NUMBERS];
        int64_t n;
        first_numbers(m, numbers, &n);
        for (int64_t i = 0; i < n; i++)
            cJSON_AddItemToArray(first, cJSON_CreateNumber(numbers[i]));
    }
    cJSON_AddItemToObject(o, "first", first);
    return o;
}

static void add_meta(cJSON *o, const vmg_meta *m)
{
    switch (m->kind) {
    case VMG_META_NONE: cJSON_AddNullToObject(o, m->key); break;
    case VMG_META_BOOL: cJSON_AddBoolToObject(o, m->key, m->integer != 0); break;
    case VMG_META_INT: add_integer(o, m->key, m->integer); break;
    case VMG_META_REAL: cJSON_AddNumberToObject(o, m->key, m->real); break;
    case VMG_META_STRING:
        cJSON_AddItemToObject(o, m->key, string_item(m->data, (size_t)m->n));
        break;
    case VMG_META_NUMBERS:
    case VMG_META_STRINGS: cJSON_AddItemToObject(o, m->key, array_item(m)); break;
    }
}

static int print_json(const char *path, const vmg_weights *w)
{
    cJSON *o = cJSON_CreateObject(), *meta = cJSON_AddObjectToObject(o, "metadata");
    cJSON *tensors = cJSON_AddArrayToObject(o, "tensors");
    cJSON_AddItemToObject(o, "path", string_item(path, strlen(path)));
    cJSON_AddStringToObject(o, "format", w->format);
    for (size_t i = 0; i < w->n_meta; i++)
        add_meta(meta, &w->meta[i]);
    for (size_t i = 0; i < w->n_tensors; i++) {
        const vmg_weight *x = &w->tensors[i];
        cJSON *t = cJSON_CreateObject(), *shape = cJSON_CreateArray();
        cJSON_AddStringToObject(t, "name", x->name);
        cJSON_AddStringToObject(t, "dtype", vmg_dtype_name(x->dtype));
        for (int k = 0; k < x->rank; k++)
            cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)x->dim[k]));
        cJSON_AddItemToObject(t, "shape", shape);
        add_integer(t, "bytes", (int64_t)x->bytes);
        cJSON_AddItemToArray(tensors, t);
    }
    char *text = cJSON_Print(o);
    if (text)
        puts(text);
    cJSON_free(text);
    cJSON_Delete(o);
    return text ? VMG_OK : vmg_fail(VMG_E_NOMEM, "out of memory for the JSON of %s", path);
}

int vmg_inspect_weights(const char *path, bool json)
{
    vmg_weights *w = NULL;
    int rc = vmg_path_is_dir(path) ? vmg_weights_open_dir(path, &w) : vmg_weights_open(path, &w);
    if (rc == VMG_OK && json)
        rc = print_json(path, w);
    else if (rc == VMG_OK)
        print_text(path, w);
    vmg_weights_close(w);
    return rc;
}
