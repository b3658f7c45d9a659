/* Samples' captions and origins as JSON. */
#include "src/data/sample_json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"

static void caption_free(vmg_caption *c)
{
    free(c->text);
    free(c->source);
    free(c->facts);
}

void vmg_sample_free(vmg_sample *s)
{
    if (!s)
        return;
    for (int64_t i = 0; i < s->n_captions; i++)
        caption_free(&s->captions[i]);
    free(s->captions);
    free(s->id);
    free(s->x);
    free(s->group);
    free(s->source);
    *s = (vmg_sample){0};
}

int vmg_sample_add_caption(vmg_sample *s, const char *text, int64_t first, int64_t n,
                           const char *source, const char *facts)
{
    if (first < 0 || n < 1 || first > s->T - n)
        return vmg_fail(VMG_E_ARG, "a caption of frames %lld to %lld lies outside the clip's %lld",
                        (long long)first, (long long)(first + n), (long long)s->T);
    vmg_caption *more =
        vmg_realloc(s->captions, (size_t)s->n_captions + 1, sizeof *s->captions);
    if (!more)
        return VMG_E_NOMEM;
    s->captions = more;
    vmg_caption *c = &more[s->n_captions];
    *c = (vmg_caption){vmg_strdup(text), first, n, vmg_strdup(source),
                       facts ? vmg_strdup(facts) : NULL};
    if (!c->text || !c->source || (facts && !c->facts)) {
        caption_free(c);
        return VMG_E_NOMEM;
    }
    s->n_captions++;
    return VMG_OK;
}

void vmg_sample_drop_captions(vmg_sample *s, const char *source)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < s->n_captions; i++) {
        if (strcmp(s->captions[i].source, source))
            s->captions[kept++] = s->captions[i];
        else
            caption_free(&s->captions[i]);
    }
    s->n_captions = kept;
}

/* ---- writing ---- */

static cJSON *caption_object(const vmg_caption *c)
{
    cJSON *o = cJSON_CreateObject();
    bool ok = o && cJSON_AddStringToObject(o, "text", c->text) &&
              cJSON_AddStringToObject(o, "source", c->source) &&
              cJSON_AddNumberToObject(o, "first", (double)c->first) &&
              cJSON_AddNumberToObject(o, "n", (double)c->n) &&
              (!c->facts || cJSON_AddRawToObject(o, "facts", c->facts));
    if (!ok)
        cJSON_Delete(o);
    return ok ? o : NULL;
}

static int check_caption(const vmg_sample *s, int64_t i)
{
    const vmg_caption *c = &s->captions[i];
    if (c->first < 0 || c->n < 1 || c->n > s->T || c->first > s->T - c->n)
        return vmg_fail(VMG_E_ARG, "%s: caption %lld describes frames %lld to %lld of %lld", s->id,
                        (long long)i + 1, (long long)c->first, (long long)(c->first + c->n),
                        (long long)s->T);
    cJSON *facts = c->facts ? cJSON_Parse(c->facts) : NULL;
    bool bad = c->facts && !cJSON_IsObject(facts);
    cJSON_Delete(facts);
    return bad ? vmg_fail(VMG_E_ARG, "%s: facts of caption %lld are no JSON object", s->id,
                          (long long)i + 1)
               : VMG_OK;
}

int vmg_sample_json_write(const vmg_sample *s, char **out, size_t *size)
{
    *out = NULL;
    for (int64_t i = 0; i < s->n_captions; i++) {
        int rc = check_caption(s, i);
        if (rc)
            return rc;
    }
    cJSON *o = cJSON_CreateObject();
    bool ok = o && cJSON_AddStringToObject(o, "id", s->id) &&
              cJSON_AddNumberToObject(o, "fps", s->fps) &&
              cJSON_AddNumberToObject(o, "n_frames", (double)s->T) &&
              cJSON_AddStringToObject(o, "group", s->group ? s->group : s->id) &&
              cJSON_AddStringToObject(o, "source", s->source ? s->source : "") &&
              cJSON_AddBoolToObject(o, "mirrored", s->mirrored);
    cJSON *list = ok ? cJSON_AddArrayToObject(o, "captions") : NULL;
    for (int64_t i = 0; list && i < s->n_captions; i++) {
        cJSON *c = caption_object(&s->captions[i]);
        if (!c || !cJSON_AddItemToArray(list, c)) {
            cJSON_Delete(c);
            list = NULL;
        }
    }
    char *text = list ? cJSON_PrintUnformatted(o) : NULL;
    cJSON_Delete(o);
    if (!text)
        return vmg_fail(VMG_E_NOMEM, "out of memory writing what is known about %s", s->id);
    *size = strlen(text);
    *out = vmg_strndup(text, *size);
    cJSON_free(text);
    return *out ? VMG_OK : VMG_E_NOMEM;
}

