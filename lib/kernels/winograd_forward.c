/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Winograd's forward pass and gradient of the data: the same machine, with rotated filters for the latter.
 *
 *  Filters are transformed once for all threads, if the caller has not kept them from an earlier call. Then
 *
 *      many tiles   are worked off in blocks, each by one thread in a workspace of its own that stays in its caches;
 *      few tiles    (a single image) of many channels are one block, and all threads share out each of its three steps.
 *
 *  Every result comes from one block by sums in one order, so blocks may depend on the number of threads. */
#include "base/memory.h"
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/product.h"
#include "kernels/winograd_block.h"

#include <stdatomic.h>

#define BLOCK_FLOATS (1 << 20)   /* of a workspace that stays near the core */
#define CACHED_FILTERS (2 << 20) /* of filters that do; larger ones are read for no fewer than LEAST_PANELS of tiles */
#define LEAST_PANELS 4
#define MOST_PANELS 8
#define FEW_PANELS 4             /* for each thread: with fewer, blocks would not come out even */

/** One thread's workspace. */
static tn_winograd_space block_space(const tn_winograd *wg)
{
    int64_t out_width = tn_round_up(wg->out.channels, wg->v);
    int64_t cached = BLOCK_FLOATS / (wg->points * wg->s * (wg->in.channels + out_width));
    int64_t least = wg->points * wg->in.channels * out_width > CACHED_FILTERS ? LEAST_PANELS : 1;
    return tn_winograd_space_of(wg, tn_max(least, tn_min(cached, MOST_PANELS)));
}

static int64_t space_floats(const tn_winograd_space *space)
{
    return space->u + space->m;
}

tn_status tn_winograd_forward_scratch(const tn_winograd *wg, bool prepared, int threads, size_t *out)
{
    int64_t in = wg->in.channels, outs, filters, floats;
    size_t bytes, each;
    bool fits = tn_add_i64(wg->out.channels, wg->v + MOST_PANELS * wg->s, &outs) && tn_mul_i64(in, outs, &filters) &&
                tn_add_i64(filters, 64, &filters) && tn_mul_i64(filters, wg->points, &filters) &&
                tn_add_i64(in, outs, &floats) && tn_mul_i64(floats, MOST_PANELS * wg->points * wg->s * 8, &floats);
    if (!fits)
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of a convolution of %lld channels does not fit", (long long)in);
    tn_winograd_space space = block_space(wg);
    size_t shared = prepared ? 0 : tn_align_up((size_t)tn_winograd_filter_floats(wg) * sizeof(float));
    if (!tn_mul_size((size_t)space_floats(&space) * sizeof(float), (size_t)threads, &each) ||
        !tn_add_size(shared, each, &bytes))
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of a convolution of %lld channels does not fit", (long long)in);
    *out = bytes;
    return TN_OK;
}

typedef struct forward_job {
    tn_winograd_pass pass;
    tn_winograd_space space; /* of a block */
    float *memory;           /* of all threads */
    int64_t panels;
    int64_t unit, units; /* tiles that blocks are cut by, and how many of them there are */
    int64_t blocks;
    atomic_llong next;
} forward_job;

static tn_winograd_block block_in(const forward_job *job, float *memory)
{
    return (tn_winograd_block){.pass = &job->pass, .space = &job->space, .u = memory, .m = memory + job->space.u,
                               .next = job->pass.in};
}

static bool has_few_tiles(const forward_job *job, int threads)
{
    return threads > 1 && job->panels <= FEW_PANELS * threads;
}

/* ---- blocks of tiles, each of one thread ---- */

static void run_block(const tn_winograd_block *b)
{
    const tn_winograd *wg = b->pass->wg;
    for (int64_t tile = 0; tile < b->tiles; tile++) {
        for (int64_t c = 0; c < wg->in.channels; c += TN_WINOGRAD_CHUNK)
            tn_winograd_block_in(b, tile, c);
    }
    tn_winograd_block_multiply(b, 0, wg->points);
    for (int64_t tile = 0; tile < b->tiles; tile++) {
        for (int64_t f = 0; f < wg->out.channels; f += TN_WINOGRAD_CHUNK)
            tn_winograd_block_out(b, tile, f);
    }
}

static int64_t first_tile(const forward_job *job, int64_t block)
{
    return block * job->units / job->blocks * job->unit;
}

static void run_blocks(const tn_team *team, void *arg)
{
    forward_job *job = arg;
    const tn_winograd *wg = job->pass.wg;
    tn_winograd_block b = block_in(job, job->memory + team->index * space_floats(&job->space));
    for (;;) {
        int64_t number = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
        if (number >= job->blocks)
            break;
        b.tile = first_tile(job, number);
        b.tiles = tn_min(first_tile(job, number + 1), wg->tiles) - b.tile;
        b.panels = tn_ceil_div(b.tiles, wg->s);
        tn_winograd_block_ahead(&b, first_tile(job, number + team->count));
        run_block(&b);
    }
}

/** Blocks of nearly equal numbers of tiles, as many for each thread: of whole panels or, where there are few, of the thirds
 *  that tiles of products have. */
