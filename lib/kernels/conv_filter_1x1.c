/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The gradient of the filters of 1x1 convolutions: dw[c,f] = sum over pixels of x[pixel,c] dy[pixel,f], a product of two
 *  matrices that are multiplied as they lie in memory.
 *
 *      x: C numbers a pixel          dy: F numbers a pixel
 *      pixel 0   c c c c c c         f f f f f f f f           a tile takes some columns of both
 *      pixel 1   c c c c c c         f f f f f f f f           and as many pixels as the L2 cache holds
 *       :                             :
 *
 *  The sum is long and the result may be small, so pixels are cut into parts, from the sizes alone, whose sums are added in
 *  order. Tasks are parts, or some rows of dw of a part. With a stride, every row of the image is a run of pixels of its own. */
#include "kernels/conv_filter_1x1.h"

#include "base/memory.h"
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/product.h"

#include <stdatomic.h>
#include <string.h>

#define DEPTH 256             /* pixels that are multiplied at once */
#define COLUMNS 384           /* of dy, for them to stay in the L2 cache together with x */
#define PARTS 8
#define PART_FLOATS (1 << 20) /* of the sums of all parts */
#define PART_PIXELS 768       /* that a part has at least */
#define LEAST_RUN 24          /* pixels in one piece below which tiles are too short */

typedef struct gradient {
    const tn_conv_shape *shape;
    const float *x, *dy;
    float *dw, *sums;
    bool add;
    int64_t channels, filters; /* of a group */
    int64_t runs, run;         /* of pixels: how many, how long */
    int64_t parts, shares;     /* of the rows of a part: tasks */
    atomic_llong next;
} gradient;

static bool in_one_piece(const tn_conv_shape *s)
{
    return s->stride_h == 1 && s->stride_w == 1;
}

bool tn_conv_filter_is_1x1(const tn_conv_shape *s)
{
    const tn_strided *tile = tn_conv_kernels()->strided;
    int64_t channels = s->c / s->groups, filters = s->f / s->groups;
    bool plain = s->r == 1 && s->s == 1 && s->pad_top == 0 && s->pad_left == 0 && s->oh == (s->h - 1) / s->stride_h + 1 &&
                 s->ow == (s->w - 1) / s->stride_w + 1;
    return plain && channels % (tile->rows / 3) == 0 && filters % tile->lanes == 0 &&
           (in_one_piece(s) || s->ow >= LEAST_RUN);
}

/** Parts that up to so many pixels are cut into. */
static int64_t parts_of(int64_t pixels, int64_t results)
{
    return tn_max(1, tn_min(tn_min(PARTS, PART_FLOATS / results), pixels / PART_PIXELS));
}

static gradient gradient_of(const tn_conv_shape *s)
{
    gradient g = {.shape = s, .channels = s->c / s->groups, .filters = s->f / s->groups};
    g.runs = in_one_piece(s) ? 1 : s->n * s->oh;
    g.run = in_one_piece(s) ? s->n * s->oh * s->ow : s->ow;
    g.parts = parts_of(g.runs * g.run, g.channels * g.filters);
    return g;
}

tn_status tn_conv_filter_1x1_scratch(const tn_conv_shape *s, size_t *out)
{
    gradient g = gradient_of(s);
    *out = g.parts > 1 ? (size_t)(g.parts * g.channels * g.filters) * sizeof(float) : 0;
    return TN_OK;
}

/* ---- products ---- */

/** Some pixels of a run, and what to fetch while they are multiplied: as many after them. */
typedef struct slab {
    const float *x, *dy; /* channel and filter 0 of the group */
    int64_t x_step, dy_step, pixels;
} slab;

