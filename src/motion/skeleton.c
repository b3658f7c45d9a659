/* SMPL's first 22 joints: tables and forward kinematics. */
#include "src/motion/skeleton.h"

#include <string.h>

#include "src/motion/rotation.h"

const char *const vmg_joint_name[VMG_N_JOINTS] = {
    "pelvis",     "left_hip",    "right_hip",    "spine1",     "left_knee",     "right_knee",
    "spine2",     "left_ankle",  "right_ankle",  "spine3",     "left_foot",     "right_foot",
    "neck",       "left_collar", "right_collar", "head",       "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist",   "right_wrist"};

const int vmg_joint_parent[VMG_N_JOINTS] = {-1, 0, 0, 0, 1,  2,  3,  4,  5,  6,  7,
                                            8,  9, 9, 9, 12, 13, 14, 16, 17, 18, 19};

const int vmg_joint_mirror[VMG_N_JOINTS] = {0,  2,  1,  3,  5,  4,  6,  8,  7,  9,  11,
                                            10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20};

const double vmg_rest_joint[VMG_N_JOINTS][3] = {{0.00312325, -0.35140744, 0.01203655},
                                                {0.0613, -0.4442, -0.0140},
                                                {-0.0601, -0.4553, -0.0092},
                                                {0.0004, -0.2415, -0.0156},
                                                {0.1160, -0.8229, -0.0234},
                                                {-0.1044, -0.8177, -0.0260},
                                                {0.0098, -0.1097, -0.0215},
                                                {0.0726, -1.2260, -0.0552},
                                                {-0.0889, -1.2284, -0.0462},
                                                {-0.0015, -0.0574, 0.0069},
                                                {0.1198, -1.2840, 0.0630},
                                                {-0.1277, -1.2868, 0.0728},
                                                {-0.0137, 0.1077, -0.0247},
                                                {0.0448, 0.0275, -0.0003},
                                                {-0.0492, 0.0269, -0.0065},
                                                {0.0111, 0.2682, -0.0040},
                                                {0.1641, 0.0852, -0.0158},
                                                {-0.1518, 0.0804, -0.0191},
                                                {0.4182, 0.0131, -0.0582},
                                                {-0.4229, 0.0439, -0.0456},
                                                {0.6702, 0.0363, -0.0607},
                                                {-0.6722, 0.0394, -0.0609}};

const double vmg_rest_end[VMG_N_JOINTS][3] = {[VMG_HEAD] = {0, 0.2, 0},
                                              [VMG_L_WRIST] = {0.17, 0, 0},
                                              [VMG_R_WRIST] = {-0.17, 0, 0},
                                              [VMG_L_FOOT] = {0, 0, 0.07},
                                              [VMG_R_FOOT] = {0, 0, 0.07}};

void vmg_rest_offsets(double offset[VMG_N_JOINTS][3])
{
    memset(offset, 0, sizeof(double[VMG_N_JOINTS][3]));
    for (int j = 1; j < VMG_N_JOINTS; j++)
        for (int c = 0; c < 3; c++)
            offset[j][c] = vmg_rest_joint[j][c] - vmg_rest_joint[vmg_joint_parent[j]][c];
}

int vmg_joint_find(const char *name)
{
    for (int j = 0; j < VMG_N_JOINTS; j++)
        if (!strcmp(name, vmg_joint_name[j]))
            return j;
    return -1;
}

void vmg_skeleton_globals(const double *local, double *global)
{
    memcpy(global, local, 9 * sizeof *global);
    for (int j = 1; j < VMG_N_JOINTS; j++)
        vmg_rot_mul(global + 9 * vmg_joint_parent[j], local + 9 * j, global + 9 * j);
}

void vmg_skeleton_fk(const double *local, const double pelvis[3], const double offset[][3],
                     double *joints, double *global)
{
    double scratch[9 * VMG_N_JOINTS];
    double *G = global ? global : scratch;
    vmg_skeleton_globals(local, G);
    memmove(joints, pelvis, 3 * sizeof *joints);
    for (int j = 1; j < VMG_N_JOINTS; j++) {
        int p = vmg_joint_parent[j];
        double v[3];
        vmg_rot_apply(G + 9 * p, offset[j], v);
        for (int c = 0; c < 3; c++)
            joints[3 * j + c] = joints[3 * p + c] + v[c];
    }
}

void vmg_skeleton_recover(const double *local, const double *joints, int64_t T, double offset[][3])
{
    double G[9 * VMG_N_JOINTS];
    memset(offset, 0, sizeof(double[VMG_N_JOINTS][3]));
    for (int64_t t = 0; t < T; t++, local += 9 * VMG_N_JOINTS, joints += 3 * VMG_N_JOINTS) {
        vmg_skeleton_globals(local, G);
        for (int j = 1; j < VMG_N_JOINTS; j++) {
            int p = vmg_joint_parent[j];
            double v[3];
            for (int c = 0; c < 3; c++)
                v[c] = joints[3 * j + c] - joints[3 * p + c];
            vmg_rot_tapply(G + 9 * p, v, v);
            for (int c = 0; c < 3; c++)
                offset[j][c] += v[c] / (double)T;
        }
    }
}

double vmg_skeleton_leg_length(const double offset[][3])
{
    return 0.5 * (vmg_vec_norm(offset[VMG_L_KNEE]) + vmg_vec_norm(offset[VMG_L_ANKLE]) +
                  vmg_vec_norm(offset[VMG_R_KNEE]) + vmg_vec_norm(offset[VMG_R_ANKLE]));
}
