/* Puts clips into the viewer's template as JSON. */
#include "src/render/page.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/program.h"
#include "src/motion/feet.h"
#include "src/render/body.h"

/* The template, embedded by cl/embed.awk; ends with a NULL name. */
extern const vmg_cl_source vmg_page_sources[];

static const char marker[] = "@DATA@";

enum { MAX_POINTS = 2 * VMG_MAX_CAPSULES, STEPS = 65535 };

/* The ends of a body's cones, without doubles where limbs meet. */
typedef struct points {
    int n;
    struct {
        int cone;
        bool b; /* its end b, else a */
    } of[MAX_POINTS];
    int end[VMG_MAX_CAPSULES][2]; /* each cone's ends as points */
} points;

static void find_points(const vmg_body *body, points *p)
{
    int at_joint[VMG_N_JOINTS];
    memset(at_joint, -1, sizeof at_joint);
    p->n = 0;
    for (int i = 0; i < body->n_capsules; i++) {
        const vmg_capsule *q = &body->capsule[i];
        const bool begins_at_joint = q->a[0] == 0 && q->a[1] == 0 && q->a[2] == 0;
        for (int k = 0; k < 2; k++) {
            int *known = k ? (q->child >= 0 ? &at_joint[q->child] : NULL)
                           : (begins_at_joint ? &at_joint[q->joint] : NULL);
            int index = known ? *known : -1;
            if (index < 0) {
                index = p->n++;
                p->of[index].cone = i;
                p->of[index].b = k == 1;
            }
            if (known)
                *known = index;
            p->end[i][k] = index;
        }
    }
}

static void frame_points(const vmg_body *body, const points *p, int64_t t, double (*out)[3])
{
    vmg_cone cone[VMG_MAX_CAPSULES];
    vmg_body_cones(body, t, (double[3]){0}, 0, cone);
    for (int i = 0; i < p->n; i++)
        memcpy(out[i], p->of[i].b ? cone[p->of[i].cone].b : cone[p->of[i].cone].a, sizeof out[i]);
}

/* Standard base64 in fresh memory. */
static char *base64(const uint8_t *data, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = vmg_calloc((n + 2) / 3 * 4 + 1, 1), *out = text;
    for (size_t i = 0; text && i < n; i += 3) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (i + k < n ? data[i + k] : 0u);
        for (int k = 0; k < 4; k++)
            *out++ = i + (size_t)k > n ? '=' : digits[bits >> (18 - 6 * k) & 63];
    }
    return text;
}

/* All points of all frames as 16-bit steps from their lowest corner: 0.1 mm for a clip of 6 m. */
static int add_points(cJSON *o, const vmg_body *body, const points *p)
{
    const int64_t T = body->poses.T;
    double low[3] = {INFINITY, INFINITY, INFINITY}, extent = 1e-3, (*v)[3];
    uint8_t *bytes = vmg_calloc((size_t)T, 6 * (size_t)p->n);
    char *text = NULL;
    v = vmg_calloc((size_t)T, (size_t)p->n * sizeof *v);
    if (v && bytes) {
        for (int64_t t = 0; t < T; t++)
            frame_points(body, p, t, v + t * p->n);
        for (int64_t i = 0; i < T * p->n * 3; i++)
            low[i % 3] = fmin(low[i % 3], v[i / 3][i % 3]);
        for (int64_t i = 0; i < T * p->n * 3; i++)
            extent = fmax(extent, v[i / 3][i % 3] - low[i % 3]);
        for (int64_t i = 0; i < T * p->n * 3; i++) {
            const long step = lrint((v[i / 3][i % 3] - low[i % 3]) / extent * STEPS);
            bytes[2 * i] = (uint8_t)(step & 255);
            bytes[2 * i + 1] = (uint8_t)(step >> 8);
        }
        text = base64(bytes, 6 * (size_t)T * (size_t)p->n);
    }
    cJSON_AddItemToObject(o, "low", cJSON_CreateDoubleArray(low, 3));
    cJSON_AddNumberToObject(o, "unit", extent / STEPS);
    const bool ok = text && cJSON_AddStringToObject(o, "points", text);
    free(v);
    free(bytes);
    free(text);
    return ok ? VMG_OK : VMG_E_NOMEM;
}

