/* Other skeletons onto ours: made-up ones whose truth is known, and real motion capture. */
#include "src/motion/retarget.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/motion/canonical.h"
#include "src/motion/edit.h"
#include "src/motion/fit.h"
#include "src/motion/pose_bvh.h"
#include "src/motion/rotation.h"
#include "tests/harness.h"
#include "tests/motion_fixture.h"

static const vmg_retarget_options plain;
static const char *const mixamo[] = {
    "mixamorig:Hips",        "mixamorig:LeftUpLeg",    "mixamorig:RightUpLeg",
    "mixamorig:Spine",       "mixamorig:LeftLeg",      "mixamorig:RightLeg",
    "mixamorig:Spine1",      "mixamorig:LeftFoot",     "mixamorig:RightFoot",
    "mixamorig:Spine2",      "mixamorig:LeftToeBase",  "mixamorig:RightToeBase",
    "mixamorig:Neck",        "mixamorig:LeftShoulder", "mixamorig:RightShoulder",
    "mixamorig:Head",        "mixamorig:LeftArm",      "mixamorig:RightArm",
    "mixamorig:LeftForeArm", "mixamorig:RightForeArm", "mixamorig:LeftHand",
    "mixamorig:RightHand"};
static const char *const lafan[] = {
    "Hips",        "LeftUpLeg",    "RightUpLeg",    "Spine",    "LeftLeg", "RightLeg",
    "Spine1",      "LeftFoot",     "RightFoot",     "Spine2",   "LeftToe", "RightToe",
    "Neck",        "LeftShoulder", "RightShoulder", "Head",     "LeftArm", "RightArm",
    "LeftForeArm", "RightForeArm", "LeftHand",      "RightHand"};

/* The motion on the default body as a BVH, joints renamed (names may be NULL). */
static bool make_bvh(const vmg_poses *p, const vmg_pose_bvh_options *o, const char *const *names,
                     vmg_bvh *out)
{
    double offset[VMG_N_JOINTS][3];
    vmg_rest_offsets(offset);
    if (!CHECK_OK(vmg_pose_bvh(p, (const double(*)[3])offset, o, out)))
        return false;
    for (int j = 0; names && j < VMG_N_JOINTS; j++) {
        free(out->joint[j].name);
        out->joint[j].name = vmg_strdup(names[j]);
    }
    return true;
}

/* What we write, as any importer computes it, is where our joints are: all orders, both up axes. */
static void written_kinematics_are_ours(void)
{
    static const int orders[][3] = {{2, 1, 0}, {2, 0, 1}, {0, 1, 2},
                                    {1, 0, 2}, {0, 2, 1}, {1, 2, 0}};
    for (int kind = VMG_TEST_WALK; kind <= VMG_TEST_TUMBLE; kind++)
        for (int k = 0; k < 6; k++) {
            vmg_poses p;
            vmg_bvh bvh, back;
            REQUIRE_OK(vmg_test_motion_make((enum vmg_test_motion)kind, 130, M_PI * k / 3, &p));
            vmg_pose_bvh_options o = {
                30, 1 + k % 2, {orders[k][0], orders[k][1], orders[k][2]}, k < 3 ? 1 : 100};
            if (!make_bvh(&p, &o, NULL, &bvh))
                return;
            const char *path = vmg_test_tmp("kin.bvh");
            REQUIRE_OK(vmg_bvh_write(path, &bvh));
            REQUIRE_OK(vmg_bvh_read(path, &back));
            double G[22 * 9], q[22 * 3], worst = 0, jump = 0;
            for (int64_t t = 0; t < p.T; t++) {
                vmg_bvh_fk(&back, t, G, q);
                for (int j = 0; j < 22; j++) {
                    const double *w = vmg_poses_joint(&p, t, j);
                    double want[3] = {w[0], w[1], w[2]};
                    if (o.up_axis == 1)
                        vmg_rot_apply(vmg_axes_z_up_to_y_up, want, want);
                    for (int c = 0; c < 3;
                         c++) /* the file lists joints depth first: find by name */
                        worst = fmax(worst, fabs(q[3 * vmg_bvh_find(&back, vmg_joint_name[j]) + c] /
                                                     o.unit_per_m -
                                                 want[c]));
                }
                for (int64_t i = 3; t && i < back.n_channels; i++)
                    jump = fmax(jump, fabs(back.value[t * back.n_channels + i] -
                                           back.value[(t - 1) * back.n_channels + i]));
            }
            CHECK_CLOSE(worst, 0, 2e-6);
            /* continuous angles, but where a body passes close by gimbal lock: there they may swing
             * quickly */
            CHECK(jump < 181);
            vmg_bvh_free(&bvh);
            vmg_bvh_free(&back);
            vmg_poses_free(&p);
        }
}

