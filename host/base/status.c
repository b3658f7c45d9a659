/* Status codes and the thread's last error message: how every fallible function reports. */
#include "host/base/status.h"

#include <stdio.h>
#include <string.h>

/* Long enough for an OpenCL build log's first errors; longer messages are cut. */
#define MESSAGE_BYTES 8192

static _Thread_local char message[MESSAGE_BYTES];

int vmg_failv(int code, const char *fmt, va_list ap)
{
    /* Formatted aside first: the arguments may point into the current message. */
    char text[MESSAGE_BYTES];
    vsnprintf(text, sizeof text, fmt, ap);
    /* Names out of damaged files must not drive the terminal. */
    for (char *c = text; *c; c++)
        if (((unsigned char)*c < 0x20 && *c != '\n' && *c != '\t') || *c == 0x7f)
            *c = '?';
    memcpy(message, text, sizeof message);
    return code;
}

int vmg_fail(int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vmg_failv(code, fmt, ap);
    va_end(ap);
    return code;
}

int vmg_fail_prefix(int code, const char *fmt, ...)
{
    char prefix[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(prefix, sizeof prefix, fmt, ap);
    va_end(ap);
    return vmg_fail(code, "%s: %s", prefix, message);
}

const char *vmg_error_message(void)
{
    return message;
}

const char *vmg_status_name(int code)
{
    switch (code) {
    case VMG_OK: return "ok";
    case VMG_E_ARG: return "argument";
    case VMG_E_NOMEM: return "memory";
    case VMG_E_IO: return "i/o";
    case VMG_E_FORMAT: return "format";
    case VMG_E_DEVICE: return "device";
    case VMG_E_UNSUPPORTED: return "unsupported";
    case VMG_E_INTERRUPTED: return "interrupted";
    case VMG_E_NOTFOUND: return "not found";
    default: return "unknown";
    }
}
