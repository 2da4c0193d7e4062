/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The order of an epoch. */
#ifndef TN_DATA_SHUFFLE_H
#define TN_DATA_SHUFFLE_H

#include <stdint.h>

/** Fill order[count] with 0..count-1 in an order that depends on (seed, epoch, count) alone.
 *  Source    Durstenfeld, "Algorithm 235: Random permutation", CACM 7 (1964) */
void tn_shuffle(uint64_t seed, int64_t epoch, int64_t *order, int64_t count);

#endif
