/* Files: whole reads, read-only maps, atomic writes, cache directories. */
#ifndef VMG_HOST_BASE_FS_H
#define VMG_HOST_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "host/base/status.h"

/* A file mapped read-only. An empty file has size 0 and a non-NULL `data`. */
typedef struct vmg_map {
    const uint8_t *data;
    size_t size;
    char *path;
} vmg_map;

/* Map `path`. Errors: VMG_E_IO (missing, unreadable, a directory), VMG_E_NOMEM. */
int vmg_map_open(const char *path, vmg_map *out);
void vmg_map_close(vmg_map *map);

/* Hint that bytes [off, off+size) will not be read again soon: gives resident pages back. */
void vmg_map_release(const vmg_map *map, size_t off, size_t size);

/* Whole file into fresh memory, NUL-terminated. Refuses files above max_bytes (VMG_E_FORMAT). */
int vmg_read_file(const char *path, size_t max_bytes, char **out, size_t *size);

/* Write through "PATH.tmp.PID..." and rename, so that readers see the old or the new file, never a
 * part, and a failure leaves no partial file. What is no regular file (/dev/null, a pipe) is written to directly. */
int vmg_write_file(const char *path, const void *data, size_t size);

/* The same for output produced piece by piece: open, fwrite/fseek on `f`, then commit or abort.
 * Commit checks ferror and fsyncs; both free everything and set `f` to NULL. Abort accepts {0}. */
typedef struct vmg_atomic_file {
    FILE *f;
    char *path, *tmp;
} vmg_atomic_file;
int vmg_atomic_open(const char *path, vmg_atomic_file *out);
int vmg_atomic_commit(vmg_atomic_file *file);
void vmg_atomic_abort(vmg_atomic_file *file);

/* Removes what killed writers of `path` left beside it. For files that only one process writes. */
void vmg_atomic_clean(const char *path);

bool vmg_path_exists(const char *path);
bool vmg_path_is_dir(const char *path);

/* Lower-cased ending of the file name without the dot ("" if none), copied into out[n]. */
void vmg_path_ending(const char *path, char *out, size_t n);

/* "dir/name" in fresh memory; NULL on exhaustion. */
char *vmg_path_join(const char *dir, const char *name);

/* Create a directory and its parents. */
int vmg_mkdirs(const char *path);

/* $XDG_CACHE_HOME/vimogen-cl/SUB, or ~/.cache/vimogen-cl/SUB, created if missing; fresh memory.
 * Error VMG_E_IO when there is no home or it cannot be written: callers then work without a cache. */
int vmg_cache_dir(const char *sub, char **out);

/* Names in a directory, sorted by byte value, without "." and "..". Free with vmg_list_free. */
int vmg_list_dir(const char *path, char ***names, size_t *n);
void vmg_list_free(char **names, size_t n);

#endif
