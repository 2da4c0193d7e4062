/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Tiles of convolutions with few channels, of all numbers of windows, rows and filters, on whole numbers: every sum is
 * exact, and nothing beside the results is written. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "end_of_memory.h"
#include "kernels/isa/conv_table.h"
#include "kernels/product.h"
#include "suite.h"

#include <stdlib.h>

enum { FILTERS = 4 * 16, WINDOWS = 31, RUNS = 2, RUN = 5, STEP = 3, RUN_STEP = 140, DEPTH = RUNS * RUN, LINES = 2 };
enum { ROWS = 12, PITCH = FILTERS + 16, X = RUN_STEP * (RUNS + LINES) + 64 };

/* What a tile is told. */
enum { RELU = 1, PAST = 2, AHEAD = 2, KINDS = 4 };

typedef struct numbers {
    float x[X], bias[FILTERS], panel[DEPTH * FILTERS], dy[LINES * WINDOWS][PITCH];
    _Alignas(64) float y[WINDOWS + 1][PITCH];
    float before[WINDOWS + 1][PITCH];
} numbers;

static numbers *numbers_of(void)
{
    numbers *n = aligned_alloc(64, (sizeof *n + 63) / 64 * 64);
    ck_assert_ptr_nonnull(n);
    for (size_t i = 0; i < sizeof *n / sizeof(float); i++)
        ((float *)n)[i] = (float)((int64_t)i * 7919 % 11 - 5);
    return n;
}

static void check_beside(const numbers *n, int64_t rows, int64_t cols)
{
    for (int64_t i = 0; i <= WINDOWS; i++)
        for (int64_t j = 0; j < PITCH; j++)
            if ((i >= rows || j >= cols) && n->y[i][j] != n->before[i][j])
                ck_abort_msg("(%d,%d) beside %d rows of %d was written", (int)i, (int)j, (int)rows, (int)cols);
}

static void check_forward(numbers *n, int64_t windows, int64_t filters, int kind)
{
    const tn_few_tiles *few = tn_conv_kernels()->few;
    const int64_t lanes = (filters + few->lanes - 1) / few->lanes * few->lanes;
    const tn_few_windows x = {n->x, windows, STEP, RUNS, RUN, RUN_STEP};
    const tn_few_end end = {PITCH, filters, n->bias, kind & RELU, kind & PAST && filters == lanes};
    memcpy(n->y, n->before, sizeof n->y);
    few->forward(&x, n->panel, &end, n->y[0]);
    for (int64_t i = 0; i < windows; i++)
        for (int64_t j = 0; j < filters; j++) {
            float sum = n->bias[j];
            for (int64_t k = 0; k < DEPTH; k++)
                sum += n->x[i * STEP + k / RUN * RUN_STEP + k % RUN] * n->panel[k * lanes + j];
            sum = kind & RELU && sum < 0.0f ? 0.0f : sum;
            if (n->y[i][j] != sum)
                ck_abort_msg("%d windows, %d filters, kind %d: %g instead of %g at (%d,%d)", (int)windows, (int)filters,
                             kind, (double)n->y[i][j], (double)sum, (int)i, (int)j);
        }
    check_beside(n, windows, filters);
}

START_TEST(test_forward)
{
    const tn_few_tiles *few = tn_conv_kernels()->few;
    numbers *n = numbers_of();
    for (int64_t windows = 1; windows <= WINDOWS; windows++)
        for (int64_t vectors = 1; vectors <= few->windows_vectors; vectors++)
            for (int kind = 0; kind < KINDS; kind++) {
                check_forward(n, windows, vectors * few->lanes, kind);
                check_forward(n, windows, vectors * few->lanes - 1 - windows % (few->lanes - 1), kind);
            }
    free(n);
}
END_TEST

static void check_gradient(numbers *n, float *end, int64_t rows, int64_t filters, int kind)
{
    const int64_t floats = (LINES * WINDOWS - 1) * PITCH + filters;
    const tn_few_tiles *few = tn_conv_kernels()->few;
    const int64_t lanes = (filters + few->lanes - 1) / few->lanes * few->lanes;
    const float *x[ROWS];
    for (int64_t i = 0; i < rows; i++)
        x[i] = n->x + 5 * i;
    memcpy(end - floats, n->dy[0], (size_t)floats * sizeof *end);
    const tn_few_sums g = {
        x, STEP, RUN_STEP, WINDOWS, LINES, end - floats, PITCH, filters, kind & AHEAD ? n->x : NULL, n->y[0], PITCH};
    memcpy(n->y, n->before, sizeof n->y);
    few->gradient(&g, rows);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < filters; j++) {
            float sum = n->before[i][j];
            for (int64_t w = 0; w < LINES * WINDOWS; w++)
                sum += x[i][w / WINDOWS * RUN_STEP + w % WINDOWS * STEP] * n->dy[w][j];
            if (n->y[i][j] != sum)
                ck_abort_msg("%d rows, %d filters, kind %d: %g instead of %g at (%d,%d)", (int)rows, (int)filters, kind,
                             (double)n->y[i][j], (double)sum, (int)i, (int)j);
        }
    check_beside(n, rows, lanes);
}

START_TEST(test_gradient)
{
    const tn_few_tiles *few = tn_conv_kernels()->few;
    numbers *n = numbers_of();
    float *end = end_of_memory(LINES * WINDOWS * PITCH);
    for (int64_t vectors = 1; vectors <= few->sums_vectors; vectors++)
        for (int64_t rows = 1; rows <= few->sums[vectors - 1]; rows++)
            for (int kind = 0; kind < KINDS; kind += AHEAD) {
                check_gradient(n, end, rows, vectors * few->lanes, kind);
                check_gradient(n, end, rows, vectors * few->lanes - 1 - rows % (few->lanes - 1), kind);
            }
    free(n);
}
END_TEST

TN_SUITE("few tiles", {test_forward}, {test_gradient})
