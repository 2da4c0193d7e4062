/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Tensors: dense row-major arrays of up to TN_MAX_RANK dimensions on reference-counted storage.
 *
 *  Thread    different tensors: any threads, also when they share storage, as long as nobody writes. */
#ifndef TINYNET_TENSOR_H
#define TINYNET_TENSOR_H

#include <tinynet/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A handle on elements in memory that tensors may share. */
typedef struct tn_tensor tn_tensor;

/** Element types. */
typedef enum tn_dtype {
    TN_F32 = 0, /**< float */
    TN_I32,     /**< int32_t */
    TN_I64,     /**< int64_t */
    TN_U8       /**< uint8_t */
} tn_dtype;

/** Bytes of one element; 0 for a value that is no tn_dtype. */
TN_API size_t tn_dtype_size(tn_dtype dtype);

/** Create a tensor of zeros, 64-byte aligned.
 *  @param allocator  NULL for the C library's
 *  @param rank       0 (a scalar) to TN_MAX_RANK
 *  @param dims       [rank]; the first may be 0 (an empty batch), the others at least 1
 *  Errors    TN_ERR_INVALID, TN_ERR_OVERFLOW, TN_ERR_NO_MEMORY */
TN_WARN_UNUSED TN_API tn_status tn_tensor_create(const tn_allocator *allocator, tn_dtype dtype, int rank,
                                                 const int64_t *dims, tn_tensor **out);

/** Create a tensor that holds a copy of `data` ([product of dims] elements, borrowed).
 *  Errors    as tn_tensor_create */
TN_WARN_UNUSED TN_API tn_status tn_tensor_from_data(const tn_allocator *allocator, tn_dtype dtype, int rank,
                                                    const int64_t *dims, const void *data, tn_tensor **out);

/** Create a tensor over the caller's memory, which must outlive it and its views; nothing is copied.
 *  Errors    as tn_tensor_create; TN_ERR_INVALID if `data` is not aligned to its element */
TN_WARN_UNUSED TN_API tn_status tn_tensor_wrap(const tn_allocator *allocator, tn_dtype dtype, int rank,
                                               const int64_t *dims, void *data, tn_tensor **out);

/** Destroy the handle and set it to NULL; the storage goes with its last tensor. NULL and *tensor NULL are fine. */
TN_API void tn_tensor_destroy(tn_tensor **tensor);

TN_API tn_dtype tn_tensor_dtype(const tn_tensor *tensor); /**< element type; TN_F32 for NULL */
TN_API int tn_tensor_rank(const tn_tensor *tensor);       /**< number of dimensions; 0 for NULL */
/** Return dimension `axis`, counted from the end if negative; -1 if there is none. */
TN_API int64_t tn_tensor_dim(const tn_tensor *tensor, int axis);
TN_API int64_t tn_tensor_size(const tn_tensor *tensor);  /**< number of elements; 0 for NULL */
TN_API size_t tn_tensor_bytes(const tn_tensor *tensor);  /**< size of the elements in bytes; 0 for NULL */
/** Return the elements, row-major; borrowed, valid as long as the tensor. NULL for NULL. */
TN_API void *tn_tensor_data(tn_tensor *tensor);
TN_API const void *tn_tensor_const_data(const tn_tensor *tensor); /**< as tn_tensor_data, for reading */
/** Return the elements if they are float, otherwise NULL. */
TN_API float *tn_tensor_f32(tn_tensor *tensor);
TN_API const float *tn_tensor_const_f32(const tn_tensor *tensor); /**< as tn_tensor_f32, for reading */

/** Create a view of the same elements in another shape, sharing the storage. One dimension may be -1.
 *  Errors    TN_ERR_SHAPE if the number of elements differs */
TN_WARN_UNUSED TN_API tn_status tn_tensor_reshape(tn_tensor *tensor, int rank, const int64_t *dims, tn_tensor **out);

/** Create a view of `count` entries of the first dimension, from `start`, sharing the storage.
 *  Errors    TN_ERR_INVALID if the range is not inside, or rank is 0 */
TN_WARN_UNUSED TN_API tn_status tn_tensor_slice(tn_tensor *tensor, int64_t start, int64_t count, tn_tensor **out);

/** Create a copy on storage of its own, in the source's type and shape. */
TN_WARN_UNUSED TN_API tn_status tn_tensor_clone(const tn_allocator *allocator, const tn_tensor *tensor, tn_tensor **out);

/** Create a copy with the axes in another order: out.dim(i) = tensor.dim(axes[i]).
 *  Errors    TN_ERR_INVALID if axes is no permutation of 0..rank-1 */
