/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Buffers that are needed at different times may lie at the same place. */
#ifndef TN_MODEL_PLACEMENT_H
#define TN_MODEL_PLACEMENT_H

#include <tinynet/base.h>

/** A buffer, needed from time `first` to time `last`, both included. */
typedef struct tn_interval {
    size_t bytes; /* 0: not needed at all */
    int64_t first, last;
    size_t offset; /* the answer; a multiple of what all sizes are multiples of */
} tn_interval;

/** Give each interval an offset in one block, so that no two that meet in time overlap. Tries two orders and keeps the
 *  one that needs less.
 *  @param total  [out] size of the block
 *  Errors    TN_ERR_OVERFLOW, TN_ERR_NO_MEMORY */
TN_WARN_UNUSED tn_status tn_place(const tn_allocator *allocator, tn_interval *intervals, size_t count, size_t *total);

#endif
