/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  exp, sigmoid and tanh of vectors. Largest errors over all floats, in units of the last place (tests/kernels):
 *  exp 1.0, sigmoid 2.5, tanh 1.5. NaN stays NaN, infinities give the limits, small results are subnormal.
 *  Source    Moshier, Cephes Mathematical Library, single precision: expf.c and tanhf.c (reductions, coefficients) */
#ifndef TN_ISA_EXP_VEC_H
#define TN_ISA_EXP_VEC_H

#include "kernels/isa/simd.h"

/** 2^n for n in [-126,127]. */
ALWAYS_INLINE vec power_of_two(ivec n)
{
    return (vec)((uvec)(n + 127) << 23);
}

/** exp(x) = 2^n exp(r), |r| <= ln(2)/2. */
ALWAYS_INLINE vec exp_vec(vec x)
{
    const vec rounder = splat(0x1.8p23f);
    x = at_most(at_least(x, splat(-104.0f)), splat(89.0f)); /* past these, 0 and infinity */
    vec shifted = x * splat(0x1.715476p+0f) + rounder;
    vec n = shifted - rounder;
    /* n has at most 8 bits and ln(2)'s first part 9, so their product is exact */
    vec r = (x - n * splat(0.693359375f)) - n * splat(-2.12194440e-4f);
    vec p = r * splat(1.9875691500e-4f) + splat(1.3981999507e-3f);
    p = p * r + splat(8.3334519073e-3f);
    p = p * r + splat(4.1665795894e-2f);
    p = p * r + splat(1.6666665459e-1f);
    p = p * r + splat(5.0000001201e-1f);
    p = (p * (r * r) + r) + splat(1.0f);
    ivec bits = (ivec)((uvec)shifted - (uvec)rounder);
    ivec half = bits >> 1; /* two steps: n may be 128 or -150 */
    return p * power_of_two(half) * power_of_two(bits - half);
}

/** 1 / (1 + exp(-x)), by exp(-|x|), which cannot overflow. */
ALWAYS_INLINE vec sigmoid_vec(vec x)
{
    const ivec sign = splat_int(INT32_MIN);
    vec e = exp_vec((vec)((ivec)x | sign));
    vec numerator = select_vec(x < splat(0.0f), e, splat(1.0f));
    return numerator / (splat(1.0f) + e);
}

/** An odd polynomial near zero, 1 - 2 / (exp(2|x|) + 1) beyond. */
ALWAYS_INLINE vec tanh_vec(vec x)
{
    const ivec sign = splat_int(INT32_MIN);
    vec size = (vec)((ivec)x & ~sign), z = x * x;
    vec p = z * splat(-5.70498872745e-3f) + splat(2.06390887954e-2f);
    p = p * z + splat(-5.37397155531e-2f);
    p = p * z + splat(1.33314422036e-1f);
    p = p * z + splat(-3.33332819422e-1f);
    vec near = p * z * size + size;
    vec far = splat(1.0f) - splat(2.0f) / (exp_vec(size + size) + splat(1.0f));
    vec result = select_vec(size < splat(0.625f), near, far);
    return (vec)((ivec)result | ((ivec)x & sign));
}

#endif
