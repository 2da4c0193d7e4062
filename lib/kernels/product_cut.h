/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  How work is cut into tasks: a product's (product_cut.c says what they are, product.c runs them), and what other cuts
 *  are weighed by. */
#ifndef TN_KERNELS_PRODUCT_CUT_H
#define TN_KERNELS_PRODUCT_CUT_H

#include "kernels/product_task.h"

#define TN_PACK_COST 12.0 /* multiply-adds that it costs to pack a number */

/** How many equal tasks the thread with most of them runs, and for how many the others wait in the end: threads are not
 *  all as fast, which costs a share of the time, and no more than a part of a task. */
double tn_rounds(int64_t tasks, int threads);

/** Parts that two sides are cut into. */
typedef struct tn_cut {
    int64_t high, wide;
} tn_cut;
/** What it costs to cut them so. */
typedef double tn_cut_cost(void *context, tn_cut cut, int threads);
/** The cheapest cut of all with at least `least` and at most most.high parts of one side, and at most most.wide of the other;
 *  each stands for `times` tasks. Many more tasks than there are threads are not looked at. */
tn_cut tn_cheapest_cut(int64_t least, tn_cut most, int64_t times, int threads, tn_cut_cost *cost, void *context);

/** Sizes of a task, and how many there are along each side; then of those that share out what is left of the rows. */
typedef struct tn_partition {
    int64_t s, v, depth; /* depth is that of a split */
    int64_t s_tasks, v_tasks;
    int64_t spare_s, spare_s_tasks;
    int64_t tasks; /* all */
} tn_partition;

/** Numbers of k of a split: whole runs of what lies so. */
int64_t tn_split_depth(const tn_nest *nest);
tn_partition tn_cut_product(tn_nest *nest, int threads);
/** A task, but for where its results go, and the split of k that it is part of. Those that follow one another, and so run
 *  at the same time, have rows of their own: columns of the same rows would have cache lines in common where rows are not
 *  whole lines. */
tn_task tn_task_at(const tn_nest *nest, const tn_partition *cut, int64_t number, int64_t *split);

#endif
