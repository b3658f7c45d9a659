/* Starting from weights that are there already. */
#ifndef VMG_SRC_TRAIN_WARM_START_H
#define VMG_SRC_TRAIN_WARM_START_H

#include "models/tokenizer.h"
#include "models/train_step.h"

/*
 * Take from a model (GGUF, safetensors, PyTorch, a folder) or a checkpoint of ours (its average) every tensor that a parameter of
 * the same name and shape exists for; values and average become these. Of a trained encoder, `tokenizer` is the run's (NULL without
 * one): where the model has other pieces, the embedding of each of the run's begins as the mean of those that the model cuts it
 * into. The log tells how many fitted. VMG_E_NOTFOUND when none did.
 */
int vmg_warm_start(vmg_ctx *ctx, vmg_train *t, const char *path, const vmg_tokenizer *tokenizer, const vmg_log *log);

#endif
