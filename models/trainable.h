/* Gradients, moments and averages beside a trainable parameter table: one buffer per group and part, of the same layout. */
#ifndef VMG_MODELS_TRAINABLE_H
#define VMG_MODELS_TRAINABLE_H

#include "models/params.h"

/* What is kept of every parameter: AdamW's moments m and v, and the moving average. */
enum vmg_train_part { VMG_TRAIN_VALUE, VMG_TRAIN_GRAD, VMG_TRAIN_M, VMG_TRAIN_V, VMG_TRAIN_EMA, VMG_TRAIN_N_PARTS };

typedef struct vmg_trainable {
    vmg_params *ps;
    bool ema;
    cl_mem *buf[VMG_TRAIN_N_PARTS]; /* per group as in ps->groups; those of VALUE are there */
} vmg_trainable;

/* Memory for the other parts of allocated trainable parameters, zero; sets every vmg_param.grad. */
int vmg_trainable_init(vmg_trainable *tr, vmg_params *ps, bool ema);
void vmg_trainable_free(vmg_trainable *tr);

/* Groups, and one of them as a vector; VMG_NONE for an average that is not kept. */
static inline int vmg_trainable_n_groups(const vmg_trainable *tr)
{
    return tr->ps ? tr->ps->n_groups + 1 : 0;
}
vmg_tensor vmg_trainable_group(const vmg_trainable *tr, int g, enum vmg_train_part part);

/* Checkpoint tensor k of a parameter. */
vmg_tensor vmg_trainable_tensor(const vmg_trainable *tr, const vmg_param *p, int k, enum vmg_train_part part);

/* The values take the average's place and it theirs. */
void vmg_trainable_swap_ema(vmg_trainable *tr);

#endif
