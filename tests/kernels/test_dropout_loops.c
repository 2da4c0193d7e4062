/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Dropout: element by element what its definition by tn_philox says, for any key, step, rate, length, number of
 *  threads. */
#include "isa_suite.h"

#include "base/random.h"
#include "kernels/kernels.h"

enum { COUNT = 100003 };

static bool kept(uint64_t key, uint64_t step, float rate, int64_t i)
{
    uint32_t bits[4];
    tn_philox(key, step, (uint64_t)i / 4, bits);
    return tn_uniform(bits[i % 4]) >= rate;
}

START_TEST(test_definition)
{
    static const float rates[] = {0.5f, 0.1f, 0x1p-24f, 0.3f, 0.99999994f, 0.75f};
    const uint64_t key = UINT64_C(0x123456789abcdef0) * (uint64_t)(_i + 1), step = (uint64_t)_i << 33 | 5;
    float rate = rates[_i], *x = floats(COUNT), *y = floats(COUNT);
    draw d = {501};
    draw_reals(&d, 0.0, 1.0, x, COUNT);
    tn_dropout_random(NULL, key, step, rate, x, y, COUNT);
    for (int64_t i = 0; i < COUNT; i++)
        ck_each(y[i] == (kept(key, step, rate, i) ? x[i] * (1.0f / (1.0f - rate)) : 0.0f), "element %lld",
                (long long)i);
    for (int threads = 2; threads <= 3; threads++) {
        tn_pool *pool = pool_of(threads);
        float *shared = floats(COUNT);
        memcpy(shared, x, COUNT * sizeof *x);
        tn_dropout_random(pool, key, step, rate, shared, shared, COUNT);
        same_bits(y, shared, COUNT * sizeof *y, "in place, threads");
        free(shared);
        tn_pool_destroy(&pool);
    }
    free(x);
    free(y);
}
END_TEST

START_TEST(test_lengths)
{
    float x[80], whole[80], part[80];
    for (int i = 0; i < 80; i++)
        x[i] = (float)(i + 1);
    tn_dropout_random(NULL, 3, 4, 0.5f, x, whole, 80);
    for (int64_t n = 0; n <= 80; n++) {
        memcpy(part, x, sizeof x);
        tn_dropout_random(NULL, 3, 4, 0.5f, part, part, n);
        same_bits(part, whole, (size_t)n * sizeof *part, "part");
        same_bits(part + n, x + n, (size_t)(80 - n) * sizeof *part, "rest");
    }
}
END_TEST

/* What is dropped is zero, whatever it was. */
START_TEST(test_mask_and_nan)
{
    const uint8_t mask[] = {0, 1, 255, 0, 1};
    const float x[] = {NAN, 3.0f, NAN, INFINITY, -1.0f};
    float y[5];
    tn_dropout_mask(NULL, mask, 0.25f, x, y, 5);
    ck_assert(y[0] == 0.0f && y[1] == 3.0f / 0.75f && isnan(y[2]) && y[3] == 0.0f && y[4] == -1.0f / 0.75f);
    float *nans = floats(1000), *out = floats(1000);
    for (int i = 0; i < 1000; i++)
        nans[i] = NAN;
    tn_dropout_random(NULL, 9, 9, 0.5f, nans, out, 1000);
    for (int i = 0; i < 1000; i++)
        ck_assert(kept(9, 9, 0.5f, i) ? isnan(out[i]) : out[i] == 0.0f);
    free(nans);
    free(out);
}
END_TEST

static int64_t dropped(float rate, const float *x, float *y, int64_t count)
{
    int64_t zeros = 0;
    tn_dropout_random(NULL, 77, 12, rate, x, y, count);
    for (int64_t i = 0; i < count; i++)
        zeros += y[i] == 0.0f;
    return zeros;
}

/* A rate between two of the 2^24 numbers that are drawn drops all below it. In this step a million draws have the number
 * one once, and no zero. */
START_TEST(test_rate_between_numbers)
{
    const int64_t count = 1 << 20;
    float *x = floats(count), *y = floats(count);
    for (int64_t i = 0; i < count; i++)
        x[i] = 1.0f;
    ck_assert_int_eq(dropped(0x1p-24f, x, y, count), 0);
    ck_assert_int_eq(dropped(0x1p-23f, x, y, count), 1);
    ck_assert_int_eq(dropped(0x1.8p-24f, x, y, count), 1);
    free(x);
    free(y);
}
END_TEST

TN_ISA_SUITE("dropout_loops", TN_LOOPED(test_definition, 6), {test_rate_between_numbers}, {test_lengths}, {test_mask_and_nan})
