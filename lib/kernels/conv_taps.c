/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Panels whose lanes are taps and channels and whose k are windows: what the filters' gradient multiplies with dy. The
 *  lanes of a panel fall into pieces that lie together in every window; a piece is copied window by window along a row
 *  of the image. */
#include "kernels/arithmetic.h"
#include "kernels/conv_windows.h"
#include "kernels/product.h"

#include <string.h>

/** Lanes [lane, lane + width), counted through the panels: channels from `channel` of tap (r,s), and on into the taps
 *  after it. */
typedef struct piece {
    int64_t lane, width;
    int64_t r, s, channel;
} piece;

/** Taps that a piece may run through. */
static bool taps_adjoin(const tn_windows *w)
{
    return w->dilation_w == 1 && w->pitch == w->channels;
}

static piece piece_at(const tn_windows *w, int64_t lane, int64_t row, int64_t most)
{
    int64_t tap = row / w->channels;
    piece p = {.lane = lane, .r = tap / w->taps_w, .s = tap % w->taps_w, .channel = row % w->channels};
    int64_t left = (taps_adjoin(w) ? w->taps_w - p.s : 1) * w->channels - p.channel;
    p.width = tn_min(most, left);
    return p;
}

/** Panels: lane i of step k is at out[i / lanes * panel + k * lanes + i % lanes]. */
typedef struct panels {
    float *out;
    int64_t lanes, panel;
} panels;

static float *place(const panels *to, int64_t lane, int64_t k)
{
    return to->out + lane / to->lanes * to->panel + k * to->lanes + lane % to->lanes;
}

/** The piece of `count` windows, stride apart: the rest of a panel that is begun, whole panels, the start of another. */
static void copy_inside(const piece *p, const float *from, int64_t stride, int64_t k, int64_t count, const panels *to)
{
    const tn_conv_table *kernels = tn_conv_kernels();
    int64_t begun = p->lane % to->lanes, head = begun > 0 ? tn_min(to->lanes - begun, p->width) : 0;
    int64_t whole = (p->width - head) / to->lanes, tail = p->width - head - whole * to->lanes;
    if (head > 0)
        kernels->copy_rows(from, stride, head, count, to->lanes, place(to, p->lane, k));
    if (whole > 0)
        kernels->copy_panels(from + head, stride, count, whole, to->lanes, place(to, p->lane + head, k), to->lanes,
                             to->panel);
    if (tail > 0)
        kernels->copy_rows(from + p->width - tail, stride, tail, count, to->lanes,
                           place(to, p->lane + p->width - tail, k));
}

static void clear_piece(const piece *p, int64_t k, int64_t count, const panels *to)
{
    for (int64_t i = 0; i < count; i++) {
        for (int64_t lane = p->lane; lane < p->lane + p->width;) {
            int64_t run = tn_min(to->lanes - lane % to->lanes, p->lane + p->width - lane);
            memset(place(to, lane, k + i), 0, (size_t)run * sizeof(float));
            lane += run;
        }
    }
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/** One window's piece where it crosses the edge of the image: what is inside, zeros before and after it. */
static void copy_edge(const tn_windows *w, const piece *p, const float *row, int64_t x, int64_t k, const panels *to)
{
    int64_t low = clamp(-x * w->channels - p->channel, 0, p->width);
    int64_t high = clamp((w->w - x) * w->channels - p->channel, low, p->width);
    clear_piece(&(piece){.lane = p->lane, .width = low}, k, 1, to);
    copy_inside(&(piece){.lane = p->lane + low, .width = high - low}, row + x * w->pitch + p->channel + low, 0, k, 1,
                to);
    clear_piece(&(piece){.lane = p->lane + high, .width = p->width - high}, k, 1, to);
}

/** Windows j .. j + count of one row, steps from k: edges one by one, the windows between them in one go. */
static void copy_row(const tn_windows *w, const piece *p, const float *row, int64_t j, int64_t count, int64_t k,
                     const panels *to)
{
    int64_t taps = (p->channel + p->width - 1) / w->channels + 1, offset = w->left + p->s * w->dilation_w;
    int64_t first = tn_max(j, tn_ceil_div(-offset, w->stride_w));
    int64_t last = tn_min(j + count, tn_ceil_div(w->w - taps + 1 - offset, w->stride_w)); /* all taps inside below it */
    first = tn_min(first, j + count);
    last = tn_max(last, first);
    for (int64_t i = j; i < first; i++)
        copy_edge(w, p, row, offset + i * w->stride_w, k + i - j, to);
    if (last > first)
        copy_inside(p, row + (offset + first * w->stride_w) * w->pitch + p->channel, w->stride_w * w->pitch,
                    k + first - j, last - first, to);
    for (int64_t i = last; i < j + count; i++)
        copy_edge(w, p, row, offset + i * w->stride_w, k + i - j, to);
}

static void copy_piece(const tn_windows *w, const piece *p, int64_t k0, int64_t kn, const panels *to)
{
    for (int64_t k = k0; k < k0 + kn;) {
        int64_t row = k / w->cols, j = k % w->cols, count = tn_min(w->cols - j, k0 + kn - k);
        int64_t y = w->top + row % w->rows * w->stride_h + p->r * w->dilation_h;
        if (y < 0 || y >= w->h)
            clear_piece(p, k - k0, count, to);
        else
            copy_row(w, p, w->images + (row / w->rows * w->h + y) * w->w * w->pitch, j, count, k - k0, to);
        k += count;
    }
}

void tn_windows_pack_taps(const void *windows, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t lanes,
                          float *out)
{
    const panels to = {out, lanes, lanes * kn};
    for (int64_t lane = 0; lane < count;) {
        piece p = piece_at(windows, lane, first + lane, count - lane);
        copy_piece(windows, &p, k0, kn, &to);
        lane += p.width;
    }
    if (count % lanes > 0 && lanes <= TN_PANEL_LANES)
        clear_piece(&(piece){.lane = count, .width = lanes - count % lanes}, 0, kn, &to);
}
