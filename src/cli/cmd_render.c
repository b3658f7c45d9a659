/* vimogen render: pictures and films of motion clips. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/cli/cli.h"
#include "src/cli/run.h"
#include "src/motion/body_model.h"
#include "src/render/render.h"

typedef struct render {
    vmg_render_options o;
    const char *out, *size, *camera, *caption, *device, *model_path;
    vmg_body_model model;
    vmg_clip_read_options read;
    vmg_clip *clips;
    vmg_render_clip *shown;
    char **captions;
    int64_t n;
    bool profile;
} render;

static bool on_frame(void *user, int64_t done, int64_t total)
{
    vmg_progress_update(user, done, total);
    return !vmg_cli_interrupted();
}

static void free_render(render *r)
{
    for (int64_t i = 0; i < r->n; i++) {
        if (r->clips)
            vmg_clip_free(&r->clips[i]);
        if (r->captions)
            free(r->captions[i]);
    }
    free(r->clips);
    free(r->shown);
    free(r->captions);
    vmg_body_model_free(&r->model);
}

/* The i-th of the texts between '|' in --caption; without any, several clips show their names. */
static char *caption_of(const render *r, int64_t i, const char *path)
{
    const char *text = r->caption;
    if (!text) {
        const char *slash = strrchr(path, '/');
        return r->n > 1 ? vmg_strdup(slash ? slash + 1 : path) : vmg_strdup("");
    }
    for (int64_t k = 0; k < i && text; k++) {
        text = strchr(text, '|');
        text = text ? text + 1 : NULL;
    }
    return vmg_strndup(text ? text : "", text ? strcspn(text, "|") : 0);
}

static int load(render *r, char **paths, int64_t n)
{
    r->n = n;
    r->clips = vmg_calloc((size_t)n, sizeof *r->clips);
    r->shown = vmg_calloc((size_t)n, sizeof *r->shown);
    r->captions = vmg_calloc((size_t)n, sizeof *r->captions);
    int rc = r->clips && r->shown && r->captions ? VMG_OK : VMG_E_NOMEM;
    if (!rc && r->model_path && !(rc = vmg_body_model_read(r->model_path, &r->model))) {
        r->o.body_model = &r->model;
        r->read.body_model = &r->model;
    }
    for (int64_t i = 0; !rc && i < n; i++) {
        rc = vmg_clip_read(paths[i], &r->read, &r->clips[i]);
        if (!rc && !(r->captions[i] = caption_of(r, i, paths[i])))
            rc = VMG_E_NOMEM;
        if (!rc)
            r->shown[i] = (vmg_render_clip){&r->clips[i], r->captions[i]};
    }
    return rc;
}

static int draw(render *r)
{
    vmg_progress progress = {.what = "rendering"};
    vmg_ctx *ctx = NULL;
    char ending[8];
    r->o.progress = on_frame;
    r->o.user = &progress;
    vmg_cli_catch_interrupt();
    vmg_path_ending(r->out, ending, sizeof ending);
    int rc = !strcmp(ending, "html") ? VMG_OK : vmg_cli_open_ctx(r->device, NULL, r->profile, &ctx);
    if (!rc)
        rc = vmg_render(ctx, r->out, r->shown, r->n, &r->o);
    vmg_progress_finish(&progress);
    if (!rc && ctx && r->profile)
        rc = vmg_cli_print_profile(ctx);
    vmg_ctx_close(ctx);
    return rc;
}

/* "960x960"; nothing may follow. */
static bool parse_size(const char *text, int64_t *width, int64_t *height)
{
    long long w, h;
    int n = 0;
    if (sscanf(text, "%6lldx%6lld%n", &w, &h, &n) != 2 || text[n] || w < 1 || h < 1)
        return false;
    *width = w;
    *height = h;
    return true;
}

