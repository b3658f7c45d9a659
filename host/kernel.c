/* The one launch function: tunables, program, arguments, enqueue, event. */
#include "host/kernel.h"

#include <stdio.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/plan.h"
#include "host/profile.h"
#include "host/program.h"
#include "host/tune.h"
#include "host/tune_search.h"

/* ---- putting a launch together ---- */

void vmg_define(vmg_launch *l, const char *fmt, ...)
{
    size_t used = strlen(l->options);
    va_list ap;
    va_start(ap, fmt);
    if (used + 4 < sizeof l->options) {
        memcpy(l->options + used, " -D", 4);
        vsnprintf(l->options + used + 3, sizeof l->options - used - 3, fmt, ap);
    }
    va_end(ap);
}

void vmg_define_dtype(vmg_launch *l, const char *name, vmg_dtype dtype)
{
    vmg_define(l, "%s=%s", name, vmg_dtype_name(dtype));
}

/* Arguments past the last are dropped; vmg_launch_run then reports the overflow by n_args. */
static vmg_arg *next_arg(vmg_launch *l, vmg_arg_role role, size_t size)
{
    static _Thread_local vmg_arg spare;
    vmg_arg *a = l->n_args < VMG_MAX_ARGS ? &l->args[l->n_args] : &spare;
    l->n_args++;
    a->role = role;
    a->size = size;
    return a;
}

static void add_tensor(vmg_launch *l, vmg_arg_role role, vmg_tensor t)
{
    next_arg(l, role, 0)->tensor = t;
}

void vmg_arg_in(vmg_launch *l, vmg_tensor t) { add_tensor(l, VMG_IN, t); }
void vmg_arg_out(vmg_launch *l, vmg_tensor t) { add_tensor(l, VMG_OUT, t); }
void vmg_arg_inout(vmg_launch *l, vmg_tensor t) { add_tensor(l, VMG_INOUT, t); }
void vmg_arg_i32(vmg_launch *l, int32_t v) { next_arg(l, VMG_SCALAR, 4)->value.i = v; }
void vmg_arg_i64(vmg_launch *l, int64_t v) { next_arg(l, VMG_SCALAR, 8)->value.l = v; }
void vmg_arg_u64(vmg_launch *l, uint64_t v) { next_arg(l, VMG_SCALAR, 8)->value.u = v; }
void vmg_arg_f32(vmg_launch *l, float v) { next_arg(l, VMG_SCALAR, 4)->value.f = v; }
void vmg_arg_local(vmg_launch *l, size_t bytes) { next_arg(l, VMG_LOCAL, bytes); }

/* ---- choosing tunables ---- */

int vmg_kernel_n_tunables(const vmg_kernel_def *def)
{
    int n = 0;
    while (n < VMG_MAX_TUNABLES && def->tunables[n].name)
        n++;
    return n;
}

/* A store written for other sources may hold anything. */
static bool is_candidate(const vmg_tunable *t, int value)
{
    for (int i = 0; i < VMG_MAX_CANDIDATES && t->value[i]; i++)
        if (t->value[i] == value)
            return true;
    return false;
}

bool vmg_kernel_values_valid(vmg_ctx *ctx, const vmg_kernel_def *def, const int *v, const int64_t *shape)
{
    size_t global[3] = {1, 1, 1}, local[3] = {1, 1, 1};
    for (int k = 0; k < vmg_kernel_n_tunables(def); k++)
        if (!is_candidate(&def->tunables[k], v[k]))
            return false;
    if (def->valid && !def->valid(&ctx->dev, v, shape))
        return false;
    def->geometry(&ctx->dev, v, shape, global, local);
    size_t total = 1;
    for (int i = 0; i < 3; i++) {
        total *= local[i] ? local[i] : 1;
        if (ctx->dev.max_work_item[i] && local[i] > ctx->dev.max_work_item[i])
            return false;
    }
    return total <= ctx->dev.max_work_group;
}

/* Counts through the cartesian product of candidates, the last tunable fastest. */
bool vmg_kernel_next_values(const vmg_kernel_def *def, int *index, int *v)
{
    int n = vmg_kernel_n_tunables(def);
    for (int k = n - 1; k >= 0; k--) {
        index[k]++;
        if (index[k] < VMG_MAX_CANDIDATES && def->tunables[k].value[index[k]]) {
            v[k] = def->tunables[k].value[index[k]];
            return true;
        }
        index[k] = 0;
        v[k] = def->tunables[k].value[0];
    }
    return false;
}

