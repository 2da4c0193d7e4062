/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  A tile of a product, as large as BLIS's, or with only as many rows and columns as there are; or a row of such tiles,
 *  one panel after another. Built once for each instruction set, with fused multiply-adds. Rows are a packed panel, or
 *  each of them is read where it lies.
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
 *  panels, and nothing need be packed. While it runs, it asks for the rows of the next tile.
 *  Source    the idea is that of batch-reduce GEMM: Georganas et al., "High-Performance Deep Learning via a Single
 *            Building Block", 2019 */
#include "kernels/arithmetic.h"
#include "kernels/isa/conv_table.h"
#include "kernels/isa/simd.h"

/* ROWS: of BLIS's panels. MOST: as many rows as leave registers for two vectors of B and a number of A: 32 of them, or
 * 16. EACH: for each number of rows up to that. */
#if TN_LANES == 16
#define ROWS 12
#define MOST 14
#define EACH(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#elif TN_LANES == 8
#define ROWS 6
#define MOST 6
#define EACH(X) X(1) X(2) X(3) X(4) X(5) X(6)
#else
#define ROWS 4
#define MOST 4
#define EACH(X) X(1) X(2) X(3) X(4)
#endif

#define DEEP 256 /* k from which two tiles' rows and a panel pass the L1 cache */

#define PACE 2        /* k to a line that is asked for */
#define LINES_AHEAD 8 /* lines that are asked for with each line of rows that lie anywhere, */
#define AT_ONCE 4     /* and rows of C */

/** sums += the products of one k; number i is at a[i][k]. */
ALWAYS_INLINE void add_located(int count, int vectors, const float *const a[MOST], int64_t k, const float *v,
                               vec sums[MOST][2])
{
    vec low = load(v), high = vectors > 1 ? load(v + TN_LANES) : low;
    UNROLL
    for (int i = 0; i < count; i++) {
        vec number = splat(a[i][k]);
        sums[i][0] += number * low;
        if (vectors > 1)
            sums[i][1] += number * high;
    }
}

/** The same; number i is at s[i]. */
ALWAYS_INLINE void add_packed(int count, int vectors, const float *s, const float *v, vec sums[MOST][2])
{
    vec low = load(v), high = vectors > 1 ? load(v + TN_LANES) : low;
    UNROLL
    for (int i = 0; i < count; i++) {
        vec number = splat(s[i]);
        sums[i][0] += number * low;
        if (vectors > 1)
            sums[i][1] += number * high;
    }
}

