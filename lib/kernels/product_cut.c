/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  How a product is cut into tasks: of all ways to cut both sides evenly, the one that keeps the busiest thread shortest,
 *  by a count of multiply-adds, packing and waiting. No result depends on it.
 *
 *      columns      v        v
 *               +--------+--------+
 *             s | task 0 | task 2 |      first large tasks, down each column,
 *               +--------+--------+
 *             s | task 1 | task 3 |
 *               +--------+--------+
 *               |   4    |   6    |      then those that were spared
 *               |   5    |   7    |
 *               +--------+--------+ */
#include "kernels/product_cut.h"

#include "kernels/arithmetic.h"
#include "kernels/gemm_kernel.h"

#include <math.h>

#define ROUNDS 8      /* more tasks for each thread are not looked at */
#define READ_COST 4.0 /* multiply-adds that it costs to read a number from further away, */
#define ADD_COST 8.0  /* and to add to a number of the result */
#define WAIT 0.125    /* of a task that threads wait for in the end, at most, */
#define SKEW 0.02     /* and of the time that one of them takes for its tasks */
#define SPARE 12      /* where each thread has one task: one of its panels of rows out of so many is spared */
#define SPARE_LEAST 8 /* tasks of fewer panels spare none, */
#define SPARE_LEAST_LYING 24 /* or of fewer than that: each small task reads all columns, where they lie, for its few rows */
#define SPARE_TASKS 4 /* small tasks for each thread that spared rows make, at most */

double tn_rounds(int64_t tasks, int threads)
{
    double rounds = (double)tn_ceil_div(tasks, threads);
    return threads > 1 ? rounds + fmin(WAIT, SKEW * rounds) : rounds;
}

int64_t tn_split_depth(const tn_nest *nest)
{
    int64_t depth = tn_ceil_div(nest->p->k, nest->splits);
    return nest->run_along > 0 ? tn_round_up(depth, nest->run_along) : depth;
}

static void count_tasks(const tn_nest *nest, tn_partition *cut)
{
    cut->s_tasks = tn_ceil_div(nest->s_count, cut->s);
    cut->v_tasks = tn_ceil_div(nest->v_count, cut->v);
    cut->tasks = cut->s_tasks * cut->v_tasks * nest->splits;
}

/** Tasks that a sink wants: blocks of rows, halved until there are a few for each thread. */
static tn_partition halve_tasks(const tn_nest *nest, int threads)
{
    int64_t wanted = threads > 1 ? 4 * (int64_t)threads : 1, rows = tn_round_up(nest->s_count, nest->s);
    tn_partition cut = {.s = tn_min(tn_block_rows(nest), rows), .v = nest->v_count, .depth = nest->p->k};
    count_tasks(nest, &cut);
    while (cut.tasks < wanted && cut.v > 4 * nest->v) {
        cut.v = tn_round_up(tn_ceil_div(cut.v, 2), nest->v);
        count_tasks(nest, &cut);
    }
    while (cut.tasks < wanted && cut.s > 4 * nest->s) {
        cut.s = tn_round_up(cut.s / 2, nest->s);
        count_tasks(nest, &cut);
    }
    return cut;
}

/** Multiply-adds of all tasks in the thread that has most of them: those of whole tiles, and what it costs to pack or
 *  read both sides and to add to the result. */
static double cost_of(const tn_nest *nest, const tn_partition *cut, int threads)
{
    double s = (double)(nest->own ? tn_min(cut->s, nest->s_count) : tn_round_up(cut->s, nest->s));
    int64_t vectors = nest->own ? tn_round_up(nest->v_count, nest->v / 2) : cut->v;
    double v = (double)tn_min(cut->v, vectors), depth = (double)cut->depth;
    double again = cut->s > tn_block_rows(nest) && !nest->packed ? (double)tn_ceil_div(cut->v, tn_wide(nest)) : 1.0;
    bool s_read = nest->run > 0 || (nest->along && nest->p->find_a), v_read = nest->packed || nest->lies;
    double numbers = s * again * (s_read ? READ_COST : TN_PACK_COST) + v * (v_read ? READ_COST : TN_PACK_COST);
    double task = depth * (s * v + numbers) + ADD_COST * s * v * (double)tn_ceil_div(cut->depth, nest->depth);
    return task * tn_rounds(cut->tasks, threads);
}

/** Where threads take so many tasks each, they are as small as can be: of all cuts into `parts` at most, those that no
 *  finer one contains. */
static void try_cuts(int64_t least, tn_cut most, int64_t parts, int threads, tn_cut_cost *cost, void *context,
                     tn_cut *best, double *lowest)
{
    for (tn_cut cut = {least, 1}; cut.high <= tn_min(parts, most.high); cut.high++) {
        cut.wide = tn_min(parts / cut.high, most.wide);
        cut.high = tn_min(parts / cut.wide, most.high);
        double now = cost(context, cut, threads);
        if (now < *lowest) {
            *best = cut;
            *lowest = now;
        }
    }
}

