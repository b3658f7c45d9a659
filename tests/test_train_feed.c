/* What training is fed with: recipes, draws, corrupted references, batches. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "models/vocabulary.h"
#include "src/motion/rep276.h"
#include "src/train/corrupt.h"
#include "src/train/draw.h"
#include "src/train/facts.h"
#include "src/train/feed.h"
#include "src/train/vocabulary.h"
#include "tests/harness.h"
#include "tests/train_fixture.h"

/* ---- recipes ---- */

static int parse(const char *json, vmg_recipe *r)
{
    *r = vmg_recipe_defaults();
    return vmg_recipe_parse("c.json", json, strlen(json), r);
}

static void reads_recipes(void)
{
    vmg_recipe r, again;
    REQUIRE_OK(parse("{\"dim\":1,\"training\":{\"steps\":7,\"lr\":0.5,\"cosine\":true,\"emphasis\":\"sit=2\"}}", &r));
    CHECK_STR(r.emphasis, "sit=2");
    CHECK(r.steps == 7 && r.lr == 0.5 && r.cosine && r.batch == vmg_recipe_defaults().batch);
    char *json = vmg_recipe_json(&r), *whole = json ? vmg_asprintf("{\"training\":%s}", json) : NULL;
    REQUIRE(whole);
    CHECK_OK(parse(whole, &again));
    char *json_again = vmg_recipe_json(&again);
    CHECK_STR(json_again, json);
    free(json_again);
    free(json);
    free(whole);
    CHECK_FAILS(parse("{\"training\":{\"stepz\":7}}", &r), VMG_E_FORMAT, "stepz");
    CHECK_FAILS(parse("{\"training\":{\"steps\":7.5}}", &r), VMG_E_FORMAT, "integer");
    CHECK_FAILS(parse("{\"training\":{\"p-null\":2}}", &r), VMG_E_FORMAT, "p-null");
    CHECK_FAILS(parse("{\"training\":{\"cosine\":1}}", &r), VMG_E_FORMAT, "true or false");
    CHECK_FAILS(parse("{\"training\":{\"emphasis\":2}}", &r), VMG_E_FORMAT, "emphasis must be a text");
    char *longest = vmg_asprintf("{\"training\":{\"emphasis\":\"%*s\"}}", VMG_RECIPE_TEXT_BYTES - 1, "sit=2");
    char *longer = vmg_asprintf("{\"training\":{\"emphasis\":\"%*s\"}}", VMG_RECIPE_TEXT_BYTES, "sit=2");
    REQUIRE(longest && longer);
    CHECK_OK(parse(longest, &r));
    CHECK_INT((int64_t)strlen(r.emphasis), VMG_RECIPE_TEXT_BYTES - 1);
    CHECK_FAILS(parse(longer, &r), VMG_E_FORMAT, "less than");
    free(longest);
    free(longer);
    r = vmg_recipe_defaults();
    r.min_frames = 300;
    CHECK_FAILS(vmg_recipe_check(&r), VMG_E_ARG, "max-frames");
}

static void changes_rates(void)
{
    vmg_recipe r = vmg_recipe_defaults();
    r.lr = 2;
    r.warmup = 10;
    r.steps = 110;
    CHECK_CLOSE(vmg_recipe_lr(&r, 0), 0, 0);
    CHECK_CLOSE(vmg_recipe_lr(&r, 5), 1, 1e-12);
    CHECK_CLOSE(vmg_recipe_lr(&r, 100), 2, 0);
    r.cosine = true;
    r.final_lr = 0.1;
    CHECK_CLOSE(vmg_recipe_lr(&r, 10), 2, 1e-12);
    CHECK_CLOSE(vmg_recipe_lr(&r, 60), 2 * (0.1 + 0.9 * 0.5), 1e-12);
    CHECK_CLOSE(vmg_recipe_lr(&r, 110), 0.2, 1e-12);
    CHECK_CLOSE(vmg_recipe_lr(&r, 500), 0.2, 1e-12);
    CHECK_CLOSE(vmg_recipe_ema(&r, 0), 0.1, 1e-12);
    CHECK_CLOSE(vmg_recipe_ema(&r, 1000000), r.ema, 0);
}

/* ---- draws ---- */

