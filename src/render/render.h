/* Pictures, films and pages of motion clips. */
#ifndef VMG_SRC_RENDER_RENDER_H
#define VMG_SRC_RENDER_RENDER_H

#include "host/ctx.h"
#include "src/motion/clip.h"

enum vmg_camera_mode { VMG_CAMERA_FOLLOW, VMG_CAMERA_FRAME };

typedef struct vmg_render_options {
    int64_t width, height; /* of the whole picture; 0 = 960x960 for each clip; a strip's follow from
                              its poses */
    double fps;            /* of films; 0 = the first clip's */
    enum vmg_camera_mode camera; /* films: go along with the body, or see its whole path at once */
    double azimuth_deg;    /* camera round the body: 0 before it, 90 at its right; NAN = chosen */
    double elevation_deg;  /* above the horizon; NAN = chosen */
    double zoom;           /* larger than 1: nearer; 0 = 1 */
    int64_t strip;         /* .png: so many poses in one picture; 0 = 6 */
    double at_s;           /* .png: the one pose at this time instead; NAN = a strip */
    double ground_m;       /* height of the ground; NAN = under the feet */
    bool hide_path;        /* no path on the ground */
    const struct vmg_body_model *body_model; /* its mesh instead of the capsules; NULL: none */
    bool (*progress)(void *user, int64_t done, int64_t total); /* false stops; may be NULL */
    void *user;
} vmg_render_options;

extern const vmg_render_options vmg_render_defaults;

/* A clip to be shown, with the text below it (NULL: none). */
typedef struct vmg_render_clip {
    const vmg_clip *clip;
    const char *caption;
} vmg_render_clip;

/*
 * Draw clips side by side; the path's ending says what: .mp4, .gif (films), .png (a strip of poses, or
 * one pose), .html (a page that plays them; ctx may be NULL). Shorter clips wait in their last pose. Errors: VMG_E_ARG, VMG_E_UNSUPPORTED
 * (another ending, films without FFmpeg's libraries), VMG_E_IO, VMG_E_NOMEM, VMG_E_INTERRUPTED,
 * those of the device.
 */
int vmg_render(vmg_ctx *ctx, const char *path, const vmg_render_clip *clips, int64_t n,
               const vmg_render_options *options);

#endif
