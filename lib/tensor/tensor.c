/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What a tensor tells of itself. */
#include "base/status.h"
#include "tensor/storage.h"

size_t tn_dtype_size(tn_dtype dtype)
{
    static const size_t sizes[] = {[TN_F32] = 4, [TN_I32] = 4, [TN_I64] = 8, [TN_U8] = 1};
    return (size_t)dtype < sizeof sizes / sizeof sizes[0] ? sizes[dtype] : 0;
}

tn_dtype tn_tensor_dtype(const tn_tensor *tensor)
{
    return tensor ? tensor->dtype : TN_F32;
}

int tn_tensor_rank(const tn_tensor *tensor)
{
    return tensor ? tensor->shape.rank : 0;
}

int64_t tn_tensor_dim(const tn_tensor *tensor, int axis)
{
    int rank = tn_tensor_rank(tensor);
    if (axis < -rank || axis >= rank)
        return -1;
    return tensor->shape.dims[axis < 0 ? axis + rank : axis];
}

int64_t tn_tensor_size(const tn_tensor *tensor)
{
    return tensor ? tensor->size : 0;
}

size_t tn_tensor_bytes(const tn_tensor *tensor)
{
    return tensor ? (size_t)tensor->size * tn_dtype_size(tensor->dtype) : 0;
}

void *tn_tensor_data(tn_tensor *tensor)
{
    return tensor ? tensor->data : NULL;
}

const void *tn_tensor_const_data(const tn_tensor *tensor)
{
    return tensor ? tensor->data : NULL;
}

float *tn_tensor_f32(tn_tensor *tensor)
{
    return tensor && tensor->dtype == TN_F32 ? tensor->data : NULL;
}

const float *tn_tensor_const_f32(const tn_tensor *tensor)
{
    return tensor && tensor->dtype == TN_F32 ? tensor->data : NULL;
}

/** Of a tensor's type, which is one of these. */
static const char *dtype_name(tn_dtype dtype)
{
    static const char *const names[] = {[TN_F32] = "f32", [TN_I32] = "i32", [TN_I64] = "i64", [TN_U8] = "u8"};
    return names[dtype];
}

tn_status tn_tensor_check(const tn_tensor *tensor, tn_dtype dtype, const char *what)
{
    if (!tensor)
        return TN_FAIL(TN_ERR_INVALID, "%s is NULL", what);
    if (tensor->dtype != dtype)
        return TN_FAIL(TN_ERR_TYPE, "%s is %s, must be %s", what, dtype_name(tensor->dtype), dtype_name(dtype));
    return TN_OK;
}

bool tn_tensor_overlaps(const tn_tensor *a, const tn_tensor *b)
{
    uintptr_t from_a = (uintptr_t)a->data, from_b = (uintptr_t)b->data;
    return a->size > 0 && b->size > 0 && from_a < from_b + tn_tensor_bytes(b) && from_b < from_a + tn_tensor_bytes(a);
}
