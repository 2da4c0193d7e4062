/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Where phases begin and which taps they have. */
#include "kernels/conv_phases.h"

#include "kernels/arithmetic.h"
#include "kernels/product.h"

static tn_side side_of(int64_t phase, int64_t size, int64_t taps, int64_t stride, int64_t dilation, int64_t pad)
{
    int64_t common = tn_common_divisor(stride, dilation);
    tn_side s = {.phase = phase, .step = stride / common, .dilation = dilation / common};
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

int64_t tn_phases(const tn_conv_shape *s)
{
    return tn_min(s->stride_h, s->h) * tn_min(s->stride_w, s->w);
}

tn_phase tn_phase_of(const tn_conv_shape *s, int64_t number)
{
    int64_t across = tn_min(s->stride_w, s->w), high = number / across, wide = number % across;
    tn_phase p = {.high = side_of(high, s->h, s->r, s->stride_h, s->dilation_h, s->pad_top),
                  .wide = side_of(wide, s->w, s->s, s->stride_w, s->dilation_w, s->pad_left)};
    p.taps = p.high.taps * p.wide.taps;
    return p;
}

int64_t tn_phase_most_taps(const tn_conv_shape *s)
{
    int64_t high = s->stride_h / tn_common_divisor(s->stride_h, s->dilation_h),
            wide = s->stride_w / tn_common_divisor(s->stride_w, s->dilation_w);
    return tn_ceil_div(s->r, high) * tn_ceil_div(s->s, wide);
}

int64_t tn_phase_tap(const tn_conv_shape *s, const tn_phase *phase, int64_t t)
{
    int64_t r = phase->high.last - t / phase->wide.taps * phase->high.step;
    return r * s->s + phase->wide.last - t % phase->wide.taps * phase->wide.step;
}

/** Filters of a block: equal parts of whole cache lines where they are too many for one. */
static int64_t most_run(int64_t filters)
{
    int64_t parts = tn_ceil_div(filters, TN_RUN_MOST);
    return parts > 1 ? tn_ceil_div(tn_ceil_div(filters, parts), 16) * 16 : filters;
}

int64_t tn_depth_most_taps(int64_t taps, int64_t filters)
{
    return tn_min(taps, tn_max(1, TN_RUN_MOST / filters));
}

/** Taps of a block, whole ones: blocks are even. */
static int64_t even_taps(int64_t taps, int64_t filters)
{
    return tn_ceil_div(taps, tn_ceil_div(taps, tn_depth_most_taps(taps, filters)));
}

bool tn_depth_next(int64_t taps, int64_t filters, tn_depth *d)
{
    d->k += d->taps * d->run;
    d->first += d->run;
    if (d->first == filters) {
        d->first = 0;
        d->tap += d->taps;
    }
    if (d->tap >= taps)
        return false;
    d->run = tn_min(most_run(filters), filters - d->first);
    d->taps = d->run < filters ? 1 : tn_min(even_taps(taps, filters), taps - d->tap);
    return true;
}
