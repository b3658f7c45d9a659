/* vimogen encode: text embeddings of sentences and prompt lists, written as files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/cli/cli.h"
#include "src/cli/list_names.h"
#include "src/cli/run.h"
#include "src/data/prompts.h"
#include "src/lib/encoder.h"
#include "src/lib/model.h"

/* The command line, and what the work needs. */
typedef struct encode {
    const char *model, *tokenizer, *file, *key, *out, *list, *format, *dtype_name, *saved_name,
        *device, *max_memory, *cache_size;
    bool cache, profile;
    vmg_encoder e;
    vmg_embed_cache *store;
    vmg_ctx *ctx;         /* NULL while nothing had to be computed */
    vmg_prompts *prompts; /* NULL: texts come from the command line */
    const char **texts;
    char **paths; /* of the embeddings */
    int64_t n, n_written;
    vmg_dtype saved_dtype;
    vmg_progress bar;
} encode;

static bool on_progress(void *user, size_t done, size_t total)
{
    vmg_progress_update(user, (int64_t)done, (int64_t)total);
    return !vmg_cli_interrupted();
}

static int parse(int argc, char **argv, encode *c, int *n_args)
{
    const vmg_opt opts[] = {
        {"model", 'm', VMG_OPT_STRING, &c->model, "ENCODER",
         "umT5 weights: file or folder (default: $VMG_ENCODER)", NULL},
        {"tokenizer", 0, VMG_OPT_STRING, &c->tokenizer, "FILE",
         "its spiece.model (default: inside or beside the encoder)", NULL},
        {"file", 'f', VMG_OPT_STRING, &c->file, "LIST",
         "prompts: a text file of one a line, or a JSON list", NULL},
        {"key", 0, VMG_OPT_STRING, &c->key, "KEY",
         "where a JSON list has the text (default prompt)", NULL},
        {"out", 'o', VMG_OPT_STRING, &c->out, "OUT",
         "file for one text (embedding.pt), folder for several (embeddings)", NULL},
        {"format", 0, VMG_OPT_STRING, &c->format, "F",
         "of files in a folder: pt (default), npy, safetensors", NULL},
        {"save-as", 0, VMG_OPT_STRING, &c->saved_name, "T",
         "type of the values written: f32, f16, bf16 (default; f32 in .npy)", NULL},
        {"list", 0, VMG_OPT_STRING, &c->list, "FILE",
         "where the list goes with its paths filled in (default OUT/list.json)", NULL},
        {"cache", 0, VMG_OPT_FLAG, &c->cache, NULL,
         "keep embeddings, and use kept ones (default; --no-cache)", NULL},
        {"cache-size", 0, VMG_OPT_STRING, &c->cache_size, "SIZE", "bytes kept (default 1G)", NULL},
        {"device", 0, VMG_OPT_STRING, &c->device, "D", "OpenCL device (vimogen devices)", NULL},
        {"dtype", 0, VMG_OPT_STRING, &c->dtype_name, "T",
         "keep weights as f32, f16, bf16, q8_0, q4_0 (default: as stored)", NULL},
        {"max-memory", 0, VMG_OPT_STRING, &c->max_memory, "SIZE",
         "use at most this much device memory, e.g. 4G", NULL},
        {"profile", 0, VMG_OPT_FLAG, &c->profile, NULL, "print time per kernel", NULL},
    };
    return vmg_opt_parse(argc, argv, "[-m ENCODER] TEXT... | --file LIST [OPTION...] [-o OUT]",
                         opts, VMG_COUNT(opts), n_args);
}

/* ---- what is encoded, and where it goes ---- */

/* Files are called as the published lists number their entries, else by position. */
static int name_files(encode *c)
{
    char **names = NULL;
    c->paths = vmg_calloc((size_t)c->n, sizeof *c->paths);
    if (!c->paths)
        return VMG_E_NOMEM;
    if (c->n == 1 && !c->prompts && vmg_embedding_can_write(c->out)) {
        c->paths[0] = vmg_strdup(c->out);
        return c->paths[0] ? VMG_OK : VMG_E_NOMEM;
    }
    int rc = c->prompts ? vmg_list_names(c->prompts, false, &names) : VMG_OK;
    for (int64_t i = 0; rc == VMG_OK && i < c->n; i++) {
        c->paths[i] = names ? vmg_asprintf("%s/%s.%s", c->out, names[i], c->format)
                            : vmg_asprintf("%s/%lld.%s", c->out, (long long)i, c->format);
        rc = c->paths[i] ? VMG_OK : VMG_E_NOMEM;
    }
    vmg_list_free(names, names ? (size_t)c->n : 0);
    return rc == VMG_OK ? vmg_mkdirs(c->out) : rc;
}

static int load_texts(encode *c, char **args, int n_args)
{
    int rc = c->file ? vmg_prompts_read(c->file, c->key, &c->prompts) : VMG_OK;
    if (rc != VMG_OK)
        return rc;
    c->n = c->prompts ? (int64_t)vmg_prompts_count(c->prompts) : n_args;
    if (!c->out)
        c->out = c->n == 1 && !c->prompts ? "embedding.pt" : "embeddings";
    c->texts = vmg_calloc((size_t)c->n, sizeof *c->texts);
    if (!c->texts)
        return VMG_E_NOMEM;
    for (int64_t i = 0; i < c->n; i++)
        c->texts[i] = c->prompts ? vmg_prompts_text(c->prompts, (size_t)i) : args[i];
    return name_files(c);
}

/* ---- working ---- */

static int open_device(void *user, vmg_ctx **ctx)
{
    encode *c = user;
    int rc = vmg_cli_open_ctx(c->device, c->max_memory, c->profile, &c->ctx);
    *ctx = c->ctx;
    return rc;
}

