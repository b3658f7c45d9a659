/* Contacts and the clean-up of sliding feet, on steps whose truth is known and on real clips. */
#include "src/motion/feet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/status.h"
#include "src/mbench/joints.h"
#include "src/motion/clip.h"
#include "src/motion/rep276.h"
#include "src/motion/rotation.h"
#include "src/motion/settle.h"
#include "tests/harness.h"
#include "tests/motion_fixture.h"

enum { T = 80 };

/* The default body with bent knees whose left foot stands in frames 0..39 and 60..79 and swings
 * between; the right foot stands always. `slip_m` of sliding per frame is added to both. */
static bool stepping(double slip_m, vmg_poses *p)
{
    double offset[VMG_N_JOINTS][3];
    if (!CHECK_OK(vmg_test_motion_make(VMG_TEST_WALK, T, 0, p)))
        return false;
    vmg_rest_offsets(offset);
    for (int64_t t = 0; t < T; t++) {
        for (int j = 1; j < VMG_N_JOINTS; j++)
            memcpy(vmg_poses_rot(p, t, j), vmg_rot_identity, sizeof vmg_rot_identity);
        memcpy(vmg_poses_rot(p, t, 0), vmg_poses_rot(p, 0, 0), 9 * sizeof(double));
        double lift = t >= 40 && t < 60 ? sin(M_PI * (double)(t - 40) / 20) : 0;
        const double bend[2] = {0.3 + 0.6 * lift, 0.3};
        for (int k = 0; k < 2; k++) {
            vmg_rot_about_axis(0, -bend[k], vmg_poses_rot(p, t, k ? VMG_R_HIP : VMG_L_HIP));
            vmg_rot_about_axis(0, 2 * bend[k], vmg_poses_rot(p, t, k ? VMG_R_KNEE : VMG_L_KNEE));
            vmg_rot_about_axis(0, -bend[k], vmg_poses_rot(p, t, k ? VMG_R_ANKLE : VMG_L_ANKLE));
        }
        memcpy(vmg_poses_joint(p, t, 0), (double[3]){slip_m * (double)t, 0, 0.9},
               3 * sizeof(double));
    }
    vmg_poses_fk(p, (const double(*)[3])offset);
    vmg_poses_translate(p, (double[3]){0, 0, -vmg_poses_lowest(p, 2)});
    vmg_poses_set_transl(p, vmg_rest_joint[VMG_PELVIS]);
    return true;
}

static void finds_contacts(void)
{
    vmg_poses p;
    bool contact[T][2];
    if (!stepping(0.005, &p))
        return;
    REQUIRE_OK(vmg_feet_contacts(&p, 20, contact[0]));
    int wrong = 0;
    for (int t = 0; t < T; t++) {
        CHECK(contact[t][1]);
        bool near_switch = abs(t - 40) < 4 || abs(t - 60) < 4;
        wrong += !near_switch && contact[t][0] != (t < 40 || t >= 60);
    }
    CHECK_INT(wrong, 0);
    vmg_poses_free(&p);
    CHECK_OK(vmg_feet_contacts(&p, 20, contact[0])); /* no frames */
}

static double bone_change(const vmg_poses *a, const vmg_poses *b)
{
    double worst = 0;
    for (int64_t t = 0; t < a->T; t++)
        for (int j = 1; j < VMG_N_JOINTS; j++) {
            double length[2];
            for (int i = 0; i < 2; i++) {
                const vmg_poses *p = i ? b : a;
                const double *u = vmg_poses_joint(p, t, j),
                             *v = vmg_poses_joint(p, t, vmg_joint_parent[j]);
                length[i] = vmg_vec_norm((double[3]){u[0] - v[0], u[1] - v[1], u[2] - v[2]});
            }
            worst = fmax(worst, fabs(length[0] - length[1]));
        }
    return worst;
}

