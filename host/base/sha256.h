/* SHA-256 (FIPS 180-4): cache keys and file identities. */
#ifndef VMG_HOST_BASE_SHA256_H
#define VMG_HOST_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct vmg_sha256 {
    uint32_t state[8];
    uint64_t n_bytes;
    uint8_t block[64];
} vmg_sha256;

void vmg_sha256_init(vmg_sha256 *s);
void vmg_sha256_update(vmg_sha256 *s, const void *data, size_t n);
void vmg_sha256_final(vmg_sha256 *s, uint8_t digest[32]);

/* Digest as 64 lower-case hexadecimal digits and a terminating NUL. */
void vmg_sha256_hex(const uint8_t digest[32], char hex[65]);

#endif
