/* The OpenCL runtime: devices, context, arena, program cache, launch, plan, profile, tuner. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/arena.h"
#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/kernel.h"
#include "host/plan.h"
#include "host/profile.h"
#include "host/program.h"
#include "host/tune.h"
#include "tests/harness.h"

/* A kernel of this test's own, read through VMG_CL_DIR. */
static const char kernel_text[] =
    "__kernel void scale(CTENSOR(x), TENSOR(y), float f, long n)\n"
    "{\n"
    "    for (long i = get_global_id(0); i < n; i += get_global_size(0))\n"
    "        F32(y)[i] = f * CF32(x)[i] + (WRONG == get_local_size(0) ? 1.0f : 0.0f);\n"
    "}\n";

static void scale_geometry(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3],
                           size_t local[3])
{
    (void)dev;
    global[0] = (size_t)vmg_round_up(shape[0], v[0]);
    local[0] = (size_t)v[0];
}

static void one_item(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3])
{
    (void)dev;
    (void)v;
    (void)shape;
    global[0] = local[0] = 1;
}

static const vmg_kernel_def scale_def = {
    .file = "testscale", .name = "scale", .tunables = {{"WG", {4, 1, 8, 16}}, {"WRONG", {1000, 8}}},
    .geometry = scale_geometry};

static vmg_ctx *open_ctx(const vmg_ctx_options *more)
{
    vmg_ctx *ctx = NULL;
    vmg_ctx_options o = more ? *more : (vmg_ctx_options){0};
    if (!o.device)
        o.device = getenv("VMG_TEST_DEVICE");
    CHECK_OK(vmg_ctx_open(&o, &ctx));
    return ctx;
}

static void run_scale(vmg_ctx *ctx, vmg_tensor x, vmg_tensor y, float f)
{
    vmg_launch l = VMG_LAUNCH(&scale_def);
    vmg_arg_in(&l, x);
    vmg_arg_out(&l, y);
    vmg_arg_f32(&l, f);
    vmg_arg_i64(&l, vmg_tensor_count(x));
    l.shape[0] = vmg_tensor_count(x);
    l.flops = (double)l.shape[0];
    l.bytes = 8.0 * (double)l.shape[0];
    vmg_launch_run(ctx, &l);
}

static void check_scale(vmg_ctx *ctx, vmg_arena *arena, int64_t n)
{
    float *host = vmg_calloc((size_t)n, sizeof *host), *back = vmg_calloc((size_t)n, sizeof *back);
    vmg_test_fill(host, (size_t)n);
    vmg_tensor x = vmg_arena_vector(arena, VMG_F32, n), y = vmg_arena_vector(arena, VMG_F32, n);
    vmg_upload(ctx, x, host);
    run_scale(ctx, x, y, 2.0f);
    vmg_download(ctx, y, back);
    CHECK_OK(vmg_ctx_finish(ctx));
    for (int64_t i = 0; i < n; i++)
        if (back[i] != 2.0f * host[i]) {
            CHECK_CLOSE(back[i], 2.0f * host[i], 0);
            break;
        }
    free(host);
    free(back);
}

static void lists_devices(void)
{
    vmg_device *list, one;
    size_t n;
    REQUIRE_OK(vmg_device_list(&list, &n));
    CHECK(n > 0);
    for (size_t i = 0; i < n; i++) {
        char spec[32];
        CHECK(list[i].name[0] && list[i].global_mem_bytes && list[i].max_alloc_bytes && list[i].max_work_group);
        snprintf(spec, sizeof spec, "%zu", i);
        CHECK_OK(vmg_device_find(spec, &one));
        CHECK_INT(one.index, i);
        snprintf(spec, sizeof spec, "%d:%d", list[i].platform_index, list[i].device_index);
        CHECK_OK(vmg_device_find(spec, &one));
        CHECK_INT(one.index, i);
        CHECK_OK(vmg_device_find(list[i].name, &one));
        CHECK_STR(one.name, list[i].name);
    }
    CHECK_FAILS(vmg_device_find("no such device", &one), VMG_E_ARG, list[0].name);
    CHECK_FAILS(vmg_device_find("999", &one), VMG_E_ARG, "999");
    CHECK_FAILS(vmg_device_find("0:99", &one), VMG_E_ARG, "0:99");
    free(list);
}

