/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Winograd's gradient of the filters, the transpose of the forward pass by its filters:
 *
 *      dw = G^T [ sum over tiles (B^T d B) * (A dY A^T) ] G
 *
 *  For each point a product dW [C,F] += U^T [C,tiles] D [tiles,F]: channels take the scalar side, filters the vector
 *  side, tiles are the sum. Blocks of tiles, from the sizes alone, are transformed by all threads into one workspace,
 *  then the threads share out points and panels of channels: every sum is one thread's, block after block, so there are
 *  no copies of dW to add up and any number of threads gives the same bits. */
#include "base/memory.h"
#include "base/status.h"
#include "kernels/gemm_kernel.h"
#include "kernels/product.h"
#include "kernels/winograd.h"

#include <string.h>

#define CACHED_FLOATS (1 << 20)  /* of transformed tiles that stay near the core */
#define CACHED_FILTERS (6 << 20) /* of summed filters that do; beyond, blocks grow to read and write them less often */
#define LEAST_TILES 24
#define MOST_TILES 160
#define CHUNK 48 /* channels transformed at once, or what of them are whole panels */

/** Sizes in floats. */
typedef struct workspace {
    int64_t tiles;             /* of a block */
    int64_t c_width, f_width;  /* in whole panels */
    int64_t u_point, d_point, w_point;
    int64_t u, d, w;
} workspace;

/** A block reads and writes all sums, so it must not be short; its transformed tiles should not leave the caches, so it
 *  must not be long. Which of the two costs more depends on the numbers of a tile and of the sums. */
static int64_t tiles_of_block(int64_t tile, int64_t sums)
{
    int64_t cached = CACHED_FLOATS / tile;
    int64_t few = sums < CACHED_FILTERS ? sums * MOST_TILES / CACHED_FILTERS : MOST_TILES;
    int64_t tiles = cached > few ? cached : few;
    return tiles < LEAST_TILES ? LEAST_TILES : tiles > MOST_TILES ? MOST_TILES : tiles;
}

static workspace workspace_of(const tn_winograd *wg)
{
    int64_t slack = TN_PANEL_SLACK / (int64_t)sizeof(float);
    workspace ws = {.c_width = tn_winograd_round(wg->in.channels, wg->s),
                    .f_width = tn_winograd_round(wg->out.channels, wg->v)};
    ws.tiles = tiles_of_block(wg->points * (ws.c_width + ws.f_width), wg->points * ws.c_width * ws.f_width);
    ws.u_point = tn_winograd_stride(ws.tiles * ws.c_width);
    ws.d_point = tn_winograd_stride(ws.tiles * ws.f_width);
    ws.w_point = tn_winograd_stride(ws.c_width * ws.f_width);
    ws.u = tn_winograd_round(wg->points * ws.u_point + slack, 16);
    ws.d = tn_winograd_round(wg->points * ws.d_point + slack, 16);
    ws.w = wg->points * ws.w_point;
    return ws;
}

tn_status tn_winograd_filter_scratch(const tn_winograd *wg, int threads, size_t *out)
{
    (void)threads;
    int64_t c, f, sum, product, bytes;
    bool fits = tn_add_i64(wg->in.channels, 64, &c) && tn_add_i64(wg->out.channels, 64, &f) && tn_add_i64(c, f, &sum) &&
                tn_mul_i64(c, f, &product) && tn_mul_i64(sum, MOST_TILES, &sum) && tn_add_i64(sum, product, &sum) &&
                tn_add_i64(sum, 1024, &sum) && tn_mul_i64(sum, wg->points * (int64_t)sizeof(float), &bytes);
    if (!fits)
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of the gradient of %lld x %lld filters does not fit",
                       (long long)wg->in.channels, (long long)wg->out.channels);
    workspace ws = workspace_of(wg);
    *out = (size_t)(ws.u + ws.d + ws.w) * sizeof(float);
    return TN_OK;
}

typedef struct gradient_job {
    const tn_winograd *wg;
    const float *x, *dy;
    float *dw;
    int64_t filters; /* of all groups */
    bool add;
    workspace ws;
    float *u, *d, *w;
} gradient_job;

/* ---- transforms into panels ---- */

