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

/** To the piece that follows. */
static void next_piece(const tn_windows *w, piece *p)
{
    p->from += p->count;
    if (p->from < tn_windows_run(w))
        return;
    p->from = 0;
    p->x += p->taps * w->dilation_w;
    if (p->x < w->taps_w * w->dilation_w)
        return;
    p->x = 0;
    p->y += w->dilation_h;
}

/** True if all taps of a window are inside the image. */
static bool is_inside(const tn_windows *w, const walk *at)
{
    return at->y >= 0 && at->y + (w->taps_h - 1) * w->dilation_h < w->h && at->x >= 0 &&
           at->x + (w->taps_w - 1) * w->dilation_w < w->w;
}

/** Windows of a tile: where tap (0,0) of each lies, in floats from the images, also if it is outside; whether all taps
 *  of all of them are inside. */
typedef struct tile_windows {
    int64_t present;
    walk at[TN_PANEL_LANES];
    bool inside;
    int64_t first[TN_PANEL_LANES];
} tile_windows;

static void place(const tn_windows *w, walk *at, int64_t present, tile_windows *out)
{
    out->present = present;
    out->inside = true;
    for (int64_t i = 0; i < present; i++) {
        out->at[i] = *at;
        out->first[i] = at->image - w->images + (at->y * w->w + at->x) * w->pitch;
        out->inside = out->inside && is_inside(w, at);
        step(w, at);
    }
}

/** One tap of each window, `offset` floats from the first: in the image, or zeros. No branch could be foretold here. */
static void locate_tap(const tn_windows *w, const tile_windows *l, const piece *p, int64_t offset, const float **rows)
{
    for (int64_t i = 0; i < l->present; i++) {
        bool in = ((uint64_t)(l->at[i].y + p->y) < (uint64_t)w->h) & ((uint64_t)(l->at[i].x + p->x) < (uint64_t)w->w);
        const float *from = in ? w->images : tn_zeros;
        rows[i] = from + (in ? l->first[i] + offset : 0);
    }
}

/** Where a piece of each window begins. */
static void locate_piece(const tn_windows *w, const tile_windows *l, const piece *p, float *aside, const float **rows)
{
    int64_t offset = (p->y * w->w + p->x) * w->pitch + p->from;
    if (l->inside) {
        for (int64_t i = 0; i < l->present; i++)
            rows[i] = w->images + l->first[i] + offset;
    } else if (p->taps == 1) {
        locate_tap(w, l, p, offset, rows);
    } else {
        for (int64_t i = 0; i < l->present; i++)
            rows[i] = locate(w, &l->at[i], p, aside + i * p->count);
    }
}

/** True if every window is one pixel, and all pixels have one: they lie as the windows are counted. */
static bool are_pixels(const tn_windows *w)
{
    return w->taps_h == 1 && w->taps_w == 1 && w->stride_h == 1 && w->stride_w == 1 && w->top == 0 && w->left == 0 &&
           w->rows == w->h && w->cols == w->w;
}

/** The first number of k of each pixel, when all k are one run. */
static void locate_whole_pixels(const tn_windows *w, int64_t first, int64_t count, int64_t k0, int64_t lanes,
                                const float **rows)
{
    const float *pixel = w->images + first * w->pitch + k0;
    for (int64_t i = 0; i < count; i++, pixel += w->pitch)
        rows[i] = pixel;
    for (int64_t i = count; i % lanes != 0; i++)
        rows[i] = tn_zeros;
}

/** Pixels are found without looking for edges. */
static void locate_pixels(const tn_windows *w, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t run,
                          int64_t lanes, const float **rows)
{
    for (int64_t tile = 0; tile < count; tile += lanes) {
        const float *pixel = w->images + (first + tile) * w->pitch;
        int64_t present = tn_min(lanes, count - tile);
        for (int64_t k = k0; k < k0 + kn; k += run, rows += lanes) {
            for (int64_t i = 0; i < present; i++)
                rows[i] = pixel + i * w->pitch + k;
            for (int64_t i = present; i < lanes; i++)
                rows[i] = tn_zeros;
        }
    }
}

void tn_windows_locate(const void *windows, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t run,
                       int64_t lanes, float *aside, const float **rows)
{
    const tn_windows *w = windows;
    if (are_pixels(w) && kn == run) {
        locate_whole_pixels(w, first, count, k0, lanes, rows);
        return;
    }
    if (are_pixels(w)) {
        locate_pixels(w, first, count, k0, kn, run, lanes, rows);
        return;
    }
    walk at = walk_from(w, first);
    for (int64_t tile = 0; tile < count; tile += lanes) {
        tile_windows l;
        piece p = piece_at(w, k0, run);
        place(w, &at, tn_min(lanes, count - tile), &l);
        for (int64_t k = k0; k < k0 + kn; k += run, rows += lanes, next_piece(w, &p)) {
            locate_piece(w, &l, &p, aside, rows);
            aside += l.present * run;
            for (int64_t i = l.present; i < lanes; i++)
                rows[i] = tn_zeros;
        }
    }
}
