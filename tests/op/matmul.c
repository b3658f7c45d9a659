/* Matrix products against a double-precision reference: every path, dtype, layout and epilogue. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/blas.h"
#include "host/dtype.h"
#include "host/op/matmul_path.h"
#include "host/plan.h"
#include "host/tune_search.h"
#include "tests/op/matmul_check.h"
#include "tests/op/suite.h"

static void check_product(const vmg_matmul_problem *p)
{
    CHECK(vmg_matmul_check(p, NULL) > 0);
}

/* ---- cases ---- */

static const int64_t shapes[][3] = {
    {1, 1, 1},    {1, 70, 133}, {2, 33, 31},  {3, 5, 64},    {5, 37, 97},    {13, 65, 100},
    {16, 32, 32}, {17, 31, 33}, {29, 96, 51}, {67, 131, 61}, {31, 70, 1100}, {530, 34, 40},
};

static size_t n_shapes(void)
{
    return vmg_test_small() ? 5 : VMG_COUNT(shapes);
}

static const vmg_dtype dtypes[] = {VMG_F32, VMG_F16, VMG_BF16, VMG_Q8_0, VMG_Q4_0};

/* Each layout the device can use. */
static void for_layouts(vmg_matmul_problem p)
{
    vmg_ctx *ctx = vmg_test_ctx();
    for (p.layout = VMG_LAYOUT_ROW; p.layout <= VMG_LAYOUT_TILE; p.layout++) {
        const bool cpu = ctx->dev.device_class == VMG_CLASS_CPU;
        const bool unit = vmg_matmul_amx.valid(ctx, NULL) || vmg_matmul_avx512.valid(ctx, NULL);
        if (p.layout == VMG_LAYOUT_ROW || (p.layout == VMG_LAYOUT_PANEL && cpu) ||
            (p.layout == VMG_LAYOUT_TILE && unit))
            check_product(&p);
    }
}

static void linear_every_dtype_and_layout(void)
{
    for (size_t s = 0; s < n_shapes(); s++)
        for (size_t t = 0; t < VMG_COUNT(dtypes); t++) {
            if (s % 2 &&
                dtypes[t] != VMG_F32) /* half of the shapes: each is a program or more to build */
                continue;
            vmg_matmul_problem p = {shapes[s][0],
                                    shapes[s][1],
                                    shapes[s][2],
                                    dtypes[t],
                                    .trans_b = true,
                                    .parts = BIAS,
                                    .pad = (int64_t)(s % 2) * 3};
            p.K = vmg_round_up(p.K, vmg_dtype_get(p.dtype).block_len);
            for_layouts(p);
        }
}

static void every_part_of_the_epilogue(void)
{
    for (int i = -1; i < N_PARTS; i++) {
        int parts = i < 0 ? 0 : 1 << i;
        parts |= parts & GROUP ? GATE : parts & IN_PLACE ? RESIDUAL : 0;
        for_layouts((vmg_matmul_problem){19, 45, 35, VMG_F32, .trans_b = true, .parts = parts,
                                         .pad = i % 2 ? 3 : 0});
    }
}

/* Activations and results in two bytes, of shapes with and without tails, on every path and layout. */
static void linear_of_stored_activations(void)
{
    static const vmg_dtype stored[] = {VMG_F16, VMG_BF16, VMG_F32};
    static const int64_t shape[][3] = {{1, 33, 64}, {5, 37, 96}, {29, 96, 32}, {67, 131, 64}};
    for (size_t s = 0; s < (vmg_test_small() ? 2 : VMG_COUNT(shape)); s++)
        for (int i = 0; i < 8; i++) /* all but f32 to f32 */
            for_layouts((vmg_matmul_problem){shape[s][0], shape[s][1], shape[s][2], dtypes[(s + (size_t)i) % 5],
                                             .trans_b = true, .parts = i % 2 ? MUL | GELU | BIAS : RESIDUAL | GATE | PREACT,
                                             .pad = i % 3, .a_dtype = stored[i / 3], .out_dtype = stored[i % 3]});
    for_layouts((vmg_matmul_problem){19, 45, 32, VMG_F32, .trans_b = true, .parts = ACCUMULATE, .a_dtype = VMG_F16,
                                     .out_dtype = VMG_F16});
}

