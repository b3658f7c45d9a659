/* glTF files: skeletons of other people's making, interpolation, containers, and bad input. */
#include "src/format/gltf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/glb.h"
#include "src/motion/canonical.h"
#include "src/motion/clip.h"
#include "src/motion/rotation.h"
#include "tests/harness.h"
#include "tests/motion_fixture.h"

static cJSON *append(cJSON *parent, const char *name)
{
    cJSON *array = cJSON_GetObjectItemCaseSensitive(parent, name), *o = cJSON_CreateObject();
    array = array ? array : cJSON_AddArrayToObject(parent, name);
    cJSON_AddItemToArray(array, o);
    return o;
}

static void to_xyzw(const double R[9], double q[4])
{
    double w[4];
    vmg_rot_to_quat(R, w);
    for (int i = 0; i < 4; i++)
        q[i] = w[(i + 1) % 4];
}

/* Mixamo's names for our joints. */
static const char *const mixamo[VMG_N_JOINTS] = {
    "mixamorig:Hips",        "mixamorig:LeftUpLeg",    "mixamorig:RightUpLeg",    "mixamorig:Spine",    "mixamorig:LeftLeg",     "mixamorig:RightLeg",
    "mixamorig:Spine1",      "mixamorig:LeftFoot",     "mixamorig:RightFoot",     "mixamorig:Spine2",   "mixamorig:LeftToeBase", "mixamorig:RightToeBase",
    "mixamorig:Neck",        "mixamorig:LeftShoulder", "mixamorig:RightShoulder", "mixamorig:Head",     "mixamorig:LeftArm",     "mixamorig:RightArm",
    "mixamorig:LeftForeArm", "mixamorig:RightForeArm", "mixamorig:LeftHand",      "mixamorig:RightHand"};

/*
 * Our poses as an exporter from another program writes them: every bone has axes of its own, lengths are centimetres
 * under an armature node that scales by 0.01 and turns z up to y up, children come before parents.
 */
static int write_foreign(const vmg_poses *p, bool skinned, const char *path)
{
    vmg_glb g;
    double B[VMG_N_JOINTS][9], offset[VMG_N_JOINTS][3], origin[VMG_N_JOINTS][3] = {{0}}, v[3], R[9], q[4];
    float inverse_bind[VMG_N_JOINTS][16] = {{0}}, *values = vmg_calloc((size_t)p->T, 4 * sizeof *values);
    double joints[VMG_N_JOINTS];
    enum { ARMATURE = VMG_N_JOINTS };
    vmg_glb_init(&g);
    vmg_rest_offsets(offset);
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        vmg_rot_from_axis_angle((double[3]){2 * vmg_test_uniform(), 2 * vmg_test_uniform(), 2 * vmg_test_uniform()}, B[j]);
        for (int c = 0; c < 3; c++)
            origin[j][c] = j ? origin[vmg_joint_parent[j]][c] + offset[j][c] : 0;
    }
    /* node of joint j: in reverse order, so that every child comes first */
