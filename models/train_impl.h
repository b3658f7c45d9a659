/* The trainer's inside, shared by train_step.c, train_params.c and train_update.c. */
#ifndef VMG_MODELS_TRAIN_IMPL_H
#define VMG_MODELS_TRAIN_IMPL_H

#include "models/train_step.h"

enum { VMG_TRAIN_DIT, VMG_TRAIN_T5, VMG_TRAIN_FACTS, VMG_TRAIN_N_NETS };

/* Where a checkpoint tensor lies: part k of a parameter of a network. */
typedef struct vmg_train_place {
    int net;
    const vmg_param *param;
    int k;
} vmg_train_place;

struct vmg_train {
    vmg_ctx *ctx;
    vmg_train_options options;
    vmg_dit *dit;
    vmg_t5 *t5;
    vmg_params facts;                    /* models/train_facts.c; {0} without facts */
    vmg_param *facts_w, *facts_b;        /* (n_facts, dim), (n_facts) */
    vmg_trainable net[VMG_TRAIN_N_NETS]; /* {0} of what is not trained */
    vmg_train_place *places;
    size_t n_params;
    int64_t n_updates;
    double *sigma, *weight;              /* of the training schedule: noise levels, loss weights */
    vmg_arena fixed, step;               /* for good; of one step */
    vmg_tensor channel_weight;           /* (out_dim) */
    vmg_tensor loss, sum_squares, clip;  /* (1) each */
};

/* Texts' token ids one after another, which text each belongs to, and the texts' lengths. Freed also after a failure (VMG_E_NOMEM). */
typedef struct vmg_train_tokens {
    int32_t *ids, *text;
    int64_t *lens, n;
} vmg_train_tokens;
int vmg_train_tokens_gather(const vmg_train_text *texts, int64_t n, vmg_train_tokens *out);
void vmg_train_tokens_free(vmg_train_tokens *t);

/* The layer that foretells facts, if options ask for any. */
int vmg_train_facts_create(vmg_train *t);

/* Fills t->places. */
int vmg_train_index_params(vmg_train *t);

#endif
