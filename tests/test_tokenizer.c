/* Tokenization through models made by hand. With --encode MODEL (a spiece.model or a GGUF file),
 * encodes length-prefixed texts from stdin for the witness script. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "models/spiece.h"
#include "models/tokenizer.h"
#include "models/weights.h"
#include "src/format/weights_file.h"
#include "tests/harness.h"

#define SPACE "\xE2\x96\x81" /* U+2581, how pieces write a space */

typedef struct piece {
    const char *text;
    float score;
    int32_t type;
} piece;

/* "walks" is best read as one piece, "walking" as two. */
static const piece pieces[] = {
    {"<pad>", 0, VMG_SPIECE_CONTROL},
    {"</s>", 0, VMG_SPIECE_CONTROL},
    {"<unk>", 0, VMG_SPIECE_UNKNOWN},
    {SPACE, -3, VMG_SPIECE_NORMAL},
    {SPACE "a", -2, VMG_SPIECE_NORMAL},
    {SPACE "walk", -3, VMG_SPIECE_NORMAL},
    {SPACE "walks", -3.5f, VMG_SPIECE_NORMAL},
    {"s", -2, VMG_SPIECE_NORMAL},
    {"ing", -2.5f, VMG_SPIECE_NORMAL},
    {"i", -4, VMG_SPIECE_NORMAL},
    {"n", -4, VMG_SPIECE_NORMAL},
    {"g", -4, VMG_SPIECE_NORMAL},
    {"a", -4, VMG_SPIECE_NORMAL},
    {"b", -4, VMG_SPIECE_NORMAL},
};

static void add_pieces(vmg_buf *model)
{
    for (size_t i = 0; i < VMG_COUNT(pieces); i++)
        vmg_spiece_add_piece(model, pieces[i].text, strlen(pieces[i].text), pieces[i].score,
                             pieces[i].type);
}

static const vmg_spiece_settings plain = {.add_space_prefix = true,
                                          .remove_extra_whitespaces = true};

static int load(vmg_buf *model, vmg_tokenizer **t)
{
    return vmg_tokenizer_from_memory(model->data, model->len, "test.model", t);
}

static vmg_tokenizer *make_tokenizer(const vmg_spiece_settings *settings)
{
    vmg_buf model = {0};
    vmg_tokenizer *t = NULL;
    add_pieces(&model);
    vmg_spiece_add_settings(&model, settings);
    CHECK(!model.failed);
    CHECK_OK(load(&model, &t));
    vmg_buf_free(&model);
    return t;
}

/* Ids as text, "5 8 1". */
static void check_ids(const vmg_tokenizer *t, const char *text, const char *want)
{
    vmg_token_ids ids;
    vmg_buf got = {0};
    REQUIRE_OK(vmg_tokenizer_encode(t, text, strlen(text), VMG_TOKENIZER_MAX_IDS, &ids));
    for (int64_t i = 0; i < ids.n; i++)
        vmg_buf_printf(&got, "%s%d", i ? " " : "", (int)ids.id[i]);
    CHECK_STR(got.data, want);
    CHECK_INT(ids.text_bytes, strlen(text));
    CHECK_INT(ids.kept_bytes, strlen(text));
    vmg_buf_free(&got);
    vmg_token_ids_free(&ids);
}

static void finds_the_best_pieces(void)
{
    vmg_tokenizer *t = make_tokenizer(&plain);
    REQUIRE(t);
    check_ids(t, "", "1");
    check_ids(t, "a walks", "4 6 1");              /* -2 -3.5 beats walk + s: -2 -3 -2 */
    check_ids(t, "walking", "5 8 1");              /* ing beats i + n + g */
    check_ids(t, "  a   walk ", "4 5 1");          /* spaces fold */
    check_ids(t, "a \xF0\x9F\x98\x80", "4 3 2 1"); /* unknown */
    check_ids(t, "a\xFF", "4 2 1");                /* malformed UTF-8 */
    check_ids(t, "a</s>", "4 2 7 2 1");            /* control pieces are not recognised in text */
    vmg_tokenizer_free(t);
    vmg_tokenizer_free(NULL);
}

