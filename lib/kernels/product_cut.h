/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Between product.c, which runs the tasks of a product, and product_cut.c, which says what they are. */
#ifndef TN_KERNELS_PRODUCT_CUT_H
#define TN_KERNELS_PRODUCT_CUT_H

#include "kernels/product_task.h"

#define TN_PACK_COST 12.0 /* multiply-adds that it costs to pack a number */

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
