/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Windows in an order in which tiles leave out what is padding: those that lack the same rows and columns of taps follow one
 *  another.
 *
 *      7 x 7 windows, 3 x 3 taps, padded by 1        0 0 0 0 0 0 0      0: three taps are above the image
 *                                                    1 2 2 2 2 2 3      1: three are left of it
 *                                                    1 2 2 2 2 2 3      2: nothing is left out
 *                                                    1 2 2 2 2 2 3
 *                                                    1 2 2 2 2 2 3
 *                                                    1 2 2 2 2 2 3
 *                                                    4 4 4 4 4 4 4
 *
 *  A line of windows alone is taken whole, corners included: they would make tiles of a single row. An area's windows are cut
 *  evenly into groups, each of them a tile's rows. */
#include "kernels/arithmetic.h"
#include "kernels/conv_windows.h"
#include "kernels/kept_runs.h"

#define ROW_LEAST 3    /* rows of a tile that takes no less time with fewer, */
#define TILE_COST 0.25 /* and what a tile costs besides, in rows */
#define WORTH 0.985    /* of the time */

/** Lines of windows, or columns, that have the taps [from, to). */
typedef struct band {
    int64_t first, count, from, to;
} band;

/** The bands of one side, at most TN_WINDOW_BANDS; 0: there are more. A window's first tap is at start + i stride. */
static int find_bands(int64_t count, int64_t start, int64_t stride, int64_t size, int64_t taps, int64_t dilation, band *bands)
{
    int found = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t at = start + i * stride, from = tn_min(at < 0 ? tn_ceil_div(-at, dilation) : 0, taps);
        int64_t to = tn_max(at < size ? tn_min((size - 1 - at) / dilation + 1, taps) : 0, from);
        if (found > 0 && bands[found - 1].from == from && bands[found - 1].to == to) {
            bands[found - 1].count++;
            continue;
        }
        if (found == TN_WINDOW_BANDS)
            return 0;
        bands[found++] = (band){i, 1, from, to};
    }
    return found;
}

static void add_area(tn_window_order *o, const band *high, const band *wide)
{
    tn_window_area *area = &o->area[o->areas++];
    *area = (tn_window_area){high->first, wide->first, wide->count, high->from, high->to, wide->from, wide->to,
                             high->count * wide->count, 0};
    area->groups = tn_ceil_div(area->windows, o->lanes);
    o->groups += area->groups;
}

/** What all groups take, in taps of a row. */
static double cost_of(const tn_window_order *o)
{
    double cost = 0.0;
    for (const tn_window_area *a = o->area; a < o->area + o->areas; a++) {
        double rows = (double)tn_max(a->windows, ROW_LEAST * a->groups) + TILE_COST * (double)a->groups;
        cost += rows * (double)((a->r1 - a->r0) * (a->s1 - a->s0));
    }
    return cost;
}

/** True if a window's taps reach over an edge. */
static bool has_padding(const tn_windows *w)
{
    int64_t bottom = w->top + (w->rows - 1) * w->stride_h + (w->taps_h - 1) * w->dilation_h;
    int64_t right = w->left + (w->cols - 1) * w->stride_w + (w->taps_w - 1) * w->dilation_w;
    return w->top < 0 || w->left < 0 || bottom >= w->h || right >= w->w;
}

/** The areas, and what the groups take of the time that windows in their own order would; 1: they are not worth it. */
static double find_areas(tn_window_order *o)
{
    const tn_windows *w = &o->windows;
    band high[TN_WINDOW_BANDS], wide[TN_WINDOW_BANDS];
    if (!has_padding(w) || tn_windows_run(w) != w->channels)
        return 1.0;
    int lines = find_bands(w->rows, w->top, w->stride_h, w->h, w->taps_h, w->dilation_h, high);
    int cols = find_bands(w->cols, w->left, w->stride_w, w->w, w->taps_w, w->dilation_w, wide);
    o->areas = 0;
    o->groups = 0;
    if (lines == 0 || cols == 0)
        return 1.0;
    const band all = {0, w->cols, wide[cols - 1].from, wide[0].to}; /* what any of them has */
    for (int i = 0; i < lines; i++) {
        if (high[i].count == 1)
            add_area(o, &high[i], &all);
        for (int j = 0; j < cols && high[i].count > 1; j++)
            add_area(o, &high[i], &wide[j]);
    }
    double rows = (double)(w->rows * w->cols), plain = rows * (1.0 + TILE_COST / (double)o->lanes);
    double share = cost_of(o) / (plain * (double)(w->taps_h * w->taps_w));
    return share < WORTH ? share : 1.0;
}