static void draws_by_name(void)
{
    enum { N = 20000 };
    vmg_draw a = vmg_draw_from(1, 2), b = vmg_draw_from(1, 2), c = vmg_draw_from(1, 3);
    double mean = 0, square = 0, uniform = 0;
    int64_t seen[3] = {0, 0, 0}, equal = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t x = vmg_draw_u64(&a);
        CHECK(x == vmg_draw_u64(&b));
        equal += x == vmg_draw_u64(&c);
    }
    CHECK_INT(equal, 0);
    for (int i = 0; i < N; i++) {
        double x = vmg_draw_normal(&a), u = vmg_draw_uniform(&a);
        int64_t k = vmg_draw_between(&a, 5, 7);
        REQUIRE(u >= 0 && u < 1 && k >= 5 && k <= 7);
        mean += x / N;
        square += x * x / N;
        uniform += u / N;
        seen[k - 5]++;
    }
    /* Five standard errors. */
    CHECK_CLOSE(mean, 0, 5 / sqrt(N));
    CHECK_CLOSE(square, 1, 5 * sqrt(2.0 / N));
    CHECK_CLOSE(uniform, 0.5, 5 * sqrt(1.0 / 12 / N));
    for (int k = 0; k < 3; k++)
        CHECK_CLOSE((double)seen[k] / N, 1.0 / 3, 5 * sqrt(2.0 / 9 / N));
}

static void corrupts_references(void)
{
    enum { T = 20000, D = 3 };
    vmg_corruption how = {.noise_rate = 0.3, .noise_scale = 0.1, .replace_rate = 0.05};
    vmg_draw d = vmg_draw_from(7, 7);
    float *ref = vmg_calloc(T * D, sizeof *ref), *out = vmg_calloc(T * D, sizeof *out);
    int64_t zeroed = 0, same = 0, replaced = 0, noisy = 0;
    double square = 0;
    REQUIRE(ref && out);
    for (int i = 0; i < T * D; i++)
        ref[i] = (float)(1000 + 100 * (i / D % 2)); /* neighbours are equal and 100 away */
    int64_t kept = vmg_corrupt(&how, &d, ref, T, T + 5, D, out);
    for (int t = 0; t < T; t++) {
        double off = fabs(out[t * D] - ref[t * D]);
        zeroed += out[t * D] == 0;
        same += off == 0;
        replaced += off > 30 && off < 110; /* half as much at the ends, which stand for their missing neighbour */
        if (off > 0 && off < 2) {
            noisy++;
            square += off * off;
        }
    }
    CHECK_INT(kept, T - zeroed);
    CHECK_CLOSE((double)zeroed / T, 0.02, 0.005);
    CHECK_CLOSE((double)replaced / T, 0.05 * 0.98, 0.008);
    CHECK_CLOSE((double)noisy / T, 0.3 * 0.95 * 0.98, 0.017);
    CHECK_CLOSE(sqrt(square / (double)noisy), 0.1, 0.005);
    CHECK_INT(same + replaced + noisy + zeroed, T);
    for (int i = 0; i < 100; i++) {
        vmg_corruption c = vmg_corruption_draw(&d);
        CHECK(c.noise_rate >= 0 && c.noise_rate < 0.4 && c.noise_scale >= 0.05 && c.noise_scale < 0.15 &&
              c.replace_rate >= 0.03 && c.replace_rate < 0.08);
    }
    free(ref);
    free(out);
}

/* ---- batches ---- */

typedef struct fed {
    vmg_dataset *data;
    vmg_tokenizer *tokenizer;
    vmg_text_tokens tokens;
    vmg_feed_options o;
    vmg_feed *feed;
} fed;

static int open_fed(fed *f, int64_t rank, int64_t n_ranks, bool held_out, size_t cache_bytes)
{
    uint8_t *model = NULL;
    size_t n;
    vmg_caption_texts texts = {0};
    char *dir = vmg_strdup(vmg_test_tmp("set"));
    *f = (fed){0};
    int rc = dir ? vmg_path_exists(dir) ? VMG_OK : vmg_test_make_dataset(dir) : VMG_E_NOMEM;
    if (rc == VMG_OK)
        rc = vmg_dataset_open(dir, &f->data);
    if (rc == VMG_OK)
        rc = vmg_caption_texts_read(f->data, 1000, &texts);
    if (rc == VMG_OK)
        rc = vmg_vocabulary_train((const char *const *)texts.text, texts.n, 60, &model, &n);
    if (rc == VMG_OK)
        rc = vmg_tokenizer_from_memory(model, n, "test", &f->tokenizer);
    f->tokens = (vmg_text_tokens){f->tokenizer, 16};
    f->o = (vmg_feed_options){.data = f->data, .recipe = vmg_recipe_defaults(), .n_timesteps = 1000, .held_out = held_out,
                              .mean = vmg_dataset_mean(f->data), .std = vmg_dataset_std(f->data), .rank = rank,
                              .n_ranks = n_ranks, .cache_bytes = cache_bytes,
                              .dit = {.in_dim = 276, .out_dim = 276, .ref_motion_dim = 138, .text_min_rows = 8},
                              .texts = vmg_text_source_tokens(&f->tokens)};
    f->o.recipe.batch = 40;
    f->o.recipe.max_frames = 60;
    if (rc == VMG_OK)
        rc = vmg_feed_open(&f->o, &f->feed);
    vmg_caption_texts_free(&texts);
    free(model);
    free(dir);
    return rc;
}

