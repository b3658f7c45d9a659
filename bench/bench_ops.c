/*
 * bench_ops [--device D] [--filter TEXT] [--seconds S] [--json]
 *
 * Times every op suite's bench cases (tests/op/x.c), and beside them in the same process what a user could call instead and what the device
 * can do at most: OpenBLAS, CLBlast, copying, fused multiply-adds, the matrix unit. Ends with what is expected and what was
 * measured.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/baselines.h"
#include "bench/ceilings.h"
#include "bench/results.h"
#include "host/base/mem.h"
#include "host/op/matmul.h"
#include "src/cli/cli.h"
#include "src/cli/run.h"
#include "tests/start.h"

enum { MAX_RESULTS = 512 };

/* Every suite: bench/suites.c, made by the build. Ends with NULL. */
extern const vmg_op_suite *const vmg_bench_suites[];

typedef struct bench {
    vmg_ctx *ctx;
    const char *device, *filter;
    double seconds; /* for each subject */
    bool json;
    vmg_bench_device limits;
    vmg_bench_result results[MAX_RESULTS];
    int n;
} bench;

/* ---- one case ---- */

typedef struct op_run {
    vmg_ctx *ctx;
    const vmg_op_bench *bench;
    void *state;
} op_run;

static void run_op(void *self)
{
    op_run *o = self;
    o->bench->run(o->ctx, o->state);
    vmg_ctx_finish(o->ctx);
}

/* CLBlast's time for a product that another case timed already: it may take a minute for each, and is the same for every weight dtype. */
static double clblast_before(const bench *b, const vmg_bench_result *r)
{
    for (int i = 0; i < b->n - 1; i++) {
        const vmg_bench_result *o = &b->results[i];
        if (isfinite(o->clblast_s) && !strcmp(o->bench->baseline, r->bench->baseline))
            return o->clblast_s;
    }
    return INFINITY;
}

/* In turn with OpenBLAS and CLBlast on the same product. */
static void time_beside_blas(bench *b, int M, int N, int K, vmg_bench_subject s[3], vmg_bench_result *r)
{
    vmg_bench_product p;
    vmg_bench_product_make(b->ctx, M, N, K, &p);
    s[1] = vmg_bench_openblas(&p);
    s[2] = vmg_bench_clblast(&p);
    r->clblast_s = clblast_before(b, r);
    int n = isfinite(r->clblast_s) ? 2 : 3;
    if (!b->ctx->error)
        vmg_bench_in_turn(s, n, b->seconds);
    vmg_bench_product_free(&p);
    r->openblas_s = s[1].median_s;
    if (n == 3)
        r->clblast_s = s[2].median_s;
}

/* In turn with copying as many bytes. */
static void time_beside_copy(bench *b, vmg_bench_subject s[3], vmg_bench_result *r)
{
    vmg_bench_copy c;
    vmg_bench_copy_make(b->ctx, (size_t)r->bench->bytes / 2, &c);
    s[1] = vmg_bench_copy_by_op(&c);
    s[2] = vmg_bench_copy_by_driver(&c);
    if (!b->ctx->error)
        vmg_bench_in_turn(s, 3, b->seconds);
    vmg_bench_copy_free(&c);
    r->copy_rate = r->bench->bytes / fmin(s[1].median_s, s[2].median_s);
}

static void time_case(bench *b, op_run *op, vmg_bench_result *r)
{
    int M, N, K;
    const char *baseline = r->bench->baseline ? r->bench->baseline : "";
    vmg_bench_subject s[3] = {{run_op, op, 0, 0, 0}};
    if (sscanf(baseline, "sgemm %d %d %d", &M, &N, &K) == 3)
        time_beside_blas(b, M, N, K, s, r);
    else if (!strcmp(baseline, "copy"))
        time_beside_copy(b, s, r);
    else
        vmg_bench_in_turn(s, 1, b->seconds);
    r->seconds = s[0].median_s;
}

