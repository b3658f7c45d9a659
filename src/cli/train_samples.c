/* Pictures of what a model makes while it is trained. */
#include "src/cli/train_samples.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/lib/export_run.h"
#include "src/lib/generate_texts.h"
#include "src/motion/rep276.h"
#include "src/render/render.h"

enum { MAX_PROMPTS = 8 };

typedef struct samples {
    vmg_model model;
    char *prompt[MAX_PROMPTS];
    int64_t n, n_frames;
    float *x; /* (n, n_frames, 276) */
    vmg_clip clip[MAX_PROMPTS];
    vmg_render_clip shown[MAX_PROMPTS];
} samples;

static int split(samples *s, const char *prompts)
{
    for (const char *at = prompts; *at && s->n < MAX_PROMPTS;) {
        size_t len = strcspn(at, "|");
        s->prompt[s->n] = vmg_strndup(at, len);
        if (!s->prompt[s->n++])
            return VMG_E_NOMEM;
        at += len + (at[len] == '|');
    }
    return s->n ? VMG_OK : vmg_fail(VMG_E_ARG, "no prompt is given");
}

static int generate(samples *s, vmg_ctx *ctx)
{
    vmg_model_sampling sampling;
    vmg_text_item items[MAX_PROMPTS];
    int rc = vmg_model_get_sampling(&s->model, &sampling);
    if (rc != VMG_OK)
        return rc;
    s->n_frames = sampling.n_frames;
    s->x = vmg_calloc((size_t)(s->n * s->n_frames), VMG_REP_DIM * sizeof *s->x);
    if (!s->x)
        return VMG_E_NOMEM;
    for (int64_t i = 0; i < s->n; i++)
        items[i] = (vmg_text_item){.text = i, .n_frames = s->n_frames, .out = s->x + i * s->n_frames * VMG_REP_DIM};
    const vmg_generate_options o = {.sampler = sampling.sampler, .fuse = sampling.fuse, .settle = sampling.settle, .dtype = VMG_F32};
    return vmg_generate_texts(ctx, &s->model, (const char *const *)s->prompt, s->n, items, s->n, 0, &o);
}

static int draw(samples *s, vmg_ctx *ctx, const char *path)
{
    int rc = VMG_OK;
    for (int64_t i = 0; rc == VMG_OK && i < s->n; i++) {
        rc = vmg_clip_from_features(s->x + i * s->n_frames * VMG_REP_DIM, s->n_frames, VMG_REP_FPS, &s->clip[i]);
        s->shown[i] = (vmg_render_clip){&s->clip[i], s->prompt[i]};
    }
    return rc == VMG_OK ? vmg_render(ctx, path, s->shown, s->n, &vmg_render_defaults) : rc;
}

int vmg_train_draw_samples(vmg_ctx *ctx, const char *run, int64_t step, const char *prompts)
{
    samples s = {0};
    char *dir = vmg_path_join(run, "samples"), *model = dir ? vmg_path_join(dir, "model.gguf") : NULL;
    char *path = dir ? vmg_asprintf("%s/step-%06lld.png", dir, (long long)step) : NULL;
    int rc = model && path ? vmg_mkdirs(dir) : VMG_E_NOMEM;
    if (rc == VMG_OK)
        rc = split(&s, prompts);
    if (rc == VMG_OK)
        rc = vmg_export_run(run, NULL, model, VMG_F32);
    if (rc == VMG_OK)
        rc = vmg_model_open(model, &s.model);
    if (rc == VMG_OK)
        rc = generate(&s, ctx);
    if (rc == VMG_OK)
        rc = draw(&s, ctx, path);
    for (int64_t i = 0; i < s.n; i++) {
        free(s.prompt[i]);
        vmg_clip_free(&s.clip[i]);
    }
    vmg_model_close(&s.model);
    if (model)
        unlink(model);
    free(s.x);
    free(dir);
    free(model);
    free(path);
    return rc;
}
