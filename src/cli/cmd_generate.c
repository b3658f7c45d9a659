/* vimogen generate: motion from a sentence, a text embedding or a reference motion. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/cli/generate_cli.h"
#include "src/cli/run.h"
#include "src/format/writer.h"
#include "src/lib/encoder.h"
#include "src/lib/known_words.h"
#include "src/motion/clip.h"
#include "src/motion/rep276.h"
#include "src/motion/resample.h"

static void free_generate(vmg_generate_cli *g)
{
    float *arrays[] = {g->mean, g->std, g->ref, g->noise, g->clips};
    for (size_t i = 0; i < VMG_COUNT(arrays); i++)
        free(arrays[i]);
    free(g->items);
    vmg_embedding_free(&g->text);
    vmg_embedding_free(&g->null_text);
    vmg_model_close(&g->m);
}

static bool on_step(void *user, int64_t done, int64_t total)
{
    vmg_progress_update(user, done, total);
    return !vmg_cli_interrupted();
}

static bool on_load(void *user, size_t done, size_t total)
{
    vmg_progress_update(user, (int64_t)done, (int64_t)total);
    return !vmg_cli_interrupted();
}

static int parse(int argc, char **argv, vmg_generate_cli *g, int *n_args)
{
    const vmg_opt opts[] = {
        {"model", 'm', VMG_OPT_STRING, &g->model, "MODEL", "a .gguf, or a folder with config.json and weights", NULL},
        {"encoder", 0, VMG_OPT_STRING, &g->encoder, "PATH", "text encoder for PROMPT: weights file or folder (default: the model's "
         "own, or $VMG_ENCODER)", NULL},
        {"encoder-dtype", 0, VMG_OPT_STRING, &g->encoder_dtype, "T", "keep the encoder's weights as T (default: as stored)", NULL},
        {"tokenizer", 0, VMG_OPT_STRING, &g->tokenizer, "FILE", "its spiece.model (default: inside or beside the encoder)", NULL},
        {"cache", 0, VMG_OPT_FLAG, &g->cache, NULL, "keep PROMPT's embedding for the next time (default; --no-cache)", NULL},
        {"file", 'f', VMG_OPT_STRING, &g->file, "LIST", "make a motion for each prompt of a list: a text file of one a line, or a "
         "JSON list", NULL},
        {"key", 0, VMG_OPT_STRING, &g->key, "KEY", "where a JSON list has the text (default prompt)", NULL},
        {"format", 0, VMG_OPT_STRING, &g->format, "F", "of a list's motions: npy (default), pt, npz, bvh, glb, csv", NULL},
        {"skip-existing", 0, VMG_OPT_FLAG, &g->skip_existing, NULL, "leave a list's motions alone that are there already", NULL},
        {"references", 0, VMG_OPT_FLAG, &g->references, NULL, "follow motion_path where a list says use_ref_motion (default; "
         "--no-references: texts only)", &g->references_given},
        {"manifest", 0, VMG_OPT_STRING, &g->manifest, "FILE", "where the list of a list's motions goes (default manifest.json beside "
         "them)", NULL},
        {"at-once", 0, VMG_OPT_INT, &g->at_once, "N", "motions of a list sampled together (default 8 on a GPU, else 1)",
         &g->at_once_given},
        {"text-embedding", 0, VMG_OPT_STRING, &g->text_embedding, "FILE", "the text's embedding (.pt, .npy, .safetensors)", NULL},
        {"null-embedding", 0, VMG_OPT_STRING, &g->null_embedding, "FILE", "the empty text's embedding, for guidance", NULL},
        {"ref-motion", 0, VMG_OPT_STRING, &g->ref_motion, "FILE", "follow this motion instead of a text: any clip, or an array of "
         "(T,276) in metres or (T,138) normalised", NULL},
        {"ref-fps", 0, VMG_OPT_DOUBLE, &g->ref_fps, "X", "frame rate of references whose file does not say (default 20; in lists 16, as "
         "the published tool's)", &g->ref_fps_given},
        {"mean", 0, VMG_OPT_STRING, &g->mean_path, "FILE", "mean of the features (default: the model's)", NULL},
        {"std", 0, VMG_OPT_STRING, &g->std_path, "FILE", "their standard deviation", NULL},
        {"frames", 0, VMG_OPT_INT, &g->frames, "N", "frames at 20 fps (default: the model's, 100, or the reference's)", &g->frames_given},
        {"fps", 0, VMG_OPT_DOUBLE, &g->fps, "X", "frame rate of the output (default 20, the model's own)", NULL},
        {"steps", 0, VMG_OPT_INT, &g->steps, "N", "sampling steps (default: the model's, 50)", &g->steps_given},
        {"sampler", 0, VMG_OPT_STRING, &g->sampler_name, "NAME", "euler (default, unless the model says otherwise), heun, dpm++2m", NULL},
        {"cfg", 0, VMG_OPT_DOUBLE, &g->cfg, "X", "guidance scale (default: the model's, 5)", &g->cfg_given},
        {"cfg-from", 0, VMG_OPT_DOUBLE, &g->cfg_from, "S", "guide only at noise levels from S (default 1) ...", &g->cfg_from_given},
        {"cfg-to", 0, VMG_OPT_DOUBLE, &g->cfg_to, "S", "... down to S (default 0)", &g->cfg_to_given},
        {"shift", 0, VMG_OPT_DOUBLE, &g->shift, "X", "schedule shift (default: the model's, 5)", &g->shift_given},
        {"strength", 0, VMG_OPT_DOUBLE, &g->strength, "X", "schedule strength (default: the model's, 0.7)", &g->strength_given},
        {"seed", 0, VMG_OPT_INT, &g->seed, "N", "seed of the noise (default 0)", &g->seed_given},
        {"noise", 0, VMG_OPT_STRING, &g->noise_path, "FILE", "the noise itself, (N,276), instead of a seed", NULL},
        {"smooth", 0, VMG_OPT_FLAG, &g->smooth, NULL, "smooth along time, with --fuse rotations alone (default; --no-smooth)", NULL},
        {"fuse", 0, VMG_OPT_FLAG, &g->fuse, NULL, "make positions, velocities and rotations agree (default: as the model says)",
         &g->fuse_given},
        {"settle", 0, VMG_OPT_FLAG, &g->settle, NULL, "stand on the floor, feet staying put where they touch it (default: as the model "
         "says)", &g->settle_given},
        {"raw", 0, VMG_OPT_FLAG, &g->raw, NULL, "write normalised latents before smoothing", NULL},
        {"batch", 0, VMG_OPT_INT, &g->batch, "N", "make N clips (of each prompt), seeds apart by one", NULL},
        {"device", 0, VMG_OPT_STRING, &g->device, "D", "OpenCL device (vimogen devices)", NULL},
        {"dtype", 0, VMG_OPT_STRING, &g->dtype_name, "T", "keep weights as f32, f16, bf16, q8_0, q4_0 (default: as stored)", NULL},
        {"activations", 0, VMG_OPT_STRING, &g->activations_name, "T", "store activations inside blocks as f32 (default), f16, bf16", NULL},
        {"max-memory", 0, VMG_OPT_STRING, &g->max_memory, "SIZE", "use at most this much device memory, e.g. 4G", NULL},
        {"profile", 0, VMG_OPT_FLAG, &g->profile, NULL, "print time per kernel", NULL},
        {"out", 'o', VMG_OPT_STRING, &g->out, "OUT", "where to write: .npy .pt .npz .bvh .glb .csv (default motion.npy); for lists a folder (default "
         "motions), or a path with {} where each name goes", NULL},
    };
    return vmg_opt_parse(argc, argv, "[-m MODEL] PROMPT | --text-embedding FILE | --ref-motion FILE [OPTION...] [-o OUT]\n"
                         "       vimogen generate [-m MODEL] --file LIST [OPTION...] [-o DIR]", opts, VMG_COUNT(opts), n_args);
}

/* ---- inputs ---- */

