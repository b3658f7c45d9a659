/* NumPy's .npy arrays (versions 1 to 3) and .npz collections of them. */
#ifndef VMG_SRC_FORMAT_NPY_H
#define VMG_SRC_FORMAT_NPY_H

#include "src/format/source.h"

/* True when the bytes begin like a .npy file. */
bool vmg_npy_recognise(const uint8_t *data, size_t size);

/* Readers: one array called VMG_WEIGHT_UNNAMED; every array of a .npz by its name
 * (compressed ones unpack to at most VMG_SOURCE_MAX_COPY_BYTES in sum).
 * Big-endian and Fortran-ordered arrays are rearranged. Object, structured, complex and text arrays
 * are refused; inside a .npz they become metadata without a value. */
vmg_source_reader vmg_npy_read;
vmg_source_reader vmg_npz_read;

/* numpy's "<f4", "|u1", "?"... to a type, and whether its bytes are swapped.
 * Error VMG_E_UNSUPPORTED. */
int vmg_npy_parse_descr(const char *descr, size_t n, vmg_dtype *dtype, bool *big_endian);

/* What a numpy array says about itself. */
typedef struct vmg_npy_array {
    vmg_dtype dtype;
    bool big_endian, fortran;
    int rank;
    int64_t dim[VMG_WEIGHT_MAX_RANK];
} vmg_npy_array;

/* Add an array whose values start at `data`, rearranged where needed. */
int vmg_npy_add(vmg_source *s, const char *name, size_t name_bytes, const vmg_npy_array *a,
                const uint8_t *data, size_t bytes_left);

/* The header of a version 1 file (magic, length, dictionary, padding to 64 bytes) in fresh memory.
 * Types: plain ones but bf16, which numpy does not have (VMG_E_UNSUPPORTED). */
int vmg_npy_header(vmg_dtype dtype, int rank, const int64_t *dim, char **out, size_t *size);

/* The same for a type in numpy's own words ("<U7"). */
int vmg_npy_header_of(const char *descr, int rank, const int64_t *dim, char **out, size_t *size);

#endif
