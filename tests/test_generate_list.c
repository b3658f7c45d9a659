/* `generate --file` with the model in the package: every motion is what a single call makes, however the list is split, batched,
 * interrupted or shared among processes; and `eval` of what it made. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/data/prompts.h"
#include "src/format/weights_file.h"
#include "src/format/writer.h"
#include "src/lib/generate_list.h"
#include "tests/harness.h"

/* Of different lengths: the third is longer than what contexts are padded to. */
static const char *const prompts[] = {
    "a person walks forward", "a person jumps up",
    "a person walks forward and waves with the right hand and then turns to the left and walks forward and then jumps up",
    "a man runs", "someone stands still"};
static const char *const names[] = {"0-a-person-walks-forward", "1-a-person-jumps-up", "2-a-person-walks-forward-and-waves-with",
                                    "3-a-man-runs", "4-someone-stands-still"};
enum { N = VMG_COUNT(prompts), FRAMES = 24 };

/* The scratch folder, with the list in list.txt. */
static const char *folder(void)
{
    static char dir[600];
    if (!*dir) {
        char path[700];
        vmg_buf b = {0};
        snprintf(dir, sizeof dir, "%s", vmg_test_tmp("lists"));
        CHECK_OK(vmg_mkdirs(dir));
        snprintf(path, sizeof path, "%s/list.txt", dir);
        for (size_t i = 0; i < N; i++)
            vmg_buf_printf(&b, "%s\n", prompts[i]);
        CHECK_OK(vmg_write_file(path, b.data, b.len));
        vmg_buf_free(&b);
    }
    return dir;
}

/* "FOLDER/" and what the format says; valid until four calls later. */
static const char *in(const char *format, ...) VMG_PRINTF(1, 2);
static const char *in(const char *format, ...)
{
    static char paths[4][1400];
    static int next;
    char name[700];
    va_list ap;
    va_start(ap, format);
    vsnprintf(name, sizeof name, format, ap);
    va_end(ap);
    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", folder(), name);
    return paths[next];
}

static void write_text(const char *path, const char *text)
{
    CHECK_OK(vmg_write_file(path, text, strlen(text)));
}

/* Runs "vimogen ARGS", {} in ARGS being the scratch folder, short motions being made; checks the status and a word of what it says
 * (NULL: none). */
static void run(const char *launcher, int status, const char *word, const char *args)
{
    static char text[1 << 16];
    vmg_buf all = {0};
    for (const char *hole; (hole = strstr(args, "{/}")) != NULL; args = hole + 3) {
        vmg_buf_append(&all, args, (size_t)(hole - args));
        vmg_buf_puts(&all, folder());
    }
    vmg_buf_puts(&all, args);
    if (!strncmp(all.data, "generate", 8))
        vmg_buf_printf(&all, " --no-cache --steps 2 --device '%s'", getenv("VMG_TEST_DEVICE") ? getenv("VMG_TEST_DEVICE") : "");
    int got = vmg_test_vimogen(launcher, all.data, text, sizeof text);
    if (!CHECK(got == status && (!word || strstr(text, word))))
        vmg_test_note("vimogen %s: status %d, expected %d and \"%s\": %s", all.data, got, status, word ? word : "", text);
    vmg_buf_free(&all);
}

static bool same_bytes(const char *a, const char *b)
{
    char *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    bool same = CHECK_OK(vmg_read_file(a, 1 << 26, &x, &n)) && CHECK_OK(vmg_read_file(b, 1 << 26, &y, &m)) && n && n == m &&
                !memcmp(x, y, n);
    if (!same)
        vmg_test_note("%s and %s differ", a, b);
    free(x);
    free(y);
    return CHECK(same);
}

/* The motions of list.txt, as one process makes them one by one, made at the first call; a path of one of them. */
static const char *reference(size_t i)
{
    if (!vmg_path_exists(in("whole/manifest.json")))
        run(NULL, 0, "manifest.json", "generate -f '{/}/list.txt' -o '{/}/whole' --frames 24 --at-once 1");
    return in("whole/%s.npy", names[i]);
}

