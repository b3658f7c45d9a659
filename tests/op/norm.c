/* Norms against a double-precision reference: affine, modulation, strides, in place; gradients analytically. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/op/elementwise.h"
#include "host/op/norm.h"
#include "host/op/reduce.h"
#include "tests/op/rows_bench.h"

enum { WEIGHT = 1, BIAS = 2, MODULATION = 4, GROUPS = 8, STRIDES = 16, IN_PLACE = 32, RMS = 64 };

typedef struct problem {
    int64_t R, C, G;
    unsigned flags;
    float offset; /* added to x: a mean far from 0 */
} problem;

/* Host values, dense; absent parameters are 0 (bias, shift, scale) or 1 (weight). */
typedef struct call {
    problem p;
    float *x, *weight, *bias, *shift, *scale, *dy;
    int32_t *group;
    double *mean, *inv_std, *y;
    double *dx, *d_weight, *d_bias, *d_shift, *d_scale;
} call;

static problem current;

static bool has(const call *c, unsigned flag)
{
    return c->p.flags & flag;
}

static void make_call(call *c)
{
    const int64_t R = current.R, C = current.C, G = current.G;
    *c = (call){.p = current};
    c->x = vmg_test_numbers(R * C, 2);
    for (int64_t i = 0; i < R * C; i++)
        c->x[i] += current.offset;
    c->dy = vmg_test_numbers(R * C, 1);
    c->weight = vmg_test_numbers(C, 1);
    c->bias = vmg_test_numbers(C, has(c, BIAS) ? 1 : 0);
    c->shift = vmg_test_numbers(G * C, has(c, MODULATION) ? 1 : 0);
    c->scale = vmg_test_numbers(G * C, has(c, MODULATION) ? 1 : 0);
    for (int64_t i = 0; i < C && !has(c, WEIGHT); i++)
        c->weight[i] = 1;
    /* Uneven groups, some of them empty. */
    c->group = vmg_calloc((size_t)R + 1, sizeof *c->group);
    for (int64_t r = 0; r < R && has(c, GROUPS); r++)
        c->group[r] = (int32_t)((double)G * pow((double)r / (double)R, 1.5));
    c->mean = vmg_calloc((size_t)R + 1, sizeof(double));
    c->inv_std = vmg_calloc((size_t)R + 1, sizeof(double));
    double **all[] = {&c->y, &c->dx, &c->d_weight, &c->d_bias, &c->d_shift, &c->d_scale};
    const int64_t size[] = {R * C, R * C, C, C, G * C, G * C};
    for (size_t i = 0; i < VMG_COUNT(all); i++)
        *all[i] = vmg_calloc((size_t)size[i] + 1, sizeof(double));
}

static void free_call(call *c)
{
    void *all[] = {c->x,       c->weight, c->bias, c->shift, c->scale,    c->dy,     c->group,   c->mean,
                   c->inv_std, c->y,      c->dx,   c->d_weight, c->d_bias, c->d_shift, c->d_scale};
    for (size_t i = 0; i < VMG_COUNT(all); i++)
        free(all[i]);
}

static const double eps = 1e-6;

static void reference_forward(call *c)
{
    const int64_t C = c->p.C;
    for (int64_t r = 0; r < c->p.R; r++) {
        const float *x = c->x + r * C;
        double mean = 0, square = 0;
        for (int64_t i = 0; i < C && !has(c, RMS); i++)
            mean += (double)x[i] / (double)C;
        for (int64_t i = 0; i < C; i++)
            square += (x[i] - mean) * (x[i] - mean) / (double)C;
        c->mean[r] = mean;
        c->inv_std[r] = 1 / sqrt(square + eps);
        for (int64_t i = 0; i < C; i++) {
            const int64_t m = c->group[r] * C + i;
            const double n = (x[i] - mean) * c->inv_std[r];
            c->y[r * C + i] = (n * c->weight[i] + c->bias[i]) * (1.0 + c->scale[m]) + c->shift[m];
        }
    }
}

/* By the chain rule, one formula per arrow: y -> a = n*weight + bias -> n -> x. */
static void reference_backward(call *c)
{
    const int64_t C = c->p.C;
    double *dn = vmg_calloc((size_t)C + 1, sizeof *dn);
    for (int64_t r = 0; r < c->p.R; r++) {
        double sum = 0, sum_n = 0;
        for (int64_t i = 0; i < C; i++) {
            const int64_t m = c->group[r] * C + i;
            const double n = (c->x[r * C + i] - c->mean[r]) * c->inv_std[r], dy = c->dy[r * C + i];
            const double da = dy * (1.0 + c->scale[m]);
            c->d_shift[m] += dy;
            c->d_scale[m] += dy * (n * c->weight[i] + c->bias[i]);
            c->d_bias[i] += da;
            c->d_weight[i] += da * n;
            dn[i] = da * c->weight[i];
            sum += has(c, RMS) ? 0 : dn[i] / (double)C;
            sum_n += dn[i] * n / (double)C;
        }
        for (int64_t i = 0; i < C; i++)
            c->dx[r * C + i] = c->inv_std[r] * (dn[i] - sum - (c->x[r * C + i] - c->mean[r]) * c->inv_std[r] * sum_n);
    }
    free(dn);
}

