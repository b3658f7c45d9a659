/* What every fuzz target does with its input. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

/* Keeps the compiler from leaving the reads out. */
static volatile uint8_t sink;

static void touch(const void *data, size_t n)
{
    const uint8_t *p = data;
    uint8_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum ^= p[i];
    sink = sum;
}

void vmg_fuzz_read(const uint8_t *data, size_t size, vmg_source_reader *read)
{
    vmg_weights *w;
    if (vmg_source_open_memory("fuzz", data, size, read, &w) != VMG_OK)
        return;
    for (size_t i = 0; i < w->n_tensors; i++) {
        touch(w->tensors[i].data, w->tensors[i].bytes);
        if (vmg_weights_find(w, w->tensors[i].name) != &w->tensors[i])
            abort();
    }
    for (size_t i = 0; i < w->n_meta; i++) {
        const char *text;
        size_t at = 0, n;
        touch(w->meta[i].data, w->meta[i].data_bytes);
        while (vmg_meta_next_string(&w->meta[i], &at, &text, &n))
            touch(text, n);
    }
    vmg_weights_close(w);
}
