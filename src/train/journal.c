/* A run's log.jsonl. */
#include "src/train/journal.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"

enum { MAX_LOG_BYTES = 256 << 20 };

struct vmg_journal {
    FILE *f;
    char *path;
};

static const struct {
    const char *key;
    size_t offset;
} fields[] = {
    {"time_s", offsetof(vmg_journal_line, time_s)},
    {"loss", offsetof(vmg_journal_line, loss)},
    {"held_out_loss", offsetof(vmg_journal_line, held_out_loss)}, {"facts_loss", offsetof(vmg_journal_line, facts_loss)},
    {"grad_norm", offsetof(vmg_journal_line, grad_norm)},
    {"lr", offsetof(vmg_journal_line, lr)},
    {"samples_per_s", offsetof(vmg_journal_line, samples_per_s)},
};

vmg_journal_line vmg_journal_line_at(int64_t step)
{
    return (vmg_journal_line){step, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
}

static void print_line(vmg_buf *b, const vmg_journal_line *line)
{
    vmg_buf_printf(b, "{\"step\":%lld", (long long)line->step);
    for (size_t i = 0; i < VMG_COUNT(fields); i++) {
        double v = *(const double *)((const char *)line + fields[i].offset);
        if (isfinite(v))
            vmg_buf_printf(b, ",\"%s\":%.9g", fields[i].key, v);
    }
    vmg_buf_puts(b, "}\n");
}

static bool parse_line(const char *text, size_t n, vmg_journal_line *line)
{
    cJSON *o = cJSON_ParseWithLength(text, n), *step = cJSON_GetObjectItemCaseSensitive(o, "step");
    bool ok = cJSON_IsNumber(step);
    if (ok)
        *line = vmg_journal_line_at((int64_t)step->valuedouble);
    for (size_t i = 0; ok && i < VMG_COUNT(fields); i++) {
        const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, fields[i].key);
        if (cJSON_IsNumber(v))
            *(double *)((char *)line + fields[i].offset) = v->valuedouble;
    }
    cJSON_Delete(o);
    return ok;
}

int vmg_journal_read(const char *path, vmg_journal_line **lines, size_t *n)
{
    char *text = NULL;
    size_t size, cap = 0;
    *lines = NULL;
    *n = 0;
    int rc = vmg_read_file(path, MAX_LOG_BYTES, &text, &size);
    for (size_t at = 0, len; rc == VMG_OK && at < size; at += len + 1) {
        vmg_journal_line line;
        const char *end = memchr(text + at, '\n', size - at);
        len = end ? (size_t)(end - (text + at)) : size - at;
        if (!parse_line(text + at, len, &line))
            continue;
        if (*n == cap) {
            vmg_journal_line *more = vmg_realloc(*lines, cap = cap ? 2 * cap : 256, sizeof *more);
            if (!more) {
                rc = VMG_E_NOMEM;
                break;
            }
            *lines = more;
        }
        (*lines)[(*n)++] = line;
    }
    free(text);
    if (rc == VMG_OK && !*n)
        rc = vmg_fail(VMG_E_FORMAT, "%s: holds no line of a training log ({\"step\":...})", path);
    if (rc != VMG_OK) {
        free(*lines);
        *lines = NULL;
        *n = 0;
    }
    return rc;
}

/* Rewrites the log with the lines that stay. */
static int keep(const char *path, int64_t steps)
{
    vmg_journal_line *lines = NULL;
    size_t n = 0;
    vmg_buf b = {0};
    if (steps >= 0 && vmg_path_exists(path)) {
        int rc = vmg_journal_read(path, &lines, &n);
        if (rc != VMG_OK && rc != VMG_E_FORMAT)
            return rc;
    }
    for (size_t i = 0; i < n; i++)
        if (lines[i].step <= steps)
            print_line(&b, &lines[i]);
    int rc = b.failed ? VMG_E_NOMEM : vmg_write_file(path, b.data ? b.data : "", b.len);
    vmg_buf_free(&b);
    free(lines);
    return rc;
}

int vmg_journal_open(const char *path, int64_t keep_steps, vmg_journal **out)
{
    *out = NULL;
    int rc = keep(path, keep_steps);
    if (rc != VMG_OK)
        return rc;
    vmg_journal *j = vmg_calloc(1, sizeof *j);
    if (!j || !(j->path = vmg_strdup(path))) {
        vmg_journal_close(j);
        return VMG_E_NOMEM;
    }
    j->f = fopen(path, "a");
    if (!j->f) {
        rc = vmg_fail(VMG_E_IO, "%s: %s", path, strerror(errno));
        vmg_journal_close(j);
        return rc;
    }
    *out = j;
    return VMG_OK;
}

int vmg_journal_write(vmg_journal *j, const vmg_journal_line *line)
{
    vmg_buf b = {0};
    print_line(&b, line);
    bool written = !b.failed && fwrite(b.data, 1, b.len, j->f) == b.len && !fflush(j->f);
    bool failed = b.failed;
    vmg_buf_free(&b);
    return written ? VMG_OK : failed ? VMG_E_NOMEM : vmg_fail(VMG_E_IO, "%s: %s", j->path, strerror(errno));
}

void vmg_journal_close(vmg_journal *j)
{
    if (!j)
        return;
    if (j->f)
        fclose(j->f);
    free(j->path);
    free(j);
}
