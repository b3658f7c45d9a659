/* From a training run to a model file. */
#include "src/lib/export_run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "models/t5_names.h"
#include "models/train_facts.h"
#include "src/format/weights_file.h"
#include "src/lib/convert_meta.h"
#include "src/lib/convert_model.h"
#include "src/train/checkpoint.h"

enum { MAX_CONFIG_BYTES = 1 << 20, MAX_NAME = 160 };

typedef struct exporter {
    vmg_weights *w;
    vmg_run run;
    char *config; /* that counts first; NULL */
    vmg_convert_meta meta;
} exporter;

/* What a checkpoint's tensor is called in the model; false for what does not belong there. */
static bool model_name(const char *name, char *out, size_t n)
{
    static const char dit[] = "ema.dit.", t5[] = "ema.t5.", facts[] = "ema.dit." VMG_TRAIN_FACTS_PREFIX;
    if (!strncmp(name, facts, sizeof facts - 1))
        return false;
    if (!strncmp(name, dit, sizeof dit - 1) && strlen(name) < n) {
        memcpy(out, name + sizeof dit - 1, strlen(name + sizeof dit - 1) + 1);
        return true;
    }
    if (!strncmp(name, t5, sizeof t5 - 1))
        return vmg_t5_canonical_name(name + sizeof t5 - 1, out, n);
    return false;
}

static bool is_statistics(const char *name)
{
    return !strcmp(name, VMG_MODEL_MEAN) || !strcmp(name, VMG_MODEL_STD);
}

static bool keeps(const vmg_weight *t, char *name, size_t n)
{
    if (!is_statistics(t->name))
        return model_name(t->name, name, n);
    memcpy(name, t->name, strlen(t->name) + 1);
    return true;
}

/* ---- metadata ---- */

/* The lines of a text as a list of strings. */
static int add_lines(vmg_convert_meta *c, const char *key, char *text)
{
    size_t n = 0, i = 0;
    for (const char *at = text; *at; at++)
        n += *at == '\n';
    const char **line = vmg_calloc(n, sizeof *line);
    if (!line)
        return VMG_E_NOMEM;
    for (char *at = text, *end; i < n && (end = strchr(at, '\n')); at = end + 1) {
        *end = '\0';
        line[i++] = at;
    }
    int rc = vmg_convert_meta_strings(c, key, line, n);
    free(line);
    return rc;
}

static int add_metadata(exporter *e, const char *config_path)
{
    vmg_convert_meta *c = &e->meta;
    static const char architecture[] = "vimogen";
    int rc = vmg_convert_meta_add(c, &(vmg_meta){.key = "general.architecture", .kind = VMG_META_STRING, .data = architecture,
                                                 .n = sizeof architecture - 1, .data_bytes = sizeof architecture - 1});
    if (rc == VMG_OK && e->run.tokenizer)
        rc = vmg_convert_meta_add(c, &(vmg_meta){.key = VMG_MODEL_TOKENIZER, .kind = VMG_META_NUMBERS, .dtype = VMG_U8,
                                                 .data = e->run.tokenizer, .n = (int64_t)e->run.tokenizer_bytes,
                                                 .data_bytes = e->run.tokenizer_bytes});
    if (rc == VMG_OK)
        rc = vmg_convert_meta_add(c, &(vmg_meta){.key = "vimogen.training.updates", .kind = VMG_META_INT, .dtype = VMG_U32,
                                                 .integer = e->run.step, .real = (double)e->run.step});
    if (rc == VMG_OK && e->run.words && *e->run.words)
        rc = add_lines(c, "vimogen.words", e->run.words);
    if (rc == VMG_OK && e->config)
        rc = vmg_convert_meta_json(c, config_path, e->config, strlen(e->config), "vimogen");
    char *recipe = rc == VMG_OK ? vmg_recipe_json(&e->run.recipe) : NULL;
    if (rc == VMG_OK)
        rc = recipe ? vmg_convert_meta_json(c, e->w->path, recipe, strlen(recipe), "vimogen.training") : VMG_E_NOMEM;
    if (rc == VMG_OK)
        rc = vmg_convert_meta_json(c, e->w->path, e->run.config, strlen(e->run.config), "vimogen");
    free(recipe);
    return rc;
}

/* Another configuration must describe the same networks. */
static int read_config(exporter *e, const char *path)
{
    vmg_dit_config dit;
    vmg_t5_config t5 = {0};
    bool joint;
    size_t n;
    int rc = vmg_read_file(path, MAX_CONFIG_BYTES, &e->config, &n);
    if (rc == VMG_OK)
        rc = vmg_run_parse_config(path, e->config, &dit, &joint, &t5);
    if (rc == VMG_OK && (memcmp(&dit, &e->run.dit, sizeof dit) || joint != e->run.joint))
        rc = vmg_fail(VMG_E_ARG, "%s describes other networks than %s was trained with", path, e->w->path);
    return rc;
}

/* ---- the file ---- */

static int write_f32(exporter *e, const char *config_path, const char *to)
{
    vmg_writer *w = NULL;
    char name[MAX_NAME];
    int rc = vmg_writer_open(to, &w);
    e->meta.w = w;
    if (rc == VMG_OK)
        rc = add_metadata(e, config_path);
    for (size_t i = 0; rc == VMG_OK && i < e->w->n_tensors; i++) {
        const vmg_weight *t = &e->w->tensors[i];
        if (keeps(t, name, sizeof name))
            rc = vmg_writer_declare(w, name, t->dtype, t->rank, t->dim);
    }
    for (size_t i = 0; rc == VMG_OK && i < e->w->n_tensors; i++) {
        const vmg_weight *t = &e->w->tensors[i];
        if (keeps(t, name, sizeof name))
            rc = vmg_writer_data(w, t->data, t->bytes);
    }
    if (rc == VMG_OK)
        rc = vmg_writer_commit(w);
    vmg_writer_free(w);
    return rc;
}

int vmg_export_run(const char *run, const char *config, const char *to, vmg_dtype dtype)
{
    exporter e = {0};
    char ending[16], *wide = NULL;
    char *path = vmg_path_is_dir(run) ? vmg_path_join(run, VMG_CHECKPOINT_NAME) : vmg_strdup(run);
    vmg_path_ending(to, ending, sizeof ending);
    int rc = strcmp(ending, "gguf") ? vmg_fail(VMG_E_ARG, "%s: a model's file ends in .gguf", to)
             : path                ? vmg_weights_open(path, &e.w)
                                   : VMG_E_NOMEM;
    if (rc == VMG_OK)
        rc = vmg_checkpoint_read(e.w, &e.run);
    if (rc == VMG_OK && config)
        rc = read_config(&e, config);
    if (rc == VMG_OK && dtype == VMG_F32) {
        rc = write_f32(&e, config, to);
    } else if (rc == VMG_OK) {
        wide = vmg_asprintf("%s.%ld.f32.gguf", to, (long)getpid());
        rc = wide ? write_f32(&e, config, wide) : VMG_E_NOMEM;
        const char *from = wide;
        if (rc == VMG_OK)
            rc = vmg_convert_model(
                &(vmg_convert_options){.from = &from, .n_from = 1, .to = to, .convert_dtype = true, .dtype = dtype});
        if (wide)
            unlink(wide);
    }
    vmg_convert_meta_free(&e.meta);
    vmg_run_free(&e.run);
    vmg_weights_close(e.w);
    free(e.config);
    free(path);
    free(wide);
    return rc;
}
