/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The gradient of the data where there are few channels: first layers. The other ways (conv_gemm_data.c, conv_gemm_strided.c)
 *  read a window of dy for every pixel and multiply it by few columns. Here all taps and channels are columns:
 *
 *      p[(n,i,j), (r,s,c)] = sum_f dy[n,i,j,f] w[r,s,c,f]        a product that reads dy as it lies
 *      dx[n, i stride + r dilation - pad, ..., c] += p[(n,i,j), (r,s,c)]
 *
 *  p exists for a strip of dy's pixels at a time, in the cache of the thread that spreads it over its rows of dx:
 *
 *      dx, rows of one task    -----------------
 *        p of window j           [ r | s c s c ]            a run: the S taps and C channels of row r
 *        p of window j + 1           [ r | s c s c ]        overlaps the one before it
 *
 *  Tasks are bands of rows of an image; windows that reach into two bands are multiplied for both. Every element of dx
 *  gets its terms in the order of i, then in an order of j and s that the sizes alone decide, wherever bands end. So
 *  every number of threads gives the same bits. */
#include "kernels/conv_gemm.h"

#include "base/memory.h"
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/gemm_kernel.h"
#include "kernels/isa/conv_table.h"
#include "kernels/product.h"

#include <stdatomic.h>
#include <string.h>

#define CHANNELS_MOST 32       /* of a group: with more, the other ways fill their vectors */
#define STRIP 192              /* pixels of dy that are multiplied together, at most, */
#define STRIP_FLOATS (5 << 14) /* if their products stay in the L2 cache */
#define FILTERS_MOST (1 << 20) /* floats of all packed filters */
/* In multiply-adds: */
#define SPREAD_COST 12.0 /* of a number that is added to dx */
#define PLACE_COST 160.0 /* of a tap that is looked up for a pixel, the other way, */
#define PHASE_COST 320.0 /* and with strides */

typedef struct spread {
    const tn_conv_shape *shape;
    const tn_own_tile *tile;
    const float *dy, *w;
    float *dx;
    int64_t channels, filters; /* of a group */
    int64_t taps;              /* of a run: those of a row if they and the pixels adjoin, otherwise one */
    int64_t cols, wide;        /* (r,s,c), and whole panels of them */
    int64_t depth;             /* filters of a block of the sum */
    int64_t rows, across;      /* a strip: rows of dy, pixels of each */
    int64_t bands, band;       /* of an image; rows of dx */
    const float *panels;       /* filters of all groups */
    float *packing, *buffers;  /* where they are packed first, NULL: that was done; what each thread has */
    int64_t packed_group, buffer, places; /* floats of a group's panels; of a thread; of these, where pixels of a strip lie */
    atomic_llong next;
} spread;

static spread spread_of(const tn_conv_shape *s)
{
    spread p = {.shape = s, .tile = tn_conv_kernels()->tile, .channels = s->c / s->groups, .filters = s->f / s->groups};
    p.taps = s->dilation_w == 1 && s->groups == 1 ? s->s : 1;
    p.cols = s->r * s->s * p.channels;
    p.wide = tn_round_up(p.cols, p.tile->lanes);
    p.depth = tn_min(p.filters, TN_DEPTH_IN_PLACE);
    int64_t strip = tn_min(STRIP, tn_max(STRIP_FLOATS / tn_max(p.wide, 1), p.tile->rows));
    p.across = tn_min(s->ow, strip);
    p.rows = tn_min(s->oh, tn_max(1, strip / s->ow));
    p.packed_group = tn_with_slack(p.wide * p.filters);
    p.places = tn_round_up(p.rows * p.across * (int64_t)(sizeof(void *) / sizeof(float)), TN_LINE);
    p.buffer = p.places + p.rows * p.across * p.wide;
    return p;
}

/* ---- the choice ---- */

/** Multiply-adds for an image the other way, by phases where there are strides: a window for each pixel of dx, with the taps
 *  that meet it. */
static double cost_of_windows(const spread *p)
{
    const tn_conv_shape *s = p->shape;
    double taps = (double)(s->r * s->s) / ((double)s->stride_h * (double)s->stride_w);
    double lanes = (double)tn_round_up(p->channels, p->tile->lanes / 2);
    double place = tn_conv_has_strides(s) ? PHASE_COST : PLACE_COST;
    return (double)(s->h * s->w) * taps * ((double)s->f * lanes + place * (double)s->groups);
}

double tn_conv_gemm_spread_cost(const tn_conv_shape *s)
{
    const spread p = spread_of(s);
    double products = (double)s->f * (double)tn_round_up(p.cols, p.tile->lanes / 2);
    return (double)(s->oh * s->ow) * (products + SPREAD_COST * (double)(p.cols * s->groups));
}

