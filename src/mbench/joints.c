/* MBench's metrics of joint positions: jitter, amount of motion, floor penetration, sliding. */
#include "src/mbench/joints.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/base/status.h"
#include "src/mbench/floating.h"
#include "src/motion/skeleton.h"

enum { POS = 3 * VMG_N_JOINTS };

const char *const vmg_mbench_metric_name[VMG_N_JOINT_METRICS] = {
    "Jitter_Degree", "Ground_Penetration", "Foot_Floating", "Foot_Sliding", "Dynamic_Degree"};

static const char *const mode_names[] = {"physical", "official"};

int vmg_mbench_parse_mode(const char *text, enum vmg_mbench_mode *out)
{
    for (int i = 0; i < 2; i++)
        if (!strcmp(text, mode_names[i])) {
            *out = (enum vmg_mbench_mode)i;
            return VMG_OK;
        }
    return vmg_fail(VMG_E_ARG, "the mode is \"physical\" or \"official\", not \"%s\"", text);
}

const char *vmg_mbench_mode_name(enum vmg_mbench_mode mode)
{
    return mode_names[mode];
}

static float length3(const float v[3])
{
    return sqrtf(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

/*
 * Mean over frames and joints of the length of the forward difference of the given order (1 or 2),
 * of positions, plus the same with the root (joint 0) subtracted.
 */
static double mean_difference(const float *p, int64_t T, int order)
{
    double sum = 0, relative = 0;
    int64_t n = T - order;
    for (int64_t t = 0; t < n; t++, p += POS) {
        float root[3];
        for (int j = 0; j < VMG_N_JOINTS; j++) {
            float d[3], r[3];
            for (int c = 0; c < 3; c++) {
                int i = 3 * j + c;
                d[c] = order == 1 ? p[POS + i] - p[i] : p[2 * POS + i] - 2 * p[POS + i] + p[i];
                root[c] = j == 0 ? d[c] : root[c];
                r[c] = d[c] - root[c];
            }
            sum += length3(d);
            relative += length3(r);
        }
    }
    return n > 0 ? (sum + relative) / (double)(n * VMG_N_JOINTS) : 0;
}

/* Heights, speeds and contacts of one foot. */
static void foot_track(const float *p, int64_t T, int joint, int up, vmg_foot_track *foot)
{
    for (int64_t t = 0; t < T; t++) {
        int64_t a = t + 1 < T ? t : T - 2; /* the last velocity is repeated */
        float v[3] = {0}, r[3] = {0};
        for (int c = 0; T > 1 && c < 3; c++) {
            const float *q = p + a * POS;
            v[c] = q[POS + 3 * joint + c] - q[3 * joint + c];
            r[c] = (q[POS + 3 * joint + c] - q[POS + c]) - (q[3 * joint + c] - q[c]);
        }
        foot->height[t] = p[t * POS + 3 * joint + up];
        foot->speed[t] = length3(v);
        foot->relative_speed[t] = length3(r);
        v[up] = 0;
        foot->slide[t] = length3(v);
        foot->contact[t] = foot->speed[t] < 0.01f || foot->height[t] < 0.02f;
    }
}

static double ground_penetration(const vmg_foot_track foot[2], int64_t T)
{
    double sum = 0;
    int64_t n = 0;
    for (int k = 0; k < 2; k++)
        for (int64_t t = 0; t < T; t++)
            if (foot[k].height[t] < -0.005f) {
                sum += fabsf(foot[k].height[t]);
                n++;
            }
    return n ? sum / (double)n : 0;
}

static double foot_sliding(const vmg_foot_track foot[2], int64_t T)
{
    double mean = 0;
    for (int k = 0; k < 2; k++) {
        double sum = 0, n = 0;
        for (int64_t t = 0; t < T; t++)
            if (foot[k].contact[t]) {
                sum += foot[k].slide[t];
                n++;
            }
        mean += 0.5 * sum / (n + 1e-6);
    }
    return mean;
}

int vmg_mbench_joints(const float *joints, int64_t T, int up_axis,
                      double value[VMG_N_JOINT_METRICS])
{
    if (T < 1 || up_axis < 0 || up_axis > 2)
        return vmg_fail(VMG_E_ARG, "no metrics of %lld frames with up axis %d", (long long)T,
                        up_axis);
    for (int64_t i = 0; i < T * POS; i++)
        if (!isfinite(joints[i]))
            return vmg_fail(VMG_E_ARG, "joint %s of frame %lld is not finite",
                            vmg_joint_name[i / 3 % VMG_N_JOINTS], (long long)(i / POS));
    /* One block: per foot four float tracks and one of contacts, and the root's speed. */
    float *block = vmg_calloc((size_t)T, (2 * 4 + 1) * sizeof *block + 2 * sizeof(bool));
    if (!block)
        return VMG_E_NOMEM;
    vmg_foot_track foot[2];
    float *root_speed = block + 8 * T;
    bool *contact = (bool *)(block + 9 * T);
    static const int joint[2] = {VMG_L_FOOT, VMG_R_FOOT};
    for (int k = 0; k < 2; k++) {
        float *f = block + 4 * T * k;
        foot[k] = (vmg_foot_track){f, f + T, f + 2 * T, f + 3 * T, contact + T * k};
        foot_track(joints, T, joint[k], up_axis, &foot[k]);
    }
    for (int64_t t = 0; T > 1 && t < T; t++) {
        const float *q = joints + (t + 1 < T ? t : T - 2) * POS;
        root_speed[t] = length3((float[3]){q[POS] - q[0], q[POS + 1] - q[1], q[POS + 2] - q[2]});
    }
    value[VMG_JITTER_DEGREE] = mean_difference(joints, T, 2);
    value[VMG_DYNAMIC_DEGREE] = mean_difference(joints, T, 1);
    value[VMG_GROUND_PENETRATION] = ground_penetration(foot, T);
    value[VMG_FOOT_SLIDING] = foot_sliding(foot, T);
    int rc = vmg_foot_floating(joints, T, foot, root_speed, &value[VMG_FOOT_FLOATING]);
    free(block);
    return rc;
}

vmg_mbench_summary vmg_mbench_summarise(const double *value, int64_t n, int64_t stride)
{
    vmg_mbench_summary s = {.n = n};
    for (int64_t i = 0; i < n; i++)
        s.mean += value[i * stride] / (double)n;
    for (int64_t i = 0; i < n; i++)
        s.std += (value[i * stride] - s.mean) * (value[i * stride] - s.mean) / (double)n;
    s.std = sqrt(s.std);
    return s;
}
