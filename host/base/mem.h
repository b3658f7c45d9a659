/* Checked sizes, checked allocation, and a growable byte buffer. */
#ifndef VMG_HOST_BASE_MEM_H
#define VMG_HOST_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/base/status.h"

/* *out = a*b or a+b; false on overflow (then *out is unspecified). */
bool vmg_mul_size(size_t a, size_t b, size_t *out);
bool vmg_add_size(size_t a, size_t b, size_t *out);

/* n elements of `size` bytes, zeroed. NULL with the thread's message set on overflow or exhaustion.
 * n*size == 0 gives a valid pointer. Freed with free(). */
void *vmg_calloc(size_t n, size_t size);

/* As realloc for n elements of `size` bytes; on failure returns NULL and leaves `p` alone. */
void *vmg_realloc(void *p, size_t n, size_t size);

/* Copy of a string or of its first n bytes (always terminated). NULL on exhaustion. */
char *vmg_strdup(const char *s);
char *vmg_strndup(const char *s, size_t n);

/* printf into fresh memory. NULL on exhaustion. */
char *vmg_asprintf(const char *fmt, ...) VMG_PRINTF(1, 2);

/* Growable bytes. Start from {0}; `data` is always NUL-terminated past `len` once non-NULL.
 * `failed` is sticky: append calls after a failure do nothing, so check it once at the end. */
typedef struct vmg_buf {
    char *data;
    size_t len, cap;
    bool failed;
} vmg_buf;

void vmg_buf_append(vmg_buf *b, const void *data, size_t n);
void vmg_buf_puts(vmg_buf *b, const char *s);
void vmg_buf_printf(vmg_buf *b, const char *fmt, ...) VMG_PRINTF(2, 3);
void vmg_buf_free(vmg_buf *b);

/* Room for one more element in a list of n: `list` itself while n < *cap, else a longer copy of it, doubled from `first`. NULL with the
 * message set when there is no memory; `list` is then as it was. */
void *vmg_grown(void *list, size_t n, size_t *cap, size_t first, size_t size);

#define VMG_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define VMG_MIN(a, b) ((a) < (b) ? (a) : (b))
#define VMG_MAX(a, b) ((a) > (b) ? (a) : (b))

/* Smallest multiple of m that is >= n (n >= 0, m > 0). */
static inline int64_t vmg_round_up(int64_t n, int64_t m)
{
    return (n + m - 1) / m * m;
}

#endif