/** One operand of the products: what is transformed, and its panels [point][panel][tile][lane]. */
typedef struct operand {
    const tn_tiled_image *image;
    const float *data;
    tn_winograd_map *map;
    int64_t size, top, left; /* squares of size x size pixels, m apart */
    int64_t lanes, point;
    float *panels;
} operand;

/** Numbers of one tile [point][step] to their lanes: channels [c, c + width), c at a panel's start. */
static void deal(const tn_winograd *wg, const operand *o, int64_t tiles, int64_t tile, int64_t c, int64_t width,
                 int64_t step, const float *points)
{
    const tn_conv_table *kernels = tn_conv_kernels();
    int64_t whole = width / o->lanes, rest = width % o->lanes, panel = tiles * o->lanes;
    float *out = o->panels + c / o->lanes * panel + tile * o->lanes;
    kernels->copy_panels(points, step, wg->points, whole, o->lanes, out, o->point, panel);
    if (rest > 0)
        kernels->copy_rows(points + whole * o->lanes, step, rest, wg->points, o->point, out + whole * panel);
}

/** The lanes past the last channel. */
static void clear_lanes(const tn_winograd *wg, const operand *o, int64_t tiles, int64_t tile)
{
    int64_t channels = o->image->channels, used = channels % o->lanes;
    float *out = o->panels + (channels / o->lanes * tiles + tile) * o->lanes + used;
    for (int64_t p = 0; used > 0 && p < wg->points; p++)
        memset(out + p * o->point, 0, (size_t)(o->lanes - used) * sizeof *out);
}

/** Channels [c, c + width) of tiles [begin, end) of a block whose first tile is number `first` of all. */
static void transform_chunk(const tn_winograd *wg, const operand *o, int64_t first, int64_t begin, int64_t end,
                            int64_t tiles, int64_t c, int64_t width)
{
    float aside[TN_WINOGRAD_POINTS * TN_WINOGRAD_CHUNK], points[TN_WINOGRAD_POINTS * TN_WINOGRAD_CHUNK];
    int64_t wide = tn_winograd_round(width, TN_MAP_CHUNK);
    for (int64_t tile = begin; tile < end; tile++) {
        int64_t n, row, col;
        tn_winograd_place(wg, first + tile, &n, &row, &col);
        tn_square square = tn_winograd_square(o->image, o->data, n, o->top + row * wg->m, o->left + col * wg->m,
                                              o->size, c, width, aside);
        o->map(square.data, square.row, square.col, points, wide, wide);
        deal(wg, o, tiles, tile, c, width, wide, points);
    }
}

/** Channels that are transformed at once: whole panels. */
static int64_t chunk_of(int64_t lanes)
{
    return lanes > CHUNK ? lanes : CHUNK / lanes * lanes;
}

/** Chunks of channels one after another: a chunk's panels are few enough lines that neighbouring tiles meet in the L1
 *  cache. */
static void transform_tiles(const tn_winograd *wg, const operand *o, int64_t first, int64_t begin, int64_t end,
                            int64_t tiles)
{
    int64_t chunk = chunk_of(o->lanes);
    for (int64_t c = 0; c < o->image->channels; c += chunk) {
        int64_t left = o->image->channels - c, width = left < chunk ? left : chunk;
        transform_chunk(wg, o, first, begin, end, tiles, c, width);
    }
    for (int64_t tile = begin; tile < end; tile++)
        clear_lanes(wg, o, tiles, tile);
}

/** Both operands of tiles [first, first + tiles), shared out among the team. */
static void transform_block(const tn_team *team, const gradient_job *job, int64_t first, int64_t tiles)
{
    const tn_winograd *wg = job->wg;
    const operand u = {&wg->in, job->x, wg->maps->data, wg->a, wg->top, wg->left, wg->s, job->ws.u_point, job->u};
    const operand d = {&wg->out, job->dy, wg->maps->output_gradient, wg->m, 0, 0, wg->v, job->ws.d_point, job->d};
    int64_t begin, end;
    tn_team_range(team, tiles, &begin, &end);
    transform_tiles(wg, &u, first, begin, end, tiles);
    transform_tiles(wg, &d, first, begin, end, tiles);
}

/* ---- products ---- */

