/* Writing shards of zstd frames, one or two for every sample, and their index. */
#include "src/data/dataset_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "host/base/dict.h"
#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/data/dataset_index.h"
#include "src/data/sample_json.h"
#include "src/data/tar.h"
#include "src/format/npy.h"
#include "src/format/writer.h"
#include "src/motion/rep276.h"

enum { LEVEL = 3, DEFAULT_SHARD_BYTES = 128 << 20, END_BLOCKS = 2 };

struct vmg_dataset_writer {
    char *dir;
    vmg_dataset_index index, before; /* of this generation; of the one that it replaces */
    int64_t shard_bytes, at;
    size_t cap_entries, cap_shards;
    FILE *f;
    ZSTD_CCtx *z;
    vmg_dict ids;
    bool committed;
};

/* ---- opening ---- */

int vmg_dataset_writer_open(const char *dir, int64_t shard_bytes, vmg_dataset_writer **out)
{
    *out = NULL;
    vmg_dataset_writer *w = vmg_calloc(1, sizeof *w);
    if (!w)
        return VMG_E_NOMEM;
    w->dir = vmg_strdup(dir);
    w->shard_bytes = shard_bytes > 0 ? shard_bytes : DEFAULT_SHARD_BYTES;
    w->z = ZSTD_createCCtx();
    int rc = w->dir && w->z ? vmg_mkdirs(dir) : vmg_fail(VMG_E_NOMEM, "out of memory for %s", dir);
    char *index = vmg_path_join(dir, VMG_DATASET_INDEX);
    if (!rc && !index)
        rc = VMG_E_NOMEM;
    if (!rc && vmg_path_exists(index))
        rc = vmg_dataset_index_read(dir, &w->before);
    free(index);
    if (!rc) {
        w->index.generation = w->before.text ? w->before.generation + 1 : 0;
        ZSTD_CCtx_setParameter(w->z, ZSTD_c_compressionLevel, LEVEL);
        ZSTD_CCtx_setParameter(w->z, ZSTD_c_checksumFlag, 1);
        ZSTD_CCtx_setParameter(w->z, ZSTD_c_contentSizeFlag, 1);
        *out = w;
    } else {
        vmg_dataset_writer_free(w);
    }
    return rc;
}

/* ---- shards ---- */

static int put(vmg_dataset_writer *w, const void *data, size_t n)
{
    if (fwrite(data, 1, n, w->f) != n)
        return vmg_fail(VMG_E_IO, "%s/%s: writing failed: %s", w->dir,
                        w->index.shard[w->index.n_shards - 1].name, strerror(errno));
    w->at += (int64_t)n;
    return VMG_OK;
}

static int put_frame(vmg_dataset_writer *w, const void *data, size_t n, int64_t *bytes)
{
    size_t bound = ZSTD_compressBound(n);
    void *packed = vmg_calloc(bound, 1);
    if (!packed)
        return VMG_E_NOMEM;
    size_t got = ZSTD_compress2(w->z, packed, bound, data, n);
    int rc = ZSTD_isError(got) ? vmg_fail(VMG_E_NOMEM, "zstd: %s", ZSTD_getErrorName(got))
                               : put(w, packed, got);
    *bytes = (int64_t)got;
    free(packed);
    return rc;
}

static int begin_shard(vmg_dataset_writer *w)
{
    vmg_dataset_index *x = &w->index;
    void *more = vmg_grown(x->shard, (size_t)x->n_shards, &w->cap_shards, 16, sizeof *x->shard);
    if (!more)
        return VMG_E_NOMEM;
    x->shard = more;
    char *name = vmg_asprintf("g%02lld-%06lld.tar.zst", (long long)x->generation,
                              (long long)x->n_shards);
    char *path = name ? vmg_path_join(w->dir, name) : NULL;
    if (!path) {
        free(name);
        return VMG_E_NOMEM;
    }
    w->f = fopen(path, "wb");
    int rc = w->f ? VMG_OK
                  : vmg_fail(VMG_E_IO, "%s cannot be written: %s", path, strerror(errno));
    free(path);
    if (rc)
        free(name);
    else
        x->shard[x->n_shards++] = (vmg_dataset_shard){name, 0};
    w->at = 0;
    return rc;
}

