/* Cameras and scenes of films. */
#include "src/render/panel.h"

#include <math.h>
#include <stdlib.h>

#include "host/base/mem.h"

/* Tangent of half the angle of view; part of the picture that bodies fill; the path's arrows. */
static const double film_tan = 0.27, film_fill = 0.86, arrow_s = 1;
static const double film_azimuth_deg = 40, film_elevation_deg = 14;
/* A following camera's path is smooth over this time. */
static const double follow_s = 0.6;
/* The ground reaches this far beyond what is looked at. */
static const double ground_m = 7;

static double or_else(double value, double otherwise)
{
    return isnan(value) ? otherwise : value;
}

/* Where the body goes if it goes anywhere, otherwise where it faces at first. */
static void base_direction(vmg_panel *p)
{
    const double *first = vmg_poses_joint(&p->body.poses, 0, VMG_PELVIS);
    const double *last = vmg_poses_joint(&p->body.poses, p->body.poses.T - 1, VMG_PELVIS);
    const double x = last[0] - first[0], y = last[1] - first[1], n = hypot(x, y);
    vmg_body_facing(&p->body, 0, p->base);
    /* only when it faces there: who walks backwards is seen from the front */
    if (n > 1 && x * p->base[0] + y * p->base[1] > 0.5 * n) {
        p->base[0] = x / n;
        p->base[1] = y / n;
    }
}

int vmg_panel_make(const vmg_render_clip *clip, const vmg_render_options *o, vmg_panel *out)
{
    *out = (vmg_panel){0};
    int rc = vmg_body_make(clip->clip, &out->body);
    if (!rc && o->body_model)
        rc = vmg_skin_create(o->body_model, VMG_MAX(o->strip ? o->strip : VMG_STRIP_DEFAULT, 1), &out->skin);
    if (!rc && out->skin)
        out->body.ground_m = vmg_skin_ground(out->skin, &out->body);
    if (!rc && !isnan(o->ground_m))
        out->body.ground_m = o->ground_m;
    if (!rc && !o->hide_path)
        rc = vmg_body_path(&out->body, arrow_s, &out->path, &out->n_path);
    if (rc)
        vmg_panel_free(out);
    else
        base_direction(out);
    return rc;
}

void vmg_panel_free(vmg_panel *panel)
{
    if (!panel)
        return;
    vmg_body_free(&panel->body);
    vmg_caption_free(&panel->caption);
    free(panel->path);
    free(panel->target);
    vmg_skin_free(panel->skin);
    *panel = (vmg_panel){0};
}

/* The pelvis' way in the plane, smoothed over follow_s by a triangle; height stays. */
static void follow_path(vmg_panel *p)
{
    const int64_t T = p->body.poses.T, reach = llround(follow_s * p->body.fps);
    for (int64_t t = 0; t < T; t++) {
        double sum[2] = {0}, weights = 0;
        for (int64_t k = -reach; k <= reach; k++) {
            const int64_t at = VMG_MIN(VMG_MAX(t + k, 0), T - 1);
            const double *q = vmg_poses_joint(&p->body.poses, at, VMG_PELVIS);
            const double w = 1 - fabs((double)k) / (double)(reach + 1);
            sum[0] += w * q[0];
            sum[1] += w * q[1];
            weights += w;
        }
        p->target[t][0] = sum[0] / weights;
        p->target[t][1] = sum[1] / weights;
    }
}

/* Of the picture's height. */
static double caption_part(const vmg_panel *p)
{
    return (double)p->caption.height / (double)p->height;
}

/* Both ends of every cone of every frame, relative to the target, with the ground below. */
static int fit_body(vmg_panel *p, double fill)
{
    const int64_t T = p->body.poses.T;
    const int n = p->body.n_capsules;
    vmg_cone cone[VMG_MAX_CAPSULES];
    vmg_sphere *s = vmg_calloc((size_t)T, 2 * (size_t)n * sizeof *s);
    if (!s)
        return VMG_E_NOMEM;
    for (int64_t t = 0; t < T; t++) {
        const double shift[3] = {-p->target[t][0], -p->target[t][1], -p->target[t][2]};
        vmg_body_cones(&p->body, t, shift, 0, cone);
        for (int i = 0; i < n; i++) {
            vmg_sphere *q = s + 2 * (t * n + i);
            q[0] = (vmg_sphere){{cone[i].a[0], cone[i].a[1], cone[i].a[2]}, cone[i].ra};
            q[1] = (vmg_sphere){{cone[i].b[0], cone[i].b[1], cone[i].b[2]}, cone[i].rb};
        }
    }
    vmg_view_fit(&p->view, s, 2 * n * T, fill, caption_part(p));
    p->fade_m = 0;
    for (int64_t i = 0; i < 2 * n * T; i++)
        p->fade_m = fmax(p->fade_m, hypot(s[i].centre[0], s[i].centre[1]));
    p->fade_m += ground_m;
    free(s);
    return VMG_OK;
}

