/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A dataset from a pair of IDX files: pictures and their class numbers, as MNIST and its like come.
 *  Source    LeCun, Cortes and Burges, the MNIST database: file format */
#include "base/status.h"

#include <tinynet/io.h>

#include <inttypes.h>

static tn_status check_rank(const tn_tensor *tensor, const char *path, int rank, const char *form)
{
    if (tn_tensor_rank(tensor) != rank)
        return TN_FAIL(TN_ERR_SHAPE, "%s: has %d dimensions, expected %s", path, tn_tensor_rank(tensor), form);
    return TN_OK;
}

static tn_status combine(const tn_allocator *allocator, const char *images_path, const char *labels_path,
                         tn_tensor *images, tn_tensor *labels, tn_dataset **out)
{
    TN_TRY(check_rank(images, images_path, 3, "images [N,H,W]"));
    TN_TRY(check_rank(labels, labels_path, 1, "labels [N]"));
    int64_t count = tn_tensor_dim(images, 0);
    if (count != tn_tensor_dim(labels, 0))
        return TN_FAIL(TN_ERR_SHAPE, "%s: has %" PRId64 " images, %s has %" PRId64 " labels", images_path, count,
                       labels_path, tn_tensor_dim(labels, 0));
    const int64_t dims[] = {count, tn_tensor_dim(images, 1), tn_tensor_dim(images, 2), 1};
    tn_tensor *samples = NULL;
    TN_TRY(tn_tensor_reshape(images, 4, dims, &samples));
    tn_status status = tn_dataset_from_tensors(allocator, samples, labels, out);
    tn_tensor_destroy(&samples);
    return status;
}

tn_status tn_dataset_from_idx(const tn_allocator *allocator, const char *images_path, const char *labels_path,
                              tn_dataset **out)
{
    tn_tensor *images = NULL, *labels = NULL;
    if (images_path == NULL || labels_path == NULL || out == NULL)
        return TN_FAIL(TN_ERR_INVALID, "tn_dataset_from_idx: %s is NULL",
                       images_path == NULL   ? "images_path"
                       : labels_path == NULL ? "labels_path"
                                             : "out");
    TN_TRY(tn_idx_load(allocator, images_path, 0, &images));
    tn_status status = tn_idx_load(allocator, labels_path, 0, &labels);
    if (status == TN_OK)
        status = combine(allocator, images_path, labels_path, images, labels, out);
    tn_tensor_destroy(&labels);
    tn_tensor_destroy(&images);
    return status;
}
