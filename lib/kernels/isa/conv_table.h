/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The inner loops of the convolutions and products that are built once for each instruction set: packing, Winograd's
 *  transforms, products with few rows, depthwise filters, epilogues. */
#ifndef TN_ISA_CONV_TABLE_H
#define TN_ISA_CONV_TABLE_H

#include "kernels/isa/depthwise_loops.h"
#include "kernels/isa/few_tiles.h"

#include <stdbool.h>
#include <stdint.h>

/** Vectors of transforms come in multiples of this many floats on every instruction set. */
#define TN_MAP_CHUNK 16

/** A linear map T [rows,cols] in both dimensions, out = T in T^T, on count (a multiple of TN_MAP_CHUNK) independent
 *  columns of numbers. in[i][j] starts at in + i * in_row + j * in_col, out[i][j] at out + (i * rows + j) * out_point. */
typedef void tn_winograd_map(const float *in, int64_t in_row, int64_t in_col, float *out, int64_t out_point,
                             int64_t count);

/** The same from numbers that lie anywhere: in[i][j] starts at pixels[i * cols + j]. Meanwhile those `ahead` of them,
 *  which may be anywhere, are asked for. */
typedef void tn_winograd_pixels(const float *const *pixels, int64_t ahead, float *out, int64_t out_point,
                                int64_t count);

/** Row `row` of a map alone, from numbers that lie anywhere: out[row][j] at out + j * out_point. */
typedef void tn_winograd_row(const float *const *pixels, int row, float *out, int64_t out_point, int64_t count);

/** A map whose results are scattered: out[i][j] + bias, then max(.,0) with relu (NaN stays NaN), goes to places[i * rows +
 *  j]. bias NULL: none. */
typedef void tn_winograd_results(const float *in, int64_t in_row, int64_t in_col, const float *bias, bool relu,
                                 float *const *places, int64_t count);

/** The transforms of F(m,r) at one stride: a = (m - 1) stride + r points in each direction. At stride 2 the last m of
 *  them multiply by the same tap, which is one number of the transformed filter: that has e = m + 2; at stride 1, e = a. */
typedef struct tn_winograd_maps {
    int m, r, stride;
    tn_winograd_pixels *data;         /* B^T: [a,a] to [a,a] */
    tn_winograd_map *filter;          /* G: [r,r] to [e,e] */
    tn_winograd_map *output;          /* A^T: [a,a] to [m,m] */
    tn_winograd_map *filter_gradient; /* G^T: [a,a] to [r,r] */
    tn_winograd_map *filter_past;     /* as filter, past the caches where the instruction set and alignment allow */
    tn_winograd_results *results;     /* as output */
    tn_winograd_row *data_row;        /* a row of data */
    tn_winograd_row *gradient_row;    /* a row of A: [m,m] to [a,a] */
    /* Of the gradient of the data, which at stride 1 is a convolution like the forward one. At stride 2: */
    tn_winograd_pixels *back_data;     /* [m + 1,m + 1] to [a,a] */
    tn_winograd_map *back_output;      /* [a,a] to [2m,2m] */
    tn_winograd_results *back_results; /* as back_output */
} tn_winograd_maps;

/** Rows of memory, `stride` floats apart. */
typedef struct tn_region {
    const float *data;
    int64_t rows, width, stride;
} tn_region;

/** Columns as they lie, and panels of them: number j of row k is copied to to[(j / lanes * from.rows + k) * lanes + j % lanes];
 *  whole panels. No rows: nothing. */
typedef struct tn_tile_copies {
    tn_region from;
    float *to;
} tn_tile_copies;

/** What becomes of the sums of tiles, and what is asked for meanwhile. */
typedef struct tn_tile_end {
    bool add;          /* to c, then the rest */
    bool relu;         /* NaN stays NaN */
    const float *bias; /* [cols], NULL: none */
    bool asks_c;       /* where rows are not packed, lines of c are asked for: it is far away, and there is time */
    bool past;         /* with places: whole lines of c that are not read may go past the caches */
    int64_t asks;      /* groups after the first one whose rows are asked for; those at places may be one more */
    tn_region beside;  /* with rows side by side, asked for before `ahead`: a line of each of its rows, in the same runs, then
                          the next of each */
    tn_region ahead;   /* asked for likewise, as far as time allows; with places: whole lines, one after another */
    tn_tile_copies copies; /* with rows side by side: done meanwhile */
} tn_tile_end;

#define TN_WIDEST_TILE 64 /* columns, of any instruction set */

/** Rows and runs that a group has of those that groups have at most. */
typedef struct tn_tile_group {
    int64_t rows, runs;
    const int64_t *skips; /* [runs]: before each of them, floats of a panel of columns whose k are left out */
} tn_tile_group;

/** Rows of tiles, in groups of up to tn_own_tile.rows: row i of a group begins its run t at places[t * group + i], and the
 *  next group's follow after `runs`; or each group is a packed panel; or all rows are one group, side by side for each
 *  k, and the columns need not be panels either. */
