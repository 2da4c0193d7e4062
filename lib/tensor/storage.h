/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What a tensor is inside: a shape over counted storage, and shape arithmetic. */
#ifndef TN_TENSOR_STORAGE_H
#define TN_TENSOR_STORAGE_H

#include <tinynet/layer.h> /* tn_shape */
#include <tinynet/tensor.h>

/** Memory that tensors share. The count is atomic: views may be destroyed in different threads. */
typedef struct tn_storage tn_storage;

struct tn_tensor {
    tn_allocator allocator; /* of the handle */
    tn_storage *storage;    /* NULL: borrowed memory (tn_tensor_wrap, tn_tensor_borrow) */
    tn_dtype dtype;
    tn_shape shape;
    int64_t size; /* elements */
    void *data;
};

/** Number of elements of a shape, checked: rank within 0..TN_MAX_RANK, first dimension >= 0, others >= 1.
 *  Errors    TN_ERR_INVALID, TN_ERR_OVERFLOW (elements, or bytes at 8 an element, beyond PTRDIFF_MAX) */
TN_WARN_UNUSED tn_status tn_shape_size(const tn_shape *shape, int64_t *out);
bool tn_shape_equal(const tn_shape *a, const tn_shape *b);
/** "[128,26,26,96]" for messages, into text[size]; returns text. */
const char *tn_shape_text(const tn_shape *shape, char *text, size_t size);
#define TN_SHAPE_TEXT 192

/** Make `*tensor`, a struct of the caller's, a handle on borrowed float memory; never destroyed. */
void tn_tensor_borrow(tn_tensor *tensor, const tn_shape *shape, float *data);

/** Create a float tensor whose contents are undefined. */
TN_WARN_UNUSED tn_status tn_tensor_create_raw(const tn_allocator *allocator, tn_dtype dtype, const tn_shape *shape,
                                              tn_tensor **out);
/** Create another handle on all of a tensor's elements, the handle itself from `allocator`. */
TN_WARN_UNUSED tn_status tn_tensor_share(const tn_allocator *allocator, const tn_tensor *tensor, tn_tensor **out);
/** Check that a tensor is there and of the type; `what` names it ("tn_gemm: a"). */
TN_WARN_UNUSED tn_status tn_tensor_check(const tn_tensor *tensor, tn_dtype dtype, const char *what);
/** True if two tensors have bytes in common; an empty one has none. */
bool tn_tensor_overlaps(const tn_tensor *a, const tn_tensor *b);

#endif
