/* Body models: made-up files in both layouts, shapes, poses, and what is wrong with bad ones. */
#include "src/motion/body_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/bytes.h"
#include "src/format/npz_write.h"
#include "src/motion/capsules.h"
#include "src/motion/clip.h"
#include "src/motion/rotation.h"
#include "tests/harness.h"
#include "tests/motion_fixture.h"

enum { J = 24, SHAPES = 2, POSE = 9 * (J - 1) };

/* A body of capsules as SMPL's files hold one: the mesh, then one vertex at each joint, from which the regressor takes it.
 * Hands (joints 22 and 23) carry what the wrists' capsules are. */
static struct {
    int64_t V, F;
    double *v_template, *shapedirs, *posedirs, *weights, *regressor;
    uint32_t *f;
    int64_t kintree[2][J];
    double joint[J][3];
} made;

static void free_made(void)
{
    free(made.v_template);
    free(made.shapedirs);
    free(made.posedirs);
    free(made.weights);
    free(made.regressor);
    free(made.f);
    memset(&made, 0, sizeof made);
}

static bool make_model(void)
{
    vmg_capsule_mesh m;
    double offset[VMG_N_JOINTS][3];
    vmg_rest_offsets(offset);
    if (!CHECK_OK(vmg_capsules_mesh((const double(*)[3])offset, &m)))
        return false;
    made.V = m.n_vertices + J;
    made.F = m.n_triangles;
    made.v_template = vmg_calloc((size_t)made.V, 3 * sizeof(double));
    made.shapedirs = vmg_calloc((size_t)made.V, 3 * SHAPES * sizeof(double));
    made.posedirs = vmg_calloc((size_t)made.V, 3 * POSE * sizeof(double));
    made.weights = vmg_calloc((size_t)made.V, J * sizeof(double));
    made.regressor = vmg_calloc((size_t)made.V, J * sizeof(double));
    made.f = vmg_calloc((size_t)made.F, 3 * sizeof(uint32_t));
    for (int j = 0; j < J; j++) {
        made.kintree[0][j] = j < 22 ? vmg_joint_parent[j] : j - 2;
        made.kintree[1][j] = j;
        for (int c = 0; c < 3; c++)
            made.joint[j][c] = j < 22 ? vmg_rest_joint[j][c] : vmg_rest_joint[j - 2][c] + (c ? 0 : j == 22 ? 0.08 : -0.08);
        memcpy(made.v_template + 3 * (m.n_vertices + j), made.joint[j], sizeof made.joint[j]);
        made.weights[(m.n_vertices + j) * J + j] = 1;
        made.regressor[j * made.V + m.n_vertices + j] = 1;
    }
    for (int64_t v = 0; v < m.n_vertices; v++) {
        const int j = m.joint[v];
        for (int c = 0; c < 3; c++)
            made.v_template[3 * v + c] = m.position[3 * v + c] + vmg_rest_joint[VMG_PELVIS][c];
        made.weights[v * J + (j >= 20 && v % 2 ? j + 2 : j)] = 1;
    }
    for (int64_t i = 0; i < 3 * made.V; i++) {
        made.shapedirs[i * SHAPES] = made.v_template[i]; /* everything larger */
        made.shapedirs[i * SHAPES + 1] = i % 3 == 1;     /* everything higher */
    }
    /* the left knee's bend (its R[1][2] - 0) moves vertex 5 along x */
    made.posedirs[(3 * 5 + 0) * POSE + 9 * (VMG_L_KNEE - 1) + 5] = 0.5;
    memcpy(made.f, m.index, (size_t)made.F * 3 * sizeof *made.f);
    made.kintree[0][0] = 4294967295; /* SMPL's root: -1 as unsigned */
    vmg_capsules_mesh_free(&m);
    return true;
}

static int write_npz(const char *path, const char *without)
{
    const vmg_npz_array all[] = {
        {"v_template", VMG_F64, 2, {made.V, 3}, made.v_template, NULL},
        {"shapedirs", VMG_F64, 3, {made.V, 3, SHAPES}, made.shapedirs, NULL},
        {"posedirs", VMG_F64, 3, {made.V, 3, POSE}, made.posedirs, NULL},
        {"weights", VMG_F64, 2, {made.V, J}, made.weights, NULL},
        {"J_regressor", VMG_F64, 2, {J, made.V}, made.regressor, NULL},
        {"f", VMG_U32, 2, {made.F, 3}, made.f, NULL},
        {"kintree_table", VMG_I64, 2, {2, J}, made.kintree, NULL},
    };
    vmg_npz_array some[VMG_COUNT(all)];
    size_t n = 0;
    for (size_t i = 0; i < VMG_COUNT(all); i++)
        if (!without || strcmp(all[i].name, without))
            some[n++] = all[i];
    return vmg_npz_write(path, some, n);
}