/** What is still to be asked for: from number `at` of a region's first row. */
typedef struct walk {
    tn_region region;
    int64_t at;
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

/** A packed panel; lines of what is packed next are asked for on the way. */
ALWAYS_INLINE void add_panel(int count, int vectors, const float *s, int64_t kn, walk *ahead, const float *v,
                             vec sums[MOST][2])
{
    int64_t k = 0;
    for (; k + PACE <= kn && ahead->region.rows > 0; k += PACE) {
        ask_for_line(ahead);
        for (int i = 0; i < PACE; i++, s += ROWS, v += 2 * TN_LANES)
            add_packed(count, vectors, s, v, sums);
    }
    for (; k < kn; k++, s += ROWS, v += 2 * TN_LANES)
        add_packed(count, vectors, s, v, sums);
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

/** Rows of C that are written at the end: their lines are on their way until then. */
typedef struct target {
    const float *row;
    int64_t rows, cols, ldc; /* rows: still to be asked for */
} target;

ALWAYS_INLINE void ask_for_target(target *c, int64_t most)
{
    for (; most > 0 && c->rows > 0; most--, c->rows--, c->row += c->ldc) {
        __builtin_prefetch(c->row, 1, 3);
        __builtin_prefetch(c->row + c->cols - 1, 1, 3);
    }
}

/** One run, whose numbers are counted from its end: one register less. Line by line, some lines of the next tile's rows,
 *  if there are any, and of C are asked for. */
ALWAYS_INLINE void add_run(int count, int vectors, const float *const *places, const float *const *next, int64_t run,
                           bool deep, target *c, walk *ahead, const float *v, vec sums[MOST][2])
{
    bool asks = next || c->rows > 0 || ahead->region.rows > 0;
    const float *a[MOST];
    UNROLL
    for (int i = 0; i < count; i++)
        a[i] = places[i] + run;
    for (int64_t k = -run; k < 0;) {
        int64_t to = asks && k + 2 * TN_LINE <= 0 ? k + TN_LINE : 0;
        if (next)
            ask_for_rows(count, next, run + k, deep);
        ask_for_target(c, AT_ONCE);
        for (int i = 0; i < LINES_AHEAD && ahead->region.rows > 0; i++)
            ask_for_line(ahead);
        for (; k < to; k++, v += 2 * TN_LANES)
            add_located(count, vectors, a, k, v, sums);
    }
}

/** Add to C, then bias and ReLU, where they are wanted, in the first `cols` columns of a vector: masked in registers,
 *  nothing goes through memory. The number is a constant where vectors are whole. */
ALWAYS_INLINE void put_vectors(int count, vec sums[MOST][2], int side, const tn_tile_end *end, int64_t cols, float *c,
                               int64_t ldc)
{
    c += side * TN_LANES;
    if (end->add) {
        UNROLL
        for (int i = 0; i < count; i++)
            sums[i][side] += load_some(c + i * ldc, cols);
    }
    if (end->bias) {
        vec bias = load_some(end->bias + side * TN_LANES, cols);
        UNROLL
        for (int i = 0; i < count; i++)
            sums[i][side] += bias;
    }
    if (end->relu) { /* NaN as it is */
        UNROLL
        for (int i = 0; i < count; i++)
            sums[i][side] = at_least(sums[i][side], splat(0.0f));
    }
    UNROLL
    for (int i = 0; i < count; i++)
        store_some(sums[i][side], c + i * ldc, cols);
}

ALWAYS_INLINE void put(int count, int vectors, vec sums[MOST][2], const tn_tile_end *end, int64_t cols, float *c,
                       int64_t ldc)
{
    int last = vectors - 1;
    int64_t rest = cols - last * TN_LANES;
    if (last > 0)
        put_vectors(count, sums, 0, end, TN_LANES, c, ldc);
    if (rest == TN_LANES)
        put_vectors(count, sums, last, end, TN_LANES, c, ldc);
    else
        put_vectors(count, sums, last, end, rest, c, ldc);
}

/** One panel's tile; next: rows of the next one, NULL: none. */
ALWAYS_INLINE void multiply_tile(int count, int vectors, const tn_tile_rows *r, const float *v, const tn_tile_end *end,
                                 const float *const *next, walk *ahead, int64_t cols, float *c, int64_t ldc)
{
    vec sums[MOST][2];
    target to = {c, count, cols, ldc};
    UNROLL
    for (int i = 0; i < count; i++)
        sums[i][0] = sums[i][1] = splat(0.0f);
    if (r->places || count > ROWS) {
        for (int64_t t = 0; t < r->runs; t++, v += r->run * 2 * TN_LANES)
            add_run(count, vectors, r->places + t * r->step, next ? next + t * r->step : NULL, r->run,
                    r->runs * r->run >= DEEP, &to, ahead, v, sums);
    } else {
        ask_for_target(&to, count);
        add_panel(count, vectors, r->panel, r->run, ahead, v, sums);
    }
    put(count, vectors, sums, end, cols, c, ldc);
}

/** Tiles of the same rows with one panel after another. */
ALWAYS_INLINE void multiply_tiles(int count, int vectors, const tn_tile_rows *r, const float *v,
                                  const tn_tile_end *wanted, int64_t cols, float *c, int64_t ldc)
{
    tn_tile_end end = *wanted;
    walk ahead = {end.ahead, 0};
    for (int64_t lanes = 2 * TN_LANES; cols > 0; cols -= lanes, c += lanes, v += r->runs * r->run * lanes) {
        multiply_tile(count, vectors, r, v, &end, end.next, &ahead, cols < lanes ? cols : lanes, c, ldc);
        end.bias += end.bias ? lanes : 0;
        end.next = NULL; /* they are on their way */
    }
}

typedef void tile(const tn_tile_rows *r, const float *v, const tn_tile_end *end, int64_t cols, float *c, int64_t ldc);

#define TILE(count)                                                                                                    \
    static void narrow_##count(const tn_tile_rows *r, const float *v, const tn_tile_end *end, int64_t cols, float *c,  \
                               int64_t ldc)                                                                            \
    {                                                                                                                  \
        multiply_tiles(count, 1, r, v, end, cols, c, ldc);                                                             \
    }                                                                                                                  \
    static void wide_##count(const tn_tile_rows *r, const float *v, const tn_tile_end *end, int64_t cols, float *c,    \
                             int64_t ldc)                                                                              \
    {                                                                                                                  \
        multiply_tiles(count, 2, r, v, end, cols, c, ldc);                                                             \
    }
#define NARROW(count) narrow_##count,
#define WIDE(count) wide_##count,

EACH(TILE)

/** The columns behind the last panel that fills more than one vector are a tile of their own. */
static void multiply(const tn_tile_rows *r, const float *v, const tn_tile_end *end, int64_t cols, float *c, int64_t ldc)
{
    static tile *const narrow[MOST] = {EACH(NARROW)}, *const wide[MOST] = {EACH(WIDE)};
    int64_t rest = cols % (2 * TN_LANES), most = rest <= TN_LANES ? cols - rest : cols;
    tn_tile_end last = *end;
    if (most > 0) {
        wide[r->count - 1](r, v, end, most, c, ldc);
        last.bias += end->bias ? most : 0;
        last.next = NULL;
        last.ahead.rows = 0;
    }
    if (most < cols)
        narrow[r->count - 1](r, v + r->runs * r->run * most, &last, cols - most, c + most, ldc);
}

const tn_own_tile TN_ISA(tn_own_tile) = {.rows = ROWS, .most = MOST, .lanes = 2 * TN_LANES, .multiply = multiply};
