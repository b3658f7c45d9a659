/* How a model wants to be sampled: the defaults that its file carries. */
#include <stdio.h>
#include <stdlib.h>

#include "host/base/mem.h"
#include "src/lib/generate.h"

int vmg_model_get_sampling(const vmg_model *m, vmg_model_sampling *out)
{
    vmg_sampler_options *o = &out->sampler;
    char *name = NULL;
    *out = (vmg_model_sampling){.sampler = vmg_sampler_defaults(), .n_frames = 100};
    const struct {
        const char *key;
        int64_t *integer;
        double *real;
    } keys[] = {{"steps", &o->steps, NULL},          {"frames", &out->n_frames, NULL},
                {"shift", NULL, &o->shift},          {"strength", NULL, &o->strength},
                {"guidance", NULL, &o->guidance},    {"guidance_from", NULL, &o->guidance_from},
                {"guidance_to", NULL, &o->guidance_to}};
    int rc = VMG_OK;
    for (size_t i = 0; rc == VMG_OK && i < VMG_COUNT(keys); i++) {
        char key[64];
        snprintf(key, sizeof key, "vimogen.sampling.%s", keys[i].key);
        rc = keys[i].integer ? vmg_weights_meta_int(m->weights, key, keys[i].integer)
                             : vmg_weights_meta_real(m->weights, key, keys[i].real);
        rc = rc == VMG_E_NOTFOUND ? VMG_OK : rc;
    }
    if (rc == VMG_OK)
        rc = vmg_weights_meta_bool(m->weights, "vimogen.sampling.fuse", &out->fuse);
    if (rc == VMG_OK || rc == VMG_E_NOTFOUND)
        rc = vmg_weights_meta_bool(m->weights, "vimogen.sampling.settle", &out->settle);
    if (rc == VMG_OK || rc == VMG_E_NOTFOUND)
        rc = vmg_weights_meta_string(m->weights, "vimogen.sampling.sampler", 64, &name);
    if (rc == VMG_OK)
        rc = vmg_sampler_parse(name, &o->kind);
    free(name);
    rc = rc == VMG_E_NOTFOUND ? VMG_OK : rc;
    if (rc == VMG_OK && (o->steps < 1 || out->n_frames < 1 || !(o->shift > 0) || !(o->strength > 0 && o->strength <= 1)))
        rc = vmg_fail(VMG_E_FORMAT, "%s: its vimogen.sampling entries make no schedule", m->path);
    return rc;
}
