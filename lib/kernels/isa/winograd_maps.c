/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Winograd's transforms, written once for every F(m,r) and stride: a constant matrix on both sides of a small square.
 *  The loops have constant bounds and constant coefficients, so the compiler unrolls them, drops the zeros and turns
 *  ones into plain additions. Built once for each instruction set. */
#include "kernels/isa/conv_table.h"
#include "kernels/isa/simd.h"
#include "kernels/isa/winograd_matrices.h"

#define MOST 9 /* points in each direction */

/** How a matrix of stride 2 is made of one of F(m,2), for m + 1 points of numbers in even places, and of ones, for m
 *  points of those in odd places, which come last. */
enum spread {
    STRIDE_1,   /* it is the matrix */
    DATA,       /* [points, 2m + 1]: columns in even places, and ones in odd places */
    FILTER,     /* [points, 3]: likewise, but the odd tap is every such point's; the first of them may be the last row */
    OUTPUT,     /* [m, points]: side by side */
    BACK_DATA,  /* [points, m + 1]: one below the other */
    BACK_OUTPUT /* [2m, points]: rows in odd places, and ones in even places */
};

/** A constant matrix T [rows,cols]: `numbers`, spread, or the transpose of that. Points p and -p that follow one another,
 *  from the second point on, give pairs of rows that differ in the sign of odd columns alone, or the like pairs of
 *  columns. */
typedef struct map {
    const float *numbers;
    int row_length;
    enum spread spread;
    int even; /* points of even places */
    bool transposed;
    int rows, cols;
    int pairs;
} map;

ALWAYS_INLINE float number(map t, int i, int k)
{
    return t.numbers[i * t.row_length + k];
}

ALWAYS_INLINE float spread_number(map t, int i, int k)
{
    switch (t.spread) {
    case DATA:
        return i >= t.even ? k == 2 * (i - t.even) + 1 : k % 2 == 0 ? number(t, i, k / 2) : 0.0f;
    case FILTER:
        return i >= t.even ? k == 1 : k % 2 == 0 ? number(t, i, k / 2) : 0.0f;
    case OUTPUT:
        return k >= t.even ? k - t.even == i : number(t, i, k);
    case BACK_DATA:
        return i >= t.even ? i - t.even == k : number(t, i, k);
    case BACK_OUTPUT:
        return k >= t.even ? 2 * (k - t.even) == i : i % 2 == 1 ? number(t, i / 2, k) : 0.0f;
    case STRIDE_1:
        break;
    }
    return number(t, i, k);
}

ALWAYS_INLINE float coefficient(map t, int i, int k)
{
    return t.transposed ? spread_number(t, k, i) : spread_number(t, i, k);
}

ALWAYS_INLINE vec times(vec v, float c)
{
    return c == 1.0f ? v : c == -1.0f ? -v : v * c;
}

ALWAYS_INLINE vec add_times(vec sum, vec v, float c)
{
    return c == 1.0f ? sum + v : c == -1.0f ? sum - v : add_product(sum, v, splat(c));
}

/** Where a sum begins, a product is rounded, so it had better be a one. Rows of B^T, the only square map, end with ones, and
 *  so do those that the gradient of the data at stride 2 makes of them. */
ALWAYS_INLINE bool from_last(map t)
{
    return t.rows == t.cols || t.spread == BACK_DATA;
}

/** sum_k T[i][k] v[k] over k = first, first + step, .., without the zeros. Of `pairs` pairs of columns, the first takes
 *  the sum of both. */
ALWAYS_INLINE vec row_times(map t, int i, int first, int step, int pairs, const vec *v)
{
    vec sum = {0};
    bool started = false;
    int last = first + (t.cols - 1 - first) / step * step;
    UNROLL
    for (int j = first; j < t.cols; j += step) {
        int k = from_last(t) ? first + last - j : j;
        float c = coefficient(t, i, k);
        if (c == 0.0f || (k % 2 == 0 && k > 0 && k <= 2 * pairs))
            continue;
        sum = started ? add_times(sum, v[k], c) : times(v[k], c);
        started = true;
    }
    return sum;
}

/** out = T v; pairs of rows share the sums of even and of odd columns. With up to three columns the odd one is alone, and
 *  its product is added to each as it is formed. */
