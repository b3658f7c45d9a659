/* Elementwise ops against double-precision references: every expression, strides, in place, dtypes, gradients. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/op/elementwise.h"
#include "tests/op/rows_bench.h"

/* Sizes of flat arrays: units, primes, around the work-groups' spans. */
static const int64_t sizes[] = {1, 2, 13, 255, 1024, 1031, 16411};

/* Small: several work-groups of the shortest span only. */
static size_t n_sizes(void)
{
    return VMG_COUNT(sizes) - (vmg_test_small() ? 1 : 0);
}

/* rows, columns, columns beside the matrix, groups */
static const struct shape {
    int64_t R, C, pad, G;
} shapes[] = {{1, 1, 0, 1}, {3, 5, 0, 2}, {7, 64, 3, 3}, {13, 131, 2, 1}, {61, 16, 5, 7}, {331, 33, 0, 2}, {37, 276, 0, 5}};

static size_t n_shapes(void)
{
    return VMG_COUNT(shapes) - (vmg_test_small() ? 2 : 0);
}

static vmg_tensor flat(int64_t n, const float *values, vmg_tensor *whole)
{
    vmg_tensor t = vmg_test_guarded(n, 1, 0, values, whole);
    return vmg_tensor_reshape(t, 1, &n);
}

static void check_double(vmg_tensor whole, int64_t pad, const double *want, int64_t n, double tol)
{
    float *got = vmg_calloc((size_t)n + 1, sizeof *got), *wanted = vmg_calloc((size_t)n + 1, sizeof *wanted);
    vmg_test_read_guarded(whole, pad, got);
    for (int64_t i = 0; i < n; i++)
        wanted[i] = (float)want[i];
    CHECK_ARRAY(got, wanted, (size_t)n, tol);
    free(got);
    free(wanted);
}

static double *doubles(int64_t n)
{
    return vmg_calloc((size_t)n + 1, sizeof(double));
}

/* ---- flat arrays ---- */

static double gelu(double x)
{
    return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1.0)) * (x + 0.044715 * x * x * x)));
}

static double silu(double x)
{
    return x / (1 + exp(-x));
}

/* Central difference in double: the reference needs no formula of its own. */
static double slope(double (*f)(double), double x)
{
    return (f(x + 1e-5) - f(x - 1e-5)) / 2e-5;
}

enum expression {
    FILL, COMBINE1, COMBINE2, COMBINE2_XZ, COMBINE3, MUL, GELU, SILU, IDENTITY, N_FORWARD,
    D_GELU = N_FORWARD, D_SILU, D_IDENTITY, N_EXPRESSIONS
};

static double expected(int e, double x, double y, double z)
{
    switch (e) {
    case FILL: return 0.25;
    case COMBINE1: return 1.5 * x;
    case COMBINE2: return 1.5 * x - 0.5 * y;
    case COMBINE2_XZ: return 1.5 * x + 2 * z;
    case COMBINE3: return 1.5 * x - 0.5 * y + 2 * z;
    case MUL: return x * y;
    case GELU: return gelu(x);
    case SILU: return silu(x);
    case IDENTITY: return x;
    case D_GELU: return y * slope(gelu, x);
    case D_SILU: return y * slope(silu, x);
    default: return y;
    }
}

static void apply(int e, vmg_tensor x, vmg_tensor y, vmg_tensor z, vmg_tensor out)
{
    vmg_ctx *ctx = vmg_test_ctx();
    static const vmg_act act[] = {[GELU] = VMG_ACT_GELU_TANH, [SILU] = VMG_ACT_SILU,       [IDENTITY] = VMG_ACT_NONE,
                                  [D_GELU] = VMG_ACT_GELU_TANH, [D_SILU] = VMG_ACT_SILU, [D_IDENTITY] = VMG_ACT_NONE};
    if (e == FILL)
        vmg_op_fill(ctx, out, 0.25f);
    else if (e <= COMBINE3)
        vmg_op_combine(ctx, 1.5f, x, -0.5f, e == COMBINE2 || e == COMBINE3 ? y : VMG_NONE, 2.0f,
                       e == COMBINE2_XZ || e == COMBINE3 ? z : VMG_NONE, out);
    else if (e == MUL)
        vmg_op_mul(ctx, x, y, out);
    else if (e < N_FORWARD)
        vmg_op_activation(ctx, act[e], x, out);
    else
        vmg_op_activation_backward(ctx, act[e], x, y, out);
}