/* Our own files come back exactly, whatever direction the body faces. */
static void own_files_round_trip(void)
{
    for (int kind = VMG_TEST_WALK; kind <= VMG_TEST_TUMBLE; kind++)
        for (int up = 1; up <= 2; up++) {
            vmg_poses p, got;
            vmg_bvh bvh;
            vmg_retarget_report r;
            vmg_pose_bvh_options o = VMG_POSE_BVH_DEFAULT;
            o.up_axis = up;
            o.unit_per_m = up == 1 ? 1 : 100;
            REQUIRE_OK(vmg_test_motion_make((enum vmg_test_motion)kind, 130, M_PI, &p));
            if (!make_bvh(&p, &o, NULL, &bvh))
                return;
            REQUIRE_OK(vmg_retarget_bvh(&bvh, &plain, &got, &r));
            CHECK_STR(r.convention, "smpl");
            CHECK_INT(r.up_axis, up);
            CHECK_CLOSE(r.unit_m, up == 1 ? 1 : 0.01, 1e-12);
            CHECK(r.natural_rest && !r.dropped_tpose);
            CHECK_CLOSE(vmg_test_joint_error(&got, &p), 0, 2e-6);
            CHECK_CLOSE(vmg_test_rot_error(&got, &p), 0, 2e-6);
            vmg_bvh_free(&bvh);
            vmg_poses_free(&p);
            vmg_poses_free(&got);
        }
}

/* A skeleton with our bones in centimetres under Mixamo's names: nothing may change. */
static void natural_rest_pose(void)
{
    vmg_poses p, got;
    vmg_bvh bvh;
    vmg_retarget_report r;
    vmg_pose_bvh_options o = VMG_POSE_BVH_DEFAULT;
    o.unit_per_m = 100;
    REQUIRE_OK(vmg_test_motion_make(VMG_TEST_TUMBLE, 90, 2.2, &p));
    if (!make_bvh(&p, &o, mixamo, &bvh))
        return;
    REQUIRE_OK(vmg_retarget_bvh(&bvh, &plain, &got, &r));
    CHECK_STR(r.convention, "mixamo");
    CHECK_CLOSE(r.unit_m, 0.01, 1e-12);
    CHECK_CLOSE(vmg_test_joint_error(&got, &p), 0, 3e-6);
    CHECK_CLOSE(vmg_test_rot_error(&got, &p), 0, 3e-6);
    vmg_poses_free(&got);
    /* twice the size: scaled back to our body, or kept */
    for (int j = 0; j < 22; j++)
        for (int c = 0; c < 3; c++)
            bvh.joint[j].offset[c] *= 1.3;
    for (int64_t t = 0; t < bvh.n_frames; t++)
        for (int c = 0; c < 3; c++)
            bvh.value[t * bvh.n_channels + c] *= 1.3f;
    REQUIRE_OK(vmg_retarget_bvh(&bvh, &plain, &got, &r));
    CHECK_CLOSE(r.scale, 1 / 1.3, 1e-6);
    CHECK_CLOSE(vmg_test_joint_error(&got, &p), 0, 3e-6);
    vmg_poses_free(&got);
    REQUIRE_OK(vmg_retarget_bvh(&bvh, &(vmg_retarget_options){.keep_bones = true}, &got, &r));
    for (int64_t i = 0; i < 66 * p.T; i++)
        p.joints[i] *= 1.3;
    CHECK_CLOSE(vmg_test_joint_error(&got, &p), 0, 4e-6);
    vmg_poses_free(&got);
    vmg_poses_free(&p);
    vmg_bvh_free(&bvh);
}

