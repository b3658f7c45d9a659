/* The context: one device, its queue, its sticky error, its caches. */
#include "host/ctx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "host/base/mem.h"
#include "host/profile.h"
#include "host/program.h"
#include "host/tune.h"

const char *vmg_cl_error_name(cl_int err)
{
    static const struct { cl_int code; const char *name; } names[] = {
#define NAME(x) {x, #x}
        NAME(CL_DEVICE_NOT_FOUND), NAME(CL_DEVICE_NOT_AVAILABLE), NAME(CL_COMPILER_NOT_AVAILABLE),
        NAME(CL_MEM_OBJECT_ALLOCATION_FAILURE), NAME(CL_OUT_OF_RESOURCES), NAME(CL_OUT_OF_HOST_MEMORY),
        NAME(CL_PROFILING_INFO_NOT_AVAILABLE), NAME(CL_BUILD_PROGRAM_FAILURE), NAME(CL_MAP_FAILURE),
        NAME(CL_MISALIGNED_SUB_BUFFER_OFFSET), NAME(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST),
        NAME(CL_COMPILE_PROGRAM_FAILURE), NAME(CL_LINK_PROGRAM_FAILURE), NAME(CL_INVALID_VALUE),
        NAME(CL_INVALID_DEVICE_TYPE), NAME(CL_INVALID_PLATFORM), NAME(CL_INVALID_DEVICE),
        NAME(CL_INVALID_CONTEXT), NAME(CL_INVALID_QUEUE_PROPERTIES), NAME(CL_INVALID_COMMAND_QUEUE),
        NAME(CL_INVALID_MEM_OBJECT), NAME(CL_INVALID_BINARY), NAME(CL_INVALID_BUILD_OPTIONS),
        NAME(CL_INVALID_PROGRAM), NAME(CL_INVALID_PROGRAM_EXECUTABLE), NAME(CL_INVALID_KERNEL_NAME),
        NAME(CL_INVALID_KERNEL_DEFINITION), NAME(CL_INVALID_KERNEL), NAME(CL_INVALID_ARG_INDEX),
        NAME(CL_INVALID_ARG_VALUE), NAME(CL_INVALID_ARG_SIZE), NAME(CL_INVALID_KERNEL_ARGS),
        NAME(CL_INVALID_WORK_DIMENSION), NAME(CL_INVALID_WORK_GROUP_SIZE), NAME(CL_INVALID_WORK_ITEM_SIZE),
        NAME(CL_INVALID_GLOBAL_OFFSET), NAME(CL_INVALID_EVENT_WAIT_LIST), NAME(CL_INVALID_EVENT),
        NAME(CL_INVALID_OPERATION), NAME(CL_INVALID_BUFFER_SIZE), NAME(CL_INVALID_GLOBAL_WORK_SIZE),
        NAME(CL_INVALID_PROPERTY)
#undef NAME
    };
    for (size_t i = 0; i < VMG_COUNT(names); i++)
        if (names[i].code == err)
            return names[i].name;
    static _Thread_local char other[32];
    snprintf(other, sizeof other, "OpenCL error %d", err);
    return other;
}

static void set_error(vmg_ctx *ctx, int code)
{
    if (ctx->error)
        return;
    ctx->error = code;
    snprintf(ctx->message, sizeof ctx->message, "%s", vmg_error_message());
    vmg_logf(&ctx->log, VMG_LOG_DEBUG, "%s", ctx->message);
}

int vmg_ctx_fail(vmg_ctx *ctx, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vmg_failv(code, fmt, ap);
    va_end(ap);
    set_error(ctx, code);
    return code;
}

bool vmg_ctx_check(vmg_ctx *ctx, cl_int err, const char *what)
{
    if (err == CL_SUCCESS)
        return true;
    bool memory = err == CL_MEM_OBJECT_ALLOCATION_FAILURE || err == CL_OUT_OF_HOST_MEMORY;
    vmg_ctx_fail(ctx, memory ? VMG_E_NOMEM : VMG_E_DEVICE, "%s: %s on %s", what, vmg_cl_error_name(err),
                 ctx->dev.name);
    return false;
}

