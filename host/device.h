/* OpenCL devices: finding them, describing them, choosing one. */
#ifndef VMG_HOST_DEVICE_H
#define VMG_HOST_DEVICE_H

#include <CL/cl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/base/status.h"

typedef enum vmg_device_class { VMG_CLASS_GPU, VMG_CLASS_CPU, VMG_CLASS_ACCELERATOR } vmg_device_class;

/* What the program needs to know of one device. Filled once by vmg_device_list; plain data. */
typedef struct vmg_device {
    cl_platform_id platform;
    cl_device_id id;
    int index;                        /* position in vmg_device_list */
    int platform_index, device_index; /* "platform:device" */
    vmg_device_class device_class;
    char name[256], vendor[128], driver[128], version[128], platform_name[128], platform_version[128];
    uint64_t global_mem_bytes, max_alloc_bytes, local_mem_bytes, cache_bytes;
    uint32_t n_compute_units, clock_mhz;
    size_t max_work_group, max_work_item[3];
    uint32_t vector_width_f32;    /* native vector width for float, in elements */
    uint32_t base_align_bytes;    /* CL_DEVICE_MEM_BASE_ADDR_ALIGN in bytes */
    uint32_t subgroup_size;       /* 0 without subgroups, 1 if not known */
    uint64_t subgroup_sizes;      /* those that a kernel in OpenCL C 3.0 may ask for, or-ed (powers of two); 0: none */
    bool fp16, fp64, unified_memory, little_endian;
    bool prefetches;              /* kernels may ask for memory ahead (cl/common.cl) */
    bool is_pocl;                 /* kernels run on this process's own processor */
} vmg_device;

const char *vmg_device_class_name(vmg_device_class c);

/*
 * Every available device of every platform, in the ICD loader's order. *out is freed with free().
 * VMG_E_DEVICE with a sentence that says what to install when there is no platform or no device.
 */
int vmg_device_list(vmg_device **out, size_t *n);

/*
 * Choose one: NULL or "" = $VMG_DEVICE if set, else the best GPU (most compute units × clock), else
 * accelerator, else CPU; "N" = index; "P:D" = platform and device; otherwise a case-insensitive part
 * of the device's or platform's name. VMG_E_ARG lists what there is when nothing matches.
 */
int vmg_device_find(const char *spec, vmg_device *out);

/* One of several processes on a machine; {0} is a process by itself. */
typedef struct vmg_device_turn {
    int64_t index, count;
} vmg_device_turn;

/*
 * The same for one of several: where nothing names a device, they take turns among the GPUs of the best one's platform that are at
 * least half its size. *n_users, if wanted, is how many of them have the same device at most.
 */
int vmg_device_find_among(const char *spec, vmg_device_turn turn, vmg_device *out, int64_t *n_users);

/* vmg_device_find_among's choice out of a list, for tests; NULL when nothing matches. $VMG_DEVICE is not asked. */
const vmg_device *vmg_device_choose(const vmg_device *list, size_t n, const char *spec, vmg_device_turn turn, int64_t *n_users);

#endif
