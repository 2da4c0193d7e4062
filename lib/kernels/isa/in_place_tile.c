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
#include "kernels/isa/tile_asks.h"
#include "kernels/isa/tile_parts.h"

/* ROWS: of BLIS's panels. WIDEST: vectors of a tile. A tile of so many vectors has as many rows as leave registers for
 * a row of B and a number of A: 32 of them, or 16. EACH: for each number of rows of each width; EACH_WIDTH: for the
 * most. */
#if TN_LANES == 16
#define ROWS 12
#define WIDEST 4
#define MOST_ROWS {12, 12, 8, 6}
#define EACH(X) UP_TO_12(X, 1) UP_TO_12(X, 2) UP_TO_8(X, 3) UP_TO_6(X, 4)
#define EACH_WIDTH(X) X(12, 1) X(12, 2) X(8, 3) X(6, 4)
#elif TN_LANES == 8
#define ROWS 6
#define WIDEST 2
#define MOST_ROWS {6, 6}
#define EACH(X) UP_TO_6(X, 1) UP_TO_6(X, 2)
#define EACH_WIDTH(X) X(6, 1) X(6, 2)
#else
#define ROWS 4
#define WIDEST 2
#define MOST_ROWS {4, 4}
#define EACH(X) UP_TO_4(X, 1) UP_TO_4(X, 2)
#define EACH_WIDTH(X) X(4, 1) X(4, 2)
#endif
#define PANEL (2 * TN_LANES) /* columns */
#define MASKS (TN_LANES >= 8) /* a vector of B that is not whole can be read through a mask */

#define PACE 2 /* k to a line that is asked for while a panel is multiplied */

/* Loops over k have no register to spare. What only the loop around them needs is kept in memory: gcc would put it into
 * vector registers instead, and to come back from there it queues behind a hundred multiply-adds. */
#define KEEP_IN_MEMORY(variable) __asm__ volatile("" : "+m"(variable))

_Static_assert(WIDEST *TN_LANES <= TN_WIDEST_TILE, "callers have room for copies of so many columns");

typedef vec sums_of[ROWS][WIDEST];

/** What all tiles of some columns have in common. */
typedef struct piece {
    int64_t step, runs, run; /* step: of places, or from k to k */
    int64_t run_step;        /* of rows side by side */
    int64_t v_step, v_apart; /* of B, from k to k and from panel to panel */
    bool part;               /* nothing can be read behind the columns */
    float *copy;             /* where the first tile leaves columns as panels */
    const float *bias;
    bool add, relu, asks_c;
    int64_t ldc;
    const float *const *next; /* rows that are asked for, NULL: none */
    const float *ahead, *end; /* otherwise memory from here on; a tile leaves behind how far it came */
    int64_t pace;             /* lines of it with each line of rows */
    struct walk *walk;        /* what packed panels ask for */
} piece;

/** A tile: rows that lie anywhere, or side by side, under `cols` columns from v. Its parts come in registers: read from
 *  where they have just been written, they would arrive too late. */
typedef void tile(piece *p, const float *const *places, const float *side, const float *v, int64_t cols, float *c);

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

/** The same; number i is at s[i]. */
ALWAYS_INLINE void add_beside(int count, int vectors, const float *s, const float *v, int64_t panel, int64_t rest,
                              sums_of sums)
{
    vec row[WIDEST];
    load_columns(vectors, v, panel, rest, row);
    UNROLL
    for (int i = 0; i < count; i++)
        add_number(vectors, s[i], row, sums[i]);
}

/* ---- sums ---- */

/** Ask for the lines that are due with a line of rows. */
ALWAYS_INLINE void ask_for_lines(piece *p)
{
    for (int64_t left = p->pace; left > 0 && p->ahead < p->end; left--, p->ahead += TN_LINE)
        __builtin_prefetch(p->ahead, 0, 2);
}

/** Columns of the last of so many vectors. */
ALWAYS_INLINE int64_t last_lanes(int vectors, int64_t cols)
{
    return cols - (vectors - 1) * TN_LANES;
}

/** Rows that lie side by side; the columns may, too. With each of the first k, a row of C is asked for if that is far
 *  away. */
ALWAYS_INLINE void add_lying(int count, int vectors, const piece *p, const float *s, const float *v, int64_t rest,
                             const float *c, sums_of sums)
{
    for (int64_t left = p->runs; left > 0; left--, s += p->run_step - p->run * p->step) {
        int64_t k = 0, rows = p->asks_c && left == p->runs ? tn_min(count, p->run) : 0;
        KEEP_IN_MEMORY(left);
        for (; k < rows; k++, s += p->step, v += p->v_step) {
            ask_for_sums(vectors, c + k * p->ldc);
            add_beside(count, vectors, s, v, p->v_apart, rest, sums);
        }
        for (; k < p->run; k++, s += p->step, v += p->v_step)
            add_beside(count, vectors, s, v, p->v_apart, rest, sums);
    }
}

