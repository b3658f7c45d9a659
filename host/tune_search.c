/* Searching tunables: every candidate must give the default's output before its time counts. */
#include "host/tune_search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/clock.h"
#include "host/base/mem.h"
#include "host/tune.h"

/* Largest difference a candidate may show against the default, relative to the default's largest
 * magnitude: reordered float sums of a few thousand terms stay far below; a wrong kernel does not. Variants
 * may also differ in rounding operands to bf16. */
static const double launch_tolerance = 1e-3, variant_tolerance = 1e-2;

/* A candidate must be this much faster than the best before it, so that noise does not choose. */
static const double worthwhile = 0.97;

/* A variant this many times slower than the best before its launches are tuned is not tuned at all. */
static const double hopeless = 5;

/* A trial is repeated until this much time is spent, and counted by its fastest run. */
static const double trial_s = 0.02;
enum { MAX_REPEATS = 25, MAX_OUTS = VMG_MAX_ARGS };

/* One thing to search: candidates are rows of values; run() enqueues one. */
typedef struct search {
    vmg_ctx *ctx;
    void (*run)(struct search *s, const int *v);
    const void *self; /* vmg_launch or variant_call */
    const vmg_tensor *outs;
    int n_outs;
    double tolerance;
    void *before[MAX_OUTS], *expected[MAX_OUTS]; /* the bytes of each output's span */
} search;

/* Bytes from the first to the last element of a (possibly strided) row-major tensor. */
static size_t span_bytes(vmg_tensor t)
{
    vmg_tensor whole = vmg_tensor_make(t.buf, t.off_bytes, t.dtype, 1, (int64_t[]){0});
    int64_t rows = vmg_tensor_rows(t);
    whole.dim[0] = whole.ld = rows ? (rows - 1) * t.ld + vmg_tensor_cols(t) : 0;
    return vmg_tensor_bytes(whole);
}

static void copy_span(vmg_ctx *ctx, vmg_tensor t, void *host, bool to_host)
{
    size_t n = span_bytes(t);
    if (!n || !t.buf)
        return;
    cl_int err = to_host ? clEnqueueReadBuffer(ctx->queue, t.buf, CL_TRUE, t.off_bytes, n, host, 0, NULL, NULL)
                         : clEnqueueWriteBuffer(ctx->queue, t.buf, CL_TRUE, t.off_bytes, n, host, 0, NULL, NULL);
    vmg_ctx_check(ctx, err, "tuning");
}

/* Results in two bytes may be rounded to neighbours, a unit of the last place apart. */
static double last_place(vmg_dtype dtype)
{
    return dtype == VMG_F16 ? 0x1p-10 : dtype == VMG_BF16 ? 0x1p-7 : 0;
}

static float value_at(vmg_dtype dtype, const void *span, size_t i)
{
    return dtype == VMG_F16    ? vmg_f16_to_f32(((const uint16_t *)span)[i])
           : dtype == VMG_BF16 ? vmg_bf16_to_f32(((const uint16_t *)span)[i])
                               : ((const float *)span)[i];
}

static bool same_output(vmg_tensor t, const void *got, const void *want, double tolerance)
{
    const size_t n = span_bytes(t);
    if (!vmg_dtype_is_plain_float(t.dtype))
        return !memcmp(got, want, n);
    double diff = 0, scale = 0;
    for (size_t i = 0; i < n / (size_t)vmg_dtype_get(t.dtype).block_bytes; i++) {
        const double a = value_at(t.dtype, got, i), b = value_at(t.dtype, want, i);
        if (isnan(a) && isnan(b))
            continue;
        if (!isfinite(a) || !isfinite(b)) {
            if (a != b)
                return false;
            continue;
        }
        diff = fmax(diff, fabs(a - b));
        scale = fmax(scale, fabs(b));
    }
    return diff <= (tolerance + last_place(t.dtype)) * scale;
}

static void restore(search *s)
{
    for (int i = 0; i < s->n_outs; i++)
        copy_span(s->ctx, s->outs[i], s->before[i], false);
}

