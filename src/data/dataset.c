/* Opening data sets and reading their samples at random, through the index. */
#include "src/data/dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/data/dataset_index.h"
#include "src/data/sample_json.h"
#include "src/data/tar.h"
#include "src/format/weights_file.h"
#include "src/motion/rep276.h"

struct vmg_dataset {
    vmg_dataset_index index;
    int *fd; /* one a shard */
    char *dir;
    float mean[VMG_REP_DIM], std[VMG_REP_DIM];
};

/* ---- opening ---- */

static int read_vector(const char *dir, const char *name, float out[VMG_REP_DIM])
{
    char *path = vmg_path_join(dir, name);
    vmg_weights *w = NULL;
    int rc = path ? vmg_weights_open(path, &w) : VMG_E_NOMEM;
    if (!rc && (w->n_tensors != 1 || w->tensors[0].n != VMG_REP_DIM))
        rc = vmg_fail(VMG_E_FORMAT, "%s: expected %d numbers", path, VMG_REP_DIM);
    if (!rc)
        rc = vmg_weight_to_f32(&w->tensors[0], out);
    for (int i = 0; !rc && i < VMG_REP_DIM; i++)
        if (!isfinite(out[i]))
            rc = vmg_fail(VMG_E_FORMAT, "%s: number %d is not finite", path, i + 1);
    vmg_weights_close(w);
    free(path);
    return rc;
}

static int open_shards(vmg_dataset *ds)
{
    const vmg_dataset_index *x = &ds->index;
    ds->fd = vmg_calloc((size_t)x->n_shards, sizeof *ds->fd);
    if (!ds->fd)
        return VMG_E_NOMEM;
    for (int64_t i = 0; i < x->n_shards; i++)
        ds->fd[i] = -1;
    for (int64_t i = 0; i < x->n_shards; i++) {
        struct stat st;
        char *path = vmg_path_join(ds->dir, x->shard[i].name);
        if (!path)
            return VMG_E_NOMEM;
        ds->fd[i] = open(path, O_RDONLY | O_CLOEXEC);
        int rc = ds->fd[i] < 0 || fstat(ds->fd[i], &st)
                     ? vmg_fail(VMG_E_IO, "%s cannot be opened: %s", path, strerror(errno))
                 : st.st_size != x->shard[i].bytes
                     ? vmg_fail(VMG_E_FORMAT, "%s has %lld bytes, the index says %lld", path,
                                (long long)st.st_size, (long long)x->shard[i].bytes)
                     : VMG_OK;
        free(path);
        if (rc)
            return rc;
    }
    return VMG_OK;
}

int vmg_dataset_open(const char *dir, vmg_dataset **out)
{
    *out = NULL;
    vmg_dataset *ds = vmg_calloc(1, sizeof *ds);
    if (!ds)
        return VMG_E_NOMEM;
    ds->dir = vmg_strdup(dir);
    int rc = ds->dir ? vmg_dataset_index_read(dir, &ds->index) : VMG_E_NOMEM;
    if (!rc)
        rc = open_shards(ds);
    if (!rc)
        rc = read_vector(dir, "mean.npy", ds->mean);
    if (!rc)
        rc = read_vector(dir, "std.npy", ds->std);
    for (int i = 0; !rc && i < VMG_REP_DIM; i++)
        if (!(ds->std[i] > 0))
            rc = vmg_fail(VMG_E_FORMAT, "%s/std.npy: number %d is not positive", dir, i + 1);
    if (rc)
        vmg_dataset_close(ds);
    else
        *out = ds;
    return rc;
}

void vmg_dataset_close(vmg_dataset *ds)
{
    if (!ds)
        return;
    for (int64_t i = 0; ds->fd && i < ds->index.n_shards; i++)
        if (ds->fd[i] >= 0)
            close(ds->fd[i]);
    free(ds->fd);
    free(ds->dir);
    vmg_dataset_index_free(&ds->index);
    free(ds);
}

/* ---- what the index knows ---- */

int64_t vmg_dataset_count(const vmg_dataset *ds)
{
    return ds->index.n;
}

const char *vmg_dataset_id(const vmg_dataset *ds, int64_t i)
{
    return ds->index.entry[i].id;
}

int64_t vmg_dataset_n_frames(const vmg_dataset *ds, int64_t i)
{
    return ds->index.entry[i].n_frames;
}

bool vmg_dataset_held_out(const vmg_dataset *ds, int64_t i)
{
    return ds->index.entry[i].held_out;
}

int64_t vmg_dataset_find(const vmg_dataset *ds, const char *id)
{
    for (int64_t i = 0; i < ds->index.n; i++)
        if (!strcmp(ds->index.entry[i].id, id))
            return i;
    return -1;
}

const float *vmg_dataset_mean(const vmg_dataset *ds)
{
    return ds->mean;
}

const float *vmg_dataset_std(const vmg_dataset *ds)
{
    return ds->std;
}

const vmg_dataset_index *vmg_dataset_get_index(const vmg_dataset *ds)
{
    return &ds->index;
}

/* ---- reading ---- */

