/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Packing and epilogues of products. Built once for each instruction set. */
#include "kernels/isa/conv_table.h"
#include "kernels/isa/simd.h"
#include "kernels/isa/strassen_loops.h"

#include <string.h>

typedef float quad __attribute__((vector_size(16)));

static inline quad load_quad(const float *from)
{
    quad q;
    memcpy(&q, from, sizeof q);
    return q;
}

static inline void store_quad(quad q, float *to)
{
    memcpy(to, &q, sizeof q);
}

/** Four rows of four become four columns of four: out[k * lanes + 0..3]. */
static inline void transpose_4x4(const float *const *rows, int64_t k, float *out, int64_t lanes)
{
    quad a = load_quad(rows[0] + k), b = load_quad(rows[1] + k);
    quad c = load_quad(rows[2] + k), d = load_quad(rows[3] + k);
    quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    store_quad(__builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), out);
    store_quad(__builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7), out + lanes);
    store_quad(__builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5), out + 2 * lanes);
    store_quad(__builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7), out + 3 * lanes);
}

/** Two rows of four become four columns of two. */
static inline void transpose_2x4(const float *const *rows, int64_t k, float *out, int64_t lanes)
{
    quad a = load_quad(rows[0] + k), b = load_quad(rows[1] + k);
    quad low = __builtin_shufflevector(a, b, 0, 4, 1, 5), high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    memcpy(out, &low, 8);
    memcpy(out + lanes, (const char *)&low + 8, 8);
    memcpy(out + 2 * lanes, &high, 8);
    memcpy(out + 3 * lanes, (const char *)&high + 8, 8);
}

#if TN_LANES == 16
typedef float row16 __attribute__((vector_size(64)));
typedef double pairs16 __attribute__((vector_size(64)));

#define LOW(a, b)                                                                                                      \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29) /* of each four numbers */
#define HIGH(a, b) __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define LOW_PAIRS(a, b) ((row16)__builtin_shufflevector((pairs16)(a), (pairs16)(b), 0, 8, 2, 10, 4, 12, 6, 14))
#define HIGH_PAIRS(a, b) ((row16)__builtin_shufflevector((pairs16)(a), (pairs16)(b), 1, 9, 3, 11, 5, 13, 7, 15))
#define EVEN_FOURS(a, b) ((row16)__builtin_shufflevector((pairs16)(a), (pairs16)(b), 0, 1, 4, 5, 8, 9, 12, 13))
#define ODD_FOURS(a, b) ((row16)__builtin_shufflevector((pairs16)(a), (pairs16)(b), 2, 3, 6, 7, 10, 11, 14, 15))

/** Sixteen rows of sixteen: squares of four first, then the fours change places. */
static inline void transpose_16x16(const float *const *rows, int64_t k, float *out, int64_t lanes)
{
    row16 four[16]; /* [row / 4][k % 4]: four rows of k % 4, k % 4 + 4, .. */
    for (int i = 0; i < 16; i += 4) {
        row16 row[4];
        for (int j = 0; j < 4; j++)
            memcpy(&row[j], rows[i + j] + k, sizeof row[j]);
        row16 low = LOW(row[0], row[1]), high = HIGH(row[0], row[1]);
        row16 low2 = LOW(row[2], row[3]), high2 = HIGH(row[2], row[3]);
        four[i] = LOW_PAIRS(low, low2);
        four[i + 1] = HIGH_PAIRS(low, low2);
        four[i + 2] = LOW_PAIRS(high, high2);
        four[i + 3] = HIGH_PAIRS(high, high2);
    }
    for (int j = 0; j < 4; j++) {
        row16 even = EVEN_FOURS(four[j], four[4 + j]), even2 = EVEN_FOURS(four[8 + j], four[12 + j]);
        row16 odd = ODD_FOURS(four[j], four[4 + j]), odd2 = ODD_FOURS(four[8 + j], four[12 + j]);
        const row16 columns[4] = {EVEN_FOURS(even, even2), EVEN_FOURS(odd, odd2), ODD_FOURS(even, even2),
                                  ODD_FOURS(odd, odd2)};
        for (int i = 0; i < 4; i++)
            memcpy(out + (4 * i + j) * lanes, &columns[i], sizeof columns[i]);
    }
}
#endif

/** Steps k .. k + 3 of all lanes. */
static inline void interleave_four(const float *const *rows, int64_t lanes, int64_t k, float *out)
{
    int64_t i = 0;
    for (; i + 4 <= lanes; i += 4)
        transpose_4x4(rows + i, k, out + k * lanes + i, lanes);
    for (; i + 2 <= lanes; i += 2)
        transpose_2x4(rows + i, k, out + k * lanes + i, lanes);
    for (; i < lanes; i++) {
        for (int64_t j = 0; j < 4; j++)
            out[(k + j) * lanes + i] = rows[i][k + j];
    }
}

