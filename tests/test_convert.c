/* vimogen convert: names, types, metadata and bytes of whole-model files. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "models/t5_names.h"
#include "src/format/weights_file.h"
#include "src/format/writer.h"
#include "src/lib/convert_model.h"
#include "tests/harness.h"

static void knows_three_spellings(void)
{
    static const char *const list[][2] = {
        {"blocks.3.attn.q.weight", "enc.blk.3.attn_q.weight"},
        {"blocks.23.ffn.gate.0.weight", "enc.blk.23.ffn_gate.weight"},
        {"blocks.0.pos_embedding.embedding.weight", "enc.blk.0.attn_rel_b.weight"},
        {"encoder.block.7.layer.1.DenseReluDense.wo.weight", "enc.blk.7.ffn_down.weight"},
        {"shared.weight", "token_embd.weight"},
        {"norm.weight", "enc.output_norm.weight"},
        {"enc.blk.12.ffn_norm.weight", "enc.blk.12.ffn_norm.weight"},
        {"blocks..attn.q.weight", NULL},
        {"blocks.1234567.attn.q.weight", NULL},
        {"blocks.3.attn.q.weights", NULL},
        {"blocks.3.self_attn.q.weight", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < VMG_COUNT(list); i++) {
        char out[64] = "";
        bool known = vmg_t5_canonical_name(list[i][0], out, sizeof out);
        CHECK(known == (list[i][1] != NULL));
        if (list[i][1])
            CHECK_STR(out, list[i][1]);
    }
    char small[8];
    CHECK(!vmg_t5_canonical_name("norm.weight", small, sizeof small));
}

/* ---- a made-up network ---- */

/* Writes DIR/FILE with a few tensors of a motion network whose names start with `prefix`. */
static void write_network(const char *dir, const char *file, const char *prefix, float scale)
{
    static const struct {
        const char *name;
        int rank;
        int64_t dim[3];
    } tensors[] = {
        {"motion_embedding.weight", 2, {64, 6}}, {"motion_embedding.bias", 1, {64}},
        {"blocks.0.modulation", 3, {1, 6, 64}},  {"blocks.0.self_attn.q.weight", 2, {64, 64}},
        {"blocks.0.self_attn.norm_q.weight", 1, {64}}, {"motion_pos_embedding.pe", 3, {50, 1, 64}},
    };
    float x[64 * 64];
    vmg_writer *w = NULL;
    char *path = vmg_path_join(dir, file);
    vmg_test_fill(x, VMG_COUNT(x));
    x[70] = scale;
    REQUIRE_OK(vmg_mkdirs(dir));
    REQUIRE_OK(vmg_writer_open(path, &w));
    CHECK_OK(vmg_writer_meta_int(w, "epoch", VMG_I64, 3));
    for (size_t i = 0; i < VMG_COUNT(tensors); i++) {
        char name[100];
        snprintf(name, sizeof name, "%s%s", prefix, tensors[i].name);
        CHECK_OK(vmg_writer_declare(w, name, VMG_F32, tensors[i].rank, tensors[i].dim));
    }
    for (size_t i = 0; i < VMG_COUNT(tensors); i++) {
        size_t n = 1;
        for (int k = 0; k < tensors[i].rank; k++)
            n *= (size_t)tensors[i].dim[k];
        CHECK_OK(vmg_writer_data(w, x, n * sizeof *x));
    }
    CHECK_OK(vmg_writer_commit(w));
    vmg_writer_free(w);
    free(path);
}

/* A folder with everything that belongs to a model. Fresh memory. */
static char *make_folder(const char *name)
{
    static const char config[] =
        "{\"dim\": 64, \"eps\": 1e-06, \"model_type\": \"t2v\", \"nothing\": null,"
        " \"deep\": {\"flag\": true}}";
    float mean[6] = {1, 2, 3, 4, 5, 6}, std[6] = {1, 1, 1, 1, 1, 0.5f};
    char *dir = vmg_strdup(vmg_test_tmp(name)), *path;
    write_network(dir, "model.pt", "", 1);
    path = vmg_path_join(dir, "config.json");
    CHECK_OK(vmg_write_file(path, config, strlen(config)));
    free(path);
    path = vmg_path_join(dir, "mean.npy");
    CHECK_OK(vmg_array_write(path, VMG_F32, 1, (int64_t[]){6}, mean));
    free(path);
    path = vmg_path_join(dir, "std.npy");
    CHECK_OK(vmg_array_write(path, VMG_F32, 2, (int64_t[]){1, 6}, std));
    free(path);
    return dir;
}

