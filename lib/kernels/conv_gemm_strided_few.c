/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The gradient of the data of a convolution with strides where there are few pixels and many channels: the last layers
 *  of a network on one image. Packing the filters would cost as much as multiplying them. So they are read where they
 *  lie, a channel's filters being a row, and windows of dy are what is packed:
 *
 *      w, tap (r,s)                          dy's windows, packed: filters by pixels
 *      channel 0   f0 f1 f2 ...              f0   p0 p1 p2 ...
 *      channel 1   f0 f1 f2 ...        x     f1   p0 p1 p2 ...      = dx, channels by pixels; turned on its way
 *       :                                     :
 *
 *  A task is as many channels as a tile has rows, in one phase. Sums run in the same order as in the other way. */
#include "kernels/conv_gemm_strided.h"

#include "kernels/arithmetic.h"
#include "kernels/gemm_kernel.h"
#include "kernels/product.h"

#include <string.h>

#define PIXELS 256        /* of a phase, at most */
#define PACK_COST 16.0    /* multiply-adds that it costs to pack a number */
#define TURN_COST 24.0    /* to turn one */

static int64_t pixels_of(const tn_conv_shape *s)
{
    return s->n * tn_ceil_div(s->h, s->stride_h) * tn_ceil_div(s->w, s->stride_w);
}

bool tn_strided_are_few(const tn_conv_shape *s, int64_t slab)
{
    const tn_own_tile *tile = tn_conv_kernels()->tile;
    int64_t pixels = pixels_of(s), channels = s->c / s->groups, wide = tn_round_up(pixels, tile->lanes);
    if (wide > PIXELS || wide > slab) /* what is packed must not be more than the filters of a slab */
        return false;
    double straight = (double)tn_round_up(pixels, tile->rows) * (double)tn_round_up(channels, tile->lanes);
    double turned = (double)wide * (double)tn_round_up(channels, tile->rows), sums = (double)(s->f / s->groups);
    return turned + PACK_COST * (double)pixels + TURN_COST * (double)(pixels * channels) / sums <
           straight + PACK_COST * (double)channels;
}

int64_t tn_strided_few_floats(const tn_conv_shape *s)
{
    int64_t rows = tn_conv_kernels()->tile->rows;
    int64_t taps = tn_depth_most_taps(tn_phase_most_taps(s), s->f / s->groups);
    return 2 * rows * PIXELS + rows * taps * (int64_t)(sizeof(void *) / sizeof(float));
}

/** The pixels of a phase. */
static int64_t all_pixels(const tn_strided *job, const tn_phase *phase, tn_pixel *pixels)
{
    tn_pixel_walk walk = {job, phase, 0, job->lines, 0};
    return tn_pixels_next(&walk, PIXELS, job->kernels->tile->lanes, pixels);
}

/* ---- windows ---- */

/** A panel of windows and a block of their sum. */
static void pack_panel(const tn_strided *job, const tn_phase *phase, const tn_pixel *pixels, const tn_depth *d,
                       float *out)
{
    int64_t lanes = job->kernels->tile->lanes;
    const float *rows[TN_PANEL_LANES];
    for (int64_t t = d->tap; t < d->tap + d->taps; t++, out += d->run * lanes) {
        const tn_tap tap = tn_tap_of(phase, t);
        for (int64_t i = 0; i < lanes; i++)
            rows[i] = tn_pixel_tap(job, &pixels[i], tap, d->first);
        job->kernels->interleave(rows, lanes, d->run, out);
    }
}

/** All phases, one after another, each in blocks of its sum; threads take panels in turns. */
static void pack_share(const tn_strided *job, const tn_team *team)
{
    int64_t lanes = job->kernels->tile->lanes, number = 0;
    float *out = job->packed;
    for (int64_t i = 0; i < job->phases; i++) {
        const tn_phase phase = tn_phase_of(job->shape, i);
        tn_pixel pixels[PIXELS];
        tn_depth d = {0};
        int64_t count = all_pixels(job, &phase, pixels);
        while (tn_depth_next(phase.taps, job->filters, &d)) {
            for (int64_t p = 0; p < count; p += lanes, out += lanes * d.taps * d.run) {
                if (number++ % team->count == team->index)
                    pack_panel(job, &phase, pixels + p, &d, out);
            }
        }
    }
}