/** One k of them; its columns are left as a row of panels, `apart` floats from one to the next. */
ALWAYS_INLINE void add_and_leave(int count, int vectors, const piece *p, const float *s, const float *v, int64_t rest,
                                 float *copy, int64_t apart, sums_of sums)
{
    vec row[WIDEST];
    load_columns(vectors, v, p->v_apart, rest, row);
    UNROLL
    for (int j = 0; j < vectors; j++)
        store(row[j], copy + j / 2 * apart + j % 2 * TN_LANES);
    UNROLL
    for (int i = 0; i < count; i++)
        add_number(vectors, s[i], row, sums[i]);
}

/** All of them, and the columns are left as panels. */
ALWAYS_INLINE void add_copying(int count, int vectors, const piece *p, const float *s, const float *v, int64_t rest,
                               sums_of sums)
{
    float *copy = p->copy;
    int64_t apart = p->runs * p->run * PANEL;
    for (int64_t left = p->runs; left > 0; left--, s += p->run_step - p->run * p->step) {
        KEEP_IN_MEMORY(left);
        for (int64_t k = 0; k < p->run; k++, s += p->step, v += p->v_step, copy += PANEL)
            add_and_leave(count, vectors, p, s, v, rest, copy, apart, sums);
    }
}

/** A packed panel under others; a line of what comes next is asked for every few k. */
ALWAYS_INLINE void add_panel(int count, int vectors, const piece *p, const float *s, const float *v, sums_of sums)
{
    int64_t k = 0, panel = p->v_apart;
    for (; k + PACE <= p->run && p->walk->region.rows > 0; k += PACE) {
        ask_for_line(p->walk);
        for (int i = 0; i < PACE; i++, s += ROWS, v += PANEL)
            add_beside(count, vectors, s, v, panel, 0, sums);
    }
    for (; k < p->run; k++, s += ROWS, v += PANEL)
        add_beside(count, vectors, s, v, panel, 0, sums);
}

/** Rows that lie anywhere, run after run, all but the last k, whose numbers are at `last` and whose row of B is returned.
 * With each line of them, lines of what is read next are asked for; with each of the first k, a row of C if that is far
 * away. A run's numbers are counted from its end: one register less. */
ALWAYS_INLINE const float *add_runs(int count, int vectors, piece *p, const float *const *places, const float *v,
                                    const float *c, const float *last[ROWS], sums_of sums)
{
    const float *const *next = p->next;
    int64_t left = p->runs, panel = p->v_apart;
    for (;;) {
        const float *a[ROWS];
        int64_t run = p->run, k = -run, end = left == 1 ? -1 : 0;
        UNROLL
        for (int i = 0; i < count; i++)
            a[i] = places[i] + run;
        KEEP_IN_MEMORY(places);
        KEEP_IN_MEMORY(left);
        for (int64_t rows = p->asks_c && left == p->runs ? tn_min(count, run + end) : 0; k < rows - run; k++, v += PANEL) {
            ask_for_sums(vectors, c + (k + run) * p->ldc);
            add_located(count, vectors, a, k, v, panel, sums);
        }
        while (k < end) {
            int64_t to = k + 2 * TN_LINE <= 0 ? k + TN_LINE : end;
            KEEP_IN_MEMORY(next);
            if (next)
                ask_for_rows(count, next, p->run + k);
            else
                ask_for_lines(p);
            for (; k < to; k++, v += PANEL)
                add_located(count, vectors, a, k, v, panel, sums);
        }
        if (--left == 0) {
            UNROLL
            for (int i = 0; i < count; i++)
                last[i] = a[i] - 1;
            return v;
        }
        places += p->step;
        if (next)
            next += p->step;
    }
}

/* ---- results ---- */

/** Add to C, then bias and ReLU, where they are wanted; the last vector has `rest` columns, through a mask unless that
 * is the constant TN_LANES. Nothing goes through memory. */
