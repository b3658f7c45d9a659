/* What both forms of the generate command share: one motion, and a list of them. */
#ifndef VMG_SRC_CLI_GENERATE_CLI_H
#define VMG_SRC_CLI_GENERATE_CLI_H

#include "host/base/comm.h"
#include "src/cli/cli.h"
#include "src/lib/generate.h"

enum { VMG_GENERATE_MAX_BATCH = 4096 };

/* The command line, and what it loaded. */
typedef struct vmg_generate_cli {
    const char *model, *text_embedding, *null_embedding, *ref_motion, *mean_path, *std_path, *sampler_name, *noise_path,
        *device, *dtype_name, *activations_name, *max_memory, *out, *prompt, *encoder, *encoder_dtype, *tokenizer;
    const char *file, *key, *format, *manifest; /* of lists */
    int64_t frames, steps, seed, batch, at_once;
    double cfg, cfg_from, cfg_to, shift, strength, fps, ref_fps;
    bool smooth, raw, fuse, settle, profile, cache, references, skip_existing, frames_given, seed_given;
    bool steps_given, cfg_given, cfg_from_given, cfg_to_given, shift_given, strength_given, fuse_given, settle_given,
        at_once_given, references_given, ref_fps_given;
    vmg_comm comm;
    vmg_ctx *ctx;
    vmg_model m;
    vmg_model_sampling sampling;
    vmg_embedding text, null_text;
    float *mean, *std, *ref, *noise, *clips;
    int64_t n_ref_frames;
    vmg_generate_item *items;
    vmg_progress bar;
} vmg_generate_cli;

/* How motions are made: everything but progress. */
int vmg_generate_cli_options(const vmg_generate_cli *g, vmg_generate_options *o);

/* How references are read; fps as given, or else `fps`. */
vmg_reference_options vmg_generate_cli_reference(const vmg_generate_cli *g, double fps);

/* Latents (--raw) are an array; features (n_frames, 276) are a clip, in any format that clips go to. */
int vmg_generate_cli_write(const vmg_generate_cli *g, const char *path, const float *x, int64_t n_frames);

/* Whether motions are written to files of that ending; and the usage error where they are not. */
bool vmg_generate_cli_writes(const vmg_generate_cli *g, const char *ending);
int vmg_generate_cli_refuse(const vmg_generate_cli *g, const char *out);

/* The whole command for --file, with the model loaded: exit status. */
int vmg_generate_cli_list(vmg_generate_cli *g, const char *command);

/* Checks the options that belong to lists; 0, or the exit status. */
int vmg_generate_cli_check_list(vmg_generate_cli *g, const char *command);

#endif
