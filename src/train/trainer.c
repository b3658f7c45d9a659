/* A training run. */
#include "src/train/trainer.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "host/base/clock.h"
#include "host/base/fs.h"
#include "host/base/mem.h"
#include "models/train_facts.h"
#include "models/vocabulary.h"
#include "src/format/weights_file.h"
#include "src/train/facts.h"
#include "src/train/vocabulary.h"
#include "src/train/warm_start.h"

enum { MAX_CONFIG_BYTES = 1 << 20, MAX_TOKENIZER_BYTES = 64 << 20, MAX_SENTENCES = 500000, N_SHOWN_NAMES = 3 };

/* Sums since the last report. */
typedef struct tally {
    double loss, facts_loss, grad_norm, flops, since_s;
    int64_t steps, samples;
} tally;

typedef struct trainer {
    const vmg_trainer_options *o;
    vmg_ctx *ctx;
    vmg_comm comm;
    vmg_run run;
    char *checkpoint_path, *log_path, *failed_path;
    int lock; /* file descriptor of OUT/lock; -1 */
    vmg_weights *checkpoint; /* while resuming */
    vmg_dataset *data;
    vmg_tokenizer *tokenizer;
    vmg_text_tokens tokens;
    vmg_text_source texts;
    vmg_train *net;
    vmg_feed *feed, *held_out;
    vmg_prefetch *prefetch;
    vmg_journal *journal; /* rank 0's */
    float *flat;          /* gradients on their way to the other processes */
    tally sum;
    double start_s;
    int64_t start_step;
} trainer;

/* ---- setting up ---- */

static int open_checkpoint(const char *out, vmg_weights **w)
{
    char *path = vmg_path_join(out, VMG_CHECKPOINT_NAME);
    int rc = path ? vmg_weights_open(path, w) : VMG_E_NOMEM;
    free(path);
    return rc;
}

int vmg_trainer_recipe(const char *config, const char *out, bool resume, vmg_recipe *recipe)
{
    *recipe = vmg_recipe_defaults();
    if (resume) {
        vmg_weights *w = NULL;
        vmg_run run = {0};
        int rc = open_checkpoint(out, &w);
        if (rc == VMG_OK)
            rc = vmg_checkpoint_read(w, &run);
        *recipe = run.recipe;
        vmg_run_free(&run);
        vmg_weights_close(w);
        return rc;
    }
    char *text = NULL;
    size_t n;
    int rc = vmg_read_file(config, MAX_CONFIG_BYTES, &text, &n);
    if (rc == VMG_OK)
        rc = vmg_recipe_parse(config, text, n, recipe);
    free(text);
    return rc;
}

/* One run at a time writes into a folder; the lock ends with the process, however that ends. What a killed one was writing goes. */
static int lock_folder(trainer *t)
{
    char *path = vmg_path_join(t->o->out, "lock");
    int rc = path ? VMG_OK : VMG_E_NOMEM;
    if (rc == VMG_OK && (t->lock = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0666)) < 0)
        rc = vmg_fail(VMG_E_IO, "%s: %s", path, strerror(errno));
    if (rc == VMG_OK && flock(t->lock, LOCK_EX | LOCK_NB))
        rc = vmg_fail(VMG_E_IO, "%s: another process is training there", t->o->out);
    if (rc == VMG_OK) {
        vmg_atomic_clean(t->checkpoint_path);
        vmg_atomic_clean(t->log_path);
    }
    free(path);
    return rc;
}

static int make_paths(trainer *t)
{
    int rc = vmg_mkdirs(t->o->out);
    t->checkpoint_path = vmg_path_join(t->o->out, VMG_CHECKPOINT_NAME);
    t->log_path = vmg_path_join(t->o->out, "log.jsonl");
    t->failed_path = vmg_path_join(t->o->out, "failed-batch.txt");
    if (rc == VMG_OK && (!t->checkpoint_path || !t->log_path || !t->failed_path))
        rc = VMG_E_NOMEM;
    if (rc == VMG_OK && !t->comm.rank)
        rc = lock_folder(t);
    if (rc == VMG_OK && !t->o->resume && vmg_path_exists(t->checkpoint_path))
        rc = vmg_fail(VMG_E_ARG, "%s is there already: go on with --resume, or name another folder", t->checkpoint_path);
    return rc;
}

