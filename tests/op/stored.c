/*
 * Activations stored in two bytes: what an op makes of them is what it makes of the same values in f32, rounded once. (That
 * the f32 results are right is checked where each op is; products are in tests/op/matmul.c.)
 */
#include <math.h>
#include <stdlib.h>

#include "host/base/mem.h"
#include "host/dtype.h"
#include "host/op/attention.h"
#include "host/op/norm.h"
#include "tests/op/attention_problem.h"
#include "tests/op/suite.h"

enum { PAD = 3, N_DTYPES = 3 };
static const vmg_dtype dtypes[N_DTYPES] = {VMG_F32, VMG_F16, VMG_BF16};

/* got is want, rounded to the dtype: half a unit of its last place, what f32 itself may differ by, and `more`. */
static void check_rounded(const char *what, vmg_dtype from, vmg_dtype to, const float *got, const float *want, int64_t n, double more)
{
    double largest = 0, worst = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)want[i]));
    for (int64_t i = 0; i < n; i++) {
        const double over = fabs((double)got[i] - want[i]) - vmg_test_half_unit(to) * fabs((double)want[i]);
        worst = isnan(over) ? INFINITY : fmax(worst, over);
    }
    /* f16's denormals have units of 2^-24. */
    const bool close = worst <= 2e-6 * largest + more + (to == VMG_F16 ? 0x1p-25 : 0);
    if (!close)
        vmg_test_note("%s, %s to %s: %.2e beyond rounding, largest %.2e", what, vmg_dtype_name(from), vmg_dtype_name(to),
                      worst, largest);
    CHECK(close);
}

/* ---- norms ---- */

static void norm_once(vmg_norm_kind kind, vmg_dtype from, vmg_dtype to, int64_t R, int64_t C, bool in_place)
{
    float *x = vmg_test_numbers(R * C, 2), *weight = vmg_test_numbers(C, 1), *bias = vmg_test_numbers(C, 1);
    float *shift = vmg_test_numbers(C, 1), *scale = vmg_test_numbers(C, 1), *got[2];
    vmg_test_round(from, x, R * C);
    for (int stored = 0; stored < 2; stored++) {
        vmg_tensor whole_x, whole_y;
        vmg_norm n = {.kind = kind,
                      .eps = 1e-6f,
                      .x = vmg_test_guarded_as(stored ? from : VMG_F32, R, C, PAD, x, &whole_x),
                      .y = vmg_test_guarded_as(stored ? to : VMG_F32, R, C, PAD, NULL, &whole_y),
                      .weight = vmg_test_tensor(VMG_F32, 1, &C, weight),
                      .bias = vmg_test_tensor(VMG_F32, 1, &C, bias),
                      .shift = vmg_test_matrix(VMG_F32, 1, C, shift),
                      .scale = vmg_test_matrix(VMG_F32, 1, C, scale)};
        if (in_place) {
            n.y = n.x;
            whole_y = whole_x;
        }
        vmg_op_norm(vmg_test_ctx(), &n);
        got[stored] = vmg_test_numbers(R * C, 0);
        vmg_test_read_guarded(whole_y, PAD, got[stored]);
    }
    check_rounded(kind == VMG_NORM_RMS ? "RMS norm" : "layer norm", from, to, got[1], got[0], R * C, 0);
    void *all[] = {x, weight, bias, shift, scale, got[0], got[1]};
    for (size_t i = 0; i < VMG_COUNT(all); i++)
        free(all[i]);
}

static void norms(void)
{
    static const int64_t shape[][2] = {{1, 1}, {7, 37}, {33, 96}, {5, 1536}};
    for (size_t s = 0; s < (vmg_test_small() ? 2 : VMG_COUNT(shape)); s++)
        for (int i = 1; i < N_DTYPES * N_DTYPES; i++) {
            const vmg_dtype from = dtypes[i / N_DTYPES], to = dtypes[i % N_DTYPES];
            norm_once(i % 2 ? VMG_NORM_LAYER : VMG_NORM_RMS, from, to, shape[s][0], shape[s][1], false);
            if (from == to)
                norm_once(VMG_NORM_RMS, from, to, shape[s][0], shape[s][1], true);
        }
}

/* ---- attention ---- */

static const problem self = {"stored", 2, 40, 61, 61, 0, true, .scale = 0.16f, .magnitude = 1.5f, .n_segments = 2,
                             .segment = {{0, 23, 0, 23}, {23, 38, 23, 38}}};
static vmg_dtype from_dtype, to_dtype;

/* In tiles of bf16 operands and probabilities are rounded: these are exact then, and the others are half a unit of 8 bits off and sum
 * to 1. */