/* The model's own settings, but for what the command line gives. */
static int choose_sampling(vmg_generate_cli *g)
{
    vmg_sampler_options *o = &g->sampling.sampler;
    int rc = vmg_model_get_sampling(&g->m, &g->sampling);
    if (rc == VMG_OK && g->sampler_name)
        rc = vmg_sampler_parse(g->sampler_name, &o->kind);
    const struct {
        bool given;
        double value, *target;
    } reals[] = {{g->cfg_given, g->cfg, &o->guidance},
                 {g->cfg_from_given, g->cfg_from, &o->guidance_from},
                 {g->cfg_to_given, g->cfg_to, &o->guidance_to},
                 {g->shift_given, g->shift, &o->shift},
                 {g->strength_given, g->strength, &o->strength}};
    for (size_t i = 0; i < VMG_COUNT(reals); i++)
        if (reals[i].given)
            *reals[i].target = reals[i].value;
    if (g->steps_given)
        o->steps = g->steps;
    if (g->fuse_given)
        g->sampling.fuse = g->fuse;
    if (g->settle_given)
        g->sampling.settle = g->settle;
    return rc;
}

static int load_inputs(vmg_generate_cli *g)
{
    int rc = vmg_model_open(g->model, &g->m);
    const vmg_dit_config *c = &g->m.config;
    if (rc == VMG_OK && g->mean_path)
        rc = vmg_read_vector(g->mean_path, "the mean", c->in_dim, &g->mean);
    if (rc == VMG_OK && g->std_path)
        rc = vmg_read_vector(g->std_path, "the standard deviation", c->in_dim, &g->std);
    if (rc == VMG_OK && g->ref_motion) {
        if (!c->ref_motion_dim)
            return vmg_fail(VMG_E_ARG, "%s takes no reference motion", g->m.path);
        const vmg_reference_options o = vmg_generate_cli_reference(g, 0);
        rc = vmg_reference_read(g->ref_motion, c->ref_motion_dim, &o, &g->n_ref_frames, &g->ref);
    }
    if (rc == VMG_OK && g->text_embedding)
        rc = vmg_embedding_read(g->text_embedding, c->text_dim, &g->text);
    if (rc == VMG_OK && g->null_embedding)
        rc = vmg_embedding_read(g->null_embedding, c->text_dim, &g->null_text);
    else if (rc == VMG_OK && g->m.null_rows)
        rc = vmg_embedding_from_rows(g->m.null_rows, g->m.n_null_rows, c->text_dim, &g->null_text);
    if (rc == VMG_OK)
        rc = choose_sampling(g);
    if (rc == VMG_OK && !g->frames_given)
        g->frames = g->ref ? g->n_ref_frames : g->sampling.n_frames;
    if (rc == VMG_OK && g->noise_path) {
        int64_t rows, cols = c->in_dim;
        rc = vmg_read_matrix(g->noise_path, "the noise", &rows, &cols, &g->noise);
        if (rc == VMG_OK && !g->frames_given && !g->ref)
            g->frames = rows;
        if (rc == VMG_OK && rows != g->frames)
            rc = vmg_fail(VMG_E_ARG, "%s has %lld frames, %lld are to be made", g->noise_path, (long long)rows,
                          (long long)g->frames);
    }
    return rc;
}

