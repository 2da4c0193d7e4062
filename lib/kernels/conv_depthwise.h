/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Depthwise convolutions: as many groups as channels and filters. Products of matrices have nothing to share there;
 * sums run over the taps of a channel alone, in vectors of channels (isa/depthwise_loops.c).
 *
 *      y[n,i,j,c] = sum_{r,s} x[n, i stride + r dilation - pad, ..., c] w[r,s,0,c]
 *
 *  Source    Chollet, "Xception: deep learning with depthwise separable convolutions", 2017 */
#ifndef TN_KERNELS_CONV_DEPTHWISE_H
#define TN_KERNELS_CONV_DEPTHWISE_H

#include "kernels/conv.h"

/** True if the passes below are for this shape. */
bool tn_conv_depthwise_applies(const tn_conv_shape *s);

/* As tn_conv_forward and its gradients; shape->n is the batch. Only the gradient of the filters needs scratch. */
void tn_conv_depthwise_forward(const tn_conv_shape *s, tn_pool *pool, const float *x, const float *w, const float *bias,
                               tn_activation activation, float *y);
void tn_conv_depthwise_data(const tn_conv_shape *s, tn_pool *pool, const float *dy, const float *w, float *dx);
void tn_conv_depthwise_filter(const tn_conv_shape *s, tn_pool *pool, const float *x, const float *dy, bool add,
                              float *dw, void *scratch);
TN_WARN_UNUSED tn_status tn_conv_depthwise_filter_scratch(const tn_conv_shape *s, size_t *out);

#endif
