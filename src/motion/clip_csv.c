/* Clips in .csv files: one row per frame, joint positions and local rotations by name. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/base/status.h"
#include "src/format/number.h"
#include "src/motion/canonical.h"
#include "src/motion/clip_formats.h"
#include "src/motion/rep276.h"
#include "src/motion/rotation.h"

enum { POS = 3 * VMG_N_JOINTS, N_COLUMNS = 1 + 2 * POS, MAX_FILE_COLUMNS = 4096 };

static const char axis_letter[] = "xyz";

/* Names of our columns: time_s, then JOINT_x.., then JOINT_rx.. (axis-angle, radians). */
static void column_name(int column, char name[64])
{
    int i = (column - 1) % POS;
    if (column == 0)
        snprintf(name, 64, "time_s");
    else
        snprintf(name, 64, "%s_%s%c", vmg_joint_name[i / 3], column > POS ? "r" : "",
                 axis_letter[i % 3]);
}

/* ---- writing ---- */

int vmg_clip_write_csv(const char *path, const vmg_clip *clip, const vmg_clip_write_options *o)
{
    vmg_buf b = {0};
    vmg_poses p;
    float *joints = NULL;
    char name[64];
    int rc = vmg_clip_poses(clip, false, &p);
    if (rc)
        return rc;
    rc = vmg_clip_joints(clip, o, &joints);
    if (o->up_axis == 1)
        vmg_poses_rotate(&p, vmg_axes_z_up_to_y_up, vmg_rest_joint[VMG_PELVIS]);
    for (int i = 0; i < N_COLUMNS; i++) {
        column_name(i, name);
        vmg_buf_printf(&b, "%s%s", i ? "," : "", name);
    }
    vmg_buf_puts(&b, "\n");
    for (int64_t t = 0; !rc && t < p.T; t++) {
        vmg_number_append(&b, (double)t / clip->fps, 9);
        for (int i = 0; i < POS; i++) {
            vmg_buf_puts(&b, ",");
            vmg_number_append(&b, joints[t * POS + i], 6);
        }
        for (int i = 0; i < POS; i++) {
            double a[3];
            if (i % 3 == 0)
                vmg_rot_to_axis_angle(vmg_poses_rot(&p, t, i / 3), a);
            vmg_buf_puts(&b, ",");
            vmg_number_append(&b, a[i % 3], 7);
        }
        vmg_buf_puts(&b, "\n");
    }
    if (!rc)
        rc = b.failed ? VMG_E_NOMEM : vmg_write_file(path, b.data, b.len);
    vmg_buf_free(&b);
    free(joints);
    vmg_poses_free(&p);
    return rc;
}

/* ---- reading ---- */

typedef struct table {
    int *column; /* ours, by the file's; -1 = ignored */
    int n_columns;
    bool has[N_COLUMNS];
    float *joints; /* (T,22,3) */
    double *rot;   /* (T,22,9) */
    double time_s[2];
    int64_t T, cap;
} table;

/* The next field of a line; commas, semicolons or tabs separate. Blanks and quotes around it go. */
static bool next_field(const char **at, const char *end, const char **field, size_t *n)
{
    const char *p = *at;
    if (!p)
        return false;
    const char *q = p;
    while (q < end && *q != ',' && *q != ';' && *q != '\t')
        q++;
    *at = q < end ? q + 1 : NULL;
    while (p < q && (*p == ' ' || *p == '"'))
        p++;
    while (q > p && (q[-1] == ' ' || q[-1] == '"' || q[-1] == '\r'))
        q--;
    *field = p;
    *n = (size_t)(q - p);
    return true;
}

static int read_header(const char *line, const char *end, table *t)
{
    const char *field;
    size_t n;
    t->column = vmg_calloc(MAX_FILE_COLUMNS, sizeof *t->column);
    if (!t->column)
        return VMG_E_NOMEM;
    while (next_field(&line, end, &field, &n)) {
        if (t->n_columns == MAX_FILE_COLUMNS)
            return vmg_fail(VMG_E_FORMAT, "line 1: more than %d columns", MAX_FILE_COLUMNS);
        int found = -1;
        char name[64];
        for (int i = 0; i < N_COLUMNS && found < 0; i++) {
            column_name(i, name);
            found = strlen(name) == n && !memcmp(name, field, n) ? i : -1;
        }
        if (found >= 0 && t->has[found])
            return vmg_fail(VMG_E_FORMAT, "line 1: column %.*s occurs twice", (int)n, field);
        if (found >= 0)
            t->has[found] = true;
        t->column[t->n_columns++] = found;
    }
    for (int i = 1; i <= POS; i++)
        if (!t->has[i]) {
            char name[64];
            column_name(i, name);
            return vmg_fail(VMG_E_FORMAT, "line 1: there is no column %s", name);
        }
    return VMG_OK;
}

