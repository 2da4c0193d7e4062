/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Shapes, tensors, views on shared storage, values. */
#include "loans.h"
#include "suite.h"
#include "tensor/storage.h"

#include <math.h>
#include <pthread.h>

#define DIMS(...)                                                                                                      \
    (int64_t[])                                                                                                        \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

START_TEST(test_shapes)
{
    int64_t size = -1;
    char text[TN_SHAPE_TEXT];
    const tn_shape good = {3, {0, 4, 5}}, scalar = {0}, huge = {3, {INT64_MAX / 2, 3, 2}}, negative = {1, {-1}};
    const tn_shape no_rank = {-1, {1}}, just_too_large = {1, {INT64_MAX / 8}}, just_fits = {1, {INT64_MAX / 8 - 8}};
    const tn_shape empty_inside = {2, {3, 0}}, behind_zero = {3, {0, INT64_MAX, INT64_MAX}}, deep = {9, {1}};
    ck_ok(tn_shape_size(&good, &size));
    ck_assert_int_eq(size, 0);
    ck_ok(tn_shape_size(&scalar, &size));
    ck_assert_int_eq(size, 1);
    ck_fails(tn_shape_size(&huge, &size), TN_ERR_OVERFLOW, "[4611686018427387903,3,2]");
    ck_fails(tn_shape_size(&behind_zero, &size), TN_ERR_OVERFLOW, "[0,");
    ck_fails(tn_shape_size(&negative, &size), TN_ERR_INVALID, "dimension 0 is -1");
    ck_fails(tn_shape_size(&empty_inside, &size), TN_ERR_INVALID, "dimension 1 is 0");
    ck_fails(tn_shape_size(&deep, &size), TN_ERR_INVALID, "rank is 9");
    ck_fails(tn_shape_size(&no_rank, &size), TN_ERR_INVALID, "rank is -1");
    ck_fails(tn_shape_size(&just_too_large, &size), TN_ERR_OVERFLOW, "too many");
    ck_assert_int_eq(size, 1);
    ck_ok(tn_shape_size(&just_fits, &size)); /* in bytes of the largest elements, with room to align */
    ck_assert_int_eq(size, INT64_MAX / 8 - 8);
    ck_assert_str_eq(tn_shape_text(&good, text, sizeof text), "[0,4,5]");
    ck_assert_str_eq(tn_shape_text(&good, text, 4), "[0,");
    ck_assert_str_eq(tn_shape_text(&deep, text, sizeof text), "[1,0,0,0,0,0,0,0]"); /* those that there are */
    ck_assert_ptr_eq(tn_shape_text(&good, text + 3, 0), text + 3);
    ck_assert_str_eq(text, "[1,0,0,0,0,0,0,0]");
    ck_assert(tn_shape_equal(&good, &good) && !tn_shape_equal(&good, &scalar));
}
END_TEST

START_TEST(test_create)
{
    static const size_t sizes[] = {4, 4, 8, 1};
    tn_tensor *t = NULL;
    ck_ok(tn_tensor_create(NULL, (tn_dtype)_i, 3, DIMS(2, 3, 5), &t));
    ck_assert_int_eq(tn_tensor_dtype(t), _i);
    ck_assert_int_eq(tn_tensor_size(t), 30);
    ck_assert_uint_eq(tn_tensor_bytes(t), 30 * sizes[_i]);
    ck_assert_int_eq(tn_tensor_dim(t, -1), 5);
    ck_assert_int_eq(tn_tensor_dim(t, 0), 2);
    ck_assert_int_eq(tn_tensor_dim(t, 3), -1);
    ck_assert_int_eq(tn_tensor_dim(t, -4), -1);
    ck_assert_uint_eq((uintptr_t)tn_tensor_data(t) % 64, 0);
    ck_assert((tn_tensor_f32(t) != NULL) == (_i == TN_F32));
    for (size_t i = 0; i < tn_tensor_bytes(t); i++)
        ck_assert_int_eq(((unsigned char *)tn_tensor_data(t))[i], 0);
    tn_tensor_destroy(&t);
    ck_assert_ptr_null(t);
    tn_tensor_destroy(&t);
}
END_TEST

