/* Weight files made by PyTorch, NumPy and safetensors themselves, read from ../shared. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/format/weights_file.h"
#include "tests/harness.h"

/* Opens ../shared/NAME; NULL (with the case skipped or failed) if that cannot be done. */
static vmg_weights *open_shared(const char *name)
{
    vmg_weights *w = NULL;
    const char *path = vmg_test_shared(name);
    if (path)
        CHECK_OK(vmg_weights_open(path, &w));
    return w;
}

static void reads_published_embeddings(void)
{
    vmg_weights *w = open_shared("official/text_embeddings/0.pt");
    const vmg_weight *t;
    if (!w)
        return;
    CHECK_STR(w->format, "torch");
    CHECK_OK(vmg_weights_need(w, VMG_WEIGHT_UNNAMED, 2, (int64_t[]){-1, 4096}, &t));
    CHECK_FAILS(vmg_weights_need(w, VMG_WEIGHT_UNNAMED, 2, (int64_t[]){7, 4096}, &t), VMG_E_FORMAT,
                "expected (7, 4096)");
    CHECK_FAILS(vmg_weights_need(w, "absent", 0, NULL, &t), VMG_E_NOTFOUND, "absent");
    t = &w->tensors[0];
    CHECK_INT(t->dtype, VMG_BF16);
    CHECK_INT(t->bytes, 2 * t->n);
    float row[4096];
    double sum = 0;
    CHECK_OK(vmg_weight_rows_to_f32(t, t->dim[0] - 1, 1, row));
    for (int i = 0; i < 4096; i++)
        sum += fabs(row[i]);
    CHECK(isfinite(sum) && sum > 1);
    CHECK_FAILS(vmg_weight_rows_to_f32(t, t->dim[0], 1, row), VMG_E_ARG, "1 rows");
    vmg_weights_release(w, t);
    CHECK_OK(vmg_weight_rows_to_f32(t, 0, 1, row));
    vmg_weights_close(w);
}

static void reads_published_statistics(void)
{
    vmg_weights *w = open_shared("official/std.npy");
    float std[276];
    if (!w)
        return;
    const vmg_weight *t;
    REQUIRE_OK(vmg_weights_need(w, VMG_WEIGHT_UNNAMED, 1, (int64_t[]){276}, &t));
    CHECK_OK(vmg_weight_to_f32(t, std));
    int n_positive = 0;
    for (int i = 0; i < 276; i++)
        n_positive += std[i] > 0 && std[i] < 100;
    CHECK_INT(n_positive, 276);
    vmg_weights_close(w);
}

static void reads_old_motion_clip(void)
{
    vmg_weights *w = open_shared("official/dummy_motion.pt");
    const vmg_weight *t;
    if (!w)
        return;
    CHECK_INT(w->n_tensors, 3);
    CHECK_OK(vmg_weights_need(w, "motion", 2, (int64_t[]){80, 426}, &t));
    CHECK_OK(vmg_weights_need(w, "intrinsic", 2, (int64_t[]){3, 3}, &t));
    vmg_weights_close(w);
}

/* The same network as torch and as safetensors file: the same tensors to the bit. */
static void torch_and_safetensors_agree(void)
{
    vmg_weights *a = open_shared("golden/dit_tiny/model.pt");
    vmg_weights *b = open_shared("golden/dit_tiny/model.safetensors");
    if (!a || !b)
        goto out;
    CHECK_INT(b->n_tensors, 203);
    for (size_t i = 0; i < b->n_tensors; i++) {
        const vmg_weight *t = &b->tensors[i], *u;
        CHECK_OK(vmg_weights_need(a, t->name, t->rank, t->dim, &u));
        CHECK(u && u->bytes == t->bytes && !memcmp(u->data, t->data, t->bytes));
    }
    CHECK(vmg_weights_find(a, "motion_pos_embedding.pe") != NULL);
    CHECK(vmg_weights_find(b, "motion_pos_embedding.pe") == NULL);
out:
    vmg_weights_close(a);
    vmg_weights_close(b);
}

static void bf16_rounds_the_f32_weights(void)
{
    vmg_weights *a = open_shared("golden/t5_tiny/model.pth");
    vmg_weights *b = open_shared("golden/t5_tiny/model_bf16.pth");
    if (!a || !b)
        goto out;
    for (size_t i = 0; i < a->n_tensors; i++) {
        const vmg_weight *t = &a->tensors[i], *u;
        CHECK_OK(vmg_weights_need(b, t->name, t->rank, t->dim, &u));
        uint16_t *rounded = vmg_calloc((size_t)t->n, sizeof *rounded);
        CHECK(t->dtype == VMG_F32 && u->dtype == VMG_BF16);
        CHECK_OK(vmg_dtype_from_f32(VMG_BF16, t->data, t->n, rounded));
        CHECK(!memcmp(rounded, u->data, u->bytes));
        free(rounded);
    }
out:
    vmg_weights_close(a);
    vmg_weights_close(b);
}

static void opens_a_model_folder(void)
{
    vmg_weights *w = NULL;
    const char *dir = vmg_test_shared("golden/dit_tiny");
    if (!dir)
        return;
    CHECK_OK(vmg_weights_open_dir(dir, &w));
    if (w)
        CHECK_STR(w->format, "safetensors");
    vmg_weights_close(w);
    w = NULL;
    dir = vmg_test_shared("golden/t5_tiny");
    CHECK_OK(vmg_weights_open_dir(dir, &w));
    if (w)
        CHECK_STR(w->format, "torch");
    vmg_weights_close(w);
}

static const vmg_test_case cases[] = {
    {"reads_published_embeddings", reads_published_embeddings},
    {"reads_published_statistics", reads_published_statistics},
    {"reads_old_motion_clip", reads_old_motion_clip},
    {"torch_and_safetensors_agree", torch_and_safetensors_agree},
    {"bf16_rounds_the_f32_weights", bf16_rounds_the_f32_weights},
    {"opens_a_model_folder", opens_a_model_folder},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
