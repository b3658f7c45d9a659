/* Training the networks: parameters with gradients and moments, one step's loss and gradients, the update. */
#ifndef VMG_MODELS_TRAIN_STEP_H
#define VMG_MODELS_TRAIN_STEP_H

#include "models/dit.h"
#include "models/t5.h"
#include "models/trainable.h"

/*
 * A trainer owns a DiT and, for joint training, the T5 encoder that makes its contexts. The caller draws all randomness, so a step
 * is a pure function of parameters and batch:
 *
 *     vmg_train_create(ctx, &dit_config, &t5_config or NULL, &options, &t);
 *     vmg_train_init(t, seed);                  or vmg_train_load(t, dit_weights, t5_weights);
 *     loop:
 *         vmg_train_step(t, &batch, &result);   gradients += d loss / d parameter; may be called several times
 *         (MPI: vmg_train_read(t, VMG_TRAIN_GRAD, g); sum g over ranks; vmg_train_write(t, VMG_TRAIN_GRAD, g);)
 *         vmg_train_update(t, lr, &norm);       clip, AdamW, EMA; gradients become zero
 *
 * Checkpoints: write value, m, v, ema of every parameter (vmg_train_param) and vmg_train_n_updates; restore with vmg_train_write
 * or uploads into the same tensors, and vmg_train_set_n_updates.
 */

/* ---- making a trainer ---- */

typedef struct vmg_train_options {
    bool bf16;             /* products may round their operands to bf16 (vmg_matmul_allow_bf16); parameters, moments and sums stay f32 */
    bool keep_activations; /* blocks keep what the backward pass needs instead of computing it again: a quarter less work, more memory */
    bool ema;              /* keep a moving average of the parameters */
    double beta1, beta2, eps, weight_decay; /* AdamW; weight decay applies to every parameter, as published */
    double max_grad_norm;  /* clip to this global norm; 0 = never */
    double ema_decay;
    double shift;          /* of the noise schedule */
    double bell;           /* how far middling noise weighs more in the loss: vmg_flow_training_weights */
    int64_t n_timesteps;   /* of the training schedule */
    int64_t n_facts;       /* numbers that a text states, for vmg_train_facts_step (models/train_facts.h); 0 = none */
} vmg_train_options;

/* spec/model.md §4: betas 0.9/0.95, eps 1e-8, decay 1e-4, clip 0.1, EMA 0.9999 (kept), shift 5, bell 1, 1000 timesteps; f32, recompute. */
vmg_train_options vmg_train_defaults(void);

typedef struct vmg_train vmg_train;

/* Everything is allocated here. With `t5`, its dim must be the DiT's text_dim. Sets vmg_matmul_allow_bf16(ctx, o->bf16) in every
 * step and takes it back after it. In plan mode (host/plan.h) all of this header works and only counts memory and kernels. VMG_E_ARG,
 * VMG_E_NOMEM. */
int vmg_train_create(vmg_ctx *ctx, const vmg_dit_config *dit, const vmg_t5_config *t5, const vmg_train_options *o,
                     vmg_train **out);
void vmg_train_free(vmg_train *t);

/* Reproducible start. DiT: Xavier-uniform linear layers, zero biases, norms 1 and 0, modulation tables N(0, 1/C). T5 (Raffel et al.):
 * token table N(0,1), q N(0, 1/(dim·head)), other weights N(0, 1/fan_in), position biases N(0, 1/dim). Moments 0, EMA = values. */
int vmg_train_init(vmg_train *t, uint64_t seed);

/* The values from files (`t5` NULL when there is no encoder). Moments 0, EMA = values. Errors name the tensor. */
int vmg_train_load(vmg_train *t, const vmg_weights *dit, const vmg_weights *t5);

/* The networks that are trained, for evaluating or sampling with the current values: vmg_sampler_run(vmg_train_dit(t), ...) works. The
 * encoder is NULL without joint training; vmg_t5_encode works on it too. */
vmg_dit *vmg_train_dit(vmg_train *t);
vmg_t5 *vmg_train_t5(vmg_train *t);
vmg_ctx *vmg_train_context(vmg_train *t);

/* ---- parameters ---- */

/* One checkpoint tensor, with what models/trainable.h keeps of it (enum vmg_train_part): names and shapes as published (q, k and v apart, modulation (1,6,C)). Tensors are f32 on the device, of
 * rank 1 or 2 with the rows given here, row-major; ema is VMG_NONE when it is not kept. */
typedef struct vmg_train_param {
    const char *name; /* spec/model.md §1 for the DiT, §2 for T5; the trainer's */
    bool is_t5;
    int rank;         /* in the checkpoint */
    int64_t dim[3];
    vmg_tensor part[VMG_TRAIN_N_PARTS];
} vmg_train_param;
size_t vmg_train_n_params(const vmg_train *t);
vmg_train_param vmg_train_get_param(const vmg_train *t, size_t i); /* i < n_params */

