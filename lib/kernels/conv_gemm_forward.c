/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The forward pass as a product: y[(n,i,j), f] = sum_k x[window (n,i,j), k] w[k, f], k = (r,s,c).
 *
 *  The filters [R,S,C,F] are that matrix as they lie in memory; they take the vector side and are packed once. Windows
 *  take the scalar side. (Few filters: the other way round, see product.h.) One product for each group.
 *
 *  Prepared filters are the packed panels of all groups, one group after another. Few channels (conv_few.h) and
 *  depthwise filters (conv_depthwise.h) go other ways. */
#include "kernels/conv_gemm.h"

#include "base/memory.h"
#include "base/status.h"
#include "kernels/conv_depthwise.h"
#include "kernels/conv_few.h"
#include "kernels/conv_windows.h"
#include "kernels/product.h"

/* One group's filters: [k, f] with a row stride of all filters. */
typedef struct filter_matrix {
    const float *w;
    int64_t stride;
} filter_matrix;

static void pack_filters(const void *source, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t lanes,
                         float *out)
{
    const filter_matrix *filters = source;
    tn_pack_along(filters->w + k0 * filters->stride + first, filters->stride, count, kn, lanes, out);
}

static tn_windows forward_windows(const tn_conv_shape *s)
{
    return (tn_windows){
        .h = s->h, .w = s->w, .pitch = s->c, .channels = s->c / s->groups,
        .rows = s->oh, .cols = s->ow, .taps_h = s->r, .taps_w = s->s,
        .stride_h = s->stride_h, .stride_w = s->stride_w, .dilation_h = s->dilation_h, .dilation_w = s->dilation_w,
        .top = -s->pad_top, .left = -s->pad_left,
    };
}

static tn_product product_of(const tn_conv_shape *s)
{
    const tn_windows windows = forward_windows(s);
    return (tn_product){.m = s->n * s->oh * s->ow,
                        .n = s->f / s->groups,
                        .k = s->r * s->s * (s->c / s->groups),
                        .pack_a = tn_windows_pack,
                        .pack_b = pack_filters,
                        .locate_a = tn_windows_locate,
                        .run_a = tn_windows_run(&windows),
                        .ldc = s->f,
                        .alpha = 1.0f};
}

tn_status tn_conv_gemm_forward_scratch(const tn_conv_shape *s, int threads, size_t *out)
{
    if (tn_conv_few_applies(s))
        return tn_conv_few_forward_scratch(s, threads, out);
    if (tn_conv_depthwise_applies(s)) {
        *out = 0;
        return TN_OK;
    }
    tn_product product = product_of(s);
    tn_window_order order = {.windows = forward_windows(s)};
    TN_TRY(tn_product_scratch(&product, threads, out));
    tn_windows_order(&product, &order); /* not with every activation */
    size_t ordered;
    TN_TRY(tn_product_scratch(&product, threads, &ordered));
    *out = *out < ordered ? ordered : *out;
    return TN_OK;
}

tn_status tn_conv_gemm_forward_prepared(const tn_conv_shape *s, size_t *out)
{
    if (tn_conv_few_applies(s)) {
        *out = tn_conv_few_prepared(s);
        return TN_OK;
    }
    if (tn_conv_depthwise_applies(s)) {
        *out = 0;
        return TN_OK;
    }
    tn_product product = product_of(s);
    size_t group;
    TN_TRY(tn_product_packed(&product, &group));
    if (!tn_mul_size(group, (size_t)s->groups, out))
        return TN_FAIL(TN_ERR_OVERFLOW, "prepared filters of %lld groups do not fit", (long long)s->groups);
    return TN_OK;
}

void tn_conv_gemm_forward_prepare(const tn_conv_shape *s, tn_pool *pool, const float *w, void *prepared)
{
    if (tn_conv_few_applies(s)) {
        tn_conv_few_prepare(s, w, prepared);
        return;
    }
    if (tn_conv_depthwise_applies(s))
        return;
    tn_product product = product_of(s);
    int64_t floats = tn_product_packed_floats(&product);
    for (int64_t group = 0; group < s->groups; group++) {
        filter_matrix matrix = {w + group * product.n, s->f};
        product.b = &matrix;
        tn_product_pack(pool, &product, (float *)prepared + group * floats);
    }
}

void tn_conv_gemm_forward(const tn_conv_shape *s, tn_pool *pool, const float *x, const float *w, const void *prepared,
                          const float *bias, tn_activation activation, float *y, void *scratch)
{
    if (tn_conv_few_applies(s)) {
        tn_conv_few_forward(s, pool, x, w, prepared, bias, activation, y, scratch);
        return;
    }
    if (tn_conv_depthwise_applies(s)) {
        tn_conv_depthwise_forward(s, pool, x, w, bias, activation, y);
        return;
    }
    tn_product product = product_of(s);
    int64_t floats = prepared ? tn_product_packed_floats(&product) : 0;
    product.activation = activation;
    tn_window_order order = {.windows = forward_windows(s)};
    tn_windows_order(&product, &order);
    for (int64_t group = 0; group < s->groups; group++) {
        order.windows.images = x + group * (s->c / s->groups);
        filter_matrix matrix = {w + group * product.n, s->f};
        product.a = &order;
        product.b = &matrix;
        product.packed_b = prepared ? (const float *)prepared + group * floats : NULL;
        product.c = y + group * product.n;
        product.bias = bias ? bias + group * product.n : NULL;
        tn_product_run(pool, &product, scratch);
    }
}
