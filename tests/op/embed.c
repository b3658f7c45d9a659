/* Embeddings: rows by index in every dtype, the deterministic gradient, the sinusoid tables as published. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/op/embed.h"
#include "src/format/weights_file.h"
#include "tests/op/rows_bench.h"

static struct {
    int64_t R, C, V;
    vmg_dtype dtype;
} current;

/* Repeated, unordered ids, some outside the table. */
static int32_t *ids(void)
{
    int32_t *id = vmg_calloc((size_t)current.R + 1, sizeof *id);
    for (int64_t r = 0; r < current.R; r++)
        id[r] = (int32_t)vmg_test_below((uint32_t)current.V);
    if (current.R > 4) {
        id[1] = -1;
        id[2] = (int32_t)current.V;
        id[3] = INT32_MIN;
        id[4] = id[0];
    }
    return id;
}

static bool inside(int32_t id)
{
    return id >= 0 && id < current.V;
}

static void run_embed(void)
{
    const int64_t R = current.R, C = current.C, V = current.V;
    float *table = vmg_test_numbers(V * C, 1), *want = vmg_calloc((size_t)(R * C) + 1, sizeof *want);
    float *got = vmg_calloc((size_t)(R * C) + 1, sizeof *got);
    int32_t *id = ids();
    vmg_tensor t = vmg_test_matrix(current.dtype, V, C, table), whole, out = vmg_test_guarded(R, C, 0, NULL, &whole);
    vmg_test_read(t, table); /* as rounded */
    for (int64_t i = 0; i < R * C; i++)
        want[i] = inside(id[i / C]) ? table[id[i / C] * C + i % C] : 0;
    vmg_op_embed(vmg_test_ctx(), t, vmg_test_ints(R, id), out);
    vmg_test_read_guarded(whole, 0, got);
    CHECK(!memcmp(got, want, (size_t)(R * C) * sizeof *got));
    free(table);
    free(want);
    free(got);
    free(id);
}

static void run_backward(void)
{
    const int64_t R = current.R, C = current.C, V = current.V;
    float *dy = vmg_test_numbers(R * C, 1), *start = vmg_test_numbers(V * C, 1);
    float *want = vmg_calloc((size_t)(V * C) + 1, sizeof *want), *got = vmg_calloc((size_t)(V * C) + 1, sizeof *got);
    double *sum = vmg_calloc((size_t)(V * C) + 1, sizeof *sum);
    int32_t *id = ids();
    for (int64_t i = 0; i < R * C; i++)
        if (inside(id[i / C]))
            sum[id[i / C] * C + i % C] += dy[i];
    for (int64_t i = 0; i < V * C; i++)
        want[i] = (float)(start[i] + sum[i]);
    vmg_tensor whole, d_table = vmg_test_guarded(V, C, 0, start, &whole);
    vmg_op_embed_backward(vmg_test_ctx(), vmg_test_ints(R, id), vmg_test_matrix(VMG_F32, R, C, dy), d_table);
    vmg_test_read_guarded(whole, 0, got);
    CHECK_ARRAY(got, want, (size_t)(V * C), 1e-6);
    free(dy);
    free(start);
    free(want);
    free(got);
    free(sum);
    free(id);
}

static void run_position(void)
{
    const int64_t R = current.R, C = current.C, T = current.V;
    float *x = vmg_test_numbers(R * C, 1), *table = vmg_test_numbers(T * C, 1);
    float *want = vmg_calloc((size_t)(R * C) + 1, sizeof *want), *got = vmg_calloc((size_t)(R * C) + 1, sizeof *got);
    int32_t *pos = ids();
    for (int64_t i = 0; i < R * C; i++)
        want[i] = x[i] + (inside(pos[i / C]) ? table[pos[i / C] * C + i % C] : 0);
    vmg_tensor whole, t = vmg_test_guarded(R, C, 0, x, &whole);
    vmg_op_add_position(vmg_test_ctx(), t, vmg_test_matrix(VMG_F32, T, C, table), vmg_test_ints(R, pos));
    vmg_test_read_guarded(whole, 0, got);
    CHECK_ARRAY(got, want, (size_t)(R * C), 1e-7);
    free(x);
    free(table);
    free(want);
    free(got);
    free(pos);
}

static void (*const runs[])(void) = {run_embed, run_backward, run_position};

static void every_shape_and_dtype(void)
{
    static const int64_t each[][3] = {{1, 1, 1}, {5, 3, 2}, {13, 131, 7}, {61, 64, 257}, {331, 40, 5}, {0, 8, 3}};
    static const vmg_dtype dtype[] = {VMG_F32, VMG_F16, VMG_BF16};
    for (size_t i = 0; i < VMG_COUNT(each); i++)
        for (int k = 0; k < 5; k++) {
            if (vmg_test_small() && each[i][0] * each[i][1] > 2000)
                continue;
            current.R = each[i][0];
            current.C = each[i][1];
            current.V = each[i][2];
            current.dtype = k < 3 ? dtype[k] : VMG_F32;
            runs[k < 3 ? 0 : k - 2]();
            vmg_arena_reset_all(vmg_test_arena());
        }
}

