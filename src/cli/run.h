/* What commands that compute share: opening the device, choosing weights' type, printing the profile. */
#ifndef VMG_SRC_CLI_RUN_H
#define VMG_SRC_CLI_RUN_H

#include "host/ctx.h"
#include "src/lib/embed_cache.h"

/* "512M", "4G", "1.5GiB", plain bytes; VMG_E_ARG otherwise. */
int vmg_cli_parse_size(const char *text, uint64_t *bytes);

/* A context with the command line's log, device, memory limit (NULL: none) and profiling. */
int vmg_cli_open_ctx(const char *device, const char *max_memory, bool profile, vmg_ctx **out);

/* The user's cache of embeddings, of a size that vmg_cli_parse_size reads (NULL: the usual one); NULL, with a warning, when it
 * cannot be had: that is no reason not to work. */
vmg_embed_cache *vmg_cli_open_cache(const char *size);

/* Time, calls, GB/s and GFLOP/s of every kernel, to stderr. */
int vmg_cli_print_profile(vmg_ctx *ctx);

#endif
