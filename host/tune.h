/* Tuned parameters: looked up at each launch, searched only by `vimogen tune`, stored as JSON. */
#ifndef VMG_HOST_TUNE_H
#define VMG_HOST_TUNE_H

#include "host/kernel.h"
#include "host/program.h"

typedef struct vmg_tuner vmg_tuner;

/* Opens the store of the context's device and driver: $XDG_CACHE_HOME/vimogen-cl/tune/<device>.json,
 * then the shipped defaults of the device's class (host/tuned, embedded). A damaged or foreign
 * store is ignored with a warning in the log. */
vmg_tuner *vmg_tuner_create(vmg_ctx *ctx);
void vmg_tuner_free(vmg_tuner *t);

/*
 * Values for a key ("norm.layernorm|-DT_X=f32") and shape: the user's store, then shipped defaults, at
 * the nearest shape bucket (each dimension rounded up to a power of two, distance in octaves summed over
 * the dimensions, at most VMG_TUNE_REACH); false when there is none. `names` and `values` hold n tunables;
 * a stored entry must name them all.
 */
enum { VMG_TUNE_REACH = 4 };
bool vmg_tune_lookup(vmg_ctx *ctx, const char *key, const int64_t *shape, const char *const *names, int n,
                     int *values);
void vmg_tune_record(vmg_ctx *ctx, const char *key, const int64_t *shape, const char *const *names, int n,
                     const int *values, double seconds);

/* Tuning mode: while on, launches and variants search before they run, once per key and bucket. `full` tries
 * every candidate, otherwise one tunable at a time from the best so far. In plan mode (host/plan.h) nothing is
 * searched, only counted. */
void vmg_tune_begin(vmg_ctx *ctx, bool full);
void vmg_tune_end(vmg_ctx *ctx);
bool vmg_tune_active(const vmg_ctx *ctx);

/* Searches begun (in plan mode: that would be begun) since vmg_tune_begin. */
size_t vmg_tune_n_searches(const vmg_ctx *ctx);

/* Called after each search with its key, shape, and the seconds of the default and of the best. Returning false
 * stops with a sticky VMG_E_INTERRUPTED; what was found stays recorded. */
typedef bool vmg_tune_progress_fn(void *user, const char *key, const int64_t *shape, double default_s,
                                  double best_s);
void vmg_tune_on_progress(vmg_ctx *ctx, vmg_tune_progress_fn *fn, void *user);

/* Write the user's store (atomic), or export it to a file that can ship. */
int vmg_tune_save(vmg_ctx *ctx);
int vmg_tune_export(vmg_ctx *ctx, const char *path);

/* One stored point. */
typedef struct vmg_tune_entry {
    const char *key;
    int bucket[VMG_MAX_SHAPE]; /* log2 of each dimension, rounded up */
    int n;                     /* tunables */
    const char *names[VMG_MAX_TUNABLES];
    int values[VMG_MAX_TUNABLES];
    double seconds;            /* measured with these values; 0 = unknown */
    bool shipped;
} vmg_tune_entry;

/* Every point of this device, sorted by key and bucket, in fresh memory (free); strings belong to the tuner. */
int vmg_tune_entries(const vmg_ctx *ctx, vmg_tune_entry **out, size_t *n);

/* Where the user's store lives; NULL without a cache directory. */
const char *vmg_tune_path(const vmg_ctx *ctx);

/* The shipped parameter files (host/tuned/, embedded by cl/embed.awk); ends with a NULL name. */
extern const vmg_cl_source vmg_tuned_sources[];

#endif
