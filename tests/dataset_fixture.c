/* Features, folders and files that tests of data sets share. */
#include "tests/dataset_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/data/import.h"
#include "src/motion/poses.h"
#include "src/motion/rep276.h"
#include "src/motion/rotation.h"
#include "tests/harness.h"

enum { DIM = VMG_REP_DIM };

float *vmg_test_walking_features(int64_t T)
{
    vmg_poses p;
    double offset[VMG_N_JOINTS][3];
    vmg_rest_offsets(offset);
    if (vmg_poses_alloc(T + 1, &p))
        abort();
    for (int64_t t = 0; t <= T; t++) {
        double heading[9], stand[9];
        vmg_rot_about_axis(2, 0.7 + 0.02 * (double)t, heading);
        vmg_rot_about_axis(0, acos(0.0), stand);
        vmg_rot_mul(heading, stand, vmg_poses_rot(&p, t, 0));
        for (int j = 1; j < VMG_N_JOINTS; j++)
            vmg_rot_from_axis_angle((double[3]){0.3 * sin(0.2 * (double)t + j), 0.1 * j / 22., 0},
                                    vmg_poses_rot(&p, t, j));
        p.transl[3 * t] = 3 + 0.05 * (double)t;
        p.transl[3 * t + 1] = -2 + 0.01 * (double)t;
        p.transl[3 * t + 2] = 1.3;
    }
    vmg_poses_place_pelvis(&p, vmg_rest_joint[VMG_PELVIS]);
    vmg_poses_fk(&p, (const double(*)[3])offset);
    float *x = calloc((size_t)T * DIM, sizeof *x);
    if (!x || vmg_rep276_encode(&p, x))
        abort();
    vmg_poses_free(&p);
    return x;
}

const char *vmg_test_folder(const char *name)
{
    const char *dir = vmg_test_tmp(name);
    CHECK_OK(vmg_mkdirs(dir));
    return dir;
}

const char *vmg_test_text_file(const char *name, const char *text)
{
    const char *path = vmg_test_tmp(name);
    CHECK_OK(vmg_write_file(path, text, strlen(text)));
    return path;
}

char *vmg_test_real_set(const char *name)
{
    static const char list[] = "[{\"motion_path\":\"14_06.bvh\"},{\"motion_path\":\"16_15.bvh\"}]";
    const char *shared = vmg_test_shared("data/cmu/bvh");
    vmg_import_report imported;
    if (!shared)
        return NULL;
    char *root = realpath(shared, NULL), *json = vmg_asprintf("%s.json", vmg_test_tmp(name)), *set = vmg_strdup(vmg_test_tmp(name));
    bool made = CHECK(root && json && set) && CHECK_OK(vmg_write_file(json, list, sizeof list - 1)) &&
                CHECK_OK(vmg_import(json, set, &(vmg_import_options){.root = root}, &imported));
    free(root);
    free(json);
    if (!made) {
        free(set);
        return NULL;
    }
    return set;
}
