/* libFuzzer target: any bytes as glTF, then its tracks at some times. */
#include "src/format/gltf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vmg_gltf g;
    double v[4];
    if (vmg_gltf_parse(data, size, NULL, &g))
        return 0;
    for (int i = 0; i < g.n_tracks; i++)
        for (int t = 0; t < 4; t++)
            vmg_gltf_sample(&g.track[i], 0.3 * t, v);
    vmg_gltf_free(&g);
    return 0;
}
