/* Gaussian smoothing along time against a double-precision reference: short, long, empty segments. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/op/filter.h"
#include "tests/op/rows_bench.h"

enum { MAX_SEGMENTS = 9 };

static struct {
    int64_t C;
    int n;
    int32_t starts[MAX_SEGMENTS + 1];
} current;

static void run(void)
{
    const int64_t R = current.starts[current.n], C = current.C;
    float *x = vmg_test_numbers(R * C, 1), *got = vmg_calloc((size_t)(R * C) + 1, sizeof *got);
    float *want = vmg_calloc((size_t)(R * C) + 1, sizeof *want);
    for (int s = 0; s < current.n; s++)
        for (int64_t r = current.starts[s]; r < current.starts[s + 1]; r++)
            for (int64_t c = 0; c < C; c++) {
                double sum = 0, weights = 0;
                const bool inner = r - current.starts[s] >= 2 && current.starts[s + 1] - r > 2;
                for (int k = -2; k <= 2; k++) {
                    const double weight = exp(-0.5 * k * k);
                    weights += weight;
                    sum += inner ? weight * x[(r + k) * C + c] : 0;
                }
                want[r * C + c] = inner ? (float)(sum / weights) : x[r * C + c];
            }
    vmg_tensor whole, y = vmg_test_guarded(R, C, 0, NULL, &whole);
    vmg_op_gaussian_time(vmg_test_ctx(), vmg_test_guarded(R, C, 0, x, NULL), vmg_test_ints(current.n + 1, current.starts), y);
    vmg_test_read_guarded(whole, 0, got);
    CHECK_ARRAY(got, want, (size_t)(R * C), 3e-7);
    free(x);
    free(got);
    free(want);
}

static void segments(void)
{
    static const struct {
        int n;
        int32_t starts[MAX_SEGMENTS + 1];
    } each[] = {{1, {0, 1}}, {1, {0, 4}}, {1, {0, 5}}, {1, {0, 200}}, {2, {0, 6, 13}}, {9, {0, 0, 5, 5, 5, 12, 13, 15, 18, 18}}};
    const int64_t cols[] = {1, 13, 276};
    for (size_t i = 0; i < VMG_COUNT(each); i++)
        for (size_t k = 0; k < VMG_COUNT(cols); k++) {
            current.C = cols[k];
            current.n = each[i].n;
            memcpy(current.starts, each[i].starts, sizeof current.starts);
            if (vmg_test_small() && current.n == 1)
                current.starts[1] = VMG_MIN(current.starts[1], 41);
            run();
            vmg_arena_reset_all(vmg_test_arena());
        }
}

static void tunables(void)
{
    current.C = 277;
    current.n = 3;
    memcpy(current.starts, vmg_test_small() ? (int32_t[]){0, 3, 8, 14} : (int32_t[]){0, 3, 17, 31}, 4 * sizeof(int32_t));
    vmg_test_every_class(&vmg_filter_kernels[0], run);
}

static void empty(void)
{
    current.C = 8;
    current.n = 1;
    current.starts[0] = current.starts[1] = 0;
    run();
}

static void rejects_in_place(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    vmg_tensor x = vmg_test_matrix(VMG_F32, 5, 4, NULL);
    vmg_op_gaussian_time(ctx, x, vmg_test_ints(2, (int32_t[]){0, 5}), x);
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "y is x");
    vmg_ctx_clear(ctx);
    vmg_op_gaussian_time(ctx, x, vmg_test_ints(2, (int32_t[]){0, 5}), vmg_test_matrix(VMG_F32, 4, 4, NULL));
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "y is f32 (4,4)");
    vmg_ctx_clear(ctx);
}

static const vmg_test_case cases[] = {
    {"segments", segments},
    {"tunables", tunables},
    {"empty", empty},
    {"rejects_in_place", rejects_in_place},
};

/* ---- benches ---- */

static void bench_gaussian(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_gaussian_time(ctx, b->x, b->starts, b->out);
}

static const vmg_op_bench benches[] = {
    VMG_ROWS_BENCH("gaussian over time", bench_gaussian, 2),
};

const vmg_op_suite vmg_suite_filter = {"filter", cases, VMG_COUNT(cases), benches, VMG_COUNT(benches)};
