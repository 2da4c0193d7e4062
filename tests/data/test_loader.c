/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Loaders: how an epoch is cut into batches, where it can be entered, what comes out, what it costs. Each with and
 *  without the thread. */
#include "../formats/files.h"
#include "samples.h"

#include <fenv.h>

#define BOTH 2 /* loops: _i is without_thread */

START_TEST(test_cutting)
{
    static const struct {
        int64_t samples, batch, batches, last;
        bool drop_last;
    } cases[] = {{10, 4, 3, 10, false}, {10, 4, 2, 8, true}, {8, 4, 2, 8, false}, {8, 4, 2, 8, true},
                 {3, 4, 1, 3, false},   {3, 4, 0, 0, true},  {0, 4, 0, 0, false}, {5, 1, 5, 5, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tn_loader *loader = loader_over(
            numbered(cases[i].samples),
            (tn_loader_options){.batch_size = cases[i].batch, .drop_last = cases[i].drop_last, .without_thread = _i});
        int32_t order[10];
        ck_assert_int_eq(tn_loader_batches(loader), cases[i].batches);
        ck_assert_int_eq(read_rest(loader, order), cases[i].last);
        for (int32_t k = 0; k < cases[i].last; k++)
            ck_assert_int_eq(order[k], k);
        ck_assert_int_eq(read_rest(loader, NULL), 0); /* stays at the end */
        ck_ok(tn_loader_start(loader, 1, 0));
        ck_assert_int_eq(read_rest(loader, NULL), cases[i].last);
        ck_assert_int_eq(tn_loader_epoch(loader), 1);
        tn_loader_destroy(&loader);
        ck_assert_ptr_null(loader);
    }
}
END_TEST

START_TEST(test_getters)
{
    tn_loader *loader = loader_over(numbered(10), (tn_loader_options){.batch_size = 4, .seed = 99});
    tn_shape shape = tn_loader_sample_shape(loader);
    ck_assert_int_eq(tn_loader_batch_size(loader), 4);
    ck_assert_uint_eq(tn_loader_seed(loader), 99);
    ck_assert_int_eq(tn_loader_epoch(loader), 0);
    ck_assert_int_eq(tn_loader_batch(loader), 0);
    ck_assert_int_eq(tn_dataset_count(tn_loader_dataset(loader)), 10);
    ck_assert_int_eq(shape.rank, 2);
    ck_assert_int_eq(shape.dims[0], 4);
    ck_assert_int_eq(shape.dims[1], 2);
    tn_loader_destroy(&loader);
}
END_TEST

START_TEST(test_resume)
{
    /* entered at batch k, also in the middle of another epoch, the rest is the uninterrupted epoch's */
    int32_t whole[50], rest[50];
    const tn_loader_options options = {.batch_size = 7, .shuffle = true, .seed = 5, .without_thread = _i};
    tn_loader *loader = loader_over(numbered(50), options), *other = loader_over(numbered(50), options);
    ck_ok(tn_loader_start(loader, 3, 0));
    ck_assert_int_eq(read_rest(loader, whole), 50);
    for (int64_t k = tn_loader_batches(loader); k >= 0; k--) {
        const tn_tensor *samples, *targets;
        ck_ok(tn_loader_start(other, 1, 2));
        ck_ok(tn_loader_next(other, &samples, &targets));
        ck_ok(tn_loader_start(other, 3, k));
        int64_t count = k * 7 > 50 ? 0 : 50 - k * 7;
        ck_assert_int_eq(read_rest(other, rest), count);
        ck_assert_mem_eq(rest, whole + (50 - count), (size_t)count * sizeof *rest);
    }
    /* start is fine where it stands already */
    ck_ok(tn_loader_start(other, 3, 1));
    ck_ok(tn_loader_start(other, 3, 1));
    ck_assert_int_eq(read_rest(other, rest), 43);
    ck_assert_mem_eq(rest, whole + 7, 43 * sizeof *rest);
    tn_loader_destroy(&loader);
    tn_loader_destroy(&other);
}
END_TEST

START_TEST(test_position_unchanged)
{
    tn_loader *loader = loader_over(numbered(10), (tn_loader_options){.batch_size = 4, .without_thread = _i});
    const tn_tensor *samples, *targets;
    ck_ok(tn_loader_start(loader, 2, 1));
    ck_fails(tn_loader_start(loader, 3, 4), TN_ERR_INVALID, "batch is 4, an epoch has 3");
    ck_fails(tn_loader_start(loader, -3, 0), TN_ERR_INVALID, "epoch is -3");
    ck_assert_int_eq(tn_loader_epoch(loader), 2);
    ck_assert_int_eq(tn_loader_batch(loader), 1);
    ck_ok(tn_loader_next(loader, &samples, &targets));
    ck_assert(tn_tensor_const_f32(samples)[0] == 4);
    tn_loader_destroy(&loader);
}
END_TEST

/* Under the caller's rounding, too: the thread takes it over. */
START_TEST(test_threads_same_bytes)
{
    static const int roundings[] = {FE_TONEAREST, FE_UPWARD, FE_TOWARDZERO};
    const tn_loader_options options = {.batch_size = 9, .shuffle = true, .seed = 11, .scale = 1.0f / 3};
    tn_loader_options alone_options = options;
    alone_options.without_thread = true;
    tn_loader *ahead = loader_over(numbered(100), options), *alone = loader_over(numbered(100), alone_options);
    ck_assert_int_eq(fesetround(roundings[_i]), 0);
    for (int64_t epoch = 0; epoch < 5; epoch++) {
        const tn_tensor *a[2], *b[2];
        ck_ok(tn_loader_start(ahead, epoch, 0));
        ck_ok(tn_loader_start(alone, epoch, 0));
        do {
            ck_ok(tn_loader_next(ahead, &a[0], &a[1]));
            ck_ok(tn_loader_next(alone, &b[0], &b[1]));
            ck_assert(!a[0] == !b[0]);
            for (int k = 0; k < 2 && a[0] != NULL; k++) {
                ck_assert_uint_eq(tn_tensor_bytes(a[k]), tn_tensor_bytes(b[k]));
                ck_assert_mem_eq(tn_tensor_const_data(a[k]), tn_tensor_const_data(b[k]), tn_tensor_bytes(a[k]));
            }
        } while (a[0] != NULL);
    }
    ck_assert_int_eq(fesetround(FE_TONEAREST), 0);
    tn_loader_destroy(&ahead);
    tn_loader_destroy(&alone);
}
END_TEST

/* --- what comes out */

static tn_loader *loader_of(tn_dtype sample_dtype, const void *samples, tn_dtype target_dtype, int target_rank,
                            const void *targets, tn_loader_options options)
{
    const int64_t dims[] = {3, 2};
    tn_tensor *x = NULL, *y = NULL;
    tn_dataset *dataset = NULL;
    ck_ok(tn_tensor_from_data(NULL, sample_dtype, 2, dims, samples, &x));
    ck_ok(tn_tensor_from_data(NULL, target_dtype, target_rank, dims, targets, &y));
    ck_ok(tn_dataset_from_tensors(NULL, x, y, &dataset));
    tn_tensor_destroy(&x);
    tn_tensor_destroy(&y);
    return loader_over(dataset, options);
}

static void expect_only_batch(tn_loader *loader, const float *samples, tn_dtype dtype, int rank, const void *targets)
{
    const tn_tensor *x, *y;
    ck_ok(tn_loader_next(loader, &x, &y));
    ck_assert_int_eq(tn_tensor_rank(y), rank);
    ck_assert_int_eq(tn_tensor_dtype(y), dtype);
    ck_assert_uint_eq(tn_tensor_bytes(x), 6 * sizeof(float));
    for (int i = 0; i < 6; i++)
        ck_assert(tn_tensor_const_f32(x)[i] == samples[i]);
    ck_assert_mem_eq(tn_tensor_const_data(y), targets, tn_tensor_bytes(y));
    tn_loader_destroy(&loader);
}

START_TEST(test_types)
{
    static const uint8_t bytes[6] = {0, 1, 2, 254, 255, 128}, byte_classes[3] = {0, 9, 255};
    static const float floats[6] = {-1, 0.5f, 3, 1e30f, -0.0f, 7}, regression[6] = {9, 8, 7, 6, 5, -4};
    static const int32_t classes[3] = {-7, INT32_MAX, INT32_MIN}, byte_expected[3] = {0, 9, 255};
    static const int64_t long_classes[3] = {-7, INT32_MAX, INT32_MIN};
    const tn_loader_options plain = {.batch_size = 3, .without_thread = _i};
    tn_loader_options scaled = plain, halved = plain;
    float from_bytes[6], times[6], halves[6];
    scaled.scale = 1.0f / 255;
    halved.scale = -0.5f;
    for (int i = 0; i < 6; i++) {
        from_bytes[i] = bytes[i];
        times[i] = (float)bytes[i] * (1.0f / 255);
        halves[i] = floats[i] * -0.5f;
    }
    expect_only_batch(loader_of(TN_U8, bytes, TN_U8, 1, byte_classes, plain), from_bytes, TN_I32, 1, byte_expected);
    expect_only_batch(loader_of(TN_U8, bytes, TN_I32, 1, classes, scaled), times, TN_I32, 1, classes);
    expect_only_batch(loader_of(TN_F32, floats, TN_I64, 1, long_classes, plain), floats, TN_I32, 1, classes);
    expect_only_batch(loader_of(TN_F32, floats, TN_F32, 2, regression, halved), halves, TN_F32, 2, regression);
    expect_only_batch(loader_of(TN_F32, floats, TN_F32, 1, regression, plain), floats, TN_F32, 1, regression);
}
END_TEST

START_TEST(test_class_overflow)
{
    static const float floats[6] = {0};
    static const int64_t high[3] = {0, 1, INT64_C(1) << 31}, low[3] = {0, -(INT64_C(1) << 31) - 1, 0};
    const tn_loader_options options = {.batch_size = 3, .without_thread = _i};
    const tn_tensor *x = NULL, *y = NULL;
    tn_loader *loader = loader_of(TN_F32, floats, TN_I64, 1, high, options);
    ck_fails(tn_loader_next(loader, &x, &y), TN_ERR_OVERFLOW, "sample 2: its class number 2147483648");
    tn_loader_destroy(&loader);
    loader = loader_of(TN_F32, floats, TN_I64, 1, low, options);
    ck_fails(tn_loader_next(loader, &x, &y), TN_ERR_OVERFLOW, "sample 1: its class number -2147483649");
    ck_assert_ptr_null(x);
    ck_assert_ptr_null(y);
    tn_loader_destroy(&loader);
}
END_TEST

START_TEST(test_borrowed)
{
    /* a batch stays as it is while the next one is made */
    tn_loader *loader = loader_over(numbered(40), (tn_loader_options){.batch_size = 10, .without_thread = _i});
    const tn_tensor *x, *y;
    for (int batch = 0; batch < 4; batch++) {
        ck_ok(tn_loader_next(loader, &x, &y));
        for (int round = 0; round < 1000; round++)
            for (int i = 0; i < 10; i++)
                ck_assert(tn_tensor_const_f32(x)[2 * i] == (float)(10 * batch + i));
    }
    tn_loader_destroy(&loader);
}
END_TEST

/* --- memory */

START_TEST(test_memory)
{
    accounts a;
    tn_allocator allocator = accounts_allocator(&a);
    tn_dataset *dataset = numbered(20);
    tn_loader_options options = {
        .struct_size = sizeof options, .batch_size = 7, .shuffle = true, .without_thread = _i, .allocator = &allocator};
    tn_loader *loader = NULL;
    ck_ok(tn_loader_create(dataset, &options, &loader));
    ck_assert_uint_eq(tn_loader_bytes(loader), a.bytes);
    size_t calls = a.calls, bytes = a.bytes;
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        ck_ok(tn_loader_start(loader, epoch, 0));
        read_rest(loader, NULL);
    }
    ck_assert_uint_eq(a.calls, calls);
    ck_assert_uint_eq(a.peak, bytes);
    tn_loader_destroy(&loader);
    ck_assert_uint_eq(a.bytes, 0);
    for (size_t n = 1; n <= calls; n++) {
        a.calls = 0;
        a.fail_at = n;
        ck_fails(tn_loader_create(dataset, &options, &loader), TN_ERR_NO_MEMORY, "");
        ck_assert_ptr_null(loader);
        ck_assert_uint_eq(a.bytes, 0);
    }
    tn_dataset_destroy(&dataset);
}
END_TEST

START_TEST(test_small_dataset_costs_little)
{
    tn_loader *small = loader_over(numbered(2), (tn_loader_options){.batch_size = 1 << 20});
    ck_assert_uint_lt(tn_loader_bytes(small), 10000);
    ck_assert_int_eq(tn_loader_sample_shape(small).dims[0], 1 << 20);
    ck_assert_int_eq(read_rest(small, NULL), 2);
    tn_loader_destroy(&small);
}
END_TEST

TN_SUITE("loader", TN_LOOPED(test_cutting, BOTH), {test_getters}, TN_LOOPED(test_resume, BOTH),
         TN_LOOPED(test_position_unchanged, BOTH), TN_LOOPED(test_threads_same_bytes, 3), TN_LOOPED(test_types, BOTH),
         TN_LOOPED(test_class_overflow, BOTH), TN_LOOPED(test_borrowed, BOTH), TN_LOOPED(test_memory, BOTH),
         {test_small_dataset_costs_little})
