/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What becomes of the sums of a tile of in_place_tile.c: with the last k, or after it. */
#ifndef TN_ISA_IN_PLACE_RESULTS_H
#define TN_ISA_IN_PLACE_RESULTS_H

#include "kernels/isa/in_place_parts.h"

/** Add to C, then bias and ReLU, where they are wanted; the last vector has `rest` columns, through a mask unless that
 * is the constant TN_LANES. Nothing goes through memory. */
ALWAYS_INLINE void put_some(int count, int vectors, const piece *p, sums_of sums, int64_t rest, float *c)
{
#define COLS(j) ((j) < vectors - 1 ? TN_LANES : rest)
    if (p->add) {
        UNROLL
        for (int i = 0; i < count; i++) {
            UNROLL
            for (int j = 0; j < vectors; j++)
                sums[i][j] += load_some(c + p->at[i * p->each] + j * TN_LANES, COLS(j));
        }
    }
    if (p->bias) {
        UNROLL
        for (int j = 0; j < vectors; j++) {
            vec bias = load_some(p->bias + j * TN_LANES, COLS(j));
            UNROLL
            for (int i = 0; i < count; i++)
                sums[i][j] += bias;
        }
    }
    if (p->relu) { /* NaN as it is */
        UNROLL
        for (int i = 0; i < count; i++) {
            UNROLL
            for (int j = 0; j < vectors; j++)
                sums[i][j] = at_least(sums[i][j], splat(0.0f));
        }
    }
    UNROLL
    for (int i = 0; i < count; i++) {
        UNROLL
        for (int j = 0; j < vectors; j++)
            store_some(sums[i][j], c + p->at[i * p->each] + j * TN_LANES, COLS(j));
    }
#undef COLS
}

ALWAYS_INLINE void put(int count, int vectors, const piece *p, sums_of sums, int64_t cols, float *c)
{
    int64_t rest = last_lanes(vectors, cols);
    if (rest == TN_LANES)
        put_some(count, vectors, p, sums, TN_LANES, c);
    else
        put_some(count, vectors, p, sums, rest, c);
}

/* No memory that follows is read before. Several ways to finish begin alike: gcc would load what they have in common ahead of
 * the branch that chooses one, while sums fill all registers, and put it aside. */
#define START_HERE() __asm__ volatile("" ::: "memory")

/** Whether rows may be finished one by one, whose runs are of so many k. */
static inline bool has_tail(const tn_tile_end *end, int64_t run, int64_t cols)
{
    bool plain = !end->bias && !end->relu, both = end->bias && end->relu && !end->add;
    return run >= TAIL && cols % TN_LANES == 0 && (plain || both);
}

/** The last TAIL k, whose rows of B are `v_step` apart; numbers of row i are at last[i], `step` apart. A row is finished and
 *  stored while the next ones are still multiplied: two dozen stores one after another hold up the multiply-adds behind them.
 *  @param past  the caches, for rows that begin at whole lines */
ALWAYS_INLINE void finish_rows(int count, int vectors, const piece *p, const float *const last[ROWS], int64_t step,
                               const float *v, int64_t v_step, bool add, bool bias_and_relu, bool past, sums_of sums, float *c)
{
    vec row[TAIL][WIDEST];
    START_HERE();
    UNROLL
    for (int k = 0; k < TAIL; k++)
        load_row(vectors, v + k * v_step, p->v_apart, row[k]);
    UNROLL
    for (int i = 0; i < count; i++) {
        float *to = c + p->at[i * p->each];
        UNROLL
        for (int k = 0; k < TAIL; k++)
            add_number(vectors, last[i][k * step], row[k], sums[i]);
        UNROLL
        for (int j = 0; j < vectors; j++) {
            if (add)
                sums[i][j] += load(to + j * TN_LANES);
            if (bias_and_relu)
                sums[i][j] = at_least(sums[i][j] + load(p->bias + j * TN_LANES), splat(0.0f));
            if (past)
                store_past(sums[i][j], to + j * TN_LANES);
            else
                store(sums[i][j], to + j * TN_LANES);
        }
    }
}

/** The same, whatever becomes of the sums; those that go past the caches are not added. */
ALWAYS_INLINE void finish_tile(int count, int vectors, const piece *p, const float *const last[ROWS], int64_t step,
                               const float *v, int64_t v_step, bool past, sums_of sums, float *c)
{
    if (p->bias)
        finish_rows(count, vectors, p, last, step, v, v_step, false, true, past, sums, c);
    else if (!past && p->add)
        finish_rows(count, vectors, p, last, step, v, v_step, true, false, false, sums, c);
    else
        finish_rows(count, vectors, p, last, step, v, v_step, false, false, past, sums, c);
}

ALWAYS_INLINE void put_zero_row(int vectors, bool past, int64_t rest, float *c)
{
    UNROLL
    for (int j = 0; j < vectors; j++) {
        if (past)
            store_past(splat(0.0f), c + j * TN_LANES);
        else
            store_some(splat(0.0f), c + j * TN_LANES, j < vectors - 1 ? TN_LANES : rest);
    }
}

/** Zeros where the tile's rows have them. */
ALWAYS_INLINE void put_zeros(int count, int vectors, const piece *p, int64_t cols, float *c)
{
    int64_t rest = last_lanes(vectors, cols);
    for (int64_t i = 0; i < count * p->each; i += p->each) {
        for (int64_t place = i + 1; place < i + p->each; place++) {
            if (p->at[place] == p->at[i])
                continue;
            if (vectors == WIDEST && p->lines)
                put_zero_row(vectors, true, rest, c + p->at[place]);
            else
                put_zero_row(vectors, false, rest, c + p->at[place]);
        }
    }
}

#endif
