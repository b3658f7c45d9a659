/* Training batches out of a data set. */
#include "src/train/feed.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "models/text_clean.h"
#include "src/data/window.h"
#include "src/motion/rep276.h"
#include "src/train/corrupt.h"
#include "src/train/draw.h"
#include "src/train/facts.h"
#include "src/train/rarity.h"

/* Streams of one batch number: its samples, then the captions whose facts are learnt, then itself. The test half has streams of its own. */
enum { STREAM_BITS = 20, STREAM_BATCH = (1 << STREAM_BITS) - 1, STREAM_FACTS = STREAM_BATCH - 1, MAX_DRAWS = 100 };
static const uint64_t held_out_seed = 0x9E3779B97F4A7C15u;

struct vmg_feed {
    vmg_feed_options o;
    uint64_t seed;
    int64_t *trial, n_trials; /* indices into the data set */
    double *cumulated;        /* of the trials' weights */
    int64_t n_frames;
    vmg_rarity rarity;        /* empty when captions are drawn by trial */
    vmg_stated *stated;       /* NULL when no facts are learnt */
    pthread_mutex_t lock;     /* over the rest */
    vmg_sample **kept;        /* by index into the data set */
    bool *damaged;
    int64_t n_damaged;
    size_t kept_bytes;
};

/* ---- texts ---- */

static int get_tokens(void *user, const char *text, vmg_train_text *out)
{
    const vmg_text_tokens *t = user;
    vmg_token_ids ids = {0};
    char *clean = NULL;
    size_t n;
    int rc = vmg_text_clean(text, strlen(text), &clean, &n);
    if (rc == VMG_OK)
        rc = vmg_tokenizer_encode(t->tokenizer, clean, n, t->max_ids, &ids);
    free(clean);
    if (rc != VMG_OK)
        return rc;
    out->ids = ids.id; /* the caller's now */
    out->n_rows = ids.n;
    return VMG_OK;
}

vmg_text_source vmg_text_source_tokens(vmg_text_tokens *t)
{
    return (vmg_text_source){get_tokens, t};
}

/* ---- trials ---- */

static int list_trials(vmg_feed *f)
{
    const vmg_dataset *ds = f->o.data;
    int64_t n = vmg_dataset_count(ds);
    double sum = 0;
    f->trial = vmg_calloc((size_t)n, sizeof *f->trial);
    f->cumulated = vmg_calloc((size_t)n, sizeof *f->cumulated);
    f->kept = vmg_calloc((size_t)n, sizeof *f->kept);
    f->damaged = vmg_calloc((size_t)n, sizeof *f->damaged);
    if (!f->trial || !f->cumulated || !f->kept || !f->damaged)
        return VMG_E_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        int64_t T = vmg_dataset_n_frames(ds, i);
        if (vmg_dataset_held_out(ds, i) != f->o.held_out || T < f->o.recipe.min_frames)
            continue;
        sum += pow((double)T, f->o.recipe.balance);
        f->cumulated[f->n_trials] = sum;
        f->trial[f->n_trials++] = i;
        f->n_frames += T;
    }
    if (!f->n_trials)
        return vmg_fail(VMG_E_ARG, "the data set has no %s trials of at least %lld frames", f->o.held_out ? "held-out" : "training",
                        (long long)f->o.recipe.min_frames);
    return VMG_OK;
}

int vmg_feed_open(const vmg_feed_options *o, vmg_feed **out)
{
    *out = NULL;
    if (o->dit.in_dim != VMG_REP_DIM || (o->dit.ref_motion_dim && o->dit.ref_motion_dim != VMG_REF_DIM))
        return vmg_fail(VMG_E_ARG, "the network takes %lld features and references of %lld, the data has %d and %d",
                        (long long)o->dit.in_dim, (long long)o->dit.ref_motion_dim, VMG_REP_DIM, VMG_REF_DIM);
    if (o->recipe.emphasis[0] && !(o->recipe.rarity > 0))
        return vmg_fail(VMG_E_ARG, "emphasis \"%s\" needs rarity above 0: without it samples are drawn by trial", o->recipe.emphasis);
    vmg_feed *f = vmg_calloc(1, sizeof *f);
    if (!f)
        return VMG_E_NOMEM;
    f->o = *o;
    f->o.n_ranks = VMG_MAX(o->n_ranks, (int64_t)1);
    f->seed = (uint64_t)o->recipe.seed ^ (o->held_out ? held_out_seed : 0);
    pthread_mutex_init(&f->lock, NULL);
    int rc = list_trials(f);
    if (rc == VMG_OK && o->recipe.rarity > 0)
        rc = vmg_rarity_read(o->data, f->trial, f->n_trials, o->recipe.rarity, o->recipe.emphasis, &f->rarity);
    if (rc == VMG_OK && o->recipe.facts > 0 && !o->held_out)
        rc = vmg_stated_read(o->data, f->trial, f->n_trials, &f->stated);
    if (rc != VMG_OK) {
        vmg_feed_close(f);
        return rc;
    }
    *out = f;
    return VMG_OK;
}

