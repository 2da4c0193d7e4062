/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Files: .npy, safetensors, checkpoints, PNG. Every file is hostile until it is checked. A file that is written
 *  appears whole or not at all: it is written beside its target, synced, and renamed.
 *
 *  Common errors: TN_ERR_IO (the detail has path and reason), TN_ERR_FORMAT, TN_ERR_VERSION, TN_ERR_UNSUPPORTED,
 *  TN_ERR_OVERFLOW, TN_ERR_NO_MEMORY. */
#ifndef TINYNET_IO_H
#define TINYNET_IO_H

#include <tinynet/data.h>
#include <tinynet/model.h>
#include <tinynet/optimizer.h>
#include <tinynet/train.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Load one array from a NumPy file: little-endian, C order, f4, i4, i8 or u1.
 *  Source    NumPy enhancement proposal 1 */
TN_WARN_UNUSED TN_API tn_status tn_npy_load(const tn_allocator *allocator, const char *path, tn_tensor **out);
TN_WARN_UNUSED TN_API tn_status tn_npy_save(const char *path, const tn_tensor *tensor); /**< format version 1.0 */

/** Load a PNG as u8 [H,W,C].
 *  @param channels    1 (grey), 3 (RGB) or 4 (RGBA): the picture is converted
 *  @param max_pixels  refuse larger pictures before anything is allocated for them; 0: 2^26 */
TN_WARN_UNUSED TN_API tn_status tn_png_load(const tn_allocator *allocator, const char *path, int channels,
                                            int64_t max_pixels, tn_tensor **out);

/** Load one IDX file, plain or gzip, of unsigned bytes.
 *  @param max_bytes  refuse files whose elements take more; 0: 2^32 */
TN_WARN_UNUSED TN_API tn_status tn_idx_load(const tn_allocator *allocator, const char *path, uint64_t max_bytes,
                                            tn_tensor **out);

/** A safetensors file that is open for reading. Thread: one at a time. */
typedef struct tn_safetensors tn_safetensors;
/** Open a file and check its header. With a checksum of ours, the whole file is checked. */
TN_WARN_UNUSED TN_API tn_status tn_safetensors_open(const tn_allocator *allocator, const char *path,
                                                    tn_safetensors **out);
TN_API void tn_safetensors_close(tn_safetensors **file);               /**< and set the pointer to NULL */
TN_API size_t tn_safetensors_count(const tn_safetensors *file);        /**< tensors; 0 for NULL */
TN_API const char *tn_safetensors_name(const tn_safetensors *file, size_t index); /**< borrowed; NULL past the end */
/** Load a tensor by name (F32, I32, I64 or U8).
 *  Errors    TN_NOT_FOUND, TN_ERR_UNSUPPORTED (another type) */
TN_WARN_UNUSED TN_API tn_status tn_safetensors_load(tn_safetensors *file, const char *name, tn_tensor **out);
/** Return a string of `__metadata__`, borrowed; NULL if there is none of that key. */
TN_API const char *tn_safetensors_metadata(const tn_safetensors *file, const char *key);

/** A key and a value of `__metadata__`. Keys that start with "tinynet." are the library's. */
typedef struct tn_metadata {
    const char *key, *value;
} tn_metadata;

/** Save named tensors; names must differ. Adds our checksum as `tinynet.checksum`. */
TN_WARN_UNUSED TN_API tn_status tn_safetensors_save(const char *path, size_t count, const char *const *names,
                                                    const tn_tensor *const *tensors, const tn_metadata *metadata,
                                                    size_t metadata_count);

/** Save all parameters of a model under their names.
 *  Errors    TN_ERR_STATE between a backward that has begun a step of an optimizer (tn_session_options.optimizer) and
 *            the end of that step; the common ones */
TN_WARN_UNUSED TN_API tn_status tn_model_save(const tn_model *model, const char *path);
/** Load parameters by name; also from a checkpoint, and from files of others.
 *  @param partial  true: load what the file has, at least one; false: every parameter must be there
 *  Errors    TN_NOT_FOUND, TN_ERR_SHAPE, TN_ERR_TYPE: nothing is changed then */
TN_WARN_UNUSED TN_API tn_status tn_model_load(tn_model *model, const char *path, bool partial);

/** What a checkpoint holds. All but the model may be NULL and is then left out (save) or not restored (load). */
typedef struct tn_checkpoint {
    size_t struct_size;
    tn_model *model;
    tn_optimizer *optimizer;  /**< state, step, base rate; its schedule is saved, and must be the same to load */
    tn_session *session;      /**< the seed and the step that key dropout, and if it trains the algorithms of its layers;
                                   load puts the seed into the model, and the algorithms into a session that trains */
    tn_loader *loader;        /**< seed, batch size and sample count are saved, and must be the same to load */
    tn_progress *progress;    /**< its position is restored here; tn_fit goes on from it */
    const tn_metadata *metadata; /**< save: more keys for the file, read back with tn_safetensors_metadata */
    size_t metadata_count;
    bool force;               /**< load: accept another seed, batch size, sample count and schedule, and algorithms or
                                   chunks that cannot be had: the session then keeps its own */
} tn_checkpoint;

/** Save a checkpoint: a safetensors file that NumPy and PyTorch read. Equal states give equal bytes.
 *  Errors    TN_ERR_STATE between a backward that has begun a step of an optimizer (tn_session_options.optimizer) in
 *            any session of the model, and the end of that step (tn_optimizer_step, tn_session_destroy); TN_ERR_IO, TN_ERR_INVALID, TN_ERR_NO_MEMORY */
TN_WARN_UNUSED TN_API tn_status tn_checkpoint_save(const char *path, const tn_checkpoint *checkpoint);
/** Load a checkpoint; on any failure everything is as it was. A session for training goes on with the algorithms and
 *  chunks of images that the file names, so that its results are the same bits; where they are others than its own, its
 *  activations and scratch are allocated anew, and what tn_session_plan tells changes. What the session's last forward and backward left
 *  is void, its gradients are zero, and a step that its backward has begun is forgotten.
 *  Errors    TN_ERR_STATE if it is of another run (another optimizer, schedule, seed, batch size, sample count; Winograd
 *            or Strassen's product in a model that is `precise`, chunks in a session that keeps outputs or whose backward needs all of a
 *            layer's output, as it may where one was thawed since); TN_ERR_UNSUPPORTED if it names an
 *            algorithm that this library does not have for the layer */
TN_WARN_UNUSED TN_API tn_status tn_checkpoint_load(const char *path, const tn_checkpoint *checkpoint);

#ifdef __cplusplus
}
#endif
#endif
