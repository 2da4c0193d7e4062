/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Datasets: what they accept, what they share, how long they live, their checksum. */
#include "../formats/files.h"
#include "samples.h"

#include <zlib.h>

static tn_tensor *tensor_of(tn_dtype dtype, int rank, const int64_t *dims)
{
    tn_tensor *tensor = NULL;
    ck_ok(tn_tensor_create(NULL, dtype, rank, dims, &tensor));
    return tensor;
}

START_TEST(test_shape)
{
    const int64_t dims[] = {5, 3, 4, 2};
    tn_tensor *samples = tensor_of(TN_U8, 4, dims), *targets = tensor_of(TN_I64, 1, dims);
    tn_dataset *dataset = NULL, *part = NULL;
    ck_ok(tn_dataset_from_tensors(NULL, samples, targets, &dataset));
    ck_ok(tn_dataset_take(dataset, 2, &part));
    tn_shape shape = tn_dataset_sample_shape(dataset), part_shape = tn_dataset_sample_shape(part);
    ck_assert_int_eq(shape.rank, 4);
    ck_assert_mem_eq(shape.dims, dims, sizeof dims);
    ck_assert_int_eq(part_shape.dims[0], 2);
    ck_assert_int_eq(part_shape.dims[3], 2);
    ck_assert_int_eq(tn_dataset_count(dataset), 5);
    ck_assert_int_eq(tn_dataset_count(part), 2);
    tn_dataset_destroy(&dataset);
    ck_assert_ptr_null(dataset);
    tn_dataset_destroy(&part);
    tn_tensor_destroy(&samples);
    tn_tensor_destroy(&targets);
}
END_TEST

START_TEST(test_types)
{
    const int64_t dims[] = {2, 3};
    tn_dataset *out = NULL;
    for (int s = TN_F32; s <= TN_U8; s++) {
        for (int t = TN_F32; t <= TN_U8; t++) {
            tn_tensor *samples = tensor_of((tn_dtype)s, 2, dims), *targets = tensor_of((tn_dtype)t, 2, dims);
            tn_tensor *classes = tensor_of((tn_dtype)t, 1, dims);
            if (s == TN_I32 || s == TN_I64) {
                ck_fails(tn_dataset_from_tensors(NULL, samples, classes, &out), TN_ERR_TYPE, "samples");
            } else {
                ck_ok(tn_dataset_from_tensors(NULL, samples, classes, &out));
                tn_dataset_destroy(&out);
                if (t == TN_F32) {
                    ck_ok(tn_dataset_from_tensors(NULL, samples, targets, &out));
                    tn_dataset_destroy(&out);
                } else {
                    ck_fails(tn_dataset_from_tensors(NULL, samples, targets, &out), TN_ERR_SHAPE, "[2,3]");
                }
            }
            ck_assert_ptr_null(out);
            tn_tensor_destroy(&samples);
            tn_tensor_destroy(&targets);
            tn_tensor_destroy(&classes);
        }
    }
}
END_TEST

START_TEST(test_shared)
{
    /* nothing is copied: what changes in the caller's memory before it is read is seen */
    float values[4] = {1, 2, 3, 4};
    uint8_t classes[2] = {7, 9};
    const int64_t dims[] = {2, 2};
    tn_tensor *samples = NULL, *targets = NULL;
    const tn_tensor *x, *y;
    tn_dataset *dataset = NULL, *part = NULL, *less = NULL;
    ck_ok(tn_tensor_wrap(NULL, TN_F32, 2, dims, values, &samples));
    ck_ok(tn_tensor_wrap(NULL, TN_U8, 1, dims, classes, &targets));
    ck_ok(tn_dataset_from_tensors(NULL, samples, targets, &dataset));
    tn_tensor_destroy(&samples);
    tn_tensor_destroy(&targets);
    ck_ok(tn_dataset_take(dataset, 2, &part));
    tn_dataset_destroy(&dataset);
    ck_ok(tn_dataset_take(part, 1, &less));
    ck_fails(tn_dataset_take(less, 2, &dataset), TN_ERR_INVALID, "count is 2, the dataset has 1");
    tn_dataset_destroy(&part);
    values[1] = 5;
    tn_loader *loader = loader_over(less, (tn_loader_options){.batch_size = 4, .without_thread = true});
    ck_ok(tn_loader_next(loader, &x, &y));
    ck_assert_int_eq(tn_tensor_dim(x, 0), 1);
    ck_assert(tn_tensor_const_f32(x)[0] == 1 && tn_tensor_const_f32(x)[1] == 5);
    ck_assert_int_eq(((const int32_t *)tn_tensor_const_data(y))[0], 7);
    ck_assert_int_eq(tn_dataset_count(tn_loader_dataset(loader)), 1);
    tn_loader_destroy(&loader);
}
END_TEST

/* --- sources */

static int destroyed;

static void count_destroy(void *context)
{
    (void)context;
    destroyed++;
}

static tn_status read_numbers(void *context, int64_t index, void *sample, void *target)
{
    (void)context;
    float *floats = sample;
    floats[0] = (float)index;
    floats[1] = (float)index + 0.5f;
    *(int32_t *)target = (int32_t)index;
    return TN_OK;
}

static tn_dataset_source numbers_source(int64_t count)
{
    return (tn_dataset_source){.struct_size = sizeof(tn_dataset_source),
                               .count = count,
                               .sample_rank = 1,
                               .sample_dims = {2},
                               .target_dtype = TN_I32,
                               .read = read_numbers,
                               .destroy = count_destroy};
}

