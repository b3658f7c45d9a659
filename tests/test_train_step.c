/* Training steps: golden gradients and updates, joint training against finite differences, bookkeeping, plans. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/plan.h"
#include "models/train_step.h"
#include "src/lib/selftest.h"
#include "tests/harness.h"

enum { DIM = 276, REF_DIM = 138, FRAMES = 9, N_SAMPLES = 4, N_TEXTS = 3 };
static const vmg_dit_config dit = {.in_dim = DIM, .out_dim = DIM, .ref_motion_dim = REF_DIM, .dim = 48, .ffn_dim = 40,
                                   .num_heads = 3, .num_layers = 2, .freq_dim = 16, .text_dim = 24, .text_len = 32,
                                   .text_min_rows = 7, .eps = 1e-6};
static const vmg_t5_config t5 = {.vocab_size = 31, .dim = 24, .dim_attn = 32, .dim_ffn = 40, .num_heads = 2, .num_layers = 2,
                                 .num_buckets = 8, .max_dist = 128, .eps = 1e-6};

/* A small batch of both branches; texts are token ids, the last of them the null context. */
typedef struct fixture {
    vmg_ctx *ctx;
    vmg_train *t;
    float latents[N_SAMPLES][FRAMES * DIM], noise[N_SAMPLES][FRAMES * DIM], ref[FRAMES * REF_DIM], mask[DIM];
    float rows[N_TEXTS][6 * 24];
    int32_t ids[N_TEXTS][6];
    vmg_train_sample samples[N_SAMPLES];
    vmg_train_text texts[N_TEXTS];
    vmg_train_batch batch;
} fixture;

static void fill_batch(fixture *f)
{
    static const int64_t n_rows[N_TEXTS] = {5, 1, 6}, frames[N_SAMPLES] = {7, 9, 4, 5}, text[N_SAMPLES] = {2, 1, 0, 0};
    for (int i = 0; i < N_TEXTS; i++) {
        vmg_test_fill(f->rows[i], VMG_COUNT(f->rows[i]));
        for (int r = 0; r < 6; r++)
            f->ids[i][r] = r + 1 == n_rows[i] ? 1 : 2 + (int32_t)vmg_test_below(5);
        f->texts[i] = (vmg_train_text){.ids = f->ids[i], .rows = f->rows[i], .n_rows = n_rows[i], .n_padding = 7 - n_rows[i]};
    }
    vmg_test_fill(f->ref, VMG_COUNT(f->ref));
    for (int c = 0; c < DIM; c++)
        f->mask[c] = c < 126;
    for (int i = 0; i < N_SAMPLES; i++) {
        vmg_test_fill(f->latents[i], FRAMES * DIM);
        vmg_test_fill(f->noise[i], FRAMES * DIM);
        f->samples[i] = (vmg_train_sample){.attend_to_text = i != 2, .n_frames = frames[i], .latents = f->latents[i],
                                           .noise = f->noise[i], .timestep = 100 + 250 * i, .text = text[i], .ref = f->ref,
                                           .n_ref_rows = 6, .n_ref_frames = 5, .feature_mask = i == 3 ? f->mask : NULL};
    }
    f->batch = (vmg_train_batch){.samples = f->samples, .n_samples = N_SAMPLES, .texts = f->texts, .n_texts = N_TEXTS};
}

static bool open_trainer(fixture *f, bool joint, bool keep)
{
    vmg_train_options o = vmg_train_defaults();
    o.keep_activations = keep;
    return CHECK_OK(vmg_train_create(f->ctx, &dit, joint ? &t5 : NULL, &o, &f->t)) && CHECK_OK(vmg_train_init(f->t, 11));
}

static fixture *open_fixture(bool joint, bool keep)
{
    fixture *f = calloc(1, sizeof *f);
    if (!CHECK(f != NULL) || !CHECK_OK(vmg_ctx_open(&(vmg_ctx_options){.device = getenv("VMG_TEST_DEVICE")}, &f->ctx)))
        return f;
    fill_batch(f);
    open_trainer(f, joint, keep);
    return f;
}

static void close_fixture(fixture *f)
{
    vmg_train_free(f->t);
    vmg_ctx_close(f->ctx);
    free(f);
}

