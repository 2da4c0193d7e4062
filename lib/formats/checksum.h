/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The checksum of a whole file: CRC-32 as eight lower-case hexadecimal digits.
 *  Source    ISO 3309, as in RFC 1952 */
#ifndef TN_FORMATS_CHECKSUM_H
#define TN_FORMATS_CHECKSUM_H

#include "formats/bytes_in.h"

#define TN_CHECKSUM_DIGITS 8

/** Go on with a CRC-32, which starts at 0. */
uint32_t tn_checksum_add(uint32_t crc, const void *data, size_t size);
/** Go on with what follows the position of `in`, to its end; the position stays.
 *  Errors    TN_ERR_IO */
TN_WARN_UNUSED tn_status tn_checksum_file(uint32_t *crc, const tn_bytes_in *in);

/** Write a number's `digits` lower-case hexadecimal digits, no NUL. */
void tn_hex_write(uint64_t number, char *text, int digits);
/** Read exactly `digits` (at most 16) lower-case hexadecimal digits; false if there are others. */
bool tn_hex_read(const char *text, int digits, uint64_t *out);

#endif
