/* OpenCL devices: finding them, describing them, choosing one. */
#include "host/device.h"

#include <CL/cl_ext.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"

enum { MAX_PLATFORMS = 32, MAX_DEVICES = 64 };

static const char install_hint[] =
    "install your GPU's OpenCL driver (Debian: mesa-opencl-icd, intel-opencl-icd, nvidia-opencl-icd, "
    "rocm-opencl-icd) or, to run on the processor, pocl-opencl-icd";

const char *vmg_device_class_name(vmg_device_class c)
{
    switch (c) {
    case VMG_CLASS_GPU: return "gpu";
    case VMG_CLASS_CPU: return "cpu";
    case VMG_CLASS_ACCELERATOR: return "accelerator";
    }
    return "unknown";
}

static void info_string(cl_device_id id, cl_device_info what, char *out, size_t n)
{
    if (clGetDeviceInfo(id, what, n, out, NULL) != CL_SUCCESS)
        out[0] = 0;
    out[n - 1] = 0;
    /* Some drivers pad names with blanks. */
    size_t len = strlen(out), skip = strspn(out, " ");
    while (len > skip && out[len - 1] == ' ')
        out[--len] = 0;
    memmove(out, out + skip, len - skip + 1);
}

static uint64_t info_number(cl_device_id id, cl_device_info what, size_t size)
{
    union { cl_uint u32; cl_ulong u64; size_t z; } v = {.u64 = 0};
    if (clGetDeviceInfo(id, what, size, &v, NULL) != CL_SUCCESS)
        return 0;
    return size == sizeof(cl_uint) ? v.u32 : v.u64;
}

#define INFO(id, what, type) ((type)info_number((id), (what), sizeof(type)))

static bool has_extension(cl_device_id id, const char *name)
{
    size_t n = 0;
    bool found = false;
    if (clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, 0, NULL, &n) != CL_SUCCESS || n == 0)
        return false;
    char *text = vmg_calloc(n + 1, 1);
    if (text && clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, n, text, NULL) == CL_SUCCESS) {
        size_t len = strlen(name);
        for (char *p = text; !found && (p = strstr(p, name)); p += len)
            found = (p == text || p[-1] == ' ') && (p[len] == ' ' || p[len] == 0);
    }
    free(text);
    return found;
}

/* intel_reqd_sub_group_size, which Mesa and PoCL have as well, and what OpenCL 3.0 calls sub_group_broadcast. */
static uint64_t subgroup_sizes(cl_device_id id, const char *version)
{
    size_t sizes[16] = {0}, bytes = 0;
    uint64_t all = 0;
    if (strncmp(version, "OpenCL ", 7) || version[7] < '3' || !has_extension(id, "cl_intel_required_subgroup_size") ||
        INFO(id, 0x105C /* CL_DEVICE_MAX_NUM_SUB_GROUPS */, cl_uint) == 0 ||
        clGetDeviceInfo(id, 0x4108 /* CL_DEVICE_SUB_GROUP_SIZES_INTEL */, sizeof sizes, sizes, &bytes) != CL_SUCCESS)
        return 0;
    for (size_t i = 0; i < bytes / sizeof *sizes; i++)
        all |= (sizes[i] & (sizes[i] - 1)) == 0 ? sizes[i] : 0;
    return all;
}

