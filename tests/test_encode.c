/* Encoding lists of texts: cache, equal texts, batches, streaming, files. With --write DIR, writes
 * a small encoder and prompt lists for the tests of the command. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "models/spiece.h"
#include "models/t5.h"
#include "src/format/weights_file.h"
#include "src/format/writer.h"
#include "src/lib/encoder.h"
#include "tests/harness.h"

enum { DIM = 64, ATTENTION = 48, FFN = 96, HEADS = 3, LAYERS = 3, BUCKETS = 32, VOCAB = 64 };

/* ---- an encoder ---- */

static int write_spiece(const char *path)
{
    static const char *const words[] = {"a", "man", "walks", "jumps", "runs", "slowly"};
    vmg_buf model = {0};
    const vmg_spiece_settings settings = {.add_space_prefix = true,
                                          .remove_extra_whitespaces = true};
    vmg_spiece_add_piece(&model, "<pad>", 5, 0, VMG_SPIECE_CONTROL);
    vmg_spiece_add_piece(&model, "</s>", 4, 0, VMG_SPIECE_CONTROL);
    vmg_spiece_add_piece(&model, "<unk>", 5, 0, VMG_SPIECE_UNKNOWN);
    vmg_spiece_add_piece(&model, "\xE2\x96\x81", 3, -3, VMG_SPIECE_NORMAL);
    for (size_t i = 0; i < VMG_COUNT(words); i++) {
        char piece[32];
        int n = snprintf(piece, sizeof piece, "\xE2\x96\x81%s", words[i]);
        vmg_spiece_add_piece(&model, piece, (size_t)n, -4, VMG_SPIECE_NORMAL);
    }
    for (char c = 'a'; c <= 'z'; c++)
        vmg_spiece_add_piece(&model, &c, 1, -6, VMG_SPIECE_NORMAL);
    vmg_spiece_add_settings(&model, &settings);
    int rc = model.failed ? VMG_E_NOMEM : vmg_write_file(path, model.data, model.len);
    vmg_buf_free(&model);
    return rc;
}

typedef struct shape {
    const char *name;
    int64_t rows, cols; /* rows 0: a vector */
} shape;

static const shape layer_shapes[] = {
    {"norm1.weight", 0, DIM},          {"norm2.weight", 0, DIM},
    {"attn.q.weight", ATTENTION, DIM}, {"attn.k.weight", ATTENTION, DIM},
    {"attn.v.weight", ATTENTION, DIM}, {"attn.o.weight", DIM, ATTENTION},
    {"ffn.gate.0.weight", FFN, DIM},   {"ffn.fc1.weight", FFN, DIM},
    {"ffn.fc2.weight", DIM, FFN},      {"pos_embedding.embedding.weight", BUCKETS, HEADS},
};

/* Announces a tensor (fill false) or writes random values for it. */
static int put_tensor(vmg_writer *w, const char *name, int64_t rows, int64_t cols, bool fill)
{
    const int64_t matrix[2] = {rows, cols}, vector[1] = {cols};
    if (!fill)
        return vmg_writer_declare(w, name, VMG_F32, rows ? 2 : 1, rows ? matrix : vector);
    size_t n = (size_t)(VMG_MAX(rows, 1) * cols);
    float *x = vmg_calloc(n, sizeof *x);
    if (!x)
        return VMG_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        x[i] = rows ? 0.3f * vmg_test_uniform() : 1 + 0.1f * vmg_test_uniform();
    int rc = vmg_writer_data(w, x, n * sizeof *x);
    free(x);
    return rc;
}

static int write_encoder(const char *path)
{
    vmg_writer *w = NULL;
    int rc = vmg_writer_open(path, &w);
    for (int fill = 0; fill < 2 && rc == VMG_OK; fill++) {
        rc = put_tensor(w, "token_embedding.weight", VOCAB, DIM, fill);
        for (int l = 0; l < LAYERS; l++)
            for (size_t k = 0; k < VMG_COUNT(layer_shapes) && rc == VMG_OK; k++) {
                char name[96];
                snprintf(name, sizeof name, "blocks.%d.%s", l, layer_shapes[k].name);
                rc = put_tensor(w, name, layer_shapes[k].rows, layer_shapes[k].cols, fill);
            }
        if (rc == VMG_OK)
            rc = put_tensor(w, "norm.weight", 0, DIM, fill);
    }
    if (rc == VMG_OK)
        rc = vmg_writer_commit(w);
    vmg_writer_free(w);
    return rc;
}

