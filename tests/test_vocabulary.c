/* Vocabularies made from sentences: what they hold, that they repeat, what is refused. */
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "models/tokenizer.h"
#include "models/vocabulary.h"
#include "tests/harness.h"

static const char *const captions[] = {
    "a person walks forward",         "a person walks forward slowly",  "a person runs and stops",
    "a man walks in a circle",        "a person jumps up and down",     "a person turns left",
    "a person turns right and walks", "someone waves with both hands",  "a person walks backwards",
    "a person sits down on a chair",  "a person kicks with the left leg"};

static int make(int64_t size, uint8_t **model, size_t *n)
{
    return vmg_vocabulary_train(captions, VMG_COUNT(captions), size, model, n);
}

static void starts_with_the_special_pieces(void)
{
    uint8_t *model = NULL;
    size_t n;
    vmg_tokenizer *t = NULL;
    REQUIRE_OK(make(60, &model, &n));
    CHECK_OK(vmg_tokenizer_from_memory(model, n, "made here", &t));
    if (t) {
        CHECK(vmg_tokenizer_size(t) > 20 && vmg_tokenizer_size(t) <= 60);
        CHECK_STR(vmg_tokenizer_piece(t, VMG_VOCABULARY_PADDING), "<pad>");
        CHECK_STR(vmg_tokenizer_piece(t, VMG_VOCABULARY_UNKNOWN), "<unk>");
        CHECK_INT(vmg_tokenizer_end_id(t), VMG_VOCABULARY_END);
    }
    vmg_tokenizer_free(t);
    free(model);
}

static void encodes_what_it_has_seen_in_any_case(void)
{
    static const char text[] = "a person walks", shout[] = "A Person WALKS", rare[] = "a person walks \xE6\x97\xA5";
    uint8_t *model = NULL;
    size_t n;
    vmg_tokenizer *t = NULL;
    vmg_token_ids a = {0}, b = {0}, c = {0};
    REQUIRE_OK(make(60, &model, &n));
    CHECK_OK(vmg_tokenizer_from_memory(model, n, "made here", &t));
    if (t) {
        CHECK_OK(vmg_tokenizer_encode(t, text, strlen(text), 64, &a));
        CHECK_OK(vmg_tokenizer_encode(t, shout, strlen(shout), 64, &b));
        CHECK_OK(vmg_tokenizer_encode(t, rare, strlen(rare), 64, &c));
        CHECK_INT(b.n, a.n);
        for (int64_t i = 0; i < a.n; i++) {
            CHECK(a.id[i] != VMG_VOCABULARY_UNKNOWN);
            CHECK_INT(b.id[i], a.id[i]);
        }
        CHECK(c.n > a.n && c.id[c.n - 2] == VMG_VOCABULARY_UNKNOWN);
    }
    vmg_token_ids_free(&a);
    vmg_token_ids_free(&b);
    vmg_token_ids_free(&c);
    vmg_tokenizer_free(t);
    free(model);
}

static void repeats(void)
{
    uint8_t *a = NULL, *b = NULL;
    size_t n_a = 0, n_b = 0;
    CHECK_OK(make(50, &a, &n_a));
    CHECK_OK(make(50, &b, &n_b));
    CHECK(n_a == n_b && n_a > 0 && !memcmp(a, b, n_a));
    free(a);
    free(b);
}

static void refuses_what_cannot_be(void)
{
    uint8_t *model = NULL;
    size_t n;
    CHECK_FAILS(vmg_vocabulary_train(captions, 0, 100, &model, &n), VMG_E_ARG, "needs sentences");
    CHECK(!model);
    CHECK_FAILS(make(5, &model, &n), VMG_E_ARG, "vocabulary of 5 pieces");
    CHECK(!model);
}

static const vmg_test_case cases[] = {
    {"starts_with_the_special_pieces", starts_with_the_special_pieces},
    {"encodes_what_it_has_seen_in_any_case", encodes_what_it_has_seen_in_any_case},
    {"repeats", repeats},
    {"refuses_what_cannot_be", refuses_what_cannot_be},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
