/* Features, canonical frame, resampling and edits of clips, by properties that must hold. */
#include "src/motion/rep276.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "host/base/status.h"
#include "src/motion/canonical.h"
#include "src/motion/edit.h"
#include "src/motion/resample.h"
#include "src/motion/rotation.h"
#include "src/motion/smooth.h"
#include "tests/harness.h"
#include "tests/motion_fixture.h"

static const double *const rest = vmg_rest_joint[VMG_PELVIS];

/* Direction the body faces in the plane, as an angle from +y about z. */
static double heading(const vmg_poses *p, int64_t t)
{
    double M[9];
    vmg_canonical_rotation(p, t, M);
    return atan2(M[1], M[0]);
}

static float *features(const vmg_poses *p)
{
    float *x = calloc((size_t)(p->T > 1 ? p->T - 1 : 1), VMG_REP_DIM * sizeof *x);
    CHECK_OK(vmg_rep276_encode(p, x));
    return x;
}

static void features_decode_to_the_poses(void)
{
    vmg_poses p, head, got;
    REQUIRE_OK(vmg_test_motion_make(VMG_TEST_TUMBLE, 130, 0.7, &p));
    float *x = features(&p);
    REQUIRE_OK(vmg_poses_crop(&p, 0, 129, &head));
    for (int source = 0; source < 2; source++) {
        REQUIRE_OK(vmg_rep276_decode(x, 129, (enum vmg_rep_source)source, false, &got));
        CHECK_CLOSE(vmg_test_joint_error(&got, &head), 0, 2e-5);
        CHECK_CLOSE(vmg_test_rot_error(&got, &head), 0, 1e-5);
        vmg_poses_free(&got);
        REQUIRE_OK(vmg_rep276_decode(x, 129, (enum vmg_rep_source)source, true, &got));
        CHECK_INT(got.T, 130);
        CHECK_CLOSE(vmg_test_joint_error(&got, &p), 0, 2e-5);
        /* the last frame's root comes from the velocity, its body pose is the previous one's */
        CHECK_CLOSE(vmg_rot_angle(vmg_poses_rot(&got, 129, 0), vmg_poses_rot(&p, 129, 0)), 0, 1e-5);
        CHECK_CLOSE(vmg_rot_angle(vmg_poses_rot(&got, 129, 5), vmg_poses_rot(&p, 128, 5)), 0, 1e-6);
        CHECK_CLOSE(got.transl[3 * 129 + 1], p.transl[3 * 129 + 1], 1e-5);
        vmg_poses_free(&got);
    }
    float *joints = calloc(129 * 66, sizeof *joints);
    vmg_rep276_integrate_joints(x, 129, joints);
    double worst = 0;
    for (int i = 0; i < 129 * 66; i++)
        worst = fmax(worst, fabs(joints[i] - p.joints[i]));
    CHECK_CLOSE(worst, 0, 2e-5);
    CHECK_FAILS(vmg_rep276_encode(&(vmg_poses){.T = 1}, x), VMG_E_ARG, "2 poses");
    CHECK_FAILS(vmg_rep276_decode(x, 0, VMG_REP_STORED, false, &got), VMG_E_ARG,
                "0 feature frames");
    free(joints);
    free(x);
    vmg_poses_free(&p);
    vmg_poses_free(&head);
}

