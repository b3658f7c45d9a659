/* vimogen selftest: golden vectors through this build, tensor by tensor. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/cli/cli.h"
#include "src/lib/selftest.h"

typedef struct output {
    cJSON *rows; /* NULL: print text */
    char set[512];
} output;

static void on_row(void *user, const char *set, const char *tensor, double error, double tolerance,
                   bool pass)
{
    output *out = user;
    if (out->rows) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "set", set);
        cJSON_AddStringToObject(row, "tensor", tensor);
        cJSON_AddNumberToObject(row, "error", error); /* null when it is infinite */
        cJSON_AddNumberToObject(row, "tolerance", tolerance);
        cJSON_AddBoolToObject(row, "pass", pass);
        cJSON_AddItemToArray(out->rows, row);
        return;
    }
    if (strcmp(out->set, set)) {
        snprintf(out->set, sizeof out->set, "%s", set);
        printf("%s\n", set);
    }
    if (isinf(error) && tolerance == 0)
        printf("  FAIL  %s\n", tensor);
    else
        printf("  %s  %-40s %.3g (at most %g)\n", pass ? "PASS" : "FAIL", tensor, error, tolerance);
}

static int finish(const char *command, int rc, output *out, const vmg_selftest_report *report)
{
    if (out->rows) {
        cJSON *o = cJSON_CreateObject();
        cJSON_AddItemToObject(o, "rows", out->rows);
        cJSON_AddNumberToObject(o, "n_rows", (double)report->n_rows);
        cJSON_AddNumberToObject(o, "n_failed", (double)report->n_failed);
        char *text = cJSON_Print(o);
        if (text)
            puts(text);
        cJSON_free(text);
        cJSON_Delete(o);
    } else if (!rc) {
        printf("%lld of %lld tensors within tolerance\n",
               (long long)(report->n_rows - report->n_failed), (long long)report->n_rows);
    }
    if (rc)
        return vmg_cli_fail(command, rc);
    return report->n_failed ? VMG_EXIT_FAILED : VMG_EXIT_OK;
}

static int run(int argc, char **argv)
{
    bool json = false;
    const char *golden = NULL;
    output out = {0};
    vmg_selftest_report report = {.row = on_row, .user = &out};
    const vmg_opt opts[] = {
        {"golden", 0, VMG_OPT_STRING, &golden, "DIR", "check every golden set below DIR, not just the device", NULL},
        {"device", 0, VMG_OPT_STRING, &report.device, "D", "OpenCL device (vimogen devices)", NULL},
        {"dtype", 0, VMG_OPT_STRING, &report.dtype, "T", "f32 (default), f16 or bf16", NULL},
        {"activations", 0, VMG_OPT_STRING, &report.activations, "T", "store them inside blocks as f32 (default), f16 or bf16", NULL},
        {"json", 0, VMG_OPT_FLAG, &json, NULL, "print JSON", NULL},
    };
    int n_args;
    int rc = vmg_opt_parse(argc, argv, "[--golden DIR] [OPTION...]", opts, VMG_COUNT(opts), &n_args);
    if (rc)
        return rc < 0 ? VMG_EXIT_OK : rc;
    if (n_args)
        return vmg_cli_usage(argv[0], "takes no arguments, but got \"%s\"", argv[1]);
    out.rows = json ? cJSON_CreateArray() : NULL;
    rc = golden ? vmg_selftest_run(golden, &report) : vmg_selftest_device(&report);
    return finish(argv[0], rc, &out, &report);
}

const vmg_command vmg_cmd_selftest = {"selftest", "check a device, or this build against golden vectors", run};
