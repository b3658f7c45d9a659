/* Log messages handed to a callback: the library itself never prints. */
#ifndef VMG_HOST_BASE_LOG_H
#define VMG_HOST_BASE_LOG_H

#include "host/base/status.h"

enum vmg_log_level { VMG_LOG_ERROR, VMG_LOG_WARN, VMG_LOG_INFO, VMG_LOG_DEBUG };

/* Receives one message without newline. May be called from any thread that uses the library. */
typedef void vmg_log_fn(void *user, int level, const char *text);

/* Where messages go. Passed by value inside contexts; {0} discards everything. */
typedef struct vmg_log {
    vmg_log_fn *fn;
    void *user;
    int level; /* messages above this level are dropped before formatting */
} vmg_log;

void vmg_logf(const vmg_log *log, int level, const char *fmt, ...) VMG_PRINTF(3, 4);

#endif
