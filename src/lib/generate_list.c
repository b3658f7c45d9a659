/* Motions of a list: encoding, sampling in batches, by one process or by several that share the work. */
#include "src/lib/generate_list.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/weights_file.h"
#include "src/lib/encoder.h"

enum { USUAL_KEPT_MIB = 512 };

/* What this process has of an item of its present part of the list. */
typedef struct slot {
    vmg_embedding text;
    float *ref, *out;
    int64_t n_ref_frames, n_frames;
    bool encode;
    char *error; /* NULL: all is well */
} slot;

typedef struct lister {
    vmg_ctx *ctx;
    const vmg_model *model;
    const vmg_list_options *o;
    const vmg_list_item *items;
    int64_t n;
    slot *slots;
    int64_t *batches, n_batches; /* those with something wanted: first item of each */
    int64_t encoded_to;          /* of this process's batches, the first whose texts are still to be encoded */
    vmg_encoder encoder;
    bool has_encoder;
    char *no_encoder;            /* why there is none, where items can do without */
    vmg_embedding null_text;
    vmg_generator *generator;
    int64_t n_done, n_wanted, n_round; /* wanted items: finished by all processes, in sum, in the round that is being made */
    double begun, share; /* of this process's batch: sampled already, and being sampled */
} lister;

static int64_t end_of(const lister *l, int64_t batch)
{
    return VMG_MIN(l->n, l->batches[batch] + l->o->at_once);
}

static bool follows_text(const lister *l, int64_t i)
{
    return !l->items[i].reference;
}

/* Remembers the thread's message as the item's. */
static int give_up(slot *s)
{
    free(s->error);
    s->error = vmg_strdup(vmg_error_message());
    return s->error ? VMG_OK : VMG_E_NOMEM;
}

static void free_slot(slot *s)
{
    vmg_embedding_free(&s->text);
    free(s->ref);
    free(s->out);
    free(s->error);
    *s = (slot){0};
}

/* ---- progress ---- */

static bool tell(lister *l, const char *what, int64_t done, int64_t total)
{
    return !l->o->progress || l->o->progress(l->o->user, l->o->comm->rank ? NULL : what, done, total);
}

static bool on_load(void *user, size_t done, size_t total)
{
    return tell(user, "loading", (int64_t)done, (int64_t)total);
}

static bool on_encode(void *user, size_t done, size_t total)
{
    return tell(user, "encoding", (int64_t)done, (int64_t)total);
}

static bool tell_steps(lister *l, int64_t step)
{
    int64_t steps = l->o->generate.sampler.steps;
    double now = (double)l->n_round * (l->begun * (double)steps + l->share * (double)step); /* as if all were as far */
    return tell(l, "generating", l->n_done * steps + (int64_t)now, l->n_wanted * steps);
}

static bool on_step(void *user, int64_t done, int64_t total)
{
    (void)total;
    return tell_steps(user, done);
}

/* ---- texts ---- */

/* Whether a file's embedding is one for this model; a damaged file is, and will be complained about. */
static bool is_for_model(const lister *l, const char *path)
{
    vmg_weights *w = NULL;
    if (!path || !vmg_path_exists(path))
        return false;
    bool damaged = vmg_weights_open(path, &w) != VMG_OK || w->n_tensors != 1 || w->tensors[0].rank < 1;
    bool fits = damaged || w->tensors[0].dim[w->tensors[0].rank - 1] == l->model->config.text_dim;
    vmg_weights_close(w);
    return fits;
}

static bool needs_null(const lister *l)
{
    bool any_text = false;
    for (int64_t b = 0; b < l->n_batches; b++)
        for (int64_t i = l->batches[b]; i < end_of(l, b); i++)
            any_text |= follows_text(l, i);
    return any_text && !l->o->null_text && l->o->generate.sampler.guidance != 1;
}

