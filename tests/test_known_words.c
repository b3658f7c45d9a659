/* Warnings about words that a model never met. */
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/format/weights_file.h"
#include "src/format/writer.h"
#include "src/lib/convert_meta.h"
#include "src/lib/known_words.h"
#include "tests/harness.h"

static const char *const words[] = {"arm", "forward", "jumps", "left", "person", "runs", "slowly",
                                    "turns", "walks", "waves"};
static const char *const behaviours[] = {"walks forward", "runs", "turns left", "jumps up",
                                         "sits down", "boxes", "waves", "stands still"};

static char *warn(const char *prompt)
{
    char *text = NULL;
    CHECK_OK(vmg_known_words_compare(words, VMG_COUNT(words), behaviours, VMG_COUNT(behaviours),
                                     prompt, &text));
    return text;
}

static void says_nothing_when_all_is_known(void)
{
    static const char *const prompts[] = {"", "A person walks forward.", "he WALKS, then turns left",
                                          "a person waves with one arm and runs"};
    for (size_t i = 0; i < VMG_COUNT(prompts); i++) {
        char *text = warn(prompts[i]);
        CHECK(text == NULL);
        free(text);
    }
}

static void names_words_and_neighbours(void)
{
    static const struct {
        const char *prompt, *names, *near, *not_near;
    } cases[] = {
        {"a person sprints", "\"sprints\"", "runs", "sits"},
        {"a person walked", "\"walked\"", "walks forward", "boxes"},
        {"a person punches left", "\"punches\"", "boxes", "runs"},
        {"a person greets and walks", "\"greets\"", "waves", "sits"},
        {"a person leaps over a fence", "\"leaps\" and \"fence\"", "jumps up", "sits"},
        {"Somebody xyzzy", "\"somebody\" and \"xyzzy\"", "walks forward", "boxes"},
        {"eine Person l\xC3\xA4uft", "\"l\xC3\xA4uft\"", "walks", "boxes"},
    };
    for (size_t i = 0; i < VMG_COUNT(cases); i++) {
        char *text = warn(cases[i].prompt);
        REQUIRE(text);
        if (!CHECK(strstr(text, cases[i].names)) || !CHECK(strstr(text, cases[i].near)) ||
            !CHECK(!strstr(text, cases[i].not_near)))
            vmg_test_note("%s: %s", cases[i].prompt, text);
        CHECK(!strchr(text, '\n'));
        free(text);
    }
}

static void bounds_long_prompts(void)
{
    enum { N = 4000 };
    char *prompt = malloc(N + 1);
    REQUIRE(prompt);
    for (int i = 0; i < N; i++)
        prompt[i] = i % 100 == 99 ? ' ' : (char)('a' + i / 100 % 26);
    prompt[N] = 0;
    char *text = warn(prompt);
    CHECK(text && strlen(text) < 900);
    free(text);
    free(prompt);
}

static void reads_the_models_lists(void)
{
    const char *path = vmg_test_tmp("lists.gguf");
    const float one = 1;
    vmg_writer *w;
    vmg_weights *source;
    vmg_convert_meta meta = {0};
    char *text;
    static const char *const own[] = {"dances wildly"};
    REQUIRE_OK(vmg_writer_open(path, &w));
    meta.w = w;
    CHECK_OK(vmg_convert_meta_strings(&meta, "vimogen.words", words, VMG_COUNT(words)));
    CHECK_OK(vmg_convert_meta_strings(&meta, "vimogen.behaviours", own, 1));
    CHECK_OK(vmg_writer_declare(w, "x", VMG_F32, 1, (int64_t[]){1}));
    CHECK_OK(vmg_writer_data(w, &one, sizeof one));
    CHECK_OK(vmg_writer_commit(w));
    vmg_writer_free(w);
    vmg_convert_meta_free(&meta);
    REQUIRE_OK(vmg_weights_open(path, &source));
    CHECK_OK(vmg_known_words_check(source, "a person swims", &text));
    REQUIRE(text);
    CHECK(strstr(text, "\"swims\"") && strstr(text, "dances wildly"));
    free(text);
    CHECK_OK(vmg_known_words_check(source, "a person walks", &text));
    CHECK(text == NULL);
    vmg_weights_close(source);
}

static const vmg_test_case cases[] = {
    {"says_nothing_when_all_is_known", says_nothing_when_all_is_known},
    {"names_words_and_neighbours", names_words_and_neighbours},
    {"bounds_long_prompts", bounds_long_prompts},
    {"reads_the_models_lists", reads_the_models_lists},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
