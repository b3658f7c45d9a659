/* Fourier transforms of real rows: plans of clFFT, and the definition for other and for short lengths. */
#include "host/fft.h"

#include <clFFT.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "host/base/mem.h"
#include "host/op/want.h"

/* ---- clFFT's plans ---- */

enum { MAX_PLANS = 16, MAX_LENGTH = 1 << 24, MAX_FACTOR = 13 };

/* A plan transforms buffers from their beginning, so each has its own. */
typedef struct plan {
    clfftPlanHandle handle;
    int64_t R, N;
    cl_mem x, spectrum;
    uint64_t last_use;
} plan;

/* The table of the direct path serves the last length. */
typedef struct state {
    plan plans[MAX_PLANS];
    int n_plans;
    uint64_t n_uses;
    cl_mem table;
    int64_t table_N;
    bool started;
} state;

/* clFFT keeps programs of all contexts in one table of its own, which it frees on clfftTeardown only: the last
 * context to leave does that, or the end of the program, which destroys the table. This mirrors the library's
 * global state. */
static pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER;
static int n_library_users;
static bool library_ended;

/* Registered after clFFT's table was made, so it runs before the table is destroyed; contexts closed later (by
 * other exit handlers) must not touch it any more. */
static void end_library(void)
{
    pthread_mutex_lock(&library_lock);
    if (n_library_users > 0)
        clfftTeardown();
    library_ended = true;
    pthread_mutex_unlock(&library_lock);
}

static bool start_library(vmg_ctx *ctx, state *s)
{
    /* Not clfftInitSetupData: it is an inline function without a definition to link when not optimising. */
    const clfftSetupData setup = {.major = clfftVersionMajor, .minor = clfftVersionMinor, .patch = clfftVersionPatch};
    static bool registered;
    if (s->started)
        return true;
    pthread_mutex_lock(&library_lock);
    clfftStatus err = n_library_users ? CLFFT_SUCCESS : clfftSetup(&setup);
    if (err == CLFFT_SUCCESS && !registered) {
        registered = atexit(end_library) == 0;
        err = registered ? err : CLFFT_OUT_OF_HOST_MEMORY;
    }
    n_library_users += err == CLFFT_SUCCESS;
    pthread_mutex_unlock(&library_lock);
    if (err != CLFFT_SUCCESS)
        vmg_ctx_fail(ctx, VMG_E_DEVICE, "clFFT does not start (status %d)", (int)err);
    s->started = err == CLFFT_SUCCESS;
    return s->started;
}

static void stop_library(state *s)
{
    if (!s->started)
        return;
    pthread_mutex_lock(&library_lock);
    if (--n_library_users == 0 && !library_ended)
        clfftTeardown();
    pthread_mutex_unlock(&library_lock);
}

static size_t x_bytes(const plan *p)
{
    return sizeof(float) * (size_t)(p->R * p->N);
}

static size_t spectrum_bytes(const plan *p)
{
    return 2 * sizeof(float) * (size_t)(p->R * (p->N / 2 + 1));
}

static void free_plan(vmg_ctx *ctx, plan *p)
{
    if (p->handle && !library_ended)
        clfftDestroyPlan(&p->handle);
    if (p->x)
        vmg_ctx_buffer_free(ctx, p->x, x_bytes(p));
    if (p->spectrum)
        vmg_ctx_buffer_free(ctx, p->spectrum, spectrum_bytes(p));
    *p = (plan){0};
}

static size_t table_bytes(int64_t N)
{
    return 2 * sizeof(float) * (size_t)N;
}

static void free_state(vmg_ctx *ctx, void *slot)
{
    state *s = slot;
    for (int i = 0; i < s->n_plans; i++)
        free_plan(ctx, &s->plans[i]);
    if (s->table)
        vmg_ctx_buffer_free(ctx, s->table, table_bytes(s->table_N));
    stop_library(s);
    free(s);
}

static state *get_state(vmg_ctx *ctx)
{
    state *s = vmg_ctx_slot(ctx, VMG_SLOT_FFT);
    if (s || ctx->error)
        return s;
    s = vmg_calloc(1, sizeof *s);
    if (s)
        vmg_ctx_slot_set(ctx, VMG_SLOT_FFT, s, free_state);
    else
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "no memory for the table of Fourier plans");
    return s;
}

static bool succeeded(vmg_ctx *ctx, const plan *p, clfftStatus err, const char *what)
{
    if (err != CLFFT_SUCCESS)
        vmg_ctx_fail(ctx, VMG_E_DEVICE, "clFFT, %lld transforms of length %lld, %s: %s (status %d) on %s",
                     (long long)p->R, (long long)p->N, what, vmg_cl_error_name((cl_int)err), (int)err, ctx->dev.name);
    return err == CLFFT_SUCCESS;
}

