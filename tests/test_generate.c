/* The program's generate command against golden sampling vectors, and what it says when it cannot. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/weights_file.h"
#include "src/format/writer.h"
#include "src/vimogen.h"
#include "tests/harness.h"

static void check_says(const char *args, int status, const char *word)
{
    char text[4096];
    int got = vmg_test_vimogen(NULL, args, text, sizeof text);
    if (!CHECK(got == status && strstr(text, word)))
        vmg_test_note("vimogen %s: status %d, expected %d and \"%s\": %s", args, got, status, word, text);
}

/* One tensor of a safetensors file, without its first dimension, as a .npy. */
static void extract(const vmg_weights *w, const char *name, const char *to)
{
    const vmg_weight *t = vmg_weights_find(w, name);
    REQUIRE(t != NULL && t->rank == 3 && t->dim[0] == 1);
    CHECK_OK(vmg_array_write(to, t->dtype, 2, t->dim + 1, t->data));
}

static void compare(const char *path, const vmg_weights *w, const char *name)
{
    vmg_weights *got;
    const vmg_weight *want = vmg_weights_find(w, name);
    REQUIRE_OK(vmg_weights_open(path, &got));
    float *a = vmg_calloc((size_t)got->tensors[0].n, sizeof *a), *b = vmg_calloc((size_t)want->n, sizeof *b);
    CHECK_INT(got->tensors[0].n, want->n);
    CHECK_OK(vmg_weight_to_f32(&got->tensors[0], a));
    CHECK_OK(vmg_weight_to_f32(want, b));
    if (got->tensors[0].n == want->n)
        CHECK_ARRAY(a, b, (size_t)want->n, 5e-5); /* the manifest's sample_f32 */
    free(a);
    free(b);
    vmg_weights_close(got);
}

/* Arguments shared by the text runs. */
static char *text_args(const char *golden, const char *more)
{
    return vmg_asprintf("generate -m '%s' --text-embedding '%s' --null-embedding '%s' --noise '%s' --steps 8 %s", golden,
                        vmg_test_tmp("context.npy"), vmg_test_tmp("null.npy"), vmg_test_tmp("noise.npy"), more);
}

static bool prepare(const char *file, char golden[4096], vmg_weights **w)
{
    char path[4200];
    const char *shared = vmg_test_shared("golden/dit_tiny");
    if (!shared)
        return false;
    snprintf(golden, 4096, "%s", shared);
    snprintf(path, sizeof path, "%s/%s", golden, file);
    if (!CHECK_OK(vmg_weights_open(path, w)))
        return false;
    extract(*w, "noise", vmg_test_tmp("noise.npy"));
    extract(*w, "context", vmg_test_tmp("context.npy"));
    extract(*w, "null_context", vmg_test_tmp("null.npy"));
    extract(*w, "ref_motion", vmg_test_tmp("ref.npy"));
    return true;
}

static void text_branch_matches_golden(void)
{
    static const struct { const char *out, *more; } runs[] = {
        {"a.npy", "--raw"}, {"a.pt", "--raw --device 0"}, {"b.npy", "--raw --max-memory 64M"}, {"c.npy", "--raw --profile"}};
    char golden[4096], text[8192];
    vmg_weights *w;
    if (!prepare("sample_text.safetensors", golden, &w))
        return;
    for (size_t i = 0; i < VMG_COUNT(runs); i++) {
        char *more = vmg_asprintf("%s -o '%s'", runs[i].more, vmg_test_tmp(runs[i].out)), *args = text_args(golden, more);
        if (CHECK_INT(vmg_test_vimogen(NULL, args, text, sizeof text), 0))
            compare(vmg_test_tmp(runs[i].out), w, "latents");
        else
            vmg_test_note("%s", text);
        free(more);
        free(args);
    }
    vmg_weights_close(w);
}