/* ---- reading ---- */

/* A whole number in [low, high]. */
static bool get_whole(const cJSON *o, const char *name, int64_t low, int64_t high, int64_t *out)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
    if (!cJSON_IsNumber(v) || !(v->valuedouble >= (double)low && v->valuedouble <= (double)high) ||
        v->valuedouble != floor(v->valuedouble))
        return false;
    *out = (int64_t)v->valuedouble;
    return true;
}

static const char *get_text(const cJSON *o, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
    return cJSON_IsString(v) ? v->valuestring : NULL;
}

static int read_caption(const cJSON *o, int64_t T, vmg_caption *c)
{
    const char *text = get_text(o, "text"), *source = get_text(o, "source");
    const cJSON *facts = cJSON_GetObjectItemCaseSensitive(o, "facts");
    if (!text || !get_whole(o, "first", 0, T - 1, &c->first) ||
        !get_whole(o, "n", 1, T - c->first, &c->n))
        return vmg_fail(VMG_E_FORMAT, "a caption lacks its text, or its frames are outside the "
                                      "clip's %lld", (long long)T);
    c->text = vmg_strdup(text);
    c->source = vmg_strdup(source ? source : "label");
    if (cJSON_IsObject(facts)) {
        char *printed = cJSON_PrintUnformatted(facts);
        c->facts = printed ? vmg_strdup(printed) : NULL;
        cJSON_free(printed);
        if (!c->facts)
            return VMG_E_NOMEM;
    }
    return c->text && c->source ? VMG_OK : VMG_E_NOMEM;
}

static int read_captions(const cJSON *list, vmg_sample *s)
{
    const cJSON *o;
    s->captions = vmg_calloc((size_t)cJSON_GetArraySize(list), sizeof *s->captions);
    if (!s->captions)
        return VMG_E_NOMEM;
    cJSON_ArrayForEach(o, list)
    {
        int rc = read_caption(o, s->T, &s->captions[s->n_captions++]);
        if (rc)
            return rc;
    }
    return VMG_OK;
}

int vmg_sample_json_read(const char *text, size_t size, const char *id, int64_t T, vmg_sample *out)
{
    int64_t n_frames;
    int rc = VMG_OK;
    *out = (vmg_sample){.T = T};
    cJSON *o = cJSON_ParseWithLength(text, size);
    const cJSON *fps = cJSON_GetObjectItemCaseSensitive(o, "fps"),
                *list = cJSON_GetObjectItemCaseSensitive(o, "captions");
    const char *named = get_text(o, "id"), *group = get_text(o, "group"),
               *source = get_text(o, "source");
    if (!cJSON_IsObject(o) || !named)
        rc = vmg_fail(VMG_E_FORMAT, "not a JSON object with an id");
    else if (strcmp(named, id))
        rc = vmg_fail(VMG_E_FORMAT, "found id \"%.80s\", expected \"%s\"", named, id);
    else if (!get_whole(o, "n_frames", 1, INT32_MAX, &n_frames) || n_frames != T)
        rc = vmg_fail(VMG_E_FORMAT, "n_frames is not %lld", (long long)T);
    else if (!cJSON_IsNumber(fps) || !(fps->valuedouble > 0 && fps->valuedouble <= 1000))
        rc = vmg_fail(VMG_E_FORMAT, "fps is no frame rate");
    else if (!cJSON_IsArray(list))
        rc = vmg_fail(VMG_E_FORMAT, "there is no list of captions");
    if (rc == VMG_OK) {
        out->fps = fps->valuedouble;
        out->mirrored = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "mirrored"));
        out->id = vmg_strdup(id);
        out->group = vmg_strdup(group ? group : id);
        out->source = vmg_strdup(source ? source : "");
        rc = out->id && out->group && out->source ? read_captions(list, out) : VMG_E_NOMEM;
    }
    cJSON_Delete(o);
    if (rc)
        vmg_sample_free(out);
    return rc;
}
