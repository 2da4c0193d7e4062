/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Making a batch out of samples: gather, resize, scale; class numbers to i32. No memory is allocated for it. */
#ifndef TN_DATA_BATCH_H
#define TN_DATA_BATCH_H

#include "data/dataset.h"
#include "kernels/kernels.h"

/** What a loader does to samples. */
typedef struct tn_batch_recipe {
    const tn_dataset *dataset;
    float scale;
    bool resize;
    tn_resize_shape size; /* with resize: of one image */
    tn_shape samples;     /* of a full batch, f32 */
    tn_shape targets;     /* of a full batch */
    tn_dtype target_dtype;
    int64_t sample_size;  /* elements of one sample as they leave */
    size_t staging_bytes; /* one sample's room in `staging`; 0: read in place */
} tn_batch_recipe;

/** Fill in a recipe.
 *  @param batch_size  of a full batch
 *  @param height, width  to resize to; 0: as they are
 *  Errors    TN_ERR_SHAPE (no images), TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_batch_plan(const tn_dataset *dataset, int64_t batch_size, float scale, int64_t height,
                                       int64_t width, tn_batch_recipe *out);

/** Make samples and targets from the dataset's samples order[first], ..., order[first + count - 1].
 *  @param order    NULL: as they are numbered
 *  @param staging  [count * staging_bytes]
 *  @param cancel   looked at between samples: then the batch is left unfinished, with TN_STOPPED
 *  Errors    those of the source; TN_ERR_OVERFLOW if a class number does not fit i32 */
TN_WARN_UNUSED tn_status tn_batch_make(const tn_batch_recipe *recipe, const int64_t *order, int64_t first,
                                       int64_t count, void *staging, float *samples, void *targets,
                                       const atomic_bool *cancel);

#endif