/* A folder with both, made once. */
static const char *encoder_folder(void)
{
    static char dir[512];
    if (!dir[0]) {
        char path[600];
        snprintf(dir, sizeof dir, "%s", vmg_test_tmp("encoder"));
        CHECK_OK(vmg_mkdirs(dir));
        snprintf(path, sizeof path, "%s/model.safetensors", dir);
        CHECK_OK(write_encoder(path));
        snprintf(path, sizeof path, "%s/spiece.model", dir);
        CHECK_OK(write_spiece(path));
    }
    return dir;
}

/* ---- taking embeddings ---- */

enum { MAX_TEXTS = 40 };

typedef struct taker {
    vmg_ctx *ctx;
    uint64_t max_memory;
    int64_t n_opened, n_taken, stop_after;
    float *rows[MAX_TEXTS];
    int64_t n_rows[MAX_TEXTS];
    char warnings[2048];
} taker;

static int open_device(void *user, vmg_ctx **ctx)
{
    taker *t = user;
    t->n_opened++;
    int rc = vmg_ctx_open(
        &(vmg_ctx_options){.device = getenv("VMG_TEST_DEVICE"), .max_memory_bytes = t->max_memory},
        &t->ctx);
    *ctx = t->ctx;
    return rc;
}

static int take(void *user, int64_t i, const float *rows, int64_t n_rows)
{
    taker *t = user;
    CHECK(t->rows[i] == NULL); /* each text once */
    if (t->stop_after && t->n_taken == t->stop_after)
        return vmg_fail(VMG_E_IO, "the disk is full");
    t->rows[i] = vmg_calloc((size_t)(n_rows * DIM), sizeof *rows);
    memcpy(t->rows[i], rows, (size_t)(n_rows * DIM) * sizeof *rows);
    t->n_rows[i] = n_rows;
    t->n_taken++;
    return VMG_OK;
}

static void keep_warning(void *user, int level, const char *text)
{
    taker *t = user;
    size_t n = strlen(t->warnings);
    if (level == VMG_LOG_WARN)
        snprintf(t->warnings + n, sizeof t->warnings - n, "%s\n", text);
}

static int encode(vmg_encoder *e, taker *t, const char *const *texts, int64_t n,
                  const vmg_encode_options *o)
{
    const vmg_encode_sink sink = {open_device, take, t, {keep_warning, t, VMG_LOG_WARN}};
    return vmg_encode_each(e, texts, n, o, &sink);
}

static void free_taker(taker *t)
{
    for (int i = 0; i < MAX_TEXTS; i++)
        free(t->rows[i]);
    vmg_ctx_close(t->ctx);
    *t = (taker){0};
}

static void check_same(const taker *a, const taker *b, int64_t n, double tolerance)
{
    for (int64_t i = 0; i < n; i++) {
        CHECK_INT(a->n_rows[i], b->n_rows[i]);
        if (a->rows[i] && b->rows[i] && a->n_rows[i] == b->n_rows[i])
            CHECK_ARRAY(a->rows[i], b->rows[i], (size_t)(a->n_rows[i] * DIM), tolerance);
    }
}

static vmg_embed_cache *new_cache(const char *name)
{
    vmg_embed_cache *c = NULL;
    CHECK_OK(vmg_embed_cache_open(vmg_test_tmp(name), 1 << 24, &c));
    return c;
}

static const char *const texts[] = {"a man walks", "a man jumps", "  a\tman walks ", "",
                                    "a man&#32;walks"};
enum { N_TEXTS = VMG_COUNT(texts) };
static const vmg_encode_options plain = {.dtype = VMG_F32};

/* ---- cases ---- */

