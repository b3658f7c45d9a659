/* The one launch function: tunables, program, arguments, enqueue, event. */
#ifndef VMG_HOST_KERNEL_H
#define VMG_HOST_KERNEL_H

#include "host/ctx.h"

enum { VMG_MAX_TUNABLES = 8, VMG_MAX_CANDIDATES = 12, VMG_MAX_ARGS = 28, VMG_MAX_SHAPE = 4 };

/* A compile-time parameter the tuner may choose: passed as -D<name>=<value>. value[0] is the portable
 * default; every value is positive and the list ends with a 0. */
typedef struct vmg_tunable {
    const char *name;
    int value[VMG_MAX_CANDIDATES];
} vmg_tunable;

/* Index of a tunable's value in `v` arrays = its position in `tunables`. */
typedef struct vmg_kernel_def {
    const char *file; /* "norm" for cl/norm.cl */
    const char *name; /* the __kernel function */
    const char *std;  /* of OpenCL C, where 1.2 is too little: "CL3.0" */
    vmg_tunable tunables[VMG_MAX_TUNABLES]; /* ends with a NULL name */
    /* Whether these values may run on this device for this shape; NULL = always. The total work-group
     * size is checked by the launch function itself. */
    bool (*valid)(const vmg_device *dev, const int *v, const int64_t *shape);
    /* Work sizes for these values and this shape; local[0] == 0 lets OpenCL choose. Unused dimensions
     * hold 1. Required. */
    void (*geometry)(const vmg_device *dev, const int *v, const int64_t *shape, size_t global[3],
                     size_t local[3]);
} vmg_kernel_def;

typedef enum vmg_arg_role { VMG_IN, VMG_OUT, VMG_INOUT, VMG_SCALAR, VMG_LOCAL } vmg_arg_role;

typedef struct vmg_arg {
    vmg_arg_role role;
    vmg_tensor tensor;
    size_t size;                                   /* of the scalar, or of local memory */
    union { int32_t i; int64_t l; float f; uint64_t u; } value;
} vmg_arg;

/*
 * One launch being put together. Start from VMG_LAUNCH(&def); add arguments in the kernel's order:
 * a tensor becomes two kernel arguments, `__global uchar *x, ulong x_off` (off in bytes), which
 * cl/common.cl's LD/ST macros take together with a dtype; VMG_NONE passes a NULL pointer.
 */
typedef struct vmg_launch {
    const vmg_kernel_def *def;
    char options[384]; /* "-DT_X=f32 ..." */
    int n_args;
    vmg_arg args[VMG_MAX_ARGS];
    int64_t shape[VMG_MAX_SHAPE]; /* what geometry() and the tuner's bucket see */
    double flops, bytes;          /* for --profile and benches: work of this launch */
} vmg_launch;

#define VMG_LAUNCH(def_) ((vmg_launch){.def = (def_)})

void vmg_define(vmg_launch *l, const char *fmt, ...) VMG_PRINTF(2, 3); /* "T_X=%s": adds -D */
void vmg_define_dtype(vmg_launch *l, const char *name, vmg_dtype dtype);   /* -Dname=f32 etc. */
void vmg_arg_in(vmg_launch *l, vmg_tensor t);
void vmg_arg_out(vmg_launch *l, vmg_tensor t);
void vmg_arg_inout(vmg_launch *l, vmg_tensor t);
void vmg_arg_i32(vmg_launch *l, int32_t v);
void vmg_arg_i64(vmg_launch *l, int64_t v);
void vmg_arg_u64(vmg_launch *l, uint64_t v);
void vmg_arg_f32(vmg_launch *l, float v);
void vmg_arg_local(vmg_launch *l, size_t bytes);

/*
 * Choose tunables (host/tune.h), find or build the program, bind, enqueue, record. Does nothing after a
 * failure; in plan mode records (kernel, options, shape) only. A work size of zero is nothing to do.
 */
void vmg_launch_run(vmg_ctx *ctx, const vmg_launch *l);

/*
 * Variants: different implementations of one op ("clblast", "tiled", "packed"). Picks the tuned one for
 * the shape, else default_variant(), and calls run(). In tuning mode every valid one is run, checked
 * against the default's outputs, and timed.
 */
typedef struct vmg_variants {
    const char *name;           /* "matmul" */
    const char *const *variant; /* names, ends with NULL; stored by name */
    bool (*valid)(vmg_ctx *ctx, int variant, const void *arg);
    int (*default_variant)(vmg_ctx *ctx, const void *arg);
    void (*run)(vmg_ctx *ctx, int variant, const void *arg);
} vmg_variants;

/* `outs` are the tensors run() writes (restored between trials when tuning, so += is safe);
 * `tag` distinguishes buckets beside the shape (dtypes, transposition). */
void vmg_variants_run(vmg_ctx *ctx, const vmg_variants *set, const char *tag,
                      const int64_t shape[VMG_MAX_SHAPE], const void *arg, const vmg_tensor *outs,
                      int n_outs);

/* The variant that vmg_variants_run would take now (for layouts decided at load). -1: none is valid. */
int vmg_variants_choose(vmg_ctx *ctx, const vmg_variants *set, const char *tag,
                        const int64_t shape[VMG_MAX_SHAPE], const void *arg);

/* Tests: force tunable values of one kernel (indices follow def->tunables; NULL def = stop forcing), or one variant by
 * name (NULL = stop). A forced variant that is not valid for a call is ignored for that call. */
void vmg_force_tunables(vmg_ctx *ctx, const vmg_kernel_def *def, const int *values);
void vmg_force_variant(vmg_ctx *ctx, const vmg_variants *set, const char *variant);

#endif
