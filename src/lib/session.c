/* The public interface: sessions that generate. */
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/lib/encoder.h"
#include "src/lib/generate.h"
#include "src/motion/clip.h"
#include "src/motion/rep276.h"
#include "src/vimogen.h"

_Static_assert((int)VIMOGEN_FEATURES == (int)VMG_REP_DIM && (int)VIMOGEN_INTERRUPTED == (int)VMG_E_INTERRUPTED &&
                   (int)VIMOGEN_OK == (int)VMG_OK,
               "the public header repeats these numbers");

struct vimogen_session {
    vmg_ctx *ctx;
    vmg_embed_cache *cache; /* NULL: none wanted, or it cannot be opened */
    vmg_model model;
    char *encoder;
    vmg_dtype dtype, activations;
    vimogen_progress *progress;
    void *progress_user;
    const char *doing; /* what progress is about */
};

int vimogen_open(const vimogen_session_options *options, vimogen_session **out)
{
    const vimogen_session_options none = {0};
    const vimogen_session_options *o = options ? options : &none;
    const char *encoder = o->encoder ? o->encoder : getenv("VMG_ENCODER");
    *out = NULL;
    vimogen_session *s = vmg_calloc(1, sizeof *s);
    if (!s)
        return VMG_E_NOMEM;
    s->progress = o->progress;
    s->progress_user = o->progress_user;
    int rc = vmg_model_open(o->model, &s->model);
    if (rc == VMG_OK)
        rc = vmg_model_weight_dtype(o->dtype, s->model.stored, &s->dtype);
    if (rc == VMG_OK)
        rc = vmg_model_activations(o->activations, &s->activations);
    if (rc == VMG_OK && !(s->encoder = vmg_strdup(encoder && *encoder ? encoder : s->model.path)))
        rc = VMG_E_NOMEM;
    if (rc == VMG_OK && !o->no_cache)
        (void)vmg_embed_cache_open(NULL, o->cache_bytes ? o->cache_bytes : VMG_EMBED_CACHE_BYTES, &s->cache); /* nothing depends on it */
    if (rc == VMG_OK)
        rc = vmg_ctx_open(&(vmg_ctx_options){.device = o->device, .max_memory_bytes = o->max_memory_bytes}, &s->ctx);
    if (rc != VMG_OK) {
        vimogen_close(s);
        return rc;
    }
    *out = s;
    return VMG_OK;
}

void vimogen_close(vimogen_session *s)
{
    if (!s)
        return;
    vmg_ctx_close(s->ctx);
    vmg_embed_cache_close(s->cache);
    vmg_model_close(&s->model);
    free(s->encoder);
    free(s);
}

vimogen_request vimogen_request_default(void)
{
    return (vimogen_request){.guidance = -1};
}

static bool on_count(void *user, size_t done, size_t total)
{
    vimogen_session *s = user;
    return !s->progress || s->progress(s->progress_user, s->doing, (int64_t)done, (int64_t)total) == 0;
}

static bool on_step(void *user, int64_t done, int64_t total)
{
    vimogen_session *s = user;
    s->doing = "sampling";
    return on_count(s, (size_t)done, (size_t)total);
}

/* The text's embedding and, where guidance needs it, the empty text's. */
static int get_texts(vimogen_session *s, const vimogen_request *r, double guidance, vmg_embedding *text, vmg_embedding *null_text)
{
    int64_t width = s->model.config.text_dim;
    bool want_null = guidance != 1.0;
    int rc = VMG_OK;
    if (want_null && s->model.null_rows)
        rc = vmg_embedding_from_rows(s->model.null_rows, s->model.n_null_rows, width, null_text);
    if (rc == VMG_OK && r->embedding)
        rc = vmg_embedding_from_rows(r->embedding, r->n_embedding_rows, width, text);
    bool encode_null = want_null && !null_text->rows;
    if (rc != VMG_OK || (r->embedding && !encode_null))
        return rc;
    vmg_encoder e;
    rc = vmg_encoder_open_for(&s->model, s->encoder, NULL, &e);
    if (rc != VMG_OK)
        return rc;
    const char *texts[2];
    vmg_embedding *to[2], got[2];
    int64_t n = 0;
    if (r->prompt) {
        texts[n] = r->prompt;
        to[n++] = text;
    }
    if (encode_null) {
        texts[n] = "";
        to[n++] = null_text;
    }
    vmg_encode_options o = {.cache = s->cache, .apart = true, .loading = on_count, .encoding = on_count, .user = s};
    s->doing = "encoding";
    rc = vmg_model_weight_dtype(NULL, e.stored, &o.dtype);
    if (rc == VMG_OK)
        rc = vmg_encode_texts(s->ctx, &e, texts, n, &o, got);
    for (int64_t i = 0; rc == VMG_OK && i < n; i++)
        *to[i] = got[i];
    vmg_encoder_close(&e);
    return rc;
}

