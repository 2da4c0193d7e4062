/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Vectors of TN_LANES floats for files that are built once for each instruction set.
 *
 *  Nothing but add_product fuses additions and multiplications, and sums run in TN_SUM_LANES interleaved parts: files that
 *  do not use add_product give the same bits on every instruction set. */
#ifndef TN_ISA_SIMD_H
#define TN_ISA_SIMD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX2__) || defined(__FMA__)
#include <immintrin.h>
#elif defined(__ARM_FEATURE_FMA) && defined(__ARM_NEON)
#include <arm_neon.h>
#endif

/* gcc's analyzer (12) takes the lanes of a vector for the bits of its elements, and calls shifts by 23 too large. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#pragma GCC diagnostic ignored "-Wanalyzer-shift-count-overflow"
#endif

#ifndef TN_LANES
#define TN_LANES 4
#define TN_ISA_SUFFIX generic
#endif

#define TN_JOIN_(a, b) a##_##b
#define TN_JOIN(a, b) TN_JOIN_(a, b)
/** `name` with the instruction set behind it. */
#define TN_ISA(name) TN_JOIN(name, TN_ISA_SUFFIX)

/* What is inlined with constants has no choice left there; branches of the source are counted once each, so nothing is
 * inlined then. */
#ifdef TN_COVERAGE
#define ALWAYS_INLINE static __attribute__((unused))
#else
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#endif

/** Before a loop with few and constant turns, to keep its vectors in registers. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TN_CHECKED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define TN_CHECKED
#endif
#if defined(TN_CHECKED)
#define UNROLL /* every access is checked: compiling that takes minutes */
#elif defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/** For functions whose arguments are constants, with a copy for each of them. Where every access is checked, that would
 *  take minutes to compile: all calls share one. */
#if defined(TN_CHECKED) && defined(__clang__)
#define INLINE_CONSTANTS static __attribute__((noinline))
#elif defined(TN_CHECKED)
#define INLINE_CONSTANTS static __attribute__((noinline, noclone))
#else
#define INLINE_CONSTANTS ALWAYS_INLINE
#endif

typedef float vec __attribute__((vector_size(4 * TN_LANES)));
typedef int32_t ivec __attribute__((vector_size(4 * TN_LANES)));
typedef uint32_t uvec __attribute__((vector_size(4 * TN_LANES)));
typedef uint8_t bytes __attribute__((vector_size(TN_LANES)));
typedef uint16_t halves __attribute__((vector_size(2 * TN_LANES)));

ALWAYS_INLINE vec load(const float *from)
{
    vec v;
    memcpy(&v, from, sizeof v);
    return v;
}

ALWAYS_INLINE void store(vec v, float *to)
{
    memcpy(to, &v, sizeof v);
}

/** Past the caches; aligned. */
ALWAYS_INLINE void store_past(vec v, float *to)
{
#if TN_LANES == 16
    _mm512_stream_ps(to, (__m512)v);
#elif TN_LANES == 8
    _mm256_stream_ps(to, (__m256)v);
#else
    store(v, to);
#endif
}

/** Such stores keep no order by themselves: all before this are seen before all after it. */
ALWAYS_INLINE void order_past(void)
{
#if TN_LANES > 4
    _mm_sfence();
#endif
}

ALWAYS_INLINE vec splat(float value)
{
    return value - (vec){0};
}

ALWAYS_INLINE ivec splat_int(int32_t value)
{
    return value - (ivec){0};
}

/** sum + a b, rounded once on x86 and ARM where they can. Said, and not left to the compiler, which would choose by what
 *  stands near, and differently in each build. */
ALWAYS_INLINE vec add_product(vec sum, vec a, vec b)
{
#if TN_LANES == 16
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)sum);
#elif TN_LANES == 8
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)sum);
#elif defined(__FMA__)
    return (vec)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)sum);
#elif defined(__ARM_FEATURE_FMA) && defined(__ARM_NEON)
    return (vec)vfmaq_f32((float32x4_t)sum, (float32x4_t)a, (float32x4_t)b);
#else
    return sum + a * b;
#endif
}

/** mask ? a : b, mask from a comparison. */
ALWAYS_INLINE vec select_vec(ivec mask, vec a, vec b)
{
    return (vec)(((ivec)a & mask) | ((ivec)b & ~mask));
}

