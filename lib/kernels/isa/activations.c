/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Activations and their gradients, element by element. Built once for each instruction set. */
#include "kernels/isa/element_parts.h"

#include "kernels/isa/exp_vec.h"

/** A function of one vector over an array. */
#define EACH(name, function)                                                                                           \
    void TN_ISA(name)(const float *x, float *y, int64_t count)                                                         \
    {                                                                                                                  \
        int64_t i = 0;                                                                                                 \
        for (; i + TN_LANES <= count; i += TN_LANES)                                                                   \
            store(function(load(x + i)), y + i);                                                                       \
        if (i < count)                                                                                                 \
            store_part(function(load_part(x + i, count - i)), y + i, count - i);                                       \
    }

/** A function of y and dy over two arrays. */
#define EACH_GRADIENT(name, function)                                                                                  \
    void TN_ISA(name)(const float *y, const float *dy, float *dx, int64_t count)                                       \
    {                                                                                                                  \
        int64_t i = 0;                                                                                                 \
        for (; i + TN_LANES <= count; i += TN_LANES)                                                                   \
            store(function(load(y + i), load(dy + i)), dx + i);                                                        \
        if (i < count)                                                                                                 \
            store_part(function(load_part(y + i, count - i), load_part(dy + i, count - i)), dx + i, count - i);        \
    }

/* NaN is not below zero and stays. */
ALWAYS_INLINE vec relu_vec(vec x)
{
    return (vec)((ivec)x & ~(x < splat(0.0f)));
}

/* y <= 0 ? 0 : dy; y = NaN passes dy on. */
ALWAYS_INLINE vec relu_gradient_vec(vec y, vec dy)
{
    return (vec)((ivec)dy & ~(y <= splat(0.0f)));
}

ALWAYS_INLINE vec sigmoid_gradient_vec(vec y, vec dy)
{
    return dy * (y * (splat(1.0f) - y));
}

/* (1 - y)(1 + y): 1 - y * y would lose digits near one. */
ALWAYS_INLINE vec tanh_gradient_vec(vec y, vec dy)
{
    return dy * ((splat(1.0f) - y) * (splat(1.0f) + y));
}

EACH(tn_exp, exp_vec)
EACH(tn_relu, relu_vec)
EACH(tn_sigmoid, sigmoid_vec)
EACH(tn_tanh, tanh_vec)
EACH_GRADIENT(tn_relu_gradient, relu_gradient_vec)
EACH_GRADIENT(tn_sigmoid_gradient, sigmoid_gradient_vec)
EACH_GRADIENT(tn_tanh_gradient, tanh_gradient_vec)
