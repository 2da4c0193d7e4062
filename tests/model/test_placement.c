/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Placement of buffers by lifetime: nothing overlaps that meets in time, and not much more memory is used than the
 *  most that is needed at one time. */
#include "base/memory.h"
#include "base/random.h"
#include "model/placement.h"
#include "suite.h"

static bool meet(const tn_interval *a, const tn_interval *b)
{
    return a->bytes > 0 && b->bytes > 0 && a->first <= b->last && b->first <= a->last;
}

/* The most bytes needed at one time: no placement can do with less. */
static size_t least(const tn_interval *intervals, size_t count)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
        size_t sum = 0;
        for (size_t k = 0; k < count; k++)
            if (intervals[k].first <= intervals[i].first && intervals[i].first <= intervals[k].last)
                sum += intervals[k].bytes;
        most = sum > most ? sum : most;
    }
    return most;
}

static size_t place(tn_interval *intervals, size_t count)
{
    size_t total = 0;
    const tn_allocator allocator = tn_allocator_or_default(NULL);
    ck_ok(tn_place(&allocator, intervals, count, &total));
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++) {
            const tn_interval *a = &intervals[i], *b = &intervals[k];
            bool apart = a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset;
            ck_assert_msg(apart || !meet(a, b), "%zu and %zu overlap", i, k);
        }
    for (size_t i = 0; i < count; i++)
        ck_assert(intervals[i].bytes == 0 || intervals[i].offset + intervals[i].bytes <= total);
    return total;
}

/* Random lifetimes: at most a quarter above the bound, over many networks' worth of them. */
START_TEST(test_random)
{
    tn_interval intervals[60];
    for (int i = 0; i < 60; i++) {
        uint32_t r[4];
        tn_philox((uint64_t)_i, 0, (uint64_t)i, r);
        int64_t first = r[0] % 40;
        intervals[i] = (tn_interval){(size_t)(r[1] % 50) * 64, first, first + r[2] % 8, 0};
    }
    size_t bound = least(intervals, 60), total = place(intervals, 60);
    ck_assert_uint_ge(total, bound);
    ck_assert_uint_le(total, bound + bound / 4);
}
END_TEST

/* Prediction through equal layers needs two buffers, whatever the depth. */
START_TEST(test_ping_pong)
{
    tn_interval intervals[100];
    for (int i = 0; i < 100; i++)
        intervals[i] = (tn_interval){640, i, i + 1, 0};
    ck_assert_uint_eq(place(intervals, 100), 1280);
}
END_TEST

/* The order of first use would put a before c and leave no gap for b. */
START_TEST(test_gap)
{
    tn_interval intervals[4] = {{64, 0, 1, 0}, {128, 0, 5, 0}, {64, 2, 5, 0}, {0, 0, 9, 0}};
    ck_assert_uint_eq(place(intervals, 4), 192);
}
END_TEST

START_TEST(test_overflow)
{
    const tn_allocator allocator = tn_allocator_or_default(NULL);
    tn_interval intervals[3] = {{SIZE_MAX / 4, 0, 1, 0}, {SIZE_MAX / 4, 0, 1, 0}, {SIZE_MAX / 4, 1, 1, 0}};
    size_t total = 7;
    ck_fails(tn_place(&allocator, intervals, 3, &total), TN_ERR_OVERFLOW, "too large");
    ck_assert_uint_eq(total, 7);
}
END_TEST

TN_SUITE("placement", TN_LOOPED(test_random, 200), {test_ping_pong}, {test_gap}, {test_overflow})