static int64_t read_motion(const char *path, float **x)
{
    int64_t T = 0;
    vmg_weights *w = NULL;
    *x = NULL;
    if (CHECK_OK(vmg_weights_open(path, &w))) {
        T = w->tensors[0].dim[0];
        *x = vmg_calloc((size_t)w->tensors[0].n, sizeof **x);
        CHECK_OK(vmg_weight_to_f32(&w->tensors[0], *x));
    }
    vmg_weights_close(w);
    return T;
}

/* As close as two batches' rounding. */
static void check_close(const char *path, const char *to)
{
    float *x, *y;
    int64_t T = read_motion(path, &x), want = read_motion(to, &y);
    if (CHECK_INT(T, want) && x && y)
        CHECK_ARRAY(x, y, (size_t)T * 276, 2e-5);
    free(x);
    free(y);
}

/* ---- one process ---- */

static void single_calls_make_the_same(void)
{
    for (size_t i = 0; i < N; i++) {
        reference(i);
        char *args = vmg_asprintf("generate '%s' -o '{/}/single.npy' --frames 24", prompts[i]);
        run(NULL, 0, "single.npy", args);
        same_bytes(in("single.npy"), reference(i));
        free(args);
    }
}

static void batches_make_the_same(void)
{
    run(NULL, 0, NULL, "generate -f '{/}/list.txt' -o '{/}/batched' --frames 24 --at-once 3");
    for (size_t i = 0; i < N; i++)
        check_close(in("batched/%s.npy", names[i]), reference(i));
    run(NULL, 0, NULL, "generate -f '{/}/list.txt' -o '{/}/variants' --frames 24 --at-once 4 --batch 2 --seed 7");
    run(NULL, 0, NULL, "generate 'a man runs' -o '{/}/seed8.npy' --frames 24 --seed 8");
    check_close(in("variants/3-a-man-runs-1.npy"), in("seed8.npy"));
}

/* The manifest says what was made, and is a list that makes it again. */
static void the_manifest_is_a_list(void)
{
    vmg_prompts *p = NULL;
    reference(0);
    REQUIRE_OK(vmg_prompts_read(in("whole/manifest.json"), "file", &p));
    CHECK_INT(vmg_prompts_count(p), N);
    for (size_t i = 0; i < N && i < vmg_prompts_count(p); i++) {
        double seed = -1, frames = -1;
        char *file = vmg_asprintf("%s.npy", names[i]);
        CHECK_STR(vmg_prompts_text(p, i), file);
        CHECK_STR(vmg_prompts_string(p, i, "prompt"), prompts[i]);
        CHECK(vmg_prompts_number(p, i, "seed", &seed) && seed == 0);
        CHECK(vmg_prompts_number(p, i, "frames", &frames) && frames == FRAMES);
        free(file);
    }
    vmg_prompts_free(p);
    run(NULL, 0, NULL, "generate -f '{/}/whole/manifest.json' -o '{/}/again' --at-once 1");
    for (size_t i = 0; i < N; i++)
        same_bytes(in("again/%s.npy", names[i]), reference(i));
    same_bytes(in("again/manifest.json"), in("whole/manifest.json"));
    run(NULL, 0, "           5           5           5", "eval '{/}/whole/manifest.json'");
}