static float *read_part(vmg_train *t, enum vmg_train_part part)
{
    float *x = calloc((size_t)vmg_train_n_values(t), sizeof *x);
    if (!CHECK(x != NULL) || !CHECK_OK(vmg_train_read(t, part, x))) {
        free(x);
        return NULL;
    }
    return x;
}

/* ---- golden vectors ---- */

static void on_row(void *user, const char *set, const char *tensor, double error, double tolerance, bool pass)
{
    (void)set;
    int *n = user;
    if (strncmp(tensor, "train:", 6) && strncmp(tensor, "adamw:", 6))
        return;
    ++*n;
    if (!CHECK(pass))
        vmg_test_note("%s: %g, at most %g", tensor, error, tolerance);
}

static void golden_gradients_and_updates(void)
{
    const char *dir = vmg_test_shared("golden/dit_tiny");
    int n = 0;
    vmg_selftest_report report = {.row = on_row, .user = &n, .device = getenv("VMG_TEST_DEVICE")};
    if (!dir)
        return;
    CHECK_OK(vmg_selftest_run(dir, &report));
    CHECK(n > 300);
}

/* ---- joint training ---- */

static double loss_at(fixture *f, vmg_tensor value, const float *x, const float *direction, double step, float *moved)
{
    vmg_train_result r = {0};
    int64_t n = vmg_tensor_count(value);
    for (int64_t i = 0; i < n; i++)
        moved[i] = (float)(x[i] + step * direction[i]);
    vmg_upload(f->ctx, value, moved);
    CHECK_OK(vmg_train_evaluate(f->t, &f->batch, &r));
    return r.loss;
}

/* The loss's slope along half of a parameter's gradient, by two central differences (error O(step^4)). */
static double slope(fixture *f, vmg_tensor value, const float *x, const float *direction, double step, float *moved)
{
    double d[2];
    for (int i = 0; i < 2; i++) {
        double h = i ? step / 2 : step;
        d[i] = (loss_at(f, value, x, direction, h, moved) - loss_at(f, value, x, direction, -h, moved)) / (2 * h);
    }
    vmg_upload(f->ctx, value, x);
    return (4 * d[1] - d[0]) / 3;
}

static void agrees_with_differences(void)
{
    fixture *f = open_fixture(true, false);
    vmg_train_result r;
    REQUIRE(f->t);
    REQUIRE_OK(vmg_train_step(f->t, &f->batch, &r));
    for (size_t i = 0; i < vmg_train_n_params(f->t); i++) {
        vmg_train_param p = vmg_train_get_param(f->t, i);
        int64_t n = vmg_tensor_count(p.part[VMG_TRAIN_VALUE]);
        float *x = calloc(4 * (size_t)n, sizeof *x), *g = x + n, *direction = g + n, *moved = direction + n;
        double want = 0, norm = 0;
        vmg_download(f->ctx, p.part[VMG_TRAIN_VALUE], x);
        vmg_download(f->ctx, p.part[VMG_TRAIN_GRAD], g);
        for (int64_t k = 0; k < n; k++) {
            direction[k] = vmg_test_below(2) || n < 8 ? g[k] : 0.0f;
            norm += (double)direction[k] * direction[k];
        }
        norm = sqrt(norm);
        for (int64_t k = 0; k < n; k++) {
            direction[k] = norm > 0 ? (float)(direction[k] / norm) : 0.0f;
            want += (double)direction[k] * g[k];
        }
        /* Changes of the loss between what float resolves and what bends it. */
        double step = fmin(2e-3 * r.loss / (norm + 1e-30), 0.1), got = slope(f, p.part[VMG_TRAIN_VALUE], x, direction, step, moved);
        double noise = 3e-7 * r.loss / step;
        if (!CHECK(fabs(got - want) <= 4e-3 * want + noise))
            vmg_test_note("%s: %g, differences say %g (noise %g)", p.name, want, got, noise);
        free(x);
    }
    close_fixture(f);
}

/* ---- bookkeeping ---- */

