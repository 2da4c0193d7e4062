/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Softmax of a contiguous vector, and of vectors that lie side by side. Built once for each instruction set.
 *
 *  Formula   y = exp(x - max x) / sum exp(x - max x); its logarithm x - max x - log(sum); dx = y (dy - sum y dy).
 *            A NaN or a +infinity anywhere makes the whole vector NaN. */
#include "kernels/isa/element_parts.h"
#include "kernels/isa/exp_vec.h"

#include <math.h>

#define PARTS (TN_SUM_LANES / TN_LANES)

/* --- one contiguous vector */

static float largest(const float *x, int64_t count)
{
    float max = x[0];
    for (int64_t i = 1; i < count; i++)
        max = x[i] > max ? x[i] : max;
    return max;
}

/** The sum of exp(x - max), which goes to y as well unless it is NULL. */
ALWAYS_INLINE float sum_exp(const float *x, float max, float *y, int64_t count)
{
    sum_lanes sums = {0};
    for (int64_t i = 0; i < count; i += TN_SUM_LANES) {
        for (int p = 0; p < PARTS && i + p * TN_LANES < count; p++) {
            int64_t at = i + p * TN_LANES, rest = count - at;
            vec e = exp_vec(load_some(x + at, rest) - splat(max));
            if (y)
                store_some(e, y + at, rest);
            if (rest < TN_LANES) { /* lanes that are not there add nothing */
                float lanes[TN_LANES] = {0};
                store_part(e, lanes, rest);
                e = load(lanes);
            }
            sums.part[p] += e;
        }
    }
    return total_of(&sums);
}

void TN_ISA(tn_softmax)(const float *x, float *y, int64_t count)
{
    float sum = sum_exp(x, largest(x, count), y, count);
    for (int64_t i = 0; i < count; i++)
        y[i] /= sum;
}

void TN_ISA(tn_log_softmax)(const float *x, float *y, int64_t count)
{
    float max = largest(x, count), log_sum = (float)log((double)sum_exp(x, max, NULL, count));
    for (int64_t i = 0; i < count; i++)
        y[i] = (x[i] - max) - log_sum;
}

void TN_ISA(tn_softmax_gradient)(const float *y, const float *dy, float *dx, int64_t count)
{
    sum_lanes sums = {0};
    for (int64_t i = 0; i < count; i += TN_SUM_LANES) {
        for (int p = 0; p < PARTS && i + p * TN_LANES < count; p++) {
            int64_t at = i + p * TN_LANES, rest = count - at;
            sums.part[p] += load_some(y + at, rest) * load_some(dy + at, rest);
        }
    }
    float dot = total_of(&sums);
    for (int64_t i = 0; i < count; i++)
        dx[i] = y[i] * (dy[i] - dot);
}

/* --- vectors side by side: one lane each */

ALWAYS_INLINE vec largest_of_lanes(const float *x, int64_t count, int64_t stride, int64_t lanes)
{
    vec max = load_some(x, lanes);
    for (int64_t k = 1; k < count; k++) {
        vec v = load_some(x + k * stride, lanes);
        max = select_vec(v > max, v, max);
    }
    return max;
}

ALWAYS_INLINE vec sum_exp_of_lanes(const float *x, vec max, float *y, int64_t count, int64_t stride, int64_t lanes)
{
    vec sum = {0};
    for (int64_t k = 0; k < count; k++) {
        vec e = exp_vec(load_some(x + k * stride, lanes) - max);
        sum += e;
        if (y)
            store_some(e, y + k * stride, lanes);
    }
    return sum;
}

void TN_ISA(tn_softmax_columns)(const float *x, float *y, int64_t count, int64_t stride, int64_t width)
{
    for (int64_t j = 0; j < width; j += TN_LANES) {
        int64_t lanes = width - j;
        vec max = largest_of_lanes(x + j, count, stride, lanes);
        vec sum = sum_exp_of_lanes(x + j, max, y + j, count, stride, lanes);
        for (int64_t k = 0; k < count; k++)
            store_some(load_some(y + k * stride + j, lanes) / sum, y + k * stride + j, lanes);
    }
}

void TN_ISA(tn_log_softmax_columns)(const float *x, float *y, int64_t count, int64_t stride, int64_t width)
{
    for (int64_t j = 0; j < width; j += TN_LANES) {
        int64_t lanes = width - j;
        vec max = largest_of_lanes(x + j, count, stride, lanes);
        vec sum = sum_exp_of_lanes(x + j, max, NULL, count, stride, lanes);
        for (int i = 0; i < TN_LANES; i++)
            sum[i] = (float)log((double)sum[i]);
        for (int64_t k = 0; k < count; k++)
            store_some((load_some(x + k * stride + j, lanes) - max) - sum, y + k * stride + j, lanes);
    }
}

void TN_ISA(tn_softmax_gradient_columns)(const float *y, const float *dy, float *dx, int64_t count, int64_t stride,
                                         int64_t width)
{
    for (int64_t j = 0; j < width; j += TN_LANES) {
        int64_t lanes = width - j;
        vec dot = {0};
        for (int64_t k = 0; k < count; k++)
            dot += load_some(y + k * stride + j, lanes) * load_some(dy + k * stride + j, lanes);
        for (int64_t k = 0; k < count; k++) {
            int64_t at = k * stride + j;
            store_some(load_some(y + at, lanes) * (load_some(dy + at, lanes) - dot), dx + at, lanes);
        }
    }
}