/* Room for the caption at the bottom of the picture. */
static int add_caption(vmg_panel *p, const char *caption)
{
    if (!caption || !*caption)
        return VMG_OK;
    return vmg_caption_make(caption, p->width, fmax(8, 0.028 * (double)p->height), &p->caption);
}

int vmg_panel_film(vmg_panel *panel, const char *caption, const vmg_render_options *o)
{
    const int64_t T = panel->body.poses.T;
    int rc = add_caption(panel, caption);
    if (!rc && !(panel->target = vmg_calloc((size_t)T, sizeof *panel->target)))
        rc = VMG_E_NOMEM;
    if (rc)
        return rc;
    vmg_view_orient(panel->base, or_else(o->azimuth_deg, film_azimuth_deg) * M_PI / 180,
                    or_else(o->elevation_deg, film_elevation_deg) * M_PI / 180,
                    (double)panel->width, (double)panel->height, film_tan, &panel->view);
    if (o->camera == VMG_CAMERA_FOLLOW)
        follow_path(panel);
    return fit_body(panel, film_fill * (o->zoom > 0 ? o->zoom : 1));
}

static vmg_scene scene_of(const vmg_panel *p, const double target[3], const vmg_cone *cones,
                          int64_t n, int64_t n_poses)
{
    return (vmg_scene){.cones = cones,
                       .n_cones = n,
                       .hide_cones = p->skin != NULL,
                       .surfaces = p->skin ? vmg_skin_surfaces(p->skin) : NULL,
                       .n_surfaces = p->skin ? n_poses : 0,
                       .marks = p->path,
                       .n_marks = p->n_path,
                       .ground_m = p->body.ground_m,
                       .fade_centre = {target[0], target[1]},
                       .fade_from_m = 0.4 * p->fade_m,
                       .fade_to_m = 1.6 * p->fade_m};
}

int vmg_panel_draw_frame(const vmg_panel *panel, vmg_canvas *canvas, int64_t t)
{
    vmg_cone cone[VMG_MAX_CAPSULES];
    vmg_view view = panel->view;
    t = VMG_MIN(t, panel->body.poses.T - 1);
    for (int c = 0; c < 3; c++)
        view.eye[c] += panel->target[t][c];
    vmg_body_cones(&panel->body, t, (double[3]){0}, 0, cone);
    if (panel->skin)
        vmg_skin_pose(panel->skin, 0, &panel->body, t, (double[3]){0}, 0);
    const vmg_scene scene = scene_of(panel, panel->target[t], cone, panel->body.n_capsules, 1);
    return vmg_canvas_draw(canvas, &scene, &view, panel->x, panel->y, panel->width, panel->height);
}

/* ---- strips ---- */

static const double strip_tan = 0.16, strip_fill = 0.93, strip_azimuth_deg = 62;
static const double strip_elevation_deg = 12, strip_max_aspect = 5;
/* Poses closer than this part of their widths are moved apart; the oldest's paleness. */
static const double strip_overlap = 0.85, strip_pale = 0.62;

static void strip_view(const vmg_panel *p, const vmg_render_options *o, double width, double height,
                       vmg_view *view)
{
    vmg_view_orient(p->base, or_else(o->azimuth_deg, strip_azimuth_deg) * M_PI / 180,
                    or_else(o->elevation_deg, strip_elevation_deg) * M_PI / 180, width, height,
                    strip_tan, view);
}

/* How far the cones of frame t reach along an axis: low and high. */
static void reach_along(const vmg_body *body, int64_t t, const double axis[3], double out[2])
{
    vmg_cone cone[VMG_MAX_CAPSULES];
    out[0] = INFINITY;
    out[1] = -INFINITY;
    vmg_body_cones(body, t, (double[3]){0}, 0, cone);
    for (int i = 0; i < 2 * body->n_capsules; i++) {
        const double *e = i % 2 ? cone[i / 2].a : cone[i / 2].b;
        const double r = i % 2 ? cone[i / 2].ra : cone[i / 2].rb;
        const double x = e[0] * axis[0] + e[1] * axis[1] + e[2] * axis[2];
        out[0] = fmin(out[0], x - r);
        out[1] = fmax(out[1], x + r);
    }
}

/* Moves poses along `right` until neighbours are apart; sets the aspect. */
static void spread_poses(const vmg_panel *p, const vmg_view *view, vmg_strip *s)
{
    double previous[2] = {0}, at = 0, low = INFINITY, high = -INFINITY, top = 0, bottom = 0;
    for (int64_t i = 0; i < s->n; i++) {
        double x[2], y[2];
        reach_along(&p->body, s->frame[i], view->right, x);
        reach_along(&p->body, s->frame[i], view->up, y);
        const double gap = strip_overlap * 0.5 * ((previous[1] - previous[0]) + (x[1] - x[0]));
        double middle = (x[0] + x[1]) / 2 + at;
        if (i > 0 && middle < (previous[0] + previous[1]) / 2 + gap) {
            at += (previous[0] + previous[1]) / 2 + gap - middle;
            s->moved = true;
        }
        for (int c = 0; c < 3; c++)
            s->shift[i][c] = at * view->right[c];
        previous[0] = x[0] + at;
        previous[1] = x[1] + at;
        low = fmin(low, previous[0]);
        high = fmax(high, previous[1]);
        top = i ? fmax(top, y[1]) : y[1];
        bottom = i ? fmin(bottom, y[0]) : y[0];
    }
    s->aspect = fmin(fmax((high - low + 0.3) / (top - bottom + 0.3), 0.5), strip_max_aspect);
}

