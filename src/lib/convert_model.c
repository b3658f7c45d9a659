/* Turns published weights into one file: plans names and types, then streams tensor by tensor. */
#include "src/lib/convert_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "models/t5_names.h"
#include "src/format/weights_file.h"
#include "src/format/writer.h"
#include "src/lib/convert_meta.h"

enum {
    CHUNK_VALUES = 1 << 18, /* a multiple of every block length */
    CHUNK_BYTES = 4 << 20,
    MAX_TOKENIZER_BYTES = 64 << 20
};

enum kind { KIND_MOTION, KIND_TEXT, KIND_OTHER };

typedef struct source {
    vmg_weights *w;
    const char *dir; /* NULL for single files */
    enum kind kind;
    const char *prefix; /* of the names in a training checkpoint ("ema.model."), not terminated */
    size_t prefix_bytes;
} source;

/* One tensor of the output. */
typedef struct item {
    const vmg_weights *w;
    const vmg_weight *t;
    vmg_dtype dtype;
} item;

typedef struct converter {
    const vmg_convert_options *o;
    vmg_writer *w;
    vmg_convert_meta meta;
    source *sources;
    vmg_weights *extra[3]; /* mean, std, null context */
    char *tokenizer;
    size_t tokenizer_bytes;
    bool gguf, tokenizer_as_tensor; /* arrays of metadata exist in GGUF only */
    item *items;
    size_t n_items, items_cap;
    int64_t done, total;
} converter;

/* ---- sources ---- */

/* Which network's weights these are, and below which prefix. */
static int identify(source *s)
{
    static const char mark[] = "motion_embedding.weight";
    const size_t n = sizeof mark - 1;
    const char *found = NULL;
    s->kind = KIND_OTHER;
    for (size_t i = 0; i < s->w->n_tensors; i++) {
        const char *name = s->w->tensors[i].name;
        size_t len = strlen(name);
        char canonical[64];
        if (vmg_t5_canonical_name(name, canonical, sizeof canonical) &&
            !strcmp(canonical, "enc.blk.0.attn_q.weight"))
            s->kind = KIND_TEXT;
        if (len < n || strcmp(name + len - n, mark) || (len > n && name[len - n - 1] != '.'))
            continue;
        if (found)
            return vmg_fail(VMG_E_UNSUPPORTED,
                            "%s: holds several motion networks (\"%s\", \"%s\"): save "
                            "one of them alone",
                            s->w->path, found, name);
        found = s->prefix = name;
        s->prefix_bytes = len - n;
    }
    if (found)
        s->kind = KIND_MOTION;
    return VMG_OK;
}

/* The name below the source's prefix; NULL for what lies elsewhere in a checkpoint. */
static const char *below_prefix(const source *s, const char *name)
{
    if (s->prefix_bytes && strncmp(name, s->prefix, s->prefix_bytes))
        return NULL;
    return name + s->prefix_bytes;
}

static int open_sources(converter *c)
{
    int rc = VMG_OK;
    c->sources = vmg_calloc(c->o->n_from, sizeof *c->sources);
    if (!c->sources)
        return VMG_E_NOMEM;
    for (size_t i = 0; rc == VMG_OK && i < c->o->n_from; i++) {
        source *s = &c->sources[i];
        bool is_dir = vmg_path_is_dir(c->o->from[i]);
        s->dir = is_dir ? c->o->from[i] : NULL;
        rc = is_dir ? vmg_weights_open_dir(s->dir, &s->w) : vmg_weights_open(c->o->from[i], &s->w);
        if (rc == VMG_OK)
            rc = identify(s);
    }
    return rc;
}

static const source *find_source(const converter *c, enum kind kind)
{
    for (size_t i = 0; i < c->o->n_from; i++)
        if (c->sources[i].kind == kind)
            return &c->sources[i];
    return NULL;
}

/* `given`, or the file `name` in the source's folder if it is there; fresh memory or NULL. */
static int companion(const source *s, const char *given, const char *name, char **out)
{
    *out = given ? vmg_strdup(given) : s && s->dir ? vmg_path_join(s->dir, name) : NULL;
    if (!*out)
        return given || (s && s->dir) ? VMG_E_NOMEM : VMG_OK;
    if (!given && !vmg_path_exists(*out)) {
        free(*out);
        *out = NULL;
    }
    return VMG_OK;
}

