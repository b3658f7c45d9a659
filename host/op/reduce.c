/* Sums in a fixed order: checks and launches of cl/reduce.cl, and the scratch memory they share. */
#include "host/op/reduce.h"

#include <stdlib.h>

#include "host/base/mem.h"
#include "host/op/elementwise.h"
#include "host/op/grid.h"
#include "host/op/want.h"

/* Elements per first-stage sum, and its running sums: parts of the order of summation, so not tunables. */
enum { CHUNK = VMG_REDUCE_MAX_PARTS, LANES = 256, MIN_SCRATCH = 1 << 20 };

enum { SUM_CHUNKS, COLUMN_SUMS, FOLD_PARTS, CLIP_FACTOR, FIND_NONFINITE };

static bool sum_valid(const vmg_device *dev, const int *v, const int64_t *shape)
{
    (void)shape;
    return (dev->device_class == VMG_CLASS_CPU ? v[0] == 1 : v[0] > 1) && v[0] * v[1] <= LANES;
}

static void sum_geometry(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3])
{
    (void)dev;
    local[0] = (size_t)v[0];
    global[0] = vmg_grid_groups(shape[0], CHUNK) * local[0];
}

static bool fold_valid(const vmg_device *dev, const int *v, const int64_t *shape)
{
    (void)shape;
    return vmg_grid_suits_class(dev, v[0], v[1]);
}

static void fold_geometry(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3])
{
    (void)dev;
    local[0] = (size_t)v[0];
    global[0] = vmg_grid_groups(shape[1], v[0] * v[1]) * local[0];
    global[1] = (size_t)shape[2];
}

static void one_item(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3])
{
    (void)dev;
    (void)v;
    (void)shape;
    global[0] = local[0] = 1;
}

const vmg_kernel_def vmg_reduce_kernels[] = {
    [SUM_CHUNKS] = {.file = "reduce",
                    .name = "sum_chunks",
                    .tunables = {{"WG", {64, 256, 1}}, {"VW", {4, 16, 1, 8}}},
                    .valid = sum_valid,
                    .geometry = sum_geometry},
    [COLUMN_SUMS] = {.file = "reduce", .name = "column_sums", VMG_GRID_COLUMNS},
    [FOLD_PARTS] = {.file = "reduce",
                    .name = "fold_parts",
                    .tunables = {{"WG", {64, 128, 32, 1}}, {"VW", {1, 16, 8, 4}}},
                    .valid = fold_valid,
                    .geometry = fold_geometry},
    [CLIP_FACTOR] = {.file = "reduce", .name = "clip_factor", .geometry = one_item},
    [FIND_NONFINITE] = {.file = "reduce",
                        .name = "find_nonfinite",
                        .tunables = {{"WG", {64, 256, 1}}, {"VW", {4, 16, 1, 8}}},
                        .valid = sum_valid,
                        .geometry = sum_geometry},
};

/* ---- scratch memory, kept in the context ---- */

struct scratch {
    cl_mem buf;
    size_t size_bytes;
};

static void free_scratch(vmg_ctx *ctx, void *state)
{
    struct scratch *s = state;
    vmg_ctx_buffer_free(ctx, s->buf, s->size_bytes);
    free(s);
}

vmg_tensor vmg_reduce_scratch(vmg_ctx *ctx, int64_t n)
{
    size_t bytes = 0;
    struct scratch *s = vmg_ctx_slot(ctx, VMG_SLOT_REDUCE);
    if (ctx->error)
        return VMG_NONE;
    if (!s && (s = vmg_calloc(1, sizeof *s)))
        vmg_ctx_slot_set(ctx, VMG_SLOT_REDUCE, s, free_scratch);
    if (!s || vmg_dtype_bytes(VMG_F32, VMG_MAX(n, (int64_t)MIN_SCRATCH), &bytes) != VMG_OK) {
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
        return VMG_NONE;
    }
    if (bytes > s->size_bytes) {
        /* OpenCL keeps the old buffer until the commands that use it are done. */
        vmg_ctx_buffer_free(ctx, s->buf, s->size_bytes);
        *s = (struct scratch){0};
        s->buf = vmg_ctx_buffer(ctx, bytes);
        s->size_bytes = ctx->error ? 0 : bytes;
    }
    return vmg_tensor_make(s->buf, 0, VMG_F32, 2, (int64_t[]){n, 1});
}

/* ---- whole tensors ---- */

