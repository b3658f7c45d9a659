/* Reads a glTF file's nodes, bind poses and animation. */
#include "src/format/gltf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/gltf_access.h"

/* ---- nodes ---- */

/* n numbers of an array; false when it is anything else. Absent leaves `out`. */
static bool numbers(const cJSON *o, const char *name, int n, double *out)
{
    const cJSON *a = cJSON_GetObjectItemCaseSensitive(o, name), *item;
    int i = 0;
    if (!a)
        return true;
    if (!cJSON_IsArray(a) || cJSON_GetArraySize(a) != n)
        return false;
    cJSON_ArrayForEach(item, a)
    {
        if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble) ||
            fabs(item->valuedouble) > 1e12)
            return false;
        out[i++] = item->valuedouble;
    }
    return true;
}

static void normalise(double q[4])
{
    const double n = sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
    for (int i = 0; i < 4; i++)
        q[i] = n > 1e-12 ? q[i] / n : i == 3;
}

/* Shepperd 1978, of a matrix whose columns are orthonormal. */
static void quaternion_of(double R[3][3], double q[4])
{
    const double diagonal[4] = {R[0][0], R[1][1], R[2][2], R[0][0] + R[1][1] + R[2][2]};
    int big = 0;
    for (int i = 1; i < 4; i++)
        big = diagonal[i] > diagonal[big] ? i : big;
    if (big == 3) {
        q[3] = 1 + diagonal[3];
        for (int i = 0; i < 3; i++)
            q[i] = R[(i + 2) % 3][(i + 1) % 3] - R[(i + 1) % 3][(i + 2) % 3];
    } else {
        const int j = (big + 1) % 3, k = (big + 2) % 3;
        q[big] = 1 + R[big][big] - R[j][j] - R[k][k];
        q[j] = R[j][big] + R[big][j];
        q[k] = R[k][big] + R[big][k];
        q[3] = R[k][j] - R[j][k];
    }
    normalise(q);
}

/* A column-major matrix of translation, rotation and scale into its parts. */
static void decompose(const double m[16], vmg_gltf_node *node)
{
    double R[3][3];
    for (int c = 0; c < 3; c++) {
        node->translation[c] = m[12 + c];
        node->scale[c] = sqrt(m[4 * c] * m[4 * c] + m[4 * c + 1] * m[4 * c + 1] + m[4 * c + 2] * m[4 * c + 2]);
        for (int r = 0; r < 3; r++)
            R[r][c] = node->scale[c] > 1e-12 ? m[4 * c + r] / node->scale[c] : r == c;
    }
    quaternion_of(R, node->rotation);
}

static int read_node(const cJSON *o, int i, vmg_gltf_node *node)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(o, "name");
    double matrix[16];
    *node = (vmg_gltf_node){.parent = -1, .rotation = {0, 0, 0, 1}, .scale = {1, 1, 1}};
    if (!o || !numbers(o, "translation", 3, node->translation) ||
        !numbers(o, "rotation", 4, node->rotation) || !numbers(o, "scale", 3, node->scale) ||
        !numbers(o, "matrix", 16, matrix))
        return vmg_fail(VMG_E_FORMAT, "node %d is not an object with proper numbers", i);
    normalise(node->rotation);
    if (cJSON_GetObjectItemCaseSensitive(o, "matrix"))
        decompose(matrix, node);
    const char *text = cJSON_IsString(name) ? name->valuestring : "";
    if (strlen(text) > VMG_GLTF_MAX_NAME)
        return vmg_fail(VMG_E_FORMAT, "the name of node %d is longer than %d bytes", i,
                        VMG_GLTF_MAX_NAME);
    node->name = vmg_strdup(text);
    return node->name ? VMG_OK : VMG_E_NOMEM;
}

/* Parents from the lists of children, in the file's numbers. */
static int read_parents(const vmg_gltf_file *f, int n, vmg_gltf_node *node)
{
    for (int i = 0; i < n; i++) {
        const cJSON *children = cJSON_GetObjectItemCaseSensitive(vmg_gltf_item(f, "nodes", i), "children");
        const cJSON *item;
        cJSON_ArrayForEach(item, children)
        {
            const double child = cJSON_IsNumber(item) ? item->valuedouble : -1;
            if (!(child >= 0 && child < n) || child != floor(child))
                return vmg_fail(VMG_E_FORMAT, "node %d has a child that is not there", i);
            if (node[(int)child].parent >= 0)
                return vmg_fail(VMG_E_FORMAT, "node %d has two parents", (int)child);
            node[(int)child].parent = i;
        }
    }
    return VMG_OK;
}

