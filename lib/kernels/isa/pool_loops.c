/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Pooling of one pixel: all its channels, vectors of them at a time. Built once for each instruction set. */
#include "kernels/isa/element_parts.h"

/** Positions as bytes, halves or words in memory. */
ALWAYS_INLINE void store_index(ivec index, void *to, size_t size, int64_t first, int64_t count)
{
    int64_t lanes = count < TN_LANES ? count : TN_LANES;
    char *at = (char *)to + (size_t)first * size;
    if (size == 1) {
        bytes narrow = __builtin_convertvector(index, bytes);
        memcpy(at, &narrow, (size_t)lanes);
    } else if (size == 2) {
        halves narrow = __builtin_convertvector(index, halves);
        memcpy(at, &narrow, (size_t)lanes * 2);
    } else {
        memcpy(at, &index, (size_t)lanes * 4);
    }
}

ALWAYS_INLINE ivec load_index(const void *from, size_t size, int64_t first, int64_t count)
{
    int64_t lanes = count < TN_LANES ? count : TN_LANES;
    const char *at = (const char *)from + (size_t)first * size;
    if (size == 1) {
        bytes narrow = {0};
        memcpy(&narrow, at, (size_t)lanes);
        return __builtin_convertvector(narrow, ivec);
    }
    if (size == 2) {
        halves narrow = {0};
        memcpy(&narrow, at, (size_t)lanes * 2);
        return __builtin_convertvector(narrow, ivec);
    }
    ivec index = {0};
    memcpy(&index, at, (size_t)lanes * 4);
    return index;
}

ALWAYS_INLINE void max_lanes(const float *x, const tn_window_walk *walk, int64_t c, int64_t count, float *y, void *index,
                             size_t size)
{
    int64_t row = walk->first + c;
    int32_t row_position = walk->position;
    vec best = load_some(x + row, count);
    ivec where = splat_int(row_position);
    for (int64_t r = 0; r < walk->rows; r++, row += walk->row_step, row_position += walk->row_position) {
        int64_t at = row;
        int32_t position = row_position;
        for (int64_t s = 0; s < walk->cols; s++, at += walk->col_step, position += walk->col_position) {
            vec v = load_some(x + at, count);
            lane_mask takes = exceeds(v, best);
            best = blend(takes, v, best);
            where = blend_int(takes, splat_int(position), where);
        }
    }
    store_some(best, y + c, count);
    if (index)
        store_index(where, index, size, c, count);
}

ALWAYS_INLINE void max_channels(const float *x, const tn_window_walk *walk, int64_t channels, float *y, void *index,
                                size_t size)
{
    int64_t c = 0;
    for (; c + TN_LANES <= channels; c += TN_LANES)
        max_lanes(x, walk, c, TN_LANES, y, index, size);
    if (c < channels)
        max_lanes(x, walk, c, channels - c, y, index, size);
}

void TN_ISA(tn_max_pixel)(const float *x, const tn_window_walk *walk, int64_t channels, float *y, void *index,
                          size_t index_size)
{
    if (index && index_size == 1)
        max_channels(x, walk, channels, y, index, 1);
    else if (index)
        max_channels(x, walk, channels, y, index, index_size);
    else
        max_channels(x, walk, channels, y, NULL, 1);
}

ALWAYS_INLINE void max_gradient_lanes(const float *dy, const void *index, size_t size, const tn_window_walk *walk,
                                      int64_t c, int64_t count, float *dx)
{
    vec sum = {0};
    int64_t row = walk->first + c;
    int32_t row_position = walk->position;
    for (int64_t i = 0; i < walk->rows; i++, row += walk->row_step, row_position += walk->row_position) {
        int64_t at = row;
        int32_t position = row_position;
        for (int64_t j = 0; j < walk->cols; j++, at += walk->col_step, position += walk->col_position) {
            lane_mask chosen = equal_int(load_index(index, size, at, count), splat_int(position));
            sum += blend(chosen, load_some(dy + at, count), splat(0.0f));
        }
    }
    store_some(sum, dx + c, count);
}

ALWAYS_INLINE void max_gradient_channels(const float *dy, const void *index, size_t size, const tn_window_walk *walk,
                                         int64_t channels, float *dx)
{
    int64_t c = 0;
    for (; c + TN_LANES <= channels; c += TN_LANES)
        max_gradient_lanes(dy, index, size, walk, c, TN_LANES, dx);
    if (c < channels)
        max_gradient_lanes(dy, index, size, walk, c, channels - c, dx);
}

void TN_ISA(tn_max_pixel_gradient)(const float *dy, const void *index, size_t index_size, const tn_window_walk *walk,
                                   int64_t channels, float *dx)
{
    if (index_size == 1)
        max_gradient_channels(dy, index, 1, walk, channels, dx);
    else
        max_gradient_channels(dy, index, index_size, walk, channels, dx);
}

void TN_ISA(tn_avg_pixel)(const float *x, const tn_window_walk *walk, float divisor, int64_t channels, float *y)
{
    for (int64_t c = 0; c < channels; c += TN_LANES) {
        int64_t row = walk->first + c;
        vec sum = {0};
        for (int64_t r = 0; r < walk->rows; r++, row += walk->row_step) {
            for (int64_t s = 0; s < walk->cols; s++)
                sum += load_some(x + row + s * walk->col_step, channels - c);
        }
        store_some(sum / splat(divisor), y + c, channels - c);
    }
}

void TN_ISA(tn_avg_pixel_gradient)(const float *dy, const tn_window_walk *walk, const tn_window_extent *rows,
                                   const tn_window_extent *cols, int64_t channels, float *dx)
{
    for (int64_t c = 0; c < channels; c += TN_LANES) {
        int64_t row = walk->first + c;
        vec sum = {0};
        for (int64_t i = 0; i < walk->rows; i++, row += walk->row_step) {
            int64_t height = tn_window_pixels(rows, i);
            for (int64_t j = 0; j < walk->cols; j++) {
                float divisor = (float)(height * tn_window_pixels(cols, j));
                sum += load_some(dy + row + j * walk->col_step, channels - c) / splat(divisor);
            }
        }
        store_some(sum, dx + c, channels - c);
    }
}