static void knows_its_pieces(void)
{
    vmg_tokenizer *t = make_tokenizer(&plain);
    REQUIRE(t);
    CHECK_INT(vmg_tokenizer_size(t), VMG_COUNT(pieces));
    CHECK_INT(vmg_tokenizer_end_id(t), 1);
    for (int32_t i = 0; i < (int32_t)VMG_COUNT(pieces); i++) {
        CHECK_STR(vmg_tokenizer_piece(t, i), pieces[i].text);
        CHECK_INT(vmg_tokenizer_id(t, pieces[i].text), i);
    }
    CHECK(vmg_tokenizer_piece(t, -1) == NULL);
    CHECK(vmg_tokenizer_piece(t, (int32_t)VMG_COUNT(pieces)) == NULL);
    CHECK_INT(vmg_tokenizer_id(t, "nowhere"), -1);
    vmg_tokenizer_free(t);
}

static void cuts_long_texts(void)
{
    vmg_tokenizer *t = make_tokenizer(&plain);
    vmg_token_ids ids;
    REQUIRE(t);
    static const char text[] = "a walks walking a";
    CHECK_OK(vmg_tokenizer_encode(t, text, strlen(text), 6, &ids)); /* exactly */
    CHECK_INT(ids.n, 6);
    CHECK_INT(ids.kept_bytes, strlen(text));
    vmg_token_ids_free(&ids);
    CHECK_OK(vmg_tokenizer_encode(t, text, strlen(text), 4, &ids));
    CHECK_INT(ids.n, 4);
    CHECK_INT(ids.id[3], 1);
    CHECK_INT(ids.text_bytes, strlen(text));
    CHECK_STR(text + ids.kept_bytes, "ing a");
    char *cut = vmg_token_ids_describe_cut(&ids, text);
    CHECK_STR(cut, "the text is too long: 5 of its 17 bytes are left out, from \"ing a\"");
    free(cut);
    vmg_token_ids_free(&ids);
    CHECK_OK(vmg_tokenizer_encode(t, text, strlen(text), 1, &ids));
    CHECK_INT(ids.n, 1);
    CHECK_INT(ids.kept_bytes, 0);
    vmg_token_ids_free(&ids);
    CHECK_FAILS(vmg_tokenizer_encode(t, text, strlen(text), 0, &ids), VMG_E_ARG, "at least one");
    vmg_tokenizer_free(t);
}

static void shows_whole_characters_of_the_cut(void)
{
    vmg_buf text = {0};
    vmg_buf_puts(&text, "a ");
    for (int i = 0; i < 100; i++)
        vmg_buf_puts(&text, "\xE6\x97\xA5");
    vmg_token_ids ids = {.n = 2, .text_bytes = text.len, .kept_bytes = 1};
    char *cut = vmg_token_ids_describe_cut(&ids, text.data);
    CHECK(cut && strstr(cut, " 300 of its 302 bytes") && strstr(cut, "\xA5...\""));
    free(cut);
    vmg_buf_free(&text);
}

