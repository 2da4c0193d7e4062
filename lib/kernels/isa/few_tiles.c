/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Tiles of convolutions with few channels, on a padded copy of some rows of an image: no window reaches over an edge,
 *  windows of a row lie evenly spaced, and a window is a few long runs. So nothing is packed but filters. Built once for
 *  each instruction set, with fused multiply-adds.
 *
 *  Forward, a tile is windows by filters:            Gradient of the filters, taps and channels by filters:
 *
 *      x, a row   w0 ----                                x, a row   k0 k1 k2 ..   of window j, broadcast
 *                   w1 ----       broadcast              dy         f0 ... f31    of window j
 *                     w2 ----                            sums       k by f, over all windows of some rows
 *      filters    k: f0 ... f31
 */
#include "kernels/arithmetic.h"
#include "kernels/isa/few_tiles.h"
#include "kernels/isa/simd.h"

/* Windows, rows of sums and rows of three vectors that leave registers for what is multiplied with them. EACH: for each
 * number of windows up to that. */
#if TN_LANES == 16
#define WINDOWS 14
#define SUMS 12
#define SIXES 8
#define EACH(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#elif TN_LANES == 8
#define WINDOWS 6
#define SUMS 6
#define SIXES 4
#define EACH(X) X(1) X(2) X(3) X(4) X(5) X(6)
#else
#define WINDOWS 4
#define SUMS 4
#define SIXES 2
#define EACH(X) X(1) X(2) X(3) X(4)
#endif


/* ---- forward ---- */

/** sums += the products of one run; windows are reached by three from each pointer. */
ALWAYS_INLINE void add_run(int count, const float *x, int64_t step, int64_t run, const float *v, int vectors,
                           vec sums[][2])
{
    const float *at[(WINDOWS + 2) / 3];
    UNROLL
    for (int i = 0; i < (count + 2) / 3; i++)
        at[i] = x + 3 * i * step;
    for (int64_t k = 0; k < run; k++, v += vectors * TN_LANES) {
        vec low = load(v), high = vectors > 1 ? load(v + TN_LANES) : low;
        UNROLL
        for (int i = 0; i < count; i++) {
            vec number = splat(at[i / 3][i % 3 * step]);
            sums[i][0] += number * low;
            if (vectors > 1)
                sums[i][1] += number * high;
        }
        UNROLL
        for (int i = 0; i < (count + 2) / 3; i++)
            at[i]++;
    }
}

/** A tile of `count` windows; that, `vectors` and `relu` are constants where it is called. */
ALWAYS_INLINE void forward_tile(int count, int vectors, const tn_few_windows *x, int64_t first, const float *v,
                                const tn_few_end *end, float *y)
{
    vec sums[WINDOWS][2];
    y += first * end->pitch;
    UNROLL
    for (int i = 0; i < count; i++)
        sums[i][0] = sums[i][1] = splat(0.0f);
    for (int64_t t = 0; t < x->runs; t++, v += x->run * vectors * TN_LANES)
        add_run(count, x->data + first * x->step + t * x->run_step, x->step, x->run, v, vectors, sums);
    UNROLL
    for (int j = 0; j < vectors; j++) {
        int64_t filters = end->filters - j * TN_LANES;
        vec bias = load(end->bias + j * TN_LANES);
        UNROLL
        for (int i = 0; i < count; i++) {
            float *to = y + i * end->pitch + j * TN_LANES;
            vec sum = sums[i][j] + bias;
            sum = end->relu ? at_least(sum, splat(0.0f)) : sum;
            if (filters < TN_LANES)
                store_part(sum, to, filters);
            else if (end->past)
                store_past(sum, to);
            else
                store(sum, to);
        }
    }
}

/** `tiles` of them in a row, from window `first`. */
typedef void row(const tn_few_windows *x, int64_t first, int64_t tiles, const float *v, const tn_few_end *end, float *y);

#define ROW(name, count, vectors)                                                                                      \
    static void name(const tn_few_windows *x, int64_t first, int64_t tiles, const float *v, const tn_few_end *end,     \
                     float *y)                                                                                         \
    {                                                                                                                  \
        for (int64_t i = 0; i < tiles; i++)                                                                            \
            forward_tile(count, vectors, x, first + i * (count), v, end, y);                                           \
    }
#define ROWS_OF(count) ROW(narrow_##count, count, 1) ROW(wide_##count, count, 2)
#define NARROW(count) narrow_##count,
#define WIDE(count) wide_##count,

EACH(ROWS_OF)

