/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Results that are used up while they are in the cache, instead of being stored. */
#ifndef TN_KERNELS_SINK_H
#define TN_KERNELS_SINK_H

#include <stdint.h>

/** A rectangle [rows,cols] of a matrix, from (row,col) on. */
typedef struct tn_block {
    int64_t row, col, rows, cols;
    const float *data; /* element (row,col); rows lie `stride` floats apart */
    int64_t stride;
} tn_block;

/** What takes the finished blocks of a result: each element comes once, blocks in any order and from any thread of the
 *  pool, several at a time. `take` NULL: there is no sink. */
typedef struct tn_sink {
    void (*take)(const void *context, const tn_block *block);
    const void *context;
} tn_sink;

#endif
