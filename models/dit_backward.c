/* The DiT backwards: dit.c's forward pass in reverse, blocks computed again where they kept only their inputs. */
#include "models/dit_saved.h"

/* d (S,C) += through SiLU and the projection to e0 and the head; then time_embedding. */
static void time_backward(vmg_dit *dit, vmg_arena *arena, const vmg_dit_saved *s, vmg_tensor d_e0, vmg_tensor d_e)
{
    vmg_ctx *ctx = dit->ctx;
    int64_t S = s->e.dim[0], C = dit->config.dim;
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    vmg_tensor d = vmg_arena_matrix(arena, VMG_F32, S, C);
    vmg_op_linear_backward(ctx, s->e_act, dit->time_proj_w->value, vmg_tensor_reshape2(d_e0, S, 6 * C), d,
                           dit->time_proj_w->grad, dit->time_proj_b->grad);
    vmg_op_activation_backward(ctx, VMG_ACT_SILU, s->e, d, d);
    vmg_op_combine(ctx, 1.0f, d_e, 1.0f, d, 0, VMG_NONE, d_e);
    vmg_op_linear_backward(ctx, s->time_hidden, dit->time2_w->value, d_e, d, dit->time2_w->grad, dit->time2_b->grad);
    vmg_op_activation_backward(ctx, VMG_ACT_SILU, s->time_preact, d, d);
    vmg_op_linear_backward(ctx, s->sinusoid, dit->time0_w->value, d, VMG_NONE, dit->time0_w->grad, dit->time0_b->grad);
    vmg_arena_reset(arena, mark);
}

/* From d_out to d (rows, C) after the last block; d_e (S,C) is assigned. */
static void head_backward(vmg_dit *dit, vmg_arena *arena, const vmg_dit_batch *batch, const vmg_dit_saved *s,
                          vmg_tensor d_out, vmg_tensor d, vmg_tensor d_e)
{
    vmg_ctx *ctx = dit->ctx;
    int64_t S = s->e.dim[0], C = dit->config.dim;
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    vmg_tensor d_m = vmg_arena_tensor(arena, VMG_F32, 3, s->head_m.dim);
    vmg_tensor m_rows = vmg_tensor_reshape2(s->head_m, 2 * S, C), d_rows = vmg_tensor_reshape2(d_m, 2 * S, C);
    vmg_op_fill(ctx, d_m, 0.0f);
    vmg_op_fill(ctx, d_e, 0.0f);
    vmg_op_linear_backward(ctx, s->head_h, dit->head_w->value, d_out, d, dit->head_w->grad, dit->head_b->grad);
    vmg_op_norm_backward(ctx, &(vmg_norm){.kind = VMG_NORM_LAYER, .x = s->block_x[dit->config.num_layers],
                                          .shift = vmg_tensor_view_rows(m_rows, 0, S),
                                          .scale = vmg_tensor_view_rows(m_rows, S, S), .group = batch->group,
                                          .stats = s->head_stats, .eps = (float)dit->config.eps},
                         d, d, VMG_NONE, VMG_NONE, vmg_tensor_view_rows(d_rows, 0, S), vmg_tensor_view_rows(d_rows, S, S));
    vmg_op_modulation_backward(ctx, d_m, dit->head_modulation->grad, vmg_tensor_reshape(d_e, 3, (int64_t[]){S, 1, C}));
    vmg_arena_reset(arena, mark);
}

/* Block i, computed again if it kept only its input. */
static void block_backward(vmg_dit *dit, vmg_arena *arena, bool is_ref, int64_t i, vmg_dit_block_args *a,
                           const vmg_dit_saved *s, const vmg_dit_block_grads *g)
{
    vmg_dit_block_saved again;
    const vmg_dit_block *b = is_ref ? &dit->ref_blocks[i] : &dit->blocks[i];
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    a->x = is_ref ? s->ref_x[i] : s->block_x[i];
    a->e0 = s->e0;
    a->saved = &again;
    if (s->keep)
        a->saved = is_ref ? &s->ref_blocks[i] : &s->blocks[i];
    else if (is_ref)
        vmg_dit_ref_block_forward(dit, b, arena, a);
    else
        vmg_dit_block_forward(dit, b, arena, a);
    if (is_ref)
        vmg_dit_ref_block_backward(dit, b, arena, a, g);
    else
        vmg_dit_block_backward(dit, b, arena, a, g);
    vmg_arena_reset(arena, mark);
}

