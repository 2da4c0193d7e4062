/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Cutting images into Winograd's tiles. */
#include "kernels/winograd.h"

#include "kernels/product.h"

#include <string.h>

const tn_winograd_maps *tn_winograd_find(int64_t m, int64_t r)
{
    for (const tn_winograd_maps *maps = tn_conv_kernels()->winograd; maps->m != 0; maps++) {
        if (maps->m == m && maps->r == r)
            return maps;
    }
    return NULL;
}

bool tn_winograd_applies(const tn_conv_shape *s)
{
    if (s->r != s->s || s->stride_h != 1 || s->stride_w != 1 || s->dilation_h != 1 || s->dilation_w != 1)
        return false;
    for (const tn_winograd_maps *maps = tn_conv_kernels()->winograd; maps->m != 0; maps++) {
        if (maps->r == s->r)
            return true;
    }
    return false;
}

tn_winograd tn_winograd_of(const tn_conv_shape *s, tn_conv_pass pass, int64_t m)
{
    const tn_direct_tile *tile = tn_conv_kernels()->direct;
    const tn_tiled_image x = {s->h, s->w, s->c, s->c / s->groups}, y = {s->oh, s->ow, s->f, s->f / s->groups};
    bool back = pass == TN_CONV_DATA;
    tn_winograd wg = {.maps = tn_winograd_find(m, s->r),
                      .m = m,
                      .r = s->r,
                      .a = m + s->r - 1,
                      .batch = s->n,
                      .in = back ? y : x,
                      .out = back ? x : y,
                      .s = tile->rows,
                      .v = tile->lanes};
    wg.points = wg.a * wg.a;
    wg.top = back ? s->pad_top - (s->r - 1) : -s->pad_top;
    wg.left = back ? s->pad_left - (s->s - 1) : -s->pad_left;
    wg.tiles_h = (wg.out.h + m - 1) / m;
    wg.tiles_w = (wg.out.w + m - 1) / m;
    wg.tiles = wg.batch * wg.tiles_h * wg.tiles_w;
    return wg;
}

void tn_winograd_find_pixels(const tn_tiled_image *image, const float *first, int64_t y, int64_t x, int64_t size,
                             const float *zeros, const float **pixels)
{
    for (int64_t i = y; i < y + size; i++) {
        bool inside = i >= 0 && i < image->h;
        const float *row = inside ? first + i * image->w * image->pitch : zeros;
        for (int64_t j = x; j < x + size; j++)
            *pixels++ = inside && j >= 0 && j < image->w ? row + j * image->pitch : zeros;
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