/* Put parents before children: order[new] = old, place[old] = new. A cycle leaves nodes over. */
static int sort_nodes(int n, const vmg_gltf_node *node, int *order, int *place)
{
    int n_placed = 0;
    for (int i = 0; i < n; i++)
        place[i] = -1;
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < n; i++)
            if (place[i] < 0 && (node[i].parent < 0 || place[node[i].parent] >= 0)) {
                place[i] = n_placed;
                order[n_placed++] = i;
                more = true;
            }
    }
    return n_placed == n ? VMG_OK : vmg_fail(VMG_E_FORMAT, "its nodes form a cycle");
}

static int read_nodes(const vmg_gltf_file *f, vmg_gltf *g, int *order, int *place)
{
    const int n = vmg_gltf_count(f, "nodes");
    vmg_gltf_node *file = vmg_calloc((size_t)n, sizeof *file);
    int rc = file && g->node ? VMG_OK : VMG_E_NOMEM, n_read = 0;
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(f->root, "nodes"), *item;
    /* not by index: that walks cJSON's list from its start */
    cJSON_ArrayForEach(item, list)
    {
        if (!rc)
            rc = read_node(cJSON_IsObject(item) ? item : NULL, n_read, &file[n_read]);
        n_read += !rc;
    }
    if (!rc)
        rc = read_parents(f, n, file);
    if (!rc)
        rc = sort_nodes(n, file, order, place);
    for (int i = 0; !rc && i < n; i++) {
        g->node[i] = file[order[i]];
        g->node[i].parent = g->node[i].parent < 0 ? -1 : place[g->node[i].parent];
        g->n_nodes++;
    }
    for (int i = 0; rc && i < n_read; i++)
        free(file[i].name);
    free(file);
    return rc;
}

/* ---- skins ---- */

/* Inverse of a matrix whose last row is 0 0 0 1 (column-major) into row-major; false without one. */
static bool invert(const float m[16], double out[16])
{
    double a[3][3], inverse[3][3], det = 0;
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++)
            a[r][c] = m[4 * c + r];
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++)
            inverse[c][r] = a[(r + 1) % 3][(c + 1) % 3] * a[(r + 2) % 3][(c + 2) % 3] -
                            a[(r + 1) % 3][(c + 2) % 3] * a[(r + 2) % 3][(c + 1) % 3];
    for (int c = 0; c < 3; c++)
        det += a[0][c] * inverse[c][0];
    if (!(fabs(det) > 1e-30) || !isfinite(det))
        return false;
    memset(out, 0, 16 * sizeof *out);
    out[15] = 1;
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++) {
            out[4 * r + c] = inverse[r][c] / det;
            out[4 * r + 3] -= inverse[r][c] / det * m[12 + c];
        }
    return true;
}

/* Bind poses of the first skin. */
static int read_skin(const vmg_gltf_file *f, vmg_gltf *g, const int *place)
{
    const cJSON *skin = vmg_gltf_item(f, "skins", 0), *item;
    const cJSON *joints = cJSON_GetObjectItemCaseSensitive(skin, "joints");
    const int accessor = vmg_gltf_index(skin, "inverseBindMatrices");
    float *m = NULL;
    int64_t n = 0, i = 0;
    if (!skin || accessor == -1)
        return VMG_OK;
    int rc = vmg_gltf_floats(f, accessor, 16, "inverse bind matrices", &m, &n);
    if (!rc && (!cJSON_IsArray(joints) || n < cJSON_GetArraySize(joints)))
        rc = vmg_fail(VMG_E_FORMAT, "the skin has fewer bind matrices than joints");
    if (!rc)
        cJSON_ArrayForEach(item, joints)
        {
            const double j = cJSON_IsNumber(item) ? item->valuedouble : -1;
            if (!(j >= 0 && j < g->n_nodes) || j != floor(j)) {
                rc = vmg_fail(VMG_E_FORMAT, "a joint of the skin is not there");
                break;
            }
            vmg_gltf_node *node = &g->node[place[(int)j]];
            node->bound = invert(m + 16 * i++, node->bind);
        }
    free(m);
    return rc;
}

