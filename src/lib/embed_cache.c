/* Text embeddings on disk: a prompt that was encoded once needs no encoder again. */
#include "src/lib/embed_cache.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/base/sha256.h"

/* An entry: this, the key, rows and columns (u64, little-endian), the values (f32), and the digest
 * of all of that. The version is part of every key, so that old entries only grow old. */
static const char magic[8] = "VMGEMB1";

enum { HEADER_BYTES = 8 + VMG_EMBED_HASH_BYTES + 16, DIGEST_BYTES = 32, NAME_HEX = 64 };
enum { MAX_ROWS = 1 << 20, ABANDONED_S = 3600 };

static const char name_ending[] = ".emb";

struct vmg_embed_cache {
    char *dir;
    uint64_t max_bytes;
};

/* ---- keys ---- */

static void hash_number(vmg_sha256 *s, uint64_t v)
{
    uint8_t le[8];
    for (int i = 0; i < 8; i++)
        le[i] = (uint8_t)(v >> (8 * i));
    vmg_sha256_update(s, le, sizeof le);
}

void vmg_embed_cache_model(const vmg_weights *w, vmg_dtype computed, const void *tokenizer,
                           size_t tokenizer_bytes, uint8_t hash[VMG_EMBED_HASH_BYTES])
{
    enum { SAMPLES = 3, SAMPLE_BYTES = 256 }; /* each may be a read from a disk */
    vmg_sha256 s;
    vmg_sha256_init(&s);
    vmg_sha256_update(&s, magic, sizeof magic);
    hash_number(&s, computed);
    hash_number(&s, tokenizer_bytes);
    vmg_sha256_update(&s, tokenizer, tokenizer_bytes);
    for (size_t i = 0; i < w->n_tensors; i++) {
        const vmg_weight *t = &w->tensors[w->by_name[i]];
        vmg_sha256_update(&s, t->name, strlen(t->name) + 1);
        hash_number(&s, t->dtype);
        for (int d = 0; d < t->rank; d++)
            hash_number(&s, (uint64_t)t->dim[d]);
        hash_number(&s, t->bytes);
        for (size_t k = 0; k < SAMPLES; k++) {
            size_t n = VMG_MIN(t->bytes, (size_t)SAMPLE_BYTES);
            size_t at = (size_t)((uint64_t)(t->bytes - n) * k / (SAMPLES - 1));
            vmg_sha256_update(&s, (const uint8_t *)t->data + at, n);
        }
        vmg_weights_release(w, t);
    }
    vmg_sha256_final(&s, hash);
}

vmg_embed_key vmg_embed_cache_key(const uint8_t model[VMG_EMBED_HASH_BYTES], const char *text,
                                  size_t n)
{
    vmg_embed_key key;
    vmg_sha256 s;
    vmg_sha256_init(&s);
    vmg_sha256_update(&s, magic, sizeof magic);
    vmg_sha256_update(&s, model, VMG_EMBED_HASH_BYTES);
    vmg_sha256_update(&s, text, n);
    vmg_sha256_final(&s, key.hash);
    return key;
}

/* ---- the folder ---- */

int vmg_embed_cache_open(const char *dir, uint64_t max_bytes, vmg_embed_cache **out)
{
    *out = NULL;
    vmg_embed_cache *c = vmg_calloc(1, sizeof *c);
    if (!c)
        return VMG_E_NOMEM;
    c->max_bytes = max_bytes;
    int rc = VMG_OK;
    if (!dir)
        rc = vmg_cache_dir("embeddings", &c->dir);
    else if (!(c->dir = vmg_strdup(dir)))
        rc = VMG_E_NOMEM;
    else
        rc = vmg_mkdirs(dir);
    if (rc == VMG_OK)
        *out = c;
    else
        vmg_embed_cache_close(c);
    return rc;
}

void vmg_embed_cache_close(vmg_embed_cache *c)
{
    if (!c)
        return;
    free(c->dir);
    free(c);
}