/* Turn every joint's axes by a constant of its own, as LAFAN1's do: the rest pose becomes
 * nonsense. */
static void scramble_axes(vmg_bvh *bvh)
{
    double Q[22][9], R[9], rad[3], a[3];
    static const int zyx[3] = {2, 1, 0};
    for (int j = 0; j < 22; j++) {
        for (int c = 0; c < 3; c++)
            a[c] = 3 * vmg_test_uniform();
        vmg_rot_from_axis_angle(a, Q[j]);
        if (j)
            vmg_rot_tapply(Q[bvh->joint[j].parent], bvh->joint[j].offset, bvh->joint[j].offset);
    }
    for (int64_t t = 0; t < bvh->n_frames; t++)
        for (int j = 0; j < 22; j++) {
            float *v = bvh->value + t * bvh->n_channels + bvh->joint[j].first_channel + (j ? 0 : 3);
            for (int c = 0; c < 3; c++)
                rad[c] = v[c] * M_PI / 180;
            vmg_rot_from_euler(zyx, rad, R);
            vmg_rot_mul(R, Q[j], R);
            if (j)
                vmg_rot_tmul(Q[bvh->joint[j].parent], R, R);
            vmg_rot_to_euler(R, zyx, NULL, rad);
            for (int c = 0; c < 3; c++)
                v[c] = (float)(rad[c] * 180 / M_PI);
        }
}

static void senseless_rest_pose(void)
{
    vmg_poses p, got;
    vmg_bvh bvh;
    vmg_retarget_report r;
    vmg_pose_bvh_options o = VMG_POSE_BVH_DEFAULT;
    o.unit_per_m = 100;
    REQUIRE_OK(vmg_test_motion_make(VMG_TEST_WALK, 120, 0.5, &p));
    if (!make_bvh(&p, &o, lafan, &bvh))
        return;
    scramble_axes(&bvh);
    REQUIRE_OK(vmg_retarget_bvh(&bvh, &plain, &got, &r));
    CHECK_STR(r.convention, "lafan1");
    CHECK(!r.natural_rest);
    CHECK_INT(r.up_axis, 1);
    CHECK_CLOSE(vmg_test_joint_error(&got, &p), 0, 1e-4);
    /* twists follow the file's within a constant that the positions could not show exactly */
    CHECK_CLOSE(vmg_test_rot_error(&got, &p), 0, 0.75);
    double worst = 0, A[9], B[9];
    for (int64_t t = 1; t < p.T; t++) {
        vmg_rot_tmul(vmg_poses_rot(&p, 0, VMG_PELVIS), vmg_poses_rot(&p, t, VMG_PELVIS), A);
        vmg_rot_tmul(vmg_poses_rot(&got, 0, VMG_PELVIS), vmg_poses_rot(&got, t, VMG_PELVIS), B);
        worst = fmax(worst, vmg_rot_angle(A, B));
    }
    CHECK_CLOSE(worst, 0, 1e-3);
    vmg_poses_free(&got);
    vmg_poses_free(&p);
    vmg_bvh_free(&bvh);
}