static void close_fed(fed *f)
{
    vmg_feed_close(f->feed);
    vmg_tokenizer_free(f->tokenizer);
    vmg_dataset_close(f->data);
}

static bool same_sample(const vmg_feed_batch *a, int64_t i, const vmg_feed_batch *b, int64_t k)
{
    const vmg_train_sample *x = &a->samples[i], *y = &b->samples[k];
    size_t row = VMG_REP_DIM * sizeof(float), ref_row = VMG_REF_DIM * sizeof(float);
    return x->n_frames == y->n_frames && x->timestep == y->timestep && x->noise_seed == y->noise_seed &&
           x->attend_to_text == y->attend_to_text && !strcmp(a->names[i], b->names[k]) &&
           !memcmp(x->latents, y->latents, (size_t)x->n_frames * row) && x->n_ref_frames == y->n_ref_frames &&
           (!x->ref || !memcmp(x->ref, y->ref, (size_t)x->n_ref_rows * ref_row)) &&
           (!x->attend_to_text || !strcmp(a->texts_said[x->text], b->texts_said[y->text]));
}

static void draws_what_the_recipe_says(void)
{
    fed f;
    REQUIRE_OK(open_fed(&f, 0, 1, false, 1 << 20));
    int64_t n = 0, motion = 0, null = 0, kinematic = 0, captioned = 0, held_out = 0;
    double square = 0, values = 0;
    for (int64_t k = 0; k < 40; k++) {
        vmg_feed_batch b;
        REQUIRE_OK(vmg_feed_make(f.feed, k, &b));
        CHECK_INT(b.batch.n_samples, 40);
        for (int64_t i = 0; i < 40; i++) {
            const vmg_train_sample *s = &b.samples[i];
            CHECK(s->n_frames >= 40 && s->n_frames <= 60 && s->timestep >= 0 && s->timestep < 1000);
            CHECK(s->attend_to_text ? s->text < b.batch.n_texts : s->ref && s->n_ref_frames <= s->n_ref_rows);
            n++;
            motion += !s->attend_to_text;
            held_out += b.names[i][1] >= '6';
            const char *text = s->attend_to_text ? b.texts_said[s->text] : "";
            if (s->attend_to_text && !strncmp(b.names[i], "t5", 2))
                CHECK_STR(text, "");
            if (s->attend_to_text && strncmp(b.names[i], "t5", 2)) {
                captioned++;
                null += !*text;
            }
            kinematic += strstr(text, "even speed") || strstr(text, "ahead");
            for (int64_t t = 0; t < s->n_frames * VMG_REP_DIM; t++, values++)
                square += (double)s->latents[t] * (double)s->latents[t];
        }
        for (int64_t i = 0; i < b.batch.n_texts; i++) {
            CHECK(b.texts[i].ids[b.texts[i].n_rows - 1] == VMG_VOCABULARY_END);
            CHECK(b.texts[i].n_rows + b.texts[i].n_padding >= 8);
        }
        vmg_feed_batch_free(&b);
    }
    CHECK_INT(held_out, 0);
    CHECK_CLOSE((double)motion / (double)n, 0.2, 0.05);
    CHECK_CLOSE((double)null / (double)captioned, 0.5, 0.07);
    CHECK(kinematic > 100);
    CHECK(square / values > 0.2 && square / values < 5); /* normalised */
    close_fed(&f);
}