/* Layout: what lies where, against values put in by hand. */
static void layout(void)
{
    vmg_poses p;
    float x[VMG_REP_DIM], ref[VMG_REF_DIM];
    REQUIRE_OK(vmg_poses_alloc(2, &p));
    vmg_rot_about_axis(2, M_PI / 2,
                       vmg_poses_rot(&p, 0, 1)); /* left hip: columns (0,1,0), (-1,0,0) */
    vmg_rot_about_axis(0, M_PI / 2, vmg_poses_rot(&p, 1, 0)); /* root of the second pose */
    memcpy(vmg_poses_joint(&p, 0, 21), (double[3]){1, 2, 3}, 3 * sizeof(double));
    memcpy(vmg_poses_joint(&p, 1, 21), (double[3]){1.5, 2, 2}, 3 * sizeof(double));
    memcpy(p.transl, (double[6]){7, 8, 9, 7.5, 8, 8}, 6 * sizeof(double));
    REQUIRE_OK(vmg_rep276_encode(&p, x));
    const struct {
        int at;
        float want;
    } v[] = {{0, 0},   {1, -1},  {2, 1},   {3, 0},    {4, 0},    {5, 0},   {6, 1},   {9, 1},
             {189, 1}, {190, 2}, {191, 3}, {255, .5}, {257, -1}, {258, 1}, {261, 1}, {264, 1},
             {267, 0}, {269, 1}, {270, 7}, {272, 9},  {273, .5}, {275, -1}};
    for (size_t i = 0; i < VMG_COUNT(v); i++)
        CHECK_CLOSE(x[v[i].at], v[i].want, 1e-6);
    vmg_rep276_reference(x, 1, ref);
    CHECK_CLOSE(ref[1], -1, 1e-6);
    CHECK_CLOSE(ref[126], x[258], 0);
    CHECK_CLOSE(ref[137], x[269], 0);
    vmg_poses_free(&p);
}

static void normalise_there_and_back(void)
{
    enum { T = 3 };
    float x[T * VMG_REP_DIM], y[T * VMG_REP_DIM], mean[VMG_REP_DIM], std[VMG_REP_DIM];
    vmg_test_fill(x, VMG_COUNT(x));
    vmg_test_fill(mean, VMG_REP_DIM);
    for (int i = 0; i < VMG_REP_DIM; i++)
        std[i] = 0.1f + fabsf(vmg_test_uniform());
    memcpy(y, x, sizeof x);
    vmg_rep276_normalise(y, T, mean, std);
    CHECK_CLOSE(y[VMG_REP_DIM + 5], (x[VMG_REP_DIM + 5] - mean[5]) / std[5], 1e-6);
    vmg_rep276_denormalise(y, T, mean, std);
    CHECK_ARRAY(y, x, VMG_COUNT(x), 1e-6);
}

static void canonical_frame(void)
{
    for (int kind = VMG_TEST_WALK; kind <= VMG_TEST_HANDSTAND; kind++)
        for (int k = 0; k < 8; k++) {
            vmg_poses p, q;
            vmg_canonical did;
            double offset[VMG_N_JOINTS][3];
            REQUIRE_OK(vmg_test_motion_make((enum vmg_test_motion)kind, 40, k * M_PI / 4, &p));
            vmg_poses_translate(&p, (double[3]){3, -2, 5});
            vmg_canonicalise(&p, k % 2, rest, &did);
            CHECK_CLOSE(heading(&p, 0), 0, 1e-9);
            CHECK_CLOSE(p.joints[0], 0, 1e-12);
            CHECK_CLOSE(p.joints[1], 0, 1e-12);
            CHECK_CLOSE(k % 2 ? vmg_poses_lowest(&p, 2) : p.joints[2], 0, 1e-12);
            /* rotations, joints and transl still tell the same body */
            vmg_rest_offsets(offset);
            REQUIRE_OK(vmg_poses_crop(&p, 0, p.T, &q));
            vmg_poses_place_pelvis(&q, rest);
            vmg_poses_fk(&q, (const double(*)[3])offset);
            CHECK_CLOSE(vmg_test_joint_error(&p, &q), 0, 1e-9);
            vmg_poses_free(&p);
            vmg_poses_free(&q);
        }
    vmg_poses p;
    double M[9];
    REQUIRE_OK(vmg_poses_alloc(1, &p)); /* hips coincide */
    vmg_canonical_rotation(&p, 0, M);
    CHECK(!memcmp(M, vmg_rot_identity, sizeof M));
    vmg_poses_free(&p);
}