static bool wants_null(const vmg_generate_cli *g)
{
    return g->sampling.sampler.guidance != 1 && !g->null_text.rows;
}

/* Words that the model's training captions never had: it does something all the same. */
static int warn_of_unknown_words(const vmg_generate_cli *g)
{
    char *warning;
    vmg_log log = vmg_cli_log();
    int rc = vmg_known_words_check(g->m.weights, g->prompt, &warning);
    if (rc == VMG_OK && warning)
        vmg_logf(&log, VMG_LOG_WARN, "%s", warning);
    free(warning);
    return rc;
}

/* The prompt's embedding, and the empty text's where guidance needs it and neither the model nor a file gave it. */
static int encode_prompt(vmg_generate_cli *g)
{
    vmg_encoder e;
    vmg_encode_options o = {.apart = true, .loading = on_load, .encoding = on_load, .user = &g->bar};
    const char *texts[2] = {g->prompt, ""};
    vmg_embedding out[2];
    vmg_embed_cache *cache = NULL;
    int64_t n = 1 + wants_null(g);
    int rc = vmg_encoder_open_for(&g->m, g->encoder, g->tokenizer, &e);
    if (rc != VMG_OK)
        return rc;
    rc = vmg_model_weight_dtype(g->encoder_dtype, e.stored, &o.dtype);
    g->bar.what = "encoding the text";
    if (rc == VMG_OK && g->cache)
        o.cache = cache = vmg_cli_open_cache(NULL);
    if (rc == VMG_OK)
        rc = vmg_encode_texts(g->ctx, &e, texts, n, &o, out);
    vmg_progress_finish(&g->bar);
    if (rc == VMG_OK) {
        g->text = out[0];
        if (n > 1)
            g->null_text = out[1];
    }
    vmg_embed_cache_close(cache);
    vmg_encoder_close(&e);
    return rc;
}

