/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  CRC-32 over memory and files; hexadecimal in one spelling only. */
#include "formats/checksum.h"

#include "base/status.h"

#include <zlib.h>

#define CHUNK 16384

uint32_t tn_checksum_add(uint32_t crc, const void *data, size_t size)
{
    return size == 0 ? crc : (uint32_t)crc32_z(crc, data, size);
}

tn_status tn_checksum_file(uint32_t *crc, const tn_bytes_in *in)
{
    unsigned char chunk[CHUNK];
    for (uint64_t offset = in->position; offset < in->size;) {
        uint64_t left = in->size - offset, count = left < CHUNK ? left : CHUNK;
        TN_TRY(tn_bytes_read_at(in, offset, chunk, count, "its data"));
        *crc = tn_checksum_add(*crc, chunk, (size_t)count);
        offset += count;
    }
    return TN_OK;
}

void tn_hex_write(uint64_t number, char *text, int digits)
{
    for (int i = digits - 1; i >= 0; i--, number >>= 4)
        text[i] = "0123456789abcdef"[number & 15];
}

bool tn_hex_read(const char *text, int digits, uint64_t *out)
{
    uint64_t number = 0;
    for (int i = 0; i < digits; i++) {
        bool decimal = text[i] >= '0' && text[i] <= '9', letter = text[i] >= 'a' && text[i] <= 'f';
        if (!decimal && !letter)
            return false;
        number = number << 4 | (uint64_t)(decimal ? text[i] - '0' : text[i] - 'a' + 10);
    }
    *out = number;
    return true;
}
