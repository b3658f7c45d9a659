/* A dictionary from strings to pointers. */
#ifndef VMG_HOST_BASE_DICT_H
#define VMG_HOST_BASE_DICT_H

#include <stdbool.h>
#include <stddef.h>

/* Start from {0}. Keys are copied; values belong to the caller. */
typedef struct vmg_dict {
    struct vmg_dict_entry {
        char *key;
        void *value;
    } *entries; /* open addressing, power-of-two capacity; key NULL = empty */
    size_t n, cap;
} vmg_dict;

/* The value, or NULL. */
void *vmg_dict_get(const vmg_dict *d, const char *key);

/* Insert or replace. False on exhaustion (message set), nothing changed then. */
bool vmg_dict_set(vmg_dict *d, const char *key, void *value);

/* Free the table, calling free_value (may be NULL) on each value. */
void vmg_dict_free(vmg_dict *d, void (*free_value)(void *));

#endif