/* Two empty blocks end an archive. */
static int end_shard(vmg_dataset_writer *w)
{
    static const uint8_t zeros[END_BLOCKS * VMG_TAR_BLOCK];
    int64_t bytes;
    vmg_dataset_shard *s = &w->index.shard[w->index.n_shards - 1];
    int rc = put_frame(w, zeros, sizeof zeros, &bytes);
    bool ok = fflush(w->f) == 0 && fsync(fileno(w->f)) == 0;
    ok = fclose(w->f) == 0 && ok;
    w->f = NULL;
    s->bytes = w->at;
    return rc || ok ? rc
                    : vmg_fail(VMG_E_IO, "%s/%s: writing failed: %s", w->dir, s->name,
                               strerror(errno));
}

/* ---- samples ---- */

/* Header, the parts one after the other, padding; fresh memory. */
static int make_member(const char *id, bool motion, const void *a, size_t n_a, const void *b,
                       size_t n_b, uint8_t **out, size_t *size)
{
    char name[VMG_TAR_MAX_NAME + 1 + 16];
    vmg_dataset_member_name(id, motion, name, sizeof name);
    *size = vmg_tar_member_bytes(n_a + n_b);
    *out = vmg_calloc(*size, 1);
    if (!*out)
        return VMG_E_NOMEM;
    int rc = vmg_tar_header(name, n_a + n_b, *out);
    memcpy(*out + VMG_TAR_BLOCK, a, n_a);
    if (n_b)
        memcpy(*out + VMG_TAR_BLOCK + n_a, b, n_b);
    return rc;
}

static int put_motion(vmg_dataset_writer *w, const vmg_sample *s, int64_t *bytes)
{
    char *header = NULL;
    uint8_t *member = NULL;
    size_t n_header, size;
    int rc = vmg_npy_header(VMG_F32, 2, (int64_t[]){s->T, VMG_REP_DIM}, &header, &n_header);
    if (!rc)
        rc = make_member(s->id, true, header, n_header, s->x,
                         (size_t)s->T * VMG_REP_DIM * sizeof *s->x, &member, &size);
    if (!rc)
        rc = put_frame(w, member, size, bytes);
    free(header);
    free(member);
    return rc;
}

static int put_json(vmg_dataset_writer *w, const vmg_sample *s, int64_t *bytes)
{
    char *text = NULL;
    uint8_t *member = NULL;
    size_t n, size;
    int rc = vmg_sample_json_write(s, &text, &n);
    if (!rc && n > VMG_SAMPLE_JSON_MAX_BYTES)
        rc = vmg_fail(VMG_E_ARG, "%s has %zu bytes of captions, at most %d are stored", s->id, n,
                      VMG_SAMPLE_JSON_MAX_BYTES);
    if (!rc)
        rc = make_member(s->id, false, text, n, NULL, 0, &member, &size);
    if (!rc)
        rc = put_frame(w, member, size, bytes);
    free(text);
    free(member);
    return rc;
}