static void megabytes(void)
{
    static const struct {
        const char *unit;
        bool full; /* whether the unit's beginning fills all ids */
    } texts[] = {{"a walks ", true},
                 {"walking", true},
                 {"\xE6\x97\xA5", false},
                 {" ", false},
                 {"\xFF", false}};
    vmg_tokenizer *t = make_tokenizer(&plain);
    REQUIRE(t);
    for (size_t u = 0; u < VMG_COUNT(texts); u++) {
        vmg_buf text = {0};
        vmg_token_ids ids;
        while (text.len < 1 << 20)
            vmg_buf_puts(&text, texts[u].unit);
        REQUIRE_OK(vmg_tokenizer_encode(t, text.data, text.len, VMG_TOKENIZER_MAX_IDS, &ids));
        CHECK_INT(ids.id[ids.n - 1], 1);
        CHECK((ids.n == VMG_TOKENIZER_MAX_IDS) == texts[u].full);
        CHECK_INT(ids.text_bytes, text.len);
        CHECK(ids.kept_bytes <= VMG_TOKENIZER_MAX_BYTES);
        CHECK(ids.kept_bytes % strlen(texts[u].unit) == 0 || texts[u].full); /* whole characters */
        vmg_token_ids_free(&ids);
        vmg_buf_free(&text);
    }
    vmg_tokenizer_free(t);
}

/* Unknown characters as bytes, user-defined and unused pieces, spaces inside pieces. */
static void other_kinds_of_pieces(void)
{
    vmg_buf model = {0};
    vmg_tokenizer *t;
    vmg_spiece_settings settings = plain;
    settings.byte_fallback = true;
    add_pieces(&model);
    for (int i = 0; i < 256; i++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", (unsigned)i);
        vmg_spiece_add_piece(&model, name, strlen(name), 0, VMG_SPIECE_BYTE);
    }
    vmg_spiece_add_piece(&model, "alk", 3, 0, VMG_SPIECE_USER_DEFINED);
    vmg_spiece_add_piece(&model, "ab", 2, 0, VMG_SPIECE_UNUSED);
    vmg_spiece_add_settings(&model, &settings);
    REQUIRE_OK(load(&model, &t));
    const int byte0 = VMG_COUNT(pieces);
    char want[64];
    snprintf(want, sizeof want, "4 3 %d %d 1", byte0 + 0xC3, byte0 + 0xA9);
    check_ids(t, "a \xC3\xA9", want);
    snprintf(want, sizeof want, "3 %d 7 1", byte0 + 256);
    check_ids(t, "alks", want);
    check_ids(t, "ab", "4 13 1");
    vmg_tokenizer_free(t);
    model.len = 0;
    add_pieces(&model);
    vmg_spiece_add_piece(&model, SPACE "a" SPACE "walk", 11, -1, VMG_SPIECE_NORMAL);
    vmg_spiece_add_settings(&model, &plain);
    REQUIRE_OK(load(&model, &t));
    snprintf(want, sizeof want, "%d 7 1", (int)VMG_COUNT(pieces));
    check_ids(t, "a walks", want);
    vmg_tokenizer_free(t);
    vmg_buf_free(&model);
}

/* Equal sums, which rounding must not decide: the piece that begins first is the shorter. */
static void breaks_ties_the_same_everywhere(void)
{
    vmg_buf model = {0}, text = {0}, want = {0};
    vmg_tokenizer *t;
    add_pieces(&model);
    vmg_spiece_add_piece(&model, "f", 1, -8.46116f, VMG_SPIECE_NORMAL);
    vmg_spiece_add_piece(&model, "ff", 2, -10.46809f, VMG_SPIECE_NORMAL);
    vmg_spiece_add_settings(&model, &plain);
    REQUIRE_OK(load(&model, &t));
    vmg_buf_puts(&want, "3");
    for (int i = 0; i < 100; i++) {
        vmg_buf_puts(&text, "fffab");
        vmg_buf_puts(&want, " 14 15 12 13");
    }
    vmg_buf_puts(&want, " 1");
    check_ids(t, text.data, want.data);
    vmg_tokenizer_free(t);
    vmg_buf_free(&model);
    vmg_buf_free(&text);
    vmg_buf_free(&want);
}

/* ---- normalisation rules ---- */

enum { UNITS = 256, CHARSMAP_BYTES = 4 + 4 * UNITS + 2 };

static void put_u32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

