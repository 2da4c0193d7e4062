/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Twelve chains of multiply-adds: with a latency of 4 cycles and two units, eight would do. The chains go to the fixed
 *  point c / (1 - b), so that no number ever becomes infinite or subnormal. */
#include "fma_peak.h"

#include <string.h>

enum { CHAINS = 12 };

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

__attribute__((target("avx512f"))) static float run_avx512(long rounds)
{
    __m512 a[CHAINS], b = _mm512_set1_ps(0.5f), c = _mm512_set1_ps(1.0f);
    for (int i = 0; i < CHAINS; i++)
        a[i] = _mm512_set1_ps((float)i);
    for (long r = 0; r < rounds; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            a[i] = _mm512_fmadd_ps(a[i], b, c);
    }
    for (int i = 1; i < CHAINS; i++)
        a[0] = _mm512_add_ps(a[0], a[i]);
    return _mm512_cvtss_f32(a[0]);
}

__attribute__((target("avx2,fma"))) static float run_avx2(long rounds)
{
    __m256 a[CHAINS], b = _mm256_set1_ps(0.5f), c = _mm256_set1_ps(1.0f);
    for (int i = 0; i < CHAINS; i++)
        a[i] = _mm256_set1_ps((float)i);
    for (long r = 0; r < rounds; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            a[i] = _mm256_fmadd_ps(a[i], b, c);
    }
    for (int i = 1; i < CHAINS; i++)
        a[0] = _mm256_add_ps(a[0], a[i]);
    return _mm256_cvtss_f32(a[0]);
}
#endif

/* What the compiler makes of plain C on its base instruction set. */
static float run_plain(long rounds)
{
    float a[4 * CHAINS], sum = 0.0f;
    for (int i = 0; i < 4 * CHAINS; i++)
        a[i] = (float)i;
    for (long r = 0; r < rounds; r++) {
        for (int i = 0; i < 4 * CHAINS; i++)
            a[i] = a[i] * 0.5f + 1.0f;
    }
    for (int i = 0; i < 4 * CHAINS; i++)
        sum += a[i];
    return sum;
}

double fma_peak_run(const char *isa, long rounds, float *sink)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (strcmp(isa, "avx512") == 0) {
        *sink = run_avx512(rounds);
        return 2.0 * 16 * CHAINS * (double)rounds;
    }
    if (strcmp(isa, "avx2") == 0) {
        *sink = run_avx2(rounds);
        return 2.0 * 8 * CHAINS * (double)rounds;
    }
#endif
    (void)isa;
    *sink = run_plain(rounds);
    return 2.0 * 4 * CHAINS * (double)rounds;
}
