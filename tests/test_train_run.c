/* Training runs on a tiny data set: learning, resuming to the same bits, surviving kills, stopping at NaN, exporting, MPI. */
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "models/train_facts.h"
#include "src/format/weights_file.h"
#include "src/lib/encoder.h"
#include "src/lib/export_run.h"
#include "src/lib/model.h"
#include "src/train/trainer.h"
#include "tests/harness.h"
#include "tests/train_fixture.h"

/* ---- running ---- */

/* What a report does: nothing, or stop once `stop_at` updates are made. */
typedef struct watcher {
    int64_t stop_at;
    double first_loss, last_loss, held_out_loss, first_facts_loss, last_facts_loss;
    int64_t n;
} watcher;

static bool watch(void *user, const vmg_trainer_news *news)
{
    watcher *w = user;
    if (!w->n++) {
        w->first_loss = news->line.loss;
        w->first_facts_loss = news->line.facts_loss;
    }
    w->last_facts_loss = news->line.facts_loss;
    w->last_loss = news->line.loss;
    w->held_out_loss = isfinite(news->line.held_out_loss) ? news->line.held_out_loss : w->held_out_loss;
    return w->stop_at && news->line.step >= w->stop_at;
}

/* A run into folder NAME; `recipe` NULL: the configuration's. */
static int train(const char *name, bool resume, const vmg_recipe *recipe, watcher *w)
{
    char *config = vmg_test_train_file("config.json"), *data = vmg_test_train_file("set"), *out = vmg_test_train_file(name);
    vmg_ctx *ctx = NULL;
    vmg_trainer_options o = {.config = config, .data = data, .out = out, .resume = resume, .n_threads = 2,
                             .cache_bytes = 1 << 24, .report = watch, .user = w};
    int rc = vmg_ctx_open(&(vmg_ctx_options){.device = getenv("VMG_TEST_DEVICE")}, &ctx);
    if (rc == VMG_OK)
        rc = vmg_trainer_recipe(config, out, resume, &o.recipe);
    if (recipe)
        o.recipe = *recipe;
    if (rc == VMG_OK)
        rc = vmg_trainer_run(ctx, &o);
    vmg_ctx_close(ctx);
    free(config);
    free(data);
    free(out);
    return rc;
}

static vmg_recipe base_recipe(void)
{
    vmg_recipe r = {0};
    char *config = vmg_test_train_file("config.json");
    CHECK_OK(vmg_trainer_recipe(config, NULL, false, &r));
    free(config);
    return r;
}

/* ---- cases ---- */

static void learns(void)
{
    watcher w = {0};
    vmg_recipe r = base_recipe();
    r.steps = 60;
    r.lr = 3e-3;
    r.warmup = 5;
    r.p_motion = 0;
    r.save_every = 60;
    REQUIRE_OK(train("learns", false, &r, &w));
    CHECK_INT(w.n, 60);
    vmg_test_note("loss %.3f -> %.3f, held out %.3f", w.first_loss, w.last_loss, w.held_out_loss);
    CHECK(w.last_loss < 0.8 * w.first_loss && w.held_out_loss < 0.9 * w.first_loss);
    CHECK_FAILS(train("learns", false, &r, &w), VMG_E_ARG, "--resume");
}

/* What captions state is learnt along, and kept in checkpoints but not in models. */
static void learns_facts(void)
{
    watcher w = {0};
    vmg_weights *run = NULL, *model = NULL;
    char *out = vmg_test_train_file("facts"), *to = vmg_test_train_file("facts.gguf");
    vmg_recipe r = base_recipe();
    r.steps = 40;
    r.lr = 3e-3;
    r.save_every = 40;
    r.facts = 6;
    REQUIRE_OK(train("facts", false, &r, &w));
    vmg_test_note("facts %.3f -> %.3f", w.first_facts_loss, w.last_facts_loss);
    CHECK_CLOSE(w.first_facts_loss, 1, 1e-6); /* all tell a walk, and nothing is known yet */
    CHECK(w.last_facts_loss < 0.5);
    REQUIRE_OK(vmg_weights_open_dir(out, &run));
    CHECK(vmg_weights_find(run, "ema.dit." VMG_TRAIN_FACTS_PREFIX "weight") != NULL);
    REQUIRE_OK(vmg_export_run(out, NULL, to, VMG_F32));
    REQUIRE_OK(vmg_weights_open(to, &model));
    CHECK(model->n_tensors > 0);
    for (size_t i = 0; i < model->n_tensors; i++)
        CHECK(!strstr(model->tensors[i].name, VMG_TRAIN_FACTS_PREFIX));
    vmg_weights_close(run);
    vmg_weights_close(model);
    free(out);
    free(to);
}

