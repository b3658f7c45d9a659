/* Writing several arrays as a NumPy .npz archive. */
#ifndef VMG_SRC_FORMAT_NPZ_WRITE_H
#define VMG_SRC_FORMAT_NPZ_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "host/dtype.h"

/* One array: values, or (data NULL) one text of ASCII characters, as numpy's str. */
typedef struct vmg_npz_array {
    const char *name;
    vmg_dtype dtype;
    int rank;
    int64_t dim[4];
    const void *data;
    const char *text;
} vmg_npz_array;

/* An uncompressed archive of n arrays, put in place when complete. Errors: VMG_E_IO, VMG_E_NOMEM,
 * VMG_E_UNSUPPORTED (a type that numpy does not have). */
int vmg_npz_write(const char *path, const vmg_npz_array *arrays, size_t n);

#endif
