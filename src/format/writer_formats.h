/* What src/format/writer.c asks of each file format. */
#ifndef VMG_SRC_FORMAT_WRITER_FORMATS_H
#define VMG_SRC_FORMAT_WRITER_FORMATS_H

#include "host/base/fs.h"
#include "src/format/writer.h"
#include "src/format/zip.h"

/* An announced tensor. */
typedef struct vmg_writer_item {
    char *name;
    vmg_dtype dtype;
    int rank;
    int64_t dim[VMG_WEIGHT_MAX_RANK];
    int64_t n;
    size_t bytes;
    uint64_t offset; /* in the file or its data part, as the format pleases */
} vmg_writer_item;

typedef struct vmg_writer_format {
    const char *ending;
    bool takes_meta;
    /* VMG_OK if the format holds such tensors. */
    bool (*has_dtype)(vmg_dtype dtype);
    int (*header)(vmg_writer *w);          /* everything before the first tensor's bytes */
    int (*start)(vmg_writer *w, size_t i); /* right before tensor i's bytes; may be NULL */
    int (*put)(vmg_writer *w, const void *data, size_t n);
    int (*finish)(vmg_writer *w); /* everything after the last tensor's bytes; may be NULL */
} vmg_writer_format;

extern const vmg_writer_format vmg_writer_gguf, vmg_writer_safetensors, vmg_writer_torch;

struct vmg_writer {
    const vmg_writer_format *format;
    vmg_atomic_file file;
    vmg_writer_item *items;
    size_t n_items, items_cap;
    vmg_meta *meta; /* owns key and data */
    size_t n_meta, meta_cap;
    bool begun;
    size_t current;      /* tensor whose bytes come next; n_items when all are there */
    size_t current_done; /* bytes of it written */
    uint64_t data_start; /* formats' own use: first byte after the header */
    vmg_zip_writer zip;
};

/* fwrite with a message that names the file. */
int vmg_writer_put(vmg_writer *w, const void *data, size_t n);

#endif
