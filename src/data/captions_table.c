/* Reading tables of captions. */
#include "src/data/captions_table.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"

enum { MAX_BYTES = 1 << 30, MAX_COLUMNS = 64 };

/* What a column (or a JSON member) means, by its name. */
enum field { CLIP, START, END, SOURCE, TEXT, N_FIELDS };
static const struct {
    const char *name;
    enum field field;
} names[] = {
    {"clip", CLIP},    {"file", CLIP},   {"id", CLIP},     {"name", CLIP},
    {"start_s", START}, {"start", START}, {"end_s", END},   {"end", END},
    {"source", SOURCE}, {"caption", TEXT}, {"text", TEXT},
};

static int find_field(const char *name)
{
    for (size_t i = 0; i < VMG_COUNT(names); i++)
        if (!strcmp(name, names[i].name))
            return (int)names[i].field;
    return -1;
}

void vmg_captions_table_free(vmg_captions_table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->row[i].clip);
        free(t->row[i].source);
        free(t->row[i].text);
    }
    free(t->row);
    *t = (vmg_captions_table){0};
}

/* Seconds; empty is `missing`. */
static bool parse_seconds(const char *text, double missing, double *out)
{
    char *end;
    *out = missing;
    if (!text || !*text)
        return true;
    *out = strtod(text, &end);
    return !*end && end > text && isfinite(*out) && *out >= 0;
}

static void strip(char *text)
{
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r\n", text[n - 1]))
        text[--n] = 0;
    memmove(text, text + strspn(text, " \t\r\n"), n + 1 - strspn(text, " \t\r\n"));
}

/* False when memory ran out or the row makes no sense; then the message is set. */
static int add_row(vmg_captions_table *t, const char *const value[N_FIELDS], size_t *cap)
{
    vmg_captions_row r = {0};
    if (!value[CLIP] || !*value[CLIP] || !value[TEXT])
        return vmg_fail(VMG_E_FORMAT, "a row needs a clip and a caption");
    if (!parse_seconds(value[START], 0, &r.start_s) ||
        !parse_seconds(value[END], INFINITY, &r.end_s) || r.end_s <= r.start_s)
        return vmg_fail(VMG_E_FORMAT, "start and end are no stretch of time in seconds");
    if (t->n == *cap) {
        size_t more = *cap ? 2 * *cap : 256;
        void *p = vmg_realloc(t->row, more, sizeof *t->row);
        if (!p)
            return VMG_E_NOMEM;
        t->row = p;
        *cap = more;
    }
    r.clip = vmg_strdup(value[CLIP]);
    r.source = vmg_strdup(value[SOURCE] && *value[SOURCE] ? value[SOURCE] : "label");
    r.text = vmg_strdup(value[TEXT]);
    t->row[t->n++] = r;
    if (!r.clip || !r.source || !r.text)
        return VMG_E_NOMEM;
    strip(t->row[t->n - 1].text);
    return VMG_OK;
}

/* ---- TSV and CSV ---- */

/*
 * The next record: fields are unquoted in place; *at moves past it, *line counts its lines. Returns
 * the number of fields, -1 for an open quote or too many.
 */
static int next_record(char **at, char separator, bool quotes, char *field[MAX_COLUMNS],
                       long *line)
{
    char *p = *at;
    for (int n = 0; n < MAX_COLUMNS; n++) {
        char *out = p, *start = p;
        bool quoted = quotes && *p == '"';
        p += quoted;
        while (*p && (quoted || (*p != separator && *p != '\n'))) {
            if (quoted && *p == '"' && p[1] != '"') {
                quoted = false;
                p++;
                continue;
            }
            p += quoted && *p == '"';
            *line += *p == '\n';
            *out++ = *p++;
        }
        if (quoted)
            return -1;
        char end = *p;
        p += end != 0;
        if (out > start && out[-1] == '\r' && end != separator)
            out--;
        *out = 0;
        field[n] = start;
        if (end != separator) {
            *at = p;
            *line += 1;
            return n + 1;
        }
    }
    return -1;
}

static int read_records(char *text, char separator, bool quotes, vmg_captions_table *t)
{
    char *at = text, *field[MAX_COLUMNS];
    long line = 0;
    size_t cap = 0;
    int column[MAX_COLUMNS], n_columns = next_record(&at, separator, quotes, field, &line);
    bool have[N_FIELDS] = {false};
    for (int i = 0; i < n_columns; i++) {
        column[i] = find_field(field[i]);
        if (column[i] >= 0 && have[column[i]])
            column[i] = -1;
        if (column[i] >= 0)
            have[column[i]] = true;
    }
    if (!have[CLIP] || !have[TEXT])
        return vmg_fail(VMG_E_FORMAT, "line 1 names no columns \"clip\" and \"caption\"");
    while (*at) {
        const char *value[N_FIELDS] = {0};
        long first = line + 1;
        int n = next_record(&at, separator, quotes, field, &line);
        if (n == 1 && !*field[0])
            continue;
        if (n != n_columns)
            return vmg_fail(VMG_E_FORMAT, "line %ld has %d fields, line 1 has %d", first, n,
                            n_columns);
        for (int i = 0; i < n; i++)
            if (column[i] >= 0)
                value[column[i]] = field[i];
        int rc = add_row(t, value, &cap);
        if (rc)
            return vmg_fail_prefix(rc, "line %ld", first);
    }
    return VMG_OK;
}