static int convert(const char *from, const char *to, const char *dtype, vmg_convert_options *o)
{
    o->from = &from;
    o->n_from = 1;
    o->to = to;
    o->convert_dtype = dtype != NULL;
    if (dtype)
        CHECK_OK(vmg_dtype_parse(dtype, &o->dtype));
    return vmg_convert_model(o);
}

static void makes_one_file_of_a_folder(void)
{
    static const char *const dtypes[] = {NULL, "f32", "f16", "bf16", "q8_0", "q4_0"};
    char *dir = make_folder("folder"), *to = vmg_strdup(vmg_test_tmp("folder.gguf"));
    for (size_t i = 0; i < VMG_COUNT(dtypes); i++) {
        vmg_weights *w = NULL;
        const vmg_weight *t;
        int64_t dim = 0;
        double eps = 0;
        bool flag = false;
        float x[6];
        CHECK_OK(convert(dir, to, dtypes[i], &(vmg_convert_options){0}));
        REQUIRE_OK(vmg_weights_open(to, &w));
        CHECK_INT(w->n_tensors, 7);
        CHECK(!vmg_weights_find(w, "motion_pos_embedding.pe"));
        CHECK_OK(vmg_weights_need(w, "blocks.0.self_attn.q.weight", 2, (int64_t[]){64, 64}, &t));
        CHECK_STR(vmg_dtype_name(t->dtype), dtypes[i] ? dtypes[i] : "f32");
        /* 6 is no multiple of 32. */
        CHECK_OK(vmg_weights_need(w, "motion_embedding.weight", 2, (int64_t[]){64, 6}, &t));
        CHECK_INT(t->dtype, VMG_F32);
        CHECK_OK(vmg_weights_need(w, "blocks.0.modulation", 3, (int64_t[]){1, 6, 64}, &t));
        CHECK_INT(t->dtype, VMG_F32);
        CHECK_OK(vmg_weights_need(w, VMG_MODEL_STD, 1, (int64_t[]){6}, &t));
        CHECK_OK(vmg_weight_to_f32(t, x));
        CHECK(x[5] == 0.5f);
        CHECK_OK(vmg_weights_meta_int(w, "vimogen.dim", &dim));
        CHECK_OK(vmg_weights_meta_real(w, "vimogen.eps", &eps));
        CHECK_OK(vmg_weights_meta_bool(w, "vimogen.deep.flag", &flag));
        CHECK(dim == 64 && eps == 1e-6 && flag);
        CHECK(!vmg_weights_meta(w, "vimogen.nothing"));
        vmg_weights_close(w);
    }
    free(dir);
    free(to);
}

static void carries_tokenizer_and_metadata_between_formats(void)
{
    static const uint8_t spiece[] = {0, 1, 2, 0xff, 'x'};
    char *dir = make_folder("carry"), *spm = vmg_strdup(vmg_test_tmp("any.model"));
    char *gguf = vmg_strdup(vmg_test_tmp("c.gguf")),
         *st = vmg_strdup(vmg_test_tmp("c.safetensors"));
    char *again = vmg_strdup(vmg_test_tmp("again.gguf"));
    vmg_weights *w = NULL;
    const vmg_weight *t;
    int64_t dim = 0;
    CHECK_OK(vmg_write_file(spm, spiece, sizeof spiece));
    CHECK_OK(convert(dir, gguf, "bf16", &(vmg_convert_options){.tokenizer = spm}));
    CHECK_OK(convert(gguf, st, NULL, &(vmg_convert_options){0}));
    REQUIRE_OK(vmg_weights_open(st, &w));
    CHECK_OK(vmg_weights_need(w, VMG_MODEL_TOKENIZER, 1, (int64_t[]){5}, &t));
    CHECK(t && !memcmp(t->data, spiece, 5));
    CHECK_OK(vmg_weights_meta_int(w, "vimogen.dim", &dim));
    CHECK_INT(dim, 64);
    vmg_weights_close(w);
    CHECK_OK(convert(st, again, NULL, &(vmg_convert_options){0}));
    REQUIRE_OK(vmg_weights_open(again, &w));
    const vmg_meta *m = vmg_weights_meta(w, VMG_MODEL_TOKENIZER);
    CHECK(m && m->kind == VMG_META_NUMBERS && m->n == 5 && !memcmp(m->data, spiece, 5));
    CHECK_OK(vmg_weights_need(w, "blocks.0.self_attn.q.weight", 2, (int64_t[]){64, 64}, &t));
    CHECK_INT(t->dtype, VMG_BF16);
    vmg_weights_close(w);
    free(dir);
    free(spm);
    free(gguf);
    free(st);
    free(again);
}

