/* The command `vimogen train`: starting from models, with a frozen encoder, with other pieces. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "models/tokenizer.h"
#include "models/vocabulary.h"
#include "src/format/weights_file.h"
#include "tests/harness.h"
#include "tests/train_fixture.h"

/* A model after two updates. */
static void make_model(const char *to)
{
    CHECK_INT(vmg_test_train("--config '%s/config.json' --out '%s/first' --steps 2", vmg_test_train_folder(), vmg_test_train_folder()), 0);
    CHECK_INT(vmg_test_train("--export '%s' --out '%s/first' --dtype f32", to, vmg_test_train_folder()), 0);
}

static bool said(const char *word)
{
    char *path = vmg_test_train_file("said.txt"), *text = NULL;
    bool found = vmg_read_file(path, 1 << 20, &text, NULL) == VMG_OK && strstr(text, word);
    if (!found)
        vmg_test_note("no \"%s\" in: %s", word, text ? text : "");
    free(text);
    free(path);
    return found;
}

/* The encoder of one run, frozen, teaches another whose network starts from the first one's. */
static void takes_a_frozen_encoder(void)
{
    char *config = vmg_test_train_file("config.json"), *frozen = vmg_test_train_file("frozen.json"), *model = vmg_test_train_file("mini.gguf"), *text = NULL;
    size_t n;
    if (!vmg_path_exists(model))
        make_model(model);
    REQUIRE_OK(vmg_read_file(config, 1 << 16, &text, &n));
    char *section = strstr(text, "\"text_encoder\"");
    REQUIRE(section != NULL);
    section[1] = '_'; /* a key that nobody asks for */
    REQUIRE_OK(vmg_write_file(frozen, text, n));
    CHECK_INT(vmg_test_train("--config '%s' --out '%s/frozen' --steps 2 --text-encoder '%s' --warm-start '%s'", frozen, vmg_test_train_folder(), model,
                        model), 0);
    CHECK(said(" parameters start from "));
    CHECK(vmg_test_train("--config '%s' --out '%s/none' --steps 2", frozen, vmg_test_train_folder()) != 0 && said("--text-encoder"));
    CHECK(vmg_test_train("--config '%s' --out '%s/none' --steps 2 --text-encoder '%s'", config, vmg_test_train_folder(), model) != 0 &&
          said("takes no --text-encoder"));
    CHECK(vmg_test_train("--config '%s' --out '%s/none' --steps 2 --warm-start '%s/set/mean.npy'", config, vmg_test_train_folder(), vmg_test_train_folder()) != 0 &&
          said("no tensor has the name"));
    free(text);
    free(config);
    free(frozen);
    free(model);
}

/* The last run said that all parameters started from a model. */
static void check_all_taken(void)
{
    char *path = vmg_test_train_file("said.txt"), *text = NULL;
    int taken = 0, all = 0;
    REQUIRE_OK(vmg_read_file(path, 1 << 20, &text, NULL));
    const char *line = strstr(text, " parameters start from ");
    while (line && line > text && line[-1] != '\n')
        line--;
    CHECK(line && sscanf(line, "%*[^0-9]%d of %d", &taken, &all) == 2);
    CHECK(all > 0 && taken == all);
    free(text);
    free(path);
}

/* A run that starts from a model keeps its vocabulary, so that every tensor has its shape, whatever it would make itself. */
static void starts_from_a_model(void)
{
    char *model = vmg_test_train_file("mini.gguf");
    if (!vmg_path_exists(model))
        make_model(model);
    CHECK_INT(vmg_test_train("--config '%s/config.json' --out '%s/warm' --steps 1 --vocab-size 30 --warm-start '%s'", vmg_test_train_folder(), vmg_test_train_folder(),
                        model), 0);
    check_all_taken();
    free(model);
}

/* With a vocabulary of its own, a piece that the model has keeps its embedding, another gets the mean of what the model makes of it.
 * The first update's rate is 0, so that nothing has moved. */
static void starts_with_other_pieces(void)
{
    static const char *const runs[2] = {"few-pieces", "pieces"};
    vmg_weights *w[2] = {NULL};
    vmg_tokenizer *t[2] = {NULL};
    float *table[2] = {NULL};
    int64_t dim = 0, n_equal = 0, n_means = 0;
    char *letters = vmg_test_train_file("letters.model");
    uint8_t *bytes;
    size_t n_bytes;
    REQUIRE_OK(vmg_vocabulary_train((const char *const[]){"sonredtklfphvgwa,", "wpahdveg,rtnkolfs"}, 2, 24, &bytes, &n_bytes));
    REQUIRE_OK(vmg_write_file(letters, bytes, n_bytes));
    char *vocabulary[2] = {vmg_asprintf("--vocabulary '%s'", letters),
                           vmg_asprintf("--new-vocabulary --warm-start '%s/%s.gguf'", vmg_test_train_folder(), runs[0])};
    for (int i = 0; i < 2; i++) {
        char *run = vmg_test_train_file(runs[i]), *model = vmg_asprintf("%s.gguf", run);
        CHECK_INT(vmg_test_train("--config '%s/config.json' --out '%s' --steps 1 %s", vmg_test_train_folder(), run, vocabulary[i]), 0);
        if (i)
            check_all_taken();
        CHECK_INT(vmg_test_train("--export '%s' --out '%s' --dtype f32", model, run), 0);
        REQUIRE_OK(vmg_weights_open(model, &w[i]));
        REQUIRE_OK(vmg_tokenizer_from_weights(w[i], &t[i]));
        const vmg_weight *x = vmg_weights_find(w[i], "token_embd.weight");
        REQUIRE(x && x->rank == 2 && x->dim[0] == vmg_tokenizer_size(t[i]));
        dim = x->dim[1];
        table[i] = vmg_calloc((size_t)x->n, sizeof *table[i]);
        REQUIRE_OK(vmg_weight_to_f32(x, table[i]));
        free(run);
        free(model);
        free(vocabulary[i]);
    }
    free(bytes);
    free(letters);
    for (int32_t k = 0; k < vmg_tokenizer_size(t[1]); k++) {
        const char *piece = vmg_tokenizer_piece(t[1], k), *word = !strncmp(piece, "\xe2\x96\x81", 3) ? piece + 3 : "";
        int32_t same = vmg_tokenizer_id(t[0], piece);
        vmg_token_ids ids = {0};
        REQUIRE_OK(vmg_tokenizer_encode(t[0], word, strlen(word), 64, &ids));
        n_equal += same >= 0;
        n_means += same < 0 && ids.n > 2;
        for (int64_t c = 0; c < dim && (same >= 0 || ids.n > 2); c++) {
            double want = same >= 0 ? table[0][same * dim + c] : 0;
            for (int64_t i = 0; same < 0 && i + 1 < ids.n; i++)
                want += table[0][ids.id[i] * dim + c] / (double)(ids.n - 1);
            if (!CHECK_CLOSE(table[1][k * dim + c], want, 1e-6))
                break;
        }
        vmg_token_ids_free(&ids);
    }
    CHECK(n_equal > 0);
    CHECK(n_means > 0);
    for (int i = 0; i < 2; i++) {
        free(table[i]);
        vmg_tokenizer_free(t[i]);
        vmg_weights_close(w[i]);
    }
}

static const vmg_test_case cases[] = {
    {"takes_a_frozen_encoder", takes_a_frozen_encoder},
    {"starts_from_a_model", starts_from_a_model},
    {"starts_with_other_pieces", starts_with_other_pieces},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