int vmg_ctx_status(vmg_ctx *ctx)
{
    return ctx->error ? vmg_fail(ctx->error, "%s", ctx->message) : VMG_OK;
}

int vmg_ctx_finish(vmg_ctx *ctx)
{
    if (!ctx->plan)
        vmg_ctx_check(ctx, clFinish(ctx->queue), "waiting for the device");
    return vmg_ctx_status(ctx);
}

void vmg_ctx_clear(vmg_ctx *ctx)
{
    ctx->error = VMG_OK;
    ctx->message[0] = 0;
}

int vmg_ctx_open(const vmg_ctx_options *options, vmg_ctx **out)
{
    cl_int err;
    *out = NULL;
    vmg_ctx *ctx = vmg_calloc(1, sizeof *ctx);
    if (!ctx)
        return VMG_E_NOMEM;
    ctx->log = options->log;
    ctx->emulates_units = getenv("VMG_EMULATE_UNITS") != NULL;
    int64_t n_users;
    int rc = vmg_device_find_among(options->device, options->turn, &ctx->dev, &n_users);
    if (rc != VMG_OK)
        goto fail;
    if (!ctx->dev.little_endian) {
        rc = vmg_fail(VMG_E_UNSUPPORTED, "%s is big-endian, which is not supported", ctx->dev.name);
        goto fail;
    }
    ctx->max_memory_bytes = ctx->dev.global_mem_bytes / (uint64_t)n_users;
    if (options->max_memory_bytes && options->max_memory_bytes < ctx->max_memory_bytes)
        ctx->max_memory_bytes = options->max_memory_bytes;
    const cl_context_properties props[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)ctx->dev.platform, 0};
    ctx->cl = clCreateContext(props, 1, &ctx->dev.id, NULL, NULL, &err);
    if (!vmg_ctx_check(ctx, err, "opening the device"))
        goto fail_sticky;
    ctx->queue = clCreateCommandQueue(ctx->cl, ctx->dev.id, options->profile ? CL_QUEUE_PROFILING_ENABLE : 0,
                                      &err);
    if (!vmg_ctx_check(ctx, err, "creating a command queue"))
        goto fail_sticky;
    rc = VMG_E_NOMEM;
    if (options->profile && !(ctx->profile = vmg_profile_create()))
        goto fail;
    if (!(ctx->programs = vmg_program_cache_create(ctx, !options->no_disk_cache)))
        goto fail;
    if (!(ctx->tuner = vmg_tuner_create(ctx)))
        goto fail;
    *out = ctx;
    return VMG_OK;

fail_sticky:
    rc = ctx->error;
fail:
    vmg_ctx_close(ctx);
    return rc;
}

void vmg_ctx_close(vmg_ctx *ctx)
{
    if (!ctx)
        return;
    if (ctx->queue)
        clFinish(ctx->queue);
    for (int i = 0; i < 8; i++)
        if (ctx->slots[i] && ctx->slot_free[i])
            ctx->slot_free[i](ctx, ctx->slots[i]);
    vmg_program_cache_free(ctx, ctx->programs);
    vmg_tuner_free(ctx->tuner);
    vmg_profile_free(ctx->profile);
    if (ctx->queue)
        clReleaseCommandQueue(ctx->queue);
    if (ctx->cl)
        clReleaseContext(ctx->cl);
    free(ctx);
}

/*
 * PoCL's buffers are this process's own memory. Weights of several GB in 4 KiB pages spend much of a step in page-table walks, so
 * large buffers ask for huge pages before they are first touched. Where that is refused nothing changes.
 */
