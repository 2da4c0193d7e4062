/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Rows of points of transformed tiles. Pixels are read where they lie, through a pointer each: several rows of the
 * same tile, or several threads, would copy its edges again and again. */
#include "kernels/winograd_gradient.h"

#include "kernels/arithmetic.h"

#include <string.h>

/** Where the pixels of the square from (y,x) of image `n` lie, those outside of it at the zeros. */
static void find_pixels(const tn_winograd_operand *o, int64_t n, int64_t y, int64_t x, const float **pixels)
{
    const tn_tiled_image *image = o->image;
    for (int64_t i = y; i < y + o->size; i++) {
        bool row_inside = i >= 0 && i < image->h;
        for (int64_t j = x; j < x + o->size; j++) {
            bool inside = row_inside && j >= 0 && j < image->w;
            *pixels++ = inside ? o->data + ((n * image->h + i) * image->w + j) * image->pitch : o->zeros;
        }
    }
}

static void transform(const tn_winograd *wg, const tn_winograd_operand *o, int64_t first, int64_t rows,
                      const float *const *pixels, float *out, int64_t count)
{
    for (int64_t i = 0; i < rows; i++)
        o->map(pixels, (int)(first + i), out + i * wg->a * o->point, o->point, count);
}

/** Where the last channels, which are no whole chunk, are followed by zeros. */
static void copy_rest(const tn_winograd_operand *o, int64_t whole, const float **pixels, float *aside)
{
    for (int64_t i = 0; i < o->size * o->size; i++, aside += TN_MAP_CHUNK) {
        memset(aside, 0, TN_MAP_CHUNK * sizeof *aside);
        memcpy(aside, pixels[i] + whole, (size_t)(o->channels - whole) * sizeof *aside);
        pixels[i] = aside;
    }
}

void tn_winograd_transform_rows(const tn_winograd *wg, const tn_winograd_operand *o, int64_t first, int64_t rows,
                                int64_t tile, int64_t place)
{
    const float *pixels[TN_WINOGRAD_POINTS];
    float aside[TN_WINOGRAD_POINTS * TN_MAP_CHUNK], *out = o->out + place * o->row;
    int64_t n, row, col, whole = o->channels / TN_MAP_CHUNK * TN_MAP_CHUNK;
    tn_winograd_place(wg, tile, &n, &row, &col);
    find_pixels(o, n, o->top + row * wg->m, o->left + col * wg->m, pixels);
    transform(wg, o, first, rows, pixels, out, whole);
    if (whole < o->channels) {
        copy_rest(o, whole, pixels, aside);
        transform(wg, o, first, rows, pixels, out + whole, TN_MAP_CHUNK);
    }
}
