/* Sums: accuracy against double, the same bits whatever the work-groups, columns by group, the first non-finite value. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/op/elementwise.h"
#include "host/op/reduce.h"
#include "tests/op/rows_bench.h"

static int64_t current_n;
static float first_bits; /* of this size's sum, from the first work-group shape */
static bool have_first;

static vmg_tensor vector(int64_t n, const float *values)
{
    return vmg_test_tensor(VMG_F32, 1, &n, values);
}

static void run_sums(void)
{
    const int64_t n = current_n;
    float *x = vmg_test_numbers(n, 1), got, start = 0.75f;
    double sum = 0, magnitude = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        x[i] = sinf((float)i) + 0.25f; /* the same at each call, so that bits can be compared */
        sum += x[i];
        magnitude += fabs(x[i]);
        squares += (double)x[i] * x[i];
    }
    vmg_ctx *ctx = vmg_test_ctx();
    vmg_tensor t = vector(n, x), whole, out = vmg_test_guarded(1, 1, 0, NULL, &whole);
    vmg_test_spoil_scratch();
    vmg_op_sum(ctx, t, false, out);
    vmg_test_read_guarded(whole, 0, &got);
    CHECK_CLOSE(got, sum, 2e-7 * magnitude);
    if (have_first)
        CHECK(!memcmp(&got, &first_bits, sizeof got));
    first_bits = got;
    have_first = true;
    vmg_op_sum_squares(ctx, t, false, out);
    vmg_test_read_guarded(whole, 0, &got);
    CHECK_CLOSE(got, squares, 3e-7 * squares);
    out = vmg_test_guarded(1, 1, 0, &start, &whole);
    vmg_op_sum_squares(ctx, t, true, out);
    vmg_op_sum(ctx, t, true, out);
    vmg_test_read_guarded(whole, 0, &got);
    CHECK_CLOSE(got, start + squares + sum, 5e-7 * (start + squares + magnitude));
    free(x);
}

static void sums(void)
{
    const int64_t sizes[] = {0, 1, 2, 255, 256, 257, 1009, 16384, 16385, 65537, 1000003, 40000003};
    for (size_t i = 0; i < VMG_COUNT(sizes) - (vmg_test_small() ? 3 : 0); i++) {
        current_n = sizes[i];
        have_first = false;
        run_sums();
        vmg_arena_reset_all(vmg_test_arena());
    }
}

/* More than 16384 first-stage sums: three stages. */
static void deep_sum(void)
{
    if (vmg_test_small()) {
        vmg_test_skip("1 GiB of zeros is too much for VMG_TEST_SIZE=small");
        return;
    }
    vmg_ctx *ctx = vmg_test_ctx();
    const int64_t n = (int64_t)16384 * 16384 + 3;
    float got, last[2] = {3, 5};
    if ((uint64_t)n * 4 > ctx->dev.max_alloc_bytes) {
        vmg_test_skip("the device allocates at most %llu bytes", (unsigned long long)ctx->dev.max_alloc_bytes);
        return;
    }
    vmg_tensor x = vmg_arena_vector(vmg_test_arena(), VMG_F32, n), out = vector(1, NULL);
    vmg_tensor zeros = vmg_tensor_reshape2(x, n, 1);
    const float zero = 0;
    cl_int err = clEnqueueFillBuffer(ctx->queue, x.buf, &zero, sizeof zero, x.off_bytes, vmg_tensor_bytes(x), 0, NULL, NULL);
    CHECK_INT(err, CL_SUCCESS);
    vmg_upload(ctx, vmg_tensor_view_rows(zeros, n - 2, 2), last);
    vmg_upload(ctx, vmg_tensor_view_rows(zeros, n / 2, 1), last);
    vmg_op_sum(ctx, x, false, out);
    vmg_test_read(out, &got);
    CHECK_CLOSE(got, 11, 0);
    CHECK_INT(vmg_find_nonfinite(ctx, x), -1);
}

