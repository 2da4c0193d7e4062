/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Tiles of convolutions with few channels, on a padded copy of some rows of an image: no window reaches over an edge,
 *  windows of a row lie evenly spaced, and a window is a few long runs. So nothing is packed but filters. Built once
 *  for each instruction set, with fused multiply-adds.
 *
 *  Forward, a tile is windows by filters:            Gradient of the filters, taps and channels by filters:
 *
 *      x, a row   w0 ----                                x, a row   k0 k1 k2 ..   of window j, broadcast
 *                   w1 ----       broadcast              dy         f0 ... f31    of window j
 *                     w2 ----                            sums       k by f, over all windows of some rows
 *      filters    k: f0 ... f31
 */
#include "kernels/isa/few_tiles.h"
#include "kernels/arithmetic.h"
#include "kernels/isa/tile_parts.h"

/* A tile of so many vectors has as many windows, or rows of sums, as leave registers for what is multiplied with them.
 * WIDEST: vectors of a tile of sums; WIDEST_WINDOWS: of a tile of windows, and at full rate, that of a core which begins
 * two multiply-adds of whole vectors in a cycle: there many windows serve short sums better than many vectors do.
 * SIXES: rows of three vectors. EACH: for each number of windows or rows of each width. */
#if TN_LANES == 16
#define WIDEST 4
#define WIDEST_WINDOWS 4
#define WIDEST_AT_FULL_RATE 3
#define WINDOWS 14
#define MOST_WINDOWS                                                                                                   \
    {                                                                                                                  \
        14, 14, 9, 6                                                                                                   \
    }
#define EACH_WINDOWS(X) UP_TO_14(X, 1) UP_TO_14(X, 2) UP_TO_9(X, 3) UP_TO_6(X, 4)
#define SUMS 12
#define MOST_SUMS                                                                                                      \
    {                                                                                                                  \
        12, 12, 9, 6                                                                                                   \
    }
#define EACH_SUMS(X) UP_TO_12(X, 1) UP_TO_12(X, 2) UP_TO_9(X, 3) UP_TO_6(X, 4)
#define SIXES 8
#elif TN_LANES == 8
#define WIDEST 2
#define WINDOWS 6
#define WIDEST_WINDOWS 2
#define WIDEST_AT_FULL_RATE 2
#define MOST_WINDOWS                                                                                                   \
    {                                                                                                                  \
        6, 6                                                                                                           \
    }
#define EACH_WINDOWS(X) UP_TO_6(X, 1) UP_TO_6(X, 2)
#define SUMS 6
#define MOST_SUMS                                                                                                      \
    {                                                                                                                  \
        6, 6                                                                                                           \
    }
#define EACH_SUMS EACH_WINDOWS
#define SIXES 4
#else
#define WIDEST 2
#define WINDOWS 4
#define WIDEST_WINDOWS 2
#define WIDEST_AT_FULL_RATE 2
#define MOST_WINDOWS                                                                                                   \
    {                                                                                                                  \
        4, 4                                                                                                           \
    }
#define EACH_WINDOWS(X) UP_TO_4(X, 1) UP_TO_4(X, 2)
#define SUMS 4
#define MOST_SUMS                                                                                                      \
    {                                                                                                                  \
        4, 4                                                                                                           \
    }
#define EACH_SUMS EACH_WINDOWS
#define SIXES 2
#endif

static int vectors_of(int64_t filters)
{
    return (int)((filters + TN_LANES - 1) / TN_LANES);
}

/* ---- forward ---- */

/** sums += the products of one run; windows are reached by three from each pointer. */
ALWAYS_INLINE void add_run(int count, const float *x, int64_t step, int64_t run, const float *v, int vectors,
                           vec sums[][WIDEST])
{
    const float *at[(WINDOWS + 2) / 3];
    UNROLL
    for (int i = 0; i < (count + 2) / 3; i++)
        at[i] = x + 3 * i * step;
    for (int64_t k = 0; k < run; k++, v += vectors * TN_LANES) {
        vec row[WIDEST];
        UNROLL
        for (int j = 0; j < vectors; j++)
            row[j] = load(v + j * TN_LANES);
        UNROLL
        for (int i = 0; i < count; i++)
            /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): (count + 2) / 3 of them are set */
            add_number(vectors, at[i / 3][i % 3 * step], row, sums[i]);
        UNROLL
        for (int i = 0; i < (count + 2) / 3; i++)
            at[i]++;
    }
}

