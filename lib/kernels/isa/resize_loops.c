/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Rows of resized images. Built once for each instruction set. */
#include "kernels/isa/element_parts.h"

void TN_ISA(tn_scale_bytes)(const uint8_t *x, float scale, float *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = (float)x[i] * scale;
}

void TN_ISA(tn_blend)(const float *a, const float *b, float part, float scale, float *y, int64_t count)
{
    const vec parts = splat(part), scales = splat(scale);
    for (int64_t i = 0; i < count; i += TN_LANES) {
        vec from = load_some(a + i, count - i), to = load_some(b + i, count - i);
        store_some((from + (to - from) * parts) * scales, y + i, count - i);
    }
}
