/* The networks on random weights: configuration, loading, streaming, exact reuse, batches, samplers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/plan.h"
#include "models/flow.h"
#include "models/sampler.h"
#include "models/t5.h"
#include "src/format/weights_file.h"
#include "src/format/writer.h"
#include "tests/harness.h"

static const vmg_dit_config config = {.in_dim = 276, .out_dim = 276, .ref_motion_dim = 138, .dim = 96, .ffn_dim = 256,
                                      .num_heads = 3, .num_layers = 4, .freq_dim = 64, .text_dim = 80, .text_len = 512,
                                      .text_min_rows = 226, .eps = 1e-6};
enum { FRAMES = 23, REF_FRAMES = 17, TEXT_ROWS = 7, DIM = 276 };

/* ---- fixture ---- */

typedef struct fixture {
    vmg_ctx *ctx;
    vmg_dit *dit;
    float text[2 * TEXT_ROWS * 80], ref[FRAMES * 138], noise[3 * FRAMES * DIM];
    vmg_dit_context contexts[3]; /* two texts and the null context */
} fixture;

static bool open_fixture(fixture *f, const vmg_params_load_options *o)
{
    memset(f, 0, sizeof *f);
    if (!CHECK_OK(vmg_ctx_open(&(vmg_ctx_options){.device = getenv("VMG_TEST_DEVICE")}, &f->ctx)) ||
        !CHECK_OK(vmg_dit_create(f->ctx, &config, VMG_F32, &f->dit)) || !CHECK_OK(vmg_dit_load_random(f->dit, 7, o)))
        return false;
    vmg_test_fill(f->text, VMG_COUNT(f->text));
    vmg_test_fill(f->ref, VMG_COUNT(f->ref));
    vmg_test_fill(f->noise, VMG_COUNT(f->noise));
    f->contexts[0] = (vmg_dit_context){f->text, TEXT_ROWS, 226 - TEXT_ROWS};
    f->contexts[1] = (vmg_dit_context){f->text + TEXT_ROWS * 80, 3, 223};
    f->contexts[2] = (vmg_dit_context){f->text + 5 * 80, 1, 225};
    return true;
}

static void close_fixture(fixture *f)
{
    vmg_dit_free(f->dit);
    vmg_ctx_close(f->ctx);
}

static vmg_sampler_item text_item(fixture *f, int64_t context, int64_t frames, int which, float *out)
{
    return (vmg_sampler_item){.attend_to_text = true, .n_frames = frames, .context = context, .latents = out,
                              .noise = f->noise + which * FRAMES * DIM};
}

static vmg_sampler_item motion_item(fixture *f, int64_t frames, int which, float *out)
{
    vmg_sampler_item it = text_item(f, 0, frames, which, out);
    it.attend_to_text = false;
    it.ref = f->ref;
    it.n_ref_frames = REF_FRAMES;
    it.n_ref_rows = VMG_MAX(frames, REF_FRAMES);
    return it;
}

static int sample(fixture *f, const vmg_sampler_item *items, int64_t n, const vmg_sampler_options *o)
{
    return vmg_sampler_run(f->dit, items, n, f->contexts, 3, 2, o);
}

/* ---- configuration ---- */

