/* Puts clips side by side and draws them, picture by picture. */
#include "src/render/render.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/render/film.h"
#include "src/render/page.h"
#include "src/render/panel.h"
#include "src/render/png.h"

enum { MAX_CLIPS = 64, MAX_STRIP = 200, FILM_SIDE = 960, STRIP_HEIGHT = 480 };

const vmg_render_options vmg_render_defaults = {
    .azimuth_deg = NAN, .elevation_deg = NAN, .zoom = 1, .at_s = NAN, .ground_m = NAN};

/* A picture in the making. */
typedef struct picture {
    vmg_ctx *ctx;
    const vmg_render_options *o;
    vmg_panel panel[MAX_CLIPS];
    vmg_strip strip[MAX_CLIPS];
    int64_t n;
    int64_t width, height;
    vmg_canvas *canvas;
    uint8_t *rgba;
} picture;

static void free_picture(picture *p)
{
    for (int64_t i = 0; i < p->n; i++) {
        vmg_panel_free(&p->panel[i]);
        vmg_strip_free(&p->strip[i]);
    }
    vmg_canvas_free(p->canvas);
    free(p->rgba);
}

/* Panels in `columns`; the last of each row and column takes what is left. */
static void lay_out(picture *p, int64_t columns)
{
    const int64_t rows = (p->n + columns - 1) / columns;
    for (int64_t i = 0; i < p->n; i++) {
        vmg_panel *q = &p->panel[i];
        const int64_t u = i % columns, v = i / columns;
        q->x = p->width * u / columns;
        q->y = p->height * v / rows;
        q->width = p->width * (u + 1) / columns - q->x;
        q->height = p->height * (v + 1) / rows - q->y;
    }
}

static int start_canvas(picture *p)
{
    int rc = vmg_canvas_create(p->ctx, p->width, p->height, &p->canvas);
    if (!rc && !(p->rgba = vmg_calloc((size_t)p->width, 4 * (size_t)p->height)))
        rc = VMG_E_NOMEM;
    /* what no panel covers is white */
    if (!rc)
        memset(p->rgba, 255, 4 * (size_t)p->width * (size_t)p->height);
    return rc;
}

static void add_captions(picture *p)
{
    for (int64_t i = 0; i < p->n; i++) {
        const vmg_panel *q = &p->panel[i];
        vmg_caption_draw(&q->caption, p->rgba, p->width, p->height,
                         q->x + (q->width - q->caption.width) / 2,
                         q->y + q->height - q->caption.height - q->height / 80);
    }
}

static bool go_on(const picture *p, int64_t done, int64_t total)
{
    return !p->o->progress || p->o->progress(p->o->user, done, total);
}

/* ---- films ---- */

static int draw_frame(picture *p, int64_t t)
{
    int rc = VMG_OK;
    for (int64_t i = 0; !rc && i < p->n; i++)
        rc = vmg_panel_draw_frame(&p->panel[i], p->canvas, t);
    return rc;
}

/* The device draws the next picture while this one is encoded. */
static int draw_film(picture *p, const char *path)
{
    vmg_film *film = NULL;
    int64_t T = 0;
    for (int64_t i = 0; i < p->n; i++)
        T = VMG_MAX(T, p->panel[i].body.poses.T);
    int rc = vmg_film_open(path, p->width, p->height, p->panel[0].body.fps, &film);
    if (!rc)
        rc = draw_frame(p, 0);
    for (int64_t t = 0; !rc && t < T; t++) {
        if (!go_on(p, t, T))
            rc = vmg_fail(VMG_E_INTERRUPTED, "%s was not made: interrupted", path);
        if (!rc)
            rc = vmg_canvas_read(p->canvas, p->rgba);
        if (!rc && t + 1 < T)
            rc = draw_frame(p, t + 1);
        add_captions(p);
        if (!rc)
            rc = vmg_film_add(film, p->rgba);
    }
    if (!rc)
        rc = vmg_film_commit(film);
    vmg_film_free(film);
    if (!rc)
        go_on(p, T, T);
    return rc;
}

