/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A pool of threads that belongs to one session. Work is split by thread index or by tile numbers that do not depend
 *  on the number of threads; nothing here decides the order of a sum. */
#ifndef TN_BASE_POOL_H
#define TN_BASE_POOL_H

#include <tinynet/base.h>

/** A pool. A NULL pool runs everything in the caller's thread. */
typedef struct tn_pool tn_pool;

/** One thread's place in a parallel region. */
typedef struct tn_team {
    tn_pool *pool; /**< NULL: alone */
    int index, count;
} tn_team;

/** Create `threads` - 1 threads, which block all signals and sleep between regions, after a short spin.
 *  @param threads  1 to 256
 *  Errors    TN_ERR_INVALID, TN_ERR_NO_MEMORY (memory or threads) */
TN_WARN_UNUSED tn_status tn_pool_create(const tn_allocator *allocator, int threads, tn_pool **out);
/** Join the threads (not in a forked child, which has none of them) and free. NULL and *pool NULL are fine. */
void tn_pool_destroy(tn_pool **pool);
int tn_pool_threads(const tn_pool *pool); /**< 1 for NULL */

/** What each thread of a team runs. */
typedef void tn_pool_work(const tn_team *team, void *arg);

/** Run work(team, arg) once on every thread, the caller's being index 0; return when all are done. Not re-entrant,
 *  allocates nothing. In a forked child the first region starts the threads anew; where the system refuses, teams stay
 *  smaller: `work` must be right for every team->count from 1 to tn_pool_threads. Work runs in the caller's
 *  floating-point environment. */
void tn_pool_run(tn_pool *pool, tn_pool_work *work, void *arg);

/** Wait until every thread of the region is here. Must be called by all of them the same number of times. */
void tn_team_barrier(const tn_team *team);

/** Split [0, total) into `count` nearly equal runs: the run of the team's index. */
static inline void tn_team_range(const tn_team *team, int64_t total, int64_t *begin, int64_t *end)
{
    *begin = total * team->index / team->count;
    *end = total * (team->index + 1) / team->count;
}

#endif
