/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Calls of element-wise loops, pooling, sums, dropout and images. */
#include "kernel_runs.h"

#include <string.h>

/* --- elements */

#define ELEMENT_MAP(name, from)                                                                                        \
    RUN(name)                                                                                                          \
    {                                                                                                                  \
        (void)c;                                                                                                       \
        t->element->name(b->from, b->out, count);                                                                      \
        return count;                                                                                                  \
    }
#define ELEMENT_GRADIENT(name, from)                                                                                   \
    RUN(name)                                                                                                          \
    {                                                                                                                  \
        (void)c;                                                                                                       \
        t->element->name(b->from, b->finite + KERNEL_MOST, b->out, count);                                             \
        return count;                                                                                                  \
    }

ELEMENT_MAP(relu, wild)
ELEMENT_MAP(sigmoid, finite)
ELEMENT_MAP(tanh, finite)
ELEMENT_MAP(exp, finite)
ELEMENT_MAP(softmax, finite)
ELEMENT_MAP(log_softmax, finite)
ELEMENT_GRADIENT(relu_gradient, wild)
ELEMENT_GRADIENT(sigmoid_gradient, wild)
ELEMENT_GRADIENT(tanh_gradient, wild)
ELEMENT_GRADIENT(softmax_gradient, finite)

enum { AXIS = 10, ROWS = 70 };

RUN(softmax_columns)
{
    (void)c;
    t->element->softmax_columns(b->finite, b->out, AXIS, count + 3, count);
    return AXIS * count;
}

RUN(log_softmax_columns)
{
    (void)c;
    t->element->log_softmax_columns(b->finite, b->out, AXIS, count + 3, count);
    return AXIS * count;
}

RUN(softmax_gradient_columns)
{
    (void)c;
    t->element->softmax_gradient_columns(b->finite, b->finite + 7, b->out, AXIS, count + 3, count);
    return AXIS * count;
}

/* --- pooling: a window of c->a x c->b pixels in an image 7 wide; c->map: bytes of an index, 0 for none */

static tn_window_walk walk_of(const kernel_case *c, int64_t channels)
{
    return (tn_window_walk){channels, c->a, c->b, 7 * channels, channels, 1, 5, 1};
}

RUN(max_pixel)
{
    tn_window_walk walk = walk_of(c, count);
    t->element->max_pixel(b->wild, &walk, count, b->out, c->map ? b->index : NULL, (size_t)c->map);
    return count;
}

RUN(max_pixel_gradient)
{
    tn_window_walk walk = walk_of(c, count);
    t->element->max_pixel_gradient(b->finite, b->bytes, (size_t)c->map, &walk, count, b->out);
    return count;
}

RUN(avg_pixel)
{
    tn_window_walk walk = walk_of(c, count);
    t->element->avg_pixel(b->finite, &walk, 7.0f, count, b->out);
    return count;
}

RUN(avg_pixel_gradient)
{
    const tn_window_extent extent = {-1, 2, 3, 0, 9};
    tn_window_walk walk = walk_of(c, count);
    t->element->avg_pixel_gradient(b->finite, &walk, &extent, &extent, count, b->out);
    return count;
}

/* --- sums, dropout, images */

RUN(sum_rows)
{
    (void)c;
    t->element->sum_rows(b->finite, ROWS, count + 3, count, b->out);
    return ROWS * count;
}

RUN(add)
{
    (void)c;
    t->element->add(b->wild, b->out, count);
    return count;
}

RUN(sum_squares)
{
    (void)c;
    b->out[0] = (float)t->element->sum_squares(b->finite, count);
    return count;
}

RUN(dropout)
{
    (void)c;
    t->element->dropout(1, 2, 1 << 23, 2.0f, 64, count, b->wild, b->out);
    return count;
}

RUN(dropout_mask)
{
    (void)c;
    t->element->dropout_mask(b->bytes, 0.7f, b->wild, b->out, count);
    return count;
}

RUN(scale_bytes)
{
    (void)c;
    t->element->scale_bytes(b->bytes, 0.3f, b->out, count);
    return count;
}

RUN(blend)
{
    (void)c;
    t->element->blend(b->wild, b->finite, 0.3f, 0.7f, b->out, count);
    return count;
}