/* Everything as one flat vector of floats, the same order on every rank: some padding lies between tensors, zero in every part.
 * read and write move the whole vector between host and device (they wait). */
int64_t vmg_train_n_values(const vmg_train *t);
int vmg_train_read(vmg_train *t, enum vmg_train_part part, float *out);
int vmg_train_write(vmg_train *t, enum vmg_train_part part, const float *in);

/* Exchange values and EMA on the device (to evaluate or sample with the average, and back). VMG_E_ARG without EMA. */
int vmg_train_swap_ema(vmg_train *t);

/* The average's decay from the next update on: short runs raise it with time. */
void vmg_train_set_ema_decay(vmg_train *t, double decay);

/* Updates made so far (AdamW's bias correction); set it when resuming. */
int64_t vmg_train_n_updates(const vmg_train *t);
void vmg_train_set_n_updates(vmg_train *t, int64_t n);

/* ---- a step ---- */

/* A text of the batch, given once however many samples use it: token ids with `</s>` (joint training) or embedding rows
 * (n_rows, text_dim) without it. It is followed by n_padding zero rows that count as keys (vmg_dit_padding). The null context of joint
 * training is the text whose only id is `</s>`. */
typedef struct vmg_train_text {
    const int32_t *ids; /* n_rows token ids, or NULL */
    const float *rows;  /* or NULL */
    int64_t n_rows, n_padding;
} vmg_train_text;

/* A sample; text and motion branches in any order. Arrays are the caller's, read before vmg_train_step returns. */
typedef struct vmg_train_sample {
    bool attend_to_text;
    int64_t n_frames;
    const float *latents;     /* (n_frames, in_dim): the normalised clip */
    const float *noise;       /* same shape; NULL: N(0,1) made on the device from noise_seed */
    uint64_t noise_seed;
    int64_t timestep;         /* index into the training schedule: 0 is σ = 1 */
    int64_t text;             /* text branch: index into the batch's texts */
    const float *ref;         /* motion branch: (n_ref_rows, ref_motion_dim); not read in the text branch */
    int64_t n_ref_rows;       /* rows given; frames beyond n_ref_frames are encoded but no keys */
    int64_t n_ref_frames;     /* keys of the reference cross-attention, 1..n_ref_rows */
    const float *frame_mask;  /* (n_frames) 0 or 1: which frames count in the loss; NULL = all */
    const float *feature_mask; /* (out_dim) 0 or 1: which features count; NULL = all */
    float *noisy, *target, *pred; /* wanted copies (n_frames, in_dim), or NULL: for tests and plots */
} vmg_train_sample;

typedef struct vmg_train_batch {
    const vmg_train_sample *samples;
    int64_t n_samples;
    const vmg_train_text *texts;
    int64_t n_texts;
    double denominator; /* of the loss; 0 = this batch's own Σ frame mask · feature mask. With several ranks or several steps to one
                           update, the sum over all of them (vmg_train_denominator). */
} vmg_train_batch;

/* Σ frame mask · feature mask of a batch (host only). */
double vmg_train_denominator(const vmg_train *t, const vmg_train_batch *b);

typedef struct vmg_train_result {
    double loss;
    double flops; /* multiplications and additions that the forward and backward pass need (nothing recomputed): 3 × forward */
    size_t arena_bytes; /* most device memory of temporaries so far */
} vmg_train_result;

/* Forward, loss (spec/model.md §4), backward; gradients accumulate. Waits for the device. A loss that is not finite is VMG_E_FORMAT with
 * a sentence that names it; vmg_train_find_nonfinite then tells where. Errors: shapes and indices (VMG_E_ARG), device. After an error
 * gradients are undefined: vmg_train_zero_grad before going on. */
int vmg_train_step(vmg_train *t, const vmg_train_batch *b, vmg_train_result *result);

/* The same without gradients (validation loss). */
int vmg_train_evaluate(vmg_train *t, const vmg_train_batch *b, vmg_train_result *result);

void vmg_train_zero_grad(vmg_train *t); /* sticky errors */

/* One AdamW step at learning rate lr (warm-up is the caller's) with the gradients as they are, clipped to max_grad_norm; then EMA; then
 * gradients are zero. *grad_norm (may be NULL) is the global norm before clipping. A norm that is not finite changes nothing and is
 * VMG_E_FORMAT; the message names the first parameter whose gradient is not finite. */
int vmg_train_update(vmg_train *t, double lr, double *grad_norm);

/* Name of the first parameter whose `part` holds a NaN or infinity; NULL when there is none. Slow: reads everything. */
const char *vmg_train_find_nonfinite(vmg_train *t, enum vmg_train_part part);

#endif
