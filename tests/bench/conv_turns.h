/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The clock: ways to compute the same take turns, so that whatever else the machine does meets all of them. */
#ifndef TESTS_BENCH_CONV_TURNS_H
#define TESTS_BENCH_CONV_TURNS_H

#include "conv_way.h"

enum { TURNS_MOST = 100 };

typedef struct conv_turns {
    int repeats;   /* turns of each, at most TURNS_MOST */
    bool cpu_time; /* of processor time where others keep the processor busy (of use with one thread alone) */
} conv_turns;

/** Median seconds of a run of each way; NaN for a way that there is not. */
void conv_turns_take(const conv_turns *turns, const conv_way *ways, int count, double *seconds);

#endif