static void parts_of_the_epilogue_together(void)
{
    for (int i = 0; i < (vmg_test_small() ? 3 : 40); i++) {
        int parts = (int)vmg_test_below(1 << N_PARTS);
        if (parts & GELU)
            parts &= ~SILU;
        if (!(parts & GATE))
            parts &= ~GROUP;
        if (!(parts & RESIDUAL) || parts & ACCUMULATE)
            parts &= ~IN_PLACE;
        for_layouts((vmg_matmul_problem){(const int64_t[]){1, 13, 29}[i % 3],
                                         1 + vmg_test_below(80), 32 * (1 + vmg_test_below(3)),
                                         dtypes[i / 3 % 5], .trans_b = true, .parts = parts,
                                         .pad = i % 4});
    }
}

/* What every_valid_tunable runs: a product with tails everywhere, on one path, f32 or q4_0 weights.
 * Large where a set is valid only if it makes enough work-groups. */
static const vmg_matmul_path *tuned_path;
static bool tuned_quantised;

static vmg_matmul_problem tuned_problem(void)
{
    const bool packed = tuned_path == &vmg_matmul_packed || tuned_path->rounds == VMG_ROUNDS_TO_BF16;
    const bool quantised = tuned_quantised && tuned_path != &vmg_matmul_clblast;
    if (vmg_test_small())
        return (vmg_matmul_problem){37, 37, quantised ? 32 : 19, quantised ? VMG_Q4_0 : VMG_F32, VMG_LAYOUT_ROW,
                                    .trans_b = true, .parts = BIAS};
    return (vmg_matmul_problem){packed ? 470 : 37,
                                packed ? 1050 : 75,
                                96,
                                quantised ? VMG_Q4_0 : VMG_F32,
                                packed ? VMG_LAYOUT_PANEL : VMG_LAYOUT_ROW,
                                .trans_b = true,
                                .parts = BIAS | SILU | RESIDUAL};
}

static void tuned_product(void)
{
    const vmg_matmul_problem p = tuned_problem();
    const int n = vmg_matmul_check(&p, tuned_path);
    CHECK(n > 0 || !vmg_test_small());
    tuned_quantised = !tuned_quantised;
}

/* Every value of every tunable beside the defaults of the others; with VMG_TEST_SIZE=full every
 * set, which takes minutes the first time (each set is a program to build). Small: under oclgrind only, the two paths of any device. */
static void every_valid_tunable(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    const char *size = getenv("VMG_TEST_SIZE");
    for (int i = 0; vmg_matmul_paths[i] && (!vmg_test_small() || vmg_test_oclgrind()); i++) {
        const vmg_kernel_def *def = vmg_matmul_paths[i]->kernel;
        tuned_path = vmg_matmul_paths[i];
        if (vmg_test_small() && tuned_path != &vmg_matmul_tiled && tuned_path != &vmg_matmul_skinny)
            continue;
        const vmg_matmul_problem p = tuned_problem();
        const int64_t shape[VMG_MAX_SHAPE] = {p.M, p.N, p.K, 14};
        int v[VMG_MAX_TUNABLES];
        if (size && !strcmp(size, "full")) {
            vmg_test_every_tunable(def, tuned_product);
            continue;
        }
        for (int t = 0; t < VMG_MAX_TUNABLES && def->tunables[t].name; t++)
            for (int c = 0; def->tunables[t].value[c]; c++)
                if (vmg_kernel_default_values(ctx, def, shape, v)) {
                    v[t] = def->tunables[t].value[c];
                    vmg_force_tunables(ctx, def, v);
                    tuned_product();
                    vmg_force_tunables(ctx, NULL, NULL);
                }
    }
}

