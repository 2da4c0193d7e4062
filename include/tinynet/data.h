/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Datasets (numbered samples) and loaders (shuffled batches of them, prepared ahead by a thread).
 *
 *  Thread    a dataset is read-only: any threads; a loader belongs to one thread at a time */
#ifndef TINYNET_DATA_H
#define TINYNET_DATA_H

#include <tinynet/layer.h>
#include <tinynet/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Numbered samples with their targets. */
typedef struct tn_dataset tn_dataset;
/** Batches of a dataset, one after another. */
typedef struct tn_loader tn_loader;

/** Create a dataset over two tensors with the same first dimension; both are shared, not copied: their handles may be
 *  destroyed, their elements must not change.
 *  @param samples  f32 or u8 [N,...]
 *  @param targets  i32, i64 or u8 class numbers [N], or f32 [N,...]
 *  Errors    TN_ERR_SHAPE, TN_ERR_TYPE, TN_ERR_NO_MEMORY */
TN_WARN_UNUSED TN_API tn_status tn_dataset_from_tensors(const tn_allocator *allocator, tn_tensor *samples,
                                                        tn_tensor *targets, tn_dataset **out);

/** Where samples come from when a callback makes them. */
typedef struct tn_dataset_source {
    size_t struct_size;
    int64_t count;          /**< number of samples */
    tn_dtype sample_dtype;  /**< TN_F32 or TN_U8 */
    int sample_rank;        /**< of one sample, without N; at most TN_MAX_RANK - 1 */
    int64_t sample_dims[TN_MAX_RANK];
    tn_dtype target_dtype;  /**< as in tn_dataset_from_tensors */
    int target_rank;        /**< 0 for class numbers */
    int64_t target_dims[TN_MAX_RANK];
    /** Write sample `index` and its target. Called from the loader's thread, one call at a time for a loader. A status
     *  other than TN_OK ends the epoch with it; tn_fail may say why. */
    tn_status (*read)(void *context, int64_t index, void *sample, void *target);
    void (*destroy)(void *context); /**< may be NULL */
    void *context;                  /**< taken over, on failure too */
} tn_dataset_source;

/** Create a dataset from a callback. */
TN_WARN_UNUSED TN_API tn_status tn_dataset_from_source(const tn_allocator *allocator, const tn_dataset_source *source,
                                                       tn_dataset **out);

/** Load images and labels from a pair of IDX files, plain or gzip: u8 [N,H,W] become samples [N,H,W,1], labels [N].
 *  Errors    TN_ERR_IO, TN_ERR_FORMAT, TN_ERR_SHAPE (counts differ), TN_ERR_NO_MEMORY; the detail names the file
 *  Source    LeCun, Cortes and Burges, the MNIST database: file format */
TN_WARN_UNUSED TN_API tn_status tn_dataset_from_idx(const tn_allocator *allocator, const char *images_path,
                                                    const char *labels_path, tn_dataset **out);

/** Create a dataset of the first `count` samples of another, shared.
 *  Errors    TN_ERR_INVALID if there are fewer, or count < 0 */
TN_WARN_UNUSED TN_API tn_status tn_dataset_take(tn_dataset *dataset, int64_t count, tn_dataset **out);

TN_API void tn_dataset_destroy(tn_dataset **dataset);        /**< loaders keep what they need alive */
TN_API int64_t tn_dataset_count(const tn_dataset *dataset);  /**< samples; 0 for NULL */
TN_API tn_shape tn_dataset_sample_shape(const tn_dataset *dataset); /**< dims[0] is the count */
/** CRC-32 of all samples and targets, in order (sample 0, target 0, sample 1, ...), as they lie in memory: tells one
 *  data set from another. Reads everything.
 *  Errors    those of the source */
TN_WARN_UNUSED TN_API tn_status tn_dataset_checksum(const tn_dataset *dataset, uint32_t *out);

/** Options of tn_loader_create. */
typedef struct tn_loader_options {
    size_t struct_size;
    int64_t batch_size;            /**< required */
    bool shuffle;                  /**< a fresh order each epoch, from (seed, epoch) alone */
    uint64_t seed;
    bool drop_last;                /**< leave out a last batch that is smaller */
    float scale;                   /**< samples are multiplied by it; default 1; 1/255 for pixels */
    int64_t resize_height, resize_width; /**< bilinear, for samples [H,W,C]; default as they are */
    bool without_thread;           /**< prepare batches in the caller's thread instead of ahead */
    const tn_allocator *allocator; /**< default the C library's; copied */
} tn_loader_options;

/** Create a loader, which stands at batch 0 of epoch 0. All its memory is allocated here. In a child after fork it goes
 *  on without its thread.
 *  Errors    TN_ERR_INVALID; TN_ERR_SHAPE (samples that are no images cannot be resized); TN_ERR_OVERFLOW;
 *            TN_ERR_NO_MEMORY */
TN_WARN_UNUSED TN_API tn_status tn_loader_create(tn_dataset *dataset, const tn_loader_options *options, tn_loader **out);
TN_API void tn_loader_destroy(tn_loader **loader); /**< and set the pointer to NULL */

/** Start epoch `epoch` at batch `batch` (both from 0), also in the middle of another one.
 *  Errors    TN_ERR_INVALID if batch > tn_loader_batches */
TN_WARN_UNUSED TN_API tn_status tn_loader_start(tn_loader *loader, int64_t epoch, int64_t batch);

/** Return the next batch, borrowed until the next call on the loader; both NULL after the last.
 *  @param samples  [out] f32 [n,...]
 *  @param targets  [out] i32 [n] for class numbers, f32 otherwise
 *  Errors    those of the source; TN_ERR_OVERFLOW if a class number does not fit i32. The loader then stands where it
 *            stood: the next call tries the same batch again */
TN_WARN_UNUSED TN_API tn_status tn_loader_next(tn_loader *loader, const tn_tensor **samples, const tn_tensor **targets);

TN_API int64_t tn_loader_batches(const tn_loader *loader); /**< batches an epoch; 0 for NULL */
TN_API int64_t tn_loader_epoch(const tn_loader *loader);   /**< of the last tn_loader_start */
TN_API int64_t tn_loader_batch(const tn_loader *loader);   /**< number of the batch that tn_loader_next gives next */
TN_API int64_t tn_loader_batch_size(const tn_loader *loader); /**< samples of a full batch; 0 for NULL */
TN_API uint64_t tn_loader_seed(const tn_loader *loader);     /**< that keys the order; 0 for NULL */
TN_API uint64_t tn_loader_bytes(const tn_loader *loader);  /**< all memory it has allocated; 0 for NULL */
TN_API const tn_dataset *tn_loader_dataset(const tn_loader *loader); /**< borrowed */
TN_API tn_shape tn_loader_sample_shape(const tn_loader *loader); /**< of a full batch */

#ifdef __cplusplus
}
#endif
#endif