static void motion_branch_matches_golden(void)
{
    char golden[4096], text[8192];
    vmg_weights *w;
    if (!prepare("sample_motion.safetensors", golden, &w))
        return;
    char *args = vmg_asprintf("generate -m '%s' --ref-motion '%s' --noise '%s' --steps 8 --raw -o '%s'", golden,
                              vmg_test_tmp("ref.npy"), vmg_test_tmp("noise.npy"), vmg_test_tmp("m.npy"));
    if (CHECK_INT(vmg_test_vimogen(NULL, args, text, sizeof text), 0))
        compare(vmg_test_tmp("m.npy"), w, "latents");
    else
        vmg_test_note("%s", text);
    free(args);
    vmg_weights_close(w);
}

/* Statistics of one and zero turn features into the smoothed latents themselves. */
static void features_are_smoothed(void)
{
    char golden[4096], text[8192];
    float mean[276] = {0}, std[276];
    vmg_weights *w;
    if (!prepare("sample_text.safetensors", golden, &w))
        return;
    for (int i = 0; i < 276; i++)
        std[i] = 1;
    CHECK_OK(vmg_array_write(vmg_test_tmp("mean.npy"), VMG_F32, 1, (int64_t[]){276}, mean));
    CHECK_OK(vmg_array_write(vmg_test_tmp("std.npy"), VMG_F32, 1, (int64_t[]){276}, std));
    char *more = vmg_asprintf("--mean '%s' --std '%s' -o '%s'", vmg_test_tmp("mean.npy"), vmg_test_tmp("std.npy"),
                              vmg_test_tmp("s.npy"));
    char *args = text_args(golden, more);
    if (CHECK_INT(vmg_test_vimogen(NULL, args, text, sizeof text), 0))
        compare(vmg_test_tmp("s.npy"), w, "smoothed");
    free(more);
    free(args);
    args = text_args(golden, "-o x.npy");
    check_says(args, 1, "--mean and --std");
    free(args);
    vmg_weights_close(w);
}

static void seeds_and_batches(void)
{
    char golden[4096], text[8192];
    vmg_weights *w;
    if (!prepare("sample_text.safetensors", golden, &w))
        return;
    const char *const runs[2] = {"--seed 5 --batch 2 -o '%s'", "--seed 6 -o '%s'"};
    const char *const outs[2] = {"batch.npy", "single.npy"};
    for (int i = 0; i < 2; i++) {
        char out[600];
        snprintf(out, sizeof out, runs[i], vmg_test_tmp(outs[i]));
        char *args = vmg_asprintf("generate -m '%s' --text-embedding '%s' --null-embedding '%s' --frames 16 --steps 2 --raw %s",
                                  golden, vmg_test_tmp("context.npy"), vmg_test_tmp("null.npy"), out);
        if (!CHECK_INT(vmg_test_vimogen(NULL, args, text, sizeof text), 0))
            vmg_test_note("%s", text);
        free(args);
    }
    vmg_weights *a = NULL, *b = NULL;
    if (CHECK_OK(vmg_weights_open(vmg_test_tmp("batch-1.npy"), &a)) &&
        CHECK_OK(vmg_weights_open(vmg_test_tmp("single.npy"), &b))) {
        float x[16 * 276], y[16 * 276];
        CHECK_INT(a->tensors[0].n, 16 * 276);
        CHECK_OK(vmg_weight_to_f32(&a->tensors[0], x));
        CHECK_OK(vmg_weight_to_f32(&b->tensors[0], y));
        CHECK_ARRAY(x, y, 16 * 276, 5e-6);
    }
    vmg_weights_close(a);
    vmg_weights_close(b);
    vmg_weights_close(w);
}