static vmg_tensor vector(int64_t n, const float *values)
{
    return vmg_test_tensor(VMG_F32, 1, &n, values);
}

/* The op's arguments on the device; y is left to the caller. */
static vmg_norm device_call(const call *c, int64_t pad, vmg_tensor *whole_x)
{
    const int64_t R = c->p.R, C = c->p.C, G = c->p.G;
    vmg_norm n = {.kind = has(c, RMS) ? VMG_NORM_RMS : VMG_NORM_LAYER, .eps = (float)eps};
    n.x = vmg_test_guarded(R, C, pad, c->x, whole_x);
    if (has(c, WEIGHT))
        n.weight = vector(C, c->weight);
    if (has(c, BIAS))
        n.bias = vector(C, c->bias);
    if (has(c, MODULATION)) {
        n.shift = vmg_test_guarded(G, C, pad, c->shift, NULL);
        n.scale = vmg_test_guarded(G, C, 0, c->scale, NULL);
    }
    if (has(c, GROUPS))
        n.group = vmg_test_ints(R, c->group);
    return n;
}

static void check_double(vmg_tensor whole, int64_t pad, const double *want, const float *start, int64_t n, double tol)
{
    float *got = vmg_calloc((size_t)n + 1, sizeof *got), *wanted = vmg_calloc((size_t)n + 1, sizeof *wanted);
    vmg_test_read_guarded(whole, pad, got);
    for (int64_t i = 0; i < n; i++)
        wanted[i] = (float)(want[i] + (start ? start[i] : 0));
    CHECK_ARRAY(got, wanted, (size_t)n, tol);
    free(got);
    free(wanted);
}

static void run_forward(void)
{
    call c;
    make_call(&c);
    reference_forward(&c);
    const int64_t R = current.R, C = current.C, pad = has(&c, STRIDES) ? 3 : 0;
    vmg_tensor whole_x, whole, whole_stats;
    vmg_norm n = device_call(&c, pad, &whole_x);
    n.y = vmg_test_guarded(R, C, pad ? pad + 2 : 0, NULL, &whole);
    n.stats = vmg_test_guarded(R, 2, 0, NULL, &whole_stats);
    if (has(&c, IN_PLACE)) {
        n.y = n.x;
        whole = whole_x;
    }
    vmg_op_norm(vmg_test_ctx(), &n);
    /* The mean is subtracted from x in float: an offset of 100 costs two digits. */
    const double tol = 1e-6 * (1 + current.offset);
    check_double(whole, has(&c, IN_PLACE) || !pad ? pad : pad + 2, c.y, NULL, R * C, tol);
    float *stats = vmg_calloc((size_t)R * 2 + 1, sizeof *stats);
    vmg_test_read_guarded(whole_stats, 0, stats);
    for (int64_t r = 0; r < R; r++) {
        CHECK_CLOSE(stats[2 * r], c.mean[r], 1e-6 * (1 + current.offset));
        CHECK_CLOSE(stats[2 * r + 1] / c.inv_std[r], 1, 1e-5);
    }
    free(stats);
    free_call(&c);
}

static void run_backward(void)
{
    call c;
    make_call(&c);
    reference_forward(&c);
    reference_backward(&c);
    const int64_t R = current.R, C = current.C, G = current.G, pad = has(&c, STRIDES) ? 3 : 0;
    vmg_norm n = device_call(&c, pad, NULL);
    vmg_tensor whole_dy, whole_dx, whole[4], d[4] = {VMG_NONE};
    vmg_tensor dy = vmg_test_guarded(R, C, pad, c.dy, &whole_dy);
    vmg_tensor dx = vmg_test_guarded(R, C, pad, NULL, &whole_dx);
    float *stats = vmg_calloc((size_t)R * 2 + 1, sizeof *stats);
    for (int64_t r = 0; r < R; r++) {
        stats[2 * r] = (float)c.mean[r];
        stats[2 * r + 1] = (float)c.inv_std[r];
    }
    n.stats = vmg_test_matrix(VMG_F32, R, 2, stats);
    /* Parameter gradients add to what is there. */
    const struct {
        unsigned flag;
        int64_t rows;
        double *want;
    } param[] = {{WEIGHT, 1, c.d_weight}, {BIAS, 1, c.d_bias}, {MODULATION, G, c.d_shift}, {MODULATION, G, c.d_scale}};
    float *start[4];
    for (int i = 0; i < 4; i++) {
        start[i] = vmg_test_numbers(param[i].rows * C, 1);
        if (has(&c, param[i].flag))
            d[i] = vmg_test_guarded(param[i].rows, C, i >= 2 ? pad : 0, start[i], &whole[i]);
    }
    if (has(&c, IN_PLACE)) {
        dx = dy;
        whole_dx = whole_dy;
    }
    vmg_test_spoil_scratch();
    vmg_op_norm_backward(vmg_test_ctx(), &n, dy, dx, d[0], d[1], d[2], d[3]);
    check_double(whole_dx, pad, c.dx, NULL, R * C, 1e-5);
    for (int i = 0; i < 4; i++) {
        if (has(&c, param[i].flag))
            check_double(whole[i], i >= 2 ? pad : 0, param[i].want, start[i], param[i].rows * C, 1e-5);
        free(start[i]);
    }
    free(stats);
    free_call(&c);
}