static char *entry_path(const vmg_embed_cache *c, const vmg_embed_key *key)
{
    char hex[NAME_HEX + 1];
    vmg_sha256_hex(key->hash, hex);
    return vmg_asprintf("%s/%s%s", c->dir, hex, name_ending);
}

/* A file of the folder. */
typedef struct entry {
    char *path;
    uint64_t bytes;
    struct timespec used;
} entry;

static int compare_age(const void *a, const void *b)
{
    const struct timespec *x = &((const entry *)a)->used, *y = &((const entry *)b)->used;
    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* Whether a name is an entry's, or a temporary file's that may become one. */
static bool is_ours(const char *name, bool *temporary)
{
    size_t hex = strspn(name, "0123456789abcdef");
    *temporary = false;
    if (hex != NAME_HEX || strncmp(name + hex, name_ending, strlen(name_ending)) != 0)
        return false;
    name += hex + strlen(name_ending);
    *temporary = !strncmp(name, ".tmp.", 5);
    return *temporary || !*name;
}

/* All entries; removes what writers that died left behind. */
static int list_entries(const vmg_embed_cache *c, entry **out, size_t *n)
{
    char **names;
    size_t n_names;
    *out = NULL;
    *n = 0;
    int rc = vmg_list_dir(c->dir, &names, &n_names);
    if (rc != VMG_OK)
        return rc;
    *out = vmg_calloc(n_names, sizeof **out);
    rc = *out ? VMG_OK : VMG_E_NOMEM;
    time_t now = time(NULL);
    for (size_t i = 0; i < n_names && rc == VMG_OK; i++) {
        struct stat st;
        bool temporary;
        if (!is_ours(names[i], &temporary))
            continue;
        char *path = vmg_path_join(c->dir, names[i]);
        if (!path)
            rc = VMG_E_NOMEM;
        else if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
            free(path); /* another process was faster */
        else if (temporary) {
            if (now - st.st_mtime > ABANDONED_S)
                unlink(path);
            free(path);
        } else {
            (*out)[(*n)++] = (entry){path, (uint64_t)st.st_size, st.st_mtim};
        }
    }
    vmg_list_free(names, n_names);
    return rc;
}

/* Removes the entries unused for longest until the rest fits; `kept` stays. */
static int shrink(const vmg_embed_cache *c, const char *kept)
{
    entry *entries;
    size_t n;
    uint64_t total = 0;
    int rc = list_entries(c, &entries, &n);
    for (size_t i = 0; i < n; i++)
        total += entries[i].bytes;
    if (rc == VMG_OK && total > c->max_bytes) {
        qsort(entries, n, sizeof *entries, compare_age);
        for (size_t i = 0; i < n && total > c->max_bytes; i++) {
            if (!strcmp(entries[i].path, kept))
                continue;
            unlink(entries[i].path); /* failing means that it is gone already */
            total -= entries[i].bytes;
        }
    }
    for (size_t i = 0; i < n; i++)
        free(entries[i].path);
    free(entries);
    return rc;
}

/* ---- entries ---- */

static uint64_t load_u64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static void digest_of(const void *data, size_t n, uint8_t digest[DIGEST_BYTES])
{
    vmg_sha256 s;
    vmg_sha256_init(&s);
    vmg_sha256_update(&s, data, n);
    vmg_sha256_final(&s, digest);
}

/* Whether the bytes are a whole entry of this key; its shape. */
static bool check_entry(const uint8_t *p, size_t size, const vmg_embed_key *key, int64_t *n_rows,
                        int64_t *dim)
{
    uint8_t digest[DIGEST_BYTES];
    size_t values, bytes;
    if (size < HEADER_BYTES + DIGEST_BYTES || memcmp(p, magic, sizeof magic) != 0 ||
        memcmp(p + 8, key->hash, sizeof key->hash) != 0)
        return false;
    uint64_t rows = load_u64(p + HEADER_BYTES - 16), columns = load_u64(p + HEADER_BYTES - 8);
    if (rows == 0 || rows > MAX_ROWS || columns == 0 || columns > MAX_ROWS ||
        !vmg_mul_size((size_t)rows, (size_t)columns, &values) || !vmg_mul_size(values, 4, &bytes) ||
        bytes != size - HEADER_BYTES - DIGEST_BYTES)
        return false;
    digest_of(p, size - DIGEST_BYTES, digest);
    *n_rows = (int64_t)rows;
    *dim = (int64_t)columns;
    return !memcmp(digest, p + size - DIGEST_BYTES, DIGEST_BYTES);
}

static int miss(const char *path)
{
    return vmg_fail(VMG_E_NOTFOUND, "%s is no cached embedding", path);
}

int vmg_embed_cache_get(const vmg_embed_cache *c, const vmg_embed_key *key, int64_t dim,
                        int64_t *n_rows, float **rows)
{
    char *data = NULL;
    size_t size;
    int64_t found_dim = 0;
    *rows = NULL;
    *n_rows = 0;
    char *path = entry_path(c, key);
    if (!path)
        return VMG_E_NOMEM;
    /* A copy is checked, not a map: whatever happens to the file then, these bytes are right. */
    int rc = vmg_read_file(path, (size_t)VMG_MIN(c->max_bytes, SIZE_MAX), &data, &size);
    if (rc != VMG_OK) {
        rc = rc == VMG_E_NOMEM ? rc : miss(path);
    } else if (!check_entry((const uint8_t *)data, size, key, n_rows, &found_dim)) {
        unlink(path);
        rc = miss(path);
    } else if (found_dim != dim) {
        rc = miss(path);
    } else {
        memmove(data, data + HEADER_BYTES, (size_t)(*n_rows * dim) * sizeof **rows);
        *rows = (float *)(void *)data;
        data = NULL;
        utimensat(AT_FDCWD, path, NULL, 0); /* just used */
    }
    free(data);
    free(path);
    return rc;
}

static int write_entry(const char *path, const vmg_embed_key *key, const float *rows,
                       int64_t n_rows, int64_t dim)
{
    vmg_buf b = {0};
    uint8_t digest[DIGEST_BYTES];
    vmg_buf_append(&b, magic, sizeof magic);
    vmg_buf_append(&b, key->hash, sizeof key->hash);
    for (int i = 0; i < 16; i++) {
        uint8_t byte = (uint8_t)((uint64_t)(i < 8 ? n_rows : dim) >> (8 * (i % 8)));
        vmg_buf_append(&b, &byte, 1);
    }
    vmg_buf_append(&b, rows, (size_t)(n_rows * dim) * sizeof *rows);
    if (!b.failed) {
        digest_of(b.data, b.len, digest);
        vmg_buf_append(&b, digest, sizeof digest);
    }
    int rc = b.failed ? VMG_E_NOMEM : vmg_write_file(path, b.data, b.len);
    vmg_buf_free(&b);
    return rc;
}

int vmg_embed_cache_put(const vmg_embed_cache *c, const vmg_embed_key *key, const float *rows,
                        int64_t n_rows, int64_t dim)
{
    if (n_rows < 1 || n_rows > MAX_ROWS || dim < 1 || dim > MAX_ROWS)
        return vmg_fail(VMG_E_ARG, "an embedding of (%lld, %lld) cannot be cached",
                        (long long)n_rows, (long long)dim);
    uint64_t bytes = (uint64_t)n_rows * (uint64_t)dim * sizeof *rows + HEADER_BYTES + DIGEST_BYTES;
    if (bytes > c->max_bytes)
        return VMG_OK;
    char *path = entry_path(c, key);
    if (!path)
        return VMG_E_NOMEM;
    int rc = write_entry(path, key, rows, n_rows, dim);
    if (rc == VMG_OK)
        rc = shrink(c, path);
    free(path);
    return rc;
}
