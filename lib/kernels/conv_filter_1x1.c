/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The gradient of the filters of 1x1 convolutions of many images: dw[c,f] = sum over pixels of x[pixel,c]
 *  dy[pixel,f], a product of two matrices that are multiplied as they lie in memory.
 *
 *      x: C numbers a pixel          dy: F numbers a pixel
 *      pixel 0   c c c c c c         f f f f f f f f           a tile takes some columns of both
 *      pixel 1   c c c c c c         f f f f f f f f           and as many pixels as the L2 cache holds
 *       :                             :
 *
 *  Tiles that are wider than what is left of a pixel read on into the next one, and what they make of it goes to a copy
 *  of the sums with room for whole tiles. Only the last pixels have nothing behind them: they are copied aside.
 *
 *  The sum is long and the result may be small, so pixels are cut into parts, from the sizes alone, whose sums are added
 *  in order. Tasks are parts, or some rows or columns of dw of a part. With strides, the pixels of x that count are
 *  copied together first. */
#include "kernels/conv_filter_1x1.h"

#include "base/memory.h"
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/product.h"

#include <stdatomic.h>
#include <string.h>

#define DEPTH 256   /* pixels that are multiplied at once */
#define COLUMNS 384 /* of dy, for them to stay in the L2 cache together with x */
#define EMPTY 1.5   /* times the sums that there are: worth it, for packing would cost as much */
#define PARTS 8
#define EVEN 4      /* units of columns of a share, at least */
#define PART_FLOATS (1 << 20) /* of the sums of all parts */
#define PART_PIXELS 768       /* that a part has at least */

typedef struct gradient {
    const tn_conv_shape *shape;
    const float *x, *dy;
    float *dw, *sums, *gathered;
    bool add;
    int64_t channels, filters; /* of a group */
    int64_t rows, cols;        /* of the sums: whole tiles */
    int64_t last;              /* pixels behind which tiles would read too far */
    int64_t pixels;
    int64_t parts, shares; /* of the rows of a part, or of its columns: tasks */
    bool by_columns;
    int64_t row, buffer;   /* floats of a pixel that was copied, and of a thread's; 0: x lies in one piece */
    atomic_llong next;
} gradient;

/** Rows and columns of whole tiles. */
static void count_sums(const tn_conv_shape *s, int64_t *rows, int64_t *cols)
{
    const tn_direct_tile *tile = tn_conv_kernels()->direct;
    int64_t channels = s->c / s->groups, rest = channels % tile->rows;
    *rows = channels - rest + (rest > 0 ? tn_direct_rows(tile, rest) : 0);
    *cols = tn_ceil_div(s->f / s->groups, tile->lanes) * tile->lanes;
}

static bool are_whole(const tn_conv_shape *s, int64_t rows, int64_t cols)
{
    return rows == s->c / s->groups && cols == s->f / s->groups;
}

bool tn_conv_picks_pixels(const tn_conv_shape *s)
{
    return s->r == 1 && s->s == 1 && s->pad_top == 0 && s->pad_left == 0 && s->oh == (s->h - 1) / s->stride_h + 1 &&
           s->ow == (s->w - 1) / s->stride_w + 1;
}

bool tn_conv_filter_is_1x1(const tn_conv_shape *s)
{
    int64_t rows, cols;
    if (!tn_conv_picks_pixels(s) || s->c > INT64_MAX / 2 || s->f > INT64_MAX / 2)
        return false;
    count_sums(s, &rows, &cols);
    bool few_empty = (double)rows * (double)cols < EMPTY * (double)(s->c / s->groups) * (double)(s->f / s->groups);
    return are_whole(s, rows, cols) || (s->stride_h == 1 && s->stride_w == 1 && few_empty);
}

/** Parts that up to so many pixels are cut into. */
static int64_t parts_of(int64_t pixels, int64_t results)
{
    return tn_max(1, tn_min(tn_min(PARTS, PART_FLOATS / results), pixels / PART_PIXELS));
}

/** Last pixels, `pitch` floats each, of which tiles that are `wide` where there are `count` would read too far. */
static int64_t last_of(int64_t pitch, int64_t count, int64_t wide)
{
    return tn_ceil_div(pitch - count + wide, pitch) - 1;
}

static gradient gradient_of(const tn_conv_shape *s)
{
    gradient g = {.shape = s, .channels = s->c / s->groups, .filters = s->f / s->groups};
    count_sums(s, &g.rows, &g.cols);
    g.pixels = s->n * s->oh * s->ow;
    g.parts = parts_of(g.pixels, g.channels * g.filters);
    g.row = s->stride_h == 1 && s->stride_w == 1 ? 0 : tn_odd_lines(g.channels);
    g.last = tn_max(last_of(s->c, g.channels, g.rows), last_of(s->f, g.filters, g.cols));
    g.buffer = tn_max(DEPTH * g.row, tn_round_up(g.last * (g.rows + g.cols), 16));
    return g;
}

