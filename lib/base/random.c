/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Philox4x32-10.
 *  Source    Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11; constants of their Random123 */
#include "base/random.h"

#include <math.h>

#define ROUNDS 10
#define MULTIPLIER_0 UINT64_C(0xD2511F53)
#define MULTIPLIER_1 UINT64_C(0xCD9E8D57)
#define WEYL_0 UINT32_C(0x9E3779B9) /* golden ratio */
#define WEYL_1 UINT32_C(0xBB67AE85) /* sqrt(3) - 1 */

void tn_philox(uint64_t key, uint64_t high, uint64_t low, uint32_t out[4])
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = (uint32_t)low, c1 = (uint32_t)(low >> 32), c2 = (uint32_t)high, c3 = (uint32_t)(high >> 32);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t p0 = MULTIPLIER_0 * c0, p1 = MULTIPLIER_1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

uint64_t tn_mix(uint64_t key, uint64_t word)
{
    uint32_t out[4];
    tn_philox(key, UINT64_C(0x746e5f6d6978), word, out); /* "tn_mix": a counter that no stream of numbers uses */
    return (uint64_t)out[1] << 32 | out[0];
}

/** low + u (high - low), below high also where the rounding would reach it. */
static float scale_uniform(float u, float low, float high)
{
    float value = (float)((double)low + (double)u * ((double)high - (double)low));
    return value < high || low >= high ? value : nextafterf(high, low);
}

void tn_random_uniform(uint64_t key, float low, float high, float *out, int64_t count)
{
    for (int64_t i = 0; i < count; i += 4) {
        uint32_t bits[4];
        tn_philox(key, 0, (uint64_t)i / 4, bits);
        for (int64_t lane = 0; lane < 4 && i + lane < count; lane++)
            out[i + lane] = scale_uniform(tn_uniform(bits[lane]), low, high);
    }
}
