/* Reads Python pickles (protocols 0 to 5) into a tree of inert values: nothing is ever called. */
#ifndef VMG_SRC_FORMAT_PICKLE_H
#define VMG_SRC_FORMAT_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/base/status.h"

enum vmg_pickle_kind {
    VMG_PICKLE_NONE,
    VMG_PICKLE_BOOL,      /* integer */
    VMG_PICKLE_INT,       /* integer */
    VMG_PICKLE_BIGINT,    /* an integer beyond 64 bits: text = its little-endian bytes */
    VMG_PICKLE_FLOAT,     /* real */
    VMG_PICKLE_STRING,    /* text: UTF-8 */
    VMG_PICKLE_BYTES,     /* text: any bytes */
    VMG_PICKLE_LIST,      /* items */
    VMG_PICKLE_TUPLE,     /* items */
    VMG_PICKLE_SET,       /* items */
    VMG_PICKLE_DICT,      /* items: key, value, key, value, ...; also collections.OrderedDict */
    VMG_PICKLE_GLOBAL,    /* text: "module.name", one of the allowed */
    VMG_PICKLE_CALL,      /* what GLOBAL(arguments) would have made: items = {callable, arguments[,
                             state]} */
    VMG_PICKLE_PERSISTENT /* items = {the persistent id}: PyTorch's storages */
};

/* Values may be shared, and lists and dictionaries may contain themselves: whoever walks the tree
 * bounds its depth and its steps. */
typedef struct vmg_pickle_value {
    enum vmg_pickle_kind kind;
    union {
        int64_t integer;
        double real;
        struct {
            const char *text;
            size_t text_bytes;
        };
        struct {
            struct vmg_pickle_value **items;
            size_t n_items, cap;
        };
    };
} vmg_pickle_value;

typedef struct vmg_pickle_chunk vmg_pickle_chunk;

/* Owner of a tree's memory. Texts point into the pickle's bytes where they can. */
typedef struct vmg_pickle {
    vmg_pickle_value *root;
    size_t used_bytes; /* of the pickle, which may be followed by other data */
    vmg_pickle_chunk *chunks;
} vmg_pickle;

/*
 * Read one pickle at data[0..size). `allowed` lists the globals that may occur, as "module.name",
 * ended by NULL; any other is refused by name (VMG_E_UNSUPPORTED), as are opcodes that no honest
 * writer of data needs. Other errors: VMG_E_FORMAT (the opcode and its position), VMG_E_NOMEM.
 * Time is linear in `size`. Memory is bounded: at most VMG_PICKLE_MAX_VALUES values are made, from
 * at most VMG_PICKLE_MAX_OPS opcodes. `data` must outlive the tree. On failure *out is empty.
 */
enum { VMG_PICKLE_MAX_VALUES = 2 << 20, VMG_PICKLE_MAX_OPS = 8 << 20 };
int vmg_pickle_read(const uint8_t *data, size_t size, const char *const *allowed, vmg_pickle *out);
void vmg_pickle_free(vmg_pickle *p);

/* True for a string or a global with exactly this text. */
bool vmg_pickle_is(const vmg_pickle_value *v, enum vmg_pickle_kind kind, const char *text);

#endif