static void finds_the_network_in_a_checkpoint(void)
{
    char *dir = make_folder("checkpoint"), *config = vmg_path_join(dir, "config.json");
    char *to = vmg_strdup(vmg_test_tmp("ema.gguf")), *pt = vmg_path_join(dir, "train.pt");
    vmg_weights *w = NULL;
    write_network(dir, "train.pt", "ema.model.", 1);
    CHECK_FAILS(convert(pt, to, NULL, &(vmg_convert_options){0}), VMG_E_NOTFOUND, "--config");
    CHECK(!vmg_path_exists(to));
    CHECK_OK(convert(pt, to, "f16", &(vmg_convert_options){.config = config}));
    REQUIRE_OK(vmg_weights_open(to, &w));
    CHECK(vmg_weights_find(w, "blocks.0.self_attn.q.weight") != NULL);
    CHECK(vmg_weights_meta(w, "epoch") == NULL);
    vmg_weights_close(w);
    free(dir);
    free(config);
    free(to);
    free(pt);
}

static bool stop_at_once(void *user, int64_t done, int64_t total)
{
    (void)user;
    return done > 0 && done <= total;
}

static void says_what_is_wrong(void)
{
    char *dir = make_folder("wrong"), *to = vmg_strdup(vmg_test_tmp("wrong.gguf"));
    char *mean = vmg_strdup(vmg_test_tmp("m.npy"));
    float x[7] = {0, 0, 0, 0, 0, NAN, 0};
    CHECK_OK(vmg_array_write(mean, VMG_F32, 1, (int64_t[]){7}, x));
    CHECK_FAILS(convert(dir, to, NULL, &(vmg_convert_options){.mean = mean}), VMG_E_FORMAT,
                "expected 6");
    CHECK_OK(vmg_array_write(mean, VMG_F32, 1, (int64_t[]){6}, x));
    CHECK_FAILS(convert(dir, to, NULL, &(vmg_convert_options){.mean = mean}), VMG_E_FORMAT,
                "value 5");
    CHECK_FAILS(convert(dir, to, NULL, &(vmg_convert_options){.mean = "/nowhere"}), VMG_E_IO,
                "nowhere");
    CHECK_FAILS(convert(dir, vmg_test_tmp("wrong.pt"), NULL, &(vmg_convert_options){0}), VMG_E_ARG,
                ".safetensors");
    CHECK_FAILS(convert("/nowhere", to, NULL, &(vmg_convert_options){0}), VMG_E_IO, "nowhere");
    CHECK_FAILS(convert(dir, to, NULL, &(vmg_convert_options){.config = mean}), VMG_E_FORMAT,
                "JSON");
    write_network(dir, "model.pt", "", 1e5f);
    CHECK_FAILS(convert(dir, to, "f16", &(vmg_convert_options){0}), VMG_E_ARG,
                "self_attn.q.weight");
    CHECK_OK(convert(dir, to, "bf16", &(vmg_convert_options){0}));
    CHECK_OK(unlink(to));
    CHECK_FAILS(convert(dir, to, NULL, &(vmg_convert_options){.progress = stop_at_once}),
                VMG_E_INTERRUPTED, "interrupted");
    CHECK(!vmg_path_exists(to));
    free(dir);
    free(to);
    free(mean);
}

