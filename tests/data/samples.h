/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Datasets whose samples know their own number, and loaders over them. */
#ifndef TESTS_DATA_SAMPLES_H
#define TESTS_DATA_SAMPLES_H

#include "suite.h"

/** [count,2] floats {i, i + 0.5}, class numbers i. */
static inline tn_dataset *numbered(int64_t count)
{
    const int64_t dims[] = {count, 2};
    tn_tensor *samples = NULL, *targets = NULL;
    tn_dataset *dataset = NULL;
    ck_ok(tn_tensor_create(NULL, TN_F32, 2, dims, &samples));
    ck_ok(tn_tensor_create(NULL, TN_I32, 1, dims, &targets));
    for (int64_t i = 0; i < count; i++) {
        tn_tensor_f32(samples)[2 * i] = (float)i;
        tn_tensor_f32(samples)[2 * i + 1] = (float)i + 0.5f;
        ((int32_t *)tn_tensor_data(targets))[i] = (int32_t)i;
    }
    ck_ok(tn_dataset_from_tensors(NULL, samples, targets, &dataset));
    tn_tensor_destroy(&samples);
    tn_tensor_destroy(&targets);
    return dataset;
}

/** A loader that keeps the dataset alive; the caller's handle is given up. */
static inline tn_loader *loader_over(tn_dataset *dataset, tn_loader_options options)
{
    tn_loader *loader = NULL;
    options.struct_size = sizeof options;
    ck_ok(tn_loader_create(dataset, &options, &loader));
    tn_dataset_destroy(&dataset);
    return loader;
}

/** Get the next batch; false after the last. */
static inline bool next_batch(tn_loader *loader, const tn_tensor **samples, const tn_tensor **targets)
{
    ck_ok(tn_loader_next(loader, samples, targets));
    return *samples != NULL;
}

/** Read the rest of the epoch; check that samples and targets belong together and how long each batch is. Returns the
 *  number of samples, whose numbers go to `order` (NULL: nowhere). */
static inline int64_t read_rest(tn_loader *loader, int32_t *order)
{
    int64_t total = 0, batches = tn_loader_batches(loader);
    const tn_tensor *samples = NULL, *targets = NULL;
    for (int64_t batch = tn_loader_batch(loader);; batch++) {
        ck_assert_int_eq(tn_loader_batch(loader), batch);
        ck_ok(tn_loader_next(loader, &samples, &targets));
        if (samples == NULL)
            break;
        int64_t rows = tn_tensor_dim(samples, 0);
        const int32_t *numbers = tn_tensor_const_data(targets);
        ck_assert_int_eq(tn_tensor_dtype(samples), TN_F32);
        ck_assert_int_eq(tn_tensor_dtype(targets), TN_I32);
        ck_assert_int_eq(tn_tensor_dim(targets, 0), rows);
        ck_assert_int_eq(tn_tensor_size(samples), 2 * rows);
        if (batch < batches - 1)
            ck_assert_int_eq(rows, tn_loader_batch_size(loader));
        for (int64_t i = 0; i < rows; i++) {
            ck_assert(tn_tensor_const_f32(samples)[2 * i] == (float)numbers[i]);
            ck_assert(tn_tensor_const_f32(samples)[2 * i + 1] == (float)numbers[i] + 0.5f);
            if (order != NULL)
                order[total + i] = numbers[i];
        }
        total += rows;
    }
    ck_assert_ptr_null(targets);
    ck_assert_int_eq(tn_loader_batch(loader), batches);
    return total;
}

#endif
