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
#include "kernels/arithmetic.h"
#include "kernels/product.h"
#include "kernels/winograd.h"

#include <string.h>

#define CACHED_FLOATS (1 << 20)  /* of transformed tiles that stay near the core */
#define CACHED_FILTERS (6 << 20) /* of summed filters that do; beyond, blocks grow to read and write them less often   \
                                  */
#define LEAST_TILES 96
#define MOST_TILES 160

/** Sizes in floats. */
typedef struct workspace {
    int64_t tiles;            /* of a block */
    int64_t c_width, f_width; /* in whole panels */
    int64_t u_row, d_row;     /* from tile to tile */
    int64_t w_row;            /* from channel to channel */
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
    workspace ws = {.c_width = tn_round_up(wg->in.channels, wg->s), .f_width = tn_round_up(wg->out.channels, wg->v)};
    ws.tiles = tiles_of_block(wg->points * (ws.c_width + ws.f_width), wg->points * ws.c_width * ws.f_width);
    ws.u_row = tn_odd_lines(wg->in.channels);
    ws.d_row = tn_odd_lines(ws.f_width);
    ws.u_point = tn_odd_lines(ws.tiles * ws.u_row);
    ws.d_point = tn_odd_lines(ws.tiles * ws.d_row);
    ws.w_row = tn_round_up(ws.f_width, TN_MAP_CHUNK);
    ws.w_point = tn_odd_lines(ws.c_width * ws.w_row);
    ws.u = wg->points * ws.u_point;
    ws.d = wg->points * ws.d_point;
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

/* ---- transforms ---- */

/** One operand of the products: what is transformed, and the matrices [point][tile][channel] that it becomes. */
typedef struct operand {
    const tn_tiled_image *image;
    const float *data;
    tn_winograd_map *map;
    int64_t size, top, left; /* squares of size x size pixels, m apart */
    int64_t row, point;      /* floats from tile to tile, from point to point */
    float *out;
} operand;

/** Tile number `tile` of all, the `place`th of the block. */
static void transform_tile(const tn_winograd *wg, const operand *o, int64_t tile, int64_t place)
{
    float aside[TN_WINOGRAD_POINTS * TN_WINOGRAD_CHUNK];
    int64_t n, row, col;
    tn_winograd_place(wg, tile, &n, &row, &col);
    for (int64_t c = 0; c < o->image->channels; c += TN_WINOGRAD_CHUNK) {
        int64_t width = tn_min(o->image->channels - c, TN_WINOGRAD_CHUNK);
        tn_square square = tn_winograd_square(o->image, o->data, n, o->top + row * wg->m, o->left + col * wg->m,
                                              o->size, c, width, aside);
        o->map(square.data, square.row, square.col, o->out + place * o->row + c, o->point,
               tn_round_up(width, TN_MAP_CHUNK));
    }
}

/** Both operands of tiles [first, first + tiles), shared out among the team. */
static void transform_block(const tn_team *team, const gradient_job *job, int64_t first, int64_t tiles)
{
    const tn_winograd *wg = job->wg;
    const workspace *ws = &job->ws;
    const operand u = {&wg->in, job->x, wg->maps->data, wg->a, wg->top, wg->left, ws->u_row, ws->u_point, job->u};
    const operand d = {&wg->out, job->dy, wg->maps->output_gradient, wg->m, 0, 0, ws->d_row, ws->d_point, job->d};
    int64_t begin, end;
    tn_team_range(team, tiles, &begin, &end);
    for (int64_t tile = begin; tile < end; tile++) {
        transform_tile(wg, &u, first + tile, tile);
        transform_tile(wg, &d, first + tile, tile);
    }
}

/** The lanes past the last filter that tiles multiply and transforms leave out, and those of sums that it is the other
 * way round with: no numbers that could trap. */
static void clear_lanes(const tn_team *team, const gradient_job *job)
{
    const workspace *ws = &job->ws;
    int64_t used = tn_round_up(job->wg->out.channels, TN_MAP_CHUNK), begin, end;
    tn_team_range(team, job->wg->points, &begin, &end);
    for (int64_t p = begin; p < end && used < ws->f_width; p++) {
        for (int64_t tile = 0; tile < ws->tiles; tile++)
            memset(job->d + p * ws->d_point + tile * ws->d_row + used, 0, (size_t)(ws->f_width - used) * sizeof(float));
    }
    for (int64_t p = begin; p < end && ws->f_width < ws->w_row; p++) {
        for (int64_t c = 0; c < ws->c_width; c++)
            memset(job->w + p * ws->w_point + c * ws->w_row + ws->f_width, 0,
                   (size_t)(ws->w_row - ws->f_width) * sizeof(float));
    }
}

/* ---- products ---- */

/** One panel of channels of one point under all filters; meanwhile shares of the next point's tiles are fetched, which
 * lie as its own do. */
static void multiply_panel(const gradient_job *job, int64_t point, int64_t panel, int64_t tiles, bool add)
{
    const tn_winograd *wg = job->wg;
    const workspace *ws = &job->ws;
    int64_t columns = ws->f_width / wg->v, parts = ws->c_width / wg->s * columns, c = panel * wg->s;
    const float *u = job->u + point * ws->u_point, *d = job->d + point * ws->d_point;
    float *w = job->w + point * ws->w_point + c * ws->w_row;
    tn_tile_sides sides = {.a = u + c, .a_stride = ws->u_row, .b_stride = ws->d_row, .depth = tiles};
    sides.next_a_step = tn_ceil_div(ws->u_row, parts);
    sides.next_b_step = tn_ceil_div(ws->d_row, parts);
    sides.next_a = u + ws->u_point + panel * columns * sides.next_a_step * tiles;
    sides.next_b = d + ws->d_point + panel * columns * sides.next_b_step * tiles;
    for (int64_t f = 0; f < ws->f_width; f += wg->v) {
        sides.b = d + f;
        tn_conv_kernels()->direct->along(&sides, wg->in.channels - c, add, w + f, ws->w_row);
        sides.next_a += sides.next_a_step * tiles;
        sides.next_b += sides.next_b_step * tiles;
    }
}

static void multiply_block(const tn_team *team, const gradient_job *job, int64_t tiles, bool add)
{
    int64_t panels = job->ws.c_width / job->wg->s, begin, end;
    tn_team_range(team, job->wg->points * panels, &begin, &end);
    for (int64_t unit = begin; unit < end; unit++)
        multiply_panel(job, unit / panels, unit % panels, tiles, add);
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
            int64_t wide = tn_round_up(width, TN_MAP_CHUNK);
            wg->maps->filter_gradient(job->w + c * ws->w_row + f, wg->a * ws->w_point, ws->w_point, taps, wide, wide);
            put_filters(job, c, f, width, wide, taps);
        }
    }
}

/* ---- the blocks ---- */

static void run_gradient(const tn_team *team, void *arg)
{
    const gradient_job *job = arg;
    clear_lanes(team, job);
    for (int64_t first = 0; first < job->wg->tiles; first += job->ws.tiles) {
        int64_t left = job->wg->tiles - first, tiles = left < job->ws.tiles ? left : job->ws.tiles;
        transform_block(team, job, first, tiles);
        tn_team_barrier(team);
        multiply_block(team, job, tiles, first > 0);
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