/** Steps k .. k + 15: some rows at a time, so that a line of theirs is used up before rows that lie a power of two
 *  apart push it out of the cache. */
static inline void interleave_sixteen(const float *const *rows, int64_t lanes, int64_t k, float *out)
{
    int64_t i = 0;
#if TN_LANES == 16
    for (; i + 16 <= lanes; i += 16)
        transpose_16x16(rows + i, k, out + k * lanes + i, lanes);
#endif
    for (; i + 4 <= lanes; i += 4) {
        for (int64_t j = k; j < k + 16; j += 4)
            transpose_4x4(rows + i, j, out + j * lanes + i, lanes);
    }
    for (; i + 2 <= lanes; i += 2) {
        for (int64_t j = k; j < k + 16; j += 4)
            transpose_2x4(rows + i, j, out + j * lanes + i, lanes);
    }
    for (; i < lanes; i++) {
        for (int64_t j = k; j < k + 16; j++)
            out[j * lanes + i] = rows[i][j];
    }
}

static inline void interleave_lanes(const float *const *rows, int64_t lanes, int64_t count, float *out)
{
    int64_t k = 0;
    for (; k + 16 <= count; k += 16)
        interleave_sixteen(rows, lanes, k, out);
    for (; k + 4 <= count; k += 4)
        interleave_four(rows, lanes, k, out);
    if (k < count && count >= 4) { /* the last four once more, some of them for the second time */
        interleave_four(rows, lanes, count - 4, out);
        return;
    }
    for (; k < count; k++) {
        for (int64_t i = 0; i < lanes; i++)
            out[k * lanes + i] = rows[i][k];
    }
}

/* The widths of BLIS's kernels are constants in their copies of the loop. */
static void interleave(const float *const *rows, int64_t lanes, int64_t count, float *out)
{
    switch (lanes) {
    case 6:
        interleave_lanes(rows, 6, count, out);
        break;
    case 12:
        interleave_lanes(rows, 12, count, out);
        break;
    case 16:
        interleave_lanes(rows, 16, count, out);
        break;
    case 32:
        interleave_lanes(rows, 32, count, out);
        break;
    default:
        interleave_lanes(rows, lanes, count, out);
    }
}

static inline void copy_rows_of(const float *from, int64_t stride, int64_t width, int64_t count, int64_t lanes,
                                float *out)
{
    for (int64_t k = 0; k < count; k++)
        memcpy(out + k * lanes, from + k * stride, (size_t)width * sizeof *out);
}

/* Widths up to a panel of the scalar side, and the usual vector sides, are constants in their copies of the loop. */
#define COPY_CASE(width)                                                                                               \
    case width:                                                                                                        \
        copy_rows_of(from, stride, width, count, lanes, out);                                                          \
        break

static void copy_rows(const float *from, int64_t stride, int64_t width, int64_t count, int64_t lanes, float *out)
{
    switch (width) {
        COPY_CASE(1);
        COPY_CASE(2);
        COPY_CASE(3);
        COPY_CASE(4);
        COPY_CASE(5);
        COPY_CASE(6);
        COPY_CASE(7);
        COPY_CASE(8);
        COPY_CASE(9);
        COPY_CASE(10);
        COPY_CASE(11);
        COPY_CASE(12);
        COPY_CASE(16);
        COPY_CASE(32);
    default:
        copy_rows_of(from, stride, width, count, lanes, out);
    }
}

#define AHEAD 8 /* rows: they may be pages apart, where no hardware fetches ahead */

static inline void copy_panels_of(const float *from, int64_t stride, int64_t count, int64_t panels, int64_t lanes,
                                  float *out, int64_t step, int64_t panel)
{
    for (int64_t k = 0; k < count; k++) {
        const float *row = from + k * stride;
        int64_t ahead = k + AHEAD < count ? AHEAD * stride : 0;
        for (int64_t p = 0; p < panels; p++) {
            __builtin_prefetch(row + p * lanes + ahead);
            if (lanes > 16)
                __builtin_prefetch(row + p * lanes + ahead + 16);
            memcpy(out + p * panel + k * step, row + p * lanes, (size_t)lanes * sizeof *out);
        }
    }
}

#define PANEL_CASE(lanes)                                                                                              \
    case lanes:                                                                                                        \
        copy_panels_of(from, stride, count, panels, lanes, out, step, panel);                                          \
        break

