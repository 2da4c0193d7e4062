/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The gradient of the data of a convolution with strides: all phases (conv_phases.h) at once.
 *
 *  A task is a band of lines of cells, each of stride_h by stride_w pixels, one of every phase. It writes all its
 *  pixels, phase by phase: products of windows of dy, read where they lie, and filters that were packed before; or
 *  zeros. So dx and dy are gone through once.
 *
 *      dx, stride 2      p0 p1 p0 p1 p0 p1        a tile of phase 0: its rows are pixels p0, of a line or
 *      a line of cells   p2 p3 p2 p3 p2 p3        more, wherever they lie in dx
 *                        p0 p1 p0 p1 p0 p1
 *
 *  Every element of dx is one sum, in the order of taps and filters, whatever tasks are cut. */
#include "kernels/conv_gemm_strided.h"

#include "base/memory.h"
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/conv_gemm.h"
#include "kernels/gemm_kernel.h"
#include "kernels/kept_runs.h"
#include "kernels/product_cut.h"

#include <string.h>

#define BAND_MOST (1 << 18)   /* floats of dx of a band, about */
#define READ_COST 4.0         /* multiply-adds that it costs to read a number of either side */
#define GROUP 4               /* panels of filters under which windows pass: for the L2 cache */
#define PAST_CACHES (1 << 20) /* floats of dx, many of them zeros, of which caches keep little until somebody reads them */
#define PACKED_MOST (4 << 20) /* floats of packed filters of a slab, if a panel is not more */

/* ---- zeros ---- */

/** First row of pixels of a line of cells, counted through the images. */
static int64_t first_row(const tn_conv_shape *s, int64_t line)
{
    int64_t cells = tn_ceil_div(s->h, s->stride_h);
    return line / cells * s->h + line % cells * s->stride_h;
}

/** Pixels that get sums are cleared, too: they are in the cache when these come, and whole lines are quickest. */
void tn_strided_clear(const tn_strided *job, int64_t line, int64_t last)
{
    const tn_conv_shape *s = job->shape;
    int64_t begin = first_row(s, line) * s->w, end = first_row(s, last) * s->w;
    if (job->holes == 0)
        return;
    if (job->channels == s->c)
        memset(job->dx + begin * s->c, 0, (size_t)((end - begin) * s->c) * sizeof *job->dx);
    for (int64_t i = begin; i < end && job->channels < s->c; i++)
        memset(job->dx + i * s->c, 0, (size_t)job->channels * sizeof *job->dx);
}

static void find_holes(tn_strided *job)
{
    for (int64_t number = 0; number < job->phases; number++) {
        const tn_phase phase = tn_phase_of(job->shape, number);
        if (phase.taps == 0 && job->holes++ < TN_STRIDED_HOSTED)
            job->empty[job->holes - 1] = phase;
    }
}

bool tn_strided_hosts(const tn_strided *job)
{
    const tn_conv_shape *s = job->shape;
    int64_t past = job->kernels->tile->past;
    bool lines = past > 0 && job->channels % past == 0 && s->c % TN_LINE == 0;
    bool large = (double)(s->n * s->h) * (double)(s->w * s->c) >= PAST_CACHES;
    return large && lines && (uintptr_t)job->dx % (TN_LINE * sizeof *job->dx) == 0 && job->holes > 0 &&
           job->holes <= TN_STRIDED_HOSTED && tn_phase_of(s, 0).taps > 0;
}

/* ---- filters ---- */

/** Whole panels of the slab's channels. */
static int64_t wide_of(const tn_strided *job)
{
    return tn_round_up(job->channels, job->kernels->tile->lanes);
}

