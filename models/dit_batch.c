/* Batches of the DiT: where each sample's rows lie, and which keys they attend to. */
#include <stdlib.h>

#include "host/base/mem.h"
#include "models/dit.h"

static bool valid(vmg_dit *dit, const vmg_dit_sample *samples, int64_t n, const vmg_dit_text *text)
{
    vmg_ctx *ctx = dit->ctx;
    bool motion_seen = false;
    for (int64_t i = 0; i < n; i++) {
        const vmg_dit_sample *s = &samples[i];
        long long at = (long long)i;
        if (s->n_frames < 1 || s->n_frames > dit->n_positions || s->n_ref_rows < 0 || s->n_ref_rows > dit->n_positions)
            vmg_ctx_fail(ctx, VMG_E_ARG, "sample %lld has %lld frames and %lld reference frames, allowed are 1 to %lld", at,
                         (long long)s->n_frames, (long long)s->n_ref_rows, (long long)dit->n_positions);
        else if (s->n_ref_rows && !dit->config.ref_motion_dim)
            vmg_ctx_fail(ctx, VMG_E_ARG, "this network has no reference-motion half");
        else if (s->attend_to_text && motion_seen)
            vmg_ctx_fail(ctx, VMG_E_ARG, "sample %lld attends to text after one that attends to motion", at);
        else if (s->attend_to_text && (!text || s->context < 0 || s->context >= text->n))
            vmg_ctx_fail(ctx, VMG_E_ARG, "sample %lld names context %lld of %lld", at, (long long)s->context,
                         text ? (long long)text->n : 0LL);
        else if (!s->attend_to_text && (s->n_ref_frames < 1 || s->n_ref_frames > s->n_ref_rows))
            vmg_ctx_fail(ctx, VMG_E_ARG, "sample %lld attends to %lld of %lld reference frames", at,
                         (long long)s->n_ref_frames, (long long)s->n_ref_rows);
        if (ctx->error)
            return false;
        motion_seen |= !s->attend_to_text;
    }
    return true;
}

static vmg_segments upload_segments(vmg_dit *dit, vmg_arena *arena, const vmg_segment *host, int64_t n)
{
    vmg_segments s = {.n = n, .host = host, .device = vmg_arena_matrix(arena, VMG_I32, n, 4)};
    vmg_upload(dit->ctx, s.device, host);
    return s;
}

/* (rows) i32: value(sample, position) for each row of each sample. */
static vmg_tensor upload_rows(vmg_dit *dit, vmg_arena *arena, const int64_t *row0, int64_t n, bool position)
{
    int64_t rows = row0[n];
    vmg_tensor t = vmg_arena_vector(arena, VMG_I32, rows);
    int32_t *host = vmg_calloc((size_t)rows, sizeof *host);
    for (int64_t i = 0; host && i < n; i++)
        for (int64_t r = row0[i]; r < row0[i + 1]; r++)
            host[r] = (int32_t)(position ? r - row0[i] : i);
    if (host)
        vmg_upload(dit->ctx, t, host);
    else
        vmg_ctx_fail(dit->ctx, VMG_E_NOMEM, "%s", vmg_error_message());
    free(host);
    return t;
}

static void fill_segments(vmg_dit_batch *b, const vmg_dit_sample *samples, int64_t n, const vmg_dit_text *text)
{
    vmg_segment *self = b->segments, *cross = self + n, *ref_self = cross + n;
    for (int64_t i = 0; i < n; i++) {
        const vmg_dit_sample *s = &samples[i];
        int32_t row0 = (int32_t)b->row0[i], frames = (int32_t)s->n_frames, ref0 = (int32_t)b->ref_row0[i];
        self[i] = (vmg_segment){row0, frames, row0, frames};
        /* The motion's length masks the reference encoder's keys, as published. */
        ref_self[i] = (vmg_segment){ref0, (int32_t)s->n_ref_rows, ref0, (int32_t)VMG_MIN(s->n_frames, s->n_ref_rows)};
        if (s->attend_to_text)
            cross[i] = (vmg_segment){row0, frames, (int32_t)text->context[s->context].row0,
                                     (int32_t)text->context[s->context].n_rows};
        else /* counted from the first motion row, as the block slices x */
            cross[i] = (vmg_segment){row0 - (int32_t)b->text_rows, frames, ref0, (int32_t)s->n_ref_frames};
    }
}

void vmg_dit_batch_make(vmg_dit *dit, vmg_arena *arena, const vmg_dit_sample *samples, int64_t n, const vmg_dit_text *text,
                        bool per_sample_time, vmg_dit_batch *b)
{
    *b = (vmg_dit_batch){.n_samples = n};
    if (dit->ctx->error || !valid(dit, samples, n, text))
        return;
    b->row0 = vmg_calloc((size_t)n + 1, sizeof *b->row0);
    b->ref_row0 = vmg_calloc((size_t)n + 1, sizeof *b->ref_row0);
    b->segments = vmg_calloc(3 * (size_t)n, sizeof *b->segments);
    if (!b->row0 || !b->ref_row0 || !b->segments) {
        vmg_ctx_fail(dit->ctx, VMG_E_NOMEM, "%s", vmg_error_message());
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        b->row0[i + 1] = b->row0[i] + samples[i].n_frames;
        b->ref_row0[i + 1] = b->ref_row0[i] + samples[i].n_ref_rows;
        b->n_text += samples[i].attend_to_text;
    }
    b->rows = b->row0[n];
    b->text_rows = b->row0[b->n_text];
    b->ref_rows = b->ref_row0[n];
    fill_segments(b, samples, n, text);
    b->self = upload_segments(dit, arena, b->segments, n);
    b->text = upload_segments(dit, arena, b->segments + n, b->n_text);
    b->ref_cross = upload_segments(dit, arena, b->segments + n + b->n_text, n - b->n_text);
    b->ref_self = upload_segments(dit, arena, b->segments + 2 * n, n);
    b->pos = upload_rows(dit, arena, b->row0, n, true);
    b->ref_pos = upload_rows(dit, arena, b->ref_row0, n, true);
    if (per_sample_time && n > 1) {
        b->group = upload_rows(dit, arena, b->row0, n, false);
        b->ref_group = upload_rows(dit, arena, b->ref_row0, n, false);
    }
}

void vmg_dit_batch_free(vmg_dit_batch *b)
{
    if (!b)
        return;
    free(b->row0);
    free(b->ref_row0);
    free(b->segments);
}
