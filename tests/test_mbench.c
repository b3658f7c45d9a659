/* MBench's joint metrics on motions whose values are known beforehand. */
#include "src/mbench/joints.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/status.h"
#include "src/motion/skeleton.h"
#include "tests/harness.h"

enum { T = 40, POS = 3 * VMG_N_JOINTS };

/* A stiff body standing on z = 0 (feet at `foot_z`) that moves by `step` metres along x each
 * frame. */
static void stiff_body(float *p, double step, double foot_z)
{
    for (int t = 0; t < T; t++)
        for (int j = 0; j < VMG_N_JOINTS; j++) {
            const double *r = vmg_rest_joint[j];
            float *q = p + t * POS + 3 * j;
            q[0] = (float)(-r[0] + step * t);
            q[1] = (float)r[2];
            q[2] = (float)(r[1] + 1.29);
            if (j == VMG_L_FOOT || j == VMG_R_FOOT)
                q[2] = (float)foot_z;
        }
}

static void standing(void)
{
    static float p[T * POS];
    double v[VMG_N_JOINT_METRICS];
    stiff_body(p, 0, 0);
    REQUIRE_OK(vmg_mbench_joints(p, T, 2, v));
    for (int k = 0; k < VMG_N_JOINT_METRICS; k++)
        CHECK_CLOSE(v[k], 0, 0);
}

static void gliding_on_the_floor(void)
{
    static float p[T * POS];
    double v[VMG_N_JOINT_METRICS];
    stiff_body(p, 0.05, 0);
    REQUIRE_OK(vmg_mbench_joints(p, T, 2, v));
    CHECK_CLOSE(v[VMG_DYNAMIC_DEGREE], 0.05, 1e-6); /* nothing moves against the root */
    CHECK_CLOSE(v[VMG_JITTER_DEGREE], 0, 1e-6);
    CHECK_CLOSE(v[VMG_FOOT_SLIDING], 0.05, 1e-6); /* in contact by height */
    CHECK_CLOSE(v[VMG_FOOT_FLOATING], 1,
                1e-12); /* every frame invalid: both feet go with the root */
}

static void gliding_in_the_air(void)
{
    static float p[T * POS];
    double v[VMG_N_JOINT_METRICS];
    stiff_body(p, 0.05, 0.3);
    REQUIRE_OK(vmg_mbench_joints(p, T, 2, v));
    CHECK_CLOSE(v[VMG_FOOT_SLIDING], 0, 0);
    CHECK_CLOSE(v[VMG_FOOT_FLOATING], 1, 1e-12); /* two runs of T frames, halved */
}

/* Accelerated: x = a t^2 / 2 has second differences a; the head alone moves against the root. */
static void jitter_counts_joints(void)
{
    static float p[T * POS];
    double v[VMG_N_JOINT_METRICS];
    stiff_body(p, 0, 0);
    for (int t = 0; t < T; t++)
        p[t * POS + 3 * VMG_HEAD] += (float)(0.005 * t * t / 2);
    REQUIRE_OK(vmg_mbench_joints(p, T, 2, v));
    CHECK_CLOSE(v[VMG_JITTER_DEGREE], 2 * 0.005 / 22, 1e-6);
    CHECK_CLOSE(v[VMG_DYNAMIC_DEGREE], 2 * 0.005 * (T - 1) / 2 / 22, 1e-6);
}

static void penetration(void)
{
    static float p[T * POS];
    double v[VMG_N_JOINT_METRICS];
    stiff_body(p, 0, -0.004); /* not deep enough to count */
    REQUIRE_OK(vmg_mbench_joints(p, T, 2, v));
    CHECK_CLOSE(v[VMG_GROUND_PENETRATION], 0, 0);
    p[7 * POS + 3 * VMG_L_FOOT + 2] = -0.02f;
    p[9 * POS + 3 * VMG_R_FOOT + 2] = -0.04f;
    REQUIRE_OK(vmg_mbench_joints(p, T, 2, v));
    CHECK_CLOSE(v[VMG_GROUND_PENETRATION], 0.03, 1e-7);
}

/* Both feet in the air: the left one circles, so its direction swings to and fro about the final
 * one. */