/* Against the network itself, on ids known by hand. */
static void gives_the_networks_rows(void)
{
    static const int32_t ids[] = {4, 5, 6, 1, 4, 5, 7, 1, 1};
    static const int64_t lens[] = {4, 4, 1}, of[] = {0, 1, 3};
    vmg_encoder e;
    taker t = {0};
    vmg_t5 *t5 = NULL;
    float want[9 * DIM];
    REQUIRE_OK(vmg_encoder_open(encoder_folder(), NULL, &e));
    CHECK_INT(e.config.dim, DIM);
    REQUIRE_OK(encode(&e, &t, texts, N_TEXTS, &plain));
    CHECK_INT(t.n_taken, N_TEXTS);
    CHECK(t.ctx->memory_bytes < 40000); /* the encoder is gone */
    CHECK_OK(vmg_t5_create(t.ctx, &e.config, VMG_F32, &t5));
    CHECK_OK(vmg_t5_load(t5, e.weights, NULL));
    CHECK_OK(vmg_t5_encode(t5, ids, lens, 3, NULL, NULL, want));
    vmg_t5_free(t5);
    for (int64_t k = 0, at = 0; k < 3; at += lens[k++]) {
        CHECK_INT(t.n_rows[of[k]], lens[k]);
        CHECK_ARRAY(t.rows[of[k]], want + at * DIM, (size_t)(lens[k] * DIM), 2e-6);
    }
    CHECK_ARRAY(t.rows[2], t.rows[0], 4 * DIM, 0); /* equal once cleaned */
    CHECK_ARRAY(t.rows[4], t.rows[0], 4 * DIM, 0);
    CHECK_STR(t.warnings, "");
    free_taker(&t);
    vmg_encoder_close(&e);
}

static void repeats_from_the_cache(void)
{
    vmg_encoder e;
    taker first = {0}, again = {0}, other = {0};
    vmg_encode_options o = plain;
    vmg_embed_cache *cache = new_cache("cache");
    o.cache = cache;
    REQUIRE_OK(vmg_encoder_open(encoder_folder(), NULL, &e));
    REQUIRE_OK(encode(&e, &first, texts, N_TEXTS, &o));
    CHECK_INT(first.n_opened, 1);
    vmg_encoder_close(&e);
    REQUIRE_OK(vmg_encoder_open(encoder_folder(), NULL, &e));
    REQUIRE_OK(encode(&e, &again, texts, N_TEXTS, &o));
    CHECK_INT(again.n_opened, 0); /* no device, no encoder, no tokenizer */
    CHECK(e.tokenizer == NULL);
    check_same(&again, &first, N_TEXTS, 0);
    o.dtype = VMG_F16; /* another encoder, in effect */
    REQUIRE_OK(encode(&e, &other, texts, 2, &o));
    CHECK_INT(other.n_opened, 1);
    check_same(&other, &first, 2, 2e-2);
    free_taker(&first);
    free_taker(&again);
    free_taker(&other);
    vmg_embed_cache_close(cache);
    vmg_encoder_close(&e);
}

/* Texts of 20 to 300 words; freed by the caller. */
static void make_long_texts(char *list[MAX_TEXTS])
{
    for (int i = 0; i < MAX_TEXTS; i++) {
        vmg_buf b = {0};
        for (int k = 0; k < 20 + 7 * i; k++)
            vmg_buf_printf(&b, "%s ", (k + i) % 3 ? "a man" : k % 2 ? "walks" : "slowly");
        list[i] = b.data;
    }
}

