/* One transformer block of the DiT, as a straight list of ops (spec/model.md §1). */
#include "models/dit_block.h"

#include <math.h>

#include "host/base/mem.h"

vmg_tensor vmg_dit_modulation_row(vmg_tensor m, int row)
{
    int64_t S = m.dim[1], C = m.dim[2];
    return vmg_tensor_view_rows(vmg_tensor_reshape2(m, 6 * S, C), row * S, S);
}

/* A tensor that the backward pass wants: absent in inference. */
static vmg_tensor if_saving(bool saving, vmg_arena *arena, int64_t rows, int64_t cols)
{
    return saving ? vmg_arena_matrix(arena, VMG_F32, rows, cols) : VMG_NONE;
}

/* A tensor that passes from one op to the next. */
static vmg_tensor passing(const vmg_dit *dit, bool saving, vmg_arena *arena, int64_t rows, int64_t cols)
{
    return vmg_arena_matrix(arena, saving ? VMG_F32 : dit->activations, rows, cols);
}

/* RMS norm from x to y; in inference both are the same rows. */
static void rms(vmg_dit *dit, vmg_tensor x, const vmg_param *weight, vmg_tensor stats, vmg_tensor y)
{
    vmg_op_norm(dit->ctx, &(vmg_norm){.kind = VMG_NORM_RMS, .x = x, .y = y, .weight = weight->value, .stats = stats,
                                      .eps = (float)dit->config.eps});
}

static void modulated_norm(vmg_dit *dit, vmg_tensor x, vmg_tensor m, int shift, int scale, vmg_tensor group,
                           vmg_tensor stats, vmg_tensor y)
{
    vmg_op_norm(dit->ctx, &(vmg_norm){.kind = VMG_NORM_LAYER, .x = x, .y = y, .shift = vmg_dit_modulation_row(m, shift),
                                      .scale = vmg_dit_modulation_row(m, scale), .group = group, .stats = stats,
                                      .eps = (float)dit->config.eps});
}

static void attend(vmg_dit *dit, const vmg_dit_attention *p, vmg_tensor q, vmg_tensor k, vmg_tensor v, vmg_segments segments,
                   vmg_tensor key_bias, vmg_tensor lse, vmg_tensor out)
{
    int64_t C = dit->config.dim, H = dit->config.num_heads;
    vmg_op_attention(dit->ctx, &(vmg_attention){.q = q, .k = k, .v = v, .out = out, .n_heads = H,
                                                .scale = (float)(1.0 / sqrt((double)C / (double)H)),
                                                .segments = segments, .key_bias = key_bias, .lse = lse,
                                                .may_round = vmg_matmul_may_round(dit->ctx, p->o_w->value.dtype)});
}

/* out = x + gate·o(self_attention(norm(x))) */
static void self_attention(vmg_dit *dit, const vmg_dit_attention *p, vmg_arena *arena, vmg_tensor x, vmg_tensor m,
                           vmg_tensor group, vmg_segments segments, vmg_tensor out, vmg_dit_attention_saved *saved)
{
    vmg_ctx *ctx = dit->ctx;
    int64_t R = x.dim[0], C = x.dim[1];
    vmg_dit_attention_saved s = {.h = passing(dit, saved, arena, R, C), .h_stats = if_saving(saved, arena, R, 2),
                                 .raw = passing(dit, saved, arena, R, 3 * C),
                                 .q_stats = if_saving(saved, arena, R, 2), .k_stats = if_saving(saved, arena, R, 2),
                                 .lse = if_saving(saved, arena, R, dit->config.num_heads)};
    vmg_tensor k_raw = vmg_tensor_view_cols(s.raw, C, C);
    s.q_raw = vmg_tensor_view_cols(s.raw, 0, C);
    s.q = saved ? vmg_arena_matrix(arena, VMG_F32, R, C) : s.q_raw;
    s.k = saved ? vmg_arena_matrix(arena, VMG_F32, R, C) : k_raw;
    s.out = saved ? vmg_arena_matrix(arena, VMG_F32, R, C) : s.h;
    s.y = if_saving(saved, arena, R, C);

    modulated_norm(dit, x, m, VMG_DIT_SHIFT_ATTN, VMG_DIT_SCALE_ATTN, group, s.h_stats, s.h);
    vmg_op_linear(ctx, s.h, p->qkv_w->value, &(vmg_epilogue){.bias = p->qkv_b->value}, s.raw);
    rms(dit, s.q_raw, p->norm_q, s.q_stats, s.q);
    rms(dit, k_raw, p->norm_k, s.k_stats, s.k);
    attend(dit, p, s.q, s.k, vmg_tensor_view_cols(s.raw, 2 * C, C), segments, VMG_NONE, s.lse, s.out);
    vmg_op_linear(ctx, s.out, p->o_w->value,
                  &(vmg_epilogue){.bias = p->o_b->value, .preact = s.y, .gate = vmg_dit_modulation_row(m, VMG_DIT_GATE_ATTN),
                                  .group = group, .residual = x},
                  out);
    if (saved)
        *saved = s;
}

