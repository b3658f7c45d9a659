/* The parameter table: declaring parameters and loading them from a source. */
#include "models/params.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/op.h"
#include "models/param_stream.h"

/* Weights pass through a staging buffer of about this size on their way to a packed layout. */
enum { CHUNK_BYTES = 4 << 20, PACK_ROWS = 32 };

int vmg_params_init(vmg_params *ps, vmg_ctx *ctx, int n_groups)
{
    *ps = (vmg_params){.ctx = ctx, .n_groups = n_groups};
    ps->groups = vmg_calloc((size_t)n_groups + 1, sizeof *ps->groups);
    return ps->groups ? VMG_OK : VMG_E_NOMEM;
}

void vmg_params_free(vmg_params *ps)
{
    if (!ps || !ps->ctx)
        return;
    vmg_param_stream_free(ps);
    for (size_t i = 0; i < ps->n; i++) {
        for (int k = 0; k < ps->list[i]->n_parts; k++)
            free(ps->list[i]->part[k]);
        free(ps->list[i]);
    }
    for (int g = 0; ps->groups && g <= ps->n_groups; g++)
        vmg_ctx_buffer_free(ps->ctx, ps->groups[g].buf, ps->groups[g].bytes);
    free(ps->groups);
    free(ps->list);
    *ps = (vmg_params){0};
}

/* ---- declaring ---- */

/* Splits "q k v" and names the checkpoint tensors. */
static bool name_parts(vmg_param *p, int64_t rows_each, const char *prefix, const char *parts, const char *suffix)
{
    do {
        size_t len = strcspn(parts, " ");
        if (p->n_parts == VMG_PARAM_PARTS)
            return false;
        char *name = vmg_asprintf("%s%.*s%s", prefix, (int)len, parts, suffix);
        if (!name)
            return false;
        p->part[p->n_parts] = name;
        p->part_rows[p->n_parts++] = rows_each;
        parts += len + strspn(parts + len, " ");
    } while (*parts);
    return true;
}

static vmg_param *add(vmg_params *ps, int group, int64_t rows_each, int64_t cols, const char *prefix,
                      const char *parts, const char *suffix)
{
    vmg_param *p, **grown = vmg_grown(ps->list, ps->n, &ps->cap, 64, sizeof *grown);
    if (!grown)
        goto fail;
    ps->list = grown;
    p = vmg_calloc(1, sizeof *p);
    if (!p)
        goto fail;
    ps->list[ps->n++] = p;
    p->group = group;
    p->cols = cols;
    if (!name_parts(p, rows_each, prefix, parts, suffix))
        goto fail;
    p->rows = rows_each * p->n_parts;
    return p;

fail:
    vmg_ctx_fail(ps->ctx, VMG_E_NOMEM, "declaring %s%s: %s", prefix, suffix, vmg_error_message());
    return NULL;
}

/* Gives the parameter its place in its group. */
static void place(vmg_params *ps, vmg_param *p, size_t bytes)
{
    vmg_param_group *g = &ps->groups[p->group < 0 ? ps->n_groups : p->group];
    p->off_bytes = g->bytes;
    p->bytes = bytes;
    p->value.off_bytes = p->off_bytes;
    g->bytes += (size_t)vmg_round_up((int64_t)bytes, VMG_ARENA_ALIGN);
}

vmg_param *vmg_params_weight(vmg_params *ps, int group, vmg_dtype dtype, int64_t rows_each, int64_t cols,
                             const char *prefix, const char *parts, const char *suffix)
{
    vmg_param *p = add(ps, group, rows_each, cols, prefix, parts, suffix);
    if (!p)
        return NULL;
    if (cols % vmg_dtype_get(dtype).block_len)
        dtype = VMG_F16;
    if (ps->trainable)
        dtype = VMG_F32;
    p->is_weight = true;
    p->value = vmg_tensor_make(NULL, 0, dtype, 2, (int64_t[]){p->rows, cols});
    if (!ps->trainable)
        p->value.layout = vmg_matmul_weight_layout(ps->ctx, dtype, p->rows, cols);
    if (p->value.layout == VMG_LAYOUT_TILE)
        p->value.dtype = VMG_BF16;
    place(ps, p, vmg_matmul_weight_bytes(p->value.layout, p->value.dtype, p->rows, cols));
    return p;
}

