/* The official SMPL files: pickles of numpy arrays, some inside chumpy's and scipy's objects. */
#include <string.h>

#include "src/format/pyobject.h"

static const char *const allowed[] = {VMG_NUMPY_GLOBALS,
                                      "chumpy.ch.Ch",
                                      "scipy.sparse.csc.csc_matrix",
                                      "scipy.sparse._csc.csc_matrix",
                                      "copy_reg._reconstructor",
                                      "copyreg._reconstructor",
                                      "__builtin__.object",
                                      "builtins.object",
                                      NULL};

static const vmg_pickle_value *attribute(const vmg_pickle_value *dict, const char *name)
{
    for (size_t i = 0; dict && dict->kind == VMG_PICKLE_DICT && i + 1 < dict->n_items; i += 2)
        if (vmg_pickle_is(dict->items[i], VMG_PICKLE_STRING, name))
            return dict->items[i + 1];
    return NULL;
}

/* chumpy's Ch stands for its array "x"; a csc_matrix for its attributes (data, indices, indptr, _shape). */
static int call_object(void *user, vmg_source *s, const char *name, const vmg_pickle_value *call,
                       const vmg_pickle_value **plain)
{
    const vmg_pickle_value *state = call->n_items == 3 ? call->items[2] : NULL;
    const char *class = call->items[0]->text;
    if (strstr(class, "._reconstructor")) {
        const vmg_pickle_value *named = vmg_pyobject_argument(call, 0);
        class = named && named->kind == VMG_PICKLE_GLOBAL ? named->text : class;
    }
    *plain = NULL;
    if (!strcmp(class, "chumpy.ch.Ch"))
        *plain = attribute(state, "x");
    else if (strstr(class, "csc_matrix"))
        *plain = state && state->kind == VMG_PICKLE_DICT ? state : NULL;
    else
        return vmg_numpy_call(user, s, name, call, plain);
    return *plain ? VMG_OK : vmg_fail(VMG_E_FORMAT, "\"%s\" is a %s without a state", name, class);
}

int vmg_smpl_pickle_read(vmg_source *s)
{
    return vmg_pyobject_read(s, "SMPL pickle", allowed, call_object);
}
