/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Tiles of a product of their own: groups of rows under some columns, in one call. Built once for each instruction
 *  set, with fused multiply-adds. A group's rows are a packed panel, or each of them is read where it lies. The columns
 *  are packed, or rows lie side by side and so do they: then both sides may be as they are in memory.
 *
 *  For each k one number of every row is spread over a vector and multiplied with the vectors of a row of B; the
 *  tile's sums stay in registers. With 32 of those the widest tile is 6 rows by 4 vectors, which needs 10 loads for 24
 *  multiply-adds where 12 by 2 needs 14, and reads two panels at once; what is left of the columns has narrower and
 *  higher tiles.
 *
 *      rows of A, anywhere       panels of B, k by V              sums
 *      row 0  a a a a ..>k       b b b b | b b b b   b b ..       r0 | r1 | r2 | r3
 *      row 1    a a a ..         b b b b | b b b b   b b ..       r4 | r5 | ..
 *       :                         :                   :            :
 *
 *  The loads of single numbers hide behind the multiply-adds: this runs at the same rate as on packed panels, and
 *  nothing need be packed. While it runs, it asks for the rows of the next group, and for what else it is told to.
 *  Source    the idea is that of batch-reduce GEMM: Georganas et al., "High-Performance Deep Learning via a Single
 *            Building Block", 2019 */
#include "kernels/arithmetic.h"
#include "kernels/isa/conv_table.h"
#include "kernels/isa/tile_parts.h"

/* ROWS: of BLIS's panels. WIDEST: vectors of a tile. A tile of so many vectors has as many rows as leave registers for
 * a row of B and a number of A: 32 of them, or 16. EACH: for each number of rows of each width. */
#if TN_LANES == 16
#define ROWS 12
#define WIDEST 4
#define MOST_ROWS {12, 12, 8, 6}
#define EACH(X) UP_TO_12(X, 1) UP_TO_12(X, 2) UP_TO_8(X, 3) UP_TO_6(X, 4)
#elif TN_LANES == 8
#define ROWS 6
#define WIDEST 2
#define MOST_ROWS {6, 6}
#define EACH(X) UP_TO_6(X, 1) UP_TO_6(X, 2)
#else
#define ROWS 4
#define WIDEST 2
#define MOST_ROWS {4, 4}
#define EACH(X) UP_TO_4(X, 1) UP_TO_4(X, 2)
#endif
#define PANEL (2 * TN_LANES) /* columns */
#define MASKS (TN_LANES >= 8) /* a vector of B that is not whole can be read through a mask */

#define DEEP 256 /* k from which two tiles' rows and their panels pass the L1 cache */
#define PACE 2   /* k to a line that is asked for while a panel is multiplied */

typedef vec sums_of[ROWS][WIDEST];

/** Row k of B: two vectors from v, and what is beyond from the next panel, `panel` floats further. */
ALWAYS_INLINE void load_row(int vectors, const float *v, int64_t panel, vec row[WIDEST])
{
    UNROLL
    for (int j = 0; j < vectors; j++)
        row[j] = load(v + j / 2 * panel + j % 2 * TN_LANES);
}

/** sums += the products of one k; number i is at a[i][k]. */
ALWAYS_INLINE void add_located(int count, int vectors, const float *const a[ROWS], int64_t k, const float *v,
                               int64_t panel, sums_of sums)
{
    vec row[WIDEST];
    load_row(vectors, v, panel, row);
    UNROLL
    for (int i = 0; i < count; i++)
        add_number(vectors, a[i][k], row, sums[i]);
}

/** The same; number i is at s[i]. The last vector of B has `rest` numbers, 0: it is whole. */
ALWAYS_INLINE void add_beside(int count, int vectors, const float *s, const float *v, int64_t panel, int64_t rest,
                              sums_of sums)
{
    int last = vectors - 1;
    vec row[WIDEST];
    load_row(rest > 0 ? last : vectors, v, panel, row);
    if (rest > 0)
        row[last] = load_part(v + last / 2 * panel + last % 2 * TN_LANES, rest);
    UNROLL
    for (int i = 0; i < count; i++)
        add_number(vectors, s[i], row, sums[i]);
}

/** What is still to be asked for: from number `at` of a region's first row; so many lines with each line of rows that
 *  lie anywhere. */
typedef struct walk {
    tn_region region;
    int64_t at, pace;
} walk;

ALWAYS_INLINE void ask_for_line(walk *w)
{
    __builtin_prefetch(w->region.data + w->at, 0, 2);
    w->at += TN_LINE;
    if (w->at >= w->region.width) {
        w->at = 0;
        w->region.data += w->region.stride;
        w->region.rows--;
    }
}