START_TEST(test_create_refused)
{
    tn_tensor *t = NULL;
    int32_t words[2] = {0};
    ck_fails(tn_tensor_create(NULL, (tn_dtype)7, 1, DIMS(1), &t), TN_ERR_INVALID, "dtype is 7");
    ck_fails(tn_tensor_create(NULL, TN_F32, 2, NULL, &t), TN_ERR_INVALID, "dims is NULL");
    ck_fails(tn_tensor_create(NULL, TN_F32, 2, DIMS(1, INT64_MAX), &t), TN_ERR_OVERFLOW, "too many elements");
    ck_fails(tn_tensor_from_data(NULL, TN_F32, 1, DIMS(1), NULL, &t), TN_ERR_INVALID, "data is NULL");
    ck_fails(tn_tensor_wrap(NULL, TN_I32, 1, DIMS(1), (char *)words + 1, &t), TN_ERR_INVALID, "aligned");
    ck_assert_ptr_null(t);
}
END_TEST

START_TEST(test_views_share)
{
    float data[24];
    tn_tensor *t = NULL, *flat = NULL, *part = NULL;
    for (int i = 0; i < 24; i++)
        data[i] = (float)i;
    ck_ok(tn_tensor_from_data(NULL, TN_F32, 3, DIMS(4, 3, 2), data, &t));
    ck_ok(tn_tensor_reshape(t, 2, DIMS(-1, 6), &flat));
    ck_assert_int_eq(tn_tensor_dim(flat, 0), 4);
    ck_ok(tn_tensor_slice(flat, 1, 2, &part));
    tn_tensor_f32(part)[0] = 100.0f;
    ck_assert(tn_tensor_f32(t)[6] == 100.0f);
    tn_tensor_destroy(&t); /* the storage goes with its last tensor */
    tn_tensor_destroy(&flat);
    ck_assert(tn_tensor_f32(part)[0] == 100.0f && tn_tensor_f32(part)[11] == 17.0f);
    tn_tensor_destroy(&part);
}
END_TEST

START_TEST(test_views_refused)
{
    tn_tensor *t = NULL, *scalar = NULL, *v = NULL;
    ck_ok(tn_tensor_create(NULL, TN_U8, 2, DIMS(4, 6), &t));
    ck_ok(tn_tensor_create(NULL, TN_U8, 0, NULL, &scalar));
    ck_fails(tn_tensor_reshape(t, 2, DIMS(5, 5), &v), TN_ERR_SHAPE, "[4,6]");
    ck_fails(tn_tensor_reshape(t, 2, DIMS(-1, 5), &v), TN_ERR_SHAPE, "[4,6] do not fill [-1,5]");
    ck_fails(tn_tensor_reshape(t, 2, DIMS(-1, -1), &v), TN_ERR_INVALID, "-1");
    ck_fails(tn_tensor_slice(t, 3, 2, &v), TN_ERR_INVALID, "not inside 4");
    ck_fails(tn_tensor_slice(t, -1, 2, &v), TN_ERR_INVALID, "from -1");
    ck_fails(tn_tensor_slice(t, INT64_MAX, INT64_MAX, &v), TN_ERR_INVALID, "not inside");
    ck_fails(tn_tensor_slice(scalar, 0, 0, &v), TN_ERR_INVALID, "scalar");
    ck_assert_ptr_null(v);
    tn_tensor_destroy(&t);
    tn_tensor_destroy(&scalar);
}
END_TEST

static void *destroy_there(void *arg)
{
    tn_tensor *t = arg;
    tn_tensor_destroy(&t);
    return NULL;
}

START_TEST(test_views_in_threads)
{
    pthread_t threads[8];
    tn_tensor *t = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 1, DIMS(64), &t));
    for (int i = 0; i < 8; i++) {
        tn_tensor *view = NULL;
        ck_ok(tn_tensor_slice(t, i, 8, &view));
        ck_assert_int_eq(pthread_create(&threads[i], NULL, destroy_there, view), 0);
    }
    tn_tensor_destroy(&t);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

