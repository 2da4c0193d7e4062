/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The three passes as products, with x [pixels,C], w [C,F] and y [pixels,F]: y = x w, dx = dy w^T, dw = x^T dy. */
#include "kernels/conv_strassen.h"

#include "kernels/conv_filter_1x1.h"
#include "kernels/strassen.h"

#include <string.h>

/* Multiply-adds that numbers cost more than in plain sums, fitted to measurements: */
#define SUM_COST 7.0      /* of A, which is added up five times for four quarters; of B, too, where it is no filters */
#define END_COST 9.5      /* of the result for each slab of the sum: put together from products that are as many tiles each */
#define PREPARED_COST 3.3 /* of prepared filters, which are seven quarters instead of four; */
#define FILTER_COST 11.0  /* and to make them */
#define MARGIN 0.025      /* share of the time that is worth it */
#define NEAR (2 << 20)    /* numbers of x and y that the caches hold: from memory they come as slowly as they are multiplied */

static tn_strassen product_of(const tn_conv_shape *s, tn_conv_pass pass)
{
    tn_strassen p = {.images = s->n, .m = s->h * s->w, .n = s->f, .k = s->c, .a_stride = s->c, .b_stride = s->f, .ldc = s->f};
    if (pass == TN_CONV_FILTER) {
        p = (tn_strassen){.images = 1, .m = s->c, .n = s->f, .k = s->n * s->h * s->w, .along_a = true, .a_stride = s->c,
                          .b_stride = s->f, .ldc = s->f};
    } else if (pass == TN_CONV_DATA) {
        p.n = s->c;
        p.k = p.a_stride = s->f;
        p.across_b = true;
        p.ldc = s->c;
    }
    return p;
}

bool tn_conv_strassen_fits(const tn_conv_shape *s)
{
    bool all_pixels = tn_conv_picks_pixels(s) && s->stride_h == 1 && s->stride_w == 1;
    if (!all_pixels || s->groups > 1 || s->h * s->w < 2)
        return false;
    tn_conv_shape one = *s; /* any batch will do */
    one.n = 1;
    for (int pass = 0; pass < 3; pass++) {
        const tn_strassen p = product_of(&one, (tn_conv_pass)pass);
        if (!tn_strassen_fits(&p))
            return false;
    }
    return true;
}

bool tn_conv_strassen_saves(const tn_conv_shape *s, tn_conv_pass pass, bool prepared)
{
    const tn_strassen p = product_of(s, pass);
    if (s->n == 0)
        return false;
    double b_cost = pass == TN_CONV_FILTER ? SUM_COST : prepared ? PREPARED_COST : FILTER_COST;
    double cost = SUM_COST / (double)p.n + b_cost / (double)(p.images * p.m) + END_COST / (double)tn_strassen_depth(&p);
    return cost + MARGIN < 1.0 / 8.0 && (double)s->n * (double)(s->h * s->w) * (double)(s->c + s->f) <= NEAR;
}

tn_status tn_conv_strassen_scratch(const tn_conv_shape *s, tn_conv_pass pass, bool prepared, int threads, size_t *out)
{
    const tn_strassen p = product_of(s, pass);
    return tn_strassen_scratch(&p, prepared, threads, out);
}

tn_status tn_conv_strassen_prepared(const tn_conv_shape *s, tn_conv_pass pass, size_t *out)
{
    const tn_strassen p = product_of(s, pass);
    return tn_strassen_prepared(&p, out);
}

void tn_conv_strassen_prepare(const tn_conv_shape *s, tn_conv_pass pass, tn_pool *pool, const float *w, void *prepared)
{
    tn_strassen p = product_of(s, pass);
    p.b = w;
    tn_strassen_prepare(pool, &p, prepared);
}

void tn_conv_strassen_forward(const tn_conv_shape *s, tn_pool *pool, const float *x, const float *w, const void *prepared,
                              const float *bias, tn_activation activation, float *y, void *scratch)
{
    tn_strassen p = product_of(s, TN_CONV_FORWARD);
    p.a = x;
    p.b = w;
    p.prepared = prepared;
    p.c = y;
    p.bias = bias;
    p.activation = activation;
    tn_strassen_run(pool, &p, scratch);
}

void tn_conv_strassen_data(const tn_conv_shape *s, tn_pool *pool, const float *dy, const float *w, const void *prepared,
                           float *dx, void *scratch)
{
    tn_strassen p = product_of(s, TN_CONV_DATA);
    p.a = dy;
    p.b = w;
    p.prepared = prepared;
    p.c = dx;
    tn_strassen_run(pool, &p, scratch);
}

void tn_conv_strassen_filter(const tn_conv_shape *s, tn_pool *pool, const float *x, const float *dy, bool add, float *dw,
                             void *scratch)
{
    tn_strassen p = product_of(s, TN_CONV_FILTER);
    p.a = x;
    p.b = dy;
    p.c = dw;
    p.add = add;
    if (p.k > 0)
        tn_strassen_run(pool, &p, scratch);
    else if (!add)
        memset(dw, 0, (size_t)(s->c * s->f) * sizeof *dw);
}
