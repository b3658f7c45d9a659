/* Copies arrays that are stored in another order into dense, row-major, little-endian memory. */
#include "src/format/strided.h"

#include <string.h>

bool vmg_strided_is_dense(int rank, const int64_t *dim, const int64_t *stride)
{
    int64_t expected = 1;
    for (int i = rank - 1; i >= 0; i--) {
        if (dim[i] != 1 && stride[i] != expected)
            return false;
        expected *= dim[i];
    }
    return true;
}

static void copy_element(const uint8_t *src, size_t n, bool swap, uint8_t *dst)
{
    if (!swap) {
        memcpy(dst, src, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        dst[i] = src[n - 1 - i];
}

void vmg_strided_copy(const uint8_t *src, int rank, const int64_t *dim, const int64_t *stride,
                      size_t elem_bytes, bool swap, uint8_t *dst)
{
    int64_t index[VMG_WEIGHT_MAX_RANK] = {0}, off = 0, n = 1;
    for (int i = 0; i < rank; i++)
        n *= dim[i];
    for (int64_t k = 0; k < n; k++, dst += elem_bytes) {
        copy_element(src + (size_t)off * elem_bytes, elem_bytes, swap, dst);
        /* Count up like an odometer, the last dimension fastest. */
        for (int i = rank - 1; i >= 0; i--) {
            off += stride[i];
            if (++index[i] < dim[i])
                break;
            off -= dim[i] * stride[i];
            index[i] = 0;
        }
    }
}
