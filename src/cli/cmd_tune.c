/* vimogen tune: finds the fastest parameters of every kernel on this device, for the shapes the networks use. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/blas_tune.h"
#include "host/plan.h"
#include "host/tune.h"
#include "src/cli/cli.h"
#include "src/cli/run.h"
#include "src/lib/model.h"
#include "src/lib/tuning.h"

enum { MAX_WORKS = 64 };

/* The command line, and how far it is. */
typedef struct tune {
    const char *device, *models, *dtypes, *activations, *export_path;
    bool quick, full, list, interrupted;
    vmg_ctx *ctx;
    vmg_tuning_work works[MAX_WORKS];
    int n_works;
    int64_t n_searches; /* that the plan foresees */
    int n_faster;
    double default_s, best_s; /* sums over all searches */
    vmg_progress bar;
} tune;

/* ---- what to tune ---- */

/* The next name of a comma-separated list into out; false at its end. */
static bool next_name(const char **list, char *out, size_t size)
{
    size_t n = strcspn(*list, ",");
    if (!**list)
        return false;
    snprintf(out, size, "%.*s", (int)VMG_MIN(n, size - 1), *list);
    *list += n + ((*list)[n] == ',');
    return true;
}

static int find_works(tune *t)
{
    char model[1024], type[32];
    vmg_dtype activations;
    int rc = vmg_model_activations(t->activations, &activations);
    if (rc != VMG_OK)
        return rc;
    for (const char *m = t->models; next_name(&m, model, sizeof model);)
        for (const char *d = t->dtypes; next_name(&d, type, sizeof type);) {
            vmg_dtype dtype;
            rc = vmg_dtype_parse(type, &dtype);
            if (rc == VMG_OK && t->n_works == MAX_WORKS)
                rc = vmg_fail(VMG_E_ARG, "more than %d models and types", MAX_WORKS);
            if (rc == VMG_OK)
                rc = vmg_tuning_work_find(model, dtype, &t->works[t->n_works++]);
            if (rc != VMG_OK)
                return rc;
            t->works[t->n_works - 1].activations = activations;
        }
    return VMG_OK;
}

/* Leaves out, with a word, what does not fit the device's memory, and counts the searches of the rest. */
static int plan(tune *t)
{
    int n = 0;
    vmg_tune_begin(t->ctx, t->full);
    for (int i = 0; i < t->n_works; i++) {
        vmg_plan_result need = {0};
        int rc = vmg_plan_begin(t->ctx);
        if (rc == VMG_OK)
            rc = vmg_tuning_run(t->ctx, &t->works[i], t->full);
        int ended = vmg_plan_end(t->ctx, false, &need);
        rc = rc != VMG_OK ? rc : ended;
        if (rc != VMG_OK)
            return rc;
        if (need.peak_memory_bytes <= t->ctx->max_memory_bytes)
            t->works[n++] = t->works[i];
        else
            fprintf(stderr, "vimogen tune: left out: two %s layers of width %lld need %.0f MiB, the device has %.0f MiB\n",
                    vmg_dtype_name(t->works[i].dtype),
                    (long long)(t->works[i].is_encoder ? t->works[i].t5.dim : t->works[i].dit.dim),
                    (double)need.peak_memory_bytes / 1048576.0, (double)t->ctx->max_memory_bytes / 1048576.0);
    }
    t->n_searches = (int64_t)vmg_tune_n_searches(t->ctx);
    vmg_tune_end(t->ctx);
    t->n_works = n;
    return VMG_OK;
}

/* ---- tuning ---- */

static bool on_search(void *user, const char *key, const int64_t *shape, double default_s, double best_s)
{
    tune *t = user;
    (void)key;
    (void)shape;
    t->default_s += default_s;
    t->best_s += best_s;
    t->n_faster += best_s < default_s;
    int64_t done = (int64_t)vmg_tune_n_searches(t->ctx);
    vmg_progress_update(&t->bar, done, VMG_MAX(done, t->n_searches));
    return !vmg_cli_interrupted();
}

static bool on_set(void *user, int done)
{
    tune *t = user;
    vmg_progress_update(&t->bar, done, vmg_blas_n_sets());
    return !vmg_cli_interrupted();
}

/* CLBlast's kernel has one set of parameters per device: the fastest over a step of the large network. */
static int search_blas(tune *t)
{
    static const int64_t shapes[][3] = {{400, 1536, 1536}, {400, 8960, 1536}, {400, 1536, 8960}};
    t->bar = (vmg_progress){.what = "tuning CLBlast"};
    vmg_blas_tune(t->ctx, shapes, VMG_COUNT(shapes), on_set, t);
    vmg_progress_finish(&t->bar);
    return vmg_ctx_status(t->ctx);
}

