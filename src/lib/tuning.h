/* What tuning runs: networks of a configuration's real widths and few layers, at the shapes they are used with. */
#ifndef VMG_SRC_LIB_TUNING_H
#define VMG_SRC_LIB_TUNING_H

#include "host/ctx.h"
#include "models/config.h"

/* One network in one weight type. */
typedef struct vmg_tuning_work {
    bool is_encoder;
    vmg_dit_config dit;
    vmg_t5_config t5;
    vmg_dtype dtype, activations; /* of weights; of a motion network's activations (0: f32) */
} vmg_tuning_work;

/* `name` is a configuration that ships ("vimogen-1.3b", or its ending "1.3b", "mini", "light", "xxl") or a file of JSON. Layers
 * are cut to what shows every shape. VMG_E_NOTFOUND lists the names. */
int vmg_tuning_work_find(const char *name, vmg_dtype dtype, vmg_tuning_work *out);

/*
 * Run the work once with random weights: motion networks for one guided prompt and one reference of 100 and of 200 frames, and
 * with `full` also 20 frames and eight prompts at once; encoders for a few lengths of text. In plan mode nothing is computed.
 * Errors are the networks' own (VMG_E_NOMEM when it does not fit, VMG_E_INTERRUPTED).
 */
int vmg_tuning_run(vmg_ctx *ctx, const vmg_tuning_work *work, bool full);

#endif