static void sum_chunks(vmg_ctx *ctx, vmg_tensor x, bool square, float factor, bool add, vmg_tensor out)
{
    vmg_launch l = VMG_LAUNCH(&vmg_reduce_kernels[SUM_CHUNKS]);
    vmg_define(&l, "SUM_CHUNKS");
    vmg_define(&l, "CHUNK=%d", CHUNK);
    vmg_define(&l, "LANES=%d", LANES);
    vmg_define(&l, "SQUARE=%d", square);
    vmg_define(&l, "ADD=%d", add);
    vmg_arg_in(&l, x);
    if (add)
        vmg_arg_inout(&l, out);
    else
        vmg_arg_out(&l, out);
    vmg_arg_i64(&l, vmg_tensor_count(x));
    vmg_arg_f32(&l, factor);
    l.shape[0] = vmg_tensor_count(x);
    l.flops = (double)l.shape[0];
    l.bytes = 4.0 * (double)l.shape[0];
    vmg_launch_run(ctx, &l);
}

void vmg_reduce_sum_parts(vmg_ctx *ctx, vmg_tensor parts, float factor, vmg_tensor out)
{
    if (vmg_tensor_count(parts) > CHUNK)
        vmg_ctx_fail(ctx, VMG_E_ARG, "summing parts: %lld are too many", (long long)vmg_tensor_count(parts));
    sum_chunks(ctx, parts, false, factor, false, out);
}

static void sum_all(vmg_ctx *ctx, vmg_tensor x, bool square, bool add, vmg_tensor out)
{
    int64_t n = vmg_tensor_count(x), at = 0;
    if (n == 0 && !add)
        vmg_op_fill(ctx, out, 0.0f);
    /* Each level's sums lie behind the previous level's. */
    vmg_tensor scratch = n > CHUNK ? vmg_reduce_scratch(ctx, n / (CHUNK / 2) + 64) : VMG_NONE;
    while (n > CHUNK && !ctx->error) {
        n = (n + CHUNK - 1) / CHUNK;
        vmg_tensor sums = vmg_tensor_view_rows(scratch, at, n);
        sum_chunks(ctx, x, square, 1.0f, false, sums);
        x = sums;
        at += n;
        square = false;
    }
    sum_chunks(ctx, x, square, 1.0f, add, out);
}

static bool want_sum(vmg_ctx *ctx, const char *op, vmg_tensor x, vmg_tensor out)
{
    const vmg_want want[] = {{"x", x, vmg_tensor_rows(x), vmg_tensor_cols(x), VMG_F32, 0},
                             {"out", out, 1, 1, VMG_F32, 0}};
    return vmg_want_all(ctx, op, want, VMG_COUNT(want));
}

void vmg_op_sum(vmg_ctx *ctx, vmg_tensor x, bool add, vmg_tensor out)
{
    if (want_sum(ctx, "sum", x, out))
        sum_all(ctx, x, false, add, out);
}

void vmg_op_sum_squares(vmg_ctx *ctx, vmg_tensor x, bool add, vmg_tensor out)
{
    if (want_sum(ctx, "sum_squares", x, out))
        sum_all(ctx, x, true, add, out);
}

void vmg_op_clip_factor(vmg_ctx *ctx, vmg_tensor sum_squares, float max_norm, vmg_tensor scale)
{
    const vmg_want want[] = {{"sum_squares", sum_squares, 1, 1, VMG_F32, 0}, {"scale", scale, 1, 1, VMG_F32, 0}};
    if (!vmg_want_all(ctx, "clip_factor", want, VMG_COUNT(want)))
        return;
    vmg_launch l = VMG_LAUNCH(&vmg_reduce_kernels[CLIP_FACTOR]);
    vmg_define(&l, "CLIP_FACTOR");
    vmg_arg_in(&l, sum_squares);
    vmg_arg_out(&l, scale);
    vmg_arg_f32(&l, max_norm);
    vmg_launch_run(ctx, &l);
}

int64_t vmg_find_nonfinite(vmg_ctx *ctx, vmg_tensor x)
{
    const int64_t n = vmg_tensor_count(x), n_chunks = (n + CHUNK - 1) / CHUNK;
    const vmg_want want = {"x", x, vmg_tensor_rows(x), vmg_tensor_cols(x), VMG_F32, 0};
    int64_t at = -1;
    if (!vmg_want_all(ctx, "find_nonfinite", &want, 1) || n == 0 || ctx->plan)
        return -1;
    vmg_tensor found = vmg_reduce_scratch(ctx, n_chunks);
    found.dtype = VMG_I32;
    vmg_launch l = VMG_LAUNCH(&vmg_reduce_kernels[FIND_NONFINITE]);
    vmg_define(&l, "FIND_NONFINITE");
    vmg_define(&l, "CHUNK=%d", CHUNK);
    vmg_arg_in(&l, x);
    vmg_arg_out(&l, found);
    vmg_arg_i64(&l, n);
    l.shape[0] = n;
    l.bytes = 4.0 * (double)n;
    vmg_launch_run(ctx, &l);
    int32_t *host = vmg_calloc((size_t)n_chunks, sizeof *host);
    if (host)
        vmg_download(ctx, found, host);
    else
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
    for (int64_t g = 0; g < n_chunks && at < 0 && !ctx->error; g++)
        if (host[g] >= 0)
            at = g * CHUNK + host[g];
    free(host);
    return at;
}

