/* Streaming of parameter groups: inside models/, between params.c and param_stream.c. */
#ifndef VMG_MODELS_PARAM_STREAM_H
#define VMG_MODELS_PARAM_STREAM_H

#include "models/params.h"

/* Decide which groups stay on the device under max_bytes (0 = all) and make the two slots for the others. */
int vmg_param_stream_plan(vmg_params *ps, uint64_t max_bytes);

/* The slot to load group g through, or NULL when it stays on the device. */
cl_mem vmg_param_stream_slot(vmg_params *ps, int group);

/* Copy the slot's finished bytes to host memory: the group's home from now on. */
int vmg_param_stream_keep(vmg_params *ps, int group);

void vmg_param_stream_free(vmg_params *ps);

#endif