/** A tile: rows that lie anywhere, or side by side, under the columns from v. */
typedef struct piece {
    const float *const *places, *const *next; /* next: rows that are asked for, NULL: none */
    const float *side;
    int64_t step, runs, run; /* step: of places, or from k to k; 0: panels */
    const float *v, *bias;
    int64_t v_step, v_apart;
    bool add, relu, asks_c;
    int64_t cols, ldc;
    float *c;
    walk *ahead;
} piece;

/** A packed panel under others; a line of what comes next is asked for every few k. */
ALWAYS_INLINE void add_panel(int count, int vectors, const piece *p, sums_of sums)
{
    const float *s = p->side, *v = p->v;
    int64_t k = 0, panel = p->run * PANEL;
    for (; k + PACE <= p->run && p->ahead->region.rows > 0; k += PACE) {
        ask_for_line(p->ahead);
        for (int i = 0; i < PACE; i++, s += ROWS, v += PANEL)
            add_beside(count, vectors, s, v, panel, 0, sums);
    }
    for (; k < p->run; k++, s += ROWS, v += PANEL)
        add_beside(count, vectors, s, v, panel, 0, sums);
}

/** Rows that lie side by side, and columns that may, too. */
ALWAYS_INLINE void add_lying(int count, int vectors, const piece *p, int64_t rest, sums_of sums)
{
    const float *s = p->side, *v = p->v;
    for (int64_t k = 0; k < p->run; k++, s += p->step, v += p->v_step)
        add_beside(count, vectors, s, v, p->v_apart, rest, sums);
}

/** Ask for a line of each of the next tile's rows: into the L1 cache where there is room beside this tile's. */
ALWAYS_INLINE void ask_for_rows(int count, const float *const *next, int64_t k, bool deep)
{
    UNROLL
    for (int i = 0; i < count; i++) {
        if (deep)
            __builtin_prefetch(next[i] + k, 0, 2);
        else
            __builtin_prefetch(next[i] + k, 0, 3);
    }
}

/** A row of C is on its way until it is written. */
ALWAYS_INLINE void ask_for_sums(int vectors, const float *c)
{
    UNROLL
    for (int j = 0; j < vectors; j++)
        __builtin_prefetch(c + j * TN_LANES, 1, 3);
}

/** Rows that lie anywhere. With `asks`, lines of what comes next are asked for line by line; with `target`, a row of C
 *  with each of the first k. Both are constants. A run's numbers are counted from its end: one register less. */
ALWAYS_INLINE void add_runs(int count, int vectors, const piece *p, bool asks, bool target, sums_of sums)
{
    const float *const *places = p->places, *const *next = p->next, *v = p->v;
    int64_t run = p->run, panel = p->runs * run * PANEL;
    bool deep = p->runs * run >= DEEP;
    for (int64_t t = 0; t < p->runs; t++, places += p->step) {
        const float *a[ROWS];
        UNROLL
        for (int i = 0; i < count; i++)
            a[i] = places[i] + run;
        int64_t k = -run, rows = t == 0 ? tn_min(count, run) : 0;
        for (int64_t i = 0; target && i < rows; i++, k++, v += PANEL) {
            ask_for_sums(vectors, p->c + i * p->ldc);
            add_located(count, vectors, a, k, v, panel, sums);
        }
        while (k < 0) {
            int64_t to = asks && k + 2 * TN_LINE <= 0 ? k + TN_LINE : 0;
            if (asks && next)
                ask_for_rows(count, next, run + k, deep);
            for (int64_t i = 0; asks && i < p->ahead->pace && p->ahead->region.rows > 0; i++)
                ask_for_line(p->ahead);
            for (; k < to; k++, v += PANEL)
                add_located(count, vectors, a, k, v, panel, sums);
        }
        next += next ? p->step : 0;
    }
}

/** Add to C, then bias and ReLU, where they are wanted, in the first `cols` columns of a vector: masked in registers,
 *  nothing goes through memory. The number is a constant where vectors are whole. */
ALWAYS_INLINE void put_vectors(int count, const piece *p, sums_of sums, int side, int64_t cols)
{
    float *c = p->c + side * TN_LANES;
    int64_t ldc = p->ldc;
    if (p->add) {
        UNROLL
        for (int i = 0; i < count; i++)
            sums[i][side] += load_some(c + i * ldc, cols);
    }
    if (p->bias) {
        vec bias = load_some(p->bias + side * TN_LANES, cols);
        UNROLL
        for (int i = 0; i < count; i++)
            sums[i][side] += bias;
    }
    if (p->relu) { /* NaN as it is */
        UNROLL
        for (int i = 0; i < count; i++)
            sums[i][side] = at_least(sums[i][side], splat(0.0f));
    }
    UNROLL
    for (int i = 0; i < count; i++)
        store_some(sums[i][side], c + i * ldc, cols);
}