/* Distances are set before baking: the baked kernels contain them. */
static bool bake(vmg_ctx *ctx, plan *p)
{
    const size_t length = (size_t)p->N, n_out = length / 2 + 1;
    size_t unit[1] = {1};
    if (!succeeded(ctx, p, clfftCreateDefaultPlan(&p->handle, ctx->cl, CLFFT_1D, &length), "creating the plan"))
        return false;
    const clfftStatus set[] = {clfftSetPlanPrecision(p->handle, CLFFT_SINGLE),
                               clfftSetLayout(p->handle, CLFFT_REAL, CLFFT_HERMITIAN_INTERLEAVED),
                               clfftSetResultLocation(p->handle, CLFFT_OUTOFPLACE),
                               clfftSetPlanBatchSize(p->handle, (size_t)p->R),
                               clfftSetPlanInStride(p->handle, CLFFT_1D, unit),
                               clfftSetPlanOutStride(p->handle, CLFFT_1D, unit),
                               clfftSetPlanDistance(p->handle, length, n_out)};
    for (size_t i = 0; i < VMG_COUNT(set); i++)
        if (!succeeded(ctx, p, set[i], "describing the plan"))
            return false;
    return succeeded(ctx, p, clfftBakePlan(p->handle, 1, &ctx->queue, NULL, NULL), "building the kernels");
}

/* The plan for R rows of length N: a kept one, else a new one in place of the one unused for longest. */
static plan *get_plan(vmg_ctx *ctx, state *s, int64_t R, int64_t N)
{
    plan *p = &s->plans[0];
    for (int i = 0; i < s->n_plans; i++) {
        if (s->plans[i].R == R && s->plans[i].N == N) {
            s->plans[i].last_use = ++s->n_uses;
            return &s->plans[i];
        }
        if (s->plans[i].last_use < p->last_use)
            p = &s->plans[i];
    }
    if (s->n_plans < MAX_PLANS)
        p = &s->plans[s->n_plans++];
    free_plan(ctx, p);
    p->R = R;
    p->N = N;
    p->last_use = ++s->n_uses;
    p->x = vmg_ctx_buffer(ctx, x_bytes(p));
    p->spectrum = vmg_ctx_buffer(ctx, spectrum_bytes(p));
    if (ctx->error || (!ctx->plan && (!start_library(ctx, s) || !bake(ctx, p)))) {
        free_plan(ctx, p);
        return NULL;
    }
    return p;
}

static void copy(vmg_ctx *ctx, cl_mem from, size_t from_at, cl_mem to, size_t to_at, size_t bytes)
{
    if (!ctx->plan && !ctx->error)
        vmg_ctx_check(ctx, clEnqueueCopyBuffer(ctx->queue, from, to, from_at, to_at, bytes, 0, NULL, NULL),
                      "copying rows for clFFT");
}

/* ---- kernels ---- */

static void per_element(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3])
{
    (void)dev;
    (void)v;
    global[0] = (size_t)shape[0];
    global[1] = (size_t)shape[1];
    local[0] = 0;
}

static const vmg_kernel_def direct_kernel = {.file = "fft", .name = "dft_direct", .geometry = per_element};
static const vmg_kernel_def power_kernel = {.file = "fft", .name = "power_of", .geometry = per_element};

static void launch_power(vmg_ctx *ctx, vmg_tensor spectrum, vmg_tensor power)
{
    vmg_launch l = VMG_LAUNCH(&power_kernel);
    const int64_t n = vmg_tensor_count(power);
    vmg_define(&l, "POWER_OF");
    vmg_arg_in(&l, spectrum);
    vmg_arg_out(&l, power);
    vmg_arg_i64(&l, n);
    l.shape[0] = n;
    l.shape[1] = 1;
    l.flops = 3.0 * (double)n;
    l.bytes = 12.0 * (double)n;
    vmg_launch_run(ctx, &l);
}

/* cos and sin of 2πj/N for j < N, taken in double. */
static vmg_tensor get_table(vmg_ctx *ctx, state *s, int64_t N)
{
    const int64_t dim[] = {N, 2};
    if (s->table_N != N) {
        if (s->table)
            vmg_ctx_buffer_free(ctx, s->table, table_bytes(s->table_N));
        s->table_N = 0;
        s->table = vmg_ctx_buffer(ctx, table_bytes(N));
        float *values = vmg_calloc((size_t)N, 2 * sizeof *values);
        if (!values)
            vmg_ctx_fail(ctx, VMG_E_NOMEM, "no memory for the roots of unity of order %lld", (long long)N);
        for (int64_t j = 0; values && j < N; j++) {
            const double angle = 2 * 3.14159265358979323846 * (double)j / (double)N;
            values[2 * j] = (float)cos(angle);
            values[2 * j + 1] = (float)sin(angle);
        }
        vmg_upload(ctx, vmg_tensor_make(s->table, 0, VMG_F32, 2, dim), values);
        free(values);
        s->table_N = s->table || ctx->plan ? N : 0;
    }
    return vmg_tensor_make(s->table, 0, VMG_F32, 2, dim);
}

