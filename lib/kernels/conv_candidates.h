/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The ways that a convolution can be computed in, their names, and which of them is fastest here. A way is a number: m
 *  of Winograd's F(m,r), TN_CONV_HALVES, or 0 for plain sums. */
#ifndef TN_KERNELS_CONV_CANDIDATES_H
#define TN_KERNELS_CONV_CANDIDATES_H

#include "kernels/conv.h"

enum { TN_CONV_CANDIDATES = 8 };

/** List the tiles of a shape, plain sums first; under `precise` nothing else. Returns how many. */
int tn_conv_candidates(const tn_conv_shape *shape, bool precise, int tiles[TN_CONV_CANDIDATES]);

/** "gemm", "winograd(4,3)", "winograd(4,3,2)" at stride 2, "strassen". */
void tn_conv_name(const tn_conv_shape *shape, int tile, char name[TN_CONV_NAME]);
/** Find the candidate of a name; false if there is none. */
bool tn_conv_find(const tn_conv_shape *shape, bool precise, const char *name, int *tile);

/** Time candidates: the median of a few runs of each, taken in turns, on made-up numbers.
 *  @param shape    n: images in a run
 *  @param wishes   with `prepared`, preparing is no part of the time; its threads are not looked at
 *  @param pool     NULL: this thread alone, in processor time, which others on the machine do not add to
 *  @param seconds  [count] of one run
 *  Errors    TN_ERR_NO_MEMORY, TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_conv_time(const tn_allocator *allocator, const tn_conv_shape *shape, tn_conv_pass pass,
                                      const tn_conv_wishes *wishes, tn_pool *pool, const int *tiles, int count,
                                      double *seconds);

/** Return the fastest tile; `preferred`, if it is a candidate, wins while it is within TN_CONV_TIE of that. */
int tn_conv_fastest(const int *tiles, const double *seconds, int count, int preferred);
#define TN_CONV_TIE 1.03

/** Plan a pass again with the candidate that is fastest on one thread, whatever plan->threads is: the choice is the
 * same for every number of threads. Up to 32 images are used, fewer where their x and y would take more than
 *  TN_CONV_MEASURE_BYTES or a run would be long, but at least one. Beside x, y and w of these images the most that a
 *  candidate needs of scratch and of prepared filters is allocated, and all is released before this returns.
 *  @param wishes  those of the plan; nothing is done under `precise`
 *  @param plan  in: what the cost model chose; out: what measurement chose; unchanged on failure
 *  Errors    TN_ERR_NO_MEMORY, TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_conv_measure(const tn_allocator *allocator, const tn_conv_wishes *wishes,
                                         tn_conv_plan *plan);
#define TN_CONV_MEASURE_BYTES (64 << 20)

#endif
