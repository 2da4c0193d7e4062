/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Maximum and mean over windows, and their gradients.
 *
 *  Forward goes through the results, backward through the pixels and gathers from all results whose windows cover one:
 *  each number is written by one thread only, and its sum runs in ascending order of results. */
#include "base/memory.h"
#include "base/status.h"
#include "kernels/arithmetic.h"
#include "kernels/isa/element_table.h"
#include "kernels/kernels.h"
#include "kernels/split.h"

/** Pixels along one dimension that a window covers, or results that cover a pixel: `count` from `first` (of pixels or
 *  results), `step` apart, at `place` in the window, which grows by `place_step`. */
typedef struct line {
    int64_t first, count, step, place, place_step;
} line;

/** The pixels inside [0, size) of the window that starts at `start`. */
static line pixels_of(int64_t start, int64_t window, int64_t dilation, int64_t size)
{
    int64_t place = start < 0 ? tn_ceil_div(-start, dilation) : 0;
    int64_t last = size > start ? tn_ceil_div(size - start, dilation) : 0;
    if (last > window)
        last = window;
    return (line){start + place * dilation, last > place ? last - place : 0, dilation, place, 1};
}

/** The results of [0, out) whose windows cover a pixel, `at` being the pixel's distance from the start of window 0:
 * those i with at - i * stride = place * dilation, 0 <= place < window. Neighbours among them differ by dilation / gcd.
 */
static line results_of(int64_t at, int64_t window, int64_t stride, int64_t dilation, int64_t out)
{
    int64_t reach = (window - 1) * dilation, first = at > reach ? tn_ceil_div(at - reach, stride) : 0;
    int64_t last = at / stride < out - 1 ? at / stride : out - 1;
    int64_t step = dilation == 1 ? 1 : dilation / tn_common_divisor(stride, dilation);
    while (first <= last && (at - first * stride) % dilation != 0)
        first++;
    if (first > last)
        return (line){0};
    return (line){first, (last - first) / step + 1, step, (at - first * stride) / dilation,
                  -(step * stride / dilation)};
}

static tn_window_walk walk_of(const line *rows, const line *cols, int64_t width, int64_t channels, int64_t window_w)
{
    return (tn_window_walk){
        .first = (rows->first * width + cols->first) * channels,
        .rows = rows->count,
        .cols = cols->count,
        .row_step = rows->step * width * channels,
        .col_step = cols->step * channels,
        .position = (int32_t)(rows->place * window_w + cols->place),
        .row_position = (int32_t)(rows->place_step * window_w),
        .col_position = (int32_t)cols->place_step,
    };
}

/** Bytes of one index. */
static size_t index_size(const tn_pool_shape *s)
{
    int64_t positions = s->window_h * s->window_w;
    return positions <= UINT8_MAX + 1 ? 1 : positions <= UINT16_MAX + 1 ? 2 : 4;
}

tn_status tn_max_pool_index_bytes(const tn_pool_shape *s, size_t *out)
{
    int64_t count = (int64_t)sizeof(int32_t);
    if (!tn_mul_i64(count, s->n, &count) || !tn_mul_i64(count, s->oh, &count) || !tn_mul_i64(count, s->ow, &count) ||
        !tn_mul_i64(count, s->c, &count))
        return TN_FAIL(TN_ERR_OVERFLOW, "the indices of a pooling to [%lld,%lld,%lld,%lld] do not fit", (long long)s->n,
                       (long long)s->oh, (long long)s->ow, (long long)s->c);
    *out = (size_t)count / sizeof(int32_t) * index_size(s);
    return TN_OK;
}

/** Columns are taken in strips, each column's place in the other image being found once for all rows. */
#define STRIP 128

typedef struct strip_of_columns {
    int64_t first, count;
    line lines[STRIP];
} strip_of_columns;