static void existing_motions_are_left_alone(void)
{
    struct stat before, after;
    reference(0);
    run(NULL, 0, NULL, "generate -f '{/}/whole/manifest.json' -o '{/}/holes' --at-once 2");
    CHECK(!unlink(in("holes/%s.npy", names[2])));
    CHECK(!stat(in("holes/%s.npy", names[1]), &before));
    run(NULL, 0, "4 of 5 motions are there already",
        "generate -f '{/}/whole/manifest.json' -o '{/}/holes' --at-once 2 --skip-existing");
    CHECK(!stat(in("holes/%s.npy", names[1]), &after) && before.st_ino == after.st_ino &&
          before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
    check_close(in("holes/%s.npy", names[2]), reference(2));
    same_bytes(in("holes/manifest.json"), in("whole/manifest.json"));
    /* Other seeds make other motions: the manifest tells. */
    run(NULL, 0, "5 are made again",
        "generate -f '{/}/whole/manifest.json' -o '{/}/holes' --at-once 2 --seed 1 --skip-existing");
}

/* What a list of the published tools' members asks for. */
static void published_members_count(void)
{
    enum { REF = 33 };
    float ref[REF * 276] = {0}, *x;
    int64_t T = read_motion(reference(0), &x);
    for (int64_t t = 0; x && t < REF; t++)
        memcpy(ref + t * 276, x + (t * T / REF) * 276, 276 * sizeof *x);
    free(x);
    CHECK_OK(vmg_array_write(in("ref.npy"), VMG_F32, 2, (int64_t[]){REF, 276}, ref));
    run(NULL, 0, NULL, "encode -m \"$VMG_SRCDIR\"/models/mini.gguf 'a person jumps up' --no-cache --save-as f32 -o '{/}/jump.pt'");
    write_text(in("published.json"),
               "[{\"id\": 7, \"global_id\": 12, \"prompt\": \"a person walks forward\", \"motion_duration\": 5,"
               "  \"prompt_wanvideot5_embed_path\": \"jump.pt\", \"use_ref_motion\": false, \"motion_path\": \"ref.npy\"},"
               " {\"id\": 8, \"global_id\": 3, \"prompt\": \"a man runs\", \"use_ref_motion\": true, \"motion_path\": \"ref.npy\"},"
               " {\"id\": 9, \"global_id\": 4, \"prompt\": \"a man runs\", \"use_ref_motion\": true, \"motion_path\": \"none.pt\"},"
               " {\"id\": 9, \"global_id\": 5, \"prompt\": \"a man runs\", \"frames\": 30, \"seed\": 11},"
               " {\"id\": 1, \"global_id\": 6, \"prompt\": \"a man runs\", \"prompt_wanvideot5_embed_path\": \"absent.pt\"}]");
    run(NULL, 1, "none.pt", "generate -f '{/}/published.json' -o '{/}/published' --at-once 1");
    CHECK(!vmg_path_exists(in("published/4.npy")));
    /* An embedding beside the list counts more than the text; its length is the model's own. */
    run(NULL, 0, NULL, "generate 'a person jumps up' -o '{/}/single.npy'");
    same_bytes(in("published/12.npy"), in("single.npy"));
    /* References are taken at 16 frames a second, as published. */
    run(NULL, 0, NULL, "generate --ref-motion '{/}/ref.npy' --ref-fps 16 -o '{/}/single.npy'");
    CHECK_INT(read_motion(in("published/3.npy"), &x), REF * 20 / 16);
    free(x);
    CHECK_INT(read_motion(in("single.npy"), &x), REF * 20 / 16);
    free(x);
    run(NULL, 0, NULL, "generate 'a man runs' --frames 30 --seed 11 -o '{/}/single.npy'");
    same_bytes(in("published/5.npy"), in("single.npy"));
    run(NULL, 0, NULL, "generate 'a man runs' -o '{/}/single.npy'");
    same_bytes(in("published/6.npy"), in("single.npy"));
    run(NULL, 0, NULL, "generate -f '{/}/published.json' -o '{/}/published' --no-references --skip-existing");
    CHECK(vmg_path_exists(in("published/4.npy")));
}

/* Ctrl-C in the middle, then on from there. */
static void goes_on_after_an_interruption(void)
{
    const char *build = getenv("VMG_BUILDDIR"), *device = getenv("VMG_TEST_DEVICE");
    char *command = vmg_asprintf("exec '%s/vimogen' generate -f '%s' -o '%s' --no-cache --frames 24 --steps 40 --batch 40 --format csv "
                                 "--at-once 1 --device '%s' > '%s' 2>&1",
                                 build ? build : ".", in("list.txt"), in("stopped"), device ? device : "", in("said.txt"));
    char *said = NULL, *first = vmg_strdup(in("stopped/%s-0.csv", names[0]));
    const struct timespec ms = {0, 2000000};
    vmg_prompts *p = NULL;
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(99);
    }
    REQUIRE(child > 0);
    int status = 0, ended = 0;
    for (int waited = 0; waited < 30000 && !ended && !vmg_path_exists(first); waited++) {
        nanosleep(&ms, NULL);
        ended = waitpid(child, &status, WNOHANG);
    }
    CHECK(!ended);
    kill(child, SIGINT);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 130);
    CHECK_OK(vmg_read_file(in("said.txt"), 1 << 16, &said, NULL));
    CHECK(said && strstr(said, "go on with --skip-existing"));
    if (CHECK_OK(vmg_prompts_read(in("stopped/manifest.json"), "file", &p))) {
        CHECK(vmg_prompts_count(p) >= 1 && vmg_prompts_count(p) < 40 * N);
        for (size_t i = 0; i < vmg_prompts_count(p); i++)
            CHECK(vmg_path_exists(in("stopped/%s", vmg_prompts_text(p, i))));
    }
    vmg_prompts_free(p);
    free(said);
    free(first);
    free(command);
}