static void leading_tpose_is_dropped(void)
{
    vmg_poses p, got;
    vmg_bvh bvh;
    vmg_retarget_report r;
    vmg_pose_bvh_options o = VMG_POSE_BVH_DEFAULT;
    REQUIRE_OK(vmg_test_motion_make(VMG_TEST_WALK, 20, 0, &p));
    if (!make_bvh(&p, &o, mixamo, &bvh))
        return;
    memset(bvh.value, 0, (size_t)bvh.n_channels * sizeof *bvh.value);
    bvh.value[1] = 0.9f;
    REQUIRE_OK(vmg_retarget_bvh(&bvh, &plain, &got, &r));
    CHECK(r.dropped_tpose);
    CHECK_INT(got.T, 19);
    CHECK_CLOSE(vmg_poses_joint(&got, 0, VMG_HEAD)[1], vmg_poses_joint(&p, 1, VMG_HEAD)[1], 1e-6);
    vmg_poses_free(&got);
    vmg_poses_free(&p);
    vmg_bvh_free(&bvh);
}

static void joint_maps(void)
{
    vmg_poses p, got;
    vmg_bvh bvh;
    const char *names[22], *path = vmg_test_tmp("map.json");
    vmg_buf b = {0};
    for (int j = 0; j < 22; j++) {
        names[j] = vmg_asprintf("bone%d", j);
        if (j != VMG_SPINE2 && j != VMG_L_FOOT)
            vmg_buf_printf(&b, "%s\"%s\":\"bone%d\"", b.len ? "," : "{", vmg_joint_name[j], j);
    }
    vmg_buf_puts(&b, "}");
    vmg_pose_bvh_options o = VMG_POSE_BVH_DEFAULT;
    REQUIRE_OK(vmg_test_motion_make(VMG_TEST_WALK, 20, 0, &p));
    if (!make_bvh(&p, &o, names, &bvh))
        return;
    CHECK_FAILS(vmg_retarget_bvh(&bvh, &plain, &got, NULL), VMG_E_FORMAT, "pelvis, left_hip");
    REQUIRE_OK(vmg_write_file(path, b.data, b.len));
    vmg_retarget_options with_map = {.map_path = path};
    REQUIRE_OK(vmg_retarget_bvh(&bvh, &with_map, &got, NULL));
    CHECK_CLOSE(vmg_poses_joint(&got, 7, VMG_L_WRIST)[1], vmg_poses_joint(&p, 7, VMG_L_WRIST)[1],
                0.03);
    vmg_poses_free(&got);
    static const struct {
        const char *text, *word;
    } bad[] = {{"[]", "not a JSON object"},
               {"{", "not a JSON object"},
               {"{\"tail\":\"bone1\"}", "\"tail\" is none of our joints"},
               {"{\"pelvis\":\"bone99\"}", "no joint \"bone99\" to be pelvis"},
               {"{\"pelvis\":3}", "\"pelvis\" is not given a name"},
               {"{\"pelvis\":\"bone0\"}", "left_hip"}};
    for (size_t i = 0; i < VMG_COUNT(bad); i++) {
        REQUIRE_OK(vmg_write_file(path, bad[i].text, strlen(bad[i].text)));
        CHECK_FAILS(vmg_retarget_bvh(&bvh, &with_map, &got, NULL), VMG_E_FORMAT, bad[i].word);
    }
    vmg_buf_free(&b);
    for (int j = 0; j < 22; j++)
        free((char *)(uintptr_t)names[j]);
    vmg_poses_free(&p);
    vmg_bvh_free(&bvh);
}