static int run_case(bench *b, const vmg_op_suite *suite, const vmg_op_bench *c)
{
    vmg_arena arena = vmg_arena_make(b->ctx, 0);
    vmg_bench_result *r = &b->results[b->n++];
    *r = (vmg_bench_result){.suite = suite->name, .bench = c, .openblas_s = INFINITY, .clblast_s = INFINITY};
    op_run op = {b->ctx, c, c->setup(b->ctx, &arena, c->param)};
    if (op.state)
        time_case(b, &op, r);
    if (c->teardown)
        c->teardown(op.state);
    vmg_arena_free(&arena);
    if (b->ctx->error)
        return vmg_fail_prefix(vmg_ctx_status(b->ctx), "%s", c->name);
    if (!b->json)
        vmg_bench_print_result(r, &b->limits);
    return VMG_OK;
}

static bool selected(const bench *b, const vmg_op_suite *suite, const vmg_op_bench *c)
{
    return !b->filter || strstr(c->name, b->filter) || !strcmp(suite->name, b->filter);
}

static const vmg_op_bench *find_case(const char *name)
{
    for (int i = 0; vmg_bench_suites[i]; i++)
        for (size_t k = 0; k < vmg_bench_suites[i]->n_benches; k++)
            if (!strcmp(vmg_bench_suites[i]->benches[k].name, name))
                return &vmg_bench_suites[i]->benches[k];
    return NULL;
}

/* Rate of one case over another's, timed in turn; NAN when one does not exist. */
static double share_of(bench *b, const char *name, const char *of)
{
    const vmg_op_bench *c[2] = {find_case(name), find_case(of)};
    op_run op[2];
    vmg_bench_subject s[2];
    if (!c[0] || !c[1])
        return NAN;
    vmg_arena arena = vmg_arena_make(b->ctx, 0);
    for (int i = 0; i < 2; i++) {
        op[i] = (op_run){b->ctx, c[i], c[i]->setup(b->ctx, &arena, c[i]->param)};
        s[i] = (vmg_bench_subject){run_op, &op[i], 0, 0, 0};
    }
    if (op[0].state && op[1].state && !b->ctx->error)
        vmg_bench_in_turn(s, 2, b->seconds);
    for (int i = 0; i < 2; i++)
        if (c[i]->teardown)
            c[i]->teardown(op[i].state);
    vmg_arena_free(&arena);
    return b->ctx->error ? NAN : c[0]->flops / s[0].median_s / (c[1]->flops / s[1].median_s);
}

/* ---- all of it ---- */

/* The fastest of a few starts, the kernels being in the cache after the first; NAN when it cannot start. */
static double start_time(const char *device)
{
    double best_s = INFINITY, wall_s, cpu_s;
    for (int i = 0; i < 8; i++) {
        if (!vmg_start_once(device ? device : "", &wall_s, &cpu_s))
            return NAN;
        best_s = i ? fmin(best_s, wall_s) : best_s;
    }
    return best_s;
}

static int measure_limits(bench *b)
{
    b->limits.start_s = b->filter ? NAN : start_time(b->device);
    b->limits.attention_share =
        b->filter ? NAN : share_of(b, VMG_BENCH_ATTENTION, VMG_BENCH_LINEAR);
    b->limits.fma_rate = vmg_bench_fma_rate(b->ctx);
    b->limits.matrix_rate = vmg_bench_matrix_rate(b->ctx);
    b->limits.matrix_unit = vmg_matmul_matrix_unit(b->ctx);
    if (!b->json) {
        printf("%s, OpenBLAS: %s\n", b->ctx->dev.name, vmg_bench_openblas_name());
        printf("ceilings: FMA %.0f GFLOP/s, matrix unit (%s) %.0f GFLOP/s, copying 64 MiB %.1f GB/s\n",
               1e-9 * b->limits.fma_rate, b->limits.matrix_unit, 1e-9 * b->limits.matrix_rate,
               1e-9 * vmg_bench_copy_rate(b->ctx, 64 << 20));
    }
    return vmg_ctx_status(b->ctx);
}

