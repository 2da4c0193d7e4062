/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The gradient of the filters as a product: dw[k, f] = sum over windows (n,i,j) of x[window, k] dy[(n,i,j), f].
 *
 *  Taps and channels k = (r,s,c) take the scalar side, filters the vector side. The sum is long and the result small, so
 *  where there are too few results for all threads the windows are cut into parts, from the sizes alone, and the parts
 *  are added in order.
 *
 *  Channels lie side by side in every pixel, and so do filters. They are multiplied just so: those of 1x1 convolutions where
 *  they lie, others copied tap by tap. Only 1x1 filters that are few, of more images than stay in the caches, go another way
 *  (conv_filter_1x1.c). */
#include "kernels/conv_gemm.h"

#include "base/status.h"
#include "kernels/conv_depthwise.h"
#include "kernels/conv_few.h"
#include "kernels/conv_filter_1x1.h"
#include "kernels/conv_windows.h"
#include "kernels/product.h"

/* One group's dy: [window, f] with a row stride of all filters. */
typedef struct gradient_matrix {
    const float *dy;
    int64_t stride;
} gradient_matrix;

static void pack_gradient(const void *source, int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t lanes,
                          float *out)
{
    const gradient_matrix *matrix = source;
    tn_pack_along(matrix->dy + k0 * matrix->stride + first, matrix->stride, count, kn, lanes, out);
}

static tn_region find_gradient(const void *source, int64_t first, int64_t count, int64_t k0, int64_t kn)
{
    const gradient_matrix *matrix = source;
    return tn_find_strided(matrix->dy + k0 * matrix->stride + first, 1, matrix->stride, count, kn);
}

/** Windows of one tap, from the first one of a row: the image as it lies. */
static tn_region find_windows(const void *source, int64_t first, int64_t count, int64_t k0, int64_t kn)
{
    const tn_windows *w = source;
    int64_t row = k0 / w->cols, y = row % w->rows * w->stride_h, pixel = (row / w->rows * w->h + y) * w->w;
    pixel += k0 % w->cols * w->stride_w;
    return tn_find_strided(w->images + pixel * w->pitch + first, 1, w->stride_w * w->pitch, count, kn);
}

/** Every window is a pixel, and the next one in a row or in the next row is always as far. */
static bool are_even_pixels(const tn_conv_shape *s)
{
    return tn_conv_picks_pixels(s) && (s->n <= 1 || s->oh * s->stride_h == s->h);
}

static bool are_pixels(const tn_conv_shape *s)
{
    return are_even_pixels(s) && s->stride_h == 1 && s->stride_w == 1;
}

#define NEAR (2 << 20) /* numbers of x and dy that the caches hold, at least those that all cores share, */
#define FAR (8 << 20)  /* and that come from memory */
/* Results from which on tiles of products are faster than those of conv_filter_1x1.c: as many as the L2 cache does not hold;
 * half as many where x and dy are far; fewer where vectors are narrow, and both kinds of tiles are alike. */
#define MANY (1 << 18)
#define MANY_NARROW (1 << 16)
#define WIDE_PANEL 32 /* lanes */

#define APART 2048 /* floats from pixel to pixel, beyond which they share too few sets of the caches: better copied */

/** Numbers of x and dy of an image. */
static double numbers_of(const tn_conv_shape *s)
{
    return (double)s->h * (double)s->w * (double)s->c + (double)s->oh * (double)s->ow * (double)s->f;
}

static bool are_many(const tn_conv_shape *s)
{
    double results = (double)(s->c / s->groups) * (double)(s->f / s->groups);
    if (tn_conv_kernels()->tile->lanes < WIDE_PANEL)
        return results >= MANY_NARROW;
    return results >= ((double)s->n * numbers_of(s) >= FAR ? MANY / 2 : MANY);
}

