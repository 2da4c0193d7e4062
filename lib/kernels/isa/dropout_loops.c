/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Dropout by Philox4x32-10, a counter in each 64-bit lane. Built once for each instruction set.
 *
 *  Products take the lower 32 bits of each lane only, so that what is left in the upper half does no harm.
 *  Source    Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11 */
#include "kernels/isa/element_parts.h"

#define COUNTERS (TN_LANES / 2)

typedef uint64_t words __attribute__((vector_size(4 * TN_LANES)));

ALWAYS_INLINE words splat_word(uint64_t value)
{
    return value - (words){0};
}

/** Lower halves multiplied. */
ALWAYS_INLINE words multiply_low(words a, words b)
{
#if TN_LANES == 16
    return (words)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif TN_LANES == 8
    return (words)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#else
    return (a & splat_word(UINT32_MAX)) * (b & splat_word(UINT32_MAX));
#endif
}

/** The numbers of COUNTERS counters from `low`, in order: counter by counter, four of each. */
ALWAYS_INLINE void philox(uint64_t key, uint64_t high, uint64_t low, ivec out[2])
{
    words counter = splat_word(low);
    for (int i = 0; i < COUNTERS; i++)
        counter[i] += (uint64_t)i;
    words c0 = counter, c1 = counter >> 32, c2 = splat_word(high), c3 = splat_word(high >> 32);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        words p0 = multiply_low(c0, splat_word(UINT64_C(0xD2511F53)));
        words p1 = multiply_low(c2, splat_word(UINT64_C(0xCD9E8D57)));
        c0 = (p1 >> 32) ^ c1 ^ splat_word(k0);
        c2 = (p0 >> 32) ^ c3 ^ splat_word(k1);
        c1 = p1;
        c3 = p0;
        k0 += UINT32_C(0x9E3779B9);
        k1 += UINT32_C(0xBB67AE85);
    }
    words first = (c0 & splat_word(UINT32_MAX)) | (c1 << 32), second = (c2 & splat_word(UINT32_MAX)) | (c3 << 32);
#if TN_LANES == 16
    out[0] = (ivec)__builtin_shufflevector(first, second, 0, 8, 1, 9, 2, 10, 3, 11);
    out[1] = (ivec)__builtin_shufflevector(first, second, 4, 12, 5, 13, 6, 14, 7, 15);
#elif TN_LANES == 8
    out[0] = (ivec)__builtin_shufflevector(first, second, 0, 4, 1, 5);
    out[1] = (ivec)__builtin_shufflevector(first, second, 2, 6, 3, 7);
#else
    out[0] = (ivec)__builtin_shufflevector(first, second, 0, 2);
    out[1] = (ivec)__builtin_shufflevector(first, second, 1, 3);
#endif
}

/** tn_uniform(bits) >= rate, in integers: the upper 24 bits against rate * 2^24. */
ALWAYS_INLINE vec keep(ivec bits, ivec threshold, vec x, vec scale)
{
    ivec kept = (ivec)((uvec)bits >> 8) >= threshold;
    return (vec)((ivec)(x * scale) & kept);
}

void TN_ISA(tn_dropout)(uint64_t key, uint64_t step, uint32_t threshold, float scale, int64_t first, int64_t count,
                        const float *x, float *y)
{
    const ivec least = splat_int((int32_t)threshold);
    const vec scales = splat(scale);
    for (int64_t i = 0; i < count; i += 2 * TN_LANES) {
        ivec bits[2];
        philox(key, step, (uint64_t)(first + i) / 4, bits);
        for (int half = 0; half < 2 && i + half * TN_LANES < count; half++) {
            int64_t at = i + half * TN_LANES;
            store_some(keep(bits[half], least, load_some(x + at, count - at), scales), y + at, count - at);
        }
    }
}

void TN_ISA(tn_dropout_mask)(const uint8_t *mask, float divisor, const float *x, float *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        float scaled = x[i] / divisor;
        y[i] = mask[i] ? scaled : 0.0f;
    }
}
