/* Reads Biovision Hierarchy files; every number in them is doubted. */
#include "src/format/bvh.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/number.h"

/* The text that is left, and the line it starts on. */
typedef struct cursor {
    const char *at, *end;
    int64_t line;
} cursor;

typedef struct word {
    const char *text;
    size_t n;
} word;

static const char *const channel_names[] = {"Xposition", "Yposition", "Zposition",
                                            "Xrotation", "Yrotation", "Zrotation"};

/* ---- words ---- */

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Next word on this line; an empty one at its end. Braces are words of their own. */
static word next_on_line(cursor *c)
{
    while (c->at < c->end && blank(*c->at))
        c->at++;
    word w = {c->at, 0};
    if (c->at < c->end && (*c->at == '{' || *c->at == '}'))
        c->at++;
    else
        while (c->at < c->end && *c->at != '\n' && *c->at != '{' && *c->at != '}' && !blank(*c->at))
            c->at++;
    w.n = (size_t)(c->at - w.text);
    return w;
}

/* Next word on this or a later line; an empty one at the end of the text. */
static word next_word(cursor *c)
{
    word w = next_on_line(c);
    while (!w.n && c->at < c->end) {
        c->at++; /* the line feed */
        c->line++;
        w = next_on_line(c);
    }
    return w;
}

static bool is(word w, const char *keyword)
{
    if (w.n != strlen(keyword))
        return false;
    for (size_t i = 0; i < w.n; i++) {
        char a = w.text[i], b = keyword[i];
        a = a >= 'A' && a <= 'Z' ? (char)(a + 32) : a;
        b = b >= 'A' && b <= 'Z' ? (char)(b + 32) : b;
        if (a != b)
            return false;
    }
    return true;
}

/* "line 7: expected X, found "Y"", with a control character or a long word cut off. */
static int unexpected(const cursor *c, word found, const char *expected)
{
    size_t n = 0;
    while (n < found.n && n < 40 && (unsigned char)found.text[n] >= ' ')
        n++;
    if (!found.n)
        return vmg_fail(VMG_E_FORMAT, "line %lld: expected %s, but the %s ends", (long long)c->line,
                        expected, c->at < c->end ? "line" : "file");
    return vmg_fail(VMG_E_FORMAT, "line %lld: expected %s, found \"%.*s\"", (long long)c->line,
                    expected, (int)n, found.text);
}

static int expect(cursor *c, const char *keyword)
{
    word w = next_word(c);
    return is(w, keyword) ? VMG_OK : unexpected(c, w, keyword);
}

/* A finite number on this line that a float can hold. */
static int expect_number(cursor *c, const char *what, double *out)
{
    word w = next_on_line(c);
    if (!vmg_number_parse(w.text, w.n, out) || fabs(*out) > 1e30)
        return unexpected(c, w, what);
    return VMG_OK;
}

/* ---- the hierarchy ---- */

/* The rest of the line up to a brace, blanks around it dropped. */
static int read_name(cursor *c, char **name)
{
    while (c->at < c->end && blank(*c->at))
        c->at++;
    const char *start = c->at;
    while (c->at < c->end && *c->at != '\n' && *c->at != '{' && *c->at != '}')
        c->at++;
    size_t n = (size_t)(c->at - start);
    while (n && blank(start[n - 1]))
        n--;
    if (!n || n > VMG_BVH_MAX_NAME || memchr(start, 0, n))
        return vmg_fail(VMG_E_FORMAT, "line %lld: a joint's name has 1 to %d bytes",
                        (long long)c->line, VMG_BVH_MAX_NAME);
    *name = vmg_strndup(start, n);
    return *name ? VMG_OK : VMG_E_NOMEM;
}

static int read_offset(cursor *c, double offset[3])
{
    int rc = expect(c, "OFFSET");
    for (int i = 0; !rc && i < 3; i++)
        rc = expect_number(c, "a number of OFFSET", &offset[i]);
    return rc;
}

static int read_channels(cursor *c, vmg_bvh *bvh, vmg_bvh_joint *j)
{
    double n;
    int seen = 0, rc = expect_number(c, "the number of channels", &n);
    if (rc)
        return rc;
    if (n < 0 || n > VMG_BVH_MAX_CHANNELS || n != floor(n))
        return vmg_fail(VMG_E_FORMAT,
                        "line %lld: joint \"%s\" has %g channels, but 0 to %d are possible",
                        (long long)c->line, j->name, n, VMG_BVH_MAX_CHANNELS);
    j->n_channels = (int)n;
    j->first_channel = bvh->n_channels;
    bvh->n_channels += j->n_channels;
    for (int i = 0; i < j->n_channels; i++) {
        word w = next_on_line(c);
        int k = 0;
        while (k < 6 && !is(w, channel_names[k]))
            k++;
        if (k == 6)
            return unexpected(c, w, "a channel like Xrotation");
        if (seen & 1 << k)
            return vmg_fail(VMG_E_FORMAT, "line %lld: joint \"%s\" has channel %s twice",
                            (long long)c->line, j->name, channel_names[k]);
        seen |= 1 << k;
        j->channel[i] = (uint8_t)k;
    }
    return VMG_OK;
}

