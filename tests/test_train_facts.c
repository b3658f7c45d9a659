/* Facts of texts: gradients against finite differences, shares that add up, what captions state. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "models/train_facts.h"
#include "src/data/caption_set.h"
#include "src/train/facts.h"
#include "tests/dataset_fixture.h"
#include "tests/harness.h"
#include "tests/train_fixture.h"

enum { N_FACTS = 7, N_TEXTS = 4, MOST_TOKENS = 6 };
static const vmg_dit_config dit = {.in_dim = 276, .out_dim = 276, .ref_motion_dim = 138, .dim = 24, .ffn_dim = 16, .num_heads = 1,
                                   .num_layers = 1, .freq_dim = 16, .text_dim = 24, .text_len = 32, .text_min_rows = 7, .eps = 1e-6};
static const vmg_t5_config t5 = {.vocab_size = 31, .dim = 24, .dim_attn = 32, .dim_ffn = 40, .num_heads = 2, .num_layers = 2,
                                 .num_buckets = 8, .max_dist = 128, .eps = 1e-6};

typedef struct fixture {
    vmg_ctx *ctx;
    vmg_train *t;
    int32_t ids[N_TEXTS][MOST_TOKENS];
    float stated[N_TEXTS * N_FACTS];
    vmg_train_text texts[N_TEXTS];
    vmg_train_facts facts;
} fixture;

static bool open_fixture(fixture *f)
{
    static const int64_t n_rows[N_TEXTS] = {5, 1, 6, 3};
    vmg_train_options o = vmg_train_defaults();
    *f = (fixture){0};
    o.n_facts = N_FACTS;
    for (int i = 0; i < N_TEXTS; i++) {
        for (int64_t r = 0; r < n_rows[i]; r++)
            f->ids[i][r] = r + 1 == n_rows[i] ? 1 : 2 + (int32_t)vmg_test_below(20);
        f->texts[i] = (vmg_train_text){.ids = f->ids[i], .n_rows = n_rows[i]};
    }
    vmg_test_fill(f->stated, VMG_COUNT(f->stated));
    f->facts = (vmg_train_facts){.texts = f->texts, .facts = f->stated, .n_texts = N_TEXTS, .weight = 0.7};
    return CHECK_OK(vmg_ctx_open(&(vmg_ctx_options){.device = getenv("VMG_TEST_DEVICE")}, &f->ctx)) &&
           CHECK_OK(vmg_train_create(f->ctx, &dit, &t5, &o, &f->t)) && CHECK_OK(vmg_train_init(f->t, 5));
}

static void close_fixture(fixture *f)
{
    vmg_train_free(f->t);
    vmg_ctx_close(f->ctx);
}

static bool is_facts(const vmg_train_param *p)
{
    return !strncmp(p->name, VMG_TRAIN_FACTS_PREFIX, strlen(VMG_TRAIN_FACTS_PREFIX));
}

/* The layer starts as zero, where its inputs get no gradient: give it values. */
static void fill_layer(fixture *f)
{
    for (size_t i = 0; i < vmg_train_n_params(f->t); i++) {
        vmg_train_param p = vmg_train_get_param(f->t, i);
        float x[N_FACTS * 24];
        vmg_test_fill(x, VMG_COUNT(x));
        if (is_facts(&p))
            vmg_upload(f->ctx, p.part[VMG_TRAIN_VALUE], x);
    }
}

static double weighted_loss(fixture *f)
{
    double loss = 0;
    CHECK_OK(vmg_train_facts_step(f->t, &f->facts, &loss));
    return f->facts.weight * loss;
}

