/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Tiles of our own, of all numbers of rows and columns, on whole numbers: every sum is exact, and nothing beside the
 * tiles is written. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "end_of_memory.h"
#include "kernels/isa/conv_table.h"
#include "kernels/product.h"
#include "suite.h"

#include <math.h>
#include <stdlib.h>

enum {
    ROWS_MOST = 12,
    GROUPS = 3,
    LANES_MOST = 32,
    COLUMNS = 5 * LANES_MOST,
    RUNS = 2,
    RUN = 133,
    DEPTH = RUNS * RUN,
    GAP = 7, /* floats */
    WIDEST = TN_WIDEST_TILE, /* columns */
    MARGIN = 3,
    PITCH = COLUMNS + 16 /* whole lines */
};

/* What is asked for; all combinations of the first three. */
enum { ADD = 1, BIAS = 2, RELU = 4, PANEL = 8, ASKS = 16, ASKS_C = 32, PAST = 64, KINDS = 128 };

typedef struct numbers {
    float a[(GROUPS + 1) * ROWS_MOST][DEPTH], b[DEPTH][COLUMNS], bias[COLUMNS];
    float panels[DEPTH * COLUMNS], packed[GROUPS * ROWS_MOST * DEPTH];
    const float *places[(GROUPS + 1) * ROWS_MOST * RUNS];
    _Alignas(64) float c[GROUPS * ROWS_MOST][PITCH];
    float before[GROUPS * ROWS_MOST][PITCH];
    float sums[GROUPS * ROWS_MOST][COLUMNS]; /* of a and b */
    float copy[WIDEST * DEPTH + MARGIN];
} numbers;

static numbers *new_numbers(void)
{
    numbers *n = aligned_alloc(64, sizeof *n);
    ck_assert_ptr_nonnull(n);
    memset(n, 0, sizeof *n);
    return n;
}

static float whole(int64_t i)
{
    return (float)(i * 7919 % 13 - 6);
}

static void fill(const tn_own_tile *own, numbers *n)
{
    float *parts[] = {n->a[0], n->b[0], n->bias, n->before[0]};
    const size_t sizes[] = {sizeof n->a, sizeof n->b, sizeof n->bias, sizeof n->before};
    for (size_t part = 0; part < 4; part++)
        for (size_t i = 0; i < sizes[part] / sizeof(float); i++)
            parts[part][i] = whole((int64_t)(i + 100 * part));
    for (int64_t j = 0; j < COLUMNS; j++)
        for (int64_t k = 0; k < DEPTH; k++)
            n->panels[(j / own->lanes * DEPTH + k) * own->lanes + j % own->lanes] = n->b[k][j];
    for (int64_t i = 0; i < GROUPS * own->rows; i++)
        for (int64_t k = 0; k < DEPTH; k++)
            n->packed[(i / own->rows * DEPTH + k) * own->rows + i % own->rows] = n->a[i][k];
    memset(n->sums, 0, sizeof n->sums);
    for (int64_t i = 0; i < GROUPS * ROWS_MOST; i++)
        for (int64_t k = 0; k < DEPTH; k++)
            for (int64_t j = 0; j < COLUMNS; j++)
                n->sums[i][j] += n->a[i][k] * n->b[k][j];
}

/* Groups of so many rows, and one that is only asked for. */
static void locate(numbers *n, int64_t group)
{
    for (int64_t i = 0; i < (GROUPS + 1) * group; i++)
        for (int64_t t = 0; t < RUNS; t++)
            n->places[(i / group * RUNS + t) * group + i % group] = n->a[i] + t * RUN;
}

static float expected(const numbers *n, int64_t i, int64_t j, int kind)
{
    float sum = n->sums[i][j] + (kind & ADD ? n->before[i][j] : 0.0f);
    sum += kind & BIAS ? n->bias[j] : 0.0f;
    return kind & RELU && sum < 0.0f ? 0.0f : sum;
}

static void check_results(const numbers *n, int64_t rows, int64_t cols, int kind)
{
    for (int64_t i = 0; i < GROUPS * ROWS_MOST; i++)
        for (int64_t j = 0; j < PITCH; j++) {
            float wanted = i < rows && j < cols ? expected(n, i, j, kind) : n->before[i][j];
            if (n->c[i][j] != wanted)
                ck_abort_msg("%d rows, %d columns, kind %d: %g instead of %g at (%d,%d)", (int)rows, (int)cols, kind,
                             (double)n->c[i][j], (double)wanted, (int)i, (int)j);
        }
}