/* K in several blocks, with tails everywhere: sums wait in local memory from one to the next. */
static void sums_over_blocks_of_k(void)
{
    static const vmg_matmul_problem problems[] = {
        {29, 70, 1121, VMG_F32, VMG_LAYOUT_ROW, .trans_b = true, .parts = BIAS},
        {29, 70, 1121, VMG_BF16, VMG_LAYOUT_TILE, .trans_b = true, .parts = BIAS},
        {29, 70, 1121, VMG_F16, VMG_LAYOUT_PANEL, .trans_b = true, .parts = BIAS},
        {29, 70, 1120, VMG_Q8_0, VMG_LAYOUT_PANEL, .trans_b = true, .parts = BIAS}};
    static const vmg_matmul_path *const paths[] = {&vmg_matmul_packed, &vmg_matmul_amx,
                                                   &vmg_matmul_avx512};
    vmg_ctx *ctx = vmg_test_ctx();
    for (size_t i = 0; i < VMG_COUNT(paths) && ctx->dev.device_class == VMG_CLASS_CPU; i++)
        for (size_t j = 0; j < VMG_COUNT(problems); j++) {
            const vmg_matmul_problem *p = &problems[j];
            const vmg_kernel_def *def = paths[i]->kernel;
            int v[VMG_MAX_TUNABLES];
            if ((p->layout == VMG_LAYOUT_TILE && !vmg_matmul_amx.valid(ctx, NULL) && !vmg_matmul_avx512.valid(ctx, NULL)) ||
                !vmg_kernel_default_values(ctx, def, (int64_t[VMG_MAX_SHAPE]){p->M, p->N, p->K, 14},
                                           v))
                continue;
            for (int c = 0; def->tunables[0].value[c]; c++) /* KB */
                v[0] = VMG_MIN(v[0], def->tunables[0].value[c]);
            vmg_force_tunables(ctx, def, v);
            vmg_matmul_check(p, paths[i]);
            vmg_force_tunables(ctx, NULL, NULL);
        }
}

static void general_products(void)
{
    for (size_t s = 0; s < n_shapes(); s++)
        for (int t = 0; t < 4; t++)
            check_product(&(vmg_matmul_problem){shapes[s][0], shapes[s][1], shapes[s][2], VMG_F32,
                                                .general = true, .trans_a = t & 1, .trans_b = t & 2,
                                                .pad = (int64_t)(s % 3), .alpha = s % 2 ? 0.5f : 0,
                                                .parts = s % 3 ? 0 : ACCUMULATE});
}

/* The packed path has other tiles and panels where vectors are shorter than this device's. */
static void every_vector_width(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    const uint32_t own = ctx->dev.vector_width_f32;
    const vmg_device_class own_class = ctx->dev.device_class;
    /* oclgrind's device is no processor, and takes halves of vectors for uninitialised. */
    const uint32_t widest = own_class == VMG_CLASS_CPU ? 16 : vmg_test_oclgrind() ? 4 : 0;
    for (uint32_t width = 4; width <= widest; width *= 2) {
        ctx->dev.device_class = VMG_CLASS_CPU;
        ctx->dev.vector_width_f32 = width;
        for (int quantised = 0; quantised < 2; quantised++)
            vmg_matmul_check(&(vmg_matmul_problem){29, 75, 96, quantised ? VMG_Q8_0 : VMG_F32,
                                                   VMG_LAYOUT_PANEL, .trans_b = true,
                                                   .parts = BIAS},
                             &vmg_matmul_packed);
        for (int t = 0; t < 4; t++)
            vmg_matmul_check(&(vmg_matmul_problem){57, 75, 50, VMG_F32, .general = true,
                                                   .trans_a = t & 1, .trans_b = t & 2},
                             &vmg_matmul_packed);
    }
    ctx->dev.vector_width_f32 = own;
    ctx->dev.device_class = own_class;
}

/* max|got - want| <= 1e-5 max|want|. */
static void check_gradient(vmg_tensor t, const double *want)
{
    const int64_t n = vmg_tensor_count(t);
    float *got = vmg_matmul_numbers(n), *wanted = vmg_matmul_numbers(n);
    vmg_test_read(t, got);
    for (int64_t i = 0; i < n; i++)
        wanted[i] = (float)want[i];
    CHECK_ARRAY(got, wanted, (size_t)n, 1e-5);
    free(got);
    free(wanted);
}

