/* Checkpoints: everything a training run is, in one file that appears whole or not at all. */
#ifndef VMG_SRC_TRAIN_CHECKPOINT_H
#define VMG_SRC_TRAIN_CHECKPOINT_H

#include "models/train_step.h"
#include "models/weights.h"
#include "src/train/recipe.h"

/* Its name in the run's folder. */
#define VMG_CHECKPOINT_NAME "checkpoint.safetensors"

/* What a run is beside its parameters. */
typedef struct vmg_run {
    int64_t step;      /* updates made; the next batch has this number */
    int64_t n_damaged; /* samples skipped so far */
    char *config;      /* text of the configuration file */
    vmg_recipe recipe;
    vmg_dit_config dit;
    bool joint;        /* the text encoder is trained too: then t5 and tokenizer are there */
    vmg_t5_config t5;
    uint8_t *tokenizer; /* SentencePiece model */
    size_t tokenizer_bytes;
    float *mean, *std; /* (dit.in_dim) each */
    char *words;       /* every word of the training captions, one a line, sorted */
} vmg_run;
void vmg_run_free(vmg_run *r); /* accepts {0} */

/*
 * safetensors. Tensors "PART.NET.NAME" with PART one of value, m, v, ema, NET dit or t5, NAME the published name; u8
 * tensors "vimogen.tokenizer" and "vimogen.words"; f32 "vimogen.mean" and "vimogen.std"; metadata "step", "damaged",
 * "config", "recipe" (JSON). Written beside `path`, synchronised, then renamed over it: a crash at any moment leaves the
 * old checkpoint or the new one.
 */
int vmg_checkpoint_write(const char *path, vmg_ctx *ctx, vmg_train *t, const vmg_run *r);

/* The run; nothing about parameters is read. Error VMG_E_FORMAT names what is missing or wrong. */
int vmg_checkpoint_read(const vmg_weights *w, vmg_run *out);

/* Values, moments, average and the number of updates into a trainer of the same networks. */
int vmg_checkpoint_restore(const vmg_weights *w, vmg_ctx *ctx, vmg_train *t);

/* The name of a parameter's tensor, into out[n]; `part` must not be VMG_TRAIN_GRAD. */
void vmg_checkpoint_tensor_name(enum vmg_train_part part, bool is_t5, const char *name, char *out, size_t n);

/* The configuration's text: the DiT's keys at the top, a text encoder's in "text_encoder" (absent: *joint is false). `name` is
 * for messages. The vocabulary's size may be absent there: then t5->vocab_size is 2. */
int vmg_run_parse_config(const char *name, const char *text, vmg_dit_config *dit, bool *joint, vmg_t5_config *t5);

#endif