/* Runs a candidate; false when it failed, which is forgotten unless somebody asked to stop. */
static bool run_once(search *s, const int *v)
{
    s->run(s, v);
    if (vmg_ctx_finish(s->ctx) == VMG_OK)
        return true;
    if (s->ctx->error != VMG_E_INTERRUPTED)
        vmg_ctx_clear(s->ctx);
    return false;
}

/* Runs a candidate once from the saved state; false when it fails or differs from the default. */
static bool check(search *s, const int *v)
{
    restore(s);
    if (!run_once(s, v))
        return false;
    bool ok = true;
    for (int i = 0; ok && i < s->n_outs; i++) {
        void *got = vmg_calloc(span_bytes(s->outs[i]) + 1, 1);
        ok = got != NULL;
        if (ok) {
            copy_span(s->ctx, s->outs[i], got, true);
            ok = same_output(s->outs[i], got, s->expected[i], s->tolerance);
        }
        free(got);
    }
    return ok;
}

/* Fastest of several runs; gives up early on candidates twice as slow as the best so far. */
static double time_of(search *s, const int *v, double best)
{
    double fastest = INFINITY, begun = vmg_now_s();
    for (int k = 0; k < MAX_REPEATS && (k < 3 || vmg_now_s() - begun < trial_s); k++) {
        double t = vmg_now_s();
        if (!run_once(s, v))
            return INFINITY;
        fastest = fmin(fastest, vmg_now_s() - t);
        if (k > 0 && fastest > 2 * best)
            break;
    }
    return fastest;
}

static bool prepare(search *s, const int *default_values)
{
    for (int i = 0; i < s->n_outs; i++) {
        size_t n = span_bytes(s->outs[i]) + 1;
        s->before[i] = vmg_calloc(n, 1);
        s->expected[i] = vmg_calloc(n, 1);
        if (!s->before[i] || !s->expected[i])
            return false;
        copy_span(s->ctx, s->outs[i], s->before[i], true);
    }
    s->run(s, default_values);
    if (vmg_ctx_finish(s->ctx) != VMG_OK)
        return false;
    for (int i = 0; i < s->n_outs; i++)
        copy_span(s->ctx, s->outs[i], s->expected[i], true);
    return true;
}

static void finish(search *s)
{
    for (int i = 0; i < s->n_outs; i++) {
        if (s->before[i])
            copy_span(s->ctx, s->outs[i], s->before[i], false);
        free(s->before[i]);
        free(s->expected[i]);
    }
}

/* ---- launches ---- */

static void run_launch(search *s, const int *v)
{
    vmg_launch_enqueue(s->ctx, s->self, v);
}

static void try_values(search *s, const vmg_launch *l, const int *v, int *best, double *best_s)
{
    int n = vmg_kernel_n_tunables(l->def);
    if (!memcmp(v, best, (size_t)n * sizeof *v) || !vmg_kernel_values_valid(s->ctx, l->def, v, l->shape) ||
        !check(s, v))
        return;
    double t = time_of(s, v, *best_s);
    if (t < worthwhile * *best_s) {
        *best_s = t;
        memcpy(best, v, (size_t)n * sizeof *v);
    }
}

