/* vimogen data import: files of motion and captions into a data set. */
#include <stdio.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/cli/cli.h"
#include "src/cli/data_cli.h"
#include "src/data/import.h"

static const double default_held_out = 0.08;

static int show_progress(void *user, int64_t done, int64_t total)
{
    vmg_progress_update(user, done, total);
    return vmg_cli_interrupted();
}

static void print_report(const char *out, const vmg_import_report *r)
{
    printf("%s: %lld of %lld clips kept (%lld cut), %lld samples with their mirrored copies, "
           "%.1f minutes\n",
           out, (long long)r->n_kept, (long long)r->n_clips, (long long)r->n_cut,
           (long long)r->n_samples, r->seconds / 60);
    if (r->n_extended)
        printf("steady gaits made longer: %lld clips\n", (long long)r->n_extended);
    if (r->n_still)
        printf("moments of standing still made longer: of %lld clips\n", (long long)r->n_still);
    printf("held out: %lld samples, %.1f minutes\n", (long long)r->n_held_out, r->held_out_s / 60);
    printf("captions: %lld; samples without one: %lld; rows of unknown clips: %lld\n",
           (long long)r->n_captions, (long long)r->n_uncaptioned, (long long)r->n_rows_unused);
}

int vmg_cli_data_import(int argc, char **argv)
{
    vmg_progress bar = {.what = "importing"};
    vmg_import_options o = {.held_out = default_held_out, .progress = show_progress, .user = &bar};
    const char *up = NULL, *split = "trial";
    int64_t seed = 0, threads = 0;
    bool mirror = true;
    const vmg_opt opts[] = {
        {"captions", 0, VMG_OPT_STRING, &o.captions, "FILE",
         "table of captions: .tsv, .csv or .json (clip, start_s, end_s, source, caption)", NULL},
        {"root", 0, VMG_OPT_STRING, &o.root, "DIR", "folder that the paths of a JSON list are in",
         NULL},
        {"held-out", 0, VMG_OPT_DOUBLE, &o.held_out, "PART", "part kept for testing (0.08)", NULL},
        {"split", 0, VMG_OPT_STRING, &split, "BY", "trial (default) or subject: what is held out",
         NULL},
        {"seed", 0, VMG_OPT_INT, &seed, "N", "of the choice of what is held out (0)", NULL},
        {"mirror", 0, VMG_OPT_FLAG, &mirror, NULL, "add mirrored copies (default)", NULL},
        {"fps", 0, VMG_OPT_DOUBLE, &o.fps, "F", "frames a second, whatever the files say", NULL},
        {"unit", 0, VMG_OPT_DOUBLE, &o.unit_m, "M", "metres per unit of BVH (found out)", NULL},
        {"in-up", 0, VMG_OPT_STRING, &up, "AXIS", "up axis of BVH and joint arrays: y or z", NULL},
        {"map", 0, VMG_OPT_STRING, &o.map_path, "FILE", "JSON: our joints to a BVH's names", NULL},
        {"min-seconds", 0, VMG_OPT_DOUBLE, &o.min_s, "S", "shortest clip kept (1)", NULL},
        {"extend", 0, VMG_OPT_DOUBLE, &o.extend_s, "S", "let steady gaits go on in a loop, and moments of standing still last (as samples of their own), until S seconds", NULL},
        {"threads", 0, VMG_OPT_INT, &threads, "N", "threads that read (one a core)", NULL},
    };
    int n_args;
    int rc = vmg_opt_parse(argc, argv, "DIR|LIST.json OUT [OPTION...]", opts, VMG_COUNT(opts),
                           &n_args);
    if (rc)
        return rc < 0 ? VMG_EXIT_OK : rc;
    if (n_args != 2)
        return vmg_cli_usage(argv[0], "needs a folder or list and OUT, but got %d names", n_args);
    if (up && strcmp(up, "y") && strcmp(up, "z"))
        return vmg_cli_usage(argv[0], "--in-up is y or z, not \"%s\"", up);
    if (strcmp(split, "trial") && strcmp(split, "subject"))
        return vmg_cli_usage(argv[0], "--split is trial or subject, not \"%s\"", split);
    if (threads < 0 || threads > 1024)
        return vmg_cli_usage(argv[0], "--threads is 0 to 1024");
    o.up_axis = !up ? 0 : up[0] == 'y' ? 1 : 2;
    o.by_subject = !strcmp(split, "subject");
    o.no_mirror = !mirror;
    o.seed = (uint64_t)seed;
    o.threads = (int)threads;
    o.log = vmg_cli_log();
    vmg_cli_catch_interrupt();
    vmg_import_report report;
    rc = vmg_import(argv[1], argv[2], &o, &report);
    vmg_progress_finish(&bar);
    if (rc)
        return vmg_cli_fail(argv[0], rc);
    print_report(argv[2], &report);
    return VMG_EXIT_OK;
}
