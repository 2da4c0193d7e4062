/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Writing elements: copies, constants, random numbers, other orders of axes. */
#include "base/random.h"
#include "base/status.h"
#include "tensor/storage.h"

#include <math.h>
#include <string.h>

tn_status tn_tensor_copy(tn_tensor *tensor, const tn_tensor *source)
{
    char own[TN_SHAPE_TEXT], other[TN_SHAPE_TEXT];
    if (!tensor || !source)
        return TN_FAIL(TN_ERR_INVALID, "tn_tensor_copy: %s is NULL", tensor ? "source" : "tensor");
    if (tensor->dtype != source->dtype)
        return TN_FAIL(TN_ERR_TYPE, "tn_tensor_copy: source has another element type than tensor");
    if (!tn_shape_equal(&tensor->shape, &source->shape))
        return TN_FAIL(TN_ERR_SHAPE, "tn_tensor_copy: source is %s, tensor is %s",
                       tn_shape_text(&source->shape, other, sizeof other),
                       tn_shape_text(&tensor->shape, own, sizeof own));
    memmove(tensor->data, source->data, tn_tensor_bytes(source));
    return TN_OK;
}

/** The least and greatest number of a type, as doubles that truncate into it. */
static bool fits(tn_dtype dtype, double value)
{
    switch (dtype) {
    case TN_F32:
        return isnan(value) || isinf(value) || fabs(value) < 0x1.ffffffp+127;
    case TN_I32:
        return value > -2147483649.0 && value < 2147483648.0;
    case TN_I64:
        /* cppcheck-suppress incorrectLogicOperator ; it does not read hexadecimal exponents */
        return value >= -0x1p63 && value < 0x1p63;
    default:
        return value > -1.0 && value < 256.0;
    }
}

static void fill(tn_tensor *tensor, double value)
{
    int64_t size = tensor->size;
    float *f32 = tensor->data;
    int32_t *i32 = tensor->data;
    int64_t *i64 = tensor->data;
    switch (tensor->dtype) {
    case TN_F32:
        for (int64_t i = 0; i < size; i++)
            f32[i] = (float)value;
        break;
    case TN_I32:
        for (int64_t i = 0; i < size; i++)
            i32[i] = (int32_t)value;
        break;
    case TN_I64:
        for (int64_t i = 0; i < size; i++)
            i64[i] = (int64_t)value;
        break;
    case TN_U8:
        memset(tensor->data, (int)value, (size_t)size);
        break;
    }
}

tn_status tn_tensor_fill(tn_tensor *tensor, double value)
{
    if (!tensor)
        return TN_FAIL(TN_ERR_INVALID, "tn_tensor_fill: tensor is NULL");
    if (!fits(tensor->dtype, value))
        return TN_FAIL(TN_ERR_INVALID, "tn_tensor_fill: value %g does not fit the tensor's elements", value);
    fill(tensor, value);
    return TN_OK;
}

tn_status tn_tensor_fill_uniform(tn_tensor *tensor, float low, float high, uint64_t seed)
{
    TN_TRY(tn_tensor_check(tensor, TN_F32, "tn_tensor_fill_uniform: tensor"));
    if (!(low <= high) || isinf(low) || isinf(high))
        return TN_FAIL(TN_ERR_INVALID, "tn_tensor_fill_uniform: [%g,%g) is no range of finite numbers", (double)low,
                       (double)high);
    tn_random_uniform(seed, low, high, tensor->data, tensor->size);
    return TN_OK;
}

/* --- transposition */

static tn_status axes_check(const tn_tensor *tensor, const int *axes)
{
    bool seen[TN_MAX_RANK] = {false};
    for (int i = 0; i < tensor->shape.rank; i++) {
        if (axes[i] < 0 || axes[i] >= tensor->shape.rank || seen[axes[i]])
            return TN_FAIL(TN_ERR_INVALID, "tn_tensor_transpose: axes[%d] is %d, axes is no permutation of 0 to %d", i,
                           axes[i], tensor->shape.rank - 1);
        seen[axes[i]] = true;
    }
    return TN_OK;
}

/** Walk the copy in its own order, stepping through the source by strides. */
static void gather(const tn_tensor *from, const int *axes, tn_tensor *to)
{
    int rank = from->shape.rank;
    size_t each = tn_dtype_size(from->dtype);
    int64_t own[TN_MAX_RANK], stride[TN_MAX_RANK], index[TN_MAX_RANK] = {0}, at = 0, step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        own[i] = step;
        step *= from->shape.dims[i];
    }
    for (int i = 0; i < rank; i++)
        stride[i] = own[axes[i]]; /* cppcheck-suppress uninitvar ; axes are a permutation of 0..rank-1 */
    for (int64_t i = 0; i < to->size; i++) {
        memcpy((char *)to->data + (size_t)i * each, (const char *)from->data + (size_t)at * each, each);
        for (int axis = rank - 1; axis >= 0; axis--) {
            at += stride[axis];
            if (++index[axis] < to->shape.dims[axis])
                break;
            at -= stride[axis] * to->shape.dims[axis];
            index[axis] = 0;
        }
    }
}

tn_status tn_tensor_transpose(const tn_allocator *allocator, const tn_tensor *tensor, const int *axes, tn_tensor **out)
{
    tn_tensor *copy;
    if (!tensor || !out || (!axes && tensor->shape.rank > 0))
        return TN_FAIL(TN_ERR_INVALID, "tn_tensor_transpose: %s is NULL", !tensor ? "tensor" : !out ? "out" : "axes");
    TN_TRY(axes_check(tensor, axes));
    tn_shape shape = tensor->shape;
    for (int i = 0; i < shape.rank; i++)
        shape.dims[i] = tensor->shape.dims[axes[i]];
    for (int i = 1; i < shape.rank; i++)
        if (shape.dims[i] == 0)
            return TN_FAIL(TN_ERR_SHAPE, "tn_tensor_transpose: an empty batch must stay the first axis");
    TN_TRY(tn_tensor_create_raw(allocator, tensor->dtype, &shape, &copy));
    gather(tensor, axes, copy);
    *out = copy;
    return TN_OK;
}