void vmg_dit_backward(vmg_dit *dit, vmg_arena *arena, const vmg_dit_batch *batch, const vmg_dit_text *text,
                      const vmg_dit_saved *s, vmg_tensor d_out, vmg_tensor d_text_kv)
{
    vmg_ctx *ctx = dit->ctx;
    if (ctx->error)
        return;
    int64_t C = dit->config.dim, S = s->e.dim[0], N = dit->config.num_layers;
    bool has_ref = batch->ref_rows && batch->rows > batch->text_rows;
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    vmg_dit_block_grads g = {.d = vmg_arena_matrix(arena, VMG_F32, batch->rows, C),
                             .d_e0 = vmg_arena_tensor(arena, VMG_F32, 3, (int64_t[]){S, 6, C})};
    vmg_tensor d_e = vmg_arena_matrix(arena, VMG_F32, S, C);
    vmg_op_fill(ctx, g.d_e0, 0.0f);
    if (has_ref) {
        g.d_ref = vmg_arena_matrix(arena, VMG_F32, batch->ref_rows, C);
        vmg_op_fill(ctx, g.d_ref, 0.0f);
    }
    if (vmg_tensor_given(d_text_kv))
        vmg_op_fill(ctx, d_text_kv, 0.0f); /* texts that no sample names */
    head_backward(dit, arena, batch, s, d_out, g.d, d_e);
    for (int64_t i = N; i-- > 0;) {
        vmg_dit_block_args a = {.batch = batch};
        if (batch->ref_rows)
            a.ref = s->ref_x[dit->n_ref_blocks];
        if (batch->text_rows) {
            a.text_kv = vmg_tensor_view_rows(text->kv, i * text->rows, text->rows);
            a.text_key_bias = text->key_bias;
            g.d_text_kv = vmg_tensor_view_rows(d_text_kv, i * text->rows, text->rows);
        }
        block_backward(dit, arena, false, i, &a, s, &g);
    }
    vmg_op_linear_backward(ctx, s->x, dit->motion_w->value, g.d, VMG_NONE, dit->motion_w->grad, dit->motion_b->grad);
    vmg_dit_block_grads ref = {.d = g.d_ref, .d_e0 = g.d_e0};
    for (int64_t i = has_ref ? dit->n_ref_blocks : 0; i-- > 0;)
        block_backward(dit, arena, true, i, &(vmg_dit_block_args){.batch = batch}, s, &ref);
    if (has_ref)
        vmg_op_linear_backward(ctx, s->ref, dit->ref_w->value, g.d_ref, VMG_NONE, dit->ref_w->grad, dit->ref_b->grad);
    time_backward(dit, arena, s, g.d_e0, d_e);
    vmg_arena_reset(arena, mark);
}

void vmg_dit_text_backward(vmg_dit *dit, vmg_arena *arena, const vmg_dit_text *text, const vmg_dit_text_saved *s,
                           vmg_tensor d_text_kv, vmg_tensor d_rows)
{
    vmg_ctx *ctx = dit->ctx;
    int64_t C = dit->config.dim, R = text->rows;
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    vmg_tensor d_c = vmg_arena_matrix(arena, VMG_F32, R, C), d = vmg_arena_matrix(arena, VMG_F32, R, C);
    for (int64_t i = dit->config.num_layers; i-- > 0;) {
        const vmg_dit_attention *p = &dit->blocks[i].text;
        vmg_tensor d_kv = vmg_tensor_view_rows(d_text_kv, i * R, R), d_k = vmg_tensor_view_cols(d_kv, 0, C);
        vmg_tensor raw = vmg_tensor_view_rows(s->kv_raw, i * R, R);
        vmg_op_norm_backward(ctx, &(vmg_norm){.kind = VMG_NORM_RMS, .x = vmg_tensor_view_cols(raw, 0, C),
                                              .weight = p->norm_k->value, .stats = vmg_tensor_view_rows(s->k_stats, i * R, R),
                                              .eps = (float)dit->config.eps},
                             d_k, d_k, p->norm_k->grad, VMG_NONE, VMG_NONE, VMG_NONE);
        vmg_op_linear_backward(ctx, s->c, p->kv_w->value, d_kv, VMG_NONE, p->kv_w->grad, p->kv_b->grad);
        vmg_op_matmul(ctx, &(vmg_matmul){.a = d_kv, .b = p->kv_w->value, .out = d_c,
                                         .accumulate = i + 1 < dit->config.num_layers});
    }
    vmg_op_linear_backward(ctx, s->hidden, dit->text2_w->value, d_c, d, dit->text2_w->grad, dit->text2_b->grad);
    vmg_op_activation_backward(ctx, VMG_ACT_GELU_TANH, s->preact, d, d);
    vmg_op_linear_backward(ctx, s->rows, dit->text0_w->value, d, d_rows, dit->text0_w->grad, dit->text0_b->grad);
    vmg_arena_reset(arena, mark);
}
