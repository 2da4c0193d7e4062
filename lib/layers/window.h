/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Windows that slide over an image's height and width: the arithmetic that convolution and pooling share. Pairs are
 *  height, width. */
#ifndef TN_LAYERS_WINDOW_H
#define TN_LAYERS_WINDOW_H

#include <tinynet/layer.h>

/** A window's options as the caller gave them; triples are both directions, height, width; 0: not given. */
typedef struct tn_window_options {
    const char *size_name; /* "kernel", "pool": messages say kernel_height */
    int64_t size[3], strides[3], dilation[3];
    bool strides_follow_size; /* the default of strides is the size, not 1 */
    bool pads_inside_extent;  /* pads must be less than the window's extent */
    tn_padding padding;
    int64_t pads[4]; /* top, bottom, left, right */
    bool ceil_mode;
} tn_window_options;

/** A window with every default filled in. */
typedef struct tn_window {
    int64_t size[2], stride[2], dilation[2];
    int64_t extent[2]; /* dilation * (size - 1) + 1: pixels from the first to the last */
    tn_padding padding;
    int64_t pad_begin[2], pad_end[2]; /* of TN_EXPLICIT; otherwise 0 */
    bool ceil_mode;
} tn_window;

/** A window on an image: output size and the padding that TN_SAME comes to. */
typedef struct tn_window_fit {
    int64_t out[2], pad_begin[2], pad_end[2];
} tn_window_fit;

/** Fill in defaults and check everything that needs no input shape.
 *  Errors    TN_ERR_INVALID, TN_ERR_OVERFLOW (the extent) */
TN_WARN_UNUSED tn_status tn_window_read(const char *label, const tn_window_options *options, tn_window *out);

/** Lay the window over an input [N,H,W,C].
 *  Shape     TN_SAME: out = ceil(in / stride), pads sum to max((out - 1) * stride + extent - in, 0), the odd one at the
 *            end; otherwise out = floor((in + pads - extent) / stride) + 1, or ceil with ceil_mode, when the last window
 *            still starts before the padding at the end
 *  Errors    TN_ERR_SHAPE: not of rank 4, or smaller than the window; TN_ERR_OVERFLOW
 *  Source    TensorFlow, "tf.nn: notes on padding"; PyTorch, MaxPool2d's ceil_mode */
TN_WARN_UNUSED tn_status tn_window_lay(const char *name, const tn_window *window, const tn_shape *in,
                                       tn_window_fit *out);

#endif