/* One rule, "A" to "a": root, the unit of 'A' below offset 0x80, its leaf at 0x10. */
static void make_charsmap(uint8_t map[CHARSMAP_BYTES])
{
    uint8_t *trie = map + 4;
    memset(map, 0, CHARSMAP_BYTES);
    put_u32(map, 4 * UNITS);
    put_u32(trie, 0x80u << 10);
    put_u32(trie + 4 * (0x80 ^ 'A'), 'A' | 1u << 8 | (uint32_t)(0x80 ^ 'A' ^ 0x10) << 10);
    put_u32(trie + 4 * 0x10, 1u << 31);
    memcpy(map + 4 + 4 * UNITS, "a", 2);
}

static int load_with_charsmap(const uint8_t *map, size_t n, vmg_tokenizer **t)
{
    vmg_buf model = {0};
    vmg_spiece_settings settings = plain;
    settings.charsmap = map;
    settings.charsmap_bytes = n;
    add_pieces(&model);
    vmg_spiece_add_settings(&model, &settings);
    int rc = load(&model, t);
    vmg_buf_free(&model);
    return rc;
}

static void applies_normalisation_rules(void)
{
    uint8_t map[CHARSMAP_BYTES];
    vmg_tokenizer *t = NULL;
    make_charsmap(map);
    REQUIRE_OK(load_with_charsmap(map, sizeof map, &t));
    check_ids(t, "A wAlks", "4 6 1");
    vmg_tokenizer_free(t);
}

static void refuses_rules_that_lead_outside(void)
{
    uint8_t map[CHARSMAP_BYTES];
    vmg_tokenizer *t = NULL;
    make_charsmap(map);
    CHECK_FAILS(load_with_charsmap(map, 4, &t), VMG_E_FORMAT, "normalisation rules");
    CHECK_FAILS(load_with_charsmap(map, sizeof map - 1, &t), VMG_E_FORMAT, "normalisation rules");
    put_u32(map + 4, 0x100u << 10); /* the root leads to the next block, which is not there */
    CHECK_FAILS(load_with_charsmap(map, sizeof map, &t), VMG_E_FORMAT, "trie");
    put_u32(map + 4, 1u << 31 | 0x100u << 10); /* the same from a root that looks like a leaf */
    CHECK_FAILS(load_with_charsmap(map, sizeof map, &t), VMG_E_FORMAT, "trie");
    make_charsmap(map);
    put_u32(map + 4 + 4 * 0x10, 1u << 31 | 2); /* a replacement behind the last */
    CHECK_FAILS(load_with_charsmap(map, sizeof map, &t), VMG_E_FORMAT, "trie");
    make_charsmap(map);
    put_u32(map, 4 * UNITS - 4); /* not whole blocks */
    CHECK_FAILS(load_with_charsmap(map, sizeof map, &t), VMG_E_FORMAT, "trie");
    put_u32(map, 0xFFFFFFFC);
    CHECK_FAILS(load_with_charsmap(map, sizeof map, &t), VMG_E_FORMAT, "rules");
    CHECK(t == NULL);
}

/* ---- damaged models ---- */

static void refuses_other_files(void)
{
    vmg_buf model = {0};
    vmg_tokenizer *t = NULL;
    CHECK_FAILS(vmg_tokenizer_from_memory("", 0, "x.model", &t), VMG_E_FORMAT, "x.model");
    CHECK_FAILS(vmg_tokenizer_from_memory("hello world", 11, "x.model", &t), VMG_E_FORMAT,
                "no Sent");
    CHECK_FAILS(vmg_tokenizer_open(vmg_test_tmp("none.model"), &t), VMG_E_IO, "none.model");
    vmg_spiece_add_piece(&model, "a", 1, -1, VMG_SPIECE_NORMAL);
    vmg_spiece_add_piece(&model, "<unk>", 5, 0, VMG_SPIECE_UNKNOWN);
    vmg_spiece_add_settings(&model, &plain);
    CHECK_FAILS(load(&model, &t), VMG_E_FORMAT, "</s>");
    vmg_spiece_add_piece(&model, "b", 1, NAN, VMG_SPIECE_NORMAL);
    CHECK_FAILS(load(&model, &t), VMG_E_FORMAT, "score");
    model.len = 0;
    add_pieces(&model);
    vmg_buf_append(&model, "\x12\x02\x18\x02", 4); /* trainer_spec { model_type: BPE } */
    CHECK_FAILS(load(&model, &t), VMG_E_UNSUPPORTED, "unigram");
    CHECK(t == NULL);
    vmg_buf_free(&model);
}

