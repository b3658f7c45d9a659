/* Zip archives of stored entries (what PyTorch and NumPy write) or deflated ones (numpy's
 * savez_compressed). Zip64 included. */
#ifndef VMG_SRC_FORMAT_ZIP_H
#define VMG_SRC_FORMAT_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "host/base/status.h"

/* ---- reading (PKWARE APPNOTE 6.3.10) ---- */

typedef struct vmg_zip_entry {
    const char *name; /* not terminated */
    size_t name_bytes;
    const uint8_t *data;  /* as it lies in the archive: */
    size_t size;          /* bytes of it, */
    bool deflated;        /* packed; then */
    size_t inflated_size; /* what it unpacks to, as the directory says (size when stored) */
    uint32_t crc;         /* of the unpacked bytes */
    size_t header_offset; /* of its local header */
} vmg_zip_entry;

typedef struct vmg_zip {
    vmg_zip_entry *entries; /* in the archive's order, folders left out */
    const vmg_zip_entry **by_name;
    size_t n;
} vmg_zip;

/* True when the bytes begin like a zip archive with at least one entry. */
bool vmg_zip_recognise(const uint8_t *data, size_t size);

/*
 * Index an archive that lies in memory, which must outlive `out`. Every entry is checked: it lies
 * inside the archive before the directory, overlaps no other, has a unique name, is neither
 * compressed nor encrypted (VMG_E_UNSUPPORTED). Checksums are not computed: archives have
 * gigabytes. On failure *out is empty.
 */
int vmg_zip_open(const uint8_t *data, size_t size, vmg_zip *out);

/* The same, with deflated entries allowed. */
int vmg_zip_open_packed(const uint8_t *data, size_t size, vmg_zip *out);
void vmg_zip_close(vmg_zip *zip);

/* The entry called `name`; NULL if there is none. */
const vmg_zip_entry *vmg_zip_find(const vmg_zip *zip, const char *name);

/* Unpack a deflated entry into its inflated_size bytes, which must fit exactly and have its checksum.
 * Errors: VMG_E_FORMAT, VMG_E_NOMEM. */
int vmg_zip_inflate(const vmg_zip_entry *e, uint8_t *out);

/* ---- writing ---- */

typedef struct vmg_zip_record {
    char *name;
    uint64_t offset, size;
    uint32_t crc;
} vmg_zip_record;

/* Entries are written one after the other to a seekable file positioned at its start. */
typedef struct vmg_zip_writer {
    FILE *f;
    vmg_zip_record *records;
    size_t n, cap;
    uint64_t at;      /* bytes written so far */
    uint64_t missing; /* of the open entry */
    uint32_t crc_table[8][256];
} vmg_zip_writer;

void vmg_zip_writer_init(vmg_zip_writer *w, FILE *f);

/* Begin an entry of exactly `size` bytes, whose data starts at a multiple of `align` (1..4096).
 * Then write its bytes in any number of pieces. */
int vmg_zip_writer_begin(vmg_zip_writer *w, const char *name, uint64_t size, unsigned align);
int vmg_zip_writer_write(vmg_zip_writer *w, const void *data, size_t n);

/* Write the directory. The file stays open: committing it is the caller's. */
int vmg_zip_writer_finish(vmg_zip_writer *w);
void vmg_zip_writer_free(vmg_zip_writer *w);

#endif