/* The same draws with noise on whole references: only these differ, by N(0, U(0, 0.6)²). */
static void adds_noise_to_references(void)
{
    fed f;
    vmg_feed_batch clean, noisy;
    double square = 0, n = 0;
    REQUIRE_OK(open_fed(&f, 0, 1, false, 1 << 24));
    for (int64_t k = 0; k < 15; k++) {
        for (int pass = 0; pass < 2; pass++) {
            vmg_feed_close(f.feed);
            f.feed = NULL;
            f.o.recipe.p_motion = 1;
            f.o.recipe.ref_noise = pass ? 0.6 : 0;
            REQUIRE_OK(vmg_feed_open(&f.o, &f.feed));
            REQUIRE_OK(vmg_feed_make(f.feed, k, pass ? &noisy : &clean));
        }
        for (int64_t i = 0; i < clean.batch.n_samples; i++) {
            const vmg_train_sample *a = &clean.samples[i], *b = &noisy.samples[i];
            CHECK_INT(b->n_frames, a->n_frames);
            CHECK(!memcmp(a->latents, b->latents, (size_t)(a->n_frames * VMG_REP_DIM) * sizeof(float)));
            for (int64_t t = 0; t < a->n_ref_rows * VMG_REF_DIM; t++)
                square += pow((double)b->ref[t] - a->ref[t], 2);
            n += (double)(a->n_ref_rows * VMG_REF_DIM);
        }
        vmg_feed_batch_free(&clean);
        vmg_feed_batch_free(&noisy);
    }
    CHECK_CLOSE(square / n, 0.36 / 3, 0.015); /* mean of U(0, 0.6)²; 600 samples */
    close_fed(&f);
}

/* Half of U(0, 0.8): 40% of the words go, never all of a caption, and none of what stays changes or moves. */
static void leaves_words_out(void)
{
    fed f;
    int64_t whole = 0, kept = 0;
    REQUIRE_OK(open_fed(&f, 0, 1, false, 1 << 24));
    for (int64_t k = 0; k < 30; k++) {
        vmg_feed_batch full, fewer;
        for (int pass = 0; pass < 2; pass++) {
            vmg_feed_close(f.feed);
            f.feed = NULL;
            f.o.recipe.p_null = f.o.recipe.p_motion = 0;
            f.o.recipe.word_drop = pass ? 0.8 : 0;
            REQUIRE_OK(vmg_feed_open(&f.o, &f.feed));
            REQUIRE_OK(vmg_feed_make(f.feed, k, pass ? &fewer : &full));
        }
        for (int64_t i = 0; i < full.batch.n_samples; i++) {
            const char *a = full.texts_said[full.samples[i].text], *b = fewer.texts_said[fewer.samples[i].text];
            CHECK(!*a || *b);
            while (*b) {
                size_t n = strcspn(b, " ");
                while (*a && (strncmp(a, b, n) || strcspn(a, " ") != n)) {
                    a += strcspn(a, " ");
                    a += strspn(a, " ");
                    whole++;
                }
                if (!CHECK(*a))
                    break;
                kept++;
                whole++;
                a += n + strspn(a + n, " ");
                b += n + strspn(b + n, " ");
            }
            for (; *a; a += strspn(a, " "), whole++)
                a += strcspn(a, " ");
        }
        vmg_feed_batch_free(&full);
        vmg_feed_batch_free(&fewer);
    }
    CHECK(whole > 2000);
    CHECK_CLOSE((double)kept / (double)whole, 0.6, 0.05); /* a little more: one word at least stays */
    close_fed(&f);
}

/* Of 1000 timesteps 200 are the noisiest fifth: with half of the text samples put there, 60% of them are; held-out ones stay at 20%. */
static void puts_text_where_noise_is_highest(void)
{
    for (int held_out = 0; held_out < 2; held_out++) {
        fed f;
        double text = 0, noisy = 0, motion = 0, noisy_motion = 0;
        REQUIRE_OK(open_fed(&f, 0, 1, held_out, 1 << 24));
        vmg_feed_close(f.feed);
        f.o.recipe.p_motion = 0.5;
        f.o.recipe.noisy = 0.5;
        REQUIRE_OK(vmg_feed_open(&f.o, &f.feed));
        for (int64_t k = 0; k < 200; k++) {
            vmg_feed_batch b;
            REQUIRE_OK(vmg_feed_make(f.feed, k, &b));
            for (int64_t i = 0; i < b.batch.n_samples; i++) {
                bool high = 5 * b.samples[i].timestep < f.o.n_timesteps;
                *(b.samples[i].attend_to_text ? &text : &motion) += 1;
                *(b.samples[i].attend_to_text ? &noisy : &noisy_motion) += high;
            }
            vmg_feed_batch_free(&b);
        }
        CHECK(text > 400 && motion > 400);
        CHECK_CLOSE(noisy / text, held_out ? 0.2 : 0.6, 0.05);
        CHECK_CLOSE(noisy_motion / motion, 0.2, 0.05);
        close_fed(&f);
    }
}

