/* The tuner: what it chooses, what it refuses, what it stores and finds again. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/arena.h"
#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/blas_tune.h"
#include "host/kernel.h"
#include "host/plan.h"
#include "host/program.h"
#include "host/tune_impl.h"
#include "tests/harness.h"

/* KIND 1 is slow, 2 right, 3 wrong and the fastest (it does nothing). */
static const char kernel_text[] =
    "__kernel void twice(CTENSOR(x), TENSOR(y), long n)\n"
    "{\n"
    "    const long i = get_global_id(0);\n"
    "#if KIND == 1\n"
    "    float s = 0;\n"
    "    for (int k = 0; k < 3000; k++) s = native_sin(s + CF32(x)[i]);\n"
    "    F32(y)[i] = 2 * CF32(x)[i] + (s > 2 ? 1 : 0);\n"
    "#elif KIND == 2\n"
    "    F32(y)[i] = 2 * CF32(x)[i];\n"
    "#endif\n"
    "}\n";

enum { N = 4096 };
#define KEY "testtwice.twice|"
static const int64_t shape_n[VMG_MAX_SHAPE] = {N, 0, 0, 0};
static const char *const kind[] = {"KIND"};

static void geometry(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3], size_t local[3])
{
    (void)dev;
    (void)v;
    global[0] = (size_t)shape[0];
    local[0] = 16;
}

static const vmg_kernel_def twice_def = {
    .file = "testtwice", .name = "twice", .tunables = {{"KIND", {1, 2, 3}}}, .geometry = geometry};

/* A context, x and y on it, and a count of what the tuner reported. */
typedef struct fixture {
    vmg_ctx *ctx;
    vmg_arena arena;
    vmg_tensor x, y;
    int n_reports, stop_after; /* 0: never */
    double default_s, best_s;
} fixture;

static bool on_search(void *user, const char *key, const int64_t *shape, double default_s, double best_s)
{
    fixture *f = user;
    CHECK(strstr(key, "twice") != NULL);
    CHECK_INT(shape[0], N);
    f->default_s = default_s;
    f->best_s = best_s;
    return ++f->n_reports != f->stop_after;
}

static bool open_fixture(fixture *f)
{
    static float values[N];
    *f = (fixture){0};
    if (!CHECK_OK(vmg_ctx_open(&(vmg_ctx_options){.device = getenv("VMG_TEST_DEVICE")}, &f->ctx)))
        return false;
    f->arena = vmg_arena_make(f->ctx, 0);
    f->x = vmg_arena_vector(&f->arena, VMG_F32, N);
    f->y = vmg_arena_vector(&f->arena, VMG_F32, N);
    vmg_test_fill(values, N);
    vmg_upload(f->ctx, f->x, values);
    memset(values, 0, sizeof values);
    vmg_upload(f->ctx, f->y, values);
    vmg_tune_on_progress(f->ctx, on_search, f);
    return CHECK_OK(vmg_ctx_finish(f->ctx));
}

static void close_fixture(fixture *f)
{
    vmg_arena_free(&f->arena);
    vmg_ctx_close(f->ctx);
}

static void run_twice(fixture *f)
{
    vmg_launch l = VMG_LAUNCH(&twice_def);
    vmg_arg_in(&l, f->x);
    vmg_arg_out(&l, f->y);
    vmg_arg_i64(&l, N);
    l.shape[0] = N;
    vmg_launch_run(f->ctx, &l);
}

static void check_output(fixture *f)
{
    static float x[N], y[N];
    vmg_download(f->ctx, f->x, x);
    vmg_download(f->ctx, f->y, y);
    CHECK_OK(vmg_ctx_finish(f->ctx));
    for (int i = 0; i < N; i++)
        x[i] *= 2;
    CHECK_ARRAY(y, x, N, 0);
}

static int stored_kind(fixture *f)
{
    int v = 0;
    return vmg_tune_lookup(f->ctx, KEY, shape_n, kind, 1, &v) ? v : 0;
}

static void remove_store(fixture *f)
{
    if (vmg_tune_path(f->ctx))
        remove(vmg_tune_path(f->ctx));
}

/* ---- searching ---- */

static void takes_the_fastest_that_is_right(void)
{
    for (int full = 0; full < 2; full++) {
        fixture f;
        if (!open_fixture(&f))
            return;
        vmg_tune_begin(f.ctx, full);
        run_twice(&f);
        run_twice(&f); /* not searched again */
        vmg_tune_end(f.ctx);
        CHECK_INT(stored_kind(&f), 2);
        CHECK_INT(f.n_reports, 1);
        CHECK_INT(vmg_tune_n_searches(f.ctx), 1);
        CHECK(f.best_s < f.default_s);
        check_output(&f);
        close_fixture(&f);
    }
}