static void circling_foot_is_mass_floating(void)
{
    static float p[T * POS];
    double v[2][VMG_N_JOINT_METRICS];
    for (int circling = 0; circling < 2; circling++) {
        stiff_body(p, 0, 0.4);
        for (int t = 0; t < T; t++) {
            float *l = p + t * POS + 3 * VMG_L_FOOT, *r = p + t * POS + 3 * VMG_R_FOOT;
            l[0] += (float)(0.02 * t);
            l[1] += (float)(circling ? 0.1 * sin(t) : 0);
            r[0] += (float)(0.02 * t);
        }
        REQUIRE_OK(vmg_mbench_joints(p, T, 2, v[circling]));
    }
    CHECK_CLOSE(v[0][VMG_FOOT_FLOATING], 0, 0);
    CHECK_CLOSE(v[1][VMG_FOOT_FLOATING], 1, 1e-12);
}

static void up_axis(void)
{
    static float p[T * POS], q[T * POS];
    double a[VMG_N_JOINT_METRICS], b[VMG_N_JOINT_METRICS];
    stiff_body(p, 0.03, 0.01);
    for (int i = 0; i < T * POS; i++)
        p[i] += 0.01f * vmg_test_uniform();
    for (int i = 0; i < T * VMG_N_JOINTS; i++) { /* (x,y,z) -> (-x,z,y): y up */
        q[3 * i] = -p[3 * i];
        q[3 * i + 1] = p[3 * i + 2];
        q[3 * i + 2] = p[3 * i + 1];
    }
    REQUIRE_OK(vmg_mbench_joints(p, T, 2, a));
    REQUIRE_OK(vmg_mbench_joints(q, T, 1, b));
    for (int k = 0; k < VMG_N_JOINT_METRICS; k++)
        CHECK_CLOSE(b[k], a[k], 1e-6);
    REQUIRE_OK(vmg_mbench_joints(q, T, 2, b)); /* what `official` does with such a file */
    CHECK(fabs(b[VMG_FOOT_SLIDING] - a[VMG_FOOT_SLIDING]) > 1e-3);
}

static void short_and_bad_clips(void)
{
    static float p[T * POS];
    double v[VMG_N_JOINT_METRICS];
    stiff_body(p, 0.05, -0.1);
    for (int n = 1; n < 6; n++)
        CHECK_OK(vmg_mbench_joints(p, n, 2, v));
    REQUIRE_OK(vmg_mbench_joints(p, 1, 2, v));
    CHECK_CLOSE(v[VMG_DYNAMIC_DEGREE], 0, 0);
    CHECK_CLOSE(v[VMG_GROUND_PENETRATION], 0.1, 1e-6);
    CHECK_FAILS(vmg_mbench_joints(p, 0, 2, v), VMG_E_ARG, "0 frames");
    CHECK_FAILS(vmg_mbench_joints(p, T, 3, v), VMG_E_ARG, "axis 3");
    p[5 * POS + 3 * VMG_NECK] = NAN;
    CHECK_FAILS(vmg_mbench_joints(p, T, 2, v), VMG_E_ARG, "neck of frame 5");
}

static void summary(void)
{
    const double v[] = {1, 9, 3, 9, 5, 9};
    vmg_mbench_summary s = vmg_mbench_summarise(v, 3, 2);
    CHECK_CLOSE(s.mean, 3, 1e-12);
    CHECK_CLOSE(s.std, sqrt(8.0 / 3), 1e-12);
    CHECK_INT(s.n, 3);
    s = vmg_mbench_summarise(v, 0, 2);
    CHECK_CLOSE(s.mean + s.std, 0, 0);
    enum vmg_mbench_mode mode;
    CHECK_OK(vmg_mbench_parse_mode("official", &mode));
    CHECK_STR(vmg_mbench_mode_name(mode), "official");
    CHECK_FAILS(vmg_mbench_parse_mode("Official", &mode), VMG_E_ARG, "Official");
}

static const vmg_test_case cases[] = {
    {"standing", standing},
    {"gliding_on_the_floor", gliding_on_the_floor},
    {"gliding_in_the_air", gliding_in_the_air},
    {"jitter_counts_joints", jitter_counts_joints},
    {"penetration", penetration},
    {"circling_foot_is_mass_floating", circling_foot_is_mass_floating},
    {"up_axis", up_axis},
    {"short_and_bad_clips", short_and_bad_clips},
    {"summary", summary},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, sizeof cases / sizeof *cases);
}
