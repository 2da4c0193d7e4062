/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Winograd's forward pass and gradient of the data: the same machine, with rotated filters for the latter.
 *
 *  Filters are transformed once for all threads. Then tiles are worked off in blocks, each by one thread in a workspace
 *  of its own that stays in its caches:
 *
 *      B^T d B   S tiles, one vector of channels: [tile][point][channel], then transposed for each point into
 *                panels U [point][panel of tiles][channel][S]
 *      products  for each point  M [point][tile][filter] = U x filters [panel][channel][V]
 *      A^T M A   one tile, a few vectors of filters, then bias, activation, and the pixels of y
 *
 *  Every result comes from one block by sums in one order, so blocks may depend on the number of threads. */
#include "base/memory.h"
#include "base/status.h"
#include "kernels/gemm_kernel.h"
#include "kernels/kernels.h"
#include "kernels/product.h"
#include "kernels/winograd.h"

#include <stdatomic.h>
#include <string.h>

#define BLOCK_FLOATS (1 << 20)   /* of a workspace that stays near the core */
#define CACHED_FILTERS (2 << 20) /* of filters that do; larger ones are read for no fewer than LEAST_PANELS of tiles */
#define LEAST_PANELS 4
#define MOST_PANELS 8
#define DEEP 640          /* products are cut along channels above this */
#define GROUP_FLOATS (96 * 1024) /* of vector-side panels that stay in the L2 cache while tiles pass */

/** Sizes of a block's workspace, in floats. */
typedef struct workspace {
    int64_t panels, out_width; /* out_width: output channels in whole panels */
    int64_t u_point, m_point;  /* from point to point */
    int64_t u, m, turned, total;
} workspace;

static workspace workspace_of(const tn_winograd *wg)
{
    workspace ws = {.out_width = tn_winograd_round(wg->out.channels, wg->v)};
    int64_t slack = TN_PANEL_SLACK / (int64_t)sizeof(float);
    int64_t cached = BLOCK_FLOATS / (wg->points * wg->s * (wg->in.channels + ws.out_width));
    int64_t least = wg->points * wg->in.channels * ws.out_width > CACHED_FILTERS ? LEAST_PANELS : 1;
    ws.panels = cached < least ? least : cached > MOST_PANELS ? MOST_PANELS : cached;
    ws.u_point = tn_winograd_stride(ws.panels * wg->s * wg->in.channels);
    ws.m_point = tn_winograd_stride(ws.panels * wg->s * ws.out_width);
    ws.u = wg->points * ws.u_point + slack;
    ws.m = wg->points * ws.m_point;
    ws.turned = tn_winograd_round(wg->s * wg->points * TN_MAP_CHUNK, 16);
    ws.total = tn_winograd_round(ws.u + ws.m + ws.turned, 16);
    return ws;
}

tn_status tn_winograd_forward_scratch(const tn_winograd *wg, int threads, size_t *out)
{
    int64_t in = wg->in.channels, outs, filters, floats;
    size_t bytes, each, shared;
    bool fits = tn_add_i64(wg->out.channels, wg->v + MOST_PANELS * wg->s, &outs) && tn_mul_i64(in, outs, &filters) &&
                tn_add_i64(filters, 64, &filters) && tn_mul_i64(filters, wg->points, &filters) &&
                tn_add_i64(in, outs, &floats) && tn_mul_i64(floats, MOST_PANELS * wg->points * wg->s * 8, &floats);
    if (!fits)
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of a convolution of %lld channels does not fit", (long long)in);
    workspace ws = workspace_of(wg);
    shared = (size_t)(tn_winograd_filter_stride(wg) * wg->points) * sizeof(float) + TN_PANEL_SLACK;
    if (!tn_mul_size((size_t)ws.total * sizeof(float), (size_t)threads, &each) ||
        !tn_add_size(tn_align_up(shared), each, &bytes))
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of a convolution of %lld channels does not fit", (long long)in);
    *out = bytes;
    return TN_OK;
}

typedef struct forward_job {
    const tn_winograd *wg;
    const float *in, *filters, *bias;
    float *out;
    tn_activation activation;
    workspace ws;
    float *space; /* of all threads */
    int64_t panels, blocks;
    atomic_llong next;
} forward_job;

/** One block of tiles in one thread's hands. */
typedef struct block {
    const forward_job *job;
    int64_t tile, tiles, panels;
    float *u, *m, *turned;
} block;

/* ---- B^T d B ---- */

