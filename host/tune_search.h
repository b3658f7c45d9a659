/* Searching tunables: inside the runtime, between kernel.c and tune_search.c. */
#ifndef VMG_HOST_TUNE_SEARCH_H
#define VMG_HOST_TUNE_SEARCH_H

#include "host/kernel.h"

/* Tunables of a definition, validity, and walking through candidates (kernel.c). */
int vmg_kernel_n_tunables(const vmg_kernel_def *def);
bool vmg_kernel_values_valid(vmg_ctx *ctx, const vmg_kernel_def *def, const int *v, const int64_t *shape);
bool vmg_kernel_default_values(vmg_ctx *ctx, const vmg_kernel_def *def, const int64_t *shape, int *v);
bool vmg_kernel_next_values(const vmg_kernel_def *def, int *index, int *v);

/* Enqueue with exactly these values; false (sticky error) on failure (kernel.c). */
bool vmg_launch_enqueue(vmg_ctx *ctx, const vmg_launch *l, const int *v);

/* Search, unless this key and bucket were searched in this tuning session; in plan mode only note it
 * (tune_search.c). */
void vmg_tune_search_launch(vmg_ctx *ctx, const vmg_launch *l, const char *key);
void vmg_tune_search_variants(vmg_ctx *ctx, const vmg_variants *set, const char *key,
                              const int64_t shape[VMG_MAX_SHAPE], const void *arg, const vmg_tensor *outs,
                              int n_outs);

/* Values forced by a test for this kernel, or NULL; variant likewise (tune.c). */
const int *vmg_tune_forced(vmg_ctx *ctx, const vmg_kernel_def *def);
const char *vmg_tune_forced_variant(vmg_ctx *ctx, const vmg_variants *set);

/* Whether this (key, bucket) was searched since vmg_tune_begin; marks it (tune.c). */
bool vmg_tune_first_visit(vmg_ctx *ctx, const char *key, const int64_t *shape);
bool vmg_tune_full(const vmg_ctx *ctx);
/* Suspends tuning mode while a trial runs nested launches; returns the former state (tune.c). */
bool vmg_tune_suspend(vmg_ctx *ctx, bool suspended);

/* Tells the caller's progress function (tune.h) about a finished search. */
void vmg_tune_report(vmg_ctx *ctx, const char *key, const int64_t *shape, double default_s, double best_s);

#endif
