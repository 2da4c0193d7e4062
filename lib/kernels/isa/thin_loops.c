/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The inner loop of products with few rows: rows of W are read once, as they lie, and added to all rows of Y. Built once
 *  for each instruction set, with fused multiply-adds. */
#include "kernels/isa/conv_table.h"
#include "kernels/isa/simd.h"

void TN_ISA(tn_thin_product)(const float *x, int64_t x_stride, int64_t rows, const float *w, int64_t w_stride,
                             int64_t depth, float *y, int64_t y_stride, int64_t count);

#define CHUNK 1024 /* columns: so many of each of DEEP rows of W stay in the L2 cache while the rows of Y pass */
#define DEEP 8    /* rows of W that are added at once: as many streams from memory, and one pass over Y */

/** y[j] += sum over k < DEEP of x[k] w[k,j], in order. */
ALWAYS_INLINE void add_deep(const float *x, const float *w, int64_t w_stride, float *y, int64_t count)
{
    vec a[DEEP];
    for (int k = 0; k < DEEP; k++)
        a[k] = splat(x[k]);
    for (int64_t j = 0; j < count; j += TN_LANES) {
        int64_t lanes = count - j;
        vec sum = load_some(y + j, lanes);
        for (int k = 0; k < DEEP; k++)
            sum = add_product(sum, a[k], load_some(w + k * w_stride + j, lanes));
        store_some(sum, y + j, lanes);
    }
}

ALWAYS_INLINE void add_one(float x, const float *w, float *y, int64_t count)
{
    for (int64_t j = 0; j < count; j += TN_LANES) {
        int64_t lanes = count - j;
        store_some(add_product(load_some(y + j, lanes), splat(x), load_some(w + j, lanes)), y + j, lanes);
    }
}

static void add_chunk(const float *x, int64_t x_stride, int64_t rows, const float *w, int64_t w_stride, int64_t depth,
                      float *y, int64_t y_stride, int64_t count)
{
    for (int64_t i = 0; i < rows; i++, x += x_stride, y += y_stride) {
        if (depth == DEEP) {
            add_deep(x, w, w_stride, y, count);
            continue;
        }
        for (int64_t k = 0; k < depth; k++)
            add_one(x[k], w + k * w_stride, y, count);
    }
}

void TN_ISA(tn_thin_product)(const float *x, int64_t x_stride, int64_t rows, const float *w, int64_t w_stride,
                             int64_t depth, float *y, int64_t y_stride, int64_t count)
{
    for (int64_t k = 0; k < depth; k += DEEP, x += DEEP, w += DEEP * w_stride) {
        int64_t deep = depth - k < DEEP ? depth - k : DEEP;
        for (int64_t j = 0; j < count; j += CHUNK)
            add_chunk(x, x_stride, rows, w + j, w_stride, deep, y + j, y_stride,
                      count - j < CHUNK ? count - j : CHUNK);
    }
}
