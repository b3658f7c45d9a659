/* vimogen convert IN OUT: motion from any file format to any other, edited on the way. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/cli/cli.h"
#include "src/cli/motion_cli.h"
#include "src/motion/body_model.h"
#include "src/motion/clip.h"
#include "src/motion/edit.h"
#include "src/motion/feet.h"
#include "src/motion/rotation.h"

typedef struct conversion {
    vmg_clip_read_options read;
    vmg_clip_write_options write;
    double fps;
    enum vmg_resample_mode resample;
    bool mirror, clean_feet;
    const char *trim, *append, *model_path;
    vmg_body_model model;
    int64_t blend;
} conversion;

bool vmg_cli_is_motion_conversion(int argc, char **argv)
{
    const char *in = NULL, *out = NULL;
    for (int i = 1; i < argc; i++) {
        if (!strncmp(argv[i], "--from", 6) || !strncmp(argv[i], "--to", 4))
            return false;
        if (argv[i][0] != '-' && vmg_clip_readable(argv[i]) && !in)
            in = argv[i];
        else if (argv[i][0] != '-' && in && !out)
            out = argv[i];
    }
    return in != NULL;
}

/* "y" or "z" into 1 or 2. */
static int parse_axis(const char *command, const char *option, const char *text, int *axis)
{
    if (text && strcmp(text, "y") && strcmp(text, "z"))
        return vmg_cli_usage(command, "--%s is y or z, not \"%s\"", option, text);
    *axis = !text ? 0 : text[0] == 'y' ? 1 : 2;
    return 0;
}

/* One end of --trim: frames, or seconds when an s follows. Empty keeps `frame`. */
static bool parse_end(const char *text, size_t n, double fps, int64_t *frame)
{
    char copy[32], *end;
    if (n == 0)
        return true;
    if (n >= sizeof copy)
        return false;
    memcpy(copy, text, n);
    copy[n] = 0;
    double v = strtod(copy, &end);
    bool seconds = end > copy && end[0] == 's' && !end[1];
    if (end == copy || (*end && !seconds) || !(fabs(v) < 1e9) || v < 0)
        return false;
    *frame = seconds ? llround(v * fps) : (int64_t)v;
    return seconds || v == floor(v);
}

/* "a:b" of frames or seconds ("1.5s:4s", "20:", ":100"): frames a up to but without b. */
static int trim(vmg_clip *clip, const char *text)
{
    const char *colon = strchr(text, ':');
    int64_t a = 0, b = clip->T;
    if (!colon || !parse_end(text, (size_t)(colon - text), clip->fps, &a) ||
        !parse_end(colon + 1, strlen(colon + 1), clip->fps, &b))
        return vmg_fail(VMG_E_ARG,
                        "--trim is a:b in frames or seconds (\"20:100\", \"1.5s:4s\"), not \"%s\"",
                        text);
    return vmg_clip_trim(clip, a, VMG_MIN(b, clip->T) - a);
}

/* The other clip after this one, at this one's rate, turned and moved to carry on. */
static int append(vmg_clip *clip, const conversion *c)
{
    vmg_clip other, joined;
    vmg_poses a = {0}, b = {0}, both = {0};
    int rc = vmg_clip_read(c->append, &c->read, &other);
    if (!rc && other.fps != clip->fps)
        rc = vmg_clip_resample(&other, clip->fps, VMG_RESAMPLE_BETTER);
    if (!rc)
        rc = vmg_clip_poses(clip, false, &a);
    if (!rc)
        rc = vmg_clip_poses(&other, false, &b);
    if (!rc)
        rc = vmg_poses_concat(&a, &b, vmg_rest_joint[VMG_PELVIS], true, c->blend, &both);
    if (!rc)
        rc = vmg_clip_from_poses(&both, clip->fps, &joined);
    vmg_poses_free(&a);
    vmg_poses_free(&b);
    vmg_poses_free(&both);
    vmg_clip_free(&other);
    if (rc)
        return rc;
    joined.format = clip->format;
    vmg_clip_free(clip);
    *clip = joined;
    return VMG_OK;
}

static int clean_feet(vmg_clip *clip)
{
    vmg_feet_report r;
    int rc = vmg_clip_clean_feet(clip, &r);
    if (!rc)
        fprintf(stderr,
                "feet: %lld contacts over %lld frames, sliding %.3f -> %.3f m/s, moved by up to "
                "%.3f m\n",
                (long long)r.n_runs, (long long)r.n_frames, r.slide_before_mps, r.slide_after_mps,
                r.largest_shift_m);
    return rc;
}

static int convert(const char *in, const char *out, const conversion *c)
{
    vmg_clip clip;
    int rc = vmg_clip_read(in, &c->read, &clip);
    if (rc)
        return rc;
    int64_t T = clip.T;
    double fps = clip.fps;
    if (c->trim)
        rc = trim(&clip, c->trim);
    if (!rc && c->append)
        rc = append(&clip, c);
    if (!rc && c->mirror)
        rc = vmg_clip_mirror(&clip);
    if (!rc && c->fps > 0 && c->fps != clip.fps)
        rc = vmg_clip_resample(&clip, c->fps, c->resample);
    if (!rc && c->clean_feet)
        rc = clean_feet(&clip);
    if (!rc)
        rc = vmg_clip_write(out, &clip, &c->write);
    if (!rc)
        printf("%s (%s, %lld frames at %g fps) -> %s (%lld frames at %g fps)\n", in, clip.format,
               (long long)T, fps, out, (long long)clip.T, clip.fps);
    vmg_clip_free(&clip);
    return rc;
}