static void names_and_formats(void)
{
    write_text(in("ids.json"), "[{\"id\": \"first one\", \"prompt\": \"a man runs\"}, {\"id\": \"b\", \"prompt\": \"a man runs\"}]");
    write_text(in("keys.json"), "[{\"sample_id\": \"walk.a\", \"say\": \"a man runs\"}, {\"sample_id\": 12, \"say\": \"a man runs\"}]");
    run(NULL, 0, "takes/1-a-man-runs-v1.bvh", "generate -f '{/}/ids.json' -o '{/}/takes/{}-v1.bvh' --frames 8");
    run(NULL, 0, "take.json", "generate -f '{/}/keys.json' --key say -o '{/}/takes/' --format glb --frames 8 --manifest '{/}/take.json'");
    CHECK(vmg_path_exists(in("takes/walk.a.glb")) && vmg_path_exists(in("takes/12.glb")));
    CHECK(vmg_path_exists(in("takes/manifest.json")));
    run(NULL, 0, "           2           2           2", "eval '{/}/take.json'");
    run(NULL, 0, NULL, "generate -f '{/}/ids.json' -o '{/}/raw' --frames 8 --raw --format pt");
    CHECK(vmg_path_exists(in("raw/0-a-man-runs.pt")));
}

static void wrong_lists(void)
{
    write_text(in("seed.json"), "[{\"prompt\": \"a man runs\", \"seed\": 0.5}]");
    run(NULL, 2, "one of PROMPT", "generate 'a man' -f '{/}/list.txt'");
    run(NULL, 2, "belong to --file", "generate 'a man' --skip-existing");
    run(NULL, 2, "go to a folder", "generate -f '{/}/list.txt' -o x.glb");
    run(NULL, 2, "mp3: output is", "generate -f '{/}/list.txt' --format mp3");
    run(NULL, 2, "--raw latents", "generate -f '{/}/list.txt' --raw --format glb");
    run(NULL, 2, "in the file's name", "generate -f '{/}/list.txt' -o '{}/x.glb'");
    run(NULL, 2, "leave --format out", "generate -f '{/}/list.txt' -o '{}.glb' --format glb");
    run(NULL, 1, "nonesuch.txt", "generate -f nonesuch.txt -o '{/}/none'");
    run(NULL, 1, "no text \"say\"", "generate -f '{/}/seed.json' --key say -o '{/}/none'");
    run(NULL, 1, "entry 1: \"seed\" is 0.5", "generate -f '{/}/seed.json' -o '{/}/none'");
    run(NULL, 1, "5000 frames", "generate -f '{/}/list.txt' -o '{/}/none' --frames 5000");
    run(NULL, 1, "no text \"file\"", "eval '{/}/seed.json'");
}