/* ---- tasks ---- */

/** Where the channels' filters of a block lie. */
static void locate(const tn_strided *job, const tn_phase *phase, const tn_depth *d, int64_t channel, int64_t count,
                   const float **rows)
{
    const tn_conv_shape *s = job->shape;
    for (int64_t t = d->tap; t < d->tap + d->taps; t++) {
        const float *w = job->w + (tn_phase_tap(s, phase, t) * (s->c / s->groups) + channel) * s->f + d->first;
        for (int64_t i = 0; i < job->kernels->tile->rows; i++)
            *rows++ = i < count ? w + i * s->f : tn_zeros;
    }
}

/** Channels by pixels to pixels by channels. */
static void put(const tn_strided *job, const float *sums, int64_t stride, int64_t channel, int64_t channels,
                const tn_pixel *pixels, int64_t count, float *turned)
{
    const float *rows[TN_PANEL_LANES];
    int64_t lanes = job->kernels->tile->rows;
    for (int64_t i = 0; i < lanes; i++)
        rows[i] = sums + i * stride;
    job->kernels->interleave(rows, lanes, count, turned);
    for (int64_t i = 0; i < count; i++)
        memcpy(pixels[i].out + channel, turned + i * lanes, (size_t)channels * sizeof *turned);
}

/** A tile's rows of channels in all pixels of a phase, whose windows are packed at `panels`. */
static void multiply_channels(const tn_strided *job, const tn_phase *phase, const float *panels, int64_t channel,
                              float *space)
{
    const tn_own_tile *tile = job->kernels->tile;
    int64_t channels = tn_min(tile->rows, job->channels - channel), stride = PIXELS;
    float *sums = space, *turned = sums + tile->rows * stride;
    const float **rows = (const float **)(void *)(turned + tile->rows * stride);
    tn_pixel pixels[PIXELS];
    int64_t count = all_pixels(job, phase, pixels);
    tn_depth d = {0};
    while (tn_depth_next(phase->taps, job->filters, &d)) {
        const tn_tile_end end = {.add = d.k > 0};
        const tn_tile_rows places = {.count = tile->rows, .group = tile->rows, .places = rows, .runs = d.taps, .run = d.run};
        locate(job, phase, &d, channel, channels, rows);
        for (int64_t p = 0; p < count; p += tile->lanes, panels += tile->lanes * d.taps * d.run)
            tile->multiply(&places, panels, &end, tile->lanes, sums + p, stride);
    }
    put(job, sums, stride, channel, channels, pixels, count, turned);
}

/** Task `number`: phases with taps one after another, tiles of channels in each. */
static bool run_task(const tn_strided *job, int64_t number, float *space)
{
    const tn_own_tile *tile = job->kernels->tile;
    int64_t tiles = tn_ceil_div(job->channels, tile->rows);
    const float *panels = job->packed;
    for (int64_t i = 0; i < job->phases; i++) {
        const tn_phase phase = tn_phase_of(job->shape, i);
        int64_t pixels = job->shape->n * phase.high.count * phase.wide.count;
        if (phase.taps == 0 || pixels == 0)
            continue;
        if (number < tiles) {
            multiply_channels(job, &phase, panels, number * tile->rows, space);
            return true;
        }
        number -= tiles;
        panels += tn_round_up(pixels, tile->lanes) * phase.taps * job->filters;
    }
    return false;
}

static void run_channels(const tn_team *team, void *arg)
{
    tn_strided *job = arg;
    float *space = job->buffers + team->index * job->buffer;
    int64_t first, last;
    tn_team_range(team, job->lines, &first, &last);
    tn_strided_clear(job, first, last);
    pack_share(job, team);
    tn_team_barrier(team);
    while (run_task(job, atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed), space))
        continue;
}

void tn_strided_run_few(tn_strided *job, tn_pool *pool)
{
    tn_pool_run(pool, run_channels, job);
}