ALWAYS_INLINE void put(int count, int vectors, const piece *p, sums_of sums)
{
    int last = vectors - 1;
    int64_t rest = p->cols - last * TN_LANES;
    UNROLL
    for (int side = 0; side < last; side++)
        put_vectors(count, p, sums, side, TN_LANES);
    if (rest == TN_LANES)
        put_vectors(count, p, sums, last, TN_LANES);
    else
        put_vectors(count, p, sums, last, rest);
}

typedef void tile(const piece *p);

ALWAYS_INLINE void multiply_tile(int count, int vectors, const piece *p)
{
    sums_of sums;
    UNROLL
    for (int i = 0; i < count; i++)
        clear_sums(vectors, sums[i]);
    if (p->step == 0)
        add_panel(count, vectors, p, sums);
    else if (!p->places && MASKS && p->cols < vectors * TN_LANES)
        add_lying(count, vectors, p, p->cols - (vectors - 1) * TN_LANES, sums);
    else if (!p->places)
        add_lying(count, vectors, p, 0, sums);
    else if (p->asks_c)
        add_runs(count, vectors, p, true, true, sums);
    else if (p->next || p->ahead->region.rows > 0)
        add_runs(count, vectors, p, true, false, sums);
    else
        add_runs(count, vectors, p, false, false, sums);
    put(count, vectors, p, sums);
}

#define NAME(count, vectors) tile_##count##_##vectors
#define TILE(count, vectors)                                                                                           \
    static void NAME(count, vectors)(const piece *p)                                                                   \
    {                                                                                                                  \
        multiply_tile(count, vectors, p);                                                                              \
    }
#define ENTRY(count, vectors) [(vectors)-1][(count)-1] = NAME(count, vectors),

EACH(TILE)

static tile *const tiles[WIDEST][ROWS] = {EACH(ENTRY)};

/** The most rows of a tile of so many vectors. */
static int most_rows(int vectors)
{
    static const int most[WIDEST] = MOST_ROWS;
    return most[vectors - 1];
}

/** The group of rows from `first` under the same columns, in equal parts, each as many as a tile of that width can
 *  have. */
static void multiply_group(const tn_tile_rows *r, int64_t first, bool asks, float *c, piece *p)
{
    int vectors = (int)tn_ceil_div(p->cols, TN_LANES), count = (int)tn_min(r->group, r->count - first);
    int parts = (count + most_rows(vectors) - 1) / most_rows(vectors);
    for (int i = 0, rows; i < count; i += rows, parts--) {
        rows = (count - i + parts - 1) / parts;
        p->c = c + (first + i) * p->ldc;
        if (r->places) {
            p->places = r->places + first * r->runs + i;
            p->next = asks ? p->places + r->group * r->runs : NULL;
        } else {
            p->side = r->side + first * r->run + i;
        }
        tiles[vectors - 1][rows - 1](p);
    }
}

/** Lines that are due with each line of all rows: all of them are asked for in the end. */
static int64_t pace_of(const tn_tile_rows *r, const tn_region *ahead, int64_t cols)
{
    int64_t calls = tn_ceil_div(r->count, most_rows(WIDEST)) * tn_ceil_div(cols, WIDEST * TN_LANES);
    int64_t lines = ahead->rows * tn_ceil_div(ahead->width, TN_LINE);
    return tn_ceil_div(lines, tn_max(1, calls * (r->runs * r->run / TN_LINE)));
}

/* Columns of one tile's width after another. The piece is changed field by field: copied as a whole just after that, it
 * would be read in vectors, which has to wait for the stores of its parts, and those for the tile before. */
static void multiply(const tn_tile_rows *r, const float *v, const tn_tile_end *end, int64_t cols, float *c, int64_t ldc)
{
    walk ahead = {.region.rows = 0};
    piece p = {.step = r->places ? r->group : r->step,
               .runs = r->runs,
               .run = r->run,
               .v = v,
               .v_step = r->v_step,
               .v_apart = r->places || r->step == 0 ? r->runs * r->run * PANEL : r->v_apart,
               .bias = end->bias,
               .add = end->add,
               .relu = end->relu,
               .asks_c = end->asks_c,
               .ldc = ldc,
               .ahead = &ahead};
    if (end->ahead.rows > 0)
        ahead = (walk){end->ahead, 0, pace_of(r, &end->ahead, cols)};
    for (int64_t asks = end->asks; cols > 0; cols -= p.cols, asks = 0) {
        p.cols = tn_min(cols, WIDEST * TN_LANES);
        for (int64_t first = 0; first < r->count; first += r->group, asks--)
            multiply_group(r, first, asks > 0, c, &p);
        p.v += WIDEST / 2 * p.v_apart; /* panels of two vectors */
        p.bias += p.bias ? p.cols : 0;
        c += p.cols;
    }
}

const tn_own_tile TN_ISA(tn_own_tile) = {
    .rows = ROWS, .lanes = PANEL, .whole = MASKS ? 1 : TN_LANES, .multiply = multiply};