/* ---- animation ---- */

static int read_track(const vmg_gltf_file *f, const cJSON *sampler, int width,
                      vmg_gltf_track *track)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(sampler, "interpolation");
    const char *text = cJSON_IsString(name) ? name->valuestring : "LINEAR";
    int64_t n_values;
    track->interpolation = !strcmp(text, "STEP")          ? VMG_GLTF_STEP
                           : !strcmp(text, "CUBICSPLINE") ? VMG_GLTF_CUBIC
                                                          : VMG_GLTF_LINEAR;
    int rc = vmg_gltf_floats(f, vmg_gltf_index(sampler, "input"), 1, "key times", &track->time_s,
                             &track->n_keys);
    if (!rc)
        rc = vmg_gltf_floats(f, vmg_gltf_index(sampler, "output"), width, "key values",
                             &track->value, &n_values);
    if (rc)
        return rc;
    const int64_t want = track->n_keys * (track->interpolation == VMG_GLTF_CUBIC ? 3 : 1);
    if (track->n_keys < 1 || n_values < want)
        return vmg_fail(VMG_E_FORMAT, "a track has %lld values for %lld keys", (long long)n_values,
                        (long long)track->n_keys);
    for (int64_t i = 0; i < track->n_keys; i++)
        if (!(track->time_s[i] >= 0) || (i && track->time_s[i] <= track->time_s[i - 1]))
            return vmg_fail(VMG_E_FORMAT, "key times of a track do not increase at key %lld",
                            (long long)i);
    return VMG_OK;
}

/* Translations and rotations of the first animation. */
static int read_animation(const vmg_gltf_file *f, vmg_gltf *g, const int *place)
{
    const cJSON *animation = vmg_gltf_item(f, "animations", 0), *channel;
    const cJSON *channels = cJSON_GetObjectItemCaseSensitive(animation, "channels");
    const cJSON *samplers = cJSON_GetObjectItemCaseSensitive(animation, "samplers");
    const int n = cJSON_IsArray(channels) ? cJSON_GetArraySize(channels) : 0;
    g->n_animations = vmg_gltf_count(f, "animations");
    /* a node has one track of a kind */
    if (n > 4 * VMG_GLTF_MAX_NODES)
        return vmg_fail(VMG_E_FORMAT, "the animation has %d channels", n);
    g->track = vmg_calloc((size_t)n, sizeof *g->track);
    if (!g->track)
        return VMG_E_NOMEM;
    cJSON_ArrayForEach(channel, channels)
    {
        const cJSON *target = cJSON_GetObjectItemCaseSensitive(channel, "target");
        const cJSON *path = cJSON_GetObjectItemCaseSensitive(target, "path");
        const int node = vmg_gltf_index(target, "node"), sampler = vmg_gltf_index(channel, "sampler");
        const bool rotation = cJSON_IsString(path) && !strcmp(path->valuestring, "rotation");
        if (node == -1 || !cJSON_IsString(path) ||
            (!rotation && strcmp(path->valuestring, "translation")))
            continue;
        if (node < 0 || node >= g->n_nodes || sampler < 0 || !cJSON_IsArray(samplers))
            return vmg_fail(VMG_E_FORMAT, "a channel's node or sampler is not there");
        vmg_gltf_track *track = &g->track[g->n_tracks++];
        track->node = place[node];
        track->path = rotation ? VMG_GLTF_ROTATION : VMG_GLTF_TRANSLATION;
        int rc = read_track(f, cJSON_GetArrayItem(samplers, sampler), rotation ? 4 : 3, track);
        if (rc)
            return rc;
    }
    return VMG_OK;
}

/* ---- the file ---- */

