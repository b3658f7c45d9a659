/* Generating motion: a model, texts or reference motions in, feature clips out. */
#ifndef VMG_SRC_LIB_GENERATE_H
#define VMG_SRC_LIB_GENERATE_H

#include "host/ctx.h"
#include "models/sampler.h"
#include "src/lib/embedding.h"
#include "src/lib/model.h"

/*
 * A reference motion, (n_frames, ref_dim), normalised. From a file of one array: (T,138) is taken as it is, (T,276) are features in
 * metres at 20 fps, which are normalised with mean and std (NULL: taken as normalised already) and cut to the reference's
 * features. From any other clip (src/motion/clip.h: .bvh, .npz, .pt as published, ...): made canonical, resampled to 20 fps, then
 * the same. Fresh memory.
 */
int vmg_reference_read(const char *path, int64_t ref_dim, const float *mean, const float *std, int64_t *n_frames, float **out);

/* One clip to make. Exactly one of text (index into texts) and ref. */
typedef struct vmg_generate_item {
    int64_t text;         /* -1: from the reference */
    const float *ref;     /* (n_ref_frames, ref_dim) */
    int64_t n_ref_frames;
    int64_t n_frames;
    uint64_t seed;
    const float *noise;   /* (n_frames, in_dim) or NULL */
    float *out;           /* (n_frames, in_dim), written */
} vmg_generate_item;

/* How a model wants to be sampled. */
typedef struct vmg_model_sampling {
    vmg_sampler_options sampler;
    int64_t n_frames; /* when nobody says */
    bool fuse, settle; /* vmg_generate_options */
} vmg_model_sampling;

/* The published settings, 100 frames, no fusing; over them what the file's metadata says: vimogen.sampling.{sampler, steps, shift,
 * strength, guidance, guidance_from, guidance_to, frames, fuse,
 * settle}. VMG_E_FORMAT names an entry that cannot be. */
int vmg_model_get_sampling(const vmg_model *m, vmg_model_sampling *out);

typedef struct vmg_generate_options {
    vmg_sampler_options sampler;
    vmg_dtype dtype;           /* weights are kept as */
    bool fuse;                 /* make positions and velocities agree (src/motion/fuse.h) */
    bool settle;               /* stand on the floor, feet staying where they touch it (src/motion/settle.h) */
    bool raw;                  /* out: the normalised latents before smoothing, instead of features in metres */
    const float *mean, *std;   /* NULL: the model's */
    vmg_params_progress *loading; /* progress of loading; may be NULL */
    void *loading_user;
} vmg_generate_options;

/*
 * Load the model onto ctx's device, sample all items in one batch, release it. Blocks are streamed from host memory when the plan says that the
 * model and its activations exceed ctx->max_memory_bytes. texts[0..n_texts); null_text (may be NULL when guidance is 1 or no item has a
 * text). Contexts are padded to the rows that null_text's file has when it came padded, else to the configuration's
 * text_min_rows, and to the longest text.
 */
int vmg_generate(vmg_ctx *ctx, const vmg_model *model, const vmg_embedding *texts, int64_t n_texts,
                 const vmg_embedding *null_text, const vmg_generate_item *items, int64_t n,
                 const vmg_generate_options *o);

#endif