#define NODE(j) (VMG_N_JOINTS - 1 - (j))
    for (int i = 0; i < VMG_N_JOINTS; i++) {
        const int j = NODE(i), parent = vmg_joint_parent[j];
        cJSON *node = append(g.root, "nodes"), *children = NULL;
        /* in the bind pose, local = B_parent^T B, and the translation likewise */
        vmg_rot_apply(vmg_rot_identity, offset[j], v);
        memcpy(R, B[j], sizeof R);
        if (j) {
            vmg_rot_tapply(B[parent], offset[j], v);
            vmg_rot_tmul(B[parent], B[j], R);
        }
        for (int c = 0; c < 3; c++)
            v[c] *= 100;
        to_xyzw(R, q);
        cJSON_AddStringToObject(node, "name", mixamo[j]);
        cJSON_AddItemToObject(node, "translation", vmg_glb_numbers(v, 3));
        cJSON_AddItemToObject(node, "rotation", vmg_glb_numbers(q, 4));
        for (int k = j + 1; k < VMG_N_JOINTS; k++)
            if (vmg_joint_parent[k] == j) {
                children = children ? children : cJSON_AddArrayToObject(node, "children");
                cJSON_AddItemToArray(children, cJSON_CreateNumber(NODE(k)));
            }
        joints[i] = i;
        /* (translate(100 origin) B)^-1, column-major */
        vmg_rot_tapply(B[j], origin[j], v);
        for (int r = 0; r < 3; r++) {
            for (int c = 0; c < 3; c++)
                inverse_bind[i][4 * c + r] = (float)B[j][3 * c + r];
            inverse_bind[i][12 + r] = (float)(-100 * v[r]);
        }
        inverse_bind[i][15] = 1;
    }
    /* as a matrix: scale 0.01, and what lies in z-up axes turned to y up */
    const double *U = vmg_axes_z_up_to_y_up;
    double matrix[16] = {0}, child = NODE(0), roots[1] = {ARMATURE};
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++)
            matrix[4 * c + r] = 0.01 * U[3 * r + c];
    matrix[15] = 1;
    cJSON *armature = append(g.root, "nodes");
    cJSON_AddStringToObject(armature, "name", "Armature");
    cJSON_AddItemToObject(armature, "matrix", vmg_glb_numbers(matrix, 16));
    cJSON_AddItemToObject(armature, "children", vmg_glb_numbers(&child, 1));
    cJSON_AddItemToObject(append(g.root, "scenes"), "nodes", vmg_glb_numbers(roots, 1));
    if (skinned) {
        cJSON *skin = append(g.root, "skins");
        cJSON_AddNumberToObject(skin, "inverseBindMatrices",
                                vmg_glb_accessor(&g, inverse_bind, VMG_N_JOINTS, VMG_GLB_F32, 16, VMG_GLB_NO_TARGET, false));
        cJSON_AddItemToObject(skin, "joints", vmg_glb_numbers(joints, VMG_N_JOINTS));
    }
    cJSON *animation = append(g.root, "animations");
    for (int64_t t = 0; t < p->T; t++)
        values[t] = (float)t / 30;
    const int times = vmg_glb_accessor(&g, values, p->T, VMG_GLB_F32, 1, VMG_GLB_NO_TARGET, true);
    for (int k = 0; k <= VMG_N_JOINTS; k++) {
        const int j = k ? k - 1 : 0, parent = vmg_joint_parent[j], n = k ? 4 : 3;
        for (int64_t t = 0; t < p->T; t++) {
            if (k) {
                /* G_j B_j is the bone's global rotation: local = B_parent^T R_j B_j */
                vmg_rot_mul(vmg_poses_rot(p, t, j), B[j], R);
                if (j)
                    vmg_rot_tmul(B[parent], R, R);
                to_xyzw(R, q);
            } else
                for (int c = 0; c < 3; c++)
                    q[c] = 100 * vmg_poses_joint(p, t, 0)[c];
            for (int c = 0; c < n; c++)
                values[n * t + c] = (float)q[c];
        }
        cJSON *sampler = append(animation, "samplers"), *channel = append(animation, "channels");
        cJSON_AddNumberToObject(sampler, "input", times);
        cJSON_AddNumberToObject(sampler, "output", vmg_glb_accessor(&g, values, p->T, VMG_GLB_F32, n, VMG_GLB_NO_TARGET, false));
        cJSON_AddNumberToObject(channel, "sampler", k);
        cJSON *target = cJSON_AddObjectToObject(channel, "target");
        cJSON_AddNumberToObject(target, "node", NODE(j));
        cJSON_AddStringToObject(target, "path", k ? "rotation" : "translation");
    }
    int rc = vmg_glb_write(&g, path);
    vmg_glb_free(&g);
    free(values);
    return rc;
}

