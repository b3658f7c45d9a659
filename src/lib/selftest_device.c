/* The built-in check of a device: every kind of kernel that the networks use, against double precision on the host. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/arena.h"
#include "host/base/mem.h"
#include "host/op.h"
#include "models/params.h"
#include "src/lib/selftest.h"

/* Sizes with tails in every direction: no multiple of any tile. */
enum { ROWS = 37, COLS = 96, OUT = 131, HEADS = 3, KEYS = 53 };

/* What a kernel computing in float may differ from double by, relative to the largest value. */
static const double f32_tolerance = 1e-5;

typedef struct check {
    vmg_ctx *ctx;
    vmg_arena arena;
    vmg_selftest_report *report;
} check;

static double value(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (double)(int32_t)*state / 2147483648.0;
}

/* Host values of a matrix, and the same on the device. */
typedef struct matrix {
    vmg_tensor device;
    float *host;
    int64_t rows, cols;
} matrix;

static matrix make(check *c, int64_t rows, int64_t cols, uint32_t seed)
{
    matrix m = {vmg_arena_matrix(&c->arena, VMG_F32, rows, cols), vmg_calloc((size_t)(rows * cols), sizeof(float)), rows, cols};
    if (!m.host) {
        vmg_ctx_fail(c->ctx, VMG_E_NOMEM, "%s", vmg_error_message());
        return m;
    }
    for (int64_t i = 0; i < rows * cols; i++)
        m.host[i] = (float)value(&seed);
    vmg_upload(c->ctx, m.device, m.host);
    return m;
}

/* One row of the report: the device's matrix against double values, which it frees. */
static void compare(check *c, const char *name, vmg_tensor got, double *want, double tolerance)
{
    size_t n = (size_t)vmg_tensor_count(got);
    float *x = vmg_calloc(n, sizeof *x);
    double diff = 0, scale = 0;
    if (x)
        vmg_download(c->ctx, got, x);
    if (!x || !want || vmg_ctx_finish(c->ctx) != VMG_OK) {
        vmg_selftest_failed(c->report, "%s: %s", name, vmg_error_message());
        vmg_ctx_clear(c->ctx);
    } else {
        for (size_t i = 0; i < n; i++) {
            double d = fabs(x[i] - want[i]);
            diff = isfinite(d) ? fmax(diff, d) : INFINITY;
            scale = fmax(scale, fabs(want[i]));
        }
        vmg_selftest_row(c->report, name, scale > 0 ? diff / scale : diff, tolerance);
    }
    free(x);
    free(want);
}

