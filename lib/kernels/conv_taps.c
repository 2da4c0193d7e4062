/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Panels whose lanes are taps and channels and whose k are windows: what the filters' gradient multiplies with dy. The
 *  lanes of a panel fall into pieces that lie together in every window; a piece is copied window by window along a row
 *  of the image. */
#include "kernels/conv_windows.h"
#include "kernels/gemm_kernel.h"
#include "kernels/product.h"

#include <string.h>

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return a >= 0 ? (a + b - 1) / b : -(-a / b);
}

/** Lanes [lane, lane + width) of a panel: channels from `channel` of tap (r,s), and on into the taps after it. */
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
    p.width = min_i64(most, left);
    return p;
}

/** One window's piece where it crosses the edge of the image: zeros outside. */
static void copy_edge(const tn_windows *w, const piece *p, const float *row, int64_t x, float *out)
{
    for (int64_t i = 0; i < p->width; i++) {
        int64_t tap = x + (p->channel + i) / w->channels;
        out[i] = tap >= 0 && tap < w->w ? row[x * w->pitch + p->channel + i] : 0.0f;
    }
}

static void clear_piece(const piece *p, int64_t count, int64_t lanes, float *out)
{
    for (int64_t k = 0; k < count; k++) {
        for (int64_t i = 0; i < p->width; i++)
            out[k * lanes + i] = 0.0f;
    }
}

/** Windows j .. j + count of one row: edges one by one, the windows between them in one go. */
static void copy_row(const tn_windows *w, const piece *p, const float *row, int64_t j, int64_t count, int64_t lanes,
                     float *out)
{
    int64_t taps = (p->channel + p->width - 1) / w->channels + 1, offset = w->left + p->s * w->dilation_w;
    int64_t first = max_i64(j, ceil_div(-offset, w->stride_w));
    int64_t last = min_i64(j + count, ceil_div(w->w - taps + 1 - offset, w->stride_w)); /* all taps inside below it */
    first = min_i64(first, j + count);
    last = max_i64(last, first);
    for (int64_t i = j; i < first; i++)
        copy_edge(w, p, row, offset + i * w->stride_w, out + (i - j) * lanes);
    if (last > first)
        tn_conv_kernels()->copy_rows(row + (offset + first * w->stride_w) * w->pitch + p->channel,
                                     w->stride_w * w->pitch, p->width, last - first, lanes, out + (first - j) * lanes);
    for (int64_t i = last; i < j + count; i++)
        copy_edge(w, p, row, offset + i * w->stride_w, out + (i - j) * lanes);
}

static void copy_piece(const tn_windows *w, const piece *p, int64_t k0, int64_t kn, int64_t lanes, float *out)
{
    for (int64_t k = k0; k < k0 + kn;) {
        int64_t row = k / w->cols, j = k % w->cols, count = min_i64(w->cols - j, k0 + kn - k);
        int64_t y = w->top + row % w->rows * w->stride_h + p->r * w->dilation_h;
        float *to = out + (k - k0) * lanes + p->lane;
        if (y < 0 || y >= w->h)
            clear_piece(p, count, lanes, to);
        else
            copy_row(w, p, w->images + (row / w->rows * w->h + y) * w->w * w->pitch, j, count, lanes, to);
        k += count;
    }
}

void tn_windows_pack_taps(const tn_windows *windows, int64_t first, int64_t count, int64_t k0, int64_t kn, float *out)
{
    int64_t lanes = tn_gemm_kernel_in_use()->s;
    for (int64_t i = 0; i < count; i += lanes, out += lanes * kn) {
        int64_t present = min_i64(lanes, count - i);
        for (int64_t lane = 0; lane < present;) {
            piece p = piece_at(windows, lane, first + i + lane, present - lane);
            copy_piece(windows, &p, k0, kn, lanes, out);
            lane += p.width;
        }
        if (present < lanes)
            clear_piece(&(piece){.width = lanes - present}, kn, lanes, out + present);
    }
}
