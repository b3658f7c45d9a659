/* Checks the training vectors of golden sets of kind "dit". */
#ifndef VMG_SRC_LIB_SELFTEST_TRAIN_H
#define VMG_SRC_LIB_SELFTEST_TRAIN_H

#include "models/config.h"
#include "src/lib/selftest.h"

struct vmg_ctx;

/* One step's noise, prediction, loss and gradients (with and without kept activations), and three updates, as rows; nothing when the
 * set has no "train". `weights` are f32. */
int vmg_selftest_train(const char *dir, const cJSON *manifest, vmg_selftest_report *report, struct vmg_ctx *ctx,
                       const vmg_dit_config *config, const vmg_weights *weights);

#endif
