/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Transformed filters G g G^T, written as the vector-side panels of each point: [point][panel of outputs][input][V].
 *
 *  Forward, outputs are filters, which lie side by side in w [r,s,c,f]. For the gradient of the data outputs are
 *  channels, so squares of filters are first transposed and turned by 180 degrees. */
#include "base/memory.h"
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/gemm_kernel.h"
#include "kernels/product.h"
#include "kernels/winograd.h"

#include <string.h>

typedef struct filter_job {
    const tn_winograd *wg;
    const float *w;
    int64_t filters; /* of all groups: floats from channel to channel in w */
    bool rotated;
    float *out;
} filter_job;

int64_t tn_winograd_filter_stride(const tn_winograd *wg)
{
    return tn_odd_lines(tn_round_up(wg->out.channels, wg->v) * wg->in.channels);
}

int64_t tn_winograd_filter_floats(const tn_winograd *wg)
{
    return wg->filter_points * tn_winograd_filter_stride(wg) + TN_PANEL_SLACK / (int64_t)sizeof(float);
}

#define PAST_FLOATS (5 << 20) /* of filters that leave the caches before they are read */
#define TAPS_MOST 49          /* of a filter */
#define INPUTS 8              /* input channels transformed between transpositions */

/** Filters [input][taps][lane] of `count` inputs from `input` and `width` outputs from `first`; lanes past them are
 *  zero. */
static void gather_straight(const filter_job *job, int64_t input, int64_t count, int64_t first, int64_t width,
                            float *out)
{
    const tn_winograd *wg = job->wg;
    int64_t taps = wg->r * wg->r;
    for (int64_t i = 0; i < count; i++) {
        for (int64_t tap = 0; tap < taps; tap++)
            tn_pack_along(job->w + (tap * wg->in.channels + input + i) * job->filters + first, 0, width, 1, wg->v,
                          out + (i * taps + tap) * wg->v);
    }
}

/** The same for the data gradient: inputs are filters, outputs channels, taps in reverse. `turned` [taps][count][V]. */
static void gather_rotated(const filter_job *job, int64_t input, int64_t count, int64_t first, int64_t width,
                           float *out)
{
    const tn_winograd *wg = job->wg;
    int64_t taps = wg->r * wg->r;
    float turned[INPUTS * TN_PANEL_LANES];
    for (int64_t tap = 0; tap < taps; tap++) {
        tn_pack_panel_across(job->w + ((taps - 1 - tap) * wg->out.channels + first) * job->filters + input,
                             job->filters, width, count, wg->v, turned);
        tn_conv_kernels()->copy_rows(turned, wg->v, wg->v, count, taps * wg->v, out + tap * wg->v);
    }
}

static tn_winograd_map *map_of(const tn_winograd *wg)
{
    return tn_winograd_filter_floats(wg) > PAST_FLOATS ? wg->maps->filter_past : wg->maps->filter;
}

/** Inputs [input, input + count) of one panel of outputs, as they lie in w. */
static void transform_in_place(const filter_job *job, int64_t panel, int64_t input, int64_t count)
{
    const tn_winograd *wg = job->wg;
    int64_t col = wg->in.channels * job->filters, stride = tn_winograd_filter_stride(wg);
    const float *square = job->w + input * job->filters + panel * wg->v;
    float *out = job->out + (panel * wg->in.channels + input) * wg->v;
    for (int64_t i = 0; i < count; i++, square += job->filters, out += wg->v)
        map_of(wg)(square, wg->r * col, col, out, stride, wg->v);
}