static void lay_pixels(const tn_pool_shape *s, int64_t first, strip_of_columns *out)
{
    out->first = first;
    out->count = s->ow - first < STRIP ? s->ow - first : STRIP;
    for (int64_t j = 0; j < out->count; j++)
        out->lines[j] = pixels_of((first + j) * s->stride_w - s->pad_left, s->window_w, s->dilation_w, s->w);
}

static void lay_results(const tn_pool_shape *s, int64_t first, strip_of_columns *out)
{
    out->first = first;
    out->count = s->w - first < STRIP ? s->w - first : STRIP;
    for (int64_t j = 0; j < out->count; j++)
        out->lines[j] = results_of(first + j + s->pad_left, s->window_w, s->stride_w, s->dilation_w, s->ow);
}

typedef struct pool_job pool_job;

/** A pass over the rows of all images that it writes: y's in forward, dx's in backward. */
struct pool_job {
    const tn_pool_shape *shape;
    int64_t rows, cols; /* of an image that is written */
    void (*lay)(const tn_pool_shape *shape, int64_t first, strip_of_columns *out);
    void (*row)(const pool_job *job, int64_t number, const strip_of_columns *strip); /* one strip of row `number` */
    const float *from;
    float *to;
    void *index;
    const void *saved_index;
    size_t index_size;
};

static void run_rows(const tn_team *team, void *arg)
{
    const pool_job *job = arg;
    int64_t begin, end;
    strip_of_columns strip;
    tn_team_range(team, job->shape->n * job->rows, &begin, &end);
    for (int64_t first = 0; first < job->cols && begin < end; first += STRIP) {
        job->lay(job->shape, first, &strip);
        for (int64_t number = begin; number < end; number++)
            job->row(job, number, &strip);
    }
}

/** Elements that a pooling reads and writes: what makes threads worth waking. */
static int64_t work_of(const tn_pool_shape *s)
{
    return s->n * s->c * (s->h * s->w + s->oh * s->ow);
}

static void run(tn_pool *pool, pool_job job)
{
    tn_pool_run(tn_worth(pool, work_of(job.shape)), run_rows, &job);
}

/* --- maximum */

static void max_row(const pool_job *job, int64_t number, const strip_of_columns *strip)
{
    const tn_pool_shape *s = job->shape;
    const tn_element_table *kernels = tn_element_kernels();
    const float *image = job->from + number / s->oh * s->h * s->w * s->c;
    line rows = pixels_of(number % s->oh * s->stride_h - s->pad_top, s->window_h, s->dilation_h, s->h);
    for (int64_t j = 0; j < strip->count; j++) {
        tn_window_walk walk = walk_of(&rows, &strip->lines[j], s->w, s->c, s->window_w);
        int64_t to = (number * s->ow + strip->first + j) * s->c;
        void *index = job->index ? (char *)job->index + (size_t)to * job->index_size : NULL;
        kernels->max_pixel(image, &walk, s->c, job->to + to, index, job->index_size);
    }
}

void tn_max_pool(tn_pool *pool, const tn_pool_shape *shape, const float *x, float *y, void *index)
{
    run(pool, (pool_job){.shape = shape,
                         .rows = shape->oh,
                         .cols = shape->ow,
                         .lay = lay_pixels,
                         .row = max_row,
                         .from = x,
                         .to = y,
                         .index = index,
                         .index_size = index_size(shape)});
}

static void max_gradient_row(const pool_job *job, int64_t number, const strip_of_columns *strip)
{
    const tn_pool_shape *s = job->shape;
    const tn_element_table *kernels = tn_element_kernels();
    int64_t image = number / s->h * s->oh * s->ow * s->c;
    const char *index = (const char *)job->saved_index + (size_t)image * job->index_size;
    line rows = results_of(number % s->h + s->pad_top, s->window_h, s->stride_h, s->dilation_h, s->oh);
    for (int64_t j = 0; j < strip->count; j++) {
        tn_window_walk walk = walk_of(&rows, &strip->lines[j], s->ow, s->c, s->window_w);
        kernels->max_pixel_gradient(job->from + image, index, job->index_size, &walk, s->c,
                                    job->to + (number * s->w + strip->first + j) * s->c);
    }
}

