/* Starting from weights that are there already. */
#include "src/train/warm_start.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "models/t5.h"
#include "models/t5_names.h"
#include "models/tokenizer.h"
#include "models/vocabulary.h"
#include "src/format/weights_file.h"
#include "src/train/checkpoint.h"

enum { MAX_NAME = 160 };

/* A parameter's tensor under any of the names it may have: a checkpoint's, the published one, llama.cpp's for encoders. */
static const vmg_weight *find(const vmg_weights *w, const vmg_train_param *p)
{
    char name[MAX_NAME];
    vmg_checkpoint_tensor_name(VMG_TRAIN_EMA, p->is_t5, p->name, name, sizeof name);
    const vmg_weight *t = vmg_weights_find(w, name);
    if (!t && p->is_t5 && vmg_t5_canonical_name(p->name, name, sizeof name))
        t = vmg_weights_find(w, name);
    if (!t && !p->is_t5)
        t = vmg_weights_find(w, p->name);
    return t;
}

static bool same_shape(const vmg_weight *t, const vmg_train_param *p)
{
    bool same = t->rank == p->rank;
    for (int i = 0; same && i < p->rank; i++)
        same = t->dim[i] == p->dim[i];
    return same;
}

static int put(vmg_ctx *ctx, const float *x, const vmg_train_param *p)
{
    vmg_upload(ctx, p->part[VMG_TRAIN_VALUE], x);
    if (vmg_tensor_given(p->part[VMG_TRAIN_EMA]))
        vmg_upload(ctx, p->part[VMG_TRAIN_EMA], x);
    return vmg_ctx_status(ctx);
}

static int take(vmg_ctx *ctx, const vmg_weight *t, const vmg_train_param *p)
{
    float *x = vmg_calloc((size_t)t->n, sizeof *x);
    int rc = x ? vmg_weight_to_f32(t, x) : VMG_E_NOMEM;
    if (rc == VMG_OK)
        rc = put(ctx, x, p);
    free(x);
    return rc;
}

/* ---- embeddings of other pieces ---- */

static bool same_pieces(const vmg_tokenizer *a, const vmg_tokenizer *b)
{
    int64_t n = vmg_tokenizer_size(a);
    bool same = n == vmg_tokenizer_size(b);
    for (int32_t i = 0; same && i < n; i++)
        same = !strcmp(vmg_tokenizer_piece(a, i), vmg_tokenizer_piece(b, i));
    return same;
}

/* The ids that `old` has for a piece: its own, or those that it cuts the piece's text into; none for what it does not know. */
static int old_ids(const vmg_tokenizer *old, const char *piece, vmg_token_ids *out)
{
    static const char space[] = "\xe2\x96\x81"; /* begins a word */
    bool begins = !strncmp(piece, space, sizeof space - 1);
    const char *text = begins ? piece + sizeof space - 1 : piece;
    int32_t own = vmg_tokenizer_id(old, piece);
    int rc = vmg_tokenizer_encode(old, text, strlen(text), VMG_TOKENIZER_MAX_IDS, out);
    if (rc != VMG_OK)
        return rc;
    int64_t n = 0;
    if (own >= 0)
        out->id[n++] = own;
    for (int64_t i = 0; own < 0 && i + 1 < out->n; i++) /* but for the end's */
        if (out->id[i] != VMG_VOCABULARY_UNKNOWN && (begins || strcmp(vmg_tokenizer_piece(old, out->id[i]), space)))
            out->id[n++] = out->id[i];
    out->n = n;
    return VMG_OK;
}

/* The mean of the rows `id` of the old table into `row`, which stays as it is without any. */
static void mean_row(const float *table, int64_t dim, const vmg_token_ids *ids, float *row)
{
    for (int64_t c = 0; c < dim && ids->n; c++) {
        double sum = 0;
        for (int64_t i = 0; i < ids->n; i++)
            sum += table[ids->id[i] * dim + c];
        row[c] = (float)(sum / (double)ids->n);
    }
}

/* The table p for the pieces of `now` from the table t for those of `old`. */
static int take_pieces(vmg_ctx *ctx, const vmg_weight *t, const vmg_train_param *p, const vmg_tokenizer *old, const vmg_tokenizer *now)
{
    int64_t n = p->dim[0], dim = p->dim[1];
    if (t->rank != 2 || t->dim[1] != dim || t->dim[0] != vmg_tokenizer_size(old) || n != vmg_tokenizer_size(now))
        return vmg_fail(VMG_E_FORMAT, "%s: its shape does not fit its vocabulary and this run's", p->name);
    float *from = vmg_calloc((size_t)t->n, sizeof *from), *to = vmg_calloc((size_t)(n * dim), sizeof *to);
    int rc = from && to ? vmg_weight_to_f32(t, from) : VMG_E_NOMEM;
    if (rc == VMG_OK)
        vmg_download(ctx, p->part[VMG_TRAIN_VALUE], to);
    for (int32_t i = 0; rc == VMG_OK && i < n; i++) {
        vmg_token_ids ids = {0};
        rc = old_ids(old, vmg_tokenizer_piece(now, i), &ids);
        if (rc == VMG_OK)
            mean_row(from, dim, &ids, to + i * dim);
        vmg_token_ids_free(&ids);
    }
    if (rc == VMG_OK)
        rc = put(ctx, to, p);
    free(from);
    free(to);
    return rc;
}

/* The token table, when the pieces are other ones; *taken tells. */
static int take_other_pieces(vmg_ctx *ctx, const vmg_weights *w, const vmg_weight *t, const vmg_train_param *p, const vmg_tokenizer *now,
                             bool *taken)
{
    vmg_tokenizer *old = NULL;
    int rc = vmg_tokenizer_from_weights(w, &old);
    *taken = rc == VMG_OK && !same_pieces(old, now);
    if (*taken)
        rc = take_pieces(ctx, t, p, old, now);
    vmg_tokenizer_free(old);
    return rc == VMG_E_NOTFOUND ? VMG_OK : rc; /* a file without a vocabulary: the shape must do */
}

/* One parameter, if the file has it; *taken tells. */
static int take_param(vmg_ctx *ctx, const vmg_weights *w, const vmg_train_param *p, const vmg_tokenizer *now, bool *taken)
{
    const vmg_weight *x = find(w, p);
    int rc = VMG_OK;
    *taken = false;
    if (x && now && p->is_t5 && !strcmp(p->name, vmg_t5_token_table))
        rc = take_other_pieces(ctx, w, x, p, now, taken);
    if (rc != VMG_OK || *taken || !x || !same_shape(x, p))
        return rc;
    *taken = true;
    return take(ctx, x, p);
}

int vmg_warm_start(vmg_ctx *ctx, vmg_train *t, const char *path, const vmg_tokenizer *tokenizer, const vmg_log *log)
{
    vmg_weights *w = NULL;
    size_t taken = 0, n = vmg_train_n_params(t);
    int rc = vmg_path_is_dir(path) ? vmg_weights_open_dir(path, &w) : vmg_weights_open(path, &w);
    for (size_t i = 0; rc == VMG_OK && i < n; i++) {
        vmg_train_param p = vmg_train_get_param(t, i);
        bool one;
        rc = take_param(ctx, w, &p, tokenizer, &one);
        taken += one;
    }
    vmg_weights_close(w);
    if (rc == VMG_OK && !taken)
        return vmg_fail(VMG_E_NOTFOUND, "%s: no tensor has the name and shape of a parameter", path);
    if (rc == VMG_OK)
        vmg_logf(log, VMG_LOG_INFO, "%zu of %zu parameters start from %s", taken, n, path);
    return rc;
}
