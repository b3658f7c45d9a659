/* Little-endian numbers in memory, and a cursor that never reads past its end. */
#ifndef VMG_SRC_FORMAT_BYTES_H
#define VMG_SRC_FORMAT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint64_t vmg_le_load(const uint8_t *p, int n_bytes)
{
    uint64_t v = 0;
    for (int i = n_bytes - 1; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static inline void vmg_le_store(uint8_t *p, uint64_t v, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

/* at <= size always. */
typedef struct vmg_cursor {
    const uint8_t *data;
    size_t at, size;
} vmg_cursor;

static inline size_t vmg_cursor_left(const vmg_cursor *c)
{
    return c->size - c->at;
}

/* The next n bytes, moving past them; NULL (and no move) when fewer are left. */
static inline const uint8_t *vmg_cursor_take(vmg_cursor *c, uint64_t n)
{
    if (n > vmg_cursor_left(c))
        return NULL;
    const uint8_t *p = c->data + c->at;
    c->at += (size_t)n;
    return p;
}

/* The next little-endian number of 1 to 8 bytes; false when fewer are left. */
static inline bool vmg_cursor_le(vmg_cursor *c, int n_bytes, uint64_t *out)
{
    const uint8_t *p = vmg_cursor_take(c, (uint64_t)n_bytes);
    if (p)
        *out = vmg_le_load(p, n_bytes);
    return p != NULL;
}

#endif