/* Trials of 75 frames and more have a label about all of them, of which a sample shows 60 at most. */
static void long_labels_give_way(void)
{
    fed f;
    int64_t labels[6] = {0}, n[6] = {0};
    REQUIRE_OK(open_fed(&f, 0, 1, false, 1 << 24));
    vmg_feed_close(f.feed);
    f.o.recipe.kinematic = f.o.recipe.p_null = f.o.recipe.p_motion = 0;
    REQUIRE_OK(vmg_feed_open(&f.o, &f.feed));
    for (int64_t k = 0; k < 5; k++) {
        vmg_feed_batch b;
        REQUIRE_OK(vmg_feed_make(f.feed, k, &b));
        for (int64_t i = 0; i < b.batch.n_samples; i++) {
            int trial = b.names[i][1] - '0';
            REQUIRE(trial >= 0 && trial < 6);
            n[trial]++;
            labels[trial] += !strcmp(b.texts_said[b.samples[i].text], "a person walks forward");
        }
        vmg_feed_batch_free(&b);
    }
    for (int trial = 0; trial < 5; trial++) {
        CHECK(n[trial] > 10);
        CHECK_INT(labels[trial], trial < 2 ? n[trial] : 0);
    }
    close_fed(&f);
}

/* Of eight kinematic captions five show a walk, three nothing, one of the five a stop. Walks, and the one that stops, are drawn
 * `factor` times as often. */
static void draw_rare_ones(const char *emphasis, double factor)
{
    fed f;
    double n = 0, stops = 0, nothing = 0;
    REQUIRE_OK(open_fed(&f, 0, 1, false, 1 << 24));
    vmg_feed_close(f.feed);
    f.o.recipe.kinematic = 1;
    f.o.recipe.rarity = 1;
    f.o.recipe.p_null = f.o.recipe.p_motion = 0;
    snprintf(f.o.recipe.emphasis, sizeof f.o.recipe.emphasis, "%s", emphasis);
    REQUIRE_OK(vmg_feed_open(&f.o, &f.feed));
    for (int64_t k = 0; k < 25; k++) {
        vmg_feed_batch b;
        REQUIRE_OK(vmg_feed_make(f.feed, k, &b));
        for (int64_t i = 0; i < b.batch.n_samples; i++, n++) {
            bool second = strstr(b.names[i], "then stops") != NULL;
            stops += second && !strncmp(b.names[i], "t2", 2);
            nothing += second && strncmp(b.names[i], "t2", 2);
        }
        vmg_feed_batch_free(&b);
    }
    const double weights = factor * 4 * 8.0 / 5 + 3 * 8.0 / 3 + factor * 8;
    CHECK_CLOSE(stops / n, factor * 8 / weights, 5 * sqrt(0.25 / n));
    CHECK_CLOSE(nothing / n, 8 / weights, 5 * sqrt(0.25 / n));
    close_fed(&f);
}

static void draws_rare_behaviours(void)
{
    draw_rare_ones("", 1);
    draw_rare_ones("sit_down=2,walk_forward=4.5", 4.5);
    fed f;
    REQUIRE_OK(open_fed(&f, 0, 1, false, 1 << 24));
    vmg_feed_close(f.feed);
    f.feed = NULL;
    f.o.recipe.rarity = 1;
    static const struct {
        const char *emphasis, *message;
    } wrong[] = {{"sit_dwn=2", "sit_dwn"}, {"squat", "BEHAVIOUR=FACTOR"}, {"squat=0", "above 0"}, {"squat=2;sit=2", "BEHAVIOUR=FACTOR"}, {"squat=nan", "above 0"}};
    for (size_t i = 0; i < VMG_COUNT(wrong); i++) {
        snprintf(f.o.recipe.emphasis, sizeof f.o.recipe.emphasis, "%s", wrong[i].emphasis);
        CHECK_FAILS(vmg_feed_open(&f.o, &f.feed), VMG_E_ARG, wrong[i].message);
    }
    snprintf(f.o.recipe.emphasis, sizeof f.o.recipe.emphasis, "squat=2");
    f.o.recipe.rarity = 0;
    CHECK_FAILS(vmg_feed_open(&f.o, &f.feed), VMG_E_ARG, "needs rarity");
    close_fed(&f);
}

