/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What the benchmarks share: a clock, medians, who this machine is, and options. Figures are printed, never judged. */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdio.h>

#include <tinynet/tinynet.h>

/** Seconds of a clock that nobody sets. */
double bench_now(void);

/** Sort values[count] and give the one in the middle (the mean of two); NaN for none. */
double bench_median(double *values, int count);

/** Peak of this process's resident memory so far, in bytes. */
double bench_peak_rss(void);

/** Print the failure of the calling thread's last call and end the program with status 1. */
_Noreturn void bench_die(const char *what);

/** End the program if a call fails. */
#define BENCH_TRY(call)                                                                                                \
    do {                                                                                                               \
        if ((call) != TN_OK)                                                                                           \
            bench_die(#call);                                                                                          \
    } while (0)

typedef struct bench_options {
    int threads; /* 0: one, then all cores */
    int steps;   /* measured; the warm-up is extra */
    int64_t batch;
    const char *only; /* one figure alone; NULL: all */
    bool json;
} bench_options;

/** Read --threads N, --steps N, --batch N, --only WHAT, --json over the defaults that `options` has; a wrong option
 * ends the program with status 2, --help with 0. `whats` is for the help: "train|predict|one". */
void bench_read_options(int argc, char **argv, const char *whats, bench_options *options);

/** Print the beginning of a JSON object, without the closing brace: benchmark, date, machine, library. */
void bench_print_json_head(FILE *out, const char *benchmark);
/** Print the same as one line for people. */
void bench_print_head(FILE *out, const char *benchmark);

/** The thread counts to measure: `options->threads`, or 1 and all cores; returns how many. */
int bench_thread_counts(const bench_options *options, int counts[2]);

#endif
