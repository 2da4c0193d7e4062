/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  1x1 convolutions by Strassen's product (strassen.h): pixels are the rows of a matrix, channels its columns. */
#ifndef TN_KERNELS_CONV_STRASSEN_H
#define TN_KERNELS_CONV_STRASSEN_H

#include "kernels/conv.h"

/** True for all passes of a shape whose channels and filters fill whole tiles by halves. */
bool tn_conv_strassen_fits(const tn_conv_shape *shape);
/** True if a pass of so many images takes less time than plain sums do, from its sizes alone. */
bool tn_conv_strassen_saves(const tn_conv_shape *shape, tn_conv_pass pass, bool prepared);

/** Scratch of a pass; prepared: without room for the filters.
 *  Errors    TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_conv_strassen_scratch(const tn_conv_shape *shape, tn_conv_pass pass, bool prepared, int threads,
                                                  size_t *out);
/** Bytes of prepared filters.
 *  Errors    TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_conv_strassen_prepared(const tn_conv_shape *shape, tn_conv_pass pass, size_t *out);

/* As tn_conv_prepare, tn_conv_forward and its gradients; shape->n is the batch. */
void tn_conv_strassen_prepare(const tn_conv_shape *shape, tn_conv_pass pass, tn_pool *pool, const float *w, void *prepared);
void tn_conv_strassen_forward(const tn_conv_shape *shape, tn_pool *pool, const float *x, const float *w, const void *prepared,
                              const float *bias, tn_activation activation, float *y, void *scratch);
void tn_conv_strassen_data(const tn_conv_shape *shape, tn_pool *pool, const float *dy, const float *w, const void *prepared,
                           float *dx, void *scratch);
void tn_conv_strassen_filter(const tn_conv_shape *shape, tn_pool *pool, const float *x, const float *dy, bool add, float *dw,
                             void *scratch);

#endif