/* ---- the plan ---- */

static bool has_tail(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && !strcmp(s + n - m, tail);
}

/* Matrices take the wanted type; what is small, or sensitive to rounding, stays f32. */
static vmg_dtype target_dtype(const vmg_convert_options *o, const char *name, const vmg_weight *t)
{
    static const char *const exact[] = {"modulation", "norm", "pos_embedding", "attn_rel_b"};
    if (!o->convert_dtype || !vmg_dtype_get(t->dtype).is_float)
        return t->dtype;
    if (t->rank < 2 || t->dim[t->rank - 1] % 32 || has_tail(name, ".bias"))
        return VMG_F32;
    for (size_t i = 0; i < VMG_COUNT(exact); i++)
        if (strstr(name, exact[i]))
            return VMG_F32;
    return vmg_t5_weight_dtype(name, o->dtype);
}

static int add_item(converter *c, const vmg_weights *w, const vmg_weight *t, const char *name,
                    vmg_dtype dtype, int rank, const int64_t *dim)
{
    if (c->n_items == c->items_cap) {
        size_t cap = c->items_cap ? 2 * c->items_cap : 256;
        item *more = vmg_realloc(c->items, cap, sizeof *more);
        if (!more)
            return VMG_E_NOMEM;
        c->items = more;
        c->items_cap = cap;
    }
    c->items[c->n_items++] = (item){w, t, dtype};
    c->total += (int64_t)t->bytes;
    return vmg_writer_declare(c->w, name, dtype, rank, dim);
}

/* True for tensors of a source that another option replaces. */
static bool is_replaced(const converter *c, const char *name)
{
    return (c->extra[0] && !strcmp(name, VMG_MODEL_MEAN)) ||
           (c->extra[1] && !strcmp(name, VMG_MODEL_STD)) ||
           (c->extra[2] && !strcmp(name, VMG_MODEL_NULL_CONTEXT)) ||
           (c->tokenizer && !strcmp(name, VMG_MODEL_TOKENIZER));
}

static int plan_source(converter *c, const source *s)
{
    int rc = VMG_OK;
    for (size_t i = 0; rc == VMG_OK && i < s->w->n_tensors; i++) {
        const vmg_weight *t = &s->w->tensors[i];
        const char *name = below_prefix(s, t->name);
        char canonical[64];
        if (!name)
            continue;
        if (s->kind == KIND_TEXT && vmg_t5_canonical_name(name, canonical, sizeof canonical))
            name = canonical;
        if ((s->kind == KIND_MOTION && has_tail(name, ".pe")) || is_replaced(c, name))
            continue;
        rc = add_item(c, s->w, t, name, target_dtype(c->o, name, t), t->rank, t->dim);
    }
    return rc;
}

/* Statistics must fit the network, and be numbers. */
static int check_statistics(const converter *c, const vmg_weights *w)
{
    const source *s = find_source(c, KIND_MOTION);
    const vmg_weight *t = &w->tensors[0], *embedding = NULL;
    for (size_t i = 0; s && i < s->w->n_tensors; i++) {
        const char *name = below_prefix(s, s->w->tensors[i].name);
        if (name && !strcmp(name, "motion_embedding.weight"))
            embedding = &s->w->tensors[i];
    }
    if (embedding && embedding->rank == 2 && t->n != embedding->dim[1])
        return vmg_fail(VMG_E_FORMAT, "%s: has %lld values, expected %lld, one per motion feature",
                        w->path, (long long)t->n, (long long)embedding->dim[1]);
    float *x = vmg_calloc((size_t)t->n, sizeof *x);
    int rc = x ? vmg_weight_to_f32(t, x) : VMG_E_NOMEM;
    for (int64_t i = 0; rc == VMG_OK && i < t->n; i++)
        if (!isfinite(x[i]))
            rc = vmg_fail(VMG_E_FORMAT, "%s: value %lld is not a finite number", w->path,
                          (long long)i);
    free(x);
    return rc;
}

