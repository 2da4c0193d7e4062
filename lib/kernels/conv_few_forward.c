/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The forward pass with few channels. A task is a band of rows of y: it copies the rows of x that they look at with
 *  their padding, and goes through them tile by tile; filters were packed before, as panels as wide as the tiles.
 *
 *      y[i,j,f] = act(bias[f] + sum over r, (s,c) of band[i stride + r][j stride + (s,c)] w[r,(s,c),f]) */
#include "kernels/conv_few.h"

#include "base/memory.h"
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/cpu.h"
#include "kernels/kernels.h"
#include "kernels/product.h"

#include <stdatomic.h>
#include <string.h>

#define BAND_FLOATS 24576      /* of a band of several lines: with its part of y it stays in the L2 cache */
#define TASKS 4                /* of a thread */
#define PAST_CACHES (3 << 20)  /* floats of y of which a cache that others use, too, keeps little until somebody reads them */

typedef struct few {
    const tn_conv_shape *shape;
    const float *x, *w, *prepared, *bias;
    tn_activation activation;
    float *y;
    float *packed, *ends, *buffers; /* ends: bias in whole vectors */
    int64_t buffer;
    int64_t bands; /* of an image */
    bool past;
    atomic_llong next;
} few;

/** Most lines of a band. */
static int64_t most_lines(const tn_conv_shape *s)
{
    int64_t halo = (s->r - 1) * s->dilation_h, rows = BAND_FLOATS / tn_few_row(s);
    return tn_min(tn_max(1, (rows - halo) / s->stride_h), s->oh);
}

/** Vectors of a panel, at most: that of whole pixels is written in one go, where that is not too slow otherwise. */
static int64_t most_vectors(const tn_few_tiles *tiles)
{
    return tn_cpu_is_zen_4() ? tiles->windows_vectors : tiles->windows_at_full_rate;
}

/** Filters of the panel that begins at `first`, and the lanes it has. */
static int64_t panel_of(const tn_conv_shape *s, int64_t first, int64_t *lanes)
{
    const tn_few_tiles *tiles = tn_conv_kernels()->few;
    int64_t filters = tn_few_part(s, first, most_vectors(tiles));
    *lanes = tn_round_up(filters, tiles->lanes);
    return filters;
}

static void pack_panel(const tn_conv_shape *s, const float *w, int64_t first, float *out)
{
    int64_t lanes, filters = panel_of(s, first, &lanes);
    tn_pack_along(w + first, s->f, filters, tn_few_depth(s), lanes, out + tn_few_depth(s) * first);
}

static void run_line(const few *p, const tn_few_windows *x, float *y)
{
    const tn_conv_shape *s = p->shape;
    const tn_few_tiles *tiles = tn_conv_kernels()->few;
    bool relu = p->activation == TN_RELU, other = !relu && p->activation != TN_LINEAR;
    const float *panels = p->prepared ? p->prepared : p->packed;
    for (int64_t first = 0, lanes; first < s->f; first += lanes) {
        int64_t filters = panel_of(s, first, &lanes);
        const tn_few_end end = {.pitch = s->f, .filters = filters, .bias = p->ends + first, .relu = relu,
                                .past = p->past};
        tiles->forward(x, panels + tn_few_depth(s) * first, &end, y + first);
    }
    if (other)
        tn_activate(NULL, p->activation, y, y, s->ow * s->f);
}

static void run_task(const few *p, int64_t number, float *band)
{
    const tn_conv_shape *s = p->shape;
    int64_t image = number / p->bands, band_number = number % p->bands;
    int64_t line = tn_share_begin(s->oh, p->bands, band_number);
    int64_t lines = tn_share_begin(s->oh, p->bands, band_number + 1) - line;
    tn_few_windows x = {.data = band, .windows = s->ow, .step = s->stride_w * s->c, .runs = s->r, .run = tn_few_run(s),
                        .run_step = s->dilation_h * tn_few_row(s)};
    tn_few_copy(s, p->x + image * s->h * s->w * s->c, line, lines, band);
    for (int64_t i = line; i < line + lines; i++, x.data += s->stride_h * tn_few_row(s))
        run_line(p, &x, p->y + (image * s->oh + i) * s->ow * s->f);
}

