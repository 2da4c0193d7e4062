/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What tiles of in_place_tile.c are made of: how large they are, what those under the same columns have in common, and rows
 *  of B. */
#ifndef TN_ISA_IN_PLACE_PARTS_H
#define TN_ISA_IN_PLACE_PARTS_H

#include "kernels/arithmetic.h"
#include "kernels/isa/conv_table.h"
#include "kernels/isa/tile_asks.h"
#include "kernels/isa/tile_parts.h"

/* ROWS: of BLIS's panels. WIDEST: vectors of the widest tile, whose rows are WIDEST_ROWS. A tile has as many rows as leave
 * registers for a row of B and a number of A: 32 of them, or 16. EACH: for each number of rows of each width. */
#if TN_LANES == 16
#define ROWS 12
#define WIDEST 4
#define WIDEST_ROWS 6
#define MOST_ROWS {12, 12, 8, WIDEST_ROWS}
#define EACH(X) UP_TO_12(X, 1) UP_TO_12(X, 2) UP_TO_8(X, 3) UP_TO_6(X, 4)
#elif TN_LANES == 8
#define ROWS 6
#define WIDEST 2
#define WIDEST_ROWS 6
#define MOST_ROWS {6, WIDEST_ROWS}
#define EACH(X) UP_TO_6(X, 1) UP_TO_6(X, 2)
#else
#define ROWS 4
#define WIDEST 2
#define WIDEST_ROWS 4
#define MOST_ROWS {4, WIDEST_ROWS}
#define EACH(X) UP_TO_4(X, 1) UP_TO_4(X, 2)
#endif
#define TAIL (TN_LANES == 16 ? 3 : 1) /* k that are left until rows are finished one by one */
#define COPY_AHEAD 8 /* rows of columns that are on their way until they are copied */
#define PANEL (2 * TN_LANES) /* columns */
#define MASKS (TN_LANES >= 8) /* a vector of B that is not whole can be read through a mask */

_Static_assert(WIDEST *TN_LANES <= TN_WIDEST_TILE, "no tile is wider than callers believe");

/** Columns that are copied as panels meanwhile, row by row: a piece of a row goes to each panel. */
typedef struct copier {
    const float *from;
    float *to;
    int64_t ahead;           /* from a piece to that which is asked for with it */
    int64_t jump;            /* from the end of a row to the next one */
    int64_t apart, back;     /* of panels: from one to the next, and from the last to the next row of the first */
    int64_t pieces;          /* of a row */
    int64_t in_row, left;    /* pieces that are still to be copied */
} copier;

ALWAYS_INLINE void ask_for_piece(const float *from)
{
    for (int j = 0; j < PANEL; j += TN_LINE)
        __builtin_prefetch(from + j, 0, 3);
}

/** The first rows are asked for at once. */
static copier copier_of(const tn_tile_copies *c)
{
    const tn_region *from = &c->from;
    int64_t pieces = from->width / PANEL, apart = from->rows * PANEL;
    for (int64_t k = 0; k < tn_min(COPY_AHEAD, from->rows); k++) {
        for (int64_t j = 0; j < pieces; j++)
            ask_for_piece(from->data + k * from->stride + j * PANEL);
    }
    return (copier){.from = from->data,
                    .to = c->to,
                    .ahead = COPY_AHEAD * from->stride,
                    .jump = from->stride - from->width,
                    .apart = apart,
                    .back = PANEL - pieces * apart,
                    .pieces = pieces,
                    .in_row = pieces,
                    .left = from->rows * pieces};
}

ALWAYS_INLINE void copy_piece(copier *c)
{
    vec low = load(c->from), high = load(c->from + TN_LANES);
    ask_for_piece(c->from + c->ahead);
    store(low, c->to);
    store(high, c->to + TN_LANES);
    c->from += PANEL;
    c->to += c->apart;
    c->left--;
    if (--c->in_row > 0)
        return;
    c->in_row = c->pieces;
    c->from += c->jump;
    c->to += c->back;
}

typedef vec sums_of[ROWS][WIDEST];

/** What all tiles of some columns have in common. */
typedef struct piece {
    int64_t step, runs, run; /* step: of places, or from k to k */
    int64_t run_step;        /* of rows side by side */
    const int64_t *skips;    /* floats of a panel that are left out before each run; NULL: none are */
    int64_t v_step, v_apart; /* of B, from k to k and from panel to panel */
    int64_t tail;            /* k of the last run with which rows are finished: TAIL, or 0 */
    bool part;               /* nothing can be read behind the columns */
    const float *bias;
    bool add, relu, asks_c, past;
    bool lines;               /* rows of C are whole lines under the widest tiles */
    int64_t ldc;              /* from tile to tile, a row of C; 0: `at` tells where they are */
    const int64_t *at;        /* from a tile's c to each of its rows, `each` numbers apart */
    int64_t each;             /* with rows that lie anywhere: between those numbers are the places of zeros */
    const float *const *next; /* rows that are asked for, NULL: none */
    const float *ahead, *end; /* otherwise memory from here on; a tile leaves behind how far it came */
    int64_t pace;             /* lines of it with each line of rows */
    walk *walk;               /* what packed panels ask for, and rows side by side */
    copier *copies;           /* with rows side by side */
} piece;

/** Columns of the last of so many vectors. */
ALWAYS_INLINE int64_t last_lanes(int vectors, int64_t cols)
{
    return cols - (vectors - 1) * TN_LANES;
}

/** Row k of B: two vectors from v, and what is beyond from the next panel, `panel` floats further. */
ALWAYS_INLINE void load_row(int vectors, const float *v, int64_t panel, vec row[WIDEST])
{
    UNROLL
    for (int j = 0; j < vectors; j++)
        row[j] = load(v + j / 2 * panel + j % 2 * TN_LANES);
}

/** The same; the last vector has `rest` numbers, 0: it is whole. */
ALWAYS_INLINE void load_columns(int vectors, const float *v, int64_t panel, int64_t rest, vec row[WIDEST])
{
    int last = vectors - 1;
    load_row(rest > 0 ? last : vectors, v, panel, row);
    if (rest > 0)
        row[last] = load_part(v + last / 2 * panel + last % 2 * TN_LANES, rest);
}

#endif
