/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  An allocator that knows what is out, and refuses its call number `fail_at` (from 1) and those after it. */
#ifndef TESTS_TENSOR_LOANS_H
#define TESTS_TENSOR_LOANS_H

#include <stddef.h>
#include <stdlib.h>

typedef struct loans {
    size_t calls, fail_at;
    int out;
} loans;

static inline void *lend(void *context, size_t size, size_t alignment)
{
    loans *l = context;
    void *pointer = NULL;
    if (++l->calls >= l->fail_at || posix_memalign(&pointer, alignment, size) != 0)
        return NULL;
    l->out++;
    return pointer;
}

static inline void take_back(void *context, void *pointer, size_t size)
{
    loans *l = context;
    (void)size;
    l->out--;
    free(pointer);
}

#endif