/* Assigns dx, adds to dw and dbias; leaves out what is not asked for. */
static void gradients_of_a_linear_layer(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    for (int parts = 1; parts < 8; parts++) {
        const int64_t M = 29, N = 37, K = 45;
        float *x = vmg_matmul_numbers(M * K), *w = vmg_matmul_numbers(N * K),
              *dy = vmg_matmul_numbers(M * N), *dw = vmg_matmul_numbers(N * K),
              *db = vmg_matmul_numbers(N);
        double *want_dx = vmg_calloc((size_t)(M * K), sizeof *want_dx),
               *want_dw = vmg_calloc((size_t)(N * K), sizeof *want_dw);
        double *want_db = vmg_calloc((size_t)N, sizeof *want_db);
        for (int64_t n = 0; n < N; n++) {
            want_db[n] = db[n];
            for (int64_t k = 0; k < K; k++)
                want_dw[n * K + k] = dw[n * K + k];
            for (int64_t m = 0; m < M; m++) {
                want_db[n] += dy[m * N + n];
                for (int64_t k = 0; k < K; k++) {
                    want_dw[n * K + k] += (double)dy[m * N + n] * x[m * K + k];
                    want_dx[m * K + k] += (double)dy[m * N + n] * w[n * K + k];
                }
            }
        }
        vmg_tensor t_dx = vmg_test_matrix(VMG_F32, M, K, x),
                   t_dw = vmg_test_matrix(VMG_F32, N, K, dw);
        vmg_tensor t_db = vmg_test_tensor(VMG_F32, 1, &N, db);
        vmg_op_linear_backward(ctx, vmg_test_matrix(VMG_F32, M, K, x),
                               vmg_test_matrix(VMG_F32, N, K, w),
                               vmg_test_matrix(VMG_F32, M, N, dy), parts & 1 ? t_dx : VMG_NONE,
                               parts & 2 ? t_dw : VMG_NONE, parts & 4 ? t_db : VMG_NONE);
        CHECK_OK(vmg_ctx_finish(ctx));
        if (parts & 1)
            check_gradient(t_dx, want_dx);
        if (parts & 2)
            check_gradient(t_dw, want_dw);
        if (parts & 4)
            check_gradient(t_db, want_db);
        void *all[] = {x, w, dy, dw, db, want_dx, want_dw, want_db};
        for (size_t i = 0; i < VMG_COUNT(all); i++)
            free(all[i]);
    }
}

/* A plan counts the memory that packing will take, and enqueues nothing. */
static void plans_count_scratch(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    enum { M = 50, N = 64, K = 40 };
    float *out = vmg_matmul_numbers(M * N);
    vmg_tensor x = vmg_test_matrix(VMG_F32, M, K, NULL), w = vmg_test_matrix(VMG_F32, N, K, NULL);
    vmg_tensor t = vmg_test_matrix(VMG_F32, M, N, out);
    vmg_plan_result plan;
    vmg_force_variant(ctx, &vmg_matmul_variants, "packed");
    CHECK_OK(vmg_plan_begin(ctx));
    vmg_op_linear(ctx, x, w, NULL, t);
    CHECK_OK(vmg_plan_end(ctx, false, &plan));
    vmg_force_variant(ctx, NULL, NULL);
    if (ctx->dev.device_class == VMG_CLASS_CPU) {
        CHECK(plan.peak_memory_bytes >= (M + N) * K * 4);
        CHECK_INT(plan.n_kernels, 2);
    }
    float *after = vmg_matmul_numbers(M * N);
    vmg_test_read(t, after);
    CHECK_ARRAY(after, out, M * N, 0);
    free(out);
    free(after);
}

/* Strided batches with every transposition, as attention uses them. */
static void blas_batches(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    enum { B = 3, M = 5, N = 7, K = 6 };
    for (int t = 0; t < 4; t++) {
        const bool ta = t & 1, tb = t & 2;
        float *a = vmg_matmul_numbers(B * M * K), *b = vmg_matmul_numbers(B * K * N),
              *c = vmg_matmul_numbers(B * M * N), *got = vmg_matmul_numbers(B * M * N);
        vmg_tensor tc = vmg_test_matrix(VMG_F32, B * M, N, c);
        vmg_blas_gemm_strided_batched(
            ctx, ta, tb, M, N, K, 2.0f, vmg_test_matrix(VMG_F32, B, M * K, a), ta ? M : K, M * K,
            vmg_test_matrix(VMG_F32, B, K * N, b), tb ? K : N, K * N, 0.5f, tc, N, M * N, B);
        for (int i = 0; i < B * M * N; i++) {
            const int s = i / (M * N), m = i / N % M, n = i % N;
            double sum = 0;
            for (int k = 0; k < K; k++)
                sum += (double)a[s * M * K + (ta ? k * M + m : m * K + k)] *
                       b[s * K * N + (tb ? n * K + k : k * N + n)];
            c[i] = (float)(2 * sum + 0.5 * c[i]);
        }
        vmg_test_read(tc, got);
        CHECK_ARRAY(got, c, B * M * N, 1e-5);
        free(a);
        free(b);
        free(c);
        free(got);
    }
}

