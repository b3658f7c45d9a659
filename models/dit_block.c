/* One transformer block of the DiT, as a straight list of ops (spec/model.md §1). */
#include "models/dit_block.h"

#include <math.h>

/* Rows of a modulation table (6,S,C): shift, scale and gate of the attention, then of the feed-forward. */
enum { SHIFT_ATTN, SCALE_ATTN, GATE_ATTN, SHIFT_FFN, SCALE_FFN, GATE_FFN };

static vmg_tensor modulation_row(vmg_tensor m, int row)
{
    int64_t S = m.dim[1], C = m.dim[2];
    return vmg_tensor_view_rows(vmg_tensor_reshape2(m, 6 * S, C), row * S, S);
}

static void rms(vmg_dit *dit, vmg_tensor x, const vmg_param *weight)
{
    vmg_op_norm(dit->ctx, &(vmg_norm){.kind = VMG_NORM_RMS, .x = x, .y = x, .weight = weight->value,
                                      .eps = (float)dit->config.eps});
}

static void modulated_norm(vmg_dit *dit, vmg_tensor x, vmg_tensor m, int shift, int scale, vmg_tensor group, vmg_tensor y)
{
    vmg_op_norm(dit->ctx, &(vmg_norm){.kind = VMG_NORM_LAYER, .x = x, .y = y, .shift = modulation_row(m, shift),
                                      .scale = modulation_row(m, scale), .group = group, .eps = (float)dit->config.eps});
}

static void attend(vmg_dit *dit, vmg_tensor q, vmg_tensor kv, int64_t k0, vmg_segments segments, vmg_tensor key_bias,
                   vmg_tensor out)
{
    int64_t C = dit->config.dim, H = dit->config.num_heads;
    vmg_op_attention(dit->ctx, &(vmg_attention){.q = q, .k = vmg_tensor_view_cols(kv, k0, C),
                                                .v = vmg_tensor_view_cols(kv, k0 + C, C), .out = out, .n_heads = H,
                                                .scale = (float)(1.0 / sqrt((double)C / (double)H)),
                                                .segments = segments, .key_bias = key_bias});
}

/* out = x + gate·o(self_attention(norm(x))) */
static void self_attention(vmg_dit *dit, const vmg_dit_attention *p, vmg_arena *arena, vmg_tensor x, vmg_tensor m,
                           vmg_tensor group, vmg_segments segments, vmg_tensor out)
{
    vmg_ctx *ctx = dit->ctx;
    int64_t R = x.dim[0], C = x.dim[1];
    vmg_tensor h = vmg_arena_matrix(arena, VMG_F32, R, C);
    vmg_tensor qkv = vmg_arena_matrix(arena, VMG_F32, R, 3 * C);
    modulated_norm(dit, x, m, SHIFT_ATTN, SCALE_ATTN, group, h);
    vmg_op_linear(ctx, h, p->qkv_w->value, &(vmg_epilogue){.bias = p->qkv_b->value}, qkv);
    rms(dit, vmg_tensor_view_cols(qkv, 0, C), p->norm_q);
    rms(dit, vmg_tensor_view_cols(qkv, C, C), p->norm_k);
    attend(dit, vmg_tensor_view_cols(qkv, 0, C), qkv, C, segments, VMG_NONE, h);
    vmg_op_linear(ctx, h, p->o_w->value,
                  &(vmg_epilogue){.bias = p->o_b->value, .gate = modulation_row(m, GATE_ATTN), .group = group, .residual = x},
                  out);
}