void tn_max_pool_gradient(tn_pool *pool, const tn_pool_shape *shape, const float *dy, const void *index, float *dx)
{
    run(pool, (pool_job){.shape = shape,
                         .rows = shape->h,
                         .cols = shape->w,
                         .lay = lay_results,
                         .row = max_gradient_row,
                         .from = dy,
                         .to = dx,
                         .saved_index = index,
                         .index_size = index_size(shape)});
}

/* --- mean */

/** The windows of one dimension from number `first`: padding counts up to what was given, not what ceil mode adds. */
static tn_window_extent extent_of(int64_t first, int64_t stride, int64_t window, int64_t pad_begin, int64_t pad_end,
                                  int64_t size, bool count_padding)
{
    return (tn_window_extent){
        .begin = first * stride - pad_begin,
        .step = stride,
        .size = window,
        .low = count_padding ? -pad_begin : 0,
        .high = count_padding ? size + pad_end : size,
    };
}

static tn_window_extent row_extent(const tn_pool_shape *s, int64_t first)
{
    return extent_of(first, s->stride_h, s->window_h, s->pad_top, s->pad_bottom, s->h, s->count_padding);
}

static tn_window_extent col_extent(const tn_pool_shape *s, int64_t first)
{
    return extent_of(first, s->stride_w, s->window_w, s->pad_left, s->pad_right, s->w, s->count_padding);
}

static void avg_row(const pool_job *job, int64_t number, const strip_of_columns *strip)
{
    const tn_pool_shape *s = job->shape;
    const tn_element_table *kernels = tn_element_kernels();
    const tn_window_extent row_windows = row_extent(s, number % s->oh), col_windows = col_extent(s, strip->first);
    const float *image = job->from + number / s->oh * s->h * s->w * s->c;
    line rows = pixels_of(row_windows.begin, s->window_h, 1, s->h);
    for (int64_t j = 0; j < strip->count; j++) {
        tn_window_walk walk = walk_of(&rows, &strip->lines[j], s->w, s->c, s->window_w);
        int64_t count = tn_window_pixels(&row_windows, 0) * tn_window_pixels(&col_windows, j);
        kernels->avg_pixel(image, &walk, (float)count, s->c, job->to + (number * s->ow + strip->first + j) * s->c);
    }
}

void tn_avg_pool(tn_pool *pool, const tn_pool_shape *shape, const float *x, float *y)
{
    run(pool, (pool_job){.shape = shape,
                         .rows = shape->oh,
                         .cols = shape->ow,
                         .lay = lay_pixels,
                         .row = avg_row,
                         .from = x,
                         .to = y});
}

static void avg_gradient_row(const pool_job *job, int64_t number, const strip_of_columns *strip)
{
    const tn_pool_shape *s = job->shape;
    const tn_element_table *kernels = tn_element_kernels();
    const float *image = job->from + number / s->h * s->oh * s->ow * s->c;
    line rows = results_of(number % s->h + s->pad_top, s->window_h, s->stride_h, 1, s->oh);
    const tn_window_extent row_windows = row_extent(s, rows.first);
    for (int64_t j = 0; j < strip->count; j++) {
        const tn_window_extent col_windows = col_extent(s, strip->lines[j].first);
        tn_window_walk walk = walk_of(&rows, &strip->lines[j], s->ow, s->c, s->window_w);
        kernels->avg_pixel_gradient(image, &walk, &row_windows, &col_windows, s->c,
                                    job->to + (number * s->w + strip->first + j) * s->c);
    }
}

void tn_avg_pool_gradient(tn_pool *pool, const tn_pool_shape *shape, const float *dy, float *dx)
{
    run(pool, (pool_job){.shape = shape,
                         .rows = shape->h,
                         .cols = shape->w,
                         .lay = lay_results,
                         .row = avg_gradient_row,
                         .from = dy,
                         .to = dx});
}
