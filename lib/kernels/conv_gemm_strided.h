/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The gradient of the data of a convolution with strides: what its two ways share. */
#ifndef TN_KERNELS_CONV_GEMM_STRIDED_H
#define TN_KERNELS_CONV_GEMM_STRIDED_H

#include "kernels/conv_phases.h"
#include "kernels/isa/conv_table.h"
#include "kernels/product.h"

#include <stdatomic.h>

#define TN_STRIDED_HOSTED 3 /* phases without taps, at most, that are hosted by the first one: all others at stride 2 */

/** One group's channels [first, first + count) of dx, or a slab of them. */
typedef struct tn_strided {
    const tn_conv_shape *shape;
    const tn_conv_table *kernels;
    const float *dy, *w; /* of the group */
    float *dx;           /* of the first channel */
    int64_t filters;     /* of the group */
    int64_t channels;    /* of the slab */
    int64_t phases, lines; /* lines: rows of cells of stride_h by stride_w pixels, of all images */
    int64_t holes;       /* phases without taps, */
    tn_phase empty[TN_STRIDED_HOSTED]; /* and the first of them */
    int64_t hosted;      /* all of these, if tiles of the first phase write their zeros; otherwise 0 */
    const float *prepared; /* the slab's filters, packed beforehand; NULL: that is still to do */
    float *packed, *buffers;
    int64_t buffer;      /* floats of a thread */
    int64_t band, bands; /* lines of a task */
    int64_t part, parts; /* channels of a task */
    atomic_llong next;
} tn_strided;

/** A window of dy and the pixel of dx that it belongs to. */
typedef struct tn_pixel {
    const float *image;
    int64_t y, x; /* of tap (0,0) */
    float *out;   /* NULL: there is none, what is read is zero */
} tn_pixel;

/** Pixels of a phase, line by line. */
typedef struct tn_pixel_walk {
    const tn_strided *job;
    const tn_phase *phase;
    int64_t line, last, col; /* lines up to `last` */
} tn_pixel_walk;

/** Up to `most` pixels; fewer at the end, filled up with such that are none to a multiple of `unit`. */
int64_t tn_pixels_next(tn_pixel_walk *walk, int64_t most, int64_t unit, tn_pixel *pixels);

#define TN_BLOCK_PIXELS 192 /* of a phase that are multiplied together: whole panels, and whole tiles; */
#define TN_PIXEL_GROUPS 80  /* and groups of them */

/** Pixels [first, first + tile.rows) of a block, and the taps that are not padding for all of them. */
typedef struct tn_pixel_group {
    int64_t first;
    tn_tile_group tile;
} tn_pixel_group;

/** Put up to TN_BLOCK_PIXELS pixels into groups of at most *lanes, those together whose taps reach over the same sides of the
 *  image where that is worth while. Returns how many groups there are; their runs are still to be found. */
int64_t tn_pixels_group(const tn_strided *job, const tn_phase *phase, tn_pixel *pixels, int64_t count, tn_pixel_group *groups,
                        int64_t *lanes);
/** Rows of all groups of a block, each with room for its lanes, at most. */
int64_t tn_pixel_places(void);

/** A tap of a phase, in pixels of dy from tap (0,0). */
typedef struct tn_tap {
    int64_t y, x;
} tn_tap;

static inline tn_tap tn_tap_of(const tn_phase *phase, int64_t t)
{
    return (tn_tap){t / phase->wide.taps * phase->high.dilation, t % phase->wide.taps * phase->wide.dilation};
}

/** Where filters [first, ...) of a tap of a window lie: in dy, or in a row of zeros. */
static inline const float *tn_pixel_tap(const tn_strided *job, const tn_pixel *pixel, tn_tap tap, int64_t first)
{
    const tn_conv_shape *s = job->shape;
    int64_t y = pixel->y + tap.y, x = pixel->x + tap.x;
    if (!pixel->out || y < 0 || y >= s->oh || x < 0 || x >= s->ow)
        return tn_zeros;
    return pixel->image + (y * s->ow + x) * s->f + first;
}
/** A job for the shape: slabs, operands and tasks are still to be set. */
tn_strided tn_strided_of(const tn_conv_shape *s);
/** Zeros and sums of the slab go past the caches, in whole lines, written by tiles that the first phase has in every cell: dx
 *  is so large that caches keep little of it until somebody reads it. */
bool tn_strided_hosts(const tn_strided *job);
/** Zeros for the job's channels of the pixels in lines [line, last), if some of them get no sums. */
void tn_strided_clear(const tn_strided *job, int64_t line, int64_t last);

/** The way for few pixels and many channels (conv_gemm_strided_few.c): whether it is the shorter one, and its
 *  run. What it packs has room where the other way has the filters of a slab of so many channels. */
bool tn_strided_are_few(const tn_conv_shape *s, int64_t slab);
void tn_strided_run_few(tn_strided *job, tn_pool *pool);
/** Floats that a thread needs for it. */
int64_t tn_strided_few_floats(const tn_conv_shape *s);

#endif
