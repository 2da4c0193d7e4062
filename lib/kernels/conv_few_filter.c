/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The gradient of the filters with few channels. A unit is a few rows of dy and the band of x that they look at. Tiles
 *  of sums, taps and channels by filters, stay in registers while the windows of a unit pass; then they are added to
 *  those of the units before it. Units are put together in parts, whose number follows from the sizes alone; each is the sum of
 *  one thread, and they are added in order.
 *
 *      dw[k,f] = sum over windows of band[window + k] dy[window, f]        k = r, (s,c)
 *
 *  Few filters would fill a part of a vector. Where they fill at most half of it, a vector of sums has two k, which lie
 *  side by side in a window: f0 k0, f0 k1, f1 k0, f1 k1, .. Three such vectors are a row; at the end of a run, some have
 *  numbers of what lies behind it, and are left. */
#include "kernels/conv_few.h"

#include "base/memory.h"
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/product.h"

#include <stdatomic.h>
#include <string.h>

#define WINDOWS 512    /* of a unit: longer sums would round worse, and dy leaves the L2 cache */
#define PARTS 8
#define SHARES 2       /* units of few */
#define FAR (4 << 20)  /* floats of dy that come from memory: in a cache they are near enough */

/** How the sums of all k lie: rows of so many k and vectors' widths. */
typedef struct sums_shape {
    int64_t each, vectors; /* 1 and 1, or TN_FEW_SIX and three */
    int64_t run, rows;     /* rows of a run, of all */
    int64_t row, floats;   /* of a row, of all */
    int64_t most;          /* rows of a tile */
} sums_shape;

static sums_shape sums_of(const tn_conv_shape *s)
{
    const tn_few_tiles *tiles = tn_conv_kernels()->few;
    int64_t sixes = tn_ceil_div(tn_few_run(s), TN_FEW_SIX), wide = tn_few_wide(s);
    int64_t vectors = tn_ceil_div(tn_few_part(s, 0, tiles->sums_vectors), tiles->lanes); /* no tile is wider than the first */
    sums_shape sums = {.each = 1, .vectors = 1, .run = tn_few_run(s), .most = tiles->sums[vectors - 1]};
    if (s->f <= tiles->lanes / 2 && 3 * sixes < tn_few_run(s))
        sums = (sums_shape){.each = TN_FEW_SIX, .vectors = 3, .run = sixes, .most = tiles->sixes};
    sums.rows = s->r * sums.run;
    sums.row = sums.vectors * wide;
    sums.floats = sums.rows * sums.row;
    return sums;
}

typedef struct few {
    const tn_conv_shape *shape;
    const float *x, *dy;
    bool add;
    float *dw;
    float *partials, *buffers;
    int64_t buffer;
    int64_t bands; /* of an image: units */
    sums_shape sums;
    int64_t parts;
    atomic_llong next;
} few;

/** Units of an image: where there are few of them, an even number, for threads to share. */
static int64_t bands_of(const tn_conv_shape *s)
{
    int64_t bands = tn_ceil_div(s->oh, tn_max(1, WINDOWS / s->ow));
    if (s->n * bands < 2 * PARTS)
        bands = tn_round_up(bands, SHARES);
    return tn_min(bands, s->oh);
}

/** Floats of the largest band. */
static int64_t buffer_of(const tn_conv_shape *s)
{
    return tn_few_band(s, tn_ceil_div(s->oh, bands_of(s)));
}

/** A unit's dy, and the next one's, which is asked for little by little while tiles are computed. */
typedef struct unit {
    const float *band, *dy;
    int64_t lines;
    const float *ahead, *end; /* the same: nothing is asked for */
} unit;

/** Rows [first, last) of a unit's sums, all filters. */
static void add_rows(const few *p, unit *u, int64_t first, int64_t last, float *sums)
{
    const tn_conv_shape *s = p->shape;
    const tn_few_tiles *tiles = tn_conv_kernels()->few;
    const float *x[TN_PANEL_LANES];
    int64_t windows = u->lines * s->ow, run = p->sums.run;
    for (int64_t i = first; i < last; i++)
        x[i - first] = u->band + i / run * s->dilation_h * tn_few_row(s) + i % run * p->sums.each;
    for (int64_t f = 0, filters; f < s->f; f += filters) {
        filters = tn_few_part(s, f, tiles->sums_vectors);
        bool ask = u->end - u->ahead >= windows * TN_LINE;
        const tn_few_sums part = {.x = x, .step = s->stride_w * s->c, .line_step = s->stride_h * tn_few_row(s),
                                  .windows = s->ow, .lines = u->lines, .dy = u->dy + f, .dy_step = s->f,
                                  .filters = filters, .ahead = ask ? u->ahead : NULL,
                                  .sums = sums + first * p->sums.row + f, .sums_step = tn_few_wide(s)};
        (p->sums.each > 1 ? tiles->gradient_pairs : tiles->gradient)(&part, last - first);
        u->ahead += ask ? windows * TN_LINE : 0;
    }
}

