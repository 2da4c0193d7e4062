/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What a tile asks for while it multiplies: memory that is read next, for the L2 cache, and rows of C, for the L1 cache.
 */
#ifndef TN_ISA_TILE_ASKS_H
#define TN_ISA_TILE_ASKS_H

#include "kernels/arithmetic.h"
#include "kernels/isa/conv_table.h"
#include "kernels/isa/simd.h"

/** What is still to be asked for: from number `at` of a region's first row. */
typedef struct walk {
    tn_region region;
    int64_t at;
} walk;

ALWAYS_INLINE void ask_for_line(walk *w)
{
    __builtin_prefetch(w->region.data + w->at, 0, 2);
    w->at += TN_LINE;
    if (w->at >= w->region.width) {
        w->at = 0;
        w->region.data += w->region.stride;
        w->region.rows--;
    }
}

/** Ask for number k of each of the next tile's rows. */
ALWAYS_INLINE void ask_for_rows(int count, const float *const *next, int64_t k)
{
    UNROLL
    for (int i = 0; i < count; i++)
        __builtin_prefetch(next[i] + k, 0, 2);
}

/** A row of C is on its way until it is written. */
ALWAYS_INLINE void ask_for_sums(int vectors, const float *c)
{
    UNROLL
    for (int j = 0; j < vectors; j++)
        __builtin_prefetch(c + j * TN_LANES, 1, 3);
}

#endif