static void plan_counts_only(void)
{
    fixture f;
    vmg_plan_result result;
    if (!open_fixture(&f))
        return;
    CHECK_OK(vmg_plan_begin(f.ctx));
    vmg_tune_begin(f.ctx, false);
    run_twice(&f);
    run_twice(&f);
    CHECK_OK(vmg_plan_end(f.ctx, false, &result));
    CHECK_INT(vmg_tune_n_searches(f.ctx), 1);
    vmg_tune_end(f.ctx);
    CHECK_INT(f.n_reports, 0);
    CHECK_INT(stored_kind(&f), 0);
    close_fixture(&f);
}

static void stops_when_asked(void)
{
    fixture f;
    if (!open_fixture(&f))
        return;
    f.stop_after = 1;
    vmg_tune_begin(f.ctx, false);
    run_twice(&f);
    vmg_tune_end(f.ctx);
    CHECK_FAILS(vmg_ctx_finish(f.ctx), VMG_E_INTERRUPTED, "interrupted");
    vmg_ctx_clear(f.ctx);
    CHECK_INT(stored_kind(&f), 2);
    close_fixture(&f);
}

/* ---- variants ---- */

static bool variant_valid(vmg_ctx *ctx, int i, const void *arg)
{
    (void)ctx;
    (void)arg;
    return i != 3;
}

static int variant_default(vmg_ctx *ctx, const void *arg)
{
    (void)ctx;
    (void)arg;
    return 0;
}

static void variant_run(vmg_ctx *ctx, int i, const void *arg)
{
    const int value = i + 1;
    const fixture *f = arg;
    CHECK(i < 3);
    vmg_force_tunables(ctx, &twice_def, &value);
    run_twice((fixture *)f);
    vmg_force_tunables(ctx, NULL, NULL);
}

static void chooses_among_variants(void)
{
    static const char *const names[] = {"slow", "fast", "wrong", "invalid", NULL};
    static const vmg_variants set = {"twice", names, variant_valid, variant_default, variant_run};
    fixture f;
    if (!open_fixture(&f))
        return;
    CHECK_INT(vmg_variants_choose(f.ctx, &set, "tag", shape_n, &f), 0);
    vmg_tune_begin(f.ctx, false);
    vmg_variants_run(f.ctx, &set, "tag", shape_n, &f, &f.y, 1);
    vmg_tune_end(f.ctx);
    CHECK_INT(vmg_variants_choose(f.ctx, &set, "tag", shape_n, &f), 1);
    CHECK_INT(vmg_variants_choose(f.ctx, &set, "other", shape_n, &f), 0);
    check_output(&f);
    close_fixture(&f);
}

/* ---- storing ---- */

static void finds_near_shapes_only(void)
{
    fixture f;
    int v = 2;
    if (!open_fixture(&f))
        return;
    vmg_tune_record(f.ctx, KEY, shape_n, kind, 1, &v, 0.5);
    const struct { int64_t shape[VMG_MAX_SHAPE]; bool found; } lookups[] = {
        {{N, 0, 0, 0}, true}, {{N << VMG_TUNE_REACH, 0, 0, 0}, true}, {{N >> VMG_TUNE_REACH, 0, 0, 0}, true},
        {{(N << VMG_TUNE_REACH) + 1, 0, 0, 0}, false}, {{N << 2, 8, 0, 0}, false}, {{N << 2, 4, 0, 0}, true}};
    for (size_t i = 0; i < VMG_COUNT(lookups); i++)
        CHECK(vmg_tune_lookup(f.ctx, KEY, lookups[i].shape, kind, 1, &v) == lookups[i].found);
    v = 3;
    vmg_tune_record(f.ctx, KEY, (int64_t[VMG_MAX_SHAPE]){N << 3}, kind, 1, &v, 0.5);
    CHECK(vmg_tune_lookup(f.ctx, KEY, (int64_t[VMG_MAX_SHAPE]){N << 2}, kind, 1, &v));
    CHECK_INT(v, 3);
    close_fixture(&f);
}

