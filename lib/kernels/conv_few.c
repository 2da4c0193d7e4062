/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Bands: the rows of an image that some rows of y look at, with their padding. Few channels make them small, and no
 *  window reaches over an edge of them. */
#include "kernels/conv_few.h"

#include "kernels/arithmetic.h"
#include "kernels/product.h"

#include <string.h>

#define FEW 8                  /* channels; with more, taps are runs that are worth looking for */
#define DEPTH_MOST 512         /* of a sum that is not cut */
#define BAND_MOST (1 << 18)    /* floats of the smallest band */

bool tn_conv_few_applies(const tn_conv_shape *s)
{
    if (s->groups > 1 || s->dilation_w > 1 || s->c >= FEW || s->s > DEPTH_MOST || s->r > DEPTH_MOST)
        return false;
    return tn_few_depth(s) <= DEPTH_MOST && s->ow <= BAND_MOST && s->stride_w <= BAND_MOST &&
           s->stride_h <= BAND_MOST && s->dilation_h <= BAND_MOST && tn_few_row(s) <= BAND_MOST &&
           tn_few_row(s) * ((s->r - 1) * s->dilation_h + 1) <= BAND_MOST;
}

int64_t tn_few_wide(const tn_conv_shape *s)
{
    int64_t lanes = tn_conv_kernels()->few->lanes;
    return tn_ceil_div(s->f, lanes) * lanes;
}

int64_t tn_few_part(const tn_conv_shape *s, int64_t first, int64_t most)
{
    int64_t lanes = tn_conv_kernels()->few->lanes, vectors = tn_ceil_div(s->f - first, lanes);
    return tn_min(s->f - first, tn_ceil_div(vectors, tn_ceil_div(vectors, most)) * lanes);
}

int64_t tn_few_panels(const tn_conv_shape *s)
{
    return tn_few_depth(s) * tn_few_wide(s);
}

static int64_t rows_of(const tn_conv_shape *s, int64_t lines)
{
    return (lines - 1) * s->stride_h + (s->r - 1) * s->dilation_h + 1;
}

int64_t tn_few_band(const tn_conv_shape *s, int64_t lines)
{
    return tn_ceil_div(rows_of(s, lines) * tn_few_row(s) + TN_FEW_SIX, 16) * 16;
}

/** A row and its padding: `left` zeros, what is in the image, zeros. */
static void copy_row(const tn_conv_shape *s, const float *row, float *out)
{
    int64_t floats = tn_few_row(s), left = tn_min(s->pad_left * s->c, floats);
    int64_t inside = tn_min(s->w * s->c, floats - left), right = floats - left - inside;
    for (int64_t i = 0; i < left; i++)
        out[i] = 0.0f;
    memcpy(out + left, row, (size_t)inside * sizeof *out);
    for (int64_t i = floats - right; i < floats; i++)
        out[i] = 0.0f;
}

void tn_few_copy(const tn_conv_shape *s, const float *image, int64_t line, int64_t lines, float *out)
{
    int64_t floats = tn_few_row(s), y = line * s->stride_h - s->pad_top, last = y + rows_of(s, lines);
    for (; y < last; y++, out += floats) {
        if (y >= 0 && y < s->h)
            copy_row(s, image + y * s->w * s->c, out);
        else
            memset(out, 0, (size_t)floats * sizeof *out);
    }
    for (int64_t i = 0; i < TN_FEW_SIX; i++) /* a row of numbers may reach too far */
        out[i] = 0.0f;
}