static void configurations(void)
{
    vmg_dit_config c;
    const char good[] = "{\"in_dim\":276,\"out_dim\":276,\"dim\":96,\"ffn_dim\":256,\"num_heads\":3,\"num_layers\":4,"
                        "\"freq_dim\":64,\"text_dim\":80,\"model_type\":\"t2v\",\"eps\":1e-6}";
    CHECK_OK(vmg_dit_config_parse("c", good, sizeof good - 1, &c));
    CHECK_INT(c.ref_motion_dim, 0);
    CHECK_INT(c.text_min_rows, 226);
    CHECK_INT(c.num_heads, 3);
    const struct { const char *find, *put, *word; } bad[] = {
        {"\"dim\":96,", "", "\"dim\""},
        {"\"dim\":96", "\"dim\":97", "\"dim\" 97"},
        {"\"num_layers\":4", "\"num_layers\":-4", "num_layers"},
        {"\"num_layers\":4", "\"num_layers\":4.5", "num_layers"},
        {"\"num_layers\":4", "\"num_layers\":\"four\"", "num_layers"},
        {"\"num_heads\":3", "\"num_heads\":0", "heads"},
        {"\"ffn_dim\":256", "\"ffn_dim\":1e18", "ffn_dim"},
        {"1e-6}", "1e-6", "JSON"}};
    for (size_t i = 0; i < VMG_COUNT(bad); i++) {
        char text[512];
        const char *at = strstr(good, bad[i].find);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, bad[i].put, at + strlen(bad[i].find));
        CHECK_FAILS(vmg_dit_config_parse("the file", text, strlen(text), &c), VMG_E_FORMAT, bad[i].word);
        CHECK(strstr(vmg_error_message(), "the file") != NULL);
    }
}

/* ---- loading ---- */

/* A safetensors file with every tensor of the test network but what `skip` and `widen` say. */
static void write_model(const char *path, const vmg_dit *dit, const char *skip, const char *widen)
{
    vmg_writer *w;
    REQUIRE_OK(vmg_writer_open(path, &w));
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < dit->params.n; i++)
            for (int k = 0; k < dit->params.list[i]->n_parts; k++) {
                const vmg_param *p = dit->params.list[i];
                if (skip && !strcmp(skip, p->part[k]))
                    continue;
                int64_t cols = p->cols + (widen && !strcmp(widen, p->part[k]));
                int rank = p->is_weight || p->part_rows[k] > 1 ? 2 : 1;
                int64_t dim[2] = {rank == 2 ? p->part_rows[k] : cols, cols};
                size_t n = (size_t)(p->part_rows[k] * cols);
                if (pass == 0) {
                    CHECK_OK(vmg_writer_declare(w, p->part[k], VMG_F32, rank, dim));
                    continue;
                }
                float *x = vmg_calloc(n, sizeof *x);
                vmg_test_fill(x, n);
                CHECK_OK(vmg_writer_data(w, x, n * sizeof *x));
                free(x);
            }
    CHECK_OK(vmg_writer_commit(w));
    vmg_writer_free(w);
}

static void try_load(vmg_ctx *ctx, const char *path, int want, const char *word)
{
    vmg_weights *w;
    vmg_dit *dit;
    REQUIRE_OK(vmg_weights_open(path, &w));
    REQUIRE_OK(vmg_dit_create(ctx, &config, VMG_F32, &dit));
    if (want == VMG_OK) {
        CHECK_OK(vmg_dit_load(dit, w, NULL));
    } else {
        CHECK_FAILS(vmg_dit_load(dit, w, NULL), want, word);
        CHECK(strstr(vmg_error_message(), path) != NULL);
    }
    vmg_dit_free(dit);
    vmg_weights_close(w);
}

static void loading_names_what_is_wrong(void)
{
    fixture f;
    if (open_fixture(&f, NULL)) {
        const char *path = vmg_test_tmp("model.safetensors");
        write_model(path, f.dit, NULL, NULL);
        try_load(f.ctx, path, VMG_OK, "");
        write_model(path, f.dit, "blocks.2.self_attn.k.weight", NULL);
        try_load(f.ctx, path, VMG_E_NOTFOUND, "blocks.2.self_attn.k.weight");
        write_model(path, f.dit, NULL, "ref_motion_encoder.1.ffn.0.weight");
        try_load(f.ctx, path, VMG_E_FORMAT, "(256, 97), expected (256, 96)");
    }
    close_fixture(&f);
}

