/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Pooling of one pixel: all its channels, vectors of them at a time. Built once for each instruction set. */
#include "kernels/isa/element_parts.h"

/** Positions as bytes in memory: lanes [0, count), count <= TN_LANES. */
ALWAYS_INLINE void store_bytes(ivec index, uint8_t *to, int64_t count)
{
#if TN_LANES == 16
    _mm_mask_storeu_epi8(to, (__mmask16)((1u << count) - 1), _mm512_cvtepi32_epi8((__m512i)index));
#else
    bytes narrow = __builtin_convertvector(index, bytes);
    if (count == TN_LANES)
        memcpy(to, &narrow, sizeof narrow);
    for (int64_t i = 0; count < TN_LANES && i < count; i++)
        to[i] = narrow[i];
#endif
}

ALWAYS_INLINE void store_index(ivec index, void *to, size_t size, int64_t first, int64_t count)
{
    char *at = (char *)to + (size_t)first * size;
    if (size == 1) {
        store_bytes(index, (uint8_t *)at, count);
    } else if (size == 2) {
        halves narrow = __builtin_convertvector(index, halves);
        memcpy(at, &narrow, (size_t)count * 2);
    } else {
        memcpy(at, &index, (size_t)count * 4);
    }
}

/** Lanes whose byte is `position`. */
ALWAYS_INLINE lane_mask bytes_equal(const uint8_t *from, int64_t count, int32_t position)
{
#if TN_LANES == 16
    __m128i index = _mm_maskz_loadu_epi8((__mmask16)((1u << count) - 1), from);
    return _mm_cmpeq_epi8_mask(index, _mm_set1_epi8((char)position));
#else
    bytes index = {0};
    if (count == TN_LANES)
        memcpy(&index, from, sizeof index);
    for (int64_t i = 0; count < TN_LANES && i < count; i++)
        index[i] = from[i];
#if TN_LANES == 8
    ivec wide = (ivec)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i_u *)&index));
#else
    ivec wide = __builtin_convertvector(index, ivec);
#endif
    return wide == splat_int(position);
#endif
}

ALWAYS_INLINE lane_mask index_equals(const void *from, size_t size, int64_t first, int64_t count, int32_t position)
{
    const uint8_t *at = (const uint8_t *)from + (size_t)first * size;
    ivec index = {0};
    if (size == 1)
        return bytes_equal(at, count, position);
    if (size == 2) {
        halves narrow = {0};
        memcpy(&narrow, at, (size_t)count * 2);
        index = __builtin_convertvector(narrow, ivec);
    } else {
        memcpy(&index, at, (size_t)count * 4);
    }
    return equal_int(index, splat_int(position));
}

/** The maximum of some lanes and its position. */
typedef struct maximum {
    vec best;
    ivec where;
    vec sum; /* NaN if a value is, or if both infinities are there */
} maximum;

/** A later value takes the place if it is larger: of equals the first stays. With `nans` the first NaN does so too;
 *  without, what comes out of lanes with a NaN is undefined, and their sum tells. */
ALWAYS_INLINE maximum max_walk(const float *x, const tn_window_walk *walk, int64_t rows, int64_t cols, int64_t c,
                               int64_t count, bool nans)
{
    int64_t row = walk->first + c;
    int32_t row_position = walk->position;
    maximum m = {load_some(x + row, count), splat_int(row_position), {0}};
    for (int64_t r = 0; r < rows; r++, row += walk->row_step, row_position += walk->row_position) {
        int64_t at = row;
        int32_t position = row_position;
        for (int64_t s = 0; s < cols; s++, at += walk->col_step, position += walk->col_position) {
            vec v = load_some(x + at, count);
            lane_mask takes = exceeds(v, m.best);
            if (nans)
                takes |= is_nan(v) & ~is_nan(m.best);
            m.best = blend(takes, v, m.best);
            m.where = blend_int(takes, splat_int(position), m.where);
            m.sum += v;
        }
    }
    return m;
}