/* Rotations from positions alone: bones exactly, hinges as a person bends. */
static void fitted_rotations_explain_positions(void)
{
    for (int kind = VMG_TEST_WALK; kind <= VMG_TEST_TUMBLE; kind++) {
        vmg_poses p, q;
        double offset[VMG_N_JOINTS][3];
        REQUIRE_OK(vmg_test_motion_make((enum vmg_test_motion)kind, 90, 1.1, &p));
        REQUIRE_OK(vmg_poses_crop(&p, 0, 90, &q));
        for (int64_t i = 0; i < 9 * 22 * q.T; i++)
            q.rot[i] = vmg_rot_identity[i % 9];
        vmg_poses_fit_rotations(&q, vmg_rest_joint[VMG_PELVIS]);
        CHECK_CLOSE(q.transl[7], p.transl[7], 1e-9);
        vmg_rest_offsets(offset);
        vmg_poses_fk(&q, (const double(*)[3])offset);
        CHECK_CLOSE(vmg_test_joint_error(&q, &p), 0, 1e-6);
        double root = 0, knee = 0, back = 0;
        for (int64_t t = 0; t < q.T; t++) {
            root = fmax(root, vmg_rot_angle(vmg_poses_rot(&q, t, 0), vmg_poses_rot(&p, t, 0)));
            knee = fmax(knee, vmg_rot_angle(vmg_poses_rot(&q, t, VMG_L_KNEE),
                                            vmg_poses_rot(&p, t, VMG_L_KNEE)));
            back = fmax(back, vmg_rot_angle(vmg_poses_rot(&q, t, VMG_SPINE2),
                                            vmg_poses_rot(&p, t, VMG_SPINE2)));
        }
        CHECK_CLOSE(root, 0, 1e-6);
        CHECK_CLOSE(knee, 0, 0.25); /* positions leave the twist open; a hinge is a good guess */
        CHECK_CLOSE(back, 0, 0.2);
        vmg_poses_free(&p);
        vmg_poses_free(&q);
    }
}

static bool read_cmu(const char *name, vmg_bvh *bvh)
{
    char path[256];
    snprintf(path, sizeof path, "data/cmu/bvh/%s.bvh", name);
    const char *full = vmg_test_shared(path);
    return full && CHECK_OK(vmg_bvh_read(full, bvh));
}

/* Labelled turns: left is left, and by how much. */
static void cmu_turns(void)
{
    static const struct {
        const char *clip;
        double low, high;
    } turns[] = {{"16_17", 84, 96},   {"16_27", 84, 96},   {"16_28", 84, 96},
                 {"16_41", 84, 96},   {"16_19", -96, -78}, {"16_30", -96, -78},
                 {"16_43", -96, -78}, {"16_44", -96, -78}};
    for (size_t i = 0; i < VMG_COUNT(turns); i++) {
        vmg_bvh bvh;
        vmg_poses p;
        vmg_loop l;
        if (!read_cmu(turns[i].clip, &bvh))
            return;
        REQUIRE_OK(vmg_retarget_bvh(&bvh, &plain, &p, NULL));
        REQUIRE_OK(vmg_poses_loop(&p, &l));
        double yaw = l.turn_rad * 180 / M_PI;
        vmg_test_note("%s turns by %.1f degrees", turns[i].clip, yaw);
        CHECK(yaw > turns[i].low && yaw < turns[i].high);
        vmg_poses_free(&p);
        vmg_bvh_free(&bvh);
    }
}

/* Limbs point exactly as in the file, the body stands upright on the ground and walks where it
 * faces. */
