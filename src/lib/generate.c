/* Generating motion: a model, texts or reference motions in, feature clips out. */
#include "src/lib/generate.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/plan.h"
#include "src/format/weights_file.h"
#include "src/motion/clip.h"
#include "src/motion/fuse.h"
#include "src/motion/settle.h"
#include "src/motion/rep276.h"

/* ---- inputs ---- */

/* A bare array is taken as it is; anything else goes through the clip reader, to the network's frame rate and frame. */
static bool holds_one_array(const char *path)
{
    vmg_weights *w = NULL;
    bool one = vmg_weights_open(path, &w) == VMG_OK && w->n_tensors == 1 && w->tensors[0].rank == 2;
    vmg_weights_close(w);
    return one;
}

static int read_clip(const char *path, int64_t *n_frames, int64_t *cols, float **x)
{
    vmg_clip clip;
    int rc = vmg_clip_read(path, &(vmg_clip_read_options){.canonical = true}, &clip);
    if (rc != VMG_OK)
        return rc;
    if (clip.fps != VMG_REP_FPS)
        rc = vmg_clip_resample(&clip, VMG_REP_FPS, VMG_RESAMPLE_BETTER);
    if (rc == VMG_OK) {
        *n_frames = clip.T;
        *cols = VMG_REP_DIM;
        *x = clip.x;
        clip.x = NULL;
    }
    vmg_clip_free(&clip);
    return rc;
}

int vmg_reference_read(const char *path, int64_t ref_dim, const float *mean, const float *std, int64_t *n_frames, float **out)
{
    int64_t cols = -1;
    float *x;
    *out = NULL;
    int rc = holds_one_array(path) ? vmg_read_matrix(path, "a reference motion", n_frames, &cols, &x)
                                   : read_clip(path, n_frames, &cols, &x);
    if (rc != VMG_OK)
        return rc;
    if (cols == ref_dim) {
        *out = x;
        return VMG_OK;
    }
    if (cols != VMG_REP_DIM || ref_dim != VMG_REF_DIM) {
        free(x);
        return vmg_fail(VMG_E_FORMAT, "%s has %lld features a frame, a reference motion has %d (or %lld, reduced and normalised)",
                        path, (long long)cols, VMG_REP_DIM, (long long)ref_dim);
    }
    *out = vmg_calloc((size_t)(*n_frames * ref_dim), sizeof **out);
    if (*out) {
        if (mean && std)
            vmg_rep276_normalise(x, *n_frames, mean, std);
        vmg_rep276_reference(x, *n_frames, *out);
    }
    free(x);
    return *out ? VMG_OK : VMG_E_NOMEM;
}

/* ---- contexts ---- */

static vmg_dit_context *make_contexts(const vmg_dit_config *c, const vmg_embedding *texts, int64_t n,
                                      const vmg_embedding *null_text)
{
    vmg_dit_context *contexts = vmg_calloc((size_t)n + 1, sizeof *contexts);
    vmg_dit_config width = *c;
    int64_t longest = 0;
    if (!contexts)
        return NULL;
    /* A null embedding that came padded says how wide the model's contexts were. */
    if (null_text && null_text->n_zero_rows)
        width.text_min_rows = null_text->n_rows + null_text->n_zero_rows;
    for (int64_t i = 0; i < n; i++)
        longest = VMG_MAX(longest, texts[i].n_rows);
    for (int64_t i = 0; i <= n; i++) {
        const vmg_embedding *e = i < n ? &texts[i] : null_text;
        if (e)
            contexts[i] = (vmg_dit_context){e->rows, e->n_rows, vmg_dit_padding(&width, e->n_rows, longest)};
    }
    return contexts;
}

static vmg_sampler_item *make_items(const vmg_generate_item *items, int64_t n, bool raw)
{
    vmg_sampler_item *s = vmg_calloc((size_t)n, sizeof *s);
    for (int64_t i = 0; s && i < n; i++) {
        const vmg_generate_item *it = &items[i];
        s[i] = (vmg_sampler_item){.attend_to_text = it->text >= 0, .n_frames = it->n_frames, .context = it->text,
                                  .ref = it->ref, .n_ref_frames = it->n_ref_frames, .noise = it->noise, .seed = it->seed};
        *(raw ? &s[i].unsmoothed : &s[i].latents) = it->out;
    }
    return s;
}

