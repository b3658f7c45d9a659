/* Checked sizes, checked allocation, and a growable byte buffer. */
#include "host/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool vmg_mul_size(size_t a, size_t b, size_t *out)
{
    if (b && a > SIZE_MAX / b)
        return false;
    *out = a * b;
    return true;
}

bool vmg_add_size(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b)
        return false;
    *out = a + b;
    return true;
}

static void *out_of_memory(size_t n, size_t size)
{
    vmg_fail(VMG_E_NOMEM, "out of memory: %zu elements of %zu bytes", n, size);
    return NULL;
}

void *vmg_calloc(size_t n, size_t size)
{
    size_t bytes;
    if (!vmg_mul_size(n, size, &bytes) || bytes > PTRDIFF_MAX)
        return out_of_memory(n, size);
    void *p = bytes ? calloc(n, size) : calloc(1, 1);
    return p ? p : out_of_memory(n, size);
}

void *vmg_realloc(void *p, size_t n, size_t size)
{
    size_t bytes;
    if (!vmg_mul_size(n, size, &bytes) || bytes > PTRDIFF_MAX)
        return out_of_memory(n, size);
    void *q = realloc(p, bytes ? bytes : 1);
    return q ? q : out_of_memory(n, size);
}

void *vmg_grown(void *list, size_t n, size_t *cap, size_t first, size_t size)
{
    if (n < *cap)
        return list;
    size_t more = *cap ? 2 * *cap : first;
    void *grown = vmg_realloc(list, more, size);
    if (grown)
        *cap = more;
    return grown;
}

char *vmg_strndup(const char *s, size_t n)
{
    size_t len = 0;
    while (len < n && s[len])
        len++;
    char *copy = vmg_calloc(len + 1, 1);
    if (copy)
        memcpy(copy, s, len);
    return copy;
}

char *vmg_strdup(const char *s)
{
    return vmg_strndup(s, strlen(s));
}

char *vmg_asprintf(const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *text = len < 0 ? NULL : vmg_calloc((size_t)len + 1, 1);
    if (text)
        vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}

static bool reserve(vmg_buf *b, size_t extra)
{
    size_t need;
    if (b->failed)
        return false;
    if (!vmg_add_size(b->len, extra, &need) || !vmg_add_size(need, 1, &need)) {
        vmg_fail(VMG_E_NOMEM, "out of memory: a buffer of %zu bytes cannot grow by %zu", b->len, extra);
        b->failed = true;
        return false;
    }
    if (need <= b->cap)
        return true;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    char *p = vmg_realloc(b->data, cap, 1);
    if (!p) {
        b->failed = true;
        return false;
    }
    b->data = p;
    b->cap = cap;
    return true;
}

void vmg_buf_append(vmg_buf *b, const void *data, size_t n)
{
    if (!reserve(b, n))
        return;
    if (n)
        memcpy(b->data + b->len, data, n);
    b->len += n;
    b->data[b->len] = 0;
}

void vmg_buf_puts(vmg_buf *b, const char *s)
{
    vmg_buf_append(b, s, strlen(s));
}

void vmg_buf_printf(vmg_buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        b->failed = true;
    else if (reserve(b, (size_t)n)) {
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void vmg_buf_free(vmg_buf *b)
{
    if (!b)
        return;
    free(b->data);
    *b = (vmg_buf){0};
}