/* One after the other a text's bits are its own: with others or alone, with all weights there or streamed. */
static void apart_texts_are_alone(void)
{
    char *list[MAX_TEXTS];
    vmg_encoder e;
    vmg_encode_options o = plain;
    taker all = {0}, together = {0}, streamed = {0};
    make_long_texts(list);
    o.apart = true;
    REQUIRE_OK(vmg_encoder_open(encoder_folder(), NULL, &e));
    REQUIRE_OK(encode(&e, &all, (const char *const *)list, MAX_TEXTS, &o));
    CHECK_INT(all.n_taken, MAX_TEXTS);
    for (int i = 0; i < MAX_TEXTS; i += 13) {
        taker alone = {0};
        REQUIRE_OK(encode(&e, &alone, (const char *const *)&list[i], 1, &o));
        CHECK_INT(alone.n_rows[0], all.n_rows[i]);
        CHECK(alone.rows[0] && !memcmp(alone.rows[0], all.rows[i], (size_t)(all.n_rows[i] * DIM) * sizeof(float)));
        free_taker(&alone);
    }
    REQUIRE_OK(encode(&e, &together, (const char *const *)list, MAX_TEXTS, &plain));
    check_same(&together, &all, MAX_TEXTS, 2e-6);
    CHECK(all.ctx->peak_memory_bytes < together.ctx->peak_memory_bytes); /* planned for the longest text, not for all */
    streamed.max_memory = all.ctx->peak_memory_bytes - 40000;
    REQUIRE_OK(encode(&e, &streamed, (const char *const *)list, MAX_TEXTS, &o));
    check_same(&streamed, &all, MAX_TEXTS, 0);
    free_taker(&all);
    free_taker(&together);
    free_taker(&streamed);
    vmg_encoder_close(&e);
    for (int i = 0; i < MAX_TEXTS; i++)
        free(list[i]);
}

/* Texts that fill several batches, on devices of any size. */
static void batches_and_streams(void)
{
    char *list[MAX_TEXTS];
    vmg_encoder e;
    taker all = {0};
    make_long_texts(list);
    REQUIRE_OK(vmg_encoder_open(encoder_folder(), NULL, &e));
    REQUIRE_OK(encode(&e, &all, (const char *const *)list, MAX_TEXTS, &plain));
    CHECK_INT(all.n_taken, MAX_TEXTS);
    /* Less and less memory: smaller batches, then streamed layers, then nothing. */
    int n_worked = 0, rc = VMG_OK;
    for (uint64_t limit = all.ctx->peak_memory_bytes; rc == VMG_OK; limit -= 40000) {
        taker t = {.max_memory = limit};
        rc = encode(&e, &t, (const char *const *)list, MAX_TEXTS, &plain);
        if (rc == VMG_OK) {
            CHECK(t.ctx->peak_memory_bytes <= limit);
            check_same(&t, &all, MAX_TEXTS, 2e-6);
            n_worked++;
        } else {
            CHECK_INT(rc, VMG_E_NOMEM);
            CHECK_INT(t.n_taken, 0);
        }
        free_taker(&t);
    }
    vmg_test_note("%d limits sufficed", n_worked);
    CHECK(n_worked >= 5); /* a layer has 90 kB: some of them cannot all be resident */
    free_taker(&all);
    vmg_encoder_close(&e);
    for (int i = 0; i < MAX_TEXTS; i++)
        free(list[i]);
}

static void warns_of_cut_texts(void)
{
    vmg_encoder e;
    vmg_buf text = {0};
    vmg_encode_options o = plain;
    vmg_embed_cache *cache = new_cache("cut");
    o.cache = cache;
    for (int i = 0; i < 600; i++)
        vmg_buf_puts(&text, i == 511 ? "jumps " : "walks ");
    const char *const list[] = {"a", text.data};
    REQUIRE_OK(vmg_encoder_open(encoder_folder(), NULL, &e));
    for (int pass = 0; pass < 2; pass++) { /* the second time from the cache */
        taker t = {0};
        REQUIRE_OK(encode(&e, &t, list, 2, &o));
        CHECK_INT(t.n_opened, 1 - pass);
        CHECK_INT(t.n_rows[1], 512);
        CHECK(strstr(t.warnings, "text 2: ") && strstr(t.warnings, "from \"jumps walks"));
        free_taker(&t);
    }
    vmg_buf_free(&text);
    vmg_embed_cache_close(cache);
    vmg_encoder_close(&e);
}

static bool stop_later(void *user, size_t done, size_t total)
{
    (void)total;
    size_t *most = user;
    CHECK(done > *most && done <= total);
    *most = done;
    return done < total;
}

