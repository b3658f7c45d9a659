/* Describes motion clips. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/cli/inspect.h"
#include "src/cli/motion_cli.h"
#include "src/mbench/joints.h"
#include "src/motion/clip.h"
#include "src/motion/edit.h"
#include "src/motion/feet.h"
#include "src/motion/rep276.h"

/* What is told about a clip: metres, seconds, degrees; z up. */
typedef struct description {
    double seconds, low[3], high[3];
    double path_m, travel_m, turn_deg, top_speed_mps;
    double contact_left, contact_right; /* shares of the frames */
    double metric[VMG_N_JOINT_METRICS];
    vmg_loop loop;
    bool has_loop;
} description;

bool vmg_cli_is_motion(const char *path)
{
    char ending[8];
    vmg_clip clip;
    if (vmg_path_is_dir(path) || !vmg_clip_readable(path))
        return false;
    vmg_path_ending(path, ending, sizeof ending);
    if (!strcmp(ending, "bvh") || !strcmp(ending, "csv"))
        return true; /* nothing else has these endings: a bad one is reported as a clip */
    int rc = vmg_clip_read(path, NULL, &clip);
    vmg_clip_free(&clip);
    return rc == VMG_OK;
}

static void describe_path(const vmg_poses *p, double fps, description *d)
{
    for (int c = 0; c < 3; c++) {
        d->low[c] = INFINITY;
        d->high[c] = -INFINITY;
        for (int64_t i = 0; i < p->T * VMG_N_JOINTS; i++) {
            d->low[c] = fmin(d->low[c], p->joints[3 * i + c]);
            d->high[c] = fmax(d->high[c], p->joints[3 * i + c]);
        }
    }
    for (int64_t t = 1; t < p->T; t++) {
        const double *a = vmg_poses_joint(p, t - 1, 0), *b = vmg_poses_joint(p, t, 0);
        double step = hypot(b[0] - a[0], b[1] - a[1]);
        d->path_m += step;
        d->top_speed_mps = fmax(d->top_speed_mps, step * fps);
    }
    const double *a = vmg_poses_joint(p, 0, 0), *b = vmg_poses_joint(p, p->T - 1, 0);
    d->travel_m = hypot(b[0] - a[0], b[1] - a[1]);
    d->has_loop = vmg_poses_loop(p, &d->loop) == VMG_OK;
    d->turn_deg = d->loop.turn_rad * 180 / M_PI;
}

static int describe_contacts(const vmg_poses *p, double fps, description *d)
{
    bool *contact = vmg_calloc((size_t)p->T, 2 * sizeof *contact);
    int64_t left = 0, right = 0;
    int rc = contact ? vmg_feet_contacts(p, fps, contact) : VMG_E_NOMEM;
    for (int64_t t = 0; !rc && t < p->T; t++) {
        left += contact[2 * t];
        right += contact[2 * t + 1];
    }
    d->contact_left = (double)left / (double)p->T;
    d->contact_right = (double)right / (double)p->T;
    free(contact);
    return rc;
}

/* MBench's metrics count in frames of 1/20 s. */
static int describe_metrics(const vmg_clip *clip, description *d)
{
    vmg_clip at_20;
    float *joints = NULL;
    int rc = vmg_clip_from_features(clip->x, clip->T, clip->fps, &at_20);
    if (!rc && clip->fps != VMG_REP_FPS && vmg_resample_frames(clip->T, clip->fps, VMG_REP_FPS) > 0)
        rc = vmg_clip_resample(&at_20, VMG_REP_FPS, VMG_RESAMPLE_BETTER);
    if (!rc && !(joints = vmg_calloc((size_t)at_20.T, 3 * VMG_N_JOINTS * sizeof *joints)))
        rc = VMG_E_NOMEM;
    if (!rc) {
        vmg_rep276_integrate_joints(at_20.x, at_20.T, joints);
        rc = vmg_mbench_joints(joints, at_20.T, 2, d->metric);
    }
    free(joints);
    vmg_clip_free(&at_20);
    return rc;
}

