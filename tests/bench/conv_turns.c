/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Turns: a run that is not counted, then as many as take a few milliseconds. */
#include "conv_turns.h"

#include "bench.h"

#include <math.h>
#include <time.h>

#define TURN 2e-3      /* seconds that a turn takes at least */
#define REST 8000000   /* nanoseconds: OpenMP's threads wait some 5 ms on the processor for more work, */
#define MORE 2000000   /* longer where neighbours take it from them: then so many at a time, */
#define QUIET 0.1      /* until the process used less than this share of one core, */
#define RESTS 50       /* or it never gets quiet */
#define FEWEST 3       /* turns of each, also where they take long */
#define PATIENCE 4.0   /* seconds for all turns of one pass, then no more than FEWEST */

static double processor_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double now(const conv_turns *turns)
{
    return turns->cpu_time ? processor_time() : bench_now();
}

/** Until nobody's threads wait on the processor. */
static void settle(void)
{
    nanosleep(&(struct timespec){.tv_nsec = REST}, NULL);
    for (int i = 0; i < RESTS; i++) {
        double before = processor_time();
        nanosleep(&(struct timespec){.tv_nsec = MORE}, NULL);
        if (processor_time() - before < QUIET * 1e-9 * MORE)
            break;
    }
}

static double run(const conv_turns *turns, const conv_way *way, int runs)
{
    double start = now(turns);
    for (int i = 0; i < runs; i++)
        way->run(way->state);
    return now(turns) - start;
}

/* Runs that fill a turn; buffers, caches and threads are warm thereafter. */
static int count_runs(const conv_turns *turns, const conv_way *way)
{
    int runs = 1;
    run(turns, way, 1);
    while (runs < 1 << 20 && run(turns, way, runs) < TURN)
        runs *= 2;
    return runs;
}

static double take_turn(const conv_turns *turns, const conv_way *way, int runs)
{
    settle();
    if (runs > 1)
        run(turns, way, 1);
    return run(turns, way, runs) / runs;
}

void conv_turns_take(const conv_turns *turns, const conv_way *ways, int count, double *seconds)
{
    double times[WAY_KINDS][TURNS_MOST], start = bench_now();
    int runs[WAY_KINDS] = {0}, taken = 0;
    for (int i = 0; i < count; i++)
        runs[i] = ways[i].run != NULL ? count_runs(turns, &ways[i]) : 0;
    for (; taken < turns->repeats && (taken < FEWEST || bench_now() - start < PATIENCE); taken++) {
        for (int i = 0; i < count; i++)
            times[i][taken] = runs[i] > 0 ? take_turn(turns, &ways[i], runs[i]) : (double)NAN;
    }
    for (int i = 0; i < count; i++)
        seconds[i] = runs[i] > 0 ? bench_median(times[i], taken) : (double)NAN;
}