/* ViMoGen-light has no reference half: on the same weights it is the full network's text branch, and refuses references. */
static void light_is_the_text_branch(void)
{
    fixture f;
    static float full[FRAMES * DIM], light[FRAMES * DIM];
    vmg_dit_config c = config;
    vmg_sampler_options o = vmg_sampler_defaults();
    vmg_weights *w = NULL;
    c.ref_motion_dim = 0;
    o.steps = 3;
    if (open_fixture(&f, NULL)) {
        const char *path = vmg_test_tmp("light.safetensors");
        write_model(path, f.dit, NULL, NULL);
        CHECK_OK(vmg_weights_open(path, &w));
        vmg_sampler_item item = text_item(&f, 0, FRAMES, 0, full);
        for (int i = 0; i < 2; i++) {
            vmg_dit_free(f.dit);
            f.dit = NULL;
            REQUIRE_OK(vmg_dit_create(f.ctx, i ? &c : &config, VMG_F32, &f.dit));
            CHECK_OK(vmg_dit_load(f.dit, w, NULL));
            item.latents = i ? light : full;
            CHECK_OK(sample(&f, &item, 1, &o));
        }
        CHECK_INT(f.dit->n_ref_blocks, 0);
        CHECK_ARRAY(light, full, FRAMES * DIM, 0);
        item = motion_item(&f, 11, 1, light);
        CHECK_FAILS(sample(&f, &item, 1, &o), VMG_E_ARG, "reference");
        vmg_weights_close(w);
    }
    close_fixture(&f);
}

static bool stop_at_ten(void *user, size_t done, size_t total)
{
    (void)total;
    *(size_t *)user = done;
    return done < 10;
}

static void loading_can_be_interrupted(void)
{
    vmg_ctx *ctx;
    vmg_dit *dit;
    size_t done = 0;
    REQUIRE_OK(vmg_ctx_open(&(vmg_ctx_options){.device = getenv("VMG_TEST_DEVICE")}, &ctx));
    CHECK_OK(vmg_dit_create(ctx, &config, VMG_F32, &dit));
    CHECK_FAILS(vmg_dit_load_random(dit, 1, &(vmg_params_load_options){.progress = stop_at_ten, .progress_user = &done}),
                VMG_E_INTERRUPTED, "interrupted");
    CHECK_INT(done, 10);
    vmg_dit_free(dit);
    CHECK_INT(ctx->memory_bytes, 0);
    vmg_ctx_close(ctx);
}

/* ---- sampling ---- */

/* Everything at once: two texts of different lengths and a motion in one batch, against each alone. */
static void batches_equal_singles(void)
{
    fixture f;
    static float together[3][FRAMES * DIM], alone[FRAMES * DIM];
    const int64_t frames[3] = {FRAMES, 11, 19};
    vmg_sampler_options o = vmg_sampler_defaults();
    o.steps = 3;
    if (open_fixture(&f, NULL)) {
        /* The motion stands between the texts: items may come in any order. */
        vmg_sampler_item items[3] = {text_item(&f, 0, frames[0], 0, together[0]), motion_item(&f, frames[1], 1, together[1]),
                                     text_item(&f, 1, frames[2], 2, together[2])};
        CHECK_OK(sample(&f, items, 3, &o));
        for (int i = 0; i < 3; i++) {
            vmg_sampler_item one = items[i];
            one.latents = alone;
            CHECK_OK(sample(&f, &one, 1, &o));
            CHECK_ARRAY(together[i], alone, (size_t)(frames[i] * DIM), 5e-6);
        }
    }
    close_fixture(&f);
}

/* Both kinds of attention, a text's keys and the reference's: as near to f32 as the published tolerances of weights in these types
 * (golden sets' forward_f16 and forward_bf16), and other bits. */