/** One panel of channels of one point under all filters. */
static void multiply_panel(const gradient_job *job, int64_t point, int64_t panel, int64_t tiles, float beta)
{
    const tn_winograd *wg = job->wg;
    const workspace *ws = &job->ws;
    const float *u = job->u + point * ws->u_point + panel * tiles * wg->s;
    const float *d = job->d + point * ws->d_point;
    float *w = job->w + point * ws->w_point + panel * wg->s * ws->f_width;
    for (int64_t f = 0; f < ws->f_width; f += wg->v)
        tn_gemm_tile(wg->s, wg->v, tiles, 1.0f, u, d + f * tiles, beta, w + f, ws->f_width);
}

static void multiply_block(const tn_team *team, const gradient_job *job, int64_t tiles, bool first)
{
    int64_t panels = job->ws.c_width / job->wg->s, begin, end;
    tn_team_range(team, job->wg->points * panels, &begin, &end);
    for (int64_t unit = begin; unit < end; unit++)
        multiply_panel(job, unit / panels, unit % panels, tiles, first ? 0.0f : 1.0f);
}

/* ---- G^T dW G ---- */

static void put_filters(const gradient_job *job, int64_t c, int64_t f, int64_t width, int64_t step, const float *taps)
{
    const tn_winograd *wg = job->wg;
    for (int64_t tap = 0; tap < wg->r * wg->r; tap++) {
        float *to = job->dw + (tap * wg->in.channels + c) * job->filters + f;
        if (job->add)
            tn_conv_kernels()->accumulate(taps + tap * step, to, width);
        else
            memcpy(to, taps + tap * step, (size_t)width * sizeof *to);
    }
}

static void transform_back(const tn_team *team, const gradient_job *job)
{
    const tn_winograd *wg = job->wg;
    const workspace *ws = &job->ws;
    float taps[TN_WINOGRAD_POINTS * TN_WINOGRAD_CHUNK];
    int64_t begin, end;
    tn_team_range(team, wg->in.channels, &begin, &end);
    for (int64_t c = begin; c < end; c++) {
        for (int64_t f = 0; f < wg->out.channels; f += TN_WINOGRAD_CHUNK) {
            int64_t left = wg->out.channels - f, width = left < TN_WINOGRAD_CHUNK ? left : TN_WINOGRAD_CHUNK;
            int64_t wide = tn_winograd_round(width, TN_MAP_CHUNK);
            wg->maps->filter_gradient(job->w + c * ws->f_width + f, wg->a * ws->w_point, ws->w_point, taps, wide, wide);
            put_filters(job, c, f, width, wide, taps);
        }
    }
}

/* ---- the blocks ---- */

static void run_gradient(const tn_team *team, void *arg)
{
    const gradient_job *job = arg;
    for (int64_t first = 0; first < job->wg->tiles; first += job->ws.tiles) {
        int64_t left = job->wg->tiles - first, tiles = left < job->ws.tiles ? left : job->ws.tiles;
        transform_block(team, job, first, tiles);
        tn_team_barrier(team);
        multiply_block(team, job, tiles, first == 0);
        tn_team_barrier(team);
    }
    transform_back(team, job);
}

/** No tile: the sum is zero. */
static void clear_filters(const tn_conv_shape *s, bool add, float *dw)
{
    if (!add)
        memset(dw, 0, (size_t)(s->r * s->s * (s->c / s->groups) * s->f) * sizeof *dw);
}

void tn_winograd_filter(const tn_conv_shape *s, int64_t m, tn_pool *pool, const float *x, const float *dy, bool add,
                        float *dw, void *scratch)
{
    tn_winograd wg = tn_winograd_of(s, TN_CONV_FILTER, m);
    if (wg.tiles == 0) {
        clear_filters(s, add, dw);
        return;
    }
    gradient_job job = {.wg = &wg, .filters = s->f, .add = add, .ws = workspace_of(&wg), .u = scratch};
    job.d = job.u + job.ws.u;
    job.w = job.d + job.ws.d;
    for (int64_t g = 0; g < s->groups; g++) {
        job.x = x + g * wg.in.channels;
        job.dy = dy + g * wg.out.channels;
        job.dw = dw + g * wg.out.channels;
        tn_pool_run(pool, run_gradient, &job);
    }
}