/** Rows [c0, c1) and columns [f0, f1) of the result. */
static void multiply_columns(const slab *p, int64_t c0, int64_t c1, int64_t f0, int64_t f1, bool add, float *sums,
                             int64_t ldc)
{
    const tn_strided *tile = tn_conv_kernels()->strided;
    int64_t tiles = tn_ceil_div(c1 - c0, tile->rows) * ((f1 - f0) / tile->lanes);
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

/** `pixels` of a run, rows [c0, c1). */
static void multiply_run(const gradient *g, slab *p, int64_t pixels, int64_t c0, int64_t c1, bool add, float *sums,
                         int64_t ldc)
{
    for (int64_t done = 0; done < pixels; done += p->pixels) {
        p->pixels = tn_min(DEPTH, pixels - done);
        for (int64_t f = 0; f < g->filters; f += COLUMNS)
            multiply_columns(p, c0, c1, f, tn_min(f + COLUMNS, g->filters), add || done > 0, sums, ldc);
        p->x += p->pixels * p->x_step;
        p->dy += p->pixels * p->dy_step;
    }
}

static slab slab_at(const gradient *g, int64_t run, int64_t pixel)
{
    const tn_conv_shape *s = g->shape;
    int64_t row = g->runs == 1 ? 0 : run / s->oh * s->h + run % s->oh * s->stride_h;
    slab p = {.x_step = s->stride_w * s->c, .dy_step = s->f};
    p.x = g->x + row * s->w * s->c + pixel * p.x_step;
    p.dy = g->dy + (run * g->run + pixel) * s->f;
    return p;
}

/** Rows [c0, c1) of a part's sums. */
static void run_part(const gradient *g, int64_t part, int64_t c0, int64_t c1)
{
    int64_t total = g->runs * g->run, first = total * part / g->parts, last = total * (part + 1) / g->parts;
    float *sums = g->parts > 1 ? g->sums + part * g->channels * g->filters : g->dw;
    int64_t ldc = g->parts > 1 ? g->filters : g->shape->f;
    bool add = g->parts == 1 && g->add;
    for (int64_t at = first; at < last;) {
        int64_t pixels = tn_min(g->run - at % g->run, last - at);
        slab p = slab_at(g, at / g->run, at % g->run);
        multiply_run(g, &p, pixels, c0, c1, add || at > first, sums, ldc);
        at += pixels;
    }
}

/** dw = the parts' sums, or dw += them; rows shared out. */
static void add_parts(const gradient *g, const tn_team *team)
{
    int64_t first, last, size = g->channels * g->filters;
    tn_team_range(team, g->channels, &first, &last);
    for (int64_t c = first; c < last; c++) {
        float *row = g->dw + c * g->shape->f;
        const float *sums = g->sums + c * g->filters;
        if (g->add)
            tn_conv_kernels()->accumulate(sums, row, g->filters);
        else
            memcpy(row, sums, (size_t)g->filters * sizeof *row);
        for (int64_t part = 1; part < g->parts; part++)
            tn_conv_kernels()->accumulate(sums + part * size, row, g->filters);
    }
}

static void run_tasks(const tn_team *team, void *arg)
{
    gradient *g = arg;
    int64_t rows = tn_conv_kernels()->strided->rows, panels = tn_ceil_div(g->channels, rows);
    for (;;) {
        int64_t task = atomic_fetch_add_explicit(&g->next, 1, memory_order_relaxed), share = task % g->shares;
        if (task >= g->parts * g->shares)
            break;
        run_part(g, task / g->shares, panels * share / g->shares * rows,
                 tn_min(panels * (share + 1) / g->shares * rows, g->channels));
    }
    if (g->parts > 1) {
        tn_team_barrier(team);
        add_parts(g, team);
    }
}

/** Every share reads all of dy, so there are no more of them than threads need. */
static int64_t shares_of(const gradient *g, int64_t threads)
{
    int64_t panels = tn_ceil_div(g->channels, tn_conv_kernels()->strided->rows);
    return g->parts >= 2 * threads ? 1 : tn_min(panels, tn_ceil_div(threads, g->parts));
}

void tn_conv_filter_1x1(const tn_conv_shape *s, tn_pool *pool, const float *x, const float *dy, bool add, float *dw,
                        void *scratch)
{
    gradient g = gradient_of(s);
    g.sums = scratch;
    g.add = add;
    g.shares = shares_of(&g, tn_pool_threads(pool));
    for (int64_t group = 0; group < s->groups; group++) {
        g.x = x + group * g.channels;
        g.dy = dy + group * g.filters;
        g.dw = dw + group * g.filters;
        atomic_init(&g.next, 0);
        tn_pool_run(pool, run_tasks, &g);
    }
}