static int current_expression;
static int64_t current_n;

/* alias: 0 = an output of its own, 1..3 = over x, y or z (where the expression reads them). */
static void run_expression(int alias)
{
    const int64_t n = current_n;
    float *in[3];
    vmg_tensor t[3], whole[4], out = flat(n, NULL, &whole[3]);
    double *want = doubles(n);
    for (int k = 0; k < 3; k++) {
        in[k] = vmg_test_numbers(n, k ? 2 : 8);
        t[k] = flat(n, in[k], &whole[k]);
    }
    for (int64_t i = 0; i < n; i++)
        want[i] = expected(current_expression, in[0][i], in[1][i], in[2][i]);
    apply(current_expression, t[0], t[1], t[2], alias ? t[alias - 1] : out);
    check_double(alias ? whole[alias - 1] : whole[3], 0, want, n, 1e-6);
    for (int k = 0; k < 3; k++)
        free(in[k]);
    free(want);
}

static void run_without_alias(void)
{
    run_expression(0);
}

static void expressions(void)
{
    for (size_t i = 0; i < n_sizes(); i++)
        for (current_expression = 0; current_expression < N_EXPRESSIONS; current_expression++) {
            current_n = sizes[i];
            run_expression(0);
            vmg_arena_reset_all(vmg_test_arena());
        }
}

static void expressions_in_place(void)
{
    static const struct {
        int expression, alias;
    } each[] = {{COMBINE1, 1}, {COMBINE2, 1}, {COMBINE2, 2}, {COMBINE3, 3}, {MUL, 2}, {GELU, 1}, {D_GELU, 2}, {D_SILU, 1}};
    for (size_t i = 0; i < VMG_COUNT(each); i++) {
        current_expression = each[i].expression;
        current_n = 1031;
        run_expression(each[i].alias);
    }
}

static void map_tunables(void)
{
    current_expression = COMBINE3;
    for (size_t i = 0; i < n_sizes(); i++) {
        current_n = sizes[i];
        vmg_test_every_class(&vmg_elementwise_kernels[0], run_without_alias);
    }
}

/* Forward and gradient of x against double: of each value, no error worth naming beside x, or beside 1. */
static void check_activations(const float *x, int64_t n)
{
    double (*const f[])(double) = {gelu, silu};
    const vmg_act act[] = {VMG_ACT_GELU_TANH, VMG_ACT_SILU};
    float *got = vmg_calloc((size_t)n, sizeof *got);
    vmg_tensor t = flat(n, x, NULL), out = flat(n, NULL, NULL);
    for (int k = 0; k < 2; k++) {
        vmg_op_activation(vmg_test_ctx(), act[k], t, out);
        vmg_test_read(out, got);
        for (int64_t i = 0; i < n; i++)
            CHECK(isnan(x[i]) ? isnan(got[i]) : fabs(got[i] - f[k](x[i])) <= 3e-7 * fabs(x[i]));
        vmg_op_fill(vmg_test_ctx(), out, 1);
        vmg_op_activation_backward(vmg_test_ctx(), act[k], t, out, out);
        vmg_test_read(out, got);
        for (int64_t i = 0; i < n; i++)
            CHECK(isnan(x[i]) ? isnan(got[i])
                              : fabs(got[i] - (fabs(x[i]) > 50 ? x[i] > 0 : slope(f[k], x[i]))) <= 1e-6);
    }
    free(got);
}

/* Near zero, and where exp overflows or vanishes. */
static void activations_at_extremes(void)
{
    const float x[] = {-1e30f, -1e13f, -1e5f, -100, -87.5f, -12, -10.5f, -10, -6, -3, -1, -1e-3f, -1e-40f, 0,
                       1e-40f, 1e-3f, 1, 3, 6, 10, 10.5f, 12, 87.5f, 100, 1e5f, 1e13f, 1e30f, NAN, -NAN};
    check_activations(x, VMG_COUNT(x));
}

