/* Plan mode: run a network's code with enqueueing off, to learn its memory and its kernels. */
#ifndef VMG_HOST_PLAN_H
#define VMG_HOST_PLAN_H

#include "host/kernel.h"

/*
 * Between begin and end every op checks its shapes and chooses its kernels, and every allocation is only
 * counted. The context's module state is set aside meanwhile, so nothing made while planning survives.
 */
typedef struct vmg_plan_result {
    uint64_t peak_memory_bytes; /* of everything allocated while planning */
    size_t n_kernels;           /* distinct (kernel, options) pairs */
} vmg_plan_result;

int vmg_plan_begin(vmg_ctx *ctx);
/* Ends plan mode. With `build`, then builds every kernel listed, so that the first run does not. Returns
 * the sticky status: a plan that failed names the op and shapes. */
int vmg_plan_end(vmg_ctx *ctx, bool build, vmg_plan_result *result);

/*
 * What is left for parameters beside everything else that was planned: 0 when all fits into ctx->max_memory_bytes. VMG_E_NOMEM
 * when the rest alone does not fit. params_bytes: the part of the plan that parameters took.
 */
int vmg_plan_budget(const vmg_ctx *ctx, const vmg_plan_result *plan, uint64_t params_bytes, uint64_t *max_params_bytes);

/*
 * A computation that must really run even while planning or tuning (asking the device what it can do): between pause and
 * resume there is no plan, no search, and no module state but what is made meanwhile, which resume frees.
 */
typedef struct vmg_plan_pause {
    bool plan, suspended;
    uint64_t memory_bytes, peak_memory_bytes;
    void *slots[8];
    void (*slot_free[8])(vmg_ctx *, void *);
} vmg_plan_pause;
void vmg_plan_pause_begin(vmg_ctx *ctx, vmg_plan_pause *p);
void vmg_plan_pause_end(vmg_ctx *ctx, const vmg_plan_pause *p);

/* For vmg_launch_run: note one kernel. */
void vmg_plan_note(vmg_ctx *ctx, const char *file, const char *name, const char *options);

#endif
