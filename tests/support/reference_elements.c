/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What the loops of element_table.h mean. Transcendental functions are taken from the C library, in double. */
#include "reference_loops.h"

#include "base/random.h"

#include <math.h>
#include <string.h>

/* --- activations */

#define EACH(name, value)                                                                                              \
    static void name(const float *x, float *y, int64_t count)                                                          \
    {                                                                                                                  \
        for (int64_t i = 0; i < count; i++)                                                                            \
            y[i] = value;                                                                                              \
    }
#define EACH_GRADIENT(name, value)                                                                                     \
    static void name(const float *y, const float *dy, float *dx, int64_t count)                                        \
    {                                                                                                                  \
        for (int64_t i = 0; i < count; i++)                                                                            \
            dx[i] = value;                                                                                             \
    }

EACH(relu, x[i] < 0.0f ? 0.0f : x[i])
EACH(sigmoid, (float)(1.0 / (1.0 + exp(-(double)x[i]))))
EACH(tanh_of, (float)tanh((double)x[i]))
EACH(exp_of, (float)exp((double)x[i]))
EACH_GRADIENT(relu_gradient, y[i] <= 0.0f ? 0.0f : dy[i])
EACH_GRADIENT(sigmoid_gradient, dy[i] * (y[i] * (1.0f - y[i])))
EACH_GRADIENT(tanh_gradient, dy[i] * ((1.0f - y[i]) * (1.0f + y[i])))

/* --- softmax: vector j of `width`, element k at k * stride + j */

static double log_sum(const float *x, int64_t count, int64_t stride, double *max)
{
    double sum = 0.0;
    *max = -INFINITY;
    for (int64_t k = 0; k < count; k++)
        *max = fmax(*max, (double)x[k * stride]);
    for (int64_t k = 0; k < count; k++)
        sum += exp((double)x[k * stride] - *max);
    return log(sum);
}

static void softmax_columns(const float *x, float *y, int64_t count, int64_t stride, int64_t width)
{
    for (int64_t j = 0; j < width; j++) {
        double max, log_of_sum = log_sum(x + j, count, stride, &max);
        for (int64_t k = 0; k < count; k++)
            y[k * stride + j] = (float)exp((double)x[k * stride + j] - max - log_of_sum);
    }
}

static void log_softmax_columns(const float *x, float *y, int64_t count, int64_t stride, int64_t width)
{
    for (int64_t j = 0; j < width; j++) {
        double max, log_of_sum = log_sum(x + j, count, stride, &max);
        for (int64_t k = 0; k < count; k++)
            y[k * stride + j] = (float)((double)x[k * stride + j] - max - log_of_sum);
    }
}

static void softmax_gradient_columns(const float *y, const float *dy, float *dx, int64_t count, int64_t stride,
                                     int64_t width)
{
    for (int64_t j = 0; j < width; j++) {
        double dot = 0.0;
        for (int64_t k = 0; k < count; k++)
            dot += (double)y[k * stride + j] * (double)dy[k * stride + j];
        for (int64_t k = 0; k < count; k++)
            dx[k * stride + j] = (float)((double)y[k * stride + j] * ((double)dy[k * stride + j] - dot));
    }
}

static void softmax(const float *x, float *y, int64_t count)
{
    softmax_columns(x, y, count, 1, 1);
}

static void log_softmax(const float *x, float *y, int64_t count)
{
    log_softmax_columns(x, y, count, 1, 1);
}

static void softmax_gradient(const float *y, const float *dy, float *dx, int64_t count)
{
    softmax_gradient_columns(y, dy, dx, count, 1, 1);
}

/* --- pooling */

static int64_t get_index(const void *index, size_t size, int64_t i)
{
    uint16_t half;
    int32_t word;
    if (size == 1)
        return ((const uint8_t *)index)[i];
    if (size == 2) {
        memcpy(&half, (const char *)index + 2 * i, sizeof half);
        return half;
    }
    memcpy(&word, (const char *)index + 4 * i, sizeof word);
    return word;
}

static void set_index(void *index, size_t size, int64_t i, int32_t value)
{
    uint16_t half = (uint16_t)value;
    if (size == 1)
        ((uint8_t *)index)[i] = (uint8_t)value;
    else if (size == 2)
        memcpy((char *)index + 2 * i, &half, sizeof half);
    else
        memcpy((char *)index + 4 * i, &value, sizeof value);
}

/** Place of step (r,s) of a walk, and its position. */
static int64_t step_of(const tn_window_walk *walk, int64_t r, int64_t s, int32_t *position)
{
    *position = walk->position + (int32_t)r * walk->row_position + (int32_t)s * walk->col_position;
    return walk->first + r * walk->row_step + s * walk->col_step;
}