/* The run's facts from the configuration and the data; a resumed run has them in its checkpoint. */
static int describe_run(trainer *t)
{
    vmg_run *r = &t->run;
    size_t n;
    int rc = vmg_read_file(t->o->config, MAX_CONFIG_BYTES, &r->config, &n);
    if (rc == VMG_OK)
        rc = vmg_run_parse_config(t->o->config, r->config, &r->dit, &r->joint, &r->t5);
    if (rc != VMG_OK)
        return rc;
    size_t bytes = (size_t)r->dit.in_dim * sizeof *r->mean;
    if (r->dit.in_dim != 276)
        return vmg_fail(VMG_E_ARG, "%s: in_dim is %lld, data sets have 276 features", t->o->config, (long long)r->dit.in_dim);
    r->mean = vmg_calloc(bytes, 1);
    r->std = vmg_calloc(bytes, 1);
    if (!r->mean || !r->std)
        return VMG_E_NOMEM;
    memcpy(r->mean, vmg_dataset_mean(t->data), bytes);
    memcpy(r->std, vmg_dataset_std(t->data), bytes);
    return VMG_OK;
}

/* The SentencePiece model of a model of ours. */
static int read_vocabulary_of(const char *path, uint8_t **out, size_t *size)
{
    const uint8_t *model;
    vmg_weights *w = NULL;
    int rc = vmg_path_is_dir(path) ? vmg_weights_open_dir(path, &w) : vmg_weights_open(path, &w);
    if (rc == VMG_OK)
        rc = vmg_tokenizer_stored(w, &model, size);
    if (rc == VMG_OK && !(*out = vmg_calloc(VMG_MAX(*size, (size_t)1), 1)))
        rc = VMG_E_NOMEM;
    if (rc == VMG_OK)
        memcpy(*out, model, *size);
    vmg_weights_close(w);
    return rc;
}

/* A given one, that of the model that the run starts from, or a new one. */
static int get_vocabulary(trainer *t, const vmg_caption_texts *texts)
{
    vmg_run *r = &t->run;
    const vmg_trainer_options *o = t->o;
    if (o->vocabulary) {
        char *model = NULL;
        int rc = vmg_read_file(o->vocabulary, MAX_TOKENIZER_BYTES, &model, &r->tokenizer_bytes);
        r->tokenizer = (uint8_t *)model;
        return rc;
    }
    int rc = o->warm_start && !o->new_vocabulary ? read_vocabulary_of(o->warm_start, &r->tokenizer, &r->tokenizer_bytes) : VMG_E_NOTFOUND;
    return rc != VMG_E_NOTFOUND ? rc
                                : vmg_vocabulary_train((const char *const *)texts->text, texts->n, r->recipe.vocab_size,
                                                       &r->tokenizer, &r->tokenizer_bytes);
}

/* The vocabulary, made or read, and the captions' words. */
static int describe_texts(trainer *t)
{
    vmg_run *r = &t->run;
    vmg_caption_texts texts = {0};
    int rc = vmg_caption_texts_read(t->data, MAX_SENTENCES, &texts);
    if (rc == VMG_OK && !(r->words = vmg_caption_words(&texts)))
        rc = VMG_E_NOMEM;
    if (rc == VMG_OK && r->joint)
        rc = get_vocabulary(t, &texts);
    vmg_caption_texts_free(&texts);
    return rc;
}

static int open_texts(trainer *t)
{
    vmg_run *r = &t->run;
    t->texts = t->o->texts;
    if (!r->joint)
        return t->texts.get ? VMG_OK
                            : vmg_fail(VMG_E_ARG, "the configuration has no \"text_encoder\" to train: name a frozen one "
                                                  "with --text-encoder");
    if (t->texts.get)
        return vmg_fail(VMG_E_ARG, "the configuration's \"text_encoder\" is trained: it takes no --text-encoder");
    int rc = vmg_tokenizer_from_memory(r->tokenizer, r->tokenizer_bytes, "the run's vocabulary", &t->tokenizer);
    if (rc != VMG_OK)
        return rc;
    r->t5.vocab_size = vmg_tokenizer_size(t->tokenizer);
    t->tokens = (vmg_text_tokens){t->tokenizer, VMG_MIN(r->dit.text_len, (int64_t)VMG_TOKENIZER_MAX_IDS)};
    t->texts = vmg_text_source_tokens(&t->tokens);
    return VMG_OK;
}

