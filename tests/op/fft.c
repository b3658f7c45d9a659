/* Fourier transforms against their definition in double precision, by both implementations. */
#include "host/fft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/arena.h"
#include "host/base/mem.h"
#include "tests/op/suite.h"

static const double pi = 3.14159265358979323846;

/* X_k of a row. */
static void definition(const float *x, int64_t N, int64_t k, double *re, double *im)
{
    *re = *im = 0;
    for (int64_t n = 0; n < N; n++) {
        const double angle = 2 * pi * (double)(n * k % N) / (double)N;
        *re += x[n] * cos(angle);
        *im -= x[n] * sin(angle);
    }
}

/* Smooth lengths, primes, a prime square, odd and even, 1; x begins at an odd element of its buffer. */
static const struct problem {
    int64_t R, N;
} problems[] = {{1, 1}, {5, 2}, {3, 7}, {2, 64}, {17, 97}, {4, 105}, {66, 200}, {1, 361}, {2, 1001}, {0, 8}, {3, 0}};

static const double tolerance = 1e-6; /* of the greatest value */

static void check(const struct problem *p)
{
    const int64_t n_out = p->N / 2 + 1, n = p->R * n_out;
    float *values = vmg_test_numbers(1 + p->R * p->N, 1), *x = values + 1;
    float *spectrum = vmg_test_numbers(2 * n, 0), *want = vmg_test_numbers(2 * n, 0);
    float *power = vmg_test_numbers(n, 0), *want_power = vmg_test_numbers(n, 0);
    for (int64_t i = 0; i < n && p->N; i++) {
        double re, im;
        definition(x + i / n_out * p->N, p->N, i % n_out, &re, &im);
        want[2 * i] = (float)re;
        want[2 * i + 1] = (float)im;
        want_power[i] = (float)(re * re + im * im);
    }
    vmg_tensor t = vmg_test_matrix(VMG_F32, 1, 1 + p->R * p->N, values);
    t = vmg_tensor_make(t.buf, t.off_bytes + sizeof(float), VMG_F32, 2, (int64_t[]){p->R, p->N});
    vmg_tensor spectrum_whole, power_whole;
    vmg_tensor out = vmg_test_guarded(n, 2, 0, NULL, &spectrum_whole);
    vmg_tensor out_power = vmg_test_guarded(p->R, n_out, 0, NULL, &power_whole);
    vmg_fft_real(vmg_test_ctx(), t, out);
    vmg_fft_power(vmg_test_ctx(), t, out_power);
    vmg_test_read_guarded(spectrum_whole, 0, spectrum);
    vmg_test_read_guarded(power_whole, 0, power);
    if (p->N) {
        CHECK_ARRAY(spectrum, want, (size_t)(2 * n), tolerance);
        CHECK_ARRAY(power, want_power, (size_t)n, tolerance);
    }
    free(values);
    free(spectrum);
    free(want);
    free(power);
    free(want_power);
}

static void run_all(void)
{
    for (size_t i = 0; i < VMG_COUNT(problems); i++)
        if (!vmg_test_small() || problems[i].R * problems[i].N * problems[i].N < 200000)
            check(&problems[i]);
}

static void every_variant(void)
{
    vmg_test_every_variant(&vmg_fft_variants, run_all);
}

/* More lengths than plans are kept, each twice: plans are reused and replaced. */
static void replaces_plans(void)
{
    static const struct problem two = {2, 12};
    if (vmg_test_oclgrind()) {
        vmg_test_skip("oclgrind runs some of clFFT's kernels wrongly");
        return;
    }
    vmg_force_variant(vmg_test_ctx(), &vmg_fft_variants, "clfft");
    for (int64_t R = 1; R <= 18; R++) {
        check(&(struct problem){R, 6});
        check(&two);
    }
    vmg_force_variant(vmg_test_ctx(), NULL, NULL);
}