/* The body of an End Site: { OFFSET x y z }. */
static int read_end_site(cursor *c, vmg_bvh_joint *j)
{
    word w = next_word(c);
    while (w.n && !is(w, "{")) /* "Site", and names that some programs put after it */
        w = next_word(c);
    if (!w.n)
        return unexpected(c, w, "{");
    if (j->has_end) /* several are possible, one is kept */
        return read_offset(c, (double[3]){0}) || expect(c, "}") ? VMG_E_FORMAT : VMG_OK;
    j->has_end = true;
    int rc = read_offset(c, j->end);
    return rc ? rc : expect(c, "}");
}

static int add_joint(cursor *c, vmg_bvh *bvh, int parent, int *cap)
{
    if (bvh->n_joints == VMG_BVH_MAX_JOINTS)
        return vmg_fail(VMG_E_FORMAT, "line %lld: more than %d joints", (long long)c->line,
                        VMG_BVH_MAX_JOINTS);
    if (bvh->n_joints == *cap) {
        int more = *cap ? 2 * *cap : 64;
        vmg_bvh_joint *p = vmg_realloc(bvh->joint, (size_t)more, sizeof *p);
        if (!p)
            return VMG_E_NOMEM;
        bvh->joint = p;
        *cap = more;
    }
    char *name = NULL;
    int rc = read_name(c, &name);
    if (rc)
        return rc;
    if (vmg_bvh_find(bvh, name) >= 0) {
        rc = vmg_fail(VMG_E_FORMAT, "line %lld: there are two joints called \"%s\"",
                      (long long)c->line, name);
        free(name);
        return rc;
    }
    bvh->joint[bvh->n_joints++] =
        (vmg_bvh_joint){.name = name, .parent = parent, .first_channel = bvh->n_channels};
    rc = expect(c, "{");
    return rc ? rc : read_offset(c, bvh->joint[bvh->n_joints - 1].offset);
}

/* Joints from ROOT to its closing brace; nesting is a walk along `parent`, not recursion. */
static int read_hierarchy(cursor *c, vmg_bvh *bvh)
{
    int cap = 0, open = 0;
    int rc = expect(c, "HIERARCHY");
    if (!rc)
        rc = expect(c, "ROOT");
    if (!rc)
        rc = add_joint(c, bvh, -1, &cap);
    while (!rc && open >= 0) {
        word w = next_word(c);
        if (is(w, "CHANNELS"))
            rc = read_channels(c, bvh, &bvh->joint[open]);
        else if (is(w, "END"))
            rc = read_end_site(c, &bvh->joint[open]);
        else if (is(w, "}"))
            open = bvh->joint[open].parent;
        else if (is(w, "JOINT")) {
            rc = add_joint(c, bvh, open, &cap);
            open = bvh->n_joints - 1;
        } else {
            rc = unexpected(c, w, "CHANNELS, JOINT, End Site or }");
        }
    }
    return rc;
}

/* ---- the motion ---- */

static int read_motion_head(cursor *c, vmg_bvh *bvh)
{
    word w = next_word(c);
    double n;
    if (is(w, "ROOT"))
        return vmg_fail(VMG_E_FORMAT,
                        "line %lld: a second ROOT; files of several skeletons are not read",
                        (long long)c->line);
    if (!is(w, "MOTION"))
        return unexpected(c, w, "MOTION");
    w = next_word(c);
    if (is(w, "Frames")) /* "Frames :" */
        w = next_on_line(c);
    if (!is(w, "Frames:") && !is(w, ":"))
        return unexpected(c, w, "Frames:");
    int rc = expect_number(c, "the number of frames", &n);
    if (rc)
        return rc;
    if (n < 1 || n != floor(n))
        return vmg_fail(VMG_E_FORMAT, "line %lld: %g frames", (long long)c->line, n);
    /* Every value takes two bytes, a digit and a blank: what cannot be there is not allocated. */
    double left = (double)(c->end - c->at);
    if (n * (double)VMG_MAX(bvh->n_channels, 1) > (left + 1) / 2)
        return vmg_fail(VMG_E_FORMAT,
                        "line %lld: %.0f frames of %lld values are announced, but only %.0f "
                        "bytes follow",
                        (long long)c->line, n, (long long)bvh->n_channels, left);
    bvh->n_frames = (int64_t)n;
    rc = expect(c, "Frame");
    w = rc ? (word){0} : next_on_line(c);
    if (!rc && is(w, "Time"))
        w = next_on_line(c);
    if (!rc && !is(w, "Time:") && !is(w, ":"))
        rc = unexpected(c, w, "Frame Time:");
    if (!rc)
        rc = expect_number(c, "the frame time in seconds", &bvh->frame_time_s);
    if (!rc && !(bvh->frame_time_s > 0))
        rc = vmg_fail(VMG_E_FORMAT, "line %lld: the frame time is %g s", (long long)c->line,
                      bvh->frame_time_s);
    return rc;
}