static void run_unit(const few *p, int64_t number, float *band, float *sums)
{
    const tn_conv_shape *s = p->shape;
    int64_t image = number / p->bands, line = tn_share_begin(s->oh, p->bands, number % p->bands);
    int64_t lines = tn_share_begin(s->oh, p->bands, number % p->bands + 1) - line;
    int64_t rows = p->sums.rows, tiles = tn_ceil_div(rows, p->sums.most);
    int64_t row = s->ow * s->f, first = image * s->oh + line, all = s->n * s->oh;
    unit u = {.band = band, .dy = p->dy + first * row, .lines = lines, .ahead = p->dy + (first + lines) * row,
              .end = p->dy + tn_min(first + 2 * lines, all) * row};
    if (all * row < FAR)
        u.end = u.ahead;
    tn_few_copy(s, p->x + image * s->h * s->w * s->c, line, lines, band);
    for (int64_t i = 0; i < tiles; i++)
        add_rows(p, &u, rows * i / tiles, rows * (i + 1) / tiles, sums);
}

/** A part's sums for number k of a window, and those of the `rows` - 1 after it, added to rows of dw. */
static void add_part(const few *p, const float *sums, int64_t k, int64_t rows, float *row)
{
    int64_t run = tn_few_run(p->shape), in_run = k % run, each = p->sums.each;
    sums += (k / run * p->sums.run + in_run / each) * p->sums.row;
    if (each == 1) {
        tn_conv_kernels()->accumulate(sums, row, rows * p->shape->f);
        return;
    }
    sums += in_run % each / 2 * tn_few_wide(p->shape) + in_run % 2;
    for (int64_t f = 0; f < p->shape->f; f++)
        row[f] += sums[2 * f];
}

/** Parts in order, rows shared out. */
static void add_partials(const few *p, const tn_team *team)
{
    const tn_conv_shape *s = p->shape;
    int64_t first, last;
    tn_team_range(team, tn_few_depth(s), &first, &last);
    bool adjoin = p->sums.each == 1 && p->sums.row == s->f; /* rows of sums as those of dw */
    for (int64_t k = first, rows = adjoin ? last - first : 1; k < last; k += rows) {
        float *row = p->dw + k * s->f;
        if (!p->add)
            memset(row, 0, (size_t)(rows * s->f) * sizeof *row);
        for (int64_t part = 0; part < p->parts; part++)
            add_part(p, p->partials + part * p->sums.floats, k, rows, row);
    }
}

static void run_parts(const tn_team *team, void *arg)
{
    few *p = arg;
    int64_t units = p->shape->n * p->bands, floats = p->sums.floats;
    for (;;) {
        int64_t part = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
        if (part >= p->parts)
            break;
        float *sums = p->partials + part * floats;
        memset(sums, 0, (size_t)floats * sizeof *sums);
        int64_t last = tn_share_begin(units, p->parts, part + 1);
        for (int64_t i = tn_share_begin(units, p->parts, part); i < last; i++)
            run_unit(p, i, p->buffers + team->index * p->buffer, sums);
    }
    tn_team_barrier(team);
    add_partials(p, team);
}

tn_status tn_conv_few_filter_scratch(const tn_conv_shape *s, int threads, size_t *out)
{
    int64_t floats, partials;
    if (s->f > INT64_MAX / 1024 || !tn_mul_i64(sums_of(s).rows * PARTS, sums_of(s).row, &partials) ||
        !tn_mul_i64(buffer_of(s), threads, &floats) || !tn_add_i64(floats, partials, &floats) ||
        !tn_mul_i64(floats, sizeof(float), &floats))
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of a filter gradient does not fit");
    *out = tn_align_up((size_t)floats);
    return TN_OK;
}

void tn_conv_few_filter(const tn_conv_shape *s, tn_pool *pool, const float *x, const float *dy, bool add, float *dw,
                        void *scratch)
{
    few p = {.shape = s, .x = x, .dy = dy, .add = add, .dw = dw, .partials = scratch};
    p.sums = sums_of(s);
    p.bands = bands_of(s);
    p.parts = tn_min(PARTS, s->n * p.bands);
    p.buffers = p.partials + PARTS * p.sums.floats;
    p.buffer = buffer_of(s);
    atomic_init(&p.next, 0);
    tn_pool_run(pool, run_parts, &p);
}
