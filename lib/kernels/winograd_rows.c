/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Rows of points of transformed tiles. Pixels are read where they lie, through a pointer each: several rows of the
 * same tile, or several threads, would copy its edges again and again. */
#include "kernels/winograd_gradient.h"

static void transform(const tn_winograd *wg, const tn_winograd_operand *o, int64_t first, int64_t rows,
                      const float *const *pixels, float *out, int64_t count)
{
    for (int64_t i = 0; i < rows; i++)
        o->map(pixels, (int)(first + i), out + i * wg->a * o->point, o->point, count);
}

void tn_winograd_transform_rows(const tn_winograd *wg, const tn_winograd_operand *o, int64_t first, int64_t rows,
                                int64_t tile, int64_t place)
{
    const float *pixels[TN_WINOGRAD_POINTS];
    float aside[TN_WINOGRAD_POINTS * TN_MAP_CHUNK], *out = o->out + place * o->row;
    int64_t n, row, col, whole = o->channels / TN_MAP_CHUNK * TN_MAP_CHUNK;
    tn_winograd_place(wg, tile, &n, &row, &col);
    tn_winograd_find_pixels(o->image, o->data + n * o->image->h * o->image->w * o->image->pitch, row, col, o->zeros,
                            pixels);
    transform(wg, o, first, rows, pixels, out, whole);
    if (whole < o->channels) {
        tn_winograd_copy_rest(o->image->size * o->image->size, whole, o->channels - whole, aside, pixels);
        transform(wg, o, first, rows, pixels, out + whole, TN_MAP_CHUNK);
    }
}
