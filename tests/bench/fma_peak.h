/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  How many fused multiply-adds this CPU can do, whatever anybody makes of them. */
#ifndef TESTS_BENCH_FMA_PEAK_H
#define TESTS_BENCH_FMA_PEAK_H

/** Run `rounds` rounds of independent multiply-adds in registers of the instruction set ("avx512", "avx2"; plain C for
 *  others) and return the FLOPs done: a multiply and an add count 2. *sink takes the result, so that it is needed. */
double fma_peak_run(const char *isa, long rounds, float *sink);

#endif
