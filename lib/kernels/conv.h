/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Convolution and matrix products on BLIS's micro-kernel: numbers in, numbers out. Shapes have been checked. */
#ifndef TN_KERNELS_CONV_H
#define TN_KERNELS_CONV_H

#include "base/pool.h"
#include "kernels/sink.h"

#include <tinynet/layer.h> /* tn_activation */

/** A convolution's shape. x [N,H,W,C], w [R,S,C/groups,F], y [N,OH,OW,F]. */
typedef struct tn_conv_shape {
    int64_t n, h, w, c;
    int64_t r, s, f;
    int64_t oh, ow;
    int64_t stride_h, stride_w, dilation_h, dilation_w;
    int64_t pad_top, pad_left; /* bottom and right follow from oh and ow */
    int64_t groups;
} tn_conv_shape;

/** True if windows are more than a pixel apart, in either direction. */
static inline bool tn_conv_has_strides(const tn_conv_shape *s)
{
    return s->stride_h > 1 || s->stride_w > 1;
}

typedef enum tn_conv_pass { TN_CONV_FORWARD, TN_CONV_DATA, TN_CONV_FILTER } tn_conv_pass;

typedef enum tn_conv_algorithm { TN_CONV_GEMM, TN_CONV_WINOGRAD, TN_CONV_STRASSEN } tn_conv_algorithm;

#define TN_CONV_HALVES (-1) /* in the place of a tile: Strassen's product */

#define TN_CONV_NAME 26 /* bytes of an algorithm's name; three of them fit TN_OP_ALGORITHM */

/** What was chosen for one pass of one convolution. */
typedef struct tn_conv_plan {
    tn_conv_shape shape; /* n: the largest batch */
    tn_conv_pass pass;
    tn_conv_algorithm algorithm;
    int tile;              /* Winograd: output tile m of F(m, r); TN_CONV_HALVES; 0: plain sums */
    int threads;
    size_t scratch_bytes;  /* for all threads; TN_ALIGNMENT aligned */
    int64_t least_images;  /* with fewer in a call, what is done once a call (filters packed or transformed) shows */
    size_t prepared_bytes; /* of filters that tn_conv_prepare makes ready; 0: there is nothing to prepare */
    char name[TN_CONV_NAME]; /* "gemm", "winograd(4,3)", "winograd(4,3,2)" at stride 2, "strassen" */
} tn_conv_plan;

/** What the caller wants of a pass. */
typedef struct tn_conv_wishes {
    bool precise;  /* plain fp32 sums only */
    bool prepared; /* the caller keeps what tn_conv_prepare made of the filters from call to call; the gradient of the
                      filters reads none */
    int threads;
} tn_conv_wishes;

/** Choose algorithm and blocking for one pass. The choice depends on the largest batch, not on the threads.
 *  Errors    TN_ERR_OVERFLOW if the scratch does not fit */
TN_WARN_UNUSED tn_status tn_conv_plan_pass(const tn_conv_shape *shape, tn_conv_pass pass, const tn_conv_wishes *wishes,
                                           tn_conv_plan *out);

/** Plan a pass with a tile of somebody else's choice, one of tn_conv_candidates.
 *  Errors    TN_ERR_OVERFLOW if the scratch does not fit */
TN_WARN_UNUSED tn_status tn_conv_plan_tile(const tn_conv_shape *shape, tn_conv_pass pass, int tile,
                                           const tn_conv_wishes *wishes, tn_conv_plan *out);

/** Filters as the plan's pass wants them, forward or the gradient of the data: transformed, or packed.
 *  @param prepared  [plan->prepared_bytes] */
void tn_conv_prepare(const tn_conv_plan *plan, tn_pool *pool, const float *w, void *prepared);

/** y = act(conv(x, w) + bias). n <= plan->shape.n; bias NULL: none; activation: any but TN_SOFTMAX.
 *  @param prepared  of these very w; NULL if plan->prepared_bytes is 0 */
void tn_conv_forward(const tn_conv_plan *plan, tn_pool *pool, int64_t n, const float *x, const float *w,
                     const void *prepared, const float *bias, tn_activation activation, float *y, void *scratch);
/** dx = gradient by x. @param prepared  as in tn_conv_forward */
void tn_conv_data_gradient(const tn_conv_plan *plan, tn_pool *pool, int64_t n, const float *dy, const float *w,
                           const void *prepared, float *dx, void *scratch);
/** dw = gradient by w, or dw += with add. */
void tn_conv_filter_gradient(const tn_conv_plan *plan, tn_pool *pool, int64_t n, const float *x, const float *dy,
                             bool add, float *dw, void *scratch);

/** A matrix with any strides, in floats. */
typedef struct tn_matrix {
    const float *data;
    int64_t row_stride, col_stride;
} tn_matrix;

/** c[m,n] = act(alpha * a[m,k] b[k,n] + beta * c + bias[n]); c has unit column stride. beta 0: c is not read. */
typedef struct tn_matmul_args {
    int64_t m, n, k;
    tn_matrix a, b;
    float *c;
    int64_t ldc;
    float alpha, beta;
    const float *bias; /* NULL: none */
    tn_activation activation; /* any but TN_SOFTMAX */
    const tn_sink *sink;      /* takes c's place: k is at least 1, beta 0; NULL: none */
} tn_matmul_args;

/** Scratch for products of up to these sizes.
 *  Errors    TN_ERR_OVERFLOW */
TN_WARN_UNUSED tn_status tn_matmul_scratch(int64_t m, int64_t n, int64_t k, int threads, size_t *out);
/** The same for products with a sink. */
TN_WARN_UNUSED tn_status tn_matmul_sink_scratch(int64_t m, int64_t n, int64_t k, int threads, size_t *out);
void tn_matmul(tn_pool *pool, const tn_matmul_args *args, void *scratch);

#endif
