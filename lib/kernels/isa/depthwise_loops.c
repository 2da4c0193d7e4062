/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Depthwise convolutions. A filter and a pixel are loaded for one multiplication, so what is loaded decides: a few
 *  neighbouring results share the filter, some taps the gradient. Built once for each instruction set. */
#include "kernels/isa/depthwise_loops.h"

#include "kernels/isa/conv_table.h"
#include "kernels/isa/simd.h"

enum { RESULTS = 4, TAPS = 9, VECTORS = 2 }; /* of a tile, at most */

/** Vector v of channels from c on, of which there are `left`. */
ALWAYS_INLINE vec load_channels(const float *from, int v, int64_t left)
{
    return load_some(from + v * TN_LANES, left - v * TN_LANES);
}

ALWAYS_INLINE void store_channels(vec value, float *to, int v, int64_t left)
{
    store_some(value, to + v * TN_LANES, left - v * TN_LANES);
}

/* ---- results ---- */

typedef struct filtering {
    const tn_depthwise_tap *taps;
    int64_t count, x_step;
    const float *bias;
    bool relu;
    float *y;
    int64_t y_step;
} filtering;

/** Results [i, i + results) of `vectors` vectors of channels from c on, `left` of them or more. */
ALWAYS_INLINE void filter_tile(const filtering *f, int64_t i, int results, int64_t c, int vectors, int64_t left)
{
    vec sums[RESULTS][VECTORS];
    UNROLL
    for (int v = 0; v < vectors; v++) {
        UNROLL
        for (int k = 0; k < results; k++)
            sums[k][v] = f->bias ? load_channels(f->bias + c, v, left) : (vec){0};
    }
    for (int64_t t = 0; t < f->count; t++) {
        const float *pixel = f->taps[t].pixel + i * f->x_step + c, *w = f->taps[t].w + c;
        UNROLL
        for (int v = 0; v < vectors; v++) {
            vec filter = load_channels(w, v, left);
            UNROLL
            for (int k = 0; k < results; k++)
                sums[k][v] = add_product(sums[k][v], load_channels(pixel + k * f->x_step, v, left), filter);
        }
    }
    UNROLL
    for (int v = 0; v < vectors; v++) {
        UNROLL
        for (int k = 0; k < results; k++)
            store_channels(f->relu ? at_least(sums[k][v], splat(0.0f)) : sums[k][v], f->y + (i + k) * f->y_step + c, v,
                           left);
    }
}

ALWAYS_INLINE void filter_channels(const filtering *f, int64_t i, int results, int64_t channels)
{
    int64_t c = 0;
    for (; c + VECTORS * TN_LANES <= channels; c += VECTORS * TN_LANES)
        filter_tile(f, i, results, c, VECTORS, VECTORS * TN_LANES);
    for (; c < channels; c += TN_LANES)
        filter_tile(f, i, results, c, 1, channels - c);
}

static void filter(const tn_depthwise_tap *taps, int64_t count, int64_t x_step, const float *bias, bool relu,
                   int64_t results, int64_t channels, float *y, int64_t y_step)
{
    const filtering f = {taps, count, x_step, bias, relu, y, y_step};
    int64_t i = 0;
    for (; i + RESULTS <= results; i += RESULTS)
        filter_channels(&f, i, RESULTS, channels);
    for (; i < results; i++)
        filter_channels(&f, i, 1, channels);
}

/* ---- the gradient of the filters ---- */

/** The sums of some taps, for `vectors` vectors of channels from c on, `left` of them or more. */
ALWAYS_INLINE void sum_tile(const tn_depthwise_rows *r, const tn_depthwise_tap *taps, int count, const float *dy,
                            int64_t channels, int64_t c, int vectors, int64_t left)
{
    vec sums[TAPS][VECTORS];
    UNROLL
    for (int t = 0; t < count; t++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            sums[t][v] = (vec){0};
    }
    for (int64_t row = 0; row < r->rows; row++) {
        int64_t x = row * r->x_row + c;
        const float *gradient = dy + row * r->dy_row + c;
        for (int64_t i = 0; i < r->results; i++, x += r->x_step, gradient += channels) {
            UNROLL
            for (int v = 0; v < vectors; v++) {
                vec factor = load_channels(gradient, v, left);
                UNROLL
                for (int t = 0; t < count; t++)
                    sums[t][v] = add_product(sums[t][v], load_channels(taps[t].pixel + x, v, left), factor);
            }
        }
    }
    UNROLL
    for (int t = 0; t < count; t++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            store_channels(load_channels(taps[t].dw + c, v, left) + sums[t][v], taps[t].dw + c, v, left);
    }
}

ALWAYS_INLINE void sum_channels(const tn_depthwise_rows *r, const tn_depthwise_tap *taps, int count, const float *dy,
                                int64_t channels, int vectors)
{
    int64_t c = 0, wide = vectors * TN_LANES;
    for (; c + wide <= channels; c += wide)
        sum_tile(r, taps, count, dy, channels, c, vectors, wide);
    for (; c < channels; c += TN_LANES)
        sum_tile(r, taps, count, dy, channels, c, 1, channels - c);
}

static void gradient(const tn_depthwise_tap *taps, int64_t count, const tn_depthwise_rows *rows, const float *dy,
                     int64_t channels)
{
    int64_t t = 0;
    for (; t + 9 <= count; t += 9)
        sum_channels(rows, taps + t, 9, dy, channels, 1);
    for (; t + 3 <= count; t += 3)
        sum_channels(rows, taps + t, 3, dy, channels, 2);
    for (; t < count; t++)
        sum_channels(rows, taps + t, 1, dy, channels, 2);
}

extern const tn_depthwise_loops TN_ISA(tn_depthwise_loops);
const tn_depthwise_loops TN_ISA(tn_depthwise_loops) = {filter, gradient};