static void check_same_files(const char *a, const char *b)
{
    char *path_a = vmg_test_train_file(a), *path_b = vmg_test_train_file(b), *x = NULL, *y = NULL;
    size_t n_x = 0, n_y = 0;
    CHECK_OK(vmg_read_file(path_a, 1 << 28, &x, &n_x));
    CHECK_OK(vmg_read_file(path_b, 1 << 28, &y, &n_y));
    CHECK(n_x && n_x == n_y && !memcmp(x, y, n_x));
    free(x);
    free(y);
    free(path_a);
    free(path_b);
}

static void resumes_to_the_same_bits(void)
{
    watcher whole = {0}, part = {.stop_at = 3}, rest = {0};
    REQUIRE_OK(train("whole", false, NULL, &whole));
    CHECK_FAILS(train("part", false, NULL, &part), VMG_E_INTERRUPTED, "step 3");
    REQUIRE_OK(train("part", true, NULL, &rest));
    CHECK_INT(part.n + rest.n, whole.n);
    CHECK_CLOSE(rest.last_loss, whole.last_loss, 0);
    CHECK_CLOSE(rest.held_out_loss, whole.held_out_loss, 0);
    check_same_files("whole/" VMG_CHECKPOINT_NAME, "part/" VMG_CHECKPOINT_NAME);
}

/* Trains in a process of its own until it is killed. */
static pid_t start_victim(const char *name, bool resume)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    const char *build = getenv("VMG_BUILDDIR");
    char *program = vmg_asprintf("%s/vimogen", build ? build : "."), *config = vmg_test_train_file("config.json"), *data = vmg_test_train_file("set"),
         *out = vmg_test_train_file(name), *device = getenv("VMG_TEST_DEVICE");
    int null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);
    dup2(null, STDOUT_FILENO);
    execl(program, program, "train", "--config", config, "--data", data, "--out", out, "--steps", "100000", "--save-every", "2",
          "--evaluate-every", "0", "--no-cosine", "--device", device ? device : "0", resume ? "--resume" : (char *)NULL,
          (char *)NULL);
    _exit(99);
}

static int64_t step_of(const char *path)
{
    vmg_weights *w = NULL;
    vmg_run run = {0};
    int64_t step = -1;
    if (CHECK_OK(vmg_weights_open(path, &w)) && CHECK_OK(vmg_checkpoint_read(w, &run)))
        step = run.step;
    vmg_run_free(&run);
    vmg_weights_close(w);
    return step;
}

/* The steps of a run's log follow one another; the last one. */
static int64_t last_logged(const char *name)
{
    char *path = vmg_test_train_file(name);
    vmg_journal_line *lines = NULL;
    size_t n = 0;
    CHECK_OK(vmg_journal_read(path, &lines, &n));
    for (size_t i = 1; i < n; i++)
        CHECK(lines[i].step > lines[i - 1].step);
    int64_t last = n ? lines[n - 1].step : 0;
    free(lines);
    free(path);
    return last;
}

/* What a killed run was writing is gone. */
static void check_nothing_left(const char *name)
{
    char *dir = vmg_test_train_file(name), **names = NULL;
    size_t n = 0;
    CHECK_OK(vmg_list_dir(dir, &names, &n));
    for (size_t i = 0; i < n; i++)
        if (!CHECK(!strstr(names[i], ".tmp.")))
            vmg_test_note("%s", names[i]);
    vmg_list_free(names, n);
    free(dir);
}

