/* Fuzzes the safetensors reader. */
#include "src/format/safetensors.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vmg_fuzz_read(data, size, vmg_safetensors_read);
    return 0;
}
