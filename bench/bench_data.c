/*
 * bench_data [--samples N] [--frames N] [--threads N] [--dir DIR] [--keep]
 *
 * A synthetic data set of N samples (228000, as ViMoGen-228K; 30 frames each): time to write and to
 * open it, one epoch read in shuffled order, and the memory that took. A line of key=value each.
 * The set is made in DIR (a folder of its own below /tmp) and removed afterwards.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/clock.h"
#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/cli/cli.h"
#include "src/data/caption_words.h"
#include "src/data/dataset.h"
#include "src/data/dataset_scan.h"
#include "src/data/dataset_write.h"
#include "src/data/sample_json.h"
#include "src/motion/rep276.h"

enum { DISTINCT = 32 };

/* "VmHWM" (the most so far) or "VmRSS" (now) of this process, in MB. */
static double memory_mb(const char *which)
{
    char line[256];
    double kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, which, strlen(which)))
            kb = strtod(line + strlen(which) + 1, NULL);
    if (f)
        fclose(f);
    return kb / 1024;
}

/* Features that wander, so that they compress about as real ones do. */
static int make_sample(const char *id, int64_t T, vmg_dice *dice, vmg_sample *s)
{
    *s = (vmg_sample){.id = vmg_strdup(id), .T = T, .fps = VMG_REP_FPS, .group = vmg_strdup(id),
                      .x = vmg_calloc((size_t)T, VMG_REP_DIM * sizeof *s->x)};
    if (!s->id || !s->group || !s->x)
        return VMG_E_NOMEM;
    for (int64_t i = 0; i < T * VMG_REP_DIM; i++) {
        float before = i < VMG_REP_DIM ? 0 : s->x[i - VMG_REP_DIM];
        s->x[i] = before + 1e-6f * (float)((int64_t)vmg_dice_below(dice, 20001) - 10000);
    }
    return vmg_sample_add_caption(s, "a person walks forward and waves their right hand", 0, T,
                                  "label", NULL);
}

/* n samples; DISTINCT motions come again and again under names of their own. */
static int write_set(const char *dir, int64_t n, int64_t frames)
{
    vmg_sample distinct[DISTINCT] = {{0}};
    vmg_dataset_writer *w = NULL;
    vmg_dice dice = vmg_dice_from("bench", 0);
    float mean[VMG_REP_DIM] = {0}, std[VMG_REP_DIM];
    int rc = VMG_OK;
    for (int i = 0; i < VMG_REP_DIM; i++)
        std[i] = 1;
    for (int i = 0; !rc && i < DISTINCT; i++)
        rc = make_sample("x", frames, &dice, &distinct[i]);
    if (!rc)
        rc = vmg_dataset_writer_open(dir, 0, &w);
    for (int64_t i = 0; !rc && i < n; i++) {
        char id[32];
        vmg_sample s = distinct[i % DISTINCT];
        snprintf(id, sizeof id, "clip_%07lld", (long long)i);
        s.id = s.group = id;
        rc = vmg_dataset_writer_add(w, &s, i % 20 == 0);
    }
    if (!rc)
        rc = vmg_dataset_writer_commit(w, mean, std);
    vmg_dataset_writer_free(w);
    for (int i = 0; i < DISTINCT; i++)
        vmg_sample_free(&distinct[i]);
    return rc;
}

typedef struct tally {
    int64_t n, bad;
    double bytes;
} tally;

static int count(void *user, int64_t i, const vmg_sample *s, int rc)
{
    tally *t = user;
    (void)i;
    t->n++;
    t->bad += rc != 0;
    t->bytes += s ? (double)s->T * VMG_REP_DIM * sizeof *s->x : 0;
    return 0;
}

/* The writer's own memory counts in the peak. */
static int read_set(const char *dir, int threads)
{
    vmg_dataset *ds;
    vmg_dice dice = vmg_dice_from("order", 0);
    double t0 = vmg_now_s(), before_mb = memory_mb("VmRSS");
    int rc = vmg_dataset_open(dir, &ds);
    if (rc)
        return rc;
    int64_t n = vmg_dataset_count(ds);
    printf("open_s=%.3f open_mb=%.1f samples=%lld\n", vmg_now_s() - t0, memory_mb("VmRSS") - before_mb,
           (long long)n);
    int64_t *order = vmg_calloc((size_t)n, sizeof *order);
    for (int64_t i = 0; order && i < n; i++) {
        int64_t j = (int64_t)vmg_dice_below(&dice, (uint64_t)i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    tally t = {0};
    t0 = vmg_now_s();
    rc = order ? vmg_dataset_visit(ds, order, n, true, threads, count, &t) : VMG_E_NOMEM;
    double s = vmg_now_s() - t0;
    printf("epoch_s=%.2f samples_per_s=%.0f motion_mb_per_s=%.0f damaged=%lld peak_mb=%.1f\n", s,
           (double)t.n / s, t.bytes / s / 1e6, (long long)t.bad, memory_mb("VmHWM"));
    free(order);
    vmg_dataset_close(ds);
    return rc;
}

/* A data set's folder holds plain files alone. */
static void remove_set(const char *dir)
{
    char **names = NULL;
    size_t n = 0;
    if (vmg_list_dir(dir, &names, &n))
        return;
    for (size_t i = 0; i < n; i++) {
        char *path = vmg_path_join(dir, names[i]);
        if (path)
            unlink(path);
        free(path);
    }
    vmg_list_free(names, n);
    rmdir(dir);
}

int main(int argc, char **argv)
{
    int64_t samples = 228000, frames = 30, threads = 0;
    const char *dir = NULL;
    char made[64];
    bool keep = false;
    const vmg_opt opts[] = {
        {"samples", 0, VMG_OPT_INT, &samples, "N", "samples (228000)", NULL},
        {"frames", 0, VMG_OPT_INT, &frames, "N", "frames of each (30)", NULL},
        {"threads", 0, VMG_OPT_INT, &threads, "N", "threads that read (one a core)", NULL},
        {"dir", 0, VMG_OPT_STRING, &dir, "DIR", "new folder for the set", NULL},
        {"keep", 0, VMG_OPT_FLAG, &keep, NULL, "leave the set there", NULL},
    };
    int n_args;
    int rc = vmg_opt_parse(argc, argv, "[OPTION...]", opts, VMG_COUNT(opts), &n_args);
    if (rc)
        return rc < 0 ? VMG_EXIT_OK : rc;
    if (samples < 1 || frames < 1 || frames > 100000 || n_args)
        return vmg_cli_usage(argv[0], "needs samples and frames of at least 1 and no names");
    snprintf(made, sizeof made, "/tmp/vmg-bench-data.%ld", (long)getpid());
    dir = dir ? dir : made;
    if (vmg_path_exists(dir))
        return vmg_cli_usage(argv[0], "%s is there already", dir);
    double t0 = vmg_now_s();
    rc = write_set(dir, samples, frames);
    if (!rc) {
        printf("write_s=%.1f frames=%lld\n", vmg_now_s() - t0, (long long)frames);
        rc = read_set(dir, (int)threads);
    }
    if (!keep)
        remove_set(dir);
    return rc ? vmg_cli_fail(argv[0], rc) : VMG_EXIT_OK;
}
