/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Operations on tensors. */
#include "machine.h"

static void expect(tn_status status)
{
    if (status != TN_OK)
        require_failure(status);
}

static int take_dims(machine *m, int64_t *dims)
{
    int rank = take_byte(m) % 8 == 0 ? take_byte(m) % 11 - 1 : take_byte(m) % 5;
    for (int i = 0; i < rank && i < TN_MAX_RANK; i++)
        dims[i] = take_size(m);
    return rank;
}

static void create(machine *m)
{
    int64_t dims[TN_MAX_RANK] = {0};
    tn_tensor *made = NULL;
    tn_dtype dtype = (tn_dtype)(take_byte(m) % 5);
    int rank = take_dims(m, dims);
    tn_status status = tn_tensor_create(&m->allocator, dtype, rank, dims, &made);
    keep_tensor(m, status, made);
}

/* Images and their classes, which most of the other operations need. */
static void create_images(machine *m)
{
    tn_tensor *images = NULL, *classes = NULL;
    int64_t count = take_byte(m) % 8, side = 4 + take_byte(m) % 12;
    tn_status status = tn_tensor_create(&m->allocator, take_bool(m) ? TN_F32 : TN_U8, 4,
                                        (int64_t[]){count, side, side, 1 + take_byte(m) % 4}, &images);
    keep_tensor(m, status, images);
    status = tn_tensor_create(&m->allocator, (tn_dtype)(1 + take_byte(m) % 3), 1, &count, &classes);
    keep_tensor(m, status, classes);
}

static void views(machine *m)
{
    int64_t dims[TN_MAX_RANK] = {0};
    tn_tensor *made = NULL;
    int rank = take_dims(m, dims);
    tn_status status = tn_tensor_reshape(take_tensor(m), rank, dims, &made);
    keep_tensor(m, status, made);
    made = NULL;
    int64_t start = take_size(m), count = take_size(m);
    status = tn_tensor_slice(take_tensor(m), start, count, &made);
    keep_tensor(m, status, made);
}

static void copies(machine *m)
{
    tn_tensor *made = NULL;
    tn_status status = tn_tensor_clone(&m->allocator, take_tensor(m), &made);
    keep_tensor(m, status, made);
    int axes[TN_MAX_RANK];
    for (int i = 0; i < TN_MAX_RANK; i++)
        axes[i] = take_byte(m) % 5 - (take_byte(m) == 0);
    made = NULL;
    status = tn_tensor_transpose(&m->allocator, take_tensor(m), axes, &made);
    keep_tensor(m, status, made);
    tn_tensor *to = take_tensor(m);
    expect(tn_tensor_copy(to, take_tensor(m)));
}

static void fill(machine *m)
{
    expect(tn_tensor_fill(take_tensor(m), take_real(m)));
    float low = (float)take_real(m), high = (float)take_real(m);
    expect(tn_tensor_fill_uniform(take_tensor(m), low, high, take_byte(m)));
}

static void gemm(machine *m)
{
    tn_gemm_options options = {.struct_size = sizeof options};
    options.alpha = (float)take_real(m);
    options.beta = (float)take_real(m);
    options.transpose_a = take_bool(m);
    options.transpose_b = take_bool(m);
    options.literal = take_bool(m);
    options.threads = take_byte(m) % 16 == 0 ? (int)take_size(m) % 300 : 1;
    tn_tensor *a = take_tensor(m), *b = take_tensor(m), *c = take_tensor(m);
    expect(tn_gemm(&options, a, b, take_bool(m) ? c : NULL, take_tensor(m)));
}

static void maps(machine *m)
{
    tn_tensor *x = take_tensor(m), *y = take_tensor(m);
    int axis = (int)(take_size(m) % 100);
    expect(tn_softmax_tensor(x, axis, y));
    expect(tn_log_softmax_tensor(x, axis, y));
    expect(tn_dropout_apply(x, take_tensor(m), (float)take_real(m), y));
    expect(tn_resize_bilinear(x, y));
}

static void ask(machine *m)
{
    const tn_tensor *tensor = take_tensor(m);
    int axis = (int)(take_size(m) % 100);
    require(tn_tensor_dim(tensor, axis) >= -1);
    require(tn_tensor_bytes(tensor) == (size_t)tn_tensor_size(tensor) * tn_dtype_size(tn_tensor_dtype(tensor)));
}

operation *const tensor_operations[] = {create, create_images, create_images, views, copies,
                                        fill,   gemm,          maps,          ask,   NULL};