static void same_bits_whatever_the_work_groups(void)
{
    const int64_t sizes[] = {1009, vmg_test_small() ? 16411 : 70001};
    for (size_t i = 0; i < VMG_COUNT(sizes); i++) {
        current_n = sizes[i];
        have_first = false;
        vmg_test_every_class(&vmg_reduce_kernels[0], run_sums);
    }
}

static struct {
    int64_t R, C, G, pad;
    bool product, grouped;
} current;

static void run_columns(void)
{
    const int64_t R = current.R, C = current.C, G = current.G;
    float *a = vmg_test_numbers(R * C, 1), *b = vmg_test_numbers(R * C, 1), *start = vmg_test_numbers(G * C, 1);
    float *want = vmg_calloc((size_t)(G * C) + 1, sizeof *want), *got = vmg_calloc((size_t)(G * C) + 1, sizeof *got);
    double *sum = vmg_calloc((size_t)(G * C) + 1, sizeof *sum);
    int32_t *group = vmg_calloc((size_t)R + 1, sizeof *group);
    for (int64_t r = 0; r < R; r++)
        group[r] = (int32_t)(current.grouped ? (double)G * pow((double)r / (double)R, 1.7) : (double)(r / (R / G)));
    for (int64_t i = 0; i < R * C; i++)
        sum[group[i / C] * C + i % C] += current.product ? (double)a[i] * b[i] : a[i];
    for (int64_t i = 0; i < G * C; i++)
        want[i] = (float)(start[i] + sum[i]);
    vmg_tensor whole, out = vmg_test_guarded(G, C, current.pad, start, &whole);
    vmg_test_spoil_scratch();
    vmg_op_column_sums_acc(vmg_test_ctx(), vmg_test_guarded(R, C, current.pad, a, NULL),
                           current.product ? vmg_test_guarded(R, C, 0, b, NULL) : VMG_NONE,
                           current.grouped ? vmg_test_ints(R, group) : VMG_NONE, out);
    vmg_test_read_guarded(whole, current.pad, got);
    CHECK_ARRAY(got, want, (size_t)(G * C), 3e-6);
    free(a);
    free(b);
    free(start);
    free(want);
    free(got);
    free(sum);
    free(group);
}

static void columns(void)
{
    static const int64_t each[][4] = {{1, 1, 1, 0}, {6, 5, 3, 2}, {64, 16, 1, 0}, {1009, 67, 1, 3}, {60, 33, 5, 0},
                                      {1200, 19, 6, 1}, {5000, 4, 2, 0}};
    for (size_t i = 0; i < VMG_COUNT(each); i++)
        for (int k = 0; k < 4; k++) {
            current.R = vmg_test_small() && each[i][0] > 1000 ? each[i][2] * 83 : each[i][0]; /* still several parts a group */
            current.C = each[i][1];
            current.G = each[i][2];
            current.pad = each[i][3];
            current.product = k & 1;
            current.grouped = k & 2;
            run_columns();
            vmg_arena_reset_all(vmg_test_arena());
        }
}

static void columns_tunables(void)
{
    current.R = vmg_test_small() ? 131 : 1200; /* either is several parts a group */
    current.C = 77;
    current.G = 3;
    current.pad = 1;
    current.product = current.grouped = true;
    vmg_test_every_class(&vmg_reduce_kernels[1], run_columns);
    vmg_test_every_class(&vmg_reduce_kernels[2], run_columns);
}

static void columns_give_the_same_bits_each_time(void)
{
    const int64_t R = vmg_test_small() ? 701 : 3000, C = 40;
    float *a = vmg_test_numbers(R * C, 1), got[2][40];
    vmg_tensor t = vmg_test_matrix(VMG_F32, R, C, a);
    for (int k = 0; k < 2; k++) {
        const float zeros[40] = {0};
        vmg_tensor out = vmg_test_matrix(VMG_F32, 1, C, zeros);
        vmg_op_column_sums_acc(vmg_test_ctx(), t, VMG_NONE, VMG_NONE, out);
        vmg_test_read(out, got[k]);
    }
    CHECK(!memcmp(got[0], got[1], sizeof got[0]));
    free(a);
}