/* ---- the library ---- */

typedef struct collector {
    float *x[N];
    int64_t n_taken, n_reported, patience;
} collector;

static int keep(void *user, int64_t i, const float *x, int64_t n_frames)
{
    collector *c = user;
    c->x[i] = vmg_calloc((size_t)n_frames, 276 * sizeof *x);
    if (!CHECK(c->x[i] && n_frames == FRAMES))
        return VMG_E_NOMEM;
    memcpy(c->x[i], x, (size_t)n_frames * 276 * sizeof *x);
    c->n_taken++;
    return VMG_OK;
}

static void hear(void *user, int64_t i, int64_t n_frames, const char *error)
{
    collector *c = user;
    CHECK_INT(i, c->n_reported++);
    CHECK(n_frames == FRAMES && !error);
}

static bool wait_for(void *user, const char *what, int64_t done, int64_t total)
{
    collector *c = user;
    CHECK(what && done >= 0 && done <= total);
    return c->n_taken < c->patience;
}

/* Embeddings that do not fit in memory together: the encoder and the network take turns. And a caller who loses patience. */
static void parts_make_the_same(void)
{
    const char *src = getenv("VMG_SRCDIR");
    char *path = vmg_path_join(src ? src : ".", "models/mini.gguf");
    const vmg_comm alone = vmg_comm_alone();
    vmg_list_item items[N] = {{0}};
    collector whole = {.patience = N + 1}, parts = whole, impatient = {.patience = 2};
    vmg_list_options o = {.n_frames = FRAMES, .at_once = 2, .comm = &alone, .take = keep, .report = hear, .progress = wait_for};
    vmg_model m = {0};
    vmg_model_sampling sampling;
    vmg_ctx *ctx = NULL;
    REQUIRE_OK(vmg_model_open(path, &m));
    CHECK_OK(vmg_model_get_sampling(&m, &sampling));
    CHECK_OK(vmg_ctx_open(&(vmg_ctx_options){.device = getenv("VMG_TEST_DEVICE")}, &ctx));
    o.generate = (vmg_generate_options){.sampler = sampling.sampler, .dtype = VMG_F32};
    o.generate.sampler.steps = 2;
    for (int i = 0; i < N; i++)
        items[i] = (vmg_list_item){.prompt = prompts[i], .wanted = true};
    o.user = &whole;
    CHECK_OK(vmg_generate_list(ctx, &m, items, N, &o));
    o.user = &parts;
    o.kept_bytes = 1;
    CHECK_OK(vmg_generate_list(ctx, &m, items, N, &o));
    for (int i = 0; i < N; i++)
        CHECK(whole.x[i] && parts.x[i] && !memcmp(whole.x[i], parts.x[i], FRAMES * 276 * sizeof(float)));
    o.user = &impatient;
    CHECK_INT(vmg_generate_list(ctx, &m, items, N, &o), VMG_E_INTERRUPTED);
    CHECK_INT(impatient.n_reported, 2);
    for (int i = 0; i < N; i++) {
        free(whole.x[i]);
        free(parts.x[i]);
        free(impatient.x[i]);
    }
    vmg_ctx_close(ctx);
    vmg_model_close(&m);
    free(path);
}

/* ---- several processes ---- */