/* Processes of one job on made-up machines. */
static void processes_take_turns(void)
{
    static const int marks[3] = {0};
    cl_platform_id a = (cl_platform_id)&marks[0], b = (cl_platform_id)&marks[1], c = (cl_platform_id)&marks[2];
    const vmg_device list[] = {
        {.platform = a, .device_class = VMG_CLASS_CPU, .n_compute_units = 64, .clock_mhz = 3000},
        {.platform = b, .device_class = VMG_CLASS_GPU, .n_compute_units = 100, .clock_mhz = 1000},
        {.platform = b, .device_class = VMG_CLASS_GPU, .n_compute_units = 20, .clock_mhz = 1000}, /* inside the processor */
        {.platform = b, .device_class = VMG_CLASS_GPU, .n_compute_units = 120, .clock_mhz = 1000},
        {.platform = c, .device_class = VMG_CLASS_GPU, .n_compute_units = 120, .clock_mhz = 1000}, /* the last again */
        {.platform = b, .device_class = VMG_CLASS_GPU, .n_compute_units = 100, .clock_mhz = 1000},
    };
    static const int64_t want[] = {3, 5, 1, 3, 5, 1, 3};
    int64_t users;
    for (int64_t i = 0; i < 7; i++) {
        const vmg_device *d = vmg_device_choose(list, VMG_COUNT(list), NULL, (vmg_device_turn){i, 7}, &users);
        CHECK_INT(d - list, want[i]);
        CHECK_INT(users, 3);
        CHECK(vmg_device_choose(list, VMG_COUNT(list), "2", (vmg_device_turn){i, 7}, &users) == &list[2]);
        CHECK_INT(users, 7);
        CHECK(vmg_device_choose(list, 1, NULL, (vmg_device_turn){i, 7}, &users) == list); /* all share the processor */
        CHECK_INT(users, 7);
    }
    CHECK(vmg_device_choose(list, VMG_COUNT(list), "", (vmg_device_turn){0}, &users) == &list[3]);
    CHECK_INT(users, 1);
    CHECK(vmg_device_choose(list, VMG_COUNT(list), "nonesuch", (vmg_device_turn){0}, &users) == NULL);
}

static void launches(void)
{
    vmg_ctx *ctx = open_ctx(NULL);
    REQUIRE(ctx != NULL);
    vmg_arena arena = vmg_arena_make(ctx, 1 << 16);
    for (int64_t n = 0; n < 40; n += 13)
        check_scale(ctx, &arena, n);
    vmg_arena_free(&arena);
    CHECK_INT(ctx->memory_bytes, 0);
    vmg_ctx_close(ctx);
}

static void arenas_reuse(void)
{
    vmg_ctx *ctx = open_ctx(NULL);
    REQUIRE(ctx != NULL);
    vmg_arena a = vmg_arena_make(ctx, 4096);
    vmg_tensor first = vmg_arena_vector(&a, VMG_F32, 10);
    vmg_arena_mark mark = vmg_arena_get_mark(&a);
    vmg_tensor second = vmg_arena_matrix(&a, VMG_F32, 100, 100);
    CHECK_INT(a.n_slabs, 2);
    vmg_arena_reset(&a, mark);
    vmg_tensor third = vmg_arena_matrix(&a, VMG_F32, 100, 100);
    CHECK(third.buf == second.buf && third.off_bytes == second.off_bytes);
    CHECK(first.buf != second.buf);
    CHECK_INT(a.n_slabs, 2);
    CHECK_INT(a.peak_bytes, 256 + 40192);
    vmg_arena_tensor(&a, VMG_F32, 2, (int64_t[]){INT64_MAX, 2});
    CHECK_INT(ctx->error, VMG_E_ARG);
    vmg_ctx_clear(ctx);
    vmg_arena_tensor(&a, VMG_F32, 2, (int64_t[]){-1, 2});
    CHECK_INT(ctx->error, VMG_E_ARG);
    vmg_arena_free(&a);
    vmg_ctx_close(ctx);
}