static int make_items(vmg_generate_cli *g)
{
    size_t clip = (size_t)(g->frames * g->m.config.in_dim);
    g->items = vmg_calloc((size_t)g->batch, sizeof *g->items);
    g->clips = vmg_calloc((size_t)g->batch * clip, sizeof *g->clips);
    if (!g->items || !g->clips)
        return VMG_E_NOMEM;
    for (int64_t i = 0; i < g->batch; i++)
        g->items[i] = (vmg_generate_item){.text = g->ref ? -1 : 0, .ref = g->ref, .n_ref_frames = g->n_ref_frames,
                                          .n_frames = g->frames, .seed = (uint64_t)g->seed + (uint64_t)i,
                                          .noise = g->noise, .out = g->clips + (size_t)i * clip};
    return VMG_OK;
}

/* ---- output ---- */

/* OUT for one clip; OUT with "-3" before its ending for several. */
static char *clip_path(const vmg_generate_cli *g, int64_t i)
{
    const char *dot = strrchr(g->out, '.'), *slash = strrchr(g->out, '/');
    size_t stem = dot && (!slash || dot > slash) ? (size_t)(dot - g->out) : strlen(g->out);
    return g->batch == 1 ? vmg_strdup(g->out)
                         : vmg_asprintf("%.*s-%lld%s", (int)stem, g->out, (long long)i, g->out + stem);
}

int vmg_generate_cli_write(const vmg_generate_cli *g, const char *path, const float *x, int64_t n_frames)
{
    const int64_t dim[2] = {n_frames, g->m.config.out_dim};
    float *resampled = NULL;
    int64_t T = n_frames;
    vmg_clip clip = {0};
    int rc = VMG_OK;
    if (g->raw)
        return vmg_array_write(path, VMG_F32, 2, dim, x);
    if (g->fps != VMG_REP_FPS)
        rc = vmg_rep276_resample(x, T, VMG_REP_FPS, g->fps, VMG_RESAMPLE_BETTER, &resampled, &T);
    if (rc == VMG_OK)
        rc = vmg_clip_from_features(resampled ? resampled : x, T, g->fps, &clip);
    if (rc == VMG_OK)
        rc = vmg_clip_write(path, &clip, NULL);
    vmg_clip_free(&clip);
    free(resampled);
    return rc;
}

static int write_clips(const vmg_generate_cli *g)
{
    for (int64_t i = 0; i < g->batch; i++) {
        char *path = clip_path(g, i);
        int rc = path ? vmg_generate_cli_write(g, path, g->items[i].out, g->frames) : VMG_E_NOMEM;
        if (rc == VMG_OK)
            printf("%s\n", path);
        free(path);
        if (rc != VMG_OK)
            return rc;
    }
    return VMG_OK;
}

bool vmg_generate_cli_writes(const vmg_generate_cli *g, const char *ending)
{
    static const char *const clips[] = {"npy", "pt", "npz", "bvh", "glb", "csv"};
    for (size_t i = 0; i < (g->raw ? 2 : VMG_COUNT(clips)); i++)
        if (!strcmp(ending, clips[i]))
            return true;
    return false;
}

int vmg_generate_cli_refuse(const vmg_generate_cli *g, const char *out)
{
    return vmg_cli_usage("generate", g->raw ? "%s: --raw latents go to .npy or .pt"
                                            : "%s: output is .npy, .pt, .npz, .bvh, .glb or .csv", out);
}

/* ---- the command ---- */

vmg_reference_options vmg_generate_cli_reference(const vmg_generate_cli *g, double fps)
{
    return (vmg_reference_options){.mean = g->mean ? g->mean : g->m.mean, .std = g->std ? g->std : g->m.std,
                                   .fps = g->ref_fps_given ? g->ref_fps : fps};
}

int vmg_generate_cli_options(const vmg_generate_cli *g, vmg_generate_options *o)
{
    *o = (vmg_generate_options){.sampler = g->sampling.sampler, .fuse = g->sampling.fuse, .settle = g->sampling.settle,
                                .raw = g->raw, .mean = g->mean, .std = g->std};
    o->sampler.smooth = g->smooth;
    int rc = vmg_model_activations(g->activations_name, &o->activations);
    return rc == VMG_OK ? vmg_model_weight_dtype(g->dtype_name, g->m.stored, &o->dtype) : rc;
}

static int generate_clips(vmg_generate_cli *g, vmg_generate_options o)
{
    vmg_progress sampling = {.what = "sampling"};
    g->bar.what = "loading";
    o.loading = on_load;
    o.loading_user = &g->bar;
    o.sampler.progress = on_step;
    o.sampler.progress_user = &sampling;
    int rc = vmg_generate(g->ctx, &g->m, &g->text, g->ref ? 0 : 1, g->null_text.rows ? &g->null_text : NULL, g->items, g->batch, &o);
    vmg_progress_finish(&g->bar);
    vmg_progress_finish(&sampling);
    return rc;
}