static void activations_may_be_stored_in_two_bytes(void)
{
    static const struct { vmg_dtype dtype; double tolerance; } stored[] = {{VMG_F32, 0}, {VMG_F16, 0.02}, {VMG_BF16, 0.03}};
    fixture f;
    static float out[VMG_COUNT(stored)][2][FRAMES * DIM];
    vmg_sampler_options o = vmg_sampler_defaults();
    o.steps = 1;
    o.guidance = 1;
    if (open_fixture(&f, NULL))
        for (size_t i = 0; i < VMG_COUNT(stored); i++) {
            const vmg_sampler_item items[2] = {text_item(&f, 0, FRAMES, 0, out[i][0]), motion_item(&f, FRAMES, 1, out[i][1])};
            f.dit->activations = stored[i].dtype;
            CHECK_OK(sample(&f, items, 2, &o));
            for (int item = 0; item < 2; item++) {
                const double error = vmg_test_rel_error(out[i][item], out[0][item], FRAMES * DIM);
                CHECK(error <= stored[i].tolerance);
                CHECK((error > 0) == (i > 0));
            }
        }
    close_fixture(&f);
}

static void each_reuse_changes_nothing(void)
{
    fixture f;
    static float all[2][FRAMES * DIM], some[2][FRAMES * DIM];
    vmg_sampler_options o = vmg_sampler_defaults();
    o.steps = 3;
    if (open_fixture(&f, NULL)) {
        vmg_sampler_item items[2] = {text_item(&f, 0, FRAMES, 0, all[0]), motion_item(&f, 20, 1, all[1])};
        items[0].ref = f.ref; /* never read, but encoded when VMG_REUSE_BRANCH is off */
        items[0].n_ref_rows = FRAMES;
        CHECK_OK(sample(&f, items, 2, &o));
        items[0].latents = some[0];
        items[1].latents = some[1];
        for (int bit = 1; bit <= VMG_REUSE_ALL + 1; bit *= 2) {
            o.reuse = bit > VMG_REUSE_ALL ? 0 : VMG_REUSE_ALL & ~bit;
            CHECK_OK(sample(&f, items, 2, &o));
            CHECK_ARRAY(some[0], all[0], FRAMES * DIM, 5e-6);
            CHECK_ARRAY(some[1], all[1], 20 * DIM, 5e-6);
        }
    }
    close_fixture(&f);
}

/* A device too small for the network: streamed blocks give the same bits. */
static void streaming_is_exact(void)
{
    fixture whole, streamed = {0};
    static float a[FRAMES * DIM], b[FRAMES * DIM];
    vmg_sampler_options o = vmg_sampler_defaults();
    o.steps = 2;
    if (open_fixture(&whole, NULL)) {
        vmg_params *ps = &whole.dit->params;
        size_t largest = 0, fixed = ps->groups[ps->n_groups].bytes;
        for (int g = 0; g < ps->n_groups; g++)
            largest = VMG_MAX(largest, ps->groups[g].bytes);
        for (int resident = 0; resident < 3; resident++) {
            uint64_t limit = fixed + (size_t)(2 + resident) * largest;
            if (!open_fixture(&streamed, &(vmg_params_load_options){.max_bytes = limit}))
                break;
            CHECK(vmg_params_n_streamed(&streamed.dit->params) > 0);
            CHECK(vmg_params_n_streamed(&streamed.dit->params) <= 6 - resident);
            vmg_sampler_item x = text_item(&whole, 0, FRAMES, 0, a), y = text_item(&streamed, 0, FRAMES, 0, b);
            memcpy(streamed.text, whole.text, sizeof whole.text);
            memcpy(streamed.noise, whole.noise, sizeof whole.noise);
            CHECK_OK(sample(&whole, &x, 1, &o));
            CHECK_OK(sample(&streamed, &y, 1, &o));
            CHECK_ARRAY(b, a, FRAMES * DIM, 0);
            close_fixture(&streamed);
        }
        vmg_ctx *ctx;
        vmg_dit *dit;
        CHECK_OK(vmg_ctx_open(&(vmg_ctx_options){.device = getenv("VMG_TEST_DEVICE")}, &ctx));
        CHECK_OK(vmg_dit_create(ctx, &config, VMG_F32, &dit));
        CHECK_FAILS(vmg_dit_load_random(dit, 7, &(vmg_params_load_options){.max_bytes = fixed + largest}), VMG_E_NOMEM,
                    "two blocks at a time");
        vmg_dit_free(dit);
        vmg_ctx_close(ctx);
    }
    close_fixture(&whole);
}

