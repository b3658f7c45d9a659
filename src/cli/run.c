/* What commands that compute share: opening the device, choosing weights' type, printing the profile. */
#include "src/cli/run.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/profile.h"
#include "src/cli/cli.h"

int vmg_cli_parse_size(const char *text, uint64_t *bytes)
{
    static const char units[] = "kmgt";
    char *end;
    double v = strtod(text, &end);
    const char *unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
    if (end == text || !(v > 0) || (*end && !unit))
        return vmg_fail(VMG_E_ARG, "\"%s\" is no size (512M, 4G, ...)", text);
    for (ptrdiff_t i = unit ? unit - units : -1; i >= 0; i--)
        v *= 1024;
    const char *rest = unit ? end + 1 : end;
    if ((*rest && strcmp(rest, "B") && strcmp(rest, "iB")) || v > 1e18)
        return vmg_fail(VMG_E_ARG, "\"%s\" is no size (512M, 4G, ...)", text);
    *bytes = (uint64_t)v;
    return VMG_OK;
}

int vmg_cli_open_ctx(const char *device, const char *max_memory, bool profile, vmg_ctx **out)
{
    const vmg_comm alone = vmg_comm_alone();
    return vmg_cli_open_ctx_among(&alone, device, max_memory, profile, out);
}

int vmg_cli_open_ctx_among(const vmg_comm *comm, const char *device, const char *max_memory, bool profile, vmg_ctx **out)
{
    vmg_ctx_options o = {.device = device, .log = vmg_cli_log(), .profile = profile,
                         .turn = {comm->local_rank, comm->local_size}};
    int rc = max_memory ? vmg_cli_parse_size(max_memory, &o.max_memory_bytes) : VMG_OK;
    return rc == VMG_OK ? vmg_ctx_open(&o, out) : rc;
}

int vmg_cli_join(vmg_comm *out)
{
    int rc = vmg_comm_open(out);
    if (rc == VMG_OK && out->rank && !getenv("VMG_VERBOSE") &&
        (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)))
        rc = vmg_fail(VMG_E_IO, "process %lld cannot be silenced: /dev/null does not open", (long long)out->rank);
    return rc;
}

void vmg_cli_leave(vmg_comm *comm)
{
    fflush(stdout);
    vmg_comm_close(comm);
}

vmg_embed_cache *vmg_cli_open_cache(const char *size)
{
    vmg_embed_cache *cache = NULL;
    uint64_t bytes = VMG_EMBED_CACHE_BYTES;
    int rc = size ? vmg_cli_parse_size(size, &bytes) : VMG_OK;
    if (rc == VMG_OK)
        rc = vmg_embed_cache_open(NULL, bytes, &cache);
    if (rc != VMG_OK) {
        vmg_log log = vmg_cli_log();
        vmg_logf(&log, VMG_LOG_WARN, "embeddings are not cached: %s", vmg_error_message());
    }
    return cache;
}

int vmg_cli_print_profile(vmg_ctx *ctx)
{
    vmg_profile_row *rows;
    size_t n;
    double total = 0;
    int rc = vmg_profile_rows(ctx, &rows, &n);
    if (rc != VMG_OK)
        return rc;
    for (size_t i = 0; i < n; i++)
        total += rows[i].seconds;
    fprintf(stderr, "%-40s %8s %10s %6s %9s %9s\n", "kernel", "calls", "ms", "%", "GB/s", "GFLOP/s");
    for (size_t i = 0; i < n; i++) {
        double s = rows[i].seconds > 0 ? rows[i].seconds : 1e-12;
        fprintf(stderr, "%-40s %8lld %10.2f %6.1f %9.1f %9.1f\n", rows[i].name, (long long)rows[i].n_calls,
                1e3 * rows[i].seconds, total > 0 ? 100 * rows[i].seconds / total : 0, 1e-9 * rows[i].bytes / s,
                1e-9 * rows[i].flops / s);
    }
    free(rows);
    return VMG_OK;
}