static void tunables(void)
{
    current.R = vmg_test_small() ? 13 : 37;
    current.C = 277;
    current.V = 11;
    current.dtype = VMG_BF16;
    for (size_t k = 0; k < VMG_COUNT(runs); k++)
        vmg_test_every_class(&vmg_embed_kernels[k], runs[k]);
}

/* cos first, then sin, in double (spec: s_i = t·10000^(-i/half)). */
static void timestep_sinusoid(void)
{
    const double t[] = {0, 1, 921.052631578947, 1000};
    float out[4 * 64];
    vmg_timestep_sinusoid(t, 4, 64, out);
    for (int s = 0; s < 4; s++)
        for (int i = 0; i < 32; i++) {
            const double angle = t[s] / exp(i / 32.0 * log(10000.0));
            CHECK_CLOSE(out[s * 64 + i], cos(angle), 1e-7);
            CHECK_CLOSE(out[s * 64 + 32 + i], sin(angle), 1e-7);
        }
}

/* Against the definition: what float32's rounding of rate and angle may change grows with the position. */
static void position_table(void)
{
    enum { T = 300, C = 30 };
    static float out[T * C];
    vmg_position_table(T, C, out);
    for (int p = 0; p < T; p++)
        for (int i = 0; i < C / 2; i++) {
            const double angle = p * exp(-2.0 * i * log(10000.0) / C);
            CHECK_CLOSE(out[p * C + 2 * i], sin(angle), 1e-7 + 4e-7 * angle);
            CHECK_CLOSE(out[p * C + 2 * i + 1], cos(angle), 1e-7 + 4e-7 * angle);
        }
}

static void published_position_table(void)
{
    const char *path = vmg_test_shared("golden/dit_tiny/model.pt");
    const vmg_weight *t = NULL;
    vmg_weights *w = NULL;
    if (!path)
        return;
    CHECK_OK(vmg_weights_open(path, &w));
    CHECK_OK(w ? vmg_weights_need(w, "motion_pos_embedding.pe", 3, (int64_t[]){-1, 1, -1}, &t) : VMG_E_IO);
    if (t) {
        const int64_t T = t->dim[0], C = t->dim[2];
        float *want = vmg_calloc((size_t)t->n, sizeof *want), *got = vmg_calloc((size_t)t->n, sizeof *got);
        double worst = 0;
        CHECK_OK(vmg_weight_to_f32(t, want));
        vmg_position_table(T, C, got);
        for (int64_t i = 0; i < T * C; i++)
            worst = fmax(worst, fabs(got[i] - want[i]));
        vmg_test_note("%lld positions, %lld columns: largest difference %.3g", (long long)T, (long long)C, worst);
        CHECK(worst < 1e-6);
        free(want);
        free(got);
    }
    vmg_weights_close(w);
}

static void rejects_wrong_shapes(void)
{
    vmg_ctx *ctx = vmg_test_ctx();
    vmg_tensor table = vmg_test_matrix(VMG_F32, 5, 4, NULL);
    vmg_op_embed(ctx, table, vmg_test_ints(3, NULL), vmg_test_matrix(VMG_F32, 2, 4, NULL));
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "embed: out is f32 (2,4)");
    vmg_ctx_clear(ctx);
    vmg_op_add_position(ctx, table, table, vmg_test_ints(3, NULL));
    CHECK_FAILS(vmg_ctx_status(ctx), VMG_E_ARG, "positions is i32 (3)");
    vmg_ctx_clear(ctx);
}

static const vmg_test_case cases[] = {
    {"every_shape_and_dtype", every_shape_and_dtype},
    {"tunables", tunables},
    {"timestep_sinusoid", timestep_sinusoid},
    {"position_table", position_table},
    {"published_position_table", published_position_table},
    {"rejects_wrong_shapes", rejects_wrong_shapes},
};

/* ---- benches ---- */

static void bench_embed(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_embed(ctx, b->x, b->group, b->out);
}

static void bench_position(vmg_ctx *ctx, void *state)
{
    const vmg_rows_state *b = state;
    vmg_op_add_position(ctx, b->out, b->vec[0], b->group);
}

static const vmg_op_bench benches[] = {
    VMG_ROWS_BENCH("embed f32", bench_embed, 1),
    VMG_ROWS_BENCH("add position", bench_position, 2),
};

const vmg_op_suite vmg_suite_embed = {"embed", cases, VMG_COUNT(cases), benches, VMG_COUNT(benches)};
