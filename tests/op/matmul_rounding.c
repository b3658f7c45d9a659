/* The paths of matrix products that only some devices have: what they round, the units they round for, how they are tuned. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "host/base/mem.h"
#include "host/op/matmul_path.h"
#include "host/op/rate.h"
#include "host/plan.h"
#include "host/tune.h"
#include "tests/op/matmul_check.h"
#include "tests/op/suite.h"

#if defined(__x86_64__) && defined(__linux__)
/* Whether /proc/cpuinfo lists the flag. */
static bool processor_has(const char *flag)
{
    char line[8192], word[32];
    bool found = false;
    FILE *f = fopen("/proc/cpuinfo", "r");
    snprintf(word, sizeof word, " %s ", flag);
    while (f && !found && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = ' ';
        found = strstr(line, word);
    }
    if (f)
        fclose(f);
    return found;
}
#endif

/* Where the processor has a matrix unit and this process may use it, the probe must find it: a
 * probe that fails leaves a slower path with right results, which no other case would notice. */
static void matrix_unit_is_found_where_it_is(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    if (ctx->emulates_units) {
        CHECK_STR(vmg_matmul_matrix_unit(ctx), "amx-bf16");
        CHECK(vmg_matmul_avx512.valid(ctx, NULL));
        return;
    }
#if defined(__x86_64__) && defined(__linux__)
    const bool vectors = ctx->dev.is_pocl && processor_has("avx512_bf16");
    /* ARCH_REQ_XCOMP_PERM for tile data */
    if (vectors && processor_has("amx_bf16") && syscall(SYS_arch_prctl, 0x1023, 18) == 0) {
        CHECK_STR(vmg_matmul_matrix_unit(ctx), "amx-bf16");
        CHECK(vmg_matmul_avx512.valid(ctx, NULL));
        return;
    }
    if (vectors) {
        const bool pays = vmg_matmul_unit_pays(ctx, VMG_UNIT_AVX512);
        CHECK(vmg_matmul_avx512.valid(ctx, NULL) && !vmg_matmul_amx.valid(ctx, NULL));
        CHECK_STR(vmg_matmul_matrix_unit(ctx), pays ? "avx512-bf16" : "none");
        CHECK(vmg_matmul_weight_layout(ctx, VMG_BF16, 64, 64) == (pays ? VMG_LAYOUT_TILE : VMG_LAYOUT_PANEL));
        return;
    }
#endif
    CHECK_STR(vmg_matmul_matrix_unit(ctx), "none");
    vmg_test_skip("no matrix unit that this device could use");
}

/* Whatever the device has can be timed: a unit that cannot is not used, which nothing else would show. */
static void every_unit_can_be_timed(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    const bool has[] = {[VMG_RATE_FMA] = true,
                        [VMG_RATE_PAIRS] = !ctx->emulates_units && vmg_matmul_has_unit(ctx, VMG_UNIT_AVX512),
                        [VMG_RATE_TILES] = !ctx->emulates_units && vmg_matmul_has_unit(ctx, VMG_UNIT_AMX)};
    enum { ITEMS = 64, ROUNDS = 16 };
    vmg_tensor out = vmg_test_matrix(VMG_F32, 1, ITEMS, NULL);
    for (size_t by = 0; by < VMG_COUNT(has); by++)
        if (has[by]) {
            float x[ITEMS];
            const double flops = vmg_op_rate(ctx, (enum vmg_rate)by, ROUNDS, out);
            CHECK(flops >= 2.0 * ITEMS * ROUNDS * 4 * 12);
            vmg_download(ctx, out, x);
            CHECK_OK(vmg_ctx_status(ctx));
            CHECK(isfinite(x[0]) && isfinite(x[ITEMS - 1]));
        }
}

/* 1 + 2^-12 times 1 with the given path forced, or the default one: 1 where operands are rounded. */
static float nearly_one(const char *path, bool allow, bool general)
{
    vmg_ctx *ctx = vmg_test_ctx();
    enum { M = 64, N = 32, K = 32 };
    float *x = vmg_calloc(M * K, sizeof *x), *w = vmg_calloc(N * K, sizeof *w), *out = vmg_calloc(M * N, sizeof *out);
    for (int i = 0; i < M; i++)
        x[i * K] = 1 + 0x1p-12f;
    for (int i = 0; i < N; i++)
        w[i * K] = 1;
    const vmg_tensor tx = vmg_test_matrix(VMG_F32, M, K, x), tw = vmg_test_matrix(VMG_F32, N, K, w),
                     t = vmg_test_matrix(VMG_F32, M, N, NULL);
    vmg_force_variant(ctx, &vmg_matmul_variants, path);
    vmg_matmul_allow_bf16(ctx, allow);
    if (general)
        vmg_op_matmul(ctx, &(vmg_matmul){.a = tx, .b = tw, .out = t, .trans_b = true});
    else
        vmg_op_linear(ctx, tx, tw, NULL, t);
    vmg_matmul_allow_bf16(ctx, false);
    vmg_force_variant(ctx, NULL, NULL);
    vmg_test_read(t, out);
    const float first = out[0];
    free(x);
    free(w);
    free(out);
    return first;
}

