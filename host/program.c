/* Programs: embedded kernel sources, built per set of options, cached in memory and on disk. */
#include "host/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/dict.h"
#include "host/base/fs.h"
#include "host/base/mem.h"
#include "host/base/sha256.h"
#include "host/ctx.h"
#include "host/tune.h"

/* A stored program: magic, SHA-256 of the binary, the binary. */
static const char magic[8] = "VMGPROG1";
enum { HEADER_BYTES = 8 + 32, MAX_BINARY_BYTES = 64 << 20, MAX_SOURCE_BYTES = 4 << 20, MAX_INCLUDE_DEPTH = 4 };

/* A built program, and where to store it: NULL when it came from there or is stored already. */
typedef struct built {
    cl_program program;
    char *path;
} built;

struct vmg_program_cache {
    vmg_dict programs; /* "file options" -> built */
    vmg_dict kernels;  /* "file.name options" -> cl_kernel */
    vmg_dict sources;  /* file -> text read through VMG_CL_DIR */
    char *dir;         /* NULL: no disk cache */
};

static void release_built(void *p)
{
    built *b = p;
    if (b->program)
        clReleaseProgram(b->program);
    free(b->path);
    free(b);
}

static void release_kernel(void *k)
{
    clReleaseKernel(k);
}

vmg_program_cache *vmg_program_cache_create(vmg_ctx *ctx, int use_disk)
{
    vmg_program_cache *c = vmg_calloc(1, sizeof *c);
    if (c && use_disk && vmg_cache_dir("programs", &c->dir) != VMG_OK)
        vmg_logf(&ctx->log, VMG_LOG_WARN, "kernels will be rebuilt at every start: %s", vmg_error_message());
    return c;
}

/* Text of cl/<file>.cl; NULL with a sticky error. */
static const char *source_text(vmg_ctx *ctx, const char *file)
{
    const char *dir = getenv("VMG_CL_DIR");
    if (!dir || !*dir) {
        for (const vmg_cl_source *s = vmg_cl_sources; s->name; s++)
            if (!strcmp(s->name, file))
                return s->text;
        vmg_ctx_fail(ctx, VMG_E_NOTFOUND, "there is no kernel file cl/%s.cl", file);
        return NULL;
    }
    char *text = vmg_dict_get(&ctx->programs->sources, file);
    if (text)
        return text;
    char *path = vmg_asprintf("%s/%s.cl", dir, file);
    if (!path || vmg_read_file(path, MAX_SOURCE_BYTES, &text, NULL) != VMG_OK ||
        !vmg_dict_set(&ctx->programs->sources, file, text)) {
        free(text);
        text = NULL;
        vmg_ctx_fail(ctx, VMG_E_IO, "VMG_CL_DIR: %s", vmg_error_message());
    }
    free(path);
    return text;
}

/* Appends cl/<file>.cl with every line `#include "x.cl"` replaced by that file. */
static bool append_source(vmg_ctx *ctx, const char *file, int depth, vmg_buf *out)
{
    static const char include[] = "#include \"";
    char name[64];
    const char *text = source_text(ctx, file);
    if (depth > MAX_INCLUDE_DEPTH)
        vmg_ctx_fail(ctx, VMG_E_FORMAT, "cl/%s.cl includes itself", file);
    if (!text || ctx->error)
        return false;
    while (*text) {
        const size_t n = strcspn(text, "\n") + (strchr(text, '\n') != NULL);
        if (strncmp(text, include, sizeof include - 1))
            vmg_buf_append(out, text, n);
        else if (sscanf(text + sizeof include - 1, "%63[a-z0-9_].cl\"", name) != 1 ||
                 !append_source(ctx, name, depth + 1, out))
            return false;
        text += n;
    }
    return true;
}