static void pack_panel(const tn_strided *job, const tn_phase *phase, const tn_depth *d, int64_t channel, float *out)
{
    const tn_conv_shape *s = job->shape;
    int64_t lanes = job->kernels->tile->lanes, count = tn_min(lanes, job->channels - channel);
    for (int64_t t = d->tap; t < d->tap + d->taps; t++, out += d->run * lanes) {
        const float *w = job->w + (tn_phase_tap(s, phase, t) * (s->c / s->groups) + channel) * s->f + d->first;
        tn_pack_panel_across(w, s->f, count, d->run, lanes, out);
    }
}

/** Panels of all blocks of all phases, one after another, shared out. */
static void pack_share(const tn_strided *job, float *out, const tn_team *team)
{
    int64_t lanes = job->kernels->tile->lanes, wide = wide_of(job), first, last, k = 0;
    tn_team_range(team, wide / lanes, &first, &last);
    for (int64_t number = 0; number < job->phases; number++) {
        const tn_phase phase = tn_phase_of(job->shape, number);
        tn_depth d = {0};
        while (tn_depth_next(phase.taps, job->filters, &d)) {
            int64_t depth = d.taps * d.run;
            for (int64_t panel = first; panel < last; panel++)
                pack_panel(job, &phase, &d, panel * lanes, out + (k + d.k) * wide + panel * lanes * depth);
        }
        k += phase.taps * job->filters;
    }
}

/* ---- tiles ---- */

/** Pixels of a phase, the channels [c, c + count) that they get, and the phase's filters. */
typedef struct block {
    const tn_phase *phase;
    const float *panels;
    int64_t c, channels;
    int64_t count, lanes, groups; /* pixels, and of these in a group at most */
    tn_pixel_group group[TN_PIXEL_GROUPS];
    int64_t *skips;
    tn_pixel pixels[TN_BLOCK_PIXELS + TN_PANEL_LANES];
    int64_t each, at[TN_BLOCK_PIXELS * (1 + TN_STRIDED_HOSTED)]; /* from dx to each pixel, and to its cell's that are zero */
    const float **rows;
} block;

/** A tap of a group's pixels; false if it is padding for all of them. */
static bool locate_tap(const tn_strided *job, const block *b, const tn_pixel_group *g, int64_t tap, int64_t first,
                       const float **rows)
{
    const tn_tap at = tn_tap_of(b->phase, tap);
    bool there = false;
    for (int64_t j = 0; j < b->lanes; j++) {
        rows[j] = j < g->tile.rows ? tn_pixel_tap(job, &b->pixels[g->first + j], at, first) : tn_zeros;
        there |= rows[j] != tn_zeros;
    }
    return there;
}

/** Where each group's taps lie, all but those that are left out. */
static void locate(const tn_strided *job, block *b, const tn_depth *d)
{
    for (int64_t i = 0; i < b->groups; i++) {
        tn_pixel_group *g = &b->group[i];
        tn_kept_runs kept = {b->rows + i * d->taps * b->lanes, b->skips + i * d->taps, b->lanes, 0, 0};
        for (int64_t t = 0; t < d->taps; t++) {
            bool there = locate_tap(job, b, g, d->tap + t, d->first, tn_next_run(&kept));
            if (!tn_run_is_left(&kept, !there, t == d->taps - 1, d->run * job->kernels->tile->lanes))
                tn_keep_run(&kept);
        }
        g->tile = tn_kept_group(&kept, g->tile.rows, d->taps);
    }
}

/** Where the sums of each pixel go and, if it is the first one of its cell, the zeros of the others; those that the image's
 *  edge cuts off are in its own place. */
static void find_places(const tn_strided *job, block *b)
{
    const tn_side *high = &b->phase->high, *wide = &b->phase->wide;
    bool hosts = high->phase == 0 && wide->phase == 0;
    int64_t *at = b->at;
    b->each = hosts ? 1 + job->hosted : 1;
    for (int64_t i = 0; i < b->count; i++) {
        int64_t first = b->pixels[i].out - job->dx, y = b->pixels[i].y - high->start, x = b->pixels[i].x - wide->start;
        *at++ = first;
        for (const tn_phase *e = job->empty; e < job->empty + b->each - 1; e++) {
            bool there = y < e->high.count && x < e->wide.count;
            *at++ = first + (there ? (e->high.phase * job->shape->w + e->wide.phase) * job->shape->c : 0);
        }
    }
}