bool tn_conv_gemm_spreads(const tn_conv_shape *s)
{
    int64_t taps, floats;
    if (!tn_mul_i64(s->r, s->s, &taps) || !tn_mul_i64(taps, s->c, &floats) || floats > FILTERS_MOST / s->f)
        return false;
    if (taps == 1 || s->c / s->groups > CHANNELS_MOST) /* a single tap has nothing to be added to */
        return false;
    const spread p = spread_of(s);
    return p.packed_group * s->groups <= 2 * FILTERS_MOST && tn_conv_gemm_spread_cost(s) < cost_of_windows(&p);
}

tn_status tn_conv_gemm_spread_scratch(const tn_conv_shape *s, int threads, size_t *out)
{
    const spread p = spread_of(s);
    int64_t floats;
    if (!tn_mul_i64(p.buffer, threads, &floats) || !tn_add_i64(floats, p.packed_group * s->groups, &floats) ||
        !tn_mul_i64(floats, sizeof(float), &floats))
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of a data gradient does not fit");
    *out = tn_align_up((size_t)floats);
    return TN_OK;
}

/* ---- the product of a strip ---- */

/** Panels of (r,s,c), k = filters, in blocks of the sum. They are contiguous along k. */
static void pack_filters(const spread *p, int64_t group, int64_t first, int64_t last)
{
    const tn_conv_shape *s = p->shape;
    int64_t v = p->tile->lanes;
    float *out = p->packing + group * p->packed_group;
    for (int64_t k0 = 0; k0 < p->filters; k0 += p->depth) {
        int64_t kn = tn_min(p->depth, p->filters - k0);
        const float *w = p->w + group * p->filters + first * v * s->f + k0;
        tn_pack_across(w, s->f, tn_min(last * v, p->cols) - first * v, kn, v, out + p->wide * k0 + first * v * kn);
    }
}

/** Panels of all groups, shared out. */
static void pack_share(const spread *p, const tn_team *team)
{
    int64_t panels = p->wide / p->tile->lanes, first, last;
    tn_team_range(team, panels, &first, &last);
    for (int64_t group = 0; group < p->shape->groups && first < last; group++)
        pack_filters(p, group, first, last);
}

/** What is multiplied next: the same number of pixels once more, all groups of them. */
static tn_region strip_behind(const spread *p, const float *dy, int64_t count)
{
    const tn_conv_shape *s = p->shape;
    const float *next = dy + count * s->f, *end = p->dy + s->n * s->oh * s->ow * s->f;
    return (tn_region){next, tn_min(count * s->f, end - next) / TN_LINE, TN_LINE, TN_LINE};
}

/** out[pixel, (r,s,c)], `wide` apart, of `count` pixels of dy from `dy`. */
static void multiply_strip(const spread *p, int64_t group, const float *dy, int64_t count, const float **places, float *out)
{
    tn_tile_rows rows = {.count = count, .group = tn_group_rows(count), .places = places, .runs = 1};
    for (int64_t k0 = 0; k0 < p->filters; k0 += p->depth) {
        tn_tile_end end = {.add = k0 > 0};
        rows.run = tn_min(p->depth, p->filters - k0);
        if (k0 == 0 && group == 0)
            end.ahead = strip_behind(p, dy, count);
        for (int64_t i = 0; i < count; i++)
            places[i] = dy + i * p->shape->f + k0;
        p->tile->multiply(&rows, p->panels + group * p->packed_group + p->wide * k0, &end, p->cols, out, p->wide);
    }
}

/* ---- spreading ---- */

/** Windows j .. j + count of a row of dy and one of their runs, which begins at pixel j stride + offset. */
typedef struct runs {
    int64_t j, count, offset;
    const float *from; /* of window j */
    float *row;        /* of dx, the group's first channel */
} runs;

/** A run that crosses the edge of the image: what is inside. */
static void add_edge(const spread *p, const runs *r, int64_t i)
{
    const tn_conv_shape *s = p->shape;
    int64_t x = (r->j + i) * s->stride_w + r->offset;
    int64_t low = tn_max(0, -x), high = tn_min(p->taps, s->w - x);
    if (low < high)
        tn_conv_kernels()->accumulate(r->from + i * p->wide + low * p->channels, r->row + (x + low) * s->c,
                                      (high - low) * p->channels);
}

/** Windows [first, last) whose runs are inside; those that overlap are added in separate passes. */
static void add_inside(const spread *p, const runs *r, int64_t first, int64_t last)
{
    const tn_conv_shape *s = p->shape;
    const tn_conv_table *kernels = tn_conv_kernels();
    int64_t passes = tn_ceil_div(p->taps, s->stride_w);
    for (int64_t i = first; i < tn_min(first + passes, last); i++)
        kernels->add_rows(r->from + i * p->wide, passes * p->wide, p->taps * p->channels,
                          tn_ceil_div(last - i, passes), passes * s->stride_w * s->c,
                          r->row + ((r->j + i) * s->stride_w + r->offset) * s->c);
}