static void plan_agrees_with_the_run(void)
{
    fixture f;
    vmg_plan_result plan;
    static float a[FRAMES * DIM];
    vmg_sampler_options o = vmg_sampler_defaults();
    o.steps = 4;
    if (open_fixture(&f, NULL)) {
        vmg_sampler_item x = text_item(&f, 0, FRAMES, 0, a);
        a[0] = 12345;
        CHECK_OK(vmg_plan_begin(f.ctx));
        CHECK_OK(sample(&f, &x, 1, &o));
        CHECK_OK(vmg_plan_end(f.ctx, true, &plan));
        CHECK(a[0] == 12345);
        CHECK(plan.n_kernels > 5);
        uint64_t before = f.ctx->memory_bytes;
        f.ctx->peak_memory_bytes = before;
        CHECK_OK(sample(&f, &x, 1, &o));
        CHECK(a[0] != 12345);
        CHECK_INT(f.ctx->peak_memory_bytes - before, plan.peak_memory_bytes);
        double flops = vmg_sampler_step_flops(f.dit, &x, 1, f.contexts, 3, 2, &o);
        CHECK(flops > 1e6 && flops < 1e9);
    }
    close_fixture(&f);
}

/* Random weights make a velocity that oscillates with the timestep's fastest sinusoids, which no solver follows:
 * without the first layer's weights it depends on the latents alone. */
static void forget_time(fixture *f)
{
    const vmg_param *p = f->dit->time0_w;
    int64_t n = (int64_t)(p->bytes / sizeof(float));
    vmg_op_fill(f->ctx, vmg_tensor_make(p->value.buf, p->value.off_bytes, VMG_F32, 1, &n), 0);
}

/* Every sampler approaches the same solution, and the higher orders from fewer evaluations. */
static void samplers_converge(void)
{
    fixture f;
    static float exact[FRAMES * DIM], got[FRAMES * DIM];
    vmg_sampler_options o = vmg_sampler_defaults();
    o.smooth = false;
    o.guidance = 1.5;
    o.shift = 1;       /* even steps: the published shift makes the last one large */
    o.strength = 0.9;
    if (open_fixture(&f, NULL)) {
        double error[3][2];
        forget_time(&f);
        vmg_sampler_item x = text_item(&f, 0, FRAMES, 0, exact);
        o.kind = VMG_SAMPLER_HEUN;
        o.steps = 160;
        CHECK_OK(sample(&f, &x, 1, &o));
        x.latents = got;
        for (int kind = 0; kind < 3; kind++)
            for (int fine = 0; fine < 2; fine++) {
                o.kind = (vmg_sampler_kind)kind;
                o.steps = fine ? 40 : 10;
                CHECK_OK(sample(&f, &x, 1, &o));
                error[kind][fine] = vmg_test_rel_error(got, exact, FRAMES * DIM);
                vmg_test_note("%s, %d steps: %.3g from the solution", vmg_sampler_name(o.kind), (int)o.steps,
                              error[kind][fine]);
            }
        for (int kind = 0; kind < 3; kind++)
            CHECK(error[kind][1] < error[kind][0]);
        CHECK(error[VMG_SAMPLER_EULER][1] < 0.05);
        CHECK(error[VMG_SAMPLER_HEUN][1] < 0.3 * error[VMG_SAMPLER_EULER][1]);
        CHECK(error[VMG_SAMPLER_DPMPP_2M][1] < 0.6 * error[VMG_SAMPLER_EULER][1]);
    }
    close_fixture(&f);
}