static void depends_on_nothing_but_the_number(void)
{
    fed a, b;
    REQUIRE_OK(open_fed(&a, 0, 1, false, 0));
    REQUIRE_OK(open_fed(&b, 0, 1, false, 1 << 24));
    vmg_feed_batch x, y, z;
    REQUIRE_OK(vmg_feed_make(a.feed, 3, &x));
    REQUIRE_OK(vmg_feed_make(b.feed, 2, &z));
    REQUIRE_OK(vmg_feed_make(b.feed, 3, &y));
    for (int64_t i = 0; i < x.batch.n_samples; i++)
        CHECK(same_sample(&x, i, &y, i));
    CHECK(!same_sample(&x, 0, &z, 0));
    vmg_feed_batch_free(&x);
    vmg_feed_batch_free(&y);
    vmg_feed_batch_free(&z);
    close_fed(&a);
    close_fed(&b);
}

static void splits_among_processes(void)
{
    fed whole, part;
    vmg_feed_batch x, y;
    REQUIRE_OK(open_fed(&whole, 0, 1, false, 0));
    REQUIRE_OK(vmg_feed_make(whole.feed, 5, &x));
    for (int64_t rank = 0; rank < 3; rank++) {
        REQUIRE_OK(open_fed(&part, rank, 3, false, 0));
        REQUIRE_OK(vmg_feed_make(part.feed, 5, &y));
        CHECK_INT(y.batch.n_samples, rank < 1 ? 14 : 13);
        for (int64_t i = 0; i < y.batch.n_samples; i++)
            CHECK(same_sample(&x, rank + 3 * i, &y, i));
        vmg_feed_batch_free(&y);
        close_fed(&part);
    }
    vmg_feed_batch_free(&x);
    close_fed(&whole);
}

/* Captions whose facts are learnt come beside the same samples as without them, are shared out among processes, and never from the
 * test half. */
static void draws_facts(void)
{
    enum { N = 7 };
    fed f;
    vmg_feed_batch plain, whole, part;
    REQUIRE_OK(open_fed(&f, 0, 1, false, 1 << 20));
    REQUIRE_OK(vmg_feed_make(f.feed, 5, &plain));
    vmg_feed_close(f.feed);
    f.o.recipe.facts = N;
    REQUIRE_OK(vmg_feed_open(&f.o, &f.feed));
    REQUIRE_OK(vmg_feed_make(f.feed, 5, &whole));
    CHECK_INT(plain.n_fact_texts, 0);
    CHECK_INT(whole.n_fact_texts, N);
    for (int64_t i = 0; i < whole.batch.n_samples; i++)
        CHECK(same_sample(&plain, i, &whole, i));
    for (int64_t i = 0; i < N; i++)
        CHECK(whole.facts[i * VMG_N_FACTS + 2 * VMG_DO_WALK_FORWARD] == 1 && whole.fact_texts[i].n_rows > 2);
    for (int64_t rank = 0; rank < 2; rank++) {
        vmg_feed_close(f.feed);
        f.o.rank = rank;
        f.o.n_ranks = 2;
        REQUIRE_OK(vmg_feed_open(&f.o, &f.feed));
        REQUIRE_OK(vmg_feed_make(f.feed, 5, &part));
        CHECK_INT(part.n_fact_texts, rank ? N / 2 : N - N / 2);
        for (int64_t i = 0; i < part.n_fact_texts; i++) {
            const vmg_train_text *x = &part.fact_texts[i], *y = &whole.fact_texts[rank + 2 * i];
            CHECK(x->n_rows == y->n_rows && !memcmp(x->ids, y->ids, (size_t)x->n_rows * sizeof *x->ids));
        }
        vmg_feed_batch_free(&part);
    }
    vmg_feed_close(f.feed);
    f.o.held_out = true;
    REQUIRE_OK(vmg_feed_open(&f.o, &f.feed));
    REQUIRE_OK(vmg_feed_make(f.feed, 5, &part));
    CHECK_INT(part.n_fact_texts, 0);
    vmg_feed_batch_free(&part);
    vmg_feed_batch_free(&plain);
    vmg_feed_batch_free(&whole);
    close_fed(&f);
}