/* Contexts come and go around clFFT's own global state. */
static void survives_other_contexts(void)
{
    static const struct problem p = {3, 30};
    const vmg_ctx_options options = {.device = getenv("VMG_TEST_DEVICE")};
    const int64_t dim[] = {3, 30}, out_dim[] = {3, 16};
    float x[90] = {1}, power[48];
    if (vmg_test_oclgrind()) {
        vmg_test_skip("oclgrind runs some of clFFT's kernels wrongly");
        return;
    }
    vmg_force_variant(vmg_test_ctx(), &vmg_fft_variants, "clfft");
    check(&p);
    for (int i = 0; i < 2; i++) {
        vmg_ctx *other;
        REQUIRE_OK(vmg_ctx_open(&options, &other));
        vmg_arena arena = vmg_arena_make(other, 0);
        vmg_tensor in = vmg_arena_tensor(&arena, VMG_F32, 2, dim), out = vmg_arena_tensor(&arena, VMG_F32, 2, out_dim);
        vmg_force_variant(other, &vmg_fft_variants, "clfft");
        vmg_upload(other, in, x);
        vmg_fft_power(other, in, out);
        vmg_download(other, out, power);
        CHECK_OK(vmg_ctx_finish(other));
        CHECK_CLOSE(power[7], 1, 1e-6);
        vmg_arena_free(&arena);
        vmg_ctx_close(other);
        check(&p);
    }
    vmg_force_variant(vmg_test_ctx(), NULL, NULL);
}

static void reports_frequency_and_energy(void)
{
    enum { N = 150, R = 2, N_OUT = N / 2 + 1 };
    float x[R * N], power[R * N_OUT];
    double energy = 0, sum = 0;
    for (int i = 0; i < N; i++) {
        x[i] = (float)(3 * cos(2 * pi * 7 * i / N));
        x[N + i] = vmg_test_uniform();
        energy += (double)x[N + i] * x[N + i];
    }
    vmg_tensor out = vmg_test_matrix(VMG_F32, R, N_OUT, NULL);
    vmg_fft_power(vmg_test_ctx(), vmg_test_matrix(VMG_F32, R, N, x), out);
    vmg_test_read(out, power);
    for (int k = 0; k < N_OUT; k++) {
        CHECK_CLOSE(power[k], k == 7 ? pow(3 * N / 2.0, 2) : 0, 0.05);
        sum += power[N_OUT + k] * (k == 0 || 2 * k == N ? 1 : 2);
    }
    CHECK_CLOSE(sum / (N * energy), 1, 1e-5);
}

static void refuses_wrong_operands(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    vmg_fft_power(ctx, vmg_test_matrix(VMG_F32, 3, 10, NULL), vmg_test_matrix(VMG_F32, 3, 5, NULL));
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "power is f32 (3,5)");
    vmg_ctx_clear(ctx);
}

static const vmg_test_case cases[] = {
    {"every_variant", every_variant},
    {"replaces_plans", replaces_plans},
    {"survives_other_contexts", survives_other_contexts},
    {"reports_frequency_and_energy", reports_frequency_and_energy},
    {"refuses_wrong_operands", refuses_wrong_operands},
};

/* ---- timing ---- */

typedef struct bench_shape {
    int64_t R, N;
} bench_shape;

static void *bench_setup(vmg_ctx *ctx, vmg_arena *arena, const void *param)
{
    const bench_shape *s = param;
    vmg_tensor *t = vmg_calloc(2, sizeof *t);
    float *x = vmg_test_numbers(s->R * s->N, 1);
    t[0] = vmg_arena_matrix(arena, VMG_F32, s->R, s->N);
    t[1] = vmg_arena_matrix(arena, VMG_F32, s->R, s->N / 2 + 1);
    vmg_upload(ctx, t[0], x);
    free(x);
    return t;
}

static void bench_run(vmg_ctx *ctx, void *state)
{
    vmg_tensor *t = state;
    vmg_fft_power(ctx, t[0], t[1]);
}

#define BENCH(label, R, N)                                                                         \
    {.name = label, .setup = bench_setup, .run = bench_run, .teardown = free,                      \
     .param = &(const bench_shape){R, N}, .bytes = 8.0 * (R) * (N), .baseline = "copy"}

static const vmg_op_bench benches[] = {BENCH("fft power 66x200", 66, 200), BENCH("fft power 4096x1024", 4096, 1024)};

const vmg_op_suite vmg_suite_fft = {"fft", cases, VMG_COUNT(cases), benches, VMG_COUNT(benches)};
