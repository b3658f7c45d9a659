/* Files: whole reads, read-only maps, atomic writes, cache directories. */
#include "host/base/fs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/base/mem.h"

static int fail_errno(const char *verb, const char *path)
{
    return vmg_fail(errno == ENOMEM ? VMG_E_NOMEM : VMG_E_IO, "cannot %s %s: %s", verb, path,
                    strerror(errno));
}

static int open_regular(const char *path, int *fd, size_t *size)
{
    struct stat st;
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return fail_errno("open", path);
    int rc = VMG_OK;
    if (fstat(*fd, &st) != 0)
        rc = fail_errno("stat", path);
    else if (S_ISDIR(st.st_mode))
        rc = vmg_fail(VMG_E_IO, "%s is a directory, a file is needed", path);
    else if (st.st_size < 0 || (uintmax_t)st.st_size > PTRDIFF_MAX)
        rc = vmg_fail(VMG_E_IO, "%s is too large to map", path);
    if (rc == VMG_OK)
        *size = (size_t)st.st_size;
    else
        close(*fd);
    return rc;
}

int vmg_map_open(const char *path, vmg_map *out)
{
    int fd;
    *out = (vmg_map){0};
    int rc = open_regular(path, &fd, &out->size);
    if (rc != VMG_OK)
        return rc;
    out->path = vmg_strdup(path);
    if (!out->path) {
        close(fd);
        return VMG_E_NOMEM;
    }
    if (out->size == 0) {
        out->data = (const uint8_t *)"";
    } else {
        void *p = mmap(NULL, out->size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED) {
            rc = fail_errno("map", path);
            free(out->path);
            *out = (vmg_map){0};
        } else {
            out->data = p;
        }
    }
    close(fd);
    return rc;
}

void vmg_map_close(vmg_map *map)
{
    if (!map)
        return;
    if (map->data && map->size)
        munmap((void *)(uintptr_t)map->data, map->size);
    free(map->path);
    *map = (vmg_map){0};
}

void vmg_map_release(const vmg_map *map, size_t off, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (off >= map->size)
        return;
    size_t end = size > map->size - off ? map->size : off + size;
    size_t begin = (off + page - 1) / page * page;
    end = end == map->size ? end : end / page * page;
    if (begin < end)
        madvise((void *)(uintptr_t)(map->data + begin), end - begin, MADV_DONTNEED);
}

int vmg_read_file(const char *path, size_t max_bytes, char **out, size_t *size)
{
    vmg_map map;
    *out = NULL;
    int rc = vmg_map_open(path, &map);
    if (rc != VMG_OK)
        return rc;
    if (map.size > max_bytes) {
        rc = vmg_fail(VMG_E_FORMAT, "%s has %zu bytes, more than the %zu that make sense here", path,
                      map.size, max_bytes);
    } else {
        *out = vmg_calloc(map.size + 1, 1);
        rc = *out ? VMG_OK : VMG_E_NOMEM;
        if (*out)
            memcpy(*out, map.data, map.size);
        if (size)
            *size = map.size;
    }
    vmg_map_close(&map);
    return rc;
}

/* What is no file (/dev/null, a pipe) is written to, not replaced. */
static int open_special(vmg_atomic_file *out)
{
    out->f = fopen(out->path, "wb");
    if (out->f)
        return VMG_OK;
    int rc = fail_errno("write", out->path);
    vmg_atomic_abort(out);
    return rc;
}

int vmg_atomic_open(const char *path, vmg_atomic_file *out)
{
    struct stat st;
    *out = (vmg_atomic_file){0};
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        out->path = vmg_strdup(path);
        return out->path ? open_special(out) : VMG_E_NOMEM;
    }
    out->path = vmg_strdup(path);
    out->tmp = vmg_asprintf("%s.tmp.%ld.XXXXXX", path, (long)getpid());
    if (!out->path || !out->tmp) {
        vmg_atomic_abort(out);
        return VMG_E_NOMEM;
    }
    int fd = mkstemp(out->tmp);
    if (fd < 0) {
        int rc = fail_errno("write", path);
        free(out->tmp);
        out->tmp = NULL;
        vmg_atomic_abort(out);
        return rc;
    }
    mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
    out->f = fdopen(fd, "w+b");
    if (!out->f) {
        int rc = fail_errno("write", path);
        close(fd);
        vmg_atomic_abort(out);
        return rc;
    }
    return VMG_OK;
}

int vmg_atomic_commit(vmg_atomic_file *file)
{
    int rc = VMG_OK;
    if (fflush(file->f) != 0 || ferror(file->f) || (file->tmp && fsync(fileno(file->f)) != 0))
        rc = fail_errno("write", file->path);
    if (fclose(file->f) != 0 && rc == VMG_OK)
        rc = fail_errno("write", file->path);
    file->f = NULL;
    if (rc == VMG_OK && file->tmp && rename(file->tmp, file->path) != 0)
        rc = fail_errno("replace", file->path);
    if (rc == VMG_OK) {
        free(file->tmp);
        file->tmp = NULL;
    }
    vmg_atomic_abort(file);
    return rc;
}

