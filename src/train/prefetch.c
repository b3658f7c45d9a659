/* Makes batches ahead of their use on threads of its own. */
#include <pthread.h>
#include <stdlib.h>

#include "host/base/mem.h"
#include "src/train/feed.h"

enum { MAX_THREADS = 16 };

/* A place for one batch: batch k goes to slot k modulo their number. */
typedef struct slot {
    bool ready;
    vmg_feed_batch batch;
    int rc;
    char *message; /* of a failure */
} slot;

struct vmg_prefetch {
    vmg_feed *feed;
    int64_t next_made, next_used, end;
    bool stop;
    slot *slots;
    int64_t n_slots;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t threads[MAX_THREADS];
    int n_threads;
};

static void *work(void *user)
{
    vmg_prefetch *p = user;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->stop && p->next_made < p->end && p->next_made >= p->next_used + p->n_slots)
            pthread_cond_wait(&p->changed, &p->lock);
        if (p->stop || p->next_made >= p->end)
            break;
        int64_t k = p->next_made++;
        slot *s = &p->slots[k % p->n_slots];
        pthread_mutex_unlock(&p->lock);
        s->rc = vmg_feed_make(p->feed, k, &s->batch);
        s->message = s->rc == VMG_OK ? NULL : vmg_strdup(vmg_error_message());
        pthread_mutex_lock(&p->lock);
        s->ready = true;
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

int vmg_prefetch_start(vmg_feed *f, int64_t first, int64_t end, int n_threads, vmg_prefetch **out)
{
    vmg_prefetch *p = *out = vmg_calloc(1, sizeof *p);
    if (!p)
        return VMG_E_NOMEM;
    n_threads = VMG_MIN(VMG_MAX(n_threads, 1), MAX_THREADS);
    *p = (vmg_prefetch){.feed = f, .next_made = first, .next_used = first, .end = end, .n_slots = n_threads + 1};
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->slots = vmg_calloc((size_t)p->n_slots, sizeof *p->slots);
    int rc = p->slots ? VMG_OK : VMG_E_NOMEM;
    for (int i = 0; rc == VMG_OK && i < n_threads; i++) {
        if (pthread_create(&p->threads[i], NULL, work, p))
            rc = vmg_fail(VMG_E_NOMEM, "a thread for making batches could not be started");
        else
            p->n_threads++;
    }
    if (rc != VMG_OK) {
        vmg_prefetch_stop(p);
        *out = NULL;
    }
    return rc;
}

int vmg_prefetch_next(vmg_prefetch *p, vmg_feed_batch *out)
{
    *out = (vmg_feed_batch){0};
    if (p->next_used >= p->end) /* only this thread moves it */
        return vmg_fail(VMG_E_ARG, "there is no batch after %lld", (long long)p->end);
    slot *s = &p->slots[p->next_used % p->n_slots];
    pthread_mutex_lock(&p->lock);
    while (!s->ready)
        pthread_cond_wait(&p->changed, &p->lock);
    int rc = s->rc;
    char *message = s->message;
    *out = s->batch;
    *s = (slot){0};
    p->next_used++;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    if (rc != VMG_OK)
        vmg_fail(rc, "%s", message ? message : "out of memory");
    free(message);
    return rc;
}

void vmg_prefetch_stop(vmg_prefetch *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i], NULL);
    for (int64_t i = 0; p->slots && i < p->n_slots; i++) {
        vmg_feed_batch_free(&p->slots[i].batch);
        free(p->slots[i].message);
    }
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->changed);
    free(p->slots);
    free(p);
}