static void foreign_skeletons(void)
{
    for (int kind = VMG_TEST_WALK; kind <= VMG_TEST_TUMBLE; kind++)
        for (int skinned = 0; skinned < 2; skinned++) {
            vmg_poses want, got;
            vmg_clip clip;
            const char *path = vmg_test_tmp("foreign.glb");
            REQUIRE_OK(vmg_test_motion_make((enum vmg_test_motion)kind, 60, 2.5, &want));
            REQUIRE_OK(write_foreign(&want, skinned, path));
            REQUIRE_OK(vmg_clip_read(path, NULL, &clip));
            CHECK_INT(clip.T, 60);
            CHECK_CLOSE(clip.fps, 30, 1e-6);
            REQUIRE_OK(vmg_clip_poses(&clip, false, &got));
            CHECK_CLOSE(vmg_test_joint_error(&got, &want), 0, 3e-5);
            CHECK_CLOSE(vmg_test_rot_error(&got, &want), 0, 3e-5);
            vmg_poses_free(&got);
            vmg_poses_free(&want);
            vmg_clip_free(&clip);
        }
}

/* ---- interpolation ---- */

static vmg_gltf_track track_of(enum vmg_gltf_path path, enum vmg_gltf_interpolation how, float *times, float *values)
{
    return (vmg_gltf_track){.path = path, .interpolation = how, .n_keys = 2, .time_s = times, .value = values};
}

static void interpolation(void)
{
    float times[2] = {1, 3}, line[6] = {0, 0, 0, 2, -4, 6};
    double v[4];
    vmg_gltf_track t = track_of(VMG_GLTF_TRANSLATION, VMG_GLTF_LINEAR, times, line);
    vmg_gltf_sample(&t, 1.5, v);
    CHECK_CLOSE(v[1], -1, 1e-12);
    vmg_gltf_sample(&t, 0, v);
    CHECK_CLOSE(v[2], 0, 0);
    vmg_gltf_sample(&t, 99, v);
    CHECK_CLOSE(v[2], 6, 0);
    t.interpolation = VMG_GLTF_STEP;
    vmg_gltf_sample(&t, 2.9, v);
    CHECK_CLOSE(v[0], 0, 0);
    vmg_gltf_sample(&t, 3, v);
    CHECK_CLOSE(v[0], 2, 0);
    /* in-tangent, value, out-tangent: the cubic x = s^3 over s = (t - 1)/2 has slopes 0 and 3/2 per second */
    float cubic[18] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1.5f, 0, 0, 1, 0, 0, 0, 0, 0};
    t = track_of(VMG_GLTF_TRANSLATION, VMG_GLTF_CUBIC, times, cubic);
    for (double s = 0; s <= 1; s += 0.25) {
        vmg_gltf_sample(&t, 1 + 2 * s, v);
        CHECK_CLOSE(v[0], s * s * s, 1e-7);
    }
    /* a quarter turn about z, the other sign of the same rotation: the short way */
    float turn[8] = {0, 0, 0, 1, 0, 0, -0.70710678f, -0.70710678f};
    t = track_of(VMG_GLTF_ROTATION, VMG_GLTF_LINEAR, times, turn);
    vmg_gltf_sample(&t, 2, v);
    CHECK_CLOSE(v[2], sin(M_PI / 8), 1e-7);
    CHECK_CLOSE(v[3], cos(M_PI / 8), 1e-7);
}

/* ---- text files ---- */

/* One node that moves; values are base64 of floats 0 1 and 0 0 0 1 2 3. */
static const char small[] =
    "{\"asset\": {\"version\": \"2.0\"}, \"nodes\": [{\"name\": \"b\", \"translation\": [1, 2, 3]}, {\"children\": [0]}],"
    " \"buffers\": [{\"byteLength\": 32, \"uri\": \"data:application/octet-stream;base64,"
    "AAAAAAAAgD8AAAAAAAAAAAAAAAAAAIA/AAAAQAAAQEA=\"}],"
    " \"bufferViews\": [{\"buffer\": 0, \"byteLength\": 8}, {\"buffer\": 0, \"byteOffset\": 8, \"byteLength\": 24}],"
    " \"accessors\": [{\"bufferView\": 0, \"componentType\": 5126, \"count\": 2, \"type\": \"SCALAR\"},"
    " {\"bufferView\": 1, \"componentType\": 5126, \"count\": 2, \"type\": \"VEC3\"}],"
    " \"animations\": [{\"samplers\": [{\"input\": 0, \"output\": 1}],"
    " \"channels\": [{\"sampler\": 0, \"target\": {\"node\": 0, \"path\": \"translation\"}}]}]}";