static int make_network(trainer *t)
{
    const vmg_recipe *r = &t->run.recipe;
    vmg_train_options o = vmg_train_defaults();
    o.bf16 = r->bf16;
    o.ema = true;
    o.keep_activations = true;
    o.beta1 = r->beta1;
    o.beta2 = r->beta2;
    o.weight_decay = r->weight_decay;
    o.max_grad_norm = r->clip;
    o.ema_decay = r->ema;
    o.bell = r->bell;
    o.n_facts = r->facts > 0 ? VMG_N_FACTS : 0;
    int rc = vmg_train_create(t->ctx, &t->run.dit, t->run.joint ? &t->run.t5 : NULL, &o, &t->net);
    if (rc == VMG_OK && t->checkpoint)
        return vmg_checkpoint_restore(t->checkpoint, t->ctx, t->net);
    if (rc == VMG_OK)
        rc = vmg_train_init(t->net, (uint64_t)r->seed);
    if (rc == VMG_OK && t->o->warm_start)
        rc = vmg_warm_start(t->ctx, t->net, t->o->warm_start, t->tokenizer, &t->o->log);
    return rc;
}

/* Whether there is anything to measure the held-out loss on. */
static bool has_held_out(const trainer *t)
{
    for (int64_t i = 0; i < vmg_dataset_count(t->data); i++)
        if (vmg_dataset_held_out(t->data, i) && vmg_dataset_n_frames(t->data, i) >= t->run.recipe.min_frames)
            return true;
    vmg_logf(&t->o->log, VMG_LOG_WARN, "%s holds no trials out: there is no held-out loss", t->o->data);
    return false;
}

static int open_feeds(trainer *t)
{
    vmg_feed_options o = {.data = t->data,
                          .mean = t->run.mean,
                          .std = t->run.std,
                          .recipe = t->run.recipe,
                          .dit = t->run.dit,
                          .texts = t->texts,
                          .n_timesteps = vmg_train_defaults().n_timesteps,
                          .rank = t->comm.rank,
                          .n_ranks = t->comm.size,
                          .cache_bytes = t->o->cache_bytes,
                          .log = t->o->log};
    if (o.recipe.batch < t->comm.size)
        return vmg_fail(VMG_E_ARG, "a batch of %lld does not split among %lld processes", (long long)o.recipe.batch,
                        (long long)t->comm.size);
    int rc = vmg_feed_open(&o, &t->feed);
    o.held_out = true;
    if (rc == VMG_OK && o.recipe.evaluate_every && has_held_out(t))
        rc = vmg_feed_open(&o, &t->held_out);
    if (rc == VMG_OK)
        vmg_logf(&t->o->log, VMG_LOG_INFO, "%lld trials, %.1f minutes to train on", (long long)vmg_feed_n_trials(t->feed),
                 (double)vmg_feed_n_frames(t->feed) / 20 / 60);
    return rc == VMG_OK ? vmg_prefetch_start(t->feed, t->run.step, t->run.recipe.steps, t->o->n_threads, &t->prefetch) : rc;
}

static int set_up(trainer *t)
{
    int rc = make_paths(t);
    if (rc == VMG_OK)
        rc = vmg_dataset_open(t->o->data, &t->data);
    if (rc == VMG_OK && t->o->resume) {
        rc = vmg_weights_open(t->checkpoint_path, &t->checkpoint);
        if (rc == VMG_OK)
            rc = vmg_checkpoint_read(t->checkpoint, &t->run);
    } else if (rc == VMG_OK) {
        rc = describe_run(t);
    }
    t->run.recipe = t->o->recipe;
    if (rc == VMG_OK && !t->o->resume)
        rc = describe_texts(t);
    if (rc == VMG_OK)
        rc = open_texts(t);
    if (rc == VMG_OK)
        rc = make_network(t);
    vmg_weights_close(t->checkpoint);
    t->checkpoint = NULL;
    if (rc == VMG_OK)
        rc = open_feeds(t);
    if (rc == VMG_OK && !t->comm.rank)
        rc = vmg_journal_open(t->log_path, t->o->resume ? t->run.step : -1, &t->journal);
    if (rc == VMG_OK && t->comm.size > 1) {
        t->flat = vmg_calloc((size_t)vmg_train_n_values(t->net), sizeof *t->flat);
        rc = t->flat ? VMG_OK : VMG_E_NOMEM;
    }
    t->start_step = t->run.step;
    t->start_s = t->sum.since_s = vmg_now_s();
    return vmg_comm_agree(&t->comm, rc);
}

static void tear_down(trainer *t)
{
    vmg_prefetch_stop(t->prefetch);
    vmg_feed_close(t->feed);
    vmg_feed_close(t->held_out);
    vmg_journal_close(t->journal);
    vmg_train_free(t->net);
    vmg_tokenizer_free(t->tokenizer);
    vmg_dataset_close(t->data);
    vmg_weights_close(t->checkpoint);
    vmg_run_free(&t->run);
    free(t->checkpoint_path);
    free(t->log_path);
    free(t->failed_path);
    free(t->flat);
    if (t->lock >= 0)
        close(t->lock);
}

/* ---- steps ---- */