static void activations_over_their_range(void)
{
    const int64_t n = vmg_test_small() ? 1000 : 100000;
    float *x = vmg_calloc((size_t)n, sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(-100 + 200 * (double)i / (double)n) * (i % 2 ? 1 : 0.1f);
    check_activations(x, n);
    free(x);
}

/* ---- copies ---- */

static void copies(void)
{
    static const vmg_dtype dtype[] = {VMG_F32, VMG_F16, VMG_BF16};
    for (size_t k = 0; k < n_shapes(); k++)
        for (int from = 0; from < 3; from++)
            for (int to = 0; to < 3; to++) {
                const struct shape s = shapes[k];
                const int64_t n = s.R * s.C, ld = s.C + s.pad;
                float *x = vmg_test_numbers(s.R * ld, 1e4f), *got = vmg_calloc((size_t)(s.R * ld) + 1, sizeof *got);
                float *want = vmg_calloc((size_t)(s.R * ld) + 1, sizeof *want);
                uint16_t *half = vmg_calloc((size_t)(s.R * ld) + 1, sizeof *half);
                if (n > 8) {
                    const float special[] = {0, -0.0f, 6e-8f, 65504, 1e-4f, -6e-6f};
                    memcpy(x, special, sizeof special);
                }
                vmg_tensor a = vmg_test_matrix(dtype[from], s.R, ld, x), b = vmg_test_matrix(dtype[to], s.R, ld, x);
                vmg_op_copy(vmg_test_ctx(), vmg_tensor_view_cols(a, s.pad, s.C), vmg_tensor_view_cols(b, 0, s.C));
                vmg_test_read(b, got);
                /* Through the host's conversions: to the first dtype, then to the second. */
                for (int64_t i = 0; i < s.R * ld; i++) {
                    const int64_t at = i % ld < s.C ? i + s.pad : i;
                    const int steps[] = {from, to};
                    want[i] = x[at];
                    for (int j = i % ld < s.C ? 0 : 1; j < 2; j++) {
                        CHECK_OK(vmg_dtype_from_f32(dtype[steps[j]], &want[i], 1, half));
                        if (dtype[steps[j]] != VMG_F32)
                            CHECK_OK(vmg_dtype_to_f32(dtype[steps[j]], half, 1, &want[i]));
                    }
                }
                CHECK(!memcmp(got, want, (size_t)(s.R * ld) * sizeof *got));
                free(x);
                free(got);
                free(want);
                free(half);
                vmg_arena_reset_all(vmg_test_arena());
            }
}

static void copies_nan_and_infinity(void)
{
    const float x[] = {NAN, INFINITY, -INFINITY, -NAN, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, NAN, INFINITY};
    static const vmg_dtype dtype[] = {VMG_F32, VMG_F16, VMG_BF16};
    for (int k = 0; k < 3; k++) {
        float got[VMG_COUNT(x)];
        vmg_tensor to = vmg_test_matrix(dtype[k], 1, VMG_COUNT(x), NULL);
        vmg_op_copy(vmg_test_ctx(), vmg_test_matrix(VMG_F32, 1, VMG_COUNT(x), x), to);
        vmg_test_read(to, got);
        for (size_t i = 0; i < VMG_COUNT(x); i++)
            CHECK(isnan(x[i]) ? isnan(got[i]) : got[i] == x[i]);
    }
}

static struct shape current;

static void run_copy(void)
{
    const struct shape s = current;
    float *x = vmg_test_numbers(s.R * s.C, 1);
    vmg_tensor whole, t = vmg_test_guarded(s.R, s.C, s.pad, NULL, &whole);
    double *want = doubles(s.R * s.C);
    for (int64_t i = 0; i < s.R * s.C; i++)
        want[i] = x[i];
    vmg_op_copy(vmg_test_ctx(), vmg_test_matrix(VMG_F32, s.R, s.C, x), t);
    check_double(whole, s.pad, want, s.R * s.C, 0);
    free(x);
    free(want);
}

/* ---- gate, bias ---- */

static int32_t *groups(int64_t R, int64_t G)
{
    int32_t *group = vmg_calloc((size_t)R + 1, sizeof *group);
    for (int64_t r = 0; r < R; r++)
        group[r] = (int32_t)((double)G * pow((double)r / (double)R, 1.5));
    return group;
}

static bool with_residual, with_group, in_place;

static void run_gate(void)
{
    const struct shape s = current;
    const int64_t n = s.R * s.C, G = with_group ? s.G : 1;
    float *x = vmg_test_numbers(n, 1), *y = vmg_test_numbers(n, 1), *gate = vmg_test_numbers(G * s.C, 1);
    int32_t *group = groups(s.R, G);
    double *want = doubles(n);
    for (int64_t i = 0; i < n; i++)
        want[i] = (with_residual ? x[i] : 0) + (double)y[i] * gate[group[i / s.C] * s.C + i % s.C];
    vmg_tensor whole, whole_y, out = vmg_test_guarded(s.R, s.C, s.pad, NULL, &whole);
    vmg_tensor ty = vmg_test_guarded(s.R, s.C, s.pad, y, &whole_y);
    vmg_op_gate(vmg_test_ctx(), with_residual ? vmg_test_guarded(s.R, s.C, 0, x, NULL) : VMG_NONE, ty,
                vmg_test_guarded(G, s.C, s.pad, gate, NULL), with_group ? vmg_test_ints(s.R, group) : VMG_NONE,
                in_place ? ty : out);
    check_double(in_place ? whole_y : whole, s.pad, want, n, 1e-6);
    free(x);
    free(y);
    free(gate);
    free(group);
    free(want);
}

static void gates(void)
{
    for (size_t i = 0; i < n_shapes(); i++)
        for (int k = 0; k < 8; k++) {
            current = shapes[i];
            with_residual = k & 1;
            with_group = k & 2;
            in_place = k & 4;
            run_gate();
            vmg_arena_reset_all(vmg_test_arena());
        }
}

static void run_gate_backward(void)
{
    const struct shape s = current;
    const int64_t n = s.R * s.C, G = with_group ? s.G : 1;
    float *d_out = vmg_test_numbers(n, 1), *y = vmg_test_numbers(n, 1), *gate = vmg_test_numbers(G * s.C, 1);
    float *start = vmg_test_numbers(G * s.C, 1);
    int32_t *group = groups(s.R, G);
    double *dy = doubles(n), *d_gate = doubles(G * s.C);
    for (int64_t i = 0; i < G * s.C; i++)
        d_gate[i] = start[i];
    for (int64_t i = 0; i < n; i++) {
        const int64_t m = group[i / s.C] * s.C + i % s.C;
        dy[i] = (double)d_out[i] * gate[m];
        d_gate[m] += (double)d_out[i] * y[i];
    }
    vmg_tensor whole_d, whole_y, whole_gate;
    vmg_tensor td = vmg_test_guarded(s.R, s.C, s.pad, d_out, &whole_d);
    vmg_tensor ty = vmg_test_guarded(s.R, s.C, s.pad, NULL, &whole_y);
    vmg_op_gate_backward(vmg_test_ctx(), td, vmg_test_guarded(s.R, s.C, 0, y, NULL),
                         vmg_test_guarded(G, s.C, s.pad, gate, NULL), with_group ? vmg_test_ints(s.R, group) : VMG_NONE,
                         in_place ? td : ty, vmg_test_guarded(G, s.C, s.pad, start, &whole_gate));
    check_double(in_place ? whole_d : whole_y, s.pad, dy, n, 1e-6);
    check_double(whole_gate, s.pad, d_gate, G * s.C, 1e-5);
    free(d_out);
    free(y);
    free(gate);
    free(start);
    free(group);
    free(dy);
    free(d_gate);
}

static void gates_backward(void)
{
    for (size_t i = 0; i < n_shapes(); i++)
        for (int k = 0; k < 4; k++) {
            current = shapes[i];
            with_group = k & 1;
            in_place = k & 2;
            run_gate_backward();
            vmg_arena_reset_all(vmg_test_arena());
        }
}

static void run_bias(void)
{
    const struct shape s = current;
    const int64_t n = s.R * s.C;
    float *x = vmg_test_numbers(n, 1), *bias = vmg_test_numbers(s.C, 1);
    double *want = doubles(n), *sums = doubles(s.C);
    for (int64_t i = 0; i < n; i++) {
        want[i] = (double)x[i] + bias[i % s.C];
        sums[i % s.C] += x[i];
    }
    for (int64_t i = 0; i < s.C; i++)
        sums[i] += bias[i];
    vmg_tensor whole, whole_bias;
    vmg_op_add_bias(vmg_test_ctx(), vmg_test_guarded(s.R, s.C, 0, x, &whole), vmg_test_guarded(1, s.C, 0, bias, NULL));
    vmg_op_bias_backward(vmg_test_ctx(), vmg_test_guarded(s.R, s.C, s.pad, x, NULL),
                         vmg_test_guarded(1, s.C, 0, bias, &whole_bias));
    check_double(whole, 0, want, n, 1e-6);
    check_double(whole_bias, 0, sums, s.C, 1e-5);
    free(x);
    free(bias);
    free(want);
    free(sums);
}

static void biases(void)
{
    for (size_t i = 0; i < n_shapes(); i++) {
        current = shapes[i];
        run_bias();
        vmg_arena_reset_all(vmg_test_arena());
    }
}

/* ---- modulation ---- */

static int64_t current_J, current_S, current_C, current_n_e;

static void run_modulation(void)
{
    const int64_t J = current_J, S = current_S, C = current_C, n_e = current_n_e, n = J * S * C;
    float *table = vmg_test_numbers(J * C, 1), *e = vmg_test_numbers(S * n_e * C, 1), *d_out = vmg_test_numbers(n, 1);
    double *want = doubles(n), *d_table = doubles(J * C), *d_e = doubles(S * n_e * C);
    for (int64_t i = 0; i < J * C; i++)
        d_table[i] = table[i];
    for (int64_t i = 0; i < S * n_e * C; i++)
        d_e[i] = e[i];
    for (int64_t i = 0; i < n; i++) {
        const int64_t j = i / C / S, s = i / C % S, c = i % C, at_e = (s * n_e + (n_e == 1 ? 0 : j)) * C + c;
        want[i] = (double)table[j * C + c] + e[at_e];
        d_table[j * C + c] += d_out[i];
        d_e[at_e] += d_out[i];
    }
    vmg_tensor whole, whole_table, whole_e, out = vmg_test_guarded(J * S, C, 0, NULL, &whole);
    vmg_tensor tt = vmg_test_guarded(J, C, 0, table, &whole_table);
    vmg_tensor te = vmg_tensor_reshape(vmg_test_guarded(S * n_e, C, 0, e, &whole_e), 3, (int64_t[]){S, n_e, C});
    out = vmg_tensor_reshape(out, 3, (int64_t[]){J, S, C});
    vmg_op_modulation(vmg_test_ctx(), tt, te, out);
    check_double(whole, 0, want, n, 1e-6);
    /* The gradients add to what tt and te hold. */
    vmg_op_modulation_backward(vmg_test_ctx(), vmg_test_tensor(VMG_F32, 3, (int64_t[]){J, S, C}, d_out), tt, te);
    check_double(whole_table, 0, d_table, J * C, 1e-5);
    check_double(whole_e, 0, d_e, S * n_e * C, 1e-5);
    free(table);
    free(e);
    free(d_out);
    free(want);
    free(d_table);
    free(d_e);
}

static void modulations(void)
{
    static const int64_t each[][4] = {{6, 1, 64, 6}, {6, 3, 131, 6}, {2, 5, 48, 1}, {1, 1, 1, 1}, {2, 67, 16, 1}, {6, 71, 17, 6}};
    for (size_t i = 0; i < VMG_COUNT(each); i++) {
        current_J = each[i][0];
        current_S = each[i][1];
        current_C = each[i][2];
        current_n_e = each[i][3];
        run_modulation();
        vmg_arena_reset_all(vmg_test_arena());
    }
}

static void row_tunables(void)
{
    void (*const run[])(void) = {run_copy, run_gate, run_bias, run_modulation, run_modulation};
    with_residual = with_group = true;
    in_place = false;
    current = (struct shape){vmg_test_small() ? 11 : 37, 276, 3, 5};
    current_J = current_n_e = 6;
    current_S = 3;
    current_C = 131;
    for (size_t k = 0; k < VMG_COUNT(run); k++)
        vmg_test_every_class(&vmg_elementwise_kernels[k + 1], run[k]);
}

/* ---- nothing to do, wrong shapes ---- */

static void empty(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    vmg_tensor none = vmg_test_matrix(VMG_F32, 0, 8, NULL), whole, one = vmg_test_guarded(1, 8, 0, NULL, &whole);
    float got[8];
    vmg_op_fill(ctx, one, 1);
    vmg_op_fill(ctx, none, 1);
    vmg_op_copy(ctx, none, none);
    vmg_op_combine(ctx, 1, none, 1, none, 1, none, none);
    vmg_op_activation(ctx, VMG_ACT_SILU, none, none);
    vmg_op_mul(ctx, none, none, none);
    vmg_op_gate(ctx, none, none, one, VMG_NONE, none);
    vmg_op_gate_backward(ctx, none, none, one, VMG_NONE, none, one);
    vmg_op_add_bias(ctx, none, one);
    vmg_op_bias_backward(ctx, none, one);
    CHECK_OK(vmg_ctx_finish(ctx));
    vmg_test_read_guarded(whole, 0, got);
    for (int i = 0; i < 8; i++)
        CHECK_CLOSE(got[i], 1, 0); /* gradients of nothing add nothing */
}

static void rejects_wrong_shapes(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    vmg_tensor a = vmg_test_matrix(VMG_F32, 3, 8, NULL), b = vmg_test_matrix(VMG_F32, 3, 7, NULL);
    vmg_tensor e = vmg_test_tensor(VMG_F32, 3, (int64_t[]){2, 2, 8}, NULL);
    const struct {
        int which;
        const char *word;
    } each[] = {{0, "combine"}, {1, "copy"}, {2, "gate"}, {3, "bias"}, {4, "modulation"}, {5, "mul: b is absent"}};
    for (size_t i = 0; i < VMG_COUNT(each); i++) {
        switch (each[i].which) {
        case 0: vmg_op_combine(ctx, 1, a, 1, b, 0, VMG_NONE, a); break;
        case 1: vmg_op_copy(ctx, a, vmg_test_ints(24, NULL)); break;
        case 2: vmg_op_gate(ctx, VMG_NONE, a, a, VMG_NONE, a); break;
        case 3: vmg_op_add_bias(ctx, a, b); break;
        case 4: vmg_op_modulation(ctx, a, e, vmg_test_matrix(VMG_F32, 6, 8, NULL)); break;
        default: vmg_op_mul(ctx, a, VMG_NONE, a); break;
        }
        CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, each[i].word);
        vmg_ctx_clear(ctx);
    }
}

