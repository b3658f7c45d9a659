/* What the files that are made from a prompt list are called. */
#include "src/cli/list_names.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"

enum { MAX_NAME = 120, MAX_SLUG = 40 };

/* A text that no file system and no shell pattern minds. */
static bool fits(const char *text)
{
    size_t n = strlen(text);
    bool ok = n > 0 && n <= MAX_NAME && text[0] != '.' && text[0] != '-';
    for (const char *c = text; ok && *c; c++)
        ok = isalnum((unsigned char)*c) || strchr("._-", *c) || (unsigned char)*c >= 0x80;
    return ok;
}

/* Entry i's name by member `key`, written to out; false if it has none. */
static bool name_by(const vmg_prompts *p, size_t i, const char *key, char out[MAX_NAME + 1])
{
    const char *text = vmg_prompts_string(p, i, key);
    double number;
    if (text)
        snprintf(out, MAX_NAME + 1, "%s", text);
    else if (vmg_prompts_number(p, i, key, &number) && number >= 0 && number <= 1e15 && number == (double)(int64_t)number)
        snprintf(out, MAX_NAME + 1, "%.0f", number);
    else
        return false;
    return fits(text ? text : out);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int all_differ(char *const *names, size_t n, bool *differ)
{
    char **sorted = vmg_calloc(n, sizeof *sorted);
    *differ = true;
    if (!sorted)
        return VMG_E_NOMEM;
    memcpy(sorted, names, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare);
    for (size_t i = 1; i < n; i++)
        *differ &= strcmp(sorted[i - 1], sorted[i]) != 0;
    free(sorted);
    return VMG_OK;
}

/* Lower-case words joined by '-', whole ones up to MAX_SLUG bytes; empty when nothing of the text is ASCII. */
static void make_slug(const char *text, char out[MAX_SLUG + 1])
{
    size_t n = 0, whole = 0;
    for (; *text; text++) {
        bool letter = isalnum((unsigned char)*text);
        if (!letter)
            whole = n;
        if (!letter && n && out[n - 1] == '-')
            continue;
        if (n == MAX_SLUG)
            break;
        if (letter || n)
            out[n++] = letter ? (char)tolower((unsigned char)*text) : '-';
    }
    n = *text && whole ? whole : n;
    while (n && out[n - 1] == '-')
        n--;
    out[n] = 0;
}

static char *name_by_position(const vmg_prompts *p, size_t i, bool slugs)
{
    char slug[MAX_SLUG + 1] = "", last[24];
    if (!slugs)
        return vmg_asprintf("%zu", i);
    make_slug(vmg_prompts_text(p, i), slug);
    int digits = snprintf(last, sizeof last, "%zu", vmg_prompts_count(p) - 1);
    return vmg_asprintf("%0*zu%s%s", digits, i, *slug ? "-" : "", slug);
}

int vmg_list_names(const vmg_prompts *p, bool slugs, char ***out)
{
    static const char *const keys[] = {"sample_id", "global_id", "id", NULL};
    size_t n = vmg_prompts_count(p);
    char **names = vmg_calloc(n, sizeof *names);
    int rc = names ? VMG_OK : VMG_E_NOMEM;
    bool ok = false;
    for (size_t k = 0; rc == VMG_OK && !ok; k++) {
        ok = true;
        for (size_t i = 0; ok && rc == VMG_OK && i < n; i++) {
            char name[MAX_NAME + 1];
            ok = !keys[k] || name_by(p, i, keys[k], name);
            free(names[i]);
            names[i] = !ok ? NULL : keys[k] ? vmg_strdup(name) : name_by_position(p, i, slugs);
            rc = ok && !names[i] ? VMG_E_NOMEM : VMG_OK;
        }
        if (rc == VMG_OK && ok && keys[k])
            rc = all_differ(names, n, &ok);
    }
    if (rc != VMG_OK && names)
        vmg_list_free(names, n);
    *out = rc == VMG_OK ? names : NULL;
    return rc;
}

char *vmg_list_beside(const char *list, const char *name)
{
    const char *slash = strrchr(list, '/');
    return vmg_asprintf("%.*s%s", slash ? (int)(slash - list) + 1 : 0, list, name);
}

char *vmg_list_resolve(const char *list, const char *path)
{
    char *beside = path[0] != '/' && !vmg_path_exists(path) ? vmg_list_beside(list, path) : NULL;
    if (beside && vmg_path_exists(beside))
        return beside;
    free(beside);
    return vmg_strdup(path);
}
