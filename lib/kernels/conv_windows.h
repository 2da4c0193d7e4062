/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The windows of images as a matrix that never exists: row (n,i,j), column k = (r,s,c), c innermost. Its panels are
 *  copied straight from the unpadded images, zeros where a window reaches outside. */
#ifndef TN_KERNELS_CONV_WINDOWS_H
#define TN_KERNELS_CONV_WINDOWS_H

#include "kernels/product.h"

#include <stdbool.h>
#include <stdint.h>

/** Window (n,i,j) has its tap (r,s) at pixel (top + i * stride_h + r * dilation_h, left + j * stride_w +
 *  s * dilation_w) of image n. */
typedef struct tn_windows {
    const float *images;     /* first channel of the first pixel; a group's own */
    int64_t h, w, pitch;     /* pitch: floats from pixel to pixel, the channels of all groups */
    int64_t channels;        /* of a group */
    int64_t rows, cols;      /* windows of an image */
    int64_t taps_h, taps_w;
    int64_t stride_h, stride_w, dilation_h, dilation_w;
    int64_t top, left;       /* minus the padding */
} tn_windows;

/** tn_pack: panels whose lanes are windows [first, first + count), k = taps and channels [k0, k0 + kn). `windows`: a
 *  tn_windows. */
void tn_windows_pack(const void *windows, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t lanes,
                     float *out);

/** tn_locate: runs of tn_windows_run numbers or of a whole part of them. */
void tn_windows_locate(const void *windows, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t run,
                       int64_t lanes, float *aside, const float **rows);
int64_t tn_windows_run(const tn_windows *windows);

/** Windows of an image that lack the same taps, all but [r0, r1) by [s0, s1): lines of `cols` of them from (row,col). */
typedef struct tn_window_area {
    int64_t row, col, cols;
    int64_t r0, r1, s0, s1;
    int64_t windows, groups;
} tn_window_area;

#define TN_WINDOW_BANDS 8 /* of lines or columns of windows with the same taps */

/** Windows in groups of up to `lanes`, none of which reaches over an area; see conv_order.c. */
typedef struct tn_window_order {
    tn_windows windows; /* the first member: what the other functions take */
    int64_t lanes, ldc; /* ldc: of the results, from window to window */
    int64_t groups;     /* of an image */
    int areas;
    tn_window_area area[TN_WINDOW_BANDS * TN_WINDOW_BANDS];
} tn_window_order;

/** Let a product of these windows have its rows in that order, if they are read where they lie and enough of them is padding.
 *  order->windows: without images. Nothing but the order of rows changes, and what is added up that is zero. */
void tn_windows_order(tn_product *product, tn_window_order *order);
/** The transpose: panels whose lanes are taps and channels [first, first + count), k = windows [k0, k0 + kn). */
void tn_windows_pack_taps(const void *windows, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t lanes,
                          float *out);

#endif
