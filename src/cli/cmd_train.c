/* vimogen train: trains a model on a data set, and turns runs into model files. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/cli/cli.h"
#include "src/cli/frozen_texts.h"
#include "src/cli/run.h"
#include "src/cli/train_samples.h"
#include "src/lib/export_run.h"
#include "src/train/trainer.h"

enum { MAX_OPTIONS = 64 };

/* The command line. */
typedef struct train {
    const char *config, *data, *out, *vocabulary, *warm_start, *text_encoder, *device, *dtype, *export_path, *cache,
        *sample;
    bool resume, new_vocabulary;
    int64_t threads;
    vmg_recipe recipe;  /* as given on the command line; only what `given` marks counts */
    bool given[MAX_OPTIONS];
    const char *text[MAX_OPTIONS]; /* of text keys of the recipe */
    vmg_comm comm;
    vmg_ctx *ctx;
} train;

static void *member(vmg_recipe *r, const vmg_recipe_key *k)
{
    return (char *)r + k->offset;
}

static int parse(int argc, char **argv, train *t, int *n_args)
{
    vmg_opt opts[MAX_OPTIONS] = {
        {"config", 'c', VMG_OPT_STRING, &t->config, "FILE", "the networks' sizes, and \"training\" settings", NULL},
        {"data", 'd', VMG_OPT_STRING, &t->data, "DIR", "data set (vimogen data import)", NULL},
        {"out", 'o', VMG_OPT_STRING, &t->out, "DIR", "the run's folder: checkpoint, log.jsonl", NULL},
        {"resume", 0, VMG_OPT_FLAG, &t->resume, NULL, "go on from the checkpoint in --out", NULL},
        {"export", 0, VMG_OPT_STRING, &t->export_path, "FILE.gguf", "do not train: write the run in --out as a model (with "
         "--config: sampling defaults from there)", NULL},
        {"dtype", 0, VMG_OPT_STRING, &t->dtype, "T", "products in f32 (default) or bf16; with --export the weights' type", NULL},
        {"vocabulary", 0, VMG_OPT_STRING, &t->vocabulary, "FILE", "spiece.model (default: that of --warm-start, else made from the captions)", NULL},
        {"new-vocabulary", 0, VMG_OPT_FLAG, &t->new_vocabulary, NULL, "make it from the captions in spite of --warm-start, whose embeddings "
         "the new pieces start from", NULL},
        {"text-encoder", 0, VMG_OPT_STRING, &t->text_encoder, "MODEL", "frozen encoder, for configurations without \"text_encoder\"",
         NULL},
        {"warm-start", 0, VMG_OPT_STRING, &t->warm_start, "FILE|DIR", "start from tensors of equal names and shapes", NULL},
        {"sample", 0, VMG_OPT_STRING, &t->sample, "TEXT|TEXT", "draw what these prompts give at each checkpoint: DIR/samples/*.png",
         NULL},
        {"device", 0, VMG_OPT_STRING, &t->device, "D", "OpenCL device (vimogen devices)", NULL},
        {"threads", 0, VMG_OPT_INT, &t->threads, "N", "threads that make batches (default 1)", NULL},
        {"cache", 0, VMG_OPT_STRING, &t->cache, "SIZE", "keep trials of at most SIZE in memory (default 512M)", NULL},
    };
    size_t n = 0;
    while (opts[n].name)
        n++;
    for (const vmg_recipe_key *k = vmg_recipe_keys; k->key; k++, n++)
        opts[n] = (vmg_opt){k->key, 0,
                            k->kind == VMG_RECIPE_INT    ? VMG_OPT_INT
                            : k->kind == VMG_RECIPE_REAL ? VMG_OPT_DOUBLE
                            : k->kind == VMG_RECIPE_TEXT ? VMG_OPT_STRING
                                                         : VMG_OPT_FLAG,
                            k->kind == VMG_RECIPE_TEXT ? (void *)&t->text[k - vmg_recipe_keys] : member(&t->recipe, k),
                            k->kind == VMG_RECIPE_FLAG ? NULL : "X", k->help,
                            &t->given[k - vmg_recipe_keys]};
    return vmg_opt_parse(argc, argv, "--config FILE --data DIR --out DIR [OPTION...]\n       vimogen train --resume --data DIR "
                         "--out DIR\n       vimogen train --export FILE.gguf --out DIR [--dtype T]", opts, n, n_args);
}

/* What the command line says counts more than configuration and checkpoint. */
static int complete_recipe(train *t)
{
    vmg_recipe base;
    int rc = vmg_trainer_recipe(t->config, t->out, t->resume, &base);
    if (rc != VMG_OK)
        return rc;
    for (const vmg_recipe_key *k = vmg_recipe_keys; k->key; k++) {
        size_t size = k->kind == VMG_RECIPE_FLAG ? sizeof(bool) : sizeof(int64_t);
        if (!t->given[k - vmg_recipe_keys])
            continue;
        if (k->kind != VMG_RECIPE_TEXT)
            memcpy(member(&base, k), member(&t->recipe, k), size);
        else if (!vmg_recipe_set_text(&base, k, t->text[k - vmg_recipe_keys]))
            return vmg_fail(VMG_E_ARG, "--%s must be less than %d bytes long", k->key, VMG_RECIPE_TEXT_BYTES);
    }
    if (t->dtype)
        base.bf16 = !strcmp(t->dtype, "bf16");
    t->recipe = base;
    return vmg_recipe_check(&t->recipe);
}

/* ---- progress ---- */

static void print_left(double s)
{
    if (!isfinite(s))
        return;
    if (s >= 3600)
        fprintf(stderr, ", %.0f h %02.0f min left", floor(s / 3600), floor(fmod(s, 3600) / 60));
    else
        fprintf(stderr, s >= 60 ? ", %.0f min left" : ", %.0f s left", s >= 60 ? s / 60 : s);
}