/* A forward walk goes where the body faces; the turn of the world's axes keeps it so. */
static void axes_keep_facing(void)
{
    vmg_poses p;
    REQUIRE_OK(vmg_test_motion_make(VMG_TEST_WALK, 41, 2.0, &p));
    vmg_poses_rotate(&p, vmg_axes_z_up_to_y_up, rest);
    CHECK(vmg_poses_joint(&p, 0, VMG_HEAD)[1] > vmg_poses_joint(&p, 0, VMG_L_FOOT)[1] + 1.2);
    vmg_poses_rotate(&p, vmg_axes_y_up_to_z_up, rest);
    vmg_canonicalise(&p, true, rest, NULL);
    const double *end = vmg_poses_joint(&p, 40, 0);
    CHECK_CLOSE(end[0], 0, 0.3);
    CHECK_CLOSE(end[1], 2.4, 0.1);
    CHECK(vmg_poses_joint(&p, 0, VMG_L_HIP)[0] < 0); /* facing +y, left is -x */
    vmg_poses_free(&p);
}

static void mirror(void)
{
    vmg_poses p, q;
    REQUIRE_OK(vmg_test_motion_make(VMG_TEST_TUMBLE, 90, 0.4, &p));
    REQUIRE_OK(vmg_poses_crop(&p, 0, 90, &q));
    vmg_poses_mirror(&q, rest);
    for (int t = 0; t < 90; t += 13) {
        const double *l = vmg_poses_joint(&p, t, VMG_L_WRIST),
                     *r = vmg_poses_joint(&q, t, VMG_R_WRIST);
        CHECK_CLOSE(r[0], -l[0], 1e-12);
        CHECK_CLOSE(r[1], l[1], 1e-12);
    }
    /* mirrored rotations with mirrored bones give mirrored joints */
    double offset[VMG_N_JOINTS][3], mirrored[VMG_N_JOINTS][3];
    vmg_rest_offsets(offset);
    for (int j = 0; j < VMG_N_JOINTS; j++)
        for (int c = 0; c < 3; c++)
            mirrored[j][c] = (c ? 1 : -1) * offset[vmg_joint_mirror[j]][c];
    vmg_poses f;
    REQUIRE_OK(vmg_poses_crop(&q, 0, 90, &f));
    vmg_poses_fk(&f, (const double(*)[3])mirrored);
    CHECK_CLOSE(vmg_test_joint_error(&f, &q), 0, 1e-9);
    vmg_poses_mirror(&q, rest);
    CHECK_CLOSE(vmg_test_joint_error(&p, &q), 0, 1e-12);
    CHECK_CLOSE(vmg_test_rot_error(&p, &q), 0, 1e-9);
    CHECK_CLOSE(p.transl[5], q.transl[5], 1e-12);
    CHECK_CLOSE(p.transl[3], q.transl[3], 1e-12);
    vmg_poses_free(&p);
    vmg_poses_free(&q);
    vmg_poses_free(&f);
}

static double bone_spread(const vmg_poses *p)
{
    double worst = 0;
    for (int j = 1; j < VMG_N_JOINTS; j++) {
        double low = INFINITY, high = 0;
        for (int64_t t = 0; t < p->T; t++) {
            const double *a = vmg_poses_joint(p, t, j),
                         *b = vmg_poses_joint(p, t, vmg_joint_parent[j]);
            double d[3] = {a[0] - b[0], a[1] - b[1], a[2] - b[2]}, n = vmg_vec_norm(d);
            low = fmin(low, n);
            high = fmax(high, n);
        }
        worst = fmax(worst, high - low);
    }
    return worst;
}

