/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Counter-based random numbers: a pure function of (key, counter), so that any thread can compute any element.
 *  Source    Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11: Philox4x32-10 */
#ifndef TN_BASE_RANDOM_H
#define TN_BASE_RANDOM_H

#include <stdint.h>

/** Four 32-bit numbers for a 64-bit key and a 128-bit counter (high, low). */
void tn_philox(uint64_t key, uint64_t high, uint64_t low, uint32_t out[4]);

/** Uniform in [0,1) with 24 bits from a 32-bit number. */
static inline float tn_uniform(uint32_t bits)
{
    return (float)(bits >> 8) * 0x1p-24f;
}

/** Mix a word into a key: derives the keys of layers, parameters and epochs from one seed. */
uint64_t tn_mix(uint64_t key, uint64_t word);

/** Fill count floats, uniform in [low, high), element i from tn_philox(key, 0, i / 4)[i % 4]. */
void tn_random_uniform(uint64_t key, float low, float high, float *out, int64_t count);

#endif