static void max_pixel(const float *x, const tn_window_walk *walk, int64_t channels, float *y, void *index,
                      size_t index_size)
{
    for (int64_t c = 0; c < channels; c++) {
        int32_t position, best = walk->position;
        y[c] = x[walk->first + c];
        for (int64_t i = 0; i < walk->rows * walk->cols; i++) {
            float v = x[step_of(walk, i / walk->cols, i % walk->cols, &position) + c];
            if (v > y[c] || (isnan(v) && !isnan(y[c]))) {
                y[c] = v;
                best = position;
            }
        }
        if (index)
            set_index(index, index_size, c, best);
    }
}

static void max_pixel_gradient(const float *dy, const void *index, size_t index_size, const tn_window_walk *walk,
                               int64_t channels, float *dx)
{
    for (int64_t c = 0; c < channels; c++) {
        dx[c] = 0.0f;
        for (int64_t i = 0; i < walk->rows * walk->cols; i++) {
            int32_t position;
            int64_t at = step_of(walk, i / walk->cols, i % walk->cols, &position) + c;
            dx[c] += get_index(index, index_size, at) == position ? dy[at] : 0.0f;
        }
    }
}

static void avg_pixel(const float *x, const tn_window_walk *walk, float divisor, int64_t channels, float *y)
{
    for (int64_t c = 0; c < channels; c++) {
        float sum = 0.0f;
        int32_t position;
        for (int64_t i = 0; i < walk->rows * walk->cols; i++)
            sum += x[step_of(walk, i / walk->cols, i % walk->cols, &position) + c];
        y[c] = sum / divisor;
    }
}

static void avg_pixel_gradient(const float *dy, const tn_window_walk *walk, const tn_window_extent *rows,
                               const tn_window_extent *cols, int64_t channels, float *dx)
{
    for (int64_t c = 0; c < channels; c++) {
        dx[c] = 0.0f;
        for (int64_t i = 0; i < walk->rows * walk->cols; i++) {
            int32_t position;
            int64_t pixels = tn_window_pixels(rows, i / walk->cols) * tn_window_pixels(cols, i % walk->cols);
            dx[c] += dy[step_of(walk, i / walk->cols, i % walk->cols, &position) + c] / (float)pixels;
        }
    }
}

/* --- sums */

static void sum_rows(const float *x, int64_t rows, int64_t stride, int64_t width, float *sum)
{
    for (int64_t j = 0; j < width; j++) {
        double total = 0.0;
        for (int64_t i = 0; i < rows; i++)
            total += (double)x[i * stride + j];
        sum[j] = (float)total;
    }
}

static void add(const float *x, float *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        y[i] += x[i];
}

static double sum_squares(const float *x, int64_t count)
{
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++)
        sum += (double)x[i] * (double)x[i];
    return sum;
}

/* --- dropout and images */

static void dropout(uint64_t key, uint64_t step, uint32_t threshold, float scale, int64_t first, int64_t count,
                    const float *x, float *y)
{
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits[4];
        tn_philox(key, step, (uint64_t)(first + i) / 4, bits);
        y[i] = bits[(first + i) % 4] >> 8 >= threshold ? x[i] * scale : 0.0f;
    }
}

static void dropout_mask(const uint8_t *mask, float divisor, const float *x, float *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = mask[i] ? x[i] / divisor : 0.0f;
}

static void scale_bytes(const uint8_t *x, float scale, float *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = (float)x[i] * scale;
}

static void blend(const float *a, const float *b, float part, float scale, float *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = (a[i] + (b[i] - a[i]) * part) * scale;
}

const tn_element_table reference_element_table = {
    .relu = relu,
    .sigmoid = sigmoid,
    .tanh = tanh_of,
    .relu_gradient = relu_gradient,
    .sigmoid_gradient = sigmoid_gradient,
    .tanh_gradient = tanh_gradient,
    .exp = exp_of,
    .softmax = softmax,
    .log_softmax = log_softmax,
    .softmax_gradient = softmax_gradient,
    .softmax_columns = softmax_columns,
    .log_softmax_columns = log_softmax_columns,
    .softmax_gradient_columns = softmax_gradient_columns,
    .max_pixel = max_pixel,
    .max_pixel_gradient = max_pixel_gradient,
    .avg_pixel = avg_pixel,
    .avg_pixel_gradient = avg_pixel_gradient,
    .sum_rows = sum_rows,
    .add = add,
    .sum_squares = sum_squares,
    .dropout = dropout,
    .dropout_mask = dropout_mask,
    .scale_bytes = scale_bytes,
    .blend = blend,
};
