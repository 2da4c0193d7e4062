/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Pixels of a phase of a strided gradient: line by line, and in groups that tiles have as rows, in an order in which tiles
 *  leave out what is padding. */
#include "kernels/conv_gemm_strided.h"

#include "kernels/arithmetic.h"

#define SHARE_OVER 0.1 /* of lines or columns of pixels that reach over an edge: worth other tiles for them */
#define SIDES 16       /* sets of sides of the image */

_Static_assert(TN_PIXEL_GROUPS >= TN_BLOCK_PIXELS / 3 + SIDES, "groups have three rows or more, but for each set's last one");

/* ---- line by line ---- */

static tn_pixel pixel_at(const tn_pixel_walk *w)
{
    const tn_conv_shape *s = w->job->shape;
    const tn_side *high = &w->phase->high, *wide = &w->phase->wide;
    int64_t cells = tn_ceil_div(s->h, s->stride_h), image = w->line / cells, i = w->line % cells;
    int64_t row = image * s->h + i * s->stride_h + high->phase, col = w->col * s->stride_w + wide->phase;
    return (tn_pixel){.image = w->job->dy + image * s->oh * s->ow * s->f,
                      .y = high->start + i,
                      .x = wide->start + w->col,
                      .out = w->job->dx + (row * s->w + col) * s->c};
}

/** Lines at the lower edge of an image may lack the phase. */
static bool line_has(const tn_pixel_walk *w)
{
    const tn_conv_shape *s = w->job->shape;
    return w->line % tn_ceil_div(s->h, s->stride_h) < w->phase->high.count;
}

/** Pixels of a line, `step` floats apart. Field by field: a pixel that has just been changed is slow to copy. */
static void put_line(tn_pixel first, int64_t count, int64_t step, tn_pixel *pixels)
{
    for (int64_t i = 0; i < count; i++) {
        pixels[i].image = first.image;
        pixels[i].y = first.y;
        pixels[i].x = first.x + i;
        pixels[i].out = first.out + i * step;
    }
}

int64_t tn_pixels_next(tn_pixel_walk *w, int64_t most, int64_t unit, tn_pixel *pixels)
{
    int64_t count = 0;
    while (count < most && w->line < w->last) {
        int64_t run = line_has(w) ? tn_min(most - count, w->phase->wide.count - w->col) : 0;
        put_line(pixel_at(w), run, w->job->shape->stride_w * w->job->shape->c, pixels + count);
        count += run;
        w->col += run;
        if (run == 0 || w->col == w->phase->wide.count) {
            w->col = 0;
            w->line++;
        }
    }
    for (int64_t i = count; i < tn_round_up(count, unit); i++)
        pixels[i] = (tn_pixel){.out = NULL};
    return count;
}

/* ---- groups ---- */

int64_t tn_pixel_places(void)
{
    return TN_BLOCK_PIXELS + SIDES * tn_conv_kernels()->tile->rows;
}

/** Which sides of the image a pixel's taps reach over, in bits. */
static int sides_of(const tn_strided *job, const tn_phase *phase, const tn_pixel *pixel)
{
    const tn_tap last = tn_tap_of(phase, phase->taps - 1);
    return (pixel->y < 0) | (pixel->y + last.y >= job->shape->oh) << 1 | (pixel->x < 0) << 2 |
           (pixel->x + last.x >= job->shape->ow) << 3;
}

/** Lines of a phase's pixels, or columns, whose taps reach over an edge, of all of them. */
static double share_over(const tn_side *side, int64_t last, int64_t size)
{
    int64_t over = tn_max(-side->start, 0) + tn_max(side->start + side->count + last - size, 0);
    return (double)over / (double)side->count;
}

/** Whether enough of a phase's taps are padding. A single tap is never left out. */
static bool is_worth_sorting(const tn_strided *job, const tn_phase *phase)
{
    const tn_tap last = tn_tap_of(phase, phase->taps - 1);
    return phase->taps > 1 && share_over(&phase->high, last.y, job->shape->oh) +
                                  share_over(&phase->wide, last.x, job->shape->ow) >= SHARE_OVER;
}

/** Pixels whose taps reach over the same sides follow one another: tiles leave out what is padding for all their rows. */
static void sort_pixels(const tn_strided *job, const tn_phase *phase, tn_pixel *pixels, int64_t count, int64_t counts[SIDES])
{
    tn_pixel from[TN_BLOCK_PIXELS];
    int64_t next[SIDES] = {0};
    if (!is_worth_sorting(job, phase)) {
        counts[0] = count;
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        from[i] = pixels[i];
        counts[sides_of(job, phase, &from[i])]++;
    }
    for (int i = 1; i < SIDES; i++)
        next[i] = next[i - 1] + counts[i - 1];
    for (int64_t i = 0; i < count; i++)
        pixels[next[sides_of(job, phase, &from[i])]++] = from[i];
}

int64_t tn_pixels_group(const tn_strided *job, const tn_phase *phase, tn_pixel *pixels, int64_t count, tn_pixel_group *groups,
                        int64_t *lanes)
{
    int64_t counts[SIDES] = {0}, first = 0, found = 0;
    sort_pixels(job, phase, pixels, count, counts);
    *lanes = tn_group_rows(counts[0] > 0 ? counts[0] : count);
    for (int i = 0; i < SIDES; first += counts[i++]) {
        int64_t shares = tn_ceil_div(counts[i], *lanes);
        for (int64_t g = 0; g < shares; g++) {
            int64_t begin = tn_share_begin(counts[i], shares, g), end = tn_share_begin(counts[i], shares, g + 1);
            groups[found++] = (tn_pixel_group){first + begin, {.rows = end - begin}};
        }
    }
    return found;
}