/* Opens the encoder if a text needs it. A list whose texts come with embeddings can do without: those that lack one fail. */
static int find_encoder(lister *l)
{
    bool wanted = needs_null(l), embedded = false;
    for (int64_t b = 0; b < l->n_batches; b++)
        for (int64_t i = l->batches[b]; i < end_of(l, b); i++) {
            slot *s = &l->slots[i];
            s->encode = follows_text(l, i) && !is_for_model(l, l->items[i].embedding);
            wanted |= s->encode;
            embedded |= follows_text(l, i) && !s->encode;
        }
    if (!wanted)
        return VMG_OK;
    int rc = vmg_encoder_open_for(l->model, l->o->encoder, l->o->tokenizer, &l->encoder);
    l->has_encoder = rc == VMG_OK;
    if (rc != VMG_E_NOTFOUND || l->o->encoder || !embedded || needs_null(l))
        return rc;
    l->no_encoder = vmg_strdup(vmg_error_message());
    return l->no_encoder ? VMG_OK : VMG_E_NOMEM;
}

/* The texts of a part of the list, on their way through the encoder. */
typedef struct texts {
    lister *l;
    const char **text;
    int64_t *item; /* -1: the empty text */
    int64_t n;
} texts;

static int give_ctx(void *user, vmg_ctx **ctx)
{
    *ctx = ((texts *)user)->l->ctx;
    return VMG_OK;
}

static int take_text(void *user, int64_t k, const float *rows, int64_t n_rows)
{
    texts *t = user;
    vmg_embedding *to = t->item[k] < 0 ? &t->l->null_text : &t->l->slots[t->item[k]].text;
    return vmg_embedding_from_rows(rows, n_rows, t->l->encoder.config.dim, to);
}

static int encode(texts *t)
{
    lister *l = t->l;
    vmg_encode_options o = {.cache = l->o->cache, .apart = true, .loading = on_load, .encoding = on_encode, .user = l};
    vmg_encode_sink sink = {.open = give_ctx, .take = take_text, .user = t, .log = l->ctx->log};
    int rc = vmg_model_weight_dtype(l->o->encoder_dtype, l->encoder.stored, &o.dtype);
    return rc == VMG_OK ? vmg_encode_each(&l->encoder, t->text, t->n, &o, &sink) : rc;
}

/* Encodes the texts of this process's batches from `batch` on, as many as memory is meant for. The network leaves the device for it. */
static int encode_part(lister *l, int64_t batch)
{
    texts t = {.l = l, .text = vmg_calloc((size_t)l->n + 1, sizeof *t.text), .item = vmg_calloc((size_t)l->n + 1, sizeof *t.item)};
    size_t bytes = 0, row = (size_t)l->model->config.text_dim * sizeof(float);
    size_t limit = l->o->kept_bytes ? l->o->kept_bytes : (size_t)USUAL_KEPT_MIB << 20;
    int rc = t.text && t.item ? VMG_OK : VMG_E_NOMEM;
    if (rc == VMG_OK && l->has_encoder && !l->null_text.rows && needs_null(l)) {
        t.text[0] = "";
        t.item[t.n++] = -1;
    }
    for (; rc == VMG_OK && batch < l->n_batches && bytes < limit; batch += l->o->comm->size) {
        for (int64_t i = l->batches[batch]; i < end_of(l, batch); i++) {
            if (!l->slots[i].encode || !l->has_encoder)
                continue;
            t.text[t.n] = l->items[i].prompt;
            t.item[t.n++] = i;
            bytes += VMG_MIN(strlen(l->items[i].prompt) / 3 + 1, (size_t)VMG_TOKENIZER_MAX_IDS) * row;
        }
    }
    l->encoded_to = batch;
    if (rc == VMG_OK && t.n) {
        vmg_generator_close(l->generator);
        l->generator = NULL;
        rc = encode(&t);
    }
    free(t.text);
    free(t.item);
    return rc;
}

/* ---- one batch ---- */

