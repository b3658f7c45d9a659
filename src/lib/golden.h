/* Reading golden vectors: tensors of a set's files as host arrays. */
#ifndef VMG_SRC_LIB_GOLDEN_H
#define VMG_SRC_LIB_GOLDEN_H

#include <cjson/cJSON.h>

#include "host/ctx.h"
#include "models/weights.h"

/* The file dir/value in fresh memory, value a JSON string of the manifest; NULL with the thread's message. */
char *vmg_golden_path(const char *dir, const cJSON *value);

/* A tensor as float (fresh memory); its weight entry in *t if not NULL. NULL with the thread's message. */
float *vmg_golden_f32(const vmg_weights *w, const char *name, int rank, const vmg_weight **t);

/* n whole numbers (i32 or i64); the tensor must have exactly n values. VMG_E_NOTFOUND, VMG_E_FORMAT. */
int vmg_golden_ints(const vmg_weights *w, const char *name, int64_t n, int64_t *out);

/* Rows of x (rows, cols) up to the last that is not all zero. */
int64_t vmg_golden_real_rows(const float *x, int64_t rows, int64_t cols);

/* A device tensor's values as float (fresh memory), waiting for it; NULL with the thread's message. Dense f32. */
float *vmg_golden_download(vmg_ctx *ctx, vmg_tensor t);

/* The tolerance for a network's outputs: "forward_f32" when weights and computation are f32, else "forward_bf16" when either is
 * bf16 and the manifest has it, else "forward_f16". VMG_E_FORMAT when the manifest lacks it. */
int vmg_golden_forward_tolerance(const cJSON *manifest, vmg_dtype stored, vmg_dtype computed, double *out);

#endif
