/* What a training run does: its numbers, from a configuration's "training" section and the command line. */
#ifndef VMG_SRC_TRAIN_RECIPE_H
#define VMG_SRC_TRAIN_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VMG_RECIPE_TEXT_BYTES = 256 };

typedef struct vmg_recipe {
    int64_t steps, batch, seed;
    double lr;
    int64_t warmup;    /* updates in which the rate rises linearly from 0 */
    bool cosine;       /* then falls by half a cosine to lr·final_lr; else stays */
    double final_lr;
    double beta1, beta2, weight_decay;
    double clip;       /* global gradient norm; 0 = never */
    double ema;        /* decay; see vmg_recipe_ema */
    bool bf16;
    double p_null;     /* text samples whose context is replaced by the null context */
    double p_motion;   /* samples that follow their reference instead of the text */
    double ref_noise;  /* a reference gets N(0, U(0, ref_noise)²) on all frames beside the published corruption; 0 = never */
    double word_drop;  /* each word of a caption is left out with a chance that is drawn for it from U(0, word_drop); 0 = never */
    int64_t min_frames, max_frames; /* of a sample */
    double widen;      /* samples whose window is widened beyond what the caption describes, up to max_frames */
    double kinematic;  /* samples whose caption was computed from the motion, where there are both kinds */
    double balance;    /* chance of a trial ~ frames^balance: 0 = every trial alike, 1 = every second alike */
    double rarity;     /* kinematic captions are drawn by how rare their behaviours are, to this power; 0 = by trial */
    double bell;       /* power of the published loss weights of noise levels: vmg_flow_training_weights */
    double noisy;      /* text samples at one of the noisiest fifth of timesteps, beside those that fall there anyway; 0 = none */
    char emphasis[VMG_RECIPE_TEXT_BYTES]; /* "behaviour=factor,…" on top of that (src/train/rarity.h); "" = none */
    int64_t facts;       /* texts beside a batch's, whose facts the text encoder learns to foretell (models/train_facts.h); 0 = none */
    double facts_weight; /* of their loss */
    int64_t vocab_size;
    int64_t save_every, evaluate_every, evaluate_batches; /* steps, steps, batches of held-out samples */
} vmg_recipe;

/* The published run's (spec/model.md §4), at a batch and length for one machine. */
vmg_recipe vmg_recipe_defaults(void);

/* Its keys: in the "training" object of a configuration, as --key of `vimogen train`, and in checkpoints. */
typedef struct vmg_recipe_key {
    const char *key;
    size_t offset;
    enum { VMG_RECIPE_INT, VMG_RECIPE_REAL, VMG_RECIPE_FLAG, VMG_RECIPE_TEXT } kind;
    double least, most; /* accepted values; of texts, lengths */
    const char *help;
} vmg_recipe_key;
extern const vmg_recipe_key vmg_recipe_keys[]; /* ends with a NULL key */

/* A text key's value; false, and nothing changes, when it takes more than VMG_RECIPE_TEXT_BYTES with its end. */
bool vmg_recipe_set_text(vmg_recipe *r, const vmg_recipe_key *k, const char *text);

/* Overwrite what the "training" object of JSON text says; nothing when there is none. VMG_E_FORMAT names the key
 * ("name" is for the message): unknown, of the wrong kind, out of range. */
int vmg_recipe_parse(const char *name, const char *json, size_t size, vmg_recipe *r);

/* VMG_E_ARG naming the first value that cannot be. */
int vmg_recipe_check(const vmg_recipe *r);

/* The object as JSON, fresh memory; NULL on exhaustion. vmg_recipe_parse reads it below "training". */
char *vmg_recipe_json(const vmg_recipe *r);

/* Learning rate of update `step` (0 = the first, whose rate is 0 when there is a warm-up, as published). */
double vmg_recipe_lr(const vmg_recipe *r, int64_t step);

/* Decay of the average at update `step`: min(ema, (1 + step)/(10 + step)), so that short runs do not carry their random
 * start along (Abadi et al. 2016, tf.train.ExponentialMovingAverage). */
double vmg_recipe_ema(const vmg_recipe *r, int64_t step);

#endif
