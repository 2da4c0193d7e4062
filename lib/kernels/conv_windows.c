/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Panels whose lanes are windows: each lane follows its own window through the image, and where the windows of all
 *  lanes have a run of taps and channels in one piece, the pieces are transposed into the panel from where they lie.
 *
 *      image row    ..|c0 c1 c2|c0 c1 c2|c0 c1 c2|..     a run: the S taps of a window row, or one tap's channels
 *      lane 0        ^------- run --------^              if taps or pixels do not follow one another
 *      lane 1                  ^------- run --------^    panel [k][lane] */
#include "kernels/conv_windows.h"

#include "kernels/product.h"

#include <string.h>

#define CHUNK 128   /* floats of a lane that are copied aside where a run leaves the image or is short */
#define SHORT_RUN 8 /* runs below this are strung together before they are transposed */

/** Where the windows of a panel stand. */
typedef struct lanes {
    int64_t count;
    const float *image[TN_PANEL_LANES];
    int64_t y[TN_PANEL_LANES], x[TN_PANEL_LANES]; /* of tap (0,0) */
    float aside[TN_PANEL_LANES][CHUNK];
} lanes;

static const float zeros[CHUNK];

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/** Taps that lie in one piece in memory: a whole row of the window if pixels and taps follow one another. */
static int64_t run_taps(const tn_windows *w)
{
    return w->dilation_w == 1 && w->pitch == w->channels ? w->taps_w : 1;
}

/** Lanes that are not there stand above the image, where all is zero. */
static void place_lanes(const tn_windows *w, int64_t first, int64_t present, lanes *out)
{
    int64_t row = first / w->cols, col = first % w->cols;
    for (int64_t i = 0; i < out->count; i++) {
        out->image[i] = w->images + row / w->rows * w->h * w->w * w->pitch;
        out->y[i] = i < present ? w->top + row % w->rows * w->stride_h : INT64_MIN / 2;
        out->x[i] = w->left + col * w->stride_w;
        if (++col == w->cols) {
            col = 0;
            row++;
        }
    }
}

/** The part of floats [from, to) of a run at pixel (y,x) that lies inside the image; false if none does. */
static bool inside(const tn_windows *w, int64_t y, int64_t x, int64_t from, int64_t to, int64_t *low, int64_t *high)
{
    if (y < 0 || y >= w->h || x >= w->w)
        return false;
    bool many = run_taps(w) > 1;
    if (!many && x < 0)
        return false;
    *low = many ? max_i64(from, -x * w->channels) : from;
    *high = many ? min_i64(to, (w->w - x) * w->channels) : to;
    return *low < *high;
}

static const float *pixel(const tn_windows *w, const lanes *l, int64_t i, int64_t y, int64_t x)
{
    return l->image[i] + (y * w->w + x) * w->pitch;
}

/** A run's place in its window. */
typedef struct run {
    int64_t y, x; /* pixels from tap (0,0) */
    int64_t size; /* floats */
} run;

static run run_at(const tn_windows *w, int64_t number)
{
    int64_t taps = run_taps(w), in_row = w->taps_w / taps;
    return (run){number / in_row * w->dilation_h, number % in_row * w->dilation_w, taps * w->channels};
}

/** Copy floats [from, to) of a run of lane i, zeros outside the image. */
static void copy_run(const tn_windows *w, const lanes *l, int64_t i, const run *r, int64_t from, int64_t to, float *out)
{
    int64_t low, high, y = l->y[i] + r->y, x = l->x[i] + r->x;
    if (!inside(w, y, x, from, to, &low, &high)) {
        memset(out, 0, (size_t)(to - from) * sizeof *out);
        return;
    }
    const float *data = l->image[i] + (y * w->w + x) * w->pitch;
    for (int64_t k = from; k < low; k++)
        out[k - from] = 0.0f;
    for (int64_t k = low; k < high; k++)
        out[k - from] = data[k];
    for (int64_t k = high; k < to; k++)
        out[k - from] = 0.0f;
}

/** All lanes have floats [from, to) of the run inside the image. */
static bool all_inside(const tn_windows *w, const lanes *l, const run *r, int64_t from, int64_t to)
{
    for (int64_t i = 0; i < l->count; i++) {
        int64_t low, high;
        if (!inside(w, l->y[i] + r->y, l->x[i] + r->x, from, to, &low, &high) || low != from || high != to)
            return false;
    }
    return true;
}