ALWAYS_INLINE void put_some(int count, int vectors, const piece *p, sums_of sums, int64_t rest, float *c)
{
#define COLS(j) ((j) < vectors - 1 ? TN_LANES : rest)
    int64_t ldc = p->ldc;
    if (p->add) {
        UNROLL
        for (int i = 0; i < count; i++) {
            UNROLL
            for (int j = 0; j < vectors; j++)
                sums[i][j] += load_some(c + i * ldc + j * TN_LANES, COLS(j));
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
    for (int i = 0; i < count; i++, c += ldc) {
        UNROLL
        for (int j = 0; j < vectors; j++)
            store_some(sums[i][j], c + j * TN_LANES, COLS(j));
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

/** The last k of rows that lie anywhere. A row is finished and stored while the next ones are still multiplied: two dozen
 *  stores one after another hold up the multiply-adds behind them. */
ALWAYS_INLINE void finish_rows(int count, int vectors, const piece *p, const float *const last[ROWS], const float *v,
                               bool bias_and_relu, sums_of sums, float *c)
{
    vec row[WIDEST];
    int64_t ldc = p->ldc;
    load_row(vectors, v, p->v_apart, row);
    UNROLL
    for (int i = 0; i < count; i++, c += ldc) {
        add_number(vectors, *last[i], row, sums[i]);
        UNROLL
        for (int j = 0; j < vectors; j++) {
            if (bias_and_relu)
                sums[i][j] = at_least(sums[i][j] + load(p->bias + j * TN_LANES), splat(0.0f));
            store(sums[i][j], c + j * TN_LANES);
        }
    }
}

/** The same, whatever becomes of the sums and however wide they are. */
ALWAYS_INLINE void finish_tile(int count, int vectors, const piece *p, const float *const last[ROWS], const float *v,
                               sums_of sums, int64_t cols, float *c)
{
    bool whole = last_lanes(vectors, cols) == TN_LANES && !p->add;
    if (whole && !p->bias && !p->relu) {
        finish_rows(count, vectors, p, last, v, false, sums, c);
    } else if (whole && p->bias && p->relu) {
        finish_rows(count, vectors, p, last, v, true, sums, c);
    } else {
        add_located(count, vectors, last, 0, v, p->v_apart, sums);
        put(count, vectors, p, sums, cols, c);
    }
}

/* ---- tiles: a function for each number of rows and vectors, and for each kind of rows ---- */

typedef enum kind { PACKED, LYING, LOCATED, KINDS, LYING_COPIES /* a table of its own */ } kind;

INLINE_CONSTANTS void multiply_tile(kind of, int count, int vectors, piece *p, const float *const *places,
                                    const float *side, const float *v, int64_t cols, float *c)
{
    sums_of sums;
    KEEP_IN_MEMORY(p);
    KEEP_IN_MEMORY(c);
    KEEP_IN_MEMORY(cols);
    UNROLL
    for (int i = 0; i < count; i++)
        clear_sums(vectors, sums[i]);
    if (of == LOCATED) {
        const float *last[ROWS];
        v = add_runs(count, vectors, p, places, v, c, last, sums);
        finish_tile(count, vectors, p, last, v, sums, cols, c);
        return;
    }
    if (of == PACKED)
        add_panel(count, vectors, p, side, v, sums);
    else if (of == LYING && MASKS && p->part)
        add_lying(count, vectors, p, side, v, last_lanes(vectors, cols), c, sums);
    else if (of == LYING)
        add_lying(count, vectors, p, side, v, 0, c, sums);
    else if (MASKS && p->part)
        add_copying(count, vectors, p, side, v, last_lanes(vectors, cols), sums);
    else
        add_copying(count, vectors, p, side, v, 0, sums);
    put(count, vectors, p, sums, cols, c);
}

#define NAME(kind, count, vectors) tile_##kind##_##count##_##vectors
#define TILE(kind, count, vectors)                                                                                     \
    static void NAME(kind, count, vectors)(piece *p, const float *const *places, const float *side, const float *v,   \
                                           int64_t cols, float *c)                                                     \
    {                                                                                                                  \
        multiply_tile(kind, count, vectors, p, places, side, v, cols, c);                                              \
    }
#define TILES(count, vectors)                                                                                          \
    TILE(PACKED, count, vectors)                                                                                       \
    TILE(LYING, count, vectors)                                                                                        \
    TILE(LOCATED, count, vectors)
#define ENTRIES(count, vectors)                                                                                        \
    [(vectors)-1][(count)-1] = {NAME(PACKED, count, vectors), NAME(LYING, count, vectors),                             \
                                NAME(LOCATED, count, vectors)},
#define COPYING_TILE(count, vectors) TILE(LYING_COPIES, count, vectors)
#define COPYING_ENTRY(count, vectors) [(vectors)-1] = NAME(LYING_COPIES, count, vectors),

EACH(TILES)
EACH_WIDTH(COPYING_TILE)

static tile *const tiles[WIDEST][ROWS][KINDS] = {EACH(ENTRIES)};
static tile *const copying_tiles[WIDEST] = {EACH_WIDTH(COPYING_ENTRY)}; /* with the most rows */

/** The most rows of a tile of so many vectors. */
static int most_rows(int vectors)
{
    static const int most[WIDEST] = MOST_ROWS;
    return most[vectors - 1];
}

static kind kind_of(const tn_tile_rows *r)
{
    if (r->places)
        return LOCATED;
    return r->step == 0 ? PACKED : LYING;
}

/** The first tile leaves its columns as panels, which those after it read. Returns how many rows it has. */
static int copy_columns(const tn_tile_rows *r, const float **v, int64_t cols, float *c, piece *p)
{
    int vectors = (int)tn_ceil_div(cols, TN_LANES);
    copying_tiles[vectors - 1](p, NULL, r->side, *v, cols, c);
    p->part = false;
    p->v_step = PANEL;
    p->v_apart = p->runs * p->run * PANEL;
    *v = p->copy;
    return most_rows(vectors);
}

/** The group of rows from `first` under the same columns, in equal parts, each as many as a tile of that width can
 *  have. */
static void multiply_group(const tn_tile_rows *r, int64_t first, bool asks, const float *v, int64_t cols, float *c,
                           piece *p)
{
    int vectors = (int)tn_ceil_div(cols, TN_LANES), count = (int)tn_min(r->group, r->count - first), i = 0;
    const float *const *places = r->places ? r->places + first * r->runs : NULL;
    const float *side = r->places ? NULL : r->side + first * r->run;
    kind of = kind_of(r);
    c += first * p->ldc;
    if (p->copy && count == r->count && count > most_rows(vectors))
        i = copy_columns(r, &v, cols, c, p);
    int parts = (count - i + most_rows(vectors) - 1) / most_rows(vectors);
    for (int rows; i < count; i += rows, parts--) {
        rows = (count - i + parts - 1) / parts;
        p->next = places && asks ? places + i + r->group * r->runs : NULL;
        tiles[vectors - 1][rows - 1][of](p, places ? places + i : NULL, side ? side + i : NULL, v, cols,
                                         c + i * p->ldc);
    }
}

/** Lines of a region, one after another, that are due with each line of rows, for all of them to be asked for in the
 * end. */
static int64_t pace_of(const tn_tile_rows *r, const tn_region *ahead, int64_t cols)
{
    int64_t calls = tn_ceil_div(r->count, most_rows(WIDEST)) * tn_ceil_div(cols, WIDEST * TN_LANES);
    int64_t lines = ahead->rows * tn_ceil_div(ahead->width, TN_LINE);
    return tn_ceil_div(lines, tn_max(1, calls * r->runs * tn_max(1, r->run / TN_LINE)));
}

static piece piece_of(const tn_tile_rows *r, const tn_tile_end *end, int64_t cols, int64_t ldc, walk *w)
{
    const tn_region *ahead = &end->ahead;
    bool asks = r->places && ahead->rows > 0;
    return (piece){.step = r->places ? r->group : r->step,
                   .runs = r->runs,
                   .run = r->run,
                   .run_step = r->run_step,
                   .copy = kind_of(r) == LYING ? r->copy : NULL,
                   .bias = end->bias,
                   .add = end->add,
                   .relu = end->relu,
                   .asks_c = end->asks_c,
                   .ldc = ldc,
                   .ahead = ahead->data,
                   .end = asks ? ahead->data + ahead->rows * ahead->width : ahead->data,
                   .pace = asks ? pace_of(r, ahead, cols) : 0,
                   .walk = w};
}

/** How `cols` columns lie: side by side in rows, which end with them, or in panels. */
static void find_columns(const tn_tile_rows *r, int64_t cols, piece *p)
{
    bool lie = kind_of(r) == LYING;
    p->v_step = lie ? r->v_step : PANEL;
    p->v_apart = lie ? r->v_apart : r->runs * r->run * PANEL;
    p->part = lie && r->v_apart == PANEL && cols % TN_LANES != 0;
}

/* Columns of one tile's width after another. */
static void multiply(const tn_tile_rows *r, const float *v, const tn_tile_end *end, int64_t cols, float *c, int64_t ldc)
{
    walk w = {end->ahead, 0};
    piece p = piece_of(r, end, cols, ldc, &w);
    for (int64_t asks = r->places ? end->asks : 0, wide; cols > 0; cols -= wide, asks = 0) {
        wide = tn_min(cols, WIDEST * TN_LANES);
        find_columns(r, wide, &p);
        int64_t panels = WIDEST / 2 * p.v_apart; /* of two vectors */
        for (int64_t first = 0; first < r->count; first += r->group, asks--)
            multiply_group(r, first, asks > 0, v, wide, c, &p);
        v += panels;
        if (p.bias)
            p.bias += wide;
        c += wide;
    }
}

const tn_own_tile TN_ISA(tn_own_tile) = {
    .rows = ROWS, .lanes = PANEL, .whole = MASKS ? 1 : TN_LANES, .multiply = multiply};
