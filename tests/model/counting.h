/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  An allocator that counts, remembers sizes, checks that what comes back is what went out, and can fail at a chosen
 *  call. */
#ifndef TESTS_MODEL_COUNTING_H
#define TESTS_MODEL_COUNTING_H

#include "suite.h"

#include <stdatomic.h>

enum { MOST_SIZES = 4096 };

typedef struct counting {
    atomic_long calls, live_bytes, live_blocks;
    long fail_at; /* the call that gives NULL, from 1; 0: none */
    size_t sizes[MOST_SIZES];
} counting;

static inline void *counting_alloc(void *context, size_t size, size_t alignment)
{
    counting *c = context;
    long call = atomic_fetch_add(&c->calls, 1) + 1;
    if (call == c->fail_at)
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