/* Every point comes back, sorted, from the store and from an export. */
static void stores_every_point(void)
{
    fixture f;
    vmg_tune_entry *e;
    size_t n, size;
    char *text;
    if (!open_fixture(&f))
        return;
    for (int i = 12; i > 0; i--)
        vmg_tune_record(f.ctx, i % 2 ? "odd|" : KEY, (int64_t[VMG_MAX_SHAPE]){1 << i, 7}, kind, 1, &(int){1 + i % 3}, i);
    CHECK_OK(vmg_tune_save(f.ctx));
    CHECK_OK(vmg_tune_export(f.ctx, vmg_test_tmp("export.json")));
    close_fixture(&f);
    if (!open_fixture(&f))
        return;
    REQUIRE_OK(vmg_tune_entries(f.ctx, &e, &n));
    size_t n_own = 0;
    for (size_t i = 0; i < n; i++) {
        if (e[i].shipped || (strcmp(e[i].key, KEY) && strcmp(e[i].key, "odd|")))
            continue;
        int at = e[i].bucket[0];
        CHECK_INT(at, n_own < 6 ? 1 + 2 * n_own : 2 * (n_own - 5)); /* "odd|" sorts before KEY */
        CHECK_INT(e[i].bucket[1], 3);
        CHECK_INT(e[i].values[0], 1 + at % 3);
        CHECK_CLOSE(e[i].seconds, at, 0);
        n_own++;
    }
    CHECK_INT(n_own, 12);
    free(e);
    remove_store(&f);
    close_fixture(&f);
    REQUIRE_OK(vmg_read_file(vmg_test_tmp("export.json"), 1 << 20, &text, &size));
    cJSON *root = cJSON_ParseWithLength(text, size);
    const cJSON *match = cJSON_GetObjectItem(root, "match");
    CHECK(cJSON_IsString(cJSON_GetObjectItem(match, "class")) && cJSON_IsString(cJSON_GetObjectItem(match, "platform")));
    CHECK(cJSON_GetArraySize(cJSON_GetObjectItem(root, "entries")) >= 12);
    cJSON_Delete(root);
    free(text);
}

/* What a store may hold that this build does not understand: the launch takes the default. */
static void ignores_what_no_kernel_declares(void)
{
    static const char *const entries[] = {
        "{\"key\":\"" KEY "\",\"bucket\":[12,0,0,0],\"values\":{\"KIND\":77}}",
        "{\"key\":\"" KEY "\",\"bucket\":[12,0,0,0],\"values\":{\"KIND\":-1}}",
        "{\"key\":\"" KEY "\",\"bucket\":[12,0,0,0],\"values\":{\"OTHER\":2}}",
        "{\"key\":\"" KEY "\",\"bucket\":[12,0,0,0],\"values\":{}}",
        "{\"key\":\"" KEY "\",\"bucket\":[1e9,0,0,0],\"values\":{\"KIND\":3}}",
        "{\"key\":7,\"bucket\":[12,0,0,0],\"values\":{\"KIND\":3}}",
        "{\"key\":\"" KEY "\",\"bucket\":[12],\"values\":{\"KIND\":3}}",
        "{\"key\":\"" KEY "\",\"bucket\":[12,0,0,0],\"values\":{\"KIND\":\"3\"}}",
    };
    for (size_t i = 0; i < VMG_COUNT(entries); i++) {
        fixture f;
        if (!open_fixture(&f))
            return;
        const vmg_device *d = &f.ctx->dev;
        char *text = vmg_asprintf("{\"format\":1,\"device\":\"%s\",\"driver\":\"%s\",\"platform\":\"%s\",\"entries\":[%s]}",
                                  d->name, d->driver, d->platform_name, entries[i]);
        REQUIRE(text && vmg_tune_path(f.ctx));
        CHECK_OK(vmg_write_file(vmg_tune_path(f.ctx), text, strlen(text)));
        free(text);
        close_fixture(&f);
        if (!open_fixture(&f))
            return;
        run_twice(&f);
        check_output(&f);
        remove_store(&f);
        close_fixture(&f);
    }
}

static void another_devices_store_is_ignored(void)
{
    fixture f;
    if (!open_fixture(&f))
        return;
    int three = 3;
    vmg_tune_record(f.ctx, KEY, shape_n, kind, 1, &three, 1);
    CHECK_OK(vmg_tune_save(f.ctx));
    char *path = vmg_strdup(vmg_tune_path(f.ctx)), *text;
    size_t size;
    close_fixture(&f);
    REQUIRE_OK(vmg_read_file(path, 1 << 20, &text, &size));
    char *driver = strstr(text, "\"driver\"");
    REQUIRE(driver != NULL);
    strchr(strchr(driver, ':'), '"')[1] ^= 1;
    CHECK_OK(vmg_write_file(path, text, size));
    free(text);
    if (open_fixture(&f)) {
        CHECK_INT(stored_kind(&f), 0);
        remove_store(&f);
        close_fixture(&f);
    }
    free(path);
}