static void guidance_interval(void)
{
    fixture f;
    static float full[FRAMES * DIM], none[FRAMES * DIM], got[FRAMES * DIM];
    vmg_sampler_options o = vmg_sampler_defaults();
    o.steps = 3;
    if (open_fixture(&f, NULL)) {
        vmg_sampler_item x = text_item(&f, 0, FRAMES, 0, full);
        CHECK_OK(sample(&f, &x, 1, &o));
        o.guidance = 1;
        x.latents = none;
        CHECK_OK(sample(&f, &x, 1, &o));
        CHECK(vmg_test_rel_error(full, none, FRAMES * DIM) > 1e-3);
        o.guidance = 5;
        o.guidance_from = 0.01; /* below every σ of the schedule: guidance never applies */
        x.latents = got;
        CHECK_OK(sample(&f, &x, 1, &o));
        CHECK_ARRAY(got, none, FRAMES * DIM, 0);
        o.guidance_from = 1;
        CHECK_OK(sample(&f, &x, 1, &o));
        CHECK_ARRAY(got, full, FRAMES * DIM, 0);
    }
    close_fixture(&f);
}

static void wrong_requests_are_messages(void)
{
    fixture f;
    static float out[FRAMES * DIM];
    vmg_sampler_options o = vmg_sampler_defaults();
    o.steps = 1;
    if (open_fixture(&f, NULL)) {
        vmg_sampler_item x = text_item(&f, 9, FRAMES, 0, out);
        CHECK_FAILS(sample(&f, &x, 1, &o), VMG_E_ARG, "context 9 of 3");
        vmg_ctx_clear(f.ctx);
        x = text_item(&f, 0, 100000, 0, out);
        CHECK_FAILS(sample(&f, &x, 1, &o), VMG_E_ARG, "100000 frames: 1 to 4096");
        x = motion_item(&f, FRAMES, 0, out);
        x.ref = NULL;
        CHECK_FAILS(sample(&f, &x, 1, &o), VMG_E_ARG, "no reference");
        x = text_item(&f, 0, FRAMES, 0, out);
        CHECK_FAILS(vmg_sampler_run(f.dit, &x, 1, f.contexts, 3, -1, &o), VMG_E_ARG, "null embedding");
        o.strength = 0;
        CHECK_FAILS(sample(&f, &x, 1, &o), VMG_E_ARG, "strength");
    }
    close_fixture(&f);
}

static void seeds_are_reproducible(void)
{
    fixture f;
    static float a[FRAMES * DIM], b[FRAMES * DIM];
    vmg_sampler_options o = vmg_sampler_defaults();
    o.steps = 1;
    if (open_fixture(&f, NULL)) {
        vmg_sampler_item x = text_item(&f, 0, FRAMES, 0, a);
        x.noise = NULL;
        x.seed = 3;
        CHECK_OK(sample(&f, &x, 1, &o));
        x.latents = b;
        CHECK_OK(sample(&f, &x, 1, &o));
        CHECK_ARRAY(b, a, FRAMES * DIM, 0);
        x.seed = 4;
        CHECK_OK(sample(&f, &x, 1, &o));
        CHECK(vmg_test_rel_error(b, a, FRAMES * DIM) > 0.1);
    }
    close_fixture(&f);
}

/* ---- flow ---- */

/* spec/model.md §3: the first σ at strength 0.7, and weights that sum to n with their minimum at 0. */
static void schedules(void)
{
    double sigma[51], weight[1000], sum = 0, least = 1;
    vmg_flow_schedule(50, 5.0, 0.7, sigma);
    CHECK_CLOSE(sigma[0], 0.92105263157894736, 1e-7);
    CHECK_CLOSE(sigma[50], 0, 0);
    for (int k = 0; k < 50; k++)
        CHECK(sigma[k] > sigma[k + 1]);
    vmg_flow_training_weights(1000, 5.0, 1.0, weight);
    for (int k = 0; k < 1000; k++) {
        sum += weight[k];
        least = fmin(least, weight[k]);
    }
    CHECK_CLOSE(sum, 1000, 1e-9);
    CHECK_CLOSE(least, 0, 0);
    /* Indices 775 and 180 of the golden training set. */
    CHECK_CLOSE(weight[775], 1.987622857093811, 2e-6);
    CHECK_CLOSE(weight[180], 0.26857540011405945, 2e-6);
    double root[1000], ratio = sqrt(weight[775] / weight[180]);
    vmg_flow_training_weights(1000, 5.0, 0.5, root);
    CHECK_CLOSE(root[775] / root[180], ratio, 1e-9);
    vmg_flow_training_weights(1000, 5.0, 0.0, weight);
    for (int k = 0; k < 1000; k++)
        CHECK_CLOSE(weight[k], 1, 1e-12);
}