/** Tiles of group i and the channels from c, of up to GROUP panels. */
static void multiply_tiles(const tn_strided *job, const block *b, const tn_depth *d, int64_t i, int64_t c,
                           int64_t channels)
{
    const tn_own_tile *tile = job->kernels->tile;
    const float *panels = b->panels + d->k * wide_of(job) + c * d->taps * d->run;
    const tn_pixel_group *g = &b->group[i];
    const tn_tile_rows rows = {.count = g->tile.rows,
                               .group = b->lanes,
                               .places = b->rows + i * d->taps * b->lanes,
                               .runs = d->taps,
                               .run = d->run,
                               .at = b->at + g->first * b->each,
                               .each = b->each,
                               .groups = &g->tile};
    bool whole = d->taps * d->run == b->phase->taps * job->filters;
    tn_tile_end end = {.add = d->k > 0, .asks_c = true, .past = job->hosted > 0 && whole};
    if (c == b->c && i + 1 < b->groups) /* nobody has read them yet */
        end.asks = 1;
    tile->multiply(&rows, panels, &end, channels, job->dx + c, job->shape->c);
}

static void multiply_block(const tn_strided *job, block *b)
{
    int64_t group = GROUP * job->kernels->tile->lanes, last = b->c + b->channels;
    tn_depth d = {0};
    b->groups = tn_pixels_group(job, b->phase, b->pixels, b->count, b->group, &b->lanes);
    find_places(job, b);
    while (tn_depth_next(b->phase->taps, job->filters, &d)) {
        locate(job, b, &d);
        for (int64_t c = b->c; c < last; c += group) {
            for (int64_t i = 0; i < b->groups; i++)
                multiply_tiles(job, b, &d, i, c, tn_min(group, last - c));
        }
    }
}

/* ---- tasks ---- */

static int64_t cells_of_line(const tn_conv_shape *s)
{
    return tn_ceil_div(s->w, s->stride_w);
}

/** Pixels of a block: so many in equal parts, but for whole tiles. */
static int64_t block_of(const tn_strided *job, int64_t pixels)
{
    return tn_round_up(tn_ceil_div(pixels, tn_ceil_div(pixels, TN_BLOCK_PIXELS)), job->kernels->tile->rows);
}

static void run_task(const tn_strided *job, int64_t number, float *space)
{
    block b; /* its pixels are found later */
    int64_t line = number / job->parts * job->band, last = tn_min(line + job->band, job->lines), k = 0;
    int64_t most = block_of(job, (last - line) * cells_of_line(job->shape));
    b.rows = (const float **)(void *)space;
    b.skips = (int64_t *)(void *)space + tn_depth_most_taps(tn_phase_most_taps(job->shape), job->filters) * tn_pixel_places();
    b.c = number % job->parts * job->part;
    b.channels = tn_min(job->part, job->channels - b.c);
    if (job->parts == 1 && job->hosted == 0)
        tn_strided_clear(job, line, last);
    for (int64_t phase = 0; phase < job->phases; phase++) {
        const tn_phase p = tn_phase_of(job->shape, phase);
        tn_pixel_walk walk = {job, &p, line, last, 0};
        b.phase = &p;
        b.panels = (job->prepared ? job->prepared : job->packed) + k * wide_of(job);
        while (p.taps > 0 && (b.count = tn_pixels_next(&walk, most, TN_PANEL_LANES, b.pixels)) > 0)
            multiply_block(job, &b);
        k += p.taps * job->filters;
    }
}