/* Every combination of parts that a network uses and some it does not; unit and prime sizes. */
static const problem problems[] = {
    {1, 1, 1, 0, 0},
    {1, 2, 1, RMS, 0},
    {7, 13, 1, 0, 0},
    {5, 276, 1, WEIGHT, 3},
    {11, 127, 1, WEIGHT | BIAS | STRIDES, 0},
    {13, 64, 1, MODULATION, 0},
    {13, 65, 3, MODULATION | GROUPS, 0},
    {61, 48, 7, MODULATION | GROUPS | WEIGHT | BIAS | STRIDES, 1},
    {17, 1536, 4, MODULATION | GROUPS, 0},
    {3, 1536, 1, RMS | WEIGHT, 0},
    {19, 67, 1, RMS | WEIGHT | STRIDES, 0},
    {9, 31, 2, RMS | WEIGHT | BIAS | MODULATION | GROUPS, 0},
    {6, 40, 1, IN_PLACE | WEIGHT | BIAS, 0},
    {6, 37, 2, IN_PLACE | STRIDES | MODULATION | GROUPS, 0},
    {97, 7, 2, MODULATION | GROUPS | WEIGHT | BIAS, 0}, /* several parts a group */
    {331, 37, 5, MODULATION | GROUPS | WEIGHT | BIAS, 0},
    {4, 512, 1, 0, 100},
};

static void each_problem(void (*run)(void))
{
    for (size_t i = 0; i < VMG_COUNT(problems); i++) {
        if (vmg_test_small() && problems[i].R * problems[i].C > 5000)
            continue;
        current = problems[i];
        run();
        vmg_arena_reset_all(vmg_test_arena());
    }
}

static void forward(void)
{
    each_problem(run_forward);
}

static void backward(void)
{
    each_problem(run_backward);
}

static void shape_of_every_class(const vmg_kernel_def *def, void (*run)(void))
{
    enum { EVERYTHING = MODULATION | GROUPS | WEIGHT | BIAS | STRIDES };
    static const problem each[] = {
        {7, 283, 2, EVERYTHING, 0}, {37, 13, 3, EVERYTHING, 0}, {5, 1030, 1, EVERYTHING, 0}};
    for (size_t i = 0; i < (vmg_test_small() ? 1 : VMG_COUNT(each)); i++) {
        current = each[i];
        vmg_test_every_class(def, run);
    }
}

static void forward_tunables(void)
{
    shape_of_every_class(&vmg_norm_kernels[0], run_forward);
}

static void backward_tunables(void)
{
    shape_of_every_class(&vmg_norm_kernels[1], run_backward);
    shape_of_every_class(&vmg_norm_kernels[2], run_backward);
}

static void empty(void)
{
    current = (problem){0, 16, 1, WEIGHT | BIAS, 0};
    run_forward();
    run_backward();
    current = (problem){4, 0, 1, 0, 0};
    vmg_norm n = {.x = vmg_test_matrix(VMG_F32, 4, 0, NULL), .y = vmg_test_matrix(VMG_F32, 4, 0, NULL), .eps = 1};
    vmg_op_norm(vmg_test_ctx(), &n);
    CHECK_OK(vmg_ctx_finish(vmg_test_ctx()));
}