static double gelu(double x)
{
    return 0.5 * x * (1.0 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
}

/* A linear layer with weights of every type, in the layout this device keeps them in. */
static void check_linear(check *c, vmg_dtype dtype, double tolerance)
{
    char name[64];
    matrix x = make(c, ROWS, COLS, 1), w = make(c, OUT, COLS, 2), b = make(c, 1, OUT, 3);
    vmg_tensor out = vmg_arena_matrix(&c->arena, VMG_F32, ROWS, OUT);
    vmg_layout layout = vmg_matmul_weight_layout(c->ctx, dtype, OUT, COLS);
    vmg_dtype kept = layout == VMG_LAYOUT_TILE ? VMG_BF16 : dtype;
    size_t row_bytes = 0, n = (size_t)OUT * COLS;
    if (!x.host || !w.host || !b.host || vmg_dtype_bytes(kept, OUT * COLS, &row_bytes) != VMG_OK)
        goto out;
    char *bytes = vmg_calloc(row_bytes, 1);
    double *want = vmg_calloc((size_t)ROWS * OUT, sizeof *want);
    if (bytes && want && vmg_dtype_from_f32(kept, w.host, (int64_t)n, bytes) == VMG_OK &&
        vmg_dtype_to_f32(kept, bytes, (int64_t)n, w.host) == VMG_OK) {
        vmg_tensor row = vmg_arena_matrix(&c->arena, kept, OUT, COLS), packed = row;
        vmg_upload(c->ctx, row, bytes);
        if (layout != VMG_LAYOUT_ROW) {
            packed = vmg_arena_packed(&c->arena, kept, layout, OUT, COLS, vmg_matmul_weight_bytes(layout, kept, OUT, COLS));
            vmg_op_weight_pack(c->ctx, row, packed, 0);
        }
        vmg_tensor bias = vmg_tensor_reshape(b.device, 1, (int64_t[]){OUT});
        vmg_op_linear(c->ctx, x.device, packed, &(vmg_epilogue){.bias = bias, .act = VMG_ACT_GELU_TANH}, out);
        for (int64_t i = 0; i < ROWS * OUT; i++) {
            double sum = b.host[i % OUT];
            for (int64_t k = 0; k < COLS; k++)
                sum += (double)x.host[i / OUT * COLS + k] * w.host[i % OUT * COLS + k];
            want[i] = gelu(sum);
        }
    }
    snprintf(name, sizeof name, "linear, %s weights, GELU", vmg_dtype_name(dtype));
    compare(c, name, out, want, tolerance);
    free(bytes);
out:
    free(x.host);
    free(w.host);
    free(b.host);
}

static void check_norm(check *c, vmg_norm_kind kind, const char *name)
{
    matrix x = make(c, ROWS, COLS, 4), w = make(c, 1, COLS, 5);
    vmg_tensor y = vmg_arena_matrix(&c->arena, VMG_F32, ROWS, COLS);
    double *want = vmg_calloc((size_t)ROWS * COLS, sizeof *want);
    vmg_op_norm(c->ctx, &(vmg_norm){.kind = kind, .x = x.device, .y = y, .eps = 1e-6f,
                                    .weight = vmg_tensor_reshape(w.device, 1, (int64_t[]){COLS})});
    for (int64_t r = 0; x.host && w.host && want && r < ROWS; r++) {
        const float *row = x.host + r * COLS;
        double mean = 0, square = 0;
        for (int64_t k = 0; k < COLS; k++)
            mean += row[k] / (double)COLS;
        mean = kind == VMG_NORM_LAYER ? mean : 0;
        for (int64_t k = 0; k < COLS; k++)
            square += (row[k] - mean) * (row[k] - mean) / COLS;
        for (int64_t k = 0; k < COLS; k++)
            want[r * COLS + k] = (row[k] - mean) / sqrt(square + 1e-6) * w.host[k];
    }
    compare(c, name, y, want, f32_tolerance);
    free(x.host);
    free(w.host);
}

static void check_attention(check *c)
{
    enum { D = COLS / HEADS };
    matrix q = make(c, ROWS, COLS, 6), k = make(c, KEYS, COLS, 7), v = make(c, KEYS, COLS, 8);
    vmg_tensor out = vmg_arena_matrix(&c->arena, VMG_F32, ROWS, COLS);
    const vmg_segment segments[2] = {{0, 20, 0, KEYS}, {20, ROWS - 20, 5, 7}};
    vmg_segments s = {.n = 2, .host = segments, .device = vmg_arena_matrix(&c->arena, VMG_I32, 2, 4)};
    double *want = vmg_calloc((size_t)ROWS * COLS, sizeof *want), p[KEYS];
    vmg_upload(c->ctx, s.device, segments);
    vmg_op_attention(c->ctx, &(vmg_attention){.q = q.device, .k = k.device, .v = v.device, .out = out, .n_heads = HEADS,
                                              .scale = 1.0f, .segments = s});
    for (int64_t i = 0; q.host && k.host && v.host && want && i < ROWS; i++)
        for (int h = 0; h < HEADS; h++) {
            const vmg_segment *g = &segments[i >= 20];
            double most = -INFINITY, sum = 0;
            for (int j = 0; j < g->n_k; j++) {
                p[j] = 0;
                for (int d = 0; d < D; d++)
                    p[j] += (double)q.host[i * COLS + h * D + d] * k.host[(g->k0 + j) * COLS + h * D + d];
                most = fmax(most, p[j]);
            }
            for (int j = 0; j < g->n_k; j++)
                sum += p[j] = exp(p[j] - most);
            for (int j = 0; j < g->n_k; j++)
                for (int d = 0; d < D; d++)
                    want[i * COLS + h * D + d] += p[j] / sum * v.host[(g->k0 + j) * COLS + h * D + d];
        }
    compare(c, "attention, two samples", out, want, f32_tolerance);
    free(q.host);
    free(k.host);
    free(v.host);
}

static void check_combine(check *c)
{
    matrix a = make(c, ROWS, COLS, 9), b = make(c, ROWS, COLS, 10);
    vmg_tensor out = vmg_arena_matrix(&c->arena, VMG_F32, ROWS, COLS);
    double *want = vmg_calloc((size_t)ROWS * COLS, sizeof *want);
    vmg_op_combine(c->ctx, 5.0f, a.device, -4.0f, b.device, 0, VMG_NONE, out);
    for (int64_t i = 0; a.host && b.host && want && i < ROWS * COLS; i++)
        want[i] = 5.0 * a.host[i] - 4.0 * b.host[i];
    compare(c, "guidance", out, want, f32_tolerance);
    free(a.host);
    free(b.host);
}

/* The same bits as the host for a seed: a motion does not depend on the device that drew its noise. */
static void check_normals(check *c)
{
    vmg_tensor out = vmg_arena_matrix(&c->arena, VMG_F32, ROWS, COLS);
    float host[ROWS * COLS];
    double *want = vmg_calloc(ROWS * COLS, sizeof *want);
    vmg_op_normal(c->ctx, 123456789, 0, 0, out);
    vmg_random_normal(123456789, 0, 0, ROWS * COLS, host);
    for (int64_t i = 0; want && i < ROWS * COLS; i++)
        want[i] = host[i];
    compare(c, "random normals, bit for bit", out, want, 0);
}

int vmg_selftest_device(vmg_selftest_report *report)
{
    /* bf16 activations on a matrix unit round to 8 bits: 2^-8 of each product, averaging over the sum. */
    static const struct { vmg_dtype dtype; double tolerance; } weights[] = {
        {VMG_F32, 1e-5}, {VMG_F16, 1e-5}, {VMG_BF16, 1e-2}, {VMG_Q8_0, 1e-2}, {VMG_Q4_0, 1e-2}};
    check c = {.report = report};
    int rc = vmg_ctx_open(&(vmg_ctx_options){.device = report->device}, &c.ctx);
    if (rc != VMG_OK)
        return rc;
    report->set = c.ctx->dev.name;
    c.arena = vmg_arena_make(c.ctx, 1 << 20);
    for (size_t i = 0; i < VMG_COUNT(weights); i++)
        check_linear(&c, weights[i].dtype, weights[i].tolerance);
    check_norm(&c, VMG_NORM_LAYER, "LayerNorm");
    check_norm(&c, VMG_NORM_RMS, "RMSNorm");
    check_attention(&c);
    check_combine(&c);
    check_normals(&c);
    vmg_arena_free(&c.arena);
    report->set = NULL; /* the name dies with the context */
    vmg_ctx_close(c.ctx);
    return VMG_OK;
}