static void nothing_to_do(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    vmg_tensor w = vmg_test_matrix(VMG_F32, 5, 4, NULL), x = vmg_test_matrix(VMG_F32, 0, 4, NULL);
    vmg_op_linear(ctx, x, w, NULL, vmg_test_matrix(VMG_F32, 0, 5, NULL));
    vmg_op_matmul(
        ctx, &(vmg_matmul){
                 .a = x, .b = w, .out = vmg_test_matrix(VMG_F32, 0, 5, NULL), .trans_b = true});
    CHECK_OK(vmg_ctx_finish(ctx));
}

static void wrong_shapes_are_refused(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    vmg_tensor x = vmg_test_matrix(VMG_F32, 3, 4, NULL), w = vmg_test_matrix(VMG_F32, 5, 4, NULL);
    vmg_tensor out = vmg_test_matrix(VMG_F32, 3, 5, NULL),
               bad = vmg_test_matrix(VMG_F32, 3, 3, NULL);
    const vmg_epilogue wrong[] = {{.bias = out}, {.residual = x}, {.gate = x},
                                  {.mul = w},    {.preact = x},   {.group = x}};
    const char *const word[] = {"bias", "residual", "gate", "mul", "preact", "group"};
    vmg_op_linear(ctx, x, bad, NULL, out);
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "f32 (3,3)");
    for (size_t i = 0; i < VMG_COUNT(wrong); i++) {
        vmg_ctx_clear(ctx);
        vmg_op_linear(ctx, x, w, &wrong[i], out);
        CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, word[i]);
    }
    vmg_ctx_clear(ctx);
    vmg_op_matmul(ctx, &(vmg_matmul){.a = x, .b = w, .out = out});
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "matmul");
    vmg_ctx_clear(ctx);
    vmg_op_weight_pack(ctx, x, vmg_test_matrix(VMG_F32, 64, 4, NULL), 3);
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "multiples of 32");
    vmg_ctx_clear(ctx);
}

static const vmg_test_case cases[] = {
    {"linear_every_dtype_and_layout", linear_every_dtype_and_layout},
    {"every_part_of_the_epilogue", every_part_of_the_epilogue},
    {"linear_of_stored_activations", linear_of_stored_activations},
    {"parts_of_the_epilogue_together", parts_of_the_epilogue_together},
    {"every_valid_tunable", every_valid_tunable},
    {"sums_over_blocks_of_k", sums_over_blocks_of_k},
    {"general_products", general_products},
    {"every_vector_width", every_vector_width},
    {"gradients_of_a_linear_layer", gradients_of_a_linear_layer},
    {"plans_count_scratch", plans_count_scratch},
    {"blas_batches", blas_batches},
    {"nothing_to_do", nothing_to_do},
    {"wrong_shapes_are_refused", wrong_shapes_are_refused},
};

/* ---- timing ---- */

typedef struct bench_shape {
    int64_t M, N, K;
    vmg_dtype dtype;
} bench_shape;

typedef struct bench_state {
    vmg_tensor x, w, out;
    vmg_epilogue e;
} bench_state;

static void *bench_setup(vmg_ctx *ctx, vmg_arena *arena, const void *param)
{
    const bench_shape *s = param;
    bench_state *b = vmg_calloc(1, sizeof *b);
    const vmg_layout layout = vmg_matmul_weight_layout(ctx, s->dtype, s->N, s->K);
    const size_t bytes = vmg_matmul_weight_bytes(layout, s->dtype, s->N, s->K);
    float *x = vmg_matmul_numbers(VMG_MAX(s->M, 32) * s->K);
    uint8_t *rows = vmg_calloc((size_t)s->K * VMG_PANEL, sizeof *x);
    CHECK_OK(vmg_dtype_from_f32(s->dtype, x, VMG_PANEL * s->K, rows));
    b->x = vmg_arena_matrix(arena, VMG_F32, s->M, s->K);
    b->out = vmg_arena_matrix(arena, VMG_F32, s->M, s->N);
    b->e.bias = vmg_arena_vector(arena, VMG_F32, s->N);
    b->w = vmg_arena_packed(arena, layout == VMG_LAYOUT_TILE ? VMG_BF16 : s->dtype, layout, s->N,
                            s->K, bytes);
    vmg_upload(ctx, b->x, x);
    vmg_upload(ctx, vmg_tensor_reshape2(b->e.bias, 1, s->N),
               memset(x, 0, (size_t)s->N * sizeof *x));
    vmg_tensor piece = vmg_arena_matrix(arena, s->dtype, VMG_PANEL, s->K);
    vmg_upload(ctx, piece, rows);
    for (int64_t n = 0; n < s->N; n += VMG_PANEL)
        vmg_op_weight_pack(ctx, vmg_tensor_view_rows(piece, 0, VMG_MIN(VMG_PANEL, s->N - n)), b->w,
                           n);
    free(x);
    free(rows);
    return b;
}

