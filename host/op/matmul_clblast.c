/* The CLBlast path: f32 row-major operands, then the epilogue by cl/matmul_finish.cl. */
#include "host/blas.h"
#include "host/op/elementwise.h"
#include "host/op/matmul_path.h"

enum { WG };

static void finish_geometry(const vmg_device *dev, const int *v, const int64_t *shape,
                            size_t global[3], size_t local[3])
{
    (void)dev;
    local[0] = (size_t)v[WG];
    local[1] = 1;
    global[0] = (size_t)((shape[1] + v[WG] - 1) / v[WG]) * local[0];
    global[1] = (size_t)shape[0];
}

static const vmg_kernel_def finish_def = {.file = "matmul_finish",
                                          .name = "matmul_finish",
                                          .tunables = {{"WG", {64, 128, 256}}},
                                          .geometry = finish_geometry};

static bool clblast_valid(vmg_ctx *ctx, const vmg_product *p)
{
    (void)ctx;
    return p->b.dtype == VMG_F32 && p->b.layout == VMG_LAYOUT_ROW;
}

/* The left operand in floats: CLBlast would sum products of halves in half precision. */
static vmg_tensor left_floats(vmg_ctx *ctx, vmg_tensor a)
{
    if (a.dtype == VMG_F32)
        return a;
    const vmg_tensor all = vmg_matmul_scratch(ctx, VMG_MATMUL_A, VMG_F32, (size_t)vmg_tensor_count(a) * sizeof(float));
    const vmg_tensor floats = vmg_tensor_make(all.buf, 0, VMG_F32, 2, a.dim);
    vmg_op_copy(ctx, a, floats);
    return floats;
}

static void clblast_run(vmg_ctx *ctx, const vmg_product *p)
{
    const vmg_epilogue *e = &p->epilogue;
    const bool floats = p->out.dtype == VMG_F32;
    const bool plain = floats && !vmg_tensor_given(e->bias) && !vmg_tensor_given(e->preact) &&
                       e->act == VMG_ACT_NONE && !vmg_tensor_given(e->mul) &&
                       !vmg_tensor_given(e->gate) && !vmg_tensor_given(e->residual);
    /* The product may overwrite out unless the epilogue still needs what lies there. */
    const bool direct = plain || (floats && !e->accumulate && e->residual.buf != p->out.buf);
    const vmg_tensor a = left_floats(ctx, p->a);
    vmg_tensor y = p->out;
    if (!direct) {
        y = vmg_matmul_scratch(ctx, VMG_MATMUL_OUT, VMG_F32,
                               (size_t)p->M * (size_t)p->N * sizeof(float));
        y.ld = p->N;
    }
    vmg_blas_gemm(ctx, p->trans_a, p->trans_b, p->M, p->N, p->K, plain ? p->alpha : 1.0f, a,
                  a.ld, p->b, p->b.ld, plain && e->accumulate ? 1.0f : 0.0f, y, y.ld);
    if (plain)
        return;
    vmg_launch l = VMG_LAUNCH(&finish_def);
    vmg_arg_in(&l, y);
    vmg_matmul_add_epilogue(&l, p);
    vmg_arg_i64(&l, y.ld);
    l.flops = 0;
    vmg_launch_run(ctx, &l);
}

const vmg_matmul_path vmg_matmul_clblast = {
    .name = "clblast", .kernel = &finish_def, .valid = clblast_valid, .run = clblast_run};
