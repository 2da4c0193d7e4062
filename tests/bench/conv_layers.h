/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The convolutions that are measured: those of well-known networks, and odd ones. */
#ifndef TESTS_BENCH_CONV_LAYERS_H
#define TESTS_BENCH_CONV_LAYERS_H

#include "kernels/conv.h"

/** Square images, square windows, the same padding on all sides. */
typedef struct conv_layer {
    const char *name;
    int64_t size, channels, filters, kernel, stride, pad;
    int64_t groups;
    bool apart; /* measured and shown, not counted in the summary */
} conv_layer;

/** Ends with a NULL name. */
extern const conv_layer conv_layers[];

tn_conv_shape conv_layer_shape(const conv_layer *layer, int64_t batch);

/** Operations of the definition: a multiplication and an addition are two. */
double conv_flops(const tn_conv_shape *shape);

#endif