/* One prompt, embedding or reference. */
static int generate_one(vmg_generate_cli *g, const char *command)
{
    vmg_generate_options o;
    int rc = vmg_generate_cli_options(g, &o);
    if (rc == VMG_OK && g->prompt)
        rc = warn_of_unknown_words(g);
    if (rc == VMG_OK)
        rc = make_items(g);
    if (rc == VMG_OK)
        rc = vmg_cli_open_ctx(g->device, g->max_memory, g->profile, &g->ctx);
    if (rc == VMG_OK && g->prompt)
        rc = encode_prompt(g);
    if (rc == VMG_OK)
        rc = generate_clips(g, o);
    if (rc == VMG_OK)
        rc = write_clips(g);
    if (rc == VMG_OK && g->profile)
        rc = vmg_cli_print_profile(g->ctx);
    return rc == VMG_OK ? VMG_EXIT_OK : vmg_cli_fail(command, rc);
}

/* What is wrong with the command line, as an exit status; 0 if nothing is. */
static int check(vmg_generate_cli *g, char **argv, int n_args)
{
    char ending[16];
    if (n_args > 1)
        return vmg_cli_usage(argv[0], "takes one PROMPT (in quotation marks), but got \"%s\" and \"%s\"", argv[1], argv[2]);
    if (!g->prompt + !g->text_embedding + !g->ref_motion + !g->file != 3)
        return vmg_cli_usage(argv[0], "give one of PROMPT, --text-embedding FILE, --ref-motion FILE and --file LIST");
    if (g->batch < 1 || g->batch > VMG_GENERATE_MAX_BATCH || (g->steps_given && g->steps < 1) || (g->frames_given && g->frames < 1))
        return vmg_cli_usage(argv[0], "--batch, --steps and --frames are at least 1 (and --batch at most %d)",
                             VMG_GENERATE_MAX_BATCH);
    if (!(g->fps > 0 && g->fps <= 1000) || (g->raw && g->fps != VMG_REP_FPS))
        return vmg_cli_usage(argv[0], "--fps is above 0 and at most 1000, and --raw latents keep the model's 20");
    if (g->ref_fps_given && !(g->ref_fps > 0 && g->ref_fps <= 1000))
        return vmg_cli_usage(argv[0], "--ref-fps is above 0 and at most 1000");
    if (g->noise_path && (g->seed_given || g->batch != 1 || g->file))
        return vmg_cli_usage(argv[0], "--noise makes one clip and takes no --seed");
    if (g->file)
        return vmg_generate_cli_check_list(g, argv[0]);
    if (g->key || g->format || g->manifest || g->skip_existing || g->references_given || g->at_once_given)
        return vmg_cli_usage(argv[0], "--key, --format, --skip-existing, --references, --manifest and --at-once belong to --file");
    if (g->comm.size > 1)
        return vmg_cli_usage(argv[0], "%lld processes share a list (--file), not one motion", (long long)g->comm.size);
    if (!g->out)
        g->out = "motion.npy";
    vmg_path_ending(g->out, ending, sizeof ending);
    return vmg_generate_cli_writes(g, ending) ? 0 : vmg_generate_cli_refuse(g, g->out);
}

static int run(int argc, char **argv)
{
    vmg_generate_cli g = {.batch = 1, .fps = VMG_REP_FPS, .smooth = true, .cache = true, .references = true,
                          .bar = {.what = "loading"}};
    int n_args, rc = vmg_cli_join(&g.comm);
    int status = rc != VMG_OK ? vmg_cli_fail(argv[0], rc) : parse(argc, argv, &g, &n_args);
    if (status == 0) {
        g.prompt = n_args ? argv[1] : NULL;
        status = check(&g, argv, n_args);
    }
    if (status == 0) {
        vmg_cli_catch_interrupt();
        rc = vmg_comm_agree(&g.comm, load_inputs(&g));
        status = rc != VMG_OK ? vmg_cli_fail(argv[0], rc) : g.file ? vmg_generate_cli_list(&g, argv[0]) : generate_one(&g, argv[0]);
    }
    vmg_ctx_close(g.ctx);
    free_generate(&g);
    vmg_cli_leave(&g.comm);
    return status < 0 ? VMG_EXIT_OK : status;
}

const vmg_command vmg_cmd_generate = {"generate", "make motion from a text, a list of texts or a reference motion", run};