/* What blocks keep, and what they compute again, are the same numbers. */
static void recomputing_changes_nothing(void)
{
    fixture *f = open_fixture(true, false);
    vmg_train_result r[2];
    REQUIRE(f->t);
    REQUIRE_OK(vmg_train_step(f->t, &f->batch, &r[0]));
    float *again = read_part(f->t, VMG_TRAIN_GRAD);
    vmg_train_free(f->t);
    f->t = NULL;
    REQUIRE(open_trainer(f, true, true));
    REQUIRE_OK(vmg_train_step(f->t, &f->batch, &r[1]));
    float *kept = read_part(f->t, VMG_TRAIN_GRAD);
    CHECK(r[0].loss == r[1].loss && r[0].arena_bytes < r[1].arena_bytes);
    CHECK(again && kept && !memcmp(again, kept, (size_t)vmg_train_n_values(f->t) * sizeof *kept));
    free(again);
    free(kept);
    close_fixture(f);
}

/* A batch in two halves with the whole's denominator gives the whole's loss and gradient. */
static void halves_add_up(void)
{
    fixture *f = open_fixture(true, false);
    vmg_train_result r;
    REQUIRE(f->t);
    REQUIRE_OK(vmg_train_step(f->t, &f->batch, &r));
    float *whole = read_part(f->t, VMG_TRAIN_GRAD);
    double loss = 0;
    CHECK_CLOSE(vmg_train_denominator(f->t, &f->batch), 20 * 276 + 5 * 126, 0);
    vmg_train_zero_grad(f->t);
    for (int half = 0; half < 2; half++) {
        vmg_train_batch b = f->batch;
        b.samples += 2 * half;
        b.n_samples = 2;
        b.denominator = vmg_train_denominator(f->t, &f->batch);
        REQUIRE_OK(vmg_train_step(f->t, &b, &(vmg_train_result){0}));
        REQUIRE_OK(vmg_train_evaluate(f->t, &b, &r));
        loss += r.loss;
    }
    float *sum = read_part(f->t, VMG_TRAIN_GRAD);
    REQUIRE_OK(vmg_train_evaluate(f->t, &f->batch, &r));
    CHECK_CLOSE(loss, r.loss, 1e-5);
    CHECK_ARRAY(sum, whole, (size_t)vmg_train_n_values(f->t), 1e-5);
    free(whole);
    free(sum);
    close_fixture(f);
}

/* Updates move values and the average, clear gradients, lower the loss; a restored trainer goes on alike. */
static void updates_resume(void)
{
    fixture *f = open_fixture(true, false);
    vmg_train_result first, second;
    double norm = 0, norm_again = 0;
    REQUIRE(f->t);
    size_t n = (size_t)vmg_train_n_values(f->t);
    REQUIRE_OK(vmg_train_step(f->t, &f->batch, &first));
    REQUIRE_OK(vmg_train_update(f->t, 1e-3, &norm));
    CHECK(norm > 0 && vmg_train_n_updates(f->t) == 1);
    float *saved[VMG_TRAIN_N_PARTS];
    for (int part = 0; part < VMG_TRAIN_N_PARTS; part++)
        saved[part] = read_part(f->t, part);
    for (size_t i = 0; i < n; i++)
        if (!CHECK(saved[VMG_TRAIN_GRAD][i] == 0))
            break;
    CHECK(memcmp(saved[VMG_TRAIN_VALUE], saved[VMG_TRAIN_EMA], n * sizeof(float)) != 0);
    REQUIRE_OK(vmg_train_step(f->t, &f->batch, &second));
    CHECK(second.loss < first.loss);
    REQUIRE_OK(vmg_train_update(f->t, 1e-3, &norm));
    float *straight = read_part(f->t, VMG_TRAIN_VALUE);

    REQUIRE_OK(vmg_train_init(f->t, 12));
    for (int part = 0; part < VMG_TRAIN_N_PARTS; part++)
        REQUIRE_OK(vmg_train_write(f->t, part, saved[part]));
    vmg_train_set_n_updates(f->t, 1);
    REQUIRE_OK(vmg_train_step(f->t, &f->batch, &second));
    REQUIRE_OK(vmg_train_update(f->t, 1e-3, &norm_again));
    float *resumed = read_part(f->t, VMG_TRAIN_VALUE);
    CHECK(norm == norm_again && !memcmp(straight, resumed, n * sizeof(float)));

    float *average = read_part(f->t, VMG_TRAIN_EMA);
    CHECK_OK(vmg_train_swap_ema(f->t));
    float *swapped = read_part(f->t, VMG_TRAIN_VALUE);
    CHECK(!memcmp(average, swapped, n * sizeof(float)));
    for (int part = 0; part < VMG_TRAIN_N_PARTS; part++)
        free(saved[part]);
    free(straight);
    free(resumed);
    free(average);
    free(swapped);
    close_fixture(f);
}