/* Any bytes either load or fail; what loads encodes. */
static void survives_damage(void)
{
    uint8_t map[CHARSMAP_BYTES];
    vmg_buf good = {0};
    vmg_spiece_settings settings = plain;
    make_charsmap(map);
    settings.charsmap = map;
    settings.charsmap_bytes = sizeof map;
    add_pieces(&good);
    vmg_spiece_add_settings(&good, &settings);
    int n_loaded = 0;
    for (int k = 0; k < 4000; k++) {
        vmg_buf bad = {0};
        vmg_tokenizer *t;
        vmg_token_ids ids;
        vmg_buf_append(&bad, good.data, k % 5 ? good.len : vmg_test_below((uint32_t)good.len));
        for (uint32_t i = 0; bad.len && i < 1 + vmg_test_below(3); i++)
            bad.data[vmg_test_below((uint32_t)bad.len)] = (char)vmg_test_below(256);
        if (load(&bad, &t) == VMG_OK) {
            n_loaded++;
            CHECK_OK(vmg_tokenizer_encode(t, "A walks\xE6\x97\xA5 AAA", 15, 8, &ids));
            vmg_token_ids_free(&ids);
            vmg_tokenizer_free(t);
        }
        vmg_buf_free(&bad);
    }
    CHECK(n_loaded > 100 && n_loaded < 4000);
    vmg_buf_free(&good);
}

/* ---- metadata ---- */

/* llama.cpp's metadata in memory. */
typedef struct fake_weights {
    vmg_weights base;
    vmg_meta meta[8];
    vmg_buf tokens;
    float scores[VMG_COUNT(pieces)];
    int32_t types[VMG_COUNT(pieces)];
} fake_weights;

static vmg_meta *add_meta(fake_weights *w, const char *key, enum vmg_meta_kind kind)
{
    vmg_meta *m = &w->meta[w->base.n_meta++];
    m->key = key;
    m->kind = kind;
    return m;
}

static void add_numbers(fake_weights *w, const char *key, vmg_dtype dtype, const void *data,
                        int64_t n, size_t bytes)
{
    vmg_meta *m = add_meta(w, key, VMG_META_NUMBERS);
    m->dtype = dtype;
    m->data = data;
    m->n = n;
    m->data_bytes = bytes;
}

static void make_weights(fake_weights *w)
{
    *w = (fake_weights){.base = {.path = "t5.gguf", .format = "memory", .meta = w->meta}};
    vmg_meta *m = add_meta(w, "tokenizer.ggml.model", VMG_META_STRING);
    m->data = "t5";
    m->n = 2;
    m->data_bytes = 2;
    for (size_t i = 0; i < VMG_COUNT(pieces); i++) {
        uint64_t len = strlen(pieces[i].text);
        for (int b = 0; b < 8; b++)
            vmg_buf_append(&w->tokens, &(char){(char)(len >> (8 * b))}, 1);
        vmg_buf_puts(&w->tokens, pieces[i].text);
        w->scores[i] = pieces[i].score;
        w->types[i] = pieces[i].type;
    }
    m = add_meta(w, "tokenizer.ggml.tokens", VMG_META_STRINGS);
    m->data = w->tokens.data;
    m->n = VMG_COUNT(pieces);
    m->data_bytes = w->tokens.len;
    add_numbers(w, "tokenizer.ggml.scores", VMG_F32, w->scores, m->n, sizeof w->scores);
    add_numbers(w, "tokenizer.ggml.token_type", VMG_I32, w->types, m->n, sizeof w->types);
}

