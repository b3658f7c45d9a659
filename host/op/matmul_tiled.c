/* The tiled path: row-major operands through local memory, for any device (cl/matmul_tiled.cl). */
#include "host/op/matmul_path.h"

enum { BM, BN, BK, TM, TN };

static bool tiled_valid_values(const vmg_device *dev, const int *v, const int64_t *shape)
{
    (void)shape;
    const int wg = v[BM] / v[TM] * (v[BN] / v[TN]);
    const uint64_t local = 4ull * (uint64_t)v[BK] * (uint64_t)(v[BM] + v[BN] + 2);
    return wg >= 16 && wg <= 256 && local <= dev->local_mem_bytes;
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

static const vmg_kernel_def tiled_def = {.file = "matmul_tiled",
                                         .name = "matmul_tiled",
                                         .tunables = {{"BM", {64, 32, 128}},
                                                      {"BN", {64, 32, 128}},
                                                      {"BK", {16, 8}},
                                                      {"TM", {4, 8}},
                                                      {"TN", {4, 8}}},
                                         .valid = tiled_valid_values,
                                         .geometry = tiled_geometry};

static bool tiled_valid(vmg_ctx *ctx, const vmg_product *p)
{
    (void)ctx;
    return p->b.layout == VMG_LAYOUT_ROW;
}

static void tiled_run(vmg_ctx *ctx, const vmg_product *p)
{
    vmg_launch l = VMG_LAUNCH(&tiled_def);
    vmg_define_dtype(&l, "T_B", p->b.dtype);
    vmg_define(&l, "TRANS_A=%d", p->trans_a);
    vmg_define(&l, "TRANS_B=%d", p->trans_b);
    vmg_arg_in(&l, p->a);
    vmg_arg_in(&l, p->b);
    vmg_matmul_add_epilogue(&l, p);
    vmg_arg_i64(&l, p->M);
    vmg_arg_i64(&l, p->K);
    vmg_arg_i64(&l, p->a.ld);
    vmg_arg_i64(&l, p->b.ld);
    vmg_launch_run(ctx, &l);
}

const vmg_matmul_path vmg_matmul_tiled = {
    .name = "tiled", .kernel = &tiled_def, .valid = tiled_valid, .run = tiled_run};