static void clip_factors(void)
{
    const float squares[] = {0, 1e-4f, 0.01f, 4, 1e30f};
    for (size_t i = 0; i < VMG_COUNT(squares); i++) {
        float got;
        vmg_tensor out = vector(1, NULL);
        vmg_op_clip_factor(vmg_test_ctx(), vector(1, &squares[i]), 0.1f, out);
        vmg_test_read(out, &got);
        const double want = fmin(1, 0.1f / (sqrt(squares[i]) + 1e-6));
        CHECK_CLOSE(got, want, 1e-6 * want);
    }
}

static void first_nonfinite(void)
{
    const int64_t n = vmg_test_small() ? 16421 : 50021, places[] = {0, 1, 16383, 16384, (16384 + n) / 2, n - 1};
    float *x = vmg_test_numbers(n, 1e38f);
    vmg_ctx *ctx = vmg_test_ctx();
    CHECK_INT(vmg_find_nonfinite(ctx, vector(n, x)), -1);
    x[n - 1] = NAN;
    for (size_t i = VMG_COUNT(places); i-- > 0;) {
        x[places[i]] = i % 2 ? -INFINITY : NAN;
        CHECK_INT(vmg_find_nonfinite(ctx, vector(n, x)), places[i]);
        vmg_arena_reset_all(vmg_test_arena());
    }
    CHECK_INT(vmg_find_nonfinite(ctx, vector(0, NULL)), -1);
    CHECK_OK(vmg_ctx_status(ctx));
    free(x);
}

static void run_find(void)
{
    const int64_t n = current_n;
    float *x = vmg_test_numbers(n, 1);
    CHECK_INT(vmg_find_nonfinite(vmg_test_ctx(), vector(n, x)), -1);
    x[n - 1] = NAN;
    CHECK_INT(vmg_find_nonfinite(vmg_test_ctx(), vector(n, x)), n - 1);
    x[n / 2] = INFINITY;
    CHECK_INT(vmg_find_nonfinite(vmg_test_ctx(), vector(n, x)), n / 2);
    free(x);
}

static void find_tunables(void)
{
    current_n = 16384 + (vmg_test_small() ? 31 : 1031);
    vmg_test_every_class(&vmg_reduce_kernels[4], run_find);
}

static void rejects_wrong_shapes(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    vmg_tensor a = vmg_test_matrix(VMG_F32, 5, 4, NULL), two = vmg_test_matrix(VMG_F32, 2, 4, NULL);
    vmg_op_sum(ctx, a, false, two);
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "sum: out is f32 (2,4)");
    vmg_ctx_clear(ctx);
    vmg_op_column_sums_acc(ctx, a, VMG_NONE, VMG_NONE, two);
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "5 rows are no equal shares for 2 groups");
    vmg_ctx_clear(ctx);
}

static const vmg_test_case cases[] = {
    {"sums", sums},
    {"deep_sum", deep_sum},
    {"same_bits_whatever_the_work_groups", same_bits_whatever_the_work_groups},
    {"columns", columns},
    {"columns_tunables", columns_tunables},
    {"columns_give_the_same_bits_each_time", columns_give_the_same_bits_each_time},
    {"clip_factors", clip_factors},
    {"first_nonfinite", first_nonfinite},
    {"find_tunables", find_tunables},
    {"rejects_wrong_shapes", rejects_wrong_shapes},
};

/* ---- benches ---- */

static void bench_sum(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_sum(ctx, b->x, false, b->scalar);
}

static void bench_sum_squares(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_sum_squares(ctx, b->x, false, b->scalar);
}

static void bench_columns(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_column_sums_acc(ctx, b->x, b->y, b->group, b->grad[0]);
}

static void bench_find(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_find_nonfinite(ctx, b->x);
}

static const vmg_op_bench benches[] = {
    VMG_ROWS_BENCH("sum", bench_sum, 1),
    VMG_ROWS_BENCH("sum of squares", bench_sum_squares, 1),
    VMG_ROWS_BENCH("column sums of products", bench_columns, 2),
    VMG_ROWS_BENCH("find nonfinite", bench_find, 1),
};

const vmg_op_suite vmg_suite_reduce = {"reduce", cases, VMG_COUNT(cases), benches, VMG_COUNT(benches)};
