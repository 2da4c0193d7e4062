/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Convolution as products of matrices that are read out of the images while panels are packed ("implicit GEMM"): plain
 *  sums for any kernel, stride, padding, dilation and number of groups. */
#ifndef TN_KERNELS_CONV_GEMM_H
#define TN_KERNELS_CONV_GEMM_H

#include "kernels/conv.h"

/** Scratch of one pass.
 *  Errors    TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_conv_gemm_scratch(const tn_conv_shape *shape, tn_conv_pass pass, int threads, size_t *out);

/* As tn_conv_forward and its gradients; shape->n is the batch. largest: the batch that filters were prepared for. */
void tn_conv_gemm_forward(const tn_conv_shape *shape, tn_pool *pool, const float *x, const float *w,
                          const void *prepared, const float *bias, tn_activation activation, float *y, void *scratch);
void tn_conv_gemm_data(const tn_conv_shape *shape, int64_t largest, tn_pool *pool, const float *dy, const float *w,
                       const void *prepared, float *dx, void *scratch);
void tn_conv_gemm_filter(const tn_conv_shape *shape, tn_pool *pool, const float *x, const float *dy, bool add,
                         float *dw, void *scratch);

/** Bytes of filters that are packed once; 0 where they take the scalar side or nothing is summed.
 *  Errors    TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_conv_gemm_prepared(const tn_conv_shape *shape, tn_conv_pass pass, size_t *out);

/** Whether the gradient of the data goes the way for few channels (conv_gemm_spread.c), and its cost for an image in
 *  multiply-adds at the micro-kernel's rate. */
bool tn_conv_gemm_spreads(const tn_conv_shape *shape);
double tn_conv_gemm_spread_cost(const tn_conv_shape *shape);
void tn_conv_gemm_spread(const tn_conv_shape *shape, tn_pool *pool, const float *dy, const float *w,
                         const void *prepared, float *dx, void *scratch);

/** The gradient of the data with strides (conv_gemm_strided.c). prepared: by tn_conv_gemm_strided_prepare, or NULL. */
void tn_conv_gemm_strided(const tn_conv_shape *shape, tn_pool *pool, const float *dy, const float *w,
                          const void *prepared, float *dx, void *scratch);
/** Bytes of filters that are packed once for it. They do not depend on the batch.
 *  Errors    TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_conv_gemm_strided_prepared(const tn_conv_shape *shape, size_t *out);
void tn_conv_gemm_strided_prepare(const tn_conv_shape *shape, tn_pool *pool, const float *w, void *prepared);

/* The parts of tn_conv_gemm_scratch. */
TN_WARN_UNUSED tn_status tn_conv_gemm_forward_scratch(const tn_conv_shape *shape, int threads, size_t *out);
TN_WARN_UNUSED tn_status tn_conv_gemm_data_scratch(const tn_conv_shape *shape, int threads, size_t *out);
TN_WARN_UNUSED tn_status tn_conv_gemm_spread_scratch(const tn_conv_shape *shape, int threads, size_t *out);
TN_WARN_UNUSED tn_status tn_conv_gemm_strided_scratch(const tn_conv_shape *s, int threads, size_t *out);
TN_WARN_UNUSED tn_status tn_conv_gemm_filter_scratch(const tn_conv_shape *shape, int threads, size_t *out);

/* Its parts, and tn_conv_prepare. */
TN_WARN_UNUSED tn_status tn_conv_gemm_forward_prepared(const tn_conv_shape *shape, size_t *out);
TN_WARN_UNUSED tn_status tn_conv_gemm_data_prepared(const tn_conv_shape *shape, size_t *out);
size_t tn_conv_gemm_spread_prepared(const tn_conv_shape *shape);
void tn_conv_gemm_forward_prepare(const tn_conv_shape *shape, tn_pool *pool, const float *w, void *prepared);
void tn_conv_gemm_data_prepare(const tn_conv_shape *shape, tn_pool *pool, const float *w, void *prepared);
void tn_conv_gemm_spread_prepare(const tn_conv_shape *shape, tn_pool *pool, const float *w, void *prepared);

#endif
