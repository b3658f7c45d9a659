/* Embeddings: launches of cl/embed.cl, and the sinusoid tables, which the host computes. */
#include "host/op/embed.h"

#include <math.h>

#include "host/base/mem.h"
#include "host/op/grid.h"
#include "host/op/want.h"

enum { EMBED, EMBED_BACKWARD, ADD_POSITION };

const vmg_kernel_def vmg_embed_kernels[] = {
    [EMBED] = {.file = "embed", .name = "embed", VMG_GRID_ROWS},
    [EMBED_BACKWARD] = {.file = "embed", .name = "embed_backward", VMG_GRID_ROWS},
    [ADD_POSITION] = {.file = "embed", .name = "add_position", VMG_GRID_ROWS},
};

/* The three kernels end in the same sizes. */
static void run(vmg_ctx *ctx, vmg_launch *l, int64_t R, int64_t C, int64_t n_table, double bytes)
{
    vmg_arg_i64(l, R);
    vmg_arg_i64(l, C);
    vmg_arg_i64(l, n_table);
    l->shape[0] = R;
    l->shape[1] = C;
    l->bytes = bytes * (double)R * (double)C;
    vmg_launch_run(ctx, l);
}

void vmg_op_embed(vmg_ctx *ctx, vmg_tensor table, vmg_tensor ids, vmg_tensor out)
{
    const int64_t R = vmg_tensor_count(ids), V = vmg_tensor_rows(table), C = vmg_tensor_cols(table);
    const vmg_want want[] = {{"the table", table, V, C, VMG_F32, VMG_WANT_FLOAT},
                             {"ids", ids, 1, R, VMG_I32, 0},
                             {"out", out, R, C, VMG_F32, 0}};
    if (!vmg_want_all(ctx, "embed", want, VMG_COUNT(want)))
        return;
    vmg_launch l = VMG_LAUNCH(&vmg_embed_kernels[EMBED]);
    vmg_define(&l, "EMBED");
    vmg_define_dtype(&l, "T_TABLE", table.dtype);
    vmg_arg_in(&l, table);
    vmg_arg_in(&l, ids);
    vmg_arg_out(&l, out);
    run(ctx, &l, R, C, V, 8.0);
}

void vmg_op_embed_backward(vmg_ctx *ctx, vmg_tensor ids, vmg_tensor dy, vmg_tensor d_table)
{
    const int64_t R = vmg_tensor_count(ids), V = vmg_tensor_rows(d_table), C = vmg_tensor_cols(d_table);
    const vmg_want want[] = {{"ids", ids, 1, R, VMG_I32, 0},
                             {"dy", dy, R, C, VMG_F32, 0},
                             {"d_table", d_table, V, C, VMG_F32, 0}};
    if (!vmg_want_all(ctx, "embed_backward", want, VMG_COUNT(want)))
        return;
    vmg_launch l = VMG_LAUNCH(&vmg_embed_kernels[EMBED_BACKWARD]);
    vmg_define(&l, "EMBED_BACKWARD");
    vmg_arg_in(&l, ids);
    vmg_arg_in(&l, dy);
    vmg_arg_inout(&l, d_table);
    run(ctx, &l, R, C, V, 12.0);
}

void vmg_op_add_position(vmg_ctx *ctx, vmg_tensor x, vmg_tensor table, vmg_tensor pos)
{
    const int64_t R = vmg_tensor_rows(x), C = vmg_tensor_cols(x), T = vmg_tensor_rows(table);
    const vmg_want want[] = {{"x", x, R, C, VMG_F32, 0},
                             {"the table", table, T, C, VMG_F32, 0},
                             {"positions", pos, 1, R, VMG_I32, 0}};
    if (!vmg_want_all(ctx, "add_position", want, VMG_COUNT(want)))
        return;
    vmg_launch l = VMG_LAUNCH(&vmg_embed_kernels[ADD_POSITION]);
    vmg_define(&l, "ADD_POSITION");
    vmg_arg_inout(&l, x);
    vmg_arg_in(&l, table);
    vmg_arg_in(&l, pos);
    run(ctx, &l, R, C, T, 12.0);
}

void vmg_timestep_sinusoid(const double *t, int64_t S, int64_t freq_dim, float *out)
{
    const int64_t half = freq_dim / 2;
    for (int64_t s = 0; s < S; s++)
        for (int64_t i = 0; i < half; i++) {
            const double angle = t[s] * pow(10000.0, -(double)i / (double)half);
            out[s * freq_dim + i] = (float)cos(angle);
            out[s * freq_dim + half + i] = (float)sin(angle);
        }
}

/*
 * exp in float32 as SLEEF's Sleef_expf*_u10 computes it, which PyTorch's CPU code is vectorised with. It is up to one unit
 * in the last place from the rounded value, and at position 5000 that unit moves the angle by 3e-4.
 */
static float exp_of_sleef(float x)
{
    static const float c[] = {0.00139304355252534151f, 0.00833336077630519867f, 0.0416664853692054749f,
                              0.166666671633720398f, 0.5f};
    const float q = rintf(x * 1.442695040888963407f);
    const float s = fmaf(q, -1.428606765330187045e-06f, fmaf(q, -0.693145751953125f, x));
    float u = 0.000198527617612853646f;
    for (size_t i = 0; i < VMG_COUNT(c); i++)
        u = fmaf(u, s, c[i]);
    return ldexpf(1.0f + fmaf(s * s, u, s), (int)q);
}

/* Rate and angle are rounded to float32 as published; sine and cosine are rounded once, from double. */
void vmg_position_table(int64_t T, int64_t C, float *out)
{
    const float step = (float)(-log(10000.0) / (double)C);
    for (int64_t i = 0; i < C / 2; i++) {
        const float rate = exp_of_sleef((float)(2 * i) * step);
        for (int64_t p = 0; p < T; p++) {
            const float angle = (float)p * rate;
            out[p * C + 2 * i] = (float)sin((double)angle);
            out[p * C + 2 * i + 1] = (float)cos((double)angle);
        }
    }
}
