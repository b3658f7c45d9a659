/* Prompt lists: text files of one prompt a line, and the published tools' JSON lists. */
#include "src/data/prompts.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"

struct vmg_prompts {
    char *file, *key, *path_key;
    cJSON *list;     /* an array of objects */
    cJSON **entries; /* its members, n of them */
    size_t n;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ---- JSON ---- */

static long line_of(const char *text, const char *at)
{
    long line = 1;
    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

/* cJSON recurses once a level: bounds that before it starts. */
static int check_depth(const char *file, const char *text, size_t n)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            if (++depth > VMG_PROMPTS_MAX_DEPTH)
                return vmg_fail(VMG_E_FORMAT, "%s: line %ld is nested more than %d levels deep",
                                file, line_of(text, text + i), VMG_PROMPTS_MAX_DEPTH);
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return VMG_OK;
}

static int parse_json(const char *file, const char *text, size_t n, cJSON **out)
{
    const char *end = NULL;
    int rc = check_depth(file, text, n);
    if (rc != VMG_OK)
        return rc;
    *out = cJSON_ParseWithLengthOpts(text, n, &end, false);
    if (!*out)
        return vmg_fail(VMG_E_FORMAT, "%s: line %ld is not valid JSON", file,
                        line_of(text, end ? end : text));
    while (end < text + n && is_space(*end))
        end++;
    if (end < text + n)
        return vmg_fail(VMG_E_FORMAT, "%s: line %ld has something after the end of the list", file,
                        line_of(text, end));
    return VMG_OK;
}

/* The array in an object that has one only, detached; NULL otherwise. */
static cJSON *take_only_list(cJSON *object)
{
    cJSON *found = NULL, *member;
    cJSON_ArrayForEach(member, object)
    {
        if (cJSON_IsArray(member) && found)
            return NULL;
        found = cJSON_IsArray(member) ? member : found;
    }
    return found ? cJSON_DetachItemViaPointer(object, found) : NULL;
}

/* {"KEY": text}, NULL on exhaustion. */
static cJSON *make_entry(const char *key, const char *text)
{
    cJSON *entry = cJSON_CreateObject();
    if (entry && !cJSON_AddStringToObject(entry, key, text)) {
        cJSON_Delete(entry);
        return NULL;
    }
    return entry;
}

static int fail_key(const vmg_prompts *p, size_t i, const cJSON *entry)
{
    vmg_buf keys = {0};
    const cJSON *member;
    cJSON_ArrayForEach(member, entry)
    {
        if (cJSON_IsString(member) && keys.len < 200)
            vmg_buf_printf(&keys, "%s%s", keys.len ? ", " : "", member->string);
    }
    int rc = vmg_fail(VMG_E_NOTFOUND, "%s: entry %zu has no text \"%s\"; keys that hold text: %s",
                      p->file, i + 1, p->key, keys.data ? keys.data : "none");
    vmg_buf_free(&keys);
    return rc;
}

/* Lists the entries; strings become objects. */
static int index_entries(vmg_prompts *p)
{
    cJSON *entry = p->list->child;
    p->entries = vmg_calloc((size_t)cJSON_GetArraySize(p->list), sizeof *p->entries);
    if (!p->entries)
        return VMG_E_NOMEM;
    while (entry) {
        cJSON *next = entry->next;
        if (cJSON_IsString(entry)) {
            cJSON *object = make_entry(p->key, entry->valuestring);
            if (!object || !cJSON_ReplaceItemViaPointer(p->list, entry, object)) {
                cJSON_Delete(object);
                return vmg_fail(VMG_E_NOMEM, "out of memory reading %s", p->file);
            }
            entry = object;
        } else if (!cJSON_IsObject(entry)) {
            return vmg_fail(VMG_E_FORMAT, "%s: entry %zu is neither a text nor an object", p->file,
                            p->n + 1);
        }
        if (!cJSON_IsString(cJSON_GetObjectItemCaseSensitive(entry, p->key)))
            return fail_key(p, p->n, entry);
        p->entries[p->n++] = entry;
        entry = next;
    }
    return p->n ? VMG_OK : vmg_fail(VMG_E_FORMAT, "%s has no prompts", p->file);
}

static int read_json(vmg_prompts *p, const char *text, size_t n)
{
    cJSON *root = NULL;
    int rc = parse_json(p->file, text, n, &root);
    if (rc == VMG_OK && cJSON_IsObject(root)) {
        p->list = take_only_list(root);
        if (!p->list)
            rc = vmg_fail(VMG_E_FORMAT, "%s is an object, a list of prompts is needed", p->file);
    } else if (rc == VMG_OK) {
        p->list = root;
        root = NULL;
    }
    cJSON_Delete(root);
    return rc == VMG_OK ? index_entries(p) : rc;
}

/* ---- text ---- */

static int read_lines(vmg_prompts *p, char *text, size_t n)
{
    if (memchr(text, 0, n))
        return vmg_fail(VMG_E_FORMAT, "%s is neither JSON nor text: it has a byte 0", p->file);
    p->list = cJSON_CreateArray();
    if (!p->list)
        return vmg_fail(VMG_E_NOMEM, "out of memory reading %s", p->file);
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        char *end = next ? next : line + strlen(line);
        next = next ? next + 1 : NULL;
        while (end > line && is_space(end[-1]))
            end--;
        while (line < end && is_space(*line))
            line++;
        if (line == end)
            continue;
        *end = 0;
        cJSON *entry = make_entry(p->key, line);
        if (!entry || !cJSON_AddItemToArray(p->list, entry)) {
            cJSON_Delete(entry);
            return vmg_fail(VMG_E_NOMEM, "out of memory reading %s", p->file);
        }
    }
    return index_entries(p);
}

