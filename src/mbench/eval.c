/* The joint metrics of many clips. */
#include "src/mbench/eval.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/weights_file.h"
#include "src/mbench/spectrum.h"
#include "src/motion/canonical.h"
#include "src/motion/clip.h"
#include "src/motion/rep276.h"

enum { POS = 3 * VMG_N_JOINTS, MAX_INFO_BYTES = 256 << 20 };

const char *const vmg_eval_name[VMG_N_EVAL] = {
    "Jitter_Degree", "Ground_Penetration", "Foot_Floating", "Foot_Sliding", "Dynamic_Degree",
    "SPARC",         "High_Frequency",     "NPSS"};

/* (T,22,3) in a .npy, as it is: *joints stays NULL for anything else. */
static int load_joint_array(const char *path, float **joints, int64_t *T)
{
    char ending[8];
    vmg_weights *w;
    *joints = NULL;
    vmg_path_ending(path, ending, sizeof ending);
    if (strcmp(ending, "npy"))
        return VMG_OK;
    int rc = vmg_weights_open(path, &w);
    if (rc)
        return rc;
    const vmg_weight *t = &w->tensors[0];
    if (t->rank == 3 && t->dim[1] == VMG_N_JOINTS && t->dim[2] == 3) {
        *T = t->dim[0];
        *joints = vmg_calloc((size_t)t->n, sizeof **joints);
        rc = *joints ? vmg_weight_to_f32(t, *joints) : VMG_E_NOMEM;
    }
    vmg_weights_close(w);
    return rc;
}

int vmg_eval_load(const char *path, const vmg_eval_options *options, float **joints, int64_t *T,
                  int *up)
{
    bool official = options->mode == VMG_MBENCH_OFFICIAL;
    vmg_clip clip;
    *up = official || !options->up_axis ? 2 : options->up_axis;
    int rc = load_joint_array(path, joints, T);
    if (rc || *joints)
        return rc;
    rc = vmg_clip_read(path, NULL, &clip);
    if (!rc && clip.fps != VMG_REP_FPS)
        rc = vmg_clip_resample(&clip, VMG_REP_FPS, VMG_RESAMPLE_BETTER);
    if (!rc && !(*joints = vmg_calloc((size_t)clip.T, POS * sizeof **joints)))
        rc = VMG_E_NOMEM;
    if (!rc) {
        *T = clip.T;
        *up = 2;
        vmg_rep276_integrate_joints(clip.x, clip.T, *joints);
        if (official)
            vmg_joints_z_up_to_y_up(*joints, clip.T);
    }
    vmg_clip_free(&clip);
    return rc;
}

/* NPSS against the file of the same name in the reference folder; counts only where there is one */
static int measure_npss(vmg_eval_clip *clip, const float *joints, const vmg_eval_options *options)
{
    const char *slash = strrchr(clip->path, '/');
    char *path = vmg_path_join(options->reference, slash ? slash + 1 : clip->path);
    float *reference = NULL;
    int64_t T;
    int up, rc = path ? VMG_OK : VMG_E_NOMEM;
    clip->counts[VMG_EVAL_NPSS] = !rc && vmg_path_exists(path);
    if (clip->counts[VMG_EVAL_NPSS]) {
        rc = vmg_eval_load(path, options, &reference, &T, &up);
        if (!rc)
            rc = vmg_spectrum_npss(joints, clip->T, reference, T, &clip->value[VMG_EVAL_NPSS]);
    }
    free(reference);
    free(path);
    return rc;
}

static int measure(vmg_eval_clip *clip, const vmg_eval_options *options)
{
    float *joints = NULL;
    vmg_spectrum s = {0};
    int up;
    int rc = vmg_eval_load(clip->path, options, &joints, &clip->T, &up);
    if (rc)
        return rc;
    rc = vmg_mbench_joints(joints, clip->T, up, clip->value);
    if (!rc && options->spectral)
        rc = vmg_spectrum_measure(joints, clip->T, VMG_REP_FPS, &s);
    clip->value[VMG_EVAL_SPARC] = s.sparc;
    clip->value[VMG_EVAL_HIGH_FREQUENCY] = s.high_frequency;
    if (!rc && options->reference)
        rc = measure_npss(clip, joints, options);
    free(joints);
    return rc ? vmg_fail_prefix(rc, "%s", clip->path) : VMG_OK;
}

/* The file's name without folder and ending, as MBench's ids are written. */
static bool has_id(const char *path, int64_t id)
{
    char text[32];
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int n = snprintf(text, sizeof text, "%lld", (long long)id);
    return !strncmp(name, text, (size_t)n) && (name[n] == '.' || !name[n]);
}

/* Clips whose id the list gives for a metric count there, others do not. */
static int select_by_info(const char *path, vmg_eval *e)
{
    char *text;
    size_t size;
    int rc = vmg_read_file(path, MAX_INFO_BYTES, &text, &size);
    if (rc)
        return rc;
    cJSON *list = cJSON_ParseWithLength(text, size);
    free(text);
    if (!cJSON_IsArray(list)) {
        cJSON_Delete(list);
        return vmg_fail(VMG_E_FORMAT, "%s is not a JSON list of prompts", path);
    }
    for (size_t i = 0; i < e->n_clips; i++)
        memset(e->clip[i].counts, 0, VMG_N_JOINT_METRICS * sizeof e->clip[i].counts[0]);
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        const cJSON *dimension = cJSON_GetObjectItemCaseSensitive(item, "dimension");
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(item, "id");
        if (!cJSON_IsString(dimension) || !cJSON_IsNumber(id))
            continue;
        for (int k = 0; k < VMG_N_JOINT_METRICS; k++)
            for (size_t i = 0;
                 !strcmp(dimension->valuestring, vmg_mbench_metric_name[k]) && i < e->n_clips; i++)
                if (has_id(e->clip[i].path, (int64_t)id->valuedouble))
                    e->clip[i].counts[k] = true;
    }
    cJSON_Delete(list);
    return VMG_OK;
}