static int run_suite(bench *b, const vmg_op_suite *suite)
{
    int rc = VMG_OK;
    bool any = false;
    for (size_t k = 0; rc == VMG_OK && k < suite->n_benches && b->n < MAX_RESULTS; k++)
        if (selected(b, suite, &suite->benches[k])) {
            /* Again before each suite: on a busy machine the best of several moments is nearer the truth. */
            if (!any)
                b->limits.fma_rate = fmax(b->limits.fma_rate, vmg_bench_fma_rate(b->ctx));
            any = true;
            rc = run_case(b, suite, &suite->benches[k]);
        }
    return rc;
}

static void report(const bench *b)
{
    vmg_bench_expectation e[VMG_BENCH_MAX_EXPECTATIONS];
    int n = vmg_bench_expectations(b->results, b->n, &b->limits, e);
    if (!b->json) {
        vmg_bench_print_expectations(e, n);
        return;
    }
    cJSON *root = vmg_bench_to_json(b->results, b->n, &b->limits, e, n);
    cJSON_AddStringToObject(root, "device", b->ctx->dev.name);
    cJSON_AddStringToObject(root, "driver", b->ctx->dev.driver);
    cJSON_AddStringToObject(root, "openblas", vmg_bench_openblas_name());
    char *text = cJSON_Print(root);
    puts(text ? text : "{}");
    cJSON_free(text);
    cJSON_Delete(root);
}

static int run(bench *b)
{
    int rc = vmg_cli_open_ctx(b->device, NULL, false, &b->ctx);
    if (rc == VMG_OK)
        rc = measure_limits(b);
    for (int i = 0; rc == VMG_OK && vmg_bench_suites[i]; i++)
        rc = run_suite(b, vmg_bench_suites[i]);
    if (rc == VMG_OK)
        report(b);
    return rc;
}

/*
 * OpenBLAS reads its environment when it is loaded. Set for another machine it makes OpenBLAS slow; and for processors newer
 * than itself OpenBLAS takes kernels of 2004 when nothing is set. Either would make the comparison worthless: start again with
 * the best that this processor runs. Its threads also go round in circles for 2^26 ticks after a product, in which whatever is
 * timed next has half a processor: after 2^20 (less than half a millisecond) they sleep.
 */
static void start_with_best_openblas(char **argv)
{
    static const char started[] = "VMG_BENCH_OPENBLAS_CHOSEN", core[] = "OPENBLAS_CORETYPE", l2[] = "OPENBLAS_L2_SIZE",
                      timeout[] = "OPENBLAS_THREAD_TIMEOUT";
    if (getenv(started))
        return;
    const bool asked = getenv(core) || getenv(l2); /* which kernels are better can be told without these alone */
    const char *best = asked ? NULL : vmg_bench_openblas_better();
    unsetenv(core);
    unsetenv(l2);
    setenv(timeout, "20", 0);
    if (best)
        setenv(core, best, 1);
    if (!asked)
        setenv(started, "1", 1);
    execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
    static bench b = {.seconds = 0.6};
    const vmg_opt opts[] = {
        {"device", 0, VMG_OPT_STRING, &b.device, "D", "OpenCL device", NULL},
        {"filter", 0, VMG_OPT_STRING, &b.filter, "TEXT", "only cases whose name contains TEXT, or the suite TEXT", NULL},
        {"seconds", 0, VMG_OPT_DOUBLE, &b.seconds, "S", "time to spend on each thing measured", NULL},
        {"json", 0, VMG_OPT_FLAG, &b.json, NULL, "print JSON", NULL},
    };
    if (argc == 3 && !strcmp(argv[1], VMG_START_CHILD))
        return vmg_start_child(argv[2]);
    start_with_best_openblas(argv);
    int n_args, rc = vmg_opt_parse(argc, argv, "[OPTION...]", opts, VMG_COUNT(opts), &n_args);
    if (rc)
        return rc < 0 ? 0 : rc;
    setvbuf(stdout, NULL, _IOLBF, 0);
    rc = run(&b);
    int status = rc == VMG_OK ? 0 : vmg_cli_fail("bench_ops", rc);
    vmg_ctx_close(b.ctx);
    return status;
}
