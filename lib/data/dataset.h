/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What a dataset is inside: numbered samples in two tensors, or behind a callback. */
#ifndef TN_DATA_DATASET_H
#define TN_DATA_DATASET_H

#include <tinynet/data.h>

#include <stdatomic.h>

struct tn_dataset {
    tn_allocator allocator;
    atomic_size_t references;
    tn_dataset *whole; /* after tn_dataset_take: the dataset whose first samples these are, retained; else NULL */
    int64_t count;
    tn_dtype sample_dtype, target_dtype;
    tn_shape sample_shape, target_shape; /* dims[0] is the count */
    size_t sample_bytes, target_bytes;   /* of one */
    tn_tensor *samples, *targets;        /* views; the whole's own, or NULL: the source's */
    tn_dataset_source source;
};

void tn_dataset_retain(tn_dataset *dataset);

/** Bytes of sample or target `index` where they lie; NULL if a source makes them. */
const void *tn_dataset_sample_at(const tn_dataset *dataset, int64_t index);
const void *tn_dataset_target_at(const tn_dataset *dataset, int64_t index);

/** Copy sample `index` < count and its target, aligned to their elements, or let the source write them.
 *  Errors    those of the source; the detail is the source's, or names the sample if it left none */
TN_WARN_UNUSED tn_status tn_dataset_read(const tn_dataset *dataset, int64_t index, void *sample, void *target);

#endif
