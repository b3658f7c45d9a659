/* Tar members as WebDataset's readers expect them. */
#include "src/data/tar.h"

#include <stdio.h>
#include <string.h>

#include "host/base/mem.h"

enum { NAME = 0, MODE = 100, SIZE = 124, SUM = 148, TYPE = 156, MAGIC = 257, SIZE_WIDTH = 12 };

size_t vmg_tar_member_bytes(size_t content_bytes)
{
    return VMG_TAR_BLOCK +
           (content_bytes + VMG_TAR_BLOCK - 1) / VMG_TAR_BLOCK * VMG_TAR_BLOCK;
}

/* Sum of the header's bytes with the checksum field taken as spaces. */
static unsigned checksum(const uint8_t *block)
{
    unsigned sum = 0;
    for (int i = 0; i < VMG_TAR_BLOCK; i++)
        sum += i >= SUM && i < SUM + 8 ? ' ' : block[i];
    return sum;
}

int vmg_tar_header(const char *name, size_t content_bytes, uint8_t block[VMG_TAR_BLOCK])
{
    static const struct {
        int at;
        const char *text;
    } fixed[] = {{MODE, "0000644"}, {108, "0000000"},  {116, "0000000"}, {136, "00000000000"},
                 {TYPE, "0"},       {MAGIC, "ustar"},  {263, "00"},      {265, "vimogen"},
                 {297, "vimogen"},  {329, "0000000"}, {337, "0000000"}};
    char octal[24];
    size_t n = strlen(name);
    if (n == 0 || n > VMG_TAR_MAX_NAME)
        return vmg_fail(VMG_E_ARG, "a member's name has 1 to %d bytes, not %zu (\"%.60s\")",
                        VMG_TAR_MAX_NAME, n, name);
    if (content_bytes >= (size_t)1 << 33)
        return vmg_fail(VMG_E_ARG, "%s: %zu bytes are too many for a tar member", name,
                        content_bytes);
    memset(block, 0, VMG_TAR_BLOCK);
    memcpy(block + NAME, name, n);
    for (size_t i = 0; i < VMG_COUNT(fixed); i++)
        memcpy(block + fixed[i].at, fixed[i].text, strlen(fixed[i].text));
    snprintf(octal, sizeof octal, "%011zo", content_bytes);
    memcpy(block + SIZE, octal, SIZE_WIDTH - 1);
    snprintf(octal, sizeof octal, "%06o", checksum(block));
    memcpy(block + SUM, octal, 6);
    block[SUM + 7] = ' ';
    return VMG_OK;
}

/* An octal field, ended by a NUL or a space; SIZE_MAX if it is none. */
static size_t octal_field(const uint8_t *p, int width)
{
    size_t v = 0;
    int i = 0;
    for (; i < width && p[i] >= '0' && p[i] <= '7'; i++)
        v = v << 3 | (size_t)(p[i] - '0');
    return i > 0 && (i == width || p[i] == 0 || p[i] == ' ') ? v : SIZE_MAX;
}

int vmg_tar_open(const uint8_t *data, size_t size, const char *name, const uint8_t **content,
                 size_t *content_bytes)
{
    if (size < VMG_TAR_BLOCK)
        return vmg_fail(VMG_E_FORMAT, "%zu bytes hold no tar header", size);
    if (octal_field(data + SUM, 7) != checksum(data))
        return vmg_fail(VMG_E_FORMAT, "the tar header's checksum is wrong");
    if (strncmp((const char *)data + NAME, name, 100))
        return vmg_fail(VMG_E_FORMAT, "found member \"%.99s\", expected \"%s\"",
                        (const char *)data + NAME, name);
    size_t n = octal_field(data + SIZE, SIZE_WIDTH);
    if (n > size - VMG_TAR_BLOCK)
        return vmg_fail(VMG_E_FORMAT, "member \"%s\" announces more bytes than there are", name);
    *content = data + VMG_TAR_BLOCK;
    *content_bytes = n;
    return VMG_OK;
}
