/* Fuzzes the gguf reader. */
#include "src/format/gguf.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vmg_fuzz_read(data, size, vmg_gguf_read);
    return 0;
}
