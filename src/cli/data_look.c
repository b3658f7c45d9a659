/* vimogen data stats, verify, sample, split: looking into data sets and dividing them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/cli/cli.h"
#include "src/cli/data_cli.h"
#include "src/data/dataset.h"
#include "src/data/dataset_scan.h"
#include "src/motion/clip.h"

static const double default_held_out = 0.08;

static int show_progress(void *user, int64_t done, int64_t total)
{
    vmg_progress_update(user, done, total);
    return vmg_cli_interrupted();
}

/* ---- stats and verify ---- */

static void print_json(const vmg_dataset_report *r)
{
    printf("{\"samples\": %lld, \"held_out\": %lld, \"mirrored\": %lld, \"damaged\": %lld, "
           "\"captions\": %lld, \"kinematic\": %lld, \"uncaptioned\": %lld, \"words\": %lld, "
           "\"groups_in_both_halves\": %lld, \"seconds\": %.2f, \"held_out_s\": %.2f, "
           "\"shortest_s\": %.2f, \"longest_s\": %.2f}\n",
           (long long)r->n_samples, (long long)r->n_held_out, (long long)r->n_mirrored,
           (long long)r->n_damaged, (long long)r->n_captions, (long long)r->n_kinematic,
           (long long)r->n_uncaptioned, (long long)r->n_words, (long long)r->n_leaks, r->seconds,
           r->held_out_s, r->shortest_s, r->longest_s);
}

static void print_report(const vmg_dataset_report *r)
{
    printf("samples    %lld (%lld mirrored), %.1f minutes, %.1f to %.1f s\n",
           (long long)r->n_samples, (long long)r->n_mirrored, r->seconds / 60, r->shortest_s,
           r->longest_s);
    printf("held out   %lld, %.1f minutes; trials in both halves: %lld\n",
           (long long)r->n_held_out, r->held_out_s / 60, (long long)r->n_leaks);
    printf("captions   %lld (%lld computed) of %lld different words; samples without one: %lld\n",
           (long long)r->n_captions, (long long)r->n_kinematic, (long long)r->n_words,
           (long long)r->n_uncaptioned);
    printf("damaged    %lld\nlengths   ", (long long)r->n_damaged);
    for (int i = 0; i < 7; i++)
        printf(" to %d s: %lld,", 1 << i, (long long)r->length[i]);
    printf(" longer: %lld\n", (long long)r->length[7]);
}

static int scan(int argc, char **argv, bool motion)
{
    vmg_progress bar = {.what = "reading"};
    int64_t threads = 0;
    bool json = false;
    const vmg_opt opts[] = {
        {"json", 0, VMG_OPT_FLAG, &json, NULL, "print one JSON object", NULL},
        {"threads", 0, VMG_OPT_INT, &threads, "N", "threads that read (one a core)", NULL},
    };
    int n_args;
    int rc = vmg_opt_parse(argc, argv, "DIR [OPTION...]", opts, VMG_COUNT(opts), &n_args);
    if (rc)
        return rc < 0 ? VMG_EXIT_OK : rc;
    if (n_args != 1 || threads < 0 || threads > 1024)
        return vmg_cli_usage(argv[0], "needs one data set, and 0 to 1024 threads");
    vmg_dataset *ds;
    vmg_dataset_report r;
    vmg_cli_catch_interrupt();
    rc = vmg_dataset_open(argv[1], &ds);
    if (!rc)
        rc = vmg_dataset_scan(ds, motion, (int)threads, vmg_cli_log(), show_progress, &bar, &r);
    vmg_progress_finish(&bar);
    if (!rc) {
        vmg_dataset_close(ds);
        if (json)
            print_json(&r);
        else
            print_report(&r);
        return motion && (r.n_damaged || r.n_leaks) ? VMG_EXIT_FAILED : VMG_EXIT_OK;
    }
    rc = vmg_cli_fail(argv[0], rc);
    vmg_dataset_close(ds);
    return rc;
}

int vmg_cli_data_stats(int argc, char **argv)
{
    return scan(argc, argv, false);
}

int vmg_cli_data_verify(int argc, char **argv)
{
    return scan(argc, argv, true);
}