static void stops_when_asked(void)
{
    vmg_encoder e;
    taker t = {0};
    size_t most = 0;
    vmg_encode_options o = plain;
    o.encoding = stop_later;
    o.user = &most;
    REQUIRE_OK(vmg_encoder_open(encoder_folder(), NULL, &e));
    CHECK_FAILS(encode(&e, &t, texts, N_TEXTS, &o), VMG_E_INTERRUPTED, "interrupted");
    CHECK_INT(t.n_taken, 0);
    CHECK(t.ctx->memory_bytes < 40000); /* the encoder is gone */
    free_taker(&t);
    t.stop_after = 2;
    CHECK_FAILS(encode(&e, &t, texts, N_TEXTS, &plain), VMG_E_IO, "disk is full");
    CHECK_INT(t.n_taken, 2);
    free_taker(&t);
    vmg_encoder_close(&e);
}

static void tells_encoders_apart(void)
{
    vmg_encoder e;
    uint8_t a[32], b[32];
    const char *other = vmg_test_tmp("other.model");
    REQUIRE_OK(write_spiece(other));
    REQUIRE_OK(vmg_encoder_open(encoder_folder(), NULL, &e));
    CHECK_OK(vmg_encoder_identity(&e, VMG_F32, a));
    vmg_encoder_close(&e);
    REQUIRE_OK(vmg_encoder_open(encoder_folder(), other, &e));
    CHECK_OK(vmg_encoder_identity(&e, VMG_F32, b));
    CHECK(!memcmp(a, b, sizeof a)); /* the same tokenizer elsewhere */
    CHECK_OK(vmg_encoder_identity(&e, VMG_Q8_0, b));
    CHECK(memcmp(a, b, sizeof a) != 0);
    vmg_encoder_close(&e);
    char *bytes;
    size_t n;
    REQUIRE_OK(vmg_read_file(other, 1 << 20, &bytes, &n));
    REQUIRE_OK(vmg_write_file(other, bytes, n - 1));
    free(bytes);
    REQUIRE_OK(vmg_encoder_open(encoder_folder(), other, &e));
    CHECK_OK(vmg_encoder_identity(&e, VMG_F32, b));
    CHECK(memcmp(a, b, sizeof a) != 0);
    CHECK_FAILS(vmg_encoder_need_tokenizer(&e), VMG_E_FORMAT, "other.model");
    vmg_encoder_close(&e);
    CHECK_FAILS(vmg_encoder_open(encoder_folder(), vmg_test_tmp("none.model"), &e), VMG_E_IO,
                "none");
    const char *bare = vmg_test_tmp("bare/model.safetensors");
    REQUIRE_OK(vmg_mkdirs(vmg_test_tmp("bare")));
    REQUIRE_OK(write_encoder(bare));
    CHECK_FAILS(vmg_encoder_open(bare, NULL, &e), VMG_E_NOTFOUND, "spiece.model");
    REQUIRE_OK(vmg_mkdirs(vmg_test_tmp("bare/google/umt5-xxl")));
    REQUIRE_OK(write_spiece(vmg_test_tmp("bare/google/umt5-xxl/spiece.model")));
    CHECK_OK(vmg_encoder_open(bare, NULL, &e));
    vmg_encoder_close(&e);
}

/* ---- files of embeddings ---- */