/* ---- columns ---- */

/* Enough items to fill the device, but no part shorter than some rows. */
int64_t vmg_reduce_n_parts(vmg_ctx *ctx, int64_t R, int64_t C, int64_t G)
{
    const bool cpu = ctx->dev.device_class == VMG_CLASS_CPU;
    const int64_t wanted = (int64_t)ctx->dev.n_compute_units * (cpu ? 8 : 512), per_column = cpu ? 1024 : 1;
    const int64_t items = VMG_MAX(1, G * ((C + per_column - 1) / per_column));
    return VMG_MAX(1, VMG_MIN(wanted / items, R / VMG_MAX(1, 16 * G)));
}

void vmg_reduce_fold(vmg_ctx *ctx, vmg_tensor parts, int64_t n_parts, vmg_tensor out)
{
    const int64_t G = vmg_tensor_rows(out), C = vmg_tensor_cols(out);
    vmg_launch l = VMG_LAUNCH(&vmg_reduce_kernels[FOLD_PARTS]);
    vmg_define(&l, "FOLD_PARTS");
    vmg_arg_in(&l, parts);
    vmg_arg_inout(&l, out);
    const int64_t size[] = {C, G, n_parts, out.ld};
    for (size_t i = 0; i < VMG_COUNT(size); i++)
        vmg_arg_i64(&l, size[i]);
    const int64_t shape[] = {n_parts, C, G, 1};
    for (size_t i = 0; i < VMG_COUNT(shape); i++)
        l.shape[i] = shape[i];
    l.flops = (double)(n_parts * G) * (double)C;
    l.bytes = 4.0 * (double)((n_parts + 2) * G) * (double)C;
    vmg_launch_run(ctx, &l);
}

void vmg_op_column_sums_acc(vmg_ctx *ctx, vmg_tensor a, vmg_tensor b, vmg_tensor group, vmg_tensor out)
{
    const int64_t R = vmg_tensor_rows(a), C = vmg_tensor_cols(a), G = vmg_tensor_rows(out);
    const bool grouped = vmg_tensor_given(group), product = vmg_tensor_given(b);
    const vmg_want want[] = {{"a", a, R, C, VMG_F32, VMG_WANT_LD},
                             {"b", b, R, C, VMG_F32, VMG_WANT_LD | VMG_WANT_OPTIONAL},
                             {"group", group, 1, R, VMG_I32, VMG_WANT_OPTIONAL},
                             {"out", out, G, C, VMG_F32, VMG_WANT_LD}};
    if (!vmg_want_all(ctx, "column_sums", want, VMG_COUNT(want)) || !R || !C || !G)
        return;
    if (!grouped && R % G) {
        vmg_ctx_fail(ctx, VMG_E_ARG, "column_sums: %lld rows are no equal shares for %lld groups", (long long)R,
                     (long long)G);
        return;
    }
    const int64_t n_parts = vmg_reduce_n_parts(ctx, R, C, G);
    vmg_tensor parts = n_parts > 1 ? vmg_reduce_scratch(ctx, n_parts * G * C) : out;
    vmg_launch l = VMG_LAUNCH(&vmg_reduce_kernels[COLUMN_SUMS]);
    vmg_define(&l, "COLUMN_SUMS");
    vmg_define(&l, "PRODUCT=%d", product);
    vmg_define(&l, "PER_GROUP=%d", grouped);
    vmg_define(&l, "ADD=%d", n_parts == 1);
    vmg_arg_in(&l, a);
    vmg_arg_in(&l, b);
    vmg_arg_in(&l, group);
    if (n_parts == 1)
        vmg_arg_inout(&l, out);
    else
        vmg_arg_out(&l, parts);
    const int64_t size[] = {R, C, G, n_parts, a.ld, b.ld, n_parts == 1 ? out.ld : C};
    for (size_t i = 0; i < VMG_COUNT(size); i++)
        vmg_arg_i64(&l, size[i]);
    const int64_t shape[] = {R, C, G, n_parts};
    for (size_t i = 0; i < VMG_COUNT(shape); i++)
        l.shape[i] = shape[i];
    l.flops = (product ? 2.0 : 1.0) * (double)R * (double)C;
    l.bytes = (product ? 8.0 : 4.0) * (double)R * (double)C;
    vmg_launch_run(ctx, &l);
    if (n_parts > 1)
        vmg_reduce_fold(ctx, parts, n_parts, out);
}
