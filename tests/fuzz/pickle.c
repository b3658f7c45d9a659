/* Fuzzes pickles: alone, and as the table of contents of a PyTorch archive. */
#include <stdio.h>
#include <stdlib.h>

#include "src/format/pyobject.h"
#include "src/format/torch.h"
#include "tests/fuzz/fuzz.h"

/* An archive around the pickle, with one storage of 64 bytes; its size, or 0. */
static size_t wrap(const uint8_t *data, size_t size, uint8_t *out, size_t room)
{
    static const uint8_t storage[64];
    vmg_zip_writer w;
    size_t n = 0;
    FILE *f = fmemopen(out, room, "w+");
    if (!f)
        return 0;
    vmg_zip_writer_init(&w, f);
    if (vmg_zip_writer_begin(&w, "a/data.pkl", size, 1) == VMG_OK &&
        vmg_zip_writer_write(&w, data, size) == VMG_OK &&
        vmg_zip_writer_begin(&w, "a/data/0", sizeof storage, 64) == VMG_OK &&
        vmg_zip_writer_write(&w, storage, sizeof storage) == VMG_OK &&
        vmg_zip_writer_finish(&w) == VMG_OK)
        n = (size_t)w.at;
    vmg_zip_writer_free(&w);
    fclose(f);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { ROOM = 1024 };
    vmg_fuzz_read(data, size, vmg_pickle_file_read);
    vmg_fuzz_read(data, size, vmg_smpl_pickle_read);
    uint8_t *archive = malloc(size + ROOM);
    size_t n = archive ? wrap(data, size, archive, size + ROOM) : 0;
    if (n)
        vmg_fuzz_read(archive, n, vmg_torch_read);
    free(archive);
    return 0;
}
