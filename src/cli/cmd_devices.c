/* vimogen devices: every OpenCL device with what matters here. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/base/mem.h"
#include "host/ctx.h"
#include "host/op/matmul.h"
#include "src/cli/cli.h"

/* The matrix unit is known only by trying it, so a context is opened on each device. */
static void matrix_unit(const vmg_device *d, char *out, size_t n)
{
    char spec[32];
    vmg_ctx *ctx;
    snprintf(spec, sizeof spec, "%d:%d", d->platform_index, d->device_index);
    snprintf(out, n, "none");
    if (vmg_ctx_open(&(vmg_ctx_options){.device = spec}, &ctx) == VMG_OK) {
        snprintf(out, n, "%s", vmg_matmul_matrix_unit(ctx));
        vmg_ctx_close(ctx);
    }
}

/* "no", "yes", "of 32" or "of 8, 16 or 32": the sizes that kernels may ask for. */
static const char *subgroups(const vmg_device *d, char *text, size_t n)
{
    size_t used = 0;
    if (!d->subgroup_sizes) {
        snprintf(text, n, d->subgroup_size > 1 ? "of %u" : d->subgroup_size ? "yes" : "no", d->subgroup_size);
        return text;
    }
    for (uint64_t rest = d->subgroup_sizes, size; rest && used < n; rest -= size) {
        size = rest & (~rest + 1);
        used += (size_t)snprintf(text + used, n - used, "%s%llu", !used ? "of " : rest == size ? " or " : ", ", (unsigned long long)size);
    }
    return text;
}

static void print_text(const vmg_device *d, const char *unit)
{
    printf("%d  %s\n", d->index, d->name);
    printf("   %s (%d:%d), %s, driver %s, %s\n", d->platform_name, d->platform_index, d->device_index,
           vmg_device_class_name(d->device_class), d->driver, d->version);
    printf("   %u compute units at %u MHz, memory %.1f GiB (largest allocation %.1f GiB), local %llu KiB\n",
           d->n_compute_units, d->clock_mhz, (double)d->global_mem_bytes / 1073741824.0,
           (double)d->max_alloc_bytes / 1073741824.0, (unsigned long long)d->local_mem_bytes / 1024);
    char sizes[64];
    printf("   fp16 %s, subgroups %s, matrix unit %s, float vector width %u, work-group up to %zu\n",
           d->fp16 ? "yes" : "no", subgroups(d, sizes, sizeof sizes), unit, d->vector_width_f32, d->max_work_group);
}

static cJSON *to_json(const vmg_device *d, const char *unit)
{
    cJSON *o = cJSON_CreateObject();
    char spec[32];
    snprintf(spec, sizeof spec, "%d:%d", d->platform_index, d->device_index);
    cJSON_AddNumberToObject(o, "index", d->index);
    cJSON_AddStringToObject(o, "spec", spec);
    const struct { const char *key, *value; } strings[] = {
        {"name", d->name}, {"vendor", d->vendor}, {"platform", d->platform_name},
        {"class", vmg_device_class_name(d->device_class)}, {"driver", d->driver}, {"version", d->version},
        {"matrix_unit", unit}};
    for (size_t i = 0; i < VMG_COUNT(strings); i++)
        cJSON_AddStringToObject(o, strings[i].key, strings[i].value);
    const struct { const char *key; double value; } numbers[] = {
        {"compute_units", d->n_compute_units}, {"clock_mhz", d->clock_mhz},
        {"global_memory_bytes", (double)d->global_mem_bytes}, {"max_allocation_bytes", (double)d->max_alloc_bytes},
        {"local_memory_bytes", (double)d->local_mem_bytes}, {"max_work_group", (double)d->max_work_group},
        {"vector_width_f32", d->vector_width_f32}, {"subgroup_size", d->subgroup_size}};
    for (size_t i = 0; i < VMG_COUNT(numbers); i++)
        cJSON_AddNumberToObject(o, numbers[i].key, numbers[i].value);
    cJSON *sizes = cJSON_AddArrayToObject(o, "subgroup_sizes");
    for (uint64_t rest = d->subgroup_sizes; rest; rest &= rest - 1)
        cJSON_AddItemToArray(sizes, cJSON_CreateNumber((double)(rest & (~rest + 1))));
    cJSON_AddBoolToObject(o, "fp16", d->fp16);
    cJSON_AddBoolToObject(o, "fp64", d->fp64);
    cJSON_AddBoolToObject(o, "unified_memory", d->unified_memory);
    return o;
}

static int run(int argc, char **argv)
{
    bool json = false;
    const vmg_opt opts[] = {{"json", 0, VMG_OPT_FLAG, &json, NULL, "print JSON", NULL}};
    int n_args;
    int rc = vmg_opt_parse(argc, argv, "[--json]", opts, VMG_COUNT(opts), &n_args);
    if (rc)
        return rc < 0 ? VMG_EXIT_OK : rc;
    if (n_args)
        return vmg_cli_usage(argv[0], "takes no arguments");
    vmg_device *list, best;
    size_t n;
    rc = vmg_device_list(&list, &n);
    if (rc != VMG_OK)
        return vmg_cli_fail(argv[0], rc);
    cJSON *array = json ? cJSON_CreateArray() : NULL;
    for (size_t i = 0; i < n; i++) {
        char unit[64];
        matrix_unit(&list[i], unit, sizeof unit);
        if (json)
            cJSON_AddItemToArray(array, to_json(&list[i], unit));
        else
            print_text(&list[i], unit);
    }
    free(list);
    if (json) {
        char *text = cJSON_Print(array);
        puts(text ? text : "[]");
        cJSON_free(text);
        cJSON_Delete(array);
    } else if (vmg_device_find(NULL, &best) == VMG_OK) {
        printf("default: %d (choose with --device or VMG_DEVICE: a number, PLATFORM:DEVICE or part of a name)\n",
               best.index);
    }
    return VMG_EXIT_OK;
}

const vmg_command vmg_cmd_devices = {"devices", "list the OpenCL devices", run};