static void prefetches_in_order(void)
{
    fed f;
    vmg_prefetch *p = NULL;
    REQUIRE_OK(open_fed(&f, 0, 1, true, 1 << 20));
    REQUIRE_OK(vmg_prefetch_start(f.feed, 4, 14, 3, &p));
    for (int64_t k = 4; k < 12; k++) {
        vmg_feed_batch x, y;
        REQUIRE_OK(vmg_prefetch_next(p, &x));
        REQUIRE_OK(vmg_feed_make(f.feed, k, &y));
        CHECK_INT(x.number, k);
        CHECK(same_sample(&x, 7, &y, 7) && x.names[7][1] >= '6');
        vmg_feed_batch_free(&x);
        vmg_feed_batch_free(&y);
    }
    vmg_prefetch_stop(p); /* two batches are never taken */
    close_fed(&f);
}

static void skips_damaged_samples(void)
{
    char *dir = vmg_strdup(vmg_test_tmp("damaged"));
    char **names = NULL, *shard = NULL, *bytes = NULL;
    size_t n = 0, size = 0;
    fed f;
    REQUIRE(dir);
    REQUIRE_OK(vmg_test_make_dataset(dir));
    REQUIRE_OK(vmg_list_dir(dir, &names, &n));
    for (size_t i = 0; i < n; i++)
        if (strstr(names[i], ".tar.zst"))
            shard = vmg_path_join(dir, names[i]);
    vmg_list_free(names, n);
    REQUIRE(shard);
    REQUIRE_OK(vmg_read_file(shard, 1 << 26, &bytes, &size));
    memset(bytes + size / 3, 0x55, 64);
    REQUIRE_OK(vmg_write_file(shard, bytes, size));
    REQUIRE_OK(open_fed(&f, 0, 1, false, 1 << 24));
    vmg_feed_close(f.feed);
    vmg_dataset_close(f.data);
    REQUIRE_OK(vmg_dataset_open(dir, &f.data));
    f.o.data = f.data;
    f.o.mean = vmg_dataset_mean(f.data);
    f.o.std = vmg_dataset_std(f.data);
    REQUIRE_OK(vmg_feed_open(&f.o, &f.feed));
    for (int64_t k = 0; k < 4; k++) {
        vmg_feed_batch b;
        CHECK_OK(vmg_feed_make(f.feed, k, &b));
        vmg_feed_batch_free(&b);
    }
    CHECK_INT(vmg_feed_n_damaged(f.feed), 1);
    close_fed(&f);
    free(bytes);
    free(shard);
    free(dir);
}

static void lists_words(void)
{
    fed f;
    vmg_caption_texts texts, few;
    REQUIRE_OK(open_fed(&f, 0, 1, false, 0));
    REQUIRE_OK(vmg_caption_texts_read(f.data, 1000, &texts));
    REQUIRE_OK(vmg_caption_texts_read(f.data, 4, &few));
    CHECK_INT(texts.n, 1 + 4 * 3);
    CHECK_INT(few.n, 4);
    char *words = vmg_caption_words(&texts);
    CHECK_STR(words, "a\nahead\nan\nat\neven\nforward\ngoes\nperson\nspeed\nstops\nthen\nwalks\n");
    free(words);
    vmg_caption_texts_free(&texts);
    vmg_caption_texts_free(&few);
    close_fed(&f);
}

static const vmg_test_case cases[] = {
    {"reads_recipes", reads_recipes},
    {"changes_rates", changes_rates},
    {"draws_by_name", draws_by_name},
    {"corrupts_references", corrupts_references},
    {"draws_what_the_recipe_says", draws_what_the_recipe_says},
    {"adds_noise_to_references", adds_noise_to_references},
    {"leaves_words_out", leaves_words_out},
    {"puts_text_where_noise_is_highest", puts_text_where_noise_is_highest},
    {"long_labels_give_way", long_labels_give_way},
    {"draws_rare_behaviours", draws_rare_behaviours},
    {"depends_on_nothing_but_the_number", depends_on_nothing_but_the_number},
    {"splits_among_processes", splits_among_processes},
    {"draws_facts", draws_facts},
    {"prefetches_in_order", prefetches_in_order},
    {"skips_damaged_samples", skips_damaged_samples},
    {"lists_words", lists_words},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