static void reads_metadata_arrays(void)
{
    fake_weights w;
    uint8_t map[CHARSMAP_BYTES], wide[4 * CHARSMAP_BYTES];
    vmg_tokenizer *t;
    static const char key[] = "tokenizer.ggml.precompiled_charsmap";
    make_weights(&w);
    REQUIRE_OK(vmg_tokenizer_from_weights(&w.base, &t));
    check_ids(t, "a walks walking", "4 6 5 8 1");
    check_ids(t, "A", "3 2 1");
    vmg_tokenizer_free(t);
    make_charsmap(map);
    add_numbers(&w, key, VMG_U8, map, sizeof map, sizeof map);
    REQUIRE_OK(vmg_tokenizer_from_weights(&w.base, &t));
    check_ids(t, "A", "4 1");
    vmg_tokenizer_free(t);
    for (size_t i = 0; i < sizeof map; i++)
        put_u32(wide + 4 * i, map[i]);
    w.base.n_meta--;
    add_numbers(&w, key, VMG_I32, wide, sizeof map, sizeof wide);
    REQUIRE_OK(vmg_tokenizer_from_weights(&w.base, &t));
    check_ids(t, "A", "4 1");
    vmg_tokenizer_free(t);
    vmg_meta *prefix = add_meta(&w, "tokenizer.ggml.add_space_prefix", VMG_META_BOOL);
    prefix->integer = 0;
    REQUIRE_OK(vmg_tokenizer_from_weights(&w.base, &t));
    check_ids(t, "A", "12 1");
    vmg_tokenizer_free(t);
    vmg_buf_free(&w.tokens);
}

static void reads_a_model_in_a_weights_file(void)
{
    vmg_buf model = {0};
    vmg_tokenizer *t;
    add_pieces(&model);
    vmg_spiece_add_settings(&model, &plain);
    vmg_meta m = {.key = VMG_TOKENIZER_NAME,
                  .kind = VMG_META_NUMBERS,
                  .dtype = VMG_U8,
                  .data = model.data,
                  .n = (int64_t)model.len,
                  .data_bytes = model.len};
    vmg_weights w = {.path = "own.gguf", .format = "memory", .n_meta = 1, .meta = &m};
    REQUIRE_OK(vmg_tokenizer_from_weights(&w, &t));
    check_ids(t, "walking", "5 8 1");
    vmg_tokenizer_free(t);
    /* The same as a tensor, as safetensors files hold it. */
    const uint32_t by_name[] = {0};
    const vmg_weight tensor = {.name = VMG_TOKENIZER_NAME,
                               .dtype = VMG_U8,
                               .rank = 1,
                               .dim = {m.n},
                               .n = m.n,
                               .data = model.data,
                               .bytes = model.len};
    w.n_meta = 0;
    w.n_tensors = 1;
    w.tensors = &tensor;
    w.by_name = by_name;
    REQUIRE_OK(vmg_tokenizer_from_weights(&w, &t));
    check_ids(t, "walking", "5 8 1");
    vmg_tokenizer_free(t);
    vmg_buf_free(&model);
}

