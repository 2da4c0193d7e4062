/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Datasets from pairs of IDX files. */
#include "damage.h"
#include "reference_files.h"

static const unsigned char two_labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 9, 4},
                           three_labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 9, 4, 1};

START_TEST(test_pair)
{
    const char *images = write_bytes("images", idx_gzip, sizeof idx_gzip);
    const char *labels = write_bytes("labels", two_labels, sizeof two_labels);
    tn_dataset *dataset = NULL;
    tn_loader *loader = NULL;
    const tn_tensor *x, *y;
    ck_ok(tn_dataset_from_idx(NULL, images, labels, &dataset));
    tn_shape shape = tn_dataset_sample_shape(dataset);
    const int64_t expected[] = {2, 2, 3, 1};
    ck_assert_int_eq(shape.rank, 4);
    ck_assert_mem_eq(shape.dims, expected, sizeof expected);
    ck_ok(tn_loader_create(dataset, TN_OPTIONS(tn_loader_options, .batch_size = 2, .without_thread = true), &loader));
    ck_ok(tn_loader_next(loader, &x, &y));
    for (int i = 0; i < 12; i++)
        ck_assert(tn_tensor_const_f32(x)[i] == (float)i);
    ck_assert_int_eq(((const int32_t *)tn_tensor_const_data(y))[0], 9);
    ck_assert_int_eq(((const int32_t *)tn_tensor_const_data(y))[1], 4);
    tn_loader_destroy(&loader);
    tn_dataset_destroy(&dataset);
}
END_TEST

START_TEST(test_refused)
{
    const char *images = write_bytes("images", idx_plain, sizeof idx_plain);
    const char *two = write_bytes("two", two_labels, sizeof two_labels);
    const char *three = write_bytes("three", three_labels, sizeof three_labels);
    tn_dataset *out = NULL;
    ck_fails(tn_dataset_from_idx(NULL, images, three, &out), TN_ERR_SHAPE, "three has 3 labels");
    ck_fails(tn_dataset_from_idx(NULL, images, three, &out), TN_ERR_SHAPE, "images: has 2 images");
    ck_fails(tn_dataset_from_idx(NULL, two, images, &out), TN_ERR_SHAPE, "two: has 1 dimensions");
    ck_fails(tn_dataset_from_idx(NULL, images, images, &out), TN_ERR_SHAPE, "images: has 3 dimensions");
    ck_fails(tn_dataset_from_idx(NULL, images, scratch("missing"), &out), TN_ERR_IO, "missing");
    ck_fails(tn_dataset_from_idx(NULL, scratch("missing"), two, &out), TN_ERR_IO, "missing");
    ck_assert_ptr_null(out);
}
END_TEST

static char labels_path[256];

static tn_status load(const tn_allocator *allocator, const char *images)
{
    tn_dataset *dataset = NULL;
    tn_status status = tn_dataset_from_idx(allocator, images, labels_path, &dataset);
    tn_dataset_destroy(&dataset);
    return status;
}

START_TEST(test_memory)
{
    snprintf(labels_path, sizeof labels_path, "%s", write_bytes("two", two_labels, sizeof two_labels));
    ck_assert_uint_ge(damage_memory(load, write_bytes("images", idx_gzip, sizeof idx_gzip)), 6);
}
END_TEST

TN_SUITE("dataset_idx", {test_pair}, {test_refused}, {test_memory})
