/* Writes NumPy .npz archives. */
#include "src/format/npz_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "src/format/npy.h"
#include "src/format/zip.h"

/* A 0-dimensional array of one string: UCS-4 characters. */
static int text_entry(const char *text, char **header, size_t *header_bytes, vmg_buf *values)
{
    char descr[32];
    snprintf(descr, sizeof descr, "<U%zu", strlen(text));
    for (const char *p = text; *p; p++)
        vmg_buf_append(values, (uint8_t[4]){(uint8_t)*p}, 4);
    return values->failed ? VMG_E_NOMEM : vmg_npy_header_of(descr, 0, NULL, header, header_bytes);
}

static int write_array(vmg_zip_writer *z, const vmg_npz_array *a)
{
    char *header = NULL, *name = vmg_asprintf("%s.npy", a->name);
    vmg_buf text = {0};
    const void *data = a->data;
    size_t header_bytes = 0, bytes = 0;
    int64_t n = 1;
    int rc = name ? VMG_OK : VMG_E_NOMEM;
    for (int i = 0; i < a->rank; i++)
        n *= a->dim[i];
    if (!rc && !data) {
        rc = text_entry(a->text, &header, &header_bytes, &text);
        data = text.data;
        bytes = text.len;
    } else if (!rc) {
        rc = vmg_npy_header(a->dtype, a->rank, a->dim, &header, &header_bytes);
        rc = rc ? rc : vmg_dtype_bytes(a->dtype, n, &bytes);
    }
    if (!rc)
        rc = vmg_zip_writer_begin(z, name, header_bytes + bytes, 64);
    if (!rc)
        rc = vmg_zip_writer_write(z, header, header_bytes);
    if (!rc && bytes)
        rc = vmg_zip_writer_write(z, data, bytes);
    vmg_buf_free(&text);
    free(header);
    free(name);
    return rc;
}

int vmg_npz_write(const char *path, const vmg_npz_array *arrays, size_t n)
{
    vmg_atomic_file file;
    int rc = vmg_atomic_open(path, &file);
    if (rc)
        return rc;
    vmg_zip_writer *z = vmg_calloc(1, sizeof *z);
    if (!z) {
        vmg_atomic_abort(&file);
        return VMG_E_NOMEM;
    }
    vmg_zip_writer_init(z, file.f);
    for (size_t i = 0; !rc && i < n; i++)
        rc = write_array(z, &arrays[i]);
    if (!rc)
        rc = vmg_zip_writer_finish(z);
    vmg_zip_writer_free(z);
    free(z);
    if (!rc)
        return vmg_atomic_commit(&file);
    vmg_atomic_abort(&file);
    return rc;
}