/* Where this build lives on disk, in fresh memory. */
static char *stored_path(vmg_ctx *ctx, const char *text, const char *options)
{
    const vmg_device *d = &ctx->dev;
    const char *const identity[] = {text, options, d->name, d->driver, d->version, d->platform_name, d->platform_version};
    vmg_sha256 s;
    uint8_t digest[32];
    char hex[65];
    vmg_sha256_init(&s);
    for (size_t i = 0; i < VMG_COUNT(identity); i++)
        vmg_sha256_update(&s, identity[i], strlen(identity[i]) + 1);
    vmg_sha256_final(&s, digest);
    vmg_sha256_hex(digest, hex);
    return vmg_asprintf("%s/%s.bin", ctx->programs->dir, hex);
}

static void digest_of(const void *data, size_t n, uint8_t digest[32])
{
    vmg_sha256 s;
    vmg_sha256_init(&s);
    vmg_sha256_update(&s, data, n);
    vmg_sha256_final(&s, digest);
}

/* A built program from disk; NULL when there is none or it is damaged or refused (then it is rebuilt). */
static cl_program load_stored(vmg_ctx *ctx, const char *path, const char *options)
{
    char *data = NULL;
    size_t size;
    cl_program program = NULL;
    if (!vmg_path_exists(path) || vmg_read_file(path, MAX_BINARY_BYTES, &data, &size) != VMG_OK)
        return NULL;
    uint8_t digest[32];
    bool whole = size > HEADER_BYTES && !memcmp(data, magic, 8);
    if (whole) {
        digest_of(data + HEADER_BYTES, size - HEADER_BYTES, digest);
        whole = !memcmp(digest, data + 8, 32);
    }
    if (whole) {
        const unsigned char *binary = (const unsigned char *)data + HEADER_BYTES;
        size_t length = size - HEADER_BYTES;
        cl_int status, err;
        program = clCreateProgramWithBinary(ctx->cl, 1, &ctx->dev.id, &length, &binary, &status, &err);
        if (program && (err != CL_SUCCESS || status != CL_SUCCESS ||
                        clBuildProgram(program, 1, &ctx->dev.id, options, NULL, NULL) != CL_SUCCESS)) {
            clReleaseProgram(program);
            program = NULL;
        }
    }
    if (!program)
        vmg_logf(&ctx->log, VMG_LOG_INFO, "%s is damaged or out of date and is built again", path);
    free(data);
    return program;
}

