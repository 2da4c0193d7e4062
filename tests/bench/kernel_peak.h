/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What BLIS's micro-kernel reaches at this moment. */
#ifndef TESTS_BENCH_KERNEL_PEAK_H
#define TESTS_BENCH_KERNEL_PEAK_H

#include "base/pool.h"

/** FLOP/s of the micro-kernel on all threads of the pool, panels in their caches. */
double kernel_peak(tn_pool *pool);

#endif
