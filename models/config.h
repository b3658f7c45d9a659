/* Network configurations: read from config.json or from a model file's metadata. */
#ifndef VMG_MODELS_CONFIG_H
#define VMG_MODELS_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "models/weights.h"

/* ViMoGen's DiT (spec/model.md §1); names are config.json's. */
typedef struct vmg_dit_config {
    int64_t in_dim, out_dim;  /* motion features per frame */
    int64_t ref_motion_dim;   /* reference features; 0 = no reference half (ViMoGen-light) */
    int64_t dim, ffn_dim, num_heads, num_layers;
    int64_t freq_dim, text_dim, text_len;
    int64_t text_min_rows;    /* contexts are zero-padded to at least this many rows (226) */
    double eps;
} vmg_dit_config;

/* umT5 encoder (spec/model.md §2). */
typedef struct vmg_t5_config {
    int64_t vocab_size, dim, dim_attn, dim_ffn, num_heads, num_layers, num_buckets, max_dist;
    bool shared_pos; /* one bias table for all layers (plain T5) instead of one per layer */
    double eps;
} vmg_t5_config;

/* From JSON text. Missing keys, wrong kinds, sizes that do not fit together: VMG_E_FORMAT naming the key. `name` is for
 * the message. Unknown keys are ignored (published files carry some). */
int vmg_dit_config_parse(const char *name, const char *json, size_t size, vmg_dit_config *out);
int vmg_t5_config_parse(const char *name, const char *json, size_t size, vmg_t5_config *out);

/* From a file of JSON. */
int vmg_dit_config_read(const char *path, vmg_dit_config *out);
int vmg_t5_config_read(const char *path, vmg_t5_config *out);

/* From a model file's metadata ("vimogen.dim", ... as `vimogen convert` writes them). VMG_E_NOTFOUND when the file carries no
 * configuration. */
int vmg_dit_config_from_weights(const vmg_weights *w, vmg_dit_config *out);

/* From the shapes of an encoder's tensors, in any spelling (models/t5_names.h): every size is visible there, and the rest (eps,
 * reach of the position buckets) is the same for all T5s. VMG_E_NOTFOUND when there is no encoder in the file. */
int vmg_t5_config_from_weights(const vmg_weights *w, vmg_t5_config *out);

/* The keys of each configuration, for writing metadata. Ends with a NULL key. */
typedef struct vmg_config_key {
    const char *key;
    size_t offset;  /* of the member */
    enum { VMG_KEY_INT, VMG_KEY_BOOL, VMG_KEY_REAL } kind;
    bool required;
    double fallback; /* when not required and absent */
} vmg_config_key;
extern const vmg_config_key vmg_dit_config_keys[], vmg_t5_config_keys[];

#endif
