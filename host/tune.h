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
 * the nearest shape bucket (each dimension rounded up to a power of two, distance in octaves); false
 * when the key is unknown. `names` and `values` hold n tunables; a stored entry must name them all.
 */
bool vmg_tune_lookup(vmg_ctx *ctx, const char *key, const int64_t *shape, const char *const *names, int n,
                     int *values);
void vmg_tune_record(vmg_ctx *ctx, const char *key, const int64_t *shape, const char *const *names, int n,
                     const int *values, double seconds);

/* Tuning mode: while on, launches and variants search before they run. `full` tries every candidate,
 * otherwise one tunable at a time from the best so far. */
void vmg_tune_begin(vmg_ctx *ctx, bool full);
void vmg_tune_end(vmg_ctx *ctx);
bool vmg_tune_active(const vmg_ctx *ctx);

/* Called after each search with its key, shape, and the seconds of the default and of the best. */
typedef void vmg_tune_progress_fn(void *user, const char *key, const int64_t *shape, double default_s,
                                  double best_s);
void vmg_tune_on_progress(vmg_ctx *ctx, vmg_tune_progress_fn *fn, void *user);

/* Write the user's store (atomic), or export it to a file that can ship. */
int vmg_tune_save(vmg_ctx *ctx);
int vmg_tune_export(vmg_ctx *ctx, const char *path);

/* Where the user's store lives; NULL without a cache directory. */
const char *vmg_tune_path(const vmg_ctx *ctx);

/* The shipped parameter files (host/tuned/, embedded by cl/embed.awk); ends with a NULL name. */
extern const vmg_cl_source vmg_tuned_sources[];

#endif
