/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Winograd's transforms, written once for every F(m,r): a constant matrix on both sides of a small square of vectors.
 *  The loops have constant bounds and constant coefficients, so the compiler unrolls them, drops the zeros and turns
 *  ones into plain additions. Built once for each instruction set. */
#include "kernels/isa/conv_table.h"
#include "kernels/isa/winograd_matrices.h"

#include <string.h>

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)

#ifndef TN_LANES
#define TN_LANES 4
#endif

typedef float vec __attribute__((vector_size(4 * TN_LANES)));

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

ALWAYS_INLINE vec load(const float *from)
{
    vec v;
    memcpy(&v, from, sizeof v);
    return v;
}

ALWAYS_INLINE void store(vec v, float *to)
{
    memcpy(to, &v, sizeof v);
}

/** Coefficient (i,k) of T: of the matrix itself, or of its transpose. */
ALWAYS_INLINE float coefficient(const float *matrix, int row_length, bool transposed, int i, int k)
{
    return transposed ? matrix[k * row_length + i] : matrix[i * row_length + k];
}

/** sum_k T[i][k] v[k], without the zeros. */
ALWAYS_INLINE vec row_times(const float *matrix, int row_length, bool transposed, int i, int cols, const vec *v)
{
    vec sum = {0};
    bool started = false;
    UNROLL
    for (int k = 0; k < cols; k++) {
        float t = coefficient(matrix, row_length, transposed, i, k);
        if (t == 0.0f)
            continue;
        vec term = t == 1.0f ? v[k] : t == -1.0f ? -v[k] : v[k] * t;
        sum = started ? sum + term : term;
        started = true;
    }
    return sum;
}

/** One column of vectors: out = T in T^T for in [cols,cols], out [rows,rows]. */
ALWAYS_INLINE void map_square(const float *matrix, int row_length, bool transposed, int rows, int cols, const float *in,
                              int64_t in_row, int64_t in_col, float *out, int64_t out_point)
{
    vec half[8][8];
    UNROLL
    for (int j = 0; j < cols; j++) {
        vec column[8];
        UNROLL
        for (int i = 0; i < cols; i++)
            column[i] = load(in + i * in_row + j * in_col);
        UNROLL
        for (int i = 0; i < rows; i++)
            half[i][j] = row_times(matrix, row_length, transposed, i, cols, column);
    }
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int j = 0; j < rows; j++)
            store(row_times(matrix, row_length, transposed, j, cols, half[i]), out + (i * rows + j) * out_point);
    }
}

/** Row i of out = T in T^T alone: of each column of vectors only the sum that belongs to it is needed. */
ALWAYS_INLINE void map_row(const float *matrix, int row_length, bool transposed, int rows, int cols, int i,
                           const float *const *in, int64_t x, float *out, int64_t out_point)
{
    vec half[8];
    UNROLL
    for (int j = 0; j < cols; j++) {
        vec column[8];
        UNROLL
        for (int k = 0; k < cols; k++)
            column[k] = load(in[k * cols + j] + x);
        half[j] = row_times(matrix, row_length, transposed, i, cols, column);
    }
    UNROLL
    for (int j = 0; j < rows; j++)
        store(row_times(matrix, row_length, transposed, j, cols, half), out + j * out_point);
}

/* The number of the row is a constant in its copy of the loop. */
#define ROW(i)                                                                                                         \
    case i:                                                                                                            \
        for (int64_t x = 0; x < count; x += TN_LANES)                                                                  \
            map_row(numbers, row_length, transposed, rows, cols, i < rows ? i : 0, in, x, out + x, out_point);         \
        break

ALWAYS_INLINE void map_rows(const float *numbers, int row_length, bool transposed, int rows, int cols, int row,
                            const float *const *in, float *out, int64_t out_point, int64_t count)
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
    }
}

#define ROW_MAP(name, matrix, transposed, rows, cols)                                                                  \
    static void name(const float *const *in, int row, float *out, int64_t out_point, int64_t count)                    \
    {                                                                                                                  \
        map_rows(&(matrix)[0][0], (int)(sizeof(matrix)[0] / sizeof(matrix)[0][0]), transposed, rows, cols, row, in,    \
                 out, out_point, count);                                                                               \
    }

#define MAP(name, matrix, transposed, rows, cols)                                                                      \
    static void name(const float *in, int64_t in_row, int64_t in_col, float *out, int64_t out_point, int64_t count)    \
    {                                                                                                                  \
        for (int64_t x = 0; x < count; x += TN_LANES)                                                                  \
            map_square(&(matrix)[0][0], (int)(sizeof(matrix)[0] / sizeof(matrix)[0][0]), transposed, rows, cols,       \
                       in + x, in_row, in_col, out + x, out_point);                                                    \
    }

/** The maps of F(m,r), a = m + r - 1. */
#define MAPS(m, r, a)                                                                                                  \
    MAP(map_data_##m##_##r, data_##m##_##r, false, a, a)                                                               \
    MAP(map_filter_##m##_##r, filter_##m##_##r, false, a, r)                                                           \
    MAP(map_output_##m##_##r, output_##m##_##r, false, m, a)                                                           \
    ROW_MAP(map_data_row_##m##_##r, data_##m##_##r, false, a, a)                                                       \
    ROW_MAP(map_gradient_row_##m##_##r, output_##m##_##r, true, a, m)                                                  \
    MAP(map_filter_gradient_##m##_##r, filter_##m##_##r, true, r, a)

MAPS(2, 3, 4)
MAPS(4, 3, 6)
MAPS(6, 3, 8)
MAPS(4, 5, 8)

#define ENTRY(m, r)                                                                                                    \
    {                                                                                                                  \
        m, r, map_data_##m##_##r, map_filter_##m##_##r, map_output_##m##_##r, map_data_row_##m##_##r,                  \
            map_gradient_row_##m##_##r, map_filter_gradient_##m##_##r                                                  \
    }

extern const tn_winograd_maps JOIN(tn_winograd_maps, TN_ISA_SUFFIX)[];
const tn_winograd_maps JOIN(tn_winograd_maps,
                            TN_ISA_SUFFIX)[] = {ENTRY(2, 3), ENTRY(4, 3), ENTRY(6, 3), ENTRY(4, 5), {0}};
