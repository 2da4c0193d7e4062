/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Each thread of a library on a core of its own: between turns threads sleep, and the kernel may wake two of them on
 *  one core, where they stay for some milliseconds, longer than a turn takes. */
#ifndef TESTS_BENCH_PIN_THREADS_H
#define TESTS_BENCH_PIN_THREADS_H

#include "base/pool.h"

/** Keep the calling thread on the core with this number among those that the process may use. */
void pin_thread(int core);
/** Keep each of a pool's threads, the caller's too, on a core. */
void pin_pool(tn_pool *pool);

#endif