static void text_files(void)
{
    vmg_gltf g;
    double v[4];
    REQUIRE_OK(vmg_gltf_parse(small, strlen(small), NULL, &g));
    REQUIRE(g.n_nodes == 2 && g.n_tracks == 1);
    CHECK_STR(g.node[1].name, "b"); /* parents come first */
    CHECK_INT(g.node[1].parent, 0);
    CHECK_INT(g.track[0].node, 1);
    vmg_gltf_sample(&g.track[0], 0.5, v);
    CHECK_CLOSE(v[2], 1.5, 1e-6);
    vmg_gltf_free(&g);
}

/* The text with one piece replaced; the message must hold `word`. */
static void bad_files(void)
{
    static const struct {
        const char *from, *to, *word;
    } bad[] = {
        {"\"asset\"", "\"assets\"", "no asset"},
        {"{\"children\": [0]}", "{\"children\": [0, 1]}", "cycle"},
        {"{\"children\": [0]}", "{\"children\": [0, 0]}", "two parents"},
        {"{\"children\": [0]}", "{\"children\": [7]}", "child that is not there"},
        {"{\"children\": [0]}", "{\"children\": [0.5]}", "child that is not there"},
        {"[1, 2, 3]", "[1, 2]", "proper numbers"},
        {"[1, 2, 3]", "[1, 2, 1e999]", "proper numbers"},
        {"\"byteLength\": 32", "\"byteLength\": 33", "should have 33 bytes"},
        {"\"byteOffset\": 8", "\"byteOffset\": 12", "beyond its buffer"},
        {"\"count\": 2, \"type\": \"VEC3\"", "\"count\": 3, \"type\": \"VEC3\"", "beyond its buffer"},
        {"\"count\": 2, \"type\": \"VEC3\"", "\"count\": 2147483647, \"type\": \"VEC3\"", "beyond its buffer"},
        {"\"count\": 2, \"type\": \"VEC3\"", "\"count\": 1, \"type\": \"VEC3\"", "1 values for 2 keys"},
        {"\"count\": 2, \"type\": \"VEC3\"", "\"count\": 2, \"type\": \"VEC4\"", "holds VEC4"},
        {"\"count\": 2, \"type\": \"VEC3\"", "\"sparse\": {}, \"count\": 2, \"type\": \"VEC3\"", "sparse"},
        {"\"input\": 0", "\"input\": 5", "accessor 5"},
        {"\"buffer\": 0, \"byteLength\": 8", "\"buffer\": 9, \"byteLength\": 8", "not there"},
        {"AAAAQAAAQEA=", "AAAAQAAAgH8=", "not finite"},
        {"AAAAAAAAgD8A", "AACAPwAAgD8A", "do not increase"},
        {"AAAAAAAAgD8A", "AAAAgAAAgL8A", "do not increase"},
        {";base64,", ";base63,", "not in base64"},
        {"AAAAAAAA", "AA*AAAAA", "not base64"},
        {"\"sampler\": 0", "\"sampler\": -1", "not there"},
    };
    for (size_t i = 0; i < VMG_COUNT(bad); i++) {
        const char *at = strstr(small, bad[i].from);
        vmg_gltf g;
        REQUIRE(at);
        char *text = vmg_asprintf("%.*s%s%s", (int)(at - small), small, bad[i].to, at + strlen(bad[i].from));
        int rc = vmg_gltf_parse(text, strlen(text), NULL, &g);
        if (!CHECK(rc != VMG_OK && strstr(vmg_error_message(), bad[i].word)))
            vmg_test_note("%s -> %s: \"%s\"", bad[i].from, bad[i].to, rc ? vmg_error_message() : "accepted");
        free(text);
    }
}

