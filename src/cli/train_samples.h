/* Pictures of what a model makes while it is trained. */
#ifndef VMG_SRC_CLI_TRAIN_SAMPLES_H
#define VMG_SRC_CLI_TRAIN_SAMPLES_H

#include "host/ctx.h"

/*
 * Make a motion of each of the sentences in `prompts` (between '|') with the averaged weights of the checkpoint in folder `run`, seed 0,
 * as its configuration says, and draw them as strips into RUN/samples/step-NNNNNN.png. VMG_E_NOTFOUND for runs whose text encoder is
 * not trained along.
 */
int vmg_train_draw_samples(vmg_ctx *ctx, const char *run, int64_t step, const char *prompts);

#endif