static void pins_sliding_feet(void)
{
    vmg_poses p, before;
    vmg_feet_report r;
    if (!stepping(0.004, &p)) /* 8 cm a second */
        return;
    REQUIRE_OK(vmg_poses_crop(&p, 0, T, &before));
    REQUIRE_OK(vmg_feet_clean(&p, 20, &r));
    CHECK_CLOSE(r.slide_before_mps, 0.08, 0.03);
    CHECK(r.slide_after_mps < 0.1 * r.slide_before_mps);
    CHECK_INT(r.n_runs, 3);
    CHECK_CLOSE(bone_change(&before, &p), 0, 1e-9);
    double jump = 0, upper = 0;
    for (int64_t t = 0; t < T; t++)
        for (int j = 0; j < VMG_N_JOINTS; j++) {
            const double *a = vmg_poses_joint(&p, t, j), *b = vmg_poses_joint(&before, t, j);
            double d[3] = {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
            bool leg = j == VMG_L_KNEE || j == VMG_R_KNEE || j == VMG_L_ANKLE || j == VMG_R_ANKLE ||
                       j == VMG_L_FOOT || j == VMG_R_FOOT;
            if (!leg)
                upper = fmax(upper, vmg_vec_norm(d));
            if (t && leg) {
                const double *q = vmg_poses_joint(&p, t - 1, j);
                jump = fmax(jump, vmg_vec_norm((double[3]){a[0] - q[0], a[1] - q[1], a[2] - q[2]}));
            }
        }
    CHECK_CLOSE(upper, 0, 0);
    CHECK(jump < 0.1);
    vmg_poses_free(&p);
    vmg_poses_free(&before);
}

static void leaves_clean_motion_alone(void)
{
    vmg_poses p, before;
    vmg_feet_report r;
    if (!stepping(0, &p))
        return;
    REQUIRE_OK(vmg_poses_crop(&p, 0, T, &before));
    REQUIRE_OK(vmg_feet_clean(&p, 20, &r));
    CHECK(vmg_test_joint_error(&p, &before) <
          0.03); /* the foot is held for a moment as it lifts off */
    CHECK_CLOSE(r.slide_after_mps, 0, 1e-3);
    vmg_poses_free(&p);
    vmg_poses_free(&before);
}

static void lifts_feet_out_of_the_ground(void)
{
    vmg_poses p;
    if (!stepping(0, &p))
        return;
    vmg_poses_translate(&p, (double[3]){0, 0, -0.03});
    REQUIRE_OK(vmg_feet_clean(&p, 20, NULL));
    for (int64_t t = 0; t < T; t++)
        CHECK(vmg_poses_joint(&p, t, VMG_L_FOOT)[2] > -1e-3 &&
              vmg_poses_joint(&p, t, VMG_R_FOOT)[2] > -1e-3);
    vmg_poses_free(&p);
}

/* Sliding and jitter of joints as MBench measures them. */
static void measure(const vmg_poses *p, double v[VMG_N_JOINT_METRICS])
{
    float *joints = calloc((size_t)p->T * 66, sizeof *joints);
    for (int64_t k = 0; joints && k < 66 * p->T; k++)
        joints[k] = (float)p->joints[k];
    CHECK_OK(vmg_mbench_joints(joints, p->T, 2, v));
    free(joints);
}

/* The horizontal distance of two places of a joint, in frames a and b. */
static double way(const vmg_poses *p, int joint, int64_t a, int64_t b)
{
    const double *u = vmg_poses_joint(p, a, joint), *v = vmg_poses_joint(p, b, joint);
    return hypot(u[0] - v[0], u[1] - v[1]);
}

/* Real walks and runs that go further than their feet carry them, and through the floor: MBench's own metric sees the difference. */
static void real_gaits(void)
{
    static const struct {
        const char *clip;
        double drift_m, further, sunk_m; /* a frame; as a part of the way; into the floor */
    } gaits[] = {{"02_01", 0.004, 0, 0}, {"09_01", 0, 0.3, 0.03}};
    for (size_t g = 0; g < sizeof gaits / sizeof *gaits; g++) {
        char name[64];
        snprintf(name, sizeof name, "data/cmu/bvh/%s.bvh", gaits[g].clip);
        const char *path = vmg_test_shared(name);
        vmg_clip clip;
        vmg_poses p;
        double before[VMG_N_JOINT_METRICS], after[VMG_N_JOINT_METRICS];
        if (!path)
            return;
        REQUIRE_OK(vmg_clip_read(path, &(vmg_clip_read_options){.canonical = true}, &clip));
        REQUIRE_OK(vmg_clip_resample(&clip, 20, VMG_RESAMPLE_BETTER));
        REQUIRE_OK(vmg_clip_poses(&clip, false, &p));
        for (int64_t t = p.T - 1; t >= 0; t--) {
            double d[3] = {gaits[g].drift_m * (double)t, 0, -gaits[g].sunk_m};
            for (int c = 0; c < 2; c++)
                d[c] += gaits[g].further *
                        (vmg_poses_joint(&p, t, 0)[c] - vmg_poses_joint(&p, 0, 0)[c]);
            for (int j = 0; j < VMG_N_JOINTS; j++)
                for (int c = 0; c < 3; c++)
                    vmg_poses_joint(&p, t, j)[c] += d[c];
        }
        measure(&p, before);
        REQUIRE_OK(vmg_feet_clean(&p, 20, NULL));
        measure(&p, after);
        vmg_test_note("%s: Foot_Sliding %.4f -> %.4f, Jitter %.4f -> %.4f", gaits[g].clip,
                      before[VMG_FOOT_SLIDING], after[VMG_FOOT_SLIDING], before[VMG_JITTER_DEGREE],
                      after[VMG_JITTER_DEGREE]);
        CHECK(after[VMG_FOOT_SLIDING] < 0.5 * before[VMG_FOOT_SLIDING]);
        CHECK(after[VMG_JITTER_DEGREE] < 1.3 * before[VMG_JITTER_DEGREE]);
        /* a foot as fast as the body, or faster, clears the floor */
        int swings = 0;
        for (int64_t t = 4; t + 4 < p.T; t++)
            for (int k = 0; k < 2; k++)
                if (way(&p, k ? VMG_R_FOOT : VMG_L_FOOT, t - 1, t + 1) >
                        way(&p, VMG_PELVIS, t - 1, t + 1) &&
                    way(&p, VMG_PELVIS, t - 1, t + 1) > 0.06) {
                    CHECK(vmg_poses_joint(&p, t, k ? VMG_R_FOOT : VMG_L_FOOT)[2] >
                          VMG_CLEARANCE_M - 0.005);
                    swings++;
                }
        CHECK(swings > 10);
        vmg_poses_free(&p);
        vmg_clip_free(&clip);
    }
}

/* Features that hover and slide end on the floor with feet that stay, all groups agreeing. */
static void settles_features(void)
{
    enum { N = T - 1, DIM = VMG_REP_DIM };
    vmg_poses p;
    double before[VMG_N_JOINT_METRICS], after[VMG_N_JOINT_METRICS];
    float *x = calloc((size_t)N * DIM, sizeof *x), *joints = calloc((size_t)N * 66, sizeof *joints);
    if (!stepping(0.004, &p))
        return;
    vmg_poses_translate(&p, (double[3]){0, 0, 0.21});
    REQUIRE(x && joints);
    REQUIRE_OK(vmg_rep276_encode(&p, x));
    x[40 * DIM + VMG_REP_POS + 2 + 3 * VMG_HEAD] = -1; /* a stray joint is no floor */
    vmg_rep276_ground(x, N);
    for (int t = 0; t < N; t++)
        memcpy(joints + t * 66, x + t * DIM + VMG_REP_POS, 66 * sizeof *joints);
    REQUIRE_OK(vmg_mbench_joints(joints, N, 2, before));
    REQUIRE_OK(vmg_rep276_settle(x, N, 20));
    float low = 1;
    for (int t = 0; t < N; t++) {
        memcpy(joints + t * 66, x + t * DIM + VMG_REP_POS, 66 * sizeof *joints);
        for (int j = 0; j < VMG_N_JOINTS; j++)
            low = t != 40 && joints[t * 66 + 3 * j + 2] < low ? joints[t * 66 + 3 * j + 2] : low;
        for (int i = 0; t > 0 && i < 66; i++)
            CHECK_CLOSE(joints[t * 66 + i] - joints[(t - 1) * 66 + i],
                        x[(t - 1) * DIM + VMG_REP_VEL + i], 2e-6);
    }
    REQUIRE_OK(vmg_mbench_joints(joints, N, 2, after));
    CHECK(low > -0.02f && low < 0.01f);
    CHECK(after[VMG_FOOT_SLIDING] < 0.3 * before[VMG_FOOT_SLIDING]);
    vmg_poses_free(&p);
    free(x);
    free(joints);
}

static const vmg_test_case cases[] = {
    {"settles_features", settles_features},
    {"finds_contacts", finds_contacts},
    {"pins_sliding_feet", pins_sliding_feet},
    {"leaves_clean_motion_alone", leaves_clean_motion_alone},
    {"lifts_feet_out_of_the_ground", lifts_feet_out_of_the_ground},
    {"real_gaits", real_gaits},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, sizeof cases / sizeof *cases);
}