static const vmg_test_case cases[] = {
    {"expressions", expressions},
    {"expressions_in_place", expressions_in_place},
    {"map_tunables", map_tunables},
    {"activations_at_extremes", activations_at_extremes},
    {"activations_over_their_range", activations_over_their_range},
    {"copies", copies},
    {"copies_nan_and_infinity", copies_nan_and_infinity},
    {"gates", gates},
    {"gates_backward", gates_backward},
    {"biases", biases},
    {"modulations", modulations},
    {"row_tunables", row_tunables},
    {"empty", empty},
    {"rejects_wrong_shapes", rejects_wrong_shapes},
};

/* ---- benches ---- */

static void bench_copy(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_copy(ctx, b->x, b->out);
}

static void bench_fill(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_fill(ctx, b->out, 1.0f);
}

static void bench_combine(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_combine(ctx, 1.5f, b->x, -0.5f, b->y, 0.0f, VMG_NONE, b->out);
}

static void bench_gelu(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_activation(ctx, VMG_ACT_GELU_TANH, b->x, b->out);
}

static void bench_silu(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_activation(ctx, VMG_ACT_SILU, b->x, b->out);
}

static void bench_gelu_backward(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_activation_backward(ctx, VMG_ACT_GELU_TANH, b->x, b->y, b->out);
}