/* Normalised reference features of a motion in metres. */
static int get_reference(const vimogen_session *s, const vimogen_request *r, float **ref)
{
    int64_t T = r->n_reference_frames, D = s->model.config.ref_motion_dim;
    if (T < 1 || D != VMG_REF_DIM || s->model.config.in_dim != VMG_REP_DIM)
        return vmg_fail(VMG_E_ARG, T < 1 ? "the reference has no frames" : "this model takes no reference motion");
    if (!s->model.mean || !s->model.std)
        return vmg_fail(VMG_E_ARG, "%s carries no statistics to normalise a reference with", s->model.path);
    float *x = vmg_calloc((size_t)(T * VMG_REP_DIM), sizeof *x);
    *ref = vmg_calloc((size_t)(T * D), sizeof **ref);
    if (x && *ref) {
        memcpy(x, r->reference, (size_t)(T * VMG_REP_DIM) * sizeof *x);
        vmg_rep276_normalise(x, T, s->model.mean, s->model.std);
        vmg_rep276_reference(x, T, *ref);
    }
    free(x);
    return x && *ref ? VMG_OK : VMG_E_NOMEM;
}

int vimogen_generate(vimogen_session *s, const vimogen_request *r, float **features, int64_t *n_frames)
{
    vmg_embedding text = {0}, null_text = {0};
    float *ref = NULL, *out = NULL;
    vmg_model_sampling sampling;
    int64_t T = r->n_frames ? r->n_frames : r->n_reference_frames;
    *features = NULL;
    *n_frames = 0;
    if (!r->prompt + !r->embedding + !r->reference != 2)
        return vmg_fail(VMG_E_ARG, "a request needs exactly one of prompt, embedding and reference");
    if (T < 0 || r->steps < 0)
        return vmg_fail(VMG_E_ARG, "a request cannot have less than no frames or steps");
    vmg_ctx_clear(s->ctx);
    int rc = vmg_model_get_sampling(&s->model, &sampling);
    if (rc != VMG_OK)
        return rc;
    T = T ? T : sampling.n_frames;
    sampling.sampler.steps = r->steps ? r->steps : sampling.sampler.steps;
    sampling.sampler.guidance = r->guidance >= 0 ? r->guidance : sampling.sampler.guidance;
    rc = r->reference ? get_reference(s, r, &ref) : get_texts(s, r, sampling.sampler.guidance, &text, &null_text);
    if (rc == VMG_OK && !(out = vmg_calloc((size_t)T, (size_t)s->model.config.out_dim * sizeof *out)))
        rc = VMG_E_NOMEM;
    if (rc == VMG_OK) {
        vmg_generate_options o = {.sampler = sampling.sampler, .fuse = sampling.fuse, .settle = sampling.settle,
                                   .dtype = s->dtype, .activations = s->activations,
                                   .loading = on_count, .loading_user = s};
        vmg_generate_item item = {.text = ref ? -1 : 0, .ref = ref, .n_ref_frames = r->n_reference_frames, .n_frames = T,
                                  .seed = r->seed, .out = out};
        o.sampler.progress = on_step;
        o.sampler.progress_user = s;
        s->doing = "loading";
        rc = vmg_generate(s->ctx, &s->model, &text, ref ? 0 : 1, null_text.rows ? &null_text : NULL, &item, 1, &o);
    }
    if (rc == VMG_OK) {
        *features = out;
        *n_frames = T;
        out = NULL;
    }
    vmg_embedding_free(&text);
    vmg_embedding_free(&null_text);
    free(ref);
    free(out);
    return rc;
}

int vimogen_write(const char *path, const float *features, int64_t n_frames)
{
    vmg_clip clip = {0};
    int rc = vmg_clip_from_features(features, n_frames, VMG_REP_FPS, &clip);
    if (rc == VMG_OK)
        rc = vmg_clip_write(path, &clip, NULL);
    vmg_clip_free(&clip);
    return rc;
}
