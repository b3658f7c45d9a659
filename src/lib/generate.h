/* Generating motion: a model, texts or reference motions in, feature clips out. */
#ifndef VMG_SRC_LIB_GENERATE_H
#define VMG_SRC_LIB_GENERATE_H

#include "host/ctx.h"
#include "models/sampler.h"
#include "src/lib/embedding.h"
#include "src/lib/model.h"

/* How a reference motion is read; {0} takes features as they are, at 20 fps. */
typedef struct vmg_reference_options {
    const float *mean, *std; /* of the features; NULL: they are normalised already */
    double fps;              /* of features whose file does not say; 0 = 20 */
    bool published;          /* features at another rate are interpolated as the published tool does (VMG_RESAMPLE_PUBLISHED) */
} vmg_reference_options;

/*
 * A reference motion, (n_frames, ref_dim), normalised. From a file of one array: (T,138) is taken as it is, (T,276) are features in
 * metres, which are brought to 20 fps, normalised, and cut to the reference's features. From any other clip
 * (src/motion/clip.h: .bvh, .npz, .pt as published, ...): made canonical, resampled to 20 fps, then the same. Fresh memory.
 */
int vmg_reference_read(const char *path, int64_t ref_dim, const vmg_reference_options *o, int64_t *n_frames, float **out);

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
    vmg_dtype activations;     /* and, inside blocks, what passes from op to op: f32 (0), f16 or bf16 */
    bool fuse;                 /* make positions, velocities and rotations agree (src/motion/fuse.h); sampler.smooth then smooths
                                  rotations alone, since fast motion is in the velocities */
    bool settle;               /* stand on the floor, feet staying where they touch it (src/motion/settle.h) */
    bool raw;                  /* out: the normalised latents before smoothing, instead of features in metres */
    const float *mean, *std;   /* NULL: the model's */
    vmg_params_progress *loading; /* progress of loading; may be NULL */
    void *loading_user;
} vmg_generate_options;

/* A model that stays on a device for one batch after another; `model` must outlive it. */
typedef struct vmg_generator vmg_generator;

int vmg_generator_open(vmg_ctx *ctx, const vmg_model *model, const vmg_generate_options *o, vmg_generator **out);
void vmg_generator_close(vmg_generator *g); /* accepts NULL */

/*
 * Sample all items in one batch. The first one loads the model; blocks are streamed from host memory when the plan says that the
 * model and its activations exceed ctx->max_memory_bytes. texts[0..n_texts); null_text (may be NULL when guidance is 1 or no item has a
 * text). Contexts are padded to the rows that null_text's file has when it came padded, else to the configuration's
 * text_min_rows, and to the longest text.
 */
int vmg_generator_run(vmg_generator *g, const vmg_embedding *texts, int64_t n_texts, const vmg_embedding *null_text,
                      const vmg_generate_item *items, int64_t n);

/* The same for a single batch, the model being released after it. */
int vmg_generate(vmg_ctx *ctx, const vmg_model *model, const vmg_embedding *texts, int64_t n_texts,
                 const vmg_embedding *null_text, const vmg_generate_item *items, int64_t n,
                 const vmg_generate_options *o);

#endif
