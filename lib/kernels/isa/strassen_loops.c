/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  What Strassen's product adds up before and after its seven products; see strassen.c. Built once for each instruction set. */
#include "kernels/isa/strassen_loops.h"

#include "kernels/isa/simd.h"

/** Up to a vector of the four quarters, `at` floats from where they begin. */
ALWAYS_INLINE void add_up(const float *const from[4], int64_t at, float *const to[TN_STRASSEN_SUMS], int64_t to_at, int64_t left)
{
    vec q11 = load_some(from[0] + at, left), q12 = load_some(from[1] + at, left);
    vec q21 = load_some(from[2] + at, left), q22 = load_some(from[3] + at, left);
    store_some(q11 + q22, to[0] + to_at, left);
    store_some(q21 + q22, to[1] + to_at, left);
    store_some(q11 + q12, to[2] + to_at, left);
    store_some(q21 - q11, to[3] + to_at, left);
    store_some(q12 - q22, to[4] + to_at, left);
}

void TN_ISA(tn_strassen_sums)(const float *const from[4], int64_t from_step, float *const to[TN_STRASSEN_SUMS],
                              int64_t to_step, int64_t rows, int64_t count)
{
    for (int64_t row = 0; row < rows; row++) {
        int64_t i = 0, at = row * from_step, to_at = row * to_step;
        for (; i + TN_LANES <= count; i += TN_LANES)
            add_up(from, at + i, to, to_at + i, TN_LANES);
        if (i < count)
            add_up(from, at + i, to, to_at + i, count - i);
    }
}

/** A vector of C: sums are added to it, then bias and ReLU. */
ALWAYS_INLINE void put(const tn_strassen_end *end, vec sum, const float *bias, float *c)
{
    if (end->add)
        sum += load(c);
    if (bias)
        sum += load(bias);
    if (end->relu)
        sum = at_least(sum, splat(0.0f));
    store(sum, c);
}

void TN_ISA(tn_strassen_end)(const tn_strassen_end *end, int64_t rows, int64_t lower, int64_t cols, float *c)
{
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < cols; j += TN_LANES) {
            vec m[TN_STRASSEN_PRODUCTS];
            const float *bias = end->bias ? end->bias + j : NULL, *right = bias ? bias + end->right : NULL;
            float *to = c + i * end->ldc + j;
            UNROLL
            for (int k = 0; k < TN_STRASSEN_PRODUCTS; k++)
                m[k] = load(end->products + k * end->apart + i * cols + j);
            put(end, m[0] + m[3] - m[4] + m[6], bias, to);
            put(end, m[2] + m[4], right, to + end->right);
            if (i >= lower)
                continue;
            put(end, m[1] + m[3], bias, to + end->below);
            put(end, m[0] - m[1] + m[2] + m[5], right, to + end->below + end->right);
        }
    }
}