/* Whenever it dies, a run has its last checkpoint, from which it comes to the bits of a run that never died. */
static void survives_kills(void)
{
    enum { KILLS = 3, PATIENCE_MS = 60000, SAVE_EVERY = 2 };
    char *path = vmg_test_train_file("killed/" VMG_CHECKPOINT_NAME), *left = vmg_test_train_file("killed/" VMG_CHECKPOINT_NAME ".tmp.1.abc");
    int64_t before = 0;
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = start_victim("killed", i > 0);
        const struct timespec ms = {0, 1000000}, moment = {0, (long)(1 + vmg_test_below(200)) * 1000000};
        /* Until it has saved something of its own, then a little longer: often in the middle of the next. */
        int ended = 0;
        for (int waited = 0; waited < PATIENCE_MS && !ended && (!vmg_path_exists(path) || step_of(path) <= before); waited++) {
            nanosleep(&ms, NULL);
            ended = waitpid(pid, NULL, WNOHANG);
        }
        CHECK(!ended);
        nanosleep(&moment, NULL);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        REQUIRE(vmg_path_exists(path));
        int64_t now = step_of(path);
        CHECK(now > before && now % SAVE_EVERY == 0);
        /* A step is logged as saved only when it is. */
        CHECK(now >= last_logged("killed/log.jsonl") / SAVE_EVERY * SAVE_EVERY);
        before = now;
    }
    watcher w = {0}, whole = {0};
    vmg_recipe r = base_recipe();
    r.steps = before + 2;
    r.cosine = false;
    r.evaluate_every = 0;
    CHECK_OK(vmg_write_file(left, "a part", 6));
    CHECK_OK(train("killed", true, &r, &w));
    CHECK_INT(step_of(path), before + 2);
    CHECK_INT(last_logged("killed/log.jsonl"), before + 2);
    check_nothing_left("killed");
    CHECK_OK(train("unkilled", false, &r, &whole));
    check_same_files("killed/" VMG_CHECKPOINT_NAME, "unkilled/" VMG_CHECKPOINT_NAME);
    free(left);
    free(path);
}

/* Puts `value` among the parameters of a run's checkpoint. */
static bool damage(const char *path, const char *tensor, float value)
{
    char *bytes = NULL;
    size_t n = 0;
    vmg_weights *w = NULL;
    bool ok = CHECK_OK(vmg_read_file(path, 1 << 28, &bytes, &n)) && CHECK_OK(vmg_weights_open_memory(path, bytes, n, &w));
    const vmg_weight *t = ok ? vmg_weights_find(w, tensor) : NULL;
    ok = ok && CHECK(t != NULL);
    if (ok)
        memcpy(bytes + ((const char *)t->data - bytes) + 40, &value, sizeof value);
    vmg_weights_close(w);
    ok = ok && CHECK_OK(vmg_write_file(path, bytes, n));
    free(bytes);
    return ok;
}

/* A run of three steps, damaged. */
static bool make_damaged(const char *name, float value)
{
    watcher part = {.stop_at = 3};
    char *path = vmg_asprintf("%s/%s/" VMG_CHECKPOINT_NAME, vmg_test_train_folder(), name);
    bool ok = vmg_path_exists(path) || CHECK_FAILS(train(name, false, NULL, &part), VMG_E_INTERRUPTED, "step 3");
    ok = ok && damage(path, "value.dit.blocks.1.ffn.0.weight", value);
    free(path);
    return ok;
}

static void stops_at_nan(void)
{
    watcher rest = {0};
    char *path = vmg_test_train_file("nan/" VMG_CHECKPOINT_NAME), *list = vmg_test_train_file("nan/failed-batch.txt"), *names = NULL;
    REQUIRE(make_damaged("nan", NAN));
    CHECK_FAILS(train("nan", true, NULL, &rest), VMG_E_FORMAT, "first bad tensor: blocks.1.ffn.0.weight (its value)");
    CHECK(strstr(vmg_error_message(), "step 3: ") && strstr(vmg_error_message(), " frames "));
    CHECK_OK(vmg_read_file(list, 1 << 16, &names, NULL));
    int lines = 0;
    for (const char *at = names; at && (at = strchr(at, '\n')); at++)
        lines++;
    CHECK_INT(lines, 5);
    CHECK_INT(step_of(path), 3);
    free(names);
    /* Values so large that the pass backwards overflows are no NaN themselves: the gradients are. */
    REQUIRE(make_damaged("overflow", 3e38f));
    CHECK_FAILS(train("overflow", true, NULL, &rest), VMG_E_FORMAT, "(its gradient)");
    CHECK(strstr(vmg_error_message(), "first bad tensor: ") && strstr(vmg_error_message(), "step 3: "));
    free(list);
    free(path);
}

