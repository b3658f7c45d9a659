/* The exponentials of cl/common.cl against double precision, over every exponent and at every vector width. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/kernel.h"
#include "tests/op/suite.h"

static const char kernel_text[] =
    "__kernel void exponentials(CTENSOR(a), CTENSOR(b), TENSOR(out))\n"
    "{\n"
    "    const long i = get_global_id(0) * VW;\n"
    "#if POWER\n"
    "    STV(VW, EXP2V(VW, LDV(VW, CF32(a), i), LDV(VW, CF32(b), i)), F32(out), i);\n"
    "#else\n"
    "    STV(VW, EXPV(VW, LDV(VW, CF32(a), i)), F32(out), i);\n"
    "#endif\n"
    "}\n";

static void geometry(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3])
{
    (void)dev;
    global[0] = (size_t)(shape[0] / v[0]);
    local[0] = 1;
}

static const vmg_kernel_def def = {
    .file = "testexponentials", .name = "exponentials", .tunables = {{"VW", {16, 1, 2, 4, 8}}}, .geometry = geometry};

enum { MAX_WIDTH = 16 };

/* n values, a multiple of MAX_WIDTH; b given: 2^(ab), else e^a. */
static const float *arg_a, *arg_b;
static int64_t n_args;

/* Subnormal results are flushed to zero where the device has none. */
static double least_result(void)
{
    cl_device_fp_config config = 0;
    clGetDeviceInfo(vmg_test_ctx()->dev.id, CL_DEVICE_SINGLE_FP_CONFIG, sizeof config, &config, NULL);
    return config & CL_FP_DENORM ? 0x1p-149 : 0x1p-126;
}

/* Bound on the relative error of a normal result: cl/common.cl's for its own, OpenCL's for built-ins. */
static double bound(int64_t i)
{
    const bool own = vmg_test_ctx()->dev.device_class == VMG_CLASS_CPU;
    if (arg_b)
        return (own ? 0x1p-22 : 3 * 0x1p-23) + 0x1p-24 * fabs((double)arg_a[i] * arg_b[i]);
    return own ? 0x1p-23 : 3 * 0x1p-23;
}

static bool is_right(int64_t i, float got, double want, double least)
{
    const double most = 0x1.fffffep127, error = want * bound(i);
    if (isnan(want))
        return isnan(got);
    if (isinf(got))
        return want + error > most;
    return isfinite(want) && fabs((double)got - want) <= (want < 0x1p-126 ? least : error);
}

static void check_results(const float *got)
{
    const double least = least_result();
    int64_t n_wrong = 0;
    for (int64_t i = 0; i < n_args; i++) {
        const double want = arg_b ? exp2((double)arg_a[i] * arg_b[i]) : exp(arg_a[i]);
        if (!is_right(i, got[i], want, least) && !n_wrong++)
            vmg_test_note("argument %a gives %a, expected %a", (double)arg_a[i] * (arg_b ? arg_b[i] : 1), got[i], want);
    }
    CHECK_INT(n_wrong, 0);
}

static void run(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    float *got = vmg_calloc((size_t)n_args, sizeof *got);
    vmg_launch l = VMG_LAUNCH(&def);
    vmg_tensor out = vmg_test_matrix(VMG_F32, 1, n_args, NULL), a = vmg_test_matrix(VMG_F32, 1, n_args, arg_a);
    vmg_define(&l, "POWER=%d", arg_b != NULL);
    vmg_arg_in(&l, a);
    vmg_arg_in(&l, arg_b ? vmg_test_matrix(VMG_F32, 1, n_args, arg_b) : a);
    vmg_arg_out(&l, out);
    l.shape[0] = n_args;
    vmg_launch_run(ctx, &l);
    vmg_test_read(out, got);
    check_results(got);
    free(got);
}

static void run_every_width(const float *a, const float *b, int64_t n)
{
    arg_a = a;
    arg_b = b;
    n_args = n;
    vmg_test_own_kernel(def.file, kernel_text);
    vmg_test_every_tunable(&def, run);
    unsetenv("VMG_CL_DIR");
}

/* Every exponent of both signs: bit patterns in steps of a prime. */
static int64_t patterns(float **x)
{
    const uint32_t step = vmg_test_small() ? 15485863 : 32749;
    const int64_t n = (int64_t)(UINT32_MAX / step) / MAX_WIDTH * MAX_WIDTH;
    *x = vmg_calloc((size_t)n, sizeof **x);
    for (int64_t i = 0; i < n && *x; i++) {
        const uint32_t bits = (uint32_t)i * step;
        memcpy(&(*x)[i], &bits, sizeof bits);
    }
    return n;
}

static void e_to_every_exponent(void)
{
    float *x;
    const int64_t n = patterns(&x);
    run_every_width(x, NULL, n);
    free(x);
}

/* Evenly from where everything is zero to where everything is infinite. */
static void e_over_its_range(void)
{
    const int64_t n = vmg_test_small() ? 1 << 10 : 1 << 20;
    float *x = vmg_calloc((size_t)n, sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(-110 + 200 * (double)i / (double)n);
    run_every_width(x, NULL, n);
    free(x);
}

static void e_at_its_ends(void)
{
    const float x[MAX_WIDTH] = {0, -0.0f, INFINITY, -INFINITY, NAN, 88.72283f, 88.72284f, 89, -87.33654f, -87.33655f, -103.97f,
                                -103.98f, -104, -105, 1e30f, -1e30f};
    run_every_width(x, NULL, MAX_WIDTH);
}

static void two_to_products(void)
{
    const int64_t n = vmg_test_small() ? 1 << 10 : 1 << 18;
    float *a = vmg_calloc((size_t)n, sizeof *a), *b = vmg_calloc((size_t)n, sizeof *b);
    for (int64_t i = 0; i < n; i++) {
        b[i] = i % 3 ? 20 * vmg_test_uniform() : -1.4426950409f;
        a[i] = (float)(126 * vmg_test_uniform()) / fmaxf(fabsf(b[i]), 1);
    }
    a[0] = 0;
    run_every_width(a, b, n);
    free(a);
    free(b);
}

static const vmg_test_case cases[] = {
    {"e_to_every_exponent", e_to_every_exponent},
    {"e_over_its_range", e_over_its_range},
    {"e_at_its_ends", e_at_its_ends},
    {"two_to_products", two_to_products},
};

const vmg_op_suite vmg_suite_common = {"common", cases, VMG_COUNT(cases), NULL, 0};
