/*
 * The tiled paths: row-major operands through local memory, for any device (cl/matmul_tiled.cl); with what the device has: rows of the
 * left operand handed around in subgroups, products in half precision. Only the tuner chooses these: what they gain differs from device to device.
 */
#include "host/op/matmul_path.h"

enum { BM, BN, BK, TM, TN, SUB };

static bool tiled_valid_values(const vmg_device *dev, const int *v, const int64_t *shape)
{
    (void)shape;
    const int wg = v[BM] / v[TM] * (v[BN] / v[TN]);
    const uint64_t local = 4ull * (uint64_t)v[BK] * (uint64_t)(v[BM] + v[BN] + 2);
    return wg >= 16 && wg <= 256 && local <= dev->local_mem_bytes;
}

static bool subgroup_valid_values(const vmg_device *dev, const int *v, const int64_t *shape)
{
    return tiled_valid_values(dev, v, shape) && (dev->subgroup_sizes & (uint64_t)v[SUB]) && v[BK] % v[SUB] == 0 &&
           v[BN] / v[TN] % v[SUB] == 0;
}

static void tiled_geometry(const vmg_device *dev, const int *v, const int64_t *shape,
                           size_t global[3], size_t local[3])
{
    (void)dev;
    local[0] = (size_t)(v[BN] / v[TN]);
    local[1] = (size_t)(v[BM] / v[TM]);
    global[0] = (size_t)((shape[1] + v[BN] - 1) / v[BN]) * local[0];
    global[1] = (size_t)((shape[0] + v[BM] - 1) / v[BM]) * local[1];
}

#define TILES {"BM", {64, 32, 128}}, {"BN", {64, 32, 128}}, {"BK", {16, 8, 32}}, {"TM", {4, 8}}, {"TN", {4, 8}}
static const vmg_kernel_def tiled_def = {.file = "matmul_tiled",
                                         .name = "matmul_tiled",
                                         .tunables = {TILES},
                                         .valid = tiled_valid_values,
                                         .geometry = tiled_geometry},
                            subgroup_def = {.file = "matmul_tiled",
                                            .name = "matmul_tiled",
                                            .std = "CL3.0",
                                            .tunables = {TILES, {"SUB", {16, 8, 32}}},
                                            .valid = subgroup_valid_values,
                                            .geometry = tiled_geometry};

/* ---- scales for half precision ---- */

enum { WG };

static void scale_geometry(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3])
{
    (void)dev;
    local[0] = (size_t)v[WG];
    global[0] = (size_t)shape[0] * local[0];
}

static const vmg_kernel_def scale_def = {.file = "matmul_scale",
                                         .name = "row_scales",
                                         .tunables = {{"WG", {64, 16, 256}}},
                                         .geometry = scale_geometry};

static vmg_tensor row_scales(vmg_ctx *ctx, vmg_tensor x, vmg_matmul_use use)
{
    const vmg_tensor scale = vmg_matmul_scratch(ctx, use, VMG_F32, (size_t)x.dim[0] * sizeof(float));
    vmg_launch l = VMG_LAUNCH(&scale_def);
    vmg_define_dtype(&l, "T_X", x.dtype);
    vmg_arg_in(&l, x);
    vmg_arg_out(&l, scale);
    vmg_arg_i64(&l, x.dim[1]);
    vmg_arg_i64(&l, x.ld);
    l.shape[0] = x.dim[0];
    l.shape[1] = x.dim[1];
    l.bytes = (double)vmg_matmul_weight_bytes(VMG_LAYOUT_ROW, x.dtype, x.dim[0], x.dim[1]);
    vmg_launch_run(ctx, &l);
    return scale;
}

/* ---- the paths ---- */

static bool tiled_valid(vmg_ctx *ctx, const vmg_product *p)
{
    (void)ctx;
    return p->b.layout == VMG_LAYOUT_ROW;
}

static bool subgroup_valid(vmg_ctx *ctx, const vmg_product *p)
{
    return tiled_valid(ctx, p) && (ctx->dev.subgroup_sizes & (8 | 16 | 32));
}

/* Scales are of rows in memory. */
static bool half_valid(vmg_ctx *ctx, const vmg_product *p)
{
    return tiled_valid(ctx, p) && ctx->dev.fp16 && !p->trans_a && p->trans_b;
}

static bool half_subgroup_valid(vmg_ctx *ctx, const vmg_product *p)
{
    return half_valid(ctx, p) && subgroup_valid(ctx, p);
}

static void run(vmg_ctx *ctx, const vmg_product *p, const vmg_kernel_def *def, bool half)
{
    vmg_launch l = VMG_LAUNCH(def);
    vmg_define_dtype(&l, "T_A", p->a.dtype);
    vmg_define_dtype(&l, "T_B", p->b.dtype);
    vmg_define(&l, "TRANS_A=%d", p->trans_a);
    vmg_define(&l, "TRANS_B=%d", p->trans_b);
    vmg_define(&l, "HALF=%d", half);
    /* Also sets what is tuned apart: the two definitions share a kernel. */
    vmg_define(&l, "SUBGROUPS=%d", def == &subgroup_def);
    vmg_arg_in(&l, p->a);
    vmg_arg_in(&l, p->b);
    vmg_matmul_add_epilogue(&l, p);
    vmg_arg_i64(&l, p->M);
    vmg_arg_i64(&l, p->K);
    vmg_arg_i64(&l, p->a.ld);
    vmg_arg_i64(&l, p->b.ld);
    if (half) {
        vmg_arg_in(&l, row_scales(ctx, p->a, VMG_MATMUL_A));
        vmg_arg_in(&l, row_scales(ctx, p->b, VMG_MATMUL_B));
    }
    vmg_launch_run(ctx, &l);
}

static void tiled_run(vmg_ctx *ctx, const vmg_product *p)
{
    run(ctx, p, &tiled_def, false);
}

static void subgroup_run(vmg_ctx *ctx, const vmg_product *p)
{
    run(ctx, p, &subgroup_def, false);
}

static void half_run(vmg_ctx *ctx, const vmg_product *p)
{
    run(ctx, p, &tiled_def, true);
}

static void half_subgroup_run(vmg_ctx *ctx, const vmg_product *p)
{
    run(ctx, p, &subgroup_def, true);
}

const vmg_matmul_path vmg_matmul_tiled = {
    .name = "tiled", .kernel = &tiled_def, .valid = tiled_valid, .run = tiled_run};
const vmg_matmul_path vmg_matmul_subgroup = {
    .name = "subgroup", .kernel = &subgroup_def, .valid = subgroup_valid, .run = subgroup_run};
const vmg_matmul_path vmg_matmul_half = {
    .name = "half", .rounds = VMG_ROUNDS_TO_F16, .kernel = &tiled_def, .valid = half_valid, .run = half_run};
const vmg_matmul_path vmg_matmul_half_subgroup = {.name = "half_subgroup",
                                                  .rounds = VMG_ROUNDS_TO_F16,
                                                  .kernel = &subgroup_def,
                                                  .valid = half_subgroup_valid,
                                                  .run = half_subgroup_run};
