/* What texts state, learnt beside a step: the mean of a text's encoded tokens foretells it, whatever the motion. */
#ifndef VMG_MODELS_TRAIN_FACTS_H
#define VMG_MODELS_TRAIN_FACTS_H

#include "models/train_step.h"

/* Of checkpoint tensors that only training needs: a linear layer from the mean encoding to the facts. */
#define VMG_TRAIN_FACTS_PREFIX "text_facts."

/* Texts with the numbers that each states. */
typedef struct vmg_train_facts {
    const vmg_train_text *texts; /* token ids */
    const float *facts;          /* (n_texts, n_facts of the trainer's options) */
    int64_t n_texts;
    int64_t n_all;               /* texts of all processes together; 0 = n_texts */
    double weight;               /* of their loss */
} vmg_train_facts;

/*
 * Gradients += weight · d loss; *loss = Σ (foretold - stated)² / n_all, of this process's texts. A trainer with n_facts only. Waits
 * for the device. VMG_E_ARG, VMG_E_NOMEM, device.
 */
int vmg_train_facts_step(vmg_train *t, const vmg_train_facts *f, double *loss);

#endif
