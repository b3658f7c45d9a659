/* A tiny data set for tests of training. */
#include "tests/train_fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/data/dataset_write.h"
#include "src/data/window.h"
#include "src/motion/rep276.h"
#include "tests/harness.h"
#include "tests/motion_fixture.h"

enum { N_TRIALS = 8, N_TRAINING = 6 };

static int add_trial(vmg_dataset_writer *w, vmg_window_statistics *statistics, int i)
{
    char id[8], walks[] = "a person walks forward", source[] = "label", kinematic[] = "kinematic";
    char walk[] = "{\"behaviours\":[{\"what\":\"walk_forward\"}]}";
    char stop[] = "{\"behaviours\":[{\"what\":\"walk_forward\"},{\"what\":\"stop\"}]}";
    char first[] = "walks at an even speed", second[] = "a person goes ahead, then stops";
    int64_t T = 45 + 15 * i;
    vmg_caption captions[3] = {{.text = walks, .n = T, .source = source},
                               {.text = first, .n = 42, .source = kinematic, .facts = walk},
                               {.text = second, .first = T - 30, .n = 30, .source = kinematic,
                                .facts = i == 2 ? stop : NULL}};
    vmg_sample s = {.id = id, .T = T, .fps = VMG_REP_FPS, .captions = captions, .n_captions = i == 5 ? 0 : i ? 3 : 1};
    vmg_poses p = {0};
    snprintf(id, sizeof id, "t%d", i);
    s.x = vmg_calloc((size_t)T, VMG_REP_DIM * sizeof *s.x);
    int rc = s.x ? vmg_test_motion_make(i % 2 ? VMG_TEST_BACKWARDS : VMG_TEST_WALK, T + 1, 0.3 * i, &p) : VMG_E_NOMEM;
    if (rc == VMG_OK)
        rc = vmg_rep276_encode(&p, s.x);
    if (rc == VMG_OK)
        rc = vmg_dataset_writer_add(w, &s, i >= N_TRAINING);
    if (rc == VMG_OK && i < N_TRAINING)
        rc = vmg_window_statistics_add(statistics, s.x, T);
    vmg_poses_free(&p);
    free(s.x);
    return rc;
}

int vmg_test_make_dataset(const char *dir)
{
    vmg_window_statistics statistics = {0};
    vmg_dataset_writer *w = NULL;
    float mean[VMG_REP_DIM], std[VMG_REP_DIM];
    int rc = vmg_dataset_writer_open(dir, 0, &w);
    for (int i = 0; rc == VMG_OK && i < N_TRIALS; i++)
        rc = add_trial(w, &statistics, i);
    vmg_window_statistics_finish(&statistics, mean, std);
    if (rc == VMG_OK)
        rc = vmg_dataset_writer_commit(w, mean, std);
    vmg_dataset_writer_free(w);
    return rc;
}

int vmg_test_make_config(const char *path)
{
    static const char text[] =
        "{\"in_dim\":276,\"out_dim\":276,\"ref_motion_dim\":138,\"dim\":32,\"ffn_dim\":64,\"num_heads\":2,\"num_layers\":2,"
        "\"freq_dim\":32,\"text_dim\":32,\"text_len\":16,\"text_min_rows\":8,\"eps\":1e-6,"
        "\"text_encoder\":{\"dim\":32,\"dim_attn\":32,\"dim_ffn\":64,\"num_heads\":2,\"num_layers\":1,\"num_buckets\":8,"
        "\"max_dist\":128,\"shared_pos\":false,\"eps\":1e-6},"
        "\"training\":{\"steps\":6,\"batch\":5,\"lr\":1e-3,\"warmup\":2,\"cosine\":true,\"clip\":1,\"p-null\":0.2,\"p-motion\":0.3,"
        "\"min-frames\":40,\"max-frames\":60,\"vocab-size\":60,\"save-every\":3,\"evaluate-every\":3,\"evaluate-batches\":1}}";
    return vmg_write_file(path, text, sizeof text - 1);
}

const char *vmg_test_train_folder(void)
{
    static char dir[4096];
    if (!*dir) {
        snprintf(dir, sizeof dir, "%s", vmg_test_tmp("train"));
        char path[4200];
        snprintf(path, sizeof path, "%s/set", dir);
        CHECK_OK(vmg_mkdirs(dir));
        CHECK_OK(vmg_test_make_dataset(path));
        snprintf(path, sizeof path, "%s/config.json", dir);
        CHECK_OK(vmg_test_make_config(path));
    }
    return dir;
}

char *vmg_test_train_file(const char *name)
{
    return vmg_path_join(vmg_test_train_folder(), name);
}

int vmg_test_train(const char *format, ...)
{
    const char *build = getenv("VMG_BUILDDIR"), *device = getenv("VMG_TEST_DEVICE");
    char more[4096];
    va_list ap;
    va_start(ap, format);
    vsnprintf(more, sizeof more, format, ap);
    va_end(ap);
    char *command = vmg_asprintf("VMG_VERBOSE=1 '%s/vimogen' train --data '%s/set' --device '%s' %s > '%s/said.txt' 2>&1",
                                 build ? build : ".", vmg_test_train_folder(), device ? device : "0", more, vmg_test_train_folder());
    int status = command ? system(command) : -1;
    free(command);
    return status;
}