/* Write a program's binary to its path, once. */
static void store(vmg_ctx *ctx, built *b)
{
    size_t size = 0;
    char *path = b->path;
    b->path = NULL;
    if (!path)
        return;
    if (clGetProgramInfo(b->program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) != CL_SUCCESS || !size ||
        size > MAX_BINARY_BYTES) {
        free(path);
        return;
    }
    char *data = vmg_calloc(size + HEADER_BYTES, 1);
    unsigned char *binary = (unsigned char *)data + HEADER_BYTES;
    if (data && clGetProgramInfo(b->program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS) {
        memcpy(data, magic, 8);
        digest_of(binary, size, (uint8_t *)data + 8);
        if (vmg_write_file(path, data, size + HEADER_BYTES) != VMG_OK)
            vmg_logf(&ctx->log, VMG_LOG_WARN, "a built kernel could not be stored: %s", vmg_error_message());
    }
    free(data);
    free(path);
}

static void fail_build(vmg_ctx *ctx, cl_program program, const char *file, const char *options, cl_int err)
{
    size_t n = 0;
    clGetProgramBuildInfo(program, ctx->dev.id, CL_PROGRAM_BUILD_LOG, 0, NULL, &n);
    char *log = vmg_calloc(n + 1, 1);
    if (log)
        clGetProgramBuildInfo(program, ctx->dev.id, CL_PROGRAM_BUILD_LOG, n, log, NULL);
    vmg_ctx_fail(ctx, VMG_E_DEVICE, "building cl/%s.cl with \"%s\" on %s: %s\n%s", file, options, ctx->dev.name,
                 vmg_cl_error_name(err), log ? log : "");
    free(log);
}

/* From source; NULL with a sticky error. */
static cl_program compile(vmg_ctx *ctx, const char *text, const char *file, const char *options)
{
    cl_int err;
    cl_program program = clCreateProgramWithSource(ctx->cl, 1, &text, NULL, &err);
    if (!vmg_ctx_check(ctx, err, "creating a program"))
        return NULL;
    /* Some compilers count warnings on standard error, for users to wonder at; whoever edits kernels sees them. */
    char *quiet = vmg_asprintf("%s%s", options, getenv("VMG_CL_DIR") ? "" : " -w");
    err = quiet ? clBuildProgram(program, 1, &ctx->dev.id, quiet, NULL, NULL) : CL_OUT_OF_HOST_MEMORY;
    free(quiet);
    if (err == CL_SUCCESS)
        return program;
    fail_build(ctx, program, file, options, err);
    clReleaseProgram(program);
    return NULL;
}

static built *build(vmg_ctx *ctx, const char *file, const char *options)
{
    vmg_buf text = {0};
    char *path = NULL;
    built *b = NULL;
    if (!append_source(ctx, "common", 0, &text) || !append_source(ctx, file, 0, &text))
        goto out;
    if (text.failed || !(b = vmg_calloc(1, sizeof *b))) {
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
        goto out;
    }
    path = ctx->programs->dir ? stored_path(ctx, text.data, options) : NULL;
    b->program = path ? load_stored(ctx, path, options) : NULL;
    if (b->program)
        goto out;
    b->program = compile(ctx, text.data, file, options);
    if (!b->program) {
        release_built(b);
        b = NULL;
        goto out;
    }
    /* What a tuning session tries is not worth a file. */
    if (!vmg_tune_active(ctx)) {
        b->path = path;
        path = NULL;
    }
    /* PoCL compiles work-group functions when a kernel is first enqueued, and a binary holds those made so far: there it
     * is asked for when the context closes. */
    if (!ctx->dev.is_pocl)
        store(ctx, b);
out:
    vmg_buf_free(&text);
    free(path);
    return b;
}

cl_kernel vmg_program_kernel(vmg_ctx *ctx, const char *file, const char *name, const char *options)
{
    vmg_program_cache *c = ctx->programs;
    char key[1536];
    if (ctx->error)
        return NULL;
    if (snprintf(key, sizeof key, "%s.%s %s", file, name, options) >= (int)sizeof key) {
        vmg_ctx_fail(ctx, VMG_E_ARG, "the build options of %s.%s are too long", file, name);
        return NULL;
    }
    cl_kernel kernel = vmg_dict_get(&c->kernels, key);
    if (kernel)
        return kernel;
    char program_key[1536];
    snprintf(program_key, sizeof program_key, "%s %s", file, options);
    built *b = vmg_dict_get(&c->programs, program_key);
    if (!b) {
        b = build(ctx, file, options);
        if (b && !vmg_dict_set(&c->programs, program_key, b)) {
            release_built(b);
            b = NULL;
            vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
        }
    }
    if (!b)
        return NULL;
    cl_int err;
    kernel = clCreateKernel(b->program, name, &err);
    if (err != CL_SUCCESS) {
        vmg_ctx_fail(ctx, VMG_E_DEVICE, "kernel %s of cl/%s.cl on %s: %s", name, file, ctx->dev.name,
                     vmg_cl_error_name(err));
        return NULL;
    }
    if (!vmg_dict_set(&c->kernels, key, kernel)) {
        clReleaseKernel(kernel);
        vmg_ctx_fail(ctx, VMG_E_NOMEM, "%s", vmg_error_message());
        return NULL;
    }
    return kernel;
}

void vmg_program_cache_free(vmg_ctx *ctx, vmg_program_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->programs.cap; i++)
        if (c->programs.entries[i].key)
            store(ctx, c->programs.entries[i].value);
    vmg_dict_free(&c->kernels, release_kernel);
    vmg_dict_free(&c->programs, release_built);
    vmg_dict_free(&c->sources, free);
    free(c->dir);
    free(c);
}
