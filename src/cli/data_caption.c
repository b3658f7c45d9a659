/* vimogen data caption: sentences computed from the motion of a data set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/cli/cli.h"
#include "src/cli/data_cli.h"
#include "src/data/caption.h"
#include "src/data/caption_set.h"
#include "src/data/dataset.h"

static int show_progress(void *user, int64_t done, int64_t total)
{
    vmg_progress_update(user, done, total);
    return vmg_cli_interrupted();
}

static void print_behaviours(const vmg_caption_report *r)
{
    printf("%-16s %10s %10s   (training half)\n", "behaviour", "seconds", "captions");
    for (int b = 0; b < VMG_N_BEHAVIOURS; b++)
        if (r->behaviour_s[b] > 0 || r->behaviour_captions[b] > 0)
            printf("%-16s %10.1f %10lld\n", vmg_behaviour_name((enum vmg_behaviour)b),
                   r->behaviour_s[b], (long long)r->behaviour_captions[b]);
}

static void print_agreement(const vmg_caption_report *r)
{
    printf("%-22s %6s %9s %7s %11s %9s\n", "label says", "clips", "told", "agree", "contradict",
           "agreement");
    for (int i = 0; i < r->n_agreements; i++) {
        const vmg_agreement *a = &r->agreement[i];
        int64_t n = a->n_agree + a->n_contradict;
        printf("%-22s %6lld %8.1f%% %7lld %11lld %8.1f%%\n", a->fact, (long long)a->n_clips,
               a->n_clips ? 100. * (double)a->n_clips_said / (double)a->n_clips : 0.,
               (long long)a->n_agree, (long long)a->n_contradict,
               n ? 100. * (double)a->n_agree / (double)n : 0.);
    }
}

/* The captions that one sample has, or would get. */
static int show(const char *dir, const char *id, bool fresh, const vmg_caption_options *o)
{
    vmg_dataset *ds;
    vmg_sample s = {0};
    int rc = vmg_dataset_open(dir, &ds);
    if (rc)
        return rc;
    int64_t i = vmg_dataset_find(ds, id);
    rc = i < 0 ? vmg_fail(VMG_E_NOTFOUND, "%s has no sample \"%s\"", dir, id)
               : vmg_dataset_read(ds, i, &s);
    if (!rc && fresh)
        rc = vmg_caption_sample(&s, o);
    for (int64_t k = 0; !rc && k < s.n_captions; k++)
        printf("%6.2f %6.2f  %-10s %s\n", (double)s.captions[k].first / s.fps,
               (double)(s.captions[k].first + s.captions[k].n) / s.fps, s.captions[k].source,
               s.captions[k].text);
    vmg_sample_free(&s);
    vmg_dataset_close(ds);
    return rc;
}

int vmg_cli_data_caption(int argc, char **argv)
{
    vmg_progress bar = {.what = "captioning"};
    vmg_caption_set_options o = {.progress = show_progress, .user = &bar};
    bool kinematic = false, agreement = false;
    const char *id = NULL;
    int64_t seed = 0, wordings = 1;
    const vmg_opt opts[] = {
        {"kinematic", 0, VMG_OPT_FLAG, &kinematic, NULL,
         "compute captions from the motion (replacing such ones)", NULL},
        {"agreement", 0, VMG_OPT_FLAG, &agreement, NULL,
         "tell how often they agree with what labels state", NULL},
        {"dry-run", 0, VMG_OPT_FLAG, &o.dry, NULL, "report only, leave the data set as it is",
         NULL},
        {"show", 0, VMG_OPT_STRING, &id, "ID",
         "print one sample's captions (with --kinematic: those it would get)", NULL},
        {"seed", 0, VMG_OPT_INT, &seed, "N", "of the wording (0)", NULL},
        {"wordings", 0, VMG_OPT_INT, &wordings, "N",
         "captions where one would do, 1 to 16 (1): for a text encoder that learns on a small set", NULL},
        {"at-least", 0, VMG_OPT_INT, &o.at_least, "N",
         "more wordings of behaviours with fewer captions than this, up to 16 times as many (0)", NULL},
    };
    int n_args;
    int rc = vmg_opt_parse(argc, argv, "DIR --kinematic [OPTION...]", opts, VMG_COUNT(opts),
                           &n_args);
    if (rc)
        return rc < 0 ? VMG_EXIT_OK : rc;
    if (n_args != 1)
        return vmg_cli_usage(argv[0], "needs one data set, but got %d names", n_args);
    if (!kinematic && !id && !agreement)
        return vmg_cli_usage(argv[0], "needs --kinematic, --agreement or --show");
    if (wordings < 1 || wordings > 16)
        return vmg_cli_usage(argv[0], "--wordings must be 1 to 16, not %lld", (long long)wordings);
    if (o.at_least < 0 || o.at_least > 1000000)
        return vmg_cli_usage(argv[0], "--at-least must be 0 to 1000000, not %lld", (long long)o.at_least);
    if (o.at_least && id)
        return vmg_cli_usage(argv[0], "--at-least counts the captions of the whole set, which --show does not");
    o.seed = (uint64_t)seed;
    o.wordings = (int)wordings;
    o.log = vmg_cli_log();
    o.dry |= !kinematic;
    if (id) {
        rc = show(argv[1], id, kinematic, &(vmg_caption_options){.seed = o.seed, .wordings = o.wordings});
        return rc ? vmg_cli_fail(argv[0], rc) : VMG_EXIT_OK;
    }
    vmg_cli_catch_interrupt();
    vmg_caption_report *r = vmg_calloc(1, sizeof *r);
    rc = r ? vmg_caption_set(argv[1], &o, r) : VMG_E_NOMEM;
    vmg_progress_finish(&bar);
    if (!rc) {
        printf("%s: %lld captions for %lld samples, %lld damaged\n", argv[1],
               (long long)r->n_captions, (long long)r->n_samples, (long long)r->n_damaged);
        print_behaviours(r);
        if (agreement)
            print_agreement(r);
    }
    free(r);
    return rc ? vmg_cli_fail(argv[0], rc) : VMG_EXIT_OK;
}