/* ---- the published layouts ---- */

static void converts_golden_networks_exactly(void)
{
    const char *dir = vmg_test_shared("golden/dit_tiny");
    if (!dir)
        return;
    char *from = vmg_strdup(dir), *to = vmg_strdup(vmg_test_tmp("dit.gguf"));
    vmg_weights *a = NULL, *b = NULL;
    CHECK_OK(convert(from, to, "f32", &(vmg_convert_options){0}));
    CHECK_OK(vmg_weights_open_dir(from, &a));
    CHECK_OK(vmg_weights_open(to, &b));
    REQUIRE(a && b);
    CHECK_INT(b->n_tensors, a->n_tensors);
    for (size_t i = 0; i < a->n_tensors; i++) {
        const vmg_weight *t = &a->tensors[i], *u = NULL;
        CHECK_OK(vmg_weights_need(b, t->name, t->rank, t->dim, &u));
        CHECK(u && !memcmp(u->data, t->data, t->bytes));
    }
    vmg_weights_close(a);
    vmg_weights_close(b);
    free(from);
    free(to);
}

static void puts_both_networks_into_one_file(void)
{
    const char *shared = vmg_test_shared("golden");
    if (!shared)
        return;
    char *dit = vmg_path_join(shared, "dit_tiny"), *t5 = vmg_path_join(shared, "t5_tiny");
    char *to = vmg_strdup(vmg_test_tmp("both.gguf"));
    vmg_weights *a = NULL, *b = NULL;
    int64_t n = 0;
    CHECK_OK(vmg_convert_model(&(vmg_convert_options){
        .from = (const char *[]){dit, t5}, .n_from = 2, .to = to, .convert_dtype = true,
        .dtype = VMG_Q8_0}));
    CHECK_OK(vmg_weights_open_dir(t5, &a));
    CHECK_OK(vmg_weights_open(to, &b));
    REQUIRE(a && b);
    CHECK_INT(b->n_tensors, 203 + 32);
    CHECK_OK(vmg_weights_meta_int(b, "vimogen.num_heads", &n));
    CHECK_INT(n, 3);
    CHECK_OK(vmg_weights_meta_int(b, "t5encoder.attention.head_count", &n));
    CHECK_INT(n, 4);
    CHECK_OK(vmg_weights_meta_int(b, "t5encoder.block_count", &n));
    CHECK_INT(n, 3);
    for (size_t i = 0; i < a->n_tensors; i++) {
        char name[64];
        const vmg_weight *t = &a->tensors[i], *u = NULL;
        REQUIRE(vmg_t5_canonical_name(t->name, name, sizeof name));
        CHECK_OK(vmg_weights_need(b, name, t->rank, t->dim, &u));
        REQUIRE(u);
        float *x = vmg_calloc((size_t)t->n, sizeof *x), *y = vmg_calloc((size_t)t->n, sizeof *y);
        CHECK_OK(vmg_weight_to_f32(t, x));
        CHECK_OK(vmg_weight_to_f32(u, y));
        /* A block's largest value is within half a step of 1/127. */
        CHECK_ARRAY(y, x, (size_t)t->n, u->dtype == VMG_Q8_0 ? 0.5 / 127 + 1e-3 : 0);
        free(x);
        free(y);
    }
    vmg_weights_close(a);
    vmg_weights_close(b);
    free(dit);
    free(t5);
    free(to);
}

static const vmg_test_case cases[] = {
    {"knows_three_spellings", knows_three_spellings},
    {"makes_one_file_of_a_folder", makes_one_file_of_a_folder},
    {"carries_tokenizer_and_metadata_between_formats",
     carries_tokenizer_and_metadata_between_formats},
    {"finds_the_network_in_a_checkpoint", finds_the_network_in_a_checkpoint},
    {"says_what_is_wrong", says_what_is_wrong},
    {"converts_golden_networks_exactly", converts_golden_networks_exactly},
    {"puts_both_networks_into_one_file", puts_both_networks_into_one_file},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