static int save(void *user, int64_t i, const float *rows, int64_t n_rows)
{
    encode *c = user;
    int rc = vmg_embedding_write(c->paths[i], c->saved_dtype, rows, n_rows, c->e.config.dim);
    if (rc == VMG_OK && c->prompts)
        rc = vmg_prompts_set_path(c->prompts, (size_t)i, c->paths[i]);
    c->n_written += rc == VMG_OK;
    if (rc == VMG_OK)
        printf("%s\n", c->paths[i]);
    return rc;
}

static int write_list(const encode *c)
{
    char *path = c->list ? vmg_strdup(c->list) : vmg_path_join(c->out, "list.json");
    int rc = path ? vmg_prompts_write(c->prompts, path) : VMG_E_NOMEM;
    if (rc == VMG_OK)
        printf("%s\n", path);
    free(path);
    return rc;
}

static int encode_all(encode *c)
{
    vmg_encode_options o = {.loading = on_progress, .encoding = on_progress, .user = &c->bar};
    vmg_encode_sink sink = {.open = open_device, .take = save, .user = c, .log = vmg_cli_log()};
    const char *path = c->model ? c->model : getenv("VMG_ENCODER");
    if (!path || !*path)
        return vmg_fail(VMG_E_ARG, "no encoder was named: give -m, or set VMG_ENCODER");
    int rc = vmg_encoder_open(path, c->tokenizer, &c->e);
    if (rc == VMG_OK)
        rc = vmg_model_weight_dtype(c->dtype_name, c->e.stored, &o.dtype);
    if (rc == VMG_OK) {
        c->store = c->cache ? vmg_cli_open_cache(c->cache_size) : NULL;
        o.cache = c->store;
        rc = vmg_encode_each(&c->e, c->texts, c->n, &o, &sink);
    }
    vmg_progress_finish(&c->bar);
    if (rc == VMG_OK && c->prompts)
        rc = write_list(c);
    if (rc == VMG_OK && c->profile && c->ctx)
        rc = vmg_cli_print_profile(c->ctx);
    return rc;
}

static void free_encode(encode *c)
{
    vmg_encoder_close(&c->e);
    vmg_ctx_close(c->ctx);
    vmg_embed_cache_close(c->store);
    vmg_prompts_free(c->prompts);
    for (int64_t i = 0; c->paths && i < c->n; i++)
        free(c->paths[i]);
    free(c->paths);
    free(c->texts);
}

/* ---- the command ---- */

static int check_options(encode *c, const char *name, int n_args)
{
    static const char *const formats[] = {"pt", "npy", "safetensors"};
    uint64_t size;
    bool known = false;
    if (!c->file == !n_args)
        return vmg_cli_usage(name, "give texts or --file LIST");
    if ((c->key || c->list) && !c->file)
        return vmg_cli_usage(name, "--key and --list belong to --file");
    for (size_t i = 0; i < VMG_COUNT(formats); i++)
        known |= !strcmp(c->format, formats[i]);
    if (!known)
        return vmg_cli_usage(name, "--format %s: embeddings are pt, npy or safetensors", c->format);
    char ending[16] = "";
    if (c->out)
        vmg_path_ending(c->out, ending, sizeof ending);
    if (n_args == 1 && ending[0] && !vmg_embedding_can_write(c->out) && !vmg_path_is_dir(c->out))
        return vmg_cli_usage(name, "%s: a text's embedding goes to .pt, .npy or .safetensors",
                             c->out);
    if (n_args != 1 && c->out && vmg_embedding_can_write(c->out) && !vmg_path_is_dir(c->out))
        return vmg_cli_usage(name, "%s: several embeddings go to a folder", c->out);
    if ((c->max_memory && vmg_cli_parse_size(c->max_memory, &size) != VMG_OK) ||
        (c->cache_size && vmg_cli_parse_size(c->cache_size, &size) != VMG_OK) ||
        (c->saved_name && vmg_dtype_parse(c->saved_name, &c->saved_dtype) != VMG_OK))
        return vmg_cli_usage(name, "%s", vmg_error_message());
    if (c->saved_dtype != VMG_F32 && c->saved_dtype != VMG_F16 && c->saved_dtype != VMG_BF16)
        return vmg_cli_usage(name, "--save-as %s: values are f32, f16 or bf16", c->saved_name);
    return 0;
}

static int run(int argc, char **argv)
{
    encode c = {.cache = true,
                .format = "pt",
                .saved_dtype = VMG_BF16,
                .bar = {.what = "encoding"}};
    int n_args, rc = parse(argc, argv, &c, &n_args);
    if (rc)
        return rc < 0 ? VMG_EXIT_OK : rc;
    if ((rc = check_options(&c, argv[0], n_args)) != 0)
        return rc;
    vmg_cli_catch_interrupt();
    rc = load_texts(&c, argv + 1, n_args);
    if (rc == VMG_OK)
        rc = encode_all(&c);
    int status = rc == VMG_OK ? VMG_EXIT_OK : VMG_EXIT_FAILED;
    if (rc == VMG_E_INTERRUPTED) {
        status = VMG_EXIT_INTERRUPTED;
        fprintf(stderr, "vimogen %s: interrupted, %lld of %lld embeddings were written\n", argv[0],
                (long long)c.n_written, (long long)c.n);
    } else if (rc != VMG_OK) {
        status = vmg_cli_fail(argv[0], rc);
    }
    free_encode(&c);
    return status;
}

const vmg_command vmg_cmd_encode = {"encode", "make text embeddings", run};