bool vmg_kernel_default_values(vmg_ctx *ctx, const vmg_kernel_def *def, const int64_t *shape, int *v)
{
    int index[VMG_MAX_TUNABLES] = {0};
    for (int k = 0; k < vmg_kernel_n_tunables(def); k++)
        v[k] = def->tunables[k].value[0];
    do {
        if (vmg_kernel_values_valid(ctx, def, v, shape))
            return true;
    } while (vmg_kernel_next_values(def, index, v));
    return false;
}

static bool forced_values(vmg_ctx *ctx, const vmg_kernel_def *def, const int64_t *shape, int *v)
{
    const int *forced = vmg_tune_forced(ctx, def);
    if (!forced || !vmg_kernel_values_valid(ctx, def, forced, shape))
        return false;
    memcpy(v, forced, (size_t)vmg_kernel_n_tunables(def) * sizeof *v);
    return true;
}

static bool choose_values(vmg_ctx *ctx, const vmg_launch *l, const char *key, int *v)
{
    const char *names[VMG_MAX_TUNABLES];
    int n = vmg_kernel_n_tunables(l->def);
    for (int k = 0; k < n; k++)
        names[k] = l->def->tunables[k].name;
    if (forced_values(ctx, l->def, l->shape, v))
        return true;
    if (n && vmg_tune_lookup(ctx, key, l->shape, names, n, v) &&
        vmg_kernel_values_valid(ctx, l->def, v, l->shape))
        return true;
    if (vmg_kernel_default_values(ctx, l->def, l->shape, v))
        return true;
    vmg_ctx_fail(ctx, VMG_E_UNSUPPORTED, "no parameters of kernel %s.%s fit %s (largest work-group %zu)",
                 l->def->file, l->def->name, ctx->dev.name, ctx->dev.max_work_group);
    return false;
}

/* ---- enqueueing ---- */

static bool full_options(vmg_ctx *ctx, const vmg_launch *l, const int *v, char *out, size_t n)
{
    static const char *const class_define[] = {"DEVICE_GPU", "DEVICE_CPU", "DEVICE_ACCELERATOR"};
    int used = snprintf(out, n, "-cl-std=%s -D%s=1%s%s%s", l->def->std ? l->def->std : "CL1.2",
                        class_define[ctx->dev.device_class], ctx->dev.prefetches ? " -DPREFETCH=1" : "",
                        ctx->emulates_units ? " -DEMULATED=1" : "", l->options);
    for (int k = 0; k < vmg_kernel_n_tunables(l->def) && used < (int)n; k++)
        used += snprintf(out + used, n - (size_t)used, " -D%s=%d", l->def->tunables[k].name, v[k]);
    if (used < (int)n && strlen(l->options) < sizeof l->options - 1)
        return true;
    vmg_ctx_fail(ctx, VMG_E_ARG, "the build options of %s.%s are too long", l->def->file, l->def->name);
    return false;
}

static cl_int bind(cl_kernel kernel, const vmg_launch *l, cl_uint *index)
{
    cl_int err = CL_SUCCESS;
    *index = 0;
    for (int i = 0; i < l->n_args && err == CL_SUCCESS; i++) {
        const vmg_arg *a = &l->args[i];
        if (a->role == VMG_SCALAR) {
            err = clSetKernelArg(kernel, (*index)++, a->size, &a->value);
        } else if (a->role == VMG_LOCAL) {
            err = clSetKernelArg(kernel, (*index)++, a->size, NULL);
        } else {
            cl_ulong off = a->tensor.off_bytes;
            err = clSetKernelArg(kernel, (*index)++, sizeof(cl_mem), a->tensor.buf ? &a->tensor.buf : NULL);
            if (err == CL_SUCCESS)
                err = clSetKernelArg(kernel, (*index)++, sizeof off, &off);
        }
    }
    return err;
}