/** Tiles of one panel, channels [c, c + width) <= TN_MAP_CHUNK: into b->turned [tile][point][channel]. */
static void transform_tiles(const block *b, int64_t tile, int64_t count, int64_t c, int64_t width)
{
    const tn_winograd *wg = b->job->wg;
    float aside[TN_WINOGRAD_POINTS * TN_MAP_CHUNK];
    for (int64_t i = 0; i < count; i++) {
        int64_t n, row, col;
        tn_winograd_place(wg, tile + i, &n, &row, &col);
        tn_square square = tn_winograd_square(&wg->in, b->job->in, n, wg->top + row * wg->m, wg->left + col * wg->m,
                                              wg->a, c, width, aside);
        wg->maps->data(square.data, square.row, square.col, b->turned + i * wg->points * TN_MAP_CHUNK, TN_MAP_CHUNK,
                       TN_MAP_CHUNK);
    }
    memset(b->turned + count * wg->points * TN_MAP_CHUNK, 0,
           (size_t)((wg->s - count) * wg->points * TN_MAP_CHUNK) * sizeof *b->turned);
}

/** Each point's [tile][channel] becomes [channel][tile], its place in the panel. */
static void turn_points(const block *b, int64_t panel, int64_t c, int64_t width)
{
    const tn_winograd *wg = b->job->wg;
    const float *rows[TN_PANEL_LANES];
    float *out = b->u + (panel * wg->in.channels + c) * wg->s;
    for (int64_t p = 0; p < wg->points; p++, out += b->job->ws.u_point) {
        for (int64_t i = 0; i < wg->s; i++)
            rows[i] = b->turned + (i * wg->points + p) * TN_MAP_CHUNK;
        tn_conv_kernels()->interleave(rows, wg->s, width, out);
    }
}

static void transform_in(const block *b)
{
    const tn_winograd *wg = b->job->wg;
    for (int64_t panel = 0; panel < b->panels; panel++) {
        int64_t tile = panel * wg->s, count = b->tiles - tile < wg->s ? b->tiles - tile : wg->s;
        for (int64_t c = 0; c < wg->in.channels; c += TN_MAP_CHUNK) {
            int64_t width = wg->in.channels - c < TN_MAP_CHUNK ? wg->in.channels - c : TN_MAP_CHUNK;
            transform_tiles(b, b->tile + tile, count, c, width);
            turn_points(b, panel, c, width);
        }
    }
}

/* ---- products ---- */

/** Panels of tiles under a group of filter panels, channels [k0, k0 + kn). */
static void multiply_group(const block *b, const float *u, const float *filters, float *m, int64_t first, int64_t last,
                           int64_t k0, int64_t kn)
{
    const tn_winograd *wg = b->job->wg;
    int64_t k = wg->in.channels, width = b->job->ws.out_width;
    for (int64_t i = 0; i < b->panels; i++) {
        for (int64_t j = first; j < last; j++)
            tn_gemm_tile(wg->s, wg->v, kn, 1.0f, u + (i * k + k0) * wg->s, filters + (j * k + k0) * wg->v,
                         k0 == 0 ? 0.0f : 1.0f, m + i * wg->s * width + j * wg->v, width);
    }
}

static void multiply_point(const block *b, int64_t point)
{
    const tn_winograd *wg = b->job->wg;
    int64_t k = wg->in.channels, parts = (k + DEEP - 1) / DEEP, depth = (k + parts - 1) / parts;
    int64_t panels = b->job->ws.out_width / wg->v, group = GROUP_FLOATS / (depth * wg->v);
    group = group < 1 ? 1 : group;
    for (int64_t k0 = 0; k0 < k; k0 += depth) {
        for (int64_t j = 0; j < panels; j += group)
            multiply_group(b, b->u + point * b->job->ws.u_point,
                           b->job->filters + point * tn_winograd_filter_stride(wg), b->m + point * b->job->ws.m_point,
                           j, j + group < panels ? j + group : panels, k0, k - k0 < depth ? k - k0 : depth);
    }
}

/* ---- A^T M A ---- */

/** Results [row][col][TN_WINOGRAD_CHUNK] of one tile: those that are in the image, with bias and activation. */
static void put_tile(const forward_job *job, int64_t tile, int64_t f, int64_t width, const float *results)
{
    const tn_winograd *wg = job->wg;
    int64_t n, row, col, step = tn_winograd_round(width, TN_MAP_CHUNK);
    tn_winograd_place(wg, tile, &n, &row, &col);
    bool relu = job->activation == TN_RELU, other = !relu && job->activation != TN_LINEAR;
    for (int64_t i = row * wg->m; i < row * wg->m + wg->m && i < wg->out.h; i++) {
        for (int64_t j = col * wg->m; j < col * wg->m + wg->m && j < wg->out.w; j++) {
            float *to = job->out + ((n * wg->out.h + i) * wg->out.w + j) * wg->out.pitch + f;
            const float *from = results + ((i - row * wg->m) * wg->m + j - col * wg->m) * step;
            tn_conv_kernels()->finish(from, job->bias ? job->bias + f : NULL, relu, to, width);
            if (other)
                tn_activate(NULL, job->activation, to, to, width);
        }
    }
}

