/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Winograd's gradient of the filters, the transpose of the forward pass by its filters:
 *
 *      dw = G^T [ sum over tiles (B^T d B) * (A dY A^T) ] G
 *
 *  For each point a product dW [C,F] += U^T [C,tiles] D [tiles,F]: channels take the scalar side, filters the vector
 *  side, tiles are the sum. A task is some rows of points of some filters. It transforms those rows of its tiles alone,
 * a block of tiles at a time, in a workspace of its own: a row of points costs as many operations as its share of the
 *  square, and nothing that one core has written is read by another until all sums are complete. Every sum is one
 * task's, block after block, and blocks follow from the sizes alone: there are no copies of dW to add up, and any
 * number of threads gives the same bits.
 *
 *      nine rows of points, two threads      0 0 0 0 1 1 1 1 2      task 0, task 1, and the row that is left over
 *                                            0 0 0 0 1 1 1 1 3      by filters */
#include "kernels/winograd_gradient.h"

#include "base/memory.h"
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/product.h"

#include <stdatomic.h>
#include <string.h>

/* A block reads and writes all sums, so it must not be short; its transformed tiles should not leave the caches, so it
 * must not be long. */
#define MOST_TILES 128
/* In multiply-adds at the rate of the products: */
#define TRANSFORM_COST 16.0 /* of a number of a transformed tile */
#define READ_COST 10.0      /* of a number of a tile that comes to the core */

/** How the work is cut: large tasks of `rows` rows of points, or what is left of them, of one of `parts` of the filters; then
 *  the rows that are left over, one at a time, in parts of their own. */
typedef struct cut {
    int64_t rows, parts, large;
    int64_t rest_parts;
} cut;

/** Sizes in floats. */
typedef struct workspace {
    cut cut;
    int64_t tiles;            /* of a block, at most */
    int64_t c_width, f_width; /* channels, and filters of the widest part, in whole panels */
    int64_t u_row, d_row;     /* from tile to tile */
    int64_t u_point, d_point;
    int64_t zeros, u, d;       /* of a thread */
    int64_t w_row, w_point, w; /* from channel to channel; sums of all tasks */
} workspace;

/* ---- tasks ---- */

static int64_t part_width(const tn_winograd *wg, int64_t parts)
{
    int64_t unit = tn_max(wg->v, TN_MAP_CHUNK);
    return tn_ceil_div(tn_ceil_div(wg->out.channels, unit), parts) * unit;
}

/** Rows of points that no large task has. */
static int64_t rest_of(const tn_winograd *wg, const cut *c)
{
    return tn_max(wg->a - c->large / c->parts * c->rows, 0);
}

static int64_t count_tasks(const tn_winograd *wg, const cut *c)
{
    return c->large + rest_of(wg, c) * c->rest_parts;
}

/** What a task does for each tile, in multiply-adds. */
static double work_of(const tn_winograd *wg, int64_t rows, int64_t parts)
{
    double c = (double)wg->in.channels, f = (double)part_width(wg, parts), points = (double)(rows * wg->a);
    double pixels = (double)wg->points * c + (double)(wg->out.size * wg->out.size) * f;
    return points * (c * f + TRANSFORM_COST * (c + f)) + READ_COST * pixels;
}

/** What the busiest of the threads does. */
static double busiest(const tn_winograd *wg, const cut *c, int threads)
{
    double large = (double)tn_ceil_div(c->large, threads) * work_of(wg, c->rows, c->parts);
    return large + (double)tn_ceil_div(rest_of(wg, c) * c->rest_parts, threads) * work_of(wg, 1, c->rest_parts);
}

static void take_better(const tn_winograd *wg, const cut *c, int threads, cut *best)
{
    if (busiest(wg, c, threads) < busiest(wg, best, threads))
        *best = *c;
}

/** There are so many parts, none of them empty. */
static bool has_parts(const tn_winograd *wg, int64_t parts)
{
    return (parts - 1) * part_width(wg, parts) < wg->out.channels;
}

/** Cut the work for so many threads: all rows alike, or as many as are the same for all threads and then the rest. Any cut
 *  gives the same bits. */
static cut cut_tasks(const tn_winograd *wg, int threads)
{
    cut best = {wg->a, 1, 1, 1};
    for (int64_t rows = wg->a; rows > 0; rows--) {
        for (int64_t parts = 1; parts <= threads && has_parts(wg, parts); parts++) {
            take_better(wg, &(cut){rows, parts, tn_ceil_div(wg->a, rows) * parts, parts}, threads, &best);
            if (wg->a >= rows * threads)
                take_better(wg, &(cut){rows, 1, wg->a / (rows * threads) * threads, parts}, threads, &best);
        }
    }
    return best;
}

