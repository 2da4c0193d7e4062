/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The products of dense layers: forward, gradient of the data, gradient of the weights. */
#ifndef TESTS_BENCH_DENSE_PRODUCTS_H
#define TESTS_BENCH_DENSE_PRODUCTS_H

#include "base/pool.h"

/** True if the name of one begins with `prefix`. */
bool dense_products_have(const char *prefix);
/** Measure and print those whose names begin with `prefix`. */
void dense_products_bench(tn_pool *pool, int64_t batch, int repeats, const char *prefix);

#endif
