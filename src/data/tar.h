/* POSIX tar (ustar) members: one header block and padding to blocks of 512 bytes. */
#ifndef VMG_SRC_DATA_TAR_H
#define VMG_SRC_DATA_TAR_H

#include <stddef.h>
#include <stdint.h>

enum { VMG_TAR_BLOCK = 512, VMG_TAR_MAX_NAME = 99 };

/* Bytes that a member with so much content takes: header, content, padding. */
size_t vmg_tar_member_bytes(size_t content_bytes);

/* The header of a regular file (mode 0644, time 0, so that equal data make equal archives).
 * VMG_E_ARG for names that are empty or longer than VMG_TAR_MAX_NAME. */
int vmg_tar_header(const char *name, size_t content_bytes, uint8_t block[VMG_TAR_BLOCK]);

/*
 * A member at the start of data: its content, *content_bytes long, inside it. VMG_E_FORMAT when the
 * checksum is wrong, the name is not `name`, or the content does not fit.
 */
int vmg_tar_open(const uint8_t *data, size_t size, const char *name, const uint8_t **content,
                 size_t *content_bytes);

#endif