/** Transpose floats [from, to) of one run: whole if it is inside for all lanes, chunks with copies otherwise. */
static void pack_run(const tn_windows *w, lanes *l, const run *r, int64_t from, int64_t to, float *out)
{
    const tn_conv_table *kernels = tn_conv_kernels();
    const float *rows[TN_PANEL_LANES];
    if (all_inside(w, l, r, from, to)) {
        for (int64_t i = 0; i < l->count; i++)
            rows[i] = pixel(w, l, i, l->y[i] + r->y, l->x[i] + r->x) + from;
        kernels->interleave(rows, l->count, to - from, out);
        return;
    }
    for (int64_t k = from; k < to; k += CHUNK) {
        int64_t end = min_i64(k + CHUNK, to), low, high;
        for (int64_t i = 0; i < l->count; i++) {
            int64_t y = l->y[i] + r->y, x = l->x[i] + r->x;
            if (!inside(w, y, x, k, end, &low, &high)) {
                rows[i] = zeros;
            } else if (low == k && high == end) {
                rows[i] = pixel(w, l, i, y, x) + k;
            } else {
                copy_run(w, l, i, r, k, end, l->aside[i]);
                rows[i] = l->aside[i];
            }
        }
        kernels->interleave(rows, l->count, end - k, out + (k - from) * l->count);
    }
}

static void pack_long_runs(const tn_windows *w, lanes *l, int64_t k0, int64_t kn, float *out)
{
    int64_t size = run_taps(w) * w->channels;
    for (int64_t k = k0; k < k0 + kn;) {
        run r = run_at(w, k / size);
        int64_t from = k % size, to = min_i64(size, from + k0 + kn - k);
        pack_run(w, l, &r, from, to, out + (k - k0) * l->count);
        k += to - from;
    }
}

/** String short runs together in the lanes' buffers, then transpose them at once. */
static void pack_short_runs(const tn_windows *w, lanes *l, int64_t k0, int64_t kn, float *out)
{
    int64_t size = run_taps(w) * w->channels;
    const float *rows[TN_PANEL_LANES];
    for (int64_t chunk = k0; chunk < k0 + kn; chunk += CHUNK) {
        int64_t end = min_i64(chunk + CHUNK, k0 + kn);
        for (int64_t k = chunk; k < end;) {
            run r = run_at(w, k / size);
            int64_t from = k % size, to = min_i64(size, from + end - k);
            for (int64_t i = 0; i < l->count; i++)
                copy_run(w, l, i, &r, from, to, l->aside[i] + (k - chunk));
            k += to - from;
        }
        for (int64_t i = 0; i < l->count; i++)
            rows[i] = l->aside[i];
        tn_conv_kernels()->interleave(rows, l->count, end - chunk, out + (chunk - k0) * l->count);
    }
}

/** No window of the panel reaches over an edge. */
static bool windows_inside(const tn_windows *w, const lanes *l)
{
    int64_t high = w->h - (w->taps_h - 1) * w->dilation_h, wide = w->w - (w->taps_w - 1) * w->dilation_w;
    for (int64_t i = 0; i < l->count; i++) {
        if (l->y[i] < 0 || l->y[i] >= high || l->x[i] < 0 || l->x[i] >= wide)
            return false;
    }
    return true;
}

/** Most windows are inside: their runs lie as far from each other in all lanes. */
static void pack_inside(const tn_windows *w, const lanes *l, int64_t k0, int64_t kn, float *out)
{
    const tn_conv_table *kernels = tn_conv_kernels();
    const float *starts[TN_PANEL_LANES], *rows[TN_PANEL_LANES];
    int64_t size = run_taps(w) * w->channels, runs = w->taps_w / run_taps(w), count = l->count;
    for (int64_t i = 0; i < count; i++)
        starts[i] = pixel(w, l, i, l->y[i], l->x[i]);
    int64_t number = k0 / size, from = k0 % size, y = number / runs, x = number % runs;
    for (int64_t k = 0; k < kn;) {
        int64_t floats = min_i64(size - from, kn - k);
        int64_t offset = (y * w->dilation_h * w->w + x * w->dilation_w) * w->pitch + from;
        for (int64_t i = 0; i < count; i++)
            rows[i] = starts[i] + offset;
        kernels->interleave(rows, count, floats, out + k * count);
        k += floats;
        from = 0;
        x = x + 1 < runs ? x + 1 : 0;
        y += x == 0;
    }
}

void tn_windows_pack(const void *windows, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t panel_lanes,
                     float *out)
{
    const tn_windows *w = windows;
    lanes l;
    l.count = panel_lanes;
    for (int64_t i = 0; i < count; i += l.count, out += l.count * kn) {
        place_lanes(w, first + i, min_i64(l.count, count - i), &l);
        if (windows_inside(w, &l))
            pack_inside(w, &l, k0, kn, out);
        else if (run_taps(w) * w->channels < SHORT_RUN)
            pack_short_runs(w, &l, k0, kn, out);
        else
            pack_long_runs(w, &l, k0, kn, out);
    }
}
