/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Affinity, as Linux has it; elsewhere threads go where they are sent. */
#define _GNU_SOURCE /* sched_setaffinity */
#include "pin_threads.h"

#if defined(__linux__)
#include <sched.h>

void pin_thread(int core)
{
    static cpu_set_t allowed; /* before anything was pinned */
    cpu_set_t one;
    if (CPU_COUNT(&allowed) == 0 && sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    core %= CPU_COUNT(&allowed);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed) || core-- > 0)
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        sched_setaffinity(0, sizeof one, &one);
        return;
    }
}
#else
void pin_thread(int core)
{
    (void)core;
}
#endif

static void pin_member(const tn_team *team, void *arg)
{
    (void)arg;
    pin_thread(team->index);
}

void pin_pool(tn_pool *pool)
{
    pin_thread(0); /* the first call alone: what is allowed is read then */
    tn_pool_run(pool, pin_member, NULL);
}