static void check(const tn_own_tile *own, numbers *n, int64_t rows, int64_t group, int64_t cols, int kind)
{
    tn_tile_rows r = {.count = rows, .group = group, .places = n->places, .runs = RUNS, .run = RUN};
    tn_tile_end end = {.add = kind & ADD, .relu = kind & RELU, .bias = kind & BIAS ? n->bias : NULL};
    if (kind & PANEL)
        r = (tn_tile_rows){.count = rows, .group = group, .side = n->packed, .runs = 1, .run = DEPTH};
    if (kind & ASKS) {
        end.asks = kind & PANEL ? 0 : (rows + group - 1) / group;
        end.ahead = (tn_region){n->b[0], DEPTH, COLUMNS, COLUMNS};
    }
    end.asks_c = kind & ASKS_C;
    end.past = kind & PAST;
    memcpy(n->c, n->before, sizeof n->c);
    own->multiply(&r, n->panels, &end, cols, n->c[0], PITCH);
    check_results(n, rows, cols, kind);
}

/* The first columns of b as panels, and nothing behind. */
static void check_copies(const tn_own_tile *own, const numbers *n, int64_t cols)
{
    int wrong = 0;
    for (int64_t j = 0; j < cols; j++)
        for (int64_t k = 0; k < DEPTH; k++)
            wrong += n->copy[(j / own->lanes * DEPTH + k) * own->lanes + j % own->lanes] != n->b[k][j];
    for (int64_t i = cols * DEPTH; i < WIDEST * DEPTH + MARGIN; i++)
        wrong += !isnan(n->copy[i]);
    ck_assert_int_eq(wrong, 0);
}

/* Both sides as matrices, as they lie: nothing behind the last column of the last row can be read. Or columns are panels, and
 * others are copied meanwhile, more than there is time for in few rows. Several runs have gaps between them. */
static void check_beside(const tn_own_tile *own, numbers *n, float *a, float *b, int64_t rows, int64_t cols, int kind,
                         int64_t runs, bool panels, bool copies)
{
    int64_t run_step = RUN * rows + GAP;
    float *side = a - rows * DEPTH - (runs - 1) * GAP;
    const tn_tile_rows r = {.count = rows,
                            .group = rows,
                            .side = side,
                            .runs = runs,
                            .run = DEPTH / runs,
                            .run_step = run_step,
                            .step = rows,
                            .v_step = panels ? own->lanes : cols,
                            .v_apart = own->lanes * (panels ? DEPTH : 1)};
    int64_t copied = own->lanes * (1 + rows % (WIDEST / own->lanes));
    tn_tile_end end = {.add = kind & ADD, .relu = kind & RELU, .bias = kind & BIAS ? n->bias : NULL};
    end.asks_c = kind & ASKS_C;
    if (kind & ASKS) {
        end.beside = (tn_region){side, DEPTH, rows, rows};
        end.ahead = (tn_region){n->b[0], DEPTH, COLUMNS, COLUMNS};
    }
    for (int64_t k = 0; k < DEPTH; k++) {
        for (int64_t i = 0; i < rows; i++)
            side[runs > 1 ? k / RUN * run_step + k % RUN * rows + i : k * rows + i] = n->a[i][k];
        memcpy(b + (k - DEPTH) * cols, n->b[k], (size_t)cols * sizeof *b);
    }
    memcpy(n->c, n->before, sizeof n->c);
    for (int64_t i = 0; i < WIDEST * DEPTH + MARGIN; i++)
        n->copy[i] = NAN;
    if (copies)
        end.copies = (tn_tile_copies){{n->b[0], DEPTH, copied, COLUMNS}, n->copy};
    own->multiply(&r, panels ? n->panels : b - cols * DEPTH, &end, cols, n->c[0], PITCH);
    check_results(n, rows, cols, kind);
    check_copies(own, n, copies ? copied : 0);
}