/* A new entry at the end of the last shard, which is begun if need be. */
static int begin_entry(vmg_dataset_writer *w, const vmg_sample *s, bool held_out,
                       vmg_dataset_entry **out)
{
    vmg_dataset_index *x = &w->index;
    if (!vmg_dataset_id_valid(s->id))
        return vmg_fail(VMG_E_ARG, "\"%.100s\" cannot be a sample's id: 1 to %d letters, digits, "
                                   "'_', '-', '+'", s->id, VMG_DATASET_MAX_ID);
    if (s->T < 1 || s->T > VMG_DATASET_MAX_FRAMES)
        return vmg_fail(VMG_E_ARG, "%s has %lld frames", s->id, (long long)s->T);
    if (vmg_dict_get(&w->ids, s->id))
        return vmg_fail(VMG_E_ARG, "there are two samples called %s", s->id);
    void *more = vmg_grown(x->entry, (size_t)x->n, &w->cap_entries, 256, sizeof *x->entry);
    if (!more)
        return VMG_E_NOMEM;
    x->entry = more;
    int rc = w->f && w->at >= w->shard_bytes ? end_shard(w) : VMG_OK;
    if (!rc && !w->f)
        rc = begin_shard(w);
    if (rc)
        return rc;
    char *id = vmg_strdup(s->id);
    if (!id || !vmg_dict_set(&w->ids, id, w)) {
        free(id);
        return VMG_E_NOMEM;
    }
    x->entry[x->n] = (vmg_dataset_entry){.id = id, .offset = w->at, .n_frames = s->T,
                                         .shard = (int32_t)(x->n_shards - 1),
                                         .held_out = held_out};
    *out = &x->entry[x->n++];
    return VMG_OK;
}

int vmg_dataset_writer_add(vmg_dataset_writer *w, const vmg_sample *s, bool held_out)
{
    vmg_dataset_entry *e;
    int rc = begin_entry(w, s, held_out, &e);
    if (!rc)
        rc = put_motion(w, s, &e->motion_bytes);
    return rc ? rc : put_json(w, s, &e->json_bytes);
}

int vmg_dataset_writer_copy(vmg_dataset_writer *w, const vmg_dataset *ds, int64_t i,
                            const vmg_sample *s, bool held_out)
{
    vmg_dataset_entry *e;
    uint8_t *packed = NULL;
    size_t size = 0;
    int rc = begin_entry(w, s, held_out, &e);
    if (!rc)
        rc = vmg_dataset_read_raw(ds, i, true, &packed, &size);
    if (!rc)
        rc = put(w, packed, size);
    e->motion_bytes = (int64_t)size;
    free(packed);
    return rc ? rc : put_json(w, s, &e->json_bytes);
}

/* ---- the end ---- */

static int write_vector(const vmg_dataset_writer *w, const char *name, const float *x)
{
    char *path = vmg_path_join(w->dir, name);
    int rc = path ? vmg_array_write(path, VMG_F32, 1, (int64_t[]){VMG_REP_DIM}, x) : VMG_E_NOMEM;
    free(path);
    return rc;
}

static void remove_shards(const char *dir, const vmg_dataset_index *x)
{
    for (int64_t i = 0; i < x->n_shards; i++) {
        char *path = vmg_path_join(dir, x->shard[i].name);
        if (path)
            unlink(path);
        free(path);
    }
}

int vmg_dataset_writer_commit(vmg_dataset_writer *w, const float *mean, const float *std)
{
    if (w->index.n == 0)
        return vmg_fail(VMG_E_ARG, "%s: no samples", w->dir);
    int rc = w->f ? end_shard(w) : VMG_OK;
    if (!rc)
        rc = write_vector(w, "mean.npy", mean);
    if (!rc)
        rc = write_vector(w, "std.npy", std);
    if (!rc)
        rc = vmg_dataset_index_write(w->dir, &w->index);
    if (!rc) {
        w->committed = true;
        remove_shards(w->dir, &w->before);
    }
    return rc;
}

void vmg_dataset_writer_free(vmg_dataset_writer *w)
{
    if (!w)
        return;
    if (w->f)
        fclose(w->f);
    if (!w->committed)
        remove_shards(w->dir, &w->index);
    for (int64_t i = 0; i < w->index.n; i++)
        free((char *)w->index.entry[i].id);
    for (int64_t i = 0; i < w->index.n_shards; i++)
        free((char *)w->index.shard[i].name);
    vmg_dataset_index_free(&w->index);
    vmg_dataset_index_free(&w->before);
    vmg_dict_free(&w->ids, NULL);
    ZSTD_freeCCtx(w->z);
    free(w->dir);
    free(w);
}
