/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Sorting of indices in place: qsort may allocate memory behind our allocator's back, and may be quadratic. */
#ifndef TN_FORMATS_INDEX_SORT_H
#define TN_FORMATS_INDEX_SORT_H

#include <stddef.h>
#include <stdint.h>

/** Negative, zero, positive as item a comes before, with, after item b. */
typedef int tn_index_compare(const void *context, uint32_t a, uint32_t b);

/** Sort items[count]. */
void tn_index_sort(uint32_t *items, size_t count, tn_index_compare *compare, const void *context);

#endif
