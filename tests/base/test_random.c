/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Philox4x32-10 against the known answers of its authors' Random123 distribution (kat_vectors), and what is made of
 * it. */
#include "base/random.h"
#include "suite.h"

#include <math.h>

typedef struct known_answer {
    uint64_t key, high, low;
    uint32_t out[4];
} known_answer;

/* Counter words 0 and 1 are the low half, 2 and 3 the high one; key words likewise. */
static const known_answer answers[] = {
    {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

START_TEST(test_known_answers)
{
    uint32_t out[4];
    tn_philox(answers[_i].key, answers[_i].high, answers[_i].low, out);
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(out[i], answers[_i].out[i]);
}
END_TEST

START_TEST(test_uniform)
{
    enum { COUNT = 100003 };
    float *x = malloc(COUNT * sizeof *x);
    double sum = 0.0, squares = 0.0;
    tn_random_uniform(5, -2.0f, 3.0f, x, COUNT);
    for (int i = 0; i < COUNT; i++) {
        ck_assert(x[i] >= -2.0f && x[i] < 3.0f);
        sum += (double)x[i];
        squares += (double)x[i] * (double)x[i];
    }
    ck_assert(fabs(sum / COUNT - 0.5) < 0.03); /* six deviations */
    ck_assert(fabs(squares / COUNT - 0.25 - 25.0 / 12.0) < 0.05);
    free(x);
}
END_TEST

/* A range of one number, and one so narrow that rounding would reach its end. */
START_TEST(test_narrow_ranges)
{
    float x[1000];
    tn_random_uniform(3, 2.5f, 2.5f, x, 1000);
    for (int i = 0; i < 1000; i++)
        ck_assert(x[i] == 2.5f);
    tn_random_uniform(3, 1.0f, nextafterf(1.0f, 2.0f), x, 1000);
    for (int i = 0; i < 1000; i++)
        ck_assert(x[i] == 1.0f);
}
END_TEST

START_TEST(test_element_by_counter)
{
    float x[9];
    uint32_t four[4];
    tn_random_uniform(77, 0.0f, 1.0f, x, 9);
    for (uint64_t i = 0; i < 9; i++) {
        tn_philox(77, 0, i / 4, four);
        ck_assert(x[i] == tn_uniform(four[i % 4]));
    }
    ck_assert(tn_uniform(0) == 0.0f);
    ck_assert(tn_uniform(UINT32_MAX) < 1.0f);
}
END_TEST

START_TEST(test_mix)
{
    ck_assert_uint_eq(tn_mix(1, 2), tn_mix(1, 2));
    ck_assert_uint_ne(tn_mix(1, 2), tn_mix(2, 1));
    ck_assert_uint_ne(tn_mix(1, 2), tn_mix(1, 3));
    ck_assert_uint_ne(tn_mix(0, 0), 0);
}
END_TEST

TN_SUITE("random", TN_LOOPED(test_known_answers, 3), {test_uniform}, {test_narrow_ranges}, {test_element_by_counter},
         {test_mix})