START_TEST(test_copy_and_clone)
{
    tn_tensor *t = NULL, *copy = NULL, *other = NULL, *ints = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 2, DIMS(2, 2), &t));
    ck_ok(tn_tensor_fill(t, 2.5));
    ck_ok(tn_tensor_clone(NULL, t, &copy));
    ck_ok(tn_tensor_fill(t, 0.0));
    ck_assert(tn_tensor_f32(copy)[3] == 2.5f);
    ck_ok(tn_tensor_copy(t, copy));
    ck_assert(tn_tensor_f32(t)[0] == 2.5f);
    ck_ok(tn_tensor_create(NULL, TN_F32, 1, DIMS(4), &other));
    ck_ok(tn_tensor_create(NULL, TN_I32, 2, DIMS(2, 2), &ints));
    ck_fails(tn_tensor_copy(t, other), TN_ERR_SHAPE, "source is [4], tensor is [2,2]");
    ck_fails(tn_tensor_copy(t, ints), TN_ERR_TYPE, "element type");
    tn_tensor_destroy(&t);
    tn_tensor_destroy(&copy);
    tn_tensor_destroy(&other);
    tn_tensor_destroy(&ints);
}
END_TEST

START_TEST(test_fill)
{
    tn_tensor *bytes = NULL, *longs = NULL, *floats = NULL;
    ck_ok(tn_tensor_create(NULL, TN_U8, 1, DIMS(3), &bytes));
    ck_ok(tn_tensor_create(NULL, TN_I64, 1, DIMS(3), &longs));
    ck_ok(tn_tensor_create(NULL, TN_F32, 1, DIMS(3), &floats));
    ck_ok(tn_tensor_fill(bytes, 255.9));
    ck_assert_int_eq(((uint8_t *)tn_tensor_data(bytes))[2], 255);
    ck_fails(tn_tensor_fill(bytes, 256.0), TN_ERR_INVALID, "256");
    ck_fails(tn_tensor_fill(bytes, -1.0), TN_ERR_INVALID, "-1");
    ck_fails(tn_tensor_fill(longs, 0x1p63), TN_ERR_INVALID, "does not fit");
    ck_fails(tn_tensor_fill(longs, (double)NAN), TN_ERR_INVALID, "does not fit");
    ck_ok(tn_tensor_fill(longs, -0x1p63));
    ck_assert_int_eq(((int64_t *)tn_tensor_data(longs))[1], INT64_MIN);
    ck_ok(tn_tensor_fill(floats, (double)NAN));
    ck_assert(isnan(tn_tensor_f32(floats)[0]));
    ck_fails(tn_tensor_fill(floats, 1e39), TN_ERR_INVALID, "does not fit");
    tn_tensor_destroy(&bytes);
    tn_tensor_destroy(&longs);
    tn_tensor_destroy(&floats);
}
END_TEST

START_TEST(test_transpose)
{
    tn_tensor *t = NULL, *back = NULL, *turned = NULL;
    ck_ok(tn_tensor_create(NULL, TN_I32, 3, DIMS(2, 3, 4), &t));
    int32_t *from = tn_tensor_data(t);
    for (int i = 0; i < 24; i++)
        from[i] = i;
    ck_ok(tn_tensor_transpose(NULL, t, (int[]){2, 0, 1}, &turned));
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 2; j++)
            for (int k = 0; k < 3; k++)
                ck_assert_int_eq(((int32_t *)tn_tensor_data(turned))[(i * 2 + j) * 3 + k], (j * 3 + k) * 4 + i);
    ck_ok(tn_tensor_transpose(NULL, turned, (int[]){1, 2, 0}, &back));
    ck_assert_mem_eq(tn_tensor_data(back), from, 24 * sizeof *from);
    tn_tensor_destroy(&back);
    ck_fails(tn_tensor_transpose(NULL, t, (int[]){0, 1, 1}, &back), TN_ERR_INVALID, "permutation");
    ck_fails(tn_tensor_transpose(NULL, t, (int[]){0, 1, 3}, &back), TN_ERR_INVALID, "permutation");
    tn_tensor_destroy(&t);
    tn_tensor_destroy(&turned);
}
END_TEST