/* Along its own gradient a parameter changes the weighted loss as fast as the gradient is long; the network beside it gets none. */
static void agrees_with_differences(void)
{
    fixture f;
    REQUIRE(open_fixture(&f));
    double sum = 0, loss = 0;
    for (int i = 0; i < N_TEXTS * N_FACTS; i++)
        sum += (double)f.stated[i] * f.stated[i];
    CHECK_OK(vmg_train_facts_step(f.t, &f.facts, &loss));
    CHECK_CLOSE(loss, sum / N_TEXTS, 1e-5 * sum);
    fill_layer(&f);
    for (size_t i = 0, n_facts = 0; i < vmg_train_n_params(f.t); i++) {
        vmg_train_param p = vmg_train_get_param(f.t, i);
        int64_t n = vmg_tensor_count(p.part[VMG_TRAIN_VALUE]);
        float *x = vmg_calloc(3 * (size_t)n, sizeof *x), *g = x + n, *moved = g + n;
        double norm = 0, at[2];
        vmg_train_zero_grad(f.t);
        loss = weighted_loss(&f);
        vmg_download(f.ctx, p.part[VMG_TRAIN_VALUE], x);
        vmg_download(f.ctx, p.part[VMG_TRAIN_GRAD], g);
        for (int64_t k = 0; k < n; k++)
            norm += (double)g[k] * g[k];
        norm = sqrt(norm);
        n_facts += is_facts(&p);
        CHECK((norm > 0) == (p.is_t5 || is_facts(&p)));
        const double step = fmin(4e-3 * loss / (norm + 1e-30), 0.02);
        for (int side = 0; side < 2 && norm > 0; side++) {
            for (int64_t k = 0; k < n; k++)
                moved[k] = (float)(x[k] + (side ? -step : step) * g[k] / norm);
            vmg_upload(f.ctx, p.part[VMG_TRAIN_VALUE], moved);
            at[side] = weighted_loss(&f);
        }
        vmg_upload(f.ctx, p.part[VMG_TRAIN_VALUE], x);
        if (norm > 0 && !CHECK(fabs((at[0] - at[1]) / (2 * step) - norm) <= 5e-3 * norm + 3e-7 * loss / step))
            vmg_test_note("%s: %g, differences say %g", p.name, norm, (at[0] - at[1]) / (2 * step));
        free(x);
        CHECK(i + 1 < vmg_train_n_params(f.t) || n_facts == 2);
    }
    close_fixture(&f);
}

/* Two processes' shares give the gradient and loss of the whole. */
static void shares_add_up(void)
{
    fixture f;
    REQUIRE(open_fixture(&f));
    fill_layer(&f);
    const int64_t n = vmg_train_n_values(f.t);
    float *whole = vmg_calloc((size_t)n, sizeof *whole), *sum = vmg_calloc((size_t)n, sizeof *sum);
    double loss, part, parts = 0;
    REQUIRE_OK(vmg_train_facts_step(f.t, &f.facts, &loss));
    REQUIRE_OK(vmg_train_read(f.t, VMG_TRAIN_GRAD, whole));
    vmg_train_zero_grad(f.t);
    for (int i = 0; i < 2; i++) {
        vmg_train_facts share = f.facts;
        share.texts += 3 * i;
        share.facts += 3 * i * N_FACTS;
        share.n_texts = i ? 1 : 3;
        share.n_all = N_TEXTS;
        REQUIRE_OK(vmg_train_facts_step(f.t, &share, &part));
        parts += part;
    }
    REQUIRE_OK(vmg_train_read(f.t, VMG_TRAIN_GRAD, sum));
    CHECK_CLOSE(parts, loss, 1e-5 * loss);
    CHECK_ARRAY(sum, whole, (size_t)n, 1e-5);
    free(whole);
    free(sum);
    close_fixture(&f);
}

static void refuses_what_it_cannot_learn(void)
{
    fixture f;
    double loss;
    vmg_train *none = NULL;
    vmg_train_options o = vmg_train_defaults();
    REQUIRE(open_fixture(&f));
    o.n_facts = 1;
    CHECK_FAILS(vmg_train_create(f.ctx, &dit, NULL, &o, &none), VMG_E_ARG, "encoder");
    o.n_facts = 0;
    REQUIRE_OK(vmg_train_create(f.ctx, &dit, &t5, &o, &none));
    CHECK_FAILS(vmg_train_facts_step(none, &f.facts, &loss), VMG_E_ARG, "0 facts");
    vmg_train_free(none);
    f.texts[2].ids = NULL;
    CHECK_FAILS(vmg_train_facts_step(f.t, &f.facts, &loss), VMG_E_ARG, "text 2");
    close_fixture(&f);
}