/* Features for the model are canonical; everything else stays where it was, unless told. */
static bool canonical_by_default(const char *out, const conversion *c)
{
    char ending[8];
    vmg_path_ending(out, ending, sizeof ending);
    return !strcmp(ending, "pt") || (!strcmp(ending, "npy") && !c->write.joints);
}

int vmg_cli_convert_motion(int argc, char **argv)
{
    conversion c = {.resample = VMG_RESAMPLE_BETTER, .blend = 8};
    const char *resample = NULL, *up = NULL, *in_up = NULL, *order = "zyx";
    bool canonical_given = false;
    const vmg_opt opts[] = {
        {"fps", 0, VMG_OPT_DOUBLE, &c.fps, "F", "frames a second of OUT (default: as IN)", NULL},
        {"resample", 0, VMG_OPT_STRING, &resample, "MODE", "better (default) or published: how",
         NULL},
        {"in-fps", 0, VMG_OPT_DOUBLE, &c.read.fps, "F",
         "frames a second of IN, where it does not say (20)", NULL},
        {"trim", 0, VMG_OPT_STRING, &c.trim, "A:B", "frames A up to B, or seconds: 1.5s:4s", NULL},
        {"append", 0, VMG_OPT_STRING, &c.append, "FILE", "carry on with another clip", NULL},
        {"blend", 0, VMG_OPT_INT, &c.blend, "N", "frames over which an appended clip blends in (8)",
         NULL},
        {"mirror", 0, VMG_OPT_FLAG, &c.mirror, NULL, "swap left and right", NULL},
        {"clean-feet", 0, VMG_OPT_FLAG, &c.clean_feet, NULL,
         "make feet stay where they touch the ground", NULL},
        {"canonical", 0, VMG_OPT_FLAG, &c.read.canonical, NULL,
         "start at the origin facing +y, on the ground (default for features)", &canonical_given},
        {"up", 0, VMG_OPT_STRING, &up, "AXIS", "up axis of OUT: y or z (BVH: y, arrays: z)", NULL},
        {"in-up", 0, VMG_OPT_STRING, &in_up, "AXIS", "up axis of IN (BVH: found out, arrays: z)",
         NULL},
        {"scale", 0, VMG_OPT_DOUBLE, &c.write.unit_per_m, "S",
         "units of OUT per metre (1; 100 = cm)", NULL},
        {"unit", 0, VMG_OPT_DOUBLE, &c.read.unit_m, "M", "metres per unit of a BVH (found out)",
         NULL},
        {"keep-bones", 0, VMG_OPT_FLAG, &c.read.keep_bones, NULL, "keep a BVH's bone lengths",
         NULL},
        {"map", 0, VMG_OPT_STRING, &c.read.map_path, "FILE", "JSON: our joints to a BVH's names",
         NULL},
        {"body-model", 0, VMG_OPT_STRING, &c.model_path, "FILE",
         "SMPL or SMPL-X (.npz, .pkl): joints of .npz and .pt, the mesh of a .glb", NULL},
        {"order", 0, VMG_OPT_STRING, &order, "ABC", "rotation channels of a BVH (zyx)", NULL},
        {"joints", 0, VMG_OPT_FLAG, &c.write.joints, NULL, "write .npy as positions (T,22,3)",
         NULL},
        {"integrate", 0, VMG_OPT_FLAG, &c.write.integrate, NULL,
         "positions cumulated from velocities, as the published tool does", NULL},
    };
    int n_args;
    int rc = vmg_opt_parse(argc, argv, "IN OUT [OPTION...]", opts, VMG_COUNT(opts), &n_args);
    if (rc)
        return rc < 0 ? VMG_EXIT_OK : rc;
    if (n_args != 2)
        return vmg_cli_usage(argv[0], "needs IN and OUT, but got %d names", n_args);
    if ((rc = parse_axis(argv[0], "up", up, &c.write.up_axis)) ||
        (rc = parse_axis(argv[0], "in-up", in_up, &c.read.up_axis)))
        return rc;
    if (!vmg_euler_parse_order(order, c.write.order))
        return vmg_cli_usage(argv[0], "--order is one of xyz xzy yxz yzx zxy zyx, not \"%s\"",
                             order);
    if (resample && vmg_resample_parse(resample, &c.resample))
        return vmg_cli_usage(argv[0], "%s", vmg_error_message());
    if (!canonical_given)
        c.read.canonical = canonical_by_default(argv[2], &c);
    if (c.model_path && !(rc = vmg_body_model_read(c.model_path, &c.model))) {
        c.read.body_model = &c.model;
        c.write.body_model = &c.model;
    }
    if (!rc)
        rc = convert(argv[1], argv[2], &c);
    vmg_body_model_free(&c.model);
    return rc ? vmg_cli_fail(argv[0], rc) : VMG_EXIT_OK;
}