static void describe(cl_platform_id platform, cl_device_id id, vmg_device *d)
{
    cl_device_type type = INFO(id, CL_DEVICE_TYPE, cl_device_type);
    d->platform = platform;
    d->id = id;
    d->device_class = type & CL_DEVICE_TYPE_GPU   ? VMG_CLASS_GPU
                      : type & CL_DEVICE_TYPE_CPU ? VMG_CLASS_CPU
                                                  : VMG_CLASS_ACCELERATOR;
    info_string(id, CL_DEVICE_NAME, d->name, sizeof d->name);
    info_string(id, CL_DEVICE_VENDOR, d->vendor, sizeof d->vendor);
    info_string(id, CL_DRIVER_VERSION, d->driver, sizeof d->driver);
    info_string(id, CL_DEVICE_VERSION, d->version, sizeof d->version);
    clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof d->platform_name, d->platform_name, NULL);
    clGetPlatformInfo(platform, CL_PLATFORM_VERSION, sizeof d->platform_version, d->platform_version, NULL);
    d->platform_name[sizeof d->platform_name - 1] = 0;
    d->platform_version[sizeof d->platform_version - 1] = 0;
    d->global_mem_bytes = INFO(id, CL_DEVICE_GLOBAL_MEM_SIZE, cl_ulong);
    d->max_alloc_bytes = INFO(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, cl_ulong);
    d->local_mem_bytes = INFO(id, CL_DEVICE_LOCAL_MEM_SIZE, cl_ulong);
    d->cache_bytes = INFO(id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, cl_ulong);
    d->n_compute_units = INFO(id, CL_DEVICE_MAX_COMPUTE_UNITS, cl_uint);
    d->clock_mhz = INFO(id, CL_DEVICE_MAX_CLOCK_FREQUENCY, cl_uint);
    d->max_work_group = INFO(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, size_t);
    clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof d->max_work_item, d->max_work_item, NULL);
    d->vector_width_f32 = INFO(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, cl_uint);
    d->base_align_bytes = INFO(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, cl_uint) / 8;
    d->unified_memory = INFO(id, CL_DEVICE_HOST_UNIFIED_MEMORY, cl_bool) != 0;
    d->little_endian = INFO(id, CL_DEVICE_ENDIAN_LITTLE, cl_bool) != 0;
    d->fp16 = has_extension(id, "cl_khr_fp16");
    d->fp64 = has_extension(id, "cl_khr_fp64");
    d->is_pocl = strstr(d->platform_name, "Portable Computing Language") != NULL;
    /* Others may go through SPIR-V, which has no such built-in: Mesa's llvmpipe ends the process. */
    d->prefetches = d->device_class == VMG_CLASS_CPU && (d->is_pocl || strstr(d->platform_name, "Intel"));
    if (has_extension(id, "cl_khr_subgroups") || has_extension(id, "cl_intel_subgroups"))
        d->subgroup_size = 1;
    if (has_extension(id, "cl_nv_device_attribute_query"))
        d->subgroup_size = INFO(id, 0x4003 /* CL_DEVICE_WARP_SIZE_NV */, cl_uint);
    else if (has_extension(id, "cl_amd_device_attribute_query"))
        d->subgroup_size = INFO(id, 0x4043 /* CL_DEVICE_WAVEFRONT_WIDTH_AMD */, cl_uint);
    d->subgroup_sizes = d->subgroup_size ? subgroup_sizes(id, d->version) : 0;
}

int vmg_device_list(vmg_device **out, size_t *n)
{
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_uint n_platforms = 0;
    *out = NULL;
    *n = 0;
    cl_int err = clGetPlatformIDs(MAX_PLATFORMS, platforms, &n_platforms);
    if (err != CL_SUCCESS || n_platforms == 0)
        return vmg_fail(VMG_E_DEVICE, "no OpenCL platform is installed: %s", install_hint);
    vmg_device *list = vmg_calloc(MAX_PLATFORMS * MAX_DEVICES, sizeof *list);
    if (!list)
        return VMG_E_NOMEM;
    if (n_platforms > MAX_PLATFORMS)
        n_platforms = MAX_PLATFORMS;
    for (cl_uint p = 0; p < n_platforms; p++) {
        cl_device_id ids[MAX_DEVICES];
        cl_uint n_ids = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, MAX_DEVICES, ids, &n_ids) != CL_SUCCESS)
            continue;
        for (cl_uint i = 0; i < VMG_MIN(n_ids, (cl_uint)MAX_DEVICES); i++) {
            if (!INFO(ids[i], CL_DEVICE_AVAILABLE, cl_bool))
                continue;
            vmg_device *d = &list[*n];
            describe(platforms[p], ids[i], d);
            d->index = (int)(*n)++;
            d->platform_index = (int)p;
            d->device_index = (int)i;
        }
    }
    if (*n == 0) {
        free(list);
        return vmg_fail(VMG_E_DEVICE, "%u OpenCL platform%s found but no device: %s", n_platforms,
                        n_platforms == 1 ? "" : "s", install_hint);
    }
    *out = list;
    return VMG_OK;
}

