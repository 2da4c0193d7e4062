/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Sharing element-wise work among threads. Where it is cut has no influence on what comes out. */
#ifndef TN_KERNELS_SPLIT_H
#define TN_KERNELS_SPLIT_H

#include "base/pool.h"

#define TN_SPLIT_BLOCK 1024        /* elements: shares begin at multiples of it */
#define TN_SPLIT_WORTH (32 * 1024) /* below this many elements, waking threads costs more than it saves */

/** The pool, or none for little work. */
static inline tn_pool *tn_worth(tn_pool *pool, int64_t elements)
{
    return elements < TN_SPLIT_WORTH ? NULL : pool;
}

/** The team member's elements of [0, count), in whole blocks. */
static inline void tn_share(const tn_team *team, int64_t count, int64_t *begin, int64_t *end)
{
    tn_team_range(team, (count + TN_SPLIT_BLOCK - 1) / TN_SPLIT_BLOCK, begin, end);
    *begin = *begin * TN_SPLIT_BLOCK;
    *end = *end * TN_SPLIT_BLOCK < count ? *end * TN_SPLIT_BLOCK : count;
}

#endif