/** Vector j of all windows with bias and ReLU; what is asked for is asked once for all of them. */
ALWAYS_INLINE void put_vectors(int count, int j, vec sums[][WIDEST], const tn_few_end *end, float *y)
{
    int64_t filters = end->filters - j * TN_LANES, pitch = end->pitch;
    vec bias = load(end->bias + j * TN_LANES);
    y += j * TN_LANES;
    UNROLL
    for (int i = 0; i < count; i++)
        sums[i][j] += bias;
    if (end->relu) {
        UNROLL
        for (int i = 0; i < count; i++)
            sums[i][j] = at_least(sums[i][j], splat(0.0f));
    }
    if (filters < TN_LANES) {
        UNROLL
        for (int i = 0; i < count; i++)
            store_part(sums[i][j], y + i * pitch, filters);
    } else if (end->past) {
        UNROLL
        for (int i = 0; i < count; i++)
            store_past(sums[i][j], y + i * pitch);
    } else {
        UNROLL
        for (int i = 0; i < count; i++)
            store(sums[i][j], y + i * pitch);
    }
}

/** A tile of `count` windows; that and `vectors` are constants where it is called. */
INLINE_CONSTANTS void forward_tile(int count, int vectors, const tn_few_windows *x, int64_t first, const float *v,
                                   const tn_few_end *end, float *y)
{
    vec sums[WINDOWS][WIDEST];
    y += first * end->pitch;
    UNROLL
    for (int i = 0; i < count; i++)
        clear_sums(vectors, sums[i]);
    for (int64_t t = 0; t < x->runs; t++, v += x->run * vectors * TN_LANES)
        add_run(count, x->data + first * x->step + t * x->run_step, x->step, x->run, v, vectors, sums);
    UNROLL
    for (int j = 0; j < vectors; j++)
        put_vectors(count, j, sums, end, y);
}

/** `tiles` of them in a row, from window `first`. */
typedef void windows_row(const tn_few_windows *x, int64_t first, int64_t tiles, const float *v, const tn_few_end *end,
                         float *y);

#define ROW(count, vectors)                                                                                            \
    static void row_##count##_##vectors(const tn_few_windows *x, int64_t first, int64_t tiles, const float *v,         \
                                        const tn_few_end *end, float *y)                                               \
    {                                                                                                                  \
        for (int64_t i = 0; i < tiles; i++)                                                                            \
            forward_tile(count, vectors, x, first + i * (count), v, end, y);                                           \
    }
#define ROW_ENTRY(count, vectors) [(vectors)-1][(count)-1] = row_##count##_##vectors,

EACH_WINDOWS(ROW)

/** A row in equal tiles, some of them one window larger. */
static void forward(const tn_few_windows *x, const float *v, const tn_few_end *end, float *y)
{
    static windows_row *const rows[WIDEST_WINDOWS][WINDOWS] = {EACH_WINDOWS(ROW_ENTRY)};
    static const int64_t most[WIDEST_WINDOWS] = MOST_WINDOWS;
    int vectors = vectors_of(end->filters);
    windows_row *const *of = rows[vectors - 1];
    int64_t tiles = (x->windows + most[vectors - 1] - 1) / most[vectors - 1];
    int64_t count = x->windows / tiles, larger = x->windows % tiles;
    of[count - 1](x, 0, tiles - larger, v, end, y);
    if (larger > 0)
        of[count](x, (tiles - larger) * count, larger, v, end, y);
    if (end->past)
        order_past();
}

/* ---- the gradient of the filters ---- */

/** Vectors of filters; `last` of them in the last one, if it is not whole. */
ALWAYS_INLINE void load_filters(const float *dy, int vectors, bool whole, int64_t last, vec *row)
{
    UNROLL
    for (int j = 0; j < vectors - 1; j++)
        row[j] = load(dy + j * TN_LANES);
    dy += (vectors - 1) * TN_LANES;
    row[vectors - 1] = whole ? load(dy) : load_part(dy, last);
}

