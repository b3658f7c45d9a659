/* Feet on the ground: contacts, and feet that stay where they touch it. */
#include "src/motion/feet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/motion/rotation.h"

/* Joints of the two legs. */
static const struct leg {
    int hip, knee, ankle, foot;
} legs[2] = {{VMG_L_HIP, VMG_L_KNEE, VMG_L_ANKLE, VMG_L_FOOT},
             {VMG_R_HIP, VMG_R_KNEE, VMG_R_ANKLE, VMG_R_FOOT}};

#define GAP_S 0.1    /* gaps of contact up to this are closed */
#define RUN_S 0.1    /* runs shorter than this are dropped: a runner's foot stands for little longer */
#define ROOT_S 0.2   /* the body's speed is measured over this, to both sides */
#define BLEND_S 0.25 /* the shift fades over this beside a run */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The q-quantile of v[0..n), which is sorted on the way. */
static double quantile(double *v, int64_t n, double q)
{
    qsort(v, (size_t)n, sizeof *v, compare_doubles);
    return v[(int64_t)(q * (double)(n - 1) + 0.5)];
}

/* ---- contacts ---- */

static double foot_speed(const vmg_poses *p, int64_t t, int joint, double fps)
{
    int64_t a = VMG_MAX(t - 1, 0), b = VMG_MIN(t + 1, p->T - 1);
    const double *u = vmg_poses_joint(p, a, joint), *v = vmg_poses_joint(p, b, joint);
    double d[3] = {v[0] - u[0], v[1] - u[1], v[2] - u[2]};
    return b > a ? vmg_vec_norm(d) * fps / (double)(b - a) : 0;
}

/* Slower than this a foot may stand: a body on the move drags a standing foot along, a swinging one is faster than itself. */
static double standing_speed(const vmg_poses *p, int64_t t, double fps)
{
    int64_t around = VMG_MAX((int64_t)(ROOT_S * fps + 0.5), 1);
    int64_t a = VMG_MAX(t - around, 0), b = VMG_MIN(t + around, p->T - 1);
    const double *u = vmg_poses_joint(p, a, VMG_PELVIS), *v = vmg_poses_joint(p, b, VMG_PELVIS);
    double root = b > a ? hypot(v[0] - u[0], v[1] - u[1]) * fps / (double)(b - a) : 0;
    return fmax(VMG_CONTACT_SPEED_MPS, VMG_CONTACT_SPEED_PART * root);
}

/* Flip runs of `value` shorter than `shortest` frames; with `inside`, only those with neighbours */
static void flip_short_runs(bool *c, int64_t T, bool value, int64_t shortest, bool inside)
{
    for (int64_t t = 0, end; t < T; t = end) {
        for (end = t + 1; end < T && c[2 * end] == c[2 * t];)
            end++;
        bool at_edge = t == 0 || end == T;
        for (int64_t k = t;
             c[2 * t] == value && end - t < shortest && !(inside && at_edge) && k < end; k++)
            c[2 * k] = c[2 * k] ? false : true;
    }
}

int vmg_feet_contacts(const vmg_poses *p, double fps, bool *contact)
{
    double *height = vmg_calloc((size_t)VMG_MAX(p->T, 1), sizeof *height);
    if (!height)
        return VMG_E_NOMEM;
    for (int k = 0; k < 2 && p->T > 0; k++) {
        int joint = legs[k].foot;
        for (int64_t t = 0; t < p->T; t++)
            height[t] = vmg_poses_joint(p, t, joint)[2];
        double ground = quantile(height, p->T, 0.05);
        for (int64_t t = 0; t < p->T; t++)
            contact[2 * t + k] = vmg_poses_joint(p, t, joint)[2] - ground < VMG_CONTACT_HEIGHT_M &&
                                 foot_speed(p, t, joint, fps) < standing_speed(p, t, fps);
        flip_short_runs(contact + k, p->T, false, (int64_t)(GAP_S * fps + 1.5), true);
        flip_short_runs(contact + k, p->T, true, (int64_t)(RUN_S * fps + 0.5), false);
    }
    free(height);
    return VMG_OK;
}

/* ---- inverse kinematics of one leg ---- */

