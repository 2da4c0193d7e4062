/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The cost model beside the clock: for each pass of each convolution, what every algorithm takes, what the cost model
 *  chose and what it loses by that.
 *
 *      bench_choice [--threads N] [--batch N] [--pass 0|1|2|3|4] [NAME-PREFIX]
 *
 *  Without options, batches of 32 and 1 on one thread and on all cores. Passes 3 and 4 are a forward and a gradient of
 *  the data with filters that were prepared, as in prediction and under frozen weights. Convolutions without a choice
 *  are left out. */
#include "bench.h"
#include "conv_layers.h"
#include "kernels/conv_candidates.h"

#include <stdlib.h>
#include <string.h>

enum { PASSES = 5, PREPARED = 3 }; /* from there on, the same once more with prepared filters */

typedef struct settings {
    int threads, pass; /* 0, -1: all */
    int64_t batch;     /* 0: 32 and 1 */
    const char *prefix;
} settings;

/* Over the passes that were measured with one batch and one number of threads. */
typedef struct sums {
    int passes, lost;
    double seconds, best; /* of what was chosen, and of the fastest */
} sums;

static double least_of(const double *seconds, int count)
{
    double least = seconds[0];
    for (int i = 1; i < count; i++)
        least = seconds[i] < least ? seconds[i] : least;
    return least;
}

static void print_times(const tn_conv_shape *shape, const int *tiles, const double *seconds, int count)
{
    for (int i = 0; i < count; i++) {
        char name[TN_CONV_NAME];
        tn_conv_name(shape, tiles[i], name);
        printf("  %s %.3f", name, 1e3 * seconds[i]);
    }
    printf("\n");
    fflush(stdout);
}

static void compare(const conv_layer *layer, const tn_conv_shape *shape, int number, tn_pool *pool, sums *all)
{
    static const char *const passes[PASSES] = {"forward", "data", "filter", "forward+", "data+"};
    tn_conv_pass pass = (tn_conv_pass)(number % PREPARED);
    int tiles[TN_CONV_CANDIDATES], count = tn_conv_candidates(shape, false, tiles);
    double seconds[TN_CONV_CANDIDATES], chosen = 0.0;
    const tn_conv_wishes wishes = {.prepared = number >= PREPARED, .threads = tn_pool_threads(pool)};
    tn_conv_plan plan;
    BENCH_TRY(tn_conv_plan_pass(shape, pass, &wishes, &plan));
    BENCH_TRY(tn_conv_time(NULL, shape, pass, &wishes, pool, tiles, count, seconds));
    for (int i = 0; i < count; i++)
        chosen = tiles[i] == plan.tile ? seconds[i] : chosen;
    double least = least_of(seconds, count);
    bool loses = tn_conv_fastest(tiles, seconds, count, plan.tile) != plan.tile;
    all->passes++;
    all->lost += loses;
    all->seconds += chosen;
    all->best += least;
    printf("%-16s %-8s %-14s", layer->name, passes[number], plan.name);
    if (loses)
        printf("  +%3.0f%%", 100.0 * (chosen / least - 1.0));
    else
        printf("      ");
    print_times(shape, tiles, seconds, count);
}

static void measure(const settings *set, int64_t batch, int threads)
{
    tn_pool *pool = NULL;
    sums all = {0};
    if (threads > 1)
        BENCH_TRY(tn_pool_create(NULL, threads, &pool));
    printf("\nbatch %d, %d threads: the cost model's choice, what it loses beyond %.0f%%, ms of each\n", (int)batch,
           threads, 100.0 * (TN_CONV_TIE - 1.0));
    for (size_t i = 0; conv_layers[i].name != NULL; i++) {
        int tiles[TN_CONV_CANDIDATES];
        tn_conv_shape shape = conv_layer_shape(&conv_layers[i], batch);
        if (strncmp(conv_layers[i].name, set->prefix, strlen(set->prefix)) != 0 ||
            tn_conv_candidates(&shape, false, tiles) < 2)
            continue;
        for (int pass = 0; pass < PASSES; pass++)
            if (set->pass < 0 || set->pass == pass)
                compare(&conv_layers[i], &shape, pass, pool, &all);
    }
    printf("%d of %d passes lose; all of them together %.1f ms instead of %.1f, +%.1f%%\n", all.lost, all.passes,
           1e3 * all.seconds, 1e3 * all.best, 100.0 * (all.seconds / all.best - 1.0));
    tn_pool_destroy(&pool);
}

static bool read_options(int argc, char **argv, settings *set)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc)
            set->threads = atoi(argv[++i]);
        else if (strcmp(argv[i], "--batch") == 0 && i + 1 < argc)
            set->batch = atoi(argv[++i]);
        else if (strcmp(argv[i], "--pass") == 0 && i + 1 < argc)
            set->pass = atoi(argv[++i]);
        else if (argv[i][0] != '-')
            set->prefix = argv[i];
        else
            return false;
    }
    return set->threads >= 0 && set->threads <= 256 && set->batch >= 0;
}

int main(int argc, char **argv)
{
    settings set = {.pass = -1, .prefix = ""};
    int threads[2];
    if (!read_options(argc, argv, &set)) {
        fprintf(stderr, "bench_choice [--threads N] [--batch N] [--pass 0|1|2|3|4] [NAME-PREFIX]\n");
        return 2;
    }
    int counts = bench_thread_counts(&(bench_options){.threads = set.threads}, threads);
    bench_print_head(stdout, "bench_choice");
    for (int i = 0; i < (set.batch > 0 ? 1 : 2); i++)
        for (int k = 0; k < counts; k++)
            measure(&set, set.batch > 0 ? set.batch : i == 0 ? 32 : 1, threads[k]);
    return 0;
}
