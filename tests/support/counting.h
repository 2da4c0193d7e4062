/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  An allocator that counts, remembers sizes, keeps the balance, and can fail at a chosen call, or from there on. */
#ifndef TESTS_SUPPORT_COUNTING_H
#define TESTS_SUPPORT_COUNTING_H

#include "suite.h"

#include <stdatomic.h>

enum { MOST_SIZES = 4096 };

typedef struct counting {
    atomic_long calls, live_bytes, live_blocks;
    long fail_at;  /* the call that gives NULL, from 1; 0: none */
    bool for_ever; /* those after it, too */
    size_t sizes[MOST_SIZES];
} counting;

/** Count a call; true if it is to fail. `number` tells which call it is. */
static inline bool counting_refuses(counting *c, long *number)
{
    *number = atomic_fetch_add(&c->calls, 1) + 1;
    return *number == c->fail_at || (c->for_ever && c->fail_at > 0 && *number > c->fail_at);
}

static inline void *counting_alloc(void *context, size_t size, size_t alignment)
{
    counting *c = context;
    long call;
    if (counting_refuses(c, &call))
        return NULL;
    if (call <= MOST_SIZES)
        c->sizes[call - 1] = size;
    void *pointer = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    memset(pointer, 0xff, size); /* NaN: what is read before it is written spoils the results */
    atomic_fetch_add(&c->live_bytes, (long)size);
    atomic_fetch_add(&c->live_blocks, 1);
    return pointer;
}

static inline void counting_release(void *context, void *pointer, size_t size)
{
    counting *c = context;
    memset(pointer, 0xff, size); /* what is used after that does, too */
    atomic_fetch_sub(&c->live_bytes, (long)size);
    atomic_fetch_sub(&c->live_blocks, 1);
    free(pointer);
}

static inline tn_allocator counting_allocator(counting *c)
{
    return (tn_allocator){counting_alloc, counting_release, c};
}

/** True if one of the calls up to now asked for exactly `size` bytes. */
static inline bool counting_saw(const counting *c, uint64_t size)
{
    for (long i = 0; i < atomic_load(&c->calls) && i < MOST_SIZES; i++)
        if (c->sizes[i] == size)
            return true;
    return false;
}

#endif