static int wrong_count(const cursor *c, int64_t frame, int64_t found, int64_t wanted)
{
    return vmg_fail(VMG_E_FORMAT,
                    "line %lld: frame %lld has %s%lld values, but the joints have %lld channels",
                    (long long)c->line, (long long)frame + 1, found > wanted ? "more than " : "",
                    (long long)VMG_MIN(found, wanted), (long long)wanted);
}

static int read_frames(cursor *c, vmg_bvh *bvh)
{
    bvh->value = vmg_calloc((size_t)bvh->n_frames, (size_t)bvh->n_channels * sizeof *bvh->value);
    if (!bvh->value)
        return VMG_E_NOMEM;
    float *v = bvh->value;
    for (int64_t t = 0; t < bvh->n_frames; t++) {
        int64_t k = 0;
        for (word w = next_word(c); w.n; w = next_on_line(c), k++) {
            double x;
            if (!vmg_number_parse(w.text, w.n, &x) || fabs(x) > 1e30)
                return unexpected(c, w, "a finite number");
            if (k == bvh->n_channels)
                return wrong_count(c, t, k + 1, k);
            *v++ = (float)x;
        }
        if (k == 0)
            return vmg_fail(VMG_E_FORMAT, "line %lld: the file ends after %lld of %lld frames",
                            (long long)c->line, (long long)t, (long long)bvh->n_frames);
        if (k < bvh->n_channels)
            return wrong_count(c, t, k, bvh->n_channels);
    }
    word w = next_word(c);
    return w.n ? vmg_fail(VMG_E_FORMAT, "line %lld: more than the announced %lld frames",
                          (long long)c->line, (long long)bvh->n_frames)
               : VMG_OK;
}

int vmg_bvh_parse(const char *text, size_t size, vmg_bvh *out)
{
    cursor c = {text, text + size, 1};
    *out = (vmg_bvh){0};
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) /* a byte order mark */
        c.at += 3;
    int rc = read_hierarchy(&c, out);
    if (!rc && out->n_channels == 0)
        rc = vmg_fail(VMG_E_FORMAT, "no joint has channels");
    if (!rc)
        rc = read_motion_head(&c, out);
    if (!rc)
        rc = read_frames(&c, out);
    if (rc)
        vmg_bvh_free(out);
    return rc;
}

int vmg_bvh_read(const char *path, vmg_bvh *out)
{
    vmg_map map;
    *out = (vmg_bvh){0};
    int rc = vmg_map_open(path, &map);
    if (rc)
        return rc;
    rc = vmg_bvh_parse((const char *)map.data, map.size, out);
    vmg_map_close(&map);
    return rc ? vmg_fail_prefix(rc, "%s", path) : VMG_OK;
}

void vmg_bvh_free(vmg_bvh *bvh)
{
    if (!bvh)
        return;
    for (int j = 0; j < bvh->n_joints; j++)
        free(bvh->joint[j].name);
    free(bvh->joint);
    free(bvh->value);
    *bvh = (vmg_bvh){0};
}

int vmg_bvh_find(const vmg_bvh *bvh, const char *name)
{
    for (int j = 0; j < bvh->n_joints; j++)
        if (!strcmp(bvh->joint[j].name, name))
            return j;
    return -1;
}

/* ---- kinematics ---- */

static void about_axis(int axis, double degrees, double R[9])
{
    int j = (axis + 1) % 3, k = (axis + 2) % 3;
    double c = cos(degrees * (M_PI / 180)), s = sin(degrees * (M_PI / 180)), out[9];
    for (int i = 0; i < 9; i += 3) { /* R times the rotation: only columns j and k change */
        out[i + axis] = R[i + axis];
        out[i + j] = R[i + j] * c + R[i + k] * s;
        out[i + k] = R[i + k] * c - R[i + j] * s;
    }
    memcpy(R, out, sizeof out);
}

void vmg_bvh_fk(const vmg_bvh *bvh, int64_t frame, double *global, double *position)
{
    static const double identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    const float *value = frame < 0 ? NULL : bvh->value + frame * bvh->n_channels;
    for (int j = 0; j < bvh->n_joints; j++) {
        const vmg_bvh_joint *b = &bvh->joint[j];
        const double *up = b->parent < 0 ? identity : global + 9 * b->parent;
        double *R = global + 9 * j, offset[3] = {b->offset[0], b->offset[1], b->offset[2]};
        memcpy(R, up, sizeof identity);
        for (int i = 0; value && i < b->n_channels; i++) {
            double x = value[b->first_channel + i];
            if (b->channel[i] < VMG_BVH_XROT)
                offset[b->channel[i]] = x;
            else
                about_axis(b->channel[i] - VMG_BVH_XROT, x, R);
        }
        for (int i = 0; position && i < 3; i++)
            position[3 * j + i] = (b->parent < 0 ? 0 : position[3 * b->parent + i]) +
                                  up[3 * i] * offset[0] + up[3 * i + 1] * offset[1] +
                                  up[3 * i + 2] * offset[2];
    }
}