/* Every prefix of a .glb, and every byte of its head changed: never a crash, never a wrong success. */
static void damaged_containers(void)
{
    vmg_poses p;
    vmg_gltf g;
    char *data;
    size_t size;
    const char *path = vmg_test_tmp("d.glb");
    REQUIRE_OK(vmg_test_motion_make(VMG_TEST_WALK, 3, 0, &p));
    REQUIRE_OK(write_foreign(&p, true, path));
    REQUIRE_OK(vmg_read_file(path, 1 << 24, &data, &size));
    for (size_t n = 0; n < size; n += n < 64 ? 1 : 97)
        CHECK(vmg_gltf_parse(data, n, NULL, &g) != VMG_OK);
    for (size_t i = 0; i < 20; i++) {
        const char was = data[i];
        data[i] = (char)(was + 1);
        if (!vmg_gltf_parse(data, size, NULL, &g))
            vmg_gltf_free(&g);
        data[i] = was;
    }
    /* a length that ends inside the head, with a chunk behind it */
    memcpy(data + 8, (char[4]){4, 0, 0, 0}, 4);
    CHECK_FAILS(vmg_gltf_parse(data, size, NULL, &g), VMG_E_FORMAT, "another length");
    free(data);
    vmg_poses_free(&p);
}

/* Buffers beside the file are read; from anywhere else they are not. */
static void other_files(void)
{
    static const char *const outside[] = {"../x.bin", "/etc/passwd", "http:x", "..", "", "a\\\\b"};
    const char *at = strstr(small, "data:application"), *end = strchr(at, '"');
    const uint8_t bytes[32] = {0, 0, 0, 0, 0, 0, 128, 63};
    vmg_gltf g;
    char *text = vmg_asprintf("%.*sx.bin%s", (int)(at - small), small, end);
    const char *path = vmg_test_tmp("x.gltf");
    REQUIRE_OK(vmg_write_file(path, text, strlen(text)));
    REQUIRE_OK(vmg_write_file(vmg_test_tmp("x.bin"), bytes, sizeof bytes));
    REQUIRE_OK(vmg_gltf_read(path, &g));
    CHECK_INT(g.n_tracks, 1);
    vmg_gltf_free(&g);
    free(text);
    for (size_t i = 0; i < VMG_COUNT(outside); i++) {
        text = vmg_asprintf("%.*s%s%s", (int)(at - small), small, outside[i], end);
        CHECK_FAILS(vmg_gltf_parse(text, strlen(text), "/tmp", &g), VMG_E_UNSUPPORTED, "not a file beside it");
        free(text);
    }
}

/* As clips: without animation, without our joints, with times beyond reason. */
static void unusable_clips(void)
{
    static const struct {
        const char *from, *to, *word;
    } bad[] = {{"\"animations\"", "\"animals\"", "no animation"},
               {"\"name\": \"b\"", "\"name\": \"Hips\"", "left_hip"},
               {"AAAAAAAAgD8A", "AAAAAP//f38A", "too many frames"}};
    for (size_t i = 0; i < VMG_COUNT(bad); i++) {
        const char *at = strstr(small, bad[i].from), *path = vmg_test_tmp("u.gltf");
        vmg_clip clip;
        char *text = vmg_asprintf("%.*s%s%s", (int)(at - small), small, bad[i].to, at + strlen(bad[i].from));
        REQUIRE_OK(vmg_write_file(path, text, strlen(text)));
        CHECK_FAILS(vmg_clip_read(path, NULL, &clip), VMG_E_FORMAT, bad[i].word);
        free(text);
    }
}

static const vmg_test_case cases[] = {
    {"foreign_skeletons", foreign_skeletons}, {"interpolation", interpolation},
    {"text_files", text_files},               {"bad_files", bad_files},
    {"damaged_containers", damaged_containers}, {"other_files", other_files},
    {"unusable_clips", unusable_clips},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
