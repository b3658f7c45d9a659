/* Inside the tuner: its state, between tune.c (lookup, modes) and tune_store.c (JSON). */
#ifndef VMG_HOST_TUNE_IMPL_H
#define VMG_HOST_TUNE_IMPL_H

#include "host/base/dict.h"
#include "host/tune.h"

/* A tuned point in the list of its key. */
typedef struct vmg_tune_node {
    struct vmg_tune_node *next;
    int bucket[VMG_MAX_SHAPE];
    int n;
    char *names[VMG_MAX_TUNABLES];
    int values[VMG_MAX_TUNABLES];
    double seconds;
    bool shipped;
} vmg_tune_node;

struct vmg_tuner {
    vmg_dict entries; /* key -> vmg_tune_node list */
    char *path;       /* NULL: no cache directory */
    bool active, full, suspended;
    vmg_dict visited; /* "key bucket" -> itself */
    vmg_tune_progress_fn *progress;
    void *progress_user;
    const vmg_kernel_def *forced_def;
    int forced[VMG_MAX_TUNABLES];
    const vmg_variants *forced_set;
    const char *forced_variant;
};

/* Make or replace the point of exactly this bucket and origin; false on exhaustion (tune.c). */
bool vmg_tune_put(vmg_tuner *t, const char *key, const int *bucket, bool shipped, const char *const *names, int n,
                  const int *values, double seconds);

/*
 * Take the points of a store's text (tune_store.c); false when it is damaged or, the user's, of another device. A shipped one
 * has "match": parts of the platform's, vendor's or device's name, and the class; where one does not fit the device (or there is
 * none) it is passed over.
 */
bool vmg_tune_read(vmg_tuner *t, const vmg_device *d, const char *text, size_t size, bool shipped);

/* Fill a new tuner from the shipped files and the user's store, warning about what is damaged (tune_store.c). */
void vmg_tune_load(vmg_ctx *ctx, vmg_tuner *t);

#endif