/** x < low ? low : x; NaN stays. */
ALWAYS_INLINE vec at_least(vec x, vec low)
{
#if TN_LANES == 16
    return (vec)_mm512_max_ps((__m512)low, (__m512)x); /* the second operand where one is NaN */
#elif TN_LANES == 8
    return (vec)_mm256_max_ps((__m256)low, (__m256)x);
#else
    return select_vec(x < low, low, x);
#endif
}

/** x > high ? high : x; NaN stays. */
ALWAYS_INLINE vec at_most(vec x, vec high)
{
#if TN_LANES == 16
    return (vec)_mm512_min_ps((__m512)high, (__m512)x);
#elif TN_LANES == 8
    return (vec)_mm256_min_ps((__m256)high, (__m256)x);
#else
    return select_vec(x > high, high, x);
#endif
}

/** Which lanes: what a comparison of the instruction set gives. */
#if TN_LANES == 16
typedef __mmask16 lane_mask;
#else
typedef ivec lane_mask;
#endif

/** Lanes where v is larger than best; not where one of them is NaN. */
ALWAYS_INLINE lane_mask exceeds(vec v, vec best)
{
#if TN_LANES == 16
    return _mm512_cmp_ps_mask((__m512)v, (__m512)best, _CMP_GT_OQ);
#else
    return v > best;
#endif
}

ALWAYS_INLINE lane_mask is_nan(vec v)
{
#if TN_LANES == 16
    return _mm512_cmp_ps_mask((__m512)v, (__m512)v, _CMP_UNORD_Q);
#else
    return v != v; /* NOLINT(misc-redundant-expression): true for NaN alone */
#endif
}

ALWAYS_INLINE bool any_nan(vec v)
{
#if TN_LANES == 16
    return is_nan(v) != 0;
#elif TN_LANES == 8
    return _mm256_movemask_ps((__m256)is_nan(v)) != 0;
#else
    ivec nan = is_nan(v);
    return (nan[0] | nan[1] | nan[2] | nan[3]) != 0;
#endif
}

ALWAYS_INLINE lane_mask equal_int(ivec a, ivec b)
{
#if TN_LANES == 16
    return _mm512_cmpeq_epi32_mask((__m512i)a, (__m512i)b);
#else
    return a == b;
#endif
}

ALWAYS_INLINE vec blend(lane_mask mask, vec a, vec b)
{
#if TN_LANES == 16
    return (vec)_mm512_mask_mov_ps((__m512)b, mask, (__m512)a);
#else
    return select_vec(mask, a, b);
#endif
}

ALWAYS_INLINE ivec blend_int(lane_mask mask, ivec a, ivec b)
{
#if TN_LANES == 16
    return (ivec)_mm512_mask_mov_epi32((__m512i)b, mask, (__m512i)a);
#else
    return (a & mask) | (b & ~mask);
#endif
}

/** The first `count` lanes from memory, 0 < count < TN_LANES; the others are zero. */
ALWAYS_INLINE vec load_part(const float *from, int64_t count)
{
#if TN_LANES == 16
    return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
#elif TN_LANES == 8
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return (vec)_mm256_maskload_ps(from, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lanes));
#else
    vec v = {0};
    for (int64_t i = 0; i < count; i++)
        v[i] = from[i];
    return v;
#endif
}

ALWAYS_INLINE void store_part(vec v, float *to, int64_t count)
{
#if TN_LANES == 16
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), (__m512)v);
#elif TN_LANES == 8
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_maskstore_ps(to, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lanes), (__m256)v);
#else
    for (int64_t i = 0; i < count; i++)
        to[i] = v[i];
#endif
}

/** `count` lanes, up to all of them. */
ALWAYS_INLINE vec load_some(const float *from, int64_t count)
{
    return count >= TN_LANES ? load(from) : load_part(from, count);
}

ALWAYS_INLINE void store_some(vec v, float *to, int64_t count)
{
    if (count >= TN_LANES)
        store(v, to);
    else
        store_part(v, to, count);
}

/** Sums run in this many interleaved parts. */
#define TN_SUM_LANES 16

typedef struct sum_lanes {
    vec part[TN_SUM_LANES / TN_LANES];
} sum_lanes;

/** Add part i to part i + half, for half = 8, 4, 2, 1: the same tree on every instruction set. */
ALWAYS_INLINE float total_of(const sum_lanes *sums)
{
    float all[TN_SUM_LANES];
    memcpy(all, sums, sizeof all);
    UNROLL
    for (int half = TN_SUM_LANES / 2; half > 0; half /= 2) {
        UNROLL
        for (int i = 0; i < half; i++)
            all[i] += all[i + half];
    }
    return all[0];
}

#endif
