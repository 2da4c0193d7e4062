/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  Scratch that starts out as NaN, with a guard behind it that shows what is written past its end. */
#ifndef TESTS_KERNELS_GUARDED_H
#define TESTS_KERNELS_GUARDED_H

#include "suite.h"

enum { GUARD_USUAL = 1 << 16, GUARD_PATTERN = 0x5a };

typedef struct guarded {
    unsigned char *memory;
    size_t bytes, guard;
} guarded;

static inline guarded guard_with(size_t bytes, size_t guard)
{
    guarded g = {aligned_alloc(64, (bytes + guard + 63) / 64 * 64), bytes, guard};
    ck_assert_ptr_nonnull(g.memory);
    memset(g.memory, 0xff, bytes); /* NaN */
    memset(g.memory + bytes, GUARD_PATTERN, guard);
    return g;
}

static inline guarded guard(size_t bytes)
{
    return guard_with(bytes, GUARD_USUAL);
}

/** Look behind the scratch, and free it. */
static inline void check_guard(guarded *g)
{
    size_t intact = 0;
    while (intact < g->guard && g->memory[g->bytes + intact] == GUARD_PATTERN)
        intact++;
    ck_assert_msg(intact == g->guard, "byte %zu behind the scratch was written", intact);
    free(g->memory);
}

#endif