/** How many of the images are multiplied as they lie: of few 1x1 filters, as many as stay in the caches. */
static int64_t images_along(const tn_conv_shape *s)
{
    if (!tn_conv_filter_is_1x1(s) || are_many(s))
        return s->n;
    double each = numbers_of(s), most = each >= 1.0 ? (double)NEAR / each : (double)s->n;
    return most < (double)s->n ? (int64_t)most : s->n;
}

/** along: as they lie, or copied so. */
static tn_product product_of(const tn_conv_shape *s, bool along)
{
    bool apart = along && !are_pixels(s) && are_even_pixels(s) && s->ow <= TN_RUN_ALONG && s->stride_w * s->c <= APART;
    return (tn_product){.m = s->r * s->s * (s->c / s->groups),
                        .n = s->f / s->groups,
                        .k = s->n * s->oh * s->ow,
                        .pack_a = tn_windows_pack_taps,
                        .pack_b = pack_gradient,
                        .find_a = are_pixels(s) || apart ? find_windows : NULL,
                        .find_b = find_gradient,
                        .along_a = along,
                        .run_along = apart ? s->ow : 0,
                        .run_step = apart ? s->stride_h * s->w * s->c : 0,
                        .ldc = s->f,
                        .alpha = 1.0f,
                        .split = true};
}

/** Room for up to so many images as a product. */
static tn_status product_scratch(const tn_conv_shape *s, int64_t images, bool along, int threads, size_t *out)
{
    tn_conv_shape batch = *s;
    batch.n = images;
    tn_product product = product_of(&batch, along);
    return tn_product_scratch(&product, threads, out);
}

tn_status tn_conv_gemm_filter_scratch(const tn_conv_shape *s, int threads, size_t *out)
{
    int64_t images = images_along(s);
    size_t along = 0;
    bool is_1x1 = tn_conv_filter_is_1x1(s);
    if (tn_conv_depthwise_applies(s))
        return tn_conv_depthwise_filter_scratch(s, out);
    if (!is_1x1 && tn_conv_few_applies(s))
        return tn_conv_few_filter_scratch(s, threads, out);
    if (images > 0) /* a smaller batch may have no more */
        TN_TRY(product_scratch(s, images, true, threads, &along));
    if (is_1x1)
        TN_TRY(tn_conv_filter_1x1_scratch(s, threads, out));
    else
        TN_TRY(product_scratch(s, s->n, false, threads, out));
    *out = *out < along ? along : *out;
    return TN_OK;
}

void tn_conv_gemm_filter(const tn_conv_shape *s, tn_pool *pool, const float *x, const float *dy, bool add, float *dw,
                         void *scratch)
{
    if (tn_conv_depthwise_applies(s)) {
        tn_conv_depthwise_filter(s, pool, x, dy, add, dw, scratch);
        return;
    }
    bool is_1x1 = tn_conv_filter_is_1x1(s);
    tn_product product = product_of(s, images_along(s) == s->n);
    if (!tn_product_runs_along(&product))
        product = product_of(s, false);
    product.beta = add ? 1.0f : 0.0f;
    if (is_1x1 && !product.along_a && s->n > 0) {
        tn_conv_filter_1x1(s, pool, x, dy, add, dw, scratch);
        return;
    }
    if (!is_1x1 && tn_conv_few_applies(s)) {
        tn_conv_few_filter(s, pool, x, dy, add, dw, scratch);
        return;
    }
    for (int64_t group = 0; group < s->groups; group++) {
        const tn_windows windows = {
            .images = x + group * (s->c / s->groups),
            .h = s->h, .w = s->w, .pitch = s->c, .channels = s->c / s->groups,
            .rows = s->oh, .cols = s->ow, .taps_h = s->r, .taps_w = s->s,
            .stride_h = s->stride_h, .stride_w = s->stride_w, .dilation_h = s->dilation_h, .dilation_w = s->dilation_w,
            .top = -s->pad_top, .left = -s->pad_left,
        };
        const gradient_matrix matrix = {dy + group * product.n, s->f};
        product.a = &windows;
        product.b = &matrix;
        product.c = dw + group * product.n;
        tn_product_run(pool, &product, scratch);
    }
}