/* ---- text encoder ---- */

static void encoder_packs_texts(void)
{
    static const vmg_t5_config c = {.vocab_size = 50, .dim = 64, .dim_attn = 48, .dim_ffn = 96, .num_heads = 3,
                                    .num_layers = 3, .num_buckets = 32, .max_dist = 128, .eps = 1e-6};
    static const int32_t ids[] = {3, 4, 5, 6, 7, 1, 9, 1, 1};
    static const int64_t lens[] = {6, 2, 1, 0};
    float together[9 * 64], alone[9 * 64];
    vmg_ctx *ctx;
    vmg_t5 *t5 = NULL;
    REQUIRE_OK(vmg_ctx_open(&(vmg_ctx_options){.device = getenv("VMG_TEST_DEVICE")}, &ctx));
    CHECK_OK(vmg_t5_create(ctx, &c, VMG_F32, &t5));
    CHECK_OK(vmg_t5_load_random(t5, 5, NULL));
    CHECK_OK(vmg_t5_encode(t5, ids, lens, 4, NULL, NULL, together));
    int64_t at = 0;
    for (int i = 0; i < 4; at += lens[i++])
        CHECK_OK(vmg_t5_encode(t5, ids + at, &lens[i], 1, NULL, NULL, alone + at * 64));
    CHECK_ARRAY(together, alone, 9 * 64, 2e-6);
    CHECK_FAILS(vmg_t5_encode(t5, (int32_t[]){50}, (int64_t[]){1}, 1, NULL, NULL, alone), VMG_E_ARG, "token 50");
    uint64_t limit = t5->params.groups[3].bytes + 2 * t5->params.groups[0].bytes;
    vmg_t5_free(t5);
    CHECK_OK(vmg_t5_create(ctx, &c, VMG_F32, &t5));
    CHECK_OK(vmg_t5_load_random(t5, 5, &(vmg_params_load_options){.max_bytes = limit}));
    CHECK(vmg_params_n_streamed(&t5->params) == 3);
    CHECK_OK(vmg_t5_encode(t5, ids, lens, 4, NULL, NULL, alone));
    CHECK_ARRAY(alone, together, 9 * 64, 0);
    vmg_t5_free(t5);
    vmg_ctx_close(ctx);
}

static const vmg_test_case cases[] = {
    {"configurations", configurations},
    {"schedules", schedules},
    {"loading_names_what_is_wrong", loading_names_what_is_wrong},
    {"loading_can_be_interrupted", loading_can_be_interrupted},
    {"light_is_the_text_branch", light_is_the_text_branch},
    {"batches_equal_singles", batches_equal_singles},
    {"activations_may_be_stored_in_two_bytes", activations_may_be_stored_in_two_bytes},
    {"each_reuse_changes_nothing", each_reuse_changes_nothing},
    {"streaming_is_exact", streaming_is_exact},
    {"plan_agrees_with_the_run", plan_agrees_with_the_run},
    {"samplers_converge", samplers_converge},
    {"guidance_interval", guidance_interval},
    {"wrong_requests_are_messages", wrong_requests_are_messages},
    {"seeds_are_reproducible", seeds_are_reproducible},
    {"encoder_packs_texts", encoder_packs_texts},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
