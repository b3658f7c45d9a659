/* Opens weight files of any kind by content, several as one, and a model's folder. */
#include "src/format/weights_file.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/format/gguf.h"
#include "src/format/npy.h"
#include "src/format/pyobject.h"
#include "src/format/safetensors.h"
#include "src/format/torch.h"

/* ---- one file ---- */

static int read_zip(vmg_source *s)
{
    vmg_zip zip;
    int rc = vmg_zip_open_packed(s->map.data, s->map.size, &zip);
    if (rc != VMG_OK)
        return rc;
    bool torch = vmg_torch_recognise(&zip);
    vmg_zip_close(&zip);
    return torch ? vmg_torch_read(s) : vmg_npz_read(s);
}

static int read_by_content(vmg_source *s)
{
    const uint8_t *data = s->map.data;
    size_t size = s->map.size;
    if (size == 0)
        return vmg_fail(VMG_E_FORMAT, "the file is empty");
    if (vmg_gguf_recognise(data, size))
        return vmg_gguf_read(s);
    if (vmg_zip_recognise(data, size))
        return read_zip(s);
    if (vmg_npy_recognise(data, size))
        return vmg_npy_read(s);
    if (vmg_safetensors_recognise(data, size))
        return vmg_safetensors_read(s);
    if (vmg_torch_is_legacy(data, size))
        return vmg_fail(VMG_E_UNSUPPORTED,
                        "saved by PyTorch in its format from before version 1.6: load "
                        "it in Python and torch.save it again");
    if (size >= 2 && data[0] == 0x80 && data[1] >= 2 && data[1] <= 5)
        return vmg_pickle_file_read(s);
    return vmg_fail(VMG_E_FORMAT,
                    "not a weight or array file: its first bytes are those of none of "
                    "GGUF, safetensors, PyTorch (.pt), NumPy (.npy, .npz)");
}

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && !strcmp(s + n - m, tail);
}

int vmg_weights_open(const char *path, vmg_weights **out)
{
    char **shards;
    size_t n;
    *out = NULL;
    if (!ends_with(path, ".index.json"))
        return vmg_source_open(path, read_by_content, out);
    int rc = vmg_safetensors_shards(path, &shards, &n);
    if (rc == VMG_OK)
        rc = vmg_weights_open_many((const char *const *)shards, n, out);
    vmg_list_free(shards, n);
    return rc;
}

int vmg_weights_open_memory(const char *label, const void *data, size_t size, vmg_weights **out)
{
    return vmg_source_open_memory(label, data, size, read_by_content, out);
}

/* ---- several files ---- */

/* A source whose tensors and metadata belong to other sources. */
typedef struct joint {
    vmg_weights base;
    vmg_weights **parts;
    size_t n_parts;
} joint;

static void joint_release(const vmg_weights *w, const vmg_weight *t, size_t off, size_t size)
{
    const joint *j = (const joint *)w;
    for (size_t i = 0; i < j->n_parts; i++) {
        const vmg_weight *own = vmg_weights_find(j->parts[i], t->name);
        if (own && own->data == t->data)
            vmg_weights_release_part(j->parts[i], own, off, size);
    }
}

static void joint_close(vmg_weights *w)
{
    joint *j = (joint *)w;
    for (size_t i = 0; i < j->n_parts; i++)
        vmg_weights_close(j->parts[i]);
    free(j->parts);
    free((void *)(uintptr_t)w->tensors);
    free((void *)(uintptr_t)w->meta);
    free((void *)(uintptr_t)w->by_name);
    free((void *)(uintptr_t)w->path);
    free(j);
}

static const vmg_weights_ops joint_ops = {joint_release, joint_close};

/* Which part tensor i of the joint came from. */
static const char *part_path(const joint *j, size_t i)
{
    size_t part = 0;
    while (i >= j->parts[part]->n_tensors)
        i -= j->parts[part++]->n_tensors;
    return j->parts[part]->path;
}

/* Merges the parts' name indices, which are sorted already, one after the other. */
static int merge_names(joint *j, uint32_t *by_name)
{
    size_t *next = vmg_calloc(j->n_parts, sizeof *next);
    if (!next)
        return VMG_E_NOMEM;
    int rc = VMG_OK;
    for (size_t k = 0; rc == VMG_OK && k < j->base.n_tensors; k++) {
        const char *best = NULL;
        size_t from = 0, first = 0;
        for (size_t i = 0, start = 0; i < j->n_parts; start += j->parts[i++]->n_tensors) {
            const vmg_weights *p = j->parts[i];
            if (next[i] == p->n_tensors)
                continue;
            const char *name = p->tensors[p->by_name[next[i]]].name;
            if (!best || strcmp(name, best) < 0) {
                best = name;
                from = i;
                first = start;
            }
        }
        by_name[k] = (uint32_t)(first + j->parts[from]->by_name[next[from]++]);
        if (k && !strcmp(best, j->base.tensors[by_name[k - 1]].name))
            rc = vmg_fail(VMG_E_FORMAT, "tensor \"%s\" occurs in both %s and %s", best,
                          part_path(j, by_name[k - 1]), part_path(j, by_name[k]));
    }
    free(next);
    return rc;
}

