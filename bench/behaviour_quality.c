/* Quality, closeness to training clips, and the reference branch. */
#include "bench/behaviour_quality.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/data/caption_words.h"
#include "src/data/window.h"
#include "src/motion/rep276.h"

enum { DIM = VMG_REP_DIM, POS = 3 * VMG_N_JOINTS, SKIP = 4, HOP = 5, MAX_REFERENCES = 8,
       MIN_REAL = 40 };
static const double reference_noise = 0.3;

/* ---- metrics of joints ---- */

static int add_metrics(const float *x, int64_t T, double sum[VMG_N_JOINT_METRICS])
{
    double value[VMG_N_JOINT_METRICS];
    float *joints = vmg_calloc((size_t)T, POS * sizeof *joints);
    if (!joints)
        return VMG_E_NOMEM;
    for (int64_t t = 0; t < T; t++)
        memcpy(joints + t * POS, x + t * DIM + VMG_REP_POS, POS * sizeof *joints);
    int rc = vmg_mbench_joints(joints, T, 2, value);
    for (int m = 0; !rc && m < VMG_N_JOINT_METRICS; m++)
        sum[m] += value[m];
    free(joints);
    return rc;
}

/* ---- windows for comparing ---- */

/* Joints of every SKIP-th frame of n frames, canonical: fresh. */
static float *sparse_joints(const float *x, int64_t n)
{
    float *own = vmg_calloc((size_t)n, DIM * sizeof *own);
    float *out = vmg_calloc((size_t)(n / SKIP), POS * sizeof *out);
    if (own && out) {
        vmg_window_cut(x, 0, n, own);
        for (int64_t t = 0; t < n / SKIP; t++)
            memcpy(out + t * POS, own + t * SKIP * DIM + VMG_REP_POS, POS * sizeof *out);
    } else {
        free(out);
        out = NULL;
    }
    free(own);
    return out;
}

static double distance(const float *a, const float *b, int64_t frames)
{
    double sum = 0;
    for (int64_t i = 0; i < frames * VMG_N_JOINTS; i++) {
        float dx = a[3 * i] - b[3 * i], dy = a[3 * i + 1] - b[3 * i + 1],
              dz = a[3 * i + 2] - b[3 * i + 2];
        sum += sqrtf(dx * dx + dy * dy + dz * dz);
    }
    return sum / (double)(frames * VMG_N_JOINTS);
}

/* Motions to compare with training windows, and the least distance of each so far. */
typedef struct probes {
    float **joints;
    double *nearest;
    int64_t n, frames;
} probes;

static int add_probe(probes *p, const float *x)
{
    void *j = vmg_realloc(p->joints, (size_t)p->n + 1, sizeof *p->joints);
    if (j)
        p->joints = j;
    void *d = vmg_realloc(p->nearest, (size_t)p->n + 1, sizeof *p->nearest);
    if (d)
        p->nearest = d;
    float *joints = sparse_joints(x, p->frames);
    if (!j || !d || !joints) {
        free(joints);
        return VMG_E_NOMEM;
    }
    p->joints[p->n] = joints;
    p->nearest[p->n++] = INFINITY;
    return VMG_OK;
}

static void free_probes(probes *p)
{
    for (int64_t i = 0; i < p->n; i++)
        free(p->joints[i]);
    free(p->joints);
    free(p->nearest);
}