tn_cut tn_cheapest_cut(int64_t least, tn_cut most, int64_t times, int threads, tn_cut_cost *cost, void *context)
{
    int64_t rounds = tn_ceil_div(least * times, threads); /* at least */
    tn_cut best = {least, 1};
    double lowest = cost(context, best, threads);
    for (int64_t more = 0; more <= ROUNDS; more++)
        try_cuts(least, most, (rounds + more) * threads / times, threads, cost, context, &best, &lowest);
    return best;
}

/** Both sides in equal parts. */
static tn_partition cut_into(const tn_nest *nest, tn_cut parts)
{
    int64_t s_panels = tn_ceil_div(nest->s_count, nest->s), v_panels = tn_ceil_div(nest->v_count, nest->v);
    tn_partition cut = {.s = tn_ceil_div(s_panels, parts.high) * nest->s,
                        .v = tn_ceil_div(v_panels, parts.wide) * nest->v,
                        .depth = tn_split_depth(nest)};
    count_tasks(nest, &cut);
    return cut;
}

static double cost_of_cut(void *context, tn_cut parts, int threads)
{
    const tn_nest *nest = context;
    tn_partition cut = cut_into(nest, parts);
    return cost_of(nest, &cut, threads);
}

static tn_partition cut_evenly(tn_nest *nest, int threads)
{
    tn_cut most = {tn_ceil_div(nest->s_count, nest->s), tn_ceil_div(nest->v_count, nest->v)};
    return cut_into(nest, tn_cheapest_cut(1, most, nest->splits, threads, cost_of_cut, nest));
}

/** Where each thread has one task, all would wait for one that was interrupted, or has less of its core: the last rows
 *  are spared, and shared out in small tasks. Not where each of these would have to pack its columns. */
static void spare_rows(const tn_nest *nest, int threads, tn_partition *cut)
{
    int64_t least = nest->lies ? SPARE_LEAST_LYING : nest->p->locate_groups ? 2 * SPARE_LEAST : SPARE_LEAST;
    int64_t each = cut->s / nest->s, columns = cut->v_tasks * nest->splits;
    if (threads == 1 || cut->tasks != threads || each < least || !(nest->packed || nest->lies))
        return;
    cut->s -= tn_ceil_div(each, SPARE) * nest->s;
    int64_t panels = tn_ceil_div(nest->s_count - cut->s_tasks * cut->s, nest->s);
    int64_t parts = tn_min(panels, tn_ceil_div((int64_t)threads * SPARE_TASKS, columns));
    cut->spare_s = tn_ceil_div(panels, parts) * nest->s;
    cut->spare_s_tasks = tn_ceil_div(panels * nest->s, cut->spare_s);
    cut->tasks += cut->spare_s_tasks * columns;
}

tn_partition tn_cut_product(tn_nest *nest, int threads)
{
    if (nest->p->sink)
        return halve_tasks(nest, threads);
    tn_partition cut = cut_evenly(nest, threads);
    spare_rows(nest, threads, &cut);
    return cut;
}

/* ---- one task ---- */

/** Rows [first, end) of the scalar side, in tasks of `size` each. */
typedef struct row_tasks {
    int64_t first, end, size, count;
} row_tasks;

/** Those that task `number` is one of, which becomes its number among them. */
static row_tasks rows_at(const tn_nest *nest, const tn_partition *cut, int64_t *number)
{
    int64_t large = cut->s_tasks * cut->v_tasks * nest->splits, end = tn_min(nest->s_count, cut->s * cut->s_tasks);
    if (*number < large)
        return (row_tasks){0, end, cut->s, cut->s_tasks};
    *number -= large;
    return (row_tasks){end, nest->s_count, cut->spare_s, cut->spare_s_tasks};
}

tn_task tn_task_at(const tn_nest *nest, const tn_partition *cut, int64_t number, int64_t *split)
{
    row_tasks rows = rows_at(nest, cut, &number);
    int64_t each = rows.count * cut->v_tasks, rest = number % each;
    *split = number / each;
    tn_task t = {.s0 = rows.first + rest % rows.count * rows.size,
                 .v0 = rest / rows.count * cut->v,
                 .k0 = tn_min(nest->p->k, *split * cut->depth),
                 .beta = nest->p->beta,
                 .finish = true};
    t.s_count = tn_min(rows.size, rows.end - t.s0);
    t.v_count = tn_min(cut->v, nest->v_count - t.v0);
    t.k1 = tn_min(nest->p->k, t.k0 + cut->depth);
    return t;
}
