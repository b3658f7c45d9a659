/* PNG files through libpng. */
#include "src/render/png.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>

#include "host/base/fs.h"
#include "host/base/mem.h"

static void on_error(png_structp png, png_const_charp message)
{
    vmg_fail(VMG_E_IO, "libpng: %s", message);
    longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

/* Everything between setjmp and longjmp: no variable changes after the former. */
static int write_rows(FILE *f, png_structp png, png_infop info, const uint8_t *rgba, int64_t width,
                      int64_t height)
{
    if (setjmp(png_jmpbuf(png)))
        return VMG_E_IO;
    png_init_io(png, f);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png, 9);
    png_write_info(png, info);
    png_set_filler(png, 0, PNG_FILLER_AFTER);
    for (int64_t y = 0; y < height; y++)
        png_write_row(png, rgba + 4 * width * y);
    png_write_end(png, info);
    return VMG_OK;
}

int vmg_png_write(const char *path, const uint8_t *rgba, int64_t width, int64_t height)
{
    vmg_atomic_file file = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    int rc = info ? vmg_atomic_open(path, &file)
                  : vmg_fail(VMG_E_NOMEM, "libpng cannot begin %s", path);
    if (!rc)
        rc = write_rows(file.f, png, info, rgba, width, height);
    rc = rc ? vmg_fail_prefix(rc, "%s", path) : vmg_atomic_commit(&file);
    vmg_atomic_abort(&file);
    png_destroy_write_struct(&png, &info);
    return rc;
}