/* One cross-attention: a slice of rows, and its keys and values. */
typedef struct cross {
    const vmg_dit_attention *p;
    const vmg_param *norm_w, *norm_b;
    vmg_tensor k, v, key_bias;
    vmg_segments segments;
} cross;

/* out = x + o(cross_attention(norm_affine(x), kv)); out may be x. */
static void cross_attention(vmg_dit *dit, const cross *c, vmg_arena *arena, vmg_tensor x, vmg_tensor out,
                            vmg_dit_attention_saved *saved)
{
    vmg_ctx *ctx = dit->ctx;
    int64_t R = x.dim[0], C = x.dim[1];
    vmg_dit_attention_saved s = {.h = passing(dit, saved, arena, R, C), .h_stats = if_saving(saved, arena, R, 2),
                                 .q_raw = passing(dit, saved, arena, R, C),
                                 .q_stats = if_saving(saved, arena, R, 2),
                                 .lse = if_saving(saved, arena, R, dit->config.num_heads)};
    s.q = saved ? vmg_arena_matrix(arena, VMG_F32, R, C) : s.q_raw;
    s.out = saved ? vmg_arena_matrix(arena, VMG_F32, R, C) : s.h;

    vmg_op_norm(ctx, &(vmg_norm){.kind = VMG_NORM_LAYER, .x = x, .y = s.h, .weight = c->norm_w->value,
                                 .bias = c->norm_b->value, .stats = s.h_stats, .eps = (float)dit->config.eps});
    vmg_op_linear(ctx, s.h, c->p->q_w->value, &(vmg_epilogue){.bias = c->p->q_b->value}, s.q_raw);
    rms(dit, s.q_raw, c->p->norm_q, s.q_stats, s.q);
    attend(dit, c->p, s.q, c->k, c->v, c->segments, c->key_bias, s.lse, s.out);
    vmg_op_linear(ctx, s.out, c->p->o_w->value, &(vmg_epilogue){.bias = c->p->o_b->value, .residual = x}, out);
    if (saved) {
        s.raw = saved->raw; /* the reference's keys and values, made before */
        s.k = saved->k;
        s.k_stats = saved->k_stats;
        *saved = s;
    }
}

static void text_attention(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, const vmg_dit_block_args *a, vmg_tensor x,
                           vmg_tensor out)
{
    int64_t C = dit->config.dim, rows = a->batch->text_rows;
    const cross c = {.p = &b->text, .norm_w = b->norm3_w, .norm_b = b->norm3_b, .k = vmg_tensor_view_cols(a->text_kv, 0, C),
                     .v = vmg_tensor_view_cols(a->text_kv, C, C), .key_bias = a->text_key_bias, .segments = a->batch->text};
    cross_attention(dit, &c, arena, vmg_tensor_view_rows(x, 0, rows), vmg_tensor_view_rows(out, 0, rows),
                    a->saved ? &a->saved->text : NULL);
}

static void ref_attention(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, const vmg_dit_block_args *a, vmg_tensor x,
                          vmg_tensor out)
{
    const vmg_dit_batch *batch = a->batch;
    int64_t C = dit->config.dim, n = batch->rows - batch->text_rows, R = batch->ref_rows;
    vmg_tensor kv = passing(dit, a->saved, arena, R, 2 * C), k_raw = vmg_tensor_view_cols(kv, 0, C);
    vmg_tensor k = a->saved ? vmg_arena_matrix(arena, VMG_F32, R, C) : k_raw, stats = if_saving(a->saved, arena, R, 2);
    vmg_op_linear(dit->ctx, a->ref, b->ref.kv_w->value, &(vmg_epilogue){.bias = b->ref.kv_b->value}, kv);
    rms(dit, k_raw, b->ref.norm_k, stats, k);
    if (a->saved)
        a->saved->ref = (vmg_dit_attention_saved){.raw = kv, .k = k, .k_stats = stats};
    const cross c = {.p = &b->ref, .norm_w = b->norm4_w, .norm_b = b->norm4_b, .k = k,
                     .v = vmg_tensor_view_cols(kv, C, C), .segments = batch->ref_cross};
    cross_attention(dit, &c, arena, vmg_tensor_view_rows(x, batch->text_rows, n),
                    vmg_tensor_view_rows(out, batch->text_rows, n), a->saved ? &a->saved->ref : NULL);
}