/* An item's inputs; what is wrong with it becomes its error. */
static int prepare(lister *l, int64_t i)
{
    const vmg_list_item *it = &l->items[i];
    const vmg_dit_config *c = &l->model->config;
    slot *s = &l->slots[i];
    int rc = VMG_OK;
    if (it->reference && !c->ref_motion_dim)
        rc = vmg_fail(VMG_E_ARG, "%s takes no reference motion", l->model->path);
    else if (it->reference)
        rc = vmg_reference_read(it->reference, c->ref_motion_dim, &l->o->reference, &s->n_ref_frames, &s->ref);
    else if (s->encode && !l->has_encoder)
        rc = it->embedding && vmg_path_exists(it->embedding)
                 ? vmg_fail(VMG_E_NOTFOUND, "%s is of another width, and %s", it->embedding, l->no_encoder)
                 : vmg_fail(VMG_E_NOTFOUND, "%s%s%s", it->embedding ? it->embedding : "", it->embedding ? " is missing, and " : "",
                            l->no_encoder);
    else if (!s->encode)
        rc = vmg_embedding_read(it->embedding, c->text_dim, &s->text);
    s->n_frames = it->n_frames ? it->n_frames : it->reference ? s->n_ref_frames : l->o->n_frames;
    if (rc == VMG_OK && (s->n_frames < 1 || VMG_MAX(s->n_frames, s->n_ref_frames) > VMG_DIT_MAX_FRAMES))
        rc = vmg_fail(VMG_E_ARG, "a motion of %lld frames: 1 to %d are possible", (long long)VMG_MAX(s->n_frames, s->n_ref_frames),
                      VMG_DIT_MAX_FRAMES);
    if (rc != VMG_OK)
        return rc == VMG_E_NOMEM ? rc : give_up(s);
    s->out = vmg_calloc((size_t)s->n_frames, (size_t)c->in_dim * sizeof *s->out);
    return s->out ? VMG_OK : VMG_E_NOMEM;
}

static const vmg_embedding *null_of(const lister *l)
{
    return l->o->null_text ? l->o->null_text : l->null_text.rows ? &l->null_text : NULL;
}

/* Rows of a text's context; in a batch the longest one's count for all, so only equal ones share a batch. */
static int64_t width_of(const lister *l, int64_t i)
{
    const vmg_embedding *null_text = null_of(l);
    int64_t least = null_text && null_text->n_zero_rows ? null_text->n_rows + null_text->n_zero_rows : l->model->config.text_min_rows;
    return follows_text(l, i) ? VMG_MAX(least, l->slots[i].text.n_rows) : least;
}

/* Samples those items of [a, b) whose contexts are `width` rows wide. */
static int sample_width(lister *l, int64_t a, int64_t b, int64_t width)
{
    vmg_generate_item *items = vmg_calloc((size_t)(b - a), sizeof *items);
    vmg_embedding *text = vmg_calloc((size_t)(b - a), sizeof *text);
    int64_t n = 0, n_texts = 0;
    int rc = items && text ? VMG_OK : VMG_E_NOMEM;
    for (int64_t i = a; rc == VMG_OK && i < b; i++) {
        const slot *s = &l->slots[i];
        if (s->error || width_of(l, i) != width)
            continue;
        items[n++] = (vmg_generate_item){.text = s->ref ? -1 : n_texts, .ref = s->ref, .n_ref_frames = s->n_ref_frames,
                                         .n_frames = s->n_frames, .seed = l->items[i].seed, .out = s->out};
        if (!s->ref)
            text[n_texts++] = s->text; /* borrowed */
    }
    if (rc == VMG_OK && n && !l->generator) {
        vmg_generate_options o = l->o->generate;
        o.loading = on_load;
        o.loading_user = l;
        o.sampler.progress = on_step;
        o.sampler.progress_user = l;
        rc = vmg_generator_open(l->ctx, l->model, &o, &l->generator);
    }
    l->share = (double)n / (double)(b - a);
    if (rc == VMG_OK && n)
        rc = vmg_generator_run(l->generator, text, n_texts, null_of(l), items, n);
    l->begun += l->share;
    free(items);
    free(text);
    return rc;
}

static int sample_batch(lister *l, int64_t a, int64_t b)
{
    int rc = VMG_OK;
    for (int64_t i = a; rc == VMG_OK && i < b; i++) {
        bool first = !l->slots[i].error;
        for (int64_t k = a; first && k < i; k++)
            first = l->slots[k].error || width_of(l, k) != width_of(l, i);
        if (first)
            rc = sample_width(l, a, b, width_of(l, i));
    }
    return rc;
}

/* What rank 0 hears of an item: this, and `n_error` characters. */
typedef struct record {
    int64_t item, n_frames;
    uint64_t n_error;
} record;

