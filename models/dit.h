/* ViMoGen's diffusion transformer: parameters, batches of packed samples, forward pass (spec/model.md §1). */
#ifndef VMG_MODELS_DIT_H
#define VMG_MODELS_DIT_H

#include "host/arena.h"
#include "host/op.h"
#include "models/config.h"
#include "models/params.h"

/* ---- parameters ---- */

/* Self-attention reads q, k, v from one fused weight (3C,C); cross-attention has q (C,C) and kv (2C,C). */
typedef struct vmg_dit_attention {
    vmg_param *qkv_w, *qkv_b;           /* self */
    vmg_param *q_w, *q_b, *kv_w, *kv_b; /* cross */
    vmg_param *o_w, *o_b, *norm_q, *norm_k;
} vmg_dit_attention;

/* A block; blocks of the reference encoder have neither text, ref nor their norms. */
typedef struct vmg_dit_block {
    int group; /* in the parameter table */
    vmg_param *modulation;
    vmg_dit_attention self, text, ref;
    vmg_param *norm3_w, *norm3_b, *norm4_w, *norm4_b;
    vmg_param *ffn0_w, *ffn0_b, *ffn2_w, *ffn2_b;
} vmg_dit_block;

enum { VMG_DIT_MAX_FRAMES = 4096 }; /* of a motion or a reference: rows of the position table */

typedef struct vmg_dit {
    vmg_ctx *ctx;
    vmg_dit_config config;
    vmg_dtype activations;      /* f32 (VMG_F32, until set otherwise), f16 or bf16: what inference keeps what passes from op to op in,
                                   inside blocks, and texts' keys and values; the rows between blocks stay f32 */
    vmg_params params;
    vmg_param *motion_w, *motion_b, *ref_w, *ref_b;     /* input projections */
    vmg_param *text0_w, *text0_b, *text2_w, *text2_b;   /* text_embedding */
    vmg_param *time0_w, *time0_b, *time2_w, *time2_b, *time_proj_w, *time_proj_b;
    vmg_param *head_modulation, *head_w, *head_b;
    vmg_dit_block *blocks;      /* num_layers */
    vmg_dit_block *ref_blocks;  /* num_layers / 2, or 0 without a reference half */
    int64_t n_ref_blocks;
    vmg_tensor positions;       /* (n_positions, C) sinusoids, shared by motion and reference */
    int64_t n_positions;
    size_t positions_bytes;
} vmg_dit;

/*
 * Declare every parameter; `dtype` is what the blocks' weights are kept in (input projections, timestep embedding and head
 * stay f32). Nothing is allocated on the device before vmg_dit_load*. VMG_E_NOMEM.
 */
int vmg_dit_create(vmg_ctx *ctx, const vmg_dit_config *config, vmg_dtype dtype, vmg_dit **out);
void vmg_dit_free(vmg_dit *dit);

/* For training: every parameter f32 row-major on the device, zero until loaded or written. */
int vmg_dit_create_trainable(vmg_ctx *ctx, const vmg_dit_config *config, vmg_dit **out);

/* Load the parameters (models/params.h tells the errors) and make the position table. */
int vmg_dit_load(vmg_dit *dit, const vmg_weights *w, const vmg_params_load_options *o);
int vmg_dit_load_random(vmg_dit *dit, uint64_t seed, const vmg_params_load_options *o);

/* ---- texts ---- */

/* One text's embedding rows (n_rows, text_dim) f32 on the host, followed by n_padding rows of zeros that count as keys. */
typedef struct vmg_dit_context {
    const float *rows;
    int64_t n_rows, n_padding;
} vmg_dit_context;

/* Padding rows that an embedding of n_rows gets in a batch whose longest has `longest` rows. */
int64_t vmg_dit_padding(const vmg_dit_config *c, int64_t n_rows, int64_t longest);

/* Keys and values of several texts for every block: depends only on the texts, so computed once for all steps. */
typedef struct vmg_dit_text {
    int64_t n;
    struct { int64_t row0, n_rows; } *context; /* rows of kv */
    int64_t rows;
    vmg_tensor kv;       /* (num_layers·rows, 2C): keys (normalised) then values */
    vmg_tensor key_bias; /* (rows): log(count) of merged rows, else 0 */
} vmg_dit_text;

/* `merge_padding`: equal padding rows become one row whose score has log(count) added (exact); otherwise every row is
 * kept. `tap`: see below. Memory comes from the arena; free with vmg_dit_text_free (host part). */
struct vmg_dit_taps;
void vmg_dit_text_make(vmg_dit *dit, vmg_arena *arena, const vmg_dit_context *contexts, int64_t n,
                       bool merge_padding, const struct vmg_dit_taps *taps, vmg_dit_text *out);
void vmg_dit_text_free(vmg_dit_text *t);

/* ---- batches ---- */

/* A sample: text samples come before motion samples in a batch. */
typedef struct vmg_dit_sample {
    bool attend_to_text;
    int64_t n_frames;     /* rows of x */
    int64_t context;      /* text branch: index into vmg_dit_text */
    int64_t n_ref_rows;   /* rows of the reference given and encoded; may be 0 in the text branch (never read there) */
    int64_t n_ref_frames; /* motion branch: keys of the reference cross-attention, <= n_ref_rows */
} vmg_dit_sample;

/* Where each sample's rows lie, on host and device. */
typedef struct vmg_dit_batch {
    int64_t n_samples, n_text;         /* samples [0, n_text) attend to text */
    int64_t rows, text_rows, ref_rows; /* of x; of x in the text branch (they come first); of the reference */
    int64_t *row0, *ref_row0;          /* first row of each sample; n_samples + 1 entries */
    vmg_segments self, text, ref_self, ref_cross;
    vmg_segment *segments;             /* storage of the four */
    vmg_tensor pos, ref_pos;           /* (rows), (ref_rows) i32: position inside the sample */
    vmg_tensor group, ref_group;       /* (rows) i32 sample, or VMG_NONE when all share one timestep */
} vmg_dit_batch;

/* `per_sample_time`: each sample has its own timestep (training), else all share one. Errors are sticky. */
void vmg_dit_batch_make(vmg_dit *dit, vmg_arena *arena, const vmg_dit_sample *samples, int64_t n,
                        const vmg_dit_text *text, bool per_sample_time, vmg_dit_batch *out);
void vmg_dit_batch_free(vmg_dit_batch *b);

/* ---- forward ---- */

/* Called with intermediate results, for conformance tests; name as in the golden vectors ("blocks.3"). */
typedef struct vmg_dit_taps {
    void (*tap)(void *user, const char *name, vmg_tensor t);
    void *user;
} vmg_dit_taps;

/*
 * out (rows, out_dim) = the network's velocity for x (rows, in_dim) at the timesteps t[n_t] (n_t = 1, or n_samples when the
 * batch was made so). ref (ref_rows, ref_motion_dim), VMG_NONE when there are no reference rows. Temporaries come from
 * the arena and are given back.
 */
void vmg_dit_forward(vmg_dit *dit, vmg_arena *arena, const vmg_dit_batch *batch, const vmg_dit_text *text,
                     vmg_tensor x, vmg_tensor ref, const double *t, int64_t n_t, vmg_tensor out,
                     const vmg_dit_taps *taps);

/* Floating-point operations (multiply and add counted apart) of one forward pass: what must be computed with exact reuse. */
double vmg_dit_flops(const vmg_dit *dit, const vmg_dit_batch *batch, const vmg_dit_text *text);

#endif
