/* The context: one device, its queue, its sticky error, its caches. Every op takes it first. */
#ifndef VMG_HOST_CTX_H
#define VMG_HOST_CTX_H

#include <CL/cl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/base/log.h"
#include "host/device.h"
#include "host/tensor.h"

struct vmg_program_cache;
struct vmg_tuner;
struct vmg_profile;
struct vmg_plan;

/* What multiplies matrices of bf16 (host/op/matmul_bf16.c), best first. */
enum vmg_matrix_unit { VMG_UNIT_AMX, VMG_UNIT_AVX512, VMG_N_UNITS };

/* How to open a context. {0} is a good default. */
typedef struct vmg_ctx_options {
    const char *device;    /* vmg_device_find's words */
    vmg_log log;
    bool profile;          /* record an event per launch (host/profile.h) */
    bool no_disk_cache;    /* neither read nor write the program cache */
    uint64_t max_memory_bytes; /* pretend the device has this much; 0 = what it has, or this process's part of it */
    vmg_device_turn turn;  /* among the processes of one job on this machine */
} vmg_ctx_options;

/*
 * Single-threaded: one thread at a time uses a context. Public members are for reading; ops change
 * nothing here but through the functions below.
 */
typedef struct vmg_ctx {
    vmg_device dev;
    vmg_log log;
    cl_context cl;
    cl_command_queue queue;    /* in order */
    uint64_t max_memory_bytes; /* budget for device allocations */
    uint64_t memory_bytes, peak_memory_bytes; /* allocated through vmg_ctx_buffer now, and at most */
    bool plan;   /* plan mode: check shapes and count bytes, touch no device (host/plan.h) */
    bool allow_bf16; /* vmg_matmul_allow_bf16 */
    unsigned units_probed, units_found, units_paying; /* bits 1 << enum vmg_matrix_unit */
    bool emulates_units; /* VMG_EMULATE_UNITS is set: the kernels of x86 processors' units run in plain C, slowly, for tests */
    int error;   /* first failure's status, VMG_OK until then; ops do nothing once it is set */
    char message[8192];
    struct vmg_program_cache *programs;
    struct vmg_tuner *tuner;
    struct vmg_profile *profile; /* NULL unless profiling */
    struct vmg_plan *plan_record; /* NULL unless planning */
    void *slots[8];               /* per-module state, see vmg_ctx_slot */
    void (*slot_free[8])(struct vmg_ctx *, void *);
    bool keeps_buffers; /* none is released: for tools that confuse a new buffer with the one that was at its address */
} vmg_ctx;

/* Open a context on the chosen device. On failure *out is NULL. */
int vmg_ctx_open(const vmg_ctx_options *options, vmg_ctx **out);
void vmg_ctx_close(vmg_ctx *ctx); /* waits for the queue, frees everything; accepts NULL */

/* Record a failure unless one is already recorded. Returns the code. The thread's message is set too. */
int vmg_ctx_fail(vmg_ctx *ctx, int code, const char *fmt, ...) VMG_PRINTF(3, 4);

/* If an OpenCL call failed, record "<what>: CL_NAME on <device>" and return false. */
bool vmg_ctx_check(vmg_ctx *ctx, cl_int err, const char *what);
const char *vmg_cl_error_name(cl_int err);

/* The sticky status; sets the thread's message when it is a failure. For entry points to return. */
int vmg_ctx_status(vmg_ctx *ctx);

/* Wait for the queue, then return vmg_ctx_status. */
int vmg_ctx_finish(vmg_ctx *ctx);

/* Forget a failure (after reporting it) so that the context can be used again. */
void vmg_ctx_clear(vmg_ctx *ctx);

/* A device buffer counted against the budget; NULL (sticky VMG_E_NOMEM naming sizes) when it does not
 * fit. Contents undefined. In plan mode counts only and returns NULL without failing. */
cl_mem vmg_ctx_buffer(vmg_ctx *ctx, size_t bytes);
void vmg_ctx_buffer_free(vmg_ctx *ctx, cl_mem buf, size_t bytes);

/* Host to device and back; dense row-major tensors, bytes in the tensor's own dtype. upload returns
 * once `src` may be reused; download waits for everything before it. Nothing happens in plan mode. */
void vmg_upload(vmg_ctx *ctx, vmg_tensor dst, const void *src);
void vmg_download(vmg_ctx *ctx, vmg_tensor src, void *dst);

/*
 * State a module keeps in the context (e.g. CLBlast's scratch). `slot` is one of the enum below; the first use stores the
 * pointer, vmg_ctx_close frees it through `free_fn`.
 */
enum vmg_ctx_slot_name { VMG_SLOT_BLAS, VMG_SLOT_FFT, VMG_SLOT_MATMUL, VMG_SLOT_ATTENTION, VMG_SLOT_REDUCE };
void *vmg_ctx_slot(vmg_ctx *ctx, int slot);
void vmg_ctx_slot_set(vmg_ctx *ctx, int slot, void *state, void (*free_fn)(vmg_ctx *, void *));

#endif