/* Results of sums of so few numbers, those of row i at a + i * row_step + k * k_step. */
static void check_short(const tn_own_tile *own, const numbers *n, int64_t depth, int64_t cols, bool add, int64_t row_step,
                        int64_t k_step)
{
    const float *a = &n->a[0][0];
    for (int64_t i = 0; i < own->rows; i++)
        for (int64_t j = 0; j < cols; j++) {
            float sum = add ? n->before[i][j] : 0.0f;
            for (int64_t k = 0; k < depth; k++)
                sum += a[i * row_step + k * k_step] * n->b[k][j];
            if (n->c[i][j] != sum)
                ck_abort_msg("%d k, %d columns, row_step %d: %g instead of %g at (%d,%d)", (int)depth, (int)cols,
                             (int)row_step, (double)n->c[i][j], (double)sum, (int)i, (int)j);
        }
}

static void multiply_short_beside(const tn_own_tile *own, numbers *n, int64_t depth, int64_t runs, int64_t cols)
{
    const tn_tile_rows r = {.count = own->rows, .group = own->rows, .side = n->a[0], .runs = runs,
                            .run = depth / runs, .run_step = depth / runs * DEPTH, .step = DEPTH,
                            .v_step = COLUMNS, .v_apart = own->lanes};
    const tn_tile_end end = {.add = runs > 1, .asks_c = true, .beside = {n->a[0], depth, own->rows, DEPTH},
                             .ahead = {n->b[0], depth, COLUMNS, COLUMNS}};
    own->multiply(&r, n->b[0], &end, cols, n->c[0], PITCH);
}

static void multiply_short_located(const tn_own_tile *own, numbers *n, int64_t depth, int64_t runs, int64_t cols)
{
    for (int64_t t = 0; t < runs; t++)
        for (int64_t i = 0; i < own->rows; i++)
            n->places[t * own->rows + i] = n->a[i] + t * (depth / runs);
    for (int64_t j = 0; j < cols; j++)
        for (int64_t k = 0; k < depth; k++)
            n->copy[(j / own->lanes * depth + k) * own->lanes + j % own->lanes] = n->b[k][j];
    const tn_tile_rows r = {.count = own->rows, .group = own->rows, .places = n->places, .runs = runs, .run = depth / runs};
    const tn_tile_end end = {.add = runs > 1, .asks_c = true, .past = true};
    own->multiply(&r, n->copy, &end, cols, n->c[0], PITCH);
}

/* Sums of a few numbers, in runs as short as one, fewer than a tile has rows or leaves until rows are finished. */
START_TEST(test_short)
{
    const tn_own_tile *own = tn_conv_kernels()->tile;
    numbers *n = new_numbers();
    fill(own, n);
    for (int64_t depth = 1; depth <= 6; depth++)
        for (int64_t runs = 1; runs <= depth; runs++)
            for (int64_t cols = own->whole; depth % runs == 0 && cols <= WIDEST; cols += own->whole) {
                memcpy(n->c, n->before, sizeof n->c);
                multiply_short_beside(own, n, depth, runs, cols);
                check_short(own, n, depth, cols, runs > 1, 1, DEPTH);
                memcpy(n->c, n->before, sizeof n->c);
                multiply_short_located(own, n, depth, runs, cols);
                check_short(own, n, depth, cols, runs > 1, DEPTH, 1);
            }
    free(n);
}
END_TEST

/* Each number of rows under whole and part vectors up to a panel more than the widest tile has. */
START_TEST(test_sizes)
{
    const tn_own_tile *own = tn_conv_kernels()->tile;
    numbers *n = new_numbers();
    ck_assert(own->rows <= ROWS_MOST && own->lanes <= LANES_MOST);
    fill(own, n);
    locate(n, own->rows);
    const int64_t half = own->lanes / 2, most = 2 * own->rows + 1;
    for (int64_t rows = 1; rows <= most; rows++)
        for (int64_t vectors = 1; vectors <= 9; vectors++) {
            int kind = (int)((rows * 9 + vectors) % KINDS);
            check(own, n, rows, own->rows, vectors * half, kind);
            check(own, n, rows, own->rows, vectors * half - 1 - rows % (half - 1), kind ^ PANEL);
        }
    free(n);
}
END_TEST