bool vmg_launch_enqueue(vmg_ctx *ctx, const vmg_launch *l, const int *v)
{
    char options[1024], name[128];
    size_t global[3] = {1, 1, 1}, local[3] = {1, 1, 1};
    cl_uint index;
    if (!full_options(ctx, l, v, options, sizeof options))
        return false;
    l->def->geometry(&ctx->dev, v, l->shape, global, local);
    if (global[0] == 0 || global[1] == 0 || global[2] == 0)
        return true;
    if (ctx->plan) {
        vmg_plan_note(ctx, l->def->file, l->def->name, options);
        return true;
    }
    cl_kernel kernel = vmg_program_kernel(ctx, l->def->file, l->def->name, options);
    if (!kernel)
        return false;
    snprintf(name, sizeof name, "%s.%s", l->def->file, l->def->name);
    cl_int err = bind(kernel, l, &index);
    if (err != CL_SUCCESS) {
        vmg_ctx_fail(ctx, VMG_E_DEVICE, "argument %u of kernel %s: %s on %s", index, name, vmg_cl_error_name(err),
                     ctx->dev.name);
        return false;
    }
    cl_uint dims = global[2] > 1 ? 3 : global[1] > 1 ? 2 : 1;
    cl_event event = NULL;
    err = clEnqueueNDRangeKernel(ctx->queue, kernel, dims, NULL, global, local[0] ? local : NULL, 0, NULL,
                                 ctx->profile ? &event : NULL);
    if (err != CL_SUCCESS) {
        vmg_ctx_fail(ctx, err == CL_MEM_OBJECT_ALLOCATION_FAILURE ? VMG_E_NOMEM : VMG_E_DEVICE,
                     "kernel %s with work-group %zux%zux%zu (the device allows %zu) over %zux%zux%zu: %s on %s",
                     name, local[0], local[1], local[2], ctx->dev.max_work_group, global[0], global[1],
                     global[2], vmg_cl_error_name(err), ctx->dev.name);
        return false;
    }
    if (event)
        vmg_profile_add(ctx, name, event, l->flops, l->bytes);
    return true;
}

void vmg_launch_run(vmg_ctx *ctx, const vmg_launch *l)
{
    int v[VMG_MAX_TUNABLES] = {0};
    char key[512];
    if (ctx->error)
        return;
    if (l->n_args > VMG_MAX_ARGS) {
        vmg_ctx_fail(ctx, VMG_E_ARG, "kernel %s.%s has %d arguments, at most %d", l->def->file, l->def->name,
                     l->n_args, VMG_MAX_ARGS);
        return;
    }
    snprintf(key, sizeof key, "%s.%s|%s", l->def->file, l->def->name, l->options + (l->options[0] == ' '));
    if (vmg_tune_active(ctx))
        vmg_tune_search_launch(ctx, l, key);
    if (choose_values(ctx, l, key, v))
        vmg_launch_enqueue(ctx, l, v);
}

/* ---- variants ---- */

static void variant_key(const vmg_variants *set, const char *tag, char *key, size_t n)
{
    snprintf(key, n, "variant:%s|%s", set->name, tag ? tag : "");
}

int vmg_variants_choose(vmg_ctx *ctx, const vmg_variants *set, const char *tag,
                        const int64_t shape[VMG_MAX_SHAPE], const void *arg)
{
    char key[256];
    const char *forced = vmg_tune_forced_variant(ctx, set);
    variant_key(set, tag, key, sizeof key);
    for (int i = 0; forced && set->variant[i]; i++)
        if (!strcmp(set->variant[i], forced) && set->valid(ctx, i, arg))
            return i;
    /* A variant's entry names it, with value 1. */
    for (int i = 0; set->variant[i]; i++) {
        int one = 0;
        if (vmg_tune_lookup(ctx, key, shape, &set->variant[i], 1, &one) && set->valid(ctx, i, arg))
            return i;
    }
    int i = set->default_variant(ctx, arg);
    if (i >= 0 && set->valid(ctx, i, arg))
        return i;
    for (i = 0; set->variant[i]; i++)
        if (set->valid(ctx, i, arg))
            return i;
    return -1;
}

void vmg_variants_run(vmg_ctx *ctx, const vmg_variants *set, const char *tag,
                      const int64_t shape[VMG_MAX_SHAPE], const void *arg, const vmg_tensor *outs,
                      int n_outs)
{
    char key[256];
    if (ctx->error)
        return;
    variant_key(set, tag, key, sizeof key);
    if (vmg_tune_active(ctx))
        vmg_tune_search_variants(ctx, set, key, shape, arg, outs, n_outs);
    int i = vmg_variants_choose(ctx, set, tag, shape, arg);
    if (i < 0)
        vmg_ctx_fail(ctx, VMG_E_UNSUPPORTED, "no implementation of %s fits %s on %s", set->name, tag ? tag : "",
                     ctx->dev.name);
    else
        set->run(ctx, i, arg);
}
