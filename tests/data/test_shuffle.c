/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The order of an epoch: a permutation, the same for the same seed and epoch, even over all permutations. The bounds
 *  are the expectation plus six standard deviations; the numbers are fixed, so these tests cannot fail by chance. */
#include "samples.h"

#include "data/shuffle.h"

#include <math.h>

#define COUNT 1000

static void expect_permutation(const int64_t *order, int64_t count)
{
    unsigned char *seen = calloc(1, (size_t)count + 1);
    for (int64_t i = 0; i < count; i++) {
        ck_assert(order[i] >= 0 && order[i] < count && !seen[order[i]]);
        seen[order[i]] = 1;
    }
    free(seen);
}

START_TEST(test_permutation)
{
    int64_t order[COUNT];
    for (int64_t count = 0; count <= COUNT; count += count < 20 ? 1 : 49) {
        tn_shuffle(17, 3, order, count);
        expect_permutation(order, count);
    }
}
END_TEST

START_TEST(test_depends_on_seed_and_epoch)
{
    /* (seed, epoch): close ones, and ones that a mere sum or exclusive or of the two would confuse */
    static const struct {
        uint64_t seed;
        int64_t epoch;
    } keys[] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}, {0, 2}, {2, 0}, {UINT64_MAX, 0}, {0, INT64_MAX}, {3, 2}, {2, 3}};
    static int64_t orders[10][COUNT], again[COUNT];
    for (int i = 0; i < 10; i++) {
        tn_shuffle(keys[i].seed, keys[i].epoch, orders[i], COUNT);
        tn_shuffle(keys[i].seed, keys[i].epoch, again, COUNT);
        ck_assert_mem_eq(orders[i], again, sizeof again);
        for (int k = 0; k < i; k++) {
            int same = 0;
            for (int j = 0; j < COUNT; j++)
                same += orders[i][j] == orders[k][j];
            ck_assert_int_lt(same, 8); /* 1 expected, variance 1 */
        }
    }
}
END_TEST

/* Chi-squared statistic of counts that should be equal. */
static double chi_squared(const int *counts, int cells, double expected)
{
    double sum = 0;
    for (int i = 0; i < cells; i++)
        sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    return sum;
}

START_TEST(test_every_permutation_is_as_likely)
{
    int counts[24] = {0};
    for (int64_t epoch = 0; epoch < 24000; epoch++) {
        int64_t o[4];
        tn_shuffle(1, epoch, o, 4);
        /* its number in the factorial system */
        int first = (int)o[0], second = (int)(o[1] - (o[1] > o[0]));
        counts[first * 6 + second * 2 + (o[2] > o[3])]++;
    }
    ck_assert_double_lt(chi_squared(counts, 24, 1000), 23 + 6 * sqrt(2 * 23));
    ck_assert_double_gt(chi_squared(counts, 24, 1000), 3); /* too even is not random either */
}
END_TEST

START_TEST(test_every_place_is_as_likely)
{
    int counts[16 * 16] = {0};
    for (uint64_t seed = 0; seed < 8000; seed++) {
        int64_t order[16];
        tn_shuffle(seed, 0, order, 16);
        for (int i = 0; i < 16; i++)
            counts[i * 16 + order[i]]++;
    }
    ck_assert_double_lt(chi_squared(counts, 256, 500), 15 * 15 + 6 * sqrt(2 * 15 * 15));
}
END_TEST

START_TEST(test_large)
{
    enum { LARGE = 60000 };
    static int64_t order[LARGE];
    double sum = 0, variance = ((double)LARGE * LARGE - 1) / 12, mean = (LARGE - 1) / 2.0;
    int fixed = 0, neighbours = 0;
    tn_shuffle(0, 0, order, LARGE);
    expect_permutation(order, LARGE);
    for (int i = 0; i < LARGE; i++) {
        sum += (i - mean) * ((double)order[i] - mean);
        fixed += order[i] == i;
        neighbours += i > 0 && order[i] == order[i - 1] + 1;
    }
    ck_assert_double_lt(fabs(sum / LARGE / variance), 5 / sqrt(LARGE)); /* correlation */
    ck_assert_int_lt(fixed, 8);                                         /* 1 expected, variance 1 */
    ck_assert_int_lt(neighbours, 8);
}
END_TEST

START_TEST(test_loader_uses_it)
{
    int64_t expected[COUNT];
    static int32_t order[COUNT];
    tn_loader *loader =
        loader_over(numbered(COUNT), (tn_loader_options){.batch_size = 64, .shuffle = true, .seed = 42});
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        ck_ok(tn_loader_start(loader, epoch, 0));
        ck_assert_int_eq(read_rest(loader, order), COUNT);
        tn_shuffle(42, epoch, expected, COUNT);
        for (int i = 0; i < COUNT; i++)
            ck_assert_int_eq(order[i], expected[i]);
    }
    tn_loader_destroy(&loader);
}
END_TEST

TN_SUITE("shuffle", {test_permutation}, {test_depends_on_seed_and_epoch}, {test_every_permutation_is_as_likely},
         {test_every_place_is_as_likely}, {test_large}, {test_loader_uses_it})