/* The tokenizer that a whole-model file holds, as metadata or as tensor. */
static int take_tokenizer(converter *c, const vmg_weights *w)
{
    const vmg_meta *m = vmg_weights_meta(w, VMG_MODEL_TOKENIZER);
    const vmg_weight *t = vmg_weights_find(w, VMG_MODEL_TOKENIZER);
    const void *data = NULL;
    if (m && m->kind == VMG_META_NUMBERS && m->dtype == VMG_U8) {
        data = m->data;
        c->tokenizer_bytes = m->data_bytes;
    } else if (t && t->dtype == VMG_U8) {
        data = t->data;
        c->tokenizer_bytes = t->bytes;
    }
    if (!data)
        return VMG_OK;
    if (c->tokenizer_bytes > MAX_TOKENIZER_BYTES)
        return vmg_fail(VMG_E_FORMAT, "%s: the tokenizer has %zu bytes, expected at most %d",
                        w->path, c->tokenizer_bytes, MAX_TOKENIZER_BYTES);
    c->tokenizer = vmg_calloc(c->tokenizer_bytes, 1);
    if (!c->tokenizer)
        return VMG_E_NOMEM;
    memcpy(c->tokenizer, data, c->tokenizer_bytes);
    return VMG_OK;
}

/* Opens the arrays beside the network. */
static int open_extras(converter *c)
{
    const struct {
        const char *given, *name;
    } files[3] = {{c->o->mean, "mean.npy"},
                  {c->o->std, "std.npy"},
                  {c->o->null_embedding, "context_null_padded.pth"}};
    const source *motion = find_source(c, KIND_MOTION), *text = find_source(c, KIND_TEXT);
    char *path = NULL;
    int rc = VMG_OK;
    for (int i = 0; rc == VMG_OK && i < 3; i++) {
        rc = companion(motion, files[i].given, files[i].name, &path);
        if (rc == VMG_OK && path)
            rc = vmg_weights_open(path, &c->extra[i]);
        if (rc == VMG_OK && path && c->extra[i]->n_tensors != 1)
            rc = vmg_fail(VMG_E_FORMAT, "%s: holds %zu arrays, expected one", path,
                          c->extra[i]->n_tensors);
        if (rc == VMG_OK && path && i < 2)
            rc = check_statistics(c, c->extra[i]);
        free(path);
        path = NULL;
    }
    if (rc == VMG_OK)
        rc = companion(text, c->o->tokenizer, "spiece.model", &path);
    if (rc == VMG_OK && path)
        rc = vmg_read_file(path, MAX_TOKENIZER_BYTES, &c->tokenizer, &c->tokenizer_bytes);
    free(path);
    for (size_t i = 0; rc == VMG_OK && !c->tokenizer && i < c->o->n_from; i++)
        rc = take_tokenizer(c, c->sources[i].w);
    return rc;
}

static int plan_extras(converter *c)
{
    static const char *const names[] = {VMG_MODEL_MEAN, VMG_MODEL_STD, VMG_MODEL_NULL_CONTEXT};
    int rc = VMG_OK;
    for (int i = 0; rc == VMG_OK && i < 3; i++) {
        if (!c->extra[i])
            continue;
        const vmg_weight *t = &c->extra[i]->tensors[0];
        rc = i < 2 ? add_item(c, c->extra[i], t, names[i], VMG_F32, 1, &t->n)
                   : add_item(c, c->extra[i], t, names[i], t->dtype, t->rank, t->dim);
    }
    int64_t n = (int64_t)c->tokenizer_bytes;
    if (rc == VMG_OK && c->tokenizer_as_tensor)
        rc = vmg_writer_declare(c->w, VMG_MODEL_TOKENIZER, VMG_U8, 1, &n);
    return rc;
}

/* ---- metadata ---- */

static int add_text(converter *c, const char *key, const char *text)
{
    return vmg_convert_meta_add(&c->meta, &(vmg_meta){.key = key,
                                                      .kind = VMG_META_STRING,
                                                      .data = text,
                                                      .n = (int64_t)strlen(text),
                                                      .data_bytes = strlen(text)});
}

