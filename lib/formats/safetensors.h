/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  An open safetensors file, and what weights and checkpoints need beyond the public functions. */
#ifndef TN_FORMATS_SAFETENSORS_H
#define TN_FORMATS_SAFETENSORS_H

#include "formats/bytes_in.h"
#include "formats/json_header.h"

#include <tinynet/io.h>

struct tn_safetensors {
    tn_json_header header; /* with the allocator */
    tn_bytes_in in;        /* its position is where the data starts */
    size_t path_size;      /* of in.path, which is owned, with its NUL */
};

/** Values of TN_FORMAT_KEY; the number is the version. */
#define TN_FORMAT_TENSORS "tensors 1"
#define TN_FORMAT_CHECKPOINT "checkpoint 1"

/** Load tensor `index` < tn_safetensors_count.
 *  Errors    as tn_safetensors_load */
TN_WARN_UNUSED tn_status tn_safetensors_load_index(tn_safetensors *file, size_t index, tn_tensor **out);
/** Check that tensor `name` is there, F32 and of the shape; `owner` says who expects it ("model").
 *  Errors    TN_NOT_FOUND, TN_ERR_TYPE, TN_ERR_SHAPE; the detail names the file, the tensor and both shapes */
TN_WARN_UNUSED tn_status tn_safetensors_expect(const tn_safetensors *file, const char *name, const char *owner,
                                               const tn_tensor *expected, size_t *index);
/** Save with any metadata; TN_CHECKSUM_KEY is added as the first.
 *  Errors    TN_ERR_INVALID (names or keys that come twice or are no UTF-8), TN_ERR_NO_MEMORY, TN_ERR_IO */
TN_WARN_UNUSED tn_status tn_safetensors_write(const tn_allocator *allocator, const char *path, size_t count,
                                              const char *const *names, const tn_tensor *const *tensors,
                                              const tn_metadata *metadata, size_t metadata_count);
/** Check the caller's part of the metadata: no NULL, none of the library's keys. `function` is for messages. */
TN_WARN_UNUSED tn_status tn_metadata_check(const char *function, const tn_metadata *metadata, size_t count);

#endif