START_TEST(test_source)
{
    tn_dataset_source source = numbers_source(7);
    tn_dataset *dataset = NULL, *part = NULL;
    int32_t order[7];
    destroyed = 0;
    ck_ok(tn_dataset_from_source(NULL, &source, &dataset));
    ck_assert_int_eq(tn_dataset_sample_shape(dataset).rank, 2);
    ck_ok(tn_dataset_take(dataset, 5, &part));
    tn_dataset_destroy(&dataset);
    ck_assert_int_eq(destroyed, 0);
    tn_loader *loader = loader_over(part, (tn_loader_options){.batch_size = 3});
    ck_assert_int_eq(read_rest(loader, order), 5);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(order[i], i);
    ck_assert_int_eq(destroyed, 0);
    tn_loader_destroy(&loader);
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

static void refused(tn_dataset_source source, tn_status status, const char *text)
{
    tn_dataset *out = NULL;
    destroyed = 0;
    ck_fails(tn_dataset_from_source(NULL, &source, &out), status, text);
    ck_assert_ptr_null(out);
    ck_assert_int_eq(destroyed, 1);
}

START_TEST(test_source_refused)
{
    tn_dataset_source s = numbers_source(3);
    s.count = -1;
    refused(s, TN_ERR_INVALID, "count is -1");
    s = numbers_source(3);
    s.read = NULL;
    refused(s, TN_ERR_INVALID, "read is NULL");
    s = numbers_source(3);
    s.sample_dtype = TN_I32;
    refused(s, TN_ERR_TYPE, "samples");
    s = numbers_source(3);
    s.target_dtype = (tn_dtype)77;
    refused(s, TN_ERR_TYPE, "targets");
    s = numbers_source(3);
    s.sample_rank = TN_MAX_RANK;
    refused(s, TN_ERR_INVALID, "sample_rank is 8");
    s = numbers_source(3);
    s.sample_rank = -1;
    refused(s, TN_ERR_INVALID, "sample_rank is -1");
    s = numbers_source(3);
    s.sample_dims[0] = 0;
    refused(s, TN_ERR_INVALID, "sample_dims[0] is 0");
    s = numbers_source(3);
    s.target_rank = 1;
    s.target_dims[0] = 2;
    refused(s, TN_ERR_SHAPE, "[3,2]");
    s = numbers_source(INT64_MAX);
    refused(s, TN_ERR_OVERFLOW, "");
    s = numbers_source(3);
    destroyed = 0;
    ck_fails(tn_dataset_from_source(NULL, &s, NULL), TN_ERR_INVALID, "out is NULL");
    ck_assert_int_eq(destroyed, 1);
}
END_TEST

START_TEST(test_source_memory)
{
    accounts a;
    tn_allocator allocator = accounts_allocator(&a);
    tn_dataset_source source = numbers_source(3);
    tn_dataset *out = NULL;
    a.fail_at = 1;
    destroyed = 0;
    ck_fails(tn_dataset_from_source(&allocator, &source, &out), TN_ERR_NO_MEMORY, "");
    ck_assert_int_eq(destroyed, 1);
    ck_ok(tn_dataset_from_source(&allocator, &source, &out));
    tn_dataset_destroy(&out);
    ck_assert_uint_eq(a.bytes, 0);
}
END_TEST

/* --- the checksum */

START_TEST(test_checksum)
{
    tn_dataset *dataset = numbered(11), *other = NULL, *part = NULL;
    tn_dataset_source source = numbers_source(11);
    uint32_t sum, again, expected = 0;
    for (int32_t i = 0; i < 11; i++) {
        float sample[2] = {(float)i, (float)i + 0.5f};
        expected = (uint32_t)crc32(expected, (const Bytef *)sample, sizeof sample);
        expected = (uint32_t)crc32(expected, (const Bytef *)&i, sizeof i);
    }
    ck_ok(tn_dataset_checksum(dataset, &sum));
    ck_assert_uint_eq(sum, expected);
    ck_ok(tn_dataset_from_source(NULL, &source, &other));
    ck_ok(tn_dataset_checksum(other, &again));
    ck_assert_uint_eq(again, expected);
    ck_ok(tn_dataset_take(dataset, 10, &part));
    ck_ok(tn_dataset_checksum(part, &again));
    ck_assert_uint_ne(again, expected);
    tn_dataset_destroy(&part);
    ck_ok(tn_dataset_take(dataset, 0, &part));
    ck_ok(tn_dataset_checksum(part, &again));
    ck_assert_uint_eq(again, 0);
    tn_dataset_destroy(&part);
    tn_dataset_destroy(&other);
    tn_dataset_destroy(&dataset);
}
END_TEST

static tn_status read_until_three(void *context, int64_t index, void *sample, void *target)
{
    if (index == 3)
        return tn_fail(TN_ERR_IO, "the disk is full of eels");
    return read_numbers(context, index, sample, target);
}

START_TEST(test_checksum_error)
{
    tn_dataset_source source = numbers_source(11);
    tn_dataset *dataset = NULL;
    uint32_t sum = 7;
    source.read = read_until_three;
    ck_ok(tn_dataset_from_source(NULL, &source, &dataset));
    ck_fails(tn_dataset_checksum(dataset, &sum), TN_ERR_IO, "eels");
    ck_assert_uint_eq(sum, 7);
    tn_dataset_destroy(&dataset);
}
END_TEST

TN_SUITE("dataset", {test_shape}, {test_types}, {test_shared}, {test_source}, {test_source_refused},
         {test_source_memory}, {test_checksum}, {test_checksum_error})