static int describe(const vmg_clip *clip, description *d)
{
    vmg_poses p;
    *d = (description){.seconds = (double)clip->T / clip->fps};
    int rc = vmg_clip_poses(clip, false, &p);
    if (rc)
        return rc;
    describe_path(&p, clip->fps, d);
    rc = describe_contacts(&p, clip->fps, d);
    if (!rc)
        rc = describe_metrics(clip, d);
    vmg_poses_free(&p);
    return rc;
}

static void print_text(const char *path, const vmg_clip *clip, const description *d)
{
    printf("%s: %s\n", path, clip->format);
    printf("  %lld frames at %g fps, %.2f s%s\n", (long long)clip->T, clip->fps, d->seconds,
           clip->fitted ? "; rotations fitted to positions" : "");
    printf("  extent x %.2f..%.2f, y %.2f..%.2f, z %.2f..%.2f m (z up)\n", d->low[0], d->high[0],
           d->low[1], d->high[1], d->low[2], d->high[2]);
    printf("  root path %.2f m, ends %.2f m from its start, turns %+.0f degrees (left is +), up to "
           "%.2f m/s\n",
           d->path_m, d->travel_m, d->turn_deg, d->top_speed_mps);
    printf("  on the ground: left foot %.0f %%, right foot %.0f %% of the frames\n",
           100 * d->contact_left, 100 * d->contact_right);
    if (d->has_loop)
        printf("  last pose is %.3f m from the first on average (largest %.3f), per-frame speed "
               "%.3f m\n",
               d->loop.pose_m, d->loop.worst_m, d->loop.step_m);
    for (int k = 0; k < VMG_N_JOINT_METRICS; k++)
        printf("  %-19s %.5f\n", vmg_mbench_metric_name[k], d->metric[k]);
    if (clip->extrinsic)
        printf("  camera: focal %g, %g; centre %g, %g\n", clip->intrinsic[0], clip->intrinsic[4],
               clip->intrinsic[2], clip->intrinsic[5]);
}

static void print_json(const char *path, const vmg_clip *clip, const description *d)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "path", path);
    cJSON_AddStringToObject(o, "format", clip->format);
    cJSON_AddNumberToObject(o, "frames", (double)clip->T);
    cJSON_AddBoolToObject(o, "rotations_fitted", clip->fitted);
    cJSON_AddBoolToObject(o, "camera", clip->extrinsic != NULL);
    cJSON_AddItemToObject(o, "low_m", cJSON_CreateDoubleArray(d->low, 3));
    cJSON_AddItemToObject(o, "high_m", cJSON_CreateDoubleArray(d->high, 3));
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"fps", clip->fps},
                   {"seconds", d->seconds},
                   {"path_m", d->path_m},
                   {"travel_m", d->travel_m},
                   {"turn_deg", d->turn_deg},
                   {"top_speed_mps", d->top_speed_mps},
                   {"left_foot_contact", d->contact_left},
                   {"right_foot_contact", d->contact_right},
                   {"loop_pose_m", d->loop.pose_m},
                   {"loop_worst_m", d->loop.worst_m},
                   {"loop_step_m", d->loop.step_m}};
    for (size_t i = 0; i < VMG_COUNT(numbers); i++)
        cJSON_AddNumberToObject(o, numbers[i].key, numbers[i].value);
    for (int k = 0; k < VMG_N_JOINT_METRICS; k++)
        cJSON_AddNumberToObject(o, vmg_mbench_metric_name[k], d->metric[k]);
    char *text = cJSON_Print(o);
    if (text)
        puts(text);
    cJSON_free(text);
    cJSON_Delete(o);
}

int vmg_inspect_motion(const char *path, bool json)
{
    vmg_clip clip;
    description d;
    int rc = vmg_clip_read(path, NULL, &clip);
    if (!rc)
        rc = describe(&clip, &d);
    if (!rc && json)
        print_json(path, &clip, &d);
    else if (!rc)
        print_text(path, &clip, &d);
    vmg_clip_free(&clip);
    return rc;
}