int vmg_dataset_read_raw(const vmg_dataset *ds, int64_t i, bool motion, uint8_t **out, size_t *size)
{
    const vmg_dataset_entry *e = &ds->index.entry[i];
    size_t n = (size_t)(motion ? e->motion_bytes : e->json_bytes), got = 0;
    off_t at = (off_t)(e->offset + (motion ? 0 : e->motion_bytes));
    uint8_t *bytes = vmg_calloc(n, 1);
    *out = NULL;
    if (!bytes)
        return VMG_E_NOMEM;
    while (got < n) {
        ssize_t k = pread(ds->fd[e->shard], bytes + got, n - got, at + (off_t)got);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0) {
            free(bytes);
            return vmg_fail(VMG_E_IO, "reading failed: %s", k ? strerror(errno) : "end of file");
        }
        got += (size_t)k;
    }
    *out = bytes;
    *size = n;
    return VMG_OK;
}

/* One member of sample i, decompressed: *content lies inside the fresh *block. */
static int read_member(const vmg_dataset *ds, int64_t i, bool motion, size_t max_bytes,
                       uint8_t **block, const uint8_t **content, size_t *size)
{
    uint8_t *packed = NULL;
    size_t n;
    *block = NULL;
    int rc = vmg_dataset_read_raw(ds, i, motion, &packed, &n);
    if (rc)
        return rc;
    unsigned long long full = ZSTD_getFrameContentSize(packed, n);
    if (full == ZSTD_CONTENTSIZE_ERROR || full == ZSTD_CONTENTSIZE_UNKNOWN ||
        full > vmg_tar_member_bytes(max_bytes))
        rc = vmg_fail(VMG_E_FORMAT, "no zstd frame of at most %zu bytes", max_bytes);
    if (!rc && !(*block = vmg_calloc((size_t)full, 1)))
        rc = VMG_E_NOMEM;
    if (!rc) {
        size_t got = ZSTD_decompress(*block, (size_t)full, packed, n);
        if (ZSTD_isError(got) || got != full)
            rc = vmg_fail(VMG_E_FORMAT, "the zstd frame is damaged: %s",
                          ZSTD_isError(got) ? ZSTD_getErrorName(got) : "too short");
    }
    free(packed);
    char name[VMG_TAR_MAX_NAME + 1 + 16];
    vmg_dataset_member_name(ds->index.entry[i].id, motion, name, sizeof name);
    return rc ? rc : vmg_tar_open(*block, (size_t)full, name, content, size);
}

static int read_json(const vmg_dataset *ds, int64_t i, vmg_sample *out)
{
    const vmg_dataset_entry *e = &ds->index.entry[i];
    uint8_t *block;
    const uint8_t *text;
    size_t size;
    int rc = read_member(ds, i, false, VMG_SAMPLE_JSON_MAX_BYTES, &block, &text, &size);
    if (!rc)
        rc = vmg_sample_json_read((const char *)text, size, e->id, e->n_frames, out);
    free(block);
    return rc;
}

static int read_motion(const vmg_dataset *ds, int64_t i, vmg_sample *out)
{
    const int64_t T = ds->index.entry[i].n_frames;
    uint8_t *block;
    const uint8_t *npy;
    size_t size, n = (size_t)T * VMG_REP_DIM;
    vmg_weights *w = NULL;
    int rc = read_member(ds, i, true, n * sizeof(float) + 4096, &block, &npy, &size);
    if (!rc)
        rc = vmg_weights_open_memory("motion.npy", npy, size, &w);
    if (!rc && (w->n_tensors != 1 || w->tensors[0].rank != 2 || w->tensors[0].dim[0] != T ||
                w->tensors[0].dim[1] != VMG_REP_DIM))
        rc = vmg_fail(VMG_E_FORMAT, "motion.npy is not (%lld, %d)", (long long)T, VMG_REP_DIM);
    if (!rc && !(out->x = vmg_calloc(n, sizeof *out->x)))
        rc = VMG_E_NOMEM;
    if (!rc)
        rc = vmg_weight_to_f32(&w->tensors[0], out->x);
    for (size_t k = 0; !rc && k < n; k++)
        if (!isfinite(out->x[k]))
            rc = vmg_fail(VMG_E_FORMAT, "feature %zu of frame %zu is not finite", k % VMG_REP_DIM,
                          k / VMG_REP_DIM);
    vmg_weights_close(w);
    free(block);
    return rc;
}

static int read_sample(const vmg_dataset *ds, int64_t i, bool motion, vmg_sample *out)
{
    *out = (vmg_sample){0};
    if (i < 0 || i >= ds->index.n)
        return vmg_fail(VMG_E_ARG, "%s has %lld samples, number %lld was asked for", ds->dir,
                        (long long)ds->index.n, (long long)i);
    int rc = read_json(ds, i, out);
    if (!rc && motion)
        rc = read_motion(ds, i, out);
    if (rc) {
        const vmg_dataset_entry *e = &ds->index.entry[i];
        vmg_sample_free(out);
        return vmg_fail_prefix(rc, "%s/%s: sample %s", ds->dir, ds->index.shard[e->shard].name,
                               e->id);
    }
    return VMG_OK;
}

int vmg_dataset_read(const vmg_dataset *ds, int64_t i, vmg_sample *out)
{
    return read_sample(ds, i, true, out);
}

int vmg_dataset_read_captions(const vmg_dataset *ds, int64_t i, vmg_sample *out)
{
    return read_sample(ds, i, false, out);
}
