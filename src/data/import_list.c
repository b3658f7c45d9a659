/* Listing what is to be imported, each clip with its captions. */
#include "src/data/import_list.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/base/sha256.h"
#include "src/data/dataset_index.h"

enum { MAX_DEPTH = 16, MAX_JSON_BYTES = 1 << 30, MAX_ID = VMG_DATASET_MAX_ID - 2, HASH = 8 };

static void item_free(vmg_import_item *it)
{
    for (size_t i = 0; i < it->n_rows; i++) {
        free(it->row[i].source);
        free(it->row[i].text);
    }
    free(it->row);
    free(it->path);
    free(it->id);
    free(it->subject);
}

void vmg_import_list_free(vmg_import_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        item_free(&list->item[i]);
    free(list->item);
    *list = (vmg_import_list){0};
}

/* A path below the folder as an id: ending dropped, odd characters as '_'; long ones keep their end
 * behind a piece of their hash. */
static char *make_id(const char *name)
{
    static const char good[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+";
    const char *slash = strrchr(name, '/'), *dot = strrchr(name, '.');
    size_t n = dot && (!slash || dot > slash + 1) ? (size_t)(dot - name) : strlen(name);
    char hex[65] = "", *id;
    if (n > MAX_ID) {
        vmg_sha256 sha;
        uint8_t digest[32];
        vmg_sha256_init(&sha);
        vmg_sha256_update(&sha, name, n);
        vmg_sha256_final(&sha, digest);
        vmg_sha256_hex(digest, hex);
        hex[HASH] = 0;
        size_t keep = MAX_ID - HASH - 1;
        id = vmg_asprintf("%s_%.*s", hex, (int)keep, name + n - keep);
    } else {
        id = vmg_strndup(name, n);
    }
    for (char *p = id; p && *p; p++)
        if (!strchr(good, *p))
            *p = '_';
    return id;
}

/* The first folder of the name, else what stands before the first '_', else all of it. */
static char *make_subject(const char *name, const char *id)
{
    const char *slash = strchr(name, '/');
    return slash ? vmg_strndup(name, (size_t)(slash - name)) : vmg_strndup(id, strcspn(id, "_"));
}

/* A new item at the end; name is its path below the folder. NULL on exhaustion. */
static vmg_import_item *add_item(vmg_import_list *list, const char *path, const char *name)
{
    if ((list->n & (list->n - 1)) == 0) {
        void *more = vmg_realloc(list->item, list->n ? 2 * list->n : 1, sizeof *list->item);
        if (!more)
            return NULL;
        list->item = more;
    }
    vmg_import_item *it = &list->item[list->n++];
    *it = (vmg_import_item){.path = vmg_strdup(path), .id = make_id(name)};
    it->subject = it->id ? make_subject(name, it->id) : NULL;
    return it->path && it->subject ? it : NULL;
}

static int add_caption(vmg_import_item *it, const char *source, const char *text, double start_s,
                       double end_s)
{
    void *more = vmg_realloc(it->row, it->n_rows + 1, sizeof *it->row);
    if (!more)
        return VMG_E_NOMEM;
    it->row = more;
    vmg_captions_row *r = &it->row[it->n_rows++];
    *r = (vmg_captions_row){NULL, start_s, end_s, vmg_strdup(source), vmg_strdup(text)};
    return r->source && r->text ? VMG_OK : VMG_E_NOMEM;
}

/* ---- folders ---- */

static bool wanted(const char *name)
{
    static const char *const endings[] = {"bvh", "npz", "npy", "pt"};
    static const char stage[] = "_stagei.npz";
    char ending[8];
    size_t n = strlen(name);
    vmg_path_ending(name, ending, sizeof ending);
    if (!strcmp(name, "shape.npz") || !strcmp(name, "neutral_stagei.npz") ||
        (n >= sizeof stage && !strcmp(name + n - (sizeof stage - 1), stage)))
        return false;
    for (size_t i = 0; i < VMG_COUNT(endings); i++)
        if (!strcmp(ending, endings[i]))
            return true;
    return false;
}

/* Files in dir and below, whose names begin with `below`, in byte order. */
static int walk(vmg_import_list *list, const char *dir, const char *below, int depth)
{
    char **names = NULL;
    size_t n = 0;
    int rc = depth > MAX_DEPTH ? vmg_fail(VMG_E_FORMAT, "%s: folders are nested too deep", dir)
                               : vmg_list_dir(dir, &names, &n);
    for (size_t i = 0; !rc && i < n; i++) {
        char *path = vmg_path_join(dir, names[i]);
        char *name = vmg_asprintf("%s%s%s", below, *below ? "/" : "", names[i]);
        if (!path || !name)
            rc = VMG_E_NOMEM;
        else if (names[i][0] != '.' && vmg_path_is_dir(path))
            rc = walk(list, path, name, depth + 1);
        else if (names[i][0] != '.' && wanted(names[i]) && !add_item(list, path, name))
            rc = VMG_E_NOMEM;
        free(path);
        free(name);
    }
    vmg_list_free(names, n);
    return rc;
}

/* ---- ViMoGen's lists ---- */

/* Members that hold a caption: "prompt", "prompt_motion_detailed", "caption", ... */
static bool is_caption_key(const char *key)
{
    static const char *const begins[] = {"prompt", "caption", "text"};
    static const char path[] = "_path";
    size_t n = strlen(key);
    if (n >= sizeof path && !strcmp(key + n - (sizeof path - 1), path))
        return false;
    for (size_t i = 0; i < VMG_COUNT(begins); i++)
        if (!strncmp(key, begins[i], strlen(begins[i])))
            return true;
    return false;
}

static int add_entry(vmg_import_list *list, const char *root, const cJSON *o, size_t number)
{
    const cJSON *m, *where = cJSON_GetObjectItemCaseSensitive(o, "motion_path");
    if (!cJSON_IsString(where) || !*where->valuestring)
        return vmg_fail(VMG_E_FORMAT, "entry %zu has no motion_path", number);
    const char *name = where->valuestring;
    char *path = name[0] == '/' ? vmg_strdup(name) : vmg_path_join(root, name);
    name += strspn(name, "./");
    vmg_import_item *it = path ? add_item(list, path, name) : NULL;
    free(path);
    int rc = it ? VMG_OK : VMG_E_NOMEM;
    cJSON_ArrayForEach(m, o)
    {
        if (!rc && m->string && is_caption_key(m->string) && cJSON_IsString(m) &&
            *m->valuestring)
            rc = add_caption(it, m->string, m->valuestring, 0, INFINITY);
    }
    return rc;
}

static int read_json_list(vmg_import_list *list, const char *file, const char *root_dir)
{
    size_t size, number = 0;
    char *text = NULL, *own = vmg_strdup(file);
    int rc = own ? vmg_read_file(file, MAX_JSON_BYTES, &text, &size) : VMG_E_NOMEM;
    if (rc)
        goto out;
    char *slash = strrchr(own, '/');
    if (slash)
        *slash = 0;
    const char *root = root_dir ? root_dir : slash ? own : ".";
    cJSON *json = cJSON_ParseWithLength(text, size);
    const cJSON *o;
    if (!cJSON_IsArray(json))
        rc = vmg_fail(VMG_E_FORMAT, "expected a JSON list of objects with motion_path");
    cJSON_ArrayForEach(o, json)
    {
        if (!rc)
            rc = add_entry(list, root, o, ++number);
    }
    cJSON_Delete(json);
    if (rc)
        rc = vmg_fail_prefix(rc, "%s", file);
out:
    free(text);
    free(own);
    return rc;
}

/* ---- captions ---- */

/* Name without folder and ending. */
static char *stem_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path,
               *dot = strrchr(name, '.');
    return vmg_strndup(name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
}

static int attach(vmg_import_list *list, const vmg_captions_table *t)
{
    size_t used = 0;
    for (size_t i = 0; i < list->n; i++) {
        vmg_import_item *it = &list->item[i];
        char *stem = stem_of(it->path);
        size_t first, n = stem ? vmg_captions_table_find(t, stem, &first) : 0;
        if (stem && n == 0)
            n = vmg_captions_table_find(t, it->id, &first);
        int rc = stem ? VMG_OK : VMG_E_NOMEM;
        free(stem);
        for (size_t k = 0; !rc && k < n; k++) {
            const vmg_captions_row *r = &t->row[first + k];
            rc = add_caption(it, r->source, r->text, r->start_s, r->end_s);
        }
        if (rc)
            return rc;
        used += n;
    }
    list->n_rows_unused = t->n > used ? t->n - used : 0;
    return VMG_OK;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const vmg_import_item *)a)->id, ((const vmg_import_item *)b)->id);
}

int vmg_import_list_read(const char *in, const vmg_import_options *o, vmg_import_list *out)
{
    vmg_captions_table table = {0};
    *out = (vmg_import_list){0};
    int rc = vmg_path_is_dir(in) ? walk(out, in, "", 0) : read_json_list(out, in, o->root);
    if (!rc && out->n == 0)
        rc = vmg_fail(VMG_E_FORMAT, "%s holds no motion: .bvh, .npz, .npy and .pt are read", in);
    if (!rc && o->captions)
        rc = vmg_captions_table_read(o->captions, &table);
    if (!rc && o->captions)
        rc = attach(out, &table);
    if (!rc)
        qsort(out->item, out->n, sizeof *out->item, by_id);
    for (size_t i = 1; !rc && i < out->n; i++)
        if (!strcmp(out->item[i].id, out->item[i - 1].id))
            rc = vmg_fail(VMG_E_FORMAT, "%s and %s would both be called %s", out->item[i - 1].path,
                          out->item[i].path, out->item[i].id);
    vmg_captions_table_free(&table);
    if (rc)
        vmg_import_list_free(out);
    return rc;
}
