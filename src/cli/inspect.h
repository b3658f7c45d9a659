/* What `vimogen inspect` can show, one function per kind of file. */
#ifndef VMG_SRC_CLI_INSPECT_H
#define VMG_SRC_CLI_INSPECT_H

#include <stdbool.h>

/* Print a description of PATH to stdout, as text or as one JSON object. Returns a status, with the
 * thread's message set on failure. */
typedef int vmg_inspect_fn(const char *path, bool json);

/* Weight and array files, or a folder of them: tensors, shapes, element types, metadata. */
vmg_inspect_fn vmg_inspect_weights;

/* A motion clip: frames, extents, path, contacts, metrics. */
vmg_inspect_fn vmg_inspect_motion;

#endif