void vmg_tune_search_launch(vmg_ctx *ctx, const vmg_launch *l, const char *key)
{
    search s = {.ctx = ctx, .run = run_launch, .self = l, .tolerance = launch_tolerance};
    vmg_tensor outs[MAX_OUTS];
    int n = vmg_kernel_n_tunables(l->def), best[VMG_MAX_TUNABLES] = {0}, v[VMG_MAX_TUNABLES] = {0};
    if (n == 0 || !vmg_tune_first_visit(ctx, key, l->shape) || ctx->plan ||
        !vmg_kernel_default_values(ctx, l->def, l->shape, best))
        return;
    for (int i = 0; i < l->n_args; i++)
        if ((l->args[i].role == VMG_OUT || l->args[i].role == VMG_INOUT) && l->args[i].tensor.buf)
            outs[s.n_outs++] = l->args[i].tensor;
    s.outs = outs;
    if (prepare(&s, best)) {
        double default_s = time_of(&s, best, INFINITY), best_s = default_s;
        if (vmg_tune_full(ctx)) {
            int index[VMG_MAX_TUNABLES] = {0};
            for (int k = 0; k < n; k++)
                v[k] = l->def->tunables[k].value[0];
            do {
                try_values(&s, l, v, best, &best_s);
            } while (vmg_kernel_next_values(l->def, index, v));
        } else {
            /* One tunable at a time from the best so far, twice round: finds interactions of neighbours. */
            for (int k = 0; k < 2 * n; k++)
                for (int i = 0; i < VMG_MAX_CANDIDATES && l->def->tunables[k % n].value[i]; i++) {
                    memcpy(v, best, sizeof v);
                    v[k % n] = l->def->tunables[k % n].value[i];
                    try_values(&s, l, v, best, &best_s);
                }
        }
        const char *names[VMG_MAX_TUNABLES];
        for (int k = 0; k < n; k++)
            names[k] = l->def->tunables[k].name;
        vmg_tune_record(ctx, key, l->shape, names, n, best, best_s);
        vmg_tune_report(ctx, key, l->shape, default_s, best_s);
    }
    finish(&s);
}

/* ---- variants ---- */

typedef struct variant_call {
    const vmg_variants *set;
    const void *arg;
} variant_call;

static void run_variant(search *s, const int *v)
{
    const variant_call *call = s->self;
    call->set->run(s->ctx, v[0], call->arg);
}

/* The default, else the first that is valid; -1: none. */
static int first_variant(vmg_ctx *ctx, const vmg_variants *set, const void *arg)
{
    int i = set->default_variant(ctx, arg);
    if (i >= 0 && set->valid(ctx, i, arg))
        return i;
    for (i = 0; set->variant[i]; i++)
        if (set->valid(ctx, i, arg))
            return i;
    return -1;
}

/* Time of a variant as it is tuned now; infinite when it is wrong. Its own launches are not searched. */
static double time_of_variant(search *s, int i, double best)
{
    bool before = vmg_tune_suspend(s->ctx, true);
    double t = check(s, &i) ? time_of(s, &i, best) : INFINITY;
    vmg_tune_suspend(s->ctx, before);
    return t;
}

/* Runs each variant that has a chance with tuning on, which searches its launches, and takes the fastest. */
static int best_variant(search *s, const variant_call *call, int first, double *default_s, double *best_s)
{
    int best = first;
    *default_s = *best_s = time_of_variant(s, first, INFINITY);
    for (int i = 0; call->set->variant[i]; i++) {
        if (i == first || !call->set->valid(s->ctx, i, call->arg) ||
            time_of_variant(s, i, *best_s) > hopeless * *best_s)
            continue;
        restore(s);
        if (!run_once(s, &i))
            continue;
        double t = time_of_variant(s, i, *best_s);
        if (t < worthwhile * *best_s) {
            *best_s = t;
            best = i;
        }
    }
    return best;
}

void vmg_tune_search_variants(vmg_ctx *ctx, const vmg_variants *set, const char *key,
                              const int64_t shape[VMG_MAX_SHAPE], const void *arg, const vmg_tensor *outs,
                              int n_outs)
{
    variant_call call = {set, arg};
    search s = {.ctx = ctx, .run = run_variant, .self = &call, .outs = outs, .n_outs = n_outs,
                .tolerance = variant_tolerance};
    int first = first_variant(ctx, set, arg);
    if (n_outs > MAX_OUTS || first < 0 || !vmg_tune_first_visit(ctx, key, shape))
        return;
    if (ctx->plan) {
        for (int i = 0; set->variant[i]; i++)
            if (set->valid(ctx, i, arg))
                run_variant(&s, &i);
        return;
    }
    if (prepare(&s, &first)) {
        double default_s, best_s;
        int best = best_variant(&s, &call, first, &default_s, &best_s), one = 1;
        if (!ctx->error) {
            vmg_tune_record(ctx, key, shape, &set->variant[best], 1, &one, best_s);
            vmg_tune_report(ctx, key, shape, default_s, best_s);
        }
    }
    finish(&s);
}
