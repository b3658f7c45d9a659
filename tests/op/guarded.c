/* What tests of simple ops share: guarded matrices, numbers, work-group shapes of every device class. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/dtype.h"
#include "host/op/elementwise.h"
#include "host/op/reduce.h"
#include "host/tune_search.h"
#include "tests/op/suite.h"

enum { GUARD = 2 };

vmg_tensor vmg_test_guarded_as(vmg_dtype dtype, int64_t rows, int64_t cols, int64_t pad, const float *values, vmg_tensor *whole)
{
    const int64_t all_rows = rows + 2 * GUARD, all_cols = cols + 2 * pad;
    float *x = vmg_calloc((size_t)(all_rows * all_cols) + 1, sizeof *x);
    for (int64_t i = 0; i < all_rows * all_cols; i++)
        x[i] = NAN;
    for (int64_t r = 0; values && r < rows; r++)
        memcpy(x + (r + GUARD) * all_cols + pad, values + r * cols, (size_t)cols * sizeof *x);
    vmg_tensor t = vmg_test_matrix(dtype, all_rows, all_cols, x);
    free(x);
    if (whole)
        *whole = t;
    return vmg_tensor_view_cols(vmg_tensor_view_rows(t, GUARD, rows), pad, cols);
}

vmg_tensor vmg_test_guarded(int64_t rows, int64_t cols, int64_t pad, const float *values, vmg_tensor *whole)
{
    return vmg_test_guarded_as(VMG_F32, rows, cols, pad, values, whole);
}

void vmg_test_read_guarded(vmg_tensor whole, int64_t pad, float *values)
{
    const int64_t rows = whole.dim[0], cols = whole.dim[1];
    int64_t n_touched = 0;
    float *x = vmg_calloc((size_t)(rows * cols) + 1, sizeof *x);
    vmg_test_read(whole, x);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < cols; c++)
            if (r >= GUARD && r < rows - GUARD && c >= pad && c < cols - pad)
                values[(r - GUARD) * (cols - 2 * pad) + c - pad] = x[r * cols + c];
            else
                n_touched += !isnan(x[r * cols + c]);
    CHECK_INT(n_touched, 0);
    free(x);
}

void vmg_test_round(vmg_dtype dtype, float *x, int64_t n)
{
    void *bytes = vmg_calloc((size_t)n + 1, sizeof *x);
    CHECK_OK(vmg_dtype_from_f32(dtype, x, n, bytes));
    CHECK_OK(vmg_dtype_to_f32(dtype, bytes, n, x));
    free(bytes);
}

double vmg_test_half_unit(vmg_dtype dtype)
{
    return dtype == VMG_F16 ? 0x1p-11 : dtype == VMG_BF16 ? 0x1p-8 : 0;
}

void vmg_test_spoil_scratch(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    if (!vmg_test_oclgrind())
        vmg_op_fill(ctx, vmg_reduce_scratch(ctx, 100000), NAN);
}

float *vmg_test_numbers(int64_t n, float magnitude)
{
    float *x = vmg_calloc((size_t)n + 1, sizeof *x);
    vmg_test_fill(x, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        x[i] *= magnitude;
    return x;
}

void vmg_test_every_class(const vmg_kernel_def *def, void (*run)(void))
{
    vmg_ctx *ctx = vmg_test_ctx();
    const vmg_device_class own = ctx->dev.device_class, each[] = {VMG_CLASS_GPU, VMG_CLASS_CPU};
    const int64_t shape[VMG_MAX_SHAPE] = {1, 1, 1, 1};
    /* oclgrind takes the upper half of a vector for uninitialised, so there no CPU's wide vectors. */
    const size_t n_classes = vmg_test_oclgrind() ? 1 : 2;
    for (size_t i = 0; i < n_classes; i++) {
        int index[VMG_MAX_TUNABLES] = {0}, value[VMG_MAX_TUNABLES] = {0}, n_run = 0;
        for (int k = 0; k < VMG_MAX_TUNABLES && def->tunables[k].name; k++)
            value[k] = def->tunables[k].value[0];
        ctx->dev.device_class = each[i];
        do {
            if (!vmg_kernel_values_valid(ctx, def, value, shape))
                continue;
            vmg_force_tunables(ctx, def, value);
            run();
            vmg_arena_reset_all(vmg_test_arena());
            n_run++;
        } while (vmg_kernel_next_values(def, index, value));
        CHECK(n_run > 0);
        vmg_force_tunables(ctx, NULL, NULL);
    }
    ctx->dev.device_class = own;
}