static void free_sample(vmg_sample *s)
{
    vmg_sample_free(s);
    free(s);
}

void vmg_feed_close(vmg_feed *f)
{
    if (!f)
        return;
    for (int64_t i = 0; f->kept && i < vmg_dataset_count(f->o.data); i++)
        free_sample(f->kept[i]);
    pthread_mutex_destroy(&f->lock);
    vmg_rarity_free(&f->rarity);
    vmg_stated_free(f->stated);
    free(f->trial);
    free(f->cumulated);
    free(f->kept);
    free(f->damaged);
    free(f);
}

int64_t vmg_feed_n_trials(const vmg_feed *f)
{
    return f->n_trials;
}

int64_t vmg_feed_n_frames(const vmg_feed *f)
{
    return f->n_frames;
}

int64_t vmg_feed_n_damaged(vmg_feed *f)
{
    pthread_mutex_lock(&f->lock);
    int64_t n = f->n_damaged;
    pthread_mutex_unlock(&f->lock);
    return n;
}

static int64_t draw_trial(const vmg_feed *f, vmg_draw *d)
{
    double at = vmg_draw_uniform(d) * f->cumulated[f->n_trials - 1];
    int64_t low = 0, high = f->n_trials - 1;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (f->cumulated[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return f->trial[low];
}

/* The trial's sample: the kept one, or a fresh one that is kept while there is room; *ours tells who frees it. */
static int read_trial(vmg_feed *f, int64_t i, vmg_sample **out, bool *ours)
{
    pthread_mutex_lock(&f->lock);
    *out = f->kept[i];
    bool damaged = f->damaged[i];
    pthread_mutex_unlock(&f->lock);
    *ours = false;
    if (*out)
        return VMG_OK;
    if (damaged)
        return VMG_E_FORMAT;
    vmg_sample *s = vmg_calloc(1, sizeof *s);
    int rc = s ? vmg_dataset_read(f->o.data, i, s) : VMG_E_NOMEM;
    size_t bytes = rc == VMG_OK ? (size_t)s->T * VMG_REP_DIM * sizeof *s->x : 0;
    if (rc != VMG_OK) {
        free(s);
        s = NULL;
    }
    pthread_mutex_lock(&f->lock);
    if (rc == VMG_OK && !f->kept[i] && f->kept_bytes + bytes <= f->o.cache_bytes) {
        f->kept[i] = s;
        f->kept_bytes += bytes;
    } else {
        *ours = rc == VMG_OK;
    }
    bool first = rc == VMG_E_FORMAT && !f->damaged[i];
    if (first) {
        f->damaged[i] = true;
        f->n_damaged++;
    }
    pthread_mutex_unlock(&f->lock);
    if (first)
        vmg_logf(&f->o.log, VMG_LOG_WARN, "skipped a damaged sample: %s", vmg_error_message());
    *out = s;
    return rc;
}

/* ---- one sample ---- */

/* What was drawn for one sample. */
typedef struct choice {
    vmg_sample *sample;
    bool ours;
    const vmg_caption *caption; /* NULL: the trial has none */
    int64_t first, n;
} choice;

static bool is_kinematic(const vmg_caption *c)
{
    return c->source && !strcmp(c->source, "kinematic");
}

enum { TRIALS, KINEMATIC, N_KINDS };

/* A trial's own words for more than a sample may show (sits down, then stands up) would be wrong of most samples cut from it; they
 * are neither kind where the trial has computed captions. */
static int kind_of(const vmg_caption *c, bool has_kinematic, int64_t max_frames)
{
    return is_kinematic(c) ? KINEMATIC : has_kinematic && c->n > max_frames ? N_KINDS : TRIALS;
}

/* A caption of the wanted kind; of the other where the trial has none of it. */
static const vmg_caption *draw_caption(vmg_draw *d, const vmg_sample *s, bool kinematic, int64_t max_frames)
{
    int64_t n[N_KINDS + 1] = {0};
    bool has_kinematic = false;
    for (int64_t i = 0; i < s->n_captions; i++)
        has_kinematic |= is_kinematic(&s->captions[i]);
    for (int64_t i = 0; i < s->n_captions; i++)
        n[kind_of(&s->captions[i], has_kinematic, max_frames)]++;
    double at = vmg_draw_uniform(d);
    int kind = kinematic ? KINEMATIC : TRIALS;
    if (!n[kind])
        kind = kinematic ? TRIALS : KINEMATIC;
    int64_t wanted = (int64_t)(at * (double)n[kind]);
    for (int64_t i = 0; i < s->n_captions; i++)
        if (kind_of(&s->captions[i], has_kinematic, max_frames) == kind && wanted-- == 0)
            return &s->captions[i];
    return NULL;
}

/* The frames that a caption describes, made to fit the lengths wanted. */
static void draw_window(const vmg_recipe *r, vmg_draw *d, choice *c)
{
    int64_t T = c->sample->T, first = c->caption ? c->caption->first : 0, n = c->caption ? c->caption->n : T;
    int64_t length = vmg_draw_between(d, r->min_frames, VMG_MIN(r->max_frames, VMG_MAX(n, r->min_frames)));
    double at = vmg_draw_uniform(d);
    bool widen = r->widen > 0 && vmg_draw_uniform(d) < r->widen;
    if (n > r->max_frames) {
        first += (int64_t)(at * (double)(n - length + 1));
        n = length;
    } else if (n < r->min_frames) {
        first -= (r->min_frames - n) / 2;
        n = r->min_frames;
    }
    if (widen && n < VMG_MIN(r->max_frames, T)) {
        int64_t wide = vmg_draw_between(d, n, VMG_MIN(r->max_frames, T));
        first -= (int64_t)(vmg_draw_uniform(d) * (double)(wide - n + 1));
        n = wide;
    }
    first = VMG_MIN(VMG_MAX(first, (int64_t)0), T - n);
    c->first = first;
    c->n = n;
}

/* A trial and one of its captions: from the table of rare ones, or a trial first. */
static int choose_once(vmg_feed *f, vmg_draw *d, choice *c)
{
    bool kinematic = vmg_draw_uniform(d) < f->o.recipe.kinematic;
    double u = vmg_draw_uniform(d);
    const struct vmg_rarity_entry *e = kinematic ? vmg_rarity_draw(&f->rarity, u) : NULL;
    int rc = read_trial(f, e ? e->trial : draw_trial(f, d), &c->sample, &c->ours);
    if (rc != VMG_OK)
        return rc;
    if (c->sample->T < f->o.recipe.min_frames || (e && e->caption >= c->sample->n_captions)) {
        rc = vmg_fail(VMG_E_FORMAT, "sample %s is not what the index says", c->sample->id);
        if (c->ours)
            free_sample(c->sample);
        return rc;
    }
    c->caption = e ? &c->sample->captions[e->caption] : draw_caption(d, c->sample, kinematic, f->o.recipe.max_frames);
    return VMG_OK;
}

static int choose(vmg_feed *f, vmg_draw *d, choice *c)
{
    int rc = VMG_E_FORMAT;
    for (int i = 0; rc == VMG_E_FORMAT && i < MAX_DRAWS; i++)
        rc = choose_once(f, d, c);
    if (rc == VMG_OK)
        draw_window(&f->o.recipe, d, c);
    return rc == VMG_E_FORMAT ? vmg_fail(rc, "%d damaged samples in a row: run `vimogen data verify`", MAX_DRAWS) : rc;
}

static bool from_source(const vmg_sample *s, const char *a, const char *b)
{
    return s->source && (strstr(s->source, a) || strstr(s->source, b));
}

/* The batch's index of a text; the text is added when it is new. */
static int text_index(vmg_feed *f, vmg_feed_batch *b, const char *text, int64_t *index)
{
    for (*index = 0; *index < b->batch.n_texts; ++*index)
        if (!strcmp(b->texts_said[*index], text))
            return VMG_OK;
    if (*index == b->texts_cap)
        return vmg_fail(VMG_E_ARG, "more texts than samples");
    b->texts_said[*index] = vmg_strdup(text);
    if (!b->texts_said[*index])
        return VMG_E_NOMEM;
    b->batch.n_texts++;
    return f->o.texts.get(f->o.texts.user, text, &b->texts[*index]);
}

/* Normalised latents, and the reference where it is followed. */
static int fill_motion(vmg_feed *f, vmg_draw *d, const vmg_corruption *how, const choice *c, float **owned, vmg_train_sample *s)
{
    int64_t T = c->n, R = f->o.dit.ref_motion_dim;
    float *x = vmg_calloc((size_t)T, VMG_REP_DIM * sizeof *x);
    owned[0] = x;
    if (!x)
        return VMG_E_NOMEM;
    vmg_window_cut(c->sample->x, c->first, T, x);
    vmg_rep276_normalise(x, T, f->o.mean, f->o.std);
    s->latents = x;
    s->n_frames = T;
    if (s->attend_to_text)
        return VMG_OK;
    float *clean = vmg_calloc((size_t)T, (size_t)R * sizeof *clean), *ref = vmg_calloc((size_t)T, (size_t)R * sizeof *ref);
    owned[1] = ref;
    if (clean && ref) {
        vmg_rep276_reference(x, T, clean);
        s->n_ref_frames = VMG_MAX(vmg_corrupt(how, d, clean, T, f->o.recipe.max_frames, R, ref), (int64_t)1);
        if (f->o.recipe.ref_noise > 0)
            vmg_corrupt_everywhere(f->o.recipe.ref_noise * vmg_draw_uniform(d), d, T * R, ref);
        s->n_ref_rows = T;
        s->ref = ref;
    }
    free(clean);
    return clean && ref ? VMG_OK : VMG_E_NOMEM;
}

/* The caption without some of its words; at least one stays. Fresh memory, NULL on exhaustion. */
static char *drop_words(vmg_draw *d, const char *text, double most)
{
    double chance = most * vmg_draw_uniform(d);
    char *out = vmg_strdup(text);
    size_t n = 0;
    for (const char *at = text; out && *at;) {
        size_t gap = strspn(at, " "), word = strcspn(at + gap, " ");
        bool last = !at[gap + word];
        if (vmg_draw_uniform(d) >= chance || (last && !n)) {
            memcpy(out + n, at + (n ? 0 : gap), word + (n ? gap : 0));
            n += word + (n ? gap : 0);
        }
        at += gap + word;
    }
    if (out)
        out[n] = 0;
    return out;
}

static int make_sample(vmg_feed *f, vmg_feed_batch *b, int64_t slot, int64_t j, const vmg_corruption *how)
{
    vmg_draw d = vmg_draw_from(f->seed, (uint64_t)b->number << STREAM_BITS | (uint64_t)j);
    vmg_train_sample *s = &b->samples[slot];
    const vmg_recipe *r = &f->o.recipe;
    choice c = {0};
    int rc = choose(f, &d, &c);
    if (rc != VMG_OK)
        return rc;
    double p_motion = f->o.dit.ref_motion_dim ? r->p_motion : 0;
    p_motion *= from_source(c.sample, "motion31", "mogen_db") ? 3 : 1;
    s->attend_to_text = vmg_draw_uniform(&d) >= p_motion;
    bool null = vmg_draw_uniform(&d) < r->p_null || !c.caption;
    bool noisy = r->noisy > 0 && s->attend_to_text && !f->o.held_out && vmg_draw_uniform(&d) < r->noisy;
    s->timestep = vmg_draw_below(&d, noisy ? (f->o.n_timesteps + 4) / 5 : f->o.n_timesteps); /* the noisiest come first */
    s->noise_seed = vmg_draw_u64(&d);
    if (s->attend_to_text && from_source(c.sample, "mogen_db", "vigen"))
        s->feature_mask = b->feature_mask;
    const char *said = null ? "" : c.caption->text;
    char *text = r->word_drop > 0 ? drop_words(&d, said, r->word_drop) : vmg_strdup(said);
    rc = text ? VMG_OK : VMG_E_NOMEM;
    if (rc == VMG_OK && s->attend_to_text)
        rc = text_index(f, b, text, &s->text);
    if (rc == VMG_OK)
        rc = fill_motion(f, &d, how, &c, b->owned + 2 * slot, s);
    if (rc == VMG_OK)
        b->names[slot] = vmg_asprintf("%s frames %lld..%lld, %s", c.sample->id, (long long)c.first, (long long)(c.first + c.n - 1),
                                      s->attend_to_text ? text : "(its reference)");
    if (rc == VMG_OK && !b->names[slot])
        rc = VMG_E_NOMEM;
    free(text);
    if (c.ours)
        free_sample(c.sample);
    return rc;
}

/* ---- batches ---- */

static int alloc_batch(vmg_feed *f, vmg_feed_batch *b)
{
    const vmg_feed_options *o = &f->o;
    int64_t n = (o->recipe.batch - o->rank + o->n_ranks - 1) / o->n_ranks;
    b->batch.n_samples = n;
    b->texts_cap = n;
    b->samples = vmg_calloc((size_t)n, sizeof *b->samples);
    b->texts = vmg_calloc((size_t)n, sizeof *b->texts);
    b->texts_said = vmg_calloc((size_t)n, sizeof *b->texts_said);
    b->owned = vmg_calloc((size_t)n, 2 * sizeof *b->owned);
    b->names = vmg_calloc((size_t)n, sizeof *b->names);
    b->feature_mask = vmg_calloc((size_t)o->dit.out_dim, sizeof *b->feature_mask);
    if (!b->samples || !b->texts || !b->texts_said || !b->owned || !b->names || !b->feature_mask)
        return VMG_E_NOMEM;
    for (int i = VMG_REP_BODY_ROT; i < VMG_REP_POS; i++)
        b->feature_mask[i] = 1;
    b->batch.samples = b->samples;
    b->batch.texts = b->texts;
    return VMG_OK;
}

/* This process's share of the captions whose facts are learnt beside the batch. */
static int draw_facts(vmg_feed *f, vmg_feed_batch *b)
{
    const vmg_feed_options *o = &f->o;
    int64_t n = (o->recipe.facts - o->rank + f->o.n_ranks - 1) / f->o.n_ranks;
    vmg_draw d = vmg_draw_from(f->seed, (uint64_t)b->number << STREAM_BITS | STREAM_FACTS);
    b->fact_texts = vmg_calloc((size_t)n, sizeof *b->fact_texts);
    b->facts = vmg_calloc((size_t)n, VMG_N_FACTS * sizeof *b->facts);
    int rc = b->fact_texts && b->facts ? VMG_OK : VMG_E_NOMEM;
    for (int64_t i = 0; rc == VMG_OK && i < o->recipe.facts; i++) {
        int64_t caption = vmg_draw_below(&d, vmg_stated_count(f->stated));
        if (i % f->o.n_ranks != o->rank)
            continue;
        const char *text = vmg_stated_get(f->stated, caption, b->facts + b->n_fact_texts * VMG_N_FACTS);
        rc = o->texts.get(o->texts.user, text, &b->fact_texts[b->n_fact_texts++]);
    }
    return rc;
}

int vmg_feed_make(vmg_feed *f, int64_t number, vmg_feed_batch *out)
{
    *out = (vmg_feed_batch){.number = number};
    int rc = alloc_batch(f, out);
    vmg_draw d = vmg_draw_from(f->seed, (uint64_t)number << STREAM_BITS | STREAM_BATCH);
    vmg_corruption how = vmg_corruption_draw(&d);
    for (int64_t i = 0; rc == VMG_OK && i < out->batch.n_samples; i++)
        rc = make_sample(f, out, i, f->o.rank + i * f->o.n_ranks, &how);
    /* Padding counts as keys, so it must not depend on what other texts this process happens to hold. */
    for (int64_t i = 0; rc == VMG_OK && i < out->batch.n_texts; i++)
        out->texts[i].n_padding = vmg_dit_padding(&f->o.dit, out->texts[i].n_rows, out->texts[i].n_rows);
    if (rc == VMG_OK && f->stated)
        rc = draw_facts(f, out);
    if (rc != VMG_OK)
        vmg_feed_batch_free(out);
    return rc;
}

static void free_texts(vmg_train_text *texts, int64_t n)
{
    for (int64_t i = 0; texts && i < n; i++) {
        free((void *)(uintptr_t)texts[i].ids);
        free((void *)(uintptr_t)texts[i].rows);
    }
    free(texts);
}

void vmg_feed_batch_free(vmg_feed_batch *b)
{
    free_texts(b->texts, b->batch.n_texts);
    free_texts(b->fact_texts, b->n_fact_texts);
    free(b->facts);
    for (int64_t i = 0; b->texts_said && i < b->batch.n_texts; i++)
        free(b->texts_said[i]);
    for (int64_t i = 0; i < b->batch.n_samples; i++) {
        if (b->names)
            free(b->names[i]);
        if (b->owned)
            free(b->owned[2 * i]);
        if (b->owned)
            free(b->owned[2 * i + 1]);
    }
    free(b->samples);
    free(b->texts_said);
    free(b->owned);
    free(b->names);
    free(b->feature_mask);
    *b = (vmg_feed_batch){0};
}
