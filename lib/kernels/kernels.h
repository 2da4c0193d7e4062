/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The kernels beside the products: element-wise, pooling, softmax, reductions, resize. Numbers in, numbers out, shapes
 *  have been checked, nothing fails. Each is a function that splits its work over the pool and calls the table that was
 *  chosen for the CPU (isa.h). Results do not depend on the number of threads. */
#ifndef TN_KERNELS_KERNELS_H
#define TN_KERNELS_KERNELS_H

#include "base/pool.h"

#include <tinynet/layer.h> /* tn_activation */

/** y = act(x) element by element (not TN_SOFTMAX); y may be x. */
void tn_activate(tn_pool *pool, tn_activation activation, const float *x, float *y, int64_t count);
/** dx = dy * act'(x), from y = act(x) (not TN_SOFTMAX); dx may be dy. ReLU: dx = y <= 0 ? 0 : dy. */
void tn_activate_gradient(tn_pool *pool, tn_activation activation, const float *y, const float *dy, float *dx,
                          int64_t count);

/** Softmax over the middle of [outer, axis, inner]; y may be x. */
void tn_softmax(tn_pool *pool, const float *x, float *y, int64_t outer, int64_t axis, int64_t inner);
void tn_log_softmax(tn_pool *pool, const float *x, float *y, int64_t outer, int64_t axis, int64_t inner);
/** dx = y (dy - sum(y dy)); dx may be dy. */
void tn_softmax_gradient(tn_pool *pool, const float *y, const float *dy, float *dx, int64_t outer, int64_t axis,
                         int64_t inner);

/** A pooling's shape: x [N,H,W,C], y [N,OH,OW,C]; a window has up to INT32_MAX positions. */
typedef struct tn_pool_shape {
    int64_t n, h, w, c;
    int64_t window_h, window_w, stride_h, stride_w, dilation_h, dilation_w;
    int64_t pad_top, pad_left, pad_bottom, pad_right; /* as given; ceil mode may reach beyond */
    int64_t oh, ow;
    bool count_padding;
} tn_pool_shape;

/** Bytes of max pooling's saved indices: window positions r * window_w + s, one byte each where they fit. */
TN_WARN_UNUSED tn_status tn_max_pool_index_bytes(const tn_pool_shape *shape, size_t *out);
/** y = maximum; the first in window order among equals; the first NaN if there is one. index NULL: not wanted. */
void tn_max_pool(tn_pool *pool, const tn_pool_shape *shape, const float *x, float *y, void *index);
void tn_max_pool_gradient(tn_pool *pool, const tn_pool_shape *shape, const float *dy, const void *index, float *dx);
void tn_avg_pool(tn_pool *pool, const tn_pool_shape *shape, const float *x, float *y);
void tn_avg_pool_gradient(tn_pool *pool, const tn_pool_shape *shape, const float *dy, float *dx);

/** db[f] = sum over rows of dy[rows,f], in a fixed order (db += with add). */
void tn_bias_gradient(tn_pool *pool, const float *dy, int64_t rows, int64_t f, bool add, float *db, void *scratch);
/** Scratch of tn_bias_gradient. */
TN_WARN_UNUSED tn_status tn_bias_gradient_scratch(int64_t rows, int64_t f, size_t *out);

/** y[i] = keep(i) ? x[i] * scale : 0; keep(i): tn_uniform(tn_philox(key, step, (first + i) / 4)[(first + i) % 4]) >=
 *  rate. y may be x. The same call on dy is the gradient. */
void tn_dropout_random(tn_pool *pool, uint64_t key, uint64_t step, float rate, const float *x, float *y, int64_t count);
/** y[i] = mask[i] ? x[i] / (1 - rate) : 0. */
void tn_dropout_mask(tn_pool *pool, const uint8_t *mask, float rate, const float *x, float *y, int64_t count);

/** Bilinear resize, half-pixel centres, edges clamped: x [N,H,W,C] to y [N,OH,OW,C], times scale. */
typedef struct tn_resize_shape {
    int64_t n, h, w, c, oh, ow;
} tn_resize_shape;
void tn_resize_f32(tn_pool *pool, const tn_resize_shape *shape, const float *x, float scale, float *y);
void tn_resize_u8(tn_pool *pool, const tn_resize_shape *shape, const uint8_t *x, float scale, float *y);
/** y = x * scale, from bytes. */
void tn_scale_u8(tn_pool *pool, const uint8_t *x, float scale, float *y, int64_t count);

/** y += x; used where gradients are added. */
void tn_add(tn_pool *pool, const float *x, float *y, int64_t count);
/** sum of squares in double, in a fixed order that depends on count alone. scratch: none. */
double tn_sum_squares(tn_pool *pool, const float *x, int64_t count);

#endif
