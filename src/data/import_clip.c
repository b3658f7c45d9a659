/* Reading one file, bringing it to the data set's form and checking it. */
#include "src/data/import_clip.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/data/loop.h"
#include "src/data/mirror_text.h"
#include "src/data/sample_json.h"
#include "src/data/window.h"
#include "src/motion/rep276.h"
#include "src/motion/rotation.h"
#include "src/motion/settle.h"

static const double default_min_s = 1.0;

/* ---- checks ---- */

static bool jumps(const float *a, const float *b)
{
    double A[9], B[9];
    for (int j = 0; j < VMG_N_JOINTS; j++) {
        double d2 = 0, limit = j == VMG_PELVIS ? VMG_IMPORT_JUMP_M : VMG_IMPORT_REACH_M;
        for (int c = 0; c < 3; c++) {
            double d = (double)b[VMG_REP_POS + 3 * j + c] - a[VMG_REP_POS + 3 * j + c];
            d2 += d * d;
        }
        if (d2 > limit * limit)
            return true;
    }
    vmg_rot_from_6d(a + VMG_REP_ROOT_ROT, A);
    vmg_rot_from_6d(b + VMG_REP_ROOT_ROT, B);
    return vmg_rot_angle(A, B) > VMG_IMPORT_TURN_RAD;
}

void vmg_import_clean_stretch(const float *x, int64_t T, int64_t *first, int64_t *n)
{
    int64_t begin = 0;
    *first = *n = 0;
    for (int64_t t = 1; t <= T; t++) {
        if (t < T && !jumps(x + (t - 1) * VMG_REP_DIM, x + t * VMG_REP_DIM))
            continue;
        if (t - begin > *n) {
            *first = begin;
            *n = t - begin;
        }
        begin = t;
    }
}

/* Keep the longest clean stretch; the velocities of its last frame lead nowhere and are replaced by
 * those before. */
static int cut_jumps(vmg_clip *clip, int64_t *first)
{
    int64_t n, T = clip->T;
    vmg_import_clean_stretch(clip->x, T, first, &n);
    if (n == T)
        return VMG_OK;
    if (2 * n < T)
        return vmg_fail(VMG_E_FORMAT, "the body jumps about: the longest clean stretch has %lld of "
                                      "%lld frames", (long long)n, (long long)T);
    int rc = vmg_clip_trim(clip, *first, n);
    if (rc || n < 2)
        return rc;
    static const int part[][2] = {{VMG_REP_VEL, VMG_REP_ROOT_ROT},
                                  {VMG_REP_ROOT_ROT_VEL, VMG_REP_TRANSL},
                                  {VMG_REP_TRANSL_VEL, VMG_REP_DIM}};
    float *last = clip->x + (n - 1) * VMG_REP_DIM;
    for (size_t i = 0; i < VMG_COUNT(part); i++)
        memcpy(last + part[i][0], last - VMG_REP_DIM + part[i][0],
               (size_t)(part[i][1] - part[i][0]) * sizeof *last);
    return VMG_OK;
}

static int check_finite(const vmg_clip *clip)
{
    for (int64_t i = 0; i < clip->T * VMG_REP_DIM; i++)
        if (!isfinite(clip->x[i]) || fabsf(clip->x[i]) > 1e4f)
            return vmg_fail(VMG_E_FORMAT, "feature %lld of frame %lld is %g",
                            (long long)(i % VMG_REP_DIM), (long long)(i / VMG_REP_DIM),
                            (double)clip->x[i]);
    return VMG_OK;
}

/* Somebody may climb for a while, but not fly: then the root or the up axis is wrong. */
static int check_floor(const vmg_clip *clip)
{
    int64_t high = 0;
    for (int64_t t = 0; t < clip->T; t++) {
        const float *p = clip->x + t * VMG_REP_DIM + VMG_REP_POS;
        float low = p[2];
        for (int j = 1; j < VMG_N_JOINTS; j++)
            low = VMG_MIN(low, p[3 * j + 2]);
        high += low > VMG_IMPORT_FLIGHT_M;
    }
    return 2 * high <= clip->T
               ? VMG_OK
               : vmg_fail(VMG_E_FORMAT, "for %.1f of %.1f s the whole body is more than %g m over "
                                        "the floor: is the up axis right?",
                          (double)high / clip->fps, (double)clip->T / clip->fps,
                          VMG_IMPORT_FLIGHT_M);
}

/* ---- one clip ---- */

static int read_clip(const vmg_import_item *item, const vmg_import_options *o, vmg_clip *clip,
                     int64_t *first, bool *was_cut)
{
    const vmg_clip_read_options r = {.fps = o->fps, .up_axis = o->up_axis, .unit_m = o->unit_m,
                                     .map_path = o->map_path};
    double min_s = o->min_s > 0 ? o->min_s : default_min_s;
    int rc = vmg_clip_read(item->path, &r, clip);
    if (!rc && o->fps > 0)
        clip->fps = o->fps;
    if (!rc && clip->fps != VMG_REP_FPS)
        rc = vmg_clip_resample(clip, VMG_REP_FPS, VMG_RESAMPLE_BETTER);
    if (!rc)
        rc = check_finite(clip);
    int64_t T = clip->T;
    if (!rc)
        rc = cut_jumps(clip, first);
    *was_cut = clip->T < T;
    if (!rc && (double)clip->T < min_s * clip->fps)
        rc = vmg_fail(VMG_E_FORMAT, "%.2f s are too short, %g s are needed",
                      (double)clip->T / clip->fps, min_s);
    if (!rc && clip->T > 1 << 22)
        rc = vmg_fail(VMG_E_FORMAT, "%lld frames are too many", (long long)clip->T);
    if (rc)
        return rc;
    vmg_window_canonicalise(clip->x, clip->T);
    rc = vmg_rep276_ground(clip->x, clip->T);
    return rc ? rc : check_floor(clip);
}