static void refuses_what_does_not_fit(void)
{
    watcher w = {0};
    char *path = vmg_test_train_file("nothing");
    vmg_recipe r;
    CHECK(vmg_trainer_recipe(NULL, path, true, &r) != VMG_OK);
    r = base_recipe();
    r.min_frames = r.max_frames = 5000;
    CHECK_FAILS(train("refused", false, &r, &w), VMG_E_ARG, "no training trials of at least 5000 frames");
    free(path);
    path = vmg_test_train_file("refused/lock");
    int lock = open(path, O_RDWR);
    CHECK(lock >= 0 && !flock(lock, LOCK_EX | LOCK_NB));
    CHECK_FAILS(train("refused", false, NULL, &w), VMG_E_IO, "another process is training there");
    close(lock);
    free(path);
}

/* ---- exporting ---- */

static void exports_a_whole_model(void)
{
    static const struct {
        const char *name;
        vmg_dtype dtype;
    } files[] = {{"mini.gguf", VMG_F32}, {"mini-f16.gguf", VMG_F16}, {"mini-q8.gguf", VMG_Q8_0}};
    watcher w = {0};
    char *run = vmg_test_train_file("exported");
    vmg_recipe r = base_recipe();
    r.steps = 2;
    REQUIRE_OK(train("exported", false, &r, &w));
    for (size_t i = 0; i < VMG_COUNT(files); i++) {
        vmg_model m = {0};
        vmg_encoder e = {0};
        int64_t updates = 0;
        char *to = vmg_test_train_file(files[i].name);
        if (CHECK_OK(vmg_export_run(run, NULL, to, files[i].dtype)) && CHECK_OK(vmg_model_open(to, &m)) &&
            CHECK_OK(vmg_encoder_open(to, NULL, &e)) && CHECK_OK(vmg_encoder_need_tokenizer(&e))) {
            const vmg_weight *t = vmg_weights_find(m.weights, "blocks.0.ffn.0.weight");
            CHECK(m.mean && m.std && m.config.dim == 32 && e.config.dim == 32 && t && t->dtype == files[i].dtype);
            CHECK_INT(vmg_tokenizer_size(e.tokenizer), e.config.vocab_size);
            CHECK_OK(vmg_weights_meta_int(m.weights, "vimogen.training.updates", &updates));
            CHECK_INT(updates, 2);
            const vmg_meta *words = vmg_weights_meta(m.weights, "vimogen.words");
            CHECK(words && words->kind == VMG_META_STRINGS && words->n == 12);
        }
        vmg_encoder_close(&e);
        vmg_model_close(&m);
        free(to);
    }
    CHECK_FAILS(vmg_export_run(run, NULL, "x.pt", VMG_F32), VMG_E_ARG, ".gguf");
    free(run);
}

static void generates_from_the_export(void)
{
    char *model = vmg_test_train_file("mini.gguf"), *out = vmg_test_train_file("walk.npy");
    const char *build = getenv("VMG_BUILDDIR"), *device = getenv("VMG_TEST_DEVICE");
    vmg_weights *w = NULL;
    if (!vmg_path_exists(model))
        exports_a_whole_model();
    char *command = vmg_asprintf("'%s/vimogen' generate -m '%s' 'A person walks' --no-cache --frames 20 --steps 2 --device '%s' "
                                 "-o '%s' > /dev/null 2>&1",
                                 build ? build : ".", model, device ? device : "0", out);
    REQUIRE(command);
    CHECK_INT(system(command), 0);
    if (CHECK_OK(vmg_weights_open(out, &w)))
        CHECK(w->tensors[0].rank == 2 && w->tensors[0].dim[0] == 20 && w->tensors[0].dim[1] == 276);
    vmg_weights_close(w);
    free(command);
    free(model);
    free(out);
}