static bool ship(fixture *f, const char *match, int value)
{
    char *text = vmg_asprintf("{\"format\":1%s,\"entries\":[{\"key\":\"" KEY "\",\"bucket\":[12,0,0,0],"
                              "\"values\":{\"KIND\":%d}}]}", match, value);
    bool ok = text && vmg_tune_read(f->ctx->tuner, &f->ctx->dev, text, strlen(text), true);
    free(text);
    return ok;
}

/* Shipped points hold where their file matches the device, until the user has tuned anything near. */
static void shipped_points_come_last(void)
{
    fixture f;
    if (!open_fixture(&f))
        return;
    const vmg_device *d = &f.ctx->dev;
    CHECK(ship(&f, ",\"match\":{\"class\":\"none\"}", 3));
    CHECK(ship(&f, ",\"match\":{}", 3));
    CHECK(ship(&f, "", 3));
    CHECK_INT(stored_kind(&f), 0);
    char *match = vmg_asprintf(",\"match\":{\"platform\":\"%.4s\",\"vendor\":\"%s\",\"class\":\"%s\"}", d->platform_name, d->vendor,
                               vmg_device_class_name(d->device_class));
    CHECK(match && ship(&f, match, 2));
    free(match);
    CHECK_INT(stored_kind(&f), 2);
    run_twice(&f);
    check_output(&f);
    vmg_tune_record(f.ctx, KEY, (int64_t[VMG_MAX_SHAPE]){N << 3}, kind, 1, &(int){1}, 0.5);
    CHECK_INT(stored_kind(&f), 1);
    close_fixture(&f);
}

/* What this device exports, a device like it takes for shipped. */
static void exports_what_can_ship(void)
{
    fixture f;
    char *text;
    size_t size;
    if (!open_fixture(&f))
        return;
    vmg_tune_record(f.ctx, KEY, shape_n, kind, 1, &(int){2}, 0.5);
    REQUIRE_OK(vmg_tune_export(f.ctx, vmg_test_tmp("ship.json")));
    close_fixture(&f);
    REQUIRE_OK(vmg_read_file(vmg_test_tmp("ship.json"), 1 << 20, &text, &size));
    if (open_fixture(&f)) {
        CHECK_INT(stored_kind(&f), 0);
        CHECK(vmg_tune_read(f.ctx->tuner, &f.ctx->dev, text, size, true));
        CHECK_INT(stored_kind(&f), 2);
        vmg_device other = f.ctx->dev;
        snprintf(other.vendor, sizeof other.vendor, "another");
        vmg_tuner *empty = vmg_calloc(1, sizeof *empty);
        CHECK(empty && vmg_tune_read(empty, &other, text, size, true) && !empty->entries.n);
        vmg_tuner_free(empty);
        close_fixture(&f);
    }
    free(text);
}

/* CLBlast takes every set by name; whether it is right is checked when it is timed. */
static void clblast_takes_every_set(void)
{
    fixture f;
    if (!open_fixture(&f))
        return;
    for (int set = vmg_blas_n_sets(); set >= 1; set--)
        CHECK(vmg_blas_use_set(f.ctx, set));
    CHECK(!vmg_blas_use_set(f.ctx, 0) && !vmg_blas_use_set(f.ctx, vmg_blas_n_sets() + 1));
    CHECK_OK(vmg_ctx_finish(f.ctx));
    close_fixture(&f);
}

static const vmg_test_case cases[] = {
    {"takes_the_fastest_that_is_right", takes_the_fastest_that_is_right},
    {"plan_counts_only", plan_counts_only},
    {"stops_when_asked", stops_when_asked},
    {"chooses_among_variants", chooses_among_variants},
    {"finds_near_shapes_only", finds_near_shapes_only},
    {"stores_every_point", stores_every_point},
    {"ignores_what_no_kernel_declares", ignores_what_no_kernel_declares},
    {"another_devices_store_is_ignored", another_devices_store_is_ignored},
    {"shipped_points_come_last", shipped_points_come_last},
    {"exports_what_can_ship", exports_what_can_ship},
    {"clblast_takes_every_set", clblast_takes_every_set},
};

int main(int argc, char **argv)
{
    vmg_test_own_kernel("testtwice", kernel_text);
    setenv("XDG_CACHE_HOME", vmg_test_tmp("cache"), 1);
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
