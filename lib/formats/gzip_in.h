/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A gzip file, unpacked as it is read. */
#ifndef TN_FORMATS_GZIP_IN_H
#define TN_FORMATS_GZIP_IN_H

#include "formats/bytes_in.h"

/** Deflate makes at most this many bytes from one: 258 bytes from two bits. A file that promises more is lying. */
#define TN_DEFLATE_RATIO 1032

typedef struct tn_gzip_in tn_gzip_in;

/** Unpack what follows the position of `file`, which is borrowed.
 *  Errors    TN_ERR_NO_MEMORY */
TN_WARN_UNUSED tn_status tn_gzip_open(const tn_allocator *allocator, tn_bytes_in *file, tn_gzip_in **out);
void tn_gzip_close(tn_gzip_in **gzip);
/** Read exactly `size` unpacked bytes.
 *  Errors    TN_ERR_FORMAT if the stream is damaged or ends before; TN_ERR_IO; TN_ERR_NO_MEMORY */
TN_WARN_UNUSED tn_status tn_gzip_read(tn_gzip_in *gzip, void *out, uint64_t size, const char *what);
/** Check that the stream ends here, its checksum included.
 *  Errors    as tn_gzip_read; TN_ERR_FORMAT if there is more */
TN_WARN_UNUSED tn_status tn_gzip_finish(tn_gzip_in *gzip);

#endif
