/* Plan mode: run a network's code with enqueueing off, to learn its memory and its kernels. */
#include "host/plan.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/dict.h"
#include "host/base/mem.h"
#include "host/program.h"
#include "host/tune_search.h"

struct planned_kernel {
    const char *file, *name;
    char options[];
};

struct vmg_plan {
    vmg_dict kernels; /* "file.name options" -> planned_kernel */
    uint64_t memory_bytes, peak_bytes;
    void *slots[8];
    void (*slot_free[8])(vmg_ctx *, void *);
};

int vmg_plan_begin(vmg_ctx *ctx)
{
    if (ctx->plan)
        return vmg_ctx_fail(ctx, VMG_E_ARG, "plan mode is already on");
    struct vmg_plan *p = vmg_calloc(1, sizeof *p);
    if (!p)
        return vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
    p->memory_bytes = ctx->memory_bytes;
    p->peak_bytes = ctx->peak_memory_bytes;
    memcpy(p->slots, ctx->slots, sizeof p->slots);
    memcpy(p->slot_free, ctx->slot_free, sizeof p->slot_free);
    memset(ctx->slots, 0, sizeof ctx->slots);
    ctx->peak_memory_bytes = ctx->memory_bytes;
    ctx->plan_record = p;
    ctx->plan = true;
    return vmg_ctx_status(ctx);
}

void vmg_plan_note(vmg_ctx *ctx, const char *file, const char *name, const char *options)
{
    char *key = vmg_asprintf("%s.%s %s", file, name, options);
    struct planned_kernel *k = vmg_calloc(1, sizeof *k + strlen(options) + 1);
    if (key && k && !vmg_dict_get(&ctx->plan_record->kernels, key)) {
        k->file = file;
        k->name = name;
        strcpy(k->options, options);
        if (vmg_dict_set(&ctx->plan_record->kernels, key, k))
            k = NULL;
    }
    free(k);
    free(key);
}

static void free_slots(vmg_ctx *ctx)
{
    for (size_t i = 0; i < VMG_COUNT(ctx->slots); i++)
        if (ctx->slots[i] && ctx->slot_free[i])
            ctx->slot_free[i](ctx, ctx->slots[i]);
}

int vmg_plan_end(vmg_ctx *ctx, bool build, vmg_plan_result *result)
{
    struct vmg_plan *p = ctx->plan_record;
    if (!p)
        return vmg_ctx_fail(ctx, VMG_E_ARG, "plan mode is not on");
    free_slots(ctx);
    if (result)
        *result = (vmg_plan_result){ctx->peak_memory_bytes - p->memory_bytes, p->kernels.n};
    memcpy(ctx->slots, p->slots, sizeof ctx->slots);
    memcpy(ctx->slot_free, p->slot_free, sizeof ctx->slot_free);
    ctx->memory_bytes = p->memory_bytes;
    ctx->peak_memory_bytes = p->peak_bytes;
    ctx->plan = false;
    ctx->plan_record = NULL;
    for (size_t i = 0; build && !ctx->error && i < p->kernels.cap; i++)
        if (p->kernels.entries[i].key) {
            const struct planned_kernel *k = p->kernels.entries[i].value;
            vmg_program_kernel(ctx, k->file, k->name, k->options);
        }
    vmg_dict_free(&p->kernels, free);
    free(p);
    return vmg_ctx_status(ctx);
}

int vmg_plan_budget(const vmg_ctx *ctx, const vmg_plan_result *plan, uint64_t params_bytes, uint64_t *max_params_bytes)
{
    *max_params_bytes = 0;
    if (plan->peak_memory_bytes <= ctx->max_memory_bytes)
        return VMG_OK;
    uint64_t rest = plan->peak_memory_bytes - VMG_MIN(params_bytes, plan->peak_memory_bytes);
    if (rest >= ctx->max_memory_bytes)
        return vmg_fail(VMG_E_NOMEM, "%s has %.0f MiB to use; activations alone need %.0f MiB: do less at once", ctx->dev.name,
                        (double)ctx->max_memory_bytes / 1048576.0, (double)rest / 1048576.0);
    *max_params_bytes = ctx->max_memory_bytes - rest;
    return VMG_OK;
}

void vmg_plan_pause_begin(vmg_ctx *ctx, vmg_plan_pause *p)
{
    *p = (vmg_plan_pause){.plan = ctx->plan, .memory_bytes = ctx->memory_bytes,
                          .peak_memory_bytes = ctx->peak_memory_bytes};
    memcpy(p->slots, ctx->slots, sizeof p->slots);
    memcpy(p->slot_free, ctx->slot_free, sizeof p->slot_free);
    memset(ctx->slots, 0, sizeof ctx->slots);
    if (ctx->plan)
        ctx->memory_bytes = ctx->plan_record->memory_bytes;
    ctx->plan = false;
    p->suspended = vmg_tune_suspend(ctx, true);
}

void vmg_plan_pause_end(vmg_ctx *ctx, const vmg_plan_pause *p)
{
    free_slots(ctx);
    memcpy(ctx->slots, p->slots, sizeof ctx->slots);
    memcpy(ctx->slot_free, p->slot_free, sizeof ctx->slot_free);
    ctx->plan = p->plan;
    ctx->memory_bytes = p->memory_bytes;
    ctx->peak_memory_bytes = p->peak_memory_bytes;
    vmg_tune_suspend(ctx, p->suspended);
}