static void attention_of(const problem *p, bool tiles)
{
    call c;
    make_call(p, &c);
    const int64_t n_q = p->n_rows * c.cols, n_k = p->n_keys * c.cols;
    if (tiles)
        round_operands(&c);
    vmg_test_round(from_dtype, c.q, n_q);
    vmg_test_round(from_dtype, c.k, n_k);
    vmg_test_round(from_dtype, c.v, n_k);
    vmg_tensor whole_out;
    c.a.q = vmg_test_guarded_as(from_dtype, p->n_rows, c.cols, PAD, c.q, NULL);
    c.a.k = vmg_test_guarded_as(from_dtype, p->n_keys, c.cols, PAD, c.k, NULL);
    c.a.v = vmg_test_guarded_as(from_dtype, p->n_keys, c.cols, PAD, c.v, NULL);
    c.a.out = vmg_test_guarded_as(to_dtype, p->n_rows, c.cols, PAD, NULL, &whole_out);
    vmg_op_attention(vmg_test_ctx(), &c.a);
    reference(&c);
    float *got = vmg_test_numbers(n_q, 0);
    double largest = 0;
    int64_t n = 0;
    for (int64_t i = 0; tiles && i < n_k; i++)
        largest = fmax(largest, fabs((double)c.v[i]));
    vmg_test_read_guarded(whole_out, PAD, got);
    for (int64_t i = 0; i < n_q; i++)
        if (c.query[i / c.cols]) {
            got[n] = got[i];
            c.out[n++] = c.out[i];
        }
    check_rounded("attention", from_dtype, to_dtype, got, c.out, n, 0x1p-8 * largest);
    free(got);
    free_call(&c);
}

static void attention_once(void)
{
    attention_of(vmg_test_oclgrind() ? &tiniest_problem : &self, false);
}

static void attention_in_tiles_of(const problem *p)
{
    attention_of(p, true);
}

static void attention_in_tiles(void)
{
    static const vmg_dtype pair[][2] = {{VMG_BF16, VMG_F16}, {VMG_F16, VMG_BF16}};
    for (size_t i = 0; i < VMG_COUNT(pair); i++) {
        from_dtype = pair[i][0];
        to_dtype = pair[i][1];
        run_amx(&vmg_attention_variants, &vmg_attention_amx_kernel, attention_in_tiles_of);
    }
}

static void attention_on_every_path(void)
{
    for (int i = 1; i < N_DTYPES * N_DTYPES; i += vmg_test_small() ? 3 : 1) {
        from_dtype = dtypes[i / N_DTYPES];
        to_dtype = dtypes[i % N_DTYPES];
        vmg_test_every_variant(&vmg_attention_variants, attention_once);
    }
}

/* ---- what is refused ---- */

static void gradients_and_integers_are_refused(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    const int64_t R = 4, C = 8;
    const vmg_tensor x = vmg_test_matrix(VMG_F16, R, C, NULL), y = vmg_test_matrix(VMG_F32, R, C, NULL),
                     stats = vmg_test_matrix(VMG_F32, R, 2, NULL);
    vmg_op_norm_backward(ctx, &(vmg_norm){.x = x, .stats = stats, .eps = 1e-6f}, y, y, VMG_NONE, VMG_NONE, VMG_NONE, VMG_NONE);
    CHECK_INT(vmg_ctx_status(ctx), VMG_E_ARG);
    vmg_ctx_clear(ctx);
    const int32_t none[32] = {0};
    vmg_op_norm(ctx, &(vmg_norm){.x = vmg_tensor_reshape2(vmg_test_ints(R * C, none), R, C), .y = y, .eps = 1e-6f});
    CHECK_INT(vmg_ctx_status(ctx), VMG_E_ARG);
    vmg_ctx_clear(ctx);
    const vmg_segment all = {0, 4, 0, 4};
    vmg_op_attention(ctx, &(vmg_attention){.q = x, .k = x, .v = y, .out = y, .n_heads = 1, .scale = 1, .segments = test_segments(&all, 1)});
    CHECK_INT(vmg_ctx_status(ctx), VMG_E_ARG);
    vmg_ctx_clear(ctx);
}

static const vmg_test_case cases[] = {
    {"norms", norms},
    {"attention_on_every_path", attention_on_every_path},
    {"attention_in_tiles", attention_in_tiles},
    {"gradients_and_integers_are_refused", gradients_and_integers_are_refused},
};

const vmg_op_suite vmg_suite_stored = {"stored", cases, VMG_COUNT(cases), NULL, 0};
