/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  However a product is cut, its tasks have each part of the result and of k exactly once. */
#include "kernels/product_cut.h"
#include "suite.h"

#include <stdlib.h>

enum { DEPTH = 700, SPLITS = 3 };

/* Add 1 to each cell of a task: rows and columns of a split. */
static void mark(const tn_nest *nest, const tn_task *t, int64_t split, unsigned char *marks)
{
    ck_assert(t->s_count > 0 && t->v_count > 0);
    ck_assert(t->s0 % nest->s == 0 && t->v0 % nest->v == 0);
    ck_assert(t->s0 + t->s_count <= nest->s_count && t->v0 + t->v_count <= nest->v_count);
    for (int64_t i = t->s0; i < t->s0 + t->s_count; i++) {
        for (int64_t j = t->v0; j < t->v0 + t->v_count; j++)
            marks[(split * nest->s_count + i) * nest->v_count + j]++;
    }
}

/* Every split has its share of k. */
static void check_depth(const tn_nest *nest, const tn_task *t, int64_t split)
{
    int64_t depth = tn_split_depth(nest);
    ck_assert_int_eq(t->k0, split * depth);
    ck_assert_int_eq(t->k1, split == nest->splits - 1 ? nest->p->k : (split + 1) * depth);
}

static void check_cut(tn_nest *nest, int threads, bool *spares)
{
    int64_t cells = nest->splits * nest->s_count * nest->v_count, split;
    unsigned char *marks = calloc((size_t)cells, 1);
    ck_assert_ptr_nonnull(marks);
    const tn_partition cut = tn_cut_product(nest, threads);
    for (int64_t number = 0; number < cut.tasks; number++) {
        const tn_task t = tn_task_at(nest, &cut, number, &split);
        mark(nest, &t, split, marks);
        check_depth(nest, &t, split);
    }
    int64_t once = 0;
    while (once < cells && marks[once] == 1)
        once++;
    ck_assert_msg(once == cells, "%lld x %lld in %d threads: cell %lld is in %d tasks", (long long)nest->s_count,
                  (long long)nest->v_count, threads, (long long)once, marks[once % cells]);
    *spares = cut.spare_s_tasks > 0;
    free(marks);
}

/* Each task packs its columns: no rows are spared. Columns are packed already: they may be. Columns lie: not where each small
 * task would read them for few rows. */
START_TEST(test_cells)
{
    static const int64_t sizes[] = {1, 5, 6, 7, 47, 48, 49, 95, 97, 150, 333, 601};
    const tn_product p = {.k = DEPTH};
    const float packed[1] = {0.0f};
    int spared = 0;
    for (int rows = 0; rows < 12; rows++) {
        for (int cols = 0; cols < 12; cols++) {
            for (int threads = 1; threads <= 5; threads++) {
                bool spares;
                tn_nest nest = {.p = &p, .s = 6, .v = 32, .s_count = sizes[rows], .v_count = sizes[cols], .depth = 128,
                                .splits = 1 + threads % SPLITS, .along = _i == 2, .lies = _i == 2};
                nest.packed = _i == 1 ? packed : NULL;
                check_cut(&nest, threads, &spares);
                ck_assert(!spares || _i == 1 || sizes[rows] >= 24 * nest.s);
                spared += spares;
            }
        }
    }
    ck_assert_int_eq(spared > 0, _i > 0);
}
END_TEST

TN_SUITE("product_cut", TN_LOOPED(test_cells, 3))