static void bench_mul(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_mul(ctx, b->x, b->y, b->out);
}

static void bench_gate(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_gate(ctx, b->x, b->y, b->vec[0], b->group, b->out);
}

static void bench_gate_backward(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_gate_backward(ctx, b->x, b->y, b->vec[0], b->group, b->out, b->grad[0]);
}

static void bench_add_bias(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_add_bias(ctx, b->out, vmg_tensor_view_rows(b->vec[0], 0, 1));
}

static void bench_bias_backward(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_bias_backward(ctx, b->x, vmg_tensor_view_rows(b->grad[0], 0, 1));
}

static const vmg_op_bench benches[] = {
    VMG_ROWS_BENCH("copy", bench_copy, 2),
    VMG_ROWS_BENCH("fill", bench_fill, 1),
    VMG_ROWS_BENCH("combine of two", bench_combine, 3),
    VMG_ROWS_BENCH("gelu", bench_gelu, 2),
    VMG_ROWS_BENCH("silu", bench_silu, 2),
    VMG_ROWS_BENCH("gelu backward", bench_gelu_backward, 3),
    VMG_ROWS_BENCH("mul", bench_mul, 3),
    VMG_ROWS_BENCH("gated residual", bench_gate, 3),
    VMG_ROWS_BENCH("gate backward", bench_gate_backward, 4),
    VMG_ROWS_BENCH("add bias", bench_add_bias, 2),
    VMG_ROWS_BENCH("bias backward", bench_bias_backward, 1),
};

const vmg_op_suite vmg_suite_elementwise = {"elementwise", cases, VMG_COUNT(cases), benches, VMG_COUNT(benches)};
