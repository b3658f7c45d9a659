/* Generating motion: a model, texts or reference motions in, feature clips out. */
#include "src/lib/generate.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/plan.h"
#include "src/format/weights_file.h"
#include "src/motion/clip.h"
#include "src/motion/fuse.h"
#include "src/motion/rep276.h"
#include "src/motion/settle.h"
#include "src/motion/smooth.h"

/* ---- inputs ---- */

/* A bare array is taken as it is; anything else goes through the clip reader, to the network's frame rate and frame. */
static bool holds_one_array(const char *path)
{
    vmg_weights *w = NULL;
    bool one = vmg_weights_open(path, &w) == VMG_OK && w->n_tensors == 1 && w->tensors[0].rank == 2;
    vmg_weights_close(w);
    return one;
}

/* Features in .pt and .npy do not say their rate; what the published tool resampled, it interpolated. */
static enum vmg_resample_mode mode_for(const char *path, const vmg_reference_options *o)
{
    char ending[8];
    vmg_path_ending(path, ending, sizeof ending);
    return o->published && (!strcmp(ending, "pt") || !strcmp(ending, "npy")) ? VMG_RESAMPLE_PUBLISHED : VMG_RESAMPLE_BETTER;
}

static int read_clip(const char *path, const vmg_reference_options *o, int64_t *n_frames, int64_t *cols, float **x)
{
    vmg_clip clip;
    int rc = vmg_clip_read(path, &(vmg_clip_read_options){.canonical = true, .fps = o->fps}, &clip);
    if (rc != VMG_OK)
        return rc;
    if (clip.fps != VMG_REP_FPS)
        rc = vmg_clip_resample(&clip, VMG_REP_FPS, mode_for(path, o));
    if (rc == VMG_OK) {
        *n_frames = clip.T;
        *cols = VMG_REP_DIM;
        *x = clip.x;
        clip.x = NULL;
    }
    vmg_clip_free(&clip);
    return rc;
}

static int read_array(const char *path, const vmg_reference_options *o, int64_t *n_frames, int64_t *cols, float **x)
{
    *cols = -1;
    int rc = vmg_read_matrix(path, "a reference motion", n_frames, cols, x);
    if (rc != VMG_OK || *cols != VMG_REP_DIM || !o->fps || o->fps == VMG_REP_FPS)
        return rc;
    float *given = *x;
    rc = vmg_rep276_resample(given, *n_frames, o->fps, VMG_REP_FPS, mode_for(path, o), x, n_frames);
    free(given);
    return rc == VMG_OK ? rc : vmg_fail_prefix(rc, "%s", path);
}