static void refuses_wrong_metadata(void)
{
    fake_weights w;
    vmg_tokenizer *t;
    make_weights(&w);
    w.base.n_meta = 0;
    CHECK_FAILS(vmg_tokenizer_from_weights(&w.base, &t), VMG_E_NOTFOUND, "no tokenizer");
    w.base.n_meta = 1;
    CHECK_FAILS(vmg_tokenizer_from_weights(&w.base, &t), VMG_E_NOTFOUND, "tokens is missing");
    w.base.n_meta = 2;
    CHECK_FAILS(vmg_tokenizer_from_weights(&w.base, &t), VMG_E_NOTFOUND, "scores is missing");
    w.base.n_meta = 4;
    w.meta[0].data = "bp";
    CHECK_FAILS(vmg_tokenizer_from_weights(&w.base, &t), VMG_E_UNSUPPORTED, "\"bp\"");
    w.meta[0].data = "t5";
    w.meta[2].n--;
    CHECK_FAILS(vmg_tokenizer_from_weights(&w.base, &t), VMG_E_FORMAT, "scores");
    w.meta[2].n++;
    w.types[5] = 7;
    CHECK_FAILS(vmg_tokenizer_from_weights(&w.base, &t), VMG_E_FORMAT, "token 5");
    w.types[5] = VMG_SPIECE_BYTE; /* bytes need all 256 of them */
    CHECK_FAILS(vmg_tokenizer_from_weights(&w.base, &t), VMG_E_FORMAT, "t5.gguf");
    w.types[5] = VMG_SPIECE_NORMAL;
    w.scores[5] = INFINITY;
    CHECK_FAILS(vmg_tokenizer_from_weights(&w.base, &t), VMG_E_FORMAT, "inf");
    w.scores[5] = 0;
    w.meta[1].data_bytes--;
    CHECK_FAILS(vmg_tokenizer_from_weights(&w.base, &t), VMG_E_FORMAT, "as long as");
    CHECK(t == NULL);
    vmg_buf_free(&w.tokens);
}

static int encode_stdin(const char *path)
{
    char ending[8];
    uint32_t n;
    vmg_tokenizer *t = NULL;
    vmg_weights *w = NULL;
    vmg_path_ending(path, ending, sizeof ending);
    int rc;
    if (!strcmp(ending, "gguf")) {
        rc = vmg_weights_open(path, &w);
        if (rc == VMG_OK)
            rc = vmg_tokenizer_from_weights(w, &t);
        vmg_weights_close(w);
    } else {
        rc = vmg_tokenizer_open(path, &t);
    }
    while (rc == VMG_OK && fread(&n, sizeof n, 1, stdin) == 1) {
        char *text = malloc(n + 1u);
        vmg_token_ids ids = {0};
        if (!text || fread(text, 1, n, stdin) != n)
            rc = vmg_fail(VMG_E_IO, "stdin ends early");
        else
            rc = vmg_tokenizer_encode(t, text, n, VMG_TOKENIZER_MAX_IDS, &ids);
        uint32_t out_n = (uint32_t)ids.n;
        if (rc == VMG_OK) {
            fwrite(&out_n, sizeof out_n, 1, stdout);
            fwrite(ids.id, sizeof *ids.id, out_n, stdout);
        }
        vmg_token_ids_free(&ids);
        free(text);
    }
    vmg_tokenizer_free(t);
    if (rc != VMG_OK)
        fprintf(stderr, "%s\n", vmg_error_message());
    return rc == VMG_OK ? 0 : 1;
}

static const vmg_test_case cases[] = {
    {"finds_the_best_pieces", finds_the_best_pieces},
    {"knows_its_pieces", knows_its_pieces},
    {"cuts_long_texts", cuts_long_texts},
    {"shows_whole_characters_of_the_cut", shows_whole_characters_of_the_cut},
    {"megabytes", megabytes},
    {"other_kinds_of_pieces", other_kinds_of_pieces},
    {"breaks_ties_the_same_everywhere", breaks_ties_the_same_everywhere},
    {"applies_normalisation_rules", applies_normalisation_rules},
    {"refuses_rules_that_lead_outside", refuses_rules_that_lead_outside},
    {"refuses_other_files", refuses_other_files},
    {"survives_damage", survives_damage},
    {"reads_metadata_arrays", reads_metadata_arrays},
    {"reads_a_model_in_a_weights_file", reads_a_model_in_a_weights_file},
    {"refuses_wrong_metadata", refuses_wrong_metadata},
};

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--encode"))
        return encode_stdin(argv[2]);
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
