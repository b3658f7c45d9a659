/* Facts of texts: forward, loss, backward. */
#include "models/train_facts.h"

#include <stdlib.h>

#include "host/base/mem.h"
#include "models/t5_saved.h"
#include "models/train_impl.h"

int vmg_train_facts_create(vmg_train *t)
{
    const int64_t F = t->options.n_facts;
    if (F <= 0)
        return VMG_OK;
    if (!t->t5)
        return vmg_fail(VMG_E_ARG, "texts' facts are learnt by an encoder that is trained");
    int rc = vmg_params_init(&t->facts, t->ctx, 0);
    if (rc != VMG_OK)
        return rc;
    t->facts.trainable = true;
    t->facts_w = vmg_params_weight(&t->facts, -1, VMG_F32, F, t->t5->config.dim, VMG_TRAIN_FACTS_PREFIX, "", "weight");
    t->facts_b = vmg_params_vector(&t->facts, -1, F, VMG_TRAIN_FACTS_PREFIX, "", "bias");
    rc = vmg_ctx_status(t->ctx);
    if (rc == VMG_OK)
        rc = vmg_params_allocate(&t->facts);
    return rc == VMG_OK ? vmg_trainable_init(&t->net[VMG_TRAIN_FACTS], &t->facts, t->options.ema) : rc;
}

/* (texts, dim): one over each text's tokens, for means. */
static vmg_tensor upload_shares(vmg_train *t, const vmg_train_tokens *k, int64_t N, int64_t dim)
{
    vmg_tensor share = vmg_arena_matrix(&t->step, VMG_F32, N, dim);
    float *host = vmg_calloc((size_t)(N * dim), sizeof *host);
    if (!host)
        vmg_ctx_fail(t->ctx, VMG_E_NOMEM, "%s", vmg_error_message());
    for (int64_t i = 0; host && i < N * dim; i++)
        host[i] = 1.0f / (float)k->lens[i / dim];
    if (host && !t->ctx->error)
        vmg_upload(t->ctx, share, host);
    free(host);
    return share;
}

/* Sticky errors. */
static void run(vmg_train *t, const vmg_train_facts *f, const vmg_train_tokens *k, vmg_t5_saved *saved)
{
    vmg_ctx *ctx = t->ctx;
    vmg_arena *arena = &t->step;
    const int64_t N = f->n_texts, F = t->options.n_facts, dim = t->t5->config.dim;
    vmg_arena_reset_all(arena);
    vmg_t5_forward_saved(t->t5, arena, k->ids, k->lens, N, saved);
    vmg_tensor text = vmg_arena_vector(arena, VMG_I32, k->n), stated = vmg_arena_matrix(arena, VMG_F32, N, F);
    vmg_tensor share = upload_shares(t, k, N, dim), rows = vmg_arena_matrix(arena, VMG_F32, k->n, dim);
    vmg_tensor said = vmg_arena_matrix(arena, VMG_F32, N, dim), foretold = vmg_arena_matrix(arena, VMG_F32, N, F);
    vmg_tensor of_text = vmg_arena_vector(arena, VMG_F32, N), of_fact = vmg_arena_vector(arena, VMG_F32, F);
    vmg_tensor d_foretold = vmg_arena_matrix(arena, VMG_F32, N, F), d_said = vmg_arena_matrix(arena, VMG_F32, N, dim);
    vmg_tensor d = vmg_arena_matrix(arena, VMG_F32, k->n, dim);
    if (ctx->error)
        return;
    vmg_upload(ctx, text, k->text);
    vmg_upload(ctx, stated, f->facts);
    vmg_op_fill(ctx, of_text, (float)f->weight);
    vmg_op_fill(ctx, of_fact, 1.0f);
    vmg_op_fill(ctx, said, 0.0f);
    vmg_op_gate(ctx, VMG_NONE, saved->out, share, text, rows);
    vmg_op_column_sums_acc(ctx, rows, VMG_NONE, text, said);
    vmg_op_linear(ctx, said, t->facts_w->value, &(vmg_epilogue){.bias = t->facts_b->value}, foretold);
    vmg_op_mse(ctx, foretold, stated, of_text, of_fact, VMG_NONE, (double)VMG_MAX(f->n_all, N), t->loss, d_foretold);
    vmg_op_linear_backward(ctx, said, t->facts_w->value, d_foretold, d_said, t->facts_w->grad, t->facts_b->grad);
    vmg_op_gather_rows(ctx, d_said, text, rows);
    vmg_op_gate(ctx, VMG_NONE, rows, share, text, d);
    vmg_t5_backward(t->t5, arena, saved, d);
}

int vmg_train_facts_step(vmg_train *t, const vmg_train_facts *f, double *loss)
{
    vmg_t5_saved saved = {0};
    vmg_train_tokens k = {0};
    float weighted = 0;
    bool allowed = t->ctx->allow_bf16;
    *loss = 0;
    if (t->options.n_facts <= 0 || f->n_texts < 1 || !(f->weight > 0))
        return vmg_fail(VMG_E_ARG, "%lld texts of %lld facts with weight %g", (long long)f->n_texts, (long long)t->options.n_facts,
                        f->weight);
    for (int64_t i = 0; i < f->n_texts; i++)
        if (!f->texts[i].ids || f->texts[i].n_rows < 1)
            return vmg_fail(VMG_E_ARG, "text %lld of the facts has no token ids", (long long)i);
    int rc = vmg_train_tokens_gather(f->texts, f->n_texts, &k);
    if (rc == VMG_OK) {
        vmg_matmul_allow_bf16(t->ctx, t->options.bf16);
        run(t, f, &k, &saved);
        vmg_matmul_allow_bf16(t->ctx, allowed);
        vmg_download(t->ctx, t->loss, &weighted);
        rc = vmg_ctx_finish(t->ctx);
    }
    *loss = weighted / f->weight;
    vmg_t5_saved_free(&saved);
    vmg_train_tokens_free(&k);
    return rc;
}
