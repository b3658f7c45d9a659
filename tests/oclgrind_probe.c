/* Kernels that are wrong on purpose: tests/oclgrind.sh must see each, or its silence means nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/arena.h"
#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/kernel.h"

/* Each gets 64 floats of x, uploaded, and 64 of y, never written. */
static const struct {
    const char *name, *body;
} faults[] = {
    {"none", "F32(y)[i] = CF32(x)[i];"},
    {"outside", "F32(y)[i] = CF32(x)[i + 1];"},
    {"race", "F32(y)[i / 2] = CF32(x)[i];"},
    {"uninitialised", "if (CF32(y)[i] > 1.0f) F32(y)[i] = CF32(x)[i];"},
};

static void geometry(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3])
{
    (void)dev;
    (void)v;
    global[0] = (size_t)shape[0];
    local[0] = 16;
}

static int write_kernel(const char *dir, const char *body)
{
    char *path = vmg_path_join(dir, "probe.cl");
    char *text = vmg_asprintf("__kernel void probe(CTENSOR(x), TENSOR(y))\n{\n    int i = get_global_id(0);\n    %s\n}\n",
                              body);
    int rc = path && text ? vmg_write_file(path, text, strlen(text)) : VMG_E_NOMEM;
    free(path);
    free(text);
    return rc;
}

static int run(const vmg_kernel_def *def)
{
    vmg_ctx *ctx = NULL;
    float values[64];
    for (int i = 0; i < 64; i++)
        values[i] = (float)i; /* oclgrind lets equal values race */
    int rc = vmg_ctx_open(&(vmg_ctx_options){.no_disk_cache = true}, &ctx);
    if (rc != VMG_OK)
        return rc;
    vmg_arena arena = vmg_arena_make(ctx, VMG_ARENA_SEPARATE);
    vmg_launch l = VMG_LAUNCH(def);
    vmg_tensor x = vmg_arena_vector(&arena, VMG_F32, 64);
    vmg_upload(ctx, x, values);
    vmg_arg_in(&l, x);
    vmg_arg_out(&l, vmg_arena_vector(&arena, VMG_F32, 64));
    l.shape[0] = 64;
    vmg_launch_run(ctx, &l);
    rc = vmg_ctx_finish(ctx);
    vmg_arena_free(&arena);
    vmg_ctx_close(ctx);
    return rc;
}

/* oclgrind_probe FAULT DIR: DIR holds common.cl and receives probe.cl. */
int main(int argc, char **argv)
{
    static const vmg_kernel_def def = {.file = "probe", .name = "probe", .geometry = geometry};
    if (argc != 3)
        return 2;
    for (size_t i = 0; i < VMG_COUNT(faults); i++)
        if (!strcmp(faults[i].name, argv[1])) {
            setenv("VMG_CL_DIR", argv[2], 1);
            if (write_kernel(argv[2], faults[i].body) == VMG_OK && run(&def) == VMG_OK)
                return 0;
            fprintf(stderr, "%s\n", vmg_error_message());
            return 1;
        }
    return 2;
}
