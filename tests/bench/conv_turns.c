/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Turns: runs that are not counted, until caches and threads are warm, then as many as take a few milliseconds, each
 *  timed alone: an interrupt, which takes as long as a small layer, is then one run's and not the turn's. */
#include "conv_turns.h"

#include "bench.h"

#include <math.h>
#include <time.h>

#define WARM 6e-3      /* seconds of runs that are not counted: after a rest, the first ones take up to a tenth longer; */
#define WARM_RUNS 2    /* so many at least: who comes after the other library finds the L3 cache full of its numbers */
#define TURN 3e-3      /* seconds that a turn's runs take at least, */
#define RUNS_MOST 400  /* or so many are enough */
#define TRIES 5        /* runs that tell how long one takes, */
#define ENOUGH 60e-3   /* or as many as take so many seconds */
#define REST 8000000   /* nanoseconds: OpenMP's threads wait some 5 ms on the processor for more work, */
#define MORE 2000000   /* longer where neighbours take it from them: then so many at a time, */
#define QUIET 0.1      /* until the process used less than this share of one core, */
#define RESTS 50       /* or it never gets quiet */
#define FEWEST 3       /* turns of each, also where they take long */
#define PATIENCE 4.0   /* seconds after which no round of turns begins, once there are FEWEST */

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

static double run(const conv_turns *turns, const conv_way *way)
{
    double start = now(turns);
    way->run(way->state);
    return now(turns) - start;
}

/* Seconds of a run, roughly: the least of a few, as the first one has new buffers and any may be interrupted. */
static double try_runs(const conv_turns *turns, const conv_way *way)
{
    double least = run(turns, way), spent = least;
    for (int i = 1; i < TRIES && spent < ENOUGH; i++) {
        double next = run(turns, way);
        least = fmin(least, next);
        spent += next;
    }
    return least;
}

static double take_turn(const conv_turns *turns, const conv_way *way, double estimate)
{
    double times[RUNS_MOST];
    int runs = 1 + (int)fmin(RUNS_MOST - 1, TURN / estimate);
    settle();
    double start = bench_now();
    for (int i = 0; i < WARM_RUNS || bench_now() - start < WARM; i++)
        run(turns, way);
    for (int i = 0; i < runs; i++)
        times[i] = run(turns, way);
    return bench_median(times, runs);
}

void conv_turns_take(const conv_turns *turns, const conv_way *ways, int count, double *seconds)
{
    double times[WAY_KINDS][TURNS_MOST], start = bench_now();
    double estimates[WAY_KINDS] = {0};
    int taken = 0;
    for (int i = 0; i < count; i++)
        estimates[i] = ways[i].run != NULL ? try_runs(turns, &ways[i]) : 0;
    for (; taken < turns->repeats && (taken < FEWEST || bench_now() - start < PATIENCE); taken++) {
        for (int i = 0; i < count; i++)
            times[i][taken] = ways[i].run != NULL ? take_turn(turns, &ways[i], estimates[i]) : (double)NAN;
    }
    for (int i = 0; i < count; i++)
        seconds[i] = ways[i].run != NULL ? bench_median(times[i], taken) : (double)NAN;
}
