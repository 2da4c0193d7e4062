/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Convolution by Winograd's minimal filtering, square kernels and strides that winograd_matrices.h has matrices for.
 *
 *      Y = A^T [ sum_c (G g_c G^T) * (B^T d_c B) ] A      for each tile of m x m results from a x a points, a = (m - 1)
 *                                                         stride + r
 *
 *  The sum over channels is, for each of the a * a points, a product of matrices [tiles,C] [C,F], which are multiplied as
 *  the transforms leave them.
 *
 *  Errors, largest over largest value: a test holds them to the following, and where they stand in brackets, to those if
 *  each sum begins with a number that is larger than all others together
 *
 *                   forward             data gradient       filter gradient
 *      plain sums   2e-6   (5e-6)       2e-6   (3e-6)       2e-6
 *      Strassen's   5e-6   (6e-6)       5e-6   (8e-6)       3e-6      strassen.h
 *      F(2,3)       2e-6                2e-6                2e-6
 *      F(4,3)       8e-6   (1.2e-5)     8e-6   (1.2e-5)     5e-6
 *      F(6,3)       3e-5                3e-5                2e-5
 *      F(4,5)       2.5e-5 (3e-5)       2.5e-5 (3e-5)       2e-5
 *      F(2,7)       2e-5   (3e-5)       2e-5   (3e-5)       2.8e-5
 *      F(2,3,2)     2.5e-6              5e-6                2.5e-6    at stride 2
 *      F(4,3,2)     6e-6   (1.2e-5)     1.2e-5              4e-6
 *
 *  Source    Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016 */
#ifndef TN_KERNELS_WINOGRAD_H
#define TN_KERNELS_WINOGRAD_H

#include "kernels/arithmetic.h"
#include "kernels/conv.h"
#include "kernels/isa/conv_table.h"

/** Images that tiles are cut from or written to: [batch, h, w] pixels of `channels`, `pitch` floats apart. A tile is
 *  size x size pixels, the first from pixel (top,left), which may be outside, and the next ones `step` further. */
typedef struct tn_tiled_image {
    int64_t h, w, pitch, channels;
    int64_t size, step, top, left;
} tn_tiled_image;

/** One pass as tiles. Forward and data gradient read `in` and write `out`; the filter gradient reads both. */
typedef struct tn_winograd {
    const tn_winograd_maps *maps;
    tn_winograd_pixels *data; /* of this pass */
    tn_winograd_map *output;
    tn_winograd_results *results;
    int64_t r, a, points;       /* points = a * a */
    int64_t e, filter_points;   /* of transformed filters, e * e: the last of each direction is that of all from it on */
    int64_t batch;
    tn_tiled_image in, out;     /* channels: of a group */
    int64_t tiles_h, tiles_w, tiles;
    int64_t s, v;               /* rows and lanes of the tile of products */
} tn_winograd;

/** The maps of F(m,r) with the shape's taps and stride for the instruction set in use; NULL if there are none. */
const tn_winograd_maps *tn_winograd_find(const tn_conv_shape *shape, int64_t m);
/** True if these maps can do this convolution. */
bool tn_winograd_fits(const tn_winograd_maps *maps, const tn_conv_shape *shape);
/** shape->n is the batch. */
tn_winograd tn_winograd_of(const tn_conv_shape *shape, tn_conv_pass pass, int64_t m);

/** Scratch of one pass with tiles of m; prepared: without room for transformed filters.
 *  Errors    TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_winograd_scratch(const tn_conv_shape *shape, tn_conv_pass pass, int64_t m, bool prepared,
                                             int threads, size_t *out);
/** Bytes of the transformed filters of all groups, one group after another; of rotated ones for the data gradient.
 *  Errors    TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_winograd_prepared(const tn_conv_shape *shape, tn_conv_pass pass, int64_t m, size_t *out);

/* As tn_conv_prepare, tn_conv_forward and its gradients; shape->n is the batch. */
void tn_winograd_prepare(const tn_conv_shape *shape, tn_conv_pass pass, int64_t m, tn_pool *pool, const float *w,
                         void *prepared);
void tn_winograd_forward(const tn_conv_shape *shape, int64_t m, tn_pool *pool, const float *x, const float *w,
                         const void *prepared, const float *bias, tn_activation activation, float *y, void *scratch);
void tn_winograd_data(const tn_conv_shape *shape, int64_t m, tn_pool *pool, const float *dy, const float *w,
                      const void *prepared, float *dx, void *scratch);
void tn_winograd_filter(const tn_conv_shape *shape, int64_t m, tn_pool *pool, const float *x, const float *dy, bool add,
                        float *dw, void *scratch);

/* ---- between the files of winograd ---- */

/** Most points of any F(m,r), and channels that transforms take at once. */
#define TN_WINOGRAD_POINTS 81
#define TN_WINOGRAD_CHUNK 64

/** Where the pixels of tile (row,col) of an image lie, whose pixel (0,0) is `first`; outside of it, zeros. */
void tn_winograd_find_pixels(const tn_tiled_image *image, const float *first, int64_t row, int64_t col,
                             const float *zeros, const float **pixels);
/** Channels [from, from + width), width < TN_MAP_CHUNK, of `count` pixels, with zeros behind them: transforms read whole
 *  chunks. The pixels are now those copies. */
void tn_winograd_copy_rest(int64_t count, int64_t from, int64_t width, float *aside, const float **pixels);

/** Tile number t's image and place in units of tiles. */
static inline void tn_winograd_place(const tn_winograd *wg, int64_t t, int64_t *n, int64_t *row, int64_t *col)
{
    *col = t % wg->tiles_w;
    *row = t / wg->tiles_w % wg->tiles_h;
    *n = t / wg->tiles_w / wg->tiles_h;
}

/** The number'th point of the data in an order in which those that meet the same point of the filters follow one
 *  another: the rows from e - 1 on are gone through column by column. */
static inline int64_t tn_winograd_point(const tn_winograd *wg, int64_t number)
{
    int64_t head = (wg->e - 1) * wg->a, rows = wg->a - wg->e + 1, rest = number - head;
    return number < head ? number : head + rest % rows * wg->a + rest / rows;
}

/** Which of the filters' points is multiplied by a point of the data. */
static inline int64_t tn_winograd_filter_point(const tn_winograd *wg, int64_t point)
{
    return tn_min(point / wg->a, wg->e - 1) * wg->e + tn_min(point % wg->a, wg->e - 1);
}

/** Floats of one point of the transformed filters [point][out panel][in channel][V], and of all of them. */
int64_t tn_winograd_filter_stride(const tn_winograd *wg);
int64_t tn_winograd_filter_floats(const tn_winograd *wg);
/** Transform the filters of a group (w points at its first), rotated with channels and filters swapped for the data
 *  gradient, by all threads of the pool. */
void tn_winograd_transform_filters(const tn_winograd *wg, tn_pool *pool, const float *w, int64_t filters, bool rotated,
                                   float *out);

/** Scratch of the parts. */
TN_WARN_UNUSED tn_status tn_winograd_forward_scratch(const tn_winograd *wg, bool prepared, int threads, size_t *out);
TN_WARN_UNUSED tn_status tn_winograd_filter_scratch(const tn_winograd *wg, int threads, size_t *out);

#endif
