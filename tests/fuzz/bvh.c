/* libFuzzer target: any bytes as a BVH file, then its kinematics. */
#include <stdlib.h>

#include "src/format/bvh.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vmg_bvh bvh;
    if (vmg_bvh_parse((const char *)data, size, &bvh))
        return 0;
    double *G = calloc((size_t)bvh.n_joints, 12 * sizeof *G);
    for (int64_t t = -1; G && t < bvh.n_frames; t++)
        vmg_bvh_fk(&bvh, t, G, G + 9 * bvh.n_joints);
    free(G);
    vmg_bvh_free(&bvh);
    return 0;
}
