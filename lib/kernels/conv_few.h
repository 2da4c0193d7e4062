/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Convolutions with few channels, first layers: forward and the gradient of the filters on padded copies of a few rows
 *  of an image, with tiles of their own (isa/few_tiles.c). */
#ifndef TN_KERNELS_CONV_FEW_H
#define TN_KERNELS_CONV_FEW_H

#include "kernels/conv.h"
#include "kernels/isa/conv_table.h"

/** True if the passes below are for this shape. */
bool tn_conv_few_applies(const tn_conv_shape *s);

TN_WARN_UNUSED tn_status tn_conv_few_forward_scratch(const tn_conv_shape *s, int threads, size_t *out);
void tn_conv_few_forward(const tn_conv_shape *s, tn_pool *pool, const float *x, const float *w, const void *prepared,
                         const float *bias, tn_activation activation, float *y, void *scratch);
/** Bytes of packed filters. */
size_t tn_conv_few_prepared(const tn_conv_shape *s);
void tn_conv_few_prepare(const tn_conv_shape *s, const float *w, void *prepared);

TN_WARN_UNUSED tn_status tn_conv_few_filter_scratch(const tn_conv_shape *s, int threads, size_t *out);
void tn_conv_few_filter(const tn_conv_shape *s, tn_pool *pool, const float *x, const float *dy, bool add, float *dw,
                        void *scratch);

/* ---- what they share ---- */

/** Numbers of a window, and of a run of them that lies in one piece. */
static inline int64_t tn_few_run(const tn_conv_shape *s)
{
    return s->s * s->c;
}
static inline int64_t tn_few_depth(const tn_conv_shape *s)
{
    return s->r * tn_few_run(s);
}
/** Floats of a padded row: all windows of a row of y. */
static inline int64_t tn_few_row(const tn_conv_shape *s)
{
    return ((s->ow - 1) * s->stride_w + s->s) * s->c;
}
/** Filters in whole vectors. */
int64_t tn_few_wide(const tn_conv_shape *s);
/** Filters of the tile that begins at filter `first`: as few tiles side by side as there can be, equally wide, of up to
 *  `most` vectors. */
int64_t tn_few_part(const tn_conv_shape *s, int64_t first, int64_t most);
/** Floats of all filters in panels. */
int64_t tn_few_panels(const tn_conv_shape *s);
/** Floats of a band for `lines` rows of y, with what tiles read behind it. */
int64_t tn_few_band(const tn_conv_shape *s, int64_t lines);
/** What rows [line, line + lines) of y look at in an image, with its padding. */
void tn_few_copy(const tn_conv_shape *s, const float *image, int64_t line, int64_t lines, float *out);

#endif