/* Ctrl-C in the middle: status 130, a sentence, and no file, not even a part of one. */
static void interruption_leaves_nothing(void)
{
    char golden[4096];
    vmg_weights *w;
    if (!prepare("sample_text.safetensors", golden, &w))
        return;
    vmg_weights_close(w);
    CHECK_OK(vmg_mkdirs(vmg_test_tmp("stopped")));
    char out[600], binary[4200], context[600], null[600];
    const char *build = getenv("VMG_BUILDDIR");
    snprintf(out, sizeof out, "%s", vmg_test_tmp("stopped/x.npy"));
    snprintf(context, sizeof context, "%s", vmg_test_tmp("context.npy"));
    snprintf(null, sizeof null, "%s", vmg_test_tmp("null.npy"));
    snprintf(binary, sizeof binary, "%s/vimogen", build ? build : ".");
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
            _exit(98);
        execl(binary, "vimogen", "generate", "-m", golden, "--text-embedding", context, "--null-embedding", null, "--frames",
              "200", "--steps", "1000000", "--raw", "-o", out, (char *)NULL);
        _exit(99);
    }
    REQUIRE(child > 0);
    int status = 0;
    sleep(2);
    kill(child, SIGINT);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 130);
    char **names;
    size_t n;
    REQUIRE_OK(vmg_list_dir(vmg_test_tmp("stopped"), &names, &n));
    CHECK_INT(n, 0);
    vmg_list_free(names, n);
}

static void wrong_command_lines(void)
{
    check_says("generate", 2, "one of PROMPT");
    check_says("generate a b", 2, "takes one PROMPT");
    check_says("generate x --steps 0", 2, "at least 1");
    check_says("generate x --steps many", 2, "whole number");
    check_says("generate x --nonesuch", 2, "--nonesuch");
    check_says("generate x -o out.mp3", 2, "out.mp3");
    check_says("generate x -m /nonexistent", 1, "/nonexistent");
    check_says("generate x --raw --fps 30", 2, "--fps");
    check_says("nonesuch", 2, "nonesuch");
    check_says("selftest --device nonesuch", 1, "nonesuch");
}

static void wrong_files(void)
{
    char golden[4096];
    float few[10] = {1};
    vmg_weights *w;
    if (!prepare("sample_text.safetensors", golden, &w))
        return;
    vmg_weights_close(w);
    CHECK_OK(vmg_array_write(vmg_test_tmp("few.npy"), VMG_F32, 2, (int64_t[]){2, 5}, few));
    const struct { const char *format, *word; } runs[] = {
        {"--text-embedding '%s' --cfg 1", "(rows, 80), this is (2, 5)"},
        {"--ref-motion '%s'", "5 features a frame"},
    };
    for (size_t i = 0; i < VMG_COUNT(runs); i++) {
        char args[6000], option[600];
        snprintf(option, sizeof option, runs[i].format, vmg_test_tmp("few.npy"));
        snprintf(args, sizeof args, "generate -m '%s' %s --raw -o x.npy", golden, option);
        check_says(args, 1, runs[i].word);
    }
    char *args = text_args(golden, "--raw --frames 30 -o x.npy");
    check_says(args, 1, "24 frames, 30 are to be made");
    free(args);
    args = vmg_asprintf("generate -m '%s' 'a person walks' --raw -o x.npy", golden);
    check_says(args, 1, "needs a text encoder");
    free(args);
}

static int count_steps(void *user, const char *what, int64_t done, int64_t total)
{
    (void)done;
    (void)total;
    *(int *)user += !strcmp(what, "sampling");
    return *(int *)user >= 100; /* stop there */
}