/** What tasks find done. Zeros of tasks that share pixels are written before, in whole lines. */
static void begin_bands(const tn_strided *job, const tn_team *team)
{
    bool shared = job->parts > 1 && job->holes > 0 && job->hosted == 0;
    int64_t first, last;
    tn_team_range(team, job->lines, &first, &last);
    if (shared)
        tn_strided_clear(job, first, last);
    if (!job->prepared)
        pack_share(job, job->packed, team);
    if (shared || !job->prepared)
        tn_team_barrier(team);
}

static void run_bands(const tn_team *team, void *arg)
{
    tn_strided *job = arg;
    float *space = job->buffers + team->index * job->buffer;
    begin_bands(job, team);
    for (;;) {
        int64_t number = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
        if (number >= job->bands * job->parts)
            break;
        run_task(job, number, space);
    }
}

/** Bands, and parts of the channels, as even as can be; of whole lines where these go past the caches. */
static void cut_into(tn_strided *job, tn_cut cut)
{
    int64_t lanes = job->hosted > 0 ? job->kernels->tile->past : job->kernels->tile->lanes;
    job->band = tn_max(1, tn_ceil_div(job->lines, cut.high));
    job->bands = tn_ceil_div(job->lines, job->band);
    job->part = tn_ceil_div(tn_ceil_div(job->channels, lanes), cut.wide) * lanes;
    job->parts = tn_ceil_div(job->channels, job->part);
}

/** Multiply-adds for each k of the thread that has most of the tasks: those of tiles, and what it takes to read both
 *  sides. */
static double cost_of_cut(void *context, tn_cut cut, int threads)
{
    tn_strided *job = context;
    cut_into(job, cut);
    int64_t vectors = tn_round_up(job->channels, job->kernels->tile->lanes / 2);
    double pixels = (double)(job->band * cells_of_line(job->shape)), part = (double)tn_min(job->part, vectors);
    return (pixels * part + READ_COST * (pixels + part)) * tn_rounds(job->bands * job->parts, threads);
}

/** The cheapest cut into bands whose zeros, if they are cleared before, stay in the cache until sums come. */
static void cut_tasks(tn_strided *job, int threads)
{
    const tn_conv_shape *s = job->shape;
    double floats = (double)(s->n * s->h) * (double)s->w * (double)job->channels;
    int64_t least = tn_max(1, tn_min(job->lines, (int64_t)(floats / BAND_MOST)));
    tn_cut most = {job->lines, tn_ceil_div(job->channels, job->kernels->tile->lanes)};
    cut_into(job, tn_cheapest_cut(least, most, 1, threads, cost_of_cut, job));
}

/* ---- slabs ---- */

/** Channels whose filters are packed together, whole panels. */
static int64_t slab_of(const tn_conv_shape *s)
{
    int64_t lanes = tn_conv_kernels()->tile->lanes, depth = s->r * s->s * (s->f / s->groups);
    int64_t panels = tn_ceil_div(s->c / s->groups, lanes), most = tn_max(1, PACKED_MOST / (lanes * depth));
    return tn_ceil_div(panels, tn_ceil_div(panels, most)) * lanes;
}

_Static_assert(sizeof(void *) <= sizeof(int64_t), "a place is a word");

/** Floats of a thread: places of rows and what groups skip, or what few pixels need. */
static int64_t buffer_of(const tn_conv_shape *s)
{
    int64_t taps = tn_depth_most_taps(tn_phase_most_taps(s), s->f / s->groups);
    int64_t words = taps * (tn_pixel_places() + TN_PIXEL_GROUPS);
    return tn_round_up(tn_max(words * (int64_t)(sizeof(int64_t) / sizeof(float)), tn_strided_few_floats(s)), 16);
}

/** Floats of the packed filters of a slab. */
static int64_t packed_of(const tn_conv_shape *s)
{
    return tn_with_slack(slab_of(s) * s->r * s->s * (s->f / s->groups));
}

/** True if the filters of a panel can be counted. */
static bool panels_fit(const tn_conv_shape *s)
{
    int64_t taps, depth, floats;
    return tn_mul_i64(s->r, s->s, &taps) && tn_mul_i64(taps, s->f / s->groups, &depth) &&
           tn_mul_i64(depth, TN_PANEL_LANES, &floats) && floats < INT64_MAX / 16;
}

