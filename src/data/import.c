/* The import: lists, splits, reads in parallel, writes in order. */
#include "src/data/import.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/mem.h"
#include "src/data/dataset_write.h"
#include "src/data/import_clip.h"
#include "src/data/split.h"
#include "src/data/window.h"
#include "src/motion/rep276.h"

enum { MAX_THREADS = 64, ITEMS_PER_THREAD = 4 };
enum { PLAIN, MIRRORED, HELD, HELD_MIRRORED, N_COPIES };

/* What became of one item. */
typedef struct outcome {
    vmg_sample copy[N_COPIES]; /* x NULL where there is none */
    vmg_window_statistics *statistics;
    int rc;
    char *message;
    double cut_s[2];
    bool was_cut;
} outcome;

typedef struct job {
    const vmg_import_item *item;
    const vmg_import_options *o;
    outcome *out;
    size_t n;
    size_t next; /* shared, guarded by lock */
    pthread_mutex_t lock;
} job;

/* ---- reading ---- */

static void make(const vmg_import_item *item, const vmg_import_options *o, outcome *out)
{
    *out = (outcome){0};
    out->rc = vmg_import_clip(item, o, &out->copy[PLAIN], out->cut_s, &out->was_cut);
    if (!out->rc && o->extend_s > 0)
        out->rc = vmg_import_held(&out->copy[PLAIN], o->extend_s, &out->copy[HELD]);
    for (int i = PLAIN; i < N_COPIES && !out->rc && !o->no_mirror; i += HELD - PLAIN)
        if (out->copy[i].x)
            out->rc = vmg_import_mirrored(&out->copy[i], &out->copy[i + MIRRORED]);
    if (!out->rc && !item->held_out) {
        out->statistics = vmg_calloc(1, sizeof *out->statistics);
        out->rc = out->statistics ? VMG_OK : VMG_E_NOMEM;
        for (int i = PLAIN; i <= MIRRORED && !out->rc; i++)
            if (out->copy[i].x)
                out->rc = vmg_window_statistics_add(out->statistics, out->copy[i].x,
                                                    out->copy[i].T);
    }
    if (out->rc)
        out->message = vmg_strdup(vmg_error_message());
}

static void *work(void *arg)
{
    job *j = arg;
    for (;;) {
        pthread_mutex_lock(&j->lock);
        size_t i = j->next++;
        pthread_mutex_unlock(&j->lock);
        if (i >= j->n)
            return NULL;
        make(&j->item[i], j->o, &j->out[i]);
    }
}

