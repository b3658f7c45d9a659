/* Between the entry of the matrix products and their implementations ("paths"): one product, one
 * table. */
#ifndef VMG_HOST_OP_MATMUL_PATH_H
#define VMG_HOST_OP_MATMUL_PATH_H

#include "host/kernel.h"
#include "host/op/matmul.h"

/* out (M,N) = epilogue(alpha · op(a) (M,K) · op(b) (K,N)), checked: shapes fit, nothing is empty. a
 * and out are rows of f32, f16 or bf16; b is f32 rows or, with trans_b, a weight (N,K) of any dtype and layout. */
typedef struct vmg_product {
    vmg_tensor a, b, out;
    bool trans_a, trans_b;
    float alpha;
    vmg_epilogue epilogue;
    int64_t M, N, K;
} vmg_product;

/* What happens to both operands before they are multiplied. */
enum vmg_rounding {
    VMG_ROUNDS_NOT,
    VMG_ROUNDS_TO_BF16,
    VMG_ROUNDS_TO_F16 /* as parts of the largest of their row; sums of up to 32 products too */
};

/* An implementation. The kernels behind it are chosen by vmg_launch_run. */
typedef struct vmg_matmul_path {
    const char *name;
    enum vmg_rounding rounds;
    const vmg_kernel_def *kernel; /* whose tunables matter */
    bool (*valid)(vmg_ctx *ctx, const vmg_product *p);
    void (*run)(vmg_ctx *ctx, const vmg_product *p);
} vmg_matmul_path;

extern const vmg_matmul_path vmg_matmul_packed, vmg_matmul_amx, vmg_matmul_avx512, vmg_matmul_tiled,
    vmg_matmul_subgroup, vmg_matmul_half, vmg_matmul_half_subgroup, vmg_matmul_skinny, vmg_matmul_clblast;
extern const vmg_matmul_path *const vmg_matmul_paths[]; /* ends with NULL */

/* The set for vmg_variants_run, one variant per path. */
extern const vmg_variants vmg_matmul_variants;

/* Adds what EPILOGUE_PARAMS of cl/common.cl declares, and fills the launch's shape, flops and
 * bytes. */
void vmg_matmul_add_epilogue(vmg_launch *l, const vmg_product *p);

/* Temporary device memory that lives until the context's next product of the same use: n floats (or
 * the same bytes of another type). buf is NULL after a failure and in plan mode. */
typedef enum vmg_matmul_use {
    VMG_MATMUL_A,
    VMG_MATMUL_B,
    VMG_MATMUL_OUT,
    VMG_MATMUL_N_USES
} vmg_matmul_use;
vmg_tensor vmg_matmul_scratch(vmg_ctx *ctx, vmg_matmul_use use, vmg_dtype dtype, size_t bytes);

/* Columns of a weight that lie side by side in the PANEL and TILE layouts, and values of K in a
 * tile. */
enum { VMG_PANEL = 32, VMG_TILE_K = 32 };

/* Panels of `width` rows of the (I,K) matrix whose element (i,k) is at i·stride_i + k·stride_k; dst
 * has t's dtype or is f32. */
void vmg_matmul_pack_panels(vmg_ctx *ctx, vmg_tensor t, int64_t I, int64_t K, int64_t stride_i,
                            int64_t stride_k, int width, vmg_tensor dst);

/* A row-major block-quantised weight (N,K) in panels. */
void vmg_matmul_pack_blocks(vmg_ctx *ctx, vmg_tensor t, vmg_tensor dst);

/* The same matrix rounded for a matrix unit: the right operand of a product (a weight) in the TILE
 * layout. */
void vmg_matmul_pack_tiles(vmg_ctx *ctx, vmg_tensor t, int64_t I, int64_t K, int64_t stride_i,
                           int64_t stride_k, vmg_tensor dst);

/* Floats of one vector register, of those that the packing and packed kernels are written for: 4, 8 or 16. */
int vmg_matmul_vector_width(const vmg_device *dev);

/*
 * Rows of a register tile of a product of M rows: as many as registers hold (two vectors of sums
 * for each; 32 registers with vectors of 16 floats, else 16), evened out over the panels so that
 * the last one is not mostly padding; fewer where that spares a tenth of the rows (32 rows: eight times 4, not six times 6).
 */
int vmg_matmul_tile_rows(int64_t M, int vector_width);

/* Enough work-groups for the device's compute units (several each, so that the last ones do not
 * leave most of it idle), or as many as n_panels × m_panels pieces can make: 1 must be among the
 * candidates of mb and nb. */
bool vmg_matmul_enough_groups(const vmg_device *dev, int64_t m_panels, int mb, int64_t n_panels,
                              int nb);

/* Whether this context can use the matrix unit; the first question runs its probe. */
bool vmg_matmul_has_unit(vmg_ctx *ctx, enum vmg_matrix_unit which);

/* Whether it is there and faster than products in f32: not every processor with AVX512-BF16 multiplies pairs faster than floats. */
bool vmg_matmul_unit_pays(vmg_ctx *ctx, enum vmg_matrix_unit which);

/* b in panels: itself if it is packed already, else a packed copy in scratch. */
vmg_tensor vmg_matmul_panels(vmg_ctx *ctx, const vmg_product *p);

#endif
