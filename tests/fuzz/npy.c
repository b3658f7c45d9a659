/* Fuzzes the npy reader. */
#include "src/format/npy.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vmg_fuzz_read(data, size, vmg_npy_read);
    return 0;
}