static void subtract(const double a[3], const double b[3], double out[3])
{
    for (int c = 0; c < 3; c++)
        out[c] = a[c] - b[c];
}

/* Angle at the knee whose opposite side, hip to ankle, has length d. */
static double knee_angle(double upper, double lower, double d)
{
    double cosine = (upper * upper + lower * lower - d * d) / (2 * upper * lower);
    return acos(fmin(1, fmax(-1, cosine)));
}

/*
 * Turn hip and knee of a skeleton pose (globals G, joints q) so that the ankle moves by `shift`.
 * Bends the knee in the plane it bends in already, then swings the whole leg.
 */
static void solve_leg(const struct leg *l, double *G, const double *q, const double shift[3])
{
    const double *hip = q + 3 * l->hip, *knee = q + 3 * l->knee, *ankle = q + 3 * l->ankle;
    double upper[3], lower[3], from[3], to[3], axis[3], S[9];
    subtract(knee, hip, upper);
    subtract(ankle, knee, lower);
    subtract(ankle, hip, from);
    for (int c = 0; c < 3; c++)
        to[c] = from[c] + shift[c];
    double a = vmg_vec_norm(upper), b = vmg_vec_norm(lower), d = vmg_vec_norm(to);
    d = fmin(fmax(d, fabs(a - b) * 1.001 + 1e-6), (a + b) * 0.999);
    vmg_vec_cross(upper, lower, axis);
    if (vmg_vec_norm(axis) < 0.02 * a * b) /* nearly straight: knees bend about the body's left */
        vmg_rot_apply(G + 9 * l->hip, (double[3]){1, 0, 0}, axis);
    vmg_vec_normalise(axis);
    double bend = knee_angle(a, b, vmg_vec_norm(from)) - knee_angle(a, b, d);
    for (int c = 0; c < 3; c++)
        axis[c] *= bend;
    vmg_rot_from_axis_angle(axis, S);
    vmg_rot_mul(S, G + 9 * l->knee, G + 9 * l->knee);
    vmg_rot_apply(S, lower, lower);
    for (int c = 0; c < 3; c++)
        from[c] = upper[c] + lower[c];
    vmg_rot_between(from, to, S);
    vmg_rot_mul(S, G + 9 * l->hip, G + 9 * l->hip);
    vmg_rot_mul(S, G + 9 * l->knee, G + 9 * l->knee);
}

/* Move one foot of frame t by `shift`: rotations by inverse kinematics, joints with them. */
static void move_foot(vmg_poses *p, int64_t t, const struct leg *l, const double offset[][3],
                      const double shift[3])
{
    double G[9 * VMG_N_JOINTS], before[3 * VMG_N_JOINTS], after[3 * VMG_N_JOINTS];
    double *local = vmg_poses_rot(p, t, 0), *joints = vmg_poses_joint(p, t, 0);
    const int chain[4] = {l->hip, l->knee, l->ankle, l->foot};
    vmg_skeleton_fk(local, joints, offset, before, G);
    solve_leg(l, G, before, shift);
    /* the ankle's and foot's global rotations in G are untouched: the foot keeps its orientation */
    for (int i = 0; i < 4; i++)
        vmg_rot_tmul(G + 9 * vmg_joint_parent[chain[i]], G + 9 * chain[i], local + 9 * chain[i]);
    vmg_skeleton_fk(local, joints, offset, after, NULL);
    for (int i = 0; i < 4; i++)
        for (int c = 0; c < 3; c++)
            joints[3 * chain[i] + c] += after[3 * chain[i] + c] - before[3 * chain[i] + c];
}

/* ---- pinning ---- */

/* Mean horizontal speed of the feet over steps that stay in contact. */
static double mean_slide(const vmg_poses *p, double fps, const bool *contact)
{
    double sum = 0;
    int64_t n = 0;
    for (int k = 0; k < 2; k++)
        for (int64_t t = 0; t + 1 < p->T; t++) {
            const double *a = vmg_poses_joint(p, t, legs[k].foot);
            const double *b = vmg_poses_joint(p, t + 1, legs[k].foot);
            if (contact[2 * t + k] && contact[2 * t + 2 + k]) {
                sum += hypot(b[0] - a[0], b[1] - a[1]) * fps;
                n++;
            }
        }
    return n ? sum / (double)n : 0;
}

