/* Random numbers: Philox's published vectors, device and host bit for bit, the normal distribution. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/op/random.h"
#include "tests/op/rows_bench.h"

/* Known-answer vectors of Random123's philox4x32-10 (kat_vectors): counter, key, result. */
static void published_vectors(void)
{
    static const struct {
        uint32_t counter[4], key[2], want[4];
    } each[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < VMG_COUNT(each); i++) {
        uint32_t word[4];
        vmg_random_words((uint64_t)each[i].key[1] << 32 | each[i].key[0],
                         (uint64_t)each[i].counter[3] << 32 | each[i].counter[2],
                         (uint64_t)each[i].counter[1] << 32 | each[i].counter[0], word);
        for (int k = 0; k < 4; k++)
            CHECK_INT(word[k], each[i].want[k]);
    }
}

static int64_t current_n;
static uint64_t current_offset;

static void run_device(void)
{
    const uint64_t seed = 0x123456789abcdef0, stream = 0x0fedcba987654321;
    float *want = vmg_calloc((size_t)current_n + 1, sizeof *want), *got = vmg_calloc((size_t)current_n + 1, sizeof *got);
    vmg_tensor whole, out = vmg_test_guarded(current_n, 1, 0, NULL, &whole);
    vmg_random_normal(seed, stream, current_offset, current_n, want);
    vmg_op_normal(vmg_test_ctx(), seed, stream, current_offset, out);
    vmg_test_read_guarded(whole, 0, got);
    CHECK(!memcmp(want, got, (size_t)current_n * sizeof *got));
    free(want);
    free(got);
}

static void device_and_host_agree_bit_for_bit(void)
{
    const int64_t sizes[] = {0, 1, 2, 3, 4, 5, 257, 1009, 1000003};
    const uint64_t offsets[] = {0, 1, 6, 0x3fffffffd, 0xfffffffffff00000};
    for (size_t i = 0; i < VMG_COUNT(sizes) - vmg_test_small(); i++)
        for (size_t k = 0; k < VMG_COUNT(offsets); k++) {
            current_n = sizes[i];
            current_offset = offsets[k];
            run_device();
            vmg_arena_reset_all(vmg_test_arena());
        }
}

static void tunables(void)
{
    current_n = 1009;
    current_offset = 3;
    vmg_test_every_class(&vmg_random_kernels[0], run_device);
}

/* Two calls are one longer call; streams and seeds are apart. */
static void offsets_continue(void)
{
    float whole[64], part[64], other[64];
    vmg_random_normal(7, 1, 100, 64, whole);
    vmg_random_normal(7, 1, 100, 13, part);
    vmg_random_normal(7, 1, 113, 51, part + 13);
    CHECK(!memcmp(whole, part, sizeof whole));
    vmg_random_normal(7, 2, 100, 64, other);
    CHECK(memcmp(whole, other, sizeof whole));
    vmg_random_normal(8, 1, 100, 64, other);
    CHECK(memcmp(whole, other, sizeof whole));
    vmg_random_uniform(7, 1, 100, 64, whole);
    vmg_random_uniform(7, 1, 101, 63, part);
    CHECK(!memcmp(whole + 1, part, 63 * sizeof *part));
}

/* The integer Box-Muller against the real one, in double, from the same words. */
static void box_muller(void)
{
    double worst = 0;
    for (uint64_t counter = 0; counter < 50000; counter++) {
        uint32_t word[4];
        float z[4];
        vmg_random_words(1, 2, counter, word);
        vmg_random_normal(1, 2, 4 * counter, 4, z);
        for (int k = 0; k < 4; k += 2) {
            const double r = sqrt(-2 * log((word[k] + 0.5) * 0x1p-32));
            const double angle = 2 * acos(-1.0) * (word[k + 1] + 0.5) * 0x1p-32;
            worst = fmax(worst, fabs(z[k] - r * cos(angle)));
            worst = fmax(worst, fabs(z[k + 1] - r * sin(angle)));
        }
    }
    vmg_test_note("largest difference %.3g", worst);
    CHECK(worst < 3e-7); /* half a unit in the last place of 4 is 2.4e-7 */
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Moments and the Kolmogorov-Smirnov distance of a million numbers; the bounds are five standard errors. */
static void normal_distribution(void)
{
    const int64_t n = 1000000;
    float *x = vmg_calloc((size_t)n, sizeof *x);
    double moment[5] = {0}, lag = 0, distance = 0;
    vmg_random_normal(42, 0, 0, n, x);
    for (int64_t i = 0; i < n; i++) {
        for (int k = 1; k < 5; k++)
            moment[k] += pow(x[i], k) / (double)n;
        lag += i ? (double)x[i] * x[i - 1] / (double)n : 0;
    }
    const double se = 1 / sqrt((double)n);
    CHECK_CLOSE(moment[1], 0, 5 * se);
    CHECK_CLOSE(moment[2], 1, 5 * sqrt(2) * se);
    CHECK_CLOSE(moment[3], 0, 5 * sqrt(15) * se);
    CHECK_CLOSE(moment[4], 3, 5 * sqrt(96) * se);
    CHECK_CLOSE(lag, 0, 5 * se);
    qsort(x, (size_t)n, sizeof *x, by_value);
    for (int64_t i = 0; i < n; i++) {
        const double cdf = 0.5 * erfc(-x[i] / sqrt(2));
        distance = fmax(distance, fmax(fabs(cdf - (double)i / (double)n), fabs(cdf - (double)(i + 1) / (double)n)));
    }
    vmg_test_note("Kolmogorov-Smirnov distance %.3g sqrt(n)", distance * sqrt((double)n));
    CHECK(distance * sqrt((double)n) < 1.95); /* exceeded by chance once in 1000 seeds */
    CHECK(x[0] < -4 && x[n - 1] > 4 && x[0] > -7 && x[n - 1] < 7);
    free(x);
}

static void uniform_distribution(void)
{
    enum { N = 1000000, CELLS = 1000 };
    float *x = vmg_calloc(N, sizeof *x);
    int count[CELLS] = {0};
    double chi2 = 0;
    vmg_random_uniform(3, 9, 0, N, x);
    for (int i = 0; i < N; i++) {
        REQUIRE(x[i] >= 0 && x[i] < 1);
        count[(int)(x[i] * CELLS)]++;
    }
    for (int k = 0; k < CELLS; k++)
        chi2 += (count[k] - N / CELLS) * (double)(count[k] - N / CELLS) / (N / CELLS);
    CHECK_CLOSE(chi2, CELLS - 1, 5 * sqrt(2.0 * (CELLS - 1)));
    free(x);
}

static void rejects_wrong_dtype(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    vmg_op_normal(ctx, 1, 2, 3, vmg_test_ints(4, NULL));
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "normal: out is i32");
    vmg_ctx_clear(ctx);
}

static const vmg_test_case cases[] = {
    {"published_vectors", published_vectors},
    {"device_and_host_agree_bit_for_bit", device_and_host_agree_bit_for_bit},
    {"tunables", tunables},
    {"offsets_continue", offsets_continue},
    {"box_muller", box_muller},
    {"normal_distribution", normal_distribution},
    {"uniform_distribution", uniform_distribution},
    {"rejects_wrong_dtype", rejects_wrong_dtype},
};

/* ---- benches ---- */

static void bench_normal(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_normal(ctx, 1, 2, 0, b->out);
}

static const vmg_op_bench benches[] = {
    VMG_ROWS_BENCH("normal", bench_normal, 1),
};

const vmg_op_suite vmg_suite_random = {"random", cases, VMG_COUNT(cases), benches, VMG_COUNT(benches)};