static int make_batch(lister *l, int64_t batch, vmg_buf *records)
{
    int64_t a = l->batches[batch], b = end_of(l, batch);
    int rc = batch >= l->encoded_to ? encode_part(l, batch) : VMG_OK;
    for (int64_t i = a; rc == VMG_OK && i < b; i++)
        rc = prepare(l, i);
    if (rc == VMG_OK)
        rc = sample_batch(l, a, b);
    for (int64_t i = a; rc == VMG_OK && i < b; i++) {
        const slot *s = &l->slots[i];
        if (!l->items[i].wanted)
            continue;
        if (!s->error)
            rc = l->o->take(l->o->user, i, s->out, s->n_frames);
        if (rc != VMG_OK)
            break;
        record r = {i, s->n_frames, s->error ? strlen(s->error) : 0};
        vmg_buf_append(records, &r, sizeof r);
        vmg_buf_append(records, s->error ? s->error : "", r.n_error);
    }
    for (int64_t i = a; i < b; i++)
        free_slot(&l->slots[i]);
    return rc == VMG_OK && records->failed ? VMG_E_NOMEM : rc;
}

/* ---- the list ---- */

static int64_t n_wanted_in(const lister *l, int64_t batch)
{
    int64_t n = 0;
    for (int64_t i = l->batches[batch]; i < end_of(l, batch); i++)
        n += l->items[i].wanted;
    return n;
}

static void report(lister *l, const vmg_buf *records)
{
    record r;
    for (size_t at = 0; at < records->len; at += sizeof r + r.n_error) {
        memcpy(&r, records->data + at, sizeof r);
        char *error = r.n_error ? vmg_strndup(records->data + at + sizeof r, r.n_error) : NULL;
        l->o->report(l->o->user, r.item, r.n_frames, r.n_error && !error ? vmg_error_message() : error);
        free(error);
    }
}

/* A batch for each process, from `batch` on; then all hear how it went. */
static int make_round(lister *l, int64_t batch)
{
    const vmg_comm *comm = l->o->comm;
    int64_t mine = batch + comm->rank;
    vmg_buf records = {0}, all = {0};
    l->n_round = 0;
    l->begun = l->share = 0;
    for (int64_t k = batch; k < VMG_MIN(batch + comm->size, l->n_batches); k++)
        l->n_round += n_wanted_in(l, k);
    int rc = tell_steps(l, 0) ? VMG_OK : vmg_fail(VMG_E_INTERRUPTED, "interrupted");
    if (rc == VMG_OK && mine < l->n_batches)
        rc = make_batch(l, mine, &records);
    rc = vmg_comm_agree(comm, rc);
    int gathered = vmg_comm_gather(comm, records.data, records.len, &all);
    if (gathered == VMG_OK && !comm->rank)
        report(l, &all);
    vmg_buf_free(&records);
    vmg_buf_free(&all);
    l->n_done += l->n_round;
    return rc != VMG_OK ? rc : gathered;
}

static int find_batches(lister *l)
{
    int64_t at_once = l->o->at_once;
    l->batches = vmg_calloc((size_t)(l->n / at_once) + 1, sizeof *l->batches);
    l->slots = vmg_calloc((size_t)l->n, sizeof *l->slots);
    if (!l->batches || !l->slots)
        return VMG_E_NOMEM;
    for (int64_t a = 0; a < l->n; a += at_once) {
        l->batches[l->n_batches] = a;
        int64_t n = n_wanted_in(l, l->n_batches);
        l->n_batches += n > 0;
        l->n_wanted += n;
    }
    return VMG_OK;
}

int vmg_generate_list(vmg_ctx *ctx, const vmg_model *model, const vmg_list_item *items, int64_t n, const vmg_list_options *o)
{
    lister l = {.ctx = ctx, .model = model, .o = o, .items = items, .n = n};
    int rc = find_batches(&l);
    if (rc == VMG_OK)
        rc = find_encoder(&l);
    rc = vmg_comm_agree(o->comm, rc);
    for (int64_t batch = 0; rc == VMG_OK && batch < l.n_batches; batch += o->comm->size)
        rc = make_round(&l, batch);
    vmg_generator_close(l.generator);
    for (int64_t i = 0; l.slots && i < n; i++)
        free_slot(&l.slots[i]);
    vmg_embedding_free(&l.null_text);
    vmg_encoder_close(&l.encoder);
    free(l.no_encoder);
    free(l.batches);
    free(l.slots);
    return rc;
}