int vmg_strip_make(const vmg_panel *panel, const vmg_render_options *o, vmg_strip *out)
{
    const int64_t T = panel->body.poses.T;
    const bool one = !isnan(o->at_s);
    vmg_view view;
    *out = (vmg_strip){.n = one ? 1 : VMG_MIN(o->strip ? o->strip : VMG_STRIP_DEFAULT, T)};
    out->frame = vmg_calloc((size_t)out->n, sizeof *out->frame);
    out->shift = vmg_calloc((size_t)out->n, sizeof *out->shift);
    if (!out->frame || !out->shift) {
        vmg_strip_free(out);
        return VMG_E_NOMEM;
    }
    for (int64_t i = 0; i < out->n; i++)
        out->frame[i] = one ? VMG_MIN(VMG_MAX(llround(o->at_s * panel->body.fps), 0), T - 1)
                            : out->n > 1 ? i * (T - 1) / (out->n - 1) : T / 2;
    strip_view(panel, o, 2, 1, &view);
    spread_poses(panel, &view, out);
    return VMG_OK;
}

void vmg_strip_free(vmg_strip *strip)
{
    if (!strip)
        return;
    free(strip->frame);
    free(strip->shift);
    *strip = (vmg_strip){0};
}

/* The older, the paler. */
static double strip_paleness(const vmg_strip *s, int64_t i)
{
    return s->n > 1 ? strip_pale * (1 - (double)i / (double)(s->n - 1)) : 0;
}

/* All poses' cones, fresh. */
static vmg_cone *strip_cones(const vmg_panel *p, const vmg_strip *s)
{
    const int n = p->body.n_capsules;
    vmg_cone *cones = vmg_calloc((size_t)s->n * (size_t)n, sizeof *cones);
    for (int64_t i = 0; cones && i < s->n; i++)
        vmg_body_cones(&p->body, s->frame[i], s->shift[i], strip_paleness(s, i), cones + n * i);
    return cones;
}

int vmg_panel_strip(vmg_panel *panel, const vmg_strip *strip, const char *caption,
                    const vmg_render_options *o)
{
    const int64_t n = strip->n * panel->body.n_capsules;
    vmg_cone *cones = strip_cones(panel, strip);
    vmg_sphere *s = vmg_calloc((size_t)n, 2 * sizeof *s);
    int rc = cones && s ? add_caption(panel, caption) : VMG_E_NOMEM;
    double middle[2] = {0};
    for (int64_t i = 0; !rc && i < n; i++) {
        const vmg_cone *q = &cones[i];
        s[2 * i] = (vmg_sphere){{q->a[0], q->a[1], q->a[2]}, q->ra};
        s[2 * i + 1] = (vmg_sphere){{q->b[0], q->b[1], q->b[2]}, q->rb};
        middle[0] += q->a[0] / (double)n;
        middle[1] += q->a[1] / (double)n;
    }
    if (!rc && !(panel->target = vmg_calloc(1, sizeof *panel->target)))
        rc = VMG_E_NOMEM;
    if (!rc) {
        strip_view(panel, o, (double)panel->width, (double)panel->height, &panel->view);
        vmg_view_fit(&panel->view, s, 2 * n, strip_fill * (o->zoom > 0 ? o->zoom : 1),
                     caption_part(panel));
        panel->target[0][0] = middle[0];
        panel->target[0][1] = middle[1];
        for (int64_t i = 0; i < 2 * n; i++)
            panel->fade_m = fmax(panel->fade_m, hypot(s[i].centre[0] - middle[0], s[i].centre[1] - middle[1]));
        panel->fade_m += ground_m;
        if (strip->moved)
            panel->n_path = 0;
    }
    free(cones);
    free(s);
    return rc;
}

int vmg_panel_draw_strip(const vmg_panel *panel, const vmg_strip *strip, vmg_canvas *canvas)
{
    vmg_cone *cones = strip_cones(panel, strip);
    int rc = VMG_E_NOMEM;
    for (int64_t i = 0; panel->skin && i < strip->n; i++)
        vmg_skin_pose(panel->skin, i, &panel->body, strip->frame[i], strip->shift[i],
                      strip_paleness(strip, i));
    if (cones) {
        const vmg_scene scene =
            scene_of(panel, panel->target[0], cones, strip->n * panel->body.n_capsules, strip->n);
        rc = vmg_canvas_draw(canvas, &scene, &panel->view, panel->x, panel->y, panel->width,
                             panel->height);
    }
    free(cones);
    return rc;
}
