/* Reading and writing index.tsv. */
#include "src/data/dataset_index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"

static const char first_line[] = "vimogen-dataset";

enum { MAX_BYTES = 1 << 30, VERSION = 1, MAX_FIELDS = 8 };

bool vmg_dataset_id_valid(const char *id)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+");
    return n > 0 && n <= VMG_DATASET_MAX_ID && !id[n];
}

void vmg_dataset_member_name(const char *id, bool motion, char *out, size_t n)
{
    snprintf(out, n, "%s%s", id, motion ? ".motion.npy" : ".json");
}

/* ---- reading ---- */

/* Cuts a line at its tabs, in place; returns the number of fields (at most MAX_FIELDS + 1). */
static int split(char *line, char *field[MAX_FIELDS])
{
    int n = 0;
    for (char *at = line; at; n++) {
        char *tab = strchr(at, '\t');
        if (n < MAX_FIELDS)
            field[n] = at;
        if (n > MAX_FIELDS)
            return n;
        if (tab)
            *tab++ = 0;
        at = tab;
    }
    return n;
}

static bool whole(const char *text, int64_t low, int64_t high, int64_t *out)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    *out = v;
    return !errno && end > text && !*end && text[0] >= '0' && text[0] <= '9' && v >= low &&
           v <= high;
}

/* A name in this folder, without a path. */
static bool plain_name(const char *name)
{
    return name[0] && name[0] != '.' && !strchr(name, '/') && strlen(name) < 200;
}

static bool read_shard(vmg_dataset_index *x, char *field[], int n)
{
    vmg_dataset_shard *s = &x->shard[x->n_shards];
    if (n != 3 || !plain_name(field[1]) || !whole(field[2], 0, INT64_MAX / 2, &s->bytes))
        return false;
    s->name = field[1];
    x->n_shards++;
    return true;
}

static bool read_entry(vmg_dataset_index *x, char *field[], int n)
{
    vmg_dataset_entry *e = &x->entry[x->n];
    int64_t shard, max = VMG_DATASET_MAX_FRAME_BYTES;
    if (n != 8 || !vmg_dataset_id_valid(field[1]) ||
        !whole(field[2], 0, x->n_shards - 1, &shard) ||
        !whole(field[3], 0, INT64_MAX / 2, &e->offset) ||
        !whole(field[4], 1, max, &e->motion_bytes) || !whole(field[5], 1, max, &e->json_bytes) ||
        !whole(field[6], 1, VMG_DATASET_MAX_FRAMES, &e->n_frames))
        return false;
    e->held_out = !strcmp(field[7], "test");
    if (!e->held_out && strcmp(field[7], "train"))
        return false;
    if (e->offset > x->shard[shard].bytes - e->motion_bytes - e->json_bytes)
        return false;
    e->id = field[1];
    e->shard = (int32_t)shard;
    x->n++;
    return true;
}

static bool read_line(vmg_dataset_index *x, int64_t number, char *line)
{
    char *field[MAX_FIELDS] = {0};
    int64_t version;
    int n = split(line, field);
    if (n > MAX_FIELDS)
        return false;
    if (number == 1)
        return n == 2 && !strcmp(field[0], first_line) &&
               whole(field[1], VERSION, VERSION, &version);
    if (!strcmp(field[0], "generation"))
        return n == 2 && whole(field[1], 0, INT32_MAX, &x->generation);
    if (!strcmp(field[0], "shard"))
        return read_shard(x, field, n);
    return !strcmp(field[0], "sample") && read_entry(x, field, n);
}

int vmg_dataset_index_read(const char *dir, vmg_dataset_index *out)
{
    size_t size, n_lines = 1;
    int64_t number = 0;
    *out = (vmg_dataset_index){0};
    char *path = vmg_path_join(dir, VMG_DATASET_INDEX);
    int rc = path ? vmg_read_file(path, MAX_BYTES, &out->text, &size) : VMG_E_NOMEM;
    if (rc)
        goto out;
    for (const char *at = out->text; (at = memchr(at, '\n', size - (size_t)(at - out->text)));
         at++)
        n_lines++;
    out->shard = vmg_calloc(VMG_MIN(n_lines, 1u << 20), sizeof *out->shard);
    out->entry = vmg_calloc(n_lines, sizeof *out->entry);
    rc = out->shard && out->entry ? VMG_OK : VMG_E_NOMEM;
    for (char *line = out->text, *next; !rc && *line; line = next) {
        next = strchr(line, '\n');
        if (!next || out->n_shards >= 1 << 20) {
            rc = vmg_fail(VMG_E_FORMAT, "%s: line %lld is cut off", path, (long long)number + 1);
            break;
        }
        *next++ = 0;
        if (!read_line(out, ++number, line))
            rc = vmg_fail(VMG_E_FORMAT, "%s: line %lld is not what an index of data sets has there",
                          path, (long long)number);
    }
    if (!rc && number == 0)
        rc = vmg_fail(VMG_E_FORMAT, "%s is empty", path);
out:
    free(path);
    if (rc)
        vmg_dataset_index_free(out);
    return rc;
}

void vmg_dataset_index_free(vmg_dataset_index *x)
{
    free(x->shard);
    free(x->entry);
    free(x->text);
    *x = (vmg_dataset_index){0};
}

/* ---- writing ---- */

int vmg_dataset_index_write(const char *dir, const vmg_dataset_index *x)
{
    vmg_atomic_file file = {0};
    char *path = vmg_path_join(dir, VMG_DATASET_INDEX);
    int rc = path ? vmg_atomic_open(path, &file) : VMG_E_NOMEM;
    if (!rc) {
        fprintf(file.f, "%s\t%d\ngeneration\t%lld\n", first_line, VERSION,
                (long long)x->generation);
        for (int64_t i = 0; i < x->n_shards; i++)
            fprintf(file.f, "shard\t%s\t%lld\n", x->shard[i].name, (long long)x->shard[i].bytes);
        for (int64_t i = 0; i < x->n; i++) {
            const vmg_dataset_entry *e = &x->entry[i];
            fprintf(file.f, "sample\t%s\t%d\t%lld\t%lld\t%lld\t%lld\t%s\n", e->id, (int)e->shard,
                    (long long)e->offset, (long long)e->motion_bytes, (long long)e->json_bytes,
                    (long long)e->n_frames, e->held_out ? "test" : "train");
        }
        rc = vmg_atomic_commit(&file);
    }
    vmg_atomic_abort(&file);
    free(path);
    return rc;
}
