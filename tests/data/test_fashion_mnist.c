/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The real data, where Debian's dataset-fashion-mnist has put them (or TINYNET_DATA says): shapes, classes, and the
 *  first training pictures' mean and deviation as published. Skipped, aloud, where they are missing. */
#include "samples.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

static char paths[4][1024]; /* training images and labels, test images and labels */

static bool find_files(void)
{
    static const char *const names[] = {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
                                        "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"};
    const char *directory = getenv("TINYNET_DATA");
    for (int i = 0; i < 4; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%s", directory ? directory : "/usr/share/datasets/fashion-mnist",
                 names[i]);
        if (access(paths[i], R_OK) != 0)
            return false;
    }
    return true;
}

static tn_loader *open_part(int part, int64_t batch)
{
    tn_dataset *dataset = NULL;
    ck_ok(tn_dataset_from_idx(NULL, paths[2 * part], paths[2 * part + 1], &dataset));
    return loader_over(dataset, (tn_loader_options){.batch_size = batch, .scale = 1.0f / 255});
}

/* Every class as often as promised; mean and deviation of all pixels. */
static void count_part(tn_loader *loader, int64_t each, double *mean, double *deviation)
{
    int64_t counts[10] = {0}, pixels = 0;
    double sum = 0, squares = 0;
    const tn_tensor *x, *y;
    while (next_batch(loader, &x, &y)) {
        for (int64_t i = 0; i < tn_tensor_size(y); i++) {
            int32_t class = ((const int32_t *)tn_tensor_const_data(y))[i];
            ck_assert(class >= 0 && class < 10);
            counts[class]++;
        }
        for (int64_t i = 0; i < tn_tensor_size(x); i++) {
            double value = (double)tn_tensor_const_f32(x)[i];
            sum += value;
            squares += value * value;
        }
        pixels += tn_tensor_size(x);
    }
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(counts[i], each);
    *mean = sum / (double)pixels;
    *deviation = sqrt(squares / (double)pixels - *mean * *mean);
}

START_TEST(test_training)
{
    tn_loader *loader = open_part(0, 128);
    double mean, deviation;
    tn_shape shape = tn_loader_sample_shape(loader);
    ck_assert_int_eq(shape.rank, 4);
    ck_assert_int_eq(shape.dims[1], 28);
    ck_assert_int_eq(shape.dims[2], 28);
    ck_assert_int_eq(shape.dims[3], 1);
    ck_assert_int_eq(tn_loader_batches(loader), 469);
    count_part(loader, 6000, &mean, &deviation);
    /* the figures by which everybody normalises this data set */
    ck_assert_double_lt(fabs(mean - 0.2860), 5e-5);
    ck_assert_double_lt(fabs(deviation - 0.3530), 5e-5);
    tn_loader_destroy(&loader);
}
END_TEST

START_TEST(test_test)
{
    tn_loader *loader = open_part(1, 256);
    double mean, deviation;
    ck_assert_int_eq(tn_loader_batches(loader), 40);
    count_part(loader, 1000, &mean, &deviation);
    ck_assert_double_lt(fabs(mean - 0.2868), 5e-5);
    tn_loader_destroy(&loader);
}
END_TEST

START_TEST(test_checksums_differ)
{
    tn_dataset *train = NULL, *test = NULL, *same = NULL, *part = NULL;
    uint32_t sums[4];
    ck_ok(tn_dataset_from_idx(NULL, paths[0], paths[1], &train));
    ck_ok(tn_dataset_from_idx(NULL, paths[2], paths[3], &test));
    ck_ok(tn_dataset_from_idx(NULL, paths[2], paths[3], &same));
    ck_ok(tn_dataset_take(train, 10000, &part));
    ck_ok(tn_dataset_checksum(train, &sums[0]));
    ck_ok(tn_dataset_checksum(test, &sums[1]));
    ck_ok(tn_dataset_checksum(same, &sums[2]));
    ck_ok(tn_dataset_checksum(part, &sums[3]));
    ck_assert_uint_eq(sums[1], sums[2]);
    ck_assert_uint_ne(sums[0], sums[1]);
    ck_assert_uint_ne(sums[3], sums[0]);
    ck_assert_uint_ne(sums[3], sums[1]);
    ck_fails(tn_dataset_from_idx(NULL, paths[0], paths[3], &train), TN_ERR_SHAPE, "60000 images");
    tn_dataset_destroy(&train);
    tn_dataset_destroy(&test);
    tn_dataset_destroy(&same);
    tn_dataset_destroy(&part);
}
END_TEST

int main(void)
{
    const suite_test tests[] = {{test_training}, {test_test}, {test_checksums_differ}};
    if (!find_files()) {
        printf("SKIPPED: no Fashion-MNIST at %s; apt install dataset-fashion-mnist\n", paths[0]);
        return 77;
    }
    return suite_main("fashion_mnist", tests, sizeof tests / sizeof tests[0]);
}
