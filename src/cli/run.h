/* What commands that compute share: opening the device, choosing weights' type, printing the profile. */
#ifndef VMG_SRC_CLI_RUN_H
#define VMG_SRC_CLI_RUN_H

#include "host/base/comm.h"
#include "host/ctx.h"
#include "src/lib/embed_cache.h"

/* "512M", "4G", "1.5GiB", plain bytes; VMG_E_ARG otherwise. */
int vmg_cli_parse_size(const char *text, uint64_t *bytes);

/* A context with the command line's log, device, memory limit (NULL: none) and profiling. */
int vmg_cli_open_ctx(const char *device, const char *max_memory, bool profile, vmg_ctx **out);

/* The same for one of several processes: on a machine with several GPUs each takes its own, unless `device` names one. */
int vmg_cli_open_ctx_among(const vmg_comm *comm, const char *device, const char *max_memory, bool profile, vmg_ctx **out);

/* vmg_comm_open for a command: all but rank 0 fall silent (unless VMG_VERBOSE is set), as rank 0 tells what there is to tell. */
int vmg_cli_join(vmg_comm *out);

/* vmg_comm_close once everything printed is out: a launcher may end rank 0 as soon as another process has failed. */
void vmg_cli_leave(vmg_comm *comm);

/* The user's cache of embeddings, of a size that vmg_cli_parse_size reads (NULL: the usual one); NULL, with a warning, when it
 * cannot be had: that is no reason not to work. */
vmg_embed_cache *vmg_cli_open_cache(const char *size);

/* Time, calls, GB/s and GFLOP/s of every kernel, to stderr. */
int vmg_cli_print_profile(vmg_ctx *ctx);

#endif