/** Sums are elsewhere than in dw. */
static bool is_aside(const gradient *g)
{
    return g->parts > 1 || !are_whole(g->shape, g->rows, g->cols);
}

tn_status tn_conv_filter_1x1_scratch(const tn_conv_shape *s, int threads, size_t *out)
{
    int64_t results, rows, cols, floats, buffers, bytes;
    count_sums(s, &rows, &cols);
    if (s->c > INT64_MAX / (64 * DEPTH) || !tn_mul_i64(rows, cols, &results) || results > INT64_MAX / 1024)
        return TN_FAIL(TN_ERR_OVERFLOW, "the gradient of %lld x %lld filters does not fit", (long long)s->c,
                       (long long)s->f);
    gradient g = gradient_of(s);
    floats = is_aside(&g) ? g.parts * results : 0;
    if (!tn_mul_i64(g.buffer, threads, &buffers) || !tn_add_i64(floats, buffers, &floats) ||
        !tn_mul_i64(floats, sizeof(float), &bytes))
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of the gradient of %lld filters does not fit", (long long)g.filters);
    *out = tn_align_up((size_t)bytes);
    return TN_OK;
}

/* ---- products ---- */

/** Some pixels: the group's channel and filter 0 of the first one. */
typedef struct slab {
    const float *x, *dy;
    int64_t x_step, dy_step, pixels;
} slab;

/** Rows [c0, c1) and columns [f0, f1) of the result; meanwhile as many pixels after these are fetched. */
static void multiply_columns(const slab *p, int64_t c0, int64_t c1, int64_t f0, int64_t f1, bool add, float *sums,
                             int64_t ldc)
{
    const tn_direct_tile *tile = tn_conv_kernels()->direct;
    int64_t tiles = tn_ceil_div(c1 - c0, tile->rows) * tn_ceil_div(f1 - f0, tile->lanes);
    tn_tile_sides sides = {.a_stride = p->x_step, .b_stride = p->dy_step, .depth = p->pixels};
    sides.next_a = p->x + p->pixels * p->x_step;
    sides.next_b = p->dy + p->pixels * p->dy_step;
    sides.next_a_step = tn_ceil_div(p->x_step, tiles);
    sides.next_b_step = tn_ceil_div(p->dy_step, tiles);
    for (int64_t c = c0; c < c1; c += tile->rows) {
        for (int64_t f = f0; f < f1; f += tile->lanes) {
            sides.a = p->x + c;
            sides.b = p->dy + f;
            tile->along(&sides, c1 - c, add, sums + c * ldc + f, ldc);
            sides.next_a += sides.next_a_step * p->pixels;
            sides.next_b += sides.next_b_step * p->pixels;
        }
    }
}

/** Channels [c0, c1) of pixels that a stride leaves between others, copied together. */
static const float *gather(const gradient *g, int64_t pixel, int64_t count, int64_t c0, int64_t c1, float *out)
{
    const tn_conv_shape *s = g->shape;
    for (int64_t i = 0; i < count; i++) {
        int64_t line = (pixel + i) / s->ow, y = line % s->oh * s->stride_h, x = (pixel + i) % s->ow * s->stride_w;
        memcpy(out + i * g->row + c0, g->x + ((line / s->oh * s->h + y) * s->w + x) * s->c + c0,
               (size_t)(c1 - c0) * sizeof *out);
    }
    return out;
}

static slab slab_at(const gradient *g, int64_t pixel, int64_t count, int64_t c0, int64_t c1, float *buffer)
{
    slab p = {.dy = g->dy + pixel * g->shape->f, .x_step = g->shape->c, .dy_step = g->shape->f, .pixels = count};
    if (g->row > 0)
        p.x_step = g->row;
    p.x = g->row > 0 ? gather(g, pixel, count, c0, c1, buffer) : g->x + pixel * p.x_step;
    return p;
}

/** The last pixels, with zeros behind them. */
static slab copy_last(const gradient *g, int64_t pixel, int64_t count, float *buffer)
{
    slab p = {buffer, buffer + count * g->rows, g->rows, g->cols, count};
    memset(buffer, 0, (size_t)(count * (g->rows + g->cols)) * sizeof *buffer);
    for (int64_t i = 0; i < count; i++) {
        memcpy(buffer + i * g->rows, g->x + (pixel + i) * g->shape->c, (size_t)g->channels * sizeof *buffer);
        memcpy(buffer + count * g->rows + i * g->cols, g->dy + (pixel + i) * g->shape->f,
               (size_t)g->filters * sizeof *buffer);
    }
    return p;
}

