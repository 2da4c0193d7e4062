/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A tile of a product whose scalar side is not packed: each of its rows is read where it lies. Built once for each
 *  instruction set, with fused multiply-adds.
 *
 *  For each k one number of every row is spread over a vector and multiplied with two vectors of the packed side; the
 *  tile's sums stay in registers:
 *
 *      rows of A, anywhere       panel of B: k by V         sums, ROWS x V
 *      row 0  a a a a ..>k       b b b b | b b b b          r0 | r1
 *      row 1    a a a ..         b b b b | b b b b          r2 | r3
 *       :                         :                          :
 *
 *  The loads of single numbers hide behind the multiply-adds: this runs at the same rate as BLIS's kernel on packed
 *  panels, and nothing was packed.
 *  Source    the idea is that of batch-reduce GEMM: Georganas et al., "High-Performance Deep Learning via a Single
 *            Building Block", 2019 */
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

#define LINE 16 /* numbers of a cache line */
#define DEEP 256 /* k from which two tiles' rows and a panel pass the L1 cache */

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/** sums += the products of k in [from, to) of one run. */
ALWAYS_INLINE void add_part(const float *const *rows, int64_t from, int64_t to, const float *v, vec sums[ROWS][2])
{
    const float *a[ROWS];
    UNROLL
    for (int i = 0; i < ROWS; i++)
        a[i] = rows[i];
    for (int64_t k = from; k < to; k++, v += 2 * TN_LANES) {
        vec low = load(v), high = load(v + TN_LANES);
        UNROLL
        for (int i = 0; i < ROWS; i++) {
            vec number = splat(a[i][k]);
            sums[i][0] += number * low;
            sums[i][1] += number * high;
        }
    }
}

/** Ask for a line of each of the next tile's rows: into the L1 cache where there is room beside this tile's. */
ALWAYS_INLINE void ask_for_rows(const float *const *next, int64_t k, bool deep)
{
    UNROLL
    for (int i = 0; i < ROWS; i++) {
        if (deep)
            __builtin_prefetch(next[i] + k, 0, 2);
        else
            __builtin_prefetch(next[i] + k, 0, 3);
    }
}

/** The same for the whole run, line by line; lines of the next tile's rows are asked for on the way. */
ALWAYS_INLINE void add_run(const float *const *rows, const float *const *next, int64_t run, bool deep, const float *v,
                           vec sums[ROWS][2])
{
    if (!next) {
        add_part(rows, 0, run, v, sums);
        return;
    }
    for (int64_t k = 0; k < run; k += LINE, v += LINE * 2 * TN_LANES) {
        ask_for_rows(next, k, deep);
        add_part(rows, k, k + LINE < run ? k + LINE : run, v, sums);
    }
}

/** C is written at the end: its lines are on their way until then. */
ALWAYS_INLINE void ask_for(float *c, int64_t ldc)
{
    UNROLL
    for (int i = 0; i < ROWS; i++) {
        __builtin_prefetch(c + i * ldc, 1, 3);
        __builtin_prefetch(c + i * ldc + 2 * TN_LANES - 1, 1, 3);
    }
}

ALWAYS_INLINE void add_tile(vec sums[ROWS][2], const float *c, int64_t ldc)
{
    UNROLL
    for (int i = 0; i < ROWS; i++) {
        sums[i][0] += load(c + i * ldc);
        sums[i][1] += load(c + i * ldc + TN_LANES);
    }
}

ALWAYS_INLINE void add_bias(vec sums[ROWS][2], const float *bias)
{
    UNROLL
    for (int i = 0; i < ROWS; i++) {
        sums[i][0] += load(bias);
        sums[i][1] += load(bias + TN_LANES);
    }
}

/** max(sum, 0), NaN as it is. */
ALWAYS_INLINE void clip(vec sums[ROWS][2])
{
    UNROLL
    for (int i = 0; i < ROWS; i++) {
        sums[i][0] = (vec)((ivec)sums[i][0] & ~(ivec)(sums[i][0] < splat(0.0f)));
        sums[i][1] = (vec)((ivec)sums[i][1] & ~(ivec)(sums[i][1] < splat(0.0f)));
    }
}

static void tile(const float *const *rows, int64_t runs, int64_t run, const float *v, const tn_tile_end *end, float *c,
                 int64_t ldc)
{
    vec sums[ROWS][2];
    UNROLL
    for (int i = 0; i < ROWS; i++)
        sums[i][0] = sums[i][1] = splat(0.0f);
    ask_for(c, ldc);
    for (int64_t t = 0; t < runs; t++, rows += ROWS, v += run * 2 * TN_LANES)
        add_run(rows, end->next ? end->next + t * ROWS : NULL, run, runs * run >= DEEP, v, sums);
    if (end->add)
        add_tile(sums, c, ldc);
    if (end->bias)
        add_bias(sums, end->bias);
    if (end->relu)
        clip(sums);
    UNROLL
    for (int i = 0; i < ROWS; i++) {
        store(sums[i][0], c + i * ldc);
        store(sums[i][1], c + i * ldc + TN_LANES);
    }
}

const tn_in_place TN_ISA(tn_in_place) = {.rows = ROWS, .lanes = 2 * TN_LANES, .tile = tile};