int vmg_gltf_parse(const void *data, size_t size, const char *dir, vmg_gltf *out)
{
    vmg_gltf_file *f = vmg_calloc(1, sizeof *f);
    int *order = NULL, *place = NULL;
    *out = (vmg_gltf){0};
    if (!f)
        return VMG_E_NOMEM;
    int rc = vmg_gltf_open(data, size, dir, f);
    const int n = rc ? 0 : vmg_gltf_count(f, "nodes");
    if (!rc && (n < 1 || n > VMG_GLTF_MAX_NODES))
        rc = vmg_fail(VMG_E_FORMAT, "it has %d nodes, expected 1 to %d", n, VMG_GLTF_MAX_NODES);
    if (!rc) {
        out->node = vmg_calloc((size_t)n, sizeof *out->node);
        order = vmg_calloc((size_t)n, sizeof *order);
        place = vmg_calloc((size_t)n, sizeof *place);
        rc = out->node && order && place ? read_nodes(f, out, order, place) : VMG_E_NOMEM;
    }
    if (!rc)
        rc = read_skin(f, out, place);
    if (!rc)
        rc = read_animation(f, out, place);
    free(order);
    free(place);
    vmg_gltf_close(f);
    free(f);
    if (rc)
        vmg_gltf_free(out);
    return rc;
}

int vmg_gltf_read(const char *path, vmg_gltf *out)
{
    vmg_map map;
    *out = (vmg_gltf){0};
    int rc = vmg_map_open(path, &map);
    if (rc)
        return rc;
    const char *slash = strrchr(path, '/');
    char *dir = slash ? vmg_strndup(path, (size_t)(slash - path)) : vmg_strdup(".");
    rc = dir ? vmg_gltf_parse(map.data, map.size, *dir ? dir : "/", out) : VMG_E_NOMEM;
    if (rc)
        vmg_fail_prefix(rc, "%s", path);
    free(dir);
    vmg_map_close(&map);
    return rc;
}

void vmg_gltf_free(vmg_gltf *g)
{
    if (!g)
        return;
    for (int i = 0; i < g->n_nodes; i++)
        free(g->node[i].name);
    for (int i = 0; i < g->n_tracks; i++) {
        free(g->track[i].time_s);
        free(g->track[i].value);
    }
    free(g->node);
    free(g->track);
    *g = (vmg_gltf){0};
}

/* ---- sampling ---- */

/* On the shorter arc; nearly equal ones linearly. */
static void slerp(const double a[4], const double b[4], double u, double out[4])
{
    double dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
    const double sign = dot < 0 ? -1 : 1, angle = acos(fmin(fabs(dot), 1)), s = sin(angle);
    const double wa = s > 1e-6 ? sin((1 - u) * angle) / s : 1 - u;
    const double wb = sign * (s > 1e-6 ? sin(u * angle) / s : u);
    for (int i = 0; i < 4; i++)
        out[i] = wa * a[i] + wb * b[i];
}

void vmg_gltf_sample(const vmg_gltf_track *track, double time_s, double *out)
{
    const int width = track->path == VMG_GLTF_ROTATION ? 4 : 3;
    const bool cubic = track->interpolation == VMG_GLTF_CUBIC;
    int64_t low = 0, high = track->n_keys - 1;
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (track->time_s[middle] <= time_s)
            low = middle;
        else
            high = middle;
    }
    const double t0 = track->time_s[low], t1 = track->time_s[high], dt = t1 - t0;
    const double u = dt > 0 ? fmin(fmax((time_s - t0) / dt, 0), 1) : 0;
    const float *a = track->value + width * (cubic ? 3 * low + 1 : low);
    const float *b = track->value + width * (cubic ? 3 * high + 1 : high);
    double from[4], to[4];
    for (int i = 0; i < width; i++) {
        from[i] = a[i];
        to[i] = b[i];
    }
    for (int i = 0; i < width; i++)
        if (track->interpolation == VMG_GLTF_STEP)
            out[i] = u < 1 ? from[i] : to[i];
        else if (cubic)
            out[i] = (2 * u * u * u - 3 * u * u + 1) * from[i] + dt * (u * u * u - 2 * u * u + u) * a[width + i] +
                     (3 * u * u - 2 * u * u * u) * to[i] + dt * (u * u * u - u * u) * b[i - width];
        else
            out[i] = from[i] + u * (to[i] - from[i]);
    if (width == 4 && track->interpolation == VMG_GLTF_LINEAR)
        slerp(from, to, u, out);
    if (width == 4)
        normalise(out);
}