START_TEST(test_kinds)
{
    const tn_own_tile *own = tn_conv_kernels()->tile;
    numbers *n = new_numbers();
    fill(own, n);
    for (int64_t group = own->rows / 2; group <= own->rows; group++) {
        locate(n, group);
        for (int kind = 0; kind < KINDS; kind++) {
            bool whole_groups = (kind & PANEL) == 0 || group == own->rows;
            for (int64_t cols = 1; whole_groups && cols <= 3 * own->lanes; cols += own->lanes - 1)
                check(own, n, 2 * group + 1 + kind % group, group, cols, kind);
        }
    }
    free(n);
}
END_TEST

START_TEST(test_beside)
{
    const tn_own_tile *own = tn_conv_kernels()->tile;
    numbers *n = new_numbers();
    float *a = end_of_memory(GROUPS * ROWS_MOST * DEPTH + RUNS * GAP), *b = end_of_memory(COLUMNS * DEPTH);
    ck_assert_int_eq(own->lanes % own->whole, 0);
    fill(own, n);
    for (int64_t rows = 1; rows <= GROUPS * own->rows; rows += rows < own->rows ? 1 : 5)
        for (int64_t cols = own->whole; cols <= 3 * own->lanes; cols += own->whole * (cols < own->lanes ? 1 : 7))
            for (int way = 0; way < 8; way++) {
                int kind = (int)(rows + cols) % PANEL + (rows % 2 ? ASKS + ASKS_C : 0);
                check_beside(own, n, a, b, rows, cols, kind, way / 4 ? RUNS : 1, way / 2 % 2, way % 2);
            }
    free(n);
}
END_TEST

/* Rows of the result that lie anywhere, the last one first, each with some of zeros behind it; every third has none, its places
 * are its own. They are whole lines, or may be none. */
static void check_places(const tn_own_tile *own, numbers *n, int64_t rows, int64_t each, int64_t cols, int kind)
{
    int64_t at[ROWS_MOST * GROUPS];
    const tn_tile_rows r = {.count = rows, .group = own->rows, .places = n->places, .runs = RUNS, .run = RUN, .at = at,
                            .each = each};
    tn_tile_end end = {.add = kind & ADD, .relu = kind & RELU, .bias = kind & BIAS ? n->bias : NULL};
    end.asks_c = kind & ASKS_C;
    end.past = kind & PAST;
    bool lines = (rows + cols) % 2;
    end.asks = kind & ASKS ? (rows + own->rows - 1) / own->rows : 0;
    for (int64_t i = 0; i < rows * each; i++)
        at[i] = ((rows - 1 - i / each) * each + (i / each % 3 == 2 ? 0 : i % each)) * PITCH;
    memcpy(n->c, n->before, sizeof n->c);
    own->multiply(&r, n->panels, &end, cols, n->c[0], lines ? PITCH : 1);
    for (int64_t line = 0; line < GROUPS * ROWS_MOST; line++)
        for (int64_t j = 0; j < PITCH; j++) {
            int64_t i = rows - 1 - line / each, place = line % each;
            float wanted = n->before[line][j];
            if (line < rows * each && j < cols && place == 0)
                wanted = expected(n, i, j, kind & ~ADD) + (kind & ADD ? wanted : 0.0f); /* no ReLU then */
            else if (line < rows * each && j < cols && i % 3 != 2 && !(kind & ADD))
                wanted = 0.0f;
            if (n->c[line][j] != wanted)
                ck_abort_msg("%d rows with %d each, %d columns, kind %d: %g instead of %g at (%d,%d)", (int)rows, (int)each,
                             (int)cols, kind, (double)n->c[line][j], (double)wanted, (int)line, (int)j);
        }
}

START_TEST(test_places)
{
    const tn_own_tile *own = tn_conv_kernels()->tile;
    numbers *n = new_numbers();
    fill(own, n);
    locate(n, own->rows);
    for (int64_t each = 1; each <= GROUPS; each++)
        for (int64_t rows = 1; rows <= GROUPS * own->rows / each; rows++)
            for (int64_t cols = 5; cols <= 2 * WIDEST; cols += cols < WIDEST - 5 ? 9 : WIDEST - cols % WIDEST)
                for (int kind = 0; kind < KINDS; kind += 7 + (int)(rows + cols) % 5)
                    if (!(kind & PANEL) && (kind & (ADD | RELU)) != (ADD | RELU))
                        check_places(own, n, rows, each, cols, kind);
    free(n);
}
END_TEST

TN_SUITE("own tile", {test_sizes}, {test_kinds}, {test_beside}, {test_short}, {test_places})