/** A row in equal tiles, some of them one window larger. */
static void forward(const tn_few_windows *x, const float *v, const tn_few_end *end, float *y)
{
    static row *const rows[2][WINDOWS] = {{EACH(NARROW)}, {EACH(WIDE)}};
    row *const *of = rows[end->filters > TN_LANES];
    int64_t tiles = (x->windows + WINDOWS - 1) / WINDOWS, count = x->windows / tiles, larger = x->windows % tiles;
    of[count - 1](x, 0, tiles - larger, v, end, y);
    if (larger > 0)
        of[count](x, (tiles - larger) * count, larger, v, end, y);
#if TN_LANES > 4
    if (end->past)
        _mm_sfence(); /* such stores keep no order by themselves */
#endif
}

/* ---- the gradient of the filters ---- */

/** One or two vectors of filters; `last` of them in the last one. */
ALWAYS_INLINE void load_filters(const float *dy, int vectors, bool whole, int64_t last, vec *low, vec *high)
{
    if (vectors > 1 || whole)
        *low = load(dy);
    else
        *low = load_part(dy, last);
    if (vectors == 1)
        *high = *low;
    else if (whole)
        *high = load(dy + TN_LANES);
    else
        *high = load_part(dy + TN_LANES, last);
}

ALWAYS_INLINE void gradient(const tn_few_sums *g, int rows, int vectors, bool whole, bool fetch)
{
    vec sums[SUMS][2];
    const float *dy = g->dy, *ahead = g->ahead;
    int64_t last = g->filters - (vectors - 1) * TN_LANES;
    UNROLL
    for (int i = 0; i < rows; i++)
        sums[i][0] = sums[i][1] = splat(0.0f);
    for (int64_t line = 0; line < g->lines; line++) {
        const float *at[SUMS];
        UNROLL
        for (int i = 0; i < rows; i++)
            at[i] = g->x[i] + line * g->line_step;
        for (int64_t j = 0, o = 0; j < g->windows; j++, o += g->step, dy += g->dy_step) {
            vec low, high;
            load_filters(dy, vectors, whole, last, &low, &high);
            if (fetch) {
                __builtin_prefetch(ahead, 0, 2);
                ahead += TN_LINE;
            }
            UNROLL
            for (int i = 0; i < rows; i++) {
                vec number = splat(at[i][o]);
                sums[i][0] += number * low;
                if (vectors > 1)
                    sums[i][1] += number * high;
            }
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        float *to = g->sums + i * g->sums_step;
        store(load(to) + sums[i][0], to);
        if (vectors > 1)
            store(load(to + TN_LANES) + sums[i][1], to + TN_LANES);
    }
}

ALWAYS_INLINE void gradient_of(const tn_few_sums *g, int rows)
{
    if (g->filters == 2 * TN_LANES && g->ahead)
        gradient(g, rows, 2, true, true);
    else if (g->filters == 2 * TN_LANES)
        gradient(g, rows, 2, true, false);
    else if (g->filters > TN_LANES)
        gradient(g, rows, 2, false, false);
    else if (g->filters == TN_LANES)
        gradient(g, rows, 1, true, false);
    else
        gradient(g, rows, 1, false, false);
}

#define ROWS_CASE(rows)                                                                                                \
    case rows:                                                                                                         \
        gradient_of(g, rows);                                                                                          \
        break

static void gradient_tile(const tn_few_sums *g, int64_t rows)
{
    switch (rows) {
        ROWS_CASE(1);
        ROWS_CASE(2);
        ROWS_CASE(3);
        ROWS_CASE(4);
#if TN_LANES > 4
        ROWS_CASE(5);
        ROWS_CASE(6);
#endif
#if TN_LANES > 8
        ROWS_CASE(7);
        ROWS_CASE(8);
        ROWS_CASE(9);
        ROWS_CASE(10);
        ROWS_CASE(11);
        ROWS_CASE(12);
#endif
    }
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
ALWAYS_INLINE void pairs_tile(const tn_few_sums *g, int rows)
{
    vec sums[SIXES][3];
    const float *dy = g->dy;
    UNROLL
    for (int i = 0; i < rows; i++)
        sums[i][0] = sums[i][1] = sums[i][2] = splat(0.0f);
    for (int64_t line = 0; line < g->lines; line++) {
        const float *at[SIXES];
        UNROLL
        for (int i = 0; i < rows; i++)
            at[i] = g->x[i] + line * g->line_step;
        for (int64_t j = 0, o = 0; j < g->windows; j++, o += g->step, dy += g->dy_step) {
            vec filters = twice(load_part(dy, g->filters));
            UNROLL
            for (int i = 0; i < rows; i++) {
                sums[i][0] += splat_pair(at[i] + o) * filters;
                sums[i][1] += splat_pair(at[i] + o + 2) * filters;
                sums[i][2] += splat_pair(at[i] + o + 4) * filters;
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
    .sixes = SIXES,
    .gradient_pairs = gradient_pairs,
    .sums = SUMS,
    .lanes = TN_LANES,
    .forward = forward,
    .gradient = gradient_tile,
};
