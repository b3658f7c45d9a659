/* What a pickled Python object means to us: tensors by name, everything plain as metadata. */
#ifndef VMG_SRC_FORMAT_PYOBJECT_H
#define VMG_SRC_FORMAT_PYOBJECT_H

#include "src/format/pickle.h"
#include "src/format/source.h"

/*
 * Resolves a recorded call GLOBAL(arguments): either adds a tensor called `name` and leaves *plain
 * NULL, or gives in *plain the value that the call stands for. Error VMG_E_UNSUPPORTED for calls it
 * does not know, VMG_E_FORMAT for wrong arguments.
 */
typedef int vmg_pyobject_call_fn(void *user, vmg_source *s, const char *name,
                                 const vmg_pickle_value *call, const vmg_pickle_value **plain);

/*
 * Flatten `root` into the source. Nested dictionaries, lists and tuples give names joined with '.'
 * (a list's index counts from 0); lists of only numbers, or only strings, become one metadata
 * entry. A root that is one tensor or value is called VMG_WEIGHT_UNNAMED. Depth, steps and memory
 * are bounded: VMG_E_FORMAT when an object is nested deeper than 64 levels or contains itself.
 */
int vmg_pyobject_flatten(vmg_source *s, const vmg_pickle_value *root, vmg_pyobject_call_fn *call,
                         void *user);

/* Argument i of a call, or NULL. */
const vmg_pickle_value *vmg_pyobject_argument(const vmg_pickle_value *call, size_t i);

/* Non-negative integers of a tuple into dim; false unless it is one, with at most
 * VMG_WEIGHT_MAX_RANK of them. */
bool vmg_pyobject_shape(const vmg_pickle_value *v, int *rank, int64_t *dim);

/* ---- numpy ---- */

/* Globals that numpy's arrays and scalars need, and the handler of their calls (user is ignored).
 */
#define VMG_NUMPY_GLOBALS                                                                          \
    "numpy.ndarray", "numpy.dtype", "numpy.core.multiarray._reconstruct",                         \
        "numpy._core.multiarray._reconstruct", "numpy.core.multiarray.scalar",                    \
        "numpy._core.multiarray.scalar", "numpy.core.numeric._frombuffer",                        \
        "numpy._core.numeric._frombuffer", "_codecs.encode", "__builtin__.bytes", \
        "collections.OrderedDict"
vmg_pyobject_call_fn vmg_numpy_call;

/* Read a whole pickle into a source: what `allowed` names may occur, `call` says what their calls stand for. `format` is what the file is
 * called in messages. Errors as vmg_pickle_read and vmg_pyobject_flatten. */
int vmg_pyobject_read(vmg_source *s, const char *format, const char *const *allowed, vmg_pyobject_call_fn *call);

/* Reader of a plain pickle (.pkl) of numpy arrays and plain values. */
vmg_source_reader vmg_pickle_file_read;

/* Reader of SMPL's .pkl: the same, with chumpy's arrays as plain ones and scipy's sparse matrices as NAME.data,
 * NAME.indices, NAME.indptr. */
vmg_source_reader vmg_smpl_pickle_read;

#endif
