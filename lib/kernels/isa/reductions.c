/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Sums in an order that depends on sizes alone. Built once for each instruction set. */
#include "kernels/isa/element_parts.h"

#define WIDE 8 /* vectors of columns summed side by side, at most */

/** Columns [0, vectors * TN_LANES) of one block of rows, added to sum. */
ALWAYS_INLINE void sum_vectors(const float *x, int64_t rows, int64_t stride, int vectors, float *sum)
{
    vec sums[WIDE] = {{0}};
    for (int64_t i = 0; i < rows; i++) {
        for (int j = 0; j < vectors; j++)
            sums[j] += load(x + i * stride + j * TN_LANES);
    }
    for (int j = 0; j < vectors; j++)
        store(load(sum + j * TN_LANES) + sums[j], sum + j * TN_LANES);
}

/* Whole rows where they fit, so that memory is read in order; each number of vectors is a loop of its own. */
static void sum_block(const float *x, int64_t rows, int64_t stride, int vectors, float *sum)
{
    switch (vectors) {
    case 8:
        sum_vectors(x, rows, stride, 8, sum);
        break;
    case 7:
        sum_vectors(x, rows, stride, 7, sum);
        break;
    case 6:
        sum_vectors(x, rows, stride, 6, sum);
        break;
    case 5:
        sum_vectors(x, rows, stride, 5, sum);
        break;
    case 4:
        sum_vectors(x, rows, stride, 4, sum);
        break;
    case 3:
        sum_vectors(x, rows, stride, 3, sum);
        break;
    case 2:
        sum_vectors(x, rows, stride, 2, sum);
        break;
    default:
        sum_vectors(x, rows, stride, 1, sum);
    }
}

static void sum_block_part(const float *x, int64_t rows, int64_t stride, int64_t width, float *sum)
{
    vec sums = {0};
    for (int64_t i = 0; i < rows; i++)
        sums += load_part(x + i * stride, width);
    store_part(load_part(sum, width) + sums, sum, width);
}

/* Blocks of rows are summed on their own: rounding errors grow with their number, not with that of rows. */
void TN_ISA(tn_sum_rows)(const float *x, int64_t rows, int64_t stride, int64_t width, float *sum)
{
    memset(sum, 0, (size_t)width * sizeof *sum);
    for (int64_t i = 0; i < rows; i += TN_ROW_BLOCK) {
        int64_t count = rows - i < TN_ROW_BLOCK ? rows - i : TN_ROW_BLOCK, j = 0;
        const float *from = x + i * stride;
        while (j + TN_LANES <= width) {
            int64_t vectors = (width - j) / TN_LANES < WIDE ? (width - j) / TN_LANES : WIDE;
            sum_block(from + j, count, stride, (int)vectors, sum + j);
            j += vectors * TN_LANES;
        }
        if (j < width)
            sum_block_part(from + j, count, stride, width - j, sum + j);
    }
}

void TN_ISA(tn_add)(const float *x, float *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        y[i] += x[i];
}

#define HALF (TN_LANES / 2) /* floats that fill a vector as doubles */

typedef float half_vec __attribute__((vector_size(4 * HALF)));
typedef double double_vec __attribute__((vector_size(8 * HALF)));

double TN_ISA(tn_sum_squares)(const float *x, int64_t count)
{
    double_vec parts[TN_SUM_LANES / HALF] = {{0}};
    double all[TN_SUM_LANES];
    int64_t i = 0;
    for (; i + TN_SUM_LANES <= count; i += TN_SUM_LANES) {
        for (int p = 0; p < TN_SUM_LANES / HALF; p++) {
            half_vec single;
            memcpy(&single, x + i + p * HALF, sizeof single);
            double_vec v = __builtin_convertvector(single, double_vec);
            parts[p] += v * v;
        }
    }
    /* cppcheck-suppress bufferAccessOutOfBounds ; it takes the size of a vector of doubles for that of a double */
    memcpy(all, parts, sizeof all);
    for (int lane = 0; i < count; i++, lane++)
        all[lane] += (double)x[i] * (double)x[i];
    for (int half = TN_SUM_LANES / 2; half > 0; half /= 2) {
        for (int lane = 0; lane < half; lane++)
            all[lane] += all[lane + half];
    }
    return all[0];
}