static void ask_for_huge_pages(vmg_ctx *ctx, cl_mem buf, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    const uintptr_t huge = (uintptr_t)2 << 20;
    cl_int err;
    if (!ctx->dev.is_pocl || bytes < 2 * huge)
        return;
    void *p = clEnqueueMapBuffer(ctx->queue, buf, CL_TRUE, CL_MAP_WRITE_INVALIDATE_REGION, 0, bytes, 0, NULL, NULL, &err);
    if (err != CL_SUCCESS)
        return;
    uintptr_t begin = ((uintptr_t)p + huge - 1) / huge * huge, end = ((uintptr_t)p + bytes) / huge * huge;
    if (begin < end)
        madvise((void *)begin, end - begin, MADV_HUGEPAGE);
    clEnqueueUnmapMemObject(ctx->queue, buf, p, 0, NULL, NULL);
#else
    (void)ctx, (void)buf, (void)bytes;
#endif
}

cl_mem vmg_ctx_buffer(vmg_ctx *ctx, size_t bytes)
{
    cl_int err;
    if (ctx->error)
        return NULL;
    if (bytes > ctx->max_memory_bytes || ctx->memory_bytes > ctx->max_memory_bytes - bytes) {
        if (!ctx->plan) {
            vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s has %.0f MiB to use, %.0f MiB are taken and %.0f MiB more are needed",
                         ctx->dev.name, (double)ctx->max_memory_bytes / 1048576.0,
                         (double)ctx->memory_bytes / 1048576.0, (double)bytes / 1048576.0);
            return NULL;
        }
    }
    cl_mem buf = NULL;
    if (!ctx->plan) {
        buf = clCreateBuffer(ctx->cl, CL_MEM_READ_WRITE, bytes ? bytes : 1, NULL, &err);
        if (err != CL_SUCCESS) {
            vmg_ctx_fail(ctx, VMG_E_NOMEM, "allocating %.1f MiB on %s (%.0f MiB in use): %s",
                         (double)bytes / 1048576.0, ctx->dev.name, (double)ctx->memory_bytes / 1048576.0,
                         vmg_cl_error_name(err));
            return NULL;
        }
    }
    if (buf)
        ask_for_huge_pages(ctx, buf, bytes);
    ctx->memory_bytes += bytes;
    ctx->peak_memory_bytes = VMG_MAX(ctx->peak_memory_bytes, ctx->memory_bytes);
    return buf;
}

void vmg_ctx_buffer_free(vmg_ctx *ctx, cl_mem buf, size_t bytes)
{
    if (buf && !ctx->keeps_buffers)
        clReleaseMemObject(buf);
    if (buf || ctx->plan)
        ctx->memory_bytes -= VMG_MIN((uint64_t)bytes, ctx->memory_bytes);
}

static bool transferable(vmg_ctx *ctx, vmg_tensor t, const char *what)
{
    if (ctx->error || ctx->plan || vmg_tensor_count(t) == 0)
        return false;
    if (!vmg_tensor_dense(t) || !t.buf) {
        char text[96];
        vmg_ctx_fail(ctx, VMG_E_ARG, "%s needs a dense row-major tensor in memory, got %s", what,
                     vmg_tensor_describe(t, text, sizeof text));
        return false;
    }
    return true;
}

void vmg_upload(vmg_ctx *ctx, vmg_tensor dst, const void *src)
{
    if (transferable(ctx, dst, "an upload"))
        vmg_ctx_check(ctx,
                      clEnqueueWriteBuffer(ctx->queue, dst.buf, CL_TRUE, dst.off_bytes, vmg_tensor_bytes(dst),
                                           src, 0, NULL, NULL),
                      "copying to the device");
}

void vmg_download(vmg_ctx *ctx, vmg_tensor src, void *dst)
{
    if (transferable(ctx, src, "a download"))
        vmg_ctx_check(ctx,
                      clEnqueueReadBuffer(ctx->queue, src.buf, CL_TRUE, src.off_bytes, vmg_tensor_bytes(src),
                                          dst, 0, NULL, NULL),
                      "copying from the device");
}

void *vmg_ctx_slot(vmg_ctx *ctx, int slot)
{
    return ctx->slots[slot];
}

void vmg_ctx_slot_set(vmg_ctx *ctx, int slot, void *state, void (*free_fn)(vmg_ctx *, void *))
{
    ctx->slots[slot] = state;
    ctx->slot_free[slot] = free_fn;
}