int vmg_reference_read(const char *path, int64_t ref_dim, const vmg_reference_options *o, int64_t *n_frames, float **out)
{
    int64_t cols;
    float *x;
    *out = NULL;
    int rc = holds_one_array(path) ? read_array(path, o, n_frames, &cols, &x) : read_clip(path, o, n_frames, &cols, &x);
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
        if (o->mean && o->std)
            vmg_rep276_normalise(x, *n_frames, o->mean, o->std);
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

static vmg_sampler_item *make_items(const vmg_generate_item *items, int64_t n, bool unsmoothed)
{
    vmg_sampler_item *s = vmg_calloc((size_t)n, sizeof *s);
    for (int64_t i = 0; s && i < n; i++) {
        const vmg_generate_item *it = &items[i];
        s[i] = (vmg_sampler_item){.attend_to_text = it->text >= 0, .n_frames = it->n_frames, .context = it->text,
                                  .ref = it->ref, .n_ref_frames = it->n_ref_frames, .noise = it->noise, .seed = it->seed};
        *(unsmoothed ? &s[i].unsmoothed : &s[i].latents) = it->out;
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

struct vmg_generator {
    vmg_ctx *ctx;
    const vmg_model *model;
    vmg_generate_options o;
    vmg_dit *dit;       /* NULL before the first batch */
    uint64_t max_bytes; /* that its parameters were given; 0: all they need */
};

typedef struct job {
    const vmg_sampler_item *items;
    int64_t n;
    const vmg_dit_context *contexts;
    int64_t n_contexts, null_context;
} job;

static int load(const vmg_generator *g, uint64_t max_bytes, vmg_dit **dit)
{
    const vmg_params_load_options o = {.max_bytes = max_bytes, .progress = g->o.loading, .progress_user = g->o.loading_user};
    int rc = vmg_dit_create(g->ctx, &g->model->config, g->o.dtype, dit);
    if (rc != VMG_OK)
        return rc;
    (*dit)->activations = g->o.activations;
    return vmg_dit_load(*dit, g->model->weights, &o);
}

static int sample(const vmg_generator *g, vmg_dit *dit, const job *j)
{
    return vmg_sampler_run(dit, j->items, j->n, j->contexts, j->n_contexts, j->null_context, &g->o.sampler);
}

/* Bytes the parameters may take beside everything else, or 0 when all fits. What is on the device already is counted anew. */
static int plan_memory(const vmg_generator *g, const job *j, uint64_t *max_bytes)
{
    vmg_plan_result plan;
    vmg_dit *dit = NULL;
    uint64_t params = 0;
    *max_bytes = 0;
    int rc = vmg_plan_begin(g->ctx);
    if (rc != VMG_OK)
        return rc;
    rc = load(g, 0, &dit);
    if (rc == VMG_OK) {
        params = vmg_params_bytes(&dit->params);
        rc = sample(g, dit, j);
    }
    vmg_dit_free(dit);
    int ended = vmg_plan_end(g->ctx, false, &plan);
    rc = rc != VMG_OK ? rc : ended;
    return rc != VMG_OK ? rc : vmg_plan_budget(g->ctx, &plan, params, max_bytes);
}

/* The network on the device with room for this batch beside it. */
static int make_ready(vmg_generator *g, const job *j)
{
    uint64_t max_bytes;
    int rc = plan_memory(g, j, &max_bytes);
    if (rc == VMG_OK && g->dit && max_bytes && (!g->max_bytes || max_bytes < g->max_bytes)) {
        vmg_dit_free(g->dit);
        g->dit = NULL;
    }
    if (rc == VMG_OK && !g->dit) {
        rc = load(g, max_bytes, &g->dit);
        g->max_bytes = max_bytes;
    }
    return rc;
}

/* Along time, as what follows sampling in the published model, but body rotations only. */
static int smooth_rotations(float *x, int64_t T)
{
    enum { N = VMG_REP_POS - VMG_REP_BODY_ROT };
    float *rotations = vmg_calloc((size_t)T, N * sizeof *rotations);
    if (!rotations)
        return VMG_E_NOMEM;
    for (int64_t t = 0; t < T; t++)
        memcpy(rotations + t * N, x + t * VMG_REP_DIM + VMG_REP_BODY_ROT, N * sizeof *rotations);
    int rc = vmg_smooth_gaussian(rotations, T, N, VMG_SMOOTH_WIDTH, VMG_SMOOTH_SIGMA);
    for (int64_t t = 0; rc == VMG_OK && t < T; t++)
        memcpy(x + t * VMG_REP_DIM + VMG_REP_BODY_ROT, rotations + t * N, N * sizeof *rotations);
    free(rotations);
    return rc;
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
        if (o->fuse && o->sampler.smooth)
            rc = smooth_rotations(items[i].out, items[i].n_frames);
        if (rc == VMG_OK && o->fuse)
            rc = vmg_rep276_fuse(items[i].out, items[i].n_frames, std);
        if (rc == VMG_OK && o->settle)
            rc = vmg_rep276_settle(items[i].out, items[i].n_frames, VMG_REP_FPS);
    }
    return rc;
}

int vmg_generator_open(vmg_ctx *ctx, const vmg_model *model, const vmg_generate_options *o, vmg_generator **out)
{
    vmg_generator *g = vmg_calloc(1, sizeof *g);
    *out = g;
    if (g)
        *g = (vmg_generator){.ctx = ctx, .model = model, .o = *o};
    return g ? VMG_OK : VMG_E_NOMEM;
}

void vmg_generator_close(vmg_generator *g)
{
    if (g)
        vmg_dit_free(g->dit);
    free(g);
}

int vmg_generator_run(vmg_generator *g, const vmg_embedding *texts, int64_t n_texts, const vmg_embedding *null_text,
                      const vmg_generate_item *items, int64_t n)
{
    float *references = NULL;
    vmg_dit_context *contexts = make_contexts(&g->model->config, texts, n_texts, null_text);
    vmg_sampler_item *sampled = make_items(items, n, g->o.raw || g->o.fuse);
    job j = {.items = sampled, .n = n, .contexts = contexts, .n_contexts = n_texts + (null_text != NULL),
             .null_context = null_text ? n_texts : -1};
    int rc = contexts && sampled ? pad_references(&g->model->config, sampled, n, &references) : VMG_E_NOMEM;
    if (rc == VMG_OK)
        rc = make_ready(g, &j);
    if (rc == VMG_OK)
        rc = sample(g, g->dit, &j);
    if (rc == VMG_OK && !g->o.raw)
        rc = denormalise(g->model, items, n, &g->o);
    free(references);
    free(contexts);
    free(sampled);
    return rc;
}

int vmg_generate(vmg_ctx *ctx, const vmg_model *model, const vmg_embedding *texts, int64_t n_texts,
                 const vmg_embedding *null_text, const vmg_generate_item *items, int64_t n, const vmg_generate_options *o)
{
    vmg_generator *g = NULL;
    int rc = vmg_generator_open(ctx, model, o, &g);
    if (rc == VMG_OK)
        rc = vmg_generator_run(g, texts, n_texts, null_text, items, n);
    vmg_generator_close(g);
    return rc;
}
