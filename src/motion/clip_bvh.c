/* Clips in BVH files. */
#include <math.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/base/status.h"
#include "src/motion/clip_formats.h"
#include "src/motion/pose_bvh.h"
#include "src/motion/retarget.h"

/* Frame times have few digits: 0.0333333 s means 30 frames a second (but 0.0333667 means 29.97). */
static double frame_rate(double frame_time_s)
{
    double fps = 1 / frame_time_s, whole = nearbyint(fps);
    return fabs(fps - whole) < 0.01 && whole > 0 ? whole : fps;
}

int vmg_clip_read_bvh(const char *path, const vmg_clip_read_options *o, vmg_clip *out)
{
    vmg_bvh bvh;
    vmg_poses p = {0};
    vmg_retarget_report report;
    const vmg_retarget_options options = {o->up_axis, o->unit_m, o->keep_bones, o->map_path};
    int rc = vmg_bvh_read(path, &bvh);
    if (rc)
        return rc;
    rc = vmg_retarget_bvh(&bvh, &options, &p, &report);
    if (!rc)
        rc = vmg_clip_place(&p, frame_rate(bvh.frame_time_s), o->canonical, out);
    static const struct {
        const char *convention, *format;
    } names[] = {{"smpl", "BVH, SMPL names"},
                 {"mixamo", "BVH, Mixamo names"},
                 {"lafan1", "BVH, LAFAN1 names"},
                 {"cmu", "BVH, CMU names"},
                 {"file", "BVH, names of a map"}};
    for (size_t i = 0; !rc && i < VMG_COUNT(names); i++)
        if (!strcmp(report.convention, names[i].convention))
            out->format = names[i].format;
    vmg_poses_free(&p);
    vmg_bvh_free(&bvh);
    return rc;
}

int vmg_clip_write_bvh(const char *path, const vmg_clip *clip, const vmg_clip_write_options *o)
{
    vmg_poses p;
    vmg_bvh bvh = {0};
    double offset[VMG_N_JOINTS][3];
    int rc = vmg_clip_poses(clip, false, &p);
    if (rc)
        return rc;
    const vmg_pose_bvh_options options = {clip->fps,
                                          o->up_axis ? o->up_axis : 1,
                                          {o->order[0], o->order[1], o->order[2]},
                                          o->unit_per_m};
    vmg_poses_offsets(&p, offset);
    rc = vmg_pose_bvh(&p, (const double(*)[3])offset, &options, &bvh);
    if (!rc)
        rc = vmg_bvh_write(path, &bvh);
    vmg_bvh_free(&bvh);
    vmg_poses_free(&p);
    return rc;
}
