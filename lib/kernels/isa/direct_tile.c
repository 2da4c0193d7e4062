/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A tile of a product of matrices neither of which has been packed: both lie in the cache with strides of their own.
 * Winograd's transforms write such matrices. Built once for each instruction set, with fused multiply-adds.
 *
 *  As in in_place_tile.c, one number of every row of A is spread over a vector and multiplied with two vectors of B,
 * and the sums stay in registers. While they grow, memory that will be read next is asked for, a little with every
 * step: a core that has to wait for filters to come from the L3 cache or from memory multiplies at half its rate.
 *
 *      across: rows of A lie along k                along: rows of A lie side by side for each k
 *
 *      a a a a ..>k      b b b b b b b b            a a a a ..>row      b b b b b b b b
 *      a a a a ..        b b b b b b b b            a a a a             b b b b b b b b
 *      :                 :                          : k                 : k */
#include "kernels/isa/conv_table.h"
#include "kernels/isa/simd.h"

/* As many rows as leave registers for two vectors of B and a number of A: 32 of them, or 16. */
#if TN_LANES == 16
#define ROWS 12
#elif TN_LANES == 8
#define ROWS 6
#else
#define ROWS 4
#endif
#define FOUR 4 /* rows that share a pointer: there are not enough registers for a pointer each */

/** The sums of `rows` rows; row i of A begins at a + i * row, its numbers are `step` apart. */
ALWAYS_INLINE void sum_rows(const tn_tile_sides *t, int rows, int64_t row, int64_t step, bool jumps, vec sums[ROWS][2])
{
    const float *a[(ROWS + FOUR - 1) / FOUR], *b = t->b, *next_a = t->next_a, *next_b = t->next_b;
    int64_t run = t->next_b_run;
    UNROLL
    for (int i = 0; i < rows; i += FOUR)
        a[i / FOUR] = t->a + i * row;
    for (int64_t k = 0; k < t->depth; k++, b += t->b_stride, next_a += t->next_a_step, next_b += t->next_b_step) {
        vec low = load(b), high = load(b + TN_LANES);
        __builtin_prefetch(next_a, 0, 2);
        __builtin_prefetch(next_b, 0, 2);
        UNROLL
        for (int i = 0; i < rows; i++) {
            vec number = splat(a[i / FOUR][i % FOUR * row]);
            sums[i][0] = add_product(sums[i][0], number, low);
            sums[i][1] = add_product(sums[i][1], number, high);
        }
        UNROLL
        for (int i = 0; i < rows; i += FOUR)
            a[i / FOUR] += step;
        if (jumps && --run == 0) {
            run = t->next_b_run;
            next_b += t->next_b_jump;
        }
    }
}

ALWAYS_INLINE void multiply(const tn_tile_sides *t, int rows, int64_t row, int64_t step, bool jumps, bool add, float *c,
                            int64_t ldc)
{
    vec sums[ROWS][2];
    UNROLL
    for (int i = 0; i < rows; i++) {
        __builtin_prefetch(c + i * ldc, 1, 3);
        __builtin_prefetch(c + i * ldc + 2 * TN_LANES - 1, 1, 3);
        sums[i][0] = sums[i][1] = splat(0.0f);
    }
    sum_rows(t, rows, row, step, jumps, sums);
    UNROLL
    for (int i = 0; i < rows; i++) {
        if (add) {
            sums[i][0] += load(c + i * ldc);
            sums[i][1] += load(c + i * ldc + TN_LANES);
        }
        store(sums[i][0], c + i * ldc);
        store(sums[i][1], c + i * ldc + TN_LANES);
    }
}

/* Numbers of rows are constants in their copies of the loop; see tn_direct_rows. */
#define FOR_ROWS(rows, row, step, jumps)                                                                               \
    if ((rows) <= ROWS / 3)                                                                                            \
        multiply(t, ROWS / 3, row, step, jumps, add, c, ldc);                                                          \
    else if ((rows) <= 2 * ROWS / 3)                                                                                   \
        multiply(t, 2 * ROWS / 3, row, step, jumps, add, c, ldc);                                                      \
    else                                                                                                               \
        multiply(t, ROWS, row, step, jumps, add, c, ldc)

static void across(const tn_tile_sides *t, int64_t rows, bool add, float *c, int64_t ldc)
{
    FOR_ROWS(rows, t->a_stride, 1, false);
}

static void along(const tn_tile_sides *t, int64_t rows, bool add, float *c, int64_t ldc)
{
    FOR_ROWS(rows, 1, t->a_stride, false);
}

/* Functions of their own: counting costs the others 2%. */
static void stream(const tn_tile_sides *t, int64_t rows, bool add, float *c, int64_t ldc)
{
    FOR_ROWS(rows, t->a_stride, 1, true);
}

static void stream_along(const tn_tile_sides *t, int64_t rows, bool add, float *c, int64_t ldc)
{
    FOR_ROWS(rows, 1, t->a_stride, true);
}

const tn_direct_tile TN_ISA(tn_direct_tile) = {
    .rows = ROWS, .lanes = 2 * TN_LANES, .across = across, .along = along, .stream = stream, .stream_along = stream_along};
