/* One clip's part of a picture: its body, camera and scene. For src/render/render.c. */
#ifndef VMG_SRC_RENDER_PANEL_H
#define VMG_SRC_RENDER_PANEL_H

#include "src/render/body.h"
#include "src/render/camera.h"
#include "src/render/caption.h"
#include "src/render/render.h"
#include "src/render/skin.h"

enum { VMG_STRIP_DEFAULT = 6 };

typedef struct vmg_panel {
    vmg_body body;
    vmg_caption caption;
    vmg_mark *path;
    int64_t n_path;
    double base[2];     /* the direction that azimuths count from */
    vmg_view view;      /* eye relative to the target */
    double (*target)[3]; /* (T): where the camera goes; zero with a standing one */
    double fade_m;      /* the ground is seen up to here around the target */
    int64_t x, y, width, height;
    vmg_skin *skin; /* the body model's mesh; NULL: capsules */
} vmg_panel;

/* The body, with its path on the ground. The rectangle is the caller's to fill. */
int vmg_panel_make(const vmg_render_clip *clip, const vmg_render_options *o, vmg_panel *out);
void vmg_panel_free(vmg_panel *panel);

/* Caption and camera for the panel's size: moving with the body, or standing. */
int vmg_panel_film(vmg_panel *panel, const char *caption, const vmg_render_options *o);
int vmg_panel_draw_frame(const vmg_panel *panel, vmg_canvas *canvas, int64_t t);

/*
 * A strip: n poses spread evenly over the clip, paler the older they are. They stand where they
 * were, or, where they would overlap, moved apart in the picture's direction.
 */
typedef struct vmg_strip {
    int64_t n, *frame;
    double (*shift)[3];
    double aspect; /* the width it asks for, over the height */
    bool moved;    /* poses are not where they were: no path is drawn */
} vmg_strip;

/* Choose poses and places (at_s: the one pose at that time). Needs no size. */
int vmg_strip_make(const vmg_panel *panel, const vmg_render_options *o, vmg_strip *out);
void vmg_strip_free(vmg_strip *strip);
int vmg_panel_strip(vmg_panel *panel, const vmg_strip *strip, const char *caption,
                    const vmg_render_options *o);
int vmg_panel_draw_strip(const vmg_panel *panel, const vmg_strip *strip, vmg_canvas *canvas);

#endif
