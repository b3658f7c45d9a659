/* Visits of all samples on several threads, and what is made of them. */
#include "src/data/dataset_scan.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/dict.h"
#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/data/dataset_index.h"
#include "src/data/split.h"
#include "src/data/window.h"
#include "src/format/writer.h"
#include "src/motion/rep276.h"

enum { MAX_THREADS = 64 };

/* ---- visiting ---- */

typedef struct visit {
    const vmg_dataset *ds;
    const int64_t *order;
    int64_t n, next;
    bool motion;
    vmg_dataset_visitor *visitor;
    void *user;
    int rc;
    char *message;
    pthread_mutex_t lock;
} visit;

static void *work(void *arg)
{
    visit *v = arg;
    for (;;) {
        vmg_sample s;
        pthread_mutex_lock(&v->lock);
        int64_t k = v->rc ? v->n : v->next++;
        pthread_mutex_unlock(&v->lock);
        if (k >= v->n)
            return NULL;
        int64_t i = v->order ? v->order[k] : k;
        int rc = v->motion ? vmg_dataset_read(v->ds, i, &s)
                           : vmg_dataset_read_captions(v->ds, i, &s);
        pthread_mutex_lock(&v->lock);
        int told = v->rc ? 0 : v->visitor(v->user, i, rc ? NULL : &s, rc);
        if (told) {
            v->rc = told;
            v->message = vmg_strdup(vmg_error_message());
        }
        pthread_mutex_unlock(&v->lock);
        if (!rc)
            vmg_sample_free(&s);
    }
}

int vmg_dataset_visit(const vmg_dataset *ds, const int64_t *order, int64_t n, bool motion,
                      int n_threads, vmg_dataset_visitor *visitor, void *user)
{
    pthread_t thread[MAX_THREADS];
    long cores = n_threads > 0 ? n_threads : sysconf(_SC_NPROCESSORS_ONLN);
    int want = (int)VMG_MIN(VMG_MAX(cores, 1), MAX_THREADS), started = 0;
    visit v = {.ds = ds, .order = order, .n = order ? n : vmg_dataset_count(ds),
               .motion = motion, .visitor = visitor, .user = user};
    pthread_mutex_init(&v.lock, NULL);
    while (started < want - 1 && !pthread_create(&thread[started], NULL, work, &v))
        started++;
    work(&v);
    for (int k = 0; k < started; k++)
        pthread_join(thread[k], NULL);
    pthread_mutex_destroy(&v.lock);
    if (v.rc) /* the message was another thread's */
        vmg_fail(v.rc, "%s", v.message ? v.message : "out of memory");
    free(v.message);
    return v.rc;
}

/* ---- counting ---- */

typedef struct scan {
    const vmg_dataset *ds;
    vmg_dataset_report *r;
    vmg_dict words, halves; /* halves: group -> 1 + held out, or 3 when both */
    vmg_log log;
    int (*progress)(void *, int64_t, int64_t);
    void *user;
    int64_t done;
} scan;

static bool count_words(scan *c, const char *text)
{
    char word[64];
    size_t n = 0;
    for (;; text++) {
        if (isalnum((unsigned char)*text) || (unsigned char)*text >= 0x80 || *text == '\'') {
            if (n + 1 < sizeof word)
                word[n++] = (char)tolower((unsigned char)*text);
            continue;
        }
        word[n] = 0;
        if (n && !vmg_dict_get(&c->words, word)) {
            if (!vmg_dict_set(&c->words, word, c))
                return false;
            c->r->n_words++;
        }
        n = 0;
        if (!*text)
            return true;
    }
}

static void count_length(vmg_dataset_report *r, double seconds)
{
    int bin = 0;
    while (bin < 7 && seconds > (double)(1 << bin))
        bin++;
    r->length[bin]++;
    r->shortest_s = r->n_samples == 1 ? seconds : VMG_MIN(r->shortest_s, seconds);
    r->longest_s = VMG_MAX(r->longest_s, seconds);
}

static int count_half(scan *c, const char *group, bool held_out)
{
    static char marks[4];
    char *seen = vmg_dict_get(&c->halves, group);
    long before = seen ? seen - marks : 0, now = before | (held_out ? 2 : 1);
    c->r->n_leaks += before != now && now == 3;
    return vmg_dict_set(&c->halves, group, &marks[now]) ? VMG_OK : VMG_E_NOMEM;
}

static int count_sample(void *user, int64_t i, const vmg_sample *s, int rc)
{
    scan *c = user;
    vmg_dataset_report *r = c->r;
    if (rc == VMG_E_NOMEM)
        return rc;
    if (rc) {
        r->n_damaged++;
        vmg_logf(&c->log, VMG_LOG_WARN, "%s", vmg_error_message());
    }
    for (int64_t k = 0; s && k < s->n_captions; k++) {
        r->n_kinematic += !strcmp(s->captions[k].source, "kinematic");
        if (!count_words(c, s->captions[k].text))
            return VMG_E_NOMEM;
    }
    if (s) {
        double seconds = (double)s->T / s->fps;
        bool held_out = vmg_dataset_held_out(c->ds, i);
        r->n_samples++;
        r->n_held_out += held_out;
        r->n_mirrored += s->mirrored;
        r->n_captions += s->n_captions;
        r->n_uncaptioned += s->n_captions == 0;
        r->seconds += seconds;
        r->held_out_s += held_out ? seconds : 0;
        count_length(r, seconds);
        if (count_half(c, s->group, held_out))
            return VMG_E_NOMEM;
    }
    c->done++;
    if (c->progress && c->progress(c->user, c->done, vmg_dataset_count(c->ds)))
        return vmg_fail(VMG_E_INTERRUPTED, "interrupted");
    return VMG_OK;
}

