/* Weights packed once at load: which layout, how many bytes, and the packing itself. */
#include <string.h>

#include "host/base/mem.h"
#include "host/op/matmul_path.h"

/* ---- packing kernels ---- */

/* shape: rows, K, rows of a panel, whether K is contiguous. Items as in cl/matmul_pack.cl. */
static void panels_geometry(const vmg_device *dev, const int *v, const int64_t *shape,
                            size_t global[3], size_t local[3])
{
    (void)dev;
    (void)v;
    const int64_t panels = (shape[0] + shape[2] - 1) / shape[2];
    global[0] = (size_t)(shape[3] ? (shape[1] + 127) / 128 : (shape[1] + 15) / 16);
    global[1] = (size_t)(shape[3] ? panels : (panels + 7) / 8);
    local[0] = local[1] = 1;
}

static const vmg_kernel_def pack_panels_def = {
    .file = "matmul_pack", .name = "pack_panels", .geometry = panels_geometry};

void vmg_matmul_pack_panels(vmg_ctx *ctx, vmg_tensor t, int64_t I, int64_t K, int64_t stride_i,
                            int64_t stride_k, int width, vmg_tensor dst)
{
    vmg_launch l = VMG_LAUNCH(&pack_panels_def);
    vmg_define_dtype(&l, "T_SRC", t.dtype);
    vmg_define_dtype(&l, "T_DST", dst.dtype);
    vmg_define(&l, "WIDENS=%d", dst.dtype != t.dtype);
    vmg_define(&l, "K_CONTIGUOUS=%d", stride_k == 1);
    vmg_define(&l, "VW=%d", vmg_matmul_vector_width(&ctx->dev));
    vmg_arg_in(&l, t);
    vmg_arg_out(&l, dst);
    vmg_arg_i64(&l, I);
    vmg_arg_i64(&l, K);
    vmg_arg_i64(&l, stride_i);
    vmg_arg_i64(&l, stride_k);
    vmg_arg_i32(&l, width);
    l.shape[0] = I;
    l.shape[1] = K;
    l.shape[2] = width;
    l.shape[3] = stride_k == 1;
    l.bytes = (double)I * (double)K * (vmg_dtype_get(t.dtype).block_bytes + vmg_dtype_get(dst.dtype).block_bytes);
    vmg_launch_run(ctx, &l);
}

static void blocks_geometry(const vmg_device *dev, const int *v, const int64_t *shape,
                            size_t global[3], size_t local[3])
{
    (void)dev;
    (void)v;
    global[0] = (size_t)(shape[1] / 32);
    global[1] = (size_t)((shape[0] + VMG_PANEL - 1) / VMG_PANEL);
    local[0] = local[1] = 1;
}

static const vmg_kernel_def pack_blocks_def = {
    .file = "matmul_pack", .name = "pack_blocks", .geometry = blocks_geometry};

void vmg_matmul_pack_blocks(vmg_ctx *ctx, vmg_tensor t, vmg_tensor dst)
{
    vmg_launch l = VMG_LAUNCH(&pack_blocks_def);
    vmg_define(&l, "QUANT_BYTES=%d", vmg_dtype_get(t.dtype).block_bytes - 2);
    vmg_arg_in(&l, t);
    vmg_arg_out(&l, dst);
    vmg_arg_i64(&l, t.dim[0]);
    vmg_arg_i64(&l, t.dim[1] / 32);
    l.shape[0] = t.dim[0];
    l.shape[1] = t.dim[1];
    l.bytes = 2.0 * (double)vmg_tensor_bytes(t);
    vmg_launch_run(ctx, &l);
}

vmg_tensor vmg_matmul_panels(vmg_ctx *ctx, const vmg_product *p)
{
    if (p->b.layout == VMG_LAYOUT_PANEL)
        return p->b;
    vmg_tensor panels =
        vmg_matmul_scratch(ctx, VMG_MATMUL_B, p->b.dtype,
                           vmg_matmul_weight_bytes(VMG_LAYOUT_PANEL, p->b.dtype, p->N, p->K));
    if (vmg_dtype_get(p->b.dtype).block_len > 1)
        vmg_matmul_pack_blocks(ctx, p->b, panels);
    else
        vmg_matmul_pack_panels(ctx, p->b, p->N, p->K, p->trans_b ? p->b.ld : 1,
                               p->trans_b ? 1 : p->b.ld, VMG_PANEL, panels);
    return panels;
}

/* ---- weights ---- */

vmg_layout vmg_matmul_weight_layout(vmg_ctx *ctx, vmg_dtype dtype, int64_t n, int64_t k)
{
    (void)n;
    (void)k;
    if (dtype == VMG_BF16 && strcmp(vmg_matmul_matrix_unit(ctx), "none"))
        return VMG_LAYOUT_TILE;
    return ctx->dev.device_class == VMG_CLASS_CPU ? VMG_LAYOUT_PANEL : VMG_LAYOUT_ROW;
}

size_t vmg_matmul_weight_bytes(vmg_layout layout, vmg_dtype dtype, int64_t n, int64_t k)
{
    size_t bytes = 0;
    if (layout != VMG_LAYOUT_ROW)
        n = vmg_round_up(n, VMG_PANEL);
    if (layout == VMG_LAYOUT_TILE) {
        k = vmg_round_up(k, VMG_TILE_K);
        dtype = VMG_BF16;
    }
    return vmg_dtype_bytes(dtype, n * k, &bytes) == VMG_OK ? bytes : 0;
}

void vmg_op_weight_pack(vmg_ctx *ctx, vmg_tensor src, vmg_tensor dst, int64_t n0)
{
    if (ctx->error)
        return;
    const int64_t n = src.dim[0], k = src.dim[1];
    if (src.rank != 2 || dst.rank != 2 || src.layout != VMG_LAYOUT_ROW || k != dst.dim[1] ||
        n0 < 0 || n0 + n > dst.dim[0] || n0 % VMG_PANEL ||
        (n % VMG_PANEL && n0 + n != dst.dim[0]) || src.dtype > VMG_Q4_0 ||
        (src.dtype != dst.dtype && dst.layout != VMG_LAYOUT_TILE) ||
        (!vmg_tensor_dense(src) && vmg_dtype_get(src.dtype).block_len > 1)) {
        char ts[96], td[96];
        vmg_ctx_fail(
            ctx, VMG_E_ARG,
            "packing %s at row %lld of %s: rows must come in multiples of %d, with one dtype",
            vmg_tensor_describe(src, ts, sizeof ts), (long long)n0,
            vmg_tensor_describe(dst, td, sizeof td), VMG_PANEL);
        return;
    }
    if (n == 0 || k == 0)
        return;
    vmg_tensor to = dst;
    to.off_bytes += vmg_matmul_weight_bytes(dst.layout, dst.dtype, n0, k);
    if (dst.layout == VMG_LAYOUT_TILE)
        vmg_matmul_pack_tiles(ctx, src, n, k, src.ld, 1, to);
    else if (vmg_dtype_get(src.dtype).block_len > 1)
        vmg_matmul_pack_blocks(ctx, src, to);
    else
        vmg_matmul_pack_panels(ctx, src, n, k, src.ld, 1, VMG_PANEL, to);
}
