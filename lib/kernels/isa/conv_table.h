/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The inner loops of the convolutions and products that are built once for each instruction set: packing, Winograd's
 *  transforms, products with few rows, epilogues. */
#ifndef TN_ISA_CONV_TABLE_H
#define TN_ISA_CONV_TABLE_H

#include "kernels/isa/few_tiles.h"

#include <stdbool.h>
#include <stdint.h>

/** Vectors of transforms come in multiples of this many floats on every instruction set. */
#define TN_MAP_CHUNK 16

/** A linear map T [rows,cols] in both dimensions, out = T in T^T, on count (a multiple of TN_MAP_CHUNK) independent
 *  columns of numbers. in[i][j] starts at in + i * in_row + j * in_col, out[i][j] at out + (i * rows + j) * out_point. */
typedef void tn_winograd_map(const float *in, int64_t in_row, int64_t in_col, float *out, int64_t out_point,
                             int64_t count);

/** The transforms of one F(m,r), a = m + r - 1. */
typedef struct tn_winograd_maps {
    int m, r;
    tn_winograd_map *data;            /* B^T: [a,a] to [a,a] */
    tn_winograd_map *filter;          /* G: [r,r] to [a,a] */
    tn_winograd_map *output;          /* A^T: [a,a] to [m,m] */
    tn_winograd_map *output_gradient; /* A: [m,m] to [a,a] */
    tn_winograd_map *filter_gradient; /* G^T: [a,a] to [r,r] */
} tn_winograd_maps;

/** What becomes of a tile's sums. */
typedef struct tn_tile_end {
    bool add;          /* to c, then the rest */
    bool relu;         /* NaN stays NaN */
    const float *bias; /* [lanes], NULL: none */
} tn_tile_end;

/** A tile of a product that reads one side where it lies. */
typedef struct tn_in_place {
    int64_t rows, lanes; /* of the tile */
    /** c[i * ldc + j] = sum over t < runs, k < run of rows[t * rows + i][k] v[(t * run + k) * lanes + j]. */
    void (*tile)(const float *const *rows, int64_t runs, int64_t run, const float *v, const tn_tile_end *end, float *c,
                 int64_t ldc);
} tn_in_place;

typedef struct tn_conv_table {
    /** out[k * lanes + i] = rows[i][k]: `lanes` rows side by side, a panel. */
    void (*interleave)(const float *const *rows, int64_t lanes, int64_t count, float *out);
    /** out[k * lanes + i] = from[k * stride + i] for i < width <= lanes, k < count; beyond width nothing is written. */
    void (*copy_rows)(const float *from, int64_t stride, int64_t width, int64_t count, int64_t lanes, float *out);
    /** The same into whole panels: number i of row k goes to out[i / lanes * panel + k * step + i % lanes], i < panels *
     *  lanes. */
    void (*copy_panels)(const float *from, int64_t stride, int64_t count, int64_t panels, int64_t lanes, float *out,
                        int64_t step, int64_t panel);
    /** to[k * to_stride + i] += from[k * stride + i] for i < width, k < count; width <= to_stride. */
    void (*add_rows)(const float *from, int64_t stride, int64_t width, int64_t count, int64_t to_stride, float *to);
    /** y[i] = x[i] + bias[i], then max(.,0) with relu (NaN stays NaN); bias NULL: none; y may be x. */
    void (*finish)(const float *x, const float *bias, bool relu, float *y, int64_t count);
    /** y[i] += x[i]. */
    void (*accumulate)(const float *x, float *y, int64_t count);
    /** y[i,j] += sum over k < depth of x[i * x_stride + k] w[k * w_stride + j], for i < rows, j < count, in the order of
     *  k. */
    void (*thin_product)(const float *x, int64_t x_stride, int64_t rows, const float *w, int64_t w_stride, int64_t depth,
                         float *y, int64_t y_stride, int64_t count);
    const tn_in_place *in_place;
    const tn_few_tiles *few;
    const tn_winograd_maps *winograd; /* ends with m = 0 */
} tn_conv_table;

extern const tn_conv_table tn_conv_table_generic, tn_conv_table_avx2, tn_conv_table_avx512;

#endif