static void embedding_files_round_trip(void)
{
    static const struct {
        const char *name;
        vmg_dtype dtype, stored;
        double tolerance;
    } files[] = {
        {"e.pt", VMG_BF16, VMG_BF16, 4e-3},     {"e.pt", VMG_F32, VMG_F32, 0},
        {"e.pth", VMG_F16, VMG_F16, 5e-4},      {"e.safetensors", VMG_BF16, VMG_BF16, 4e-3},
        {"e.npy", VMG_BF16, VMG_F32, 0},        {"e.npy", VMG_F16, VMG_F16, 5e-4},
        {"e.safetensors", VMG_F32, VMG_F32, 0},
    };
    float rows[5 * DIM];
    vmg_test_fill(rows, 5 * DIM);
    for (size_t i = 0; i < VMG_COUNT(files); i++) {
        const char *path = vmg_test_tmp(files[i].name);
        vmg_embedding back;
        vmg_weights *w;
        REQUIRE_OK(vmg_embedding_write(path, files[i].dtype, rows, 5, DIM));
        REQUIRE_OK(vmg_weights_open(path, &w));
        CHECK_INT(w->n_tensors, 1);
        CHECK_INT(w->tensors[0].dtype, files[i].stored);
        CHECK_STR(w->tensors[0].name, VMG_WEIGHT_UNNAMED);
        vmg_weights_close(w);
        REQUIRE_OK(vmg_embedding_read(path, DIM, &back));
        CHECK_INT(back.n_rows, 5);
        CHECK_ARRAY(back.rows, rows, 5 * DIM, files[i].tolerance);
        vmg_embedding_free(&back);
        CHECK_FAILS(vmg_embedding_read(path, DIM + 1, &back), VMG_E_FORMAT, "(5, 64)");
    }
    CHECK_FAILS(vmg_embedding_write(vmg_test_tmp("e.pt"), VMG_Q8_0, rows, 5, DIM), VMG_E_ARG,
                "q8_0");
    CHECK_FAILS(vmg_embedding_write(vmg_test_tmp("e.gguf"), VMG_F32, rows, 5, DIM), VMG_E_ARG,
                ".pt");
}

/* A published embedding, read and written, has the same bits. */
static void published_embeddings_round_trip(void)
{
    const char *path = vmg_test_shared("official/text_embeddings/0.pt");
    vmg_embedding e;
    vmg_weights *a, *b;
    if (!path)
        return;
    REQUIRE_OK(vmg_weights_open(path, &a));
    REQUIRE_OK(vmg_embedding_read(path, 4096, &e));
    CHECK_INT(e.n_rows, 104);
    const char *copy = vmg_test_tmp("copy.pt");
    REQUIRE_OK(vmg_embedding_write(copy, VMG_BF16, e.rows, e.n_rows, 4096));
    REQUIRE_OK(vmg_weights_open(copy, &b));
    CHECK_INT(b->tensors[0].dtype, VMG_BF16);
    CHECK_INT(b->tensors[0].bytes, a->tensors[0].bytes);
    CHECK(!memcmp(b->tensors[0].data, a->tensors[0].data, a->tensors[0].bytes));
    vmg_embedding_free(&e);
    vmg_weights_close(a);
    vmg_weights_close(b);
}

static int write_samples(const char *dir)
{
    static const struct {
        const char *name, *text;
    } lists[] = {
        {"list.txt", "a man walks\n\na man jumps\n"},
        {"list.json", "[{\"id\": 7, \"say\": \"a man walks\"}, {\"id\": 3, \"say\": \"a man "
                      "runs\"}]"},
        {"same.json", "[{\"id\": 7, \"prompt\": \"a\"}, {\"id\": 7, \"prompt\": \"a man\"}]"},
    };
    int rc = VMG_OK;
    char path[1024];
    for (size_t i = 0; i < VMG_COUNT(lists) && rc == VMG_OK; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, lists[i].name);
        rc = vmg_write_file(path, lists[i].text, strlen(lists[i].text));
    }
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    if (rc == VMG_OK)
        rc = write_encoder(path);
    snprintf(path, sizeof path, "%s/spiece.model", dir);
    return rc == VMG_OK ? write_spiece(path) : rc;
}

static const vmg_test_case cases[] = {
    {"gives_the_networks_rows", gives_the_networks_rows},
    {"repeats_from_the_cache", repeats_from_the_cache},
    {"apart_texts_are_alone", apart_texts_are_alone},
    {"batches_and_streams", batches_and_streams},
    {"warns_of_cut_texts", warns_of_cut_texts},
    {"stops_when_asked", stops_when_asked},
    {"tells_encoders_apart", tells_encoders_apart},
    {"embedding_files_round_trip", embedding_files_round_trip},
    {"published_embeddings_round_trip", published_embeddings_round_trip},
};

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--write"))
        return write_samples(argv[2]) == VMG_OK ? 0 : 1;
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
