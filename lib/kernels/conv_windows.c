/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Panels whose lanes are windows: each lane follows its own window through the image. Windows consist of runs of taps
 *  and channels that lie in one piece; the runs of all lanes are transposed into the panel from where they lie. Windows
 *  that reach over an edge are copied aside first, with their zeros.
 *
 *      image row    ..|c0 c1 c2|c0 c1 c2|c0 c1 c2|..     a run: the S taps of a window row, or one tap's channels
 *      lane 0        ^------- run --------^              if taps or pixels do not follow one another
 *      lane 1                  ^------- run --------^    panel [k][lane] */
#include "kernels/conv_windows.h"

#include "kernels/arithmetic.h"
#include "kernels/product.h"

#include <string.h>

#define CHUNK 128 /* floats of a lane that are copied aside at once where its window reaches over an edge */

/** Where the windows of a panel stand. */
typedef struct lanes {
    int64_t count;
    int64_t edges;                                /* lanes whose windows are not wholly inside the image */
    const float *image[TN_PANEL_LANES];
    int64_t y[TN_PANEL_LANES], x[TN_PANEL_LANES]; /* of tap (0,0) */
    bool edge[TN_PANEL_LANES];
    float aside[TN_PANEL_LANES][CHUNK];
} lanes;

/** Taps that lie in one piece in memory: a whole row of the window if pixels and taps follow one another. */
static int64_t run_taps(const tn_windows *w)
{
    return w->dilation_w == 1 && w->pitch == w->channels ? w->taps_w : 1;
}

/** A run, or a part of one, and its place in the window. */
typedef struct run {
    int64_t y, x; /* pixels from tap (0,0) */
    int64_t from, floats;
    int64_t taps, size; /* of a whole run */
} run;

/** The run that k is in, from there, at most `most` floats. */
static run run_at(const tn_windows *w, int64_t k, int64_t most)
{
    run r = {.taps = run_taps(w)};
    r.size = r.taps * w->channels;
    int64_t number = k / r.size, in_row = w->taps_w / r.taps;
    r.y = number / in_row * w->dilation_h;
    r.x = number % in_row * w->dilation_w;
    r.from = k % r.size;
    r.floats = tn_min(r.size - r.from, most);
    return r;
}

static void next_run(const tn_windows *w, run *r, int64_t most)
{
    r->x += r->taps * w->dilation_w;
    if (r->x >= w->taps_w * w->dilation_w) {
        r->x = 0;
        r->y += w->dilation_h;
    }
    r->from = 0;
    r->floats = tn_min(r->size, most);
}

/** Lanes that are not there stand above the image, where all is zero. */
static void place_lanes(const tn_windows *w, int64_t first, int64_t present, lanes *out)
{
    int64_t high = w->h - (w->taps_h - 1) * w->dilation_h, wide = w->w - (w->taps_w - 1) * w->dilation_w;
    int64_t row = first / w->cols, col = first % w->cols;
    out->edges = 0;
    for (int64_t i = 0; i < out->count; i++) {
        out->image[i] = w->images + row / w->rows * w->h * w->w * w->pitch;
        out->y[i] = i < present ? w->top + row % w->rows * w->stride_h : INT64_MIN / 2;
        out->x[i] = w->left + col * w->stride_w;
        out->edge[i] = out->y[i] < 0 || out->y[i] >= high || out->x[i] < 0 || out->x[i] >= wide;
        out->edges += out->edge[i];
        if (++col == w->cols) {
            col = 0;
            row++;
        }
    }
}

/** Copy a run of lane i, zeros outside the image. */
static void copy_run(const tn_windows *w, const lanes *l, int64_t i, const run *r, float *out)
{
    int64_t y = l->y[i] + r->y, x = l->x[i] + r->x, low = 0, high = 0;
    const float *data = l->image[i];
    if (y >= 0 && y < w->h) {
        data += (y * w->w + x) * w->pitch + r->from;
        low = tn_min(tn_max(-x * w->channels - r->from, 0), r->floats);
        high = tn_max(tn_min((w->w - x) * w->channels - r->from, r->floats), low);
    }
    for (int64_t k = 0; k < low; k++)
        out[k] = 0.0f;
    for (int64_t k = low; k < high; k++)
        out[k] = data[k];
    for (int64_t k = high; k < r->floats; k++)
        out[k] = 0.0f;
}

/** Floats [k0, k0 + kn) of the windows that reach over an edge, kn <= CHUNK. */
static void copy_edges(const tn_windows *w, lanes *l, int64_t k0, int64_t kn)
{
    run r = run_at(w, k0, kn);
    for (int64_t k = k0; k < k0 + kn && l->edges > 0;) {
        for (int64_t i = 0; i < l->count; i++) {
            if (l->edge[i])
                copy_run(w, l, i, &r, l->aside[i] + (k - k0));
        }
        k += r.floats;
        next_run(w, &r, k0 + kn - k);
    }
}

/** Transpose floats [k0, k0 + kn) of all lanes, run by run, from the image or from what was copied aside. */
static void pack_runs(const tn_windows *w, const lanes *l, int64_t k0, int64_t kn, float *out)
{
    const tn_conv_table *kernels = tn_conv_kernels();
    const float *starts[TN_PANEL_LANES], *rows[TN_PANEL_LANES];
    for (int64_t i = 0; i < l->count; i++)
        starts[i] = l->edge[i] ? l->aside[i] : l->image[i] + (l->y[i] * w->w + l->x[i]) * w->pitch;
    run r = run_at(w, k0, kn);
    for (int64_t k = k0; k < k0 + kn;) {
        int64_t offset = (r.y * w->w + r.x) * w->pitch + r.from;
        for (int64_t i = 0; i < l->count; i++)
            rows[i] = starts[i] + (l->edge[i] ? k - k0 : offset);
        kernels->interleave(rows, l->count, r.floats, out + (k - k0) * l->count);
        k += r.floats;
        next_run(w, &r, k0 + kn - k);
    }
}

void tn_windows_pack(const void *windows, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t panel_lanes,
                     float *out)
{
    const tn_windows *w = windows;
    lanes l;
    l.count = panel_lanes;
    for (int64_t i = 0; i < count; i += l.count) {
        place_lanes(w, first + i, tn_min(l.count, count - i), &l);
        int64_t most = l.edges > 0 ? CHUNK : kn;
        for (int64_t k = 0; k < kn; k += most) {
            int64_t chunk = tn_min(most, kn - k);
            copy_edges(w, &l, k0 + k, chunk);
            pack_runs(w, &l, k0 + k, chunk, out);
            out += chunk * l.count;
        }
    }
}