/* ---- lists ---- */

/* By the file's ending, and where that tells nothing by its first character. */
static bool is_json(const char *path, const char *text)
{
    char ending[8];
    vmg_path_ending(path, ending, sizeof ending);
    if (!strcmp(ending, "json") || !strcmp(ending, "txt"))
        return ending[0] == 'j';
    while (is_space(*text))
        text++;
    return *text == '[' || *text == '{';
}

int vmg_prompts_read(const char *path, const char *key, vmg_prompts **out)
{
    static const char bom[] = "\xEF\xBB\xBF";
    char *text = NULL;
    size_t n = 0, begin = 0;
    *out = NULL;
    vmg_prompts *p = vmg_calloc(1, sizeof *p);
    if (!p)
        return VMG_E_NOMEM;
    p->file = vmg_strdup(path);
    p->key = vmg_strdup(key ? key : "prompt");
    p->path_key = vmg_asprintf("%s%s", key ? key : "prompt", VMG_PROMPTS_PATH_SUFFIX);
    int rc = p->file && p->key && p->path_key
                 ? vmg_read_file(path, VMG_PROMPTS_MAX_BYTES, &text, &n)
                 : VMG_E_NOMEM;
    if (rc == VMG_OK) {
        if (n >= 3 && !memcmp(text, bom, 3))
            begin = 3;
        rc = is_json(path, text + begin) ? read_json(p, text + begin, n - begin)
                                         : read_lines(p, text + begin, n - begin);
    }
    free(text);
    if (rc == VMG_OK)
        *out = p;
    else
        vmg_prompts_free(p);
    return rc;
}

void vmg_prompts_free(vmg_prompts *p)
{
    if (!p)
        return;
    cJSON_Delete(p->list);
    free(p->entries);
    free(p->file);
    free(p->key);
    free(p->path_key);
    free(p);
}

size_t vmg_prompts_count(const vmg_prompts *p)
{
    return p->n;
}

const char *vmg_prompts_text(const vmg_prompts *p, size_t i)
{
    return vmg_prompts_string(p, i, p->key);
}

const char *vmg_prompts_path(const vmg_prompts *p, size_t i)
{
    return vmg_prompts_string(p, i, p->path_key);
}

int vmg_prompts_set_path(vmg_prompts *p, size_t i, const char *path)
{
    cJSON *value = cJSON_CreateString(path), *entry = p->entries[i];
    bool done = value && (cJSON_GetObjectItemCaseSensitive(entry, p->path_key)
                              ? cJSON_ReplaceItemInObjectCaseSensitive(entry, p->path_key, value)
                              : cJSON_AddItemToObject(entry, p->path_key, value));
    if (done)
        return VMG_OK;
    cJSON_Delete(value);
    return vmg_fail(VMG_E_NOMEM, "out of memory: entry %zu of %s", i + 1, p->file);
}

const char *vmg_prompts_string(const vmg_prompts *p, size_t i, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(p->entries[i], name);
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

bool vmg_prompts_number(const vmg_prompts *p, size_t i, const char *name, double *value)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(p->entries[i], name);
    if (!cJSON_IsNumber(found) && !cJSON_IsBool(found))
        return false;
    *value = cJSON_IsNumber(found) ? found->valuedouble : cJSON_IsTrue(found);
    return true;
}

int vmg_prompts_write(const vmg_prompts *p, const char *path)
{
    char *text = cJSON_Print(p->list);
    if (!text)
        return vmg_fail(VMG_E_NOMEM, "out of memory writing %s", path);
    vmg_buf out = {0};
    vmg_buf_puts(&out, text);
    vmg_buf_puts(&out, "\n");
    int rc = out.failed ? VMG_E_NOMEM : vmg_write_file(path, out.data, out.len);
    vmg_buf_free(&out);
    cJSON_free(text);
    return rc;
}