static void bench_run(vmg_ctx *ctx, void *state)
{
    bench_state *b = state;
    vmg_op_linear(ctx, b->x, b->w, &b->e, b->out);
}

#define LINEAR(T, M, N, K, bits)                                                                   \
    {                                                                                              \
        .name = "linear " #T " " #M "," #N "," #K, .setup = bench_setup, .run = bench_run,         \
        .teardown = free, .param = &(const bench_shape){M, N, K, VMG_##T},                         \
        .flops = 2.0 * (M) * (N) * (K),                                                            \
        .bytes = 4.0 * (M) * ((N) + (K)) + (bits) / 8.0 * (N) * (K),                               \
        .baseline = "sgemm " #M " " #N " " #K                                                      \
    }
#define LINEARS(T, bits)                                                                           \
    LINEAR(T, 400, 1536, 1536, bits), LINEAR(T, 400, 8960, 1536, bits),                            \
        LINEAR(T, 400, 1536, 8960, bits), LINEAR(T, 32, 4096, 10240, bits),                        \
        LINEAR(T, 200, 1536, 1536, bits), LINEAR(T, 100, 1536, 1536, bits),                        \
        LINEAR(T, 1, 4096, 10240, bits)

/* dx and dw of a layer in training, from row-major f32 operands; BF16 where vmg_matmul_allow_bf16
 * permits it. */
typedef struct gradient_state {
    vmg_tensor x, w, dy, dx, dw;
    bool bf16;
} gradient_state;

static void *gradient_setup(vmg_ctx *ctx, vmg_arena *arena, const void *param)
{
    const bench_shape *s = param;
    gradient_state *g = vmg_calloc(1, sizeof *g);
    float *x = vmg_matmul_numbers(VMG_MAX(VMG_MAX(s->M * s->K, s->N * s->K), s->M * s->N));
    g->x = vmg_arena_matrix(arena, VMG_F32, s->M, s->K);
    g->w = vmg_arena_matrix(arena, VMG_F32, s->N, s->K);
    g->dy = vmg_arena_matrix(arena, VMG_F32, s->M, s->N);
    g->dx = vmg_arena_matrix(arena, VMG_F32, s->M, s->K);
    g->dw = vmg_arena_matrix(arena, VMG_F32, s->N, s->K);
    vmg_tensor all[] = {g->x, g->w, g->dy, g->dw};
    for (size_t i = 0; i < VMG_COUNT(all); i++)
        vmg_upload(ctx, all[i], x);
    free(x);
    g->bf16 = s->dtype == VMG_BF16;
    return g;
}

static void gradient_run(vmg_ctx *ctx, void *state)
{
    gradient_state *g = state;
    vmg_matmul_allow_bf16(ctx, g->bf16);
    vmg_op_linear_backward(ctx, g->x, g->w, g->dy, g->dx, g->dw, VMG_NONE);
    vmg_matmul_allow_bf16(ctx, false);
}

#define GRADIENT(T, M, N, K)                                                                       \
    {                                                                                              \
        .name = "linear backward " #T " " #M "," #N "," #K, .setup = gradient_setup,               \
        .run = gradient_run, .teardown = free, .param = &(const bench_shape){M, N, K, VMG_##T},    \
        .flops = 4.0 * (M) * (N) * (K),                                                            \
        .bytes = 4.0 * (2.0 * (M) * (K) + 3.0 * (N) * (K) + 2.0 * (M) * (N)), .baseline = "fma"    \
    }

static const vmg_op_bench benches[] = {
    LINEARS(F32, 32),
    LINEARS(BF16, 16),
    LINEARS(F16, 16),
    LINEARS(Q8_0, 8.5),
    LINEARS(Q4_0, 4.5),
    GRADIENT(F32, 400, 1536, 1536),
    GRADIENT(F32, 800, 8960, 1536),
    GRADIENT(BF16, 400, 1536, 1536),
    GRADIENT(BF16, 800, 8960, 1536),
    GRADIENT(F32, 2880, 1024, 384),
    GRADIENT(BF16, 2880, 1024, 384),
};

const vmg_op_suite vmg_suite_matmul = {"matmul", cases, VMG_COUNT(cases), benches,
                                       VMG_COUNT(benches)};