/* ---- the two implementations ---- */

enum { DIRECT, CLFFT };

/* out: the power, or the spectrum. */
typedef struct call {
    vmg_tensor x, out;
    bool power;
    int64_t R, N;
} call;

static void run_direct(vmg_ctx *ctx, state *s, const call *c)
{
    vmg_launch l = VMG_LAUNCH(&direct_kernel);
    vmg_define(&l, "DIRECT");
    vmg_define(&l, "POWER=%d", c->power);
    vmg_arg_in(&l, c->x);
    vmg_arg_in(&l, get_table(ctx, s, c->N));
    vmg_arg_out(&l, c->out);
    vmg_arg_i32(&l, (int32_t)c->N);
    l.shape[0] = c->N / 2 + 1;
    l.shape[1] = c->R;
    l.flops = 4.0 * (double)c->R * (double)c->N * (double)l.shape[0];
    l.bytes = 8.0 * (double)c->R * (double)c->N;
    vmg_launch_run(ctx, &l);
}

static void run_clfft(vmg_ctx *ctx, state *s, const call *c)
{
    plan *p = get_plan(ctx, s, c->R, c->N);
    if (!p)
        return;
    copy(ctx, c->x.buf, c->x.off_bytes, p->x, 0, x_bytes(p));
    if (!ctx->plan && !ctx->error)
        succeeded(ctx, p,
                  clfftEnqueueTransform(p->handle, CLFFT_FORWARD, 1, &ctx->queue, 0, NULL, NULL, &p->x, &p->spectrum,
                                        NULL),
                  "transforming");
    if (c->power)
        launch_power(ctx, vmg_tensor_make(p->spectrum, 0, VMG_F32, 3, (int64_t[]){c->R, c->N / 2 + 1, 2}), c->out);
    else
        copy(ctx, p->spectrum, 0, c->out.buf, c->out.off_bytes, spectrum_bytes(p));
}

static bool valid_variant(vmg_ctx *ctx, int variant, const void *arg)
{
    const call *c = arg;
    int64_t rest = c->N;
    (void)ctx;
    if (variant == DIRECT)
        return true;
    for (int64_t f = 2; f <= MAX_FACTOR; f++)
        while (rest % f == 0)
            rest /= f;
    return rest == 1 && c->N <= MAX_LENGTH;
}

/* Building clFFT's kernels takes longer than 1e9 operations, even on a processor. */
static int default_variant(vmg_ctx *ctx, const void *arg)
{
    const call *c = arg;
    const double n = (double)c->N;
    return valid_variant(ctx, CLFFT, arg) && 2 * n * n * (double)c->R > 1e9 ? CLFFT : DIRECT;
}

static void run_variant(vmg_ctx *ctx, int variant, const void *arg)
{
    state *s = get_state(ctx);
    if (s)
        (variant == CLFFT ? run_clfft : run_direct)(ctx, s, arg);
}

const vmg_variants vmg_fft_variants = {
    .name = "fft",
    .variant = (const char *const[]){"direct", "clfft", NULL},
    .valid = valid_variant,
    .default_variant = default_variant,
    .run = run_variant,
};

static void transform(vmg_ctx *ctx, const call *c)
{
    const int64_t n_out = c->N / 2 + 1, shape[VMG_MAX_SHAPE] = {c->R, c->N};
    const vmg_want want[] = {{"x", c->x, c->R, c->N, VMG_F32, 0},
                             {c->power ? "power" : "spectrum", c->out, c->power ? c->R : c->R * n_out,
                              c->power ? n_out : 2, VMG_F32, 0}};
    if (!vmg_want_all(ctx, "fft", want, VMG_COUNT(want)) || c->R == 0 || c->N == 0)
        return;
    if (c->N > INT32_MAX / 2) {
        vmg_ctx_fail(ctx, VMG_E_ARG, "fft: rows of %lld elements are too long", (long long)c->N);
        return;
    }
    vmg_variants_run(ctx, &vmg_fft_variants, c->power ? "power" : "", shape, c, &c->out, 1);
}

void vmg_fft_real(vmg_ctx *ctx, vmg_tensor x, vmg_tensor spectrum)
{
    transform(ctx, &(call){x, spectrum, false, vmg_tensor_rows(x), vmg_tensor_cols(x)});
}

void vmg_fft_power(vmg_ctx *ctx, vmg_tensor x, vmg_tensor power)
{
    transform(ctx, &(call){x, power, true, vmg_tensor_rows(x), vmg_tensor_cols(x)});
}
