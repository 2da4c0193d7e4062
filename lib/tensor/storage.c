/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Storage with a count of the tensors on it, and the tensors' life. */
#include "tensor/storage.h"
#include "base/memory.h"
#include "base/status.h"

#include <stdatomic.h>
#include <string.h>

struct tn_storage {
    atomic_size_t tensors;
    tn_allocator allocator;
    void *data;
    size_t bytes;
};

static tn_status storage_create(const tn_allocator *allocator, size_t bytes, bool zeroed, tn_storage **out)
{
    tn_storage *storage;
    TN_TRY(tn_alloc(allocator, sizeof *storage, "a tensor's storage", &storage));
    atomic_init(&storage->tensors, 1);
    storage->allocator = tn_allocator_or_default(allocator);
    storage->bytes = bytes;
    tn_status status = zeroed ? tn_alloc(allocator, bytes, "a tensor's elements", &storage->data)
                              : tn_alloc_raw(allocator, bytes, "a tensor's elements", &storage->data);
    if (status == TN_OK)
        *out = storage;
    else
        tn_release(allocator, storage, sizeof *storage);
    return status;
}

static void storage_release(tn_storage *storage)
{
    if (!storage || atomic_fetch_sub_explicit(&storage->tensors, 1, memory_order_acq_rel) != 1)
        return;
    tn_allocator allocator = storage->allocator;
    tn_release(&allocator, storage->data, storage->bytes);
    tn_release(&allocator, storage, sizeof *storage);
}

static tn_status dtype_check(tn_dtype dtype)
{
    if (tn_dtype_size(dtype) == 0)
        return TN_FAIL(TN_ERR_INVALID, "tensor: dtype is %d, which is no tn_dtype", (int)dtype);
    return TN_OK;
}

/** A handle of `shape` without elements. */
static tn_status handle_create(const tn_allocator *allocator, tn_dtype dtype, const tn_shape *shape, tn_tensor **out)
{
    tn_tensor *tensor;
    int64_t size;
    TN_TRY(tn_allocator_check(allocator));
    TN_TRY(dtype_check(dtype));
    TN_TRY(tn_shape_size(shape, &size));
    TN_TRY(tn_alloc(allocator, sizeof *tensor, "a tensor", &tensor));
    tensor->allocator = tn_allocator_or_default(allocator);
    tensor->dtype = dtype;
    tensor->shape = *shape;
    tensor->size = size;
    *out = tensor;
    return TN_OK;
}

static tn_status create(const tn_allocator *allocator, tn_dtype dtype, const tn_shape *shape, bool zeroed,
                        tn_tensor **out)
{
    tn_tensor *tensor;
    TN_TRY(handle_create(allocator, dtype, shape, &tensor));
    size_t bytes = (size_t)tensor->size * tn_dtype_size(dtype);
    tn_status status = storage_create(allocator, bytes > 0 ? bytes : 1, zeroed, &tensor->storage);
    if (status == TN_OK) {
        tensor->data = tensor->storage->data;
        *out = tensor;
    } else {
        tn_release(allocator, tensor, sizeof *tensor);
    }
    return status;
}

static tn_status shape_read(int rank, const int64_t *dims, tn_shape *out)
{
    if (rank < 0 || rank > TN_MAX_RANK)
        return TN_FAIL(TN_ERR_INVALID, "tensor: rank is %d, must be 0 to %d", rank, TN_MAX_RANK);
    if (rank > 0 && !dims)
        return TN_FAIL(TN_ERR_INVALID, "tensor: dims is NULL");
    *out = (tn_shape){.rank = rank};
    for (int i = 0; i < rank; i++)
        out->dims[i] = dims[i];
    return TN_OK;
}

static tn_status out_check(const void *out)
{
    return out ? TN_OK : TN_FAIL(TN_ERR_INVALID, "tensor: out is NULL");
}

tn_status tn_tensor_create(const tn_allocator *allocator, tn_dtype dtype, int rank, const int64_t *dims,
                           tn_tensor **out)
{
    tn_shape shape;
    TN_TRY(out_check(out));
    TN_TRY(shape_read(rank, dims, &shape));
    return create(allocator, dtype, &shape, true, out);
}

tn_status tn_tensor_create_raw(const tn_allocator *allocator, tn_dtype dtype, const tn_shape *shape, tn_tensor **out)
{
    return create(allocator, dtype, shape, false, out);
}

tn_status tn_tensor_from_data(const tn_allocator *allocator, tn_dtype dtype, int rank, const int64_t *dims,
                              const void *data, tn_tensor **out)
{
    tn_shape shape;
    tn_tensor *tensor;
    TN_TRY(out_check(out));
    if (!data)
        return TN_FAIL(TN_ERR_INVALID, "tn_tensor_from_data: data is NULL");
    TN_TRY(shape_read(rank, dims, &shape));
    TN_TRY(create(allocator, dtype, &shape, false, &tensor));
    memcpy(tensor->data, data, tn_tensor_bytes(tensor));
    *out = tensor;
    return TN_OK;
}

tn_status tn_tensor_wrap(const tn_allocator *allocator, tn_dtype dtype, int rank, const int64_t *dims, void *data,
                         tn_tensor **out)
{
    tn_shape shape;
    tn_tensor *tensor;
    TN_TRY(out_check(out));
    TN_TRY(dtype_check(dtype));
    if (!data)
        return TN_FAIL(TN_ERR_INVALID, "tn_tensor_wrap: data is NULL");
    if ((uintptr_t)data % tn_dtype_size(dtype) != 0)
        return TN_FAIL(TN_ERR_INVALID, "tn_tensor_wrap: data is not aligned to its elements of %zu bytes",
                       tn_dtype_size(dtype));
    TN_TRY(shape_read(rank, dims, &shape));
    TN_TRY(handle_create(allocator, dtype, &shape, &tensor));
    tensor->data = data;
    *out = tensor;
    return TN_OK;
}

