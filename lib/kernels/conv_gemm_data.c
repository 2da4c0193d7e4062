/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The gradient of the data as a product: with stride 1 it is the convolution of dy with the filters turned by 180
 *  degrees, their channels and filters exchanged.
 *
 *      dx[h,w,c] = sum_{r,s,f} dy[h + pad - r dilation, ..., f] w[r,s,c,f]
 *
 *  Strides go another way, conv_gemm_strided.c, few channels a third, conv_gemm_spread.c, and depthwise filters a fourth,
 *  conv_depthwise.c. */
#include "kernels/conv_gemm.h"

#include "base/memory.h"
#include "base/status.h"
#include "kernels/conv_depthwise.h"
#include "kernels/conv_windows.h"
#include "kernels/product.h"

/** What a group reads (first member: what tn_windows_pack takes). */
typedef struct source {
    tn_window_order order;
    const tn_conv_shape *shape;
    const float *w; /* of the group */
} source;

/** Channels [first, first + count) of one panel, k = (tap, filter), last tap first: runs of filters lie in one piece. */
static void pack_panel(const source *p, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t lanes, float *out)
{
    const tn_conv_shape *s = p->shape;
    int64_t filters = s->f / s->groups;
    for (int64_t k = k0; k < k0 + kn;) {
        int64_t tap = s->r * s->s - 1 - k / filters, f = k % filters;
        int64_t run = filters - f < k0 + kn - k ? filters - f : k0 + kn - k;
        const float *w = p->w + (tap * (s->c / s->groups) + first) * s->f + f;
        tn_pack_panel_across(w, s->f, count, run, lanes, out + (k - k0) * lanes);
        k += run;
    }
}

static void pack_filters(const void *from, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t lanes,
                         float *out)
{
    for (int64_t i = 0; i < count; i += lanes, out += lanes * kn)
        pack_panel(from, first + i, count - i < lanes ? count - i : lanes, k0, kn, lanes, out);
}

static source source_of(const tn_conv_shape *s)
{
    source from = {.shape = s};
    from.order.windows = (tn_windows){
        .h = s->oh, .w = s->ow, .pitch = s->f, .channels = s->f / s->groups,
        .rows = s->h, .cols = s->w, .taps_h = s->r, .taps_w = s->s,
        .stride_h = 1, .stride_w = 1, .dilation_h = s->dilation_h, .dilation_w = s->dilation_w,
        .top = s->pad_top - (s->r - 1) * s->dilation_h, .left = s->pad_left - (s->s - 1) * s->dilation_w,
    };
    return from;
}

static tn_product product_of(const source *from)
{
    const tn_conv_shape *s = from->shape;
    return (tn_product){
        .m = s->n * s->h * s->w,
        .n = s->c / s->groups,
        .k = s->r * s->s * (s->f / s->groups),
        .pack_a = tn_windows_pack,
        .pack_b = pack_filters,
        .locate_a = tn_windows_locate,
        .run_a = tn_windows_run(&from->order.windows),
        .ldc = s->c,
        .alpha = 1.0f,
    };
}

tn_status tn_conv_gemm_data_scratch(const tn_conv_shape *s, int threads, size_t *out)
{
    if (tn_conv_depthwise_applies(s)) {
        *out = 0;
        return TN_OK;
    }
    if (tn_conv_gemm_spreads(s))
        return tn_conv_gemm_spread_scratch(s, threads, out);
    if (tn_conv_has_strides(s))
        return tn_conv_gemm_strided_scratch(s, threads, out);
    source from = source_of(s);
    tn_product product = product_of(&from);
    tn_windows_order(&product, &from.order);
    return tn_product_scratch(&product, threads, out);
}

/** Floats of a group's prepared panels, 0 where there are none: of the largest batch, however many images a call has. */
static int64_t panel_floats(const source *from, int64_t largest)
{
    tn_product product = product_of(from);
    product.m = largest * from->shape->h * from->shape->w;
    return tn_product_packed_floats(&product);
}

static void run_product(const tn_conv_shape *s, int64_t largest, tn_pool *pool, const float *dy, const float *w,
                        const float *prepared, float *dx, void *scratch)
{
    source from = source_of(s);
    tn_product product = product_of(&from);
    int64_t floats = prepared ? panel_floats(&from, largest) : 0;
    tn_windows_order(&product, &from.order);
    product.a = product.b = &from;
    for (int64_t group = 0; group < s->groups; group++) {
        from.order.windows.images = dy + group * (s->f / s->groups);
        from.w = w + group * (s->f / s->groups);
        product.packed_b = floats > 0 ? prepared + group * floats : NULL;
        product.c = dx + group * (s->c / s->groups);
        tn_product_run(pool, &product, scratch);
    }
}

void tn_conv_gemm_data(const tn_conv_shape *shape, int64_t largest, tn_pool *pool, const float *dy, const float *w,
                       const void *prepared, float *dx, void *scratch)
{
    if (tn_conv_depthwise_applies(shape))
        tn_conv_depthwise_data(shape, pool, dy, w, dx);
    else if (tn_conv_gemm_spreads(shape))
        tn_conv_gemm_spread(shape, pool, dy, w, prepared, dx, scratch);
    else if (tn_conv_has_strides(shape))
        tn_conv_gemm_strided(shape, pool, dy, w, prepared, dx, scratch);
    else
        run_product(shape, largest, pool, dy, w, prepared, dx, scratch);
}

/* ---- filters packed beforehand ---- */

tn_status tn_conv_gemm_data_prepared(const tn_conv_shape *s, size_t *out)
{
    if (tn_conv_depthwise_applies(s)) {
        *out = 0;
        return TN_OK;
    }
    if (tn_conv_gemm_spreads(s)) {
        *out = tn_conv_gemm_spread_prepared(s);
        return TN_OK;
    }
    if (tn_conv_has_strides(s))
        return tn_conv_gemm_strided_prepared(s, out);
    const source from = source_of(s);
    const tn_product product = product_of(&from);
    size_t group;
    TN_TRY(tn_product_packed(&product, &group));
    if (!tn_mul_size(group, (size_t)s->groups, out))
        return TN_FAIL(TN_ERR_OVERFLOW, "prepared filters of %lld groups do not fit", (long long)s->groups);
    return TN_OK;
}

/** The panels of all groups, one group after another. */
static void prepare_product(const tn_conv_shape *s, tn_pool *pool, const float *w, float *out)
{
    source from = source_of(s);
    tn_product product = product_of(&from);
    int64_t floats = panel_floats(&from, s->n);
    product.b = &from;
    for (int64_t group = 0; group < s->groups && floats > 0; group++) {
        from.w = w + group * (s->f / s->groups);
        tn_product_pack(pool, &product, out + group * floats);
    }
}

void tn_conv_gemm_data_prepare(const tn_conv_shape *s, tn_pool *pool, const float *w, void *prepared)
{
    if (tn_conv_depthwise_applies(s))
        return;
    if (tn_conv_gemm_spreads(s))
        tn_conv_gemm_spread_prepare(s, pool, w, prepared);
    else if (tn_conv_has_strides(s))
        tn_conv_gemm_strided_prepare(s, pool, w, prepared);
    else
        prepare_product(s, pool, w, prepared);
}
