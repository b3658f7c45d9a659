/* Status codes and the thread's last error message: how every fallible function reports. */
#ifndef VMG_HOST_BASE_STATUS_H
#define VMG_HOST_BASE_STATUS_H

#include <stdarg.h>

/*
 * Fallible functions return `int`: VMG_OK (0) or one of the negative codes below, and leave one
 * sentence in a thread-local buffer (as libgit2 does). The sentence names what was asked, what was
 * found and where (file, tensor, kernel, device), without a final newline. Success does not clear it.
 */
enum vmg_status {
    VMG_OK = 0,
    VMG_E_ARG = -1,         /* the caller asked for something impossible */
    VMG_E_NOMEM = -2,       /* host or device memory ran out */
    VMG_E_IO = -3,          /* a file cannot be opened, read, written */
    VMG_E_FORMAT = -4,      /* a file's bytes are wrong */
    VMG_E_DEVICE = -5,      /* OpenCL refused */
    VMG_E_UNSUPPORTED = -6, /* valid, but not something this build or device does */
    VMG_E_INTERRUPTED = -7, /* the caller's progress callback asked to stop */
    VMG_E_NOTFOUND = -8     /* a named thing (tensor, key, file) does not exist */
};

#if defined(__GNUC__)
#define VMG_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define VMG_PRINTF(f, a)
#endif

/* Set the thread's message and return `code`, so that `return vmg_fail(...)` reads well. */
int vmg_fail(int code, const char *fmt, ...) VMG_PRINTF(2, 3);
int vmg_failv(int code, const char *fmt, va_list ap);

/* Put "prefix: " before the current message (for callers that know the file's name); returns `code`. */
int vmg_fail_prefix(int code, const char *fmt, ...) VMG_PRINTF(2, 3);

/* The thread's last message; "" if there was none. Valid until the next failure on this thread. */
const char *vmg_error_message(void);

/* Short name of a code: "argument", "memory", "i/o", ... */
const char *vmg_status_name(int code);

#endif
