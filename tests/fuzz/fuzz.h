/* What every fuzz target does with its input. */
#ifndef VMG_TESTS_FUZZ_FUZZ_H
#define VMG_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "src/format/source.h"

/* libFuzzer's entry point, defined once per target. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Opens the bytes with the reader and touches every byte of every tensor and metadata entry. */
void vmg_fuzz_read(const uint8_t *data, size_t size, vmg_source_reader *read);

#endif