static void names_and_shapes(void)
{
    fixture *f = open_fixture(true, false);
    const struct { const char *name; bool is_t5; int rank; int64_t dim[3]; } want[] = {
        {"blocks.1.self_attn.k.weight", false, 2, {48, 48}},   {"blocks.1.self_attn.v.bias", false, 1, {48}},
        {"blocks.0.modulation", false, 3, {1, 6, 48}},         {"motion_head.modulation", false, 3, {1, 2, 48}},
        {"token_embedding.weight", true, 2, {31, 24}},         {"blocks.1.attn.v.weight", true, 2, {32, 24}},
        {"blocks.0.pos_embedding.embedding.weight", true, 2, {8, 2}}};
    REQUIRE(f->t);
    for (size_t w = 0; w < VMG_COUNT(want); w++) {
        size_t found = 0;
        for (size_t i = 0; i < vmg_train_n_params(f->t); i++) {
            vmg_train_param p = vmg_train_get_param(f->t, i);
            if (strcmp(p.name, want[w].name))
                continue;
            found++;
            CHECK(p.is_t5 == want[w].is_t5 && p.rank == want[w].rank);
            CHECK(!memcmp(p.dim, want[w].dim, sizeof p.dim));
        }
        CHECK_INT(found, 1);
    }
    close_fixture(f);
}

/* ---- refusals and plans ---- */

static void names_what_is_not_finite(void)
{
    fixture *f = open_fixture(true, false);
    REQUIRE(f->t);
    CHECK(vmg_train_find_nonfinite(f->t, VMG_TRAIN_VALUE) == NULL);
    for (size_t i = 0; i < vmg_train_n_params(f->t); i++) {
        vmg_train_param p = vmg_train_get_param(f->t, i);
        if (!strcmp(p.name, "blocks.1.ffn.0.bias"))
            vmg_op_fill(f->ctx, p.part[VMG_TRAIN_GRAD], INFINITY);
    }
    float *before = read_part(f->t, VMG_TRAIN_VALUE);
    CHECK_FAILS(vmg_train_update(f->t, 1e-3, NULL), VMG_E_FORMAT, "blocks.1.ffn.0.bias");
    float *after = read_part(f->t, VMG_TRAIN_VALUE);
    CHECK(!memcmp(before, after, (size_t)vmg_train_n_values(f->t) * sizeof *after));
    free(before);
    free(after);
    f->latents[1][17] = NAN;
    CHECK_FAILS(vmg_train_step(f->t, &f->batch, &(vmg_train_result){0}), VMG_E_FORMAT, "loss");
    close_fixture(f);
}

static void refuses_wrong_batches(void)
{
    fixture *f = open_fixture(true, false);
    vmg_train_result r;
    REQUIRE(f->t);
    f->samples[0].timestep = 1000;
    CHECK_FAILS(vmg_train_step(f->t, &f->batch, &r), VMG_E_ARG, "timestep 1000");
    f->samples[0].timestep = 0;
    f->texts[0].ids = NULL;
    CHECK_FAILS(vmg_train_step(f->t, &f->batch, &r), VMG_E_ARG, "token ids");
    f->texts[0].ids = f->ids[0];
    f->batch.n_samples = 0;
    CHECK_FAILS(vmg_train_step(f->t, &f->batch, &r), VMG_E_ARG, "no samples");
    f->batch.n_samples = N_SAMPLES;
    f->samples[0].text = 3;
    CHECK_FAILS(vmg_train_step(f->t, &f->batch, &r), VMG_E_ARG, "context 3");
    vmg_ctx_clear(f->ctx);
    vmg_t5_config wide = t5;
    wide.dim = 32;
    vmg_train *other;
    vmg_train_options o = vmg_train_defaults();
    CHECK_FAILS(vmg_train_create(f->ctx, &dit, &wide, &o, &other), VMG_E_ARG, "width");
    close_fixture(f);
}

