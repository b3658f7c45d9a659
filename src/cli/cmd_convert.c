/* vimogen convert: published weights into one file that is a whole model. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/cli/cli.h"
#include "src/cli/motion_cli.h"
#include "src/lib/convert_model.h"

static bool on_progress(void *user, int64_t done, int64_t total)
{
    vmg_progress_update(user, done, total);
    return vmg_cli_interrupted();
}

/* --from FIRST and the arguments after the options are the sources. */
static int convert_model(vmg_convert_options *o, const char *first, int n_args, char **args)
{
    vmg_progress progress = {.what = "converting"};
    const char **from = vmg_calloc((size_t)n_args + 1, sizeof *from);
    if (!from)
        return VMG_E_NOMEM;
    from[0] = first;
    for (int i = 0; i < n_args; i++)
        from[1 + i] = args[i];
    o->from = from;
    o->n_from = (size_t)n_args + 1;
    o->progress = on_progress;
    o->user = &progress;
    vmg_cli_catch_interrupt();
    int rc = vmg_convert_model(o);
    vmg_progress_finish(&progress);
    free(from);
    return rc;
}

static int run(int argc, char **argv)
{
    if (vmg_cli_is_motion_conversion(argc, argv))
        return vmg_cli_convert_motion(argc, argv);
    vmg_convert_options o = {0};
    const char *from = NULL, *dtype = NULL;
    const vmg_opt opts[] = {
        {"from", 0, VMG_OPT_STRING, &from, "DIR|FILE...", "published weights, or folders of them",
         NULL},
        {"to", 0, VMG_OPT_STRING, &o.to, "FILE", "the model: .gguf or .safetensors", NULL},
        {"dtype", 0, VMG_OPT_STRING, &dtype, "T",
         "f32, f16, bf16, q8_0 or q4_0 (default: as it is)", NULL},
        {"config", 0, VMG_OPT_STRING, &o.config, "FILE", "the network's config.json", NULL},
        {"mean", 0, VMG_OPT_STRING, &o.mean, "FILE", "mean of the motion features", NULL},
        {"std", 0, VMG_OPT_STRING, &o.std, "FILE", "their standard deviation", NULL},
        {"null-embedding", 0, VMG_OPT_STRING, &o.null_embedding, "FILE",
         "the empty prompt's embedding", NULL},
        {"tokenizer", 0, VMG_OPT_STRING, &o.tokenizer, "FILE", "the encoder's spiece.model", NULL},
    };
    int n_args;
    int rc = vmg_opt_parse(argc, argv,
                           "--from DIR|FILE... --to FILE [OPTION...]\n       vimogen convert IN "
                           "OUT [OPTION...] for motion (vimogen convert x.bvh --help)",
                           opts, VMG_COUNT(opts), &n_args);
    if (rc)
        return rc < 0 ? VMG_EXIT_OK : rc;
    if (!from || !o.to)
        return vmg_cli_usage(argv[0], "needs --from and --to");
    if (dtype && vmg_dtype_parse(dtype, &o.dtype) != VMG_OK)
        return vmg_cli_usage(argv[0], "%s", vmg_error_message());
    if (dtype && o.dtype > VMG_Q4_0)
        return vmg_cli_usage(argv[0], "--dtype %s: weights become f32, f16, bf16, q8_0 or q4_0",
                             dtype);
    o.convert_dtype = dtype != NULL;
    rc = convert_model(&o, from, n_args, argv + 1);
    return rc == VMG_OK ? VMG_EXIT_OK : vmg_cli_fail(argv[0], rc);
}

const vmg_command vmg_cmd_convert = {
    "convert", "turn published weights into one model file, or motion files into others", run};
