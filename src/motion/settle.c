/* Grounding and pinning feet on features. */
#include "src/motion/settle.h"

#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/motion/clip.h"
#include "src/motion/rep276.h"

enum { STRAY_FRAMES = 2, STRAY_PART = 20 };

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The lowest joint's height, stray frames aside. */
static int floor_height(const float *x, int64_t T, float *floor_z)
{
    float *low = vmg_calloc((size_t)VMG_MAX(T, 1), sizeof *low);
    if (!low)
        return VMG_E_NOMEM;
    for (int64_t t = 0; t < T; t++) {
        const float *p = x + t * VMG_REP_DIM + VMG_REP_POS;
        low[t] = p[2];
        for (int j = 1; j < VMG_N_JOINTS; j++)
            low[t] = VMG_MIN(low[t], p[3 * j + 2]);
    }
    qsort(low, (size_t)T, sizeof *low, compare_floats);
    *floor_z = T > 0 ? low[VMG_MIN(STRAY_FRAMES, T / STRAY_PART)] : 0;
    free(low);
    return VMG_OK;
}

static void lower(float *x, int64_t T, float by)
{
    for (int64_t t = 0; t < T; t++) {
        float *row = x + t * VMG_REP_DIM;
        for (int j = 0; j < VMG_N_JOINTS; j++)
            row[VMG_REP_POS + 3 * j + 2] -= by;
        row[VMG_REP_TRANSL + 2] -= by;
    }
}

int vmg_rep276_ground(float *x, int64_t T)
{
    float z;
    int rc = floor_height(x, T, &z);
    if (!rc)
        lower(x, T, z);
    return rc;
}

/* The floor under feet that were cleaned: none of their frames is a stray one. */
static int ground_feet(float *x, int64_t T)
{
    static const int feet[] = {VMG_L_ANKLE, VMG_R_ANKLE, VMG_L_FOOT, VMG_R_FOOT};
    float z;
    int rc = floor_height(x, T, &z);
    for (int64_t t = 0; !rc && t < T; t++)
        for (size_t i = 0; i < VMG_COUNT(feet); i++)
            z = VMG_MIN(z, x[t * VMG_REP_DIM + VMG_REP_POS + 3 * feet[i] + 2]);
    if (!rc)
        lower(x, T, z);
    return rc;
}

int vmg_rep276_settle(float *x, int64_t T, double fps)
{
    vmg_clip clip;
    if (T < 2)
        return VMG_OK;
    int rc = vmg_rep276_ground(x, T);
    if (!rc)
        rc = vmg_clip_from_features(x, T, fps, &clip);
    if (rc)
        return rc;
    rc = vmg_clip_clean_feet(&clip, NULL);
    if (!rc)
        memcpy(x, clip.x, (size_t)T * VMG_REP_DIM * sizeof *x);
    vmg_clip_free(&clip);
    return rc ? rc : ground_feet(x, T);
}
