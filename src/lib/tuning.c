/* What tuning runs: networks of a configuration's real widths and few layers, at the shapes they are used with. */
#include "src/lib/tuning.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "models/sampler.h"
#include "models/t5.h"

/* Two blocks: the sampler's code and the shapes are the same for thirty. The reference half then has one. */
enum { LAYERS = 2, PROMPT_ROWS = 20, MAX_BATCH = 8 };

/* ---- configurations ---- */

static const char *const shipped[] = {"vimogen-mini", "vimogen-light", "vimogen-1.3b", "umt5-xxl"};

/* The shipped configuration that `name` is or ends; NULL: none. */
static const char *shipped_name(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < VMG_COUNT(shipped); i++) {
        size_t len = strlen(shipped[i]);
        if (n && n <= len && !strcmp(shipped[i] + len - n, name) && (n == len || shipped[i][len - n - 1] == '-'))
            return shipped[i];
    }
    return NULL;
}

/* Installed, else in the sources of this build. */
static char *config_path(const char *name)
{
    if (vmg_path_exists(name))
        return vmg_strdup(name);
    const char *known = shipped_name(name), *src = getenv("VMG_SRCDIR");
    if (!known) {
        vmg_fail(VMG_E_NOTFOUND, "\"%s\" is neither a file nor one of mini, light, 1.3b, xxl", name);
        return NULL;
    }
    return src ? vmg_asprintf("%s/models/%s.json", src, known) : vmg_asprintf("%s/%s.json", VMG_DATADIR, known);
}

int vmg_tuning_work_find(const char *name, vmg_dtype dtype, vmg_tuning_work *out)
{
    *out = (vmg_tuning_work){.dtype = dtype};
    char *path = config_path(name);
    if (!path)
        return VMG_E_NOTFOUND;
    int rc = vmg_dit_config_read(path, &out->dit);
    if (rc == VMG_E_FORMAT) {
        rc = vmg_t5_config_read(path, &out->t5);
        out->is_encoder = rc == VMG_OK;
    }
    free(path);
    out->dit.num_layers = VMG_MIN(out->dit.num_layers, LAYERS);
    out->t5.num_layers = VMG_MIN(out->t5.num_layers, LAYERS);
    return rc;
}

/* ---- motion networks ---- */

/* n clips of `frames`, all from a prompt or all from a reference, one guided step. */
static int sample(vmg_dit *dit, int64_t n, int64_t frames, bool from_text)
{
    const vmg_dit_config *c = &dit->config;
    float *text = vmg_calloc((size_t)(PROMPT_ROWS * c->text_dim), sizeof *text);
    float *motion = vmg_calloc((size_t)(n * frames * (c->in_dim + c->ref_motion_dim)), sizeof *motion);
    int rc = VMG_E_NOMEM;
    if (!text || !motion)
        goto out;
    const int64_t padding = vmg_dit_padding(c, PROMPT_ROWS, PROMPT_ROWS);
    const vmg_dit_context contexts[2] = {{text, PROMPT_ROWS, padding}, {text, 1, vmg_dit_padding(c, 1, PROMPT_ROWS)}};
    vmg_sampler_item items[MAX_BATCH];
    for (int64_t i = 0; i < n; i++) {
        items[i] = (vmg_sampler_item){.attend_to_text = from_text, .n_frames = frames, .seed = (uint64_t)i,
                                      .latents = motion + i * frames * c->in_dim};
        if (!from_text) {
            items[i].ref = motion + n * frames * c->in_dim + i * frames * c->ref_motion_dim;
            items[i].n_ref_rows = items[i].n_ref_frames = frames;
        }
    }
    vmg_sampler_options o = vmg_sampler_defaults();
    o.steps = 1;
    rc = vmg_sampler_run(dit, items, n, contexts, 2, 1, &o);
out:
    free(text);
    free(motion);
    return rc;
}

static int run_dit(vmg_ctx *ctx, const vmg_tuning_work *w, bool full)
{
    const struct { int64_t n, frames; bool full; } batches[] = {
        {1, 100, false}, {1, 200, false}, {1, 20, true}, {MAX_BATCH, 100, true}};
    vmg_dit *dit = NULL;
    int rc = vmg_dit_create(ctx, &w->dit, w->dtype, &dit);
    if (rc == VMG_OK)
        dit->activations = w->activations;
    if (rc == VMG_OK)
        rc = vmg_dit_load_random(dit, 1, &(vmg_params_load_options){0});
    for (size_t i = 0; rc == VMG_OK && i < VMG_COUNT(batches); i++) {
        if (batches[i].full && !full)
            continue;
        rc = sample(dit, batches[i].n, batches[i].frames, true);
        if (rc == VMG_OK && w->dit.ref_motion_dim)
            rc = sample(dit, batches[i].n, batches[i].frames, false);
    }
    vmg_dit_free(dit);
    return rc;
}

/* ---- encoders ---- */

static int run_t5(vmg_ctx *ctx, const vmg_tuning_work *w, bool full)
{
    const struct { int64_t tokens; bool full; } texts[] = {{12, false}, {32, false}, {100, false}, {4, true}, {226, true}};
    const int64_t longest = 226;
    vmg_t5 *t5 = NULL;
    int32_t *ids = vmg_calloc((size_t)longest, sizeof *ids);
    float *out = vmg_calloc((size_t)(longest * w->t5.dim), sizeof *out);
    int rc = ids && out ? vmg_t5_create(ctx, &w->t5, w->dtype, &t5) : VMG_E_NOMEM;
    if (rc == VMG_OK)
        rc = vmg_t5_load_random(t5, 1, &(vmg_params_load_options){0});
    for (int64_t i = 0; ids && i < longest; i++)
        ids[i] = (int32_t)(i % w->t5.vocab_size);
    for (size_t i = 0; rc == VMG_OK && i < VMG_COUNT(texts); i++)
        if (full || !texts[i].full)
            rc = vmg_t5_encode(t5, ids, &texts[i].tokens, 1, NULL, NULL, out);
    vmg_t5_free(t5);
    free(ids);
    free(out);
    return rc;
}

int vmg_tuning_run(vmg_ctx *ctx, const vmg_tuning_work *work, bool full)
{
    return work->is_encoder ? run_t5(ctx, work, full) : run_dit(ctx, work, full);
}