/* A loss or gradient is not finite: what, where, and on which samples. */
static int report_failure(trainer *t, const vmg_feed_batch *b)
{
    char *why = vmg_strdup(vmg_error_message());
    const char *value = vmg_train_find_nonfinite(t->net, VMG_TRAIN_VALUE);
    const char *grad = value ? NULL : vmg_train_find_nonfinite(t->net, VMG_TRAIN_GRAD);
    vmg_buf all = {0}, some = {0};
    for (int64_t i = 0; i < b->batch.n_samples; i++) {
        vmg_buf_printf(&all, "%s\n", b->names[i]);
        if (i < N_SHOWN_NAMES)
            vmg_buf_printf(&some, "%s%s", i ? "; " : "", b->names[i]);
    }
    vmg_write_file(t->failed_path, all.data ? all.data : "", all.len);
    int rc = vmg_fail(VMG_E_FORMAT, "step %lld: %s; first bad tensor: %s%s; samples (all in %s): %s", (long long)b->number,
                      why ? why : "not finite", value ? value : grad ? grad : "none, the values are finite",
                      value ? " (its value)" : grad ? " (its gradient)" : "", t->failed_path, some.data ? some.data : "");
    vmg_buf_free(&all);
    vmg_buf_free(&some);
    free(why);
    return rc;
}

/* Loss and gradients of one batch over all processes. */
static int step(trainer *t, vmg_feed_batch *b, vmg_train_result *result, double *facts_loss)
{
    int64_t n = vmg_train_n_values(t->net);
    double denominator = vmg_train_denominator(t->net, &b->batch);
    int rc = vmg_comm_sum_f64(&t->comm, &denominator, 1);
    b->batch.denominator = denominator;
    if (rc == VMG_OK)
        rc = vmg_train_step(t->net, &b->batch, result);
    if (rc == VMG_OK && b->n_fact_texts > 0)
        rc = vmg_train_facts_step(t->net,
                                  &(vmg_train_facts){.texts = b->fact_texts, .facts = b->facts, .n_texts = b->n_fact_texts,
                                                     .n_all = t->run.recipe.facts, .weight = t->run.recipe.facts_weight},
                                  facts_loss);
    if (rc == VMG_E_FORMAT)
        rc = report_failure(t, b);
    rc = vmg_comm_agree(&t->comm, rc);
    if (rc != VMG_OK || t->comm.size < 2)
        return rc;
    double sums[3] = {result->loss, result->flops, *facts_loss};
    rc = vmg_comm_sum_f64(&t->comm, sums, 3);
    result->loss = sums[0];
    result->flops = sums[1];
    *facts_loss = sums[2];
    if (rc == VMG_OK)
        rc = vmg_train_read(t->net, VMG_TRAIN_GRAD, t->flat);
    if (rc == VMG_OK)
        rc = vmg_comm_sum_f32(&t->comm, t->flat, n);
    return rc == VMG_OK ? vmg_train_write(t->net, VMG_TRAIN_GRAD, t->flat) : rc;
}

static int update(trainer *t)
{
    vmg_feed_batch b;
    vmg_train_result result = {0};
    double norm = 0, facts_loss = 0;
    const vmg_recipe *r = &t->run.recipe;
    int64_t k = t->run.step;
    int rc = vmg_comm_agree(&t->comm, vmg_prefetch_next(t->prefetch, &b));
    if (rc == VMG_OK)
        rc = step(t, &b, &result, &facts_loss);
    if (rc == VMG_OK) {
        vmg_train_set_ema_decay(t->net, vmg_recipe_ema(r, k));
        rc = vmg_train_update(t->net, vmg_recipe_lr(r, k), &norm);
        if (rc == VMG_E_FORMAT)
            rc = report_failure(t, &b);
    }
    vmg_feed_batch_free(&b);
    if (rc != VMG_OK)
        return rc;
    t->run.step++;
    t->sum.loss += result.loss;
    t->sum.facts_loss += facts_loss;
    t->sum.grad_norm += norm;
    t->sum.flops += result.flops;
    t->sum.samples += r->batch;
    t->sum.steps++;
    return VMG_OK;
}

