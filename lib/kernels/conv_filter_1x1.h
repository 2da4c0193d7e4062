/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The gradient of the filters of 1x1 convolutions, without packing. */
#ifndef TN_KERNELS_CONV_FILTER_1X1_H
#define TN_KERNELS_CONV_FILTER_1X1_H

#include "kernels/conv.h"

/** True if every window is a pixel of the image. */
bool tn_conv_picks_pixels(const tn_conv_shape *shape);
/** True where the way applies: no padding, and channels and filters fill tiles, or nearly where there are no strides. */
bool tn_conv_filter_is_1x1(const tn_conv_shape *shape);
/** Errors    TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_conv_filter_1x1_scratch(const tn_conv_shape *shape, int threads, size_t *out);
/** dw = the gradient, or dw += with add; shape->n is the batch. */
void tn_conv_filter_1x1(const tn_conv_shape *shape, tn_pool *pool, const float *x, const float *dy, bool add, float *dw,
                        void *scratch);

#endif
