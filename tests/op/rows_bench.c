/* Bench cases of ops over rows: one setup for all of them. */
#include "tests/op/rows_bench.h"

#include <stdlib.h>

#include "host/base/mem.h"
#include "host/op/elementwise.h"
#include "host/op/random.h"

enum { N_GROUPS = 8 };

/* A few hundred rows of normals, again and again: values like any, without making each. */
static void fill_with_normals(vmg_ctx *ctx, uint64_t stream, vmg_tensor t)
{
    const int64_t R = t.dim[0], n = VMG_MIN(R, 256);
    vmg_tensor first = vmg_tensor_view_rows(t, 0, n);
    vmg_op_normal(ctx, 1, stream, 0, first);
    for (int64_t r = n; r < R; r += n) {
        const int64_t m = VMG_MIN(n, R - r);
        vmg_op_copy(ctx, vmg_tensor_view_rows(first, 0, m), vmg_tensor_view_rows(t, r, m));
    }
}

void *vmg_rows_setup(vmg_ctx *ctx, vmg_arena *arena, const void *shape)
{
    const vmg_rows_shape *s = shape;
    vmg_rows_state *b = vmg_calloc(1, sizeof *b);
    int32_t *group = vmg_calloc((size_t)s->R, sizeof *group), starts[N_GROUPS + 1];
    if (!b || !group) {
        free(b);
        free(group);
        return NULL;
    }
    *b = (vmg_rows_state){.R = s->R, .C = s->C};
    vmg_tensor *matrix[] = {&b->x, &b->y, &b->z, &b->out};
    for (size_t i = 0; i < VMG_COUNT(matrix); i++) {
        *matrix[i] = vmg_arena_matrix(arena, VMG_F32, s->R, s->C);
        fill_with_normals(ctx, i, *matrix[i]);
    }
    for (size_t i = 0; i < VMG_COUNT(b->vec); i++) {
        b->vec[i] = vmg_arena_matrix(arena, VMG_F32, N_GROUPS, s->C);
        b->grad[i] = vmg_arena_matrix(arena, VMG_F32, N_GROUPS, s->C);
        vmg_op_normal(ctx, 2, i, 0, b->vec[i]);
        vmg_op_fill(ctx, b->grad[i], 0);
    }
    b->group = vmg_arena_vector(arena, VMG_I32, s->R);
    b->row_weight = vmg_arena_vector(arena, VMG_F32, s->R);
    b->stats = vmg_arena_matrix(arena, VMG_F32, s->R, 2);
    b->starts = vmg_arena_vector(arena, VMG_I32, N_GROUPS + 1);
    b->scalar = vmg_arena_vector(arena, VMG_F32, 1);
    for (int64_t r = 0; r < s->R; r++)
        group[r] = (int32_t)(r * N_GROUPS / s->R);
    for (int g = 0; g <= N_GROUPS; g++)
        starts[g] = (int32_t)(g * s->R / N_GROUPS);
    vmg_upload(ctx, b->group, group);
    vmg_upload(ctx, b->starts, starts);
    vmg_op_fill(ctx, b->row_weight, 1);
    vmg_op_fill(ctx, b->stats, 1);
    vmg_op_fill(ctx, b->scalar, 1);
    free(group);
    return b;
}
