/* Log messages handed to a callback: the library itself never prints. */
#include "host/base/log.h"

#include <stdio.h>

void vmg_logf(const vmg_log *log, int level, const char *fmt, ...)
{
    if (!log || !log->fn || level > log->level)
        return;
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    log->fn(log->user, level, text);
}