static void copy_panels(const float *from, int64_t stride, int64_t count, int64_t panels, int64_t lanes, float *out,
                        int64_t step, int64_t panel)
{
    switch (lanes) {
        PANEL_CASE(4);
        PANEL_CASE(6);
        PANEL_CASE(8);
        PANEL_CASE(12);
        PANEL_CASE(16);
        PANEL_CASE(32);
    default:
        copy_panels_of(from, stride, count, panels, lanes, out, step, panel);
    }
}

typedef float pair __attribute__((vector_size(8)));
typedef float eight __attribute__((vector_size(32)));
typedef float sixteen __attribute__((vector_size(64)));

#define ADD_VECTORS(vector)                                                                                            \
    for (; i + (int64_t)(sizeof(vector) / sizeof(float)) <= width; i += sizeof(vector) / sizeof(float)) {               \
        vector a, b;                                                                                                   \
        memcpy(&a, to + i, sizeof a);                                                                                  \
        memcpy(&b, from + i, sizeof b);                                                                                \
        a += b;                                                                                                        \
        memcpy(to + i, &a, sizeof a);                                                                                  \
    }

/** A short row in as few pieces as its width has bits. */
static inline void add_row(const float *from, int64_t width, float *to)
{
    int64_t i = 0;
    ADD_VECTORS(sixteen)
    ADD_VECTORS(eight)
    ADD_VECTORS(quad)
    ADD_VECTORS(pair)
    for (; i < width; i++)
        to[i] += from[i];
}

static inline void add_rows_of(const float *from, int64_t stride, int64_t width, int64_t count, int64_t to_stride,
                               float *to)
{
    for (int64_t k = 0; k < count; k++)
        add_row(from + k * stride, width, to + k * to_stride);
}

#define ADD_CASE(width)                                                                                                \
    case width:                                                                                                        \
        add_rows_of(from, stride, width, count, to_stride, to);                                                        \
        break

/* The widths of first layers: 3, 5, 7 or 11 taps of one or three channels; and 5 taps of six. */
static void add_rows(const float *from, int64_t stride, int64_t width, int64_t count, int64_t to_stride, float *to)
{
    switch (width) {
        ADD_CASE(3);
        ADD_CASE(5);
        ADD_CASE(7);
        ADD_CASE(9);
        ADD_CASE(11);
        ADD_CASE(15);
        ADD_CASE(21);
        ADD_CASE(30);
        ADD_CASE(33);
    default:
        add_rows_of(from, stride, width, count, to_stride, to);
    }
}

static void finish(const float *x, const float *bias, bool relu, float *y, int64_t count)
{
    if (bias && relu) {
        for (int64_t i = 0; i < count; i++) {
            float sum = x[i] + bias[i];
            y[i] = sum < 0.0f ? 0.0f : sum;
        }
    } else if (bias) {
        for (int64_t i = 0; i < count; i++)
            y[i] = x[i] + bias[i];
    } else if (relu) {
        for (int64_t i = 0; i < count; i++)
            y[i] = x[i] < 0.0f ? 0.0f : x[i];
    } else if (x != y) {
        memcpy(y, x, (size_t)count * sizeof *y);
    }
}

static void accumulate(const float *x, float *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        y[i] += x[i];
}

void TN_ISA(tn_thin_product)(const float *x, int64_t x_stride, int64_t rows, const float *w, int64_t w_stride,
                             int64_t depth, float *y, int64_t y_stride, int64_t count);
extern const tn_own_tile TN_ISA(tn_own_tile);
extern const tn_direct_tile TN_ISA(tn_direct_tile);
extern const tn_few_tiles TN_ISA(tn_few_tiles);
extern const tn_depthwise_loops TN_ISA(tn_depthwise_loops);
extern const tn_winograd_maps TN_ISA(tn_winograd_maps)[];

const tn_conv_table TN_ISA(tn_conv_table) = {
    .interleave = interleave,
    .copy_rows = copy_rows,
    .copy_panels = copy_panels,
    .add_rows = add_rows,
    .finish = finish,
    .accumulate = accumulate,
    .thin_product = TN_ISA(tn_thin_product),
    .strassen_sums = TN_ISA(tn_strassen_sums),
    .strassen_end = TN_ISA(tn_strassen_end),
    .tile = &TN_ISA(tn_own_tile),
    .direct = &TN_ISA(tn_direct_tile),
    .few = &TN_ISA(tn_few_tiles),
    .depthwise = &TN_ISA(tn_depthwise_loops),
    .winograd = TN_ISA(tn_winograd_maps),
};
