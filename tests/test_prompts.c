/* Prompt lists: what is read, kept, filled in and refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/data/prompts.h"
#include "tests/harness.h"

static int read_text(const char *name, const char *text, const char *key, vmg_prompts **p)
{
    const char *path = vmg_test_tmp(name);
    *p = NULL;
    return vmg_write_file(path, text, strlen(text)) ? VMG_E_IO : vmg_prompts_read(path, key, p);
}

static void check_texts(const vmg_prompts *p, const char *const *want, size_t n)
{
    CHECK_INT(vmg_prompts_count(p), n);
    for (size_t i = 0; i < n && i < vmg_prompts_count(p); i++)
        CHECK_STR(vmg_prompts_text(p, i), want[i]);
}

static void reads_lines(void)
{
    static const char *const want[] = {"a man walks", "[slowly] jumps", "\xE6\x97\xA5"};
    vmg_prompts *p;
    REQUIRE_OK(read_text("a.txt",
                         "\xEF\xBB\xBF"
                         "a man walks\r\n\n  \n [slowly] jumps \n\xE6\x97\xA5",
                         NULL, &p));
    check_texts(p, want, 3);
    CHECK(vmg_prompts_path(p, 0) == NULL);
    vmg_prompts_free(p);
    REQUIRE_OK(read_text("list", "a man walks", NULL, &p));
    check_texts(p, want, 1);
    vmg_prompts_free(p);
}

static void reads_json(void)
{
    static const char *const want[] = {"one", "t\xC3\xA9o"};
    vmg_prompts *p;
    REQUIRE_OK(read_text("a.json", " [\"one\", \"t\\u00e9o\"]\n", NULL, &p));
    check_texts(p, want, 2);
    vmg_prompts_free(p);
    REQUIRE_OK(read_text("list",
                         "[{\"id\": 1, \"say\": \"one\"}, {\"say\": \"t\\u00e9o\", \"use\": true}]",
                         "say", &p));
    check_texts(p, want, 2);
    double v = -1;
    CHECK(vmg_prompts_number(p, 0, "id", &v) && v == 1);
    CHECK(vmg_prompts_number(p, 1, "use", &v) && v == 1);
    CHECK(!vmg_prompts_number(p, 1, "id", &v));
    CHECK(vmg_prompts_string(p, 0, "id") == NULL);
    vmg_prompts_free(p);
    REQUIRE_OK(read_text("o.json", "{\"version\": 2, \"items\": [\"one\"]}", NULL, &p));
    check_texts(p, want, 1);
    vmg_prompts_free(p);
    vmg_prompts_free(NULL);
}

static void fills_paths_in(void)
{
    vmg_prompts *p;
    static const char in[] = "[{\"prompt\": \"a\", \"n\": 3, \"deep\": {\"x\": [1.5, null]},"
                             " \"Prompt_wanvideot5_embed_path\": \"other case\"},"
                             " {\"prompt\": \"b\", \"prompt_wanvideot5_embed_path\": \"old.pt\"}]";
    REQUIRE_OK(read_text("in.json", in, NULL, &p));
    CHECK(vmg_prompts_path(p, 0) == NULL);
    CHECK_STR(vmg_prompts_path(p, 1), "old.pt");
    CHECK_OK(vmg_prompts_set_path(p, 0, "out/0.pt"));
    CHECK_OK(vmg_prompts_set_path(p, 1, "out/1.pt"));
    const char *out = vmg_test_tmp("out.json");
    REQUIRE_OK(vmg_prompts_write(p, out));
    vmg_prompts_free(p);
    REQUIRE_OK(vmg_prompts_read(out, NULL, &p));
    CHECK_STR(vmg_prompts_path(p, 0), "out/0.pt");
    CHECK_STR(vmg_prompts_path(p, 1), "out/1.pt");
    CHECK_STR(vmg_prompts_string(p, 0, "Prompt_wanvideot5_embed_path"), "other case");
    vmg_prompts_free(p);
    char *text;
    REQUIRE_OK(vmg_read_file(out, 10000, &text, NULL));
    CHECK(strstr(text, "[1.5, null]") != NULL);
    CHECK(strstr(text, "old.pt") == NULL);
    free(text);
}

static void refuses_wrong_lists(void)
{
    static const struct {
        const char *name, *text, *word;
        int code;
    } wrong[] = {
        {"a.txt", " \n\r\n", "no prompts", VMG_E_FORMAT},
        {"a.json", "", "line 1 is not valid JSON", VMG_E_FORMAT},
        {"a.json", "[]", "no prompts", VMG_E_FORMAT},
        {"a.json", "[\n\"a\",\n]", "line 3 is not valid JSON", VMG_E_FORMAT},
        {"a.json", "[\"a\"]\n, 3", "line 2 has something after", VMG_E_FORMAT},
        {"a.json", "[\"a\", 3]", "entry 2 is neither", VMG_E_FORMAT},
        {"a.json", "{\"a\": 1}", "is an object", VMG_E_FORMAT},
        {"a.json", "{\"a\": [], \"b\": []}", "is an object", VMG_E_FORMAT},
        {"a.json", "\"a\"", "no prompts", VMG_E_FORMAT},
        {"a.json", "[{\"id\": 1, \"text\": \"a\", \"caption\": \"b\"}]", "text, caption",
         VMG_E_NOTFOUND},
        {"a.json", "[{\"prompt\": 5}]", "entry 1 has no text \"prompt\"", VMG_E_NOTFOUND},
    };
    vmg_prompts *p;
    for (size_t i = 0; i < VMG_COUNT(wrong); i++) {
        CHECK_FAILS(read_text(wrong[i].name, wrong[i].text, NULL, &p), wrong[i].code,
                    wrong[i].word);
        CHECK(p == NULL);
    }
    CHECK_FAILS(vmg_prompts_read(vmg_test_tmp("none.json"), NULL, &p), VMG_E_IO, "none.json");
    const char *path = vmg_test_tmp("zero");
    REQUIRE_OK(vmg_write_file(path, "a\0b", 3));
    CHECK_FAILS(vmg_prompts_read(path, NULL, &p), VMG_E_FORMAT, "byte 0");
    vmg_buf deep = {0};
    for (int i = 0; i < 100000; i++)
        vmg_buf_puts(&deep, "[");
    CHECK_FAILS(read_text("deep.json", deep.data, NULL, &p), VMG_E_FORMAT, "nested");
    vmg_buf_free(&deep);
}

/* Half a list, then with bytes changed: read or refused, nothing else. */
static void survives_damage(void)
{
    static const char good[] = "[{\"prompt\": \"a \\\"b\\\" \\u00e9\", \"n\": -3.5e2}, \"c\", "
                               "{\"prompt\":\"d\"}]";
    int n_read = 0;
    for (int k = 0; k < 3000; k++) {
        char bad[sizeof good];
        size_t n = k % 2 ? sizeof good - 1 : vmg_test_below(sizeof good);
        memcpy(bad, good, n);
        for (int i = 0; n && i < 2; i++)
            bad[vmg_test_below((uint32_t)n)] = (char)vmg_test_below(256);
        const char *path = vmg_test_tmp("bad.json");
        vmg_prompts *p;
        FILE *f = fopen(path, "wb"); /* vmg_write_file would sync 3000 times */
        REQUIRE(f && fwrite(bad, 1, n, f) == n && fclose(f) == 0);
        if (vmg_prompts_read(path, NULL, &p) == VMG_OK) {
            for (size_t i = 0; i < vmg_prompts_count(p); i++)
                CHECK(vmg_prompts_text(p, i) != NULL);
            n_read++;
            vmg_prompts_free(p);
        }
    }
    CHECK(n_read > 30 && n_read < 3000);
}