static void memory_limit_is_a_message(void)
{
    vmg_ctx *ctx = open_ctx(&(vmg_ctx_options){.max_memory_bytes = 1 << 20});
    REQUIRE(ctx != NULL);
    vmg_arena a = vmg_arena_make(ctx, 1);
    vmg_arena_vector(&a, VMG_F32, 1 << 17);
    CHECK_OK(vmg_ctx_finish(ctx));
    vmg_tensor t = vmg_arena_vector(&a, VMG_F32, 1 << 18);
    CHECK(t.buf == NULL);
    CHECK_FAILS(vmg_ctx_finish(ctx), VMG_E_NOMEM, "1 MiB to use");
    run_scale(ctx, t, t, 1); /* does nothing */
    vmg_arena_free(&a);
    vmg_ctx_close(ctx);
}

static void build_failure_is_a_message(void)
{
    static const vmg_kernel_def broken = {.file = "testbroken", .name = "f", .geometry = one_item};
    static const char text[] = "__kernel void f(__global float *x) { this is not C; }\n";
    vmg_ctx *ctx = open_ctx(NULL);
    REQUIRE(ctx != NULL);
    CHECK_OK(vmg_write_file(vmg_test_tmp("cl/testbroken.cl"), text, strlen(text)));
    vmg_launch l = VMG_LAUNCH(&broken);
    l.shape[0] = 1;
    vmg_launch_run(ctx, &l);
    CHECK_FAILS(vmg_ctx_finish(ctx), VMG_E_DEVICE, "testbroken.cl");
    CHECK(strstr(ctx->message, ctx->dev.name) != NULL);
    CHECK(strstr(ctx->message, "error") != NULL);
    vmg_ctx_clear(ctx);
    static const vmg_kernel_def absent = {.file = "nonesuch", .name = "f", .geometry = one_item};
    l.def = &absent;
    vmg_launch_run(ctx, &l);
    CHECK_FAILS(vmg_ctx_finish(ctx), VMG_E_IO, "nonesuch");
    vmg_ctx_close(ctx);
}

/* Truncate, flip, or empty every stored program: each start must still work. */
static void damaged_cache_is_rebuilt(void)
{
    char **names = NULL;
    size_t n = 0;
    vmg_ctx *ctx = open_ctx(NULL);
    REQUIRE(ctx != NULL);
    vmg_arena a = vmg_arena_make(ctx, 0);
    check_scale(ctx, &a, 20);
    vmg_arena_free(&a);
    vmg_ctx_close(ctx);
    for (int damage = 0; damage < 3; damage++) {
        const char *dir = vmg_test_tmp("cache/vimogen-cl/programs");
        REQUIRE_OK(vmg_list_dir(dir, &names, &n));
        CHECK(n > 0);
        for (size_t i = 0; i < n; i++) {
            char *path = vmg_path_join(dir, names[i]), *data;
            size_t size;
            REQUIRE_OK(vmg_read_file(path, 1 << 26, &data, &size));
            CHECK(size > 40);
            data[size / 2] ^= 1;
            CHECK_OK(vmg_write_file(path, data, damage == 0 ? size : damage == 1 ? size / 2 : 0));
            free(data);
            free(path);
        }
        vmg_list_free(names, n);
        ctx = open_ctx(NULL);
        REQUIRE(ctx != NULL);
        a = vmg_arena_make(ctx, 0);
        check_scale(ctx, &a, 20);
        vmg_arena_free(&a);
        vmg_ctx_close(ctx);
    }
}

static void plans_count(void)
{
    vmg_ctx *ctx = open_ctx(NULL);
    REQUIRE(ctx != NULL);
    vmg_plan_result result;
    REQUIRE_OK(vmg_plan_begin(ctx));
    vmg_arena a = vmg_arena_make(ctx, 1 << 12);
    for (int i = 0; i < 3; i++)
        check_scale(ctx, &a, 0);
    vmg_tensor x = vmg_arena_vector(&a, VMG_F32, 1 << 20);
    run_scale(ctx, x, x, 1);
    run_scale(ctx, x, x, 2);
    uint64_t during = ctx->memory_bytes;
    vmg_arena_free(&a);
    CHECK_OK(vmg_plan_end(ctx, true, &result));
    CHECK_INT(result.n_kernels, 1);
    CHECK_INT(result.peak_memory_bytes, (1 << 12) + (1 << 22));
    CHECK_INT(during, result.peak_memory_bytes);
    CHECK_INT(ctx->memory_bytes, 0);
    CHECK_INT(ctx->peak_memory_bytes, 0);
    vmg_ctx_close(ctx);
}