static void cut_blocks(forward_job *job, int threads)
{
    const tn_winograd *wg = job->pass.wg;
    job->unit = has_few_tiles(job, threads) ? wg->s / 3 : wg->s;
    job->units = tn_ceil_div(wg->tiles, job->unit);
    job->blocks = tn_min(tn_round_up(tn_ceil_div(job->panels, job->space.panels), threads), job->units);
}

/* ---- one block, its steps shared out ---- */

static void share_in(const tn_team *team, const tn_winograd_block *b)
{
    int64_t chunks = tn_ceil_div(b->pass->wg->in.channels, TN_WINOGRAD_CHUNK), first, last;
    tn_team_range(team, b->tiles * chunks, &first, &last);
    for (int64_t i = first; i < last; i++)
        tn_winograd_block_in(b, i / chunks, i % chunks * TN_WINOGRAD_CHUNK);
}

static void share_products(const tn_team *team, const tn_winograd_block *b)
{
    int64_t first, last;
    tn_team_range(team, b->pass->wg->points, &first, &last);
    tn_winograd_block_multiply(b, first, last);
}

static void share_out(const tn_team *team, const tn_winograd_block *b)
{
    int64_t chunks = tn_ceil_div(b->pass->wg->out.channels, TN_WINOGRAD_CHUNK), first, last;
    tn_team_range(team, b->tiles * chunks, &first, &last);
    for (int64_t i = first; i < last; i++)
        tn_winograd_block_out(b, i / chunks, i % chunks * TN_WINOGRAD_CHUNK);
}

static void run_together(const tn_team *team, void *arg)
{
    const forward_job *job = arg;
    tn_winograd_block b = block_in(job, job->memory);
    b.tiles = job->pass.wg->tiles;
    b.panels = job->panels;
    share_in(team, &b);
    tn_team_barrier(team);
    share_products(team, &b);
    tn_team_barrier(team);
    share_out(team, &b);
}

/** One block of few tiles: true, with its workspace, if that fits the memory of all threads. What crosses from core to
 *  core are transformed tiles, where blocks would have every core read all filters: the less of both. */
static bool is_one_block(const forward_job *job, int threads, tn_winograd_space *space)
{
    const tn_winograd *wg = job->pass.wg;
    double in = (double)wg->in.channels, out = (double)wg->out.channels;
    if (!has_few_tiles(job, threads) ||
        (double)(wg->points * wg->tiles) * (in + out) > (double)wg->filter_points * in * out)
        return false;
    *space = tn_winograd_space_of(job->pass.wg, job->panels);
    return space_floats(space) <= threads * space_floats(&job->space);
}

/* ---- both ---- */

static void run_tiles(const tn_winograd_pass *pass, tn_pool *pool, float *memory)
{
    const tn_winograd *wg = pass->wg;
    int threads = tn_pool_threads(pool);
    forward_job job = {.pass = *pass, .space = block_space(wg), .memory = memory, .panels = tn_ceil_div(wg->tiles, wg->s)};
    tn_winograd_space one;
    if (is_one_block(&job, threads, &one)) {
        job.space = one;
        tn_pool_run(pool, run_together, &job);
        return;
    }
    cut_blocks(&job, threads);
    atomic_init(&job.next, 0);
    tn_pool_run(pool, run_blocks, &job);
}

/** A group's transformed filters: the caller's, or made now at the start of `memory`, which then begins behind them. */
static const float *filters_of(const tn_winograd *wg, const tn_conv_shape *s, int64_t group, tn_pool *pool,
                               const float *w, bool rotated, const void *prepared, float **memory)
{
    int64_t floats = tn_winograd_filter_floats(wg);
    float *filters = *memory;
    if (prepared)
        return (const float *)prepared + group * floats;
    tn_winograd_transform_filters(wg, pool, w + group * (s->f / s->groups), s->f, rotated, filters);
    *memory += tn_round_up(floats, 16);
    return filters;
}

void tn_winograd_forward(const tn_conv_shape *s, int64_t m, tn_pool *pool, const float *x, const float *w,
                         const void *prepared, const float *bias, tn_activation activation, float *y, void *scratch)
{
    tn_winograd wg = tn_winograd_of(s, TN_CONV_FORWARD, m);
    for (int64_t g = 0; g < s->groups && wg.tiles > 0; g++) {
        float *memory = scratch;
        const tn_winograd_pass pass = {.wg = &wg, .in = x + g * wg.in.channels,
                                       .filters = filters_of(&wg, s, g, pool, w, false, prepared, &memory),
                                       .bias = bias ? bias + g * wg.out.channels : NULL,
                                       .out = y + g * wg.out.channels, .activation = activation};
        run_tiles(&pass, pool, memory);
    }
}

void tn_winograd_data(const tn_conv_shape *s, int64_t m, tn_pool *pool, const float *dy, const float *w,
                      const void *prepared, float *dx, void *scratch)
{
    tn_winograd wg = tn_winograd_of(s, TN_CONV_DATA, m);
    for (int64_t g = 0; g < s->groups && wg.tiles > 0; g++) {
        float *memory = scratch;
        const tn_winograd_pass pass = {.wg = &wg, .in = dy + g * wg.in.channels,
                                       .filters = filters_of(&wg, s, g, pool, w, true, prepared, &memory),
                                       .out = dx + g * wg.out.channels};
        run_tiles(&pass, pool, memory);
    }
}