static void cmu_walk(void)
{
    vmg_bvh bvh;
    vmg_poses p;
    vmg_retarget_report r;
    if (!read_cmu("02_01", &bvh))
        return;
    REQUIRE_OK(vmg_retarget_bvh(&bvh, &plain, &p, &r));
    CHECK_STR(r.convention, "cmu");
    CHECK_CLOSE(r.unit_m, 0.056444, 1e-5);
    CHECK_CLOSE(r.leg_m, 0.84, 0.02);
    static const struct {
        int from, to;
        const char *src_from, *src_to;
    } bones[] = {{VMG_L_HIP, VMG_L_KNEE, "LeftUpLeg", "LeftLeg"},
                 {VMG_R_KNEE, VMG_R_ANKLE, "RightLeg", "RightFoot"},
                 {VMG_L_ANKLE, VMG_L_FOOT, "LeftFoot", "LeftToeBase"},
                 {VMG_R_SHOULDER, VMG_R_ELBOW, "RightArm", "RightForeArm"},
                 {VMG_L_ELBOW, VMG_L_WRIST, "LeftForeArm", "LeftHand"},
                 {VMG_NECK, VMG_HEAD, "Neck1", "Head"}};
    double G[31 * 9], q[31 * 3], worst = 0;
    for (int64_t t = 0; t < p.T; t++) {
        vmg_bvh_fk(&bvh, t, G, q);
        for (size_t i = 0; i < VMG_COUNT(bones); i++) {
            double u[3], v[3];
            const double *a = q + 3 * vmg_bvh_find(&bvh, bones[i].src_from);
            const double *b = q + 3 * vmg_bvh_find(&bvh, bones[i].src_to);
            for (int c = 0; c < 3; c++) {
                u[c] = vmg_poses_joint(&p, t, bones[i].to)[c] -
                       vmg_poses_joint(&p, t, bones[i].from)[c];
                v[c] = b[c] - a[c];
            }
            vmg_rot_apply(vmg_axes_y_up_to_z_up, v, v);
            vmg_vec_normalise(u);
            vmg_vec_normalise(v);
            for (int c = 0; c < 3; c++)
                worst = fmax(worst, fabs(u[c] - v[c]));
        }
    }
    CHECK_CLOSE(worst, 0, 1e-5);
    vmg_canonicalise(&p, true, vmg_rest_joint[VMG_PELVIS], NULL);
    CHECK_CLOSE(vmg_poses_joint(&p, 0, VMG_HEAD)[2], 1.5, 0.06);
    CHECK(vmg_poses_joint(&p, p.T - 1, 0)[1] > 3);
    double low =
        0; /* one foot or the other is on the ground in a walk (this floor rises by 4 cm) */
    for (int64_t t = 0; t < p.T; t++)
        low = fmax(low, fmin(vmg_poses_joint(&p, t, VMG_L_FOOT)[2],
                             vmg_poses_joint(&p, t, VMG_R_FOOT)[2]));
    CHECK(low < 0.09);
    vmg_poses_free(&p);
    vmg_bvh_free(&bvh);
}

static void cmu_all_files(void)
{
    const char *dir = vmg_test_shared("data/cmu/bvh");
    char **names;
    size_t n, odd = 0;
    if (!dir)
        return;
    char *folder = vmg_strdup(dir);
    REQUIRE_OK(vmg_list_dir(folder, &names, &n));
    for (size_t i = 0; i < n; i++) {
        vmg_bvh bvh = {0};
        vmg_poses p = {0};
        vmg_retarget_report r;
        char *path = vmg_path_join(folder, names[i]);
        if (CHECK_OK(vmg_bvh_read(path, &bvh)) &&
            CHECK_OK(vmg_retarget_bvh(&bvh, &plain, &p, &r))) {
            CHECK(r.natural_rest);
            CHECK_CLOSE(r.unit_m, 0.056444, 1e-5);
            double pelvis = 0, lowest = vmg_poses_lowest(&p, 2);
            for (int64_t t = 0; t < p.T; t++)
                pelvis += vmg_poses_joint(&p, t, 0)[2] / (double)p.T;
            odd += pelvis - lowest > 1.3 || pelvis - lowest < 0.3;
        }
        vmg_poses_free(&p);
        vmg_bvh_free(&bvh);
        free(path);
    }
    vmg_test_note("%zu clips, %zu with an unusual height of the pelvis", n, odd);
    CHECK(odd < n / 20);
    vmg_list_free(names, n);
    free(folder);
}

static const vmg_test_case cases[] = {
    {"written_kinematics_are_ours", written_kinematics_are_ours},
    {"own_files_round_trip", own_files_round_trip},
    {"natural_rest_pose", natural_rest_pose},
    {"senseless_rest_pose", senseless_rest_pose},
    {"leading_tpose_is_dropped", leading_tpose_is_dropped},
    {"joint_maps", joint_maps},
    {"fitted_rotations_explain_positions", fitted_rotations_explain_positions},
    {"cmu_turns", cmu_turns},
    {"cmu_walk", cmu_walk},
    {"cmu_all_files", cmu_all_files},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