static workspace workspace_of(const tn_winograd *wg, int threads)
{
    workspace ws = {.tiles = tn_min(wg->tiles, MOST_TILES), .c_width = tn_round_up(wg->in.channels, wg->s)};
    ws.cut = cut_tasks(wg, threads);
    ws.f_width = part_width(wg, tn_min(ws.cut.parts, ws.cut.rest_parts));
    ws.u_row = tn_odd_lines(wg->in.channels);
    ws.d_row = tn_odd_lines(ws.f_width);
    ws.u_point = tn_odd_lines(ws.tiles * ws.u_row);
    ws.d_point = tn_odd_lines(ws.tiles * ws.d_row);
    ws.zeros = tn_round_up(tn_max(wg->in.channels, wg->out.channels), 16);
    ws.u = ws.cut.rows * wg->a * ws.u_point;
    ws.d = ws.cut.rows * wg->a * ws.d_point;
    ws.w_row = part_width(wg, 1);
    ws.w_point = tn_odd_lines(ws.c_width * ws.w_row);
    ws.w = wg->points * ws.w_point;
    return ws;
}

static int64_t thread_floats(const workspace *ws)
{
    return ws->zeros + ws->u + ws->d;
}

tn_status tn_winograd_filter_scratch(const tn_winograd *wg, int threads, size_t *out)
{
    int64_t c, f, sum, product, bytes;
    bool fits = tn_add_i64(wg->in.channels, 64, &c) && tn_add_i64(wg->out.channels, 64, &f) && tn_add_i64(c, f, &sum) &&
                tn_mul_i64(c, f, &product) && tn_mul_i64(sum, MOST_TILES * threads, &sum) &&
                tn_add_i64(sum, product, &sum) && tn_add_i64(sum, 1024, &sum) &&
                tn_mul_i64(sum, wg->points * (int64_t)sizeof(float), &bytes);
    if (!fits)
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of the gradient of %lld x %lld filters does not fit",
                       (long long)wg->in.channels, (long long)wg->out.channels);
    workspace ws = workspace_of(wg, threads);
    *out = (size_t)(ws.w + threads * thread_floats(&ws)) * sizeof(float);
    return TN_OK;
}

typedef struct gradient_job {
    const tn_winograd *wg;
    const float *x, *dy;
    float *dw;
    int64_t filters; /* of all groups */
    bool add;
    workspace ws;
    float *w, *memory; /* memory: of all threads */
    atomic_llong next;
} gradient_job;

/** A task in the hands of a thread. */
typedef struct gradient_task {
    const gradient_job *job;
    int64_t row, rows;        /* of points */
    int64_t filter, filters;  /* the first of the part, and how many it has, */
    int64_t width;            /* in whole panels, or as many as the other parts */
    float *zeros, *u, *d, *w; /* w: where its sums begin */
} gradient_task;

/* ---- transforms ---- */

/** Both operands of tiles [first, first + tiles). */
static void transform_block(const gradient_task *t, int64_t first, int64_t tiles)
{
    const tn_winograd *wg = t->job->wg;
    const workspace *ws = &t->job->ws;
    const tn_winograd_operand u = {.image = &wg->in,
                                   .data = t->job->x,
                                   .zeros = t->zeros,
                                   .map = wg->maps->data_row,
                                   .channels = wg->in.channels,
                                   .row = ws->u_row,
                                   .point = ws->u_point,
                                   .out = t->u};
    const tn_winograd_operand d = {.image = &wg->out,
                                   .data = t->job->dy + t->filter,
                                   .zeros = t->zeros,
                                   .map = wg->maps->gradient_row,
                                   .channels = t->filters,
                                   .row = ws->d_row,
                                   .point = ws->d_point,
                                   .out = t->d};
    for (int64_t tile = 0; tile < tiles; tile++) {
        tn_winograd_transform_rows(wg, &u, t->row, t->rows, first + tile, tile);
        tn_winograd_transform_rows(wg, &d, t->row, t->rows, first + tile, tile);
    }
}

/** The lanes past the last filter that tiles multiply and transforms leave out, and those of sums that it is the other
 * way round with: no numbers that could trap. */
static void clear_lanes(const gradient_task *t)
{
    const workspace *ws = &t->job->ws;
    int64_t points = t->rows * t->job->wg->a, used = tn_round_up(t->filters, TN_MAP_CHUNK);
    int64_t summed = tn_round_up(t->filters, t->job->wg->v), wide = tn_min(t->width, ws->w_row - t->filter);
    for (int64_t p = 0; p < points && used < t->width; p++) {
        for (int64_t tile = 0; tile < ws->tiles; tile++)
            memset(t->d + p * ws->d_point + tile * ws->d_row + used, 0, (size_t)(t->width - used) * sizeof(float));
    }
    for (int64_t p = 0; p < points && summed < wide; p++) {
        for (int64_t c = 0; c < ws->c_width; c++)
            memset(t->w + p * ws->w_point + c * ws->w_row + summed, 0, (size_t)(wide - summed) * sizeof(float));
    }
}