static int compare_with_trial(probes *all[2], const vmg_sample *s, int64_t frames)
{
    for (int64_t first = 0; first + frames <= s->T; first += HOP) {
        float *w = sparse_joints(s->x + first * DIM, frames);
        if (!w)
            return VMG_E_NOMEM;
        for (int k = 0; k < 2; k++)
            for (int64_t i = 0; i < all[k]->n; i++) {
                double d = distance(all[k]->joints[i], w, frames / SKIP);
                all[k]->nearest[i] = VMG_MIN(all[k]->nearest[i], d);
            }
        free(w);
    }
    return VMG_OK;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sum_up_nearest(const probes *made, const probes *real, bench_quality *q)
{
    double closest = INFINITY;
    for (int64_t i = 0; i < real->n; i++) {
        q->nearest_real_m += real->nearest[i] / (double)real->n;
        closest = VMG_MIN(closest, real->nearest[i]);
    }
    for (int64_t i = 0; i < made->n; i++) {
        q->nearest_made_m += made->nearest[i] / (double)made->n;
        q->closer_share += (made->nearest[i] < closest) / (double)made->n;
    }
    qsort(made->nearest, (size_t)made->n, sizeof *made->nearest, compare_doubles);
    q->nearest_median_m = made->n ? made->nearest[made->n / 2] : 0;
}

/* ---- the reference branch ---- */

static double normal(vmg_dice *d)
{
    double u = ((double)vmg_dice_below(d, 1 << 30) + 1) / (1 << 30),
           v = (double)vmg_dice_below(d, 1 << 30) / (1 << 30);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* Noise on one real window's reference features; does the motion that follows them come closer? */
static int follow_reference(vmg_ctx *ctx, const vmg_model *m, const vmg_generate_options *o,
                            const float *x, int64_t frames, uint64_t seed, bench_quality *q)
{
    size_t n = (size_t)frames;
    float *clean = vmg_calloc(n, DIM * sizeof *clean), *made = vmg_calloc(n, DIM * sizeof *made);
    float *want = vmg_calloc(n, VMG_REF_DIM * sizeof *want),
          *ref = vmg_calloc(n, VMG_REF_DIM * sizeof *ref);
    int rc = clean && made && want && ref ? VMG_OK : VMG_E_NOMEM;
    if (!rc) {
        vmg_dice dice = vmg_dice_from("reference", seed);
        vmg_window_cut(x, 0, frames, clean);
        vmg_rep276_normalise(clean, frames, m->mean, m->std);
        vmg_rep276_reference(clean, frames, want);
        for (size_t i = 0; i < n * VMG_REF_DIM; i++)
            ref[i] = want[i] + (float)(reference_noise * normal(&dice));
        vmg_generate_item item = {.text = -1, .ref = ref, .n_ref_frames = frames,
                                  .n_frames = frames, .seed = seed, .out = made};
        rc = vmg_generate(ctx, m, NULL, 0, NULL, &item, 1, o);
    }
    if (!rc) {
        double before = 0, after = 0;
        vmg_rep276_normalise(made, frames, m->mean, m->std);
        vmg_rep276_reference(made, frames, clean);
        for (size_t i = 0; i < n * VMG_REF_DIM; i++) {
            before += pow((double)ref[i] - want[i], 2) / (double)(n * VMG_REF_DIM);
            after += pow((double)clean[i] - want[i], 2) / (double)(n * VMG_REF_DIM);
        }
        q->noised += sqrt(before);
        q->restored += sqrt(after);
        q->n_restored += after < before;
        q->n_references++;
    }
    free(clean);
    free(made);
    free(want);
    free(ref);
    return rc;
}

/* ---- all of it ---- */

typedef struct walk {
    vmg_ctx *ctx;
    const vmg_model *model;
    const vmg_generate_options *o;
    probes made, real;
    int64_t frames;
    bench_quality *q;
} walk;

/* A held-out trial (originals alone, not their mirrored copies). */
static int visit_held_out(walk *w, const vmg_sample *s)
{
    bench_quality *q = w->q;
    int rc = VMG_OK;
    if (s->T < MIN_REAL || s->mirrored)
        return VMG_OK;
    rc = add_metrics(s->x, s->T, q->real);
    q->n_real++;
    for (int64_t first = 0; !rc && first + w->frames <= s->T; first += w->frames)
        rc = add_probe(&w->real, s->x + first * DIM);
    if (!rc && w->model->config.ref_motion_dim == VMG_REF_DIM && q->n_references < MAX_REFERENCES)
        rc = follow_reference(w->ctx, w->model, w->o, s->x, VMG_MIN(s->T, w->frames),
                              (uint64_t)q->n_references, q);
    return rc;
}

int bench_quality_measure(vmg_ctx *ctx, const vmg_model *model, const vmg_generate_options *o,
                          const vmg_dataset *data, const float *x, int64_t n, int64_t frames,
                          bench_quality *q)
{
    walk w = {ctx, model, o, {.frames = frames}, {.frames = frames}, frames, q};
    probes *all[2] = {&w.made, &w.real};
    int rc = VMG_OK;
    *q = (bench_quality){.n_made = n};
    for (int64_t i = 0; !rc && i < n; i++) {
        rc = add_metrics(x + (size_t)(i * frames) * DIM, frames, q->made);
        if (!rc)
            rc = add_probe(&w.made, x + (size_t)(i * frames) * DIM);
    }
    for (int pass = 0; pass < 2; pass++) /* held-out clips first: they are probes too */
        for (int64_t i = 0; !rc && i < vmg_dataset_count(data); i++) {
            vmg_sample s;
            if (vmg_dataset_held_out(data, i) == pass || vmg_dataset_read(data, i, &s))
                continue;
            rc = pass ? compare_with_trial(all, &s, frames) : visit_held_out(&w, &s);
            vmg_sample_free(&s);
        }
    for (int m = 0; m < VMG_N_JOINT_METRICS; m++) {
        q->made[m] /= (double)VMG_MAX(q->n_made, 1);
        q->real[m] /= (double)VMG_MAX(q->n_real, 1);
    }
    q->noised /= (double)VMG_MAX(q->n_references, 1);
    q->restored /= (double)VMG_MAX(q->n_references, 1);
    if (!rc)
        sum_up_nearest(&w.made, &w.real, q);
    free_probes(&w.made);
    free_probes(&w.real);
    return rc;
}

void bench_quality_print(const bench_quality *q)
{
    printf("\n| metric | made (%lld) | held-out real (%lld) | ratio |\n|---|---|---|---|\n",
           (long long)q->n_made, (long long)q->n_real);
    for (int m = 0; m < VMG_N_JOINT_METRICS; m++)
        printf("| %s | %.5f | %.5f | %.2f |\n", vmg_mbench_metric_name[m], q->made[m], q->real[m],
               q->real[m] > 0 ? q->made[m] / q->real[m] : 0);
    printf("\nnearest training window, mean distance of joints: made %.3f m (median %.3f), held-out "
           "real %.3f m; made closer than any of those: %.0f%%\n",
           q->nearest_made_m, q->nearest_median_m, q->nearest_real_m, 100 * q->closer_share);
    printf("reference branch: noised input %.3f from the clean clip, output %.3f; closer for %lld of "
           "%lld\n",
           q->noised, q->restored, (long long)q->n_restored, (long long)q->n_references);
}

void bench_quality_print_json(const bench_quality *q)
{
    printf(", \"quality\": {");
    for (int m = 0; m < VMG_N_JOINT_METRICS; m++)
        printf("%s\"%s\": {\"made\": %.6f, \"real\": %.6f}", m ? ", " : "",
               vmg_mbench_metric_name[m], q->made[m], q->real[m]);
    printf("}, \"nearest_made_m\": %.4f, \"nearest_median_m\": %.4f, \"nearest_real_m\": %.4f, "
           "\"closer_share\": %.4f, \"reference_noised\": %.4f, \"reference_restored\": %.4f, "
           "\"references_improved\": %lld, \"references\": %lld",
           q->nearest_made_m, q->nearest_median_m, q->nearest_real_m, q->closer_share, q->noised,
           q->restored, (long long)q->n_restored, (long long)q->n_references);
}