ALWAYS_INLINE void multiply_rows(map t, const vec *v, vec *out)
{
    UNROLL
    for (int i = 1; i < 2 * t.pairs; i += 2) {
        vec even = row_times(t, i, 0, 2, 0, v);
        if (t.cols <= 3) {
            out[i] = add_times(even, v[1], coefficient(t, i, 1));
            out[i + 1] = add_times(even, v[1], coefficient(t, i + 1, 1));
        } else {
            vec odd = row_times(t, i, 1, 2, 0, v);
            out[i] = even + odd;
            out[i + 1] = even - odd;
        }
    }
    out[0] = row_times(t, 0, 0, 1, 0, v);
    UNROLL
    for (int i = 2 * t.pairs + 1; i < t.rows; i++)
        out[i] = row_times(t, i, 0, 1, 0, v);
}

/** out = T v; pairs of columns are added for even rows and subtracted for odd ones first. */
ALWAYS_INLINE void multiply_columns(map t, const vec *v, vec *out)
{
    vec even[MOST], odd[MOST];
    UNROLL
    for (int k = 0; k < t.cols; k++)
        even[k] = odd[k] = v[k];
    UNROLL
    for (int k = 1; k < 2 * t.pairs; k += 2) {
        even[k] = v[k] + v[k + 1];
        odd[k] = v[k] - v[k + 1];
    }
    UNROLL
    for (int i = 0; i < t.rows; i++)
        out[i] = row_times(t, i, 0, 1, t.pairs, i % 2 == 0 ? even : odd);
}

/** Points are rows of T or, where there are more of them, columns. */
ALWAYS_INLINE void multiply(map t, const vec *v, vec *out)
{
    if (t.rows < t.cols)
        multiply_columns(t, v, out);
    else
        multiply_rows(t, v, out);
}

/** The second half of out = T in T^T, from T in. */
ALWAYS_INLINE void finish_square(map t, vec half[MOST][MOST], bool past, float *out, int64_t out_point)
{
    for (int i = 0; i < t.rows; i++) {
        vec row[MOST];
        multiply(t, half[i], row);
        UNROLL
        for (int j = 0; j < t.rows; j++) {
            if (past)
                store_past(row[j], out + (i * t.rows + j) * out_point);
            else
                store(row[j], out + (i * t.rows + j) * out_point);
        }
    }
}

/** The first half: T in. */
ALWAYS_INLINE void begin_square(map t, const float *in, int64_t in_row, int64_t in_col, vec half[MOST][MOST])
{
    for (int j = 0; j < t.cols; j++) {
        vec column[MOST], mapped[MOST];
        UNROLL
        for (int i = 0; i < t.cols; i++)
            column[i] = load(in + i * in_row + j * in_col);
        multiply(t, column, mapped);
        UNROLL
        for (int i = 0; i < t.rows; i++)
            half[i][j] = mapped[i];
    }
}

/** One column of vectors: out = T in T^T for in [cols,cols], out [rows,rows]. */
ALWAYS_INLINE void map_square(map t, const float *in, int64_t in_row, int64_t in_col, bool past, float *out,
                              int64_t out_point)
{
    vec half[MOST][MOST];
    begin_square(t, in, in_row, in_col, half);
    finish_square(t, half, past, out, out_point);
}

ALWAYS_INLINE void map_results(map t, const float *in, int64_t in_row, int64_t in_col, vec bias, bool relu,
                               float *const *places, int64_t x)
{
    vec half[MOST][MOST];
    begin_square(t, in, in_row, in_col, half);
    for (int i = 0; i < t.rows; i++) {
        vec row[MOST];
        multiply(t, half[i], row);
        UNROLL
        for (int j = 0; j < t.rows; j++) {
            vec result = row[j] + bias;
            store(relu ? at_least(result, splat(0.0f)) : result, places[i * t.rows + j] + x);
        }
    }
}

/** The same for numbers that lie anywhere; those `ahead` of them are asked for. */
ALWAYS_INLINE void map_pixels(map t, const float *const *pixels, int64_t x, int64_t ahead, float *out,
                              int64_t out_point)
{
    vec half[MOST][MOST];
    for (int j = 0; j < t.cols; j++) {
        vec column[MOST], mapped[MOST];
        UNROLL
        for (int i = 0; i < t.cols; i++) {
            const float *pixel = pixels[i * t.cols + j] + x;
            __builtin_prefetch(pixel + ahead, 0, 3);
            column[i] = load(pixel);
        }
        multiply(t, column, mapped);
        UNROLL
        for (int i = 0; i < t.rows; i++)
            half[i][j] = mapped[i];
    }
    finish_square(t, half, false, out, out_point);
}

