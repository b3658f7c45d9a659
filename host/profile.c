/* Profiling by events: time, GB/s and GFLOP/s of every op. */
#include "host/profile.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/dict.h"
#include "host/base/mem.h"

/* Events are kept until this many wait, so that reading them never stalls the queue launch by launch. */
enum { MAX_PENDING = 4096 };

struct vmg_profile {
    vmg_dict rows; /* name -> vmg_profile_row */
    struct pending {
        cl_event event;
        vmg_profile_row *row;
    } pending[MAX_PENDING];
    int n_pending;
};

vmg_profile *vmg_profile_create(void)
{
    return vmg_calloc(1, sizeof(vmg_profile));
}

static void drop_pending(vmg_profile *p)
{
    for (int i = 0; i < p->n_pending; i++)
        clReleaseEvent(p->pending[i].event);
    p->n_pending = 0;
}

void vmg_profile_free(vmg_profile *p)
{
    if (!p)
        return;
    drop_pending(p);
    vmg_dict_free(&p->rows, free);
    free(p);
}

static void collect(vmg_ctx *ctx, vmg_profile *p)
{
    clFinish(ctx->queue);
    for (int i = 0; i < p->n_pending; i++) {
        cl_ulong begin = 0, end = 0;
        clGetEventProfilingInfo(p->pending[i].event, CL_PROFILING_COMMAND_START, sizeof begin, &begin, NULL);
        clGetEventProfilingInfo(p->pending[i].event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
        if (end > begin)
            p->pending[i].row->seconds += 1e-9 * (double)(end - begin);
    }
    drop_pending(p);
}

void vmg_profile_add(vmg_ctx *ctx, const char *name, cl_event event, double flops, double bytes)
{
    vmg_profile *p = ctx->profile;
    if (!event)
        return;
    vmg_profile_row *row = p ? vmg_dict_get(&p->rows, name) : NULL;
    if (p && !row) {
        row = vmg_calloc(1, sizeof *row);
        if (row) {
            strncpy(row->name, name, sizeof row->name - 1);
            if (!vmg_dict_set(&p->rows, name, row)) {
                free(row);
                row = NULL;
            }
        }
    }
    if (!row) {
        clReleaseEvent(event);
        return;
    }
    row->n_calls++;
    row->flops += flops;
    row->bytes += bytes;
    if (p->n_pending == MAX_PENDING)
        collect(ctx, p);
    p->pending[p->n_pending++] = (struct pending){event, row};
}

static int by_time(const void *a, const void *b)
{
    double x = ((const vmg_profile_row *)a)->seconds, y = ((const vmg_profile_row *)b)->seconds;
    return (x < y) - (x > y);
}

int vmg_profile_rows(vmg_ctx *ctx, vmg_profile_row **rows, size_t *n)
{
    vmg_profile *p = ctx->profile;
    *rows = NULL;
    *n = 0;
    if (!p)
        return VMG_OK;
    collect(ctx, p);
    *rows = vmg_calloc(p->rows.n + 1, sizeof **rows);
    if (!*rows)
        return VMG_E_NOMEM;
    for (size_t i = 0; i < p->rows.cap; i++)
        if (p->rows.entries[i].key)
            (*rows)[(*n)++] = *(vmg_profile_row *)p->rows.entries[i].value;
    qsort(*rows, *n, sizeof **rows, by_time);
    return VMG_OK;
}

void vmg_profile_reset(vmg_ctx *ctx)
{
    if (!ctx->profile)
        return;
    collect(ctx, ctx->profile);
    vmg_dict_free(&ctx->profile->rows, free);
}