TN_WARN_UNUSED TN_API tn_status tn_tensor_transpose(const tn_allocator *allocator, const tn_tensor *tensor,
                                                    const int *axes, tn_tensor **out);

/** Copy elements from `source`, whose type and shape must be the same. Overlap is allowed.
 *  Errors    TN_ERR_TYPE, TN_ERR_SHAPE */
TN_WARN_UNUSED TN_API tn_status tn_tensor_copy(tn_tensor *tensor, const tn_tensor *source);

/** Set every element to `value`, rounded towards zero for integer types.
 *  Errors    TN_ERR_INVALID if `value` does not fit the type */
TN_WARN_UNUSED TN_API tn_status tn_tensor_fill(tn_tensor *tensor, double value);

/** Fill a float tensor with uniform numbers in [low, high) from the counter-based generator keyed by `seed`.
 *  Source    Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11 (Philox4x32-10) */
TN_WARN_UNUSED TN_API tn_status tn_tensor_fill_uniform(tn_tensor *tensor, float low, float high, uint64_t seed);

/** Options of tn_gemm. */
typedef struct tn_gemm_options {
    size_t struct_size;
    float alpha;       /**< 0 stands for 1, unless `literal` is set */
    float beta;        /**< default 0: the old value of y is not read */
    bool transpose_a;  /**< a is [K,M] */
    bool transpose_b;  /**< b is [N,K] */
    int threads;       /**< default 1 */
    bool literal;      /**< alpha and beta are what they say, 0 too: with alpha 0, a and b are not read; with beta 0, c
                            and the old value of y are not */
} tn_gemm_options;

/** Multiply matrices on BLIS's micro-kernel.
 *  Formula   y = alpha * op(a) op(b) + (c given ? beta * broadcast(c) : beta * y)
 *  @param a  f32 [M,K], or [K,M] with transpose_a
 *  @param b  f32 [K,N], or [N,K] with transpose_b
 *  @param c  NULL, or f32 that broadcasts to [M,N] by NumPy's rules: [N], [1,N], [M,1], [M,N], [1], scalar; with c
 *            given and beta 0 in the options, beta is 1, unless they are literal
 *  @param y  f32 [M,N]; must overlap none of the others, but may be c itself
 *  Errors    TN_ERR_SHAPE, TN_ERR_TYPE, TN_ERR_INVALID, TN_ERR_NO_MEMORY (packing buffers, from y's allocator)
 *  Source    Van Zee and van de Geijn, "BLIS", ACM TOMS 41 (2015) */
TN_WARN_UNUSED TN_API tn_status tn_gemm(const tn_gemm_options *options, const tn_tensor *a, const tn_tensor *b,
                                        const tn_tensor *c, tn_tensor *y);

/** Resize images with bilinear interpolation at half-pixel centres, edges clamped, no antialiasing.
 *  Formula   source coordinate = (i + 0.5) * in / out - 0.5
 *  @param images  f32 or u8 [N,H,W,C]
 *  @param out     f32 [N,OH,OW,C], apart from images; u8 sources keep their range 0..255
 *  Errors    TN_ERR_SHAPE if N or C differ; TN_ERR_TYPE; TN_ERR_INVALID (overlap) */
TN_WARN_UNUSED TN_API tn_status tn_resize_bilinear(const tn_tensor *images, tn_tensor *out);

/** Normalise along one axis (negative: from the end) so that the exponentials sum to one.
 *  Formula   softmax y = exp(x - max) / sum exp(x - max); log_softmax y = (x - max) - log sum exp(x - max)
 *  @param y  f32, shape of x; may be x itself
 *  Errors    TN_ERR_SHAPE, TN_ERR_TYPE, TN_ERR_INVALID (axis; y overlaps x otherwise) */
TN_WARN_UNUSED TN_API tn_status tn_softmax_tensor(const tn_tensor *x, int axis, tn_tensor *y);
TN_WARN_UNUSED TN_API tn_status tn_log_softmax_tensor(const tn_tensor *x, int axis, tn_tensor *y); /**< see above */

/** Apply a dropout mask: y = mask ? x / (1 - rate) : 0.
 *  @param mask  u8, shape of x: 1 keeps
 *  @param y     f32, shape of x; may be x itself
 *  Errors    TN_ERR_SHAPE, TN_ERR_TYPE, TN_ERR_INVALID (rate outside [0,1); y overlaps x otherwise, or mask) */
TN_WARN_UNUSED TN_API tn_status tn_dropout_apply(const tn_tensor *x, const tn_tensor *mask, float rate, tn_tensor *y);

#ifdef __cplusplus
}
#endif
#endif