static void profiles(void)
{
    vmg_ctx *ctx = open_ctx(&(vmg_ctx_options){.profile = true});
    REQUIRE(ctx != NULL);
    vmg_arena a = vmg_arena_make(ctx, 0);
    check_scale(ctx, &a, 100000);
    check_scale(ctx, &a, 100000);
    vmg_profile_row *rows;
    size_t n;
    REQUIRE_OK(vmg_profile_rows(ctx, &rows, &n));
    CHECK_INT(n, 1);
    CHECK_STR(rows[0].name, "testscale.scale");
    CHECK_INT(rows[0].n_calls, 2);
    CHECK_CLOSE(rows[0].bytes, 1600000, 0);
    CHECK(rows[0].seconds > 0);
    free(rows);
    vmg_arena_free(&a);
    vmg_ctx_close(ctx);
}

/* WRONG=8 makes the kernel wrong exactly when WG=8: the tuner must never choose that pair. */
static void tunes_and_remembers(void)
{
    vmg_ctx *ctx = open_ctx(NULL);
    REQUIRE(ctx != NULL);
    vmg_arena a = vmg_arena_make(ctx, 0);
    vmg_tune_begin(ctx, true);
    check_scale(ctx, &a, 5000);
    vmg_tune_end(ctx);
    const char *const names[] = {"WG", "WRONG"};
    int v[2] = {0};
    REQUIRE(vmg_tune_lookup(ctx, "testscale.scale|", (int64_t[]){5000, 0, 0, 0}, names, 2, v));
    CHECK(!(v[0] == 8 && v[1] == 8));
    REQUIRE_OK(vmg_tune_save(ctx));
    char *path = vmg_strdup(vmg_tune_path(ctx));
    vmg_arena_free(&a);
    vmg_ctx_close(ctx);

    int again[2] = {0};
    ctx = open_ctx(NULL);
    REQUIRE(ctx != NULL);
    CHECK(vmg_tune_lookup(ctx, "testscale.scale|", (int64_t[]){9000, 0, 0, 0}, names, 2, again));
    CHECK(again[0] == v[0] && again[1] == v[1]);
    CHECK(!vmg_tune_lookup(ctx, "testscale.other|", (int64_t[]){9000, 0, 0, 0}, names, 2, again));
    vmg_ctx_close(ctx);

    REQUIRE_OK(vmg_write_file(path, "{\"format\":1,", 12));
    ctx = open_ctx(NULL);
    REQUIRE(ctx != NULL);
    CHECK(!vmg_tune_lookup(ctx, "testscale.scale|", (int64_t[]){5000, 0, 0, 0}, names, 2, again));
    vmg_ctx_close(ctx);
    remove(path);
    free(path);
}

static void forced_values_win(void)
{
    vmg_ctx *ctx = open_ctx(NULL);
    REQUIRE(ctx != NULL);
    vmg_arena a = vmg_arena_make(ctx, 0);
    vmg_tensor x = vmg_arena_vector(&a, VMG_F32, 16);
    float host[16] = {0}, back[16];
    vmg_upload(ctx, x, host);
    vmg_force_tunables(ctx, &scale_def, (int[]){8, 8});
    run_scale(ctx, x, x, 1);
    vmg_download(ctx, x, back);
    CHECK_OK(vmg_ctx_finish(ctx));
    CHECK_CLOSE(back[3], 1, 0);
    vmg_arena_free(&a);
    vmg_ctx_close(ctx);
}

static const vmg_test_case cases[] = {
    {"lists_devices", lists_devices},
    {"processes_take_turns", processes_take_turns},
    {"launches", launches},
    {"arenas_reuse", arenas_reuse},
    {"memory_limit_is_a_message", memory_limit_is_a_message},
    {"build_failure_is_a_message", build_failure_is_a_message},
    {"damaged_cache_is_rebuilt", damaged_cache_is_rebuilt},
    {"plans_count", plans_count},
    {"profiles", profiles},
    {"tunes_and_remembers", tunes_and_remembers},
    {"forced_values_win", forced_values_win},
};

int main(int argc, char **argv)
{
    vmg_test_own_kernel("testscale", kernel_text);
    setenv("XDG_CACHE_HOME", vmg_test_tmp("cache"), 1);
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
