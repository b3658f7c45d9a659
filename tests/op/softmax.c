/* Softmax against a double-precision reference: lengths, strides, in place; gradients. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/arena.h"
#include "host/base/mem.h"
#include "host/op/softmax.h"
#include "tests/op/suite.h"

static const struct problem {
    int64_t R, C, pad;
    bool n_valid, in_place;
    float magnitude;
} problems[] = {
    {1, 1, 0, false, false, 1},   {5, 7, 2, true, false, 3},      {3, 129, 0, false, true, 1e4f},
    {17, 64, 0, true, true, 10},  {2, 1031, 3, true, false, 1},   {0, 5, 0, true, false, 1},
    {4, 0, 0, false, false, 1},   {33, 200, 1, false, false, 30},
};

/* y of the reference; every third length is 0, others are drawn. */
static void reference(const struct problem *p, const float *x, int32_t *n_valid, float *y)
{
    for (int64_t r = 0; r < p->R; r++) {
        int64_t n = p->C;
        if (p->n_valid)
            n = n_valid[r] = r % 3 == 2 ? 0 : (int32_t)vmg_test_below((uint32_t)p->C + 1);
        double m = -INFINITY, sum = 0;
        for (int64_t c = 0; c < n; c++)
            m = fmax(m, x[r * p->C + c]);
        for (int64_t c = 0; c < n; c++)
            sum += exp(x[r * p->C + c] - m);
        for (int64_t c = 0; c < p->C; c++)
            y[r * p->C + c] = c < n ? (float)(exp(x[r * p->C + c] - m) / sum) : 0;
    }
}

/* Errors relative to 1, the greatest possible value: those of exp and of a sum of 1000 terms. */
static const double tolerance = 2e-6;

static void check_forward(const struct problem *p)
{
    const int64_t n = p->R * p->C;
    float *x = vmg_test_numbers(n, p->magnitude), *want = vmg_test_numbers(n, 0), *got = vmg_test_numbers(n, 0);
    int32_t *n_valid = vmg_calloc((size_t)p->R + 1, sizeof *n_valid);
    vmg_tensor whole, in = vmg_test_guarded(p->R, p->C, p->pad, x, &whole), out = in;
    if (!p->in_place)
        out = vmg_test_guarded(p->R, p->C, p->pad, NULL, &whole);
    reference(p, x, n_valid, want);
    vmg_op_softmax(vmg_test_ctx(), in, p->n_valid ? vmg_test_ints(p->R, n_valid) : VMG_NONE, out);
    vmg_test_read_guarded(whole, p->pad, got);
    CHECK_ARRAY(got, want, (size_t)n, tolerance);
    free(x);
    free(want);
    free(got);
    free(n_valid);
}

static void check_backward(const struct problem *p)
{
    const int64_t n = p->R * p->C;
    float *x = vmg_test_numbers(n, 3), *y = vmg_test_numbers(n, 0), *dy = vmg_test_numbers(n, 1);
    float *want = vmg_test_numbers(n, 0), *got = vmg_test_numbers(n, 0);
    int32_t *n_valid = vmg_calloc((size_t)p->R + 1, sizeof *n_valid);
    vmg_tensor whole, in = vmg_test_guarded(p->R, p->C, p->pad, dy, &whole), out = in;
    if (!p->in_place)
        out = vmg_test_guarded(p->R, p->C, p->pad, NULL, &whole);
    reference(p, x, n_valid, y);
    for (int64_t r = 0; r < p->R; r++) {
        double mean = 0;
        for (int64_t c = r * p->C; c < (r + 1) * p->C; c++)
            mean += (double)y[c] * dy[c];
        for (int64_t c = r * p->C; c < (r + 1) * p->C; c++)
            want[c] = (float)(y[c] * (dy[c] - mean));
    }
    vmg_op_softmax_backward(vmg_test_ctx(), vmg_test_guarded(p->R, p->C, p->pad, y, NULL), in, out);
    vmg_test_read_guarded(whole, p->pad, got);
    CHECK_ARRAY(got, want, (size_t)n, tolerance);
    free(x);
    free(y);
    free(dy);
    free(want);
    free(got);
    free(n_valid);
}