vmg_param *vmg_params_vector(vmg_params *ps, int group, int64_t n_each, const char *prefix, const char *parts,
                             const char *suffix)
{
    vmg_param *p = add(ps, group, 1, n_each, prefix, parts, suffix);
    if (!p)
        return NULL;
    /* Stacked vectors lie one after another: one row of n_parts·n_each values. */
    p->value = vmg_tensor_make(NULL, 0, VMG_F32, 1, (int64_t[]){p->rows * n_each});
    place(ps, p, vmg_tensor_bytes(p->value));
    return p;
}

vmg_param *vmg_params_table(vmg_params *ps, int group, int64_t rows, int64_t cols, const char *name)
{
    vmg_param *p = add(ps, group, rows, cols, name, "", "");
    if (!p)
        return NULL;
    p->value = vmg_tensor_make(NULL, 0, VMG_F32, 2, (int64_t[]){rows, cols});
    place(ps, p, vmg_tensor_bytes(p->value));
    return p;
}

uint64_t vmg_params_bytes(const vmg_params *ps)
{
    uint64_t sum = 0;
    for (int g = 0; g <= ps->n_groups; g++)
        sum += ps->groups[g].bytes;
    return sum;
}

/* ---- loading ---- */

/* Fills `rows` rows from row r0 of a parameter, in dtype `want`, into dst. */
typedef struct row_source row_source;
struct row_source {
    int (*fill)(row_source *s, const vmg_param *p, int64_t r0, int64_t rows, vmg_dtype want, void *dst);
    const vmg_weights *weights;
    const vmg_weight *tensor[VMG_PARAM_PARTS]; /* of the parameter being loaded */
    uint64_t seed;
    float *f32; /* conversion scratch, CHUNK_BYTES-ish */
    size_t f32_count;
};

static bool shape_matches(const vmg_weight *t, int64_t rows, int64_t cols)
{
    /* (1,6,C) for a (6,C) table, (C) for a vector of one row. */
    return t->n == rows * cols && (t->rank == 0 ? cols : t->dim[t->rank - 1]) == cols;
}

/* A parameter's tensor under its own name or its alias; NULL if there is neither. */
static const vmg_weight *find_tensor(const vmg_weights *w, const char *name, const vmg_params_load_options *o)
{
    const vmg_weight *t = vmg_weights_find(w, name);
    const char *other = t || !o->alias ? NULL : o->alias(o->alias_user, name);
    return other ? vmg_weights_find(w, other) : t;
}

static int find_parts(row_source *s, const vmg_param *p, const vmg_params_load_options *o)
{
    for (int k = 0; k < p->n_parts; k++) {
        s->tensor[k] = find_tensor(s->weights, p->part[k], o);
        if (!s->tensor[k])
            return vmg_fail(VMG_E_NOTFOUND, "%s has no tensor \"%s\"", s->weights->path, p->part[k]);
        if (!shape_matches(s->tensor[k], p->part_rows[k], p->cols)) {
            char shape[128];
            return vmg_fail(VMG_E_FORMAT, "%s: tensor \"%s\" is %s, expected (%lld, %lld)", s->weights->path,
                            s->tensor[k]->name,
                            vmg_shape_text(s->tensor[k]->rank, s->tensor[k]->dim, shape, sizeof shape),
                            (long long)p->part_rows[k], (long long)p->cols);
        }
    }
    return VMG_OK;
}

static int convert_rows(row_source *s, const vmg_weight *t, int64_t r0, int64_t rows, int64_t cols, vmg_dtype want,
                        void *dst)
{
    vmg_dtype_info info = vmg_dtype_get(t->dtype);
    if (t->dtype == want) {
        size_t row_bytes = (size_t)(cols / info.block_len) * (size_t)info.block_bytes;
        memcpy(dst, (const char *)t->data + (size_t)r0 * row_bytes, (size_t)rows * row_bytes);
        return VMG_OK;
    }
    if (want == VMG_F32)
        return vmg_weight_rows_to_f32(t, r0, rows, dst);
    size_t need = (size_t)(rows * cols);
    if (need > s->f32_count) {
        float *grown = vmg_realloc(s->f32, need, sizeof *grown);
        if (!grown)
            return VMG_E_NOMEM;
        s->f32 = grown;
        s->f32_count = need;
    }
    int rc = vmg_weight_rows_to_f32(t, r0, rows, s->f32);
    return rc != VMG_OK ? rc : vmg_dtype_from_f32(want, s->f32, rows * cols, dst);
}