ALWAYS_INLINE void max_lanes(const float *x, const tn_window_walk *walk, int64_t rows, int64_t cols, int64_t c,
                             int64_t count, float *y, void *index, size_t size)
{
    maximum m = max_walk(x, walk, rows, cols, c, count, false);
    if (__builtin_expect(any_nan(m.sum), 0))
        m = max_walk(x, walk, walk->rows, walk->cols, c, count, true);
    store_some(m.best, y + c, count);
    if (index)
        store_index(m.where, index, size, c, count);
}

ALWAYS_INLINE void max_channels(const float *x, const tn_window_walk *walk, int64_t rows, int64_t cols,
                                int64_t channels, float *y, void *index, size_t size)
{
    int64_t c = 0;
    for (; c + TN_LANES <= channels; c += TN_LANES)
        max_lanes(x, walk, rows, cols, c, TN_LANES, y, index, size);
    if (c < channels)
        max_lanes(x, walk, rows, cols, c, channels - c, y, index, size);
}

/* Windows of 3x3 and 2x2 inside the image are loops without a branch. */
ALWAYS_INLINE void max_window(const float *x, const tn_window_walk *walk, int64_t channels, float *y, void *index,
                              size_t size)
{
    if (walk->rows == 3 && walk->cols == 3)
        max_channels(x, walk, 3, 3, channels, y, index, size);
    else if (walk->rows == 2 && walk->cols == 2)
        max_channels(x, walk, 2, 2, channels, y, index, size);
    else
        max_channels(x, walk, walk->rows, walk->cols, channels, y, index, size);
}

void TN_ISA(tn_max_pixel)(const float *x, const tn_window_walk *walk, int64_t channels, float *y, void *index,
                          size_t index_size)
{
    if (index && index_size == 1)
        max_window(x, walk, channels, y, index, 1);
    else if (index)
        max_channels(x, walk, walk->rows, walk->cols, channels, y, index, index_size);
    else
        max_window(x, walk, channels, y, NULL, 1);
}

ALWAYS_INLINE void max_gradient_lanes(const float *dy, const void *index, size_t size, const tn_window_walk *walk,
                                      int64_t rows, int64_t cols, int64_t c, int64_t count, float *dx)
{
    vec sum = {0};
    int64_t row = walk->first + c;
    int32_t row_position = walk->position;
    for (int64_t i = 0; i < rows; i++, row += walk->row_step, row_position += walk->row_position) {
        int64_t at = row;
        int32_t position = row_position;
        for (int64_t j = 0; j < cols; j++, at += walk->col_step, position += walk->col_position) {
            lane_mask chosen = index_equals(index, size, at, count, position);
            sum += blend(chosen, load_some(dy + at, count), splat(0.0f));
        }
    }
    store_some(sum, dx + c, count);
}

ALWAYS_INLINE void max_gradient_channels(const float *dy, const void *index, size_t size, const tn_window_walk *walk,
                                         int64_t rows, int64_t cols, int64_t channels, float *dx)
{
    int64_t c = 0;
    for (; c + TN_LANES <= channels; c += TN_LANES)
        max_gradient_lanes(dy, index, size, walk, rows, cols, c, TN_LANES, dx);
    if (c < channels)
        max_gradient_lanes(dy, index, size, walk, rows, cols, c, channels - c, dx);
}

/* A pixel under windows of up to twice the stride is covered by one or two results each way. */
void TN_ISA(tn_max_pixel_gradient)(const float *dy, const void *index, size_t index_size, const tn_window_walk *walk,
                                   int64_t channels, float *dx)
{
    if (index_size != 1)
        max_gradient_channels(dy, index, index_size, walk, walk->rows, walk->cols, channels, dx);
    else if (walk->rows == 1 && walk->cols == 1)
        max_gradient_channels(dy, index, 1, walk, 1, 1, channels, dx);
    else if (walk->rows == 1 && walk->cols == 2)
        max_gradient_channels(dy, index, 1, walk, 1, 2, channels, dx);
    else if (walk->rows == 2 && walk->cols == 1)
        max_gradient_channels(dy, index, 1, walk, 2, 1, channels, dx);
    else if (walk->rows == 2 && walk->cols == 2)
        max_gradient_channels(dy, index, 1, walk, 2, 2, channels, dx);
    else
        max_gradient_channels(dy, index, 1, walk, walk->rows, walk->cols, channels, dx);
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
