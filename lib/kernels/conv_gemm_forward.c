/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The forward pass as a product: y[(n,i,j), f] = sum_k x[window (n,i,j), k] w[k, f], k = (r,s,c).
 *
 *  The filters [R,S,C,F] are that matrix as they lie in memory; they take the vector side and are packed once. Windows
 *  take the scalar side. One product for each group. */
#include "kernels/conv_gemm.h"

#include "base/memory.h"
#include "base/status.h"
#include "kernels/conv_windows.h"
#include "kernels/gemm_kernel.h"
#include "kernels/product.h"

tn_status tn_conv_gemm_bytes(int64_t n, int64_t k, size_t product, size_t *out)
{
    int64_t packed;
    size_t bytes;
    TN_TRY(tn_product_packed_size(n, k, &packed));
    if (!tn_mul_size((size_t)packed, sizeof(float), &bytes) || !tn_add_size(bytes, TN_ALIGNMENT, &bytes) ||
        !tn_add_size(tn_align_up(bytes), product, &bytes))
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of a convolution with a matrix [%lld,%lld] does not fit", (long long)k,
                       (long long)n);
    *out = bytes;
    return TN_OK;
}

void *tn_conv_gemm_rest(void *scratch, int64_t n, int64_t k)
{
    size_t bytes = 0;
    return tn_conv_gemm_bytes(n, k, 0, &bytes) == TN_OK ? (char *)scratch + bytes : NULL;
}

/* One group's filters: [k, f] with a row stride of all filters. */
typedef struct filter_matrix {
    const float *w;
    int64_t stride;
} filter_matrix;

static void pack_windows(const void *source, int64_t first, int64_t count, int64_t k0, int64_t kn, float *out)
{
    tn_windows_pack(source, first, count, k0, kn, out);
}

static void pack_filters(const void *source, int64_t first, int64_t count, int64_t k0, int64_t kn, float *out)
{
    const filter_matrix *filters = source;
    tn_pack_along(filters->w + k0 * filters->stride + first, filters->stride, count, kn, tn_gemm_kernel_in_use()->v,
                  out);
}

static tn_windows forward_windows(const tn_conv_shape *s, const float *x, int64_t group)
{
    return (tn_windows){
        .images = x + group * (s->c / s->groups),
        .h = s->h, .w = s->w, .pitch = s->c, .channels = s->c / s->groups,
        .rows = s->oh, .cols = s->ow, .taps_h = s->r, .taps_w = s->s,
        .stride_h = s->stride_h, .stride_w = s->stride_w, .dilation_h = s->dilation_h, .dilation_w = s->dilation_w,
        .top = -s->pad_top, .left = -s->pad_left,
    };
}

tn_status tn_conv_gemm_forward_scratch(const tn_conv_shape *s, int threads, size_t *out)
{
    int64_t n = s->f / s->groups, k = s->r * s->s * (s->c / s->groups);
    size_t product;
    TN_TRY(tn_product_scratch(s->n * s->oh * s->ow, n, 1, false, threads, &product));
    return tn_conv_gemm_bytes(n, k, product, out);
}

void tn_conv_gemm_forward(const tn_conv_shape *s, tn_pool *pool, const float *x, const float *w, const float *bias,
                          tn_activation activation, float *y, void *scratch)
{
    int64_t filters = s->f / s->groups;
    tn_product product = {.m = s->n * s->oh * s->ow,
                          .n = filters,
                          .k = s->r * s->s * (s->c / s->groups),
                          .pack_s = pack_windows,
                          .pack_v = pack_filters,
                          .ldc = s->f,
                          .alpha = 1.0f,
                          .activation = activation,
                          .splits = 1};
    void *rest = tn_conv_gemm_rest(scratch, product.n, product.k);
    for (int64_t group = 0; group < s->groups; group++) {
        tn_windows windows = forward_windows(s, x, group);
        filter_matrix matrix = {w + group * filters, s->f};
        product.s_source = &windows;
        product.v_source = &matrix;
        product.c = y + group * filters;
        product.bias = bias ? bias + group * filters : NULL;
        tn_product_pack(pool, &product, scratch);
        product.v_packed = scratch;
        tn_product_run(pool, &product, rest);
    }
}