/* ---- a pickle as Python 2 writes it ---- */

static void put_u32(vmg_buf *b, uint64_t v)
{
    uint8_t bytes[4];
    vmg_le_store(bytes, v, 4);
    vmg_buf_append(b, bytes, 4);
}

static void put_text(vmg_buf *b, const void *text, size_t n)
{
    vmg_buf_append(b, "T", 1);
    put_u32(b, n);
    vmg_buf_append(b, text, n);
}

static void put_key(vmg_buf *b, const char *key)
{
    put_text(b, key, strlen(key));
}

static void put_array(vmg_buf *b, const char *code, size_t item, const void *data, int rank, const int64_t *dim)
{
    size_t n = item;
    vmg_buf_puts(b, "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n");
    vmg_buf_append(b, "K\0\x85U\1b\x87R(K\1(", 12);
    for (int i = 0; i < rank; i++) {
        vmg_buf_append(b, "J", 1);
        put_u32(b, (uint64_t)dim[i]);
        n *= (size_t)dim[i];
    }
    vmg_buf_puts(b, "tcnumpy\ndtype\n");
    put_key(b, code);
    vmg_buf_append(b, "K\0K\1\x87R(K\3U\1<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89", 30);
    put_text(b, data, n);
    vmg_buf_puts(b, "tb");
}

/* ... as chumpy.ch.Ch around it. */
static void put_chumpy(vmg_buf *b, const void *data, int rank, const int64_t *dim)
{
    vmg_buf_puts(b, "ccopy_reg\n_reconstructor\n(cchumpy.ch\nCh\nc__builtin__\nobject\nNtR}(");
    put_key(b, "x");
    put_array(b, "f8", 8, data, rank, dim);
    vmg_buf_puts(b, "ub");
}

/* The regressor's columns: at most one value in each. */
static void put_sparse(vmg_buf *b)
{
    int32_t *indptr = vmg_calloc((size_t)made.V + 1, sizeof *indptr), indices[J];
    double data[J];
    int n = 0;
    for (int64_t v = 0; v < made.V; v++) {
        for (int j = 0; j < J; j++)
            if (made.regressor[j * made.V + v] != 0) {
                data[n] = made.regressor[j * made.V + v];
                indices[n++] = j;
            }
        indptr[v + 1] = n;
    }
    vmg_buf_puts(b, "cscipy.sparse.csc\ncsc_matrix\n");
    vmg_buf_append(b, ")\x81}(", 4);
    put_key(b, "data");
    put_array(b, "f8", 8, data, 1, (int64_t[]){n});
    put_key(b, "indices");
    put_array(b, "i4", 4, indices, 1, (int64_t[]){n});
    put_key(b, "indptr");
    put_array(b, "i4", 4, indptr, 1, (int64_t[]){made.V + 1});
    vmg_buf_puts(b, "ub");
    free(indptr);
}

static int write_pkl(const char *path)
{
    vmg_buf b = {0};
    vmg_buf_append(&b, "\x80\2}(", 4);
    put_key(&b, "bs_style");
    put_key(&b, "lbs");
    put_key(&b, "v_template");
    put_chumpy(&b, made.v_template, 2, (int64_t[]){made.V, 3});
    put_key(&b, "shapedirs");
    put_chumpy(&b, made.shapedirs, 3, (int64_t[]){made.V, 3, SHAPES});
    put_key(&b, "posedirs");
    put_array(&b, "f8", 8, made.posedirs, 3, (int64_t[]){made.V, 3, POSE});
    put_key(&b, "weights");
    put_chumpy(&b, made.weights, 2, (int64_t[]){made.V, J});
    put_key(&b, "J_regressor");
    put_sparse(&b);
    put_key(&b, "f");
    put_array(&b, "u4", 4, made.f, 2, (int64_t[]){made.F, 3});
    put_key(&b, "kintree_table");
    put_array(&b, "i8", 8, made.kintree, 2, (int64_t[]){2, J});
    vmg_buf_puts(&b, "u.");
    int rc = b.failed ? VMG_E_NOMEM : vmg_write_file(path, b.data, b.len);
    vmg_buf_free(&b);
    return rc;
}

