/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Fisher-Yates from the counter-based generator: exchange i takes 64 bits of counter i / 2. A multiplication brings
 *  them into [0, i]; what that prefers one place over another is below count / 2^64. */
#include "data/shuffle.h"

#include "base/random.h"

#define SHUFFLE_WORD UINT64_C(0x73687566666c65) /* "shuffle": no other use of the seed has this key */

__extension__ typedef unsigned __int128 wide;

/* A number in [0, bound) from 64 random bits.
 * Source    Lemire, "Fast random integer generation in an interval", ACM TOMACS 29 (2019) */
static int64_t below(uint32_t high, uint32_t low, int64_t bound)
{
    uint64_t bits = (uint64_t)high << 32 | low;
    return (int64_t)((wide)bits * (uint64_t)bound >> 64);
}

void tn_shuffle(uint64_t seed, int64_t epoch, int64_t *order, int64_t count)
{
    uint64_t key = tn_mix(tn_mix(seed, SHUFFLE_WORD), (uint64_t)epoch);
    uint32_t bits[4];
    for (int64_t i = 0; i < count; i++)
        order[i] = i;
    for (int64_t i = count - 1, draw = 0; i > 0; i--, draw++) {
        int half = (int)(draw % 2) * 2;
        if (half == 0)
            tn_philox(key, 0, (uint64_t)draw / 2, bits);
        int64_t other = below(bits[half], bits[half + 1], i + 1), moved = order[i];
        order[i] = order[other];
        order[other] = moved;
    }
}
