/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Reading a regular file that may lie about itself, and may change while it is read. It is never mapped into memory:
 *  a file that another program truncates then ends in a status instead of SIGBUS. */
#ifndef TN_FORMATS_BYTES_IN_H
#define TN_FORMATS_BYTES_IN_H

#include <tinynet/base.h>

typedef struct tn_bytes_in {
    const char *path; /* the caller's, for messages */
    int fd;           /* -1: closed */
    uint64_t size, position;
} tn_bytes_in;

/** Open for reading. Anything but a regular file is refused, without waiting for a FIFO's writer.
 *  Errors    TN_ERR_IO */
TN_WARN_UNUSED tn_status tn_bytes_open(tn_bytes_in *in, const char *path);
void tn_bytes_close(tn_bytes_in *in); /**< a closed one is fine */

/** Bytes between the position and the end, as of opening. */
static inline uint64_t tn_bytes_remain(const tn_bytes_in *in)
{
    return in->size - in->position;
}

/** Read exactly `size` bytes at the position. `what` says what they are ("the header").
 *  Errors    TN_ERR_FORMAT if fewer remain (nothing is read then); TN_ERR_IO, also if the file has become shorter */
TN_WARN_UNUSED tn_status tn_bytes_read(tn_bytes_in *in, void *out, uint64_t size, const char *what);
/** As tn_bytes_read, at `offset`; the position stays. */
TN_WARN_UNUSED tn_status tn_bytes_read_at(const tn_bytes_in *in, uint64_t offset, void *out, uint64_t size,
                                          const char *what);

static inline uint32_t tn_load_le16(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}
static inline uint32_t tn_load_le32(const unsigned char *bytes)
{
    return tn_load_le16(bytes) | tn_load_le16(bytes + 2) << 16;
}
static inline uint64_t tn_load_le64(const unsigned char *bytes)
{
    return (uint64_t)tn_load_le32(bytes) | (uint64_t)tn_load_le32(bytes + 4) << 32;
}
static inline uint32_t tn_load_be32(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3];
}

/* Elements go between memory and files as they are; the files are little-endian. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the formats are written for little-endian machines");

#endif
