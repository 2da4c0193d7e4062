/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Convolution by its definition, in double: what the exactness tests compare with. Also a generator of test numbers of
 *  its own, so that nothing of the library is used to judge it. */
#ifndef TESTS_KERNELS_CONV_REFERENCE_H
#define TESTS_KERNELS_CONV_REFERENCE_H

#include "kernels/conv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/** Marsaglia's xorshift64*. */
typedef struct draw {
    uint64_t state; /* not 0 */
} draw;

static inline uint64_t draw_bits(draw *d)
{
    d->state ^= d->state >> 12;
    d->state ^= d->state << 25;
    d->state ^= d->state >> 27;
    return d->state * UINT64_C(2685821657736338717) >> 11;
}

/** A whole number in [low, high]. */
static inline int64_t draw_int(draw *d, int64_t low, int64_t high)
{
    return low + (int64_t)(draw_bits(d) % (uint64_t)(high - low + 1));
}

static inline void draw_integers(draw *d, float *out, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = (float)draw_int(d, -3, 3);
}

/** Uniform in mean +- spread. */
static inline void draw_reals(draw *d, double mean, double spread, float *out, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = (float)(mean + spread * ((double)draw_int(d, -1000000, 1000000) * 1e-6));
}

static inline int64_t conv_x_size(const tn_conv_shape *s, int64_t n)
{
    return n * s->h * s->w * s->c;
}

static inline int64_t conv_y_size(const tn_conv_shape *s, int64_t n)
{
    return n * s->oh * s->ow * s->f;
}

static inline int64_t conv_w_size(const tn_conv_shape *s)
{
    return s->r * s->s * (s->c / s->groups) * s->f;
}

/** One product of the sum: y[y_at + 0..count) belongs with w[w_at + 0..count) and x[x_at]. */
typedef void conv_visit(void *context, int64_t x_at, int64_t w_at, int64_t y_at, int64_t count);

/* All channels of one pixel and one window position. */
static inline void conv_visit_channels(const tn_conv_shape *s, int64_t x_pixel, int64_t position, int64_t y_pixel,
                                       conv_visit *visit, void *context)
{
    int64_t inputs = s->c / s->groups, outputs = s->f / s->groups;
    for (int64_t c = 0; c < s->c; c++)
        visit(context, x_pixel * s->c + c, (position * inputs + c % inputs) * s->f + c / inputs * outputs,
              y_pixel * s->f + c / inputs * outputs, outputs);
}

/** Visit every product of the definition for the first n images. */
static inline void conv_visit_all(const tn_conv_shape *s, int64_t n, conv_visit *visit, void *context)
{
    for (int64_t row = 0; row < n * s->oh; row++)
        for (int64_t j = 0; j < s->ow; j++)
            for (int64_t position = 0; position < s->r * s->s; position++) {
                int64_t y = row % s->oh * s->stride_h + position / s->s * s->dilation_h - s->pad_top;
                int64_t x = j * s->stride_w + position % s->s * s->dilation_w - s->pad_left;
                if (y >= 0 && y < s->h && x >= 0 && x < s->w)
                    conv_visit_channels(s, (row / s->oh * s->h + y) * s->w + x, position, row * s->ow + j, visit,
                                        context);
            }
}

/* What the library is compared with goes unchecked by sanitizers: it would take them minutes. */
#define CONV_UNCHECKED __attribute__((no_sanitize("address", "undefined")))

/** Two operands and a sum. */
typedef struct conv_operands {
    const float *x, *w, *dy;
    double *sum;
} conv_operands;

CONV_UNCHECKED static void conv_add_forward(void *context, int64_t x, int64_t w, int64_t y, int64_t count)
{
    const conv_operands *o = context;
    const double number = (double)o->x[x];
    const float *filters = o->w + w;
    double *sums = o->sum + y;
    for (int64_t f = 0; f < count; f++)
        sums[f] += number * (double)filters[f];
}

CONV_UNCHECKED static void conv_add_data(void *context, int64_t x, int64_t w, int64_t y, int64_t count)
{
    const conv_operands *o = context;
    const float *gradient = o->dy + y, *filters = o->w + w;
    double sum = 0.0;
    for (int64_t f = 0; f < count; f++)
        sum += (double)gradient[f] * (double)filters[f];
    o->sum[x] += sum;
}

CONV_UNCHECKED static void conv_add_filter(void *context, int64_t x, int64_t w, int64_t y, int64_t count)
{
    const conv_operands *o = context;
    const double number = (double)o->x[x];
    const float *gradient = o->dy + y;
    double *sums = o->sum + w;
    for (int64_t f = 0; f < count; f++)
        sums[f] += number * (double)gradient[f];
}

/** y without bias, dx and dw of the first n images; freed by the caller. */
static inline double *conv_reference(const tn_conv_shape *s, tn_conv_pass pass, int64_t n, const float *x,
                                     const float *w, const float *dy)
{
    conv_visit *const visits[] = {conv_add_forward, conv_add_data, conv_add_filter};
    const int64_t sizes[] = {conv_y_size(s, n), conv_x_size(s, n), conv_w_size(s)};
    conv_operands o = {x, w, dy, calloc((size_t)sizes[pass], sizeof(double))};
    if (o.sum)
        conv_visit_all(s, n, visits[pass], &o);
    return o.sum;
}

#endif