/* The plan of a step counts what the step takes. */
static void plans_tell_memory(void)
{
    fixture *f = calloc(1, sizeof *f);
    vmg_plan_result plan;
    vmg_train_result planned = {0}, run = {0};
    REQUIRE(f);
    REQUIRE_OK(vmg_ctx_open(&(vmg_ctx_options){.device = getenv("VMG_TEST_DEVICE")}, &f->ctx));
    fill_batch(f);
    REQUIRE_OK(vmg_plan_begin(f->ctx));
    REQUIRE(open_trainer(f, true, true));
    CHECK_OK(vmg_train_step(f->t, &f->batch, &planned));
    CHECK_OK(vmg_train_update(f->t, 1e-3, NULL));
    vmg_train_free(f->t);
    f->t = NULL;
    REQUIRE_OK(vmg_plan_end(f->ctx, false, &plan));
    CHECK(plan.n_kernels > 20);
    f->ctx->peak_memory_bytes = f->ctx->memory_bytes;
    uint64_t before = f->ctx->memory_bytes;
    REQUIRE(open_trainer(f, true, true));
    CHECK_OK(vmg_train_step(f->t, &f->batch, &run));
    CHECK_OK(vmg_train_update(f->t, 1e-3, NULL));
    CHECK_INT(planned.arena_bytes, run.arena_bytes);
    CHECK(plan.peak_memory_bytes >= f->ctx->peak_memory_bytes - before);
    vmg_test_note("planned %.1f MiB, took %.1f MiB", (double)plan.peak_memory_bytes / 1048576.0,
                  (double)(f->ctx->peak_memory_bytes - before) / 1048576.0);
    close_fixture(f);
}

/* Rounding products to bf16 bends the gradient a little, and is not left on. Heads have 32 columns, so that attention rounds too. */
static void bf16_is_close(void)
{
    fixture *f = open_fixture(true, false);
    vmg_dit_config c = dit;
    vmg_train_result r;
    float *grad[2];
    double loss[2], dot = 0, norm[2] = {0};
    c.dim = 96;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        vmg_train_options o = vmg_train_defaults();
        o.bf16 = bf16;
        vmg_train_free(f->t);
        f->t = NULL;
        REQUIRE_OK(vmg_train_create(f->ctx, &c, &t5, &o, &f->t));
        REQUIRE_OK(vmg_train_init(f->t, 11));
        REQUIRE_OK(vmg_train_step(f->t, &f->batch, &r));
        CHECK(!f->ctx->allow_bf16);
        loss[bf16] = r.loss;
        grad[bf16] = read_part(f->t, VMG_TRAIN_GRAD);
    }
    CHECK_CLOSE(loss[1], loss[0], 0.02 * loss[0]);
    for (int64_t i = 0; i < vmg_train_n_values(f->t); i++) {
        dot += (double)grad[0][i] * grad[1][i];
        for (int n = 0; n < 2; n++)
            norm[n] += (double)grad[n][i] * grad[n][i];
    }
    CHECK(dot > 0.999 * sqrt(norm[0] * norm[1]));
    vmg_test_note("1 - cosine %.2g", 1 - dot / sqrt(norm[0] * norm[1]));
    free(grad[0]);
    free(grad[1]);
    close_fixture(f);
}

static const vmg_test_case cases[] = {
    {"golden_gradients_and_updates", golden_gradients_and_updates},
    {"agrees_with_differences", agrees_with_differences},
    {"recomputing_changes_nothing", recomputing_changes_nothing},
    {"halves_add_up", halves_add_up},
    {"updates_resume", updates_resume},
    {"names_and_shapes", names_and_shapes},
    {"names_what_is_not_finite", names_what_is_not_finite},
    {"refuses_wrong_batches", refuses_wrong_batches},
    {"plans_tell_memory", plans_tell_memory},
    {"bf16_is_close", bf16_is_close},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
