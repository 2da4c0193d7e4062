/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The gradient of the data as products.
 *
 *      dx[h,w,c] = sum_{r,s,f} dy[(h + pad - r dilation) / stride, ..., f] w[r,s,c,f]   where the division is exact
 *
 *  Which r divide exactly depends on h modulo the stride alone. So dx falls into stride_h * stride_w phases, and each
 *  is a forward convolution of dy with stride 1 and the filters' taps that belong to it, last tap first:
 *
 *      h = phase + i stride:   taps r = last, last - step, ...   step = stride / gcd(stride, dilation)
 *                              tap t of window i is dy row  i + (phase + pad - last dilation) / stride + t dilation/gcd
 *
 *  Every element of dx is written once, no sum crosses a phase, no product with a zero that a stride has put there. With
 *  stride 1 there is one phase: the convolution with rotated filters. Few channels go
 *  another way: conv_gemm_spread.c.
 *
 *  Prepared filters are the packed panels of all phases, one phase after another, in each those of all groups. */
#include "kernels/conv_gemm.h"

#include "base/memory.h"
#include "base/status.h"
#include "kernels/conv_windows.h"
#include "kernels/product.h"

#include <string.h>

/** One direction of a phase. */
typedef struct side {
    int64_t phase, stride;
    int64_t count;      /* pixels of the phase */
    int64_t taps, last; /* taps last, last - step, ... */
    int64_t step, dilation, start;
} side;