/* ---- sample ---- */

static int export_motion(const vmg_sample *s, const char *path)
{
    vmg_clip clip;
    int rc = vmg_clip_from_features(s->x, s->T, s->fps, &clip);
    if (!rc)
        rc = vmg_clip_write(path, &clip, NULL);
    vmg_clip_free(&clip);
    return rc;
}

static void print_sample(const vmg_sample *s, bool held_out)
{
    printf("%s: %lld frames at %g a second (%.2f s), from %s%s, %s\n", s->id, (long long)s->T,
           s->fps, (double)s->T / s->fps, s->source, s->mirrored ? ", mirrored" : "",
           held_out ? "held out" : "for training");
    for (int64_t k = 0; k < s->n_captions; k++)
        printf("%7.2f %7.2f  %-10s %s\n", (double)s->captions[k].first / s->fps,
               (double)(s->captions[k].first + s->captions[k].n) / s->fps,
               s->captions[k].source, s->captions[k].text);
}

int vmg_cli_data_sample(int argc, char **argv)
{
    const char *out = NULL;
    const vmg_opt opts[] = {
        {"output", 'o', VMG_OPT_STRING, &out, "FILE",
         "write the motion: .npy, .pt, .npz, .bvh, .csv or .glb", NULL},
    };
    int n_args;
    int rc = vmg_opt_parse(argc, argv, "DIR ID|NUMBER [-o FILE]", opts, VMG_COUNT(opts), &n_args);
    if (rc)
        return rc < 0 ? VMG_EXIT_OK : rc;
    if (n_args != 2)
        return vmg_cli_usage(argv[0], "needs a data set and a sample, but got %d names", n_args);
    vmg_dataset *ds = NULL;
    vmg_sample s = {0};
    rc = vmg_dataset_open(argv[1], &ds);
    if (!rc) {
        char *end;
        int64_t i = vmg_dataset_find(ds, argv[2]);
        long long number = strtoll(argv[2], &end, 10);
        if (i < 0 && *argv[2] && !*end && number >= 0 && number < vmg_dataset_count(ds))
            i = number;
        rc = i < 0 ? vmg_fail(VMG_E_NOTFOUND, "%s has no sample \"%s\"", argv[1], argv[2])
                   : vmg_dataset_read(ds, i, &s);
        if (!rc)
            print_sample(&s, vmg_dataset_held_out(ds, i));
    }
    if (!rc && out)
        rc = export_motion(&s, out);
    vmg_sample_free(&s);
    vmg_dataset_close(ds);
    return rc ? vmg_cli_fail(argv[0], rc) : VMG_EXIT_OK;
}

/* ---- split ---- */

int vmg_cli_data_split(int argc, char **argv)
{
    double held_out = default_held_out;
    const char *by = "trial";
    int64_t seed = 0, threads = 0;
    const vmg_opt opts[] = {
        {"held-out", 0, VMG_OPT_DOUBLE, &held_out, "PART", "part kept for testing (0.08)", NULL},
        {"by", 0, VMG_OPT_STRING, &by, "WHAT", "trial (default) or subject", NULL},
        {"seed", 0, VMG_OPT_INT, &seed, "N", "of the choice (0)", NULL},
        {"threads", 0, VMG_OPT_INT, &threads, "N", "threads that read (one a core)", NULL},
    };
    int n_args;
    int rc = vmg_opt_parse(argc, argv, "DIR [OPTION...]", opts, VMG_COUNT(opts), &n_args);
    if (rc)
        return rc < 0 ? VMG_EXIT_OK : rc;
    if (n_args != 1 || threads < 0 || threads > 1024)
        return vmg_cli_usage(argv[0], "needs one data set, and 0 to 1024 threads");
    if (strcmp(by, "trial") && strcmp(by, "subject"))
        return vmg_cli_usage(argv[0], "--by is trial or subject, not \"%s\"", by);
    rc = vmg_dataset_resplit(argv[1], held_out, !strcmp(by, "subject"), (uint64_t)seed,
                             (int)threads);
    return rc ? vmg_cli_fail(argv[0], rc) : VMG_EXIT_OK;
}