typedef struct tn_tile_rows {
    int64_t count, group;
    const float *const *places; /* NULL: packed, in one run, or side by side */
    const float *side;          /* [count / rows, run, tn_own_tile.rows]; with a step, as run_step says */
    int64_t runs, run;
    int64_t step, v_step, v_apart; /* 0: packed; v_step: of columns from k to k, v_apart: from panel to panel */
    int64_t run_step;              /* with a step, from run to run: number k of run t at t * run_step + k * step + i */
    const int64_t *at; /* with places: [count, each], floats from c to each row of the result, and to `each` - 1 rows of zeros
                          that are written before its sums, unless these are added; no zeros where that is the row itself.
                          Zeros of whole lines go past the caches, for which all must be multiples of ldc. NULL: rows are
                          ldc apart */
    int64_t each; /* 1 or more */
    const tn_tile_group *groups; /* with places, which have room for all rows and runs of each group; NULL: all have all */
} tn_tile_rows;

/** Tiles of a product. */
typedef struct tn_own_tile {
    int64_t rows, lanes;
    int64_t widest_rows; /* of the widest tiles */
    int64_t whole; /* columns that are not in panels are a multiple of it */
    int64_t past;  /* columns of tiles that go past the caches, whole lines; 0: none do */
    /** c[i * ldc + j] = sum over t < runs, k < run of row i's number k of run t by v[(t * run + k) * lanes + j], for i <
     *  count, j < cols; columns from lanes on are those of the panels that follow. With a step: by
     *  v[(t * run + k) * v_step + j], columns from lanes on at v + v_apart. With rows->at, row i begins at c + at[i * each]. */
    void (*multiply)(const tn_tile_rows *rows, const float *v, const tn_tile_end *end, int64_t cols, float *c,
                     int64_t ldc);
} tn_own_tile;

/** The sides of a tile that both lie where they were written. */
typedef struct tn_tile_sides {
    const float *a; /* across: number k of row i at a[i * a_stride + k]; along: at a[k * a_stride + i] */
    int64_t a_stride;
    const float *b; /* number k of column j at b[k * b_stride + j] */
    int64_t b_stride;
    int64_t depth; /* of the sum */
    /* What to fetch into the L2 cache meanwhile, so many floats of each with each k; any place will do. */
    const float *next_a, *next_b;
    int64_t next_a_step, next_b_step;
    int64_t next_b_run, next_b_jump; /* in streams: after every so many k, it goes so much further; run 0: never */
} tn_tile_sides;

/** Tiles of products of matrices that are not packed: c[i * ldc + j] = sum over k, or += with add, for i <
 *  tn_direct_rows(rows). */
typedef struct tn_direct_tile {
    int64_t rows, lanes; /* of the tile */
    void (*across)(const tn_tile_sides *sides, int64_t rows, bool add, float *c, int64_t ldc);
    void (*along)(const tn_tile_sides *sides, int64_t rows, bool add, float *c, int64_t ldc);
    void (*stream)(const tn_tile_sides *sides, int64_t rows, bool add, float *c, int64_t ldc); /* across */
    void (*stream_along)(const tn_tile_sides *sides, int64_t rows, bool add, float *c, int64_t ldc);
} tn_direct_tile;

/** Rows that are computed where `rows` are wanted: thirds of a tile. */
static inline int64_t tn_direct_rows(const tn_direct_tile *tile, int64_t rows)
{
    return rows <= tile->rows / 3 ? tile->rows / 3 : rows <= 2 * tile->rows / 3 ? 2 * tile->rows / 3 : tile->rows;
}

#define TN_STRASSEN_PRODUCTS 7
#define TN_STRASSEN_SUMS 5

/** The products M0 to M6 of strassen.c, [rows,cols] each, `apart` floats from one to the next, and where they are put
 *  together. */
typedef struct tn_strassen_end {
    const float *products;
    int64_t apart;
    int64_t right, below; /* from C11 to C12 and to C21, in floats */
    int64_t ldc;
    bool add;          /* to C */
    const float *bias; /* of C11's columns, C12's `right` further; NULL: none */
    bool relu;         /* NaN stays NaN */
} tn_strassen_end;

typedef struct tn_conv_table {
    /** Sums of quarters, 11, 12, 21 and 22: 11 + 22, 21 + 22, 11 + 12, 21 - 11, 12 - 22, of `rows` rows of `count` numbers,
     *  from_step and to_step apart. The last two may be where 21 and 12 are. */
    void (*strassen_sums)(const float *const from[4], int64_t from_step, float *const to[TN_STRASSEN_SUMS], int64_t to_step,
                          int64_t rows, int64_t count);
    /** C11 = M0 + M3 - M4 + M6, C12 = M2 + M4, C21 = M1 + M3, C22 = M0 - M1 + M2 + M5: `rows` rows of the upper quarters and
     *  `lower` of the others; cols: a multiple of tn_own_tile.lanes. */
    void (*strassen_end)(const tn_strassen_end *end, int64_t rows, int64_t lower, int64_t cols, float *c);
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
    const tn_own_tile *tile;
    const tn_direct_tile *direct;
    const tn_few_tiles *few;
    const tn_depthwise_loops *depthwise;
    const tn_winograd_maps *winograd; /* ends with m = 0 */
} tn_conv_table;

extern const tn_conv_table tn_conv_table_generic, tn_conv_table_avx2, tn_conv_table_avx512;

#endif