/* Width and height of a PNG; its bytes, if wanted. */
static void look_at_png(const char *path, int64_t size[2], char **bytes, size_t *n)
{
    static const char head[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    if (!CHECK_OK(vmg_read_file(path, 1 << 24, bytes, n)) || !CHECK(*n > 24 && !memcmp(*bytes, head, sizeof head - 1)))
        return;
    for (int k = 0; k < 2; k++) {
        const unsigned char *b = (const unsigned char *)*bytes + 16 + 4 * k;
        size[k] = (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
    }
}

/* A strip at each checkpoint, of what the model is by then; the run itself goes as without. */
static void draws_samples(void)
{
    char *first = vmg_test_train_file("drawn/samples/step-000003.png"), *second = vmg_test_train_file("drawn/samples/step-000006.png"),
         *left = vmg_test_train_file("drawn/samples/model.gguf"), *x = NULL, *y = NULL;
    int64_t a[2] = {0}, b[2] = {0};
    size_t n = 0, m = 0;
    watcher w = {0};
    CHECK_INT(vmg_test_train("--config '%s/config.json' --out '%s/drawn' --sample 'a person walks|goes ahead'", vmg_test_train_folder(), vmg_test_train_folder()), 0);
    look_at_png(first, a, &x, &n);
    look_at_png(second, b, &y, &m);
    CHECK(a[0] > a[1] && a[1] > 100 && a[0] == b[0] && a[1] == b[1]);
    CHECK(n != m || memcmp(x, y, n));
    CHECK(!vmg_path_exists(left));
    CHECK_OK(train("undrawn", false, NULL, &w));
    check_same_files("drawn/" VMG_CHECKPOINT_NAME, "undrawn/" VMG_CHECKPOINT_NAME);
    free(x);
    free(y);
    free(first);
    free(second);
    free(left);
}

/* ---- several processes ---- */

/* `mpirun -n N vimogen train`, and the losses of its log. */
static void train_with_mpi(int n, vmg_journal_line **lines, size_t *n_lines)
{
    const char *device = getenv("VMG_TEST_DEVICE"), *launcher = vmg_test_mpirun(n);
    char text[4096], *log = vmg_asprintf("%s/mpi%d/log.jsonl", vmg_test_train_folder(), n);
    char *args = vmg_asprintf("train --config '%s/config.json' --data '%s/set' --out '%s/mpi%d' --save-every 1 --device '%s'", vmg_test_train_folder(),
                              vmg_test_train_folder(), vmg_test_train_folder(), n, device ? device : "0");
    if (!CHECK_INT(vmg_test_vimogen(launcher, args, text, sizeof text), 0))
        vmg_test_note("%s", text);
    CHECK_OK(vmg_journal_read(log, lines, n_lines));
    free(args);
    free(log);
}

static void splits_among_processes(void)
{
    vmg_journal_line *one = NULL, *two = NULL;
    size_t n_one = 0, n_two = 0;
    if (!vmg_test_mpirun(2))
        return;
    train_with_mpi(1, &one, &n_one);
    train_with_mpi(2, &two, &n_two);
    CHECK(n_one == 6 && n_two == 6);
    for (size_t i = 0; i < VMG_MIN(n_one, n_two); i++) {
        CHECK_CLOSE(two[i].loss, one[i].loss, 2e-5 * one[i].loss);
        CHECK_CLOSE(two[i].grad_norm, one[i].grad_norm, 2e-4 * one[i].grad_norm);
    }
    free(one);
    free(two);
}

/* One report, whoever's batch it was, and an end for all. */
static void processes_stop_at_nan(void)
{
    const char *launcher = vmg_test_mpirun(2);
    char text[8192];
    if (!launcher)
        return;
    REQUIRE(make_damaged("nan", NAN));
    char *args = vmg_asprintf("train --resume --data '%s/set' --out '%s/nan'", vmg_test_train_folder(), vmg_test_train_folder());
    CHECK_INT(vmg_test_vimogen(launcher, args, text, sizeof text), 1);
    char *said_once = strstr(text, "first bad tensor: blocks.1.ffn.0.weight");
    if (!CHECK(said_once && !strstr(said_once + 1, "first bad tensor")))
        vmg_test_note("%s", text);
    free(args);
}

static const vmg_test_case cases[] = {
    {"learns", learns},
    {"learns_facts", learns_facts},
    {"resumes_to_the_same_bits", resumes_to_the_same_bits},
    {"survives_kills", survives_kills},
    {"stops_at_nan", stops_at_nan},
    {"refuses_what_does_not_fit", refuses_what_does_not_fit},
    {"exports_a_whole_model", exports_a_whole_model},
    {"generates_from_the_export", generates_from_the_export},
    {"draws_samples", draws_samples},
    {"splits_among_processes", splits_among_processes},
    {"processes_stop_at_nan", processes_stop_at_nan},
};

int main(int argc, char **argv)
{
    return vmg_test_main(argc, argv, cases, VMG_COUNT(cases));
}
