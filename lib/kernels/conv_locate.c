/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Where windows lie: for each run of taps and channels of each window the place in the image where it begins. Runs
 *  outside the image begin in a row of zeros; one that crosses its edge is copied aside with the zeros that it needs.
 */
#include "kernels/arithmetic.h"
#include "kernels/conv_windows.h"
#include "kernels/product.h"

#define FEW 8 /* channels: with fewer, whole rows of a window are a run */

static bool rows_adjoin(const tn_windows *w)
{
    return w->dilation_w == 1 && w->pitch == w->channels && w->channels < FEW;
}

int64_t tn_windows_run(const tn_windows *w)
{
    return rows_adjoin(w) ? w->taps_w * w->channels : w->channels;
}

/** Windows that follow one another. */
typedef struct walk {
    const float *image;
    int64_t row, col; /* of windows */
    int64_t y, x;     /* of tap (0,0) */
} walk;

static walk walk_from(const tn_windows *w, int64_t window)
{
    int64_t row = window / w->cols, col = window % w->cols;
    walk at = {w->images + row / w->rows * w->h * w->w * w->pitch, row % w->rows, col, 0, 0};
    at.y = w->top + at.row * w->stride_h;
    at.x = w->left + col * w->stride_w;
    return at;
}

static void step(const tn_windows *w, walk *at)
{
    at->x += w->stride_w;
    if (++at->col < w->cols)
        return;
    at->col = 0;
    at->x = w->left;
    at->y += w->stride_h;
    if (++at->row == w->rows) {
        at->row = 0;
        at->y = w->top;
        at->image += w->h * w->w * w->pitch;
    }
}

/** The part of a run that is inside the image, zeros around it. */
static const float *copy_aside(const tn_windows *w, const float *row, int64_t x, int64_t from, int64_t count,
                               float *aside)
{
    int64_t low = tn_min(tn_max(-x * w->channels - from, 0), count);
    int64_t high = tn_max(tn_min((w->w - x) * w->channels - from, count), low);
    for (int64_t k = 0; k < count; k++)
        aside[k] = k >= low && k < high ? row[x * w->pitch + from + k] : 0.0f;
    return aside;
}

/** A run: `taps` taps from (r,s), numbers [from, from + count) of them. */
typedef struct piece {
    int64_t y, x; /* pixels from tap (0,0) */
    int64_t taps, from, count;
} piece;

static const float *locate(const tn_windows *w, const walk *at, const piece *p, float *aside)
{
    int64_t y = at->y + p->y, x = at->x + p->x;
    if (y < 0 || y >= w->h || x + p->taps <= 0 || x >= w->w)
        return tn_zeros;
    const float *row = at->image + y * w->w * w->pitch;
    if (x >= 0 && x + p->taps <= w->w)
        return row + x * w->pitch + p->from;
    return copy_aside(w, row, x, p->from, p->count, aside);
}

static piece piece_at(const tn_windows *w, int64_t k, int64_t count)
{
    int64_t run = tn_windows_run(w), number = k / run, taps = rows_adjoin(w) ? w->taps_w : 1;
    int64_t in_row = w->taps_w / taps;
    return (piece){number / in_row * w->dilation_h, number % in_row * w->dilation_w, taps, k % run, count};
}

/** True if all taps of a window are inside the image. */
static bool is_inside(const tn_windows *w, const walk *at)
{
    return at->y >= 0 && at->y + (w->taps_h - 1) * w->dilation_h < w->h && at->x >= 0 &&
           at->x + (w->taps_w - 1) * w->dilation_w < w->w;
}

/** Windows of a tile and, if all of them are inside, where tap (0,0) of each lies. */
typedef struct tile_windows {
    int64_t present;
    walk at[TN_PANEL_LANES];
    bool inside;
    const float *first[TN_PANEL_LANES];
} tile_windows;

static void place(const tn_windows *w, walk *at, int64_t present, tile_windows *out)
{
    out->present = present;
    out->inside = true;
    for (int64_t i = 0; i < present; i++) {
        out->at[i] = *at;
        out->inside = out->inside && is_inside(w, at);
        step(w, at);
    }
    for (int64_t i = 0; i < present && out->inside; i++)
        out->first[i] = out->at[i].image + (out->at[i].y * w->w + out->at[i].x) * w->pitch;
}

void tn_windows_locate(const void *windows, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t run,
                       int64_t lanes, float *aside, const float **rows)
{
    const tn_windows *w = windows;
    walk at = walk_from(w, first);
    for (int64_t tile = 0; tile < count; tile += lanes) {
        tile_windows l;
        place(w, &at, tn_min(lanes, count - tile), &l);
        for (int64_t k = k0; k < k0 + kn; k += run, rows += lanes) {
            const piece p = piece_at(w, k, run);
            int64_t offset = (p.y * w->w + p.x) * w->pitch + p.from;
            for (int64_t i = 0; i < l.present; i++, aside += run)
                rows[i] = l.inside ? l.first[i] + offset : locate(w, &l.at[i], &p, aside);
            for (int64_t i = l.present; i < lanes; i++)
                rows[i] = tn_zeros;
        }
    }
}