static void add_runs(const spread *p, const runs *r)
{
    const tn_conv_shape *s = p->shape;
    int64_t first = tn_ceil_div(-r->offset, s->stride_w) - r->j;
    int64_t last = tn_ceil_div(s->w - p->taps + 1 - r->offset, s->stride_w) - r->j;
    first = tn_min(tn_max(first, 0), r->count);
    last = tn_max(tn_min(last, r->count), first);
    for (int64_t i = 0; i < first; i++)
        add_edge(p, r, i);
    add_inside(p, r, first, last);
    for (int64_t i = last; i < r->count; i++)
        add_edge(p, r, i);
}

/** Part of a row i of dy, `count` pixels from j, into rows [y0, y1) of dx. */
static void spread_row(const spread *p, int64_t i, int64_t j, int64_t count, const float *from, float *dx, int64_t y0,
                       int64_t y1)
{
    const tn_conv_shape *s = p->shape;
    for (int64_t r = 0; r < s->r; r++) {
        int64_t y = i * s->stride_h - s->pad_top + r * s->dilation_h;
        for (int64_t tap = 0; tap < s->s && y >= y0 && y < y1; tap += p->taps)
            add_runs(p, &(runs){.j = j,
                                .count = count,
                                .offset = tap * s->dilation_w - s->pad_left,
                                .from = from + (r * s->s + tap) * p->channels,
                                .row = dx + y * s->w * s->c});
    }
}

/* ---- tasks ---- */

/** Rows [y0, y1) of one group of one image. */
static void run_group(const spread *p, int64_t image, int64_t group, int64_t y0, int64_t y1, float *space)
{
    const tn_conv_shape *s = p->shape;
    const float *dy = p->dy + image * s->oh * s->ow * s->f + group * p->filters;
    float *dx = p->dx + image * s->h * s->w * s->c + group * p->channels, *strip = space + p->places;
    int64_t first = tn_max(0, tn_ceil_div(y0 + s->pad_top - (s->r - 1) * s->dilation_h, s->stride_h));
    int64_t last = tn_min(s->oh, tn_ceil_div(y1 + s->pad_top, s->stride_h));
    for (int64_t i = first; i < last; i += p->rows) {
        int64_t rows = tn_min(p->rows, last - i);
        for (int64_t j = 0; j < s->ow; j += p->across) {
            int64_t count = tn_min(p->across, s->ow - j);
            multiply_strip(p, group, dy + (i * s->ow + j) * s->f, rows * count, (const float **)(void *)space, strip);
            for (int64_t row = 0; row < rows; row++)
                spread_row(p, i + row, j, count, strip + row * count * p->wide, dx, y0, y1);
        }
    }
}

static void run_bands(const tn_team *team, void *arg)
{
    spread *p = arg;
    const tn_conv_shape *s = p->shape;
    if (p->packing) {
        pack_share(p, team);
        tn_team_barrier(team);
    }
    for (;;) {
        int64_t task = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
        if (task >= s->n * p->bands)
            break;
        int64_t image = task / p->bands, y0 = task % p->bands * p->band, y1 = tn_min(y0 + p->band, s->h);
        if (y0 >= y1)
            continue;
        memset(p->dx + (image * s->h + y0) * s->w * s->c, 0, (size_t)((y1 - y0) * s->w * s->c) * sizeof *p->dx);
        for (int64_t group = 0; group < s->groups; group++)
            run_group(p, image, group, y0, y1, p->buffers + team->index * p->buffer);
    }
}

/** Whole images where there are enough of them: bands share windows. */
static int64_t count_bands(int64_t images, int64_t threads)
{
    if (threads == 1 || images >= 4 * threads)
        return 1;
    return images >= threads ? 2 : tn_ceil_div(threads, images);
}

void tn_conv_gemm_spread(const tn_conv_shape *shape, tn_pool *pool, const float *dy, const float *w,
                         const void *prepared, float *dx, void *scratch)
{
    if (shape->n == 0)
        return;
    spread p = spread_of(shape);
    p.dy = dy;
    p.w = w;
    p.dx = dx;
    p.panels = prepared ? prepared : scratch;
    p.packing = prepared ? NULL : scratch;
    p.buffers = (float *)scratch + p.packed_group * shape->groups;
    p.bands = count_bands(shape->n, tn_pool_threads(pool));
    p.band = tn_ceil_div(shape->h, p.bands);
    atomic_init(&p.next, 0);
    tn_pool_run(pool, run_bands, &p);
}

/* ---- filters packed beforehand ---- */

size_t tn_conv_gemm_spread_prepared(const tn_conv_shape *shape)
{
    const spread p = spread_of(shape);
    return (size_t)(p.packed_group * shape->groups) * sizeof(float);
}

static void run_packing(const tn_team *team, void *arg)
{
    pack_share(arg, team);
}

void tn_conv_gemm_spread_prepare(const tn_conv_shape *shape, tn_pool *pool, const float *w, void *prepared)
{
    spread p = spread_of(shape);
    p.w = w;
    p.packing = prepared;
    tn_pool_run(pool, run_packing, &p);
}