tn_status tn_conv_gemm_strided_scratch(const tn_conv_shape *s, int threads, size_t *out)
{
    int64_t floats;
    if (!panels_fit(s) || !tn_mul_i64(buffer_of(s), threads, &floats) || !tn_add_i64(floats, packed_of(s), &floats) ||
        !tn_mul_i64(floats, sizeof(float), &floats))
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of a data gradient does not fit");
    *out = tn_align_up((size_t)floats);
    return TN_OK;
}

/** Do something for each slab of each group. */
static void for_slabs(tn_strided *job, tn_pool *pool, const float *dy, const float *w, float *dx,
                      void (*run)(tn_strided *job, tn_pool *pool))
{
    const tn_conv_shape *s = job->shape;
    int64_t channels = s->c / s->groups, slab = slab_of(s);
    for (int64_t c = 0; c < s->c; c += job->channels) {
        int64_t group = c / channels, within = c % channels;
        job->channels = tn_min(slab, channels - within);
        job->dy = dy ? dy + group * job->filters : NULL;
        job->w = w + within * s->f + group * job->filters;
        job->dx = dx ? dx + c : NULL;
        run(job, pool);
        if (job->prepared)
            job->prepared += packed_of(s);
    }
}

static void run_slab(tn_strided *job, tn_pool *pool)
{
    job->hosted = tn_strided_hosts(job) ? job->holes : 0;
    atomic_init(&job->next, 0);
    if (!job->prepared && tn_strided_are_few(job->shape, slab_of(job->shape))) {
        tn_strided_run_few(job, pool);
        return;
    }
    cut_tasks(job, tn_pool_threads(pool));
    tn_pool_run(pool, run_bands, job);
}

tn_strided tn_strided_of(const tn_conv_shape *s)
{
    tn_strided job = {.shape = s,
                      .kernels = tn_conv_kernels(),
                      .filters = s->f / s->groups,
                      .phases = tn_phases(s),
                      .lines = s->n * tn_ceil_div(s->h, s->stride_h)};
    find_holes(&job);
    return job;
}

void tn_conv_gemm_strided(const tn_conv_shape *s, tn_pool *pool, const float *dy, const float *w, const void *prepared,
                          float *dx, void *scratch)
{
    tn_strided job = tn_strided_of(s);
    job.prepared = prepared;
    job.packed = scratch;
    job.buffers = job.packed + packed_of(s);
    job.buffer = buffer_of(s);
    for_slabs(&job, pool, dy, w, dx, run_slab);
}

/* ---- filters packed beforehand ---- */

tn_status tn_conv_gemm_strided_prepared(const tn_conv_shape *s, size_t *out)
{
    int64_t floats;
    bool fits = panels_fit(s) && tn_mul_i64(packed_of(s), tn_ceil_div(s->c / s->groups, slab_of(s)), &floats) &&
                tn_mul_i64(floats, s->groups, &floats) && floats <= INT64_MAX / 8;
    if (!fits)
        return TN_FAIL(TN_ERR_OVERFLOW, "prepared filters of %lld groups do not fit", (long long)s->groups);
    *out = (size_t)floats * sizeof(float);
    return TN_OK;
}

static void run_packing(const tn_team *team, void *arg)
{
    const tn_strided *job = arg;
    pack_share(job, job->packed, team);
}

static void pack_slab(tn_strided *job, tn_pool *pool)
{
    tn_pool_run(pool, run_packing, job);
    job->packed += packed_of(job->shape);
}

void tn_conv_gemm_strided_prepare(const tn_conv_shape *s, tn_pool *pool, const float *w, void *prepared)
{
    tn_strided job = tn_strided_of(s);
    job.packed = prepared;
    for_slabs(&job, pool, NULL, w, NULL, pack_slab);
}