/* A digit per frame: 1 for the left foot on the ground, 2 for the right one. */
static int add_contacts(cJSON *o, const vmg_body *body)
{
    const int64_t T = body->poses.T;
    bool *contact = vmg_calloc((size_t)T, 2 * sizeof *contact);
    char *text = vmg_calloc((size_t)T + 1, 1);
    int rc = contact && text ? vmg_feet_contacts(&body->poses, body->fps, contact) : VMG_E_NOMEM;
    for (int64_t t = 0; !rc && t < T; t++)
        text[t] = (char)('0' + contact[2 * t] + 2 * contact[2 * t + 1]);
    if (!rc && !cJSON_AddStringToObject(o, "contact", text))
        rc = VMG_E_NOMEM;
    free(contact);
    free(text);
    return rc;
}

static int add_clip(cJSON *list, const vmg_render_clip *clip, const vmg_render_options *options)
{
    vmg_body body;
    points p;
    double facing[2];
    int rc = vmg_body_make(clip->clip, &body);
    if (rc)
        return rc;
    find_points(&body, &p);
    vmg_body_facing(&body, 0, facing);
    cJSON *o = cJSON_CreateObject(), *cones = cJSON_CreateArray();
    cJSON_AddItemToArray(list, o);
    cJSON_AddStringToObject(o, "name", clip->caption ? clip->caption : "");
    cJSON_AddNumberToObject(o, "fps", body.fps);
    cJSON_AddNumberToObject(o, "T", (double)body.poses.T);
    cJSON_AddNumberToObject(o, "ground", isnan(options->ground_m) ? body.ground_m : options->ground_m);
    cJSON_AddItemToObject(o, "facing", cJSON_CreateDoubleArray(facing, 2));
    int feet[2] = {0}, pelvis = 0;
    for (int i = 0; i < body.n_capsules; i++) {
        const vmg_capsule *q = &body.capsule[i];
        const double v[5] = {p.end[i][0], p.end[i][1], round(1e4 * q->radius_a_m) / 1e4,
                             round(1e4 * q->radius_b_m) / 1e4, q->side};
        cJSON_AddItemToArray(cones, cJSON_CreateDoubleArray(v, 5));
        if (q->child == VMG_L_FOOT || q->child == VMG_R_FOOT)
            feet[q->child == VMG_R_FOOT] = p.end[i][1];
        if (q->joint == VMG_PELVIS)
            pelvis = p.end[i][0];
    }
    cJSON_AddItemToObject(o, "cones", cones);
    cJSON_AddItemToObject(o, "feet", cJSON_CreateIntArray(feet, 2));
    cJSON_AddNumberToObject(o, "pelvis", pelvis);
    rc = add_points(o, &body, &p);
    if (!rc)
        rc = add_contacts(o, &body);
    vmg_body_free(&body);
    return rc;
}

/* JSON that may stand inside a script element: "</script>" in a caption must not end it. */
static void append_json(vmg_buf *page, const char *json)
{
    for (; *json; json++)
        if (*json == '<')
            vmg_buf_puts(page, "\\u003c");
        else
            vmg_buf_append(page, json, 1);
}

int vmg_page_write(const char *path, const vmg_render_clip *clips, int64_t n,
                   const vmg_render_options *options)
{
    const char *page = vmg_page_sources[0].text, *at = strstr(page, marker);
    cJSON *root = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(root, "clips");
    vmg_buf out = {0};
    int rc = VMG_OK;
    for (int64_t i = 0; !rc && i < n; i++)
        rc = add_clip(list, &clips[i], options);
    char *json = rc ? NULL : cJSON_PrintUnformatted(root);
    if (!rc && !json)
        rc = vmg_fail(VMG_E_NOMEM, "out of memory building %s", path);
    if (!rc) {
        vmg_buf_append(&out, page, (size_t)(at - page));
        append_json(&out, json);
        vmg_buf_puts(&out, at + strlen(marker));
        rc = out.failed ? VMG_E_NOMEM : vmg_write_file(path, out.data, out.len);
    }
    vmg_buf_free(&out);
    cJSON_free(json);
    cJSON_Delete(root);
    return rc;
}
