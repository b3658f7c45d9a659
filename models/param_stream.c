/* Streaming of parameter groups: packed bytes in host memory, two slots on the device, copies that overlap. */
#include "models/param_stream.h"

#include <stdlib.h>

#include "host/base/mem.h"

struct vmg_param_stream {
    int first;            /* groups [first, n_groups) are streamed */
    size_t slot_bytes;
    cl_command_queue copy_queue;
    struct {
        cl_mem buf;
        int group;        /* what it holds or is being filled with; -1 = nothing */
        cl_event ready;   /* the copy into it */
        cl_event used;    /* the last computation that read it */
    } slot[2];
};

int vmg_param_stream_plan(vmg_params *ps, uint64_t max_bytes)
{
    vmg_ctx *ctx = ps->ctx;
    uint64_t total = vmg_params_bytes(ps), fixed = ps->groups[ps->n_groups].bytes;
    if (max_bytes == 0 || total <= max_bytes)
        return VMG_OK;
    struct vmg_param_stream *s = vmg_calloc(1, sizeof *s);
    if (!s)
        return VMG_E_NOMEM;
    ps->stream = s;
    s->slot[0].group = s->slot[1].group = -1;
    for (int g = 0; g < ps->n_groups; g++)
        s->slot_bytes = VMG_MAX(s->slot_bytes, ps->groups[g].bytes);
    uint64_t need = fixed + 2 * (uint64_t)s->slot_bytes;
    if (need > max_bytes)
        return vmg_ctx_fail(ctx, VMG_E_NOMEM,
                            "the parameters need at least %.0f MiB on %s (two blocks at a time), %.0f MiB are allowed",
                            (double)need / 1048576.0, ctx->dev.name, (double)max_bytes / 1048576.0);
    while (s->first < ps->n_groups && need + ps->groups[s->first].bytes <= max_bytes)
        need += ps->groups[s->first++].bytes;
    for (int i = 0; i < 2; i++)
        s->slot[i].buf = vmg_ctx_buffer(ctx, s->slot_bytes);
    cl_int err = CL_SUCCESS;
    if (!ctx->plan)
        s->copy_queue = clCreateCommandQueue(ctx->cl, ctx->dev.id, 0, &err);
    vmg_ctx_check(ctx, err, "creating a queue for copies");
    vmg_logf(&ctx->log, VMG_LOG_INFO, "%d of %d blocks stay on the device, %d are streamed from host memory",
             s->first, ps->n_groups, ps->n_groups - s->first);
    return vmg_ctx_status(ctx);
}

cl_mem vmg_param_stream_slot(vmg_params *ps, int group)
{
    return ps->stream && group >= ps->stream->first ? ps->stream->slot[0].buf : NULL;
}

int vmg_param_stream_keep(vmg_params *ps, int group)
{
    vmg_param_group *g = &ps->groups[group];
    g->host = vmg_calloc(g->bytes, 1);
    if (!g->host)
        return VMG_E_NOMEM;
    vmg_ctx_check(ps->ctx,
                  clEnqueueReadBuffer(ps->ctx->queue, ps->stream->slot[0].buf, CL_TRUE, 0, g->bytes, g->host, 0, NULL,
                                      NULL),
                  "keeping a block in host memory");
    return vmg_ctx_status(ps->ctx);
}

static void release_event(cl_event *e)
{
    if (*e)
        clReleaseEvent(*e);
    *e = NULL;
}

void vmg_param_stream_free(vmg_params *ps)
{
    struct vmg_param_stream *s = ps->stream;
    if (!s)
        return;
    if (s->copy_queue)
        clFinish(s->copy_queue);
    for (int i = 0; i < 2; i++) {
        release_event(&s->slot[i].ready);
        release_event(&s->slot[i].used);
        vmg_ctx_buffer_free(ps->ctx, s->slot[i].buf, s->slot_bytes);
    }
    if (s->copy_queue)
        clReleaseCommandQueue(s->copy_queue);
    for (int g = 0; g < ps->n_groups; g++) {
        free(ps->groups[g].host);
        ps->groups[g].host = NULL;
    }
    free(s);
    ps->stream = NULL;
}

static void bind(vmg_params *ps, int group, cl_mem buf)
{
    for (size_t i = 0; i < ps->n; i++)
        if (ps->list[i]->group == group)
            ps->list[i]->value.buf = buf;
}

/* Begin filling slot i with a group, after the last computation that read the slot. */
static void fetch(vmg_params *ps, int i, int group)
{
    struct vmg_param_stream *s = ps->stream;
    if (s->slot[i].group >= 0)
        bind(ps, s->slot[i].group, NULL);
    release_event(&s->slot[i].ready);
    cl_int err = clEnqueueWriteBuffer(s->copy_queue, s->slot[i].buf, CL_FALSE, 0, ps->groups[group].bytes,
                                      ps->groups[group].host, s->slot[i].used ? 1 : 0,
                                      s->slot[i].used ? &s->slot[i].used : NULL, &s->slot[i].ready);
    if (vmg_ctx_check(ps->ctx, err, "streaming a block"))
        clFlush(s->copy_queue);
    s->slot[i].group = group;
    bind(ps, group, s->slot[i].buf);
}

static int slot_of(const struct vmg_param_stream *s, int group)
{
    return s->slot[0].group == group ? 0 : s->slot[1].group == group ? 1 : -1;
}

void vmg_params_need(vmg_params *ps, int group)
{
    struct vmg_param_stream *s = ps->stream;
    vmg_ctx *ctx = ps->ctx;
    if (!s || ctx->error || ctx->plan || group < s->first)
        return;
    int i = slot_of(s, group);
    if (i < 0) {
        i = 0;
        fetch(ps, i, group);
    }
    if (s->slot[i].ready)
        vmg_ctx_check(ctx, clEnqueueBarrierWithWaitList(ctx->queue, 1, &s->slot[i].ready, NULL), "waiting for a block");
    int next = group + 1 < ps->n_groups ? group + 1 : s->first;
    if (slot_of(s, next) < 0)
        fetch(ps, 1 - i, next);
}

void vmg_params_done(vmg_params *ps, int group)
{
    struct vmg_param_stream *s = ps->stream;
    if (!s || ps->ctx->error || ps->ctx->plan || group < s->first)
        return;
    int i = slot_of(s, group);
    if (i < 0)
        return;
    release_event(&s->slot[i].used);
    vmg_ctx_check(ps->ctx, clEnqueueMarkerWithWaitList(ps->ctx->queue, 0, NULL, &s->slot[i].used), "streaming a block");
    clFlush(ps->ctx->queue);
}

int vmg_params_n_streamed(const vmg_params *ps)
{
    return ps->stream ? ps->n_groups - ps->stream->first : 0;
}