/* The encoder sees as many reference rows as the longer of motion and reference; missing ones are zero. */
static int pad_references(const vmg_dit_config *c, vmg_sampler_item *items, int64_t n, float **storage)
{
    int64_t total = 0, at = 0, D = c->ref_motion_dim;
    for (int64_t i = 0; i < n; i++)
        if (!items[i].attend_to_text)
            total += VMG_MAX(items[i].n_frames, items[i].n_ref_frames);
    *storage = vmg_calloc((size_t)(total * D), sizeof **storage);
    if (!*storage)
        return VMG_E_NOMEM;
    for (int64_t i = 0; i < n; i++) {
        vmg_sampler_item *it = &items[i];
        if (it->attend_to_text || !it->ref)
            continue;
        it->n_ref_rows = VMG_MAX(it->n_frames, it->n_ref_frames);
        memcpy(*storage + at * D, it->ref, (size_t)(it->n_ref_frames * D) * sizeof **storage);
        it->ref = *storage + at * D;
        at += it->n_ref_rows;
    }
    return VMG_OK;
}

/* ---- running ---- */

typedef struct job {
    vmg_ctx *ctx;
    const vmg_model *model;
    const vmg_generate_options *o;
    const vmg_sampler_item *items;
    int64_t n;
    const vmg_dit_context *contexts;
    int64_t n_contexts, null_context;
} job;

static int load_and_sample(const job *j, uint64_t max_bytes, uint64_t *params_bytes)
{
    vmg_dit *dit = NULL;
    const vmg_params_load_options load = {.max_bytes = max_bytes, .progress = j->o->loading,
                                          .progress_user = j->o->loading_user};
    int rc = vmg_dit_create(j->ctx, &j->model->config, j->o->dtype, &dit);
    if (rc == VMG_OK && params_bytes)
        *params_bytes = vmg_params_bytes(&dit->params);
    if (rc == VMG_OK)
        rc = vmg_dit_load(dit, j->model->weights, &load);
    if (rc == VMG_OK)
        rc = vmg_sampler_run(dit, j->items, j->n, j->contexts, j->n_contexts, j->null_context, &j->o->sampler);
    vmg_dit_free(dit);
    return rc;
}

/* Bytes the parameters may take beside everything else, or 0 when all fits. */
static int plan_memory(const job *j, uint64_t *max_bytes)
{
    vmg_plan_result plan;
    uint64_t params = 0;
    *max_bytes = 0;
    int rc = vmg_plan_begin(j->ctx);
    if (rc != VMG_OK)
        return rc;
    rc = load_and_sample(j, 0, &params);
    int ended = vmg_plan_end(j->ctx, false, &plan);
    rc = rc != VMG_OK ? rc : ended;
    return rc != VMG_OK ? rc : vmg_plan_budget(j->ctx, &plan, params, max_bytes);
}

static int denormalise(const vmg_model *m, const vmg_generate_item *items, int64_t n, const vmg_generate_options *o)
{
    const float *mean = o->mean ? o->mean : m->mean, *std = o->std ? o->std : m->std;
    if (!mean || !std)
        return vmg_fail(VMG_E_ARG, "%s carries no statistics: give --mean and --std, or ask for --raw latents", m->path);
    if (m->config.out_dim != VMG_REP_DIM)
        return vmg_fail(VMG_E_UNSUPPORTED, "%s makes %lld features a frame; only --raw output is possible", m->path,
                        (long long)m->config.out_dim);
    int rc = VMG_OK;
    for (int64_t i = 0; rc == VMG_OK && i < n; i++) {
        vmg_rep276_denormalise(items[i].out, items[i].n_frames, mean, std);
        if (o->fuse)
            rc = vmg_rep276_fuse(items[i].out, items[i].n_frames, std);
        if (rc == VMG_OK && o->settle)
            rc = vmg_rep276_settle(items[i].out, items[i].n_frames, VMG_REP_FPS);
    }
    return rc;
}

int vmg_generate(vmg_ctx *ctx, const vmg_model *model, const vmg_embedding *texts, int64_t n_texts,
                 const vmg_embedding *null_text, const vmg_generate_item *items, int64_t n, const vmg_generate_options *o)
{
    float *references = NULL;
    uint64_t max_bytes = 0;
    vmg_dit_context *contexts = make_contexts(&model->config, texts, n_texts, null_text);
    vmg_sampler_item *sampled = make_items(items, n, o->raw);
    job j = {.ctx = ctx, .model = model, .o = o, .items = sampled, .n = n, .contexts = contexts,
             .n_contexts = n_texts + (null_text != NULL), .null_context = null_text ? n_texts : -1};
    int rc = contexts && sampled ? pad_references(&model->config, sampled, n, &references) : VMG_E_NOMEM;
    if (rc == VMG_OK)
        rc = plan_memory(&j, &max_bytes);
    if (rc == VMG_OK)
        rc = load_and_sample(&j, max_bytes, NULL);
    if (rc == VMG_OK && !o->raw)
        rc = denormalise(model, items, n, o);
    free(references);
    free(contexts);
    free(sampled);
    return rc;
}
