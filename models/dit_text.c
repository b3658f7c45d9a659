/* The texts of the DiT: their rows, and the keys and values that every block makes of them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "models/dit_saved.h"

void vmg_dit_tap(const vmg_dit_taps *taps, const char *name, int64_t i, vmg_tensor t)
{
    char full[64];
    if (!taps || !taps->tap)
        return;
    if (i < 0)
        snprintf(full, sizeof full, "%s", name);
    else
        snprintf(full, sizeof full, "%s.%lld", name, (long long)i);
    taps->tap(taps->user, full, t);
}

int64_t vmg_dit_padding(const vmg_dit_config *c, int64_t n_rows, int64_t longest)
{
    int64_t width = VMG_MAX(c->text_min_rows, VMG_MAX(longest, n_rows));
    return width - n_rows;
}

/* Lays the contexts' rows out one after another and fills rows (zeros for padding) and key bias. */
static int lay_out(const vmg_dit *dit, const vmg_dit_context *contexts, int64_t n, bool merge, vmg_dit_text *t, float **rows,
                   float **bias)
{
    int64_t D = dit->config.text_dim;
    t->context = vmg_calloc((size_t)n, sizeof *t->context);
    if (!t->context)
        return VMG_E_NOMEM;
    t->n = n;
    for (int64_t i = 0; i < n; i++) {
        int64_t pad = merge ? VMG_MIN(contexts[i].n_padding, 1) : contexts[i].n_padding;
        t->context[i].row0 = t->rows;
        t->context[i].n_rows = contexts[i].n_rows + pad;
        t->rows += t->context[i].n_rows;
    }
    *rows = vmg_calloc((size_t)(t->rows * D), sizeof **rows);
    *bias = vmg_calloc((size_t)t->rows, sizeof **bias);
    if (!*rows || !*bias)
        return VMG_E_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        int64_t r = t->context[i].row0, real = contexts[i].n_rows;
        if (contexts[i].rows)
            memcpy(*rows + r * D, contexts[i].rows, (size_t)(real * D) * sizeof **rows);
        if (merge && contexts[i].n_padding)
            (*bias)[r + real] = (float)log((double)contexts[i].n_padding);
    }
    return VMG_OK;
}

void vmg_dit_text_begin(vmg_dit *dit, vmg_arena *arena, const vmg_dit_context *contexts, int64_t n, bool merge_padding,
                        vmg_dit_text *out, vmg_tensor *rows)
{
    vmg_ctx *ctx = dit->ctx;
    float *host_rows = NULL, *bias = NULL;
    *out = (vmg_dit_text){0};
    *rows = VMG_NONE;
    if (lay_out(dit, contexts, n, merge_padding, out, &host_rows, &bias) != VMG_OK) {
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
    } else {
        out->kv = vmg_arena_matrix(arena, dit->activations, dit->config.num_layers * out->rows, 2 * dit->config.dim);
        out->key_bias = vmg_arena_vector(arena, VMG_F32, out->rows);
        *rows = vmg_arena_matrix(arena, VMG_F32, out->rows, dit->config.text_dim);
        vmg_upload(ctx, *rows, host_rows);
        vmg_upload(ctx, out->key_bias, bias);
    }
    free(host_rows);
    free(bias);
}

/* Keys and values of one block. Training keeps the keys from before their norm apart. */
static void make_keys(vmg_dit *dit, const vmg_dit_block *b, vmg_tensor c, vmg_tensor raw, vmg_tensor stats, vmg_tensor kv)
{
    vmg_ctx *ctx = dit->ctx;
    int64_t C = dit->config.dim;
    vmg_params_need(&dit->params, b->group);
    vmg_op_linear(ctx, c, b->text.kv_w->value, &(vmg_epilogue){.bias = b->text.kv_b->value}, raw);
    vmg_op_norm(ctx, &(vmg_norm){.kind = VMG_NORM_RMS, .x = vmg_tensor_view_cols(raw, 0, C),
                                 .y = vmg_tensor_view_cols(kv, 0, C), .weight = b->text.norm_k->value, .stats = stats,
                                 .eps = (float)dit->config.eps});
    if (vmg_tensor_given(stats))
        vmg_op_copy(ctx, vmg_tensor_view_cols(raw, C, C), vmg_tensor_view_cols(kv, C, C));
    vmg_params_done(&dit->params, b->group);
}

void vmg_dit_text_forward(vmg_dit *dit, vmg_arena *arena, vmg_tensor rows, const vmg_dit_taps *taps,
                          vmg_dit_text_saved *saved, vmg_dit_text *out)
{
    vmg_ctx *ctx = dit->ctx;
    int64_t C = dit->config.dim, N = dit->config.num_layers, R = out->rows;
    vmg_arena_mark mark = vmg_arena_get_mark(arena);
    vmg_dit_text_saved s = {.rows = rows, .hidden = vmg_arena_matrix(arena, VMG_F32, R, C),
                            .c = vmg_arena_matrix(arena, VMG_F32, R, C), .kv_raw = out->kv};
    if (saved) {
        s.preact = vmg_arena_matrix(arena, VMG_F32, R, C);
        s.kv_raw = vmg_arena_matrix(arena, VMG_F32, N * R, 2 * C);
        s.k_stats = vmg_arena_matrix(arena, VMG_F32, N * R, 2);
        *saved = s;
    }
    vmg_op_linear(ctx, rows, dit->text0_w->value,
                  &(vmg_epilogue){.bias = dit->text0_b->value, .preact = s.preact, .act = VMG_ACT_GELU_TANH}, s.hidden);
    vmg_op_linear(ctx, s.hidden, dit->text2_w->value, &(vmg_epilogue){.bias = dit->text2_b->value}, s.c);
    vmg_dit_tap(taps, "text_embedding", -1, s.c);
    for (int64_t i = 0; i < N; i++)
        make_keys(dit, &dit->blocks[i], s.c, vmg_tensor_view_rows(s.kv_raw, i * R, R),
                  saved ? vmg_tensor_view_rows(s.k_stats, i * R, R) : VMG_NONE, vmg_tensor_view_rows(out->kv, i * R, R));
    if (!saved)
        vmg_arena_reset(arena, mark);
}

void vmg_dit_text_make(vmg_dit *dit, vmg_arena *arena, const vmg_dit_context *contexts, int64_t n, bool merge_padding,
                       const vmg_dit_taps *taps, vmg_dit_text *out)
{
    vmg_tensor rows;
    vmg_dit_text_begin(dit, arena, contexts, n, merge_padding, out, &rows);
    if (!dit->ctx->error)
        vmg_dit_text_forward(dit, arena, rows, taps, NULL, out);
}

void vmg_dit_text_free(vmg_dit_text *t)
{
    if (t)
        free(t->context);
}