START_TEST(test_empty_batches)
{
    tn_tensor *t = NULL, *v = NULL, *copy = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 3, DIMS(0, 2, 3), &t));
    ck_assert_int_eq(tn_tensor_size(t), 0);
    ck_assert_uint_eq(tn_tensor_bytes(t), 0);
    ck_assert_ptr_nonnull(tn_tensor_data(t));
    ck_ok(tn_tensor_reshape(t, 2, DIMS(-1, 6), &v));
    ck_assert_int_eq(tn_tensor_dim(v, 0), 0);
    tn_tensor_destroy(&v);
    ck_fails(tn_tensor_reshape(t, 2, DIMS(0, -1), &v), TN_ERR_SHAPE, "[0,2,3]");
    ck_fails(tn_tensor_reshape(t, 2, DIMS(-1, -2), &v), TN_ERR_INVALID, "-2");
    ck_fails(tn_tensor_reshape(t, 0, NULL, &v), TN_ERR_SHAPE, "[0,2,3]");
    ck_ok(tn_tensor_slice(t, 0, 0, &v));
    tn_tensor_destroy(&v);
    ck_ok(tn_tensor_transpose(NULL, t, (int[]){0, 2, 1}, &copy));
    ck_assert_int_eq(tn_tensor_dim(copy, 1), 3);
    ck_fails(tn_tensor_transpose(NULL, t, (int[]){1, 0, 2}, &v), TN_ERR_SHAPE, "an empty batch must stay");
    ck_ok(tn_tensor_fill(t, 1.0));
    ck_ok(tn_tensor_fill_uniform(t, 0.0f, 1.0f, 1));
    ck_ok(tn_tensor_copy(t, t));
    tn_tensor_destroy(&copy);
    tn_tensor_destroy(&t);
}
END_TEST

START_TEST(test_scalars)
{
    const int64_t seven = 7;
    tn_tensor *t = NULL, *v = NULL, *copy = NULL;
    ck_ok(tn_tensor_from_data(NULL, TN_I64, 0, NULL, &seven, &t));
    ck_assert_int_eq(tn_tensor_size(t), 1);
    ck_assert_int_eq(tn_tensor_dim(t, 0), -1);
    ck_ok(tn_tensor_reshape(t, 2, DIMS(1, 1), &v));
    ck_ok(tn_tensor_transpose(NULL, t, NULL, &copy));
    ck_assert(*(const int64_t *)tn_tensor_const_data(v) == 7 && *(const int64_t *)tn_tensor_const_data(copy) == 7);
    tn_tensor_destroy(&t);
    tn_tensor_destroy(&v);
    tn_tensor_destroy(&copy);
}
END_TEST

/* Nothing is copied: writing through one side is seen on the other; overlapping slices copy as if through a buffer. */
START_TEST(test_wrapped_memory)
{
    int32_t data[6] = {0, 1, 2, 3, 4, 5};
    static const int32_t moved[6] = {0, 1, 0, 1, 2, 3};
    tn_tensor *t = NULL, *low = NULL, *high = NULL;
    ck_ok(tn_tensor_wrap(NULL, TN_I32, 1, DIMS(6), data, &t));
    ck_assert_ptr_eq(tn_tensor_data(t), data);
    ck_assert_ptr_null(tn_tensor_f32(t));
    ck_assert_ptr_null(tn_tensor_const_f32(t));
    ck_ok(tn_tensor_slice(t, 0, 4, &low));
    ck_ok(tn_tensor_slice(t, 2, 4, &high));
    tn_tensor_destroy(&t); /* the memory is the caller's */
    ck_ok(tn_tensor_copy(high, low));
    ck_assert_mem_eq(data, moved, sizeof data);
    tn_tensor_destroy(&low);
    tn_tensor_destroy(&high);
}
END_TEST