void vmg_atomic_abort(vmg_atomic_file *file)
{
    if (!file)
        return;
    if (file->f)
        fclose(file->f);
    if (file->tmp)
        unlink(file->tmp);
    free(file->tmp);
    free(file->path);
    *file = (vmg_atomic_file){0};
}

void vmg_atomic_clean(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? vmg_strndup(path, (size_t)(slash - path) + 1) : vmg_strdup("."), **names = NULL;
    char *prefix = vmg_asprintf("%s.tmp.", slash ? slash + 1 : path);
    size_t n = 0;
    if (dir && prefix && vmg_list_dir(dir, &names, &n) == VMG_OK)
        for (size_t i = 0; i < n; i++) {
            char *left = strncmp(names[i], prefix, strlen(prefix)) ? NULL : vmg_path_join(dir, names[i]);
            if (left)
                unlink(left);
            free(left);
        }
    vmg_list_free(names, n);
    free(prefix);
    free(dir);
}

int vmg_write_file(const char *path, const void *data, size_t size)
{
    vmg_atomic_file file;
    int rc = vmg_atomic_open(path, &file);
    if (rc != VMG_OK)
        return rc;
    if (size && fwrite(data, 1, size, file.f) != size) {
        rc = fail_errno("write", path);
        vmg_atomic_abort(&file);
        return rc;
    }
    return vmg_atomic_commit(&file);
}

bool vmg_path_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool vmg_path_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

void vmg_path_ending(const char *path, char *out, size_t n)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash ? slash : path, '.');
    size_t len = 0;
    if (dot)
        for (dot++; dot[len] && len + 1 < n; len++)
            out[len] = (char)tolower((unsigned char)dot[len]);
    out[len] = 0;
}

char *vmg_path_join(const char *dir, const char *name)
{
    size_t n = strlen(dir);
    return vmg_asprintf("%s%s%s", dir, n && dir[n - 1] == '/' ? "" : "/", name);
}

int vmg_mkdirs(const char *path)
{
    char *copy = vmg_strdup(path);
    if (!copy)
        return VMG_E_NOMEM;
    int rc = VMG_OK;
    for (char *p = copy + 1; rc == VMG_OK; p++) {
        char saved = *p;
        if (saved != '/' && saved != 0)
            continue;
        *p = 0;
        if (mkdir(copy, 0777) != 0 && !(errno == EEXIST && vmg_path_is_dir(copy)))
            rc = fail_errno("create directory", copy);
        *p = saved;
        if (!saved)
            break;
    }
    free(copy);
    return rc;
}

int vmg_cache_dir(const char *sub, char **out)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    *out = NULL;
    /* The XDG specification asks for relative values to be ignored. */
    if (xdg && xdg[0] == '/')
        *out = vmg_asprintf("%s/vimogen-cl/%s", xdg, sub);
    else if (home && home[0])
        *out = vmg_asprintf("%s/.cache/vimogen-cl/%s", home, sub);
    else
        return vmg_fail(VMG_E_IO, "no cache directory: neither XDG_CACHE_HOME nor HOME is set");
    if (!*out)
        return VMG_E_NOMEM;
    int rc = vmg_mkdirs(*out);
    if (rc != VMG_OK) {
        free(*out);
        *out = NULL;
    }
    return rc;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int vmg_list_dir(const char *path, char ***names, size_t *n)
{
    size_t cap = 0;
    int rc = VMG_OK;
    *names = NULL;
    *n = 0;
    DIR *dir = opendir(path);
    if (!dir)
        return fail_errno("list", path);
    for (struct dirent *e; rc == VMG_OK && (e = readdir(dir));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (*n == cap) {
            cap = cap ? 2 * cap : 32;
            char **grown = vmg_realloc(*names, cap, sizeof **names);
            if (!grown) {
                rc = VMG_E_NOMEM;
                break;
            }
            *names = grown;
        }
        (*names)[*n] = vmg_strdup(e->d_name);
        if ((*names)[*n])
            (*n)++;
        else
            rc = VMG_E_NOMEM;
    }
    closedir(dir);
    if (rc != VMG_OK) {
        vmg_list_free(*names, *n);
        *names = NULL;
        *n = 0;
        return rc;
    }
    if (*n)
        qsort(*names, *n, sizeof **names, compare_names);
    return VMG_OK;
}

void vmg_list_free(char **names, size_t n)
{
    for (size_t i = 0; names && i < n; i++)
        free(names[i]);
    free(names);
}
