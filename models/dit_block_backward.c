/* One transformer block of the DiT backwards: dit_block.c's ops in reverse. */
#include <math.h>

#include "models/dit_block.h"

static void add_to(vmg_ctx *ctx, vmg_tensor d, vmg_tensor part)
{
    vmg_op_combine(ctx, 1.0f, d, 1.0f, part, 0, VMG_NONE, d);
}

/* d (R,C): gradient after the RMS norm, becomes the one before it. */
static void rms_backward(vmg_dit *dit, vmg_tensor x, const vmg_param *weight, vmg_tensor stats, vmg_tensor d)
{
    vmg_op_norm_backward(dit->ctx, &(vmg_norm){.kind = VMG_NORM_RMS, .x = x, .weight = weight->value, .stats = stats,
                                               .eps = (float)dit->config.eps},
                         d, d, weight->grad, VMG_NONE, VMG_NONE, VMG_NONE);
}

/* d += gradient through y = norm(x)·(1+scale) + shift, whose gradient at y is dh (overwritten); d_m's rows accumulate. */
static void modulated_norm_backward(vmg_dit *dit, vmg_tensor x, vmg_tensor m, int shift, int scale, vmg_tensor group,
                                    vmg_tensor stats, vmg_tensor dh, vmg_tensor d_m, vmg_tensor d)
{
    vmg_op_norm_backward(dit->ctx, &(vmg_norm){.kind = VMG_NORM_LAYER, .x = x, .shift = vmg_dit_modulation_row(m, shift),
                                               .scale = vmg_dit_modulation_row(m, scale), .group = group, .stats = stats,
                                               .eps = (float)dit->config.eps},
                         dh, dh, VMG_NONE, VMG_NONE, vmg_dit_modulation_row(d_m, shift), vmg_dit_modulation_row(d_m, scale));
    add_to(dit->ctx, d, dh);
}

static vmg_attention attention_of(vmg_dit *dit, const vmg_dit_attention_saved *s, vmg_tensor k, vmg_tensor v,
                                  vmg_segments segments, vmg_tensor key_bias)
{
    return (vmg_attention){.q = s->q, .k = k, .v = v, .out = s->out, .lse = s->lse, .n_heads = dit->config.num_heads,
                           .scale = (float)(1.0 / sqrt((double)dit->config.dim / (double)dit->config.num_heads)),
                           .segments = segments, .key_bias = key_bias};
}

static void feed_forward_backward(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, const vmg_dit_block_saved *s,
                                  vmg_tensor group, vmg_tensor d, vmg_tensor d_m)
{
    vmg_ctx *ctx = dit->ctx;
    int64_t R = d.dim[0], C = d.dim[1], F = dit->config.ffn_dim;
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    vmg_tensor dy = vmg_arena_matrix(arena, VMG_F32, R, C), df = vmg_arena_matrix(arena, VMG_F32, R, F);
    vmg_op_gate_backward(ctx, d, s->y, vmg_dit_modulation_row(s->m, VMG_DIT_GATE_FFN), group, dy,
                         vmg_dit_modulation_row(d_m, VMG_DIT_GATE_FFN));
    vmg_op_linear_backward(ctx, s->f, b->ffn2_w->value, dy, df, b->ffn2_w->grad, b->ffn2_b->grad);
    vmg_op_activation_backward(ctx, VMG_ACT_GELU_TANH, s->preact, df, df);
    vmg_op_linear_backward(ctx, s->h, b->ffn0_w->value, df, dy, b->ffn0_w->grad, b->ffn0_b->grad);
    modulated_norm_backward(dit, s->x2, s->m, VMG_DIT_SHIFT_FFN, VMG_DIT_SCALE_FFN, group, s->h_stats, dy, d_m, d);
    vmg_arena_reset(arena, mark);
}

/* A cross-attention backwards: d (R,C) is the gradient after it and becomes the one before it; d_k, d_v (keys' rows) are assigned. */
typedef struct cross_backward {
    const vmg_dit_attention *p;
    const vmg_param *norm_w, *norm_b;
    const vmg_dit_attention_saved *s;
    vmg_tensor x, k, v, key_bias, d_k, d_v;
    vmg_segments segments;
} cross_backward;