/* The tiny data set's five captions with facts all tell a walk, whose value they do not give. */
static void reads_what_captions_state(void)
{
    const int64_t trials[] = {0, 1, 2, 3, 4, 5};
    const char *dir = vmg_test_tmp("set");
    vmg_dataset *ds;
    vmg_stated *s;
    int ahead = 0;
    REQUIRE_OK(vmg_test_make_dataset(dir));
    REQUIRE_OK(vmg_dataset_open(dir, &ds));
    REQUIRE_OK(vmg_stated_read(ds, trials, VMG_COUNT(trials), &s));
    CHECK_INT(vmg_stated_count(s), 5);
    for (int64_t i = 0; i < vmg_stated_count(s); i++) {
        float facts[VMG_N_FACTS];
        ahead += strstr(vmg_stated_get(s, i, facts), "goes ahead") != NULL;
        for (int b = 0; b < VMG_N_BEHAVIOURS; b++)
            CHECK(facts[2 * b] == (b == VMG_DO_WALK_FORWARD) && facts[2 * b + 1] == 0);
    }
    CHECK_INT(ahead, 1);
    vmg_stated_free(s);
    CHECK_FAILS(vmg_stated_read(ds, trials, 1, &s), VMG_E_ARG, "no computed captions");
    vmg_dataset_close(ds);
}

/* What a caption says both sides do is a fact of both. Captions are read in the table's order. Returns how many such things there are. */
static int count_both(const vmg_dataset *ds, const vmg_stated *s)
{
    int n_both = 0;
    int64_t at = 0;
    for (int64_t trial = 0; trial < vmg_dataset_count(ds); trial++) {
        vmg_sample one = {0};
        if (!CHECK_OK(vmg_dataset_read_captions(ds, trial, &one)))
            return n_both;
        for (int64_t k = 0; k < one.n_captions; k++) {
            float stated[VMG_N_FACTS];
            cJSON *facts = one.captions[k].facts ? cJSON_Parse(one.captions[k].facts) : NULL;
            const cJSON *b;
            if (facts)
                CHECK_STR(vmg_stated_get(s, at++, stated), one.captions[k].text);
            cJSON_ArrayForEach(b, cJSON_GetObjectItemCaseSensitive(facts, "behaviours"))
            {
                const int left = vmg_behaviour_find(cJSON_GetObjectItemCaseSensitive(b, "what")->valuestring);
                if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(b, "both")))
                    continue;
                n_both++;
                CHECK(stated[2 * (size_t)left] == 1 && stated[2 * (size_t)left + 2] == 1);
            }
            cJSON_Delete(facts);
        }
        vmg_sample_free(&one);
    }
    return n_both;
}

/* On real clips: of each behaviour with at least 100 captions, values lie about 0 with deviation 1. */
static void standardises_values(void)
{
    char *dir = vmg_test_real_set("stated");
    vmg_caption_report captioned;
    vmg_dataset *ds;
    vmg_stated *s;
    if (!dir)
        return;
    REQUIRE_OK(vmg_caption_set(dir, &(vmg_caption_set_options){.wordings = 8}, &captioned));
    double n[VMG_N_BEHAVIOURS] = {0}, sum[VMG_N_BEHAVIOURS] = {0}, square[VMG_N_BEHAVIOURS] = {0};
    int judged = 0;
    REQUIRE_OK(vmg_dataset_open(dir, &ds));
    int64_t *all = vmg_calloc((size_t)vmg_dataset_count(ds), sizeof *all);
    for (int64_t i = 0; i < vmg_dataset_count(ds); i++)
        all[i] = i;
    REQUIRE_OK(vmg_stated_read(ds, all, vmg_dataset_count(ds), &s));
    for (int64_t i = 0; i < vmg_stated_count(s); i++) {
        float facts[VMG_N_FACTS];
        vmg_stated_get(s, i, facts);
        for (int b = 0; b < VMG_N_BEHAVIOURS; b++) {
            n[b] += facts[2 * b];
            sum[b] += facts[2 * b + 1];
            square[b] += (double)facts[2 * b + 1] * facts[2 * b + 1];
        }
    }
    for (int b = 0; b < VMG_N_BEHAVIOURS; b++)
        if (n[b] >= 100) {
            CHECK_CLOSE(sum[b] / n[b], 0, 0.15); /* what lies far out is cut */
            CHECK(square[b] == 0 || fabs(square[b] / n[b] - 1) < 0.4); /* all captions may be of one event */
            judged += square[b] > 0;
        }
    CHECK(judged > 3);
    CHECK(count_both(ds, s) > 0);
    free(dir);
    free(all);
    vmg_stated_free(s);
    vmg_dataset_close(ds);
}

static const vmg_test_case cases[] = {
    {"agrees_with_differences", agrees_with_differences},
    {"shares_add_up", shares_add_up},
    {"refuses_what_it_cannot_learn", refuses_what_it_cannot_learn},
    {"reads_what_captions_state", reads_what_captions_state},
    {"standardises_values", standardises_values},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
