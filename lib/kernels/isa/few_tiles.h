/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Tiles of convolutions with few channels (few_tiles.c). */
#ifndef TN_ISA_FEW_TILES_H
#define TN_ISA_FEW_TILES_H

#include <stdbool.h>
#include <stdint.h>

/** `windows` windows, `step` floats apart, each `runs` runs of `run` numbers, which lie `run_step` apart. */
typedef struct tn_few_windows {
    const float *data;
    int64_t windows, step;
    int64_t runs, run, run_step;
} tn_few_windows;

/** Where results go: rows `pitch` apart, of `filters` numbers, as many as a tile is wide. */
typedef struct tn_few_end {
    int64_t pitch, filters;
    const float *bias; /* whole vectors */
    bool relu;         /* NaN stays NaN */
    bool past;         /* the caches; rows are aligned, whole vectors */
} tn_few_end;

/** Sums over `lines` lines of `windows` windows, which are step apart, and line_step from line to line. */
typedef struct tn_few_sums {
    const float *const *x; /* where each row's number lies in the first window */
    int64_t step, line_step, windows, lines;
    const float *dy; /* `filters` numbers of the first window; the windows' lie dy_step apart */
    int64_t dy_step, filters;
    const float *ahead; /* each window asks for a line of memory from here on, if filters fill two vectors or more; or NULL */
    float *sums; /* added to: rows sums_step apart, whole vectors */
    int64_t sums_step;
} tn_few_sums;

#define TN_FEW_SIX 6 /* numbers in a row of a gradient tile that takes pairs */

#define TN_FEW_VECTORS 4 /* of the widest tile that there is */

typedef struct tn_few_tiles {
    int64_t lanes; /* of a vector; tiles have as many vectors as their filters need, at most so many: */
    int64_t windows_vectors, sums_vectors;
    int64_t windows_at_full_rate; /* of a tile of windows where the core takes whole vectors: wider ones are slower there */
    int64_t sums[TN_FEW_VECTORS]; /* most rows of a gradient tile of one vector, two, .. */
    int64_t sixes;                /* of one that takes pairs of numbers */
    /** y[i * pitch + j] = act(bias[j] + sum over k of x[window i, k] v[k * (lanes of the tile) + j]), j < filters. */
    void (*forward)(const tn_few_windows *x, const float *v, const tn_few_end *end, float *y);
    /** sums[i * sums_step + j] += sum over windows of x[i][window] dy[window * dy_step + j], i < rows, j < filters. */
    void (*gradient)(const tn_few_sums *sums, int64_t rows);
    /** The same with up to lanes / 2 filters, two numbers in a vector: x[i] tells of TN_FEW_SIX that lie side by side, and
     *  number 2 p + n of them adds to sums[(3 i + p) * sums_step + 2 j + n]. */
    void (*gradient_pairs)(const tn_few_sums *sums, int64_t rows);
} tn_few_tiles;

#endif