static int join(joint *j)
{
    vmg_weights *w = &j->base;
    for (size_t i = 0; i < j->n_parts; i++) {
        w->n_tensors += j->parts[i]->n_tensors;
        w->n_meta += j->parts[i]->n_meta;
    }
    vmg_weight *tensors = vmg_calloc(w->n_tensors, sizeof *tensors);
    vmg_meta *meta = vmg_calloc(w->n_meta, sizeof *meta);
    uint32_t *by_name = vmg_calloc(w->n_tensors, sizeof *by_name);
    w->tensors = tensors;
    w->meta = meta;
    w->by_name = by_name;
    if (!tensors || !meta || !by_name)
        return VMG_E_NOMEM;
    for (size_t i = 0; i < j->n_parts; i++) {
        const vmg_weights *p = j->parts[i];
        if (p->n_tensors)
            memcpy(tensors, p->tensors, p->n_tensors * sizeof *tensors);
        if (p->n_meta)
            memcpy(meta, p->meta, p->n_meta * sizeof *meta);
        tensors += p->n_tensors;
        meta += p->n_meta;
    }
    return merge_names(j, by_name);
}

int vmg_weights_open_many(const char *const *paths, size_t n, vmg_weights **out)
{
    *out = NULL;
    if (n == 1)
        return vmg_weights_open(paths[0], out);
    if (n == 0)
        return vmg_fail(VMG_E_ARG, "no weight file is named");
    joint *j = vmg_calloc(1, sizeof *j);
    if (!j)
        return VMG_E_NOMEM;
    j->base.ops = &joint_ops;
    j->base.path = vmg_asprintf("%s and %zu more", paths[0], n - 1);
    j->parts = vmg_calloc(n, sizeof *j->parts);
    int rc = j->base.path && j->parts ? VMG_OK : VMG_E_NOMEM;
    while (rc == VMG_OK && j->n_parts < n) {
        rc = vmg_weights_open(paths[j->n_parts], &j->parts[j->n_parts]);
        j->n_parts += rc == VMG_OK;
    }
    if (rc == VMG_OK) {
        j->base.format = j->parts[0]->format;
        rc = join(j);
    }
    if (rc == VMG_OK)
        *out = &j->base;
    else
        joint_close(&j->base);
    return rc;
}

/* ---- a folder ---- */

static const char *const usual_names[] = {
    "model.safetensors", "model.safetensors.index.json", "model.pt", "model.pth",
    "pytorch_model.bin",
};

static const char *const weight_endings[] = {".safetensors", ".gguf", ".pt", ".pth", ".bin"};

/* True for NAME-00001-of-00003.safetensors; *stem = bytes that all shards of the set share. */
static bool is_shard(const char *name, size_t *stem)
{
    const char *of = strstr(name, "-of-");
    *stem = of && of - name > 6 && of[-6] == '-' ? (size_t)(of - name) - 6 : 0;
    return *stem && ends_with(name, ".safetensors");
}

/* Keeps in `names` only weight files, and fails unless they are one file or one set of shards. */
static int choose(const char *dir, char **names, size_t n, char **chosen, size_t *n_chosen)
{
    size_t stem = 0, other;
    *n_chosen = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < VMG_COUNT(weight_endings); k++)
            if (ends_with(names[i], weight_endings[k])) {
                chosen[(*n_chosen)++] = names[i];
                break;
            }
    if (*n_chosen == 0)
        return vmg_fail(VMG_E_NOTFOUND,
                        "%s holds no weights (model.safetensors, model.pt, a .gguf...)", dir);
    bool one_set = is_shard(chosen[0], &stem);
    for (size_t i = 1; one_set && i < *n_chosen; i++)
        one_set =
            is_shard(chosen[i], &other) && other == stem && !strncmp(chosen[0], chosen[i], stem);
    if (*n_chosen > 1 && !one_set)
        return vmg_fail(VMG_E_NOTFOUND,
                        "%s holds several weight files (%s, %s, ...), none of them called "
                        "model.safetensors or model.pt: name one",
                        dir, chosen[0], chosen[1]);
    return VMG_OK;
}

int vmg_weights_open_dir(const char *dir, vmg_weights **out)
{
    char **names = NULL, **paths = NULL;
    size_t n = 0, n_paths = 0;
    *out = NULL;
    int rc = vmg_list_dir(dir, &names, &n);
    if (rc != VMG_OK)
        return rc;
    paths = vmg_calloc(n + 1, sizeof *paths);
    if (!paths)
        rc = VMG_E_NOMEM;
    for (size_t k = 0; rc == VMG_OK && !n_paths && k < VMG_COUNT(usual_names); k++)
        for (size_t i = 0; i < n; i++)
            if (!strcmp(names[i], usual_names[k]))
                paths[n_paths++] = names[i];
    if (rc == VMG_OK && !n_paths)
        rc = choose(dir, names, n, paths, &n_paths);
    /* From here on paths owns its strings. */
    size_t n_owned = 0;
    for (; rc == VMG_OK && n_owned < n_paths; n_owned++) {
        paths[n_owned] = vmg_path_join(dir, paths[n_owned]);
        if (!paths[n_owned])
            rc = VMG_E_NOMEM;
    }
    if (rc == VMG_OK)
        rc = vmg_weights_open_many((const char *const *)paths, n_paths, out);
    for (size_t i = 0; i < n_owned; i++)
        free(paths[i]);
    free(paths);
    vmg_list_free(names, n);
    return rc;
}
