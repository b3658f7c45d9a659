/* Sampling: from noise to motion latents with the DiT, guidance, and exact reuse between steps. */
#ifndef VMG_MODELS_SAMPLER_H
#define VMG_MODELS_SAMPLER_H

#include "models/dit.h"

typedef enum vmg_sampler_kind {
    VMG_SAMPLER_EULER,     /* the published one */
    VMG_SAMPLER_HEUN,      /* second order, two evaluations a step */
    VMG_SAMPLER_DPMPP_2M   /* DPM-Solver++(2M), Lu et al. 2022, in flow form: one evaluation a step */
} vmg_sampler_kind;

/* "euler", "heun", "dpm++2m". VMG_E_ARG lists them. */
int vmg_sampler_parse(const char *name, vmg_sampler_kind *out);
const char *vmg_sampler_name(vmg_sampler_kind kind);

/*
 * Work that gives the same result and need not be done. All on by default; tests switch each off and compare. The network's
 * result for a sample never depends on these beyond rounding.
 */
enum vmg_reuse {
    VMG_REUSE_TEXT = 1,       /* keys and values of the texts once per call, not per step */
    VMG_REUSE_PADDING = 2,    /* equal padding rows as one row with log(count) */
    VMG_REUSE_BRANCH = 4,     /* the reference encoder only for samples that read it */
    VMG_REUSE_GUIDANCE = 8,   /* no unconditional half for the motion branch */
    VMG_REUSE_MODULATION = 16, /* the timestep's modulation once per step, not per sample */
    VMG_REUSE_ALL = 31
};

typedef struct vmg_sampler_options {
    vmg_sampler_kind kind;
    int64_t steps;             /* 50 */
    double shift, strength;    /* 5, 0.7: starts at σ_0 < 1 but from pure noise, as published */
    double guidance;           /* 5; 1 = none. Text branch only */
    double guidance_from, guidance_to; /* σ range in which guidance applies; 1 and 0 = everywhere */
    bool smooth;               /* Gaussian smoothing along time afterwards */
    int reuse;                 /* enum vmg_reuse */
    /* Called after each step; false stops with VMG_E_INTERRUPTED. May be NULL. */
    bool (*progress)(void *user, int64_t done, int64_t total);
    void *progress_user;
} vmg_sampler_options;

/* The published settings, every reuse on. */
vmg_sampler_options vmg_sampler_defaults(void);

/* One motion to make. */
typedef struct vmg_sampler_item {
    bool attend_to_text;
    int64_t n_frames;
    int64_t context;          /* text branch: index into contexts */
    const float *ref;         /* motion branch: (n_ref_rows, ref_motion_dim), normalised */
    int64_t n_ref_rows, n_ref_frames;
    const float *noise;       /* (n_frames, in_dim), or NULL: from seed */
    uint64_t seed;
    float *latents;           /* out: (n_frames, in_dim), normalised; smoothed if options->smooth */
    float *unsmoothed;        /* out: before smoothing; may be NULL */
} vmg_sampler_item;

/*
 * Sample all items in one batch. contexts[null_context] is the unconditional one (needed when a text item is guided). Paddings are
 * in the contexts. Returns the status; latents are written only on success. In plan mode nothing is written.
 */
int vmg_sampler_run(vmg_dit *dit, const vmg_sampler_item *items, int64_t n, const vmg_dit_context *contexts,
                    int64_t n_contexts, int64_t null_context, const vmg_sampler_options *options);

/* Floating-point operations of one guided step of this call with exact reuse (for benches). */
double vmg_sampler_step_flops(vmg_dit *dit, const vmg_sampler_item *items, int64_t n, const vmg_dit_context *contexts,
                              int64_t n_contexts, int64_t null_context, const vmg_sampler_options *options);

#endif