static bool contains_ignoring_case(const char *text, const char *part)
{
    size_t n = strlen(part);
    for (; *text; text++) {
        size_t i = 0;
        while (i < n && text[i] && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (i == n)
            return true;
    }
    return n == 0;
}

static double size_of(const vmg_device *d)
{
    return (double)d->n_compute_units * (d->clock_mhz ? d->clock_mhz : 1);
}

/* Larger is better: GPUs before accelerators before CPUs, then raw size. */
static double rank_of(const vmg_device *d)
{
    static const double by_class[] = {[VMG_CLASS_GPU] = 2e15, [VMG_CLASS_ACCELERATOR] = 1e15, [VMG_CLASS_CPU] = 0};
    return by_class[d->device_class] + size_of(d);
}

static const vmg_device *best_of(const vmg_device *list, size_t n)
{
    const vmg_device *best = &list[0];
    for (size_t i = 1; i < n; i++)
        best = rank_of(&list[i]) > rank_of(best) ? &list[i] : best;
    return best;
}

/* A GPU as good as the best: one platform, as two drivers may show the same hardware; half its size, as the one inside a processor is no
 * partner for a card. */
static bool is_peer(const vmg_device *d, const vmg_device *best)
{
    return d == best || (best->device_class == VMG_CLASS_GPU && d->device_class == VMG_CLASS_GPU && d->platform == best->platform &&
                         size_of(d) >= 0.5 * size_of(best));
}

/* The best device's peers in turn, itself first. */
static const vmg_device *take_turn(const vmg_device *list, size_t n, vmg_device_turn turn, int64_t *n_users)
{
    const vmg_device *best = best_of(list, n);
    int64_t n_peers = 0, count = VMG_MAX(turn.count, (int64_t)1);
    for (size_t i = 0; i < n; i++)
        n_peers += is_peer(&list[i], best);
    *n_users = (count + n_peers - 1) / n_peers;
    size_t at = (size_t)(best - list);
    for (int64_t left = turn.index % n_peers; left > 0; left--)
        do
            at = (at + 1) % n;
        while (!is_peer(&list[at], best));
    return &list[at];
}

const vmg_device *vmg_device_choose(const vmg_device *list, size_t n, const char *spec, vmg_device_turn turn, int64_t *n_users)
{
    int a, b, used = 0;
    *n_users = VMG_MAX(turn.count, (int64_t)1);
    if (!spec || !*spec)
        return take_turn(list, n, turn, n_users);
    if (sscanf(spec, "%d:%d%n", &a, &b, &used) == 2 && !spec[used]) {
        for (size_t i = 0; i < n; i++)
            if (list[i].platform_index == a && list[i].device_index == b)
                return &list[i];
        return NULL;
    }
    if (sscanf(spec, "%d%n", &a, &used) == 1 && !spec[used])
        return a >= 0 && (size_t)a < n ? &list[a] : NULL;
    for (size_t i = 0; i < n; i++)
        if (contains_ignoring_case(list[i].name, spec) || contains_ignoring_case(list[i].platform_name, spec))
            return &list[i];
    return NULL;
}

int vmg_device_find(const char *spec, vmg_device *out)
{
    return vmg_device_find_among(spec, (vmg_device_turn){0}, out, NULL);
}

int vmg_device_find_among(const char *spec, vmg_device_turn turn, vmg_device *out, int64_t *n_users)
{
    vmg_device *list;
    size_t n;
    int64_t users;
    if (!spec || !*spec)
        spec = getenv("VMG_DEVICE");
    int rc = vmg_device_list(&list, &n);
    if (rc != VMG_OK)
        return rc;
    const vmg_device *d = vmg_device_choose(list, n, spec, turn, &users);
    if (n_users)
        *n_users = users;
    if (d) {
        *out = *d;
    } else {
        vmg_buf names = {0};
        for (size_t i = 0; i < n; i++)
            vmg_buf_printf(&names, "%s%zu (%d:%d) %s", i ? ", " : "", i, list[i].platform_index,
                           list[i].device_index, list[i].name);
        rc = vmg_fail(VMG_E_ARG, "no OpenCL device matches \"%s\"; there is: %s", spec,
                      names.data ? names.data : "?");
        vmg_buf_free(&names);
    }
    free(list);
    return rc;
}
