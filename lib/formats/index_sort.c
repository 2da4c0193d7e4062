/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Heapsort: in place, n log n for any input.
 *  Source    Williams, "Algorithm 232: Heapsort", CACM 7 (1964) */
#include "formats/index_sort.h"

static void sift_down(uint32_t *items, size_t root, size_t count, tn_index_compare *compare, const void *context)
{
    uint32_t moving = items[root];
    for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && compare(context, items[child], items[child + 1]) < 0)
            child++;
        if (compare(context, moving, items[child]) >= 0)
            break;
        items[root] = items[child];
        root = child;
    }
    items[root] = moving;
}

void tn_index_sort(uint32_t *items, size_t count, tn_index_compare *compare, const void *context)
{
    for (size_t root = count / 2; root > 0; root--)
        sift_down(items, root - 1, count, compare, context);
    for (size_t last = count; last > 1; last--) {
        uint32_t largest = items[0];
        items[0] = items[last - 1];
        items[last - 1] = largest;
        sift_down(items, 0, last - 1, compare, context);
    }
}
