/* What bench_ops measured, and what is expected of it. */
#include "bench/results.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/harness.h"
#include "host/base/mem.h"

/* ---- expectations ---- */

static const char *const layers[] = {"400,1536,1536", "400,8960,1536", "400,1536,8960", "32,4096,10240"};
enum { N_LAYERS = 4, N_UNIT_LAYERS = 3 };

static const vmg_bench_result *find(const vmg_bench_result *r, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(r[i].bench->name, name))
            return &r[i];
    return NULL;
}

static const vmg_bench_result *find_layer(const vmg_bench_result *r, int n, const char *type, int layer)
{
    char name[96];
    snprintf(name, sizeof name, "linear %s %s", type, layers[layer]);
    return find(r, n, name);
}

/* Geometric mean over layers of OpenBLAS's time over ours, and the smallest; NAN when one is missing. */
static double over_openblas(const vmg_bench_result *r, int n, const char *type, int n_layers, double *smallest)
{
    double ratio[N_LAYERS];
    *smallest = INFINITY;
    for (int i = 0; i < n_layers; i++) {
        const vmg_bench_result *l = find_layer(r, n, type, i);
        if (!l || !isfinite(l->openblas_s))
            return *smallest = NAN;
        ratio[i] = l->openblas_s / l->seconds;
        *smallest = fmin(*smallest, ratio[i]);
    }
    return vmg_bench_geometric_mean(ratio, n_layers);
}

/* The smallest share of the copy rate among a suite's cases; NAN without any. */
static double copy_share(const vmg_bench_result *r, int n, const char *suite, const char **worst)
{
    double least = NAN;
    *worst = "";
    for (int i = 0; i < n; i++) {
        if (strcmp(r[i].suite, suite) || r[i].copy_rate <= 0)
            continue;
        double share = r[i].bench->bytes / r[i].seconds / r[i].copy_rate;
        if (isnan(least) || share < least) {
            least = share;
            *worst = r[i].bench->name;
        }
    }
    return least;
}

int vmg_bench_expectations(const vmg_bench_result *r, int n, const vmg_bench_device *d, vmg_bench_expectation *out)
{
    double smallest;
    const char *worst;
    int k = 0;
    out[k++] = (vmg_bench_expectation){"f32 linear / OpenBLAS, geometric mean of four layers", 1.0,
                                       over_openblas(r, n, "F32", N_LAYERS, &smallest), false};
    if (d->matrix_rate > 0) {
        /* 3.5 from tiles; dot products of pairs are twice as fast as FMA at most. */
        const double expected = strncmp(d->matrix_unit, "amx", 3) ? 1.5 : 3.5;
        over_openblas(r, n, "BF16", N_UNIT_LAYERS, &smallest);
        out[k++] = (vmg_bench_expectation){"bf16 linear / OpenBLAS f32, least of three layers", expected, smallest, false};
    }
    out[k++] = (vmg_bench_expectation){"attention T=200 / rate of f32 linear 400,1536,1536", 0.4, d->attention_share, false};
    static const char *const suites[] = {"norm", "elementwise"};
    for (size_t i = 0; i < VMG_COUNT(suites); i++) {
        vmg_bench_expectation *e = &out[k++];
        *e = (vmg_bench_expectation){"", 0.7, copy_share(r, n, suites[i], &worst), false};
        snprintf(e->label, sizeof e->label, "%s / copy rate, least: %s", suites[i], worst);
    }
    out[k++] = (vmg_bench_expectation){"seconds from a second start to the first result", 0.1, d->start_s, true};
    return k;
}

/* ---- output ---- */

static bool is_met(const vmg_bench_expectation *e)
{
    return e->at_most ? e->measured <= e->expected : e->measured >= e->expected;
}

/* "bf16 linear" and other cases whose operands the matrix unit takes are held against it. */
static bool uses_matrix_unit(const vmg_bench_result *r, const vmg_bench_device *d)
{
    return d->matrix_rate > 0 && r->bench->flops > 0 && r->bench->flops / r->seconds > d->fma_rate;
}

void vmg_bench_print_result(const vmg_bench_result *r, const vmg_bench_device *d)
{
    const vmg_op_bench *b = r->bench;
    printf("%-44s %9.3f ms %8.1f GFLOP/s %7.1f GB/s", b->name, 1e3 * r->seconds, 1e-9 * b->flops / r->seconds,
           1e-9 * b->bytes / r->seconds);
    if (isfinite(r->openblas_s))
        printf("  %.2f x OpenBLAS", r->openblas_s / r->seconds);
    if (isfinite(r->clblast_s))
        printf("  %.2f x CLBlast", r->clblast_s / r->seconds);
    if (r->copy_rate > 0)
        printf("  %.0f%% of copying", 100 * b->bytes / r->seconds / r->copy_rate);
    else if (uses_matrix_unit(r, d))
        printf("  %.0f%% of the matrix unit", 100 * b->flops / r->seconds / d->matrix_rate);
    else if (b->flops > 0 && d->fma_rate > 0)
        printf("  %.0f%% of FMA", 100 * b->flops / r->seconds / d->fma_rate);
    printf("\n");
}

void vmg_bench_print_expectations(const vmg_bench_expectation *e, int n)
{
    printf("\n%-72s %9s %9s\n", "expectation", "expected", "measured");
    for (int i = 0; i < n; i++)
        if (isnan(e[i].measured))
            printf("%-72s %s %6.2f %9s\n", e[i].label, e[i].at_most ? "<=" : ">=", e[i].expected, "not run");
        else
            printf("%-72s %s %6.2f %9.2f  %s\n", e[i].label, e[i].at_most ? "<=" : ">=", e[i].expected, e[i].measured,
                   is_met(&e[i]) ? "met" : "MISSED");
}

/* JSON has neither NAN nor infinity: such numbers are left out. */
static void add_number(cJSON *o, const char *key, double value)
{
    if (isfinite(value))
        cJSON_AddNumberToObject(o, key, value);
}

cJSON *vmg_bench_to_json(const vmg_bench_result *r, int n, const vmg_bench_device *d, const vmg_bench_expectation *e,
                         int n_expectations)
{
    cJSON *root = cJSON_CreateObject(), *cases = cJSON_AddArrayToObject(root, "cases"),
          *expectations = cJSON_AddArrayToObject(root, "expectations");
    add_number(root, "fma_flops_per_s", d->fma_rate);
    add_number(root, "matrix_unit_flops_per_s", d->matrix_rate);
    for (int i = 0; i < n; i++) {
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "suite", r[i].suite);
        cJSON_AddStringToObject(o, "name", r[i].bench->name);
        const struct { const char *key; double value; } numbers[] = {
            {"seconds", r[i].seconds}, {"flops", r[i].bench->flops}, {"bytes", r[i].bench->bytes},
            {"openblas_seconds", r[i].openblas_s}, {"clblast_seconds", r[i].clblast_s},
            {"copy_bytes_per_s", r[i].copy_rate}};
        for (size_t k = 0; k < VMG_COUNT(numbers); k++)
            add_number(o, numbers[k].key, numbers[k].value);
        cJSON_AddItemToArray(cases, o);
    }
    for (int i = 0; i < n_expectations; i++) {
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "label", e[i].label);
        add_number(o, e[i].at_most ? "at_most" : "at_least", e[i].expected);
        add_number(o, "measured", e[i].measured);
        cJSON_AddItemToArray(expectations, o);
    }
    return root;
}
