/* What commands that compute share: opening the device, choosing weights' type, printing the profile. */
#ifndef VMG_SRC_CLI_RUN_H
#define VMG_SRC_CLI_RUN_H

#include "host/ctx.h"

/* "512M", "4G", "1.5GiB", plain bytes; VMG_E_ARG otherwise. */
int vmg_cli_parse_size(const char *text, uint64_t *bytes);

/* A context with the command line's log, device, memory limit (NULL: none) and profiling. */
int vmg_cli_open_ctx(const char *device, const char *max_memory, bool profile, vmg_ctx **out);

/* Time, calls, GB/s and GFLOP/s of every kernel, to stderr. */
int vmg_cli_print_profile(vmg_ctx *ctx);

#endif
