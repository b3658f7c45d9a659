/* Masked, weighted mean squared error and its gradient against a double-precision reference. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/op/elementwise.h"
#include "host/op/loss.h"
#include "host/op/reduce.h"
#include "tests/op/rows_bench.h"

static struct {
    int64_t R, C;
    bool mask, gradient;
} current;

static const double denominator = 37.5;

/* The loss in double; d (R,C) gets its gradient. pred is in double so that finite differences can move it. */
static double reference(const double *pred, const float *target, const float *row, const float *col, const float *mask,
                        double *d)
{
    double loss = 0;
    for (int64_t i = 0; i < current.R * current.C; i++) {
        const double w = (double)row[i / current.C] * col[i % current.C] * (current.mask ? mask[i] : 1) / denominator;
        const double e = pred[i] - target[i];
        loss += e * e * w;
        d[i] = 2 * e * w;
    }
    return loss;
}

static void run(void)
{
    const int64_t R = current.R, C = current.C, n = R * C;
    float *pred = vmg_test_numbers(n, 2), *target = vmg_test_numbers(n, 2), *row = vmg_test_numbers(R, 1);
    float *col = vmg_test_numbers(C, 1), *mask = vmg_test_numbers(n, 1), *got = vmg_calloc((size_t)n + 1, sizeof *got);
    float *wanted = vmg_calloc((size_t)n + 1, sizeof *wanted), loss;
    double *d = vmg_calloc((size_t)n + 1, sizeof *d), *p = vmg_calloc((size_t)n + 1, sizeof *p);
    for (int64_t i = 0; i < n; i++) {
        mask[i] = mask[i] > 0;
        p[i] = pred[i];
    }
    for (int64_t r = 0; r < R; r++) /* frames beyond a sample's length weigh nothing */
        row[r] = r % 3 == 2 ? 0 : fabsf(row[r]);
    for (int64_t c = 0; c < C; c++)
        col[c] = fabsf(col[c]) + 1;
    const double want = reference(p, target, row, col, mask, d);
    vmg_tensor whole, whole_loss, d_pred = vmg_test_guarded(R, C, 0, NULL, &whole);
    vmg_tensor t_loss = vmg_test_guarded(1, 1, 0, NULL, &whole_loss);
    vmg_test_spoil_scratch();
    vmg_op_mse(vmg_test_ctx(), vmg_test_matrix(VMG_F32, R, C, pred), vmg_test_matrix(VMG_F32, R, C, target),
               vmg_test_tensor(VMG_F32, 1, &R, row), vmg_test_tensor(VMG_F32, 1, &C, col),
               current.mask ? vmg_test_matrix(VMG_F32, R, C, mask) : VMG_NONE, denominator, t_loss,
               current.gradient ? d_pred : VMG_NONE);
    vmg_test_read_guarded(whole_loss, 0, &loss);
    CHECK_CLOSE(loss, want, 1e-6 * want);
    if (current.gradient) {
        vmg_test_read_guarded(whole, 0, got);
        for (int64_t i = 0; i < n; i++)
            wanted[i] = (float)d[i];
        CHECK_ARRAY(got, wanted, (size_t)n, 1e-6);
    }
    void *all[] = {pred, target, row, col, mask, got, wanted, d, p};
    for (size_t i = 0; i < VMG_COUNT(all); i++)
        free(all[i]);
}

static void shapes(void)
{
    static const int64_t each[][2] = {{1, 1}, {2, 13}, {7, 276}, {0, 8}, {331, 16}, {3001, 37}};
    for (size_t i = 0; i < VMG_COUNT(each) - (vmg_test_oclgrind() ? 2 : 0); i++)
        for (int k = 0; k < 4; k++) {
            current.R = each[i][0];
            current.C = each[i][1];
            current.mask = k & 1;
            current.gradient = k & 2;
            run();
            vmg_arena_reset_all(vmg_test_arena());
        }
}

static void tunables(void)
{
    current.R = vmg_test_oclgrind() ? 5 : 37;
    current.C = 277;
    current.mask = current.gradient = true;
    vmg_test_every_class(&vmg_loss_kernels[0], run);
}

/* The reference's own gradient is the loss's slope. */
static void finite_differences(void)
{
    current.R = 5;
    current.C = 7;
    current.mask = true;
    float *target = vmg_test_numbers(35, 1), *row = vmg_test_numbers(5, 1), *col = vmg_test_numbers(7, 1);
    float *mask = vmg_test_numbers(35, 1);
    double p[35], d[35], unused[35];
    for (int i = 0; i < 35; i++)
        p[i] = vmg_test_uniform();
    reference(p, target, row, col, mask, d);
    for (int i = 0; i < 35; i++) {
        const double at = p[i];
        p[i] = at + 1e-4;
        const double up = reference(p, target, row, col, mask, unused);
        p[i] = at - 1e-4;
        CHECK_CLOSE((up - reference(p, target, row, col, mask, unused)) / 2e-4, d[i], 1e-9);
        p[i] = at;
    }
    free(target);
    free(row);
    free(col);
    free(mask);
}

static void rejects_wrong_arguments(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    vmg_tensor x = vmg_test_matrix(VMG_F32, 3, 4, NULL), rows = vmg_test_matrix(VMG_F32, 1, 3, NULL);
    vmg_tensor cols = vmg_test_matrix(VMG_F32, 1, 4, NULL), loss = vmg_test_matrix(VMG_F32, 1, 1, NULL);
    vmg_op_mse(ctx, x, x, rows, cols, VMG_NONE, 0, loss, VMG_NONE);
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "denominator is 0");
    vmg_ctx_clear(ctx);
    vmg_op_mse(ctx, x, x, cols, rows, VMG_NONE, 1, loss, VMG_NONE);
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "row_weight is f32 (1,4)");
    vmg_ctx_clear(ctx);
}

static const vmg_test_case cases[] = {
    {"shapes", shapes},
    {"tunables", tunables},
    {"finite_differences", finite_differences},
    {"rejects_wrong_arguments", rejects_wrong_arguments},
};

/* ---- benches ---- */

static void bench_mse(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_mse(ctx, b->x, b->y, b->row_weight, vmg_tensor_view_rows(b->vec[0], 0, 1), b->z, 1e4, b->scalar, b->out);
}

static const vmg_op_bench benches[] = {
    VMG_ROWS_BENCH("mse masked with gradient", bench_mse, 4),
};

const vmg_op_suite vmg_suite_loss = {"loss", cases, VMG_COUNT(cases), benches, VMG_COUNT(benches)};