static int64_t gcd(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static side side_of(int64_t phase, int64_t size, int64_t taps, int64_t stride, int64_t dilation, int64_t pad)
{
    int64_t common = gcd(stride, dilation);
    side s = {.phase = phase, .stride = stride, .step = stride / common, .dilation = dilation / common};
    s.count = size > phase ? (size - phase + stride - 1) / stride : 0;
    s.last = -1;
    for (int64_t r = 0; r < taps; r++) {
        if ((phase + pad - r * dilation) % stride == 0) {
            s.last = r;
            s.taps++;
        }
    }
    if (s.taps > 0)
        s.start = (phase + pad - s.last * dilation) / stride;
    return s;
}

/** One phase of one group: what is read (first member: what tn_windows_pack takes) and where it goes. */
typedef struct phase {
    tn_windows windows;
    side high, wide;
    const tn_conv_shape *shape;
    const float *w;      /* of the group */
    const float *panels; /* of all groups, prepared; NULL: none */
    int64_t floats;      /* of a group's panels */
    float *dx;
} phase;

/** Channels [first, first + count) of one panel, k = (tap, filter): runs of filters lie in one piece. */
static void pack_panel(const phase *p, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t lanes, float *out)
{
    const tn_conv_shape *s = p->shape;
    int64_t filters = s->f / s->groups;
    for (int64_t k = k0; k < k0 + kn;) {
        int64_t tap = k / filters, f = k % filters, run = filters - f < k0 + kn - k ? filters - f : k0 + kn - k;
        int64_t r = p->high.last - tap / p->wide.taps * p->high.step;
        int64_t c = p->wide.last - tap % p->wide.taps * p->wide.step;
        const float *w = p->w + ((r * s->s + c) * (s->c / s->groups) + first) * s->f + f;
        tn_pack_panel_across(w, s->f, count, run, lanes, out + (k - k0) * lanes);
        k += run;
    }
}

static void pack_filters(const void *source, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t lanes,
                         float *out)
{
    for (int64_t i = 0; i < count; i += lanes, out += lanes * kn)
        pack_panel(source, first + i, count - i < lanes ? count - i : lanes, k0, kn, lanes, out);
}

/** Put rows of the product at their pixels. */
static void scatter(const void *source, int64_t row, int64_t rows, const float *block)
{
    const phase *p = source;
    const tn_conv_shape *s = p->shape;
    int64_t channels = s->c / s->groups;
    for (int64_t i = row; i < row + rows; i++, block += channels) {
        int64_t line = i / p->wide.count, image = line / p->high.count;
        int64_t y = p->high.phase + line % p->high.count * p->high.stride;
        int64_t x = p->wide.phase + i % p->wide.count * p->wide.stride;
        memcpy(p->dx + ((image * s->h + y) * s->w + x) * s->c, block, (size_t)channels * sizeof *block);
    }
}

static phase phase_of(const tn_conv_shape *s, int64_t high, int64_t wide)
{
    phase p = {.high = side_of(high, s->h, s->r, s->stride_h, s->dilation_h, s->pad_top),
               .wide = side_of(wide, s->w, s->s, s->stride_w, s->dilation_w, s->pad_left),
               .shape = s};
    p.windows = (tn_windows){
        .h = s->oh, .w = s->ow, .pitch = s->f, .channels = s->f / s->groups,
        .rows = p.high.count, .cols = p.wide.count, .taps_h = p.high.taps, .taps_w = p.wide.taps,
        .stride_h = 1, .stride_w = 1, .dilation_h = p.high.dilation, .dilation_w = p.wide.dilation,
        .top = p.high.start, .left = p.wide.start,
    };
    return p;
}

static bool one_phase(const tn_conv_shape *s)
{
    return s->stride_h == 1 && s->stride_w == 1;
}

static tn_product product_of(const phase *p)
{
    const tn_conv_shape *s = p->shape;
    return (tn_product){
        .m = s->n * p->high.count * p->wide.count,
        .n = s->c / s->groups,
        .k = p->high.taps * p->wide.taps * (s->f / s->groups),
        .pack_a = tn_windows_pack,
        .pack_b = pack_filters,
        .locate_a = tn_windows_locate,
        .run_a = tn_windows_run(&p->windows),
        .ldc = s->c,
        .alpha = 1.0f,
        .scatter = one_phase(s) ? NULL : scatter,
    };
}

/** The most taps that any phase has. */
static int64_t most_k(const tn_conv_shape *s)
{
    int64_t high = s->stride_h / gcd(s->stride_h, s->dilation_h), wide = s->stride_w / gcd(s->stride_w, s->dilation_w);
    return ((s->r + high - 1) / high) * ((s->s + wide - 1) / wide) * (s->f / s->groups);
}

tn_status tn_conv_gemm_data_scratch(const tn_conv_shape *s, int threads, size_t *out)
{
    if (tn_conv_gemm_spreads(s))
        return tn_conv_gemm_spread_scratch(s, threads, out);
    const tn_product largest = {.m = s->n * s->h * s->w,
                                .n = s->c / s->groups,
                                .k = most_k(s),
                                .locate_a = tn_windows_locate,
                                .scatter = one_phase(s) ? NULL : scatter};
    return tn_product_scratch(&largest, threads, out);
}

/** Floats of a group's panels, 0 where there are none: of the largest batch, however many images a call has. */
static int64_t panel_floats(const phase *p, int64_t largest)
{
    tn_product product = product_of(p);
    product.m = largest * p->high.count * p->wide.count;
    return tn_product_packed_floats(&product);
}

static void run_phase(phase *p, tn_pool *pool, const float *dy, const float *w, float *dx, void *scratch)
{
    const tn_conv_shape *s = p->shape;
    for (int64_t group = 0; group < s->groups; group++) {
        tn_product product = product_of(p);
        p->windows.images = dy + group * (s->f / s->groups);
        p->w = w + group * (s->f / s->groups);
        p->dx = dx + group * (s->c / s->groups);
        product.a = product.b = p;
        product.packed_b = p->panels ? p->panels + group * p->floats : NULL;
        product.c = p->dx;
        tn_product_run(pool, &product, scratch);
    }
}

void tn_conv_gemm_data(const tn_conv_shape *shape, int64_t largest, tn_pool *pool, const float *dy, const float *w,
                       const void *prepared, float *dx, void *scratch)
{
    if (tn_conv_gemm_spreads(shape)) {
        tn_conv_gemm_spread(shape, pool, dy, w, prepared, dx, scratch);
        return;
    }
    int64_t floats = 0;
    for (int64_t high = 0; high < shape->stride_h; high++) {
        for (int64_t wide = 0; wide < shape->stride_w; wide++) {
            phase p = phase_of(shape, high, wide);
            p.floats = prepared ? panel_floats(&p, largest) : 0;
            p.panels = p.floats > 0 ? (const float *)prepared + floats : NULL;
            floats += p.floats * shape->groups;
            run_phase(&p, pool, dy, w, dx, scratch);
        }
    }
}

/* ---- filters packed beforehand ---- */

static tn_status add_phase(const tn_conv_shape *s, int64_t high, int64_t wide, size_t *bytes)
{
    phase p = phase_of(s, high, wide);
    tn_product product = product_of(&p);
    size_t group, groups;
    TN_TRY(tn_product_packed(&product, &group));
    if (!tn_mul_size(group, (size_t)s->groups, &groups) || !tn_add_size(*bytes, groups, bytes))
        return TN_FAIL(TN_ERR_OVERFLOW, "prepared filters of %lld groups do not fit", (long long)s->groups);
    return TN_OK;
}

tn_status tn_conv_gemm_data_prepared(const tn_conv_shape *s, size_t *out)
{
    size_t bytes = 0;
    if (tn_conv_gemm_spreads(s)) {
        *out = tn_conv_gemm_spread_prepared(s);
        return TN_OK;
    }
    for (int64_t high = 0; high < s->stride_h; high++) {
        for (int64_t wide = 0; wide < s->stride_w; wide++)
            TN_TRY(add_phase(s, high, wide, &bytes));
    }
    *out = bytes;
    return TN_OK;
}

/** Pack what a phase has, from `out`; returns the end. */
static float *pack_phase(phase *p, tn_pool *pool, const float *w, float *out)
{
    const tn_conv_shape *s = p->shape;
    tn_product product = product_of(p);
    int64_t floats = panel_floats(p, s->n);
    product.b = p;
    for (int64_t group = 0; group < s->groups && floats > 0; group++, out += floats) {
        p->w = w + group * (s->f / s->groups);
        tn_product_pack(pool, &product, out);
    }
    return out;
}

void tn_conv_gemm_data_prepare(const tn_conv_shape *s, tn_pool *pool, const float *w, void *prepared)
{
    float *out = prepared;
    if (tn_conv_gemm_spreads(s)) {
        tn_conv_gemm_spread_prepare(s, pool, w, prepared);
        return;
    }
    for (int64_t high = 0; high < s->stride_h; high++) {
        for (int64_t wide = 0; wide < s->stride_w; wide++) {
            phase p = phase_of(s, high, wide);
            out = pack_phase(&p, pool, w, out);
        }
    }
}