static void cross_attention_backward(vmg_dit *dit, const cross_backward *c, vmg_arena *arena, vmg_tensor d)
{
    vmg_ctx *ctx = dit->ctx;
    const vmg_dit_attention_saved *s = c->s;
    int64_t R = d.dim[0], C = d.dim[1];
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    vmg_tensor d_out = vmg_arena_matrix(arena, VMG_F32, R, C), dq = vmg_arena_matrix(arena, VMG_F32, R, C);
    vmg_attention attention = attention_of(dit, s, c->k, c->v, c->segments, c->key_bias);
    vmg_op_linear_backward(ctx, s->out, c->p->o_w->value, d, d_out, c->p->o_w->grad, c->p->o_b->grad);
    vmg_op_attention_backward(ctx, &attention, d_out, dq, c->d_k, c->d_v, VMG_NONE, arena);
    rms_backward(dit, s->q_raw, c->p->norm_q, s->q_stats, dq);
    vmg_op_linear_backward(ctx, s->h, c->p->q_w->value, dq, d_out, c->p->q_w->grad, c->p->q_b->grad);
    vmg_op_norm_backward(ctx, &(vmg_norm){.kind = VMG_NORM_LAYER, .x = c->x, .weight = c->norm_w->value,
                                          .bias = c->norm_b->value, .stats = s->h_stats, .eps = (float)dit->config.eps},
                         d_out, d_out, c->norm_w->grad, c->norm_b->grad, VMG_NONE, VMG_NONE);
    add_to(ctx, d, d_out);
    vmg_arena_reset(arena, mark);
}

static void text_attention_backward(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, const vmg_dit_block_args *a,
                                    const vmg_dit_block_grads *g)
{
    int64_t C = dit->config.dim, rows = a->batch->text_rows;
    const cross_backward c = {.p = &b->text, .norm_w = b->norm3_w, .norm_b = b->norm3_b, .s = &a->saved->text,
                              .x = vmg_tensor_view_rows(a->saved->x1, 0, rows), .k = vmg_tensor_view_cols(a->text_kv, 0, C),
                              .v = vmg_tensor_view_cols(a->text_kv, C, C), .key_bias = a->text_key_bias,
                              .d_k = vmg_tensor_view_cols(g->d_text_kv, 0, C), .d_v = vmg_tensor_view_cols(g->d_text_kv, C, C),
                              .segments = a->batch->text};
    cross_attention_backward(dit, &c, arena, vmg_tensor_view_rows(g->d, 0, rows));
}

static void ref_attention_backward(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, const vmg_dit_block_args *a,
                                   const vmg_dit_block_grads *g)
{
    vmg_ctx *ctx = dit->ctx;
    const vmg_dit_batch *batch = a->batch;
    const vmg_dit_attention_saved *s = &a->saved->ref;
    int64_t C = dit->config.dim, n = batch->rows - batch->text_rows;
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    vmg_tensor d_kv = vmg_arena_matrix(arena, VMG_F32, batch->ref_rows, 2 * C), d_k = vmg_tensor_view_cols(d_kv, 0, C);
    vmg_op_fill(ctx, d_kv, 0.0f); /* rows that are no keys */
    const cross_backward c = {.p = &b->ref, .norm_w = b->norm4_w, .norm_b = b->norm4_b, .s = s,
                              .x = vmg_tensor_view_rows(a->saved->x1, batch->text_rows, n), .k = s->k,
                              .v = vmg_tensor_view_cols(s->raw, C, C), .d_k = d_k, .d_v = vmg_tensor_view_cols(d_kv, C, C),
                              .segments = batch->ref_cross};
    cross_attention_backward(dit, &c, arena, vmg_tensor_view_rows(g->d, batch->text_rows, n));
    rms_backward(dit, vmg_tensor_view_cols(s->raw, 0, C), b->ref.norm_k, s->k_stats, d_k);
    vmg_op_linear_backward(ctx, a->ref, b->ref.kv_w->value, d_kv, VMG_NONE, b->ref.kv_w->grad, b->ref.kv_b->grad);
    vmg_op_matmul(ctx, &(vmg_matmul){.a = d_kv, .b = b->ref.kv_w->value, .out = g->d_ref, .accumulate = true});
    vmg_arena_reset(arena, mark);
}

