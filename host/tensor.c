/* Tensors by value: a typed, shaped window into an OpenCL buffer that somebody else owns. */
#include "host/tensor.h"

#include <stdio.h>

#include "host/base/mem.h"

vmg_tensor vmg_tensor_make(cl_mem buf, size_t off_bytes, vmg_dtype dtype, int rank, const int64_t *dim)
{
    vmg_tensor t = {.buf = buf, .off_bytes = off_bytes, .dtype = dtype, .rank = rank};
    for (int i = 0; i < rank; i++)
        t.dim[i] = dim[i];
    t.ld = rank ? dim[rank - 1] : 0;
    return t;
}

int64_t vmg_tensor_count(vmg_tensor t)
{
    return vmg_tensor_rows(t) * vmg_tensor_cols(t);
}

int64_t vmg_tensor_rows(vmg_tensor t)
{
    int64_t n = t.rank ? 1 : 0;
    for (int i = 0; i + 1 < t.rank; i++)
        n *= t.dim[i];
    return n;
}

bool vmg_tensor_dense(vmg_tensor t)
{
    return t.layout == VMG_LAYOUT_ROW && (t.ld == vmg_tensor_cols(t) || vmg_tensor_rows(t) <= 1);
}

size_t vmg_tensor_bytes(vmg_tensor t)
{
    size_t bytes = 0;
    return vmg_dtype_bytes(t.dtype, vmg_tensor_count(t), &bytes) == VMG_OK ? bytes : 0;
}

/* Bytes of n elements, n a multiple of the block length (checked by the callers). */
static size_t span(vmg_dtype dtype, int64_t n)
{
    vmg_dtype_info info = vmg_dtype_get(dtype);
    return (size_t)(n / info.block_len) * (size_t)info.block_bytes;
}

vmg_tensor vmg_tensor_view_rows(vmg_tensor t, int64_t r0, int64_t n)
{
    vmg_dtype_info info = vmg_dtype_get(t.dtype);
    if (t.rank != 2 || t.layout != VMG_LAYOUT_ROW || r0 < 0 || n < 0 || r0 + n > t.dim[0] ||
        t.ld % info.block_len)
        return VMG_NONE;
    t.off_bytes += span(t.dtype, r0 * t.ld);
    t.dim[0] = n;
    return t;
}

vmg_tensor vmg_tensor_view_cols(vmg_tensor t, int64_t c0, int64_t n)
{
    if (t.rank != 2 || t.layout != VMG_LAYOUT_ROW || c0 < 0 || n < 0 || c0 + n > t.dim[1] ||
        vmg_dtype_get(t.dtype).block_len != 1)
        return VMG_NONE;
    t.off_bytes += span(t.dtype, c0);
    t.dim[1] = n;
    return t;
}

vmg_tensor vmg_tensor_reshape(vmg_tensor t, int rank, const int64_t *dim)
{
    vmg_tensor r = vmg_tensor_make(t.buf, t.off_bytes, t.dtype, rank, dim);
    if (!vmg_tensor_dense(t) || vmg_tensor_count(r) != vmg_tensor_count(t))
        return VMG_NONE;
    return r;
}

vmg_tensor vmg_tensor_reshape2(vmg_tensor t, int64_t rows, int64_t cols)
{
    return vmg_tensor_reshape(t, 2, (int64_t[]){rows, cols});
}

const char *vmg_tensor_describe(vmg_tensor t, char *out, size_t n)
{
    if (!t.rank) {
        snprintf(out, n, "none");
        return out;
    }
    size_t used = (size_t)snprintf(out, n, "%s (", vmg_dtype_name(t.dtype));
    for (int i = 0; i < t.rank && used < n; i++)
        used += (size_t)snprintf(out + used, n - used, "%s%lld", i ? "," : "", (long long)t.dim[i]);
    if (used < n)
        snprintf(out + used, n - used, ")");
    return out;
}