/* Rows of a matrix whose type cuts rows into blocks are viewed with the file's last dimension, which equals cols. */
static int fill_from_weights(row_source *s, const vmg_param *p, int64_t r0, int64_t rows, vmg_dtype want, void *dst)
{
    vmg_dtype_info info = vmg_dtype_get(want);
    size_t row_bytes = (size_t)(p->cols / info.block_len) * (size_t)info.block_bytes;
    int64_t begin = 0;
    for (int k = 0; k < p->n_parts; begin += p->part_rows[k], k++) {
        int64_t a = VMG_MAX(r0, begin), b = VMG_MIN(r0 + rows, begin + p->part_rows[k]);
        if (a >= b)
            continue;
        int rc = convert_rows(s, s->tensor[k], a - begin, b - a, p->cols, want,
                              (char *)dst + (size_t)(a - r0) * row_bytes);
        if (rc != VMG_OK)
            return vmg_fail_prefix(rc, "%s: tensor \"%s\"", s->weights->path, s->tensor[k]->name);
        size_t file_row = s->tensor[k]->bytes / (size_t)VMG_MAX(p->part_rows[k], 1);
        vmg_weights_release_part(s->weights, s->tensor[k], (size_t)(a - begin) * file_row, (size_t)(b - a) * file_row);
    }
    return VMG_OK;
}