/* f32 operands are rounded only when that is allowed, even where something else chose the path; then they are. */
static void operands_are_rounded_only_where_allowed(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    const vmg_product probe = {.b = {.dtype = VMG_F32, .rank = 2, .layout = VMG_LAYOUT_ROW}, .trans_b = true};
    const bool unit = strcmp(vmg_matmul_matrix_unit(ctx), "none") != 0;
    for (int general = 0; general < 2; general++) {
        CHECK_CLOSE(nearly_one(NULL, false, general), 1 + 0x1p-12, 0);
        CHECK_CLOSE(nearly_one(NULL, true, general), unit ? 1 : 1 + 0x1p-12, 0);
        for (int i = 0; vmg_matmul_paths[i]; i++) {
            const vmg_matmul_path *path = vmg_matmul_paths[i];
            if (path->rounds == VMG_ROUNDS_NOT || !path->valid(ctx, &probe))
                continue;
            CHECK_CLOSE(nearly_one(path->name, false, general), 1 + 0x1p-12, 0);
            CHECK_CLOSE(nearly_one(path->name, true, general), 1, 0);
        }
    }
}

/* Numbers that half precision cannot hold, and rows that differ by 2^60: errors stay those of half precision in each row. */
static void half_precision_takes_any_range(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    enum { M = 5, N = 7, K = 70 };
    float *x = vmg_matmul_numbers(M * K), *w = vmg_matmul_numbers(N * K), out[M * N];
    for (int m = 0; m < M; m++)
        for (int k = 0; k < K; k++)
            x[m * K + k] = ldexpf(x[m * K + k], 30 * (m % 3) - 30);
    for (int n = 0; n < N; n++)
        for (int k = 0; k < K; k++)
            w[n * K + k] = n == 3 ? 0 : ldexpf(w[n * K + k], 20 * (n % 2));
    const vmg_tensor tx = vmg_test_matrix(VMG_F32, M, K, x), tw = vmg_test_matrix(VMG_F32, N, K, w),
                     t = vmg_test_matrix(VMG_F32, M, N, NULL);
    const vmg_product probe = {.b = tw, .trans_b = true};
    static const vmg_matmul_path *const paths[] = {&vmg_matmul_half, &vmg_matmul_half_subgroup};
    int n_run = 0;
    vmg_matmul_allow_bf16(ctx, true);
    for (size_t i = 0; i < VMG_COUNT(paths); i++) {
        if (!paths[i]->valid(ctx, &probe))
            continue;
        n_run++;
        vmg_force_variant(ctx, &vmg_matmul_variants, paths[i]->name);
        vmg_op_linear(ctx, tx, tw, NULL, t);
        vmg_test_read(t, out);
        for (int m = 0; m < M; m++)
            for (int n = 0; n < N; n++) {
                double want = 0, magnitude = 0;
                for (int k = 0; k < K; k++) {
                    want += (double)x[m * K + k] * w[n * K + k];
                    magnitude += fabs((double)x[m * K + k] * w[n * K + k]);
                }
                CHECK_CLOSE(out[m * N + n], want, 0x1p-10 * magnitude);
            }
    }
    vmg_force_variant(ctx, NULL, NULL);
    vmg_matmul_allow_bf16(ctx, false);
    free(x);
    free(w);
    if (!n_run)
        vmg_test_skip("no half precision on this device");
}

/* The tiled paths share a kernel, and each has parameters of its own: a search for one is no search for another. */
static void tiled_paths_are_tuned_apart(void)
{
    static const vmg_matmul_path *const paths[] = {&vmg_matmul_tiled, &vmg_matmul_subgroup, &vmg_matmul_half,
                                                   &vmg_matmul_half_subgroup};
    vmg_ctx *ctx = vmg_test_ctx();
    enum { M = 64, N = 64, K = 64 };
    const vmg_product p = {.a = vmg_test_matrix(VMG_F32, M, K, NULL),
                           .b = vmg_test_matrix(VMG_F32, N, K, NULL),
                           .out = vmg_test_matrix(VMG_F32, M, N, NULL),
                           .trans_b = true, .alpha = 1, .M = M, .N = N, .K = K};
    vmg_plan_result plan;
    CHECK_OK(vmg_plan_begin(ctx));
    vmg_tune_begin(ctx, false);
    for (size_t i = 0; i < VMG_COUNT(paths); i++)
        if (paths[i]->valid(ctx, &p)) {
            const size_t before = vmg_tune_n_searches(ctx);
            paths[i]->run(ctx, &p);
            CHECK(vmg_tune_n_searches(ctx) > before);
        }
    vmg_tune_end(ctx);
    CHECK_OK(vmg_plan_end(ctx, false, &plan));
}

static const vmg_test_case cases[] = {
    {"tiled_paths_are_tuned_apart", tiled_paths_are_tuned_apart},
    {"matrix_unit_is_found_where_it_is", matrix_unit_is_found_where_it_is},
    {"every_unit_can_be_timed", every_unit_can_be_timed},
    {"operands_are_rounded_only_where_allowed", operands_are_rounded_only_where_allowed},
    {"half_precision_takes_any_range", half_precision_takes_any_range},
};

const vmg_op_suite vmg_suite_matmul_rounding = {"matmul_rounding", cases, VMG_COUNT(cases), NULL, 0};