/* x += o(cross_attention(norm_affine(x), kv)), in place on a slice of rows. */
static void cross_attention(vmg_dit *dit, const vmg_dit_attention *p, const vmg_param *norm_w, const vmg_param *norm_b,
                            vmg_arena *arena, vmg_tensor x, vmg_tensor kv, vmg_segments segments, vmg_tensor key_bias)
{
    vmg_ctx *ctx = dit->ctx;
    int64_t R = x.dim[0], C = x.dim[1];
    vmg_tensor h = vmg_arena_matrix(arena, VMG_F32, R, C);
    vmg_tensor q = vmg_arena_matrix(arena, VMG_F32, R, C);
    vmg_op_norm(ctx, &(vmg_norm){.kind = VMG_NORM_LAYER, .x = x, .y = h, .weight = norm_w->value, .bias = norm_b->value,
                                 .eps = (float)dit->config.eps});
    vmg_op_linear(ctx, h, p->q_w->value, &(vmg_epilogue){.bias = p->q_b->value}, q);
    rms(dit, q, p->norm_q);
    attend(dit, q, kv, 0, segments, key_bias, h);
    vmg_op_linear(ctx, h, p->o_w->value, &(vmg_epilogue){.bias = p->o_b->value, .residual = x}, x);
}

/* out = x + gate·ffn(norm(x)); out may be x. */
static void feed_forward(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, vmg_tensor x, vmg_tensor m,
                         vmg_tensor group, vmg_tensor out)
{
    vmg_ctx *ctx = dit->ctx;
    int64_t R = x.dim[0], C = x.dim[1], F = dit->config.ffn_dim;
    vmg_tensor h = vmg_arena_matrix(arena, VMG_F32, R, C);
    vmg_tensor f = vmg_arena_matrix(arena, VMG_F32, R, F);
    modulated_norm(dit, x, m, SHIFT_FFN, SCALE_FFN, group, h);
    vmg_op_linear(ctx, h, b->ffn0_w->value, &(vmg_epilogue){.bias = b->ffn0_b->value, .act = VMG_ACT_GELU_TANH}, f);
    vmg_op_linear(ctx, f, b->ffn2_w->value,
                  &(vmg_epilogue){.bias = b->ffn2_b->value, .gate = modulation_row(m, GATE_FFN), .group = group, .residual = x},
                  out);
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
    int64_t C = dit->config.dim, n_motion_rows = batch->rows - batch->text_rows;
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    vmg_params_need(&dit->params, b->group);
    vmg_tensor m = block_modulation(dit, b, arena, a->e0);
    vmg_tensor x = a->out; /* (R,C) from here on updated in place */
    vmg_arena_mark inner = vmg_arena_get_mark(arena);

    self_attention(dit, &b->self, arena, a->x, m, batch->group, batch->self, x);
    vmg_arena_reset(arena, inner);
    if (batch->text_rows)
        cross_attention(dit, &b->text, b->norm3_w, b->norm3_b, arena, vmg_tensor_view_rows(x, 0, batch->text_rows),
                        a->text_kv, batch->text, a->text_key_bias);
    vmg_arena_reset(arena, inner);
    if (n_motion_rows) {
        vmg_tensor kv = vmg_arena_matrix(arena, VMG_F32, batch->ref_rows, 2 * C);
        vmg_op_linear(dit->ctx, a->ref, b->ref.kv_w->value, &(vmg_epilogue){.bias = b->ref.kv_b->value}, kv);
        rms(dit, vmg_tensor_view_cols(kv, 0, C), b->ref.norm_k);
        cross_attention(dit, &b->ref, b->norm4_w, b->norm4_b, arena,
                        vmg_tensor_view_rows(x, batch->text_rows, n_motion_rows), kv, batch->ref_cross, VMG_NONE);
    }
    vmg_arena_reset(arena, inner);
    feed_forward(dit, b, arena, x, m, batch->group, x);
    vmg_params_done(&dit->params, b->group);
    vmg_arena_reset(arena, mark);
}

void vmg_dit_ref_block_forward(vmg_dit *dit, const vmg_dit_block *b, vmg_arena *arena, const vmg_dit_block_args *a)
{
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    vmg_params_need(&dit->params, b->group);
    vmg_tensor m = block_modulation(dit, b, arena, a->e0);
    self_attention(dit, &b->self, arena, a->x, m, a->batch->ref_group, a->batch->ref_self, a->out);
    feed_forward(dit, b, arena, a->out, m, a->batch->ref_group, a->out);
    vmg_params_done(&dit->params, b->group);
    vmg_arena_reset(arena, mark);
}
