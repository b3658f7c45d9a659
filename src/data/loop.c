/* Steady gaits and moments of standing still made longer. */
#include "src/data/loop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/motion/canonical.h"
#include "src/motion/rep276.h"
#include "src/motion/rotation.h"

enum { SEAM = 3 };
static const double max_turn_rad = 0.35, max_rise_m = 0.25, min_speed_m = 0.5 / VMG_REP_FPS, min_part = 0.4, near_best_m = 0.01;

/* ---- steadiness ---- */

static double heading(const vmg_poses *p, int64_t t)
{
    double M[9];
    vmg_canonical_rotation(p, t, M);
    return atan2(M[3], M[0]);
}

static double wrapped(double angle)
{
    const double pi = 3.14159265358979323846;
    return remainder(angle, 2 * pi);
}

static bool is_steady(const vmg_poses *p)
{
    double low = INFINITY, high = -INFINITY, slowest = INFINITY, path = 0;
    for (int64_t t = 0; t < p->T; t++) {
        const double *at = vmg_poses_joint(p, t, VMG_PELVIS);
        low = fmin(low, at[2]);
        high = fmax(high, at[2]);
        if (fabs(wrapped(heading(p, t) - heading(p, 0))) > max_turn_rad)
            return false;
        if (t + 1 == p->T)
            break;
        const double *next = vmg_poses_joint(p, t + 1, VMG_PELVIS);
        double step = hypot(next[0] - at[0], next[1] - at[1]);
        slowest = fmin(slowest, step);
        path += step;
    }
    double mean = path / (double)(p->T - 1);
    return high - low < max_rise_m && mean > min_speed_m && slowest > min_part * mean;
}

/* ---- the best loop ---- */

/* Mean squared distance of the joints in frames a.. and b.., each seen from where its pelvis is in frame a or b. */
static double difference(const vmg_poses *p, int64_t a, int64_t b)
{
    const double *from = vmg_poses_joint(p, a, VMG_PELVIS), *to = vmg_poses_joint(p, b, VMG_PELVIS);
    const double d[3] = {to[0] - from[0], to[1] - from[1], 0};
    double sum = 0;
    for (int64_t i = 0; i < SEAM; i++)
        for (int j = 0; j < VMG_N_JOINTS; j++) {
            const double *u = vmg_poses_joint(p, a + i, j), *v = vmg_poses_joint(p, b + i, j);
            for (int c = 0; c < 3; c++)
                sum += (v[c] - u[c] - d[c]) * (v[c] - u[c] - d[c]);
        }
    return sum / (SEAM * VMG_N_JOINTS);
}

int vmg_loop_find(const float *x, int64_t T, bool *found, vmg_loop *loop)
{
    vmg_poses p;
    *found = false;
    *loop = (vmg_loop){.error_m = INFINITY};
    if (T < VMG_LOOP_MIN_FRAMES + SEAM)
        return VMG_OK;
    int rc = vmg_rep276_decode(x, T, VMG_REP_STORED, false, &p);
    if (rc != VMG_OK)
        return rc;
    /* The longest of those that are nearly as good as the best: two passes. */
    for (int pass = 0; pass < 2 && is_steady(&p); pass++) {
        double limit = loop->error_m + near_best_m;
        for (int64_t a = 0; a + VMG_LOOP_MIN_FRAMES + SEAM <= T; a++)
            for (int64_t b = a + VMG_LOOP_MIN_FRAMES; b + SEAM <= T; b++) {
                double error = sqrt(difference(&p, a, b));
                bool better = pass ? error <= limit && b - a > loop->b - loop->a : error < loop->error_m;
                if (better)
                    *loop = (vmg_loop){a, b, error};
            }
    }
    vmg_poses_free(&p);
    *found = loop->error_m <= VMG_LOOP_ERROR_M;
    return VMG_OK;
}

/* ---- the longer clip ---- */

/* Rotations and pelvis of frame `t` of `from`, moved by n·d, to frame `at` of `to`, mixed with what is there: 1 replaces it. */
static void mix(const vmg_poses *from, int64_t t, double n, const double d[3], double weight, vmg_poses *to, int64_t at)
{
    const double *p = vmg_poses_joint(from, t, VMG_PELVIS);
    double *q = vmg_poses_joint(to, at, VMG_PELVIS);
    for (int c = 0; c < 3; c++)
        q[c] = (1 - weight) * q[c] + weight * (p[c] + n * d[c]);
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        double R[9];
        vmg_rot_slerp(vmg_poses_rot(to, at, j), vmg_poses_rot(from, t, j), weight, R);
        memcpy(vmg_poses_rot(to, at, j), R, sizeof R);
    }
}

static void fill_on(const vmg_poses *p, const vmg_loop *loop, vmg_poses *out)
{
    const double *from = vmg_poses_joint(p, loop->a, VMG_PELVIS), *to = vmg_poses_joint(p, loop->b, VMG_PELVIS);
    const double d[3] = {to[0] - from[0], to[1] - from[1], 0};
    int64_t period = loop->b - loop->a;
    for (int64_t t = 0; t < out->T; t++) {
        int64_t beyond = t - loop->b, n = beyond / period, j = beyond % period;
        if (beyond < 0) {
            mix(p, t, 0, d, 1, out, t);
        } else if (j >= SEAM) {
            mix(p, loop->a + j, (double)(n + 1), d, 1, out, t);
        } else {
            mix(p, loop->b + j, (double)n, d, 1, out, t);
            mix(p, loop->a + j, (double)(n + 1), d, (double)(j + 1) / (SEAM + 1), out, t);
        }
    }
}

