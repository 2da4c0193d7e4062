/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What a tile asks for while it multiplies: memory that is read next, for the L2 cache, and rows of C, for the L1 cache.
 */
#ifndef TN_ISA_TILE_ASKS_H
#define TN_ISA_TILE_ASKS_H

#include "kernels/arithmetic.h"
#include "kernels/isa/conv_table.h"
#include "kernels/isa/simd.h"

/** Lines that are still to be asked for: `left` of them `step` floats apart, then `runs` - 1 times `run` of them; all that
 *  `sweeps` - 1 times again, of `sweep` runs each; and what then. */
typedef struct walk {
    const float *line;
    int64_t step, left, run, jump, runs;
    int64_t sweep, back, sweeps;
    const struct walk *then;
} walk;

/** Through a region row by row. */
static inline walk walk_rows(const tn_region *region)
{
    int64_t run = (region->width + TN_LINE - 1) / TN_LINE;
    return (walk){.line = region->data,
                  .step = TN_LINE,
                  .left = run,
                  .run = run,
                  .jump = region->stride - run * TN_LINE,
                  .runs = region->rows,
                  .sweeps = 1};
}

/** A line of all its rows, and then the next one of all; after every `run` rows, the next is `run_step` behind the first of
 *  them. */
static inline walk walk_columns(const tn_region *region, int64_t run, int64_t run_step, const walk *then)
{
    int64_t runs = region->rows / run;
    return (walk){.line = region->data,
                  .step = region->stride,
                  .left = run,
                  .run = run,
                  .jump = run_step - run * region->stride,
                  .runs = runs,
                  .sweep = runs,
                  .back = TN_LINE - runs * run_step,
                  .sweeps = (region->width + TN_LINE - 1) / TN_LINE,
                  .then = then};
}

static inline void end_sweep(walk *w)
{
    if (--w->sweeps > 0) {
        w->runs = w->sweep;
        w->line += w->back;
    } else if (w->then) {
        *w = *w->then;
    }
}

ALWAYS_INLINE void ask_for_line(walk *w)
{
    __builtin_prefetch(w->line, 0, 2);
    w->line += w->step;
    if (--w->left > 0)
        return;
    w->left = w->run;
    w->line += w->jump;
    if (--w->runs == 0)
        end_sweep(w);
}

/** Ask for number k of each of the next tile's rows. */
ALWAYS_INLINE void ask_for_rows(int count, const float *const *next, int64_t k)
{
    UNROLL
    for (int i = 0; i < count; i++)
        __builtin_prefetch(next[i] + k, 0, 2);
}

/** A row of C is on its way until it is written. */
ALWAYS_INLINE void ask_for_sums(int vectors, const float *c)
{
    UNROLL
    for (int j = 0; j < vectors; j++)
        __builtin_prefetch(c + j * TN_LANES, 1, 3);
}

#endif