/** Every second panel of two threads, and so on. */
static void pack_share(const few *p, const tn_team *team)
{
    int64_t number = 0, lanes;
    for (int64_t first = 0; first < p->shape->f; first += lanes) {
        panel_of(p->shape, first, &lanes);
        if (number++ % team->count == team->index)
            pack_panel(p->shape, p->w, first, p->packed);
    }
}

static void run_bands(const tn_team *team, void *arg)
{
    few *p = arg;
    if (!p->prepared) {
        pack_share(p, team);
        tn_team_barrier(team);
    }
    for (;;) {
        int64_t number = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
        if (number >= p->shape->n * p->bands)
            break;
        run_task(p, number, p->buffers + team->index * p->buffer);
    }
}

/** A few tasks for each thread, of few images as many for each. */
static void cut_tasks(few *p, int threads)
{
    const tn_conv_shape *s = p->shape;
    int64_t wanted = threads > 1 ? TASKS * (int64_t)threads : 1;
    p->bands = tn_max(tn_ceil_div(s->oh, most_lines(s)), tn_ceil_div(wanted, s->n));
    if (s->n * p->bands < 2 * wanted)
        p->bands = tn_round_up(p->bands, threads);
    p->bands = tn_min(p->bands, s->oh);
}

static bool goes_past(const few *p)
{
    const tn_conv_shape *s = p->shape;
    bool plain = p->activation == TN_LINEAR || p->activation == TN_RELU;
    return plain && s->f % tn_conv_kernels()->few->lanes == 0 && (uintptr_t)p->y % 64 == 0 &&
           s->n * s->oh * s->ow * s->f >= PAST_CACHES;
}

tn_status tn_conv_few_forward_scratch(const tn_conv_shape *s, int threads, size_t *out)
{
    int64_t floats;
    if (!tn_mul_i64(tn_few_band(s, most_lines(s)), threads, &floats) ||
        !tn_add_i64(floats, tn_few_panels(s) + tn_few_wide(s), &floats) || !tn_mul_i64(floats, sizeof(float), &floats))
        return TN_FAIL(TN_ERR_OVERFLOW, "scratch of a forward pass does not fit");
    *out = tn_align_up((size_t)floats);
    return TN_OK;
}

void tn_conv_few_forward(const tn_conv_shape *s, tn_pool *pool, const float *x, const float *w, const void *prepared,
                         const float *bias, tn_activation activation, float *y, void *scratch)
{
    few p = {.shape = s, .x = x, .w = w, .prepared = prepared, .activation = activation, .y = y};
    if (s->n == 0)
        return;
    p.ends = scratch;
    p.buffers = p.ends + tn_few_wide(s);
    p.buffer = tn_few_band(s, most_lines(s));
    p.packed = p.buffers + p.buffer * tn_pool_threads(pool);
    p.past = goes_past(&p);
    for (int64_t i = 0; i < tn_few_wide(s); i++)
        p.ends[i] = bias && i < s->f ? bias[i] : 0.0f;
    cut_tasks(&p, tn_pool_threads(pool));
    atomic_init(&p.next, 0);
    tn_pool_run(pool, run_bands, &p);
}

size_t tn_conv_few_prepared(const tn_conv_shape *s)
{
    return (size_t)tn_few_panels(s) * sizeof(float);
}

void tn_conv_few_prepare(const tn_conv_shape *s, const float *w, void *prepared)
{
    for (int64_t first = 0, lanes; first < s->f; first += lanes) {
        panel_of(s, first, &lanes);
        pack_panel(s, w, first, prepared);
    }
}