int vmg_dataset_scan(const vmg_dataset *ds, bool motion, int n_threads, vmg_log log,
                     int (*progress)(void *user, int64_t done, int64_t total), void *user,
                     vmg_dataset_report *out)
{
    *out = (vmg_dataset_report){0};
    scan c = {.ds = ds, .r = out, .log = log, .progress = progress, .user = user};
    int rc = vmg_dataset_visit(ds, NULL, 0, motion, n_threads, count_sample, &c);
    vmg_dict_free(&c.words, NULL);
    vmg_dict_free(&c.halves, NULL);
    return rc;
}

/* ---- dividing anew ---- */

typedef struct resplit {
    vmg_split_item *item;
    bool by_subject;
    vmg_window_statistics *statistics;
} resplit;

static int note_group(void *user, int64_t i, const vmg_sample *s, int rc)
{
    resplit *r = user;
    if (!s)
        return rc == VMG_E_NOMEM ? rc : VMG_OK;
    size_t n = r->by_subject ? strcspn(s->group, "_") : strlen(s->group);
    char *group = vmg_strndup(s->group, n);
    char *label = vmg_strdup(r->by_subject || !s->n_captions ? "" : s->captions[0].text);
    r->item[i].group = group;
    r->item[i].label = label;
    return group && label ? VMG_OK : VMG_E_NOMEM;
}

static int add_statistics(void *user, int64_t i, const vmg_sample *s, int rc)
{
    resplit *r = user;
    if (!s)
        return rc == VMG_E_NOMEM ? rc : VMG_OK;
    return r->item[i].held_out ? VMG_OK : vmg_window_statistics_add(r->statistics, s->x, s->T);
}

/* Halves for the samples that can be read; a mirrored copy's label has other words than its
 * original's: the first of a group counts. */
static int choose_halves(resplit *r, int64_t n, double fraction, uint64_t seed,
                         const vmg_dataset_index *x)
{
    vmg_split_item *known = vmg_calloc((size_t)n, sizeof *known);
    int64_t *place = vmg_calloc((size_t)n, sizeof *place), k = 0;
    int rc = known && place ? VMG_OK : VMG_E_NOMEM;
    for (int64_t i = 0; !rc && i < n; i++) {
        r->item[i].held_out = x->entry[i].held_out;
        if (r->item[i].group) {
            known[k] = r->item[i];
            place[k++] = i;
        }
    }
    if (!rc)
        rc = vmg_split(known, (size_t)k, fraction, seed);
    for (int64_t i = 0; !rc && i < k; i++)
        r->item[place[i]].held_out = known[i].held_out;
    free(known);
    free(place);
    return rc;
}

static int write_vector(const char *dir, const char *name, const float *x)
{
    char *path = vmg_path_join(dir, name);
    int rc = path ? vmg_array_write(path, VMG_F32, 1, (int64_t[]){VMG_REP_DIM}, x) : VMG_E_NOMEM;
    free(path);
    return rc;
}

static int replace_index(const char *dir, const vmg_dataset *ds, const resplit *r)
{
    vmg_dataset_index x = *vmg_dataset_get_index(ds);
    float mean[VMG_REP_DIM], std[VMG_REP_DIM];
    vmg_dataset_entry *entry = vmg_calloc((size_t)x.n, sizeof *entry);
    if (!entry)
        return VMG_E_NOMEM;
    memcpy(entry, x.entry, (size_t)x.n * sizeof *entry);
    for (int64_t i = 0; i < x.n; i++)
        entry[i].held_out = r->item[i].held_out;
    x.entry = entry;
    vmg_window_statistics_finish(r->statistics, mean, std);
    int rc = write_vector(dir, "mean.npy", mean);
    if (!rc)
        rc = write_vector(dir, "std.npy", std);
    if (!rc)
        rc = vmg_dataset_index_write(dir, &x);
    free(entry);
    return rc;
}

int vmg_dataset_resplit(const char *dir, double fraction, bool by_subject, uint64_t seed,
                        int n_threads)
{
    vmg_dataset *ds;
    int rc = vmg_dataset_open(dir, &ds);
    if (rc)
        return rc;
    int64_t n = vmg_dataset_count(ds);
    resplit r = {.item = vmg_calloc((size_t)n, sizeof *r.item), .by_subject = by_subject,
                 .statistics = vmg_calloc(1, sizeof *r.statistics)};
    rc = r.item && r.statistics ? VMG_OK : VMG_E_NOMEM;
    if (!rc)
        rc = vmg_dataset_visit(ds, NULL, 0, false, n_threads, note_group, &r);
    if (!rc)
        rc = choose_halves(&r, n, fraction, seed, vmg_dataset_get_index(ds));
    if (!rc)
        rc = vmg_dataset_visit(ds, NULL, 0, true, n_threads, add_statistics, &r);
    if (!rc)
        rc = replace_index(dir, ds, &r);
    for (int64_t i = 0; r.item && i < n; i++) {
        free((char *)r.item[i].group);
        free((char *)r.item[i].label);
    }
    free(r.item);
    free(r.statistics);
    vmg_dataset_close(ds);
    return rc;
}