/* The backward pass is the derivative of the forward pass: finite differences of sum(y * dy) along random directions. */
static void finite_differences(void)
{
    current = (problem){3, 29, 2, MODULATION | GROUPS | WEIGHT | BIAS, 0};
    call c, moved;
    make_call(&c);
    reference_forward(&c);
    reference_backward(&c);
    float **param[] = {&c.x, &c.weight, &c.bias, &c.shift, &c.scale};
    double *gradient[] = {c.dx, c.d_weight, c.d_bias, c.d_shift, c.d_scale};
    const int64_t size[] = {3 * 29, 29, 29, 2 * 29, 2 * 29};
    for (size_t k = 0; k < VMG_COUNT(param); k++) {
        float *direction = vmg_test_numbers(size[k], 1), *original = *param[k];
        double slope = 0, value[2] = {0, 0};
        for (int64_t i = 0; i < size[k]; i++)
            slope += direction[i] * gradient[k][i];
        for (int side = 0; side < 2; side++) {
            float *shifted = vmg_calloc((size_t)size[k], sizeof *shifted);
            for (int64_t i = 0; i < size[k]; i++)
                shifted[i] = original[i] + (side ? 0x1p-7f : -0x1p-7f) * direction[i];
            moved = c;
            *(float **)((char *)&moved + ((char *)param[k] - (char *)&c)) = shifted;
            reference_forward(&moved);
            for (int64_t i = 0; i < 3 * 29; i++)
                value[side] += moved.y[i] * c.dy[i];
            free(shifted);
        }
        CHECK_CLOSE((value[1] - value[0]) * 0x1p6, slope, 2e-3 * (1 + fabs(slope)));
        free(direction);
    }
    free_call(&c);
}

static void rejects_wrong_shapes(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    vmg_tensor x = vmg_test_matrix(VMG_F32, 3, 8, NULL);
    vmg_norm n = {.x = x, .y = vmg_test_matrix(VMG_F32, 3, 7, NULL), .eps = 1};
    vmg_op_norm(ctx, &n);
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "norm: y is f32 (3,7)");
    vmg_ctx_clear(ctx);
    n = (vmg_norm){.x = x, .y = x, .shift = vmg_test_matrix(VMG_F32, 1, 8, NULL), .eps = 1};
    vmg_op_norm(ctx, &n);
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "shift and scale");
    vmg_ctx_clear(ctx);
    n = (vmg_norm){.x = x, .eps = 1};
    vmg_op_norm_backward(ctx, &n, x, x, VMG_NONE, VMG_NONE, VMG_NONE, VMG_NONE);
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "stats is absent");
    vmg_ctx_clear(ctx);
}

static const vmg_test_case cases[] = {
    {"forward", forward},
    {"backward", backward},
    {"forward_tunables", forward_tunables},
    {"backward_tunables", backward_tunables},
    {"empty", empty},
    {"finite_differences", finite_differences},
    {"rejects_wrong_shapes", rejects_wrong_shapes},
};

/* ---- benches ---- */

static vmg_norm bench_norm(const vmg_rows_state *b, vmg_norm_kind kind)
{
    vmg_norm n = {.kind = kind, .x = b->x, .y = b->out, .stats = b->stats, .eps = 1e-6f};
    if (kind == VMG_NORM_RMS) {
        n.weight = vmg_tensor_view_rows(b->vec[0], 0, 1);
    } else {
        n.shift = b->vec[0];
        n.scale = b->vec[1];
        n.group = b->group;
    }
    return n;
}

static void bench_layer(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    const vmg_norm n = bench_norm(b, VMG_NORM_LAYER);
    vmg_op_norm(ctx, &n);
}

static void bench_rms(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    const vmg_norm n = bench_norm(b, VMG_NORM_RMS);
    vmg_op_norm(ctx, &n);
}

static void bench_layer_dx(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    const vmg_norm n = bench_norm(b, VMG_NORM_LAYER);
    vmg_op_norm_backward(ctx, &n, b->y, b->out, VMG_NONE, VMG_NONE, VMG_NONE, VMG_NONE);
}

static void bench_layer_backward(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    const vmg_norm n = bench_norm(b, VMG_NORM_LAYER);
    vmg_op_norm_backward(ctx, &n, b->y, b->out, VMG_NONE, VMG_NONE, b->grad[0], b->grad[1]);
}

static void bench_rms_backward(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    const vmg_norm n = bench_norm(b, VMG_NORM_RMS);
    vmg_op_norm_backward(ctx, &n, b->y, b->out, vmg_tensor_view_rows(b->grad[0], 0, 1), VMG_NONE, VMG_NONE, VMG_NONE);
}

static const vmg_op_bench benches[] = {
    VMG_ROWS_BENCH("layernorm modulated", bench_layer, 2),
    VMG_ROWS_BENCH("rmsnorm weighted", bench_rms, 2),
    VMG_ROWS_BENCH("layernorm dx", bench_layer_dx, 3),
    VMG_ROWS_BENCH("layernorm backward", bench_layer_backward, 5),
    VMG_ROWS_BENCH("rmsnorm backward", bench_rms_backward, 5),
};

const vmg_op_suite vmg_suite_norm = {"norm", cases, VMG_COUNT(cases), benches, VMG_COUNT(benches)};
