/* Copies arrays that are stored in another order into dense, row-major, little-endian memory. */
#ifndef VMG_SRC_FORMAT_STRIDED_H
#define VMG_SRC_FORMAT_STRIDED_H

#include "models/weights.h"

/*
 * dst[i] = src[sum(index(i) * stride)] over all n values of an array with `rank` dims; strides
 * count elements of elem_bytes and are >= 0. The caller has checked that every index lies in src.
 * `swap` reverses each element's bytes.
 */
void vmg_strided_copy(const uint8_t *src, int rank, const int64_t *dim, const int64_t *stride,
                      size_t elem_bytes, bool swap, uint8_t *dst);

/* Strides of the dense row-major array. True when `stride` equals them where it matters (dims of
 * one value may have any). */
bool vmg_strided_is_dense(int rank, const int64_t *dim, const int64_t *stride);

#endif