static int check(render *r, const char *command)
{
    if (!r->out)
        return vmg_cli_usage(command, "needs -o OUT: .mp4, .gif, .png or .html");
    if (r->size && !parse_size(r->size, &r->o.width, &r->o.height))
        return vmg_cli_usage(command, "--size is WIDTHxHEIGHT in pixels (960x960), not \"%s\"",
                             r->size);
    if (r->camera && strcmp(r->camera, "follow") && strcmp(r->camera, "frame"))
        return vmg_cli_usage(command, "--camera is follow or frame, not \"%s\"", r->camera);
    r->o.camera = r->camera && r->camera[1] == 'r' ? VMG_CAMERA_FRAME : VMG_CAMERA_FOLLOW;
    if (r->o.fps < 0 || r->o.fps > 1000 || !(r->o.zoom > 0))
        return vmg_cli_usage(command, "--fps is at most 1000, and --zoom above 0");
    return 0;
}

static int run(int argc, char **argv)
{
    render r = {.o = vmg_render_defaults};
    const vmg_opt opts[] = {
        {"out", 'o', VMG_OPT_STRING, &r.out, "OUT", ".mp4 or .gif (a film), .png (poses in one picture), .html (a page that plays)", NULL},
        {"size", 0, VMG_OPT_STRING, &r.size, "WxH", "pixels of the picture (films: 960x960 a clip)", NULL},
        {"fps", 0, VMG_OPT_DOUBLE, &r.o.fps, "F", "pictures a second (the clip's)", NULL},
        {"camera", 0, VMG_OPT_STRING, &r.camera, "MODE", "follow the body (default), or frame its whole path", NULL},
        {"azimuth", 0, VMG_OPT_DOUBLE, &r.o.azimuth_deg, "DEG", "where the camera stands: 0 before the body, 90 at its right", NULL},
        {"elevation", 0, VMG_OPT_DOUBLE, &r.o.elevation_deg, "DEG", "how high, above the horizon", NULL},
        {"zoom", 0, VMG_OPT_DOUBLE, &r.o.zoom, "Z", "2 shows half as much (1)", NULL},
        {"strip", 0, VMG_OPT_INT, &r.o.strip, "N", ".png: poses in the picture (6)", NULL},
        {"at", 0, VMG_OPT_DOUBLE, &r.o.at_s, "S", ".png: only the pose after S seconds", NULL},
        {"ground", 0, VMG_OPT_DOUBLE, &r.o.ground_m, "Z", "height of the ground in metres (under the feet)", NULL},
        {"caption", 0, VMG_OPT_STRING, &r.caption, "TEXT", "text below; of several clips \"one|two\" (their names)", NULL},
        {"no-path", 0, VMG_OPT_FLAG, &r.o.hide_path, NULL, "leave out the path on the ground", NULL},
        {"body-model", 0, VMG_OPT_STRING, &r.model_path, "FILE", "show SMPL's or SMPL-X's mesh (.npz, .pkl) instead of capsules", NULL},
        {"profile", 0, VMG_OPT_FLAG, &r.profile, NULL, "print the time that ray casting takes", NULL},
        {"device", 0, VMG_OPT_STRING, &r.device, "D", "OpenCL device (vimogen devices)", NULL},
    };
    int n_args, rc = vmg_opt_parse(argc, argv, "IN... -o OUT [OPTION...]", opts, VMG_COUNT(opts), &n_args);
    if (rc)
        return rc < 0 ? VMG_EXIT_OK : rc;
    if (n_args < 1)
        return vmg_cli_usage(argv[0], "needs at least one motion file");
    if ((rc = check(&r, argv[0])))
        return rc;
    rc = load(&r, argv + 1, n_args);
    if (!rc)
        rc = draw(&r);
    if (!rc)
        printf("%s\n", r.out);
    free_render(&r);
    return rc ? vmg_cli_fail(argv[0], rc) : VMG_EXIT_OK;
}

const vmg_command vmg_cmd_render = {"render", "draw motion: films, strips of poses, pages that play", run};