/* Stops at the first failure; what was found by then is worth keeping. CPUs do not use CLBlast by default. */
static int search(tune *t)
{
    int rc = t->full || t->ctx->dev.device_class != VMG_CLASS_CPU ? search_blas(t) : VMG_OK;
    t->bar = (vmg_progress){.what = "tuning"};
    vmg_progress_update(&t->bar, 0, t->n_searches);
    vmg_tune_on_progress(t->ctx, on_search, t);
    vmg_tune_begin(t->ctx, t->full);
    for (int i = 0; i < t->n_works && rc == VMG_OK; i++)
        rc = vmg_tuning_run(t->ctx, &t->works[i], t->full);
    vmg_tune_end(t->ctx);
    vmg_progress_finish(&t->bar);
    return rc;
}

/* ---- output ---- */

static int print_list(vmg_ctx *ctx)
{
    vmg_tune_entry *e;
    size_t n;
    int rc = vmg_tune_entries(ctx, &e, &n);
    if (rc != VMG_OK)
        return rc;
    for (size_t i = 0; i < n; i++) {
        printf("%s  2^%d,%d,%d,%d ", e[i].key, e[i].bucket[0], e[i].bucket[1], e[i].bucket[2], e[i].bucket[3]);
        for (int k = 0; k < e[i].n; k++)
            printf(" %s=%d", e[i].names[k], e[i].values[k]);
        printf("  %.3f ms%s\n", 1e3 * e[i].seconds, e[i].shipped ? "  (shipped)" : "");
    }
    printf("%zu tuned points for %s in %s\n", n, ctx->dev.name, vmg_tune_path(ctx) ? vmg_tune_path(ctx) : "no file");
    free(e);
    return VMG_OK;
}

static int run_tune(tune *t)
{
    int rc = vmg_cli_open_ctx(t->device, NULL, false, &t->ctx);
    if (rc != VMG_OK)
        return rc;
    if (t->list)
        return print_list(t->ctx);
    rc = find_works(t);
    if (rc == VMG_OK)
        rc = plan(t);
    if (rc != VMG_OK)
        return rc;
    fprintf(stderr, "vimogen tune: %lld searches on %s\n", (long long)t->n_searches, t->ctx->dev.name);
    int result = search(t);
    char message[1024];
    snprintf(message, sizeof message, "%s", vmg_error_message());
    vmg_ctx_clear(t->ctx);
    rc = vmg_tune_save(t->ctx);
    if (rc == VMG_OK && t->export_path && result == VMG_OK)
        rc = vmg_tune_export(t->ctx, t->export_path);
    if (rc == VMG_OK)
        printf("%s%d of %lld searches found something faster than the default; together %.1f ms instead of %.1f ms; stored in %s\n",
               result == VMG_OK ? "" : "stopped early: ", t->n_faster, (long long)vmg_tune_n_searches(t->ctx), 1e3 * t->best_s, 1e3 * t->default_s,
               vmg_tune_path(t->ctx));
    if (rc == VMG_OK && result == VMG_E_INTERRUPTED)
        t->interrupted = true;
    else if (rc == VMG_OK && result != VMG_OK)
        rc = vmg_fail(result, "%s", message);
    return rc;
}

static int run(int argc, char **argv)
{
    tune t = {.models = "mini,1.3b,xxl", .dtypes = "f32,bf16"};
    const vmg_opt opts[] = {
        {"device", 0, VMG_OPT_STRING, &t.device, "D", "OpenCL device (vimogen devices)", NULL},
        {"quick", 0, VMG_OPT_FLAG, &t.quick, NULL, "one parameter at a time (default)", NULL},
        {"full", 0, VMG_OPT_FLAG, &t.full, NULL, "every combination, more shapes: may take hours", NULL},
        {"model", 'm', VMG_OPT_STRING, &t.models, "A,B", "mini, light, 1.3b, xxl or config.json files", NULL},
        {"dtype", 0, VMG_OPT_STRING, &t.dtypes, "A,B", "weights: f32, f16, bf16, q8_0, q4_0", NULL},
        {"activations", 0, VMG_OPT_STRING, &t.activations, "T", "of motion networks: f32 (default), f16, bf16", NULL},
        {"export", 0, VMG_OPT_STRING, &t.export_path, "FILE", "also write defaults for devices of this kind", NULL},
        {"list", 0, VMG_OPT_FLAG, &t.list, NULL, "print what is stored and stop", NULL},
    };
    int n_args;
    int rc = vmg_opt_parse(argc, argv, "[OPTION...]", opts, VMG_COUNT(opts), &n_args);
    if (rc)
        return rc < 0 ? VMG_EXIT_OK : rc;
    if (n_args)
        return vmg_cli_usage(argv[0], "takes no arguments, but got \"%s\"", argv[1]);
    if (t.quick && t.full)
        return vmg_cli_usage(argv[0], "--quick and --full exclude each other");
    vmg_cli_catch_interrupt();
    rc = run_tune(&t);
    int status = rc != VMG_OK ? vmg_cli_fail(argv[0], rc) : t.interrupted ? VMG_EXIT_INTERRUPTED : VMG_EXIT_OK;
    vmg_ctx_close(t.ctx);
    return status;
}

const vmg_command vmg_cmd_tune = {"tune", "find the fastest kernel parameters on a device", run};
