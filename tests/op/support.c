/* What op tests share: the context, tensors from host values, every tunable set and variant. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/dtype.h"
#include "tests/op/suite.h"

static vmg_ctx *ctx;
static vmg_arena arena;

static void log_to_tap(void *user, int level, const char *text)
{
    (void)user;
    (void)level;
    printf("# %s\n", text);
}

static void close_ctx(void)
{
    vmg_arena_free(&arena);
    vmg_ctx_close(ctx);
    ctx = NULL;
}

static void empty_arena(void)
{
    if (ctx)
        vmg_arena_reset_all(&arena);
}

static bool is_oclgrind(void)
{
    return strstr(ctx->dev.platform_name, "Oclgrind");
}

vmg_ctx *vmg_test_ctx(void)
{
    if (ctx) {
        vmg_ctx_clear(ctx);
        return ctx;
    }
    /* Storing hundreds of forced parameter sets on disk would take longer than the drivers' own caches save. */
    const vmg_ctx_options options = {.device = getenv("VMG_TEST_DEVICE"),
                                     .log = {log_to_tap, NULL, VMG_LOG_WARN},
                                     .no_disk_cache = true};
    if (vmg_ctx_open(&options, &ctx) != VMG_OK) {
        printf("Bail out! %s\n", vmg_error_message());
        exit(99);
    }
    arena = vmg_arena_make(ctx, vmg_test_small() ? VMG_ARENA_SEPARATE : 0);
    /* When a buffer gets the address of a freed one, oclgrind goes on with what it knew of that one, its size too: it would miss
     * uninitialised values and make them up. */
    ctx->keeps_buffers = is_oclgrind();
    vmg_test_at_end = close_ctx;
    vmg_test_before_each = empty_arena;
    return ctx;
}

vmg_arena *vmg_test_arena(void)
{
    vmg_test_ctx();
    return &arena;
}

bool vmg_test_oclgrind(void)
{
    vmg_test_ctx();
    return is_oclgrind();
}

bool vmg_test_small(void)
{
    const char *size = getenv("VMG_TEST_SIZE");
    return size && !strcmp(size, "small");
}

vmg_tensor vmg_test_tensor(vmg_dtype dtype, int rank, const int64_t *dim, const float *values)
{
    vmg_test_ctx();
    vmg_tensor t = vmg_arena_tensor(&arena, dtype, rank, dim);
    int64_t n = vmg_tensor_count(t);
    if (!values || n == 0)
        return t;
    void *bytes = vmg_calloc(1, vmg_tensor_bytes(t));
    if (!bytes || vmg_dtype_from_f32(dtype, values, n, bytes) != VMG_OK)
        CHECK(!"conversion");
    else
        vmg_upload(ctx, t, bytes);
    free(bytes);
    return t;
}

vmg_tensor vmg_test_matrix(vmg_dtype dtype, int64_t rows, int64_t cols, const float *values)
{
    return vmg_test_tensor(dtype, 2, (int64_t[]){rows, cols}, values);
}

vmg_tensor vmg_test_ints(int64_t n, const int32_t *values)
{
    vmg_test_ctx();
    vmg_tensor t = vmg_arena_vector(&arena, VMG_I32, n);
    if (values && n)
        vmg_upload(ctx, t, values);
    return t;
}

void vmg_test_read(vmg_tensor t, float *values)
{
    int64_t n = vmg_tensor_count(t);
    void *bytes = vmg_calloc(1, vmg_tensor_bytes(t));
    if (!bytes)
        return;
    /* Not through vmg_test_ctx(), which would forget the op's own failure. */
    vmg_download(ctx, t, bytes);
    CHECK_OK(vmg_ctx_finish(ctx));
    CHECK_OK(vmg_dtype_to_f32(t.dtype, bytes, n, values));
    free(bytes);
}

static int n_values(const int *value)
{
    int n = 0;
    while (value[n])
        n++;
    return n;
}

/* Set number `index` of the cartesian product; false when there are fewer. */
static bool tunable_set(const vmg_kernel_def *def, int index, int *value)
{
    for (int k = 0; k < VMG_MAX_TUNABLES && def->tunables[k].name; k++) {
        int n = n_values(def->tunables[k].value);
        value[k] = def->tunables[k].value[index % n];
        index /= n;
    }
    return index == 0;
}

/* Set number `index` of: the first values, then every other value of each tunable beside them. */
static bool set_beside_defaults(const vmg_kernel_def *def, int index, int *value)
{
    bool found = index == 0;
    for (int k = 0; k < VMG_MAX_TUNABLES && def->tunables[k].name; k++) {
        const int n_others = n_values(def->tunables[k].value) - 1;
        value[k] = def->tunables[k].value[!found && index <= n_others ? index : 0];
        found = found || index <= n_others;
        index -= n_others;
    }
    return found;
}

void vmg_test_every_tunable(const vmg_kernel_def *def, void (*run)(void))
{
    int value[VMG_MAX_TUNABLES] = {0};
    bool (*const set)(const vmg_kernel_def *, int, int *) = vmg_test_oclgrind() ? set_beside_defaults : tunable_set;
    for (int i = 0; set(def, i, value); i++) {
        vmg_force_tunables(ctx, def, value);
        run();
        vmg_arena_reset_all(&arena);
    }
    vmg_force_tunables(ctx, NULL, NULL);
}

static bool is_of_a_library(const char *variant)
{
    return !strcmp(variant, "gemm") || !strcmp(variant, "clblast") || !strcmp(variant, "clfft");
}

void vmg_test_every_variant(const vmg_variants *set, void (*run)(void))
{
    vmg_test_ctx();
    for (int i = 0; set->variant[i]; i++) {
        if (vmg_test_oclgrind() && is_of_a_library(set->variant[i]))
            continue;
        vmg_force_variant(ctx, set, set->variant[i]);
        run();
        vmg_arena_reset_all(&arena);
    }
    vmg_force_variant(ctx, NULL, NULL);
}
