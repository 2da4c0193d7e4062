/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Each inner loop of lib/kernels/isa on every instruction set of this CPU, beside its reference in plain C:
 * nanoseconds a result in the caches, medians of runs in turns, and how many times the reference's speed that is. A
 * test compares the same cases' results (tests/kernels/test_references.c). */
#include "bench.h"
#include "kernel_cases.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SETS = 8, MAX_REPEATS = 100, COUNT = 64 /* channels that Winograd transforms at once */ };

static bench_options options = {.steps = 7};
static kernel_buffers buffers;
static int rows_printed;

static double run_often(const kernel_case *c, const kernel_tables *t, long rounds, int64_t *results)
{
    double start = bench_now();
    for (long r = 0; r < rounds; r++)
        *results = c->run(c, t, &buffers, COUNT);
    return bench_now() - start;
}

/** Rounds that take a millisecond. */
static long rounds_of(const kernel_case *c, const kernel_tables *t)
{
    int64_t results;
    long rounds = 16;
    while (run_often(c, t, rounds, &results) < 1e-3 && rounds < 1L << 40)
        rounds *= 2;
    return rounds;
}

/** Nanoseconds a result of each set. */
static void measure(const kernel_case *c, int sets, double *nanoseconds)
{
    static double times[MAX_SETS][MAX_REPEATS];
    long rounds[MAX_SETS];
    int64_t results = 1;
    kernel_clear_outputs(&buffers);
    for (int set = 0; set < sets; set++)
        rounds[set] = rounds_of(c, kernel_tables_number(set));
    for (int step = 0; step < options.steps; step++) {
        for (int set = 0; set < sets; set++)
            times[set][step] = run_often(c, kernel_tables_number(set), rounds[set], &results);
    }
    for (int set = 0; set < sets; set++)
        nanoseconds[set] = 1e9 * bench_median(times[set], options.steps) / ((double)rounds[set] * (double)results);
}

static void print_row(const char *name, int sets, const double *nanoseconds)
{
    if (options.json)
        printf("%s{\"name\":\"%s\"", rows_printed ? "," : "", name);
    else
        printf("%-36s %9.3f", name, nanoseconds[0]);
    for (int set = 0; set < sets; set++) {
        if (options.json)
            printf(",\"%s_ns\":%.4f", kernel_tables_number(set)->name, nanoseconds[set]);
        else if (set > 0)
            printf(" %9.3f %6.1f", nanoseconds[set], nanoseconds[0] / nanoseconds[set]);
    }
    printf(options.json ? "}" : "\n");
    rows_printed++;
    fflush(stdout);
}

static void print_heads(int sets)
{
    if (options.json) {
        bench_print_json_head(stdout, "kernels");
        printf(",\"steps\":%d,\"figures\":[", options.steps);
        return;
    }
    bench_print_head(stdout, "inner loops");
    printf("%-36s %9s", "nanoseconds a result", "reference");
    for (int set = 1; set < sets; set++)
        printf(" %9s %6s", kernel_tables_number(set)->name, "times");
    printf("\n");
}

int main(int argc, char **argv)
{
    double nanoseconds[MAX_SETS];
    int sets = 0;
    bench_read_options(argc, argv, "elements|products", &options);
    options.steps = options.steps < MAX_REPEATS ? options.steps : MAX_REPEATS;
    while (sets < MAX_SETS && kernel_tables_number(sets))
        sets++;
    kernel_draw_inputs(&buffers);
    memcpy(buffers.wild, buffers.finite, sizeof buffers.wild); /* what is slow about NaN is not asked here */
    print_heads(sets);
    for (int i = 0; i < kernel_case_count; i++) {
        bool elements = kernel_cases[i].table == IN_ELEMENTS;
        if (options.only && strcmp(options.only, elements ? "elements" : "products") != 0)
            continue;
        measure(&kernel_cases[i], sets, nanoseconds);
        print_row(kernel_cases[i].name, sets, nanoseconds);
    }
    if (options.json)
        printf("]}\n");
    return rows_printed > 0 ? EXIT_SUCCESS : 2;
}