/* A picture that cannot be made is no reason to stop. */
static void draw_samples(const train *t, int64_t step)
{
    vmg_log log = vmg_cli_log();
    if (vmg_train_draw_samples(t->ctx, t->out, step, t->sample) != VMG_OK) {
        vmg_logf(&log, VMG_LOG_WARN, "no samples are drawn: %s", vmg_error_message());
        vmg_ctx_clear(t->ctx);
    }
}

static bool on_report(void *user, const vmg_trainer_news *news)
{
    const train *t = user;
    bool terminal = isatty(STDERR_FILENO), lasting = isfinite(news->line.held_out_loss) || news->saved || !terminal;
    fprintf(stderr, "%sstep %lld/%lld", terminal ? "\r\033[K" : "", (long long)news->line.step, (long long)news->steps);
    if (isfinite(news->line.loss))
        fprintf(stderr, ": loss %.4f, gradient %.3f, %.1f samples/s, %.0f GFLOP/s", news->line.loss, news->line.grad_norm,
                news->line.samples_per_s, 1e-9 * news->flops_per_s);
    if (isfinite(news->line.facts_loss))
        fprintf(stderr, ", facts %.3f", news->line.facts_loss);
    if (isfinite(news->line.held_out_loss))
        fprintf(stderr, ", held out %.4f", news->line.held_out_loss);
    print_left(news->left_s);
    fprintf(stderr, "%s%s", news->saved ? ", saved" : "", lasting ? "\n" : "");
    fflush(stderr);
    if (news->saved && t->sample)
        draw_samples(t, news->line.step);
    return vmg_cli_interrupted();
}

/* ---- the command ---- */

static int run_export(const train *t)
{
    vmg_dtype dtype = VMG_F32;
    int rc = t->dtype ? vmg_dtype_parse(t->dtype, &dtype) : VMG_OK;
    if (rc == VMG_OK && dtype > VMG_Q4_0)
        rc = vmg_fail(VMG_E_ARG, "--dtype %s: weights become f32, f16, bf16, q8_0 or q4_0", t->dtype);
    if (rc == VMG_OK)
        rc = vmg_export_run(t->out, t->config, t->export_path, dtype);
    if (rc == VMG_OK)
        printf("%s\n", t->export_path);
    return rc;
}

static int run_training(train *t)
{
    vmg_frozen_texts *frozen = NULL;
    vmg_trainer_options o = {.config = t->config, .data = t->data, .out = t->out, .resume = t->resume, .vocabulary = t->vocabulary,
                             .new_vocabulary = t->new_vocabulary,
                             .warm_start = t->warm_start, .comm = &t->comm, .n_threads = (int)t->threads, .report_s = 5,
                             .report = on_report, .user = t, .log = vmg_cli_log()};
    uint64_t cache_bytes = 0;
    int rc = vmg_cli_parse_size(t->cache, &cache_bytes);
    o.cache_bytes = (size_t)cache_bytes;
    if (rc == VMG_OK)
        rc = complete_recipe(t);
    if (rc == VMG_OK)
        rc = vmg_cli_open_ctx_among(&t->comm, t->device, NULL, false, &t->ctx);
    if (rc == VMG_OK && t->text_encoder) {
        rc = vmg_frozen_texts_open(t->ctx, t->text_encoder, t->data, &frozen);
        o.texts = vmg_frozen_texts_source(frozen);
    }
    o.recipe = t->recipe;
    vmg_cli_catch_interrupt();
    rc = vmg_comm_agree(&t->comm, rc);
    if (rc == VMG_OK)
        rc = vmg_trainer_run(t->ctx, &o);
    vmg_ctx_close(t->ctx);
    vmg_frozen_texts_close(frozen);
    return rc;
}

/* What is wrong with the command line, as an exit status; 0 if nothing is. */
static int check(const train *t, char **argv, int n_args)
{
    if (n_args)
        return vmg_cli_usage(argv[0], "takes no argument, but got \"%s\"", argv[1]);
    if (!t->out || (!t->export_path && (!t->data || (!t->config && !t->resume))))
        return vmg_cli_usage(argv[0], "needs --config, --data and --out (or --resume, --data and --out; or --export and --out)");
    if (!t->export_path && t->dtype && strcmp(t->dtype, "f32") && strcmp(t->dtype, "bf16"))
        return vmg_cli_usage(argv[0], "--dtype is f32 or bf16");
    if (t->threads < 1 || t->threads > 16)
        return vmg_cli_usage(argv[0], "--threads is 1 to 16");
    if (t->export_path && t->comm.size > 1)
        return vmg_cli_usage(argv[0], "--export is for one process");
    return 0;
}

static int run(int argc, char **argv)
{
    train t = {.threads = 1, .cache = "512M"};
    int n_args, rc = vmg_cli_join(&t.comm), status = VMG_EXIT_OK;
    if (rc == VMG_OK && (status = parse(argc, argv, &t, &n_args)) == 0)
        status = check(&t, argv, n_args);
    if (rc == VMG_OK && status == 0)
        rc = t.export_path ? run_export(&t) : run_training(&t);
    if (rc == VMG_E_INTERRUPTED) {
        fprintf(stderr, "vimogen %s: %s\n", argv[0], vmg_error_message()); /* a checkpoint was written */
        status = VMG_EXIT_INTERRUPTED;
    } else if (rc != VMG_OK) {
        status = vmg_cli_fail(argv[0], rc);
    }
    vmg_cli_leave(&t.comm);
    return status < 0 ? VMG_EXIT_OK : status;
}

const vmg_command vmg_cmd_train = {"train", "train a model on a data set", run};