/** Rows [c0, c1) and columns [f0, f1) of a part's sums. */
static void run_part(const gradient *g, int64_t part, int64_t c0, int64_t c1, int64_t f0, int64_t f1, float *buffer)
{
    int64_t first = g->pixels * part / g->parts, end = g->pixels * (part + 1) / g->parts;
    int64_t inside = tn_max(first, tn_min(end, g->pixels - g->last)), count;
    float *sums = is_aside(g) ? g->sums + part * g->rows * g->cols : g->dw;
    int64_t ldc = is_aside(g) ? g->cols : g->shape->f;
    for (int64_t at = first; at < end; at += count) {
        count = at < inside ? tn_min(DEPTH, inside - at) : end - at;
        const slab p = at < inside ? slab_at(g, at, count, c0, c1, buffer) : copy_last(g, at, count, buffer);
        bool add = at > first || (!is_aside(g) && g->add);
        for (int64_t f = f0; f < f1; f += COLUMNS)
            multiply_columns(&p, c0, c1, f, tn_min(f + COLUMNS, f1), add, sums, ldc);
    }
}

/** dw = the parts' sums, or dw += them; rows shared out. */
static void add_parts(const gradient *g, const tn_team *team)
{
    int64_t first, last, size = g->rows * g->cols;
    tn_team_range(team, g->channels, &first, &last);
    for (int64_t c = first; c < last; c++) {
        float *row = g->dw + c * g->shape->f;
        const float *sums = g->sums + c * g->cols;
        if (g->add)
            tn_conv_kernels()->accumulate(sums, row, g->filters);
        else
            memcpy(row, sums, (size_t)g->filters * sizeof *row);
        for (int64_t part = 1; part < g->parts; part++)
            tn_conv_kernels()->accumulate(sums + part * size, row, g->filters);
    }
}

/** Rows that shares begin at multiples of, or columns. */
static int64_t unit_of(const gradient *g)
{
    const tn_direct_tile *tile = tn_conv_kernels()->direct;
    return g->by_columns ? tile->lanes : tile->rows % 3 == 0 ? tile->rows / 3 : tile->rows; /* thirds are as quick */
}

/** The rows or columns that are shared out. */
static int64_t units_of(const gradient *g)
{
    return tn_ceil_div(g->by_columns ? g->filters : g->channels, unit_of(g));
}

/** A part, or a share of its rows or columns. */
static void run_task(const gradient *g, int64_t task, float *buffer)
{
    int64_t share = task % g->shares, first = units_of(g) * share / g->shares * unit_of(g);
    int64_t last = units_of(g) * (share + 1) / g->shares * unit_of(g);
    if (g->by_columns)
        run_part(g, task / g->shares, 0, g->channels, first, tn_min(last, g->filters), buffer);
    else
        run_part(g, task / g->shares, first, tn_min(last, g->channels), 0, g->filters, buffer);
}

static void run_tasks(const tn_team *team, void *arg)
{
    gradient *g = arg;
    for (;;) {
        int64_t task = atomic_fetch_add_explicit(&g->next, 1, memory_order_relaxed);
        if (task >= g->parts * g->shares)
            break;
        run_task(g, task, g->gathered + team->index * g->buffer);
    }
    if (is_aside(g)) {
        tn_team_barrier(team);
        add_parts(g, team);
    }
}

/** Every share reads all of the other side, so it is the wider one that is cut, into no more shares than threads need;
 *  but rows if x is gathered, which is done once then, or if columns are too few for even shares. */
static void cut_shares(gradient *g, int64_t threads)
{
    int64_t wanted = g->parts >= 2 * threads ? 1 : tn_ceil_div(threads, g->parts);
    int64_t columns = tn_ceil_div(g->filters, tn_conv_kernels()->direct->lanes);
    g->by_columns = g->filters > g->channels && g->row == 0 && columns >= EVEN * wanted;
    g->shares = tn_min(units_of(g), wanted);
}

void tn_conv_filter_1x1(const tn_conv_shape *s, tn_pool *pool, const float *x, const float *dy, bool add, float *dw,
                        void *scratch)
{
    gradient g = gradient_of(s);
    g.gathered = scratch;
    g.sums = g.gathered + tn_pool_threads(pool) * g.buffer;
    g.add = add;
    cut_shares(&g, tn_pool_threads(pool));
    for (int64_t group = 0; group < s->groups; group++) {
        g.x = x + group * g.channels;
        g.dy = dy + group * g.filters;
        g.dw = dw + group * g.filters;
        atomic_init(&g.next, 0);
        tn_pool_run(pool, run_tasks, &g);
    }
}