/** Row i of out = T in T^T alone: of each column of vectors only the sum that belongs to it is needed. */
ALWAYS_INLINE void map_row(map t, int i, const float *const *pixels, int64_t x, float *out, int64_t out_point)
{
    vec half[MOST], row[MOST];
    UNROLL
    for (int j = 0; j < t.cols; j++) {
        vec column[MOST];
        UNROLL
        for (int k = 0; k < t.cols; k++)
            column[k] = load(pixels[k * t.cols + j] + x);
        half[j] = row_times(t, i, 0, 1, 0, column);
    }
    multiply(t, half, row);
    UNROLL
    for (int j = 0; j < t.rows; j++)
        store(row[j], out + j * out_point);
}

/* The number of the row is a constant in its copy of the loop. */
#define ROW(i)                                                                                                         \
    case i:                                                                                                            \
        for (int64_t x = 0; x < count; x += TN_LANES)                                                                  \
            map_row(t, (i) % t.rows, pixels, x, out + x, out_point);                                                   \
        break

ALWAYS_INLINE void map_rows(map t, int row, const float *const *pixels, float *out, int64_t out_point, int64_t count)
{
    switch (row) {
        ROW(0);
        ROW(1);
        ROW(2);
        ROW(3);
        ROW(4);
        ROW(5);
        ROW(6);
        ROW(7);
        ROW(8);
    }
}

#define ROW_LENGTH(matrix) ((int)(sizeof (matrix)[0] / sizeof (matrix)[0][0]))
#define T(matrix, transposed, rows, cols, pairs)                                                                       \
    ((map){&(matrix)[0][0], ROW_LENGTH(matrix), STRIDE_1, 0, transposed, rows, cols, pairs})
/** Of F(m,2)'s matrix. */
#define T2(m, matrix, spread, transposed, rows, cols)                                                                  \
    ((map){&(matrix)[0][0], ROW_LENGTH(matrix), spread, (m) + 1, transposed, rows, cols, 0})

#define MAP(name, t)                                                                                                   \
    static void name(const float *in, int64_t in_row, int64_t in_col, float *out, int64_t out_point, int64_t count)    \
    {                                                                                                                  \
        for (int64_t x = 0; x < count; x += TN_LANES)                                                                  \
            map_square(t, in + x, in_row, in_col, false, out + x, out_point);                                          \
    }

