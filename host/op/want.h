/* Checks of an op's tensors, as a table: one row per argument, one message for all ops. */
#ifndef VMG_HOST_OP_WANT_H
#define VMG_HOST_OP_WANT_H

#include "host/ctx.h"

enum vmg_want_flags {
    VMG_WANT_OPTIONAL = 1, /* VMG_NONE is fine */
    VMG_WANT_LD = 2,       /* rows may be further apart than their length */
    VMG_WANT_FLOAT = 4     /* f32, f16 or bf16 instead of `dtype` */
};

/* An argument and the matrix it must be: all dimensions but the last make the rows, so a vector is one row. */
typedef struct vmg_want {
    const char *name;
    vmg_tensor t;
    int64_t rows, cols;
    vmg_dtype dtype;
    int flags;
} vmg_want;

/* Whether every tensor is as wanted (row-major among other things); otherwise records one sentence that names the op,
 * the tensor, what it is and what it should be. False also after an earlier failure. */
bool vmg_want_all(vmg_ctx *ctx, const char *op, const vmg_want *want, size_t n);

#endif
