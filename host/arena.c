/* Arenas: device memory in slabs, handed out as tensors, given back all at once. */
#include "host/arena.h"

#include <stdlib.h>

#include "host/base/mem.h"

vmg_arena vmg_arena_make(vmg_ctx *ctx, size_t slab_bytes)
{
    return (vmg_arena){.ctx = ctx, .slab_bytes = slab_bytes ? slab_bytes : (size_t)64 << 20};
}

static void drop_slabs(vmg_arena *a, int kept)
{
    while (a->n_slabs > kept) {
        a->n_slabs--;
        vmg_ctx_buffer_free(a->ctx, a->slabs[a->n_slabs].buf, a->slabs[a->n_slabs].size_bytes);
    }
}

void vmg_arena_free(vmg_arena *a)
{
    if (!a || !a->ctx)
        return;
    drop_slabs(a, 0);
    free(a->slabs);
    *a = (vmg_arena){0};
}

static bool add_slab(vmg_arena *a, size_t bytes)
{
    size_t limit = (size_t)a->ctx->dev.max_alloc_bytes;
    if (bytes > limit) {
        vmg_ctx_fail(a->ctx, VMG_E_NOMEM,
                     "a tensor of %zu bytes is larger than the %zu that %s allows in one allocation", bytes,
                     limit, a->ctx->dev.name);
        return false;
    }
    struct vmg_slab *grown = vmg_realloc(a->slabs, (size_t)a->n_slabs + 1, sizeof *grown);
    if (!grown) {
        vmg_ctx_fail(a->ctx, VMG_E_NOMEM, "%s", vmg_error_message());
        return false;
    }
    a->slabs = grown;
    size_t size = VMG_MIN(VMG_MAX(bytes, a->slab_bytes), limit);
    cl_mem buf = vmg_ctx_buffer(a->ctx, size);
    if (!buf && !a->ctx->plan)
        return false;
    a->slabs[a->n_slabs++] = (struct vmg_slab){.buf = buf, .size_bytes = size};
    return true;
}

/* Finds room from the current slab on; slabs left behind are reused after a reset. */
static bool take(vmg_arena *a, size_t bytes, cl_mem *buf, size_t *off)
{
    const bool separate = a->slab_bytes == VMG_ARENA_SEPARATE;
    const size_t align = separate ? 1 : VMG_ARENA_ALIGN;
    size_t need = (bytes + align - 1) / align * align;
    if (need < bytes)
        return vmg_ctx_fail(a->ctx, VMG_E_NOMEM, "a tensor of %zu bytes is too large", bytes) == VMG_OK;
    need = VMG_MAX(need, align);
    while (a->current < a->n_slabs &&
           a->slabs[a->current].size_bytes - a->slabs[a->current].used_bytes < need)
        a->current++;
    if (a->current == a->n_slabs && !add_slab(a, need))
        return false;
    struct vmg_slab *s = &a->slabs[a->current];
    *buf = s->buf;
    *off = s->used_bytes;
    s->used_bytes += need;
    a->used_bytes += need;
    a->peak_bytes = VMG_MAX(a->peak_bytes, a->used_bytes);
    return true;
}

vmg_tensor vmg_arena_tensor(vmg_arena *a, vmg_dtype dtype, int rank, const int64_t *dim)
{
    vmg_tensor t = vmg_tensor_make(NULL, 0, dtype, rank, dim);
    size_t bytes;
    if (a->ctx->error)
        return t;
    int64_t n = 1;
    for (int i = 0; i < rank; i++)
        if (dim[i] < 0 || __builtin_mul_overflow(n, dim[i], &n)) {
            vmg_ctx_fail(a->ctx, VMG_E_ARG, "a tensor's dimension %d is %lld: negative or too large", i,
                         (long long)dim[i]);
            return t;
        }
    if (vmg_dtype_bytes(dtype, n, &bytes) != VMG_OK)
        vmg_ctx_fail(a->ctx, VMG_E_ARG, "%s", vmg_error_message());
    else
        take(a, bytes, &t.buf, &t.off_bytes);
    return t;
}

vmg_tensor vmg_arena_matrix(vmg_arena *a, vmg_dtype dtype, int64_t rows, int64_t cols)
{
    return vmg_arena_tensor(a, dtype, 2, (int64_t[]){rows, cols});
}

vmg_tensor vmg_arena_vector(vmg_arena *a, vmg_dtype dtype, int64_t n)
{
    return vmg_arena_tensor(a, dtype, 1, &n);
}

vmg_tensor vmg_arena_packed(vmg_arena *a, vmg_dtype dtype, vmg_layout layout, int64_t n, int64_t k,
                            size_t bytes)
{
    vmg_tensor t = vmg_tensor_make(NULL, 0, dtype, 2, (int64_t[]){n, k});
    t.layout = layout;
    if (!a->ctx->error)
        take(a, bytes, &t.buf, &t.off_bytes);
    return t;
}

vmg_arena_mark vmg_arena_get_mark(const vmg_arena *a)
{
    return (vmg_arena_mark){a->current, a->current < a->n_slabs ? a->slabs[a->current].used_bytes : 0,
                            a->used_bytes};
}

void vmg_arena_reset(vmg_arena *a, vmg_arena_mark mark)
{
    for (int i = mark.slab; i < a->n_slabs; i++)
        a->slabs[i].used_bytes = i == mark.slab ? mark.slab_used : 0;
    a->current = mark.slab;
    a->used_bytes = mark.used;
    if (a->slab_bytes == VMG_ARENA_SEPARATE)
        drop_slabs(a, mark.slab + (mark.slab_used > 0));
}

void vmg_arena_reset_all(vmg_arena *a)
{
    vmg_arena_reset(a, (vmg_arena_mark){0});
}