/* llama.cpp's number of the type that most matrices have. */
static int64_t file_type(vmg_dtype dtype)
{
    switch (dtype) {
    case VMG_F16: return 1;
    case VMG_Q4_0: return 2;
    case VMG_Q8_0: return 7;
    case VMG_BF16: return 32;
    default: return 0;
    }
}

static int add_number(converter *c, const char *key, int64_t v)
{
    return vmg_convert_meta_add(
        &c->meta,
        &(vmg_meta){
            .key = key, .kind = VMG_META_INT, .integer = v, .real = (double)v, .dtype = VMG_U32});
}

static int plan_source_metadata(converter *c, const source *s)
{
    char *config = NULL;
    const char *given =
        s->kind == KIND_MOTION || !find_source(c, KIND_MOTION) ? c->o->config : NULL;
    int rc = s->kind == KIND_OTHER ? VMG_OK : companion(s, given, "config.json", &config);
    if (rc == VMG_OK && s->kind == KIND_MOTION && config)
        rc = vmg_convert_meta_config(&c->meta, config, "vimogen");
    if (rc == VMG_OK && s->kind == KIND_TEXT)
        rc = vmg_convert_meta_t5(&c->meta, s->w, config);
    /* A training checkpoint's other entries are its optimiser's. */
    if (rc == VMG_OK && !s->prefix_bytes)
        rc = vmg_convert_meta_copy(&c->meta, s->w, c->gguf);
    if (rc == VMG_OK && s->kind == KIND_MOTION && !config && !vmg_weights_meta(s->w, "vimogen.dim"))
        rc = vmg_fail(VMG_E_NOTFOUND,
                      "%s: the network's configuration is missing: name its config.json "
                      "with --config",
                      s->w->path);
    free(config);
    return rc;
}

static int plan_metadata(converter *c)
{
    const char *architecture = find_source(c, KIND_MOTION) ? "vimogen"
                               : find_source(c, KIND_TEXT) ? "t5encoder"
                                                           : "unknown";
    int rc = add_text(c, "general.architecture", architecture);
    if (rc == VMG_OK && c->o->convert_dtype)
        rc = add_number(c, "general.file_type", file_type(c->o->dtype));
    if (rc == VMG_OK && c->o->convert_dtype && vmg_dtype_get(c->o->dtype).block_len > 1)
        rc = add_number(c, "general.quantization_version", 2);
    if (rc == VMG_OK && c->tokenizer && !c->tokenizer_as_tensor)
        rc = vmg_convert_meta_add(&c->meta, &(vmg_meta){.key = VMG_MODEL_TOKENIZER,
                                                        .kind = VMG_META_NUMBERS, .dtype = VMG_U8,
                                                        .data = c->tokenizer,
                                                        .n = (int64_t)c->tokenizer_bytes,
                                                        .data_bytes = c->tokenizer_bytes});
    for (size_t i = 0; rc == VMG_OK && i < c->o->n_from; i++)
        rc = plan_source_metadata(c, &c->sources[i]);
    return rc;
}

/* ---- the bytes ---- */

static int report(converter *c, int64_t bytes)
{
    c->done += bytes;
    if (c->o->progress && c->o->progress(c->o->user, c->done, c->total))
        return vmg_fail(VMG_E_INTERRUPTED, "interrupted");
    return VMG_OK;
}

static int copy_item(converter *c, const item *it)
{
    int rc = VMG_OK;
    for (size_t at = 0; rc == VMG_OK && at < it->t->bytes; at += CHUNK_BYTES) {
        size_t n = VMG_MIN(it->t->bytes - at, (size_t)CHUNK_BYTES);
        rc = vmg_writer_data(c->w, (const char *)it->t->data + at, n);
        vmg_weights_release_part(it->w, it->t, at, n);
        if (rc == VMG_OK)
            rc = report(c, (int64_t)n);
    }
    return rc;
}

/* A finite number must not become infinite on the way. */
static int check_f16_range(const item *it, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (isfinite(x[i]) && fabsf(x[i]) >= 65520.0f)
            return vmg_fail(VMG_E_ARG,
                            "%s: tensor \"%s\" holds %g, beyond f16's range: use bf16 or f32",
                            it->w->path, it->t->name, (double)x[i]);
    return VMG_OK;
}