/* All items of the job, on up to n_threads threads besides this one's waiting. */
static void run(job *j, int n_threads)
{
    pthread_t thread[MAX_THREADS];
    int started = 0;
    pthread_mutex_init(&j->lock, NULL);
    while (started < n_threads - 1 && !pthread_create(&thread[started], NULL, work, j))
        started++;
    work(j);
    for (int i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    pthread_mutex_destroy(&j->lock);
}

static void outcome_free(outcome *out)
{
    for (int i = 0; i < N_COPIES; i++)
        vmg_sample_free(&out->copy[i]);
    free(out->statistics);
    free(out->message);
    *out = (outcome){0};
}

/* ---- writing ---- */

static void add_statistics(vmg_window_statistics *all, const vmg_window_statistics *one)
{
    all->n += one->n;
    for (int i = 0; i < VMG_REP_DIM; i++) {
        all->sum[i] += one->sum[i];
        all->sum2[i] += one->sum2[i];
    }
}

/* One outcome into the set, the report and the log. */
static int take(const vmg_import_item *item, const vmg_import_options *o, const outcome *out,
                vmg_dataset_writer *w, vmg_window_statistics *all, vmg_import_report *r)
{
    if (out->rc == VMG_E_NOMEM)
        return vmg_fail(out->rc, "%s: %s", item->path, out->message ? out->message : "");
    if (out->rc) {
        const char *m = out->message ? out->message : "";
        bool named = strstr(m, item->path) != NULL;
        vmg_logf(&o->log, VMG_LOG_WARN, "%s%s%s: left out", named ? "" : item->path,
                 named ? "" : ": ", m);
        return VMG_OK;
    }
    r->n_kept++;
    r->n_cut += out->was_cut;
    r->n_still += out->copy[HELD].x != NULL;
    r->n_extended += (double)out->copy[PLAIN].T / out->copy[PLAIN].fps > out->cut_s[1] - out->cut_s[0] + 1e-9;
    if (out->was_cut)
        vmg_logf(&o->log, VMG_LOG_WARN, "%s: the body jumps, kept from %.2f s to %.2f s",
                 item->path, out->cut_s[0], out->cut_s[1]);
    if (out->statistics)
        add_statistics(all, out->statistics);
    for (int i = 0; i < N_COPIES; i++) {
        const vmg_sample *s = &out->copy[i];
        if (!s->x)
            continue;
        int rc = vmg_dataset_writer_add(w, s, item->held_out);
        if (rc)
            return rc;
        r->n_samples++;
        r->n_held_out += item->held_out;
        r->n_captions += s->n_captions;
        r->n_uncaptioned += s->n_captions == 0;
        r->seconds += (double)s->T / s->fps;
        r->held_out_s += item->held_out ? (double)s->T / s->fps : 0;
    }
    return VMG_OK;
}

/* A label's words, so that trials of one kind are split evenly: the first caption. */
static int split(vmg_import_list *list, const vmg_import_options *o)
{
    vmg_split_item *s = vmg_calloc(list->n, sizeof *s);
    if (!s)
        return VMG_E_NOMEM;
    for (size_t i = 0; i < list->n; i++) {
        const vmg_import_item *it = &list->item[i];
        s[i].group = o->by_subject ? it->subject : it->id;
        s[i].label = o->by_subject || it->n_rows == 0 ? "" : it->row[0].text;
    }
    int rc = vmg_split(s, list->n, o->held_out, o->seed);
    for (size_t i = 0; i < list->n; i++)
        list->item[i].held_out = s[i].held_out;
    free(s);
    return rc;
}

static int thread_count(int asked)
{
    long n = asked > 0 ? asked : sysconf(_SC_NPROCESSORS_ONLN);
    return (int)VMG_MIN(VMG_MAX(n, 1), MAX_THREADS);
}

static int import_all(const vmg_import_list *list, const vmg_import_options *o,
                      vmg_dataset_writer *w, vmg_window_statistics *all, vmg_import_report *r)
{
    int n_threads = thread_count(o->threads), rc = VMG_OK;
    size_t step = (size_t)n_threads * ITEMS_PER_THREAD;
    outcome *out = vmg_calloc(step, sizeof *out);
    if (!out)
        return VMG_E_NOMEM;
    for (size_t at = 0; !rc && at < list->n; at += step) {
        job j = {.item = list->item + at, .o = o, .out = out, .n = VMG_MIN(step, list->n - at)};
        run(&j, n_threads);
        for (size_t i = 0; i < j.n; i++) {
            if (!rc)
                rc = take(&j.item[i], o, &out[i], w, all, r);
            outcome_free(&out[i]);
        }
        if (!rc && o->progress && o->progress(o->user, (int64_t)(at + j.n), (int64_t)list->n))
            rc = vmg_fail(VMG_E_INTERRUPTED, "interrupted");
    }
    free(out);
    return rc;
}

int vmg_import(const char *in, const char *out, const vmg_import_options *o,
               vmg_import_report *report)
{
    vmg_import_list list = {0};
    vmg_dataset_writer *w = NULL;
    vmg_import_report r = {0};
    float mean[VMG_REP_DIM], std[VMG_REP_DIM];
    vmg_window_statistics *all = vmg_calloc(1, sizeof *all);
    int rc = all ? vmg_import_list_read(in, o, &list) : VMG_E_NOMEM;
    if (!rc)
        rc = split(&list, o);
    if (!rc)
        rc = vmg_dataset_writer_open(out, 0, &w);
    r.n_clips = (int64_t)list.n;
    r.n_rows_unused = (int64_t)list.n_rows_unused;
    if (!rc)
        rc = import_all(&list, o, w, all, &r);
    if (!rc && r.n_samples == 0)
        rc = vmg_fail(VMG_E_FORMAT, "%s: none of %lld clips can be used", in,
                      (long long)r.n_clips);
    if (!rc) {
        vmg_window_statistics_finish(all, mean, std);
        rc = vmg_dataset_writer_commit(w, mean, std);
    }
    if (report)
        *report = r;
    vmg_dataset_writer_free(w);
    vmg_import_list_free(&list);
    free(all);
    return rc;
}