static void processes_make_the_same(void)
{
    for (int n = 2; n <= 3; n++) {
        const char *launcher = vmg_test_mpirun(n);
        if (!launcher)
            return;
        char *args = vmg_asprintf("generate -f '{/}/list.txt' -o '{/}/mpi%d' --frames 24 --at-once 1", n);
        run(launcher, 0, "manifest.json", args);
        for (size_t i = 0; i < N; i++)
            same_bytes(in("mpi%d/%s.npy", n, names[i]), reference(i));
        same_bytes(in("mpi%d/manifest.json", n), in("whole/manifest.json"));
        free(args);
    }
    /* Batches are the same batches. */
    run(NULL, 0, NULL, "generate -f '{/}/list.txt' -o '{/}/pairs' --frames 24 --at-once 2");
    run(vmg_test_mpirun(2), 0, NULL, "generate -f '{/}/list.txt' -o '{/}/mpipairs' --frames 24 --at-once 2");
    for (size_t i = 0; i < N; i++)
        same_bytes(in("mpipairs/%s.npy", names[i]), in("pairs/%s.npy", names[i]));
}

static void processes_report_failures(void)
{
    const char *launcher = vmg_test_mpirun(2);
    if (!launcher)
        return;
    write_text(in("bad.json"), "[{\"id\": 1, \"prompt\": \"a man runs\"},"
                               " {\"id\": 2, \"prompt\": \"a man runs\", \"use_ref_motion\": 1, \"motion_path\": \"none.pt\"},"
                               " {\"id\": 3, \"prompt\": \"a man runs\"}]");
    run(launcher, 1, "vimogen generate: 2: cannot open none.pt", "generate -f '{/}/bad.json' -o '{/}/bad' --frames 8");
    CHECK(vmg_path_exists(in("bad/1.npy")) && !vmg_path_exists(in("bad/2.npy")) && vmg_path_exists(in("bad/3.npy")));
    run(launcher, 1, "1 of 3 motions could not be made", "generate -f '{/}/bad.json' -o '{/}/bad' --frames 8");
    /* One cannot write: all end, with its message. */
    CHECK_OK(vmg_mkdirs(in("stuck/%s.npy", names[1])));
    run(launcher, 1, "process 1 of 2: cannot write", "generate -f '{/}/list.txt' -o '{/}/stuck' --frames 8 --at-once 1");
    CHECK(!vmg_path_exists(in("stuck/%s.npy", names[3])));
    run(launcher, 2, "share a list", "generate 'a man runs'");
}

static void processes_measure_the_same(void)
{
    static const char *const forms[] = {"", "--json", "--csv --spectral", "--no-each --mode official"};
    const char *launcher = vmg_test_mpirun(3);
    if (!launcher)
        return;
    reference(0);
    for (size_t i = 0; i < VMG_COUNT(forms); i++) {
        char *args = vmg_asprintf("eval '{/}/whole' '{/}/whole/manifest.json' %s > '{/}/one.txt'", forms[i]);
        char *many = vmg_asprintf("eval '{/}/whole' '{/}/whole/manifest.json' %s > '{/}/many.txt'", forms[i]);
        run(NULL, 0, NULL, args);
        run(launcher, 0, NULL, many);
        same_bytes(in("one.txt"), in("many.txt"));
        free(args);
        free(many);
    }
    write_text(in("whole/broken.npy"), "not an array");
    run(launcher, 1, "1 of 6 clips could not be measured", "eval '{/}/whole'");
    run(launcher, 1, "broken.npy", "eval '{/}/whole'");
    unlink(in("whole/broken.npy"));
}

static const vmg_test_case cases[] = {
    {"single_calls_make_the_same", single_calls_make_the_same},
    {"batches_make_the_same", batches_make_the_same},
    {"the_manifest_is_a_list", the_manifest_is_a_list},
    {"existing_motions_are_left_alone", existing_motions_are_left_alone},
    {"published_members_count", published_members_count},
    {"goes_on_after_an_interruption", goes_on_after_an_interruption},
    {"names_and_formats", names_and_formats},
    {"wrong_lists", wrong_lists},
    {"parts_make_the_same", parts_make_the_same},
    {"processes_make_the_same", processes_make_the_same},
    {"processes_report_failures", processes_report_failures},
    {"processes_measure_the_same", processes_measure_the_same},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