/** Inputs [input, input + count) of one panel of outputs. */
static void transform_inputs(const filter_job *job, int64_t panel, int64_t input, int64_t count)
{
    const tn_winograd *wg = job->wg;
    int64_t taps = wg->r * wg->r, first = panel * wg->v, stride = tn_winograd_filter_stride(wg);
    int64_t wide = tn_round_up(wg->v, TN_MAP_CHUNK);
    int64_t width = wg->out.channels - first < wg->v ? wg->out.channels - first : wg->v;
    float squares[(INPUTS * TAPS_MOST + 1) * TN_PANEL_LANES], points[TN_WINOGRAD_POINTS * TN_PANEL_LANES];
    if (job->rotated)
        gather_rotated(job, input, count, first, width, squares);
    else
        gather_straight(job, input, count, first, width, squares);
    /* Where V is no whole vector, the last square's reaches past it: into numbers that trap nowhere. */
    memset(squares + count * taps * wg->v, 0, (size_t)(wide - wg->v) * sizeof *squares);
    float *out = job->out + (panel * wg->in.channels + input) * wg->v;
    for (int64_t i = 0; i < count; i++, out += wg->v) {
        const float *square = squares + i * taps * wg->v;
        if (wide == wg->v) {
            map_of(wg)(square, wg->r * wg->v, wg->v, out, stride, wide);
            continue;
        }
        wg->maps->filter(square, wg->r * wg->v, wg->v, points, wide, wide);
        tn_conv_kernels()->copy_rows(points, wide, wg->v, wg->filter_points, stride, out);
    }
}

/** Stores past the caches keep no order by themselves. Workers end with a locked instruction, which would do; but nobody
 *  knows how the caller's thread hands on what is prepared. */
static void order_stores(void)
{
#if defined(__SSE__)
    __builtin_ia32_sfence();
#endif
}

static void transform_panels(const tn_team *team, void *arg)
{
    const filter_job *job = arg;
    const tn_winograd *wg = job->wg;
    int64_t parts = (wg->in.channels + INPUTS - 1) / INPUTS, panels = (wg->out.channels + wg->v - 1) / wg->v;
    int64_t first, last;
    tn_team_range(team, parts * panels, &first, &last);
    for (int64_t unit = first; unit < last; unit++) {
        int64_t input = unit % parts * INPUTS, left = wg->in.channels - input;
        int64_t panel = unit / parts, count = tn_min(left, INPUTS);
        if (!job->rotated && (panel + 1) * wg->v <= wg->out.channels && wg->v % TN_MAP_CHUNK == 0)
            transform_in_place(job, panel, input, count);
        else
            transform_inputs(job, panel, input, count);
    }
    order_stores();
}

tn_status tn_winograd_prepared(const tn_conv_shape *s, tn_conv_pass pass, int64_t m, size_t *out)
{
    tn_winograd wg = tn_winograd_of(s, pass, m);
    int64_t lanes, filters, floats;
    if (!tn_add_i64(wg.out.channels, wg.v, &lanes) || !tn_mul_i64(lanes, wg.in.channels, &filters) ||
        !tn_add_i64(filters, TN_PANEL_SLACK, &filters) || !tn_mul_i64(filters, wg.points * 8, &floats) ||
        !tn_mul_i64(floats, s->groups, &floats))
        return TN_FAIL(TN_ERR_OVERFLOW, "transformed filters of %lld channels do not fit", (long long)wg.in.channels);
    *out = (size_t)(tn_winograd_filter_floats(&wg) * s->groups) * sizeof(float);
    return TN_OK;
}

void tn_winograd_prepare(const tn_conv_shape *s, tn_conv_pass pass, int64_t m, tn_pool *pool, const float *w,
                         void *prepared)
{
    tn_winograd wg = tn_winograd_of(s, pass, m);
    for (int64_t g = 0; g < s->groups; g++)
        tn_winograd_transform_filters(&wg, pool, w + g * (s->f / s->groups), s->f, pass == TN_CONV_DATA,
                                      (float *)prepared + g * tn_winograd_filter_floats(&wg));
}

void tn_winograd_transform_filters(const tn_winograd *wg, tn_pool *pool, const float *w, int64_t filters, bool rotated,
                                   float *out)
{
    tn_pool_run(pool, transform_panels, &(filter_job){wg, w, filters, rotated, out});
}
