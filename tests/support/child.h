/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The end of a forked child. */
#ifndef TESTS_SUPPORT_CHILD_H
#define TESTS_SUPPORT_CHILD_H

#include <unistd.h>

#ifdef TN_COVERAGE
void __gcov_dump(void);
#endif

/** Leave without what the parent has registered for its own end; what a coverage build has counted is kept. */
static inline _Noreturn void child_leave(int status)
{
#ifdef TN_COVERAGE
    __gcov_dump();
#endif
    _exit(status);
}

#endif