static void reads_published_lists(void)
{
    static const struct {
        const char *name, *key, *begin, *path;
        size_t n;
    } lists[] = {
        {"official/example_archive.json", NULL, "Full-body shot, stable camera, side view. A woman",
         "./data_samples/text_embeddings/prompt/0.pt", 4},
        {"official/example_archive_wi_ref.json", "prompt_video_detailed", "Full-body shot",
         "data/mbench/wanvideo_text_features/prompt_video_detailed/6.pt", 4},
        {"official/MBench_final.json", "prompt", "a person squats to almost parallel", NULL, 450},
    };
    for (size_t k = 0; k < VMG_COUNT(lists); k++) {
        const char *path = vmg_test_shared(lists[k].name);
        vmg_prompts *p;
        if (!path)
            return;
        REQUIRE_OK(vmg_prompts_read(path, lists[k].key, &p));
        CHECK_INT(vmg_prompts_count(p), lists[k].n);
        CHECK(!strncmp(vmg_prompts_text(p, 0), lists[k].begin, strlen(lists[k].begin)));
        if (lists[k].path)
            CHECK_STR(vmg_prompts_path(p, 0), lists[k].path);
        else
            CHECK(vmg_prompts_path(p, 0) == NULL);
        vmg_prompts_free(p);
    }
}

static const vmg_test_case cases[] = {
    {"reads_lines", reads_lines},         {"reads_json", reads_json},
    {"fills_paths_in", fills_paths_in},   {"refuses_wrong_lists", refuses_wrong_lists},
    {"survives_damage", survives_damage}, {"reads_published_lists", reads_published_lists},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