/* Mean loss of the first held-out batches with the averaged weights: the same samples, noise and timesteps each time. */
static int evaluate(trainer *t, double *loss)
{
    double sums[2] = {0, 0}; /* of losses times denominators, of denominators */
    int rc = vmg_train_swap_ema(t->net);
    for (int64_t i = 0; rc == VMG_OK && i < t->run.recipe.evaluate_batches; i++) {
        vmg_feed_batch b;
        vmg_train_result result = {0};
        rc = vmg_feed_make(t->held_out, i, &b);
        if (rc == VMG_OK)
            rc = vmg_train_evaluate(t->net, &b.batch, &result);
        if (rc == VMG_OK) {
            double weight = vmg_train_denominator(t->net, &b.batch);
            sums[0] += result.loss * weight;
            sums[1] += weight;
        }
        vmg_feed_batch_free(&b);
    }
    if (rc == VMG_OK)
        rc = vmg_train_swap_ema(t->net);
    rc = vmg_comm_agree(&t->comm, rc);
    if (rc == VMG_OK)
        rc = vmg_comm_sum_f64(&t->comm, sums, 2);
    *loss = sums[0] / sums[1];
    return rc;
}

static int save(trainer *t)
{
    t->run.n_damaged = vmg_feed_n_damaged(t->feed);
    int rc = t->comm.rank ? VMG_OK : vmg_checkpoint_write(t->checkpoint_path, t->ctx, t->net, &t->run);
    return vmg_comm_agree(&t->comm, rc);
}

static int report(trainer *t, double held_out_loss, bool saved, bool *stop)
{
    double now = vmg_now_s(), span = fmax(now - t->sum.since_s, 1e-9), n = (double)VMG_MAX(t->sum.steps, (int64_t)1);
    double rate = (double)(t->run.step - t->start_step) / fmax(now - t->start_s, 1e-9);
    vmg_trainer_news news = {.line = vmg_journal_line_at(t->run.step), .steps = t->run.recipe.steps, .saved = saved,
                             .flops_per_s = t->sum.flops / span};
    news.line.time_s = now - t->start_s;
    news.line.held_out_loss = held_out_loss;
    news.line.lr = vmg_recipe_lr(&t->run.recipe, t->run.step);
    if (t->sum.steps) {
        news.line.loss = t->sum.loss / n;
        news.line.facts_loss = t->run.recipe.facts > 0 ? t->sum.facts_loss / n : NAN;
        news.line.grad_norm = t->sum.grad_norm / n;
        news.line.samples_per_s = (double)t->sum.samples / span;
    }
    news.left_s = rate > 0 ? (double)(news.steps - t->run.step) / rate : NAN;
    t->sum = (tally){.since_s = now};
    int rc = t->journal ? vmg_journal_write(t->journal, &news.line) : VMG_OK;
    /* Only rank 0 asks; the others follow. */
    double wish = t->o->report && !t->comm.rank && t->o->report(t->o->user, &news);
    if (rc == VMG_OK)
        rc = vmg_comm_sum_f64(&t->comm, &wish, 1);
    *stop |= wish > 0;
    return rc;
}

/* Whether it is time for a report: rank 0's clock decides for all. */
static int is_due(trainer *t, bool *due)
{
    double late = !t->comm.rank && vmg_now_s() - t->sum.since_s >= t->o->report_s;
    int rc = vmg_comm_sum_f64(&t->comm, &late, 1);
    *due = late > 0;
    return rc;
}

static int run(trainer *t)
{
    const vmg_recipe *r = &t->run.recipe;
    bool stop = false;
    int64_t saved_at = t->run.step;
    int rc = VMG_OK;
    while (rc == VMG_OK && !stop && t->run.step < r->steps) {
        double held_out_loss = NAN;
        bool due = false;
        rc = update(t);
        int64_t k = t->run.step;
        bool last = k == r->steps, saving = last || k % r->save_every == 0;
        if (rc == VMG_OK && t->held_out && (last || k % r->evaluate_every == 0))
            rc = evaluate(t, &held_out_loss);
        if (rc == VMG_OK && saving) {
            rc = save(t);
            saved_at = k;
        }
        if (rc == VMG_OK)
            rc = is_due(t, &due);
        if (rc == VMG_OK && (due || saving || isfinite(held_out_loss)))
            rc = report(t, held_out_loss, saving, &stop);
    }
    if (rc == VMG_OK && saved_at < t->run.step)
        rc = save(t);
    return rc == VMG_OK && stop && t->run.step < r->steps
               ? vmg_fail(VMG_E_INTERRUPTED, "interrupted at step %lld; go on with --resume", (long long)t->run.step)
               : rc;
}

int vmg_trainer_run(vmg_ctx *ctx, const vmg_trainer_options *o)
{
    trainer t = {.o = o, .ctx = ctx, .lock = -1, .comm = o->comm ? *o->comm : vmg_comm_alone()};
    int rc = vmg_recipe_check(&o->recipe);
    if (rc == VMG_OK)
        rc = set_up(&t);
    if (rc == VMG_OK)
        rc = run(&t);
    tear_down(&t);
    return rc;
}