START_TEST(test_fill_uniform)
{
    tn_tensor *t = NULL, *same = NULL, *other = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 2, DIMS(101, 7), &t));
    ck_ok(tn_tensor_fill_uniform(t, -1.0f, 3.0f, 42));
    ck_ok(tn_tensor_clone(NULL, t, &same));
    ck_ok(tn_tensor_clone(NULL, t, &other));
    ck_ok(tn_tensor_fill_uniform(same, -1.0f, 3.0f, 42));
    ck_ok(tn_tensor_fill_uniform(other, -1.0f, 3.0f, 43));
    ck_assert_mem_eq(tn_tensor_data(t), tn_tensor_data(same), tn_tensor_bytes(t));
    ck_assert_mem_ne(tn_tensor_data(t), tn_tensor_data(other), tn_tensor_bytes(t));
    for (int64_t i = 0; i < tn_tensor_size(t); i++)
        ck_assert(tn_tensor_f32(t)[i] >= -1.0f && tn_tensor_f32(t)[i] < 3.0f);
    ck_fails(tn_tensor_fill_uniform(t, 1.0f, 0.0f, 1), TN_ERR_INVALID, "[1,0)");
    ck_fails(tn_tensor_fill_uniform(t, 0.0f, INFINITY, 1), TN_ERR_INVALID, "inf");
    ck_fails(tn_tensor_fill_uniform(t, -INFINITY, 1.0f, 1), TN_ERR_INVALID, "-inf");
    ck_fails(tn_tensor_fill_uniform(t, NAN, 1.0f, 1), TN_ERR_INVALID, "nan");
    ck_assert_mem_eq(tn_tensor_data(t), tn_tensor_data(same), tn_tensor_bytes(t));
    ck_ok(tn_tensor_fill_uniform(t, -0x1.fffffep127f, 0x1.fffffep127f, 1)); /* wider than a float can say */
    ck_assert(isfinite(tn_tensor_f32(t)[0]));
    tn_tensor_destroy(&t);
    tn_tensor_destroy(&same);
    tn_tensor_destroy(&other);
}
END_TEST

/* A tensor made and used; TN_OK, or the first failure, after which nothing is left. */
static tn_status use_allocator(const tn_allocator *allocator)
{
    tn_tensor *made[4] = {NULL};
    const float data[6] = {0};
    tn_status status = tn_tensor_from_data(allocator, TN_F32, 2, DIMS(2, 3), data, &made[0]);
    if (status == TN_OK)
        status = tn_tensor_slice(made[0], 1, 1, &made[1]);
    if (status == TN_OK)
        status = tn_tensor_transpose(allocator, made[0], (int[]){1, 0}, &made[2]);
    if (status == TN_OK)
        status = tn_tensor_clone(allocator, made[0], &made[3]);
    for (int i = 0; i < 4; i++) {
        ck_assert(status == TN_OK || i < 3 || made[i] == NULL);
        tn_tensor_destroy(&made[i]);
    }
    return status;
}

START_TEST(test_refusing_allocator)
{
    loans l = {.fail_at = 1};
    const tn_allocator allocator = {lend, take_back, &l}, half = {lend, NULL, &l};
    tn_tensor *t = NULL;
    for (; use_allocator(&allocator) != TN_OK; l.calls = 0, l.fail_at++) {
        ck_assert_int_eq(tn_last_status(), TN_ERR_NO_MEMORY);
        ck_assert_int_eq(l.out, 0);
        ck_assert_uint_lt(l.fail_at, 100);
    }
    ck_assert_uint_gt(l.fail_at, 4);
    ck_assert_int_eq(l.out, 0);
    ck_fails(tn_tensor_create(&half, TN_F32, 0, NULL, &t), TN_ERR_INVALID, "release");
    l = (loans){.fail_at = 1};
    ck_fails(tn_tensor_wrap(&allocator, TN_U8, 0, NULL, &l, &t), TN_ERR_NO_MEMORY, "tensor");
    ck_fails(tn_tensor_wrap(NULL, (tn_dtype)9, 0, NULL, &l, &t), TN_ERR_INVALID, "9");
    ck_assert_ptr_null(t);
}
END_TEST

TN_SUITE("tensor", {test_shapes}, TN_LOOPED(test_create, 4), {test_create_refused}, {test_views_share},
         {test_views_refused}, {test_views_in_threads}, {test_copy_and_clone}, {test_fill}, {test_transpose},
         {test_empty_batches}, {test_scalars}, {test_wrapped_memory}, {test_fill_uniform}, {test_refusing_allocator})
