/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Passing values on: what layers do that change nothing in a mode or with an option. */
#ifndef TN_LAYERS_IDENTITY_H
#define TN_LAYERS_IDENTITY_H

#include "layers/op.h"

#include <string.h>

/** Copy floats from x to y, which may be x. */
static inline void tn_pass_on(const tn_shape *shape, const float *x, float *y)
{
    size_t count = 1;
    for (int i = 0; i < shape->rank; i++)
        count *= (size_t)shape->dims[i];
    if (y != x && count > 0)
        memcpy(y, x, count * sizeof *y);
}

static inline int64_t tn_shape_count(const tn_shape *shape)
{
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++)
        count *= shape->dims[i];
    return count;
}

#endif
