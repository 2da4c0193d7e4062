/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The documented bounds of error of each algorithm of a convolution: lib/kernels/winograd.h and docs/performance.md
 *  have the same figures. */
#ifndef TESTS_KERNELS_CONV_BOUNDS_H
#define TESTS_KERNELS_CONV_BOUNDS_H

#include "kernels/conv.h"

#include <stddef.h>
#include <stdint.h>

/** Pass by pass: forward, gradient of the data, gradient of the filters. */
typedef struct conv_bounds {
    int m, r, stride; /* of F(m,r); m = 0: plain sums, any taps and stride; TN_CONV_HALVES: Strassen's product */
    double bounds[3];
    double begun[3]; /* where each sum begins with a number that is larger than all others together */
} conv_bounds;

static const conv_bounds all_conv_bounds[] = {
    {0, 0, 0, {2e-6, 2e-6, 2e-6}, {5e-6, 3e-6, 2e-6}},
    {TN_CONV_HALVES, 1, 1, {5e-6, 5e-6, 3e-6}, {6e-6, 8e-6, 3e-6}},
    {2, 3, 1, {2e-6, 2e-6, 2e-6}, {2e-6, 2e-6, 2e-6}},
    {4, 3, 1, {8e-6, 8e-6, 5e-6}, {1.2e-5, 1.2e-5, 5e-6}},
    {6, 3, 1, {3e-5, 3e-5, 2e-5}, {3e-5, 3e-5, 2e-5}},
    {4, 5, 1, {2.5e-5, 2.5e-5, 2e-5}, {3e-5, 3e-5, 2e-5}},
    {2, 7, 1, {2e-5, 2e-5, 2.8e-5}, {3e-5, 3e-5, 2.8e-5}},
    {2, 3, 2, {2.5e-6, 5e-6, 2.5e-6}, {2.5e-6, 5e-6, 2.5e-6}},
    {4, 3, 2, {6e-6, 1.2e-5, 4e-6}, {1.2e-5, 1.2e-5, 4e-6}},
};
enum { CONV_BOUNDS = sizeof all_conv_bounds / sizeof all_conv_bounds[0] };

/** Those of F(m,r) at a stride, or of plain sums for m = 0; NULL if there are none. */
static inline const conv_bounds *conv_bounds_of(int64_t m, int64_t r, int64_t stride)
{
    for (int i = 0; i < CONV_BOUNDS; i++) {
        const conv_bounds *b = &all_conv_bounds[i];
        if (b->m == m && (m == 0 || (b->r == r && b->stride == stride)))
            return b;
    }
    return NULL;
}

#endif