static void resample_better(void)
{
    vmg_poses p, up, back;
    REQUIRE_OK(vmg_test_motion_make(VMG_TEST_WALK, 61, 0.3, &p));
    REQUIRE_OK(vmg_poses_resample(&p, 20, 60, &up));
    CHECK_INT(up.T, 181);
    CHECK_CLOSE(bone_spread(&up), 0, 1e-9);
    REQUIRE_OK(vmg_poses_resample(&up, 60, 20, &back));
    CHECK_CLOSE(vmg_test_joint_error(&p, &back), 0, 1e-9);
    vmg_poses_free(&back);
    /* joints that do not follow from the rotations survive at the frames that stay */
    for (int64_t i = 0; i < 66 * p.T; i++)
        p.joints[i] += 0.01 * vmg_test_uniform();
    vmg_poses_free(&up);
    REQUIRE_OK(vmg_poses_resample(&p, 20, 30, &up));
    CHECK_INT(up.T, 91);
    for (int t = 0; t < 30; t++)
        CHECK_CLOSE(vmg_poses_joint(&up, 3 * t, 20)[1], vmg_poses_joint(&p, 2 * t, 20)[1], 1e-9);
    vmg_poses_free(&up);
    vmg_poses_free(&p);

    /* features: speed in metres per second stays, rotations stay rotations */
    REQUIRE_OK(vmg_test_motion_make(VMG_TEST_WALK, 50, 0, &p));
    float *x = features(&p), *y;
    int64_t T_out;
    REQUIRE_OK(vmg_rep276_resample(x, 49, 16, 20, VMG_RESAMPLE_BETTER, &y, &T_out));
    CHECK_INT(T_out, 61);
    double R[9], in = 0, out = 0;
    for (int i = 0; i < 49; i++)
        in += x[i * 276 + 274] * 16 / 49;
    for (int i = 0; i < 61; i++)
        out += y[i * 276 + 274] * 20 / 61;
    CHECK_CLOSE(out, in, 0.01 * in);
    for (int t = 0; t < 61; t++) {
        float d6[6];
        vmg_rot_from_6d(y + 276 * t + 24, R);
        vmg_rot_to_6d(R, d6);
        CHECK_ARRAY(d6, y + 276 * t + 24, 6, 1e-6);
        if (t < 60)
            CHECK_CLOSE(y[276 * t + 127] + y[276 * t + 193], y[276 * (t + 1) + 127], 1e-5);
    }
    free(y);
    REQUIRE_OK(vmg_rep276_resample(x, 49, 20, 20, VMG_RESAMPLE_BETTER, &y, &T_out));
    CHECK_INT(T_out, 49);
    CHECK_ARRAY(y, x, 49 * 276, 1e-5);
    free(y);
    CHECK_FAILS(vmg_rep276_resample(x, 1, 100, 1, VMG_RESAMPLE_BETTER, &y, &T_out), VMG_E_ARG,
                "none");
    CHECK_FAILS(vmg_rep276_resample(x, 9, 0, 20, VMG_RESAMPLE_BETTER, &y, &T_out), VMG_E_ARG,
                "rate");
    free(x);
    vmg_poses_free(&p);
}

static void resample_published(void)
{
    enum { T = 33 };
    static float x[T * VMG_REP_DIM];
    float *y;
    int64_t n;
    vmg_test_fill(x, VMG_COUNT(x));
    REQUIRE_OK(vmg_rep276_resample(x, T, 16, 20, VMG_RESAMPLE_PUBLISHED, &y, &n));
    CHECK_INT(n, T * 20 / 16);
    CHECK_ARRAY(y, x, VMG_REP_DIM, 0);
    CHECK_ARRAY(y + (n - 1) * VMG_REP_DIM, x + (T - 1) * VMG_REP_DIM, VMG_REP_DIM, 1e-6);
    for (int64_t t = 1; t < n - 1; t++) { /* torch's align_corners=True */
        double at = (double)(t * (T - 1)) / (double)(n - 1), f = at - floor(at);
        int a = (int)at;
        CHECK_CLOSE(y[t * 276 + 100], (1 - f) * x[a * 276 + 100] + f * x[(a + 1) * 276 + 100],
                    1e-5);
    }
    free(y);
    enum vmg_resample_mode mode;
    CHECK_OK(vmg_resample_parse("published", &mode));
    CHECK_STR(vmg_resample_name(mode), "published");
    CHECK_FAILS(vmg_resample_parse("cubic", &mode), VMG_E_ARG, "cubic");
}

