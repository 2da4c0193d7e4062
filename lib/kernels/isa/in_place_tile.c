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
#include "kernels/isa/in_place_parts.h"
#include "kernels/isa/in_place_results.h"

#define PACE 2 /* k to a line that is asked for while a panel is multiplied */

/* Loops over k have no register to spare. What only the loop around them needs is kept in memory: gcc would put it into
 * vector registers instead, and to come back from there it queues behind a hundred multiply-adds. */
#define KEEP_IN_MEMORY(variable) __asm__ volatile("" : "+m"(variable))

/** A tile: rows that lie anywhere, or side by side, under `cols` columns from v. Its parts come in registers: read from
 *  where they have just been written, they would arrive too late. */
typedef void tile(piece *p, const float *const *places, const float *side, const float *v, int64_t cols, float *c);

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

/** Rows that lie side by side, and the columns may, too: all but the tail, where `last` becomes its numbers and whose rows
 *  of B are returned. With each of the first k, a row of C is asked for if that is far away; then, every few k, a line of what
 *  is read next, and a piece of the columns that follow is copied. */
ALWAYS_INLINE const float *add_lying(int count, int vectors, const piece *p, const float *s, const float *v, int64_t rest,
                                     const float *c, const float **last, sums_of sums)
{
    for (int64_t left = p->runs;; s += p->run_step - p->run * p->step) {
        int64_t k = 0, end = left == 1 ? p->run - p->tail : p->run, rows = p->asks_c && left == p->runs ? tn_min(count, end) : 0;
        KEEP_IN_MEMORY(left);
        for (; k < rows; k++, s += p->step, v += p->v_step) {
            ask_for_sums(vectors, c + p->at[k]);
            add_beside(count, vectors, s, v, p->v_apart, rest, sums);
        }
        for (; k + PACE <= end && (p->walk->runs > 0 || p->copies->left > 0); k += PACE) {
            if (p->walk->runs > 0)
                ask_for_line(p->walk);
            if (p->copies->left > 0)
                copy_piece(p->copies);
            for (int i = 0; i < PACE; i++, s += p->step, v += p->v_step)
                add_beside(count, vectors, s, v, p->v_apart, rest, sums);
        }
        for (; k < end; k++, s += p->step, v += p->v_step)
            add_beside(count, vectors, s, v, p->v_apart, rest, sums);
        if (--left == 0) {
            *last = s;
            return v;
        }
    }
}

/** A packed panel under others; a line of what comes next is asked for every few k. */
ALWAYS_INLINE void add_panel(int count, int vectors, const piece *p, const float *s, const float *v, sums_of sums)
{
    int64_t k = 0, panel = p->v_apart;
    for (; k + PACE <= p->run && p->walk->runs > 0; k += PACE) {
        ask_for_line(p->walk);
        for (int i = 0; i < PACE; i++, s += ROWS, v += PANEL)
            add_beside(count, vectors, s, v, panel, 0, sums);
    }
    for (; k < p->run; k++, s += ROWS, v += PANEL)
        add_beside(count, vectors, s, v, panel, 0, sums);
}

/** Rows that lie anywhere, run after run, all but the tail, whose numbers are at `last` and whose rows of B are returned.
 * With each line of them, lines of what is read next are asked for; with each of the first k, a row of C if that is far
 * away. A run's numbers are counted from its end: one register less. */
ALWAYS_INLINE const float *add_runs(int count, int vectors, piece *p, const float *const *places, const float *v,
                                    const float *c, const float *last[ROWS], sums_of sums)
{
    const float *const *next = p->next;
    const int64_t *skips = p->skips;
    int64_t left = p->runs, panel = p->v_apart;
    for (;;) {
        const float *a[ROWS];
        int64_t run = p->run, k = -run, end = left == 1 ? -p->tail : 0;
        UNROLL
        for (int i = 0; i < count; i++)
            a[i] = places[i] + run;
        KEEP_IN_MEMORY(places);
        KEEP_IN_MEMORY(left);
        KEEP_IN_MEMORY(skips);
        if (skips)
            v += *skips++;
        int64_t rows = p->asks_c && left == p->runs ? tn_min(count, run + end) : 0;
        for (; k < rows - run; k++, v += PANEL) {
            ask_for_sums(vectors, c + p->at[(k + run) * p->each]);
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
                last[i] = a[i] - p->tail;
            return v;
        }
        places += p->step;
        if (next)
            next += p->step;
    }
}

/* ---- tiles: a function for each number of rows and vectors, and for each kind of rows ---- */

typedef enum kind { PACKED, LYING, LOCATED, KINDS } kind;

/** Rows side by side; `rest` as in load_columns. */
ALWAYS_INLINE void multiply_lying(int count, int vectors, const piece *p, const float *side, const float *v,
                                  int64_t rest, sums_of sums, int64_t cols, float *c)
{
    const float *last[ROWS];
    v = add_lying(count, vectors, p, side, v, rest, c, &side, sums);
    if (p->tail == 0) {
        put(count, vectors, p, sums, cols, c);
        return;
    }
    UNROLL
    for (int i = 0; i < count; i++)
        last[i] = side + i;
    finish_tile(count, vectors, p, last, p->step, v, p->v_step, false, sums, c);
}

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
    if (of == PACKED) {
        add_panel(count, vectors, p, side, v, sums);
        put(count, vectors, p, sums, cols, c);
    } else if (of == LOCATED) {
        const float *last[ROWS];
        v = add_runs(count, vectors, p, places, v, c, last, sums);
        if (p->each > 1 && !p->add)
            put_zeros(count, vectors, p, cols, c);
        if (p->tail == 0)
            put(count, vectors, p, sums, cols, c);
        else if (vectors == WIDEST && p->past)
            finish_tile(count, vectors, p, last, 1, v, PANEL, true, sums, c);
        else
            finish_tile(count, vectors, p, last, 1, v, PANEL, false, sums, c);
    } else if (MASKS && p->part) {
        multiply_lying(count, vectors, p, side, v, last_lanes(vectors, cols), sums, cols, c);
    } else {
        multiply_lying(count, vectors, p, side, v, 0, sums, cols, c);
    }
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