static int grow(table *t)
{
    if (t->T < t->cap)
        return VMG_OK;
    int64_t cap = t->cap ? 2 * t->cap : 256;
    float *joints = vmg_realloc(t->joints, (size_t)cap, POS * sizeof *joints);
    if (joints)
        t->joints = joints;
    double *rot = vmg_realloc(t->rot, (size_t)cap, 3 * POS * sizeof *rot);
    if (rot)
        t->rot = rot;
    t->cap = joints && rot ? cap : t->cap;
    return joints && rot ? VMG_OK : VMG_E_NOMEM;
}

static int read_row(const char *line, const char *end, int64_t number, table *t)
{
    double value[N_COLUMNS] = {0};
    const char *field;
    size_t n;
    int k = 0, rc = grow(t);
    if (rc)
        return rc;
    for (; next_field(&line, end, &field, &n); k++) {
        if (k == t->n_columns)
            return vmg_fail(VMG_E_FORMAT, "line %lld has more than %d fields", (long long)number,
                            t->n_columns);
        int i = t->column[k];
        if (i >= 0 && (!vmg_number_parse(field, n, &value[i]) || fabs(value[i]) > 1e30))
            return vmg_fail(VMG_E_FORMAT, "line %lld: expected a finite number, found \"%.*s\"",
                            (long long)number, (int)VMG_MIN(n, (size_t)40), field);
    }
    if (k < t->n_columns)
        return vmg_fail(VMG_E_FORMAT, "line %lld has %d fields, expected %d", (long long)number, k,
                        t->n_columns);
    if (t->T < 2)
        t->time_s[t->T] = value[0];
    for (int i = 0; i < POS; i++)
        t->joints[t->T * POS + i] = (float)value[1 + i];
    for (int j = 0; j < VMG_N_JOINTS; j++)
        vmg_rot_from_axis_angle(value + 1 + POS + 3 * j, t->rot + (t->T * VMG_N_JOINTS + j) * 9);
    t->T++;
    return VMG_OK;
}

static int read_table(const char *text, size_t size, table *t)
{
    const char *at = text, *end = text + size;
    int rc = VMG_OK;
    for (int64_t number = 1; !rc && at < end; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        bool empty = stop == at || (stop == at + 1 && *at == '\r');
        if (number == 1)
            rc = read_header(at, stop, t);
        else if (!empty)
            rc = read_row(at, stop, number, t);
        at = stop + 1;
    }
    if (!rc && t->T == 0)
        rc = vmg_fail(VMG_E_FORMAT, "the file has no frames");
    return rc;
}

int vmg_clip_read_csv(const char *path, const vmg_clip_read_options *o, vmg_clip *out)
{
    vmg_map map;
    table t = {0};
    int rc = vmg_map_open(path, &map);
    if (rc)
        return rc;
    rc = read_table((const char *)map.data, map.size, &t);
    double step = t.time_s[1] - t.time_s[0], fps = o->fps > 0 ? o->fps : VMG_REP_FPS;
    if (!rc && t.T > 1 && t.has[0] && step > 1e-4)
        fps = fabs(1 / step - nearbyint(1 / step)) < 0.01 ? nearbyint(1 / step) : 1 / step;
    bool rotations = true;
    for (int i = 1 + POS; i < N_COLUMNS; i++)
        rotations = rotations && t.has[i];
    if (!rc)
        rc = vmg_clip_from_joints(t.joints, rotations ? t.rot : NULL, t.T, fps, o->up_axis,
                                  o->canonical, out);
    if (!rc)
        out->format = rotations ? "table (csv)" : "table of positions (csv)";
    free(t.column);
    free(t.joints);
    free(t.rot);
    vmg_map_close(&map);
    return rc;
}