void tn_tensor_borrow(tn_tensor *tensor, const tn_shape *shape, float *data)
{
    int64_t size = 1;
    for (int i = 0; i < shape->rank; i++)
        size *= shape->dims[i];
    *tensor = (tn_tensor){.allocator = tn_allocator_or_default(NULL), /* of views that are made of it */
                          .dtype = TN_F32,
                          .shape = *shape,
                          .size = size,
                          .data = data};
}

void tn_tensor_destroy(tn_tensor **tensor)
{
    if (!tensor || !*tensor)
        return;
    tn_allocator allocator = (*tensor)->allocator;
    storage_release((*tensor)->storage);
    tn_release(&allocator, *tensor, sizeof **tensor);
    *tensor = NULL;
}

/** A handle on part of a tensor's elements. */
static tn_status view(const tn_allocator *allocator, const tn_tensor *tensor, const tn_shape *shape, void *data,
                      tn_tensor **out)
{
    tn_tensor *handle;
    TN_TRY(handle_create(allocator, tensor->dtype, shape, &handle));
    handle->data = data;
    handle->storage = tensor->storage;
    if (handle->storage)
        atomic_fetch_add_explicit(&handle->storage->tensors, 1, memory_order_relaxed);
    *out = handle;
    return TN_OK;
}

tn_status tn_tensor_share(const tn_allocator *allocator, const tn_tensor *tensor, tn_tensor **out)
{
    return view(allocator, tensor, &tensor->shape, tensor->data, out);
}

/** Put a number in place of the one -1 that a shape may have. */
static tn_status fill_in(tn_shape *shape, const tn_tensor *tensor)
{
    int open = -1;
    int64_t known = 1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < -1)
            return TN_FAIL(TN_ERR_INVALID, "tn_tensor_reshape: dimension %d is %lld", i, (long long)shape->dims[i]);
        if (shape->dims[i] == -1 && open >= 0)
            return TN_FAIL(TN_ERR_INVALID, "tn_tensor_reshape: more than one dimension is -1");
        if (shape->dims[i] == -1)
            open = i;
        else if (!tn_mul_i64(known, shape->dims[i], &known))
            return TN_FAIL(TN_ERR_OVERFLOW, "tn_tensor_reshape: the new shape has too many elements");
    }
    if (open < 0)
        return TN_OK;
    if (known <= 0 || tensor->size % known != 0) {
        char from[TN_SHAPE_TEXT], to[TN_SHAPE_TEXT];
        return TN_FAIL(TN_ERR_SHAPE, "tn_tensor_reshape: the elements of %s do not fill %s",
                       tn_shape_text(&tensor->shape, from, sizeof from), tn_shape_text(shape, to, sizeof to));
    }
    shape->dims[open] = tensor->size / known;
    return TN_OK;
}

tn_status tn_tensor_reshape(tn_tensor *tensor, int rank, const int64_t *dims, tn_tensor **out)
{
    tn_shape shape;
    int64_t size;
    TN_TRY(out_check(out));
    if (!tensor)
        return TN_FAIL(TN_ERR_INVALID, "tn_tensor_reshape: tensor is NULL");
    TN_TRY(shape_read(rank, dims, &shape));
    TN_TRY(fill_in(&shape, tensor));
    TN_TRY(tn_shape_size(&shape, &size));
    if (size != tensor->size) {
        char from[TN_SHAPE_TEXT], to[TN_SHAPE_TEXT];
        return TN_FAIL(TN_ERR_SHAPE, "tn_tensor_reshape: %s has another number of elements than %s",
                       tn_shape_text(&shape, to, sizeof to), tn_shape_text(&tensor->shape, from, sizeof from));
    }
    return view(&tensor->allocator, tensor, &shape, tensor->data, out);
}

tn_status tn_tensor_slice(tn_tensor *tensor, int64_t start, int64_t count, tn_tensor **out)
{
    TN_TRY(out_check(out));
    if (!tensor)
        return TN_FAIL(TN_ERR_INVALID, "tn_tensor_slice: tensor is NULL");
    if (tensor->shape.rank == 0)
        return TN_FAIL(TN_ERR_INVALID, "tn_tensor_slice: a scalar has no first dimension");
    int64_t total = tensor->shape.dims[0];
    if (start < 0 || count < 0 || start > total || count > total - start)
        return TN_FAIL(TN_ERR_INVALID, "tn_tensor_slice: %lld entries from %lld are not inside %lld", (long long)count,
                       (long long)start, (long long)total);
    tn_shape shape = tensor->shape;
    shape.dims[0] = count;
    size_t each = total > 0 ? tn_tensor_bytes(tensor) / (size_t)total : 0;
    return view(&tensor->allocator, tensor, &shape, (char *)tensor->data + (size_t)start * each, out);
}

tn_status tn_tensor_clone(const tn_allocator *allocator, const tn_tensor *tensor, tn_tensor **out)
{
    tn_tensor *copy;
    TN_TRY(out_check(out));
    if (!tensor)
        return TN_FAIL(TN_ERR_INVALID, "tn_tensor_clone: tensor is NULL");
    TN_TRY(create(allocator, tensor->dtype, &tensor->shape, false, &copy));
    memcpy(copy->data, tensor->data, tn_tensor_bytes(tensor));
    *out = copy;
    return TN_OK;
}
