/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Cutting images into Winograd's tiles. */
#include "kernels/winograd.h"

#include "kernels/arithmetic.h"
#include "kernels/product.h"

#include <string.h>

/* gcc's analyzer (12) does not know that a pass asks for tiles that its plan has found. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#pragma GCC diagnostic ignored "-Wanalyzer-null-dereference"
#endif

bool tn_winograd_fits(const tn_winograd_maps *maps, const tn_conv_shape *s)
{
    return maps->r == s->r && maps->r == s->s && maps->stride == s->stride_h && maps->stride == s->stride_w &&
           s->dilation_h == 1 && s->dilation_w == 1;
}

const tn_winograd_maps *tn_winograd_find(const tn_conv_shape *s, int64_t m)
{
    for (const tn_winograd_maps *maps = tn_conv_kernels()->winograd; maps->m != 0; maps++) {
        if (maps->m == m && tn_winograd_fits(maps, s))
            return maps;
    }
    return NULL;
}

/** The tiles of x and of y that belong together, forward. */
static void place_forward(const tn_winograd_maps *maps, const tn_conv_shape *s, tn_tiled_image *x, tn_tiled_image *y)
{
    x->size = (maps->m - 1) * maps->stride + maps->r;
    x->step = maps->m * maps->stride;
    x->top = -s->pad_top;
    x->left = -s->pad_left;
    y->size = y->step = maps->m;
}

/** Where a gradient of stride 2 begins, and the first dy that it needs, for one direction: tiles begin where a window has its
 *  middle tap, which is the image's first pixel or the one before. */
static void begin_back(int64_t pad, int64_t *dx, int64_t *dy)
{
    *dx = pad % 2 - 1;
    *dy = (*dx + pad - 1) / 2;
}

/** The same for the gradient of the data: at stride 1, a convolution of dy with filters turned round. */
static void place_back(const tn_winograd_maps *maps, const tn_conv_shape *s, tn_tiled_image *dx, tn_tiled_image *dy)
{
    dx->size = dx->step = maps->m * maps->stride;
    dy->step = maps->m;
    if (maps->stride == 1) {
        dy->size = maps->m + maps->r - 1;
        dy->top = s->pad_top - (maps->r - 1);
        dy->left = s->pad_left - (maps->r - 1);
        return;
    }
    dy->size = maps->m + 1;
    begin_back(s->pad_top, &dx->top, &dy->top);
    begin_back(s->pad_left, &dx->left, &dy->left);
}

tn_winograd tn_winograd_of(const tn_conv_shape *s, tn_conv_pass pass, int64_t m)
{
    const tn_direct_tile *tile = tn_conv_kernels()->direct;
    const tn_winograd_maps *maps = tn_winograd_find(s, m);
    tn_tiled_image x = {.h = s->h, .w = s->w, .pitch = s->c, .channels = s->c / s->groups};
    tn_tiled_image y = {.h = s->oh, .w = s->ow, .pitch = s->f, .channels = s->f / s->groups};
    bool back = pass == TN_CONV_DATA;
    if (back)
        place_back(maps, s, &x, &y);
    else
        place_forward(maps, s, &x, &y);
    tn_winograd wg = {.maps = maps, .r = s->r, .batch = s->n, .s = tile->rows, .v = tile->lanes};
    wg.data = back ? maps->back_data : maps->data;
    wg.output = back ? maps->back_output : maps->output;
    wg.results = back ? maps->back_results : maps->results;
    wg.a = (m - 1) * maps->stride + maps->r;
    wg.points = wg.a * wg.a;
    wg.e = maps->stride == 1 ? wg.a : m + 2;
    wg.filter_points = wg.e * wg.e;
    wg.in = back ? y : x;
    wg.out = back ? x : y;
    wg.tiles_h = tn_ceil_div(wg.out.h - wg.out.top, wg.out.step);
    wg.tiles_w = tn_ceil_div(wg.out.w - wg.out.left, wg.out.step);
    wg.tiles = wg.batch * wg.tiles_h * wg.tiles_w;
    return wg;
}

void tn_winograd_find_pixels(const tn_tiled_image *image, const float *first, int64_t row, int64_t col,
                             const float *zeros, const float **pixels)
{
    int64_t y = image->top + row * image->step, x = image->left + col * image->step;
    for (int64_t i = y; i < y + image->size; i++) {
        bool inside = i >= 0 && i < image->h;
        const float *line = inside ? first + i * image->w * image->pitch : zeros;
        for (int64_t j = x; j < x + image->size; j++)
            *pixels++ = inside && j >= 0 && j < image->w ? line + j * image->pitch : zeros;
    }
}

void tn_winograd_copy_rest(int64_t count, int64_t from, int64_t width, float *aside, const float **pixels)
{
    for (int64_t i = 0; i < count; i++, aside += TN_MAP_CHUNK) {
        memset(aside, 0, TN_MAP_CHUNK * sizeof *aside);
        memcpy(aside, pixels[i] + from, (size_t)width * sizeof *aside);
        pixels[i] = aside;
    }
}
