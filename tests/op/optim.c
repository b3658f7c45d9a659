/* AdamW against a double-precision reference over several steps, and moving averages. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/op/optim.h"
#include "tests/op/rows_bench.h"

enum { N_STEPS = 5 };

static int64_t current_n;
static bool scale_given;

static void run_adamw(void)
{
    const int64_t n = current_n;
    const vmg_adamw o = {.lr = 2e-3, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 1e-2, .grad_scale = 0.5};
    float *start = vmg_test_numbers(n, 1), *zeros = vmg_calloc((size_t)n + 1, sizeof *zeros);
    float *got = vmg_calloc((size_t)n + 1, sizeof *got), *want = vmg_calloc((size_t)n + 1, sizeof *want);
    const float factor = 0.25f;
    double *p = vmg_calloc((size_t)n * 3 + 1, sizeof *p), *m = p + n, *v = m + n;
    const double *const state[] = {p, m, v};
    vmg_tensor whole[3], t[3];
    for (int64_t i = 0; i < n; i++)
        p[i] = start[i];
    for (int k = 0; k < 3; k++)
        t[k] = vmg_test_guarded(n, 1, 0, k ? zeros : start, &whole[k]);
    for (int step = 1; step <= N_STEPS; step++) {
        float *g = vmg_test_numbers(n, step == 2 ? 1e-3f : 1);
        vmg_adamw now = o;
        now.step = step;
        for (int64_t i = 0; i < n; i++) {
            const double grad = g[i] * o.grad_scale * (scale_given ? factor : 1);
            p[i] -= o.lr * o.weight_decay * p[i];
            m[i] = o.beta1 * m[i] + (1 - o.beta1) * grad;
            v[i] = o.beta2 * v[i] + (1 - o.beta2) * grad * grad;
            const double m_hat = m[i] / (1 - pow(o.beta1, step)), v_hat = v[i] / (1 - pow(o.beta2, step));
            p[i] -= o.lr * m_hat / (sqrt(v_hat) + o.eps);
        }
        vmg_op_adamw(vmg_test_ctx(), &now, t[0], vmg_test_matrix(VMG_F32, n, 1, g), t[1], t[2],
                     scale_given ? vmg_test_matrix(VMG_F32, 1, 1, &factor) : VMG_NONE);
        free(g);
    }
    for (int k = 0; k < 3; k++) {
        vmg_test_read_guarded(whole[k], 0, got);
        for (int64_t i = 0; i < n; i++)
            want[i] = (float)state[k][i];
        CHECK_ARRAY(got, want, (size_t)n, 1e-6);
    }
    free(start);
    free(zeros);
    free(got);
    free(want);
    free(p);
}

static void adamw(void)
{
    const int64_t sizes[] = {0, 1, 13, 1024, 16411};
    for (size_t i = 0; i < VMG_COUNT(sizes); i++)
        for (int k = 0; k < 2; k++) {
            current_n = sizes[i];
            scale_given = k;
            run_adamw();
            vmg_arena_reset_all(vmg_test_arena());
        }
}

static void tunables(void)
{
    current_n = 5003;
    scale_given = true;
    vmg_test_every_class(&vmg_optim_kernels[0], run_adamw);
}

/* lr 0 (the first step of a warm-up) moves nothing but m and v. */
static void zero_learning_rate(void)
{
    float p[8], g[8], zeros[8] = {0}, got[8];
    vmg_test_fill(p, 8);
    vmg_test_fill(g, 8);
    vmg_tensor t = vmg_test_matrix(VMG_F32, 1, 8, p), m = vmg_test_matrix(VMG_F32, 1, 8, zeros);
    const vmg_adamw o = {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 1e-4, .step = 1, .grad_scale = 1};
    vmg_op_adamw(vmg_test_ctx(), &o, t, vmg_test_matrix(VMG_F32, 1, 8, g), m, vmg_test_matrix(VMG_F32, 1, 8, zeros), VMG_NONE);
    vmg_test_read(t, got);
    CHECK(!memcmp(got, p, sizeof got));
    vmg_test_read(m, got);
    for (int i = 0; i < 8; i++)
        CHECK_CLOSE(got[i], 0.1 * g[i], 1e-8);
}

static void moving_average(void)
{
    float p[37], ema[37], got[37];
    vmg_test_fill(p, 37);
    vmg_test_fill(ema, 37);
    vmg_tensor t = vmg_test_matrix(VMG_F32, 1, 37, ema);
    vmg_op_ema(vmg_test_ctx(), 0.9999, vmg_test_matrix(VMG_F32, 1, 37, p), t);
    vmg_test_read(t, got);
    for (int i = 0; i < 37; i++)
        CHECK_CLOSE(got[i], 0.9999 * ema[i] + 0.0001 * p[i], 1e-7);
}

static void rejects_wrong_arguments(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    vmg_tensor x = vmg_test_matrix(VMG_F32, 3, 4, NULL);
    const vmg_adamw o = {.step = 0};
    vmg_op_adamw(ctx, &o, x, x, x, x, VMG_NONE);
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "step 0");
    vmg_ctx_clear(ctx);
    vmg_op_adamw(ctx, &o, x, vmg_test_matrix(VMG_F32, 4, 3, NULL), x, x, VMG_NONE);
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "grad is f32 (4,3)");
    vmg_ctx_clear(ctx);
}

static const vmg_test_case cases[] = {
    {"adamw", adamw},
    {"tunables", tunables},
    {"zero_learning_rate", zero_learning_rate},
    {"moving_average", moving_average},
    {"rejects_wrong_arguments", rejects_wrong_arguments},
};

/* ---- benches ---- */

static void bench_adamw(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    const vmg_adamw o = {.lr = 1e-4, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .step = 1, .grad_scale = 1};
    vmg_op_adamw(ctx, &o, b->x, b->y, b->z, b->out, VMG_NONE);
}

static void bench_ema(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_ema(ctx, 0.9999, b->x, b->out);
}

static const vmg_op_bench benches[] = {
    VMG_ROWS_BENCH("adamw", bench_adamw, 7),
    VMG_ROWS_BENCH("moving average", bench_ema, 3),
};

const vmg_op_suite vmg_suite_optim = {"optim", cases, VMG_COUNT(cases), benches, VMG_COUNT(benches)};