static void self_attention_backward(vmg_dit *dit, const vmg_dit_attention *p, vmg_arena *arena, vmg_tensor x, vmg_tensor m,
                                    const vmg_dit_attention_saved *s, vmg_tensor group, vmg_segments segments,
                                    vmg_tensor d, vmg_tensor d_m)
{
    vmg_ctx *ctx = dit->ctx;
    int64_t R = d.dim[0], C = d.dim[1];
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    vmg_tensor dy = vmg_arena_matrix(arena, VMG_F32, R, C), d_out = vmg_arena_matrix(arena, VMG_F32, R, C);
    vmg_tensor d_raw = vmg_arena_matrix(arena, VMG_F32, R, 3 * C);
    vmg_tensor dq = vmg_tensor_view_cols(d_raw, 0, C), dk = vmg_tensor_view_cols(d_raw, C, C);
    vmg_attention attention = attention_of(dit, s, s->k, vmg_tensor_view_cols(s->raw, 2 * C, C), segments, VMG_NONE);
    vmg_op_gate_backward(ctx, d, s->y, vmg_dit_modulation_row(m, VMG_DIT_GATE_ATTN), group, dy,
                         vmg_dit_modulation_row(d_m, VMG_DIT_GATE_ATTN));
    vmg_op_linear_backward(ctx, s->out, p->o_w->value, dy, d_out, p->o_w->grad, p->o_b->grad);
    vmg_op_fill(ctx, d_raw, 0.0f); /* rows that are no keys (the reference's, beyond the motion's length) */
    vmg_op_attention_backward(ctx, &attention, d_out, dq, dk, vmg_tensor_view_cols(d_raw, 2 * C, C), VMG_NONE, arena);
    rms_backward(dit, s->q_raw, p->norm_q, s->q_stats, dq);
    rms_backward(dit, vmg_tensor_view_cols(s->raw, C, C), p->norm_k, s->k_stats, dk);
    vmg_op_linear_backward(ctx, s->h, p->qkv_w->value, d_raw, dy, p->qkv_w->grad, p->qkv_b->grad);
    modulated_norm_backward(dit, x, m, VMG_DIT_SHIFT_ATTN, VMG_DIT_SCALE_ATTN, group, s->h_stats, dy, d_m, d);
    vmg_arena_reset(arena, mark);
}

/* Either kind of block: `full` has cross-attention. */
static void backward(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, const vmg_dit_block_args *a,
                     const vmg_dit_block_grads *g, bool full)
{
    const vmg_dit_block_saved *s = a->saved;
    const vmg_dit_batch *batch = a->batch;
    vmg_tensor group = full ? batch->group : batch->ref_group;
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    vmg_tensor d_m = vmg_arena_tensor(arena, VMG_F32, 3, s->m.dim);
    vmg_op_fill(dit->ctx, d_m, 0.0f);
    feed_forward_backward(dit, b, arena, s, group, g->d, d_m);
    if (full && batch->rows > batch->text_rows)
        ref_attention_backward(dit, b, arena, a, g);
    if (full && batch->text_rows)
        text_attention_backward(dit, b, arena, a, g);
    self_attention_backward(dit, &b->self, arena, a->x, s->m, &s->self, group, full ? batch->self : batch->ref_self, g->d,
                            d_m);
    vmg_op_modulation_backward(dit->ctx, d_m, b->modulation->grad, g->d_e0);
    vmg_arena_reset(arena, mark);
}

void vmg_dit_block_backward(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, const vmg_dit_block_args *a,
                            const vmg_dit_block_grads *g)
{
    backward(dit, b, arena, a, g, true);
}

void vmg_dit_ref_block_backward(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, const vmg_dit_block_args *a,
                                const vmg_dit_block_grads *g)
{
    backward(dit, b, arena, a, g, false);
}
