/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The gradient of few filters of 1x1 convolutions of many images: dw[c,f] = sum over pixels of x[pixel,c]
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
 *  in order. Tasks are parts, or some rows or columns of dw of a part. While pixels are
 *  multiplied, the next ones are asked for. With strides, the pixels of x that count are copied together first, row after row
 *  of them; so are those that lie a multiple of 4 KB apart, which share sets of the caches. */
#include "kernels/conv_filter_1x1.h"

#include "base/memory.h"
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/product.h"

#include <stdatomic.h>
#include <string.h>

#define DEPTH 256   /* pixels that are multiplied at once */
#define COLUMNS 384 /* of dy, for them to stay in the L2 cache together with x, */
#define ROWS 256    /* channels of a task, at most, for x, dy and the sums to stay there */
#define ALIAS 1024  /* floats from pixel to pixel that share sets of the L1 cache, and many of those of the L2 */
#define OFTEN 128   /* multiply-adds of a number that are worth to copy it */
#define FAR (1LL << 40) /* floats */
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
    bool strided, by_lines; /* lines of the next pixels are asked for, as they are evenly apart */
    int64_t unit;        /* pixels that stay together */
    int64_t row, buffer; /* floats of a pixel that is copied, and of a thread's; 0: x is read where it lies */
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

/** The rows of x that count are evenly apart, from image to image, too; and not so far that no memory is there. */
static bool are_even_rows(const tn_conv_shape *s)
{
    double row = (double)s->stride_h * (double)s->w * (double)s->c, pixel = (double)s->stride_w * (double)s->c;
    return (s->n == 1 || s->oh * s->stride_h == s->h) && row + pixel < (double)FAR;
}

/** Pixels of x are copied together where a stride leaves others between them, and where they are so far apart that they
 *  share sets of the caches, if each number is multiplied often enough. */
static bool is_copied(const gradient *g)
{
    const tn_conv_shape *s = g->shape;
    return g->strided || (are_whole(s, g->rows, g->cols) && s->c % ALIAS == 0 && g->filters >= OFTEN);
}

