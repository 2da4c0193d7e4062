/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Loading the data set; whatever is wrong with it is said with the file's name and where to get a good one. */
#include "images.h"

#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PATH = 4096 };

static int refuse(const char *what)
{
    return report_refusal("%s; Fashion-MNIST comes with: apt install dataset-fashion-mnist", what);
}

/* A label that is no class would stop the training hours later. */
static int check_labels(const char *path)
{
    tn_tensor *labels = NULL;
    char text[PATH + 64];
    if (tn_idx_load(NULL, path, 0, &labels) != TN_OK)
        return refuse(tn_last_error());
    const unsigned char *label = tn_tensor_const_data(labels);
    int64_t count = tn_tensor_size(labels), good = 0;
    while (good < count && label[good] < FMNIST_CLASSES)
        good++;
    if (good < count)
        snprintf(text, sizeof text, "%s: label %" PRId64 " is %d, no class from 0 to 9", path, good, label[good]);
    tn_tensor_destroy(&labels);
    return good < count ? refuse(text) : FMNIST_DONE;
}

static int check_images(const char *path, const tn_dataset *set)
{
    tn_shape shape = tn_dataset_sample_shape(set);
    char text[PATH + 64];
    if (shape.rank == 4 && shape.dims[0] > 0 && shape.dims[1] == FMNIST_IMAGE && shape.dims[2] == FMNIST_IMAGE)
        return FMNIST_DONE;
    snprintf(text, sizeof text, "%s: holds no images of 28x28", path);
    return refuse(text);
}

static int load(const char *directory, const char *prefix, tn_dataset **out)
{
    char images[PATH], labels[PATH];
    int length = snprintf(images, sizeof images, "%s/%s-images-idx3-ubyte.gz", directory, prefix);
    if (length >= PATH)
        return report_refusal("--data: the path is longer than %d bytes", PATH);
    snprintf(labels, sizeof labels, "%s/%s-labels-idx1-ubyte.gz", directory, prefix);
    if (tn_dataset_from_idx(NULL, images, labels, out) != TN_OK)
        return refuse(tn_last_error());
    int status = check_images(images, *out);
    return status == FMNIST_DONE ? check_labels(labels) : status;
}

/* Keep the first `limit` samples; 0 keeps all. */
static int cut(tn_dataset **set, int64_t limit, const char *option, const char *what)
{
    tn_dataset *some = NULL;
    if (limit > tn_dataset_count(*set))
        return report_refusal("%s %" PRId64 " is more than the %" PRId64 " %s images that there are", option, limit,
                              tn_dataset_count(*set), what);
    if (limit == 0)
        return FMNIST_DONE;
    if (tn_dataset_take(*set, limit, &some) != TN_OK)
        return report_refusal("%s: %s", option, tn_last_error());
    tn_dataset_destroy(set);
    *set = some;
    return FMNIST_DONE;
}

int images_load(const fmnist_options *options, fmnist_images *out)
{
    int status = load(options->data, "train", &out->train);
    if (status == FMNIST_DONE)
        status = load(options->data, "t10k", &out->test);
    if (status == FMNIST_DONE)
        status = cut(&out->train, options->limit, "limit", "training");
    if (status == FMNIST_DONE)
        status = cut(&out->test, options->test_limit, "test-limit", "test");
    if (status == FMNIST_DONE && tn_dataset_checksum(out->train, &out->checksum) != TN_OK)
        status = report_refusal("the training images: %s", tn_last_error());
    return status;
}

void images_destroy(fmnist_images *images)
{
    tn_dataset_destroy(&images->train);
    tn_dataset_destroy(&images->test);
}