/* A steady gait goes on until extend_s. */
static int extend(vmg_clip *clip, double extend_s)
{
    int64_t want = llround(extend_s * clip->fps);
    bool found = false;
    vmg_loop loop;
    float *x;
    int rc = want > clip->T ? vmg_loop_find(clip->x, clip->T, &found, &loop) : VMG_OK;
    if (rc || !found)
        return rc;
    rc = vmg_loop_extend(clip->x, clip->T, &loop, want, &x);
    if (rc)
        return rc;
    free(clip->x);
    clip->x = x;
    clip->T = want;
    return VMG_OK;
}

/* Captions in seconds of the file to frames of what was kept, frames first..first+kept; those up to its end
 * hold for what it was extended by. */
static int add_captions(const vmg_import_item *item, int64_t first, int64_t kept, vmg_sample *s)
{
    for (size_t i = 0; i < item->n_rows; i++) {
        const vmg_captions_row *r = &item->row[i];
        double from = r->start_s * s->fps - (double)first,
               to = r->end_s * s->fps - (double)first;
        int64_t a = from <= 0 ? 0 : from >= (double)s->T ? s->T : llround(from),
                b = to <= 0 ? 0 : to >= (double)kept ? s->T : llround(to);
        int rc = b > a ? vmg_sample_add_caption(s, r->text, a, b - a, r->source, NULL) : VMG_OK;
        if (rc)
            return rc;
    }
    return VMG_OK;
}

int vmg_import_clip(const vmg_import_item *item, const vmg_import_options *o, vmg_sample *out,
                    double cut_s[2], bool *was_cut)
{
    vmg_clip clip = {0};
    int64_t first = 0;
    *out = (vmg_sample){0};
    int rc = read_clip(item, o, &clip, &first, was_cut);
    int64_t kept = clip.T;
    if (!rc)
        rc = extend(&clip, o->extend_s);
    if (!rc) {
        int64_t T = clip.T;
        const char *slash = strrchr(item->path, '/');
        *out = (vmg_sample){.id = vmg_strdup(item->id), .T = T, .fps = clip.fps, .x = clip.x,
                            .group = vmg_strdup(item->id),
                            .source = vmg_strdup(slash ? slash + 1 : item->path)};
        clip.x = NULL;
        rc = out->id && out->group && out->source ? add_captions(item, first, kept, out) : VMG_E_NOMEM;
        cut_s[0] = (double)first / out->fps;
        cut_s[1] = (double)(first + kept) / out->fps;
    }
    vmg_clip_free(&clip);
    if (rc)
        vmg_sample_free(out);
    return rc;
}

int vmg_import_held(const vmg_sample *s, double hold_s, vmg_sample *out)
{
    bool found = false;
    vmg_loop hold;
    float *x;
    int64_t want = llround(hold_s * s->fps);
    *out = (vmg_sample){0};
    int rc = want > 0 ? vmg_hold_find(s->x, s->T, &found, &hold) : VMG_OK;
    if (!rc && found)
        rc = vmg_hold_extend(s->x, s->T, &hold, want, &x);
    if (rc || !found)
        return rc;
    vmg_window_canonicalise(x, want);
    *out = (vmg_sample){.id = vmg_asprintf("%s_h", s->id), .T = want, .fps = s->fps, .x = x, .group = vmg_strdup(s->group),
                        .source = vmg_strdup(s->source)};
    if (out->id && out->group && out->source)
        return VMG_OK;
    vmg_sample_free(out);
    return VMG_E_NOMEM;
}

int vmg_import_mirrored(const vmg_sample *s, vmg_sample *out)
{
    vmg_clip clip;
    *out = (vmg_sample){0};
    int rc = vmg_clip_from_features(s->x, s->T, s->fps, &clip);
    if (rc)
        return rc;
    rc = vmg_clip_mirror(&clip);
    if (!rc) {
        vmg_window_canonicalise(clip.x, clip.T);
        *out = (vmg_sample){.id = vmg_asprintf("%s_m", s->id), .T = clip.T, .fps = s->fps,
                            .x = clip.x, .group = vmg_strdup(s->group),
                            .source = vmg_strdup(s->source), .mirrored = true};
        clip.x = NULL;
        rc = out->id && out->group && out->source ? VMG_OK : VMG_E_NOMEM;
    }
    for (int64_t i = 0; !rc && i < s->n_captions; i++) {
        const vmg_caption *c = &s->captions[i];
        char *text = vmg_mirror_text(c->text);
        rc = text ? vmg_sample_add_caption(out, text, c->first, c->n, c->source, NULL)
                  : VMG_E_NOMEM;
        free(text);
    }
    vmg_clip_free(&clip);
    if (rc)
        vmg_sample_free(out);
    return rc;
}