/* x (T,276) filled into `want` frames: fresh memory. */
static int extend(const float *x, int64_t T, const vmg_loop *loop, int64_t want,
                  void (*fill)(const vmg_poses *p, const vmg_loop *loop, vmg_poses *out), float **out)
{
    vmg_poses p = {0}, longer = {0};
    double offset[VMG_N_JOINTS][3];
    *out = NULL;
    int rc = vmg_rep276_decode(x, T, VMG_REP_STORED, false, &p);
    if (rc == VMG_OK)
        rc = vmg_poses_alloc(want + 1, &longer);
    if (rc == VMG_OK) {
        fill(&p, loop, &longer);
        vmg_poses_offsets(&p, offset);
        vmg_poses_fk(&longer, (const double(*)[3])offset);
        vmg_poses_set_transl(&longer, vmg_rest_joint[VMG_PELVIS]);
        *out = vmg_calloc((size_t)want, VMG_REP_DIM * sizeof **out);
        rc = *out ? vmg_rep276_encode(&longer, *out) : VMG_E_NOMEM;
    }
    vmg_poses_free(&p);
    vmg_poses_free(&longer);
    if (rc != VMG_OK) {
        free(*out);
        *out = NULL;
    }
    return rc;
}

int vmg_loop_extend(const float *x, int64_t T, const vmg_loop *loop, int64_t want, float **out)
{
    *out = NULL;
    if (loop->a < 0 || loop->b <= loop->a || loop->b + SEAM > T || want < 1)
        return vmg_fail(VMG_E_ARG, "no loop from frame %lld to %lld in %lld frames", (long long)loop->b, (long long)loop->a,
                        (long long)T);
    return extend(x, T, loop, want, fill_on, out);
}

/* ---- standing still ---- */

static const double still_body_mps = 0.05, still_limb_mps = 0.1, least_straight = 0.85, most_apart_m = 0.12;

static double distance(const double *u, const double *v)
{
    return hypot(hypot(v[0] - u[0], v[1] - u[1]), v[2] - u[2]);
}

static double speed(const vmg_poses *p, int64_t t, int j)
{
    int64_t a = VMG_MAX(t - 1, 0), b = VMG_MIN(t + 1, p->T - 1);
    return distance(vmg_poses_joint(p, a, j), vmg_poses_joint(p, b, j)) * VMG_REP_FPS / (double)VMG_MAX(b - a, 1);
}

/* On both legs: from hip to ankle it is nearly as far as over the knee, and both ankles are as high. Who balances on one leg sways,
 * and would not learn to from a moment of it. */
static bool is_standing(const vmg_poses *p, int64_t t)
{
    static const int leg[2][3] = {{VMG_L_HIP, VMG_L_KNEE, VMG_L_ANKLE}, {VMG_R_HIP, VMG_R_KNEE, VMG_R_ANKLE}};
    double bent = 1, apart = fabs(vmg_poses_joint(p, t, VMG_L_ANKLE)[2] - vmg_poses_joint(p, t, VMG_R_ANKLE)[2]);
    for (int s = 0; s < 2; s++) {
        const double *hip = vmg_poses_joint(p, t, leg[s][0]), *knee = vmg_poses_joint(p, t, leg[s][1]),
                     *ankle = vmg_poses_joint(p, t, leg[s][2]);
        bent = fmin(bent, distance(hip, ankle) / (distance(hip, knee) + distance(knee, ankle)));
    }
    return bent > least_straight && apart < most_apart_m;
}

static bool is_still(const vmg_poses *p, int64_t t)
{
    double all = 0, fastest = 0;
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        double v = speed(p, t, j);
        all += v;
        fastest = fmax(fastest, v);
    }
    return all < still_body_mps * VMG_N_JOINTS && fastest < still_limb_mps && is_standing(p, t);
}

int vmg_hold_find(const float *x, int64_t T, bool *found, vmg_loop *hold)
{
    vmg_poses p;
    *found = false;
    *hold = (vmg_loop){0};
    if (T < VMG_HOLD_MIN_FRAMES)
        return VMG_OK;
    int rc = vmg_rep276_decode(x, T, VMG_REP_STORED, false, &p);
    if (rc != VMG_OK)
        return rc;
    for (int64_t t = 0, n = 0; t < p.T; t++) {
        n = is_still(&p, t) ? n + 1 : 0;
        if (n > hold->b - hold->a)
            *hold = (vmg_loop){.a = t + 1 - n, .b = t + 1};
    }
    vmg_poses_free(&p);
    hold->b = VMG_MIN(hold->b, T);
    *found = hold->b - hold->a >= VMG_HOLD_MIN_FRAMES;
    return VMG_OK;
}

/* To and fro, slowest at both ends, nowhere faster than it was captured. */
static void fill_hold(const vmg_poses *p, const vmg_loop *hold, vmg_poses *out)
{
    const double here[3] = {0}, half = (double)(hold->b - hold->a - 1) / 2;
    for (int64_t t = 0; t < out->T; t++) {
        double at = (double)hold->a + half * (1 - cos((double)t / half));
        int64_t i = VMG_MIN((int64_t)at, hold->b - 2);
        mix(p, i, 0, here, 1, out, t);
        mix(p, i + 1, 0, here, at - (double)i, out, t);
    }
}

int vmg_hold_extend(const float *x, int64_t T, const vmg_loop *hold, int64_t want, float **out)
{
    *out = NULL;
    if (hold->a < 0 || hold->b < hold->a + 2 || hold->b > T || want < 1)
        return vmg_fail(VMG_E_ARG, "nothing to hold from frame %lld to %lld of %lld", (long long)hold->a, (long long)hold->b,
                        (long long)T);
    return extend(x, T, hold, want, fill_hold, out);
}