INLINE_CONSTANTS void gradient(const tn_few_sums *g, int rows, int vectors, bool whole, bool fetch)
{
    vec sums[SUMS][WIDEST];
    const float *dy = g->dy, *ahead = g->ahead;
    int64_t last = g->filters - (vectors - 1) * TN_LANES;
    UNROLL
    for (int i = 0; i < rows; i++)
        clear_sums(vectors, sums[i]);
    const float *at[SUMS];
    UNROLL
    for (int i = 0; i < rows; i++)
        at[i] = g->x[i];
    for (int64_t line = 0, o = 0; line < g->lines; line++, o += g->line_step - g->windows * g->step) {
        for (int64_t j = 0; j < g->windows; j++, o += g->step, dy += g->dy_step) {
            vec row[WIDEST];
            load_filters(dy, vectors, whole, last, row);
            if (fetch) {
                __builtin_prefetch(ahead, 0, 2);
                ahead += TN_LINE;
            }
            UNROLL
            for (int i = 0; i < rows; i++)
                add_number(vectors, at[i][o], row, sums[i]);
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        float *to = g->sums + i * g->sums_step;
        UNROLL
        for (int j = 0; j < vectors; j++)
            store(load(to + j * TN_LANES) + sums[i][j], to + j * TN_LANES);
    }
}

typedef void sums_tile(const tn_few_sums *g);

#define SUMS_TILE(rows, vectors)                                                                                       \
    static void sums_##rows##_##vectors(const tn_few_sums *g)                                                          \
    {                                                                                                                  \
        if (g->filters < (vectors)*TN_LANES)                                                                           \
            gradient(g, rows, vectors, false, false);                                                                  \
        else if ((vectors) > 1 && g->ahead)                                                                            \
            gradient(g, rows, vectors, true, true);                                                                    \
        else                                                                                                           \
            gradient(g, rows, vectors, true, false);                                                                   \
    }
#define SUMS_ENTRY(rows, vectors) [(vectors)-1][(rows)-1] = sums_##rows##_##vectors,

EACH_SUMS(SUMS_TILE)

static void gradient_tile(const tn_few_sums *g, int64_t rows)
{
    static sums_tile *const tiles[WIDEST][SUMS] = {EACH_SUMS(SUMS_ENTRY)};
    tiles[vectors_of(g->filters) - 1][rows - 1](g);
}

/* ---- the same with few filters ---- */

typedef int64_t pairs_vec __attribute__((vector_size(4 * TN_LANES)));

/** Two numbers in turns. */
ALWAYS_INLINE vec splat_pair(const float *from)
{
    int64_t bits;
    memcpy(&bits, from, sizeof bits);
    return (vec)(bits - (pairs_vec){0});
}

/** Each of the first half of the lanes twice. */
ALWAYS_INLINE vec twice(vec v)
{
#if TN_LANES == 16
    return (vec)_mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7), (__m512)v);
#elif TN_LANES == 8
    return (vec)_mm256_permutevar8x32_ps((__m256)v, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
#else
    return (vec){v[0], v[0], v[1], v[1]};
#endif
}

/** Filters that fill half a vector at most are there twice, once for each number of a pair. `rows`, a constant: one
 *  pointer for three vectors. */
INLINE_CONSTANTS void pairs_tile(const tn_few_sums *g, int rows)
{
    vec sums[SIXES][3];
    const float *dy = g->dy;
    UNROLL
    for (int i = 0; i < rows; i++)
        sums[i][0] = sums[i][1] = sums[i][2] = splat(0.0f);
    const float *at[SIXES];
    UNROLL
    for (int i = 0; i < rows; i++)
        at[i] = g->x[i];
    for (int64_t line = 0, o = 0; line < g->lines; line++, o += g->line_step - g->windows * g->step) {
        for (int64_t j = 0; j < g->windows; j++, o += g->step, dy += g->dy_step) {
            vec filters = twice(load_part(dy, g->filters));
            UNROLL
            for (int i = 0; i < rows; i++) {
                sums[i][0] = add_product(sums[i][0], splat_pair(at[i] + o), filters);
                sums[i][1] = add_product(sums[i][1], splat_pair(at[i] + o + 2), filters);
                sums[i][2] = add_product(sums[i][2], splat_pair(at[i] + o + 4), filters);
            }
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        float *to = g->sums + 3 * i * g->sums_step;
        for (int pair = 0; pair < 3; pair++, to += g->sums_step)
            store(load(to) + sums[i][pair], to);
    }
}

#define SIXES_CASE(rows)                                                                                               \
    case rows:                                                                                                         \
        pairs_tile(g, rows);                                                                                           \
        break

static void gradient_pairs(const tn_few_sums *g, int64_t rows)
{
    switch (rows) {
        SIXES_CASE(1);
        SIXES_CASE(2);
#if TN_LANES > 4
        SIXES_CASE(3);
        SIXES_CASE(4);
#endif
#if TN_LANES > 8
        SIXES_CASE(5);
        SIXES_CASE(6);
        SIXES_CASE(7);
        SIXES_CASE(8);
#endif
    }
}

const tn_few_tiles TN_ISA(tn_few_tiles) = {
    .lanes = TN_LANES,
    .windows_vectors = WIDEST_WINDOWS,
    .windows_at_full_rate = WIDEST_AT_FULL_RATE,
    .sums_vectors = WIDEST,
    .sums = MOST_SUMS,
    .sixes = SIXES,
    .forward = forward,
    .gradient = gradient_tile,
    .gradient_pairs = gradient_pairs,
};