#define MAP_PAST(name, t, plain)                                                                                       \
    static void name(const float *in, int64_t in_row, int64_t in_col, float *out, int64_t out_point, int64_t count)    \
    {                                                                                                                  \
        if ((uintptr_t)out % sizeof(vec) != 0 || out_point % TN_LANES != 0) {                                          \
            plain(in, in_row, in_col, out, out_point, count);                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        for (int64_t x = 0; x < count; x += TN_LANES)                                                                  \
            map_square(t, in + x, in_row, in_col, true, out + x, out_point);                                           \
    }

#define MAP_PIXELS(name, t)                                                                                            \
    static void name(const float *const *pixels, int64_t ahead, float *out, int64_t out_point, int64_t count)          \
    {                                                                                                                  \
        for (int64_t x = 0; x < count; x += TN_LANES)                                                                  \
            map_pixels(t, pixels, x, ahead, out + x, out_point);                                                       \
    }

#define MAP_RESULTS(name, t)                                                                                           \
    static void name(const float *in, int64_t in_row, int64_t in_col, const float *bias, bool relu,                    \
                     float *const *places, int64_t count)                                                              \
    {                                                                                                                  \
        for (int64_t x = 0; x < count; x += TN_LANES)                                                                  \
            map_results(t, in + x, in_row, in_col, bias != NULL ? load(bias + x) : (vec){0}, relu, places, x);         \
    }

#define MAP_ROW(name, t)                                                                                               \
    static void name(const float *const *pixels, int row, float *out, int64_t out_point, int64_t count)                \
    {                                                                                                                  \
        map_rows(t, row, pixels, out, out_point, count);                                                               \
    }

/** The maps of F(m,r), a = m + r - 1, e = a. */
#define MAPS(m, r, a, pairs)                                                                                           \
    MAP_PIXELS(map_data_##m##_##r, T(data_##m##_##r, false, a, a, pairs))                                              \
    MAP(map_filter_##m##_##r, T(filter_##m##_##r, false, a, r, pairs))                                                 \
    MAP_PAST(map_filter_past_##m##_##r, T(filter_##m##_##r, false, a, r, pairs), map_filter_##m##_##r)                 \
    MAP(map_output_##m##_##r, T(output_##m##_##r, false, m, a, pairs))                                                 \
    MAP_RESULTS(map_results_##m##_##r, T(output_##m##_##r, false, m, a, pairs))                                        \
    MAP_ROW(map_data_row_##m##_##r, T(data_##m##_##r, false, a, a, pairs))                                             \
    MAP_ROW(map_gradient_row_##m##_##r, T(output_##m##_##r, true, a, m, pairs))                                        \
    MAP(map_filter_gradient_##m##_##r, T(filter_##m##_##r, true, r, a, pairs))

/** The maps of F(m,3) at stride 2, a = 2m + 1, e = m + 2. */
#define MAPS_2(m, a)                                                                                                   \
    MAP_PIXELS(map_data_##m##_2, T2(m, data_##m##_2, DATA, false, a, a))                                               \
    MAP(map_filter_##m##_2, T2(m, filter_##m##_2, FILTER, false, (m) + 2, 3))                                          \
    MAP_PAST(map_filter_past_##m##_2, T2(m, filter_##m##_2, FILTER, false, (m) + 2, 3), map_filter_##m##_2)            \
    MAP(map_output_##m##_2, T2(m, output_##m##_2, OUTPUT, false, m, a))                                                \
    MAP_RESULTS(map_results_##m##_2, T2(m, output_##m##_2, OUTPUT, false, m, a))                                       \
    MAP_ROW(map_data_row_##m##_2, T2(m, data_##m##_2, DATA, false, a, a))                                              \
    MAP_ROW(map_gradient_row_##m##_2, T2(m, output_##m##_2, OUTPUT, true, a, m))                                       \
    MAP(map_filter_gradient_##m##_2, T2(m, filter_##m##_2, FILTER, true, 3, a))                                        \
    MAP_PIXELS(map_back_data_##m##_2, T2(m, data_##m##_2, BACK_DATA, false, a, (m) + 1))                               \
    MAP(map_back_output_##m##_2, T2(m, output_##m##_2, BACK_OUTPUT, false, 2 * (m), a))                                \
    MAP_RESULTS(map_back_results_##m##_2, T2(m, output_##m##_2, BACK_OUTPUT, false, 2 * (m), a))

MAPS(2, 3, 4, 1)
MAPS(4, 3, 6, 0) /* 1 and -1 are a pair in two matrices of three */
MAPS(6, 3, 8, 3)
MAPS(4, 5, 8, 3)
MAPS(2, 7, 8, 3)

MAPS_2(2, 5)
MAPS_2(4, 9)

#define ENTRY(m, r)                                                                                                    \
    {                                                                                                                  \
        m, r, 1, map_data_##m##_##r, map_filter_##m##_##r, map_output_##m##_##r, map_filter_gradient_##m##_##r,        \
            map_filter_past_##m##_##r, map_results_##m##_##r, map_data_row_##m##_##r, map_gradient_row_##m##_##r,      \
            map_data_##m##_##r, map_output_##m##_##r, map_results_##m##_##r                                            \
    }
#define ENTRY_2(m)                                                                                                     \
    {                                                                                                                  \
        m, 3, 2, map_data_##m##_2, map_filter_##m##_2, map_output_##m##_2, map_filter_gradient_##m##_2,                \
            map_filter_past_##m##_2, map_results_##m##_2, map_data_row_##m##_2, map_gradient_row_##m##_2,              \
            map_back_data_##m##_2, map_back_output_##m##_2, map_back_results_##m##_2                                   \
    }

extern const tn_winograd_maps TN_ISA(tn_winograd_maps)[];
const tn_winograd_maps TN_ISA(tn_winograd_maps)[] = {ENTRY(2, 3), ENTRY(4, 3), ENTRY(6, 3), ENTRY(4, 5), ENTRY(2, 7),
                                                     ENTRY_2(2),  ENTRY_2(4),  {0}};