static void transform_out(const block *b)
{
    const tn_winograd *wg = b->job->wg;
    const workspace *ws = &b->job->ws;
    float results[TN_WINOGRAD_POINTS * TN_WINOGRAD_CHUNK];
    for (int64_t i = 0; i < b->tiles; i++) {
        for (int64_t f = 0; f < wg->out.channels; f += TN_WINOGRAD_CHUNK) {
            int64_t left = wg->out.channels - f, width = left < TN_WINOGRAD_CHUNK ? left : TN_WINOGRAD_CHUNK;
            int64_t wide = tn_winograd_round(width, TN_MAP_CHUNK);
            wg->maps->output(b->m + i * ws->out_width + f, wg->a * ws->m_point, ws->m_point, results, wide, wide);
            put_tile(b->job, b->tile + i, f, width, results);
        }
    }
}

/* ---- the blocks ---- */

static block block_at(const forward_job *job, int64_t number, float *space)
{
    const tn_winograd *wg = job->wg;
    int64_t first = number * job->panels / job->blocks, last = (number + 1) * job->panels / job->blocks;
    block b = {.job = job, .tile = first * wg->s, .panels = last - first};
    int64_t end = last * wg->s < wg->tiles ? last * wg->s : wg->tiles;
    b.tiles = end - b.tile;
    b.u = space;
    b.m = b.u + tn_winograd_round(job->ws.u, 16);
    b.turned = b.m + job->ws.m;
    return b;
}

static void run_blocks(const tn_team *team, void *arg)
{
    forward_job *job = arg;
    for (;;) {
        int64_t number = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
        if (number >= job->blocks)
            break;
        block b = block_at(job, number, job->space + team->index * job->ws.total);
        transform_in(&b);
        for (int64_t point = 0; point < job->wg->points; point++)
            multiply_point(&b, point);
        transform_out(&b);
    }
}

/** Blocks of nearly equal numbers of panels, as many for each thread. */
static int64_t count_blocks(const forward_job *job, int threads)
{
    int64_t blocks = (job->panels + job->ws.panels - 1) / job->ws.panels;
    blocks = tn_winograd_round(blocks, threads);
    return blocks < job->panels ? blocks : job->panels;
}

static void run_tiles(const tn_winograd *wg, tn_pool *pool, const float *in, const float *bias,
                      tn_activation activation, float *out, float *scratch)
{
    size_t filters = (size_t)(tn_winograd_filter_stride(wg) * wg->points) * sizeof(float) + TN_PANEL_SLACK;
    forward_job job = {.wg = wg, .in = in, .filters = scratch, .bias = bias, .out = out, .activation = activation,
                       .ws = workspace_of(wg), .panels = (wg->tiles + wg->s - 1) / wg->s};
    job.space = scratch + tn_align_up(filters) / sizeof(float);
    job.blocks = count_blocks(&job, tn_pool_threads(pool));
    atomic_init(&job.next, 0);
    tn_pool_run(pool, run_blocks, &job);
}

void tn_winograd_forward(const tn_conv_shape *s, int64_t m, tn_pool *pool, const float *x, const float *w,
                         const float *bias, tn_activation activation, float *y, void *scratch)
{
    tn_winograd wg = tn_winograd_of(s, TN_CONV_FORWARD, m);
    for (int64_t g = 0; g < s->groups && wg.tiles > 0; g++) {
        tn_winograd_transform_filters(&wg, pool, w + g * wg.out.channels, s->f, false, scratch);
        run_tiles(&wg, pool, x + g * wg.in.channels, bias ? bias + g * wg.out.channels : NULL, activation,
                  y + g * wg.out.channels, scratch);
    }
}

void tn_winograd_data(const tn_conv_shape *s, int64_t m, tn_pool *pool, const float *dy, const float *w, float *dx,
                      void *scratch)
{
    tn_winograd wg = tn_winograd_of(s, TN_CONV_DATA, m);
    for (int64_t g = 0; g < s->groups && wg.tiles > 0; g++) {
        tn_winograd_transform_filters(&wg, pool, w + g * wg.in.channels, s->f, true, scratch);
        run_tiles(&wg, pool, dy + g * wg.in.channels, NULL, TN_LINEAR, dx + g * wg.out.channels, scratch);
    }
}
