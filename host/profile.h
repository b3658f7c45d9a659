/* Profiling by events: time, GB/s and GFLOP/s of every op. */
#ifndef VMG_HOST_PROFILE_H
#define VMG_HOST_PROFILE_H

#include "host/ctx.h"

typedef struct vmg_profile vmg_profile;

/* One kernel's sums. */
typedef struct vmg_profile_row {
    char name[96]; /* "norm.layernorm" */
    int64_t n_calls;
    double seconds, flops, bytes;
} vmg_profile_row;

vmg_profile *vmg_profile_create(void);
void vmg_profile_free(vmg_profile *p);

/* Takes over the event (may be NULL: ignored). */
void vmg_profile_add(vmg_ctx *ctx, const char *name, cl_event event, double flops, double bytes);

/* Waits for the queue; rows sorted by time, in fresh memory (free). */
int vmg_profile_rows(vmg_ctx *ctx, vmg_profile_row **rows, size_t *n);
void vmg_profile_reset(vmg_ctx *ctx);

#endif
