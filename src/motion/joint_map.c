/* Which joint of somebody else's skeleton is which of ours. */
#include "src/motion/joint_map.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/base/status.h"

enum { MAX_NAME = 64, MAX_FILE_BYTES = 1 << 20 };

const bool vmg_joint_required[VMG_N_JOINTS] = {
    [VMG_PELVIS] = true,     [VMG_L_HIP] = true,      [VMG_R_HIP] = true,   [VMG_L_KNEE] = true,
    [VMG_R_KNEE] = true,     [VMG_L_ANKLE] = true,    [VMG_R_ANKLE] = true, [VMG_SPINE1] = true,
    [VMG_HEAD] = true,       [VMG_L_SHOULDER] = true, [VMG_L_ELBOW] = true, [VMG_L_WRIST] = true,
    [VMG_R_SHOULDER] = true, [VMG_R_ELBOW] = true,    [VMG_R_WRIST] = true};

/* Names as normalise() leaves them, in the order of our joints. */
static const struct {
    const char *convention, *name[VMG_N_JOINTS];
} conventions[] = {
    {"smpl",
     {"pelvis",    "lefthip",    "righthip",    "spine1",    "leftknee",     "rightknee",
      "spine2",    "leftankle",  "rightankle",  "spine3",    "leftfoot",     "rightfoot",
      "neck",      "leftcollar", "rightcollar", "head",      "leftshoulder", "rightshoulder",
      "leftelbow", "rightelbow", "leftwrist",   "rightwrist"}},
    {"smpl",
     {"pelvis",    "lhip",      "rhip",   "spine1", "lknee",  "rknee",   "spine2",  "lankle",
      "rankle",    "spine3",    "lfoot",  "rfoot",  "neck",   "lcollar", "rcollar", "head",
      "lshoulder", "rshoulder", "lelbow", "relbow", "lwrist", "rwrist"}},
    {"mixamo",
     {"hips",        "leftupleg",    "rightupleg",    "spine",    "leftleg",     "rightleg",
      "spine1",      "leftfoot",     "rightfoot",     "spine2",   "lefttoebase", "righttoebase",
      "neck",        "leftshoulder", "rightshoulder", "head",     "leftarm",     "rightarm",
      "leftforearm", "rightforearm", "lefthand",      "righthand"}},
    {"lafan1", {"hips",        "leftupleg",    "rightupleg",    "spine",    "leftleg", "rightleg",
                "spine1",      "leftfoot",     "rightfoot",     "spine2",   "lefttoe", "righttoe",
                "neck",        "leftshoulder", "rightshoulder", "head",     "leftarm", "rightarm",
                "leftforearm", "rightforearm", "lefthand",      "righthand"}},
    {"cmu",
     {"hips",        "leftupleg",    "rightupleg",    "spine",    "leftleg",     "rightleg",
      "spine1",      "leftfoot",     "rightfoot",     "neck",     "lefttoebase", "righttoebase",
      "neck1",       "leftshoulder", "rightshoulder", "head",     "leftarm",     "rightarm",
      "leftforearm", "rightforearm", "lefthand",      "righthand"}},
};

/* Lower case, letters and digits only, what follows the last ':'. Too long a name gives "". */
static void normalise(const char *name, char out[MAX_NAME])
{
    const char *colon = strrchr(name, ':');
    size_t n = 0;
    for (const char *p = colon ? colon + 1 : name; *p; p++) {
        char c = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
            continue;
        if (n == MAX_NAME - 1) {
            n = 0;
            break;
        }
        out[n++] = c;
    }
    out[n] = 0;
    /* Mixamo's prefix without its colon, as some exporters leave it */
    static const char mixamorig[] = "mixamorig";
    if (!strncmp(out, mixamorig, sizeof mixamorig - 1))
        memmove(out, out + sizeof mixamorig - 1, n + 1 - (sizeof mixamorig - 1));
}

static int check_required(const vmg_joint_map *map)
{
    vmg_buf b = {0};
    for (int j = 0; j < VMG_N_JOINTS; j++)
        if (vmg_joint_required[j] && map->index[j] < 0)
            vmg_buf_printf(&b, "%s%s", b.len ? ", " : "", vmg_joint_name[j]);
    int rc = !b.len ? VMG_OK
                    : vmg_fail(VMG_E_FORMAT,
                               "the skeleton's names give no %s (closest convention: %s); name "
                               "the joints in a map file",
                               b.data, map->convention);
    vmg_buf_free(&b);
    return rc;
}

int vmg_joint_map_find(const char *const *names, int n_names, vmg_joint_map *out)
{
    char(*plain)[MAX_NAME] = vmg_calloc((size_t)n_names, sizeof *plain);
    int best = -1;
    if (!plain)
        return VMG_E_NOMEM;
    for (int i = 0; i < n_names; i++)
        normalise(names[i], plain[i]);
    for (size_t k = 0; k < VMG_COUNT(conventions); k++) {
        vmg_joint_map map = {.convention = conventions[k].convention};
        int found = 0;
        for (int j = 0; j < VMG_N_JOINTS; j++) {
            map.index[j] = -1;
            for (int i = 0; i < n_names && map.index[j] < 0; i++)
                if (!strcmp(plain[i], conventions[k].name[j]))
                    map.index[j] = i;
            found += map.index[j] >= 0;
        }
        if (found > best) {
            best = found;
            *out = map;
        }
    }
    free(plain);
    return check_required(out);
}

static int find_exact(const char *const *names, int n_names, const char *name)
{
    for (int i = 0; i < n_names; i++)
        if (!strcmp(names[i], name))
            return i;
    return -1;
}

static int map_from_json(const cJSON *o, const char *const *names, int n_names, vmg_joint_map *out)
{
    *out = (vmg_joint_map){.convention = "file"};
    for (int j = 0; j < VMG_N_JOINTS; j++)
        out->index[j] = -1;
    if (!cJSON_IsObject(o))
        return vmg_fail(VMG_E_FORMAT, "not a JSON object of joint names");
    const cJSON *e;
    cJSON_ArrayForEach(e, o)
    {
        int j = vmg_joint_find(e->string);
        if (j < 0)
            return vmg_fail(VMG_E_FORMAT, "\"%s\" is none of our joints (pelvis, left_hip, ...)",
                            e->string);
        if (!cJSON_IsString(e))
            return vmg_fail(VMG_E_FORMAT, "\"%s\" is not given a name", e->string);
        out->index[j] = find_exact(names, n_names, e->valuestring);
        if (out->index[j] < 0)
            return vmg_fail(VMG_E_FORMAT, "the skeleton has no joint \"%s\" to be %s",
                            e->valuestring, e->string);
    }
    return check_required(out);
}

int vmg_joint_map_read(const char *path, const char *const *names, int n_names, vmg_joint_map *out)
{
    char *text;
    size_t size;
    int rc = vmg_read_file(path, MAX_FILE_BYTES, &text, &size);
    if (rc)
        return rc;
    cJSON *o = cJSON_ParseWithLength(text, size);
    rc = map_from_json(o, names, n_names, out);
    cJSON_Delete(o);
    free(text);
    return rc ? vmg_fail_prefix(rc, "%s", path) : VMG_OK;
}
