/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Packing and epilogues of products. Built once for each instruction set. */
#include "kernels/isa/conv_table.h"

#include <string.h>

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)

typedef float quad __attribute__((vector_size(16)));

static inline quad load_quad(const float *from)
{
    quad q;
    memcpy(&q, from, sizeof q);
    return q;
}

static inline void store_quad(quad q, float *to)
{
    memcpy(to, &q, sizeof q);
}

/** Four rows of four become four columns of four: out[k * lanes + 0..3]. */
static inline void transpose_4x4(const float *const *rows, int64_t k, float *out, int64_t lanes)
{
    quad a = load_quad(rows[0] + k), b = load_quad(rows[1] + k);
    quad c = load_quad(rows[2] + k), d = load_quad(rows[3] + k);
    quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    store_quad(__builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), out);
    store_quad(__builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7), out + lanes);
    store_quad(__builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5), out + 2 * lanes);
    store_quad(__builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7), out + 3 * lanes);
}

/** Two rows of four become four columns of two. */
static inline void transpose_2x4(const float *const *rows, int64_t k, float *out, int64_t lanes)
{
    quad a = load_quad(rows[0] + k), b = load_quad(rows[1] + k);
    quad low = __builtin_shufflevector(a, b, 0, 4, 1, 5), high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    memcpy(out, &low, 8);
    memcpy(out + lanes, (const char *)&low + 8, 8);
    memcpy(out + 2 * lanes, &high, 8);
    memcpy(out + 3 * lanes, (const char *)&high + 8, 8);
}

static inline void interleave_lanes(const float *const *rows, int64_t lanes, int64_t count, float *out)
{
    int64_t k = 0;
    for (; k + 4 <= count; k += 4) {
        int64_t i = 0;
        for (; i + 4 <= lanes; i += 4)
            transpose_4x4(rows + i, k, out + k * lanes + i, lanes);
        for (; i + 2 <= lanes; i += 2)
            transpose_2x4(rows + i, k, out + k * lanes + i, lanes);
        for (; i < lanes; i++) {
            for (int64_t j = 0; j < 4; j++)
                out[(k + j) * lanes + i] = rows[i][k + j];
        }
    }
    for (; k < count; k++) {
        for (int64_t i = 0; i < lanes; i++)
            out[k * lanes + i] = rows[i][k];
    }
}

/* The widths of BLIS's kernels are constants in their copies of the loop. */
static void interleave(const float *const *rows, int64_t lanes, int64_t count, float *out)
{
    switch (lanes) {
    case 6:
        interleave_lanes(rows, 6, count, out);
        break;
    case 12:
        interleave_lanes(rows, 12, count, out);
        break;
    case 16:
        interleave_lanes(rows, 16, count, out);
        break;
    case 32:
        interleave_lanes(rows, 32, count, out);
        break;
    default:
        interleave_lanes(rows, lanes, count, out);
    }
}

static void finish(const float *x, const float *bias, bool relu, float *y, int64_t count)
{
    if (bias && relu) {
        for (int64_t i = 0; i < count; i++) {
            float sum = x[i] + bias[i];
            y[i] = sum < 0.0f ? 0.0f : sum;
        }
    } else if (bias) {
        for (int64_t i = 0; i < count; i++)
            y[i] = x[i] + bias[i];
    } else if (relu) {
        for (int64_t i = 0; i < count; i++)
            y[i] = x[i] < 0.0f ? 0.0f : x[i];
    } else if (x != y) {
        memcpy(y, x, (size_t)count * sizeof *y);
    }
}

static void accumulate(const float *x, float *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        y[i] += x[i];
}

extern const tn_winograd_maps JOIN(tn_winograd_maps, TN_ISA_SUFFIX)[];

const tn_conv_table JOIN(tn_conv_table, TN_ISA_SUFFIX) = {
    .interleave = interleave,
    .finish = finish,
    .accumulate = accumulate,
    .winograd = JOIN(tn_winograd_maps, TN_ISA_SUFFIX),
};