/* The public interface alone, as another program would use it. */
static void sessions(void)
{
    char golden[4096];
    float zero[276] = {0}, one[276], embedding[12 * 80];
    vmg_weights *w;
    int n_steps = 0;
    if (!prepare("sample_text.safetensors", golden, &w))
        return;
    CHECK_OK(vmg_weight_to_f32(vmg_weights_find(w, "context"), embedding));
    for (int i = 0; i < 276; i++)
        one[i] = 1;
    CHECK_OK(vmg_array_write(vmg_test_tmp("mean1.npy"), VMG_F32, 1, (int64_t[]){276}, zero));
    CHECK_OK(vmg_array_write(vmg_test_tmp("std1.npy"), VMG_F32, 1, (int64_t[]){276}, one));
    char text[4096];
    char *args = vmg_asprintf("convert --from '%s' --to '%s' --mean '%s' --std '%s' --null-embedding '%s'", golden,
                              vmg_test_tmp("whole.gguf"), vmg_test_tmp("mean1.npy"), vmg_test_tmp("std1.npy"),
                              vmg_test_tmp("null.npy"));
    if (!CHECK_INT(vmg_test_vimogen(NULL, args, text, sizeof text), 0))
        vmg_test_note("%s", text);
    free(args);
    vmg_weights_close(w);

    vimogen_session *s = NULL;
    CHECK(vimogen_open(&(vimogen_session_options){.model = "/nonexistent"}, &s) != VIMOGEN_OK && s == NULL);
    CHECK(strstr(vimogen_error(), "/nonexistent") != NULL);
    REQUIRE(vimogen_open(&(vimogen_session_options){.model = vmg_test_tmp("whole.gguf"), .progress = count_steps,
                                                    .progress_user = &n_steps}, &s) == VIMOGEN_OK);
    vimogen_request r = vimogen_request_default();
    float *x = NULL, *y = NULL;
    int64_t n, m;
    CHECK(vimogen_generate(s, &r, &x, &n) != VIMOGEN_OK);
    CHECK(strstr(vimogen_error(), "exactly one") != NULL);
    r.embedding = embedding;
    r.n_embedding_rows = 12;
    r.n_frames = 20;
    r.steps = 3;
    CHECK_OK(vimogen_generate(s, &r, &x, &n));
    CHECK_INT(n, 20);
    CHECK_INT(n_steps, 3);
    CHECK(vimogen_generate(s, &r, &y, &m) == VIMOGEN_OK && m == 20);
    CHECK(x && y && !memcmp(x, y, 20 * 276 * sizeof *x));
    CHECK(x && vimogen_write(vmg_test_tmp("session.npy"), x, n) == VIMOGEN_OK);
    free(y);

    /* Stored in two bytes: other bits, the same motion. */
    vimogen_session *half = NULL;
    CHECK(vimogen_open(&(vimogen_session_options){.model = vmg_test_tmp("whole.gguf"), .activations = "i32"}, &half) != VIMOGEN_OK);
    CHECK(strstr(vimogen_error(), "f32, f16 or bf16") != NULL);
    REQUIRE(vimogen_open(&(vimogen_session_options){.model = vmg_test_tmp("whole.gguf"), .activations = "f16"}, &half) == VIMOGEN_OK);
    y = NULL;
    CHECK_OK(vimogen_generate(half, &r, &y, &m));
    CHECK(x && y && memcmp(x, y, 20 * 276 * sizeof *x));
    CHECK_ARRAY(y, x, 20 * 276, 3e-3);
    free(y);
    vimogen_close(half);

    r.embedding = NULL;
    r.reference = x;
    r.n_reference_frames = n;
    r.n_frames = 0;
    CHECK(vimogen_generate(s, &r, &y, &m) == VIMOGEN_OK && m == 20);
    free(y);
    r.steps = 1000;
    CHECK_INT(vimogen_generate(s, &r, &y, &m), VIMOGEN_INTERRUPTED);
    CHECK(y == NULL);
    free(x);
    vimogen_close(s);
}

static void the_device_passes_its_own_check(void)
{
    check_says("selftest", 0, "10 of 10 tensors within tolerance");
}

static const vmg_test_case cases[] = {
    {"text_branch_matches_golden", text_branch_matches_golden},
    {"motion_branch_matches_golden", motion_branch_matches_golden},
    {"features_are_smoothed", features_are_smoothed},
    {"seeds_and_batches", seeds_and_batches},
    {"interruption_leaves_nothing", interruption_leaves_nothing},
    {"wrong_command_lines", wrong_command_lines},
    {"wrong_files", wrong_files},
    {"sessions", sessions},
    {"the_device_passes_its_own_check", the_device_passes_its_own_check},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
