/* The umT5 text encoder (spec/model.md §2): parameters, streaming, packed batches. */
#ifndef VMG_MODELS_T5_H
#define VMG_MODELS_T5_H

#include "host/arena.h"
#include "host/op.h"
#include "models/config.h"
#include "models/params.h"

typedef struct vmg_t5_layer {
    vmg_param *norm1, *qkv_w, *o_w, *rel_bias; /* rel_bias (n_buckets, H); with shared_pos the same one in every layer */
    vmg_param *norm2, *gate_w, *fc1_w, *fc2_w;
} vmg_t5_layer;

typedef struct vmg_t5 {
    vmg_ctx *ctx;
    vmg_t5_config config;
    vmg_params params;
    vmg_t5_layer *layers;
    vmg_param *norm;
    vmg_param *tokens;       /* training: the (vocab, dim) token table is a parameter on the device; else NULL and */
    const vmg_weight *table; /* (vocab, dim) token embeddings: stay in the file's map on the host */
} vmg_t5;

/* Declare every parameter, weights kept as `dtype` (f32, f16, bf16, q8_0, q4_0; models/t5_names.h tells which
 * are finer in q4_0). */
int vmg_t5_create(vmg_ctx *ctx, const vmg_t5_config *config, vmg_dtype dtype, vmg_t5 **out);
void vmg_t5_free(vmg_t5 *t5);

/* For training: every parameter, the token table too, f32 row-major on the device, zero until loaded or written. */
int vmg_t5_create_trainable(vmg_ctx *ctx, const vmg_t5_config *config, vmg_t5 **out);

/* Load from any of the three spellings that models/t5_names.h knows. `w` must stay open as long as the encoder: the token table is read from
 * it. o->max_bytes streams layers (models/params.h); o->alias is set here. */
int vmg_t5_load(vmg_t5 *t5, const vmg_weights *w, const vmg_params_load_options *o);

/* Random weights and a random token table for benches. */
int vmg_t5_load_random(vmg_t5 *t5, uint64_t seed, const vmg_params_load_options *o);

/*
 * Encode n texts of lens[i] >= 0 token ids each, ids lying one text after another; out gets Σ lens rows of `dim` f32, in the
 * same order. Texts are computed packed, without padding. `progress` (may be NULL) is told layers done. Errors: an id outside the
 * vocabulary (VMG_E_ARG), and everything sticky.
 */
int vmg_t5_encode(vmg_t5 *t5, const int32_t *ids, const int64_t *lens, int64_t n, vmg_params_progress *progress,
                  void *progress_user, float *out);

/* The name of the (vocab, dim) table of token embeddings, among parameters that are trained. */
extern const char vmg_t5_token_table[];

/* Floating-point operations of encoding texts of these lengths. */
double vmg_t5_flops(const vmg_t5 *t5, const int64_t *lens, int64_t n);

#endif