static int convert_item(converter *c, const item *it, float *wide, void *narrow)
{
    size_t src_bytes = 0, dst_bytes = 0;
    int rc = VMG_OK;
    for (int64_t at = 0; rc == VMG_OK && at < it->t->n; at += CHUNK_VALUES) {
        int64_t n = VMG_MIN(it->t->n - at, (int64_t)CHUNK_VALUES);
        size_t off = 0;
        rc = vmg_dtype_bytes(it->t->dtype, at, &off);
        if (rc == VMG_OK)
            rc = vmg_dtype_bytes(it->t->dtype, n, &src_bytes);
        if (rc == VMG_OK)
            rc = vmg_dtype_bytes(it->dtype, n, &dst_bytes);
        if (rc == VMG_OK)
            rc = vmg_dtype_to_f32(it->t->dtype, (const char *)it->t->data + off, n, wide);
        if (rc == VMG_OK && it->dtype == VMG_F16)
            rc = check_f16_range(it, wide, n);
        if (rc == VMG_OK) {
            rc = vmg_dtype_from_f32(it->dtype, wide, n, narrow);
            if (rc != VMG_OK)
                vmg_fail_prefix(rc, "%s: tensor \"%s\"", it->w->path, it->t->name);
        }
        if (rc == VMG_OK)
            rc = vmg_writer_data(c->w, narrow, dst_bytes);
        vmg_weights_release_part(it->w, it->t, off, src_bytes);
        if (rc == VMG_OK)
            rc = report(c, (int64_t)src_bytes);
    }
    return rc;
}

static int stream(converter *c)
{
    float *wide = vmg_calloc(CHUNK_VALUES, sizeof *wide),
          *narrow = vmg_calloc(CHUNK_VALUES, sizeof *narrow);
    int rc = wide && narrow ? VMG_OK : VMG_E_NOMEM;
    for (size_t i = 0; rc == VMG_OK && i < c->n_items; i++) {
        const item *it = &c->items[i];
        rc = it->dtype == it->t->dtype ? copy_item(c, it) : convert_item(c, it, wide, narrow);
    }
    if (rc == VMG_OK && c->tokenizer_as_tensor)
        rc = vmg_writer_data(c->w, c->tokenizer, c->tokenizer_bytes);
    free(wide);
    free(narrow);
    return rc;
}

/* ---- all of it ---- */

static void converter_free(converter *c)
{
    vmg_writer_free(c->w);
    vmg_convert_meta_free(&c->meta);
    for (size_t i = 0; c->sources && i < c->o->n_from; i++)
        vmg_weights_close(c->sources[i].w);
    for (int i = 0; i < 3; i++)
        vmg_weights_close(c->extra[i]);
    free(c->sources);
    free(c->items);
    free(c->tokenizer);
}

int vmg_convert_model(const vmg_convert_options *o)
{
    converter c = {.o = o};
    char ending[16];
    vmg_path_ending(o->to, ending, sizeof ending);
    if (strcmp(ending, "gguf") && strcmp(ending, "safetensors"))
        return vmg_fail(VMG_E_ARG, "%s: a model's file ends in .gguf or .safetensors", o->to);
    int rc = open_sources(&c);
    if (rc == VMG_OK)
        rc = open_extras(&c);
    if (rc == VMG_OK)
        rc = vmg_writer_open(o->to, &c.w);
    c.meta.w = c.w;
    c.gguf = !strcmp(ending, "gguf");
    c.tokenizer_as_tensor = c.tokenizer && !c.gguf;
    if (rc == VMG_OK)
        rc = plan_metadata(&c);
    for (size_t i = 0; rc == VMG_OK && i < o->n_from; i++)
        rc = plan_source(&c, &c.sources[i]);
    if (rc == VMG_OK)
        rc = plan_extras(&c);
    if (rc == VMG_OK)
        rc = stream(&c);
    if (rc == VMG_OK)
        rc = vmg_writer_commit(c.w);
    converter_free(&c);
    return rc;
}