/* Where the foot is pinned during frames first..last: its median place, not below the ground. */
static void pin_place(const vmg_poses *p, int joint, int64_t first, int64_t last, double *scratch,
                      double pin[3])
{
    for (int c = 0; c < 3; c++) {
        for (int64_t t = first; t <= last; t++)
            scratch[t - first] = vmg_poses_joint(p, t, joint)[c];
        pin[c] = quantile(scratch, last - first + 1, 0.5);
    }
    pin[2] = fmax(pin[2], 0);
}

/* How high a foot must be: on the ground while it stands, clear of it when it swings. */
static double clearance(const vmg_poses *p, int64_t t, int joint, double fps)
{
    double x = 2 * (foot_speed(p, t, joint, fps) / standing_speed(p, t, fps) - 1);
    return VMG_CLEARANCE_M * fmin(fmax(x, 0), 1);
}

/*
 * Shifts of one foot, (T,3): in a run, to its pin; between runs, the shifts at the neighbouring
 * ends fade out over BLEND_S, and what is lower than its clearance is lifted to it.
 */
static int64_t foot_shifts(const vmg_poses *p, int k, double fps, const bool *contact,
                           double *scratch, double *shift)
{
    int64_t T = p->T, n_runs = 0, blend = VMG_MAX((int64_t)(BLEND_S * fps + 0.5), 1);
    int joint = legs[k].foot;
    memset(shift, 0, (size_t)T * 3 * sizeof *shift);
    for (int64_t t = 0, end; t < T; t = end) {
        for (end = t + 1; end < T && contact[2 * end + k] == contact[2 * t + k];)
            end++;
        if (!contact[2 * t + k])
            continue;
        double pin[3];
        n_runs++;
        pin_place(p, joint, t, end - 1, scratch, pin);
        for (int64_t s = t; s < end; s++)
            subtract(pin, vmg_poses_joint(p, s, joint), shift + 3 * s);
        for (int side = -1; side <= 1; side += 2)
            for (int64_t i = 1; i <= blend; i++) {
                int64_t edge = side < 0 ? t : end - 1, s = edge + side * i;
                double x = (double)i / (double)(blend + 1), w = 1 - x * x * (3 - 2 * x);
                for (int c = 0; s >= 0 && s < T && !contact[2 * s + k] && c < 3; c++)
                    shift[3 * s + c] += w * shift[3 * edge + c];
            }
    }
    for (int64_t t = 0; t < T; t++) {
        double low = vmg_poses_joint(p, t, joint)[2] + shift[3 * t + 2];
        shift[3 * t + 2] += fmax(clearance(p, t, joint, fps) - low, 0);
    }
    return n_runs;
}

int vmg_feet_clean(vmg_poses *p, double fps, vmg_feet_report *report)
{
    vmg_feet_report r = {0};
    double offset[VMG_N_JOINTS][3];
    bool *contact = vmg_calloc((size_t)VMG_MAX(p->T, 1), 2 * sizeof *contact);
    double *shift = vmg_calloc((size_t)VMG_MAX(p->T, 1), 4 * sizeof *shift);
    int rc = contact && shift ? vmg_feet_contacts(p, fps, contact) : VMG_E_NOMEM;
    if (!rc && p->T > 0) {
        vmg_poses_offsets(p, offset);
        for (int64_t i = 0; i < 2 * p->T; i++)
            r.n_frames += contact[i];
        r.slide_before_mps = mean_slide(p, fps, contact);
        for (int k = 0; k < 2; k++) {
            r.n_runs += foot_shifts(p, k, fps, contact, shift + 3 * p->T, shift);
            for (int64_t t = 0; t < p->T; t++) {
                double size = vmg_vec_norm(shift + 3 * t);
                r.largest_shift_m = fmax(r.largest_shift_m, size);
                if (size > 1e-6)
                    move_foot(p, t, &legs[k], (const double(*)[3])offset, shift + 3 * t);
            }
        }
        r.slide_after_mps = mean_slide(p, fps, contact);
    }
    if (!rc && report)
        *report = r;
    free(contact);
    free(shift);
    return rc;
}