/* ---- cases ---- */

static void check_model(const char *path)
{
    vmg_body_model m;
    REQUIRE_OK(vmg_body_model_read(path, &m));
    CHECK_INT(m.n_vertices, made.V);
    CHECK_INT(m.n_triangles, made.F);
    CHECK_INT(m.n_shapes, SHAPES);
    for (int j = 0; j < VMG_N_JOINTS; j++)
        for (int c = 0; c < 3; c++)
            CHECK_CLOSE(m.joint[j][c], made.joint[j][c], 1e-6);
    /* hands move with the wrists */
    CHECK_CLOSE(m.weight[(made.V - 2) * VMG_N_JOINTS + VMG_L_WRIST], 1, 0);
    vmg_body_model_shape(&m, (float[]){0.1f, 0.5f, 9, 9}, 4);
    CHECK_CLOSE(m.joint[VMG_L_KNEE][0], 1.1 * made.joint[VMG_L_KNEE][0], 1e-6);
    CHECK_CLOSE(m.joint[VMG_L_KNEE][1], 1.1 * made.joint[VMG_L_KNEE][1] + 0.5, 1e-6);
    vmg_body_model_shape(&m, NULL, 0);
    CHECK_CLOSE(m.joint[VMG_L_KNEE][1], made.joint[VMG_L_KNEE][1], 1e-6);
    vmg_body_model_free(&m);
}

static void both_layouts(void)
{
    if (!make_model())
        return;
    const char *npz = vmg_test_tmp("model.npz"), *pkl = vmg_test_tmp("model.pkl");
    REQUIRE_OK(write_npz(npz, NULL));
    check_model(npz);
    REQUIRE_OK(write_pkl(pkl));
    check_model(pkl);
    free_made();
}

/* Vertices follow their joint rigidly; pose corrections come on top; normals point outward. */
static void poses(void)
{
    vmg_body_model m;
    vmg_poses p;
    if (!make_model())
        return;
    const char *path = vmg_test_tmp("model.npz");
    REQUIRE_OK(write_npz(path, NULL));
    REQUIRE_OK(vmg_body_model_read(path, &m));
    REQUIRE_OK(vmg_test_motion_make(VMG_TEST_TUMBLE, 40, 0.3, &p));
    float *vertex = vmg_calloc((size_t)m.n_vertices, 3 * sizeof *vertex), *normal = vmg_calloc((size_t)m.n_vertices, 3 * sizeof *normal);
    double *scratch = vmg_calloc((size_t)m.n_vertices, 3 * sizeof *scratch), G[9 * VMG_N_JOINTS], worst = 0;
    for (int64_t t = 0; t < p.T; t += 13) {
        vmg_body_model_pose(&m, vmg_poses_rot(&p, t, 0), vmg_poses_joint(&p, t, 0), scratch, vertex, normal);
        vmg_skeleton_globals(vmg_poses_rot(&p, t, 0), G);
        for (int64_t v = 0; v < m.n_vertices; v++) {
            int j = 0;
            double d[3], want[3];
            while (m.weight[v * VMG_N_JOINTS + j] < 0.5f)
                j++;
            for (int c = 0; c < 3; c++)
                d[c] = made.v_template[3 * v + c] - made.joint[j][c];
            if (v == 5)
                d[0] += 0.5 * vmg_poses_rot(&p, t, VMG_L_KNEE)[5];
            vmg_rot_apply(G + 9 * j, d, want);
            for (int c = 0; c < 3; c++)
                worst = fmax(worst, fabs(want[c] + vmg_poses_joint(&p, t, j)[c] - vertex[3 * v + c]));
        }
    }
    CHECK_CLOSE(worst, 0, 2e-5);
    /* of the head's capsule: away from its middle */
    int64_t n_out = 0, n_all = 0;
    for (int64_t v = 0; v < m.n_vertices - J; v++)
        if (m.weight[v * VMG_N_JOINTS + VMG_HEAD] > 0.5f) {
            double out = 0;
            for (int c = 0; c < 3; c++)
                out += normal[3 * v + c] * (vertex[3 * v + c] - vmg_poses_joint(&p, 39, VMG_HEAD)[c]);
            n_out += out > 0;
            n_all++;
        }
    CHECK(n_all > 100 && n_out > n_all / 2);
    free(vertex);
    free(normal);
    free(scratch);
    vmg_poses_free(&p);
    vmg_body_model_free(&m);
    free_made();
}

