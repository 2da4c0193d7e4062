/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The phases that the gradient of the data falls into where a convolution has strides.
 *
 *      dx[h,w,c] = sum_{r,s,f} dy[(h + pad - r dilation) / stride, ..., f] w[r,s,c,f]   where the division is exact
 *
 *  Which r divide exactly depends on h modulo the stride alone. So dx falls into stride_h * stride_w phases, and each
 *  is a forward convolution of dy with stride 1 and the filters' taps that belong to it, last tap first:
 *
 *      h = phase + i stride:   taps r = last, last - step, ...   step = stride / gcd(stride, dilation)
 *                              tap t of window i is dy row  i + (phase + pad - last dilation) / stride + t dilation/gcd
 *
 *  Every tap belongs to one phase. Some phases have none: there dx is zero. */
#ifndef TN_KERNELS_CONV_PHASES_H
#define TN_KERNELS_CONV_PHASES_H

#include "kernels/conv.h"

/** One direction of a phase. */
typedef struct tn_side {
    int64_t phase;
    int64_t count;      /* pixels of the phase */
    int64_t taps, last; /* taps last, last - step, ... */
    int64_t step, dilation, start;
} tn_side;

typedef struct tn_phase {
    tn_side high, wide;
    int64_t taps; /* 0: its pixels are zero */
} tn_phase;

/** Phases that have pixels: an image may be smaller than a stride. */
int64_t tn_phases(const tn_conv_shape *s);
/** Phase number 0 to tn_phases - 1, along rows. */
tn_phase tn_phase_of(const tn_conv_shape *s, int64_t number);
/** The most taps that any phase has. */
int64_t tn_phase_most_taps(const tn_conv_shape *s);
/** The filters' tap (r,s), counted through, that is tap `t` of a phase. */
int64_t tn_phase_tap(const tn_conv_shape *s, const tn_phase *phase, int64_t t);

/** A block of a phase's sum: filters [first, first + run) of taps [tap, tap + taps). */
typedef struct tn_depth {
    int64_t tap, taps, first, run;
    int64_t k; /* of all blocks before it */
} tn_depth;

/** Go on to the next block, from one of zeros to the first; false after the last. Blocks are whole taps, or a part of
 *  one. */
bool tn_depth_next(int64_t taps, int64_t filters, tn_depth *d);
/** No block of a phase with up to so many taps has more. */
int64_t tn_depth_most_taps(int64_t taps, int64_t filters);

#endif
