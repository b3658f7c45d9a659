/* The umT5 text encoder backwards: t5.c's ops in reverse. */
#include "models/t5_saved.h"

/* d (R,dim) += gradient through the norm whose output has gradient dh (overwritten). */
static void rms_backward(vmg_t5 *t5, vmg_tensor x, const vmg_param *weight, vmg_tensor stats, vmg_tensor dh, vmg_tensor d)
{
    vmg_op_norm_backward(t5->ctx, &(vmg_norm){.kind = VMG_NORM_RMS, .x = x, .weight = weight->value, .stats = stats,
                                              .eps = (float)t5->config.eps},
                         dh, dh, weight->grad, VMG_NONE, VMG_NONE, VMG_NONE);
    vmg_op_combine(t5->ctx, 1.0f, d, 1.0f, dh, 0, VMG_NONE, d);
}

static void feed_forward_backward(vmg_t5 *t5, const vmg_t5_layer *l, vmg_arena *arena, const vmg_t5_layer_saved *s,
                                  vmg_tensor d)
{
    vmg_ctx *ctx = t5->ctx;
    int64_t R = d.dim[0], F = t5->config.dim_ffn;
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    vmg_tensor df = vmg_arena_matrix(arena, VMG_F32, R, F), d_up = vmg_arena_matrix(arena, VMG_F32, R, F);
    vmg_tensor dh = vmg_arena_matrix(arena, VMG_F32, R, t5->config.dim);
    vmg_op_linear_backward(ctx, s->f, l->fc2_w->value, d, df, l->fc2_w->grad, VMG_NONE);
    vmg_op_activation(ctx, VMG_ACT_GELU_TANH, s->gate, d_up);
    vmg_op_mul(ctx, d_up, df, d_up);
    vmg_op_mul(ctx, df, s->up, df);
    vmg_op_activation_backward(ctx, VMG_ACT_GELU_TANH, s->gate, df, df);
    vmg_op_linear_backward(ctx, s->h2, l->fc1_w->value, d_up, dh, l->fc1_w->grad, VMG_NONE);
    vmg_op_linear_backward(ctx, s->h2, l->gate_w->value, df, VMG_NONE, l->gate_w->grad, VMG_NONE);
    vmg_op_matmul(ctx, &(vmg_matmul){.a = df, .b = l->gate_w->value, .out = dh, .accumulate = true});
    rms_backward(t5, s->x1, l->norm2, s->stats2, dh, d);
    vmg_arena_reset(arena, mark);
}

static void attention_backward(vmg_t5 *t5, const vmg_t5_layer *l, vmg_arena *arena, const vmg_t5_layer_saved *s,
                               vmg_segments segments, vmg_tensor d)
{
    vmg_ctx *ctx = t5->ctx;
    int64_t R = d.dim[0], A = t5->config.dim_attn;
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    vmg_tensor da = vmg_arena_matrix(arena, VMG_F32, R, A), d_qkv = vmg_arena_matrix(arena, VMG_F32, R, 3 * A);
    vmg_tensor dh = vmg_arena_matrix(arena, VMG_F32, R, t5->config.dim);
    const vmg_attention attention = vmg_t5_attention(t5, l, s, segments);
    vmg_op_linear_backward(ctx, s->a, l->o_w->value, d, da, l->o_w->grad, VMG_NONE);
    vmg_op_attention_backward(ctx, &attention, da, vmg_tensor_view_cols(d_qkv, 0, A), vmg_tensor_view_cols(d_qkv, A, A),
                              vmg_tensor_view_cols(d_qkv, 2 * A, A), l->rel_bias->grad, arena);
    vmg_op_linear_backward(ctx, s->h1, l->qkv_w->value, d_qkv, dh, l->qkv_w->grad, VMG_NONE);
    rms_backward(t5, s->x, l->norm1, s->stats1, dh, d);
    vmg_arena_reset(arena, mark);
}

void vmg_t5_backward(vmg_t5 *t5, vmg_arena *arena, const vmg_t5_saved *s, vmg_tensor d_out)
{
    vmg_op_norm_backward(t5->ctx, &(vmg_norm){.kind = VMG_NORM_RMS, .x = s->x, .weight = t5->norm->value, .stats = s->stats,
                                              .eps = (float)t5->config.eps},
                         d_out, d_out, t5->norm->grad, VMG_NONE, VMG_NONE, VMG_NONE);
    for (int64_t i = t5->config.num_layers; i-- > 0;) {
        feed_forward_backward(t5, &t5->layers[i], arena, &s->layers[i], d_out);
        attention_backward(t5, &t5->layers[i], arena, &s->layers[i], s->segments, d_out);
    }
    vmg_op_embed_backward(t5->ctx, s->ids, d_out, t5->tokens->grad);
}