/* splitmix64 over the element's position: any row order gives the same values. */
static float random_value(uint64_t seed, uint64_t i)
{
    uint64_t z = seed + (i + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (float)(z >> 40) / 8388608.0f - 1.0f;
}

static int fill_random(row_source *s, const vmg_param *p, int64_t r0, int64_t rows, vmg_dtype want, void *dst)
{
    size_t n = (size_t)(rows * p->cols);
    float *values = vmg_calloc(n, sizeof *values);
    if (!values)
        return VMG_E_NOMEM;
    float scale = 0.05f, center = 0.0f;
    if (p->is_weight)
        scale = 1.7320508f / __builtin_sqrtf((float)p->cols); /* uniform with standard deviation 1/sqrt(K) */
    else if (strstr(p->part[0], "norm") && strstr(p->part[0], ".weight"))
        center = 1.0f;
    for (size_t i = 0; i < n; i++)
        values[i] = center + scale * random_value(s->seed, (uint64_t)(r0 * p->cols) + i);
    int rc = vmg_dtype_from_f32(want, values, (int64_t)n, dst);
    free(values);
    return rc;
}

/* Rows into their place, straight or through the packing kernel. */
static int load_param(vmg_params *ps, row_source *s, vmg_param *p, vmg_arena *staging)
{
    vmg_ctx *ctx = ps->ctx;
    vmg_tensor dst = p->value;
    vmg_dtype_info info = vmg_dtype_get(dst.dtype);
    size_t row_bytes = (size_t)(p->cols / info.block_len) * (size_t)info.block_bytes;
    int64_t chunk = VMG_MAX((int64_t)(CHUNK_BYTES / VMG_MAX(row_bytes, (size_t)1)) / PACK_ROWS, 1) * PACK_ROWS;
    chunk = VMG_MIN(chunk, VMG_MAX(p->rows, 1));
    char *host = vmg_calloc((size_t)chunk, row_bytes);
    int rc = host ? VMG_OK : VMG_E_NOMEM;
    vmg_arena_mark mark = vmg_arena_get_mark(staging);
    vmg_tensor stage = VMG_NONE;
    if (dst.layout != VMG_LAYOUT_ROW)
        stage = vmg_arena_matrix(staging, dst.dtype, chunk, p->cols);
    for (int64_t r0 = 0; rc == VMG_OK && r0 < p->rows; r0 += chunk) {
        int64_t rows = VMG_MIN(chunk, p->rows - r0);
        rc = s->fill(s, p, r0, rows, dst.dtype, host);
        if (rc != VMG_OK)
            break;
        if (dst.layout == VMG_LAYOUT_ROW) {
            vmg_tensor as_rows = vmg_tensor_make(dst.buf, dst.off_bytes, dst.dtype, 2, (int64_t[]){p->rows, p->cols});
            vmg_upload(ctx, vmg_tensor_view_rows(as_rows, r0, rows), host);
        } else {
            vmg_tensor part = vmg_tensor_view_rows(stage, 0, rows);
            vmg_upload(ctx, part, host);
            vmg_op_weight_pack(ctx, part, dst, r0);
        }
        rc = vmg_ctx_status(ctx);
    }
    vmg_arena_reset(staging, mark);
    free(host);
    return rc;
}

static void bind_group(vmg_params *ps, int group, cl_mem buf)
{
    for (size_t i = 0; i < ps->n; i++)
        if (ps->list[i]->group == group)
            ps->list[i]->value.buf = buf;
}

int vmg_params_allocate(vmg_params *ps)
{
    for (int g = -1; g < ps->n_groups; g++) {
        vmg_param_group *group = &ps->groups[g < 0 ? ps->n_groups : g];
        group->buf = vmg_ctx_buffer(ps->ctx, group->bytes);
        bind_group(ps, g, group->buf);
        vmg_op_fill(ps->ctx, vmg_tensor_make(group->buf, 0, VMG_F32, 1, (int64_t[]){(int64_t)(group->bytes / 4)}), 0.0f);
    }
    return vmg_ctx_status(ps->ctx);
}

static int load_group(vmg_params *ps, int group, row_source *s, const vmg_params_load_options *o, vmg_arena *staging,
                      size_t *done)
{
    for (size_t i = 0; i < ps->n; i++) {
        vmg_param *p = ps->list[i];
        if (p->group != group)
            continue;
        s->seed += 0x51ed27f1u;
        int rc = s->weights ? find_parts(s, p, o) : VMG_OK;
        if (rc == VMG_OK)
            rc = load_param(ps, s, p, staging);
        if (rc != VMG_OK)
            return rc;
        if (o->progress && !o->progress(o->progress_user, ++*done, ps->n))
            return vmg_fail(VMG_E_INTERRUPTED, "interrupted while loading");
    }
    return VMG_OK;
}

static int load_all(vmg_params *ps, row_source *s, const vmg_params_load_options *o)
{
    vmg_ctx *ctx = ps->ctx;
    vmg_arena staging = vmg_arena_make(ctx, 2 * CHUNK_BYTES);
    size_t done = 0;
    int rc = vmg_ctx_status(ctx);
    if (rc == VMG_OK)
        rc = vmg_param_stream_plan(ps, o->max_bytes);
    for (int g = -1; rc == VMG_OK && g < ps->n_groups; g++) {
        vmg_param_group *group = &ps->groups[g < 0 ? ps->n_groups : g];
        if (group->bytes == 0)
            continue;
        cl_mem buf = vmg_param_stream_slot(ps, g);
        bool streamed = buf != NULL;
        if (!streamed && !ps->trainable)
            group->buf = vmg_ctx_buffer(ctx, group->bytes);
        if (!streamed)
            buf = group->buf;
        rc = vmg_ctx_status(ctx);
        if (rc != VMG_OK || ctx->plan)
            continue;
        bind_group(ps, g, buf);
        rc = load_group(ps, g, s, o, &staging, &done);
        if (rc == VMG_OK && streamed)
            rc = vmg_param_stream_keep(ps, g);
        if (streamed)
            bind_group(ps, g, NULL);
    }
    if (rc == VMG_OK)
        rc = vmg_ctx_finish(ctx);
    vmg_arena_free(&staging);
    free(s->f32);
    return rc;
}

static size_t count_unused(const vmg_params *ps, const vmg_weights *w, const vmg_params_load_options *o)
{
    size_t used = 0;
    for (size_t i = 0; i < ps->n; i++)
        for (int k = 0; k < ps->list[i]->n_parts; k++)
            used += find_tensor(w, ps->list[i]->part[k], o) != NULL;
    return w->n_tensors - used;
}

int vmg_params_load(vmg_params *ps, const vmg_weights *w, const vmg_params_load_options *o, size_t *n_unused)
{
    const vmg_params_load_options none = {0};
    row_source s = {.fill = fill_from_weights, .weights = w};
    o = o ? o : &none;
    int rc = load_all(ps, &s, o);
    if (rc == VMG_OK && n_unused)
        *n_unused = count_unused(ps, w, o);
    return rc;
}

int vmg_params_load_random(vmg_params *ps, uint64_t seed, const vmg_params_load_options *o)
{
    const vmg_params_load_options none = {0};
    row_source s = {.fill = fill_random, .seed = seed};
    return load_all(ps, &s, o ? o : &none);
}