/* out = x + gate·ffn(norm(x)); out may be x. */
static void feed_forward(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, vmg_tensor x, vmg_tensor m,
                         vmg_tensor group, vmg_tensor out, vmg_dit_block_saved *saved)
{
    vmg_ctx *ctx = dit->ctx;
    int64_t R = x.dim[0], C = x.dim[1], F = dit->config.ffn_dim;
    vmg_tensor h = passing(dit, saved, arena, R, C), stats = if_saving(saved, arena, R, 2);
    vmg_tensor f = passing(dit, saved, arena, R, F), preact = if_saving(saved, arena, R, F);
    vmg_tensor y = if_saving(saved, arena, R, C);
    vmg_epilogue last = {.bias = b->ffn2_b->value, .preact = y, .gate = vmg_dit_modulation_row(m, VMG_DIT_GATE_FFN),
                         .group = group, .residual = x};
    modulated_norm(dit, x, m, VMG_DIT_SHIFT_FFN, VMG_DIT_SCALE_FFN, group, stats, h);
    vmg_op_linear(ctx, h, b->ffn0_w->value,
                  &(vmg_epilogue){.bias = b->ffn0_b->value, .preact = preact, .act = VMG_ACT_GELU_TANH}, f);
    if (vmg_tensor_given(out))
        vmg_op_linear(ctx, f, b->ffn2_w->value, &last, out);
    else
        vmg_op_linear(ctx, f, b->ffn2_w->value, &(vmg_epilogue){.bias = b->ffn2_b->value}, y);
    if (saved) {
        saved->h = h;
        saved->h_stats = stats;
        saved->preact = preact;
        saved->f = f;
        saved->y = y;
    }
}

static vmg_tensor block_modulation(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, vmg_tensor e0)
{
    int64_t S = e0.dim[0], C = dit->config.dim;
    vmg_tensor m = vmg_arena_tensor(arena, VMG_F32, 3, (int64_t[]){6, S, C});
    vmg_op_modulation(dit->ctx, b->modulation->value, e0, m);
    return m;
}

void vmg_dit_block_forward(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, const vmg_dit_block_args *a)
{
    const vmg_dit_batch *batch = a->batch;
    vmg_dit_block_saved *saved = a->saved;
    int64_t R = a->x.dim[0], C = dit->config.dim;
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    vmg_params_need(&dit->params, b->group);
    vmg_tensor m = block_modulation(dit, b, arena, a->e0);
    /* Inference updates (R,C) in place from here on. */
    vmg_tensor x1 = saved ? vmg_arena_matrix(arena, VMG_F32, R, C) : a->out;
    vmg_tensor x2 = saved ? vmg_arena_matrix(arena, VMG_F32, R, C) : a->out;
    vmg_arena_mark inner = vmg_arena_get_mark(arena);
    if (saved)
        *saved = (vmg_dit_block_saved){.m = m, .x1 = x1, .x2 = x2};

    self_attention(dit, &b->self, arena, a->x, m, batch->group, batch->self, x1, saved ? &saved->self : NULL);
    if (!saved)
        vmg_arena_reset(arena, inner);
    if (batch->text_rows)
        text_attention(dit, b, arena, a, x1, x2);
    if (!saved)
        vmg_arena_reset(arena, inner);
    if (batch->rows > batch->text_rows)
        ref_attention(dit, b, arena, a, x1, x2);
    if (!saved)
        vmg_arena_reset(arena, inner);
    feed_forward(dit, b, arena, x2, m, batch->group, a->out, saved);
    vmg_params_done(&dit->params, b->group);
    if (!saved)
        vmg_arena_reset(arena, mark);
}

void vmg_dit_ref_block_forward(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, const vmg_dit_block_args *a)
{
    vmg_dit_block_saved *saved = a->saved;
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    vmg_params_need(&dit->params, b->group);
    vmg_tensor m = block_modulation(dit, b, arena, a->e0);
    vmg_tensor x1 = saved ? vmg_arena_matrix(arena, VMG_F32, a->x.dim[0], a->x.dim[1]) : a->out;
    if (saved)
        *saved = (vmg_dit_block_saved){.m = m, .x1 = x1, .x2 = x1};
    self_attention(dit, &b->self, arena, a->x, m, a->batch->ref_group, a->batch->ref_self, x1, saved ? &saved->self : NULL);
    feed_forward(dit, b, arena, x1, m, a->batch->ref_group, a->out, saved);
    vmg_params_done(&dit->params, b->group);
    if (!saved)
        vmg_arena_reset(arena, mark);
}
