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
    tn_winograd wg = {.maps = tn_winograd_find(m, s->r), .m = m, .r = s->r, .a = m + s->r - 1, .batch = s->n,
                      .groups = s->groups, .in = back ? y : x, .out = back ? x : y, .s = tile->rows, .v = tile->lanes};
    wg.points = wg.a * wg.a;
    wg.top = back ? s->pad_top - (s->r - 1) : -s->pad_top;
    wg.left = back ? s->pad_left - (s->s - 1) : -s->pad_left;
    wg.tiles_h = (wg.out.h + m - 1) / m;
    wg.tiles_w = (wg.out.w + m - 1) / m;
    wg.tiles = wg.batch * wg.tiles_h * wg.tiles_w;
    return wg;
}

/** One row of the square: zeros outside of the image, and in the channels past width. */
static void copy_pixels(const tn_tiled_image *image, const float *row, int64_t x, int64_t size, int64_t width,
                        int64_t wide, float *out)
{
    for (int64_t j = 0; j < size; j++, out += wide) {
        bool inside = row && x + j >= 0 && x + j < image->w;
        int64_t copied = inside ? width : 0;
        if (inside)
            memcpy(out, row + (x + j) * image->pitch, (size_t)width * sizeof *out);
        memset(out + copied, 0, (size_t)(wide - copied) * sizeof *out);
    }
}

tn_square tn_winograd_square(const tn_tiled_image *image, const float *data, int64_t n, int64_t y, int64_t x,
                             int64_t size, int64_t c, int64_t width, float *aside)
{
    int64_t wide = tn_round_up(width, TN_MAP_CHUNK);
    const float *first = data + n * image->h * image->w * image->pitch + c;
    if (y >= 0 && x >= 0 && y + size <= image->h && x + size <= image->w && wide == width)
        return (tn_square){first + (y * image->w + x) * image->pitch, image->w * image->pitch, image->pitch};
    for (int64_t i = 0; i < size; i++) {
        bool inside = y + i >= 0 && y + i < image->h;
        copy_pixels(image, inside ? first + (y + i) * image->w * image->pitch : NULL, x, size, width, wide,
                    aside + i * size * wide);
    }
    return (tn_square){aside, size * wide, wide};
}