/* A clip with the model's mesh comes back from .glb; AMASS's parameters get the model's bones in the file's shape. */
static void clips(void)
{
    vmg_body_model m;
    vmg_poses p, back;
    vmg_clip clip, again;
    if (!make_model())
        return;
    const char *path = vmg_test_tmp("model.npz"), *glb = vmg_test_tmp("mesh.glb"), *npz = vmg_test_tmp("clip.npz");
    REQUIRE_OK(write_npz(path, NULL));
    REQUIRE_OK(vmg_body_model_read(path, &m));
    REQUIRE_OK(vmg_test_motion_make(VMG_TEST_WALK, 30, 0.3, &p));
    REQUIRE_OK(vmg_clip_from_poses(&p, 20, &clip));
    REQUIRE_OK(vmg_clip_write(glb, &clip, &(vmg_clip_write_options){.body_model = &m}));
    REQUIRE_OK(vmg_clip_read(glb, NULL, &again));
    REQUIRE_OK(vmg_clip_poses(&again, false, &back));
    CHECK_CLOSE(vmg_test_joint_error(&back, &p), 0, 1e-5);
    vmg_poses_free(&back);
    vmg_clip_free(&again);
    REQUIRE_OK(vmg_clip_write(npz, &clip, NULL));
    REQUIRE_OK(vmg_clip_read(npz, &(vmg_clip_read_options){.body_model = &m}, &again));
    REQUIRE_OK(vmg_clip_poses(&again, false, &back));
    CHECK_CLOSE(vmg_test_joint_error(&back, &p), 0, 1e-4);
    vmg_poses_free(&back);
    vmg_clip_free(&again);
    vmg_clip_free(&clip);
    vmg_poses_free(&p);
    vmg_body_model_free(&m);
    free_made();
}

static void bad_models(void)
{
    static const char *const needed[] = {"v_template", "weights", "J_regressor", "f", "kintree_table"};
    vmg_body_model m;
    if (!make_model())
        return;
    const char *path = vmg_test_tmp("bad.npz");
    for (size_t i = 0; i < VMG_COUNT(needed); i++) {
        REQUIRE_OK(write_npz(path, needed[i]));
        CHECK(vmg_body_model_read(path, &m) != VMG_OK && strstr(vmg_error_message(), needed[i]));
    }
    const struct {
        double *at, value;
        const char *word;
    } numbers[] = {{&made.v_template[7], NAN, "not finite"},
                   {&made.weights[3 * J], 0, "sum to"},
                   {&made.weights[3 * J], 7, "sum to"}};
    for (size_t i = 0; i < VMG_COUNT(numbers); i++) {
        const double was = *numbers[i].at;
        made.weights[3 * J] = 1;
        *numbers[i].at = numbers[i].value;
        for (int j = 1; j < J && numbers[i].at == &made.weights[3 * J]; j++)
            made.weights[3 * J + j] = 0;
        REQUIRE_OK(write_npz(path, NULL));
        CHECK_FAILS(vmg_body_model_read(path, &m), VMG_E_FORMAT, numbers[i].word);
        *numbers[i].at = was;
    }
    made.weights[3 * J] = 1;
    made.f[10] = (uint32_t)made.V;
    REQUIRE_OK(write_npz(path, NULL));
    CHECK_FAILS(vmg_body_model_read(path, &m), VMG_E_FORMAT, "has no vertex");
    made.f[10] = 0;
    made.kintree[0][5] = 1;
    REQUIRE_OK(write_npz(path, NULL));
    CHECK_FAILS(vmg_body_model_read(path, &m), VMG_E_FORMAT, "joint 5 hangs on 1");
    free_made();
}

static const vmg_test_case cases[] = {
    {"both_layouts", both_layouts}, {"poses", poses}, {"clips", clips}, {"bad_models", bad_models},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
