/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The end of memory: behind it nothing can be read. Before this header, _DEFAULT_SOURCE has to be defined. */
#ifndef TESTS_KERNELS_END_OF_MEMORY_H
#define TESTS_KERNELS_END_OF_MEMORY_H

#include "suite.h"

#include <sys/mman.h>
#include <unistd.h>

/** The end of memory with room for so many floats before it. */
static inline float *end_of_memory(size_t floats)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = (floats * sizeof(float) + page - 1) / page * page;
    char *memory = mmap(NULL, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(memory != MAP_FAILED);
    ck_assert_int_eq(mprotect(memory + bytes, page, PROT_NONE), 0);
    return (float *)(void *)(memory + bytes);
}

#endif