/* ---- places ---- */

/** Windows of a group. */
typedef struct group {
    const tn_window_area *area;
    int64_t count;
    const float *image;
    int64_t y[TN_PANEL_LANES], x[TN_PANEL_LANES]; /* of tap (0,0) */
} group;

/** Windows [first, first + g->count) of an area, and where their rows of C are. */
static void place(const tn_window_order *o, int64_t image, int64_t first, group *g, int64_t *at)
{
    const tn_windows *w = &o->windows;
    g->image = w->images + image * w->h * w->w * w->pitch;
    for (int64_t i = 0; i < g->count; i++) {
        int64_t row = g->area->row + (first + i) / g->area->cols, col = g->area->col + (first + i) % g->area->cols;
        g->y[i] = w->top + row * w->stride_h;
        g->x[i] = w->left + col * w->stride_w;
        at[i] = ((image * w->rows + row) * w->cols + col) * o->ldc;
    }
}

/** Group `number`, counted through the images. */
static void find_group(const tn_window_order *o, int64_t number, group *g, int64_t *at)
{
    int64_t image = number / o->groups, in_area = number % o->groups;
    g->area = o->area;
    for (; in_area >= g->area->groups; g->area++)
        in_area -= g->area->groups;
    int64_t first = tn_share_begin(g->area->windows, g->area->groups, in_area);
    g->count = tn_share_begin(g->area->windows, g->area->groups, in_area + 1) - first;
    place(o, image, first, g, at);
}

/** Numbers from `channel` on of tap (r,s) of each window, zeros outside the image and where no window is. */
static void locate_tap(const tn_windows *w, const group *g, int64_t r, int64_t s, int64_t channel, int64_t lanes,
                       const float **rows)
{
    for (int64_t i = 0; i < g->count; i++) {
        int64_t y = g->y[i] + r * w->dilation_h, x = g->x[i] + s * w->dilation_w;
        bool in = ((uint64_t)y < (uint64_t)w->h) & ((uint64_t)x < (uint64_t)w->w);
        rows[i] = in ? g->image + (y * w->w + x) * w->pitch + channel : tn_zeros;
    }
    for (int64_t i = g->count; i < lanes; i++)
        rows[i] = tn_zeros;
}

static bool has_tap(const tn_window_area *a, int64_t r, int64_t s)
{
    return r >= a->r0 && r < a->r1 && s >= a->s0 && s < a->s1;
}

/** The runs of a group that are not all padding. */
static tn_tile_group locate_runs(const tn_windows *w, const group *g, const tn_run_range *k, tn_kept_runs kept)
{
    for (int64_t i = 0; i < k->runs; i++) {
        int64_t from = k->first + i * k->run, tap = from / w->channels, r = tap / w->taps_w, s = tap % w->taps_w;
        if (tn_run_is_left(&kept, !has_tap(g->area, r, s), i == k->runs - 1, k->run * k->panel))
            continue;
        locate_tap(w, g, r, s, from % w->channels, kept.lanes, tn_next_run(&kept));
        tn_keep_run(&kept);
    }
    return tn_kept_group(&kept, g->count, k->runs);
}

static void locate_groups(const void *order, int64_t first, int64_t count, const tn_run_range *k, tn_places *out)
{
    const tn_window_order *o = order;
    for (int64_t i = 0; i < count / o->lanes; i++) {
        group g;
        find_group(o, first / o->lanes + i, &g, out->at + i * o->lanes);
        const tn_kept_runs kept = {out->rows + i * k->runs * o->lanes, out->skips + i * k->runs, o->lanes, 0, 0};
        out->groups[i] = locate_runs(&o->windows, &g, k, kept);
    }
}

void tn_windows_order(tn_product *p, tn_window_order *o)
{
    o->lanes = tn_product_groups(p);
    o->ldc = p->ldc;
    if (o->lanes == 0 || find_areas(o) == 1.0)
        return;
    p->m = p->m / (o->windows.rows * o->windows.cols) * o->groups * o->lanes;
    p->locate_groups = locate_groups;
}