static int film(picture *p, const char *path, const vmg_render_clip *clips)
{
    const int64_t columns = p->n <= 4 ? p->n : (int64_t)ceil(sqrt((double)p->n));
    const int64_t rows = (p->n + columns - 1) / columns;
    const int64_t side = p->n <= 2 ? FILM_SIDE : FILM_SIDE / 2;
    p->width = p->o->width ? p->o->width : columns * side;
    p->height = p->o->height ? p->o->height : rows * side;
    lay_out(p, columns);
    int rc = start_canvas(p);
    for (int64_t i = 0; !rc && i < p->n; i++)
        rc = vmg_panel_film(&p->panel[i], clips[i].caption, p->o);
    return rc ? rc : draw_film(p, path);
}

/* ---- strips ---- */

static int strips(picture *p, const char *path, const vmg_render_clip *clips)
{
    double aspect = 0;
    int rc = VMG_OK;
    for (int64_t i = 0; !rc && i < p->n; i++) {
        rc = vmg_strip_make(&p->panel[i], p->o, &p->strip[i]);
        aspect = fmax(aspect, p->strip[i].aspect);
    }
    if (rc)
        return rc;
    /* one below the other, as figures have them; single poses side by side */
    const bool one = !isnan(p->o->at_s);
    const int64_t columns = one ? VMG_MIN(p->n, 4) : 1, rows = (p->n + columns - 1) / columns;
    p->width = p->o->width    ? p->o->width
               : one ? columns * FILM_SIDE / (p->n > 2 ? 2 : 1)
                              : llround(aspect * STRIP_HEIGHT / 16) * 16;
    p->height = p->o->height ? p->o->height : one ? rows * FILM_SIDE / (p->n > 2 ? 2 : 1) : p->n * STRIP_HEIGHT;
    lay_out(p, columns);
    rc = start_canvas(p);
    for (int64_t i = 0; !rc && i < p->n; i++) {
        rc = vmg_panel_strip(&p->panel[i], &p->strip[i], clips[i].caption, p->o);
        if (!rc)
            rc = vmg_panel_draw_strip(&p->panel[i], &p->strip[i], p->canvas);
    }
    if (!rc)
        rc = vmg_canvas_read(p->canvas, p->rgba);
    add_captions(p);
    return rc ? rc : vmg_png_write(path, p->rgba, p->width, p->height);
}

/* ---- any ---- */

/* The clip at another rate, in `copy`, where it has to be. */
static int at_rate(const vmg_render_clip *in, double fps, vmg_clip *copy, vmg_render_clip *out)
{
    *out = *in;
    if (in->clip->fps == fps)
        return VMG_OK;
    int rc = vmg_clip_from_features(in->clip->x, in->clip->T, in->clip->fps, copy);
    if (!rc)
        rc = vmg_clip_resample(copy, fps, VMG_RESAMPLE_BETTER);
    out->clip = copy;
    return rc;
}

static int make_panels(picture *p, const vmg_render_clip *clips, int64_t n)
{
    const double fps = p->o->fps > 0 ? p->o->fps : clips[0].clip->fps;
    int rc = VMG_OK;
    for (int64_t i = 0; !rc && i < n; i++) {
        vmg_clip copy = {0};
        vmg_render_clip clip;
        rc = at_rate(&clips[i], fps, &copy, &clip);
        if (!rc)
            rc = vmg_panel_make(&clip, p->o, &p->panel[i]);
        if (!rc)
            p->n++;
        vmg_clip_free(&copy);
    }
    return rc;
}

int vmg_render(vmg_ctx *ctx, const char *path, const vmg_render_clip *clips, int64_t n,
               const vmg_render_options *options)
{
    char ending[8];
    vmg_path_ending(path, ending, sizeof ending);
    const bool png = !strcmp(ending, "png"), page = !strcmp(ending, "html");
    if (!png && !page && strcmp(ending, "mp4") && strcmp(ending, "gif"))
        return vmg_fail(VMG_E_UNSUPPORTED, "%s: motion is drawn to .png, .mp4, .gif or .html", path);
    if (n < 1 || n > MAX_CLIPS || options->strip < 0 || options->strip > MAX_STRIP)
        return vmg_fail(VMG_E_ARG, "a picture shows 1 to %d clips, a strip 1 to %d poses",
                        MAX_CLIPS, MAX_STRIP);
    if (page)
        return vmg_page_write(path, clips, n, options);
    picture *p = vmg_calloc(1, sizeof *p);
    if (!p)
        return VMG_E_NOMEM;
    p->ctx = ctx;
    p->o = options;
    int rc = make_panels(p, clips, n);
    if (!rc)
        rc = png ? strips(p, path, clips) : film(p, path, clips);
    free_picture(p);
    free(p);
    return rc;
}