/* ---- JSON ---- */

static int read_object(const cJSON *o, size_t number, vmg_captions_table *t, size_t *cap)
{
    const char *value[N_FIELDS] = {0};
    char text[N_FIELDS][32];
    const cJSON *m;
    cJSON_ArrayForEach(m, o)
    {
        int f = m->string ? find_field(m->string) : -1;
        if (f < 0 || value[f])
            continue;
        if (cJSON_IsNumber(m)) {
            snprintf(text[f], sizeof text[f], "%.17g", m->valuedouble);
            value[f] = text[f];
        } else if (cJSON_IsString(m)) {
            value[f] = m->valuestring;
        }
    }
    int rc = cJSON_IsObject(o) ? add_row(t, value, cap)
                               : vmg_fail(VMG_E_FORMAT, "is no object");
    return rc ? vmg_fail_prefix(rc, "entry %zu", number) : VMG_OK;
}

/* "clip": "caption" or ["caption", ...]. */
static int read_member(const cJSON *m, vmg_captions_table *t, size_t *cap)
{
    const cJSON *one = cJSON_IsArray(m) ? m->child : m;
    int rc = VMG_OK;
    for (; one && !rc; one = cJSON_IsArray(m) ? one->next : NULL) {
        const char *value[N_FIELDS] = {[CLIP] = m->string,
                                       [TEXT] = cJSON_IsString(one) ? one->valuestring : NULL};
        rc = add_row(t, value, cap);
    }
    return rc ? vmg_fail_prefix(rc, "\"%.80s\"", m->string) : VMG_OK;
}

static int read_json(const char *text, size_t size, vmg_captions_table *t)
{
    size_t number = 0, cap = 0;
    int rc = VMG_OK;
    const cJSON *o;
    cJSON *root = cJSON_ParseWithLength(text, size);
    if (!cJSON_IsArray(root) && !cJSON_IsObject(root))
        rc = vmg_fail(VMG_E_FORMAT, "not valid JSON, or neither a list nor an object");
    cJSON_ArrayForEach(o, root)
    {
        if (rc)
            break;
        rc = cJSON_IsArray(root) ? read_object(o, ++number, t, &cap) : read_member(o, t, &cap);
    }
    cJSON_Delete(root);
    return rc;
}

/* ---- the table ---- */

/* Rows keep their order within a clip: the sort is stable. */
static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const vmg_captions_row *)a)->clip, ((const vmg_captions_row *)b)->clip);
}

static int sort_rows(vmg_captions_table *t)
{
    vmg_captions_row *spare = vmg_calloc(t->n, sizeof *spare);
    if (!spare)
        return VMG_E_NOMEM;
    for (size_t width = 1; width < t->n; width *= 2) {
        for (size_t a = 0; a < t->n; a += 2 * width) {
            size_t m = VMG_MIN(a + width, t->n), e = VMG_MIN(a + 2 * width, t->n), i = a, j = m;
            for (size_t k = a; k < e; k++) {
                bool left = i < m && (j >= e || compare_rows(&t->row[i], &t->row[j]) <= 0);
                spare[k] = t->row[left ? i++ : j++];
            }
        }
        memcpy(t->row, spare, t->n * sizeof *spare);
    }
    free(spare);
    return VMG_OK;
}

int vmg_captions_table_read(const char *path, vmg_captions_table *out)
{
    static const char bom[] = "\xEF\xBB\xBF";
    char ending[8], *text = NULL;
    size_t size = 0;
    *out = (vmg_captions_table){0};
    vmg_path_ending(path, ending, sizeof ending);
    bool json = !strcmp(ending, "json"), csv = !strcmp(ending, "csv");
    if (!json && !csv && strcmp(ending, "tsv") && strcmp(ending, "txt"))
        return vmg_fail(VMG_E_UNSUPPORTED, "%s: captions are read from .tsv, .csv and .json", path);
    int rc = vmg_read_file(path, MAX_BYTES, &text, &size);
    if (rc)
        return rc;
    char *begin = size >= 3 && !memcmp(text, bom, 3) ? text + 3 : text;
    size -= (size_t)(begin - text);
    if (!json && memchr(begin, 0, size))
        rc = vmg_fail(VMG_E_FORMAT, "holds a byte 0");
    else
        rc = json ? read_json(begin, size, out)
                  : read_records(begin, csv ? ',' : '\t', csv, out);
    if (!rc)
        rc = sort_rows(out);
    free(text);
    if (rc) {
        vmg_captions_table_free(out);
        return vmg_fail_prefix(rc, "%s", path);
    }
    return VMG_OK;
}

size_t vmg_captions_table_find(const vmg_captions_table *t, const char *clip, size_t *first)
{
    size_t low = 0, high = t->n, n = 0;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(t->row[mid].clip, clip) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *first = low;
    while (low + n < t->n && !strcmp(t->row[low + n].clip, clip))
        n++;
    return n;
}