EACH(TILES)

static tile *const tiles[WIDEST][ROWS][KINDS] = {EACH(ENTRIES)};

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

/** The group of rows from `first` under the same columns, in equal parts, each as many as a tile of that width can
 *  have. */
static void multiply_group(const tn_tile_rows *r, int64_t first, bool asks, const float *v, int64_t cols, float *c,
                           piece *p)
{
    int vectors = (int)tn_ceil_div(cols, TN_LANES), count = (int)tn_min(r->group, r->count - first);
    if (r->groups) {
        const tn_tile_group *group = &r->groups[first / r->group];
        count = (int)group->rows;
        p->runs = group->runs;
        p->skips = group->skips;
    }
    const float *const *places = r->places ? r->places + first * r->runs : NULL;
    const float *side = r->places ? NULL : r->side + first * r->run;
    kind of = kind_of(r);
    c += first * p->ldc;
    int parts = (count + most_rows(vectors) - 1) / most_rows(vectors);
    for (int rows, i = 0; i < count; i += rows, parts--) {
        rows = (count - i + parts - 1) / parts;
        p->next = places && asks ? places + i + r->group * r->runs : NULL;
        if (r->at)
            p->at = r->at + (first + i) * p->each;
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

static piece piece_of(const tn_tile_rows *r, const tn_tile_end *end, int64_t cols, int64_t ldc, walk *w,
                      copier *copies, int64_t at[ROWS])
{
    const tn_region *ahead = &end->ahead;
    bool asks = r->places && ahead->rows > 0;
    for (int i = 0; i < ROWS; i++)
        at[i] = i * ldc;
    return (piece){.step = r->places ? r->group : r->step,
                   .runs = r->runs,
                   .run = r->run,
                   .run_step = r->run_step,
                   .bias = end->bias,
                   .add = end->add,
                   .relu = end->relu,
                   .ldc = r->at ? 0 : ldc,
                   .at = at,
                   .each = r->at ? r->each : 1,
                   .ahead = ahead->data,
                   .end = asks ? ahead->data + ahead->rows * ahead->width : ahead->data,
                   .pace = asks ? pace_of(r, ahead, cols) : 0,
                   .walk = w,
                   .copies = copies};
}

/** How `cols` columns lie: side by side in rows, which end with them, or in panels. */
static void find_columns(const tn_tile_rows *r, int64_t cols, piece *p)
{
    bool lie = kind_of(r) == LYING;
    p->v_step = lie ? r->v_step : PANEL;
    p->v_apart = lie ? r->v_apart : r->runs * r->run * PANEL;
    p->part = lie && r->v_apart == PANEL && cols % TN_LANES != 0;
}

/** Columns of the widest tiles, in whole lines. */
static bool are_lines(int64_t cols, const float *c, int64_t ldc)
{
    return ldc % TN_LINE == 0 && (uintptr_t)c % (TN_LINE * sizeof *c) == 0 && cols == WIDEST * TN_LANES;
}

/* Columns of one tile's width after another. */
static void multiply(const tn_tile_rows *r, const float *v, const tn_tile_end *end, int64_t cols, float *c, int64_t ldc)
{
    int64_t run_step = r->runs > 1 ? r->run_step : 0;
    walk rows = walk_rows(&end->ahead), all = end->beside.rows > 0 ? walk_columns(&end->beside, r->run, run_step, &rows) : rows;
    copier copies = copier_of(&end->copies);
    int64_t at[ROWS];
    piece p = piece_of(r, end, cols, ldc, &all, &copies, at);
    for (int64_t asks = r->places ? end->asks : 0, wide; cols > 0; cols -= wide, asks = 0) {
        wide = tn_min(cols, WIDEST * TN_LANES);
        find_columns(r, wide, &p);
        p.lines = are_lines(wide, c, ldc);
        p.tail = has_tail(end, r->run, wide) ? TAIL : 0;
        p.past = p.lines && p.tail > 0 && end->past && !end->add;
        p.asks_c = end->asks_c && !p.past;
        int64_t panels = WIDEST / 2 * p.v_apart; /* of two vectors */
        for (int64_t first = 0; first < r->count; first += r->group, asks--)
            multiply_group(r, first, asks > 0, v, wide, c, &p);
        v += panels;
        if (p.bias)
            p.bias += wide;
        c += wide;
    }
    while (copies.left > 0)
        copy_piece(&copies);
    if (end->past || p.each > 1)
        order_past();
}

const tn_own_tile TN_ISA(tn_own_tile) = {
    .rows = ROWS, .widest_rows = WIDEST_ROWS, .lanes = PANEL, .whole = MASKS ? 1 : TN_LANES,
    .past = WIDEST * TN_LANES % TN_LINE == 0 ? WIDEST * TN_LANES : 0, .multiply = multiply};