static gradient gradient_of(const tn_conv_shape *s)
{
    gradient g = {.shape = s, .channels = s->c / s->groups, .filters = s->f / s->groups};
    count_sums(s, &g.rows, &g.cols);
    g.pixels = s->n * s->oh * s->ow;
    g.parts = parts_of(g.pixels, g.channels * g.filters);
    g.strided = tn_conv_has_strides(s);
    g.by_lines = g.strided && are_even_rows(s);
    g.unit = g.strided && s->ow <= DEPTH ? s->ow : 1;
    g.row = is_copied(&g) ? tn_odd_lines(g.channels) : 0;
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

/** Rows and columns of the sums. */
typedef struct area {
    int64_t c0, c1, f0, f1;
} area;

/** Some pixels: the group's channel and filter 0 of the first one. */
typedef struct slab {
    const float *x, *dy;
    int64_t x_step, dy_step, pixels;
    const float *next_x, *next_dy; /* the pixels after these, where they lie; what is there need not be a number */
} slab;

/** Tiles under an area ask for as many pixels as are multiplied, each for a part of both sides; where a stride leaves
 *  pixels of x between others, for a line of each that counts, or for nothing of them. */
static void ask_for_next(const gradient *g, const slab *p, int64_t tiles, tn_tile_sides *sides)
{
    const tn_conv_shape *s = g->shape;
    sides->next_a = p->next_dy;
    sides->next_a_step = tn_ceil_div(s->f, tiles);
    sides->next_b = p->next_x;
    sides->next_b_step = g->strided ? 0 : tn_ceil_div(s->c, tiles);
    if (g->by_lines) {
        sides->next_b_step = s->stride_w * s->c;
        sides->next_b_run = s->ow <= DEPTH ? s->ow : 0; /* long ones are taken to go on */
        sides->next_b_jump = (s->stride_h * s->w - s->ow * s->stride_w) * s->c;
    }
}

/** The line of channels of all next pixels that tile `number` asks for; one that another has asked for, too, where there
 *  are more tiles than lines. */
static const float *line_of(const slab *p, const area *a, int64_t number, int64_t tiles)
{
    return p->next_x + a->c0 + tn_ceil_div(a->c1 - a->c0, TN_LINE) * number / tiles * TN_LINE;
}

/** Rows and columns of an area of the result. */
static void multiply_area(const gradient *g, const slab *p, const area *a, bool add, float *sums, int64_t ldc)
{
    const tn_direct_tile *tile = tn_conv_kernels()->direct;
    int64_t tiles = tn_ceil_div(a->c1 - a->c0, tile->rows) * tn_ceil_div(a->f1 - a->f0, tile->lanes), number = 0;
    tn_tile_sides sides = {.a_stride = p->x_step, .b_stride = p->dy_step, .depth = p->pixels};
    ask_for_next(g, p, tiles, &sides);
    for (int64_t c = a->c0; c < a->c1; c += tile->rows) {
        for (int64_t f = a->f0; f < a->f1; f += tile->lanes) {
            sides.a = p->x + c;
            sides.b = p->dy + f;
            if (g->by_lines) {
                sides.next_b = line_of(p, a, number++, tiles);
                tile->stream_along(&sides, a->c1 - c, add, sums + c * ldc + f, ldc);
            } else {
                tile->along(&sides, a->c1 - c, add, sums + c * ldc + f, ldc);
                sides.next_b += sides.next_b_step * p->pixels;
            }
            sides.next_a += sides.next_a_step * p->pixels;
        }
    }
}

/** Columns of dy that stay in the L2 cache, and then the next ones, in equal parts. */
static void multiply_slab(const gradient *g, const slab *p, const area *all, bool add, float *sums, int64_t ldc)
{
    int64_t lanes = tn_conv_kernels()->direct->lanes, units = tn_ceil_div(all->f1 - all->f0, lanes);
    int64_t parts = tn_ceil_div(units, COLUMNS / lanes);
    for (int64_t i = 0; i < parts; i++) {
        area a = *all;
        a.f0 = all->f0 + units * i / parts * lanes;
        a.f1 = tn_min(all->f0 + units * (i + 1) / parts * lanes, all->f1);
        multiply_area(g, p, &a, add, sums, ldc);
    }
}

/** Where x has channel 0 of the pixel that belongs to one of y. */
static const float *pixel_of(const gradient *g, int64_t pixel)
{
    const tn_conv_shape *s = g->shape;
    int64_t line = pixel / s->ow, row = line / s->oh * s->h + line % s->oh * s->stride_h;
    return g->x + (row * s->w + pixel % s->ow * s->stride_w) * s->c;
}

/** Channels [c0, c1) of some pixels, copied together. */
static const float *gather(const gradient *g, int64_t pixel, int64_t count, int64_t c0, int64_t c1, float *out)
{
    const tn_conv_shape *s = g->shape;
    float *to = out + c0;
    for (int64_t run; count > 0; pixel += run, count -= run, to += run * g->row) {
        run = tn_min(s->ow - pixel % s->ow, count);
        tn_conv_kernels()->copy_rows(pixel_of(g, pixel) + c0, s->stride_w * s->c, c1 - c0, run, g->row, to);
    }
    return out;
}

static slab slab_at(const gradient *g, int64_t pixel, int64_t count, int64_t c0, int64_t c1, float *buffer)
{
    int64_t next = tn_min(pixel + count, g->pixels - 1);
    return (slab){.x = g->row > 0 ? gather(g, pixel, count, c0, c1, buffer) : pixel_of(g, pixel),
                  .dy = g->dy + pixel * g->shape->f,
                  .x_step = g->row > 0 ? g->row : g->shape->c,
                  .dy_step = g->shape->f,
                  .pixels = count,
                  .next_x = pixel_of(g, next),
                  .next_dy = g->dy + next * g->shape->f};
}

/** The last pixels, with zeros behind them. */
static slab copy_last(const gradient *g, int64_t pixel, int64_t count, float *buffer)
{
    float *dy = buffer + count * g->rows;
    memset(buffer, 0, (size_t)(count * (g->rows + g->cols)) * sizeof *buffer);
    tn_conv_kernels()->copy_rows(g->x + pixel * g->shape->c, g->shape->c, g->channels, count, g->rows, buffer);
    tn_conv_kernels()->copy_rows(g->dy + pixel * g->shape->f, g->shape->f, g->filters, count, g->cols, dy);
    return (slab){buffer, dy, g->rows, g->cols, count, .next_x = buffer, .next_dy = dy};
}

/** The first pixel of a part. */
static int64_t part_begin(const gradient *g, int64_t part)
{
    return tn_share_begin(g->pixels / g->unit, g->parts, part) * g->unit;
}

/** Pixels that are multiplied at once: so many in as few equal steps as there can be. */
static int64_t depth_of(const gradient *g, int64_t pixels)
{
    int64_t units = tn_ceil_div(pixels, g->unit), steps = tn_ceil_div(units, DEPTH / g->unit);
    return tn_ceil_div(units, tn_max(1, steps)) * g->unit;
}

/** An area of a part's sums. */
static void run_part(const gradient *g, int64_t part, const area *a, float *buffer)
{
    int64_t first = part_begin(g, part), end = part_begin(g, part + 1);
    int64_t inside = tn_max(first, tn_min(end, g->pixels - g->last)), count;
    int64_t depth = depth_of(g, inside - first);
    float *sums = is_aside(g) ? g->sums + part * g->rows * g->cols : g->dw;
    int64_t ldc = is_aside(g) ? g->cols : g->shape->f;
    for (int64_t at = first; at < end; at += count) {
        count = at < inside ? tn_min(depth, inside - at) : end - at;
        const slab p = at < inside ? slab_at(g, at, count, a->c0, a->c1, buffer) : copy_last(g, at, count, buffer);
        bool add = at > first || (!is_aside(g) && g->add);
        multiply_slab(g, &p, a, add, sums, ldc);
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
    int64_t part = task / g->shares, share = task % g->shares, unit = unit_of(g);
    int64_t first = tn_share_begin(units_of(g), g->shares, share) * unit;
    int64_t last = tn_share_begin(units_of(g), g->shares, share + 1) * unit;
    if (g->by_columns)
        run_part(g, part, &(area){0, g->channels, first, tn_min(last, g->filters)}, buffer);
    else
        run_part(g, part, &(area){first, tn_min(last, g->channels), 0, g->filters}, buffer);
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

/** Every share reads all of the other side, so it is the wider one that is cut, into no more shares than threads and the
 *  L2 cache need. Rows instead where there are more than ROWS, where there is a stride, for each share copies its own
 *  channels of x then, or where columns are too few for even shares. */
static void cut_shares(gradient *g, int64_t threads)
{
    int64_t wanted = g->parts >= 2 * threads ? 1 : tn_ceil_div(threads, g->parts);
    int64_t columns = tn_ceil_div(g->filters, tn_conv_kernels()->direct->lanes), least = tn_ceil_div(g->channels, ROWS);
    g->by_columns = g->filters > g->channels && !g->strided && columns >= EVEN * wanted && least == 1;
    g->shares = tn_min(units_of(g), tn_max(wanted, least));
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
