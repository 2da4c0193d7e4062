/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The dictionary in a .npy file: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }. */
#ifndef TN_FORMATS_NPY_HEADER_H
#define TN_FORMATS_NPY_HEADER_H

#include "tensor/storage.h"

typedef struct tn_npy_header {
    tn_dtype dtype;
    tn_shape shape;
    uint64_t bytes; /* of the elements */
} tn_npy_header;

#define TN_NPY_HEADER_TEXT 320 /* enough for eight dimensions of any size */

/** Parse text[length]; the keys come in any order, each once.
 *  @param path  for messages
 *  Errors    TN_ERR_FORMAT; TN_ERR_UNSUPPORTED (types, Fortran order, rank, zero dimensions); TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_npy_header_parse(const char *path, const char *text, size_t length, tn_npy_header *out);
/** Write the dictionary, without a newline; returns its length. */
size_t tn_npy_header_write(const tn_tensor *tensor, char *out, size_t size);

#endif
