/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The inner loops of depthwise convolutions, in which every channel has a filter of its own: a tap multiplies vectors
 *  of channels, which lie side by side in pixels and filters alike. */
#ifndef TN_ISA_DEPTHWISE_LOOPS_H
#define TN_ISA_DEPTHWISE_LOOPS_H

#include <stdbool.h>
#include <stdint.h>

/** A tap: the pixel under it, and what it multiplies by or, in the gradient of the filters, what it is added to. */
typedef struct tn_depthwise_tap {
    const float *pixel; /* [channels], of the first result; that of the next one is x_step further */
    const float *w;     /* [channels] */
    float *dw;          /* [channels] */
} tn_depthwise_tap;

/** Results whose gradients are summed: dy of one row lies in one piece. */
typedef struct tn_depthwise_rows {
    int64_t rows, x_row, dy_row;
    int64_t results, x_step; /* of a row */
} tn_depthwise_rows;

typedef struct tn_depthwise_loops {
    /** y[i * y_step + c] = bias[c] + sum over the taps, in their order, of pixel[i * x_step + c] w[c], then max(.,0)
     * with relu (NaN stays NaN), for i < results, c < channels; bias NULL: none. */
    void (*filter)(const tn_depthwise_tap *taps, int64_t count, int64_t x_step, const float *bias, bool relu,
                   int64_t results, int64_t channels, float *y, int64_t y_step);
    /** dw[c] += sum over the rows and their results, in their order, of pixel[row * x_row + i * x_step + c] dy[row *
     *  dy_row + i * channels + c], of each tap. */
    void (*gradient)(const tn_depthwise_tap *taps, int64_t count, const tn_depthwise_rows *rows, const float *dy,
                     int64_t channels);
} tn_depthwise_loops;

#endif