static int sum_up(vmg_eval *e)
{
    double *v = vmg_calloc(e->n_clips, sizeof *v);
    if (!v)
        return VMG_E_NOMEM;
    for (int k = 0; k < VMG_N_EVAL; k++) {
        int64_t n = 0;
        for (size_t i = 0; i < e->n_clips; i++)
            if (!e->clip[i].error && e->clip[i].counts[k])
                v[n++] = e->clip[i].value[k];
        e->summary[k] = vmg_mbench_summarise(v, n, 1);
    }
    free(v);
    return VMG_OK;
}

/* ---- several processes ---- */

/* What a clip's process tells rank 0: this, and `n_error` characters. */
typedef struct record {
    uint64_t clip, n_error;
    int64_t T;
    double value[VMG_N_EVAL];
    bool counts[VMG_N_EVAL];
} record;

static int unpack(vmg_eval *e, const vmg_buf *records)
{
    record r;
    for (size_t at = 0; at < records->len; at += sizeof r + r.n_error) {
        memcpy(&r, records->data + at, sizeof r);
        vmg_eval_clip *clip = &e->clip[r.clip];
        clip->T = r.T;
        memcpy(clip->value, r.value, sizeof r.value);
        memcpy(clip->counts, r.counts, sizeof r.counts);
        free(clip->error);
        clip->error = r.n_error ? vmg_strndup(records->data + at + sizeof r, r.n_error) : NULL;
        if (r.n_error && !clip->error)
            return VMG_E_NOMEM;
    }
    return VMG_OK;
}

/* Every clip's result on rank 0. */
static int gather(vmg_eval *e, const vmg_comm *comm)
{
    vmg_buf mine = {0}, all = {0};
    for (size_t i = (size_t)comm->rank; i < e->n_clips; i += (size_t)comm->size) {
        const vmg_eval_clip *clip = &e->clip[i];
        record r = {.clip = i, .n_error = clip->error ? strlen(clip->error) : 0, .T = clip->T};
        memcpy(r.value, clip->value, sizeof r.value);
        memcpy(r.counts, clip->counts, sizeof r.counts);
        vmg_buf_append(&mine, &r, sizeof r);
        vmg_buf_append(&mine, clip->error ? clip->error : "", r.n_error);
    }
    int rc = vmg_comm_agree(comm, mine.failed ? VMG_E_NOMEM : VMG_OK);
    if (rc == VMG_OK)
        rc = vmg_comm_gather(comm, mine.data, mine.len, &all);
    if (rc == VMG_OK && !comm->rank)
        rc = unpack(e, &all);
    vmg_buf_free(&mine);
    vmg_buf_free(&all);
    return vmg_comm_agree(comm, rc);
}

/* ---- the whole ---- */

static int make_clips(const char *const *paths, size_t n, const vmg_eval_options *options,
                      vmg_eval *out)
{
    for (int k = 0; k < VMG_N_EVAL; k++)
        out->measured[k] = k < VMG_EVAL_SPARC   ? true
                           : k == VMG_EVAL_NPSS ? options->reference != NULL
                                                : options->spectral;
    out->clip = vmg_calloc(n, sizeof *out->clip);
    for (size_t i = 0; out->clip && i < n; i++) {
        vmg_eval_clip *clip = &out->clip[out->n_clips++];
        memcpy(clip->counts, out->measured, sizeof clip->counts);
        clip->path = vmg_strdup(paths[i]);
        if (!clip->path)
            return VMG_E_NOMEM;
    }
    return out->clip ? VMG_OK : VMG_E_NOMEM;
}

int vmg_eval_run(const char *const *paths, size_t n, const vmg_eval_options *options, vmg_eval *out)
{
    const vmg_comm alone = vmg_comm_alone(), *comm = options->comm ? options->comm : &alone;
    *out = (vmg_eval){0};
    int rc = make_clips(paths, n, options, out);
    for (size_t i = (size_t)comm->rank; !rc && i < n; i += (size_t)comm->size) {
        vmg_eval_clip *clip = &out->clip[i];
        if (!measure(clip, options))
            continue;
        clip->error = vmg_strdup(vmg_error_message());
        rc = clip->error ? VMG_OK : VMG_E_NOMEM;
    }
    rc = vmg_comm_agree(comm, rc);
    if (!rc && comm->size > 1)
        rc = gather(out, comm);
    for (size_t i = 0; !rc && i < n; i++)
        out->n_failed += out->clip[i].error != NULL;
    if (!rc && options->info)
        rc = select_by_info(options->info, out);
    if (!rc)
        rc = sum_up(out);
    rc = vmg_comm_agree(comm, rc);
    if (rc)
        vmg_eval_free(out);
    return rc;
}

void vmg_eval_free(vmg_eval *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->n_clips; i++) {
        free(e->clip[i].path);
        free(e->clip[i].error);
    }
    free(e->clip);
    *e = (vmg_eval){0};
}
