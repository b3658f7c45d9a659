/* Gathering and scattering rows: indices outside, strides, odd sizes, every work-group shape. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/arena.h"
#include "host/base/mem.h"
#include "host/op/rows.h"
#include "tests/op/suite.h"

enum { MAX_INDEX = 32 };

static const struct problem {
    int64_t n_indexed, n_cols, pad; /* rows of the matrix that indices point into */
    int n;
    int32_t index[MAX_INDEX];
} problems[] = {
    {7, 5, 0, 9, {6, 0, -1, 3, 7, 2, 1, -2147483647 - 1, 2147483647}},
    {1, 1, 3, 1, {0}},
    {3, 1537, 5, 2, {2, -1}},
    {5, 64, 0, 5, {4, 3, 2, 1, 0}},
    {4, 19, 2, 0, {0}},
    {0, 3, 0, 2, {0, -1}},
    {2, 0, 0, 2, {1, 0}},
};

static bool inside(const struct problem *p, int r)
{
    return p->index[r] >= 0 && p->index[r] < p->n_indexed;
}

static void check_gather(const struct problem *p)
{
    float *x = vmg_test_numbers(p->n_indexed * p->n_cols, 1), *got = vmg_test_numbers(p->n * p->n_cols, 0);
    vmg_tensor whole, out = vmg_test_guarded(p->n, p->n_cols, p->pad, NULL, &whole);
    vmg_op_gather_rows(vmg_test_ctx(), vmg_test_guarded(p->n_indexed, p->n_cols, p->pad, x, NULL),
                       vmg_test_ints(p->n, p->index), out);
    vmg_test_read_guarded(whole, p->pad, got);
    for (int r = 0; r < p->n; r++)
        for (int64_t c = 0; c < p->n_cols; c++)
            CHECK(got[r * p->n_cols + c] == (inside(p, r) ? x[p->index[r] * p->n_cols + c] : 0));
    free(x);
    free(got);
}

static void check_scatter(const struct problem *p, bool add)
{
    const int64_t n_out = p->n_indexed * p->n_cols;
    float *x = vmg_test_numbers(p->n * p->n_cols, 1), *got = vmg_test_numbers(n_out, 0);
    float *want = vmg_test_numbers(n_out, 2);
    vmg_tensor whole, out = vmg_test_guarded(p->n_indexed, p->n_cols, p->pad, want, &whole);
    (add ? vmg_op_scatter_rows_acc : vmg_op_scatter_rows)(
        vmg_test_ctx(), vmg_test_guarded(p->n, p->n_cols, p->pad, x, NULL), vmg_test_ints(p->n, p->index), out);
    vmg_test_read_guarded(whole, p->pad, got);
    for (int r = 0; r < p->n; r++)
        for (int64_t c = 0; c < p->n_cols && inside(p, r); c++) {
            float *to = &want[p->index[r] * p->n_cols + c], from = x[r * p->n_cols + c];
            *to = add ? *to + from : from;
        }
    for (int64_t i = 0; i < n_out; i++)
        CHECK(got[i] == want[i]);
    free(x);
    free(got);
    free(want);
}

static void run_all(void)
{
    for (size_t i = 0; i < VMG_COUNT(problems); i++) {
        check_gather(&problems[i]);
        check_scatter(&problems[i], false);
        check_scatter(&problems[i], true);
    }
}

static void every_shape_of_group(void)
{
    vmg_test_every_class(&vmg_rows_kernel, run_all);
}

static void refuses_wrong_operands(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    const int32_t index[3] = {0, 1, 2};
    vmg_tensor x = vmg_test_matrix(VMG_F32, 4, 6, NULL), out = vmg_test_matrix(VMG_F32, 2, 6, NULL);
    vmg_op_gather_rows(ctx, x, vmg_test_ints(3, index), out);
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "out is f32 (2,6)");
    vmg_ctx_clear(ctx);
    vmg_op_scatter_rows(ctx, x, vmg_test_ints(3, index), out);
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "x is f32 (4,6)");
    vmg_ctx_clear(ctx);
}

static const vmg_test_case cases[] = {{"every_shape_of_group", every_shape_of_group},
                                      {"refuses_wrong_operands", refuses_wrong_operands}};

/* ---- timing ---- */

enum { BENCH_ROWS = 16384, BENCH_COLS = 1536 };

typedef struct bench_state {
    vmg_tensor x, index, out;
} bench_state;

static void *bench_setup(vmg_ctx *ctx, vmg_arena *arena, const void *param)
{
    bench_state *b = vmg_calloc(1, sizeof *b);
    int32_t *index = vmg_calloc(BENCH_ROWS, sizeof *index);
    (void)param;
    for (int32_t r = 0; r < BENCH_ROWS; r++)
        index[r] = (int32_t)((int64_t)r * 7919 % BENCH_ROWS);
    b->x = vmg_arena_matrix(arena, VMG_F32, BENCH_ROWS, BENCH_COLS);
    b->out = vmg_arena_matrix(arena, VMG_F32, BENCH_ROWS, BENCH_COLS);
    b->index = vmg_arena_vector(arena, VMG_I32, BENCH_ROWS);
    vmg_upload(ctx, b->index, index);
    free(index);
    return b;
}

static void bench_run(vmg_ctx *ctx, void *state)
{
    bench_state *b = state;
    vmg_op_gather_rows(ctx, b->x, b->index, b->out);
}

static const vmg_op_bench benches[] = {{.name = "gather_rows 16384x1536",
                                        .setup = bench_setup,
                                        .run = bench_run,
                                        .teardown = free,
                                        .bytes = 8.0 * BENCH_ROWS * BENCH_COLS,
                                        .baseline = "copy"}};

const vmg_op_suite vmg_suite_rows = {"rows", cases, VMG_COUNT(cases), benches, VMG_COUNT(benches)};
