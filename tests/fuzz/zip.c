/* Fuzzes the zip archives of PyTorch and NumPy. */
#include "src/format/npy.h"
#include "src/format/torch.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vmg_fuzz_read(data, size, vmg_torch_read);
    vmg_fuzz_read(data, size, vmg_npz_read);
    return 0;
}
