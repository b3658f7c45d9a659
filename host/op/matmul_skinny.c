/* The skinny path: few rows against row-major weights, bound by memory (cl/matmul_skinny.cl). */
#include "host/op/matmul_path.h"

enum { WG, MT, NT, VW };

static bool skinny_valid_values(const vmg_device *dev, const int *v, const int64_t *shape)
{
    (void)shape;
    /* On a processor one item walks a row alone; 32 items are allowed so that every device can
     * check the tree. */
    const bool fits = dev->device_class != VMG_CLASS_CPU || v[WG] <= 32;
    return fits && 4ull * (uint64_t)(v[MT] * v[NT] * v[WG]) <= dev->local_mem_bytes &&
           v[MT] * v[NT] * v[VW] <= 256;
}

static void skinny_geometry(const vmg_device *dev, const int *v, const int64_t *shape,
                            size_t global[3], size_t local[3])
{
    (void)dev;
    local[0] = (size_t)v[WG];
    local[1] = 1;
    global[0] = (size_t)((shape[1] + v[NT] - 1) / v[NT]) * local[0];
    global[1] = (size_t)((shape[0] + v[MT] - 1) / v[MT]);
}

static const vmg_kernel_def skinny_def = {.file = "matmul_skinny",
                                          .name = "matmul_skinny",
                                          .tunables = {{"WG", {64, 128, 256, 1, 32}},
                                                       {"MT", {4, 8, 1}},
                                                       {"NT", {2, 4, 1}},
                                                       {"VW", {4, 16}}},
                                          .valid = skinny_valid_values,
                                          .geometry = skinny_geometry};

static bool skinny_valid(vmg_ctx *ctx, const vmg_product *p)
{
    (void)ctx;
    return p->b.layout == VMG_LAYOUT_ROW && p->trans_b && !p->trans_a;
}

static void skinny_run(vmg_ctx *ctx, const vmg_product *p)
{
    vmg_launch l = VMG_LAUNCH(&skinny_def);
    vmg_define_dtype(&l, "T_A", p->a.dtype);
    vmg_define_dtype(&l, "T_B", p->b.dtype);
    vmg_arg_in(&l, p->a);
    vmg_arg_in(&l, p->b);
    vmg_matmul_add_epilogue(&l, p);
    vmg_arg_i64(&l, p->M);
    vmg_arg_i64(&l, p->K);
    vmg_arg_i64(&l, p->a.ld);
    vmg_arg_i64(&l, p->b.ld);
    vmg_launch_run(ctx, &l);
}

const vmg_matmul_path vmg_matmul_skinny = {
    .name = "skinny", .kernel = &skinny_def, .valid = skinny_valid, .run = skinny_run};