static void run_each(void (*check)(const struct problem *))
{
    for (size_t i = 0; i < VMG_COUNT(problems); i++) {
        struct problem p = problems[i];
        p.R = vmg_test_small() ? VMG_MIN(p.R, 7) : p.R;
        check(&p);
    }
}

static void run_forward(void)
{
    run_each(check_forward);
}

static void run_backward(void)
{
    run_each(check_backward);
}

static void forward(void)
{
    vmg_test_every_class(&vmg_softmax_kernels[0], run_forward);
}

static void backward(void)
{
    vmg_test_every_class(&vmg_softmax_kernels[1], run_backward);
}

/* The analytic gradient is the derivative of sum(dy softmax(x)). */
static void gradient_is_the_derivative(void)
{
    enum { C = 11 };
    static const struct problem p = {1, C, 0, false, false, 1};
    const float h = 1.0f / 128;
    float x[C], y[C], dy[C], dx[C];
    vmg_test_fill(x, C);
    vmg_test_fill(dy, C);
    reference(&p, x, NULL, y);
    vmg_tensor out = vmg_test_matrix(VMG_F32, 1, C, NULL);
    vmg_op_softmax_backward(vmg_test_ctx(), vmg_test_matrix(VMG_F32, 1, C, y), vmg_test_matrix(VMG_F32, 1, C, dy),
                            out);
    vmg_test_read(out, dx);
    for (int i = 0; i < C; i++) {
        double loss[2] = {0, 0};
        float moved[2] = {x[i] + h, x[i] - h}, before = x[i];
        for (int s = 0; s < 2; s++) {
            x[i] = moved[s];
            reference(&p, x, NULL, y);
            for (int c = 0; c < C; c++)
                loss[s] += (double)y[c] * dy[c];
        }
        x[i] = before;
        CHECK_CLOSE(dx[i], (loss[0] - loss[1]) / ((double)moved[0] - moved[1]), 2e-5);
    }
}

static void masks_and_propagates(void)
{
    const float x[] = {-INFINITY, 0, -INFINITY, -INFINITY, -INFINITY, -INFINITY, 1, NAN, 2};
    const float want[] = {0, 1, 0, 0, 0, 0};
    float y[9];
    vmg_tensor t = vmg_test_matrix(VMG_F32, 3, 3, x);
    vmg_op_softmax(vmg_test_ctx(), t, VMG_NONE, t);
    vmg_test_read(t, y);
    CHECK_ARRAY(y, want, 6, 0);
    for (int c = 6; c < 9; c++)
        CHECK(isnan(y[c]));
}

static const vmg_test_case cases[] = {{"forward", forward},
                                      {"backward", backward},
                                      {"gradient_is_the_derivative", gradient_is_the_derivative},
                                      {"masks_and_propagates", masks_and_propagates}};

/* ---- timing ---- */

enum { BENCH_ROWS = 16384, BENCH_COLS = 1536 };

static void *bench_setup(vmg_ctx *ctx, vmg_arena *arena, const void *param)
{
    vmg_tensor *x = vmg_calloc(2, sizeof *x);
    float *values = vmg_test_numbers(BENCH_ROWS * BENCH_COLS, 5);
    (void)param;
    for (int i = 0; i < 2; i++)
        x[i] = vmg_arena_matrix(arena, VMG_F32, BENCH_ROWS, BENCH_COLS);
    vmg_upload(ctx, x[0], values);
    free(values);
    return x;
}

static void bench_run(vmg_ctx *ctx, void *state)
{
    vmg_tensor *x = state;
    vmg_op_softmax(ctx, x[0], VMG_NONE, x[1]);
}

static const vmg_op_bench benches[] = {{.name = "softmax 16384x1536",
                                        .setup = bench_setup,
                                        .run = bench_run,
                                        .teardown = free,
                                        .bytes = 8.0 * BENCH_ROWS * BENCH_COLS,
                                        .baseline = "copy"}};

const vmg_op_suite vmg_suite_softmax = {"softmax", cases, VMG_COUNT(cases), benches, VMG_COUNT(benches)};