/* ---- products ---- */

/** One panel of channels of one point under all filters of the part; meanwhile shares of the next point's tiles are
 * fetched, which lie as its own do. */
static void multiply_panel(const gradient_task *t, int64_t point, int64_t panel, int64_t tiles, bool add)
{
    const tn_winograd *wg = t->job->wg;
    const workspace *ws = &t->job->ws;
    int64_t width = tn_round_up(t->filters, wg->v), columns = width / wg->v, parts = ws->c_width / wg->s * columns;
    int64_t c = panel * wg->s;
    const float *u = t->u + point * ws->u_point, *d = t->d + point * ws->d_point;
    float *w = t->w + point * ws->w_point + c * ws->w_row;
    tn_tile_sides sides = {.a = u + c, .a_stride = ws->u_row, .b_stride = ws->d_row, .depth = tiles};
    sides.next_a_step = tn_ceil_div(ws->u_row, parts);
    sides.next_b_step = tn_ceil_div(ws->d_row, parts);
    sides.next_a = u + ws->u_point + panel * columns * sides.next_a_step * tiles;
    sides.next_b = d + ws->d_point + panel * columns * sides.next_b_step * tiles;
    for (int64_t f = 0; f < width; f += wg->v) {
        sides.b = d + f;
        tn_conv_kernels()->direct->along(&sides, wg->in.channels - c, add, w + f, ws->w_row);
        sides.next_a += sides.next_a_step * tiles;
        sides.next_b += sides.next_b_step * tiles;
    }
}

static void multiply_block(const gradient_task *t, int64_t tiles, bool add)
{
    int64_t panels = t->job->ws.c_width / t->job->wg->s;
    for (int64_t unit = 0; unit < t->rows * t->job->wg->a * panels; unit++)
        multiply_panel(t, unit / panels, unit % panels, tiles, add);
}

static void run_task(const gradient_task *t)
{
    int64_t tiles = t->job->wg->tiles, blocks = tn_ceil_div(tiles, MOST_TILES);
    clear_lanes(t);
    for (int64_t b = 0; b < blocks; b++) {
        int64_t first = tiles * b / blocks, count = tiles * (b + 1) / blocks - first;
        transform_block(t, first, count);
        multiply_block(t, count, b > 0);
    }
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
            int64_t width = tn_min(wg->out.channels - f, TN_WINOGRAD_CHUNK), wide = tn_round_up(width, TN_MAP_CHUNK);
            wg->maps->filter_gradient(job->w + c * ws->w_row + f, wg->a * ws->w_point, ws->w_point, taps, wide, wide);
            put_filters(job, c, f, width, wide, taps);
        }
    }
}

/* ---- all of it ---- */

static gradient_task task_of(const gradient_job *job, int64_t number, float *memory)
{
    const tn_winograd *wg = job->wg;
    const workspace *ws = &job->ws;
    const cut *way = &ws->cut;
    bool large = number < way->large;
    int64_t first = large ? 0 : way->large / way->parts * way->rows, parts = large ? way->parts : way->rest_parts;
    number -= large ? 0 : way->large;
    gradient_task t = {.job = job, .rows = large ? way->rows : 1, .width = part_width(wg, parts)};
    t.row = first + number / parts * t.rows;
    t.rows = tn_min(t.rows, wg->a - t.row);
    t.filter = number % parts * t.width;
    t.filters = tn_min(t.width, wg->out.channels - t.filter);
    t.zeros = memory;
    t.u = t.zeros + ws->zeros;
    t.d = t.u + ws->u;
    t.w = job->w + t.row * wg->a * ws->w_point + t.filter;
    return t;
}

static void run_gradient(const tn_team *team, void *arg)
{
    gradient_job *job = arg;
    const workspace *ws = &job->ws;
    float *memory = job->memory + team->index * thread_floats(ws);
    memset(memory, 0, (size_t)ws->zeros * sizeof *memory);
    for (;;) {
        int64_t number = atomic_fetch_add_explicit(&job->next, 1, memory_order_relaxed);
        if (number >= count_tasks(job->wg, &ws->cut))
            break;
        gradient_task task = task_of(job, number, memory);
        run_task(&task);
    }
    tn_team_barrier(team);
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
    gradient_job job = {.wg = &wg, .filters = s->f, .add = add, .w = scratch};
    job.ws = workspace_of(&wg, tn_pool_threads(pool));
    job.memory = job.w + job.ws.w;
    for (int64_t g = 0; g < s->groups; g++) {
        job.x = x + g * wg.in.channels;
        job.dy = dy + g * wg.out.channels;
        job.dw = dw + g * wg.out.channels;
        atomic_init(&job.next, 0);
        tn_pool_run(pool, run_gradient, &job);
    }
}
