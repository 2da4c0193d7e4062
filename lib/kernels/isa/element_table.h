/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The inner loops of element-wise operations, softmax, pooling, reductions and resizing, built once for each
 *  instruction set. All sets give the same bits. */
#ifndef TN_ISA_ELEMENT_TABLE_H
#define TN_ISA_ELEMENT_TABLE_H

#include <stddef.h>
#include <stdint.h>

/** A walk over the pixels of a window that lie inside the image, or over the results whose windows cover a pixel. */
typedef struct tn_window_walk {
    int64_t first;              /* floats from the array's start to the first one's first channel */
    int64_t rows, cols;         /* at least one pixel; possibly no result */
    int64_t row_step, col_step; /* floats from one to the next */
    int32_t position;           /* place in the window, r * window_w + s, of the first */
    int32_t row_position, col_position; /* and what each step adds to it */
} tn_window_walk;

/** The windows along one dimension: number i covers pixels [begin + i * step, begin + i * step + size) within
 *  [low, high). */
typedef struct tn_window_extent {
    int64_t begin, step, size, low, high;
} tn_window_extent;

typedef struct tn_element_table {
    /* y = act(x), element by element; y may be x. */
    void (*relu)(const float *x, float *y, int64_t count);
    void (*sigmoid)(const float *x, float *y, int64_t count);
    void (*tanh)(const float *x, float *y, int64_t count);
    /* dx from y and dy; dx may be dy. */
    void (*relu_gradient)(const float *y, const float *dy, float *dx, int64_t count);
    void (*sigmoid_gradient)(const float *y, const float *dy, float *dx, int64_t count);
    void (*tanh_gradient)(const float *y, const float *dy, float *dx, int64_t count);

    /** y = exp(x), for tests of its error. */
    void (*exp)(const float *x, float *y, int64_t count);
    /** Softmax of one contiguous vector, or its logarithm. */
    void (*softmax)(const float *x, float *y, int64_t count);
    void (*log_softmax)(const float *x, float *y, int64_t count);
    void (*softmax_gradient)(const float *y, const float *dy, float *dx, int64_t count);
    /** The same for `width` vectors side by side, their elements `stride` apart. */
    void (*softmax_columns)(const float *x, float *y, int64_t count, int64_t stride, int64_t width);
    void (*log_softmax_columns)(const float *x, float *y, int64_t count, int64_t stride, int64_t width);
    void (*softmax_gradient_columns)(const float *y, const float *dy, float *dx, int64_t count, int64_t stride,
                                     int64_t width);

    /** y = maximum over a window, and its position in `index` (index_size bytes each; NULL: not wanted). */
    void (*max_pixel)(const float *x, const tn_window_walk *walk, int64_t channels, float *y, void *index,
                      size_t index_size);
    /** dx = sum of the dy whose index is this pixel's position. */
    void (*max_pixel_gradient)(const float *dy, const void *index, size_t index_size, const tn_window_walk *walk,
                               int64_t channels, float *dx);
    /** y = sum over a window / divisor. */
    void (*avg_pixel)(const float *x, const tn_window_walk *walk, float divisor, int64_t channels, float *y);
    /** dx = sum of dy / (pixels of its window, by rows and columns). */
    void (*avg_pixel_gradient)(const float *dy, const tn_window_walk *walk, const tn_window_extent *rows,
                               const tn_window_extent *cols, int64_t channels, float *dx);

    /** sum[f] = sum over rows of x[row * stride + f], f < width, in blocks of TN_ROW_BLOCK rows. */
    void (*sum_rows)(const float *x, int64_t rows, int64_t stride, int64_t width, float *sum);
    /** y += x. */
    void (*add)(const float *x, float *y, int64_t count);
    double (*sum_squares)(const float *x, int64_t count);

    /** y = keep ? x * scale : 0 for `count` elements from `first`, a multiple of TN_PHILOX_RUN. */
    void (*dropout)(uint64_t key, uint64_t step, uint32_t threshold, float scale, int64_t first, int64_t count,
                    const float *x, float *y);
    /** y = mask ? x / divisor : 0. */
    void (*dropout_mask)(const uint8_t *mask, float divisor, const float *x, float *y, int64_t count);

    /** y = x * scale. */
    void (*scale_bytes)(const uint8_t *x, float scale, float *y, int64_t count);
    /** y = (a + (b - a) * part) * scale. */
    void (*blend)(const float *a, const float *b, float part, float scale, float *y, int64_t count);
} tn_element_table;

static inline int64_t tn_window_pixels(const tn_window_extent *extent, int64_t i)
{
    int64_t from = extent->begin + i * extent->step, to = from + extent->size;
    return (to < extent->high ? to : extent->high) - (from > extent->low ? from : extent->low);
}

#define TN_ROW_BLOCK 64
#define TN_PHILOX_RUN 32

extern const tn_element_table tn_element_table_generic, tn_element_table_avx2, tn_element_table_avx512;

/** The table of the instruction set in use. */
const tn_element_table *tn_element_kernels(void);

#endif
