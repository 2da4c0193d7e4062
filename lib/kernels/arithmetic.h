/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Integer arithmetic of sizes and positions. */
#ifndef TN_KERNELS_ARITHMETIC_H
#define TN_KERNELS_ARITHMETIC_H

#include <stdint.h>

static inline int64_t tn_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t tn_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/** a / b, b > 0, rounded up, also for negative a. */
static inline int64_t tn_ceil_div(int64_t a, int64_t b)
{
    return a / b + (a % b > 0);
}

/** The greatest common divisor. */
static inline int64_t tn_common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/** The next multiple of unit, for value >= 0. */
static inline int64_t tn_round_up(int64_t value, int64_t unit)
{
    return tn_ceil_div(value, unit) * unit;
}

/** The first of share number `share` of `count` in as even shares as there can be. The first ones are the larger: threads
 *  that take them in turns end together, where larger and smaller ones in turns would each go to one of two threads. */
static inline int64_t tn_share_begin(int64_t count, int64_t shares, int64_t share)
{
    return count / shares * share + tn_min(share, count % shares);
}

#define TN_LINE 16 /* floats of a cache line */

/** At least so many floats, an odd number of cache lines: rows so far apart do not share sets of the caches. */
static inline int64_t tn_odd_lines(int64_t floats)
{
    return ((floats + TN_LINE - 1) / TN_LINE | 1) * TN_LINE;
}

#endif
