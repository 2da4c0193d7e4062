/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The gradient of the filters with few channels. A unit is a few rows of dy and the band of x that they look at. Tiles
 *  of sums, taps and channels by filters, stay in registers while the windows of a unit pass; then they are added to
 *  those of the units before it. Units are put together in parts, whose number follows from the sizes alone; each is the sum of
 *  one thread, and they are added in order.
 *
 *      dw[k,f] = sum over windows of band[window + k] dy[window, f]        k = r, (s,c) */
#include "kernels/conv_few.h"

#include "base/memory.h"
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/product.h"

#include <stdatomic.h>
#include <string.h>

#define WINDOWS 512    /* of a unit: longer sums would round worse, and dy leaves the L2 cache */
#define PARTS 8
#define LINE 16        /* floats of a cache line */
#define FAR (4 << 20)  /* floats of dy that come from memory: in a cache they are near enough */

typedef struct few {
    const tn_conv_shape *shape;
    const float *x, *dy;
    bool add;
    float *dw;
    float *partials, *buffers;
    int64_t buffer;
    int64_t lines, bands; /* of a unit; of an image */
    int64_t parts;
    atomic_llong next;
} few;

static int64_t lines_of(const tn_conv_shape *s)
{
    return tn_min(tn_max(1, WINDOWS / s->ow), s->oh);
}

/** A unit's dy, and the next one's, which is asked for little by little while tiles are computed. */
typedef struct unit {
    const float *band, *dy;
    int64_t lines;
    const float *ahead, *end; /* the same: nothing is asked for */
} unit;

/** Rows [k0, k1) of a unit's sums, all filters. */
static void add_rows(const few *p, unit *u, int64_t k0, int64_t k1, float *sums)
{
    const tn_conv_shape *s = p->shape;
    const tn_few_tiles *tiles = tn_conv_kernels()->few;
    const float *x[TN_PANEL_LANES];
    int64_t run = tn_few_run(s), wide = tn_few_wide(s), windows = u->lines * s->ow;
    for (int64_t k = k0; k < k1; k++)
        x[k - k0] = u->band + k / run * s->dilation_h * tn_few_row(s) + k % run;
    for (int64_t f = 0; f < s->f; f += 2 * tiles->lanes) {
        bool ask = u->end - u->ahead >= windows * LINE;
        const tn_few_sums part = {.x = x, .step = s->stride_w * s->c, .line_step = s->stride_h * tn_few_row(s),
                                  .windows = s->ow, .lines = u->lines, .dy = u->dy + f, .dy_step = s->f,
                                  .filters = tn_min(s->f - f, 2 * tiles->lanes), .ahead = ask ? u->ahead : NULL,
                                  .sums = sums + k0 * wide + f, .sums_step = wide};
        tiles->gradient(&part, k1 - k0);
        u->ahead += ask ? windows * LINE : 0;
    }
}

static void run_unit(const few *p, int64_t number, float *band, float *sums)
{
    const tn_conv_shape *s = p->shape;
    int64_t image = number / p->bands, line = number % p->bands * p->lines, lines = tn_min(p->lines, s->oh - line);
    int64_t depth = tn_few_depth(s), tiles = tn_ceil_div(depth, tn_conv_kernels()->few->sums);
    int64_t row = s->ow * s->f, first = image * s->oh + line, all = s->n * s->oh;
    unit u = {.band = band, .dy = p->dy + first * row, .lines = lines, .ahead = p->dy + (first + lines) * row,
              .end = p->dy + tn_min(first + lines + p->lines, all) * row};
    if (all * row < FAR)
        u.end = u.ahead;
    tn_few_copy(s, p->x + image * s->h * s->w * s->c, line, lines, band);
    for (int64_t i = 0; i < tiles; i++)
        add_rows(p, &u, depth * i / tiles, depth * (i + 1) / tiles, sums);
}

/** Parts in order, rows shared out. */
static void add_partials(const few *p, const tn_team *team)
{
    const tn_conv_shape *s = p->shape;
    int64_t first, last, wide = tn_few_wide(s);
    tn_team_range(team, tn_few_depth(s), &first, &last);
    for (int64_t k = first; k < last; k++) {
        float *row = p->dw + k * s->f;
        if (!p->add)
            memset(row, 0, (size_t)s->f * sizeof *row);
        for (int64_t part = 0; part < p->parts; part++)
            tn_conv_kernels()->accumulate(p->partials + part * tn_few_panels(s) + k * wide, row, s->f);
    }
}

static void run_parts(const tn_team *team, void *arg)
{
    few *p = arg;
    int64_t units = p->shape->n * p->bands, floats = tn_few_panels(p->shape);
    for (;;) {
        int64_t part = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
        if (part >= p->parts)
            break;
        float *sums = p->partials + part * floats;
        memset(sums, 0, (size_t)floats * sizeof *sums);
        for (int64_t i = units * part / p->parts; i < units * (part + 1) / p->parts; i++)
            run_unit(p, i, p->buffers + team->index * p->buffer, sums);
    }
    tn_team_barrier(team);
    add_partials(p, team);
}

tn_status tn_conv_few_filter_scratch(const tn_conv_shape *s, int threads, size_t *out)
{
    int64_t floats, partials;
    if (s->f > INT64_MAX / 1024 || !tn_mul_i64(tn_few_depth(s) * PARTS, tn_few_wide(s), &partials) ||
        !tn_mul_i64(tn_few_band(s, lines_of(s)), threads, &floats) || !tn_add_i64(floats, partials, &floats) ||
        !tn_mul_i64(floats, sizeof(float), &floats))
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of a filter gradient does not fit");
    *out = tn_align_up((size_t)floats);
    return TN_OK;
}

void tn_conv_few_filter(const tn_conv_shape *s, tn_pool *pool, const float *x, const float *dy, bool add, float *dw,
                        void *scratch)
{
    few p = {.shape = s, .x = x, .dy = dy, .add = add, .dw = dw, .partials = scratch};
    p.lines = lines_of(s);
    p.bands = tn_ceil_div(s->oh, p.lines);
    p.parts = tn_min(PARTS, s->n * p.bands);
    p.buffers = p.partials + PARTS * tn_few_panels(s);
    p.buffer = tn_few_band(s, p.lines);
    atomic_init(&p.next, 0);
    tn_pool_run(pool, run_parts, &p);
}