static void smoothing(void)
{
    float x[9 * 2], y[9 * 2];
    vmg_test_fill(x, 18);
    memcpy(y, x, sizeof x);
    REQUIRE_OK(vmg_smooth_gaussian(y, 9, 2, VMG_SMOOTH_WIDTH, VMG_SMOOTH_SIGMA));
    CHECK_ARRAY(y, x, 4, 0);
    CHECK_ARRAY(y + 14, x + 14, 4, 0);
    /* exp(0), exp(-1/2), exp(-2) over their sum */
    const double a = 0.40261995, b = 0.24420134, c = 0.05448869;
    for (int t = 2; t < 7; t++)
        CHECK_CLOSE(y[2 * t],
                    a * x[2 * t] + b * (x[2 * t - 2] + x[2 * t + 2]) +
                        c * (x[2 * t - 4] + x[2 * t + 4]),
                    1e-6);
    memcpy(y, x, sizeof x);
    CHECK_OK(vmg_smooth_gaussian(y, 4, 2, 5, 1));
    CHECK_ARRAY(y, x, 18, 0);
    CHECK_FAILS(vmg_smooth_gaussian(y, 4, 2, 4, 1), VMG_E_ARG, "odd");
}

static void join(void)
{
    vmg_poses a, b, got;
    REQUIRE_OK(vmg_test_motion_make(VMG_TEST_WALK, 40, 1.0, &a));
    REQUIRE_OK(vmg_test_motion_make(VMG_TEST_WALK, 30, -2.0, &b));
    REQUIRE_OK(vmg_poses_concat(&a, &b, rest, true, 8, &got));
    CHECK_INT(got.T, 70);
    CHECK_CLOSE(bone_spread(&got), 0, 1e-9);
    double step = 0, turn = 0;
    for (int64_t t = 1; t < got.T; t++) {
        const double *p = vmg_poses_joint(&got, t, 0), *q = vmg_poses_joint(&got, t - 1, 0);
        step = fmax(step, vmg_vec_norm((double[3]){p[0] - q[0], p[1] - q[1], p[2] - q[2]}));
        for (int j = 0; j < VMG_N_JOINTS; j++)
            turn =
                fmax(turn, vmg_rot_angle(vmg_poses_rot(&got, t, j), vmg_poses_rot(&got, t - 1, j)));
    }
    CHECK_CLOSE(step, 0.06, 0.02); /* 1.2 m/s at 20 fps, at the seam too */
    CHECK(turn < 0.35);
    CHECK_CLOSE(heading(&got, 69), 1.0, 0.4);
    vmg_poses_free(&got);
    CHECK_FAILS(vmg_poses_concat(&a, &b, rest, true, -1, &got), VMG_E_ARG, "join");
    vmg_poses_free(&a);
    vmg_poses_free(&b);
}

static void loop(void)
{
    vmg_poses p, q;
    vmg_loop l;
    /* limbs repeat after 2 pi / 6 s * 20 fps = 20.94 frames; 200 frames are 9.55 turns: not a
     * loop */
    REQUIRE_OK(vmg_test_motion_make(VMG_TEST_WALK, 200, 0.5, &p));
    REQUIRE_OK(vmg_poses_loop(&p, &l));
    CHECK(l.pose_m > 0.05);
    CHECK_CLOSE(l.travel_m, 1.2 * 199 / 20, 1e-6);
    CHECK_CLOSE(l.turn_rad, 0.1 * sin(6 * 199 / 20.0), 0.1);
    REQUIRE_OK(vmg_poses_crop(&p, 0, 22, &q));
    REQUIRE_OK(vmg_poses_loop(&q, &l));
    CHECK(l.pose_m < 0.02 && l.worst_m < 0.06 && l.step_m < 0.03);
    vmg_poses_free(&p);
    vmg_poses_free(&q);
    CHECK_FAILS(vmg_poses_loop(&(vmg_poses){0}, &l), VMG_E_ARG, "3 poses");
}

static const vmg_test_case cases[] = {
    {"features_decode_to_the_poses", features_decode_to_the_poses},
    {"layout", layout},
    {"normalise_there_and_back", normalise_there_and_back},
    {"canonical_frame", canonical_frame},
    {"axes_keep_facing", axes_keep_facing},
    {"mirror", mirror},
    {"resample_better", resample_better},
    {"resample_published", resample_published},
    {"smoothing", smoothing},
    {"join", join},
    {"loop", loop},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
